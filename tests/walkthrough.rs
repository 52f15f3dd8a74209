//! The documents do what they say: the README's commands run, and a paper is added step by step.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(name: &str) -> String {
    fs::read_to_string(project().join(name)).unwrap()
}

/// Commands in shell blocks of a document, without those that only set up.
fn commands(document: &str) -> Vec<&str> {
    let blocks = document.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n"));
    let lines = blocks.flat_map(str::lines).map(|line| line.split("  #").next().unwrap_or(line).trim());
    lines.filter(|line| line.contains("cargo run --release -- ")).collect()
}

#[test]
fn the_commands_of_the_readme_run() {
    let readme = document("README.md");
    let all = commands(&readme);
    assert!(all.len() >= 6, "{all:?}");
    let program = assert_cmd::cargo::cargo_bin("corroborate");
    for command in all {
        let line = command.replace("cargo run --release --", &program.to_string_lossy());
        let done = Command::new("sh").args(["-c", &line]).current_dir(project()).output().unwrap();
        assert!(done.status.success(), "{command}: {}", String::from_utf8_lossy(&done.stderr));
        assert!(!done.stdout.is_empty(), "{command} says nothing");
    }
}

#[test]
fn one_claim_is_understood_in_five_commands() {
    let readme = document("README.md");
    let section = readme.split("## Five commands").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let lines: Vec<&str> = block.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[0].starts_with("git clone") && lines[1].contains("just verify"), "{lines:?}");
}

/// Everything that the program is built from, in another folder.
fn copy_of_the_project() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap().flatten() {
                copy(&entry.path(), &to.join(entry.file_name()));
            }
        } else {
            fs::copy(from, to).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for part in ["Cargo.toml", "Cargo.lock", "build.rs", "src", "claims", "experiments", "tests/tests.rs"] {
        let to = folder.path().join(part);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        copy(&project().join(part), &to);
    }
    folder
}

/// Builds a copy of the project, and gives the program.
fn built(copy: &Path) -> PathBuf {
    // A folder of its own: the program under test must not be replaced by that of the copy.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walkthrough");
    let done = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--bin", "corroborate", "--config", "profile.dev.debug=false"])
        .args(["--config", "profile.dev.opt-level=0", "--config", "profile.dev.package.\"*\".opt-level=0"])
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", &target)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    target.join("debug/corroborate")
}

#[test]
fn a_paper_is_added_as_contributing_says() {
    let contributing = document("CONTRIBUTING.md");
    let in_code = |start: &str| {
        let from = contributing.find(start).unwrap() + start.len();
        contributing[from..].split('`').next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let scaffold = in_code("`cargo run --release -- new");
    let judge = in_code("`cargo run --release -- verify");
    let copy = copy_of_the_project();
    let run = |program: &Path, arguments: &str| {
        let line = format!("{} {arguments}", program.display());
        let done = Command::new("sh").args(["-c", &line]).current_dir(copy.path()).output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let (status, told) = run(&assert_cmd::cargo::cargo_bin("corroborate"), &format!("new {scaffold}"));
    assert_eq!(status, Some(0), "{told}");

    // As scaffolded: the control changes nothing.
    let (status, told) = run(&built(copy.path()), &format!("verify {judge}"));
    assert_eq!(status, Some(1), "{told}");
    assert!(told.contains("vacuous") && told.contains("does not fail under fill-me-in"), "{told}");

    // With a mistake built in where the scaffold says so.
    let leaf = copy.path().join("src/papers/my_paper.rs");
    let text = fs::read_to_string(&leaf).unwrap();
    let unfilled = "        Some(Fault::FillMeIn) | None => instance.x.abs(),\n";
    assert!(text.contains(unfilled), "{text}");
    let filled = "        Some(Fault::FillMeIn) => instance.x,\n        None => instance.x.abs(),\n";
    fs::write(&leaf, text.replace(unfilled, filled)).unwrap();
    let (status, told) = run(&built(copy.path()), &format!("verify {judge}"));
    assert_eq!(status, Some(0), "{told}");
    assert!(told.contains("corroborated"), "{told}");
}
