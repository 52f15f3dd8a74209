//! Every screen that people read, as it was: help, results, and refusals.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

use super::cli::edited;

/// A claim that is decided quickly.
const CLAIM: &str = "bounded-ratio-rl.5";

/// What a terminal shows of a command: the command, what it printed, and how it ended.
struct Screen {
    arguments: Vec<String>,
    root: String,
    input: String,
}

impl Screen {
    fn of(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(ToString::to_string).collect();
        Self { arguments, root: env!("CARGO_MANIFEST_DIR").into(), input: String::new() }
    }

    fn at(mut self, root: &Path) -> Self {
        self.root = root.to_string_lossy().into_owned();
        self
    }

    fn asked(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    fn shown(&self) -> String {
        let mut command = Command::cargo_bin("corroborate").unwrap();
        command.current_dir(&self.root).env("NO_COLOR", "1").env_remove("GITHUB_STEP_SUMMARY");
        let done = command.args(&self.arguments).write_stdin(self.input.as_str()).output().unwrap();
        let words = self
            .arguments
            .iter()
            .map(|word| if word.contains(' ') { format!("'{word}'") } else { word.clone() });
        let mut screen = format!("$ corroborate {}\n", words.collect::<Vec<_>>().join(" "));
        screen += &String::from_utf8(done.stdout).unwrap();
        // How much had to be measured depends on what earlier runs left behind.
        let is_news = |line: &&str| !["Measured ", "Nothing had"].iter().any(|start| line.starts_with(start));
        screen.extend(String::from_utf8(done.stderr).unwrap().split_inclusive('\n').filter(is_news));
        if done.status.code() != Some(0) {
            screen += &format!("[exit status {:?}]\n", done.status.code().unwrap());
        }
        // Any word of a claim changes the digest.
        let digest = screen.split("Digest of the verdicts: ").nth(1).map(|rest| rest[..64].to_owned());
        let screen = digest.map_or(screen.clone(), |digest| screen.replace(&digest, "…"));
        screen.replace(&self.root, "ROOT")
    }
}

fn screens(all: &[&[&str]]) -> String {
    all.iter().map(|arguments| Screen::of(arguments).shown()).collect::<Vec<_>>().join("\n")
}

const COMMANDS: [&str; 18] = [
    "verify",
    "plan",
    "merge",
    "submit",
    "explain",
    "run",
    "eval",
    "list",
    "lint",
    "schema",
    "report",
    "store",
    "vectors",
    "conform",
    "diff",
    "new",
    "completions",
    "man",
];

#[test]
fn help() {
    let overview = Screen::of(&["--help"]).shown();
    let section = overview.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let listed = section.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let listed: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(listed, [&COMMANDS[..], &["help"]].concat());
    insta::assert_snapshot!("help", overview);
    for command in COMMANDS {
        insta::assert_snapshot!(format!("help_of_{command}"), Screen::of(&[command, "--help"]).shown());
    }
}

#[test]
fn verdicts() {
    insta::assert_snapshot!(screens(&[
        &["verify", CLAIM],
        &["verify", CLAIM, "-q"],
        &["verify", CLAIM, "-v"]
    ]));
}

/// The project with another bound in the check of [`CLAIM`].
fn rebounded(bound: &str) -> tempfile::TempDir {
    let check = |bound: &str| {
        format!(
            "property: ppo-hinge-form
        cases: {{quick: 2000, full: 20000}}
        \
             require: [{{metric: error, {bound}}}]"
        )
    };
    edited(&check("at-most: 1.0e-12"), &check(bound))
}

#[test]
fn verdicts_that_are_not_as_expected() {
    let loose = rebounded("at-most: 100");
    insta::assert_snapshot!("vacuous", Screen::of(&["verify", CLAIM]).at(loose.path()).shown());
    let wrong = rebounded("at-least: 0.1");
    insta::assert_snapshot!("refuted", Screen::of(&["verify", CLAIM]).at(wrong.path()).shown());
}

#[test]
fn explanation_measurement_and_evaluation() {
    let example = "{\"ratio\": 1.5, \"advantage\": 1.0, \"target\": 1.2, \"epsilon\": 0.2}";
    let closed_loop = "optimistic-feasible-search/closed-loop";
    let screens = [
        Screen::of(&["explain", CLAIM]),
        Screen::of(&["run", closed_loop, "--set", "T=200", "--replicates", "2", "--seed", "7"]),
        Screen::of(&["eval", "bounded-ratio-rl/losses", "--example"]),
        Screen::of(&["eval", "bounded-ratio-rl/losses"]).asked(example),
        Screen::of(&["eval", "bounded-ratio-rl/losses", "--fault", "optimistic-clip"]).asked(example),
    ];
    insta::assert_snapshot!(screens.map(|screen| screen.shown()).join("\n"));
}

/// Lists grow with every paper, so only one paper's lines of them are held.
#[test]
fn lists() {
    for what in ["papers", "claims", "experiments", "functions", "properties", "faults"] {
        let shown = Screen::of(&["list", what]).shown();
        let lines =
            shown.lines().filter(|line| line.starts_with("  bounded-ratio-rl") || !line.starts_with(' '));
        let lines: Vec<String> =
            lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let text = lines.join("\n");
        let heading = text.split('(').nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        assert!(heading.parse::<usize>().is_ok_and(|n| n > 1), "{what}: {heading}");
        insta::assert_snapshot!(format!("list_of_{what}"), text.replacen(&format!("({heading})"), "(…)", 1));
    }
}

#[test]
fn differences() {
    let folder = tempfile::tempdir().unwrap();
    let verified =
        Screen::of(&["verify", "bounded-ratio-rl.5", "bounded-ratio-rl.1", "--format", "json"]).shown();
    let old: Value = serde_json::from_str(verified.split_once('\n').unwrap().1).unwrap();
    let mut new = old.clone();
    let claims = new["claims"].as_array_mut().unwrap();
    claims[0]["margin"] = (claims[0]["margin"].as_f64().unwrap() / 10.0).into();
    claims[1]["verdict"] = "vacuous".into();
    claims[1]["as_expected"] = false.into();
    let mut gone = old.clone();
    gone["claims"].as_array_mut().unwrap().pop();
    for (name, verdicts) in [("old.json", &old), ("new.json", &new), ("gone.json", &gone)] {
        fs::write(folder.path().join(name), verdicts.to_string()).unwrap();
    }
    let screens = [
        ["old.json", "old.json"],
        ["old.json", "new.json"],
        ["new.json", "old.json"],
        ["old.json", "gone.json"],
        ["gone.json", "old.json"],
    ]
    .map(|[from, to]| Screen::of(&["diff", from, to]).at(folder.path()).shown());
    insta::assert_snapshot!(screens.join("\n"));
}

/// Each number as `#`.
fn without_numbers(text: &str) -> String {
    let words = text.split_inclusive(|c: char| !c.is_ascii_digit()).map(|word| {
        match word.trim_start_matches(|c: char| c.is_ascii_digit()) {
            rest if rest.len() < word.len() => format!("#{rest}"),
            rest => rest.to_owned(),
        }
    });
    words.collect()
}

#[test]
fn files_written() {
    let folder = edited("", "");
    fs::create_dir_all(folder.path().join("src/papers")).unwrap();
    fs::write(
        folder.path().join("src/papers/mod.rs"),
        "pub mod leaf;\n\npub const PAPERS: &[fn() -> Paper] = &[\n];\n",
    )
    .unwrap();
    let here = |arguments: &[&str]| Screen::of(arguments).at(folder.path()).shown();
    let screens = [
        here(&["new", "my-paper", "--title", "My Paper", "--arxiv", "2601.00001"]),
        here(&["new", "my-paper"]),
        without_numbers(&Screen::of(&["lint"]).shown()),
        here(&["vectors", "bounded-ratio-rl", "--out", "vectors"]),
        here(&["report"]),
    ];
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn refusals() {
    let closed_loop = "optimistic-feasible-search/closed-loop";
    insta::assert_snapshot!(screens(&[
        &["verify", "bounded-ratio-lr.5"],
        &["verify", "scope:exakt"],
        &["verify", "sort:exact"],
        &["verify", "--jobs", "0"],
        &["verify", "--benchmarks", "no-such-folder"],
        &["explain", "bounded-ratio-rl.55"],
        &["run", closed_loop, "--set", "TT=1"],
        &["run", closed_loop, "--set", "T=many"],
        &["run", closed_loop, "--set", "T"],
        &["run", closed_loop, "--fault", "no-such"],
        &["run", closed_loop, "--named", "gernam"],
        &["run", closed_loop, "--settings", "no-such-file.yaml"],
        &["run", "optimistic-feasible-search/close-loop"],
        &["eval", "bounded-ratio-rl/optimun", "--example"],
        &["eval", "bounded-ratio-rl"],
        &["eval", "bounded-ratio-rl/losses"],
        &["schema", "claim"],
        &["diff", "no-such.json", "no-such.json"],
        &["diff", "Cargo.toml", "Cargo.toml"],
        &["report", "--from", "Cargo.toml"],
        &["lint", "no-such.yaml"],
        &["--root", "src", "list"],
        &["new", "Not_A_Slug"],
        &["conform", "bounded-ratio-rl", "--function", "loses", "--", "true"],
        &["conform", "bounded-ratio-rl", "--", "./no-such-program"],
        &["completions", "dash"],
        &["verfy"],
    ]));
    // The known papers grow.
    let unknown = Screen::of(&["vectors", "bounded-ratio-lr"]).shown();
    assert!(
        unknown.contains("unknown paper `bounded-ratio-lr`; did you mean `bounded-ratio-rl`?"),
        "{unknown}"
    );
    for (name, input) in [("no_json", "{"), ("unknown_key", "{\"p\": 1}"), ("no_map", "[]")] {
        insta::assert_snapshot!(
            format!("refused_{name}"),
            Screen::of(&["eval", "bounded-ratio-rl/optimum"]).asked(input).shown()
        );
    }
}

#[test]
fn answers_of_other_programs() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        println!("skipped: there is no python3");
        return;
    }
    let conform =
        |program: &[&str]| Screen::of(&[&["conform", "single-stream-po", "--"], program].concat()).shown();
    let example = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conform.py")).unwrap();
    let wrong = example.replace("kind == \"sample\"", "kind != \"sample\"");
    let screens = [
        conform(&["python3", "tests/conform.py"]),
        conform(&["python3", "-c", &wrong]).replace(&wrong, "(with the other deviation)"),
        conform(&["python3", "-c", "print('hello')"]),
        conform(&["python3", "-c", "raise SystemExit(3)"]),
        Screen::of(&[
            "conform",
            "bounded-ratio-rl",
            "--timeout",
            "1",
            "--",
            "python3",
            "-c",
            "import time; time.sleep(60)",
        ])
        .shown(),
    ];
    insta::assert_snapshot!(screens.join("\n"));
}

#[test]
fn a_job_on_github_gets_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("summary.md");
    fs::write(&file, "# From an earlier step\n").unwrap();
    let loose = rebounded("at-most: 100");
    for (root, status) in [(env!("CARGO_MANIFEST_DIR"), 0), (loose.path().to_str().unwrap(), 1)] {
        let mut command = Command::cargo_bin("corroborate").unwrap();
        command
            .env("GITHUB_STEP_SUMMARY", &file)
            .args(["--root", root, "verify", CLAIM])
            .assert()
            .code(status);
    }
    insta::assert_snapshot!(fs::read_to_string(file).unwrap());
}
