//! The checks on trial: each kind is asked the questions that `verify` asks, of simulated
//! replicates, after every block.
//!
//! Under a statement that is false by a hair it may be corroborated at most as often as the level
//! says, and under one that is true by a hair refuted at most as often; under a clear effect it
//! must be corroborated with the stated number of replicates. Metrics that are no measurements must
//! never decide anything. The level of the simulations is 0.05, so that an excess shows; the checks
//! take it as a parameter. That the trial itself can fail is shown with a z-test that is looked at
//! after every block.

use corroborate::{
    check::{
        Estimate, LEVEL, Times,
        evidence::{Finding, Outcome},
        plan::{Context, Method, plan},
        question::{Question, Replicates},
    },
    claim::{
        BenchmarkMeasure, BenchmarkSpec, Bound, Budget, CheckSpec, CoverageSpec, EquivalenceSpec,
        LocationSpec, PairedSpec, Published, RateSpec, Relation, Statistic, Tier,
    },
    kernel::stream::{Stream, Streams},
    papers::leaf::Measurement,
};

use crate::toy::{arm, claim, paper, work};

mod broken;
mod measurements;

/// Level of the tests in the simulations.
const SIMULATED: f64 = 0.05;
/// Simulated runs a rate is estimated from: its standard error at the level is 0.005.
const RUNS: u64 = 2_000;
/// Excess over the level at which a trial fails. A check that errs 1.5 times too often exceeds it in
/// 98 of 100 trials, one that errs exactly as often as it may in one of 200.
const EXCESS: f64 = 1.25;
/// Looks after 5, 10, 20, 40 and 80 replicates.
const BUDGET: Budget = Budget { first: 5, quick: 80, full: 80 };
/// A hair.
const HAIR: f64 = 1e-6;

/// Draws one replicate: a value for each sample of the question.
type Draw = fn(&mut Stream) -> Vec<f64>;

/// A check whose metric is simulated.
struct Trial {
    spec: CheckSpec,
    metric: &'static str,
}

impl Trial {
    /// The first question of the check at a level, with its looks.
    fn question(&self, level: f64, times: Option<&Times>) -> (Vec<Question>, Vec<u64>) {
        let (paper, claim) = (paper(), claim(1, vec![]));
        let context = Context { paper: &paper, claim: &claim, fault: None, tier: Tier::Quick, level, times };
        match plan(&self.spec, &context).unwrap().method {
            Method::Questions { questions, looks } => (questions, looks),
            _ => panic!("no questions are asked"),
        }
    }

    /// What the check finds after some replicates.
    fn ask(&self, level: f64, replicates: &[Vec<f64>]) -> Result<Finding, String> {
        let (questions, _) = self.question(level, None);
        answer(&questions[0], self.metric, replicates)
    }

    /// Outcomes of simulated runs, each looked at after every block until it is decided.
    fn outcomes(&self, level: f64, runs: u64, draw: Draw) -> Vec<Outcome> {
        let (questions, looks) = self.question(level, None);
        let run = |run: u64| {
            let mut stream = Streams::from_seed(run).stream("trial");
            let mut replicates: Vec<Vec<f64>> = Vec::new();
            let mut outcome = Outcome::Undecided;
            for look in &looks {
                replicates.resize_with(*look as usize, || draw(&mut stream));
                outcome = answer(&questions[0], self.metric, &replicates).unwrap().outcome;
                if outcome != Outcome::Undecided {
                    break;
                }
            }
            outcome
        };
        (0..runs).map(run).collect()
    }

    /// Share of simulated runs with this outcome.
    fn rate(&self, outcome: Outcome, draw: Draw) -> f64 {
        share(&self.outcomes(SIMULATED, RUNS, draw), outcome)
    }
}

fn answer(question: &Question, metric: &'static str, replicates: &[Vec<f64>]) -> Result<Finding, String> {
    let measured: Vec<Vec<Measurement>> = (0..question.samples.len())
        .map(|s| replicates.iter().map(|r| Measurement::new().metric(metric, r[s])).collect())
        .collect();
    let samples: Vec<Vec<&Measurement>> = measured.iter().map(|sample| sample.iter().collect()).collect();
    let views: Vec<Replicates<'_>> = samples.iter().map(Vec::as_slice).collect();
    (question.answer)(&views)
}

fn share(outcomes: &[Outcome], outcome: Outcome) -> f64 {
    outcomes.iter().filter(|o| **o == outcome).count() as f64 / outcomes.len() as f64
}

/// Whether a rate of errors exceeds the level.
fn exceeds(rate: f64) -> bool {
    rate > EXCESS * SIMULATED
}

/// Holds a check to its level: `above` and `below` put the tested quantity a hair above and a hair
/// below the bound, which is an upper one.
fn hold_to_level(name: &str, trial: &Trial, above: Draw, below: Draw) {
    let wrongly_corroborated = trial.rate(Outcome::Pass, above);
    let wrongly_refuted = trial.rate(Outcome::Fail, below);
    println!("{name}: wrongly corroborated {wrongly_corroborated}, refuted {wrongly_refuted}");
    assert!(
        !exceeds(wrongly_corroborated),
        "{name} wrongly corroborates at a rate of {wrongly_corroborated}"
    );
    assert!(!exceeds(wrongly_refuted), "{name} wrongly refutes at a rate of {wrongly_refuted}");
}

/// Holds a check to its power at the level of `verify`, 1e-5, within 80 replicates.
fn hold_to_power(name: &str, trial: &Trial, effect: Draw) {
    let power = share(&trial.outcomes(LEVEL, 200, effect), Outcome::Pass);
    println!("{name}: power {power}");
    assert!(power >= 0.9, "{name} has a power of {power}");
}

fn coins(p: f64, stream: &mut Stream) -> f64 {
    f64::from(u8::from(stream.bernoulli(p)))
}

fn location(experiment: &str, metric: &'static str, statistic: Statistic, bound: Bound) -> LocationSpec {
    let arms = vec![if experiment == "coin" { arm(0.5) } else { work(10, 0.2) }];
    LocationSpec {
        experiment: experiment.into(),
        metric: metric.into(),
        arms,
        statistic,
        bound,
        budget: BUDGET,
    }
}

fn of_location(metric: &'static str, statistic: Statistic, top: f64) -> Trial {
    let spec = CheckSpec::Location(location("work", metric, statistic, Bound::AtMost(top)));
    Trial { spec, metric }
}

fn pairs(metric: &'static str, statistic: Statistic, top: f64) -> PairedSpec {
    PairedSpec {
        experiment: "work".into(),
        metric: metric.into(),
        pairs: vec![(work(10, 0.2), work(10, 1.0))],
        statistic,
        bound: Bound::AtMost(top),
        budget: BUDGET,
    }
}

#[test]
fn a_mean() {
    // A rare large value, which a small sample often misses.
    let trial = of_location("sweat", Statistic::Mean, 0.1);
    hold_to_level("mean", &trial, |s| vec![coins(0.1 + HAIR, s)], |s| vec![coins(0.1 - HAIR, s)]);
    hold_to_power("mean", &of_location("sweat", Statistic::Mean, 0.5), |s| vec![0.3 * s.uniform()]);
}

#[test]
fn a_median() {
    let trial = of_location("mood", Statistic::Median, 0.0);
    hold_to_level(
        "median",
        &trial,
        |s| vec![s.exponential() - std::f64::consts::LN_2 + HAIR],
        |s| vec![s.exponential() - std::f64::consts::LN_2 - HAIR],
    );
    hold_to_power("median", &trial, |s| vec![s.normal() - 2.0]);
}

#[test]
fn a_mean_of_a_normal_variable() {
    let trial = of_location("mood", Statistic::NormalMean, 0.0);
    hold_to_level("normal mean", &trial, |s| vec![s.normal() + HAIR], |s| vec![s.normal() - HAIR]);
    hold_to_power("normal mean", &trial, |s| vec![s.normal() - 1.0]);
}

#[test]
fn a_difference() {
    let trial =
        |statistic| Trial { spec: CheckSpec::Difference(pairs("sweat", statistic, 0.0)), metric: "sweat" };
    for statistic in [Statistic::Mean, Statistic::Median] {
        let name = format!("difference, {statistic}");
        hold_to_level(&name, &trial(statistic), |s| shifted(s, HAIR), |s| shifted(s, -HAIR));
    }
    hold_to_power("difference, mean", &trial(Statistic::Mean), |s| {
        vec![0.2 * s.uniform(), 0.8 + 0.2 * s.uniform()]
    });
    hold_to_power("difference, median", &trial(Statistic::Median), |s| shifted(s, -0.19));
}

/// Two arms that share most of their noise, the first larger by `shift` on average.
fn shifted(stream: &mut Stream, shift: f64) -> Vec<f64> {
    let (shared, own) = (0.5 * stream.uniform(), 0.4 * stream.uniform());
    vec![shared + own, shared + 0.2 - shift]
}

#[test]
fn a_ratio() {
    let trial = |statistic| Trial { spec: CheckSpec::Ratio(pairs("sweat", statistic, 0.5)), metric: "sweat" };
    for statistic in [Statistic::Mean, Statistic::Median] {
        let name = format!("ratio, {statistic}");
        hold_to_level(&name, &trial(statistic), |s| halved(s, HAIR), |s| halved(s, -HAIR));
    }
    hold_to_power("ratio, mean", &trial(Statistic::Mean), |s| {
        vec![0.1 * s.uniform(), 0.5 + 0.5 * s.uniform()]
    });
    hold_to_power("ratio, median", &trial(Statistic::Median), |s| halved(s, -0.1));
}

/// An arm of half the size of the other, plus `excess`.
fn halved(stream: &mut Stream, excess: f64) -> Vec<f64> {
    let size = 0.3 + 0.7 * stream.uniform();
    vec![0.5 * size + excess + 0.1 * (stream.uniform() - 0.5), size]
}

#[test]
fn a_probability_of_improvement() {
    let spec = CheckSpec::Improvement(pairs("sweat", Statistic::Mean, 0.5));
    let trial = Trial { spec, metric: "sweat" };
    hold_to_level("improvement", &trial, |s| with_ties(s, 0.5 + HAIR), |s| with_ties(s, 0.5 - HAIR));
    hold_to_power("improvement", &trial, |s| with_ties(s, 0.02));
}

/// A third of the replicates are ties; of the others a share is better, with less sweat.
fn with_ties(stream: &mut Stream, better: f64) -> Vec<f64> {
    let tie = stream.bernoulli(1.0 / 3.0);
    let first = if tie { 0.5 } else { 0.9 - 0.8 * coins(better, stream) };
    vec![first, 0.5]
}

#[test]
fn a_coverage() {
    let spec = |bound| {
        CheckSpec::Coverage(CoverageSpec {
            experiment: "coin".into(),
            metric: "heads".into(),
            arms: vec![arm(0.5)],
            bound,
            budget: BUDGET,
        })
    };
    let trial = |bound| Trial { spec: spec(bound), metric: "heads" };
    let nominal = trial(Bound::AtMost(0.9));
    hold_to_level("coverage", &nominal, |s| vec![coins(0.9 + HAIR, s)], |s| vec![coins(0.9 - HAIR, s)]);
    hold_to_power("coverage", &trial(Bound::AtLeast(0.6)), |s| vec![coins(0.97, s)]);
}

#[test]
fn a_rate() {
    let spec = CheckSpec::Rate(RateSpec {
        experiment: "work".into(),
        metric: "operations".into(),
        sizes: vec![10.0, 100.0, 1000.0],
        arms: vec![("work".into(), [10, 100, 1000].map(|size| work(size, 0.2)).to_vec())],
        statistic: Statistic::Median,
        bound: Bound::AtMost(0.5),
        budget: BUDGET,
    });
    let trial = Trial { spec, metric: "operations" };
    hold_to_level("rate", &trial, |s| curve(s, 0.5 + HAIR), |s| curve(s, 0.5 - HAIR));
    hold_to_power("rate", &trial, |s| curve(s, 0.25));
}

/// A power law with noise.
fn curve(stream: &mut Stream, exponent: f64) -> Vec<f64> {
    [10.0_f64, 100.0, 1000.0].map(|size| size.powf(exponent) * (0.3 * stream.normal()).exp()).to_vec()
}

#[test]
fn an_equivalence() {
    let trial = |bound| {
        let location = location("work", "mood", Statistic::NormalMean, bound);
        let published = Published {
            name: "mood".into(),
            figure: 0.0,
            unit: "1".into(),
            relation: Relation::Equals,
            source: "table 1".into(),
        };
        Trial {
            spec: CheckSpec::Equivalence(EquivalenceSpec { location, published, margin: 1.0 }),
            metric: "mood",
        }
    };
    let within = trial(Bound::Within(-1.0, 1.0));
    hold_to_level(
        "equivalence",
        &within,
        |s| vec![1.0 + HAIR + s.normal()],
        |s| vec![1.0 - HAIR + s.normal()],
    );
    hold_to_power("equivalence", &within, |s| vec![0.6 * s.normal()]);
}

#[test]
fn a_ratio_of_measured_times() {
    // Intervals of times with noise of known size; the true ratio is the bound.
    let spec = CheckSpec::Benchmark(BenchmarkSpec {
        group: "g".into(),
        measure: BenchmarkMeasure::Ratio { function: "one".into(), against: "other".into() },
        bound: Bound::AtMost(0.5),
    });
    let time = |truth: f64, stream: &mut Stream| {
        let mean = truth * (1.0 + 0.02 * stream.normal());
        let reach = 1.96 * 0.02 * truth;
        Estimate { mean, low: mean - reach, high: mean + reach, confidence: 0.95 }
    };
    let outcome = |truth: f64, run: u64| {
        let mut stream = Streams::from_seed(run).stream("times");
        let times = Times::default().with("g", "one", time(truth, &mut stream)).with(
            "g",
            "other",
            time(1.0, &mut stream),
        );
        let (paper, claim) = (paper(), claim(1, vec![]));
        let context = Context {
            paper: &paper,
            claim: &claim,
            fault: None,
            tier: Tier::Quick,
            level: LEVEL,
            times: Some(&times),
        };
        match plan(&spec, &context).unwrap().method {
            Method::Times { finding, .. } => finding.outcome,
            _ => panic!("no times are asked for"),
        }
    };
    let outcomes = |truth| (0..RUNS).map(|run| outcome(truth, run)).collect::<Vec<_>>();
    assert!(!exceeds(share(&outcomes(0.5 + HAIR), Outcome::Pass)));
    assert!(!exceeds(share(&outcomes(0.5 - HAIR), Outcome::Fail)));
    assert!(share(&outcomes(0.4), Outcome::Pass) > 0.9);
}
