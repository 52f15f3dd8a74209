//! The two files as they are written: types that give the JSON Schemas, and nothing looked up yet.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{ClaimKind, PaperRecord, Provenance, Published, Scope, Statistic, Tests, Verdict};

/// Most cases or replicates that a check may spend.
const MOST_CASES: u64 = 1_000_000;
/// Most replicates of a picture.
const MOST_DRAWN: u64 = 10_000;
/// Most items of a list that is multiplied with others: settings, arms, sizes, panels.
const MOST_LISTED: usize = 100;
/// Most panels of a picture, and most curves of a panel.
const MOST_CURVES: usize = 24;

/// `claims/<slug>.yaml`: what a paper asserts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimsFile {
    /// Bibliography, and the texts that open the page.
    pub paper: PaperRecord,
    /// The claims, in the order of the page.
    #[schemars(length(min = 1))]
    pub claims: Vec<RawClaim>,
}

/// One statement of a paper.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawClaim {
    /// `<slug>.<number>`, or `<slug>.x<number>` for claims added here.
    pub id: String,
    /// The statement, in our words.
    #[schemars(length(min = 1))]
    pub statement: String,
    /// Where in the paper it stands.
    #[schemars(length(min = 1))]
    pub source: String,
    /// Where it was found.
    #[schemars(length(min = 1))]
    pub provenance: Vec<Provenance>,
    /// What sort of statement it is.
    pub kind: ClaimKind,
    /// How far it can be tested here.
    pub scope: Scope,
    /// Whether the checks test the statement or its opposite.
    #[serde(default = "statement")]
    pub tests: Tests,
    /// All of them must pass; none if out of reach.
    #[serde(default)]
    pub checks: Vec<RawCheck>,
    /// Figures that the paper reports.
    #[serde(default)]
    pub published: Vec<Published>,
    /// The verdict that is expected; `corroborated` if left out, `out-of-reach` in that scope.
    pub expect: Option<Verdict>,
    /// Why another verdict than `corroborated` is expected.
    pub because: Option<String>,
    /// Remarks: choices, limits, departures.
    pub notes: Option<String>,
    /// What an out-of-reach claim would need.
    pub needs: Option<String>,
    /// Pictures for the page.
    #[serde(default)]
    pub plots: Vec<RawPlot>,
}

fn statement() -> Tests {
    Tests::Statement
}

/// Number of cases or replicates to spend, by tier.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBudget {
    /// First block of a sequential check; each further look adds a quarter to the total.
    #[schemars(range(min = 1, max = MOST_CASES))]
    pub first: Option<u64>,
    /// In the quick tier.
    #[schemars(range(min = 1, max = MOST_CASES))]
    pub quick: u64,
    /// In the full tier.
    #[schemars(range(min = 1, max = MOST_CASES))]
    pub full: u64,
}

/// A requirement on a metric, with exactly one bound.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawRequirement {
    /// Name of the metric.
    pub metric: String,
    /// Largest allowed value.
    pub at_most: Option<f64>,
    /// Smallest allowed value.
    pub at_least: Option<f64>,
    /// Smallest and largest allowed value.
    pub within: Option<[f64; 2]>,
}

/// Declares the struct of a kind of check: the keys that all kinds share, and its own.
macro_rules! check {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
            /// Faults under which the check must fail.
            pub controls: Option<Vec<String>>,
            /// Why no fault can be built in.
            pub control_impossible: Option<String>,
        }

        impl Controlled for $name {
            fn controls(&self) -> (Option<&[String]>, Option<&str>) {
                (self.controls.as_deref(), self.control_impossible.as_deref())
            }
        }
    };
}

/// Declares the struct of a kind of check on an experiment: its configurations, and its own keys.
macro_rules! measured {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        check! {
            $(#[$doc])*
            $name {
                /// The experiment of the leaf.
                experiment: String,
                /// Named settings of the experiments file; the check must pass in each.
                #[schemars(length(max = MOST_LISTED))]
                settings: Option<Vec<String>>,
                /// Settings on top of these.
                set: Option<Map<String, Value>>,
                /// Every combination of these settings is a configuration of its own.
                grid: Option<Map<String, Value>>,
                /// Axes of a validity map: settings and their values.
                over: Option<Map<String, Value>>,
                $($(#[$field_doc])* $field: $type,)*
            }
        }

        impl Configured for $name {
            fn experiment(&self) -> &str {
                &self.experiment
            }
            fn settings(&self) -> Option<&[String]> {
                self.settings.as_deref()
            }
        }
    };
}

/// Declares the struct of a kind of check on one metric of an experiment.
macro_rules! metric {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        measured! {
            $(#[$doc])*
            $name {
                /// Name of the metric.
                metric: String,
                /// Largest allowed value.
                at_most: Option<f64>,
                /// Smallest allowed value.
                at_least: Option<f64>,
                /// Smallest and largest allowed value.
                within: Option<[f64; 2]>,
                /// Replicates; those of the experiments file if left out.
                replicates: Option<RawBudget>,
                $($(#[$field_doc])* $field: $type,)*
            }
        }

        impl Bounded for $name {
            fn bounds(&self) -> (Option<f64>, Option<f64>, Option<[f64; 2]>) {
                (self.at_most, self.at_least, self.within)
            }
        }

        impl Measured for $name {
            fn metric(&self) -> &str {
                &self.metric
            }
            fn replicates(&self) -> Option<RawBudget> {
                self.replicates
            }
        }
    };
}

/// A check, or a requirement, with one bound among three keys.
pub trait Bounded {
    /// `at-most`, `at-least`, `within`, as written.
    fn bounds(&self) -> (Option<f64>, Option<f64>, Option<[f64; 2]>);
}

impl Bounded for RawRequirement {
    fn bounds(&self) -> (Option<f64>, Option<f64>, Option<[f64; 2]>) {
        (self.at_most, self.at_least, self.within)
    }
}

/// A check with its controls.
pub trait Controlled {
    /// `controls` and `control-impossible`, as written.
    fn controls(&self) -> (Option<&[String]>, Option<&str>);
}

/// A check on configurations of an experiment.
pub trait Configured {
    /// Name of the experiment.
    fn experiment(&self) -> &str;
    /// Names of settings.
    fn settings(&self) -> Option<&[String]>;
}

/// A check on a metric over replicates.
pub trait Measured: Configured + Bounded {
    /// Name of the metric.
    fn metric(&self) -> &str;
    /// Its own budget, if it has one.
    fn replicates(&self) -> Option<RawBudget>;
}

check! {
    /// Requirements on every generated instance.
    RawProperty {
        /// The property of the leaf.
        property: String,
        /// Number of instances.
        cases: RawBudget,
        /// What is required of its metrics.
        #[schemars(length(min = 1))]
        require: Vec<RawRequirement>,
    }
}

measured! {
    /// Requirements on an experiment without randomness.
    RawNumber {
        /// What is required of its metrics.
        #[schemars(length(min = 1))]
        require: Vec<RawRequirement>,
    }
}

metric! {
    /// The mean or the median of a metric lies as bounded.
    RawLocation {
        /// Which location; `mean` if left out.
        statistic: Option<Statistic>,
    }
}

metric! {
    /// The difference of a metric between arms lies as bounded.
    RawDifference {
        /// Which location; `mean` if left out.
        statistic: Option<Statistic>,
        /// Settings of the arms that are subtracted.
        #[schemars(length(min = 1, max = MOST_LISTED))]
        against: Vec<Map<String, Value>>,
    }
}

metric! {
    /// The ratio of a metric between arms lies as bounded.
    RawRatio {
        /// Which location; `mean` if left out.
        statistic: Option<Statistic>,
        /// Settings of the arms that are divided by.
        #[schemars(length(min = 1, max = MOST_LISTED))]
        against: Vec<Map<String, Value>>,
    }
}

metric! {
    /// The probability that one arm does better than another lies as bounded.
    RawImprovement {
        /// Settings of the arms that it is compared with.
        #[schemars(length(min = 1, max = MOST_LISTED))]
        against: Vec<Map<String, Value>>,
    }
}

metric! {
    /// The probability that an indicator is 1 lies as bounded.
    RawCoverage {}
}

metric! {
    /// The log-log slope of a metric over sizes lies as bounded.
    RawRate {
        /// Which location; `median` if left out, because a slope has no finite range.
        statistic: Option<Statistic>,
        /// The setting that is the size.
        size: String,
        /// Its values, ascending.
        #[schemars(length(min = 2, max = MOST_LISTED))]
        sizes: Vec<f64>,
    }
}

measured! {
    /// A metric equals a published figure within a margin, or is on its stated side.
    RawEquivalence {
        /// Name of the metric.
        metric: String,
        /// Which location; `mean` if left out.
        statistic: Option<Statistic>,
        /// Name of the figure among the claim's `published`.
        published: String,
        /// How far from the figure is still equivalent.
        #[schemars(range(min = 0.0))]
        margin: f64,
        /// Replicates; those of the experiments file if left out.
        replicates: Option<RawBudget>,
    }
}

metric! {
    /// An operation count, or its log-log slope over sizes, lies as bounded.
    RawComplexity {
        /// The setting that is the size; without it the count itself is bounded.
        size: Option<String>,
        /// Its values, ascending.
        #[schemars(length(min = 2, max = MOST_LISTED))]
        sizes: Option<Vec<f64>>,
    }
}

check! {
    /// A ratio of two times, or the slope of one, as criterion measured them in one run.
    RawBenchmark {
        /// Criterion's group.
        group: String,
        /// The function that is timed.
        function: String,
        /// The function whose time it is divided by.
        against: Option<String>,
        /// Parameters of the function, ascending, for a slope.
        #[schemars(length(min = 2, max = MOST_LISTED))]
        sizes: Option<Vec<f64>>,
        /// Largest allowed value.
        at_most: Option<f64>,
        /// Smallest allowed value.
        at_least: Option<f64>,
        /// Smallest and largest allowed value.
        within: Option<[f64; 2]>,
    }
}

impl Bounded for RawBenchmark {
    fn bounds(&self) -> (Option<f64>, Option<f64>, Option<[f64; 2]>) {
        (self.at_most, self.at_least, self.within)
    }
}

/// A check, told apart by its `kind`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each variant is named as its struct, which is documented")]
pub enum RawCheck {
    Property(RawProperty),
    Number(RawNumber),
    Location(RawLocation),
    Difference(RawDifference),
    Ratio(RawRatio),
    Improvement(RawImprovement),
    Coverage(RawCoverage),
    Rate(RawRate),
    Equivalence(RawEquivalence),
    Complexity(RawComplexity),
    Benchmark(RawBenchmark),
}

/// A picture.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPlot {
    /// Caption.
    #[schemars(length(min = 1))]
    pub title: String,
    /// The experiment of the leaf.
    pub experiment: String,
    /// Named settings, one panel each; one panel with the leaf's defaults if left out.
    #[schemars(length(max = MOST_CURVES))]
    pub panels: Option<Vec<String>>,
    /// Settings of every curve.
    pub set: Option<Map<String, Value>>,
    /// The curves of every panel.
    #[schemars(length(min = 1, max = MOST_CURVES))]
    pub curves: Vec<RawCurve>,
    /// A series of the experiment: mean and band over replicates.
    pub series: Option<String>,
    /// A metric against a setting.
    pub sweep: Option<RawSweep>,
    /// A metric, one bar a curve.
    pub bars: Option<String>,
    /// Abscissa.
    pub x: RawAxis,
    /// Ordinate.
    pub y: RawAxis,
    /// Replicates to average over; one if left out.
    #[schemars(range(min = 1, max = MOST_DRAWN))]
    pub replicates: Option<u64>,
}

/// A curve.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCurve {
    /// Legend.
    pub label: String,
    /// Settings of the curve.
    pub set: Option<Map<String, Value>>,
    /// The fault under which it is measured.
    pub fault: Option<String>,
}

/// A metric against a setting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSweep {
    /// Name of the metric.
    pub metric: String,
    /// Name of the setting.
    pub setting: String,
    /// Its values.
    #[schemars(length(min = 2, max = MOST_LISTED))]
    pub values: Vec<f64>,
}

/// An axis.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAxis {
    /// What is shown, with its unit.
    pub label: String,
    /// Whether it is logarithmic.
    #[serde(default)]
    pub log: bool,
}

/// `experiments/<slug>.yaml`: how a paper's experiments are configured.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExperimentsFile {
    /// Slug of the paper.
    pub paper: String,
    /// Data files by the names that the leaf uses.
    #[serde(default)]
    pub data: BTreeMap<String, RawData>,
    /// Experiments of the leaf.
    #[serde(default)]
    pub experiments: BTreeMap<String, RawExperiment>,
}

/// A data file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawData {
    /// Its name under `experiments/data`.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Budget and named settings of an experiment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExperiment {
    /// Replicates of checks that do not say their own.
    pub replicates: Option<RawBudget>,
    /// Named settings; what is not set has the leaf's default.
    #[serde(default)]
    pub settings: BTreeMap<String, Map<String, Value>>,
}
