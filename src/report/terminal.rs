//! Verdicts on a terminal.

use crate::check::evidence::{ClaimResult, RunInfo, Verdicts};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Only what is not as expected.
    Failures,
    /// One line a claim.
    Table,
    /// The evidence of every claim.
    Evidence,
}

/// One line a claim, failures with their reasons.
#[must_use]
pub fn table(verdicts: &Verdicts, _colour: bool, detail: Detail) -> String {
    let mut out = String::new();
    for claim in &verdicts.claims {
        if claim.as_expected && detail == Detail::Failures {
            continue;
        }
        let mark = if claim.as_expected { "ok " } else { "!! " };
        out += &format!("{mark}{} {} (expected {})\n", claim.id, claim.verdict, claim.expect);
        if !claim.as_expected || detail == Detail::Evidence {
            out += &explain(claim, &verdicts.run, false);
        }
    }
    out
}

/// From the statement to the evidence.
#[must_use]
pub fn explain(claim: &ClaimResult, _run: &RunInfo, _colour: bool) -> String {
    let mut out = format!("  {}\n", claim.statement);
    let lines = claim
        .evidence
        .iter()
        .map(|e| ("reference".to_owned(), e))
        .chain(claim.controls.iter().map(|c| (format!("fault {}", c.fault), &c.evidence)));
    for (name, evidence) in lines {
        out += &format!(
            "    {name}: {} {} {:?} n={}",
            evidence.kind, evidence.subject, evidence.outcome, evidence.samples
        );
        out += &format!(" {}\n", evidence.error.clone().unwrap_or_default());
        for f in &evidence.findings {
            out += &format!(
                "      {} | {} {}: {:?} interval {:?} sd {:?} e {:?} margin {:?} {:?}\n",
                f.label,
                f.quantity,
                f.requirement,
                f.estimate,
                f.interval,
                f.deviation,
                f.log10_e,
                f.margin,
                f.outcome
            );
        }
        if let Some(counterexample) = &evidence.counterexample {
            let text = counterexample.to_string();
            out += &format!("      counterexample {}\n", text.chars().take(400).collect::<String>());
        }
    }
    out
}
