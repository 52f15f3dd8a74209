//! Records of a store: lines that are none, files that are damaged, payloads that nobody measured.
//!
//! The first two bytes choose the law and a place. The rest is the text.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use super::LEAVES;
use corroborate::{
    claim::{Bound, Requirement},
    papers::leaf::Experiment,
    run::{Cases, Memory, Sample, fingerprints},
    store::{Record, Store, digest, record::Flaw},
};
use tempfile::TempDir;

static FOLDER: LazyLock<TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder for temporary files"));
static PRINTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| fingerprints(&LEAVES, &BTreeMap::new()));

/// An experiment, and a sample of it.
static SAMPLE: LazyLock<(&Experiment, Sample)> = LazyLock::new(|| {
    let (leaf, experiment) = (&LEAVES[0], &LEAVES[0].experiments[0]);
    let settings = experiment.normalise(experiment.defaults.clone()).expect("defaults fit");
    let (paper, name) = (leaf.slug.to_owned(), experiment.name.to_owned());
    (experiment, Sample { paper, experiment: name, settings, fault: None })
});

/// Cases of a property.
static CASES: LazyLock<Cases> = LazyLock::new(|| {
    let (leaf, property) = (&LEAVES[0], &LEAVES[0].properties[0]);
    let require = vec![Requirement { metric: property.metrics[0].name.into(), bound: Bound::AtMost(1.0) }];
    let (paper, property) = (leaf.slug.to_owned(), property.name.to_owned());
    Cases { paper, property, claim: "a claim".into(), fault: None, cases: 3, require }
});

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Some((&[law, place], rest)) = bytes.split_first_chunk::<2>() else { return };
    match law % 4 {
        0 => line(rest),
        1 => damaged(rest, usize::from(place)),
        2 => file(rest),
        _ => remembered(rest),
    }
}

/// A line that is a record is the line of that record and of no other.
fn line(line: &[u8]) {
    match Record::decode(line) {
        Ok(record) => assert_eq!(record.encode().trim_end_matches('\n').as_bytes(), line),
        Err(Flaw::Damaged | Flaw::Foreign) => {}
    }
}

/// A record with a payload survives its line, and no change to the line makes another record of it.
fn damaged(payload: &[u8], place: usize) {
    let Ok(payload) = std::str::from_utf8(payload) else { return };
    if payload.contains('\n') {
        return;
    }
    let record = Record { unit: digest(payload.as_bytes()), from: place as u64, payload: payload.to_owned() };
    let line = record.encode();
    let line = line.trim_end_matches('\n').as_bytes();
    assert_eq!(Record::decode(line), Ok(record));
    for bit in 0..8 {
        let mut flipped = line.to_vec();
        flipped[place % line.len()] ^= 1 << bit;
        assert_eq!(Record::decode(&flipped), Err(Flaw::Damaged));
    }
    assert_eq!(Record::decode(&line[..place % line.len()]), Err(Flaw::Damaged));
}

/// From a file of anything, only its whole records are read.
fn file(bytes: &[u8]) {
    const SHELF: &str = "fuzz-0123456789abcdef";
    let store =
        store_with(SHELF, |folder| fs::write(folder.join("1.journal"), bytes).expect("a file of ours"));
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    // What follows the last line feed is no whole line.
    lines.pop();
    let whole: Vec<Record> = lines.iter().filter_map(|line| Record::decode(line).ok()).collect();
    for record in &whole {
        assert!(store.get(SHELF, &record.unit).contains(&(record.from, record.payload.clone())));
        assert!(store.get(SHELF, &record.unit).len() <= whole.len());
    }
}

/// Of any payload under the units of a sample and of a property's cases, only what could have been
/// measured is remembered.
fn remembered(payload: &[u8]) {
    let Ok(payload) = std::str::from_utf8(payload) else { return };
    let (experiment, sample) = &*SAMPLE;
    let key = [sample.key(), CASES.key()];
    let memory = Memory::new(store_with("none", |_| ()), PRINTS.clone());
    for key in key {
        let (shelf, unit) = memory.address(&sample.paper, &key, 0).expect("every leaf has a fingerprint");
        memory.store().put(&shelf, &Record { unit, from: 0, payload: payload.replace('\n', " ") });
    }
    let known = memory.replicates(0, sample, experiment, false);
    assert!(known.values().all(|measured| measured.conform(experiment.metrics).is_ok()));
    if let Some(record) = memory.cases(0, &CASES) {
        assert_eq!((record.cases, record.worst.len()), (CASES.cases, CASES.require.len()));
        assert!(record.worst.iter().all(|worst| worst.is_finite()) && record.violating <= record.cases);
        assert_eq!(record.violation.is_some(), record.violating > 0);
    }
}

/// An empty store, but for what `fill` puts on a shelf.
fn store_with(shelf: &str, fill: impl Fn(&Path)) -> Store {
    let folder = FOLDER.path();
    let shelves = folder.join("records");
    let _ = fs::remove_dir_all(&shelves);
    fs::create_dir_all(shelves.join(shelf)).expect("a folder of ours");
    fill(&shelves.join(shelf));
    Store::open(folder, false)
}
