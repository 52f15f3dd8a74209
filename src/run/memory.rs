//! What was measured before, and where it is kept.
//!
//! The unit of a record is a digest of all that a measurement depends on: the request, the root
//! seed, the sources (kernel, leaf, lock file, compiler: see `build.rs`) and the data of the paper.
//! What comes back is held to what was asked for, as if it had just been measured. A breakdown is
//! never kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    property::{Cases, CasesRecord},
    results::Sample,
    seed::digest,
};
use crate::{
    papers::leaf::{Data, Experiment, Measurement, Paper, Series},
    store::{Notice, Record, Store},
};

/// Slug of each leaf, and a digest of the sources that its measurements depend on.
const FINGERPRINTS: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/fingerprints.rs"));

/// Characters of a fingerprint in the name of a shelf.
const SHELF_DIGITS: usize = 16;

/// A replicate without its curves, which are long, and asked for by pictures alone.
#[derive(PartialEq, Serialize, Deserialize)]
struct Numbers {
    metrics: Vec<(String, f64)>,
    #[serde(default, skip_serializing_if = "is_zero")]
    series: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// A store, and for each paper the fingerprint under which its records stand there.
pub struct Memory {
    store: Store,
    fingerprints: BTreeMap<String, String>,
}

impl Memory {
    /// The memory in this store. Papers without a fingerprint are not remembered.
    #[must_use]
    pub fn new(store: Store, fingerprints: BTreeMap<String, String>) -> Self {
        Self { store, fingerprints }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The fingerprint of a paper's sources and data.
    #[must_use]
    pub fn fingerprint(&self, paper: &str) -> Option<&str> {
        self.fingerprints.get(paper).map(String::as_str)
    }

    /// The shelves on which its records stand.
    #[must_use]
    pub fn shelves(&self) -> BTreeSet<String> {
        self.fingerprints.iter().map(|(paper, fingerprint)| shelf(paper, fingerprint)).collect()
    }

    /// Every replicate that is known of a sample, by its number; without its curves, unless they are
    /// wanted.
    #[must_use]
    pub fn replicates(
        &self,
        root_seed: u64,
        sample: &Sample,
        experiment: &Experiment,
        series: bool,
    ) -> BTreeMap<u64, Measurement> {
        self.recalled(root_seed, sample, experiment, series).unwrap_or_default()
    }

    fn recalled(
        &self,
        root_seed: u64,
        sample: &Sample,
        experiment: &Experiment,
        series: bool,
    ) -> Option<BTreeMap<u64, Measurement>> {
        let what = || described(sample);
        let key = sample.key();
        let numbers: BTreeMap<u64, Numbers> = self.parts(&sample.paper, &key, root_seed, &what)?;
        let mut curves: BTreeMap<u64, Vec<Series>> = if series {
            self.parts(&sample.paper, &curves_of(&key), root_seed, &what)?
        } else {
            BTreeMap::new()
        };
        let mut known = BTreeMap::new();
        for (replicate, Numbers { metrics, series: drawn }) in numbers {
            let series = if series && drawn > 0 {
                // Without its curves, the replicate is not known.
                let Some(curves) = curves.remove(&replicate) else { continue };
                curves
            } else {
                Vec::new()
            };
            let measurement = Measurement { metrics, series };
            match measurement.conform(experiment.metrics) {
                Ok(()) => {
                    known.insert(replicate, measurement);
                }
                Err(why) => self.store.tell(Notice::Unfit { what: what(), why }),
            }
        }
        Some(known)
    }

    /// What the records of a unit hold for each replicate; nothing if two of them differ.
    fn parts<T: DeserializeOwned + PartialEq>(
        &self,
        paper: &str,
        key: &str,
        root_seed: u64,
        what: &dyn Fn() -> String,
    ) -> Option<BTreeMap<u64, T>> {
        let (shelf, unit) = self.address(paper, key, root_seed)?;
        let mut parts = BTreeMap::new();
        for (from, payload) in self.store.get(&shelf, &unit) {
            for (replicate, part) in (from..).zip(self.read::<Vec<T>>(&payload, what).into_iter().flatten()) {
                if parts.get(&replicate).is_some_and(|other| *other != part) {
                    self.store.tell(Notice::Disagreement { what: what() });
                    return None;
                }
                parts.insert(replicate, part);
            }
        }
        Some(parts)
    }

    /// Keeps consecutive replicates of a sample.
    pub(super) fn keep_replicates(
        &self,
        root_seed: u64,
        sample: &Sample,
        from: u64,
        measured: &[&Measurement],
    ) {
        let what = || described(sample);
        let key = sample.key();
        // Curves first: where there are numbers, there are curves.
        if measured.iter().any(|m| !m.series.is_empty()) {
            let curves: Vec<&Vec<Series>> = measured.iter().map(|m| &m.series).collect();
            self.keep(&sample.paper, &curves_of(&key), root_seed, from, &curves, &what);
        }
        let numbers: Vec<Numbers> =
            measured.iter().map(|m| Numbers { metrics: m.metrics.clone(), series: m.series.len() }).collect();
        self.keep(&sample.paper, &key, root_seed, from, &numbers, &what);
    }

    /// What is known of a property's cases.
    #[must_use]
    pub fn cases(&self, root_seed: u64, cases: &Cases) -> Option<CasesRecord> {
        let (shelf, unit) = self.address(&cases.paper, &cases.key(), root_seed)?;
        let what = || described_cases(cases);
        let records = self.store.get(&shelf, &unit);
        let mut known = records.iter().filter_map(|(_, payload)| self.read::<CasesRecord>(payload, &what));
        let first = known.next()?;
        if known.any(|other| other != first) {
            self.store.tell(Notice::Disagreement { what: what() });
            return None;
        }
        if let Some(why) = first.flaw(cases) {
            self.store.tell(Notice::Unfit { what: what(), why: why.into() });
            return None;
        }
        Some(first)
    }

    /// Keeps what the cases of a property showed.
    pub(super) fn keep_cases(&self, root_seed: u64, cases: &Cases, record: &CasesRecord) {
        let what = || described_cases(cases);
        self.keep(&cases.paper, &cases.key(), root_seed, 0, record, &what);
    }

    fn keep(
        &self,
        paper: &str,
        key: &str,
        root_seed: u64,
        from: u64,
        measured: &impl Serialize,
        what: &dyn Fn() -> String,
    ) {
        // What cannot be written as JSON is not kept; nothing that is measured is of that kind.
        if let (Some((shelf, unit)), Ok(payload)) =
            (self.address(paper, key, root_seed), serde_json::to_string(measured))
        {
            let differs = |(place, other): &(u64, String)| contradict((from, &payload), (*place, other));
            if self.store.is_fresh() && self.store.earlier(&shelf, &unit).iter().any(differs) {
                self.store.tell(Notice::Disagreement { what: what() });
            }
            self.store.put(&shelf, &Record { unit, from, payload });
        }
    }

    fn read<T: DeserializeOwned>(&self, payload: &str, what: &dyn Fn() -> String) -> Option<T> {
        serde_json::from_str(payload)
            .map_err(|e| self.store.tell(Notice::Unfit { what: what(), why: e.to_string() }))
            .ok()
    }

    /// Shelf and unit of what has this [key](super::Request::key); none for a paper without a fingerprint.
    #[must_use]
    pub fn address(&self, paper: &str, key: &str, root_seed: u64) -> Option<(String, String)> {
        let fingerprint = self.fingerprints.get(paper)?;
        let unit = crate::store::digest(digest(&json!([fingerprint, root_seed, key])).as_bytes());
        Some((shelf(paper, fingerprint), unit))
    }
}

/// Whether two records of one unit cannot both be right: if they list replicates, each from a number
/// on, and differ in one that both of them have; if not, if they differ at all. A record that cannot be
/// read says nothing.
fn contradict((from, one): (u64, &str), (start, other): (u64, &str)) -> bool {
    let (Ok(one), Ok(other)) = (serde_json::from_str(one), serde_json::from_str(other)) else { return false };
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            let of = |start: u64, list: Vec<Value>| (start..).zip(list).collect::<BTreeMap<u64, Value>>();
            let other = of(start, other);
            of(from, one).iter().any(|(replicate, part)| other.get(replicate).is_some_and(|o| o != part))
        }
        (one, other) => one != other,
    }
}

/// Key of the curves of a sample.
fn curves_of(key: &str) -> String {
    format!("{key} series")
}

/// The fingerprint of each leaf that this program was built with, its data included.
#[must_use]
pub fn fingerprints(papers: &[Paper], data: &BTreeMap<String, Data>) -> BTreeMap<String, String> {
    let of = |slug: &str| {
        let (_, sources) = FINGERPRINTS.iter().find(|(leaf, _)| *leaf == slug)?;
        let data = data.get(slug).map(Data::digest);
        Some((slug.to_owned(), digest(&json!([sources, data]))))
    };
    papers.iter().filter_map(|paper| of(paper.slug)).collect()
}

/// Name of the shelf of a paper whose fingerprint is this.
#[must_use]
pub fn shelf(paper: &str, fingerprint: &str) -> String {
    format!("{paper}-{}", &fingerprint[..SHELF_DIGITS.min(fingerprint.len())])
}

pub(super) fn described_cases(cases: &Cases) -> String {
    let Cases { paper, property, claim, fault, .. } = cases;
    let fault = fault.as_ref().map(|fault| format!(" under `{fault}`")).unwrap_or_default();
    format!("the cases of {paper}/{property} for {claim}{fault}")
}

pub(super) fn described(sample: &Sample) -> String {
    let Sample { paper, experiment, settings, fault } = sample;
    let fault = fault.as_ref().map(|fault| format!(" under `{fault}`")).unwrap_or_default();
    format!("{paper}/{experiment} {settings}{fault}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_has_a_fingerprint_of_its_own() {
        let papers = crate::papers::registry();
        let prints = fingerprints(&papers, &BTreeMap::new());
        assert_eq!(prints.len(), papers.len());
        let distinct: std::collections::BTreeSet<_> = prints.values().collect();
        assert_eq!(distinct.len(), papers.len());
    }

    #[test]
    fn records_contradict_each_other_only_where_both_have_something() {
        let of = |one, other| contradict(one, other);
        assert!(!of((0, "[1.5,2.5]"), (0, "[1.5]")));
        assert!(!of((0, "[1.5,2.5]"), (1, "[2.5,3.5]")));
        assert!(!of((0, "[1.5]"), (1, "[2.5]")));
        assert!(of((0, "[1.5,2.5]"), (1, "[2.25]")));
        assert!(of((4, "[1.5]"), (3, "[1.5,2.5]")));
        assert!(of((0, "{\"cases\":1}"), (0, "{\"cases\":2}")));
        assert!(!of((0, "{\"cases\":1}"), (0, "{\"cases\":1}")));
        assert!(!of((0, "[1.5"), (0, "[2.5]")));
    }

    #[test]
    fn replicates_without_curves_say_nothing_of_curves() {
        let record = |series| serde_json::to_string(&Numbers { metrics: Vec::new(), series }).unwrap();
        assert_eq!(record(0), r#"{"metrics":[]}"#);
        assert_eq!(record(2), r#"{"metrics":[],"series":2}"#);
    }

    #[test]
    fn data_are_part_of_a_fingerprint() {
        let papers = crate::papers::registry();
        let slug = papers[0].slug;
        let table = crate::kernel::table::Table::read(b"a\n1\n").unwrap();
        let data = [(slug.to_owned(), Data::default().with("a", table))].into();
        let (without, with) = (fingerprints(&papers, &BTreeMap::new()), fingerprints(&papers, &data));
        assert_ne!(without[slug], with[slug]);
        assert_eq!(without[papers[1].slug], with[papers[1].slug]);
    }
}
