//! Limits: on time and memory of a piece of work, on sizes, and on where files may lie.

use std::{collections::BTreeMap, fs, path::Path, process::Command, time::Duration};

use corroborate::{
    claim,
    cli::guard,
    kernel::stream::Streams,
    papers::{
        leaf::{Data, Failure, Fault as _, Measure, Measurement, Metric, Paper},
        registry,
    },
    run::{Executor, Memory, Request, Results, Running, Sample},
    store::{Store, inspect},
};
use serde_json::{Value, json};

use crate::{cli, toy};

/// Names the folder in which [`hoard`] is to keep records; without it, it does nothing.
const FOLDER: &str = "CORROBORATE_HOARD";
/// Most that the hoard takes where nobody stops it, in MiB.
const MOST: usize = 4096;

/// An experiment that takes ever more memory under a fault.
struct Hoard;

impl Measure for Hoard {
    type Settings = toy::Settings;
    type Fault = toy::Fault;
    const NAME: &'static str = "hoard";
    const SUMMARY: &'static str = "Takes memory.";
    const METRICS: &'static [Metric] = &[Metric::new("taken", "MiB taken.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [toy::Fault] = toy::Fault::ALL;

    fn prepare(_: toy::Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self)
    }

    fn replicate(&self, fault: Option<toy::Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let most = if fault == Some(toy::Fault::Wasteful) { MOST } else { 1 };
        let mut hoard = Vec::new();
        while hoard.len() < most {
            hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
        }
        Ok(Measurement::new().metric("taken", hoard.len() as f64))
    }
}

fn sample(fault: Option<&str>) -> Request {
    let sample = Sample {
        paper: "hoard".into(),
        experiment: "hoard".into(),
        settings: json!({ "heads": 0.5, "coin": 0 }),
        fault: fault.map(Into::into),
    };
    Request::Replicates { sample, replicates: 5, series: false }
}

#[test]
#[ignore = "ends its process: the test below starts it in one of its own"]
fn hoard() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let memory = Memory::new(
        Store::open(Path::new(&folder), false),
        BTreeMap::from([("hoard".to_owned(), "0123456789abcdef".to_owned())]),
    );
    let running = Running::default();
    guard::watch_with(400, running.clone(), |message| {
        eprintln!("{message}");
        std::process::exit(2);
    });
    let papers = vec![Paper::new::<toy::Fault>("hoard").experiment::<Hoard>()];
    let executor = Executor::new(papers, BTreeMap::new(), 0, 1, Duration::from_mins(10)).unwrap();
    let executor = executor.telling(running).remembering(memory);
    let mut results = Results::default();
    executor.measure(&[sample(None)], &mut results, &|_| ());
    executor.measure(&[sample(Some("wasteful"))], &mut results, &|_| ());
}

#[test]
#[cfg(target_os = "linux")]
fn a_piece_that_takes_too_much_memory_is_named_and_nothing_kept_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "guards::hoard", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!(done.status.code(), Some(2), "{told}");
    for part in ["hoard/hoard", "under `wasteful`, replicates 0 to 4", "limit of 400 MiB", "--memory MIB"] {
        assert!(told.contains(part), "{told}");
    }
    // What was measured before is there, and whole.
    let found = inspect(folder.path()).unwrap();
    assert_eq!((found.records, found.notices), (1, vec![]));
}

#[test]
#[cfg(target_os = "linux")]
fn the_program_ends_with_status_two_where_it_needs_more_memory_than_it_may_have() {
    let told = cli::refusal(&["--memory", "1", "list"]);
    assert!(told.contains("limit of 1 MiB") && told.contains("--memory MIB"), "{told}");
}

#[test]
fn a_piece_that_takes_too_long_is_named_with_the_limit_and_how_to_raise_it() {
    let claims = vec![toy::claim(1, vec![toy::coin(vec![toy::arm(0.95)], 0.5, &["endless"])])];
    let verdicts = toy::judge(claims, 2, &|_| true);
    let told = verdicts.claims[0].controls[0].evidence.error.clone().unwrap();
    let whole = r#"toy/coin {"heads":0.95,"coin":0} under `endless`, replicates 0 to 4 took longer than 2 s; `--timeout SECONDS` allows more"#;
    assert_eq!(told, whole);
}

/// Places of a schema where a whole number or a list has no limit.
fn unlimited(schema: &Value, place: &str, found: &mut Vec<String>) {
    match schema {
        Value::Array(parts) => parts.iter().for_each(|part| unlimited(part, place, found)),
        Value::Object(keys) => {
            let is = |name: &str| match &keys.get("type") {
                Some(Value::Array(types)) => types.iter().any(|t| t == name),
                Some(one) => *one == name,
                None => false,
            };
            let has = |key: &str| keys.contains_key(key);
            if is("integer") && !["maximum", "exclusiveMaximum", "const", "enum"].into_iter().any(has) {
                found.push(format!("{place}: a whole number"));
            }
            if is("array") && !has("maxItems") {
                found.push(format!("{place}: a list"));
            }
            keys.iter().for_each(|(key, part)| unlimited(part, &format!("{place}/{key}"), found));
        }
        _ => {}
    }
}

#[test]
fn every_whole_number_and_every_list_that_can_be_given_has_a_limit() {
    let (mut found, mut schemas) = (Vec::new(), 0);
    for paper in registry() {
        let experiments = paper.experiments.iter().map(|e| (e.name, &e.settings));
        let functions = paper.functions.iter().map(|f| (f.name, &f.input));
        let properties = paper.properties.iter().map(|p| (p.name, &p.instance));
        for (name, schema) in experiments.chain(functions).chain(properties) {
            unlimited(schema.as_value(), &format!("{}/{name}", paper.slug), &mut found);
            schemas += 1;
        }
    }
    assert!(schemas > 20 && found.is_empty(), "{found:#?}");
    unlimited(
        &json!({"properties": {"n": {"type": ["integer", "null"]}, "x": {"items": {"type": "array"}}}}),
        "",
        &mut found,
    );
    assert_eq!(found, ["/properties/n: a whole number", "/properties/x/items: a list"]);
}

/// An unlimited 64-bit number is a label; what is a size says how large it may be.
#[test]
fn only_seeds_may_be_any_number_of_64_bits() {
    fn labels(schema: &Value, name: &str, found: &mut Vec<String>) {
        match schema {
            Value::Array(parts) => parts.iter().for_each(|part| labels(part, name, found)),
            Value::Object(keys) => {
                if keys.get("maximum").and_then(Value::as_u64) == Some(u64::MAX) {
                    found.push(name.to_owned());
                }
                keys.iter().for_each(|(key, part)| labels(part, key, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for paper in registry() {
        paper.experiments.iter().for_each(|e| labels(e.settings.as_value(), paper.slug, &mut found));
        paper.functions.iter().for_each(|f| labels(f.input.as_value(), paper.slug, &mut found));
        paper.properties.iter().for_each(|p| labels(p.instance.as_value(), paper.slug, &mut found));
    }
    found.retain(|name| name != "seed");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn generated_instances_and_examples_lie_within_the_limits() {
    use corroborate::claim::{schema::hold, tree::Node};
    let mut wrong = Vec::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for paper in registry() {
        let mut check = |name: &str, schema: &Value, value: &Value| {
            let mut problems = Vec::new();
            let held = hold(&Node::of_json(value), schema, &mut problems);
            if held.is_none() || !problems.is_empty() {
                wrong.push(format!("{}/{name}: {problems:?}", paper.slug));
            }
        };
        for function in &paper.functions {
            function.inputs.iter().for_each(|input| check(function.name, function.input.as_value(), input));
        }
        for experiment in &paper.experiments {
            check(experiment.name, experiment.settings.as_value(), &experiment.defaults);
        }
        for property in &paper.properties {
            for case in (0..20).filter_map(|_| property.draw(&mut runner).ok()) {
                check(property.name, property.instance.as_value(), &case.json());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The messages about an experiments file of the toy that names this data file.
fn data(root: &Path, file: &str) -> String {
    let text = format!("paper: toy\ndata:\n  x: {{file: {}, sha256: \"00\"}}\n", json!(file));
    claim::read_experiments(root, &toy::paper(), "toy.yaml", text).unwrap_err().to_string()
}

#[test]
fn data_files_lie_in_their_folder_whatever_they_are_called() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("experiments/data");
    fs::create_dir_all(folder.join("inner")).unwrap();
    fs::write(root.path().join("secret.csv"), "a\n1\n").unwrap();
    fs::write(folder.join("own.csv"), "a\n1\n").unwrap();
    assert!(data(root.path(), "own.csv").contains("another checksum"), "an ordinary file is read");
    let outside = root.path().join("secret.csv");
    let absolute = outside.to_str().unwrap();
    for name in [
        "../../secret.csv",
        absolute,
        "inner/../../../secret.csv",
        "..",
        ".",
        "..\\..\\secret.csv",
        "C:x",
        ".hidden",
    ] {
        let told = data(root.path(), name);
        assert!(told.contains("a data file is named without a path"), "{name}: {told}");
    }
    assert!(data(root.path(), "inner").contains("is no file"));
    assert!(data(root.path(), "").contains("is no file"));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, folder.join("link.csv")).unwrap();
        assert!(data(root.path(), "link.csv").contains("a link to somewhere else"));
        std::os::unix::fs::symlink(folder.join("own.csv"), folder.join("alias.csv")).unwrap();
        assert!(
            data(root.path(), "alias.csv").contains("another checksum"),
            "a link within the folder is read"
        );
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_file_without_an_end_is_not_read_to_its_end() {
    let told = claim::lint(Path::new("."), &["/dev/zero".into()], &[toy::paper()]);
    assert!(told[0].to_string().contains("more than 1048576 bytes"), "{}", told[0]);
    let told = cli::refusal(&["diff", "/dev/zero", "/dev/zero"]);
    assert!(told.contains("/dev/zero has more than"), "{told}");
}
