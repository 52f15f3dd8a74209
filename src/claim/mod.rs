//! Claims and experiments as data: the only room that knows YAML.
//!
//! `raw` is what a file says, with positions; the types of this module are what it means: ids,
//! kinds and references found in the registry, settings complete. How a claim is judged is not
//! known here.

mod load;
pub mod problem;
pub mod raw;
mod resolve;
pub mod schema;
pub mod tree;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use load::{CLAIMS, Catalogue, EXPERIMENTS, configured, lint, load, read_yaml};
pub use resolve::schema_of;

/// One paper: its record, its claims, and how its experiments are configured.
#[derive(Clone, Debug)]
pub struct PaperClaims {
    /// Bibliography and descriptions.
    pub record: PaperRecord,
    /// In the order of the file.
    pub claims: Vec<Claim>,
}

/// Bibliography of a paper and the texts that open its page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PaperRecord {
    /// Identifier of the paper.
    pub slug: String,
    /// Title.
    pub title: String,
    /// arXiv identifier, such as `2512.22313`.
    pub arxiv: String,
    /// Authors, in the paper's order.
    pub authors: Vec<String>,
    /// Year and month of the first version, `YYYY-MM`.
    pub date: String,
    /// The idea of the paper, in our words.
    pub summary: String,
    /// What the reference implements.
    pub reference: String,
    /// On what it is measured.
    pub environments: String,
}

macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$inner])* #[serde(rename = $word)] $variant),* }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// The word used in files and output.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.word())
            }
        }
    };
}

words! {
    /// What sort of statement a claim is.
    ClaimKind {
        /// Two quantities are equal.
        Identity = "identity",
        /// One quantity never exceeds another.
        Inequality = "inequality",
        /// A quantity stays below a stated bound.
        Bound = "bound",
        /// A quantity grows or shrinks at a stated rate.
        Rate = "rate",
        /// One method does better than another.
        Comparison = "comparison",
        /// A region holds the truth with a stated probability.
        Coverage = "coverage",
        /// A cost grows as stated.
        Complexity = "complexity",
        /// A reported figure.
        Number = "number",
    }
}

words! {
    /// How far a claim can be tested here.
    Scope {
        /// Decided by computation, up to rounding.
        Exact = "exact",
        /// Decided by a statistical test at a stated level.
        Statistical = "statistical",
        /// Decided by a benchmark: operation counts, or ratios measured in one run.
        Benchmark = "benchmark",
        /// The direction shows on the reference; the published magnitude is out of reach.
        Mechanism = "mechanism",
        /// No check here; the claim says what it would need.
        OutOfReach = "out-of-reach",
    }
}

words! {
    /// Where a claim or a formula was found.
    Provenance {
        /// In the abstract or the material that the catalogue started from.
        Seed = "seed",
        /// On a page of the paper or of its project.
        Page = "page",
        /// In the authors' published code.
        Code = "code",
        /// Recalled from the paper, not verified against its text.
        Recalled = "recalled",
        /// Derived here.
        Derived = "derived",
    }
}

words! {
    /// What follows from the evidence of the checks and of their controls.
    Verdict {
        /// Every check passed, and every control worked.
        Corroborated = "corroborated",
        /// A check failed: a counterexample, or the opposite shown at the claim's level.
        Refuted = "refuted",
        /// The checks passed, but a control did not fail: they cannot tell.
        Vacuous = "vacuous",
        /// Neither shown within the budget.
        Inconclusive = "inconclusive",
        /// No check.
        OutOfReach = "out-of-reach",
        /// Panic, NaN, time-out or unusable settings.
        Error = "error",
    }
}

words! {
    /// What the checks of a claim test.
    Tests {
        /// The statement itself: passing checks corroborate it.
        Statement = "statement",
        /// Its opposite: passing checks refute it.
        Opposite = "opposite",
    }
}

words! {
    /// How much is spent on a claim.
    Tier {
        /// A second or two a paper.
        Quick = "quick",
        /// Minutes for the catalogue.
        Full = "full",
    }
}

words! {
    /// Relation of a published figure to the truth.
    Relation {
        /// Equal, within a margin.
        Equals = "equals",
        /// The figure is a lower bound.
        AtLeast = "at-least",
        /// The figure is an upper bound.
        AtMost = "at-most",
    }
}

words! {
    /// Which location of a distribution a statement is about.
    Statistic {
        /// Expectation; needs a bounded metric.
        Mean = "mean",
        /// Median; needs nothing.
        Median = "median",
        /// Expectation of an unbounded metric whose replicates are normally distributed.
        NormalMean = "normal-mean",
    }
}

/// One statement of a paper, with its source, kind, scope and checks.
#[derive(Clone, Debug)]
pub struct Claim {
    /// `<slug>.<number>`, or `<slug>.x<number>` for claims added here.
    pub id: String,
    /// Slug of the paper.
    pub paper: String,
    /// The statement, in our words.
    pub statement: String,
    /// Where in the paper it stands.
    pub source: String,
    /// Where it was found.
    pub provenance: Vec<Provenance>,
    /// What sort of statement it is.
    pub kind: ClaimKind,
    /// How far it can be tested here.
    pub scope: Scope,
    /// Whether the checks test the statement or its opposite.
    pub tests: Tests,
    /// All of them must pass; empty only if out of reach.
    pub checks: Vec<Check>,
    /// Figures that the paper reports.
    pub published: Vec<Published>,
    /// The verdict that is expected.
    pub expect: Verdict,
    /// Why another verdict than `corroborated` is expected.
    pub because: Option<String>,
    /// Remarks for the reader: choices, limits, departures.
    pub notes: Option<String>,
    /// What an out-of-reach claim would need.
    pub needs: Option<String>,
    /// Pictures to draw on the claim's part of the page.
    pub plots: Vec<Plot>,
}

/// A figure that the paper reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Published {
    /// What the figure is of.
    pub name: String,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: String,
    /// Its relation to the truth.
    pub relation: Relation,
    /// Where the paper reports it.
    pub source: String,
}

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

/// A picture on a claim's part of the page.
#[derive(Clone, Debug)]
pub struct Plot {
    /// Caption.
    pub title: String,
    /// What is drawn.
    pub content: PlotContent,
    /// Abscissa.
    pub x: Axis,
    /// Ordinate.
    pub y: Axis,
    /// Name of the experiment.
    pub experiment: String,
    /// Panels, left to right.
    pub panels: Vec<PlotPanel>,
    /// Replicates to average over.
    pub replicates: u64,
}

/// What a plot draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlotContent {
    /// A series of the experiment: mean over replicates, with a band.
    Series(String),
    /// A metric against a setting: mean over replicates, with a band.
    Sweep(String),
    /// A metric, one bar a curve.
    Bars(String),
}

/// An axis of a plot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// What is shown, with its unit.
    pub label: String,
    /// Whether it is logarithmic.
    pub log: bool,
}

/// A panel of a plot.
#[derive(Clone, Debug)]
pub struct PlotPanel {
    /// Title of the panel.
    pub title: String,
    /// Its curves.
    pub curves: Vec<PlotCurve>,
}

/// A curve of a plot.
#[derive(Clone, Debug)]
pub struct PlotCurve {
    /// Legend.
    pub label: String,
    /// The fault under which it is measured, if any.
    pub fault: Option<String>,
    /// One arm for a series or a bar; one a value of the setting, with the value, for a sweep.
    pub arms: Vec<(f64, Arm)>,
}
