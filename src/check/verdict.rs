//! From outcomes of checks and controls to a verdict.

use super::evidence::{ControlResult, Evidence, Outcome};
use crate::claim::{Claim, Scope, Tests, Verdict};

/// The verdict that follows.
///
/// A breakdown anywhere is an `error`, never taken for anything else. Checks of the statement
/// that all pass corroborate it, and checks of its opposite that all pass refute it, provided
/// that every control failed; if one did not, the checks cannot tell: `vacuous`. A failing check
/// of the statement refutes it. A failing check of the opposite shows neither the opposite nor
/// the statement.
#[must_use]
pub fn verdict(claim: &Claim, evidence: &[Evidence], controls: &[ControlResult]) -> Verdict {
    if claim.scope == Scope::OutOfReach {
        return Verdict::OutOfReach;
    }
    let outcomes = || evidence.iter().map(|e| e.outcome);
    if outcomes().any(|o| o == Outcome::Error) || controls.iter().any(|c| c.outcome == Outcome::Error) {
        return Verdict::Error;
    }
    if !evidence.is_empty() && outcomes().all(|o| o == Outcome::Pass) {
        return match (controls.iter().all(|c| c.worked), claim.tests) {
            (false, _) => Verdict::Vacuous,
            (true, Tests::Statement) => Verdict::Corroborated,
            (true, Tests::Opposite) => Verdict::Refuted,
        };
    }
    if claim.tests == Tests::Statement && outcomes().any(|o| o == Outcome::Fail) {
        return Verdict::Refuted;
    }
    Verdict::Inconclusive
}

/// Whether the verdict is the expected one, or cannot be because nobody has measured the times that
/// a benchmark claim is about, while what has been measured is as expected.
#[must_use]
pub fn as_expected(
    claim: &Claim,
    reached: Verdict,
    evidence: &[Evidence],
    controls: &[ControlResult],
) -> bool {
    let measured: Vec<Evidence> = evidence.iter().filter(|e| !e.unmeasured).cloned().collect();
    let waiting = claim.scope == Scope::Benchmark
        && reached == Verdict::Inconclusive
        && measured.len() < evidence.len();
    let controls: Vec<ControlResult> = controls.iter().filter(|c| !c.evidence.unmeasured).cloned().collect();
    reached == claim.expect
        || (waiting && (measured.is_empty() || verdict(claim, &measured, &controls) == claim.expect))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::claim::{ClaimKind, Provenance};

    pub fn claim() -> Claim {
        Claim {
            id: "toy.1".into(),
            paper: "toy".into(),
            statement: "A toy holds.".into(),
            source: "nowhere".into(),
            provenance: vec![Provenance::Derived],
            kind: ClaimKind::Identity,
            scope: Scope::Exact,
            tests: Tests::Statement,
            checks: vec![],
            published: vec![],
            expect: Verdict::Corroborated,
            because: None,
            notes: None,
            needs: None,
            plots: vec![],
        }
    }

    fn evidence(outcome: Outcome) -> Evidence {
        Evidence { outcome, ..Evidence::of("property", "toy", vec![]) }
    }

    fn control(outcome: Outcome) -> ControlResult {
        ControlResult::of("fault", "A mistake.", 0, evidence(outcome))
    }

    #[test]
    fn times_that_nobody_measured_are_no_surprise() {
        let unmeasured = Evidence { unmeasured: true, ..evidence(Outcome::Undecided) };
        let reached = |scope, evidence: &[Evidence]| {
            let claim = Claim { scope, ..claim() };
            as_expected(&claim, verdict(&claim, evidence, &[]), evidence, &[])
        };
        assert!(reached(Scope::Benchmark, std::slice::from_ref(&unmeasured)));
        assert!(reached(Scope::Benchmark, &[unmeasured.clone(), evidence(Outcome::Pass)]));
        assert!(!reached(Scope::Benchmark, &[unmeasured.clone(), evidence(Outcome::Fail)]));
        assert!(!reached(Scope::Benchmark, &[unmeasured.clone(), evidence(Outcome::Undecided)]));
        assert!(!reached(Scope::Benchmark, &[evidence(Outcome::Undecided)]));
        assert!(!reached(Scope::Statistical, std::slice::from_ref(&unmeasured)));
        // Of the controls too, those that were measured count.
        let controlled = |outcome| {
            let claim = Claim { scope: Scope::Benchmark, ..claim() };
            let evidence = [unmeasured.clone(), evidence(Outcome::Pass)];
            let untimed = ControlResult::of("fault", "A mistake.", 0, unmeasured.clone());
            as_expected(&claim, Verdict::Inconclusive, &evidence, &[untimed, control(outcome)])
        };
        assert!(controlled(Outcome::Fail));
        assert!(!controlled(Outcome::Pass));
    }

    #[test]
    fn every_row_of_the_table_of_verdicts() {
        use Outcome::{Error, Fail, Pass, Undecided};
        let judge = |tests, checks: &[Outcome], controls: &[Outcome]| {
            let claim = Claim { tests, ..claim() };
            let checks: Vec<_> = checks.iter().map(|o| evidence(*o)).collect();
            let controls: Vec<_> = controls.iter().map(|o| control(*o)).collect();
            verdict(&claim, &checks, &controls)
        };
        let statement = |checks: &[Outcome], controls: &[Outcome]| judge(Tests::Statement, checks, controls);
        assert_eq!(statement(&[Pass], &[Fail]), Verdict::Corroborated);
        assert_eq!(statement(&[Pass], &[]), Verdict::Corroborated);
        assert_eq!(statement(&[Pass], &[Fail, Pass]), Verdict::Vacuous);
        assert_eq!(statement(&[Pass], &[Undecided]), Verdict::Vacuous);
        assert_eq!(statement(&[Pass, Fail], &[Fail]), Verdict::Refuted);
        assert_eq!(statement(&[Undecided, Fail], &[Pass]), Verdict::Refuted);
        assert_eq!(statement(&[Pass, Undecided], &[Fail]), Verdict::Inconclusive);
        assert_eq!(statement(&[], &[]), Verdict::Inconclusive);
        assert_eq!(statement(&[Error, Fail], &[Fail]), Verdict::Error);
        assert_eq!(statement(&[Pass], &[Error]), Verdict::Error);
        let opposite = |checks: &[Outcome], controls: &[Outcome]| judge(Tests::Opposite, checks, controls);
        assert_eq!(opposite(&[Pass], &[Fail]), Verdict::Refuted);
        assert_eq!(opposite(&[Pass], &[Pass]), Verdict::Vacuous);
        assert_eq!(opposite(&[Fail], &[Fail]), Verdict::Inconclusive);
        let unreachable = Claim { scope: Scope::OutOfReach, ..claim() };
        assert_eq!(verdict(&unreachable, &[], &[]), Verdict::OutOfReach);
    }
}
