//! Every mistake in a YAML file gets a message with its place, and all of a file at once.

use std::{fs, path::PathBuf};

use corroborate::claim::{self, tree::MOST_BYTES};
use tempfile::TempDir;

use crate::toy;

const CLAIMS: &str = "\
paper:
  slug: toy
  title: A Toy
  arxiv: \"0000.00000\"
  authors: [N. Nobody]
  date: 2026-01
  summary: Coins and sums.
  reference: A coin.
  environments: A table.
claims:
  - id: toy.1
    statement: The coin shows heads more often than not.
    source: section 1
    provenance: [derived]
    kind: bound
    scope: statistical
    checks:
      - kind: location
        experiment: coin
        settings: [heavy]
        metric: heads
        at-least: 0.5
        controls: [tails-heavy]
";

const EXPERIMENTS: &str = "\
paper: toy
experiments:
  coin:
    replicates: {first: 5, quick: 40, full: 160}
    settings:
      heavy: {heads: 0.95}
      light: {heads: 0.6, coin: 1}
";

struct Project(TempDir);

impl Project {
    fn new(claims: impl AsRef<[u8]>, experiments: impl AsRef<[u8]>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for part in ["claims", "experiments/data"] {
            fs::create_dir_all(folder.path().join(part)).unwrap();
        }
        fs::write(folder.path().join("claims/toy.yaml"), claims).unwrap();
        fs::write(folder.path().join("experiments/toy.yaml"), experiments).unwrap();
        Self(folder)
    }

    /// The messages of all files; empty if nothing is wrong.
    fn messages(&self) -> String {
        match claim::load(self.0.path(), &[toy::paper()]) {
            Ok(_) => String::new(),
            Err(files) => files.iter().map(ToString::to_string).collect(),
        }
    }
}

/// The messages after an edit of the claims file.
fn edited(from: &str, to: &str) -> String {
    assert!(CLAIMS.contains(from), "{from}");
    Project::new(CLAIMS.replace(from, to), EXPERIMENTS).messages()
}

/// The messages after an edit of the experiments file.
fn experiments_edited(from: &str, to: &str) -> String {
    assert!(EXPERIMENTS.contains(from), "{from}");
    Project::new(CLAIMS, EXPERIMENTS.replace(from, to)).messages()
}

#[test]
fn the_files_without_a_mistake_are_accepted() {
    assert_eq!(Project::new(CLAIMS, EXPERIMENTS).messages(), "");
}

macro_rules! mistakes {
    ($($name:ident: $messages:expr,)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(stringify!($name), $messages);
        })*
    };
}

mistakes! {
    unknown_key: edited("    source:", "    sources:"),
    repeated_key: edited("    kind: bound\n", "    kind: bound\n    kind: rate\n"),
    missing_key: edited("    scope: statistical\n", ""),
    wrong_word: edited("kind: bound", "kind: bond"),
    wrong_type: edited("at-least: 0.5", "at-least: half"),
    arxiv_read_as_a_number: edited("\"0000.00000\"", "0000.00000"),
    unknown_kind_of_check: edited("kind: location", "kind: locaton"),
    unknown_experiment: edited("experiment: coin", "experiment: coins"),
    unknown_settings: edited("[heavy]", "[heavy, hefty]"),
    unknown_metric: edited("metric: heads", "metric: head"),
    unknown_fault: edited("[tails-heavy]", "[tail-heavy]"),
    unknown_property: edited(
        "      - kind: location\n        experiment: coin\n        settings: [heavy]\n        metric: heads\n        at-least: 0.5\n",
        "      - kind: property\n        property: commute\n        cases: {quick: 10, full: 20}\n        require: [{metric: error, at-most: 0}]\n",
    ),
    unknown_setting: edited("        metric: heads\n", "        metric: heads\n        set: {head: 0.9}\n"),
    setting_out_of_range: edited("        metric: heads\n", "        metric: heads\n        set: {heads: 1.5}\n"),
    setting_of_wrong_type: edited("        metric: heads\n", "        metric: heads\n        set: {coin: first}\n"),
    id_of_another_paper: edited("id: toy.1", "id: tory.1"),
    missing_control: edited("        controls: [tails-heavy]\n", ""),
    two_bounds: edited("at-least: 0.5", "at-least: 0.5\n        at-most: 1"),
    no_bound: edited("        at-least: 0.5\n", ""),
    expectation_without_reason: edited("    checks:", "    expect: refuted\n    checks:"),
    out_of_reach_with_checks: edited("scope: statistical", "scope: out-of-reach"),
    repeated_id: edited("claims:\n", "claims:\n  - {id: toy.1, statement: s, source: s, provenance: [seed], kind: number, scope: out-of-reach, needs: more}\n"),
    map_with_three_axes: edited("        metric: heads\n", "        metric: heads\n        over: {heads: [0.9], coin: [0], tails: [1]}\n"),
    too_many_combinations: edited(
        "        metric: heads\n",
        &format!("        metric: heads\n        grid: {{heads: [{}], coin: [{}]}}\n", "0.5, ".repeat(20), "1, ".repeat(20)),
    ),
    too_many_cells: edited("        metric: heads\n", &format!("        metric: heads\n        over: {{coin: [{}]}}\n", "1, ".repeat(300))),
    too_many_replicates: experiments_edited("full: 160", "full: 1000000000000"),
    control_characters: edited("A Toy", "\"A \\e[31mToy\"") + &edited("section 1", "section \u{202e}1"),
    everything_at_once: edited("    source: section 1\n", "    sauce: section 1\n")
        + &Project::new(
            CLAIMS.replace("kind: bound", "kind: bond").replace("metric: heads", "metric: head").replace("toy.1", "tory.1"),
            EXPERIMENTS,
        )
        .messages(),
    no_yaml: edited("[derived]", "[derived"),
    alias_bomb: Project::new(bomb(), EXPERIMENTS).messages(),
    ten_megabytes: Project::new(vec![b'#'; 10 << 20], EXPERIMENTS).messages(),
    empty_file: Project::new("", EXPERIMENTS).messages(),
    wrong_encoding: Project::new(b"paper:\n  slug: t\xf6y\n", EXPERIMENTS).messages(),
    two_documents: Project::new(format!("{CLAIMS}---\n{CLAIMS}"), EXPERIMENTS).messages(),
    unknown_experiment_in_experiments: experiments_edited("  coin:", "  coins:"),
    unknown_setting_in_experiments: experiments_edited("coin: 1}", "con: 1}"),
    shrinking_budget: experiments_edited("quick: 40", "quick: 400"),
    no_replicates_at_all: experiments_edited("    replicates: {first: 5, quick: 40, full: 160}\n", ""),
    slug_of_another_paper: experiments_edited("paper: toy", "paper: tory"),
    missing_data: experiments_edited("experiments:\n", "data:\n  table: {file: table.csv, sha256: \"00\"}\nexperiments:\n")
        .replace("(os error 2)", ""),
}

fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = level - 1;
        let uses = vec![format!("*a{below}"); 10].join(", ");
        text += &format!("a{level}: &a{level} [{uses}]\n");
    }
    text
}

#[test]
fn data_with_another_checksum_is_refused() {
    let project =
        Project::new(CLAIMS, format!("data:\n  table: {{file: table.csv, sha256: \"00\"}}\n{EXPERIMENTS}"));
    fs::write(project.0.path().join("experiments/data/table.csv"), "a,b\n1,2\n").unwrap();
    insta::assert_snapshot!(project.messages());
}

#[test]
fn data_files_are_named_without_a_path() {
    for file in ["data/table.csv", "..\\table.csv", ".table.csv"] {
        let data = format!("data:\n  table: {{file: '{file}', sha256: \"00\"}}\nexperiments:\n");
        let told = experiments_edited("experiments:\n", &data);
        assert!(told.contains("a data file is named without a path"), "{file}: {told}");
    }
}

#[test]
fn files_of_unknown_papers_are_reported() {
    let project = Project::new(CLAIMS, EXPERIMENTS);
    fs::write(project.0.path().join("claims/tory.yaml"), CLAIMS).unwrap();
    insta::assert_snapshot!(project.messages());
}

#[test]
fn files_that_end_on_yml_are_reported_and_files_of_other_kinds_are_not() {
    let project = Project::new(CLAIMS, EXPERIMENTS);
    fs::write(project.0.path().join("claims/notes.md"), "Notes.").unwrap();
    assert_eq!(project.messages(), "");
    fs::write(project.0.path().join("experiments/toy.yml"), EXPERIMENTS).unwrap();
    let told = project.messages();
    assert!(
        told.contains("in experiments/toy.yml:") && told.contains("name the file `<slug>.yaml`"),
        "{told}"
    );
}

#[test]
fn the_largest_files_are_read_and_larger_ones_are_not() {
    let claims = CLAIMS.trim_end();
    let padded = |bytes: usize| "\n".repeat(bytes - claims.len()) + claims;
    assert_eq!(Project::new(padded(MOST_BYTES), EXPERIMENTS).messages(), "");
    let told = Project::new(padded(MOST_BYTES + 1), EXPERIMENTS).messages();
    assert!(told.contains("the file has 1048577 bytes"), "{told}");

    let data = format!("data:\n  zeros: {{file: zeros.csv, sha256: \"00\"}}\n{EXPERIMENTS}");
    let project = Project::new(CLAIMS, data);
    let zeros = fs::File::create(project.0.path().join("experiments/data/zeros.csv")).unwrap();
    for (bytes, words) in
        [(64 << 20, "has another checksum"), ((64 << 20) + 1, "is larger than 67108864 bytes")]
    {
        zeros.set_len(bytes).unwrap();
        let told = project.messages();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn lint_tells_claims_from_experiments_by_their_keys() {
    let project = Project::new(CLAIMS.replace("metric: heads", "metric: head"), EXPERIMENTS);
    let root = project.0.path();
    let files: Vec<PathBuf> =
        ["claims/toy.yaml", "experiments/toy.yaml"].iter().map(|f| root.join(f)).collect();
    let wrong = claim::lint(root, &files, &[toy::paper()]);
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].to_string().contains("unknown metric `head`"));
    // Claims that lack are claims still, if the paper has a block of its own.
    let file = root.join("unfinished.yaml");
    fs::write(&file, "paper: {slug: toy}\n").unwrap();
    let wrong = claim::lint(root, &[file], &[toy::paper()]);
    assert!(wrong[0].to_string().contains("missing key `claims`"), "{}", wrong[0]);
}
