//! A record as a line of text: whole, or recognisably not.
//!
//! ```text
//! <version> <checksum> <unit> <from> <payload>
//! ```
//!
//! The checksum is 128 bits of BLAKE3 over everything else of the line, so a line that was cut,
//! damaged or put together from two is never taken for a record, and a payload cannot change its
//! unit unnoticed. Version and checksum stand in front in every version, so that a record of
//! another version can be told from a damaged one. A line that cannot be read costs itself alone:
//! reading resumes after the next line feed.

use super::digest;

/// Version of the records that are written.
pub const VERSION: u32 = 1;

/// Something that was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Digest of everything that the measurement depends on.
    pub unit: String,
    /// Where in the unit the payload begins: the number of its first replicate.
    pub from: u64,
    /// What was measured: JSON on one line.
    pub payload: String,
}

/// What a line holds instead of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is not what was once written.
    Damaged,
    /// It is whole, but of another version of this format.
    Foreign,
}

impl Record {
    /// The line of the record, line feed included.
    #[must_use]
    pub fn encode(&self) -> String {
        let body = format!("{} {} {}", self.unit, self.from, self.payload);
        format!("{VERSION} {} {body}\n", checksum(&VERSION.to_string(), &body))
    }

    /// The record of a line, without its line feed.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub fn decode(line: &[u8]) -> Result<Self, Flaw> {
        let whole = || {
            let (version, rest) = std::str::from_utf8(line).ok()?.split_once(' ')?;
            let (sum, body) = rest.split_once(' ')?;
            (checksum(version, body) == sum).then_some((version, body))
        };
        let (version, body) = whole().ok_or(Flaw::Damaged)?;
        if version != VERSION.to_string() {
            return Err(Flaw::Foreign);
        }
        let parts = || {
            let (unit, rest) = body.split_once(' ')?;
            let (from, payload) = rest.split_once(' ')?;
            Some(Self { unit: unit.into(), from: from.parse().ok()?, payload: payload.into() })
        };
        parts().ok_or(Flaw::Damaged)
    }
}

fn checksum(version: &str, body: &str) -> String {
    digest(format!("{version} {body}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record { unit: digest(b"unit"), from: 5, payload: r#"[{"metrics":[["a",0.1]]}]"#.into() }
    }

    #[test]
    fn a_record_survives_its_line() {
        let line = record().encode();
        assert_eq!(Record::decode(line.trim_end().as_bytes()), Ok(record()));
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_damage() {
        let line = record().encode().into_bytes();
        let line = &line[..line.len() - 1];
        for at in 0..line.len() {
            assert_eq!(Record::decode(&line[..at]), Err(Flaw::Damaged), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = line.to_vec();
                flipped[at] ^= 1 << bit;
                assert_eq!(Record::decode(&flipped), Err(Flaw::Damaged), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_payload_cannot_change_its_unit() {
        let other = Record { unit: digest(b"other"), ..record() }.encode();
        let swapped = record().encode().replace(&digest(b"unit"), &digest(b"other"));
        assert_ne!(swapped, other);
        assert_eq!(Record::decode(swapped.trim_end().as_bytes()), Err(Flaw::Damaged));
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let line = format!("2 {} anything at all", checksum("2", "anything at all"));
        assert_eq!(Record::decode(line.as_bytes()), Err(Flaw::Foreign));
    }
}
