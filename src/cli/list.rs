//! `list`: what there is.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{Exit, Refusal, Workplace, terminal, verify::Format};
use crate::{
    claim::{self, Claim, Controls, PaperClaims},
    papers::leaf::Paper,
};

/// Show the papers, claims, experiments, functions, properties and faults that there are.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate list claims
  corroborate list functions --format json")]
pub struct Arguments {
    /// What is listed; everything if not given.
    #[arg(value_enum)]
    what: Option<What>,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Publications.
    Papers,
    /// Statements of papers.
    Claims,
    /// Seeded measurements, for `run`.
    Experiments,
    /// Pure functions, for `eval`.
    Functions,
    /// Predicates over generated instances.
    Properties,
    /// Named mistakes.
    Faults,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Papers => "papers",
            Self::Claims => "claims",
            Self::Experiments => "experiments",
            Self::Functions => "functions",
            Self::Properties => "properties",
            Self::Faults => "faults",
        }
    }
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let catalogue = claim::load(&workplace.root()?, &workplace.leaves).map_err(Refusal::Files)?;
    let all = What::value_variants();
    let listed: Vec<What> =
        all.iter().copied().filter(|w| arguments.what.is_none_or(|one| one == *w)).collect();
    let text = match arguments.format {
        Format::Json => {
            let lists = listed
                .iter()
                .map(|w| (w.name().to_owned(), entries(*w, &workplace.leaves, &catalogue.papers)));
            format!("{:#}\n", Value::Object(lists.collect()))
        }
        Format::Human => {
            let lists = listed.iter().map(|w| human(*w, &entries(*w, &workplace.leaves, &catalogue.papers)));
            lists.collect::<Vec<_>>().join("\n")
        }
    };
    terminal::print(&text)?;
    Ok(Exit::Success)
}

fn entries(what: What, leaves: &[Paper], papers: &[PaperClaims]) -> Value {
    match what {
        What::Papers => papers.iter().map(|paper| json!(paper.record)).collect(),
        What::Claims => papers.iter().flat_map(|paper| &paper.claims).map(claim_entry).collect(),
        What::Experiments => leaves
            .iter()
            .flat_map(|leaf| leaf.experiments.iter().map(move |e| (leaf, e)))
            .map(|(leaf, e)| {
                json!({
                    "paper": leaf.slug, "name": e.name, "summary": e.summary, "defaults": e.defaults,
                    "metrics": e.metrics.iter().map(metric_entry).collect::<Value>(),
                    "faults": e.faults, "stochastic": e.stochastic, "treatments": e.treatments,
                })
            })
            .collect(),
        What::Functions => leaves
            .iter()
            .flat_map(|leaf| leaf.functions.iter().map(move |f| (leaf, f)))
            .map(|(leaf, f)| {
                json!({
                    "paper": leaf.slug, "name": f.name, "summary": f.summary, "example": f.example,
                    "faults": f.faults,
                })
            })
            .collect(),
        What::Properties => leaves
            .iter()
            .flat_map(|leaf| leaf.properties.iter().map(move |p| (leaf, p)))
            .map(|(leaf, p)| {
                json!({
                    "paper": leaf.slug, "name": p.name, "summary": p.summary,
                    "metrics": p.metrics.iter().map(metric_entry).collect::<Value>(), "faults": p.faults,
                })
            })
            .collect(),
        What::Faults => leaves
            .iter()
            .flat_map(|leaf| leaf.faults.iter().map(move |f| (leaf, f)))
            .map(|(leaf, f)| json!({ "paper": leaf.slug, "name": f.name, "summary": f.summary }))
            .collect(),
    }
}

fn claim_entry(claim: &Claim) -> Value {
    let controls: Vec<&String> = claim
        .checks
        .iter()
        .filter_map(|check| match &check.controls {
            Controls::Faults(faults) => Some(faults),
            Controls::Impossible(_) => None,
        })
        .flatten()
        .collect();
    json!({
        "id": claim.id, "paper": claim.paper, "statement": claim.statement, "source": claim.source,
        "kind": claim.kind, "scope": claim.scope, "provenance": claim.provenance, "tests": claim.tests,
        "expect": claim.expect, "controls": controls,
    })
}

/// A metric; an end of its range that is infinite is `null`.
fn metric_entry(metric: &crate::papers::leaf::Metric) -> Value {
    let end = |value: f64| if value.is_finite() { json!(value) } else { Value::Null };
    json!({
        "name": metric.name, "unit": metric.unit, "low": end(metric.low), "high": end(metric.high),
        "better": metric.better, "summary": metric.summary,
    })
}

fn human(what: What, entries: &Value) -> String {
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap_or_default().to_owned();
    let rows: Vec<(String, String)> = entries
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| match what {
            What::Papers => (text(entry, "slug"), text(entry, "title")),
            What::Claims => {
                let (scope, statement) = (text(entry, "scope"), text(entry, "statement"));
                (text(entry, "id"), format!("[{scope}] {statement}"))
            }
            _ => (format!("{}/{}", text(entry, "paper"), text(entry, "name")), text(entry, "summary")),
        })
        .collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(name, summary)| {
        let summary = summary.split_whitespace().collect::<Vec<_>>().join(" ");
        format!("  {name:width$}  {summary}\n")
    });
    format!("{} ({})\n{}", what.name(), rows.len(), lines.collect::<String>())
}
