//! Claims and experiments as data: the only room that knows YAML.
//!
//! `raw` is what a file says, with positions; the types of this module are what it means: ids,
//! kinds and references found in the registry, settings complete. How a claim is judged is not
//! known here.

mod checks;
mod load;
pub mod printable;
pub mod problem;
pub mod raw;
mod resolve;
pub mod schema;
pub mod tree;

use serde::{Deserialize, Serialize};

pub use checks::{
    Arm, BenchmarkMeasure, BenchmarkSpec, Bound, Budget, Check, CheckSpec, ComplexitySpec, Controls,
    CoverageSpec, EquivalenceSpec, LocationSpec, MapAxis, NumberSpec, PairedSpec, PropertySpec, RateSpec,
    Requirement, ValidityMap,
};
pub use load::{
    CLAIMS, Catalogue, EXPERIMENTS, Experiments, configured, lint, load, read_claims, read_experiments,
    read_yaml, text_of,
};
pub use resolve::{schema_of, settings::Configured};

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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
