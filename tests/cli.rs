//! The program as people run it: output, exit statuses, and what they may not depend on.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

fn corroborate(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("corroborate").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").args(arguments);
    command
}

/// Standard output of a command that ends with this status.
pub fn output(arguments: &[&str], status: i32) -> String {
    let done = corroborate(arguments).assert().code(status);
    String::from_utf8(done.get_output().stdout.clone()).unwrap()
}

/// Standard error of a command that is refused.
pub fn refusal(arguments: &[&str]) -> String {
    let done = corroborate(arguments).assert().code(2);
    String::from_utf8(done.get_output().stderr.clone()).unwrap()
}

/// A claim that is decided quickly.
const CLAIM: &str = "bounded-ratio-rl.5";

#[test]
fn verdicts_are_the_same_bytes_for_any_number_of_threads() {
    // Nothing remembered, or the second run would only repeat what the first one measured.
    let selection = ["verify", "bounded-ratio-rl.*", "--fresh", "--format", "json", "--jobs"];
    let with = |jobs| output(&[&selection[..], &[jobs]].concat(), 0);
    let one = with("1");
    assert_eq!(one, with("2"));
    // A claim judged alone is judged as among the others.
    let of = |text: &str| -> Value {
        let verdicts: Value = serde_json::from_str(text).unwrap();
        verdicts["claims"].as_array().unwrap().iter().find(|c| c["id"] == CLAIM).unwrap().clone()
    };
    assert_eq!(of(&one), of(&output(&["verify", CLAIM, "--format", "json"], 0)));
}

#[test]
fn the_environment_of_proptest_changes_no_verdict() {
    // Instances of this claim are filtered, and have parts that depend on others; its counterexamples are
    // made minimal.
    let verify = ["verify", "bounded-ratio-rl.1", "--fresh", "--format", "json"];
    let mut elsewhere = corroborate(&verify);
    elsewhere.env("PROPTEST_CASES", "7").env("PROPTEST_MAX_LOCAL_REJECTS", "0");
    let shown = elsewhere.assert().code(0).get_output().stdout.clone();
    assert_eq!(String::from_utf8(shown).unwrap(), output(&verify, 0));
}

#[test]
fn json_has_the_fields_that_others_rely_on() {
    let verdicts: Value = serde_json::from_str(&output(&["verify", CLAIM, "--format", "json"], 0)).unwrap();
    for field in ["root_seed", "tier", "plan", "verdicts", "revision", "toolchain"] {
        assert!(verdicts["run"].get(field).is_some(), "run.{field}");
    }
    let claim = &verdicts["claims"][0];
    for field in ["id", "verdict", "expect", "as_expected", "margin", "evidence"] {
        assert!(claim.get(field).is_some(), "{field}");
    }
    for field in ["fault", "outcome", "margin"] {
        assert!(claim["controls"][0].get(field).is_some(), "controls.{field}");
    }
    let listed: Value = serde_json::from_str(&output(&["list", "claims", "--format", "json"], 0)).unwrap();
    for field in ["id", "paper", "statement", "kind", "scope", "provenance", "expect", "controls"] {
        assert!(listed["claims"][0].get(field).is_some(), "list {field}");
    }
}

#[test]
fn every_mistake_of_a_paper_turns_some_claim_red() {
    let faults: Value = serde_json::from_str(&output(&["list", "faults", "--format", "json"], 0)).unwrap();
    for paper in ["bounded-ratio-rl", "optimistic-feasible-search"] {
        let judged = output(&["verify", &format!("{paper}.*"), "--format", "json"], 0);
        let verdicts: Value = serde_json::from_str(&judged).unwrap();
        let controls = |c: &Value| c["controls"].as_array().cloned().unwrap_or_default();
        let controls: Vec<Value> = verdicts["claims"].as_array().unwrap().iter().flat_map(controls).collect();
        for fault in faults["faults"].as_array().unwrap().iter().filter(|f| f["paper"] == paper) {
            let red = |c: &&Value| c["fault"] == fault["name"] && c["outcome"] == "fail";
            assert!(controls.iter().any(|c| red(&c)), "{paper}: {} goes unnoticed", fault["name"]);
        }
    }
}

/// A copy of the project's claims and experiments, with the claims about bounded ratios edited.
pub fn edited(from: &str, to: &str) -> tempfile::TempDir {
    edited_of("bounded-ratio-rl", from, to)
}

/// A copy of the project's claims and experiments, with the claims of one paper edited.
pub fn edited_of(paper: &str, from: &str, to: &str) -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    for part in ["claims", "experiments", "experiments/data"] {
        fs::create_dir_all(folder.path().join(part)).unwrap();
        for entry in fs::read_dir(root.join(part)).unwrap().flatten().filter(|e| e.path().is_file()) {
            fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    let file = folder.path().join(format!("claims/{paper}.yaml"));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from}");
    fs::write(&file, text.replace(from, to)).unwrap();
    folder
}

#[test]
fn a_check_that_cannot_fail_is_vacuous_and_exits_with_one() {
    let hinge = "property: ppo-hinge-form\n        cases: {quick: 2000, full: 20000}\n        require: [{metric: error, at-most: 1.0e-12}]";
    let folder = edited(hinge, &hinge.replace("1.0e-12", "100"));
    let root = folder.path().to_str().unwrap();
    let told = output(&["--root", root, "verify", CLAIM], 1);
    assert!(told.contains("vacuous"), "{told}");
}

#[test]
fn a_statement_that_does_not_hold_is_refuted_with_a_counterexample() {
    let folder = edited(
        "require: [{metric: error, at-most: 1.0e-12}]\n        controls: [optimistic-clip",
        "require: [{metric: error, at-least: 0.1}]\n        controls: [optimistic-clip",
    );
    let told = output(&["--root", folder.path().to_str().unwrap(), "verify", CLAIM], 1);
    assert!(told.contains("refuted") && told.contains("counterexample"), "{told}");
    let root = folder.path().to_str().unwrap();
    let verdicts: Value =
        serde_json::from_str(&output(&["--root", root, "verify", CLAIM, "--format", "json"], 1)).unwrap();
    let evidence = &verdicts["claims"][0]["evidence"][0];
    assert!(
        evidence["replay"].as_str().unwrap().contains("eval bounded-ratio-rl/ppo-hinge-form"),
        "{evidence}"
    );
}

#[test]
fn every_setting_of_every_experiment_can_be_set() {
    let listed: Value =
        serde_json::from_str(&output(&["list", "experiments", "--format", "json"], 0)).unwrap();
    let mut tried = 0;
    for experiment in listed["experiments"].as_array().unwrap() {
        let path =
            format!("{}/{}", experiment["paper"].as_str().unwrap(), experiment["name"].as_str().unwrap());
        let schema: Value = serde_json::from_str(&output(&["schema", &path], 0)).unwrap();
        for (key, value) in experiment["defaults"].as_object().unwrap() {
            assert!(schema["properties"].get(key).is_some(), "{path} {key}");
            tried += 1;
            // The value itself is not run: some defaults take long. A wrong one must be refused by name.
            let refused = refusal(&["run", &path, "--set", &format!("{key}={{\"no\": 1}}")]);
            assert!(refused.contains(key), "{path} {key} ({value}): {refused}");
        }
    }
    assert!(tried > 30, "{tried}");
}

#[test]
fn a_run_can_be_changed_and_repeated() {
    let arguments = [
        "run",
        "optimistic-feasible-search/closed-loop",
        "--set",
        "T=300",
        "--set",
        "eta=0.1",
        "--seed",
        "7",
        "--format",
        "json",
    ];
    let first = output(&arguments, 0);
    assert_eq!(first, output(&arguments, 0));
    let run: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(run["settings"]["T"], 300);
    assert_eq!(run["settings"]["eta"], 0.1);
    assert_eq!(run["seed"], 7);
}

#[test]
fn functions_take_their_own_examples() {
    let listed: Value = serde_json::from_str(&output(&["list", "functions", "--format", "json"], 0)).unwrap();
    for function in listed["functions"].as_array().unwrap() {
        let path = format!("{}/{}", function["paper"].as_str().unwrap(), function["name"].as_str().unwrap());
        let example = output(&["eval", &path, "--example"], 0);
        corroborate(&["eval", &path]).write_stdin(example).assert().code(0);
    }
}

const PROGRAM: &str = r#"
import json, sys
for line in sys.stdin:
    question = json.loads(line)
    if question["function"] != "losses":
        print(json.dumps({"id": question["id"], "skip": "not mine"}))
        continue
    x = question["input"]
    clipped = min(max(x["ratio"], 1 - x["epsilon"]), 1 + x["epsilon"])
    ppo = -PICK(x["ratio"] * x["advantage"], clipped * x["advantage"])
    bpo = abs(x["advantage"]) * abs(x["ratio"] - x["target"])
    print(json.dumps({"id": question["id"], "output": {"ppo": ppo, "bpo": bpo}}))
"#;

/// What `conform` says of a Python program; `None` where there is no Python.
fn conform(program: &str, status: i32) -> Option<String> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.py");
    fs::write(&file, program).unwrap();
    let arguments =
        ["conform", "bounded-ratio-rl", "--timeout", "20", "--", "python3", file.to_str().unwrap()];
    Some(output(&arguments, status))
}

#[test]
fn other_programs_are_judged_by_their_answers() {
    let Some(right) = conform(&PROGRAM.replace("PICK", "min"), 0) else {
        return;
    };
    assert!(right.contains("ruled out: optimistic-clip, two-sided-flat"), "{right}");
    let wrong = conform(&PROGRAM.replace("PICK", "max"), 1).unwrap();
    assert!(wrong.contains("shows: optimistic-clip"), "{wrong}");
    let rubbish = conform("print('hello')", 1).unwrap();
    assert!(rubbish.contains("no JSON"), "{rubbish}");
    let crash = conform("raise SystemExit(3)", 1).unwrap();
    assert!(crash.contains("crashed"), "{crash}");
}

#[test]
fn near_misses_are_never_the_right_answer() {
    let all: Value = serde_json::from_str(&output(&["vectors"], 0)).unwrap();
    let mut misses = 0;
    for function in all.as_array().unwrap() {
        for vector in function["vectors"].as_array().unwrap() {
            for miss in vector["near_misses"].as_array().unwrap() {
                misses += 1;
                assert_ne!(
                    miss["output"], vector["output"],
                    "{}/{}",
                    function["paper"], function["function"]
                );
            }
        }
    }
    assert!(misses > 10, "{misses}");
}

#[test]
fn the_documented_python_example_runs_and_is_the_one_in_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("tests/vectors.py")).unwrap();
    assert!(fs::read_to_string(root.join("VECTORS.md")).unwrap().contains(script.trim_end()));
    let folder = tempfile::tempdir().unwrap();
    output(&["vectors", "bounded-ratio-rl", "--out", folder.path().to_str().unwrap()], 0);
    let vectors = folder.path().join("bounded-ratio-rl/losses.json");
    let Ok(done) =
        std::process::Command::new("python3").arg(root.join("tests/vectors.py")).arg(vectors).output()
    else {
        println!("skipped: there is no python3");
        return;
    };
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn the_page_of_performance_survives_and_is_in_the_contents() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pages");
    let judge = || output(&["verify", CLAIM, "--out", out.to_str().unwrap()], 0);
    let contents = || fs::read_to_string(out.join("SUMMARY.md")).unwrap();
    judge();
    assert!(!contents().contains("performance.md"));
    // Written by another command.
    let (page, picture) = (out.join("performance.md"), out.join("performance/time.svg"));
    fs::create_dir_all(out.join("performance")).unwrap();
    fs::write(&page, "# Performance\n").unwrap();
    fs::write(&picture, "<svg/>").unwrap();
    judge();
    assert!(contents().contains("- [Performance](performance.md)\n"));
    assert_eq!(fs::read_to_string(&page).unwrap(), "# Performance\n");
    assert!(picture.is_file());
}
