//! What has been measured so far.

use std::collections::{BTreeMap, BTreeSet};

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
        /// Whether their curves are wanted too.
        series: bool,
    },
    /// The cases of a property.
    Cases(Cases),
}

impl Request {
    /// Digest that identifies what is measured, however much of it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Replicates { sample, .. } => sample.key(),
            Self::Cases(cases) => cases.key(),
        }
    }

    /// How much is measured: replicates or cases.
    #[must_use]
    pub fn amount(&self) -> u64 {
        match self {
            Self::Replicates { replicates, .. } => *replicates,
            Self::Cases(cases) => cases.cases,
        }
    }
}

/// Measurements by what they are of. A breakdown is kept as the message that describes it.
#[derive(Debug, Default)]
pub struct Results {
    replicates: BTreeMap<String, BTreeMap<u64, Result<Measurement, String>>>,
    /// Samples some of whose replicates came without their curves.
    without_series: BTreeSet<String>,
    cases: BTreeMap<String, Result<CasesRecord, String>>,
}

impl Results {
    /// The first `count` replicates of a sample; `None` if not all of them have been measured.
    ///
    /// # Errors
    /// The message of the first replicate that broke down.
    #[must_use]
    pub fn replicates(&self, sample: &Sample, count: u64) -> Option<Result<Vec<&Measurement>, &str>> {
        let first = || self.replicates.get(&sample.key()).into_iter().flat_map(|all| all.range(..count));
        (first().count() as u64 == count)
            .then(|| first().map(|(_, r)| r.as_ref().map_err(String::as_str)).collect())
    }

    /// The record of a property's cases; `None` if not measured.
    ///
    /// # Errors
    /// The message of the breakdown.
    #[must_use]
    pub fn cases(&self, cases: &Cases) -> Option<Result<&CasesRecord, &str>> {
        self.cases.get(&cases.key()).map(|r| r.as_ref().map_err(String::as_str))
    }

    /// Whether what is remembered of a sample has been entered, with its curves if they are wanted.
    pub(super) fn knows(&self, sample_key: &str, series: bool) -> bool {
        self.replicates.contains_key(sample_key) && !(series && self.without_series.contains(sample_key))
    }

    /// Enters what is remembered of a sample, in the place of everything that was entered before.
    pub(super) fn recall(
        &mut self,
        sample_key: String,
        series: bool,
        remembered: impl IntoIterator<Item = (u64, Measurement)>,
    ) {
        if series {
            self.without_series.remove(&sample_key);
        } else {
            self.without_series.insert(sample_key.clone());
        }
        self.replicates.insert(sample_key, remembered.into_iter().map(|(r, m)| (r, Ok(m))).collect());
    }

    pub(super) fn has_replicate(&self, sample_key: &str, replicate: u64) -> bool {
        self.replicates.get(sample_key).is_some_and(|all| all.contains_key(&replicate))
    }

    pub(super) fn enter(
        &mut self,
        sample_key: String,
        replicates: impl IntoIterator<Item = (u64, Result<Measurement, String>)>,
    ) {
        self.replicates.entry(sample_key).or_default().extend(replicates);
    }

    pub(super) fn has_cases(&self, key: &str) -> bool {
        self.cases.contains_key(key)
    }

    pub(super) fn insert(&mut self, key: String, record: Result<CasesRecord, String>) {
        self.cases.insert(key, record);
    }
}
