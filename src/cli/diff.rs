//! `diff`: what changed between two runs.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use serde::Serialize;

use super::{Exit, Refusal, Workplace, files, terminal, verify::Format};
use crate::{
    check::evidence::{ClaimResult, Verdicts},
    claim::Verdict,
};

/// A margin below this share of the old one is reported.
const SHRUNK: f64 = 0.8;

/// Compare two `verdicts.json`: changed verdicts, shrinking margins, new and gone claims.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status 1 on a change for the worse: a verdict that is no longer as expected, or a claim that is gone.

Example:
  corroborate diff old/verdicts.json new/verdicts.json")]
pub struct Arguments {
    /// The earlier run.
    old: PathBuf,
    /// The later run.
    new: PathBuf,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn main(arguments: &Arguments, _: &Workplace) -> Result<Exit, Refusal> {
    let (old, new) = (files::read_verdicts(&arguments.old)?, files::read_verdicts(&arguments.new)?);
    let changes = Changes::between(&old, &new);
    terminal::print(&match arguments.format {
        Format::Human => changes.told(),
        Format::Json => serde_json::to_string_pretty(&changes)
            .map(|text| text + "\n")
            .map_err(|e| Refusal::Machinery(format!("the changes cannot be written as JSON: {e}")))?,
    })?;
    Ok(if changes.worse { Exit::Unexpected } else { Exit::Success })
}

/// What changed between two runs.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    worse: bool,
    verdicts: Vec<VerdictChange>,
    margins: Vec<MarginChange>,
    new: Vec<String>,
    gone: Vec<String>,
    run: Vec<RunChange>,
}

#[derive(Debug, PartialEq, Serialize)]
struct VerdictChange {
    id: String,
    old: Verdict,
    new: Verdict,
    expected: Verdict,
    worse: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct MarginChange {
    id: String,
    of: String,
    old: f64,
    new: f64,
}

#[derive(Debug, PartialEq, Serialize)]
struct RunChange {
    what: &'static str,
    old: String,
    new: String,
}

impl Changes {
    /// What changed from one run to another.
    #[must_use]
    pub fn between(old: &Verdicts, new: &Verdicts) -> Self {
        let by_id = |verdicts| -> BTreeMap<_, _> { claims(verdicts).map(|c| (c.id.as_str(), c)).collect() };
        let (before, after) = (by_id(old), by_id(new));
        let mut changes = Self { run: run_changes(old, new), ..Self::default() };
        for claim in &new.claims {
            match before.get(claim.id.as_str()) {
                None => changes.new.push(claim.id.clone()),
                Some(earlier) => changes.of_claim(earlier, claim),
            }
        }
        changes.gone =
            claims(old).filter(|c| !after.contains_key(c.id.as_str())).map(|c| c.id.clone()).collect();
        changes.worse = !changes.gone.is_empty() || changes.verdicts.iter().any(|change| change.worse);
        changes
    }

    fn of_claim(&mut self, old: &ClaimResult, new: &ClaimResult) {
        if old.verdict != new.verdict || old.as_expected != new.as_expected {
            self.verdicts.push(VerdictChange {
                id: new.id.clone(),
                old: old.verdict,
                new: new.verdict,
                expected: new.expect,
                worse: !new.as_expected,
            });
        }
        let mut margin = |of: String, old: Option<f64>, new_margin: Option<f64>| {
            // Only the distance from deciding otherwise counts: a control fails with a negative margin.
            if let (Some(old), Some(new_margin)) = (old, new_margin)
                && new_margin.abs() < SHRUNK * old.abs()
            {
                self.margins.push(MarginChange { id: new.id.clone(), of, old, new: new_margin });
            }
        };
        margin("the claim".into(), old.margin, new.margin);
        for control in &new.controls {
            let earlier = old.controls.iter().find(|c| c.fault == control.fault && c.check == control.check);
            margin(format!("control {}", control.fault), earlier.and_then(|c| c.margin), control.margin);
        }
    }

    /// Whether nothing did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The changes, for people.
    #[must_use]
    pub fn told(&self) -> String {
        let mut out = String::new();
        let mut section = |title: &str, lines: Vec<String>| {
            if !lines.is_empty() {
                out += &format!("{title}\n{}\n", lines.concat());
            }
        };
        let verdict = |c: &VerdictChange| {
            let mark = if c.worse { "worse: " } else { "" };
            format!("  {mark}{}: {} -> {} (expected {})\n", c.id, c.old, c.new, c.expected)
        };
        section("Changed verdicts", self.verdicts.iter().map(verdict).collect());
        let margin = |c: &MarginChange| format!("  {}, {}: {:.4e} -> {:.4e}\n", c.id, c.of, c.old, c.new);
        section("Shrinking margins", self.margins.iter().map(margin).collect());
        section("New claims", self.new.iter().map(|id| format!("  {id}\n")).collect());
        section("Gone claims", self.gone.iter().map(|id| format!("  {id}\n")).collect());
        let run = |c: &RunChange| format!("  {}: {} -> {}\n", c.what, c.old, c.new);
        section("The runs differ", self.run.iter().map(run).collect());
        if self.is_empty() { "No change.\n".into() } else { out.trim_end().to_owned() + "\n" }
    }
}

fn claims(verdicts: &Verdicts) -> impl Iterator<Item = &ClaimResult> {
    verdicts.claims.iter()
}

fn run_changes(old: &Verdicts, new: &Verdicts) -> Vec<RunChange> {
    let facts = |run: &crate::check::evidence::RunInfo| {
        [
            ("root seed", run.root_seed.to_string()),
            ("tier", run.tier.to_string()),
            ("plan", run.plan.clone()),
            ("sources", run.revision.clone()),
            ("compiler", run.toolchain.clone()),
        ]
    };
    let pairs = facts(&old.run).into_iter().zip(facts(&new.run));
    pairs.filter(|(a, b)| a != b).map(|((what, old), (_, new))| RunChange { what, old, new }).collect()
}
