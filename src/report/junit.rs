//! Verdicts as JUnit XML: a suite a paper, a test case a claim.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::words;
use crate::{
    check::evidence::{ClaimResult, Verdicts},
    claim::Verdict,
};

/// The verdicts as JUnit XML. A verdict that is as expected is a success, out of reach is
/// skipped, a breakdown is an error, and anything else that was not expected is a failure.
///
/// # Errors
/// A message if they cannot be written.
pub fn junit(verdicts: &Verdicts) -> Result<String, String> {
    let mut report = Report::new("corroborate");
    for claims in verdicts.claims.chunk_by(|a, b| a.paper == b.paper) {
        let mut suite = TestSuite::new(claims[0].paper.as_str());
        suite.add_test_cases(claims.iter().map(test_case));
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|e| e.to_string())
}

fn test_case(claim: &ClaimResult) -> TestCase {
    let mut case = TestCase::new(claim.id.as_str(), status(claim));
    case.set_classname(claim.paper.as_str());
    for (name, value) in [
        ("statement", claim.statement.as_str()),
        ("scope", claim.scope.word()),
        ("verdict", claim.verdict.word()),
        ("expect", claim.expect.word()),
        ("replay", claim.replay.as_str()),
    ] {
        case.add_property((name, value));
    }
    if let Some(margin) = claim.margin {
        case.add_property(("margin", margin.to_string().as_str()));
    }
    case
}

fn status(claim: &ClaimResult) -> TestCaseStatus {
    let reasons = words::reasons(claim).join("\n");
    let mut status = match claim.verdict {
        Verdict::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::OutOfReach if claim.as_expected => TestCaseStatus::skipped(),
        _ if claim.as_expected => return TestCaseStatus::success(),
        _ => TestCaseStatus::non_success(NonSuccessKind::Failure),
    };
    status.set_type(claim.verdict.word());
    status.set_message(format!("{}, {}", claim.verdict, words::standing(claim)));
    status.set_description(format!("{}\n{reasons}\nreplay: {}", claim.statement, claim.replay));
    status
}
