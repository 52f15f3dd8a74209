//! The sentences that pages, terminal and JUnit output share.

use std::collections::BTreeMap;

use super::number::{interval, number, with_unit};
use crate::{
    check::evidence::{ClaimResult, ControlResult, Evidence, Finding, MapData, Outcome, RunInfo},
    claim::{Provenance, Published, Relation, Scope, Tests, Tier, Verdict},
};

/// Numbers of claims: scopes are never added together.
pub type Tally = BTreeMap<Scope, BTreeMap<Verdict, usize>>;

/// Counts claims by scope and verdict.
#[must_use]
pub fn tally<'a>(claims: impl IntoIterator<Item = &'a ClaimResult>) -> Tally {
    let mut tally = Tally::new();
    for claim in claims {
        *tally.entry(claim.scope).or_default().entry(claim.verdict).or_default() += 1;
    }
    tally
}

/// Counts of one scope, such as `5 corroborated, 1 refuted`.
#[must_use]
pub fn counts(by_verdict: &BTreeMap<Verdict, usize>) -> String {
    let counts = by_verdict.iter().map(|(verdict, count)| format!("{count} {verdict}"));
    counts.collect::<Vec<_>>().join(", ")
}

/// What a verdict means.
#[must_use]
pub const fn verdict_meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Corroborated => "Every check passed on the reference, and failed under every control.",
        Verdict::Refuted => "A counterexample was found, or the opposite shown at the level of the test.",
        Verdict::Vacuous => {
            "The checks passed, but did not fail under some control: they cannot tell right from wrong."
        }
        Verdict::Inconclusive => "Neither the statement nor its opposite was shown within the budget.",
        Verdict::OutOfReach => "There is no check here; the claim says what one would need.",
        Verdict::Error => "The machinery broke down (a panic, a NaN, a time-out): nothing was shown.",
    }
}

/// What a scope means.
#[must_use]
pub const fn scope_meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::Exact => "Decided by computation, up to rounding.",
        Scope::Statistical => "Decided by a statistical test at a stated level.",
        Scope::Benchmark => "Decided by operation counts, or by ratios of times measured in one run.",
        Scope::Mechanism => {
            "The direction shows on the reference; the published magnitude is not reproduced."
        }
        Scope::OutOfReach => "Not tested here.",
    }
}

/// An outcome, in one word.
#[must_use]
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Undecided => "undecided",
        Outcome::Error => "error",
    }
}

/// Where a statement was found.
#[must_use]
pub const fn provenance_meaning(provenance: Provenance) -> &'static str {
    match provenance {
        Provenance::Seed => "In the abstract or the catalogue entry of the paper.",
        Provenance::Page => "On a page of the paper or of its project.",
        Provenance::Code => "In the authors' published code.",
        Provenance::Recalled => "Recalled from the paper, not verified against its text.",
        Provenance::Derived => "Derived here from what the paper states.",
    }
}

/// What a check does, such as `difference on closed-loop`.
#[must_use]
pub fn check(evidence: &Evidence) -> String {
    match evidence.kind.as_str() {
        "property" => format!("property {}", evidence.subject),
        kind if evidence.subject.is_empty() => kind.to_owned(),
        kind => format!("{kind} on {}", evidence.subject),
    }
}

/// So many cases, replicates or benchmarks, as the kind of check has them.
#[must_use]
pub fn samples(kind: &str, count: u64) -> String {
    let word = match kind {
        "property" => "case",
        "benchmark" => "benchmark",
        _ => "replicate",
    };
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// How much a check measured.
#[must_use]
pub fn sample(evidence: &Evidence) -> String {
    if evidence.unmeasured {
        return "Not measured: `cargo bench` measures the times that it needs".into();
    }
    let rejected = match evidence.rejected {
        0 => String::new(),
        n => format!(", and {n} more outside the assumptions"),
    };
    samples(&evidence.kind, evidence.samples) + &rejected
}

/// How soon a check failed under a fault.
#[must_use]
pub fn noticed(control: &ControlResult) -> String {
    let Some(power) = control.power else { return String::new() };
    let violating = power.violating.map(|share| format!("; {} % violate", number(100.0 * share)));
    let spent = samples(&control.evidence.kind, power.budget);
    format!("{} of {spent}{}", power.needed, violating.unwrap_or_default())
}

/// In how many cells of a validity map the check has which outcome.
#[must_use]
pub fn reach(map: &MapData) -> String {
    let cells = |outcome| map.cells.iter().filter(|cell| cell.outcome == outcome).count();
    let counts = [
        (Outcome::Pass, "passes in"),
        (Outcome::Fail, "fails in"),
        (Outcome::Undecided, "stays open in"),
        (Outcome::Error, "breaks down in"),
    ];
    let told = counts.map(|(outcome, verb)| (cells(outcome), verb));
    let told: Vec<String> =
        told.iter().filter(|(n, _)| *n > 0).map(|(n, verb)| format!("{verb} {n}")).collect();
    let settings: Vec<&str> = map.axes.iter().map(|axis| axis.setting.as_str()).collect();
    format!("Over {}, the check {} of {} cells.", settings.join(" and "), told.join(", "), map.cells.len())
}

/// The finding that decides a check's outcome: of those with that outcome, the one with the
/// smallest margin.
#[must_use]
pub fn decisive(evidence: &Evidence) -> Option<&Finding> {
    let margin = |f: &&Finding| f.margin.unwrap_or(f64::INFINITY);
    let deciding = evidence.findings.iter().filter(|f| f.outcome == evidence.outcome);
    deciding.min_by(|a, b| margin(a).total_cmp(&margin(b)))
}

/// The margin of a claim, in the unit of the finding that it comes from.
#[must_use]
pub fn margin(claim: &ClaimResult) -> String {
    let Some(margin) = claim.margin else { return String::new() };
    let findings = claim.evidence.iter().flat_map(|e| &e.findings);
    let nearest = findings.into_iter().find(|f| f.margin == Some(margin));
    with_unit(margin, nearest.map_or("1", |f| &f.unit))
}

/// A tested requirement and what was measured.
#[must_use]
pub fn finding(finding: &Finding) -> String {
    let Finding { label, quantity, requirement, .. } = finding;
    let estimate = finding.estimate.map_or("not measured".into(), |e| with_unit(e, &finding.unit));
    let within = finding.interval.map(|ends| format!(", interval {}", interval(ends))).unwrap_or_default();
    format!("{label}: {quantity} {estimate}{within}; required {requirement}")
}

/// A published figure, such as `at most 0.003 reward`.
#[must_use]
pub fn published(published: &Published) -> String {
    let relation = match published.relation {
        Relation::Equals => "",
        Relation::AtLeast => "at least ",
        Relation::AtMost => "at most ",
    };
    format!("{relation}{}", with_unit(published.figure, &published.unit))
}

/// Whether a verdict was expected. It may be as expected without being the one that is expected,
/// as long as nobody has measured the times that it needs.
#[must_use]
pub fn standing(claim: &ClaimResult) -> String {
    match (claim.as_expected, claim.verdict == claim.expect) {
        (true, true) => "as expected".into(),
        (true, false) => format!("expected {} once its times are measured", claim.expect),
        (false, _) => format!("expected {}", claim.expect),
    }
}

/// Why a claim has its verdict, one reason a line.
#[must_use]
pub fn reasons(claim: &ClaimResult) -> Vec<String> {
    match claim.verdict {
        Verdict::Error => errors(claim),
        Verdict::Vacuous => {
            let useless = claim.controls.iter().filter(|control| !control.worked);
            useless
                .map(|control| {
                    let name = numbered_check(claim, control.check);
                    format!("{name} does not fail under {}: {}", control.fault, outcome(control.outcome))
                })
                .collect()
        }
        Verdict::Refuted if claim.tests == Tests::Statement => findings_with(claim, Outcome::Fail, "fails"),
        Verdict::Refuted => vec!["the checks show the opposite of the statement".into()],
        Verdict::Inconclusive => {
            let unmeasured = claim.evidence.iter().enumerate().filter(|(_, e)| e.unmeasured);
            let mut open: Vec<String> = unmeasured
                .map(|(i, evidence)| format!("{}: {}", numbered_check(claim, i), sample(evidence)))
                .collect();
            open.extend(findings_with(claim, Outcome::Undecided, "is undecided"));
            open.extend(findings_with(claim, Outcome::Fail, "fails"));
            open
        }
        Verdict::Corroborated => vec!["every check passed, and every control worked".into()],
        Verdict::OutOfReach => {
            claim.needs.iter().map(|needs| format!("a check would need: {needs}")).collect()
        }
    }
}

fn errors(claim: &ClaimResult) -> Vec<String> {
    let on_reference = claim.evidence.iter().enumerate().filter_map(|(i, evidence)| {
        let message = evidence.error.as_ref()?;
        Some(format!("{} broke down: {message}", numbered_check(claim, i)))
    });
    let under_faults = claim.controls.iter().filter_map(|control| {
        let message = control.evidence.error.as_ref()?;
        let name = numbered_check(claim, control.check);
        Some(format!("{name} broke down under {}: {message}", control.fault))
    });
    on_reference.chain(under_faults).collect()
}

fn findings_with(claim: &ClaimResult, wanted: Outcome, verb: &str) -> Vec<String> {
    let checks = claim.evidence.iter().enumerate();
    checks
        .filter(|(_, evidence)| !evidence.unmeasured)
        .flat_map(|(i, evidence)| evidence.findings.iter().map(move |f| (i, f)))
        .filter(|(_, f)| f.outcome == wanted)
        .map(|(i, f)| format!("{} {verb}: {}", numbered_check(claim, i), finding(f)))
        .collect()
}

/// A check by its number and what it does.
#[must_use]
pub fn numbered_check(claim: &ClaimResult, index: usize) -> String {
    let what = claim.evidence.get(index).map(check).unwrap_or_default();
    if claim.evidence.len() == 1 {
        format!("the check ({what})")
    } else {
        format!("check {} ({what})", index + 1)
    }
}

/// What the statistical decisions of the run may have got wrong.
#[must_use]
pub fn error_bound(run: &RunInfo) -> String {
    if run.tests == 0 {
        return "No statistical test was made; exact checks are computed, not sampled.".into();
    }
    let s = if run.tests == 1 { "" } else { "s" };
    format!(
        "{} statistical test{s}, controls included, each at level {} in each direction: the probability that \
         any of them errs is at most {}.",
        run.tests,
        number(run.level),
        number(run.error_bound)
    )
}

/// The tier, as an adjective.
#[must_use]
pub const fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Quick => "Quick",
        Tier::Full => "Full",
    }
}
