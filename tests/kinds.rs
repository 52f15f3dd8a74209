//! Each kind of check on a toy: what is true is corroborated, what is false is refuted, and what
//! cannot fail is vacuous; validity maps, powers of controls, and benchmarks.

use std::fs;

use corroborate::{
    check::{Estimate, Times, evidence::Outcome},
    claim::{
        Arm, BenchmarkMeasure, BenchmarkSpec, Bound, Budget, Check, CheckSpec, Claim, ComplexitySpec,
        EquivalenceSpec, LocationSpec, MapAxis, PairedSpec, Published, Relation, Scope, Statistic,
        ValidityMap, Verdict,
    },
};
use serde_json::json;

use crate::toy::{arm, check, claim, coin, commutes, judge, judge_with_times, work};

const BUDGET: Budget = Budget { first: 5, quick: 80, full: 80 };

fn verdict(spec: CheckSpec, controls: &[&str]) -> Verdict {
    judge(vec![claim(1, vec![check(spec, controls)])], 2, &|_| true).claims[0].verdict
}

/// The light effort compared with the heavy one: five times less sweat.
fn paired(statistic: Statistic, bound: Bound) -> PairedSpec {
    PairedSpec {
        experiment: "work".into(),
        metric: "sweat".into(),
        pairs: vec![(work(10, 0.2), work(10, 1.0))],
        statistic,
        bound,
        budget: BUDGET,
    }
}

#[test]
fn ratios() {
    for statistic in [Statistic::Mean, Statistic::Median] {
        let judged = |bound| verdict(CheckSpec::Ratio(paired(statistic, bound)), &["wasteful"]);
        assert_eq!(judged(Bound::AtMost(0.5)), Verdict::Corroborated, "{statistic}");
        assert_eq!(judged(Bound::Within(0.1, 0.5)), Verdict::Corroborated, "{statistic}");
        assert_eq!(judged(Bound::AtLeast(0.5)), Verdict::Refuted, "{statistic}");
        assert_eq!(judged(Bound::AtMost(3.0)), Verdict::Vacuous, "{statistic}");
    }
}

#[test]
fn improvements() {
    let judged = |pairs: Vec<(Arm, Arm)>, bound| {
        let spec = PairedSpec { pairs, ..paired(Statistic::Mean, bound) };
        verdict(CheckSpec::Improvement(spec), &["wasteful"])
    };
    let pair = || vec![(work(10, 0.2), work(10, 1.0))];
    // Less sweat is better. The fault makes both arms equal, and a tie counts half.
    assert_eq!(judged(pair(), Bound::AtLeast(0.75)), Verdict::Corroborated);
    assert_eq!(judged(pair(), Bound::AtMost(0.75)), Verdict::Refuted);
    assert_eq!(judged(pair(), Bound::AtLeast(0.25)), Verdict::Vacuous);
    assert_eq!(judged(vec![(work(10, 1.0), work(10, 0.2))], Bound::AtLeast(0.75)), Verdict::Refuted);
}

fn equivalence(figure: f64, relation: Relation, margin: f64, bound: Bound) -> CheckSpec {
    CheckSpec::Equivalence(EquivalenceSpec {
        location: LocationSpec {
            experiment: "work".into(),
            metric: "mood".into(),
            arms: vec![work(10, 0.2)],
            statistic: Statistic::NormalMean,
            bound,
            budget: BUDGET,
        },
        published: Published {
            name: "mood".into(),
            figure,
            unit: "1".into(),
            relation,
            source: "table 1".into(),
        },
        margin,
    })
}

#[test]
fn equivalences_to_a_published_figure() {
    let equals = |figure| {
        let bound = Bound::Within(figure - 0.15, figure + 0.15);
        equivalence(figure, Relation::Equals, 0.15, bound)
    };
    assert_eq!(verdict(equals(0.2), &["wasteful"]), Verdict::Corroborated);
    assert_eq!(verdict(equals(0.5), &["wasteful"]), Verdict::Refuted);
    let wide = equivalence(0.2, Relation::Equals, 2.0, Bound::Within(-1.8, 2.2));
    assert_eq!(verdict(wide, &["wasteful"]), Verdict::Vacuous);
    let judged = judge(vec![claim(1, vec![check(equals(0.2), &["wasteful"])])], 1, &|_| true);
    let finding = &judged.claims[0].evidence[0].findings[0];
    assert!(finding.requirement.contains("published: mood equals 0.2, table 1; margin 0.15"));
    assert!(finding.margin.unwrap() > 0.0 && finding.interval.is_some() && finding.log10_e.is_some());
}

fn complexity(sizes: &[f64], bound: Bound) -> CheckSpec {
    let arms = if sizes.is_empty() { vec![10] } else { sizes.iter().map(|s| *s as u32).collect() };
    CheckSpec::Complexity(ComplexitySpec {
        experiment: "work".into(),
        metric: "operations".into(),
        sizes: sizes.to_vec(),
        arms: vec![("work".into(), arms.into_iter().map(|size| work(size, 0.2)).collect())],
        bound,
        budget: BUDGET,
    })
}

#[test]
fn operation_counts_and_their_growth() {
    assert_eq!(verdict(complexity(&[], Bound::AtMost(30.0)), &["wasteful"]), Verdict::Corroborated);
    assert_eq!(verdict(complexity(&[], Bound::AtMost(29.0)), &["wasteful"]), Verdict::Refuted);
    assert_eq!(verdict(complexity(&[], Bound::AtMost(100.0)), &["wasteful"]), Verdict::Vacuous);
    // One size has no slope: the count itself is judged.
    assert_eq!(verdict(complexity(&[10.0], Bound::AtMost(30.0)), &["wasteful"]), Verdict::Corroborated);
    let sizes = [10.0, 100.0, 1000.0];
    let linear = Bound::Within(0.999_999, 1.000_001);
    assert_eq!(verdict(complexity(&sizes, linear), &["wasteful"]), Verdict::Corroborated);
    assert_eq!(verdict(complexity(&sizes, Bound::AtMost(0.9)), &["wasteful"]), Verdict::Refuted);
    assert_eq!(verdict(complexity(&sizes, Bound::AtMost(2.1)), &["wasteful"]), Verdict::Vacuous);
}

#[test]
fn a_map_shows_where_the_claim_holds() {
    let of = |heads: &f64| coin(vec![arm(*heads)], 0.5, &[]).spec;
    let values = [0.1, 0.5, 0.95];
    let axes = vec![MapAxis { setting: "heads".into(), values: values.iter().map(|v| json!(v)).collect() }];
    let map = Some(ValidityMap { axes, cells: values.iter().map(of).collect() });
    let mapped = Check { map, ..coin(vec![arm(0.95)], 0.5, &["tails-heavy"]) };
    let judged = judge(vec![claim(1, vec![mapped])], 2, &|_| true);
    let claim = &judged.claims[0];
    assert_eq!(claim.verdict, Verdict::Corroborated);
    let map = claim.evidence[0].map.as_ref().unwrap();
    let outcomes: Vec<Outcome> = map.cells.iter().map(|cell| cell.outcome).collect();
    assert_eq!(outcomes, [Outcome::Fail, Outcome::Undecided, Outcome::Pass]);
    assert_eq!(map.headline, Some(2));
    assert_eq!(map.cells[0].values, [json!(0.1)]);
    assert!(map.cells[0].margin.unwrap() < 0.0 && map.cells[2].margin.unwrap() > 0.0);
    // Cells are tests of the run: one control, three cells and the check itself.
    assert_eq!(judged.run.tests, 5);
}

#[test]
fn controls_say_how_soon_they_failed() {
    let claims = vec![
        claim(1, vec![commutes(0.0, &["off-by-one"])]),
        claim(2, vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"])]),
        claim(3, vec![coin(vec![arm(0.95)], 0.5, &["harmless"])]),
    ];
    let judged = judge(claims, 2, &|_| true);
    let power = |i: usize| judged.claims[i].controls[0].power;
    let property = power(0).unwrap();
    assert!(property.violating.unwrap() > 0.5 && property.needed < 10 && property.budget == 200);
    let statistical = power(1).unwrap();
    assert!(statistical.log10_e.unwrap() >= 5.0);
    assert_eq!((statistical.needed, statistical.budget), (41, 160));
    assert_eq!(power(2), None);
}

fn benchmark(measure: BenchmarkMeasure, bound: Bound) -> CheckSpec {
    CheckSpec::Benchmark(BenchmarkSpec { group: "update".into(), measure, bound })
}

fn faster(bound: f64) -> CheckSpec {
    let measure = BenchmarkMeasure::Ratio { function: "one".into(), against: "all".into() };
    benchmark(measure, Bound::AtMost(bound))
}

fn time(nanoseconds: f64) -> Estimate {
    Estimate { mean: nanoseconds, low: 0.9 * nanoseconds, high: 1.1 * nanoseconds, confidence: 0.95 }
}

fn judged(spec: CheckSpec, times: Option<&Times>) -> corroborate::check::evidence::ClaimResult {
    let timed = Claim { scope: Scope::Benchmark, ..claim(1, vec![check(spec, &["wasteful"])]) };
    judge_with_times(vec![timed], 1, &|_| true, times).claims.remove(0)
}

#[test]
fn times_that_nobody_measured_leave_a_claim_open_but_unsurprising() {
    let open = judged(faster(0.5), None);
    assert_eq!(open.verdict, Verdict::Inconclusive);
    assert!(open.as_expected && open.evidence[0].unmeasured);
    assert_eq!(open.evidence[0].replay, "just bench");
}

#[test]
fn ratios_of_times() {
    let times = Times::default()
        .with("update", "one", time(10.0))
        .with("update", "one+wasteful", time(100.0))
        .with("update", "all", time(100.0));
    let judged = |bound| judged(faster(bound), Some(&times));
    let fast = judged(0.5);
    assert_eq!(fast.verdict, Verdict::Corroborated);
    let finding = &fast.evidence[0].findings[0];
    assert_eq!(finding.estimate, Some(0.1));
    assert!(finding.interval.unwrap()[0] < 0.1 && finding.log10_e.is_none());
    assert_eq!(judged(0.05).verdict, Verdict::Refuted);
    let open = judged(0.1);
    assert_eq!(open.verdict, Verdict::Inconclusive);
    assert!(!open.as_expected);
    assert_eq!(judged(2.0).verdict, Verdict::Vacuous);
}

#[test]
fn slopes_of_times() {
    let sizes = vec![10.0, 100.0, 1000.0];
    let times = [10.0_f64, 100.0, 1000.0].iter().fold(Times::default(), |times, n| {
        times.with("update", &format!("one/{n}"), time(3.0 * n)).with(
            "update",
            &format!("one+wasteful/{n}"),
            time(n * n),
        )
    });
    let judged = |bound| {
        let measure = BenchmarkMeasure::Slope { function: "one".into(), sizes: sizes.clone() };
        judged(benchmark(measure, bound), Some(&times)).verdict
    };
    assert_eq!(judged(Bound::AtMost(1.3)), Verdict::Corroborated);
    assert_eq!(judged(Bound::Within(0.8, 1.2)), Verdict::Corroborated);
    assert_eq!(judged(Bound::AtMost(0.5)), Verdict::Refuted);
    assert_eq!(judged(Bound::AtMost(2.5)), Verdict::Vacuous);
}

#[test]
fn times_are_read_from_what_criterion_writes() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("update").join("one").join("10").join("new");
    fs::create_dir_all(&new).unwrap();
    let benchmark = json!({
        "group_id": "update", "function_id": "one", "value_str": "10", "throughput": null,
        "full_id": "update/one/10", "directory_name": "update/one/10", "title": "update/one/10",
    });
    let interval = json!({ "confidence_level": 0.95, "lower_bound": 9.0, "upper_bound": 11.0 });
    let mean = json!({ "confidence_interval": interval, "point_estimate": 10.0, "standard_error": 0.5 });
    fs::write(new.join("benchmark.json"), benchmark.to_string()).unwrap();
    fs::write(new.join("estimates.json"), json!({ "mean": mean, "slope": null }).to_string()).unwrap();
    let times = Times::read(folder.path()).unwrap();
    let expected = Estimate { mean: 10.0, low: 9.0, high: 11.0, confidence: 0.95 };
    assert_eq!(times.of("update", "one/10"), Some(expected));
    assert_eq!(times.of("update", "one"), None);

    fs::write(new.join("estimates.json"), "{}").unwrap();
    let message = Times::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("estimates.json") && message.contains("mean"), "{message}");
    assert!(Times::read(&folder.path().join("nowhere")).is_err());
}
