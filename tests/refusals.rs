//! Inputs of functions and instances of properties that no computation can be made of: what fuzzing found to
//! break a leaf is refused, and the message tells what was expected.

use corroborate::{
    cli::{Refusal, eval::Item},
    papers::{leaf::Paper, registry},
};
use serde_json::Value;

/// The function or property, where an ordinary input is changed, to what, and what the refusal says.
const REFUSED: &[(&str, &str, &str, &str)] = &[
    ("ctrl-diffusion/classifier-tilt", "/errors", "[]", "`errors` must have"),
    ("ctrl-diffusion/pairs-suffice", "/labels/0/0", "[1,2,3,4]", "`labels` must have"),
    ("ctrl-diffusion/pairs-suffice", "/labels", "[]", "`labels` must have"),
    ("ctrl-diffusion/pairs-suffice", "/prior", "[]", "`prior` must have"),
    ("ctrl-diffusion/soft-optimality", "/control/0/0", "[1]", "`control` must have"),
    ("g2rpo/expected-gradient", "/group", "32", "group: expected a whole number ≥ 1 and ≤ 16"),
    ("g2rpo/outliers", "/group/rewards", "[]", "group.rewards: expected a list of 1"),
    ("g2rpo/optimal-transport", "/rewards", "[0,1,2,3,4,5,6,7,8,9]", "at most 9"),
    ("fisher-non-degenerate-pg/unbiased", "/horizon", "40", "at most 10000 trajectories"),
    ("optimistic-feasible-search/unbiased-residuals", "/m", "100000", "m: expected a whole number"),
    ("policyflow/brownian-residual", "/departure", "[]", "departure: expected a list of 1"),
    ("policyflow/score-velocity", "/point", "[0.0,0.0,0.0,0.0]", "point: expected a list of 1 to 3"),
    ("prdc/search", "/pair/state", "[0.0,0.0,0.0,0.0]", "dimensions"),
    ("realizability/amplification", "/parameter", "[]", "`parameter` must have"),
    ("realizability/completeness", "/values", "[]", "`values` must have"),
    ("realizability/completeness", "/transitions/0", "[]", "`transitions` must have"),
    ("realizability/loss-identity", "/parameters/0", "[]", "`parameters` must have"),
    ("realizability/value-errors", "/start", "[]", "`start` must have"),
    ("single-stream-po/equal-rollouts", "/group", "100000", "group: expected a whole number"),
];

/// Of functions that have no finite output: where an ordinary input is changed, to what, and what is said.
const NOT_FINITE: &[(&str, &str, &str, &str)] = &[(
    "bayesian-policy-gradient/monte-carlo",
    "/returns/2",
    "1e308",
    "`plain[0]` of the output is not finite",
)];

/// The item, and what it makes of an ordinary input after a change.
fn changed(papers: &[Paper], of: &str, place: &str, to: &str) -> (String, Result<Value, Refusal>) {
    let (slug, name) = of.split_once('/').unwrap();
    let leaf = papers.iter().find(|leaf| leaf.slug == slug).unwrap();
    let item = Item::of(leaf, name, None).unwrap_or_else(|refusal| panic!("{of}: {refusal}"));
    let mut input = if let Some(function) = leaf.find_function(name) {
        function.example.clone()
    } else {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        leaf.find_property(name).unwrap().draw(&mut runner).unwrap().json()
    };
    *input.pointer_mut(place).unwrap_or_else(|| panic!("{of}: nothing at {place}")) =
        serde_json::from_str(to).unwrap();
    (input.to_string(), item.evaluate(&input.to_string()))
}

/// Holds each change to a refusal of this kind that says what it is to say.
fn hold(changes: &[(&str, &str, &str, &str)], told: impl Fn(&Refusal) -> Option<&String>) {
    let papers = registry();
    let mut wrong = Vec::new();
    for (of, place, to, words) in changes {
        let (input, result) = changed(&papers, of, place, to);
        if !result.as_ref().err().and_then(&told).is_some_and(|told| told.contains(words)) {
            wrong.push(format!("{of} of {input}: {result:?}, expected `{words}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_fits_the_schema_and_makes_no_sense_is_refused_with_what_was_expected() {
    hold(REFUSED, |refusal| if let Refusal::Usage(told) = refusal { Some(told) } else { None });
}

#[test]
fn what_has_no_finite_output_says_where() {
    hold(NOT_FINITE, |refusal| if let Refusal::Machinery(told) = refusal { Some(told) } else { None });
}
