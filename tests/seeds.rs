//! Seeds of the fuzz targets, from the committed claims, experiments and examples.

use std::{fs, path::Path};

use corroborate::{
    claim,
    papers::registry,
    store::{Record, digest},
};

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

/// The defaults of each experiment, and its named settings.
fn settings(seeds: &mut Seeds) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for leaf in registry() {
        let (configured, _) = claim::configured(root, &leaf).unwrap();
        for experiment in &leaf.experiments {
            let named = configured.get(experiment.name).map(|c| c.named.clone()).unwrap_or_default();
            let defaults = experiment.defaults.as_object().cloned().unwrap();
            for layer in std::iter::once(defaults).chain(named.into_values()) {
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
    let replicates =
        serde_json::json!([{ "metrics": metrics }, { "metrics": metrics, "series": 1 }]).to_string();
    let cases = r#"{"cases":3,"rejected":0,"violating":0,"worst":[0.5],"violation":null}"#;
    let violated = r#"{"cases":3,"rejected":1,"violating":1,"worst":[1.5],"violation":{"case":0,"instance":{},"measured":[["error",1.5]]}}"#;
    for (law, payload) in (0_u8..4).flat_map(|law| [replicates.as_str(), cases, violated].map(|p| (law, p))) {
        let line = Record { unit: digest(b"unit"), from: 0, payload: payload.to_owned() }.encode();
        let text = match law {
            0 => line.trim_end(),
            1 | 3 => payload,
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
