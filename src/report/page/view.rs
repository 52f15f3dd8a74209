//! What the pages say of a claim, as inline CommonMark.

use serde::Serialize;

use crate::{
    check::evidence::{ClaimResult, ControlResult, Evidence, Finding, MapCell, MapData, PlotData},
    claim::{MapAxis, PlotContent, Tests, Verdict},
    report::{
        example,
        markdown::{self, anchor, block, code, sentence, table, text},
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
    pub map: Option<MapView>,
}

/// A validity map on a page.
#[derive(Serialize)]
pub struct MapView {
    /// Number of the check.
    pub check: usize,
    /// The picture.
    pub picture: String,
    /// Where the check passes and fails: a sentence.
    pub reach: String,
    /// Outcomes and estimates in a table.
    pub table: String,
    /// What broke down in some cells.
    pub errors: Vec<String>,
}

/// A picture on a page.
#[derive(Serialize)]
pub struct PlotView {
    pub picture: String,
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
            link: place(claim),
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
            margin: text(&words::margin(claim)),
            checks: claim.evidence.iter().enumerate().map(|(i, e)| CheckView::new(claim, i, e)).collect(),
            controls: controls(claim),
            control_impossible: claim.control_impossible.iter().map(|r| sentence(r)).collect(),
            plots: claim.plots.iter().enumerate().map(|(i, plot)| PlotView::new(claim, i, plot)).collect(),
            replay: replay(claim),
        }
    }
}

/// The claim's place on its paper's page, seen from the front page.
pub fn place(claim: &ClaimResult) -> String {
    format!("{}.md#{}", claim.paper, anchor(&claim.id))
}

impl CheckView {
    fn new(claim: &ClaimResult, index: usize, evidence: &Evidence) -> Self {
        let name = if claim.evidence.len() == 1 { "Check".into() } else { format!("Check {}", index + 1) };
        let sample = match &evidence.error {
            Some(message) => format!("It broke down: {}", text(message)),
            None => sentence(&words::sample(evidence)),
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
            map: evidence.map.as_ref().map(|map| MapView::new(claim, index, map)),
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
        let picture = markdown::picture(&alternative(plot), &picture_name(claim, index));
        Self { picture, caption: over + spread }
    }
}

/// The file of a claim's picture.
pub fn picture_name(claim: &ClaimResult, index: usize) -> String {
    let number = claim.id.rsplit('.').next().unwrap_or(&claim.id);
    format!("{}/{number}-{}.svg", claim.paper, index + 1)
}

/// The file of the validity map of a check.
pub fn map_name(claim: &ClaimResult, check: usize) -> String {
    let number = claim.id.rsplit('.').next().unwrap_or(&claim.id);
    format!("{}/{number}-map-{}.svg", claim.paper, check + 1)
}

impl MapView {
    fn new(claim: &ClaimResult, check: usize, map: &MapData) -> Self {
        let reach = words::reach(map);
        let frame = if map.headline.is_some() { " The framed cell is the check itself." } else { "" };
        let values =
            |cell: &MapCell| cell.values.iter().map(picture::map_value).collect::<Vec<_>>().join(", ");
        let broken = map.cells.iter().filter_map(|cell| Some((cell, cell.error.as_ref()?)));
        Self {
            check: check + 1,
            picture: markdown::picture(
                &format!("Validity map of {}. {reach}", claim.id),
                &map_name(claim, check),
            ),
            table: map_table(map),
            errors: broken.map(|(cell, error)| text(&format!("{}: {error}", values(cell)))).collect(),
            reach: text(&reach) + frame,
        }
    }
}

/// The cells of a map: one row a value of the first axis, one column a value of the second.
fn map_table(map: &MapData) -> String {
    let cell = |cell: &MapCell, headline: bool| {
        let estimate = cell.estimate.map(|e| format!(", {}", number(e))).unwrap_or_default();
        let told = format!("{}{estimate}", words::outcome(cell.outcome));
        if headline { format!("**{told}**") } else { told }
    };
    let cells: Vec<String> =
        map.cells.iter().enumerate().map(|(i, c)| cell(c, map.headline == Some(i))).collect();
    let labels =
        |axis: &MapAxis| axis.values.iter().map(|v| text(&picture::map_value(v))).collect::<Vec<_>>();
    let rows = |labels: Vec<String>, width: usize| -> Vec<Vec<String>> {
        let rows = labels.into_iter().zip(cells.chunks(width.max(1)));
        rows.map(|(label, cells)| std::iter::once(label).chain(cells.iter().cloned()).collect()).collect()
    };
    match map.axes.as_slice() {
        [axis] => table(&[text(&axis.setting).as_str(), "Outcome"], &rows(labels(axis), 1)),
        [first, second] => {
            let columns = labels(second);
            let corner = format!("{} (rows), {} (columns)", text(&first.setting), text(&second.setting));
            let header: Vec<&str> =
                std::iter::once(corner.as_str()).chain(columns.iter().map(String::as_str)).collect();
            table(&header, &rows(labels(first), columns.len()))
        }
        _ => String::new(),
    }
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
    format!("{what}{where_}.")
}

/// The table of a claim's controls; empty if there are none.
fn controls(claim: &ClaimResult) -> String {
    let several = claim.evidence.len() > 1;
    let rows: Vec<Vec<String>> = claim
        .controls
        .iter()
        .map(|control| {
            let check = if several { (control.check + 1).to_string() } else { String::new() };
            let mut row = vec![control_name(control), check];
            row.extend(control_cells(control));
            row
        })
        .collect();
    let header = ["Control", "Check", "Outcome", "Noticed by", "Margin", "What was measured"];
    table(&header, &rows)
}

/// The fault of a control, and what is wrong under it.
pub fn control_name(control: &ControlResult) -> String {
    if control.summary.is_empty() {
        return code(&control.fault);
    }
    format!("{}: {}", code(&control.fault), text(&control.summary))
}

/// Outcome, how soon the fault was noticed, margin, and what was measured under a control.
pub fn control_cells(control: &ControlResult) -> [String; 4] {
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
        text(&words::noticed(control)),
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
