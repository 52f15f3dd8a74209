//! What the pages say of a claim, as inline CommonMark.

use serde::Serialize;

use crate::{
    check::evidence::{ClaimResult, ControlResult, Evidence, Finding, PlotData},
    claim::{PlotContent, Tests, Verdict},
    report::{
        example,
        markdown::{anchor, block, code, sentence, table, text},
        number::{interval, number, with_unit},
        picture, words,
    },
};

/// A claim on a page.
#[derive(Serialize)]
pub struct ClaimView {
    pub id: String,
    /// Anchor on the paper's page.
    pub anchor: String,
    /// The paper's page with the anchor.
    pub link: String,
    pub statement: String,
    pub verdict: &'static str,
    /// What the verdict means.
    pub meaning: &'static str,
    /// As expected or not.
    pub standing: String,
    /// Why, where the verdict is not as expected.
    pub reasons: Vec<String>,
    pub scope: &'static str,
    pub kind: &'static str,
    pub source: String,
    pub provenance: String,
    pub because: Option<String>,
    pub needs: Option<String>,
    pub notes: Option<String>,
    /// Whether the checks test the opposite of the statement.
    pub opposite: bool,
    pub published: Vec<String>,
    pub margin: String,
    pub checks: Vec<CheckView>,
    /// A table.
    pub controls: String,
    pub control_impossible: Vec<String>,
    pub plots: Vec<PlotView>,
    /// A block.
    pub replay: String,
}

/// A check on a page.
#[derive(Serialize)]
pub struct CheckView {
    pub title: String,
    pub outcome: &'static str,
    /// How much was measured, or what broke down: a sentence.
    pub sample: String,
    /// A table.
    pub findings: String,
    /// A sentence on the counterexample.
    pub breaks: String,
    /// A block, if there is one.
    pub counterexample: Option<String>,
}

/// A picture on a page.
#[derive(Serialize)]
pub struct PlotView {
    pub file: String,
    pub alt: String,
    pub caption: String,
}

impl ClaimView {
    /// The view of a claim.
    pub fn new(claim: &ClaimResult) -> Self {
        let anchor = anchor(&claim.id);
        let provenance: Vec<&str> = claim.provenance.iter().map(|p| p.word()).collect();
        let optional = |text: &Option<String>| text.as_deref().map(sentence);
        Self {
            id: claim.id.clone(),
            link: link(claim),
            anchor,
            statement: text(&claim.statement),
            verdict: claim.verdict.word(),
            meaning: words::verdict_meaning(claim.verdict),
            standing: words::standing(claim),
            reasons: if claim.as_expected {
                vec![]
            } else {
                words::reasons(claim).iter().map(|r| text(r)).collect()
            },
            scope: claim.scope.word(),
            kind: claim.kind.word(),
            source: text(&claim.source),
            provenance: provenance.join(", "),
            because: optional(&claim.because),
            needs: optional(&claim.needs),
            notes: optional(&claim.notes),
            opposite: claim.tests == Tests::Opposite && !claim.evidence.is_empty(),
            published: claim
                .published
                .iter()
                .map(|p| text(&format!("{}: {} ({})", p.name, words::published(p), p.source)))
                .collect(),
            margin: words::margin(claim),
            checks: claim.evidence.iter().enumerate().map(|(i, e)| CheckView::new(claim, i, e)).collect(),
            controls: controls(claim),
            control_impossible: claim.control_impossible.iter().map(|r| sentence(r)).collect(),
            plots: claim.plots.iter().enumerate().map(|(i, plot)| PlotView::new(claim, i, plot)).collect(),
            replay: replay(claim),
        }
    }
}

/// The claim's place on its paper's page, seen from the front page.
pub fn link(claim: &ClaimResult) -> String {
    format!("{}.md#{}", claim.paper, anchor(&claim.id))
}

impl CheckView {
    fn new(claim: &ClaimResult, index: usize, evidence: &Evidence) -> Self {
        let name = if claim.evidence.len() == 1 { "Check".into() } else { format!("Check {}", index + 1) };
        let sample = match &evidence.error {
            Some(message) => format!("It broke down: {}", text(message)),
            None if evidence.rejected > 0 => format!(
                "{}; {} drawn outside the assumptions, and redrawn.",
                words::sample(evidence),
                evidence.rejected
            ),
            None => format!("{}.", words::sample(evidence)),
        };
        let several = evidence.findings.iter().any(|f| f.outcome != evidence.outcome);
        let rows: Vec<Vec<String>> = evidence.findings.iter().map(|f| row(f, several)).collect();
        let header = ["Where", "Quantity", "Required", "Measured", "Interval", "Margin", "Outcome"];
        let example = evidence.counterexample.as_ref();
        let share = evidence.violating.map_or(String::new(), |share| {
            format!("{} % of the cases violate a requirement. ", number(100.0 * share))
        });
        Self {
            title: text(&format!("{name}, {}", words::check(evidence))),
            outcome: words::outcome(evidence.outcome),
            sample,
            findings: table(&header, &rows),
            breaks: example.map_or(String::new(), |c| {
                format!("{share}On the minimal counterexample, measured is {}:", text(&example::measured(c)))
            }),
            counterexample: example.map(|c| block("text", &example::instance(c))),
        }
    }
}

fn row(finding: &Finding, several: bool) -> Vec<String> {
    let unit = |value: Option<f64>| value.map_or(String::new(), |v| text(&with_unit(v, &finding.unit)));
    vec![
        text(&finding.label),
        text(&finding.quantity),
        text(&finding.requirement),
        unit(finding.estimate),
        finding.interval.map(interval).unwrap_or_default(),
        unit(finding.margin),
        if several { words::outcome(finding.outcome).to_owned() } else { String::new() },
    ]
}

impl PlotView {
    fn new(claim: &ClaimResult, index: usize, plot: &PlotData) -> Self {
        let over = match plot.replicates {
            1 => "One replicate.".to_owned(),
            n => format!("Mean over {n} replicates"),
        };
        let spread = match (&plot.content, plot.replicates) {
            (_, 1) => "",
            (PlotContent::Bars(_), _) => ", with the range from the 10 % to the 90 % quantile.",
            _ => ", with the band from the 10 % to the 90 % quantile.",
        };
        Self { file: picture_name(claim, index), alt: alternative(plot), caption: over + spread }
    }
}

/// The file of a claim's picture.
pub fn picture_name(claim: &ClaimResult, index: usize) -> String {
    let number = claim.id.rsplit('.').next().unwrap_or(&claim.id);
    format!("{}/{number}-{}.svg", claim.paper, index + 1)
}

/// A picture in words, for those who do not see it.
fn alternative(plot: &PlotData) -> String {
    let curves: Vec<&str> = picture::labels(plot);
    let panels: Vec<&str> = plot.panels.iter().map(|p| p.title.as_str()).filter(|t| !t.is_empty()).collect();
    let (x, y) = (&plot.x.label, &plot.y.label);
    let what = match plot.content {
        PlotContent::Bars(_) => format!("{}: {y} of {}", plot.title, curves.join(", ")),
        _ => format!("{}: {y} against {x}, for {}", plot.title, curves.join(", ")),
    };
    let where_ = if panels.is_empty() { String::new() } else { format!("; panels {}", panels.join(", ")) };
    let words = text(&format!("{what}{where_}."));
    // A bracket would end the description.
    words.replace('[', "(").replace(']', ")")
}

/// The table of a claim's controls; empty if there are none.
fn controls(claim: &ClaimResult) -> String {
    let several = claim.evidence.len() > 1;
    let rows: Vec<Vec<String>> = claim
        .controls
        .iter()
        .map(|control| {
            let check = if several { (control.check + 1).to_string() } else { String::new() };
            let mut row = vec![code(&control.fault), check];
            row.extend(control_cells(control));
            row
        })
        .collect();
    table(&["Control", "Check", "Outcome", "Margin", "What was measured"], &rows)
}

/// Outcome, margin and what was measured under a control.
pub fn control_cells(control: &ControlResult) -> [String; 3] {
    let outcome = words::outcome(control.outcome);
    let finding = words::decisive(&control.evidence);
    let unit = finding.map_or("1", |f| f.unit.as_str());
    let told = match (&control.evidence.error, finding) {
        (Some(message), _) => message.clone(),
        (None, Some(finding)) => words::finding(finding),
        (None, None) => String::new(),
    };
    [
        if control.worked { outcome.to_owned() } else { format!("**{outcome}**, did not work") },
        control.margin.map_or(String::new(), |m| text(&with_unit(m, unit))),
        text(&told),
    ]
}

/// The commands that replay a claim and its checks.
fn replay(claim: &ClaimResult) -> String {
    if claim.verdict == Verdict::OutOfReach {
        return String::new();
    }
    let mut commands = vec![claim.replay.as_str()];
    for evidence in &claim.evidence {
        if !evidence.replay.is_empty() && !commands.contains(&evidence.replay.as_str()) {
            commands.push(&evidence.replay);
        }
    }
    block("sh", &commands.join("\n"))
}
