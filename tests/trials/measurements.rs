//! Metrics that are no measurements, too few, or constant; and exact kinds at the edge of their bound.

use corroborate::{
    check::{LEVEL, evidence::Outcome},
    claim::{
        Arm, Bound, CheckSpec, ComplexitySpec, CoverageSpec, NumberSpec, RateSpec, Requirement, Statistic,
        Verdict,
    },
};

use super::{BUDGET, Trial, of_location, pairs};
use crate::toy::{arm, claim, commutes, judge, work};

#[test]
fn exact_kinds_fail_by_a_hair() {
    let hair = 1.0 + f64::EPSILON;
    let count = CheckSpec::Complexity(ComplexitySpec {
        experiment: "work".into(),
        metric: "operations".into(),
        sizes: vec![],
        arms: vec![("work".into(), vec![work(10, 0.2)])],
        bound: Bound::AtMost(1.0),
        budget: BUDGET,
    });
    let number = CheckSpec::Number(NumberSpec {
        experiment: "work".into(),
        arms: vec![work(10, 0.2)],
        require: vec![Requirement { metric: "operations".into(), bound: Bound::AtMost(1.0) }],
    });
    for spec in [count, number] {
        let trial = Trial { spec, metric: "operations" };
        assert_eq!(trial.ask(LEVEL, &[vec![1.0]]).unwrap().outcome, Outcome::Pass);
        assert_eq!(trial.ask(LEVEL, &[vec![hair]]).unwrap().outcome, Outcome::Fail);
    }
    // A property whose error is 1 under its fault.
    let verdict = |tolerance: f64| {
        judge(vec![claim(1, vec![commutes(tolerance, &["off-by-one"])])], 1, &|_| true).claims[0].verdict
    };
    assert_eq!(verdict(1.0_f64.next_down()), Verdict::Corroborated);
    assert_eq!(verdict(1.0), Verdict::Vacuous);
}

/// Every statistical kind, with the number of samples of its question.
fn statistical() -> Vec<(&'static str, Trial, usize)> {
    let of = |spec, metric| Trial { spec, metric };
    let sizes = vec![10.0, 100.0];
    let arms: Vec<Arm> = vec![work(10, 0.2), work(100, 0.2)];
    let rate = RateSpec {
        experiment: "work".into(),
        metric: "operations".into(),
        sizes,
        arms: vec![("work".into(), arms)],
        statistic: Statistic::Median,
        bound: Bound::AtMost(0.5),
        budget: BUDGET,
    };
    let coverage = CoverageSpec {
        experiment: "coin".into(),
        metric: "heads".into(),
        arms: vec![arm(0.5)],
        bound: Bound::AtMost(0.5),
        budget: BUDGET,
    };
    vec![
        ("mean", of_location("sweat", Statistic::Mean, 0.5), 1),
        ("median", of_location("mood", Statistic::Median, 0.5), 1),
        ("normal mean", of_location("mood", Statistic::NormalMean, 0.5), 1),
        ("difference", of(CheckSpec::Difference(pairs("sweat", Statistic::Mean, 0.1)), "sweat"), 2),
        ("ratio", of(CheckSpec::Ratio(pairs("sweat", Statistic::Mean, 0.5)), "sweat"), 2),
        ("ratio of medians", of(CheckSpec::Ratio(pairs("sweat", Statistic::Median, 0.5)), "sweat"), 2),
        ("improvement", of(CheckSpec::Improvement(pairs("sweat", Statistic::Mean, 0.9)), "sweat"), 2),
        ("coverage", of(CheckSpec::Coverage(coverage), "heads"), 1),
        ("rate", of(CheckSpec::Rate(rate), "operations"), 2),
    ]
}

#[test]
fn metrics_that_are_no_measurements_decide_nothing() {
    for (name, trial, samples) in statistical() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut replicates = vec![vec![1.0; samples]; 30];
            replicates[17][0] = bad;
            assert!(trial.ask(LEVEL, &replicates).is_err(), "{name} takes {bad}");
        }
    }
    for (name, trial, samples) in statistical() {
        if matches!(name, "mean" | "difference" | "ratio" | "coverage") {
            let mut replicates = vec![vec![0.0; samples]; 30];
            replicates[17][0] = -2.5;
            assert!(trial.ask(LEVEL, &replicates).is_err(), "{name} takes values out of range");
        }
    }
}

#[test]
fn too_few_replicates_decide_nothing() {
    for (name, trial, samples) in statistical() {
        for few in 1..=3 {
            let replicates: Vec<Vec<f64>> = (0..few).map(|i| vec![f64::from(i % 2); samples]).collect();
            let replicates = if matches!(name, "rate" | "ratio of medians") {
                vec![vec![1.0; samples]; few as usize]
            } else {
                replicates
            };
            let finding = trial.ask(LEVEL, &replicates).unwrap();
            assert_eq!(finding.outcome, Outcome::Undecided, "{name}, {few}");
            assert!(finding.margin.is_none_or(|m| m.is_finite() && m <= 0.0), "{name}, {few}: {finding:?}");
            assert!(finding.estimate.is_none_or(f64::is_finite), "{name}, {few}: {finding:?}");
        }
    }
}

#[test]
fn a_constant_metric_is_taken_at_its_value_or_refused() {
    let constant = |name: &str, value: f64| {
        let (_, trial, samples) = statistical().into_iter().find(|(n, ..)| *n == name).unwrap();
        trial.ask(LEVEL, &vec![vec![value; samples]; 80]).map(|finding| finding.outcome)
    };
    assert_eq!(constant("mean", 0.0), Ok(Outcome::Pass));
    assert_eq!(constant("mean", 1.0), Ok(Outcome::Fail));
    // A tie with the bound never speaks for the statement.
    assert_eq!(constant("mean", 0.5), Ok(Outcome::Undecided));
    assert_eq!(constant("median", 0.4), Ok(Outcome::Pass));
    assert_eq!(constant("median", 0.5), Ok(Outcome::Fail));
    assert_eq!(constant("improvement", 0.3), Ok(Outcome::Pass));
    assert!(constant("normal mean", 0.4).is_err());
    assert!(constant("ratio of medians", 0.0).is_err());
    assert!(constant("coverage", 0.5).is_err());
}
