//! A leaf whose behaviour is known: a coin, and the sum of two numbers.

use std::{collections::BTreeMap, time::Duration};

use corroborate::{
    check::{self, Times, evidence::Verdicts},
    claim::{
        Arm, Bound, Budget, Check, CheckSpec, Claim, ClaimKind, Controls, LocationSpec, PaperClaims,
        PaperRecord, PropertySpec, Provenance, Requirement, Scope, Statistic, Tests, Tier, Verdict,
    },
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Fault as _, Measure, Measurement, Metric, Observe, Paper, faults},
    run::Executor,
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

faults! {
    /// Mistakes of the toy.
    pub enum Fault {
        /// The coin shows tails nine times out of ten.
        TailsHeavy = "tails-heavy",
        /// Changes nothing, so that no check can notice it.
        Harmless = "harmless",
        /// The experiment panics.
        Panics = "panics",
        /// The metric is no number.
        NotANumber = "not-a-number",
        /// The metric lies outside its declared range.
        OutOfRange = "out-of-range",
        /// The experiment never ends.
        Endless = "endless",
        /// Work is done over and over again.
        Wasteful = "wasteful",
        /// The sum is one too large when both terms are large.
        OffByOne = "off-by-one",
    }
}

/// Settings of the coin.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Probability of heads.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub heads: f64,
    /// Which of two equal coins is tossed.
    pub coin: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { heads: 0.95, coin: 0 }
    }
}

/// A coin that shows heads with a set probability.
pub struct Coin(Settings);

impl Measure for Coin {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "coin";
    const SUMMARY: &'static str = "Tosses a coin once.";
    const METRICS: &'static [Metric] = &[
        Metric::new("heads", "Whether it shows heads.").range(0.0, 1.0),
        Metric::new("toss", "The uniform number behind the toss.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = Fault::ALL;
    const TREATMENTS: &'static [&'static str] = &["coin"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let toss = streams.stream("toss").uniform();
        let probability = if fault == Some(Fault::TailsHeavy) { 0.1 } else { self.0.heads };
        let heads = match fault {
            Some(Fault::Panics) => panic!("the coin fell off the table"),
            Some(Fault::NotANumber) => f64::NAN,
            Some(Fault::OutOfRange) => 2.0,
            Some(Fault::Endless) => loop {
                std::thread::park();
            },
            _ => f64::from(u8::from(toss < probability)),
        };
        Ok(Measurement::new().metric("heads", heads).metric("toss", toss).series(
            "so-far",
            vec![0.0, 1.0],
            vec![0.0, heads],
        ))
    }
}

/// Settings of the work.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkSettings {
    /// How much there is to do.
    pub size: u32,
    /// How laborious it is.
    pub effort: f64,
}

impl Default for WorkSettings {
    fn default() -> Self {
        Self { size: 10, effort: 0.2 }
    }
}

/// Work whose operations are counted.
pub struct Work(WorkSettings);

impl Measure for Work {
    type Settings = WorkSettings;
    type Fault = Fault;
    const NAME: &'static str = "work";
    const SUMMARY: &'static str = "Does a piece of work.";
    const METRICS: &'static [Metric] = &[
        Metric::new("operations", "Operations.").range(0.0, f64::INFINITY),
        Metric::new("sweat", "Sweat.").range(0.0, 1.0).lower_is_better(),
        Metric::new("mood", "A normal variable around the effort."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::Wasteful, Fault::Harmless];
    const TREATMENTS: &'static [&'static str] = &["effort"];

    fn prepare(settings: WorkSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("work");
        let (size, wasteful) = (f64::from(self.0.size), fault == Some(Fault::Wasteful));
        let effort = if wasteful { 1.0 } else { self.0.effort };
        Ok(Measurement::new()
            .metric("operations", if wasteful { size * size } else { 3.0 * size })
            .metric("sweat", effort * (0.9 + 0.1 * stream.uniform()))
            .metric("mood", effort + 0.1 * stream.normal()))
    }
}

/// Two whole numbers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    a: u32,
    b: u32,
}

/// The sum of two numbers does not depend on their order.
pub struct Commutes;

impl Observe for Commutes {
    type Instance = Pair;
    type Fault = Fault;
    const NAME: &'static str = "commutes";
    const SUMMARY: &'static str = "a + b = b + a.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "|(a + b) − (b + a)|.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = Fault::ALL;

    fn instances() -> BoxedStrategy<Pair> {
        (0_u32..1000, 0_u32..1000).prop_map(|(a, b)| Pair { a, b }).boxed()
    }

    fn observe(pair: &Pair, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let wrong = fault == Some(Fault::OffByOne) && pair.a > 100 && pair.b > 100;
        assert!(fault != Some(Fault::Panics), "the sum fell off the table");
        Ok(Measurement::new().metric("error", f64::from(u8::from(wrong))))
    }
}

/// The toy leaf.
pub fn paper() -> Paper {
    Paper::new::<Fault>("toy").experiment::<Coin>().experiment::<Work>().property::<Commutes>()
}

/// An arm of the coin.
pub fn arm(heads: f64) -> Arm {
    Arm { label: format!("heads {heads}"), settings: json!({ "heads": heads, "coin": 0 }) }
}

/// The statement "P(heads) ≥ bound" about coins, with controls.
pub fn coin(arms: Vec<Arm>, bound: f64, controls: &[&str]) -> Check {
    let spec = CheckSpec::Location(LocationSpec {
        experiment: "coin".into(),
        metric: "heads".into(),
        arms,
        statistic: Statistic::Mean,
        bound: Bound::AtLeast(bound),
        budget: Budget { first: 5, quick: 160, full: 640 },
    });
    check(spec, controls)
}

/// The statement "sums commute", with controls.
pub fn commutes(tolerance: f64, controls: &[&str]) -> Check {
    let spec = CheckSpec::Property(PropertySpec {
        property: "commutes".into(),
        require: vec![Requirement { metric: "error".into(), bound: Bound::AtMost(tolerance) }],
        cases: Budget { first: 1, quick: 200, full: 1000 },
    });
    check(spec, controls)
}

/// A configuration of the work.
pub fn work(size: u32, effort: f64) -> Arm {
    Arm { label: format!("effort {effort}"), settings: json!({ "size": size, "effort": effort }) }
}

/// A check with these controls, without a map.
pub fn check(spec: CheckSpec, controls: &[&str]) -> Check {
    Check { spec, controls: Controls::Faults(controls.iter().map(ToString::to_string).collect()), map: None }
}

/// A claim with these checks.
pub fn claim(number: u32, checks: Vec<Check>) -> Claim {
    Claim {
        id: format!("toy.{number}"),
        paper: "toy".into(),
        statement: "A toy behaves.".into(),
        source: "section 1".into(),
        provenance: vec![Provenance::Derived],
        kind: ClaimKind::Bound,
        scope: Scope::Statistical,
        tests: Tests::Statement,
        checks,
        published: vec![],
        expect: Verdict::Corroborated,
        because: None,
        notes: None,
        needs: None,
        plots: vec![],
    }
}

/// Judges the claims, with this many threads.
pub fn judge(claims: Vec<Claim>, jobs: usize, select: &dyn Fn(&Claim) -> bool) -> Verdicts {
    judge_with_times(claims, jobs, select, None)
}

/// Judges the claims, with times that were measured beforehand.
pub fn judge_with_times(
    claims: Vec<Claim>,
    jobs: usize,
    select: &dyn Fn(&Claim) -> bool,
    times: Option<&Times>,
) -> Verdicts {
    judge_by(&executor(jobs), claims, select, times)
}

/// An executor of the toy alone.
pub fn executor(jobs: usize) -> Executor {
    Executor::new(vec![paper()], BTreeMap::new(), 0, jobs, Duration::from_secs(2)).unwrap()
}

/// What is said of the toy.
pub fn record() -> PaperRecord {
    PaperRecord {
        slug: "toy".into(),
        title: "A Toy".into(),
        arxiv: "0000.00000".into(),
        authors: vec!["N. Nobody".into()],
        date: "2026-01".into(),
        summary: "Coins and sums.".into(),
        reference: "A coin.".into(),
        environments: "A table.".into(),
    }
}

/// Has the claims judged by an executor.
pub fn judge_by(
    executor: &Executor,
    claims: Vec<Claim>,
    select: &dyn Fn(&Claim) -> bool,
    times: Option<&Times>,
) -> Verdicts {
    let options = check::Options { tier: Tier::Quick, select, times, progress: &|_| () };
    check::verify(executor, &[PaperClaims { record: record(), claims }], &options)
}
