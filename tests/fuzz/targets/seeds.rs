//! Writes the seed corpora, from the committed claims, experiments and examples, into `corpus/<target>`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use corroborate::{
    claim,
    papers::leaf::{Experiment, Paper},
    store::{Record, digest},
};
use corroborate_fuzz::{LEAVES, root};

#[path = "../../report/fixture.rs"]
mod fixture;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let seeds = |target: &str| Seeds { folder: corpus.join(target), number: 0 };
    claims(&mut seeds("claims"))?;
    experiments(&mut seeds("experiments"))?;
    eval(&mut seeds("eval"))?;
    set(&mut seeds("set"))?;
    records(&mut seeds("records"))?;
    verdicts(&mut seeds("verdicts"))
}

struct Seeds {
    folder: PathBuf,
    number: u32,
}

impl Seeds {
    fn add(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        self.number += 1;
        fs::write(self.folder.join(format!("seed-{}", self.number)), bytes)
    }
}

/// Each claim in a file of its own.
fn claims(seeds: &mut Seeds) -> io::Result<()> {
    for leaf in LEAVES.iter() {
        let text = fs::read_to_string(root().join("claims").join(format!("{}.yaml", leaf.slug)))?;
        let Some((head, claims)) = text.split_once("\nclaims:\n") else { continue };
        for claim in claims.split("\n  - id: ") {
            let claim = claim.trim_start().trim_start_matches("- id: ");
            seeds.add(format!("{head}\nclaims:\n  - id: {claim}\n"))?;
        }
    }
    Ok(())
}

fn experiments(seeds: &mut Seeds) -> io::Result<()> {
    for leaf in LEAVES.iter() {
        seeds.add(fs::read(root().join("experiments").join(format!("{}.yaml", leaf.slug)))?)?;
    }
    Ok(())
}

/// Each example of each function, without a fault and under the first.
fn eval(seeds: &mut Seeds) -> io::Result<()> {
    let mut item = 0_u16;
    for leaf in LEAVES.iter() {
        for function in &leaf.functions {
            for (fault, input) in
                (0_u16..2).flat_map(|fault| function.inputs.iter().map(move |input| (fault, input)))
            {
                seeds.add(
                    [&item.to_le_bytes()[..], &fault.to_le_bytes(), input.to_string().as_bytes()].concat(),
                )?;
            }
            item += 1;
        }
        for property in &leaf.properties {
            let mut runner = proptest::test_runner::TestRunner::deterministic();
            for _ in 0..3 {
                let Ok(case) = property.draw(&mut runner) else { continue };
                seeds.add([&item.to_le_bytes()[..], &[0, 0], case.json().to_string().as_bytes()].concat())?;
            }
            item += 1;
        }
    }
    Ok(())
}

/// The defaults of each experiment, and its named settings.
fn set(seeds: &mut Seeds) -> io::Result<()> {
    let named = |leaf: &Paper, experiment: &Experiment| {
        let configured =
            claim::configured(&root(), leaf).map(|(configured, _)| configured).unwrap_or_default();
        configured.get(experiment.name).map(|configured| configured.named.clone()).unwrap_or_default()
    };
    let mut number = 0_u16;
    for leaf in LEAVES.iter() {
        for experiment in &leaf.experiments {
            let defaults = experiment.defaults.as_object().cloned().unwrap_or_default();
            for layer in std::iter::once(defaults).chain(named(leaf, experiment).into_values()) {
                let lines: Vec<String> = layer.iter().map(|(key, value)| format!("{key}={value}")).collect();
                seeds.add([&number.to_le_bytes()[..], lines.join("\n").as_bytes()].concat())?;
            }
            number += 1;
        }
    }
    Ok(())
}

fn records(seeds: &mut Seeds) -> io::Result<()> {
    let metrics: Vec<(&str, f64)> =
        LEAVES[0].experiments[0].metrics.iter().map(|m| (m.name, m.low.max(0.0))).collect();
    let replicates =
        serde_json::json!([{ "metrics": metrics }, { "metrics": metrics, "series": 1 }]).to_string();
    let cases = r#"{"cases":3,"rejected":0,"violating":0,"worst":[0.5],"violation":null}"#;
    let violated = r#"{"cases":3,"rejected":1,"violating":1,"worst":[1.5],"violation":{"case":0,"instance":{},"measured":[["error",1.5]]}}"#;
    for (law, payload) in (0_u8..4).flat_map(|law| [replicates.as_str(), cases, violated].map(|p| (law, p))) {
        let record = Record { unit: digest(b"unit"), from: 0, payload: payload.to_owned() };
        let line = record.encode();
        let text = match law {
            0 => line.trim_end(),
            1 | 3 => payload,
            _ => &line,
        };
        seeds.add([&[law, 40], text.as_bytes()].concat())?;
    }
    Ok(())
}

/// The verdicts by hand that the tests of pages use, each claim alone and with short curves.
fn verdicts(seeds: &mut Seeds) -> io::Result<()> {
    let all = fixture::verdicts();
    for claim in &all.claims {
        let mut one = all.clone();
        one.claims.retain(|other| other.id == claim.id);
        one.papers.retain(|paper| paper.slug == claim.paper);
        for curve in one
            .claims
            .iter_mut()
            .flat_map(|c| &mut c.plots)
            .flat_map(|p| &mut p.panels)
            .flat_map(|p| &mut p.curves)
        {
            for numbers in [&mut curve.x, &mut curve.mean, &mut curve.low, &mut curve.high] {
                numbers.truncate(3);
            }
        }
        seeds.add(serde_json::to_vec(&one)?)?;
    }
    Ok(())
}
