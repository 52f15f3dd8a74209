//! From the statement of a claim to its evidence.

use super::pen::{Pen, wrapped};
use crate::{
    check::evidence::{ClaimResult, Evidence, Finding, RunInfo},
    claim::Tests,
    report::{
        example,
        number::{interval, number, with_unit},
        words,
    },
};

/// Walks from the statement over its source, checks and controls to the command that replays it.
#[must_use]
pub fn explain(claim: &ClaimResult, run: &RunInfo, colour: bool) -> String {
    let pen = Pen { colour };
    let mut out = format!("{}\n", pen.strong(&claim.id));
    out.extend(fields(claim).iter().map(|(name, text)| wrapped(&format!("{name:11}"), text)));
    for (i, evidence) in claim.evidence.iter().enumerate() {
        let title = format!("Check {}, {}", i + 1, words::check(evidence));
        let outcome = pen.outcome(evidence.outcome, words::outcome(evidence.outcome));
        out += &format!("\n{}: {outcome}\n", pen.strong(&title));
        out += &told(evidence, &claim.replay);
    }
    for control in &claim.controls {
        let title = format!("Control of check {}, {}", control.check + 1, control.fault);
        let outcome = words::outcome(control.outcome);
        let worked = if control.worked {
            pen.good(&format!("{outcome}, as it must"))
        } else {
            pen.bad(&format!("{outcome}, but it must fail"))
        };
        out += &format!("\n{}: {worked}\n", pen.strong(&title));
        if !control.summary.is_empty() {
            out += &wrapped("  ", &control.summary);
        }
        let noticed = words::noticed(control);
        if !noticed.is_empty() {
            out += &wrapped("  ", &format!("noticed by {noticed}"));
        }
        out += &told(&control.evidence, &claim.replay);
    }
    for reason in &claim.control_impossible {
        out += &format!("\n{}\n", pen.strong("No control is possible"));
        out += &wrapped("  ", reason);
    }
    if claim.evidence.iter().any(|e| e.findings.iter().any(|f| f.log10_e.is_some())) {
        let certainty = format!(
            "Intervals hold the truth at every number of samples at once, with probability at least 1 - {}. \
             An e-value of {} decides.",
            number(2.0 * run.level),
            number(1.0 / run.level)
        );
        out += &format!("\n{}", wrapped("", &certainty));
    }
    out + &format!("\n{}\n  {}\n", pen.strong("Replay the claim"), claim.replay)
}

fn fields(claim: &ClaimResult) -> Vec<(&'static str, String)> {
    let provenance: Vec<&str> = claim.provenance.iter().map(|p| p.word()).collect();
    let verdict = format!("{}, {}", claim.verdict, words::standing(claim));
    let mut fields = vec![
        ("Statement", claim.statement.clone()),
        ("Source", format!("{} ({})", claim.source, provenance.join(", "))),
        ("Kind", format!("{}, scope {}. {}", claim.kind, claim.scope, words::scope_meaning(claim.scope))),
        ("Verdict", format!("{verdict}. {}", words::verdict_meaning(claim.verdict))),
    ];
    if !claim.as_expected {
        fields.extend(words::reasons(claim).into_iter().map(|reason| ("Reason", reason)));
    }
    if claim.tests == Tests::Opposite {
        fields.push(("Tests", "the opposite of the statement: passing checks refute it.".into()));
    }
    let told = [("Because", &claim.because), ("Notes", &claim.notes), ("Needs", &claim.needs)];
    fields.extend(told.into_iter().filter_map(|(name, text)| Some((name, text.clone()?))));
    for figure in &claim.published {
        let text = format!("{} {} ({})", figure.name, words::published(figure), figure.source);
        fields.push(("Published", text));
    }
    fields
}

/// What was measured, and how to measure it again.
fn told(evidence: &Evidence, replay_of_claim: &str) -> String {
    let mut out = String::new();
    if let Some(message) = &evidence.error {
        out += &wrapped("  error: ", message);
    }
    for finding in &evidence.findings {
        out += &of_finding(finding, evidence);
    }
    if let Some(violating) = evidence.violating.filter(|v| *v > 0.0) {
        out += &format!("  {} % of the cases violate a requirement\n", number(100.0 * violating));
    }
    if evidence.unmeasured || evidence.rejected > 0 {
        out += &wrapped("  ", &words::sample(evidence));
    }
    if let Some(map) = &evidence.map {
        out += &wrapped("  ", &words::reach(map));
    }
    if let Some(counterexample) = &evidence.counterexample {
        out += &wrapped("  counterexample: ", &example::instance(counterexample));
        out += &wrapped("  measured on it: ", &example::measured(counterexample));
    }
    if evidence.replay != replay_of_claim && !evidence.replay.is_empty() {
        out += &format!("  replay: {}\n", evidence.replay);
    }
    out
}

fn of_finding(finding: &Finding, evidence: &Evidence) -> String {
    let mut lines = vec![
        format!("required  {}", finding.requirement),
        format!("estimate  {}", finding.estimate.map_or("none".into(), |e| with_unit(e, &finding.unit))),
    ];
    if let Some(ends) = finding.interval {
        lines.push(format!("interval  {}", interval(ends)));
    }
    if let Some(deviation) = finding.deviation {
        lines.push(format!("spread    {} (standard deviation)", number(deviation)));
    }
    if let Some(e) = finding.log10_e {
        lines.push(format!("e-values  10^{} for, 10^{} against", number(e.in_favour), number(e.against)));
    }
    lines.push(format!("sample    {}", words::samples(&evidence.kind, finding.samples)));
    if let Some(margin) = finding.margin {
        lines.push(format!("margin    {}", with_unit(margin, &finding.unit)));
    }
    let outcome = words::outcome(finding.outcome);
    let mut out = wrapped("  ", &format!("{}, {}: {outcome}", finding.label, finding.quantity));
    out.extend(lines.iter().map(|line| format!("    {line}\n")));
    out
}
