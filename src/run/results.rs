//! What has been measured so far.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    property::{Cases, CasesRecord},
    seed::digest,
};
use crate::papers::leaf::Measurement;

/// Replicates of one experiment under fixed settings and fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Slug of the paper.
    pub paper: String,
    /// Name of the experiment.
    pub experiment: String,
    /// Complete, normalised settings.
    pub settings: Value,
    /// The fault, if any.
    pub fault: Option<String>,
}

impl Sample {
    /// Digest that identifies the sample.
    #[must_use]
    pub fn key(&self) -> String {
        digest(&json!([self.paper, self.experiment, self.settings, self.fault]))
    }
}

/// Something to be measured.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// The first `replicates` replicates of a sample.
    Replicates {
        /// The sample.
        sample: Sample,
        /// How many replicates, counted from the first.
        replicates: u64,
    },
    /// The cases of a property.
    Cases(Cases),
}

/// Measurements by what they are of. A breakdown is kept as the message that describes it.
#[derive(Debug, Default)]
pub struct Results {
    replicates: BTreeMap<String, Vec<Result<Measurement, String>>>,
    cases: BTreeMap<String, Result<CasesRecord, String>>,
}

impl Results {
    /// The first `count` replicates of a sample; `None` if fewer have been measured.
    ///
    /// # Errors
    /// The message of the first replicate that broke down.
    #[must_use]
    pub fn replicates(&self, sample: &Sample, count: u64) -> Option<Result<Vec<&Measurement>, &str>> {
        let measured = self.replicates.get(&sample.key())?;
        let first = measured.get(..usize::try_from(count).ok()?)?;
        Some(first.iter().map(|r| r.as_ref().map_err(String::as_str)).collect())
    }

    /// The record of a property's cases; `None` if not measured.
    ///
    /// # Errors
    /// The message of the breakdown.
    #[must_use]
    pub fn cases(&self, cases: &Cases) -> Option<Result<&CasesRecord, &str>> {
        self.cases.get(&cases.key()).map(|r| r.as_ref().map_err(String::as_str))
    }

    pub(super) fn measured(&self, sample_key: &str) -> u64 {
        self.replicates.get(sample_key).map_or(0, |r| r.len() as u64)
    }

    pub(super) fn extend(&mut self, sample_key: String, more: Vec<Result<Measurement, String>>) {
        self.replicates.entry(sample_key).or_default().extend(more);
    }

    pub(super) fn has_cases(&self, key: &str) -> bool {
        self.cases.contains_key(key)
    }

    pub(super) fn insert(&mut self, key: String, record: Result<CasesRecord, String>) {
        self.cases.insert(key, record);
    }
}
