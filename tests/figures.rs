//! The numbers, words and commands of evidence, held to what they must be on leaves whose
//! measurements are known beforehand.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use corroborate::{
    check::{
        self, Estimate, LEVEL, Times,
        evidence::{
            Evidence,
            Outcome::{self, Fail, Pass, Undecided},
            Verdicts,
        },
    },
    claim::{
        Arm, Axis, BenchmarkMeasure, BenchmarkSpec, Bound, Budget, Check, CheckSpec, Claim, CoverageSpec,
        LocationSpec, MapAxis, PairedSpec, PaperClaims, PaperRecord, Plot, PlotContent, PlotCurve, PlotPanel,
        PropertySpec, Requirement, Scope, Statistic, Tier, ValidityMap, Verdict,
    },
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric, Observe, Paper},
    run::Executor,
    stats::betting::{Betting, Range},
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::toy::{Coin, Commutes, Fault, Work, arm, check, claim, coin, commutes, judge, record, work};

/// Settings of the level.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Height {
    /// What is measured.
    pub height: f64,
}

impl Default for Height {
    fn default() -> Self {
        Self { height: 1.0 }
    }
}

/// The height whose preparations are counted, of which one test alone makes use.
const COUNTED: f64 = 2.125;
/// How often it was prepared.
static PREPARED: AtomicU32 = AtomicU32::new(0);

/// Measures the number that it was set to, in a range that does not begin at 0.
pub struct Level(f64);

impl Measure for Level {
    type Settings = Height;
    type Fault = Fault;
    const NAME: &'static str = "level";
    const SUMMARY: &'static str = "Measures a number.";
    const METRICS: &'static [Metric] = &[Metric::new("level", "The number.").range(1.0, 3.0)];
    const FAULTS: &'static [Fault] = &[Fault::Harmless];
    const TREATMENTS: &'static [&'static str] = &["height"];

    fn prepare(settings: Height, _: &Data) -> Result<Self, Failure> {
        if settings.height == COUNTED {
            PREPARED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Self(settings.height))
    }

    fn replicate(&self, _: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (x, level) = (|| vec![10.0, 20.0], self.0);
        let measured = Measurement::new().metric("level", level);
        Ok(measured.series("nothing", x(), vec![0.0, 0.0]).series("levels", x(), vec![level, 2.0 * level]))
    }
}

/// Numbers from 0 to 10, one in sixteen of which is within the assumptions.
pub struct Rare;

impl Observe for Rare {
    type Instance = (u8, u8);
    type Fault = Fault;
    const NAME: &'static str = "rare";
    const SUMMARY: &'static str = "Numbers are small.";
    const METRICS: &'static [Metric] = &[Metric::new("number", "The number.").range(0.0, 10.0)];
    const FAULTS: &'static [Fault] = &[Fault::Harmless];

    fn instances() -> BoxedStrategy<(u8, u8)> {
        (0_u8..=10, 0_u8..16).boxed()
    }

    fn observe((number, luck): &(u8, u8), _: Option<Fault>) -> Result<Measurement, Failure> {
        if *luck > 0 {
            return Err(Failure::Rejected("no luck"));
        }
        Ok(Measurement::new().metric("number", f64::from(*number)))
    }
}

/// Nothing is ever within the assumptions.
pub struct Never;

impl Observe for Never {
    type Instance = u8;
    type Fault = Fault;
    const NAME: &'static str = "never";
    const SUMMARY: &'static str = "Nothing is.";
    const METRICS: &'static [Metric] = &[Metric::new("number", "The number.").range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::Harmless];

    fn instances() -> BoxedStrategy<u8> {
        (0_u8..16).boxed()
    }

    fn observe(_: &u8, _: Option<Fault>) -> Result<Measurement, Failure> {
        Err(Failure::Rejected("hopeless"))
    }
}

fn leaf() -> Paper {
    let toy = Paper::new::<Fault>("toy").experiment::<Coin>().experiment::<Work>().experiment::<Level>();
    toy.property::<Commutes>().property::<Rare>().property::<Never>()
}

fn judged(papers: &[PaperClaims], select: &dyn Fn(&Claim) -> bool) -> Verdicts {
    let executor = Executor::new(vec![leaf()], BTreeMap::new(), 0, 1, Duration::from_secs(20)).unwrap();
    let options = check::Options { tier: Tier::Quick, select, times: None, progress: &|_| () };
    check::verify(&executor, papers, &options)
}

fn verdicts(claims: Vec<Claim>) -> Verdicts {
    judged(&[PaperClaims { record: record(), claims }], &|_| true)
}

/// The evidence of a check that stands alone.
fn evidence(spec: CheckSpec) -> Evidence {
    verdicts(vec![claim(1, vec![check(spec, &[])])]).claims.remove(0).evidence.remove(0)
}

fn height(height: f64) -> Arm {
    Arm { label: format!("height {height}"), settings: json!({ "height": height }) }
}

const BUDGET: Budget = Budget { first: 5, quick: 40, full: 80 };

fn level(statistic: Statistic, bound: Bound) -> CheckSpec {
    CheckSpec::Location(LocationSpec {
        experiment: "level".into(),
        metric: "level".into(),
        arms: vec![height(2.5)],
        statistic,
        bound,
        budget: BUDGET,
    })
}

#[test]
fn evidence_says_what_was_asked_of_whom() {
    for (statistic, bound, requirement) in [
        (Statistic::Mean, Bound::AtMost(2.75), "mean ≤ 2.75"),
        (Statistic::Mean, Bound::AtLeast(1.5), "mean ≥ 1.5"),
        (Statistic::Median, Bound::Within(1.0, 3.0), "1.0 ≤ median ≤ 3.0"),
    ] {
        let evidence = evidence(level(statistic, bound));
        assert_eq!((evidence.kind.as_str(), evidence.subject.as_str()), ("location", "level"));
        let finding = &evidence.findings[0];
        assert_eq!((finding.requirement.as_str(), finding.label.as_str()), (requirement, "height 2.5"));
        assert_eq!((finding.estimate, finding.deviation), (Some(2.5), Some(0.0)));
        assert_eq!(evidence.budget, 40);
        let replay =
            format!("corroborate run toy/level --set height=2.5 --replicates {} --seed 0", evidence.samples);
        assert_eq!(evidence.replay, replay);
    }
    let normal = judge(
        vec![claim(
            1,
            vec![check(
                CheckSpec::Location(LocationSpec {
                    experiment: "work".into(),
                    metric: "mood".into(),
                    arms: vec![work(10, 0.2)],
                    statistic: Statistic::NormalMean,
                    bound: Bound::AtMost(1.0),
                    budget: BUDGET,
                }),
                &[],
            )],
        )],
        1,
        &|_| true,
    );
    assert_eq!(normal.claims[0].evidence[0].findings[0].requirement, "mean of a normal variable ≤ 1.0");
}

#[test]
fn one_replicate_has_no_deviation() {
    let once = Budget { first: 1, quick: 1, full: 1 };
    let CheckSpec::Location(spec) = level(Statistic::Mean, Bound::AtMost(2.75)) else { unreachable!() };
    let finding = evidence(CheckSpec::Location(LocationSpec { budget: once, ..spec })).findings.remove(0);
    assert_eq!((finding.samples, finding.estimate, finding.deviation), (1, Some(2.5), None));
}

#[test]
fn a_control_stops_at_the_first_failure_and_the_reference_goes_on() {
    // One half is never told from itself, and one tenth soon.
    let judged = verdicts(vec![claim(1, vec![coin(vec![arm(0.5), arm(0.1)], 0.5, &["harmless"])])]);
    let (evidence, control) = (&judged.claims[0].evidence[0], &judged.claims[0].controls[0].evidence);
    assert_eq!((evidence.outcome, evidence.samples), (Fail, 160));
    assert!(control.outcome == Fail && control.samples < 100, "{}", control.samples);
}

#[test]
fn properties_can_be_replayed() {
    let judged = judge(vec![claim(1, vec![commutes(0.0, &["off-by-one"])])], 1, &|_| true).claims.remove(0);
    assert_eq!(
        (judged.evidence[0].kind.as_str(), judged.evidence[0].subject.as_str()),
        ("property", "commutes")
    );
    assert_eq!(judged.evidence[0].replay, "corroborate verify toy.1 --tier quick --seed 0");
    assert_eq!(judged.evidence[0].findings[0].samples, 200);
    let control = &judged.controls[0];
    assert_eq!(
        control.evidence.replay,
        r#"echo '{"a":101,"b":101}' | corroborate eval toy/commutes --fault off-by-one"#
    );
    // The first violating case is the last that is needed; 0.899² of all pairs exceed 100 twice.
    let case = control.evidence.counterexample.as_ref().unwrap()["case"].as_u64().unwrap();
    let power = control.power.unwrap();
    assert_eq!(power.needed, case + 1);
    assert!((power.violating.unwrap() - 0.899 * 0.899).abs() < 0.1);
}

#[test]
fn e_values_of_a_difference_are_those_of_its_range() {
    // Values of [1, 3] differ by −2 … 2.
    for bound in [0.5, 1.75] {
        let spec = PairedSpec {
            experiment: "level".into(),
            metric: "level".into(),
            pairs: vec![(height(2.5), height(1.5))],
            statistic: Statistic::Mean,
            bound: Bound::AtMost(bound),
            budget: BUDGET,
        };
        let finding = evidence(CheckSpec::Difference(spec)).findings.remove(0);
        let mut betting = Betting::new(Range::new(-2.0, 2.0).unwrap(), bound).unwrap();
        (0..finding.samples).for_each(|_| betting.push(1.0).unwrap());
        let found = finding.log10_e.unwrap();
        assert!((found.in_favour - betting.log10_e_below()).abs() < 1e-12, "{bound}");
        assert!((found.against - betting.log10_e_above()).abs() < 1e-12, "{bound}");
    }
}

#[test]
fn a_ratio_of_means_is_estimated_by_their_ratio() {
    let spec = PairedSpec {
        experiment: "work".into(),
        metric: "sweat".into(),
        pairs: vec![(work(10, 0.2), work(10, 1.0))],
        statistic: Statistic::Mean,
        bound: Bound::AtMost(0.5),
        budget: BUDGET,
    };
    // The two arms share their random numbers.
    let estimate = evidence(CheckSpec::Ratio(spec.clone())).findings[0].estimate.unwrap();
    assert!((estimate - 0.2).abs() < 1e-12, "{estimate}");
    let nothing = PairedSpec {
        experiment: "coin".into(),
        metric: "heads".into(),
        pairs: vec![(arm(0.95), arm(0.0))],
        ..spec
    };
    assert_eq!(evidence(CheckSpec::Ratio(nothing)).findings[0].estimate, None);
}

#[test]
fn what_may_be_negative_has_no_ratio() {
    let of = |experiment: &str, metric: &str, pair: (Arm, Arm)| {
        let spec = PairedSpec {
            experiment: experiment.into(),
            metric: metric.into(),
            pairs: vec![pair],
            statistic: Statistic::Median,
            bound: Bound::AtMost(3.0),
            budget: BUDGET,
        };
        evidence(CheckSpec::Ratio(spec)).outcome
    };
    assert_eq!(of("work", "mood", (work(10, 1.0), work(10, 1.0))), Outcome::Error);
    assert_eq!(of("level", "level", (height(3.0), height(1.5))), Outcome::Pass);
}

#[test]
fn a_coverage_is_counted_of_indicators_only() {
    let spec = |experiment: &str, metric: &str, arms| {
        CheckSpec::Coverage(CoverageSpec {
            experiment: experiment.into(),
            metric: metric.into(),
            arms,
            bound: Bound::AtLeast(0.5),
            budget: BUDGET,
        })
    };
    let tosses = evidence(spec("coin", "toss", vec![arm(0.95)]));
    assert_eq!(tosses.outcome, Outcome::Error);
    assert!(tosses.error.unwrap().contains("neither 0 nor 1"));
    // Both values occur among 40 tosses of a fair coin.
    assert_eq!(evidence(spec("coin", "heads", vec![arm(0.5)])).error, None);
}

fn numbers(property: &str, bounds: &[Bound], cases: u64) -> Evidence {
    let requirement = |bound: &Bound| Requirement { metric: "number".into(), bound: *bound };
    evidence(CheckSpec::Property(PropertySpec {
        property: property.into(),
        require: bounds.iter().map(requirement).collect(),
        cases: Budget { first: 1, quick: cases, full: cases },
    }))
}

#[test]
fn instances_outside_the_assumptions_are_counted_and_bounded() {
    let bounds = [Bound::Within(-1.0, 20.0), Bound::AtMost(10.0), Bound::AtLeast(0.0)];
    let rare = numbers("rare", &bounds, 300);
    // Among 300 numbers from 0 to 10 the two ends occur; 15 are rejected for each.
    let worst: Vec<Option<f64>> = rare.findings.iter().map(|f| f.estimate).collect();
    let margins: Vec<Option<f64>> = rare.findings.iter().map(|f| f.margin).collect();
    assert_eq!(
        (worst, margins),
        (vec![Some(0.0), Some(10.0), Some(0.0)], vec![Some(1.0), Some(0.0), Some(0.0)])
    );
    assert!((3900..5100).contains(&rare.rejected), "{}", rare.rejected);
    let never = numbers("never", &bounds, 10);
    assert_eq!(never.outcome, Outcome::Error);
    assert!(never.error.unwrap().contains("too many instances outside the assumptions, the last: hopeless"));
}

#[test]
fn what_is_not_so_is_left_out_of_the_file() {
    let plain = serde_json::to_value(evidence(level(Statistic::Mean, Bound::AtMost(2.75)))).unwrap();
    assert!(plain.get("unmeasured").is_none() && plain.get("rejected").is_none());
    let rare = serde_json::to_value(numbers("rare", &[Bound::AtMost(10.0)], 20)).unwrap();
    assert!(rare["rejected"].as_u64() > Some(0));
    let back: Evidence = serde_json::from_value(rare.clone()).unwrap();
    assert_eq!(serde_json::to_value(back).unwrap(), rare);
    let spec = BenchmarkSpec {
        group: "update".into(),
        measure: BenchmarkMeasure::Ratio { function: "one".into(), against: "all".into() },
        bound: Bound::AtMost(0.5),
    };
    let timed = serde_json::to_value(evidence(CheckSpec::Benchmark(spec))).unwrap();
    assert_eq!(timed["unmeasured"], json!(true));
}

#[test]
fn equal_settings_are_prepared_once() {
    // Forty replicates of two claims, in pieces of five.
    let spec = || {
        CheckSpec::Location(LocationSpec {
            experiment: "level".into(),
            metric: "level".into(),
            arms: vec![height(COUNTED)],
            statistic: Statistic::Mean,
            bound: Bound::AtMost(COUNTED),
            budget: BUDGET,
        })
    };
    let claims = vec![claim(1, vec![check(spec(), &[])]), claim(2, vec![check(spec(), &[])])];
    assert_eq!(verdicts(claims).claims[0].evidence[0].samples, 40);
    assert_eq!(PREPARED.load(Ordering::Relaxed), 1);
}

#[test]
fn runs_tell_their_tests_and_their_papers() {
    let first =
        PaperClaims { record: record(), claims: vec![claim(1, vec![commutes(0.0, &["off-by-one"])])] };
    let other =
        Claim { id: "other.1".into(), ..claim(2, vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"])]) };
    let other_record = PaperRecord { slug: "other".into(), ..record() };
    let papers = [first, PaperClaims { record: other_record, claims: vec![other] }];
    let one = judged(&papers, &|c| c.id == "toy.1");
    assert_eq!(one.papers.iter().map(|p| p.slug.as_str()).collect::<Vec<_>>(), ["toy"]);
    assert_eq!((one.run.tests, one.run.error_bound), (0, 0.0));
    let both = judged(&papers, &|_| true);
    assert_eq!(both.claims.len(), 2);
    // The check of the coin, and its control.
    assert_eq!((both.run.tests, both.run.error_bound), (2, 2.0 * LEVEL));
    // An interval has two ends.
    let interval = level(Statistic::Median, Bound::Within(1.0, 3.0));
    assert_eq!(verdicts(vec![claim(1, vec![check(interval, &[])])]).run.tests, 2);
    assert_ne!(one.run.plan, both.run.plan);
    assert_eq!(one.run.plan, judged(&papers, &|c| c.id == "toy.1").run.plan);
    let plan = |heads| verdicts(vec![claim(1, vec![coin(vec![arm(heads)], 0.5, &[])])]).run.plan;
    assert_ne!(plan(0.95), plan(0.9), "other settings, another plan");
}

#[test]
fn each_check_has_its_own_map() {
    let mapped = |controls: &[&str], heads: &[f64]| {
        let of = |heads: &f64| coin(vec![arm(*heads)], 0.5, &[]).spec;
        let axes =
            vec![MapAxis { setting: "heads".into(), values: heads.iter().map(|v| json!(v)).collect() }];
        let map = Some(ValidityMap { axes, cells: heads.iter().map(of).collect() });
        Check { map, ..coin(vec![arm(0.95)], 0.5, controls) }
    };
    let checks = vec![mapped(&["tails-heavy"], &[0.05, 0.95]), mapped(&[], &[0.9, 0.1, 0.99])];
    let judged = judge(vec![claim(1, checks)], 1, &|_| true).claims.remove(0);
    let outcomes = |check: usize| {
        let map = judged.evidence[check].map.as_ref().unwrap();
        (map.cells.iter().map(|cell| cell.outcome).collect::<Vec<_>>(), map.headline)
    };
    assert_eq!(outcomes(0), (vec![Fail, Pass], Some(1)));
    assert_eq!(outcomes(1), (vec![Pass, Fail, Pass], None));
}

fn plot(content: PlotContent, arms: Vec<(f64, Arm)>) -> Plot {
    let axis = || Axis { label: "height".into(), log: false };
    let curve = PlotCurve { label: "one".into(), fault: None, arms };
    Plot {
        title: "Heights".into(),
        content,
        x: axis(),
        y: axis(),
        experiment: "level".into(),
        panels: vec![PlotPanel { title: "left".into(), curves: vec![curve] }],
        replicates: 3,
    }
}

#[test]
fn pictures_show_what_was_measured() {
    let sweep = || vec![(1.5, height(1.5)), (3.0, height(3.0))];
    for (plot, x, y) in [
        (plot(PlotContent::Sweep("level".into()), sweep()), vec![1.5, 3.0], vec![1.5, 3.0]),
        (plot(PlotContent::Bars("level".into()), vec![(0.0, height(2.5))]), vec![0.0], vec![2.5]),
        (
            plot(PlotContent::Series("levels".into()), vec![(0.0, height(2.5))]),
            vec![10.0, 20.0],
            vec![2.5, 5.0],
        ),
    ] {
        let spec = level(Statistic::Mean, Bound::AtMost(2.75));
        let pictured = Claim { plots: vec![plot], ..claim(1, vec![check(spec, &[])]) };
        let drawn = verdicts(vec![pictured]).claims.remove(0).plots.remove(0);
        assert_eq!((drawn.title.as_str(), drawn.replicates), ("Heights", 3));
        let (panel, curve) = (&drawn.panels[0], &drawn.panels[0].curves[0]);
        assert_eq!((panel.title.as_str(), curve.label.as_str()), ("left", "one"));
        assert_eq!((&curve.x, &curve.mean, &curve.low, &curve.high), (&x, &y, &y, &y));
    }
}

fn time(nanoseconds: f64) -> Estimate {
    Estimate { mean: nanoseconds, low: 0.9 * nanoseconds, high: 1.1 * nanoseconds, confidence: 0.95 }
}

fn timed(measure: BenchmarkMeasure, bound: Bound, times: &Times) -> Evidence {
    let spec = CheckSpec::Benchmark(BenchmarkSpec { group: "update".into(), measure, bound });
    let timed = Claim { scope: Scope::Benchmark, ..claim(1, vec![check(spec, &[])]) };
    crate::toy::judge_with_times(vec![timed], 1, &|_| true, Some(times)).claims.remove(0).evidence.remove(0)
}

#[test]
fn a_slope_of_times_is_as_uncertain_as_its_ends() {
    let times = Times::default().with("update", "one/10", time(30.0)).with("update", "one/100", time(300.0));
    let measure = BenchmarkMeasure::Slope { function: "one".into(), sizes: vec![10.0, 100.0] };
    let finding = timed(measure, Bound::AtMost(2.0), &times).findings.remove(0);
    // From the upper end of the first to the lower end of the second time, and the other way round.
    let reach = (1.1_f64 / 0.9).log10();
    let [low, high] = finding.interval.unwrap();
    assert!((finding.estimate.unwrap() - 1.0).abs() < 1e-12);
    assert!((low - (1.0 - reach)).abs() < 1e-12 && (high - (1.0 + reach)).abs() < 1e-12, "{low} {high}");
}

#[test]
fn times_decide_where_their_whole_interval_lies() {
    let times = Times::default().with("update", "one", time(10.0)).with("update", "all", time(100.0));
    let measure = || BenchmarkMeasure::Ratio { function: "one".into(), against: "all".into() };
    let judged = |bound| timed(measure(), bound, &times);
    let [low, high] = judged(Bound::AtMost(1.0)).findings[0].interval.unwrap();
    assert!((low - 0.09 / 1.1).abs() < 1e-12 && (high - 0.11 / 0.9).abs() < 1e-12);
    let (less, more) = (low.next_down(), high.next_up());
    for (bound, outcome) in [
        (Bound::AtMost(high), Pass),
        (Bound::AtMost(high.next_down()), Undecided),
        (Bound::AtMost(low), Undecided),
        (Bound::AtMost(less), Fail),
        (Bound::AtLeast(low), Pass),
        (Bound::AtLeast(low.next_up()), Undecided),
        (Bound::AtLeast(high), Undecided),
        (Bound::AtLeast(more), Fail),
        (Bound::Within(low, high), Pass),
        (Bound::Within(high, 1.0), Undecided),
        (Bound::Within(0.0, low), Undecided),
        (Bound::Within(more, 1.0), Fail),
        (Bound::Within(0.0, less), Fail),
    ] {
        assert_eq!(judged(bound).outcome, outcome, "{bound:?}");
    }
}

/// What criterion leaves in a folder after it has measured `update/one`.
fn newest(folder: &Path, mean: f64) {
    fs::create_dir_all(folder).unwrap();
    let benchmark: Value = json!({ "group_id": "update", "function_id": "one", "value_str": null });
    let interval = json!({ "confidence_level": 0.95, "lower_bound": mean, "upper_bound": mean });
    let mean = json!({ "mean": { "confidence_interval": interval, "point_estimate": mean } });
    fs::write(folder.join("benchmark.json"), benchmark.to_string()).unwrap();
    fs::write(folder.join("estimates.json"), mean.to_string()).unwrap();
}

#[test]
fn only_the_newest_times_of_criterion_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let write = |part: &str, mean: f64| newest(&folder.path().join("update/one").join(part), mean);
    write("new", 10.0);
    write("base", 99.0);
    write("report", 98.0);
    fs::create_dir_all(folder.path().join("update/two/new")).unwrap();
    fs::write(folder.path().join("new"), "no folder").unwrap();
    let times = Times::read(folder.path()).unwrap();
    assert_eq!(times.of("update", "one").map(|time| time.mean), Some(10.0));
    assert_eq!(times.of("update", "two"), None);
    for (low, fits) in [(10.0, true), (0.0, false), (-1.0, false)] {
        write("new", low);
        assert_eq!(Times::read(folder.path()).is_ok(), fits, "{low}");
    }
}

#[test]
fn times_are_looked_for_six_folders_deep() {
    for (benchmark, found) in [("1/2/3/4/5/6", true), ("1/2/3/4/5/6/7", false)] {
        let folder = tempfile::tempdir().unwrap();
        newest(&folder.path().join(benchmark).join("new"), 10.0);
        assert_eq!(Times::read(folder.path()).unwrap().of("update", "one").is_some(), found, "{benchmark}");
    }
}

#[test]
fn a_benchmark_claim_without_checks_waits_for_no_times() {
    let empty = Claim { scope: Scope::Benchmark, ..claim(1, vec![]) };
    let judged = verdicts(vec![empty]).claims.remove(0);
    assert_eq!((judged.verdict, judged.as_expected), (Verdict::Inconclusive, false));
}
