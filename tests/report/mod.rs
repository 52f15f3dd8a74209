//! Pages, terminal and JUnit output of verdicts written by hand.

mod commonmark;
pub mod fixture;
mod hostile;
mod performance;

use corroborate::report::{
    self,
    terminal::{self, Detail},
};
use insta::assert_snapshot;

fn page(name: &str) -> String {
    let pages = report::pages(&fixture::verdicts()).unwrap();
    pages.into_iter().find(|(n, _)| n == name).unwrap().1
}

#[test]
fn front_page() {
    assert_snapshot!(page("README.md"));
}

#[test]
fn page_of_a_paper() {
    assert_snapshot!(page("coin-tossing.md"));
}

#[test]
fn page_of_a_paper_with_failures() {
    assert_snapshot!(page("shortest-queues.md"));
}

#[test]
fn controls() {
    assert_snapshot!(page("controls.md"));
}

#[test]
fn validity_maps() {
    assert_snapshot!(page("validity.md"));
}

#[test]
fn terminal_table() {
    assert_snapshot!(terminal::table(&fixture::verdicts(), false, Detail::Table));
}

#[test]
fn terminal_failures() {
    assert_snapshot!(terminal::table(&fixture::verdicts(), false, Detail::Failures));
}

#[test]
fn terminal_is_silent_about_success() {
    let mut verdicts = fixture::verdicts();
    verdicts.claims.retain(|claim| claim.as_expected);
    assert_eq!(terminal::table(&verdicts, false, Detail::Failures), "");
    assert!(terminal::table(&verdicts, false, Detail::Table).ends_with("Every verdict is as expected.\n"));
}

#[test]
fn explained() {
    let verdicts = fixture::verdicts();
    let told: Vec<String> =
        verdicts.claims.iter().map(|c| terminal::explain(c, &verdicts.run, false)).collect();
    assert_snapshot!(told.join("\n=====\n\n"));
}

#[test]
fn colours_only_colour() {
    let verdicts = fixture::verdicts();
    let coloured = terminal::table(&verdicts, true, Detail::Evidence);
    let mut plain = String::new();
    for (i, piece) in coloured.split('\u{1b}').enumerate() {
        plain += if i == 0 { piece } else { piece.split_once('m').unwrap().1 };
    }
    assert_eq!(plain, terminal::table(&verdicts, false, Detail::Evidence));
}

#[test]
fn junit() {
    assert_snapshot!(report::junit(&fixture::verdicts()).unwrap());
}

/// Pictures for the eye: `PICTURES=folder cargo test pictures`.
#[test]
fn pictures() {
    for (name, svg) in report::pages(&fixture::verdicts()).unwrap() {
        if let Some(name) = name.strip_suffix(".svg") {
            assert!(svg.len() < 40_000, "{name} has {} bytes", svg.len());
            if let Some(folder) = std::env::var_os("PICTURES") {
                std::fs::write(std::path::Path::new(&folder).join(name.replace('/', "-") + ".svg"), svg)
                    .unwrap();
            }
        }
    }
}
