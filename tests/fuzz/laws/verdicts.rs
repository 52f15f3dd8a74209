//! `verdicts.json`, as `diff` and `report` read it.

use std::path::Path;

use crate::harmless::{injected, obeyed, obeyed_in_colour, texts_of_xml};
use corroborate::{
    cli::{diff::Changes, files},
    report::{
        self,
        terminal::{Detail, explain, table},
    },
};

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let path = Path::new("verdicts.json");
    let verdicts = match files::verdicts_of(path, text) {
        Ok(verdicts) => verdicts,
        Err(refusal) => return assert!(refusal.to_string().contains("verdicts.json")),
    };
    // Written and read again they are the same, and nothing has changed.
    let written = serde_json::to_string(&verdicts).expect("read, so it can be written");
    let again = files::verdicts_of(path, &written).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(again, verdicts);
    let changes = Changes::between(&verdicts, &again);
    assert!(changes.is_empty(), "{}", changes.told());
    let none =
        Changes::between(&verdicts, &corroborate::check::evidence::Verdicts { claims: vec![], ..again });
    assert_eq!(obeyed(&none.told()), Vec::<String>::new());
    for detail in [Detail::Failures, Detail::Table, Detail::Evidence] {
        assert_eq!(obeyed_in_colour(&table(&verdicts, true, detail)), Vec::<String>::new());
        assert_eq!(obeyed(&table(&verdicts, false, detail)), Vec::<String>::new());
    }
    for claim in &verdicts.claims {
        assert_eq!(obeyed(&explain(claim, &verdicts.run, false)), Vec::<String>::new());
    }
    let junit = report::junit(&verdicts).unwrap_or_else(|e| panic!("{e}"));
    texts_of_xml(&junit).unwrap_or_else(|e| panic!("{e} in {junit}"));
    let summary = report::summary(&verdicts).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(injected(&summary, &|_| false), Vec::<String>::new(), "{summary}");
    let Ok(pages) = report::pages(&verdicts) else { return };
    let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    let is_ours = |link: &str| {
        let file = link.split('#').next().unwrap_or_default();
        file.is_empty() || names.contains(&file) || link.starts_with("https://arxiv.org/abs/")
    };
    for (name, page) in &pages {
        assert!(
            Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_))),
            "{name}"
        );
        match Path::new(name).extension().and_then(|extension| extension.to_str()) {
            Some("md") => assert_eq!(injected(page, &is_ours), Vec::<String>::new(), "{name}: {page}"),
            Some("svg") => drop(texts_of_xml(page).unwrap_or_else(|e| panic!("{name}: {e}"))),
            _ => {}
        }
    }
}
