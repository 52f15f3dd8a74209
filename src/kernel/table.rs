//! Tables with named columns, read from comma-separated text.

/// A table: a header and rows of text fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TableError {
    /// The text is no rectangle of comma-separated fields with a header.
    #[error("not a table: {0}")]
    Malformed(String),
    /// There is no such column.
    #[error("no column `{column}`; there are: {known}")]
    NoColumn {
        /// The column asked for.
        column: String,
        /// The columns there are.
        known: String,
    },
    /// A field of a numeric column is no finite number.
    #[error("line {line}, column `{column}`: expected a finite number, found `{found}`")]
    NotANumber {
        /// Line in the file, the header being line 1.
        line: usize,
        /// Name of the column.
        column: String,
        /// The field.
        found: String,
    },
}

impl Table {
    /// Reads comma-separated text with a header line.
    ///
    /// # Errors
    /// [`TableError::Malformed`] with the line if rows differ in length or the text is not UTF-8.
    pub fn read(text: &[u8]) -> Result<Self, TableError> {
        let malformed = |e: csv::Error| TableError::Malformed(e.to_string());
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        let rows = reader
            .records()
            .map(|record| Ok(record.map_err(malformed)?.iter().map(str::to_owned).collect()))
            .collect::<Result<_, TableError>>()?;
        Ok(Self { header, rows })
    }

    /// Number of rows, the header not counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// Every field in order, the header first: what the table is, and nothing else.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.header.iter().chain(self.rows.iter().flatten()).map(String::as_str)
    }

    /// A column as text.
    ///
    /// # Errors
    /// [`TableError::NoColumn`].
    pub fn text(&self, column: &str) -> Result<Vec<&str>, TableError> {
        let index = self.header.iter().position(|h| h == column).ok_or_else(|| TableError::NoColumn {
            column: column.to_owned(),
            known: self.header.join(", "),
        })?;
        Ok(self.rows.iter().map(|row| row[index].as_str()).collect())
    }

    /// A column as numbers.
    ///
    /// # Errors
    /// [`TableError::NoColumn`] and [`TableError::NotANumber`].
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>, TableError> {
        self.text(column)?
            .into_iter()
            .enumerate()
            .map(|(row, field)| {
                field.parse().ok().filter(|v: &f64| v.is_finite()).ok_or_else(|| TableError::NotANumber {
                    line: row + 2,
                    column: column.to_owned(),
                    found: field.to_owned(),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_bad_fields_by_line() {
        let table = Table::read(b"a,b\n1,x\n2.5,y\n").unwrap();
        assert_eq!(table.numbers("a").unwrap(), [1.0, 2.5]);
        assert_eq!(table.text("b").unwrap(), ["x", "y"]);
        assert!(matches!(table.numbers("b"), Err(TableError::NotANumber { line: 2, .. })));
        assert!(matches!(table.numbers("c"), Err(TableError::NoColumn { .. })));
        assert!(matches!(Table::read(b"a,b\n1\n"), Err(TableError::Malformed(_))));
    }
}
