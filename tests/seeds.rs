//! Seeds of the fuzz targets, from the committed claims, experiments and examples.

use std::{fs, path::Path};

use corroborate::{
    claim,
    papers::registry,
    store::{Record, digest},
};
use serde_json::{Map, Value, json};

use crate::report::fixture;

/// Targets with their seeds, each named after its number.
pub type Seeds = Vec<(&'static str, Vec<u8>)>;

/// Each claim in a file of its own, and each experiments file.
fn files(seeds: &mut Seeds) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for leaf in registry() {
        let read =
            |folder: &str| fs::read_to_string(root.join(folder).join(format!("{}.yaml", leaf.slug))).unwrap();
        let text = read("claims");
        let (head, claims) = text.split_once("\nclaims:\n").unwrap();
        for claim in claims.split("\n  - id: ") {
            let claim = claim.trim_start().trim_start_matches("- id: ");
            seeds.push(("claims", format!("{head}\nclaims:\n  - id: {claim}\n").into()));
        }
        seeds.push(("experiments", read("experiments").into()));
    }
    // Found by fuzzing: a key that is too long to be written in JSON and read as YAML.
    seeds.push(("experiments", format!("? {}\n: 1\n", "a".repeat(1100)).into()));
}

/// Each example of each function, without a fault and under the first, and some instances of each property.
fn evaluations(seeds: &mut Seeds) {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for leaf in registry() {
        for function in &leaf.functions {
            for input in &function.inputs {
                let of = format!("{}/{}", leaf.slug, function.name);
                seeds.push(("eval", format!("{of}\n{input}").into()));
                let fault = function.faults.first().map(|fault| format!("{of} {fault}\n{input}").into());
                seeds.extend(fault.map(|seed| ("eval", seed)));
            }
        }
        for property in &leaf.properties {
            for case in (0..3).filter_map(|_| property.draw(&mut runner).ok()) {
                seeds.push(("eval", format!("{}/{}\n{}", leaf.slug, property.name, case.json()).into()));
            }
        }
    }
}

/// The same with no whole number above this: settings with which measuring is quick.
fn clamped(value: &Value, most: u64) -> Value {
    match value {
        Value::Number(number) if number.as_u64().is_some_and(|whole| whole > most) => most.into(),
        Value::Array(list) => list.iter().map(|one| clamped(one, most)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, one)| (name.clone(), clamped(one, most))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// The defaults of each experiment, small ones, and its named settings.
fn settings(seeds: &mut Seeds) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for leaf in registry() {
        let (configured, _) = claim::configured(root, &leaf).unwrap();
        for experiment in &leaf.experiments {
            let named = configured.get(experiment.name).map(|c| c.named.clone()).unwrap_or_default();
            let defaults = experiment.defaults.as_object().cloned().unwrap();
            let small = clamped(&experiment.defaults, 12).as_object().cloned().unwrap();
            for layer in [defaults, small].into_iter().chain(named.into_values()) {
                let lines: Vec<String> =
                    layer.iter().map(|(key, value)| format!("\n{key}={value}")).collect();
                let lines = lines.concat();
                seeds.push(("set", format!("{}/{}{lines}\n", leaf.slug, experiment.name).into()));
            }
        }
    }
}

/// Payloads as lines, as they are, and in files; the first two bytes choose the law and a place.
fn records(seeds: &mut Seeds) {
    let metrics: Vec<(&str, f64)> =
        registry()[0].experiments[0].metrics.iter().map(|m| (m.name, m.low.max(0.0))).collect();
    let replicates = json!([{ "metrics": metrics }, { "metrics": metrics, "series": 1 }]).to_string();
    let metric = registry()[0].properties[0].metrics[0].name;
    let record = |violating: u64, worst: f64, violation: Value| json!({ "cases": 3, "rejected": 1, "violating": violating, "worst": [worst], "violation": violation });
    let shown = json!({ "case": 0, "instance": {}, "measured": [[metric, 1.5]] });
    let payloads = [
        replicates,
        record(0, 0.5, Value::Null).to_string(),
        record(1, 1.5, shown.clone()).to_string(),
        // Found by changing the others.
        record(0, 0.5, shown).to_string(),
        record(2, 1.5, Value::Null).to_string(),
    ];
    for (law, payload) in (0_u8..4).flat_map(|law| payloads.iter().map(move |p| (law, p))) {
        let line = Record { unit: digest(b"unit"), from: 0, payload: payload.clone() }.encode();
        let text = match law {
            0 => line.trim_end(),
            1 | 3 => payload.as_str(),
            _ => line.as_str(),
        };
        seeds.push(("records", [&[law, 40], text.as_bytes()].concat()));
    }
}

/// The verdicts by hand that the tests of pages use, each claim alone and with short curves.
fn verdicts(seeds: &mut Seeds) {
    let all = fixture::verdicts();
    for claim in &all.claims {
        let mut one = all.clone();
        one.claims.retain(|other| other.id == claim.id);
        one.papers.retain(|paper| paper.slug == claim.paper);
        let panels = one.claims[0].plots.iter_mut().flat_map(|plot| &mut plot.panels);
        for curve in panels.flat_map(|panel| &mut panel.curves) {
            for numbers in [&mut curve.x, &mut curve.mean, &mut curve.low, &mut curve.high] {
                numbers.truncate(3);
            }
        }
        seeds.push(("verdicts", serde_json::to_vec(&one).unwrap()));
        // Found by changing the others.
        let mut panels = one.claims[0].plots.iter_mut().flat_map(|plot| &mut plot.panels);
        if let Some(curve) = panels.find_map(|panel| panel.curves.first_mut()) {
            curve.mean.pop();
            seeds.push(("verdicts", serde_json::to_vec(&one).unwrap()));
        }
    }
}

/// All of them.
pub fn all() -> Seeds {
    let mut seeds = Seeds::new();
    for add in [files, evaluations, settings, records, verdicts] {
        add(&mut seeds);
    }
    seeds
}

/// Written where `SEEDS=folder cargo test seeds` says; `just fuzz` does.
#[test]
fn seeds() {
    let seeds = all();
    for target in ["claims", "experiments", "eval", "set", "records", "verdicts"] {
        assert!(seeds.iter().any(|(of, _)| *of == target), "{target}");
        let manifest = include_str!("fuzz/Cargo.toml");
        assert!(manifest.contains(&format!("path = \"targets/{target}.rs\"")), "{target}");
    }
    let Some(folder) = std::env::var_os("SEEDS") else { return };
    for (number, (target, seed)) in seeds.iter().enumerate() {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
    }
}
