//! Pieces of work, and which of them are being done.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use super::{
    memory,
    property::{Cases, CasesRecord},
    results::Sample,
};
use crate::papers::leaf::Measurement;

/// A piece of work.
#[derive(Clone)]
pub enum Work {
    Replicates { key: String, sample: Sample, from: u64, to: u64 },
    Cases(Cases),
}

impl Work {
    /// What is measured, in short.
    pub fn subject(&self) -> String {
        match self {
            Self::Replicates { sample, .. } => format!("{}/{}", sample.paper, sample.experiment),
            Self::Cases(cases) => format!("{}/{}", cases.paper, cases.property),
        }
    }

    /// What is measured, in full.
    pub fn described(&self) -> String {
        match self {
            Self::Replicates { sample, from, to, .. } => {
                format!("{}, replicates {from} to {}", memory::described(sample), to - 1)
            }
            Self::Cases(cases) => memory::described_cases(cases),
        }
    }

    /// The piece, broken down.
    pub fn broken(&self, message: &str) -> Done {
        match self {
            Self::Replicates { from, to, .. } => {
                Done::Replicates((*from..*to).map(|_| Err(message.to_owned())).collect())
            }
            Self::Cases(_) => Done::Cases(Err(message.to_owned())),
        }
    }
}

/// What came of a piece.
pub enum Done {
    Replicates(Vec<Result<Measurement, String>>),
    Cases(Result<CasesRecord, String>),
}

/// The pieces that are being done at the moment, for whoever has to say so. A piece that was abandoned
/// after its time-out is still being done.
#[derive(Clone, Default)]
pub struct Running(Arc<Mutex<Pieces>>);

#[derive(Default)]
struct Pieces {
    begun: u64,
    running: BTreeMap<u64, Work>,
}

impl Running {
    /// What each of them measures, in full, the oldest first.
    #[must_use]
    pub fn described(&self) -> Vec<String> {
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.running.values().map(Work::described).collect()
    }

    /// A piece begins; its number.
    pub(super) fn begin(&self, piece: &Work) -> u64 {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.begun += 1;
        let number = pieces.begun;
        pieces.running.insert(number, piece.clone());
        number
    }

    /// The piece of this number has ended.
    pub(super) fn end(&self, number: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).running.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_that_is_being_done_is_told_the_oldest_first() {
        let piece = |property: &str| {
            let (paper, property, claim) = ("toy".to_owned(), property.to_owned(), "toy.1".to_owned());
            Work::Cases(Cases { paper, property, claim, fault: None, cases: 1, require: Vec::new() })
        };
        let running = Running::default();
        let first = running.begin(&piece("one"));
        running.begin(&piece("another"));
        let told = ["the cases of toy/one for toy.1", "the cases of toy/another for toy.1"];
        assert_eq!(running.described(), told);
        running.end(first);
        assert_eq!(running.described(), told[1..]);
    }
}
