//! What checks are: one specification a kind, with references found and settings complete.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Published, Statistic, Tier};

/// A test, with the faults under which it must fail.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is tested.
    pub spec: CheckSpec,
    /// The faults under which it must fail.
    pub controls: Controls,
    /// Where else it is judged, to see how far it reaches.
    pub map: Option<ValidityMap>,
}

/// A check judged in every cell of a grid of settings that was fixed beforehand. The verdict is
/// that of the check itself (the headline cell); the map shows how far it reaches.
#[derive(Clone, Debug)]
pub struct ValidityMap {
    /// One or two settings, each with its values.
    pub axes: Vec<MapAxis>,
    /// For each cell, in the order of the axes (the last varies fastest), the check there.
    pub cells: Vec<CheckSpec>,
}

/// An axis of a validity map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct MapAxis {
    /// Name of the setting.
    pub setting: String,
    /// Its values.
    pub values: Vec<Value>,
}

/// The negative controls of a check.
#[derive(Clone, Debug, PartialEq)]
pub enum Controls {
    /// Names of faults.
    Faults(Vec<String>),
    /// No fault can be built in, for this reason.
    Impossible(String),
}

/// What a check tests; one variant a kind, settings complete.
#[derive(Clone, Debug)]
pub enum CheckSpec {
    /// Requirements on every generated instance.
    Property(PropertySpec),
    /// Requirements on an experiment without randomness.
    Number(NumberSpec),
    /// Where a metric's distribution lies.
    Location(LocationSpec),
    /// Where the distribution of a paired difference of two arms lies.
    Difference(PairedSpec),
    /// How often an indicator metric is 1.
    Coverage(CoverageSpec),
    /// The log-log slope of a metric over sizes.
    Rate(RateSpec),
    /// The ratio of a metric between two arms.
    Ratio(PairedSpec),
    /// The probability that one arm does better than another on a replicate.
    Improvement(PairedSpec),
    /// A metric equals, or is on the stated side of, a published figure.
    Equivalence(EquivalenceSpec),
    /// How an operation count, or its log-log slope over sizes, is bounded.
    Complexity(ComplexitySpec),
    /// A ratio or slope of wall-clock times that criterion measured in one run.
    Benchmark(BenchmarkSpec),
}

/// A requirement on a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Requirement {
    /// Name of the metric.
    pub metric: String,
    /// What is required of it.
    pub bound: Bound,
}

/// An interval that a value must lie in; an end may be infinite.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Bound {
    /// At most this.
    AtMost(f64),
    /// At least this.
    AtLeast(f64),
    /// In this interval, ends included.
    Within(f64, f64),
}

/// Requirements on every instance of a property.
#[derive(Clone, Debug)]
pub struct PropertySpec {
    /// Name of the property.
    pub property: String,
    /// What is required of its metrics.
    pub require: Vec<Requirement>,
    /// Number of instances.
    pub cases: Budget,
}

/// Requirements on an experiment without randomness.
#[derive(Clone, Debug)]
pub struct NumberSpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Its configurations; the requirements hold in each.
    pub arms: Vec<Arm>,
    /// What is required of its metrics.
    pub require: Vec<Requirement>,
}

/// Where a metric's distribution over replicates lies.
#[derive(Clone, Debug)]
pub struct LocationSpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the metric.
    pub metric: String,
    /// Its configurations; the statement holds in each.
    pub arms: Vec<Arm>,
    /// Which location.
    pub statistic: Statistic,
    /// Where it lies.
    pub bound: Bound,
    /// Replicates.
    pub budget: Budget,
}

/// What holds between two arms, replicate by replicate: of the difference, the ratio, or the
/// indicator that the first does better.
#[derive(Clone, Debug)]
pub struct PairedSpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the metric.
    pub metric: String,
    /// Pairs (arm, against): first minus second, first over second, first better than second.
    pub pairs: Vec<(Arm, Arm)>,
    /// Which location; of no meaning for the probability of improvement.
    pub statistic: Statistic,
    /// Where the difference, the ratio or the probability lies.
    pub bound: Bound,
    /// Replicates.
    pub budget: Budget,
}

/// How often an indicator metric is 1.
#[derive(Clone, Debug)]
pub struct CoverageSpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the metric, 0 or 1.
    pub metric: String,
    /// Its configurations; the statement holds in each.
    pub arms: Vec<Arm>,
    /// The probability that is claimed.
    pub bound: Bound,
    /// Replicates.
    pub budget: Budget,
}

/// The log-log slope of a metric over sizes, fitted replicate by replicate.
#[derive(Clone, Debug)]
pub struct RateSpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the metric, positive.
    pub metric: String,
    /// The sizes, ascending.
    pub sizes: Vec<f64>,
    /// For each configuration its label and, in the order of sizes, its arms.
    pub arms: Vec<(String, Vec<Arm>)>,
    /// Which location.
    pub statistic: Statistic,
    /// Where the slope lies.
    pub bound: Bound,
    /// Replicates.
    pub budget: Budget,
}

/// How a metric compares with a figure that the paper reports.
#[derive(Clone, Debug)]
pub struct EquivalenceSpec {
    /// Where the metric must lie: for `equals`, within the margin of the figure; for `at-least` and
    /// `at-most`, on that side of it, less or more the margin.
    pub location: LocationSpec,
    /// The figure.
    pub published: Published,
    /// How far from the figure is still equivalent, in the unit of the metric.
    pub margin: f64,
}

/// A bound on an operation count: a metric that is counted, not timed.
#[derive(Clone, Debug)]
pub struct ComplexitySpec {
    /// Name of the experiment.
    pub experiment: String,
    /// Name of the metric, a positive count.
    pub metric: String,
    /// The sizes, ascending; with fewer than two the count itself is bounded, else its slope.
    pub sizes: Vec<f64>,
    /// For each configuration its label and, in the order of sizes, its arms.
    pub arms: Vec<(String, Vec<Arm>)>,
    /// Where the count, or its log-log slope over the sizes, lies in every replicate.
    pub bound: Bound,
    /// Replicates; one if the experiment draws no random numbers.
    pub budget: Budget,
}

/// A requirement on times that criterion measured side by side in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BenchmarkSpec {
    /// Criterion's group.
    pub group: String,
    /// What is compared.
    pub measure: BenchmarkMeasure,
    /// Where it lies.
    pub bound: Bound,
}

/// What is compared of the times of a benchmark group. Never an absolute time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum BenchmarkMeasure {
    /// Time of one benchmark function over the time of another.
    Ratio {
        /// The numerator.
        function: String,
        /// The denominator.
        against: String,
    },
    /// Log-log slope of the time of a function over its numeric parameter.
    Slope {
        /// The function.
        function: String,
        /// The parameters, ascending.
        sizes: Vec<f64>,
    },
}

/// A configuration of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arm {
    /// What the reader is told, such as `german, algorithm ofs`.
    pub label: String,
    /// Complete settings.
    pub settings: Value,
}

/// Replicates or cases to spend at most, by tier; the first block of a sequential check.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Budget {
    /// Size of the first block; each further block doubles the total.
    pub first: u64,
    /// In the quick tier.
    pub quick: u64,
    /// In the full tier.
    pub full: u64,
}

impl Budget {
    /// The budget of a tier.
    #[must_use]
    pub const fn of(self, tier: Tier) -> u64 {
        match tier {
            Tier::Quick => self.quick,
            Tier::Full => self.full,
        }
    }
}
