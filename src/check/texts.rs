//! Every text of the verdicts, so that none of them does more than say something.
//!
//! Whatever their origin, texts that are shown are printable, and what is a label or a sentence stays
//! in one line. Reports need no care of that anywhere else.

use serde_json::{Map, Value};

use super::evidence::{ClaimResult, Evidence, MapData, PlotData, RunInfo, Verdicts};
use crate::claim::{
    PaperRecord, PlotContent,
    printable::{in_one_line, printable},
};

impl Verdicts {
    /// With all texts printable.
    #[must_use]
    pub fn printable(mut self) -> Self {
        let RunInfo { plan, verdicts, revision, toolchain, .. } = &mut self.run;
        [plan, verdicts, revision, toolchain].into_iter().for_each(line);
        self.papers.iter_mut().for_each(paper);
        self.claims.iter_mut().for_each(claim);
        self
    }
}

/// A text of one line.
fn line(text: &mut String) {
    if let std::borrow::Cow::Owned(shown) = in_one_line(text) {
        *text = shown;
    }
}

/// A text of paragraphs.
fn prose(text: &mut String) {
    if let std::borrow::Cow::Owned(shown) = printable(text, &[]) {
        *text = shown;
    }
}

fn paper(record: &mut PaperRecord) {
    let PaperRecord { slug, title, arxiv, authors, date, summary, reference, environments } = record;
    [slug, title, arxiv, date].into_iter().chain(authors).for_each(line);
    [summary, reference, environments].into_iter().for_each(prose);
}

fn claim(claim: &mut ClaimResult) {
    [&mut claim.id, &mut claim.paper, &mut claim.statement, &mut claim.source, &mut claim.replay]
        .into_iter()
        .for_each(line);
    for figure in &mut claim.published {
        [&mut figure.name, &mut figure.unit, &mut figure.source].into_iter().for_each(line);
    }
    let told = [&mut claim.because, &mut claim.notes, &mut claim.needs];
    told.into_iter().flatten().chain(&mut claim.control_impossible).for_each(prose);
    claim.evidence.iter_mut().for_each(evidence);
    for control in &mut claim.controls {
        [&mut control.fault, &mut control.summary].into_iter().for_each(line);
        evidence(&mut control.evidence);
    }
    claim.plots.iter_mut().for_each(plot);
}

fn evidence(evidence: &mut Evidence) {
    [&mut evidence.kind, &mut evidence.subject, &mut evidence.replay].into_iter().for_each(line);
    for finding in &mut evidence.findings {
        [&mut finding.label, &mut finding.quantity, &mut finding.unit, &mut finding.requirement]
            .into_iter()
            .for_each(line);
    }
    evidence.error.iter_mut().for_each(prose);
    evidence.counterexample.iter_mut().for_each(value);
    evidence.map.iter_mut().for_each(map);
}

fn map(MapData { axes, cells, .. }: &mut MapData) {
    for axis in axes {
        line(&mut axis.setting);
        axis.values.iter_mut().for_each(value);
    }
    for cell in cells {
        cell.values.iter_mut().for_each(value);
        cell.error.iter_mut().for_each(prose);
    }
}

fn plot(plot: &mut PlotData) {
    let PlotData { title, content, x, y, panels, .. } = plot;
    let (PlotContent::Series(name) | PlotContent::Sweep(name) | PlotContent::Bars(name)) = content;
    [title, name, &mut x.label, &mut y.label].into_iter().for_each(line);
    for panel in panels {
        line(&mut panel.title);
        panel.curves.iter_mut().for_each(|curve| line(&mut curve.label));
    }
}

fn value(value: &mut Value) {
    match value {
        Value::String(text) => line(text),
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(entries) => {
            let renamed = std::mem::take(entries).into_iter().map(|(mut key, mut held)| {
                line(&mut key);
                self::value(&mut held);
                (key, held)
            });
            *entries = renamed.collect::<Map<_, _>>();
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
