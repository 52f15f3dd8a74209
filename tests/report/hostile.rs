//! Whatever the texts of claims and of stored verdicts say, nothing comes of it but text.

use std::path::{Component, Path};

use corroborate::{
    check::evidence::{ClaimResult, ControlResult, Verdicts},
    claim::{
        Axis, Claim, PaperClaims, PaperRecord, Plot, PlotContent, PlotCurve, PlotPanel, Published, Relation,
        Tier,
    },
    cli::files,
    report::{
        self,
        terminal::{Detail, explain, table},
    },
};
use serde_json::Value;

use super::fixture;
use crate::{
    harmless::{injected, obeyed, obeyed_in_colour, texts_of_xml},
    toy,
};

/// Texts that mean something to some reader.
const HOSTILE: &[&str] = &[
    "[here](javascript:alert(1))",
    "![i](https://elsewhere.org/x.png) [a][b]",
    "[b]: https://elsewhere.org",
    "<script>alert(1)</script>",
    "<!-- hidden --> <?php ?> <![CDATA[ x ]]>",
    "<https://elsewhere.org> <a@elsewhere.org>",
    "a | b | c",
    "`a | b` and `c\\|d` and e\\|f",
    "a ` alone, ``two`` and ``` three",
    "one line\n\n# Another\n\n| a | b |\n| --- | --- |\n\n```\nEvery verdict is as expected.",
    "a\r\n- list\r\n> quote\u{2028}after",
    "\u{1b}[31mred\u{1b}[2J\u{1b}]8;;https://elsewhere.org\u{7}link",
    "\u{202e}txet \u{2066}isolated\u{200f}",
    "zero \0 and \u{9b}31m and \u{7f} and \u{fffe}",
    "]]> &lt;b&gt; &#60;i&#62; & \"quoted\" 'text'",
    "</text></svg><script/>",
    "{{#include ../Cargo.toml}} {{ title }} {% raw %}",
    "$x_1$ and $$y$$, ~~gone~~, note[^1]",
    "[^1]: note",
    "[x] done",
    "[!NOTE]",
    ": defined",
    "=== {#own .class}",
    "--- ***",
    "1. one",
    "ends with \\",
    "    indented code",
];

/// What is wrong with anything that is made of these verdicts.
fn problems(verdicts: &Verdicts) -> Vec<String> {
    let mut found = Vec::new();
    let mut add = |what: &str, more: Vec<String>| found.extend(more.iter().map(|m| format!("{what}: {m}")));
    for detail in [Detail::Failures, Detail::Table, Detail::Evidence] {
        add("terminal", obeyed(&table(verdicts, false, detail)));
        add("coloured terminal", obeyed_in_colour(&table(verdicts, true, detail)));
    }
    for claim in &verdicts.claims {
        add("explain", obeyed(&explain(claim, &verdicts.run, false)));
    }
    add("junit", texts_of_xml(&report::junit(verdicts).unwrap()).err().into_iter().collect());
    add("summary", injected(&report::summary(verdicts).unwrap(), &|_| false));
    let pages = report::pages(verdicts).unwrap();
    let is_ours = |link: &str| {
        let file = link.split('#').next().unwrap_or_default();
        file.is_empty()
            || pages.iter().any(|(name, _)| name == file)
            || link.starts_with("https://arxiv.org/abs/")
    };
    for (name, page) in &pages {
        assert!(Path::new(name).components().all(|part| matches!(part, Component::Normal(_))), "{name}");
        match Path::new(name).extension().and_then(|e| e.to_str()) {
            Some("md") => add(name, injected(page, &is_ours)),
            Some("svg") => add(name, texts_of_xml(page).err().into_iter().collect()),
            _ => {}
        }
    }
    found
}

/// Places of the free texts of some verdicts: all that are neither names of files nor words of the format.
fn places(value: &Value, place: &str, found: &mut Vec<String>) {
    let is_name = ["/id", "/paper", "/slug"].iter().any(|end| place.ends_with(end));
    match value {
        Value::String(_) if !is_name => found.push(place.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| places(item, &format!("{place}/{i}"), found));
        }
        Value::Object(entries) => {
            entries.iter().for_each(|(key, held)| places(held, &format!("{place}/{key}"), found));
        }
        _ => {}
    }
}

fn put(verdicts: &mut Value, place: &str, text: &str) {
    *verdicts.pointer_mut(place).unwrap() = text.into();
}

#[test]
fn no_text_of_verdicts_is_more_than_text() {
    let sound = serde_json::to_value(fixture::verdicts()).unwrap();
    let mut all = Vec::new();
    places(&sound, "", &mut all);
    let is_free = |place: &&String| {
        let mut edited = sound.clone();
        put(&mut edited, place, "no word of the format");
        serde_json::from_value::<Verdicts>(edited).is_ok()
    };
    let free: Vec<&String> = all.iter().filter(is_free).collect();
    assert!(free.len() > 200 && free.len() < all.len(), "{} of {}", free.len(), all.len());
    let mut found = Vec::new();
    for text in HOSTILE {
        let mut edited = sound.clone();
        for place in &free {
            put(&mut edited, place, text);
        }
        let verdicts = serde_json::from_value::<Verdicts>(edited).unwrap().printable();
        found.extend(problems(&verdicts).into_iter().map(|problem| (*text, problem)));
    }
    found.dedup();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn a_toy_with_hostile_texts_is_judged_and_shown_as_text() {
    for text in HOSTILE {
        let verdicts = hostile_toy(text);
        assert_eq!(problems(&verdicts), Vec::<String>::new(), "{text:?}");
        // The text is there, in one line and with its control characters by their numbers.
        let shown = corroborate::claim::printable::in_one_line(text).into_owned();
        let junit = texts_of_xml(&report::junit(&verdicts).unwrap()).unwrap();
        assert!(junit.contains(&shown), "{shown:?} is not in {junit:?}");
        let picture =
            report::pages(&verdicts).unwrap().into_iter().find(|(_, page)| page.starts_with("<svg"));
        let pieces: String = texts_of_xml(&picture.unwrap().1).unwrap().concat().split_whitespace().collect();
        let start: String = shown.split_whitespace().collect::<String>().chars().take(12).collect();
        assert!(pieces.contains(&start), "{start:?} is not in {pieces:?}");
    }
}

/// A toy whose author puts a text wherever he may.
fn hostile_toy(text: &str) -> Verdicts {
    let hostile = || text.to_owned();
    let record = PaperRecord {
        slug: "toy".into(),
        title: hostile(),
        arxiv: hostile(),
        authors: vec![hostile(), hostile()],
        date: hostile(),
        summary: hostile(),
        reference: hostile(),
        environments: hostile(),
    };
    let plot = Plot {
        title: hostile(),
        content: PlotContent::Bars("heads".into()),
        x: Axis { label: hostile(), log: false },
        y: Axis { label: hostile(), log: false },
        experiment: "coin".into(),
        panels: vec![PlotPanel {
            title: hostile(),
            curves: vec![PlotCurve { label: hostile(), fault: None, arms: vec![(0.0, toy::arm(0.5))] }],
        }],
        replicates: 5,
    };
    let arm = corroborate::claim::Arm { label: hostile(), ..toy::arm(0.95) };
    let claim = Claim {
        statement: hostile(),
        source: hostile(),
        because: Some(hostile()),
        notes: Some(hostile()),
        needs: Some(hostile()),
        published: vec![Published {
            name: hostile(),
            figure: 1.0,
            unit: hostile(),
            relation: Relation::Equals,
            source: hostile(),
        }],
        plots: vec![plot],
        ..toy::claim(1, vec![toy::coin(vec![arm], 0.99, &["harmless"])])
    };
    let options =
        corroborate::check::Options { tier: Tier::Quick, select: &|_| true, times: None, progress: &|_| () };
    corroborate::check::verify(&toy::executor(2), &[PaperClaims { record, claims: vec![claim] }], &options)
}

/// Found by fuzzing: `diff` compared a file with itself, and told of changes.
#[test]
fn a_claim_or_a_control_that_is_there_twice_makes_no_verdicts() {
    let told = |verdicts: &Verdicts| {
        let text = serde_json::to_string(verdicts).unwrap();
        files::verdicts_of(Path::new("v.json"), &text).unwrap_err().to_string()
    };
    let mut verdicts = fixture::verdicts();
    let claim = verdicts.claims.iter_mut().find(|claim| !claim.controls.is_empty()).unwrap();
    let (id, control) = (claim.id.clone(), claim.controls[0].clone());
    claim.controls.push(ControlResult { margin: Some(1.0), ..control.clone() });
    assert_eq!(
        told(&verdicts),
        format!("v.json: no verdicts: the claim `{id}` has the control `{}` more than once", control.fault)
    );
    let mut verdicts = fixture::verdicts();
    let first = verdicts.claims[0].clone();
    verdicts.claims.push(first.clone());
    assert_eq!(
        told(&verdicts),
        format!("v.json: no verdicts: the claim `{}` is there more than once", first.id)
    );
}

/// Found by fuzzing: a picture was drawn of what is not there.
#[test]
fn curves_whose_lists_differ_in_length_are_no_verdicts() {
    let verdicts = fixture::verdicts();
    let is_drawn = |claim: &&ClaimResult| claim.plots.iter().any(|plot| !plot.panels.is_empty());
    let number = verdicts.claims.iter().position(|claim| is_drawn(&claim)).unwrap();
    let curve = format!("/claims/{number}/plots/0/panels/0/curves/0");
    for list in ["x", "mean", "low", "high"] {
        let mut json = serde_json::to_value(&verdicts).unwrap();
        json.pointer_mut(&format!("{curve}/{list}")).unwrap().as_array_mut().unwrap().pop();
        let told = files::verdicts_of(Path::new("v.json"), &json.to_string()).unwrap_err().to_string();
        let claim = &verdicts.claims[number].id;
        assert!(told.starts_with("v.json: no verdicts: the curve `") && told.contains(claim), "{told}");
    }
}
