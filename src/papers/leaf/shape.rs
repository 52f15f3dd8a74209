//! Shapes of what comes from outside: lists whose lengths belong together.
//!
//! A schema limits each list by itself. That one has as many entries as another, no schema can say; a leaf
//! says it here, before it computes with them.

use super::Failure;

/// A number, or lists of lists of numbers.
pub trait Shaped {
    /// Whether this is lists of these lengths, the outermost first, down to single entries.
    fn has_shape(&self, lengths: &[usize]) -> bool;
}

impl<T: Shaped> Shaped for Vec<T> {
    fn has_shape(&self, lengths: &[usize]) -> bool {
        let Some((length, inner)) = lengths.split_first() else { return false };
        self.len() == *length && self.iter().all(|one| one.has_shape(inner))
    }
}

macro_rules! entries {
    ($($entry:ty),*) => {
        $(impl Shaped for $entry {
            fn has_shape(&self, lengths: &[usize]) -> bool {
                lengths.is_empty()
            }
        })*
    };
}

entries!(bool, f64, i8, i32, u8, u32, u64, usize);

/// Refuses lists that have not these lengths, none of which may be zero.
///
/// # Errors
/// [`Failure::Invalid`], with the name and the shape that is expected.
pub fn hold(name: &str, lists: &impl Shaped, lengths: &[usize]) -> Result<(), Failure> {
    if !lengths.contains(&0) && lists.has_shape(lengths) {
        return Ok(());
    }
    let wanted: Vec<String> = lengths.iter().map(|length| length.max(&1).to_string()).collect();
    Err(Failure::invalid(format!("`{name}` must have {} entries", wanted.join(" × "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_lengths_that_are_asked_for_at_every_depth() {
        let table = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]];
        assert_eq!(hold("table", &table, &[2, 3]), Ok(()));
        let ragged = vec![vec![1.0, 2.0, 3.0], vec![4.0, 5.0]];
        for (wrong, lengths) in [(&table, [3, 2]), (&table, [2, 2]), (&ragged, [2, 3])] {
            let told = hold("table", wrong, &lengths).unwrap_err().to_string();
            assert_eq!(told, format!("`table` must have {} × {} entries", lengths[0], lengths[1]));
        }
        assert!(!table.has_shape(&[2]) && !table.has_shape(&[2, 3, 1]));
    }

    #[test]
    fn what_has_no_entries_is_refused() {
        let told = hold("row", &Vec::<u8>::new(), &[0]).unwrap_err().to_string();
        assert_eq!(told, "`row` must have 1 entries");
    }
}
