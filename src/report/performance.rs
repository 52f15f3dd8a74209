//! The page of performance: a pure function of what a benchmark run has measured.
//!
//! Times of this machine are of no use to anybody else, so the page has ratios and slopes only. Which machine it was,
//! and which libraries stood beside, is in one block at the end.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    markdown::{code, sentence, table, text},
    number::number,
    page::{environment, render},
    picture,
};
use crate::{
    check::evidence::{Curve, PanelData, PlotData},
    claim::{Axis, PlotContent},
    stats::slope::log_log_slope,
};

/// Name of the page.
pub const PAGE: &str = "performance.md";
/// Significant digits of a ratio: more would be noise.
const DIGITS: i32 = 2;

/// What a run has measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Performance {
    /// Comparisons, in the order of the page.
    pub comparisons: Vec<Comparison>,
    /// How near kernels come to what the machine can do.
    pub fractions: Vec<Fraction>,
    /// How cost grows.
    pub growth: Vec<Growth>,
    /// Whole runs, beside what they may take or what else they were.
    pub whole: Vec<Comparison>,
    /// Where the instructions of a run go; none if it was not counted.
    pub profile: Option<Profile>,
    /// What is known of the machine and the libraries: name and value.
    pub run: Vec<[String; 2]>,
    /// Libraries that were not there, with the reason.
    pub absent: Vec<[String; 2]>,
}

/// A piece of work, beside what people would use instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What is done, with its sizes.
    pub work: String,
    /// The other program.
    pub against: String,
    /// How many times as fast ours is: smallest time over smallest time; none if it was not measured.
    pub ratio: Option<f64>,
    /// The smallest and the largest ratio over the rounds.
    pub rounds: [f64; 2],
    /// The ratio that was wanted.
    pub goal: f64,
    /// Whether the other program is the fastest of those that do this work, so that the goal is meant of it.
    pub is_best: bool,
    /// The largest difference between the answers, over the tolerance.
    pub difference: f64,
    /// Why the goal is not met, if it is not.
    pub because: String,
    /// The command that measures it.
    pub command: String,
}

impl Comparison {
    fn outcome(&self) -> &'static str {
        match self.ratio {
            None => "not measured",
            Some(_) if !self.is_best => "not the fastest peer",
            Some(ratio) if ratio >= self.goal => "met",
            Some(_) => "**missed**",
        }
    }
}

/// A kernel that a resource of the machine bounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fraction {
    /// What is done, with its sizes.
    pub work: String,
    /// The resource.
    pub of: String,
    /// The share of it that is used.
    pub share: f64,
}

/// Where the instructions of a run go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Which claims were judged.
    pub selectors: Vec<String>,
    /// Groups of functions, with the share of the instructions that are theirs; the largest first.
    pub shares: Vec<(String, f64)>,
    /// Allocations in a million instructions.
    pub allocations: f64,
}

/// Time and memory of a piece of work over sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// What is done.
    pub work: String,
    /// What is counted.
    pub size: String,
    /// How time should grow: the exponent.
    pub expected: f64,
    /// Sizes, ascending.
    pub sizes: Vec<f64>,
    /// Smallest time of each, in seconds.
    pub seconds: Vec<f64>,
    /// Most memory beyond what was in use before, in bytes; empty if it cannot be told.
    pub bytes: Vec<f64>,
}

/// The page and its pictures by name.
///
/// # Errors
/// A message if the page cannot be put together or a picture cannot be drawn.
pub fn performance(measured: &Performance) -> Result<Vec<(String, String)>, String> {
    let pictures = pictures(&measured.growth)?;
    let page = render(
        &environment()?,
        "performance",
        &json!({
            "comparisons": comparisons(&measured.comparisons),
            "missed": missed(&measured.comparisons),
            "whole": whole(&measured.whole),
            "whole_missed": missed(&measured.whole),
            "profile": measured.profile.as_ref().map(profile),
            "fractions": fractions(&measured.fractions),
            "growth": growth(&measured.growth),
            "pictures": pictures.iter().map(|(name, alt, _)| json!({ "file": name, "alt": alt })).collect::<Vec<_>>(),
            "run": measured.run.iter().map(|[name, value]| format!("{}: {}", text(name), text(value))).collect::<Vec<_>>(),
            "absent": measured.absent.iter().map(|[name, why]| format!("{}: {}", text(name), sentence(why))).collect::<Vec<_>>(),
        }),
    )?;
    let pictures = pictures.into_iter().map(|(name, _, svg)| (name, svg));
    Ok(std::iter::once((PAGE.to_owned(), page)).chain(pictures).collect())
}

/// Why goals are missed.
fn missed(comparisons: &[Comparison]) -> Vec<String> {
    let missed = comparisons.iter().filter(|c| c.outcome() == "**missed**");
    missed
        .map(|c| format!("{}, against {}: {}", text(&c.work), text(&c.against), sentence(&c.because)))
        .collect()
}

fn comparisons(comparisons: &[Comparison]) -> String {
    let row = |c: &Comparison| {
        let [work, against, ratio, rounds, goal, outcome, command] = cells(c);
        let difference = if c.ratio.is_some() { short(c.difference) } else { String::new() };
        vec![work, against, ratio, rounds, goal, outcome, difference, command]
    };
    let header =
        ["Work", "Against", "Ratio", "Rounds", "Goal", "Outcome", "Difference ÷ tolerance", "Command"];
    table(&header, &comparisons.iter().map(row).collect::<Vec<_>>())
}

fn whole(comparisons: &[Comparison]) -> String {
    let header = ["Run", "Against", "Ratio", "Rounds", "Goal", "Outcome", "Command"];
    table(&header, &comparisons.iter().map(|c| cells(c).to_vec()).collect::<Vec<_>>())
}

/// What is said of every comparison.
fn cells(c: &Comparison) -> [String; 7] {
    let ratio = c.ratio.map_or(String::new(), |ratio| format!("{} ×", short(ratio)));
    let rounds = if c.ratio.is_some() {
        format!("{} – {}", short(c.rounds[0]), short(c.rounds[1]))
    } else {
        String::new()
    };
    let goal = format!("{} ×", short(c.goal));
    [text(&c.work), text(&c.against), ratio, rounds, goal, c.outcome().to_owned(), code(&c.command)]
}

fn profile(profile: &Profile) -> serde_json::Value {
    let row = |(group, share): &(String, f64)| vec![text(group), format!("{} %", short(100.0 * share))];
    json!({
        "selectors": profile.selectors.iter().map(|s| code(s)).collect::<Vec<_>>().join(" "),
        "shares": table(&["Functions", "Share"], &profile.shares.iter().map(row).collect::<Vec<_>>()),
        "allocations": short(profile.allocations),
    })
}

fn fractions(fractions: &[Fraction]) -> String {
    let row = |f: &Fraction| vec![text(&f.work), text(&f.of), format!("{} %", short(100.0 * f.share))];
    table(&["Work", "Of", "Share"], &fractions.iter().map(row).collect::<Vec<_>>())
}

fn growth(growth: &[Growth]) -> String {
    let slope = |sizes: &[f64], values: &[f64]| log_log_slope(sizes, values).map_or(String::new(), short);
    let row = |g: &Growth| {
        let ends =
            [g.sizes.first(), g.sizes.last()].map(|end| end.map_or(String::new(), |size| number(*size)));
        vec![
            text(&g.work),
            format!("{}, {} – {}", text(&g.size), ends[0], ends[1]),
            slope(&g.sizes, &g.seconds),
            number(g.expected),
            slope(&g.sizes, &g.bytes),
        ]
    };
    let header = ["Work", "Size", "Slope of time", "Expected", "Slope of memory"];
    table(&header, &growth.iter().map(row).collect::<Vec<_>>())
}

/// Name, description and contents of each picture.
fn pictures(growth: &[Growth]) -> Result<Vec<(String, String, String)>, String> {
    let mut pictures = Vec::new();
    for (name, what) in [("time", "time"), ("memory", "peak memory")] {
        let values = |g: &'_ Growth| if name == "time" { g.seconds.clone() } else { g.bytes.clone() };
        let curves: Vec<Curve> = growth.iter().filter_map(|g| curve(g, &values(g))).collect();
        if curves.is_empty() {
            continue;
        }
        let title = format!("How {what} grows with size");
        let plot = PlotData {
            title: title.clone(),
            content: PlotContent::Sweep(name.to_owned()),
            x: Axis { label: "size ÷ smallest size".into(), log: true },
            y: Axis { label: format!("{what} ÷ that of the smallest"), log: true },
            replicates: 1,
            panels: vec![PanelData { title: String::new(), curves }],
        };
        pictures.push((format!("performance/{name}.svg"), title, picture::draw(&plot)?));
    }
    Ok(pictures)
}

/// A curve relative to its first point; none without two positive points.
fn curve(growth: &Growth, values: &[f64]) -> Option<Curve> {
    let (size, value) = (*growth.sizes.first()?, *values.first()?);
    if values.len() < 2 || values.iter().any(|v| *v <= 0.0) {
        return None;
    }
    let mean: Vec<f64> = values.iter().map(|v| v / value).collect();
    let x = growth.sizes.iter().map(|s| s / size).collect();
    Some(Curve { label: growth.work.clone(), x, low: mean.clone(), high: mean.clone(), mean })
}

/// A number to two significant digits.
fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return number(x);
    }
    let scientific = format!("{x:.*e}", (DIGITS - 1) as usize);
    scientific.parse().map_or(scientific, number)
}
