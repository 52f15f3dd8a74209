//! What checks measured: one record of the same shape for every kind of check.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::map::{MapCell, MapData};
use crate::claim::{
    Axis, ClaimKind, PaperRecord, PlotContent, Provenance, Published, Scope, Tests, Tier, Verdict,
};

/// Outcome of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What was claimed is shown.
    Pass,
    /// The opposite is shown, or a counterexample found.
    Fail,
    /// Neither, within the budget.
    Undecided,
    /// The test itself broke down.
    Error,
}

/// Evidence of one check, on the reference or under a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    /// Kind of the check, such as `property` or `difference`.
    pub kind: String,
    /// The property or experiment that was measured.
    pub subject: String,
    /// The worst outcome of the findings: fail before undecided before pass; error before all.
    pub outcome: Outcome,
    /// The smallest margin of the findings.
    pub margin: Option<f64>,
    /// One a requirement, configuration or pair.
    pub findings: Vec<Finding>,
    /// Cases or replicates measured: where a sequential check stopped.
    pub samples: u64,
    /// Cases or replicates that could have been spent.
    pub budget: u64,
    /// Cases drawn but outside the property's assumptions.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rejected: u64,
    /// Share of the cases that violate a requirement (property checks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violating: Option<f64>,
    /// The minimal instance that violates a requirement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counterexample: Option<Value>,
    /// What broke down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the check needs times that nobody has measured; its outcome is then undecided.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unmeasured: bool,
    /// The same check judged elsewhere (on the reference only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapData>,
    /// The command that replays exactly this.
    pub replay: String,
}

impl Evidence {
    /// The evidence of these findings: the worst outcome, the smallest margin.
    #[must_use]
    pub fn of(kind: &str, subject: &str, findings: Vec<Finding>) -> Self {
        Self {
            kind: kind.to_owned(),
            subject: subject.to_owned(),
            outcome: worst(findings.iter().map(|f| f.outcome)),
            margin: smallest(findings.iter().map(|f| f.margin)),
            samples: findings.iter().map(|f| f.samples).max().unwrap_or(0),
            findings,
            budget: 0,
            rejected: 0,
            violating: None,
            counterexample: None,
            error: None,
            unmeasured: false,
            map: None,
            replay: String::new(),
        }
    }

    /// The evidence of something that broke down.
    #[must_use]
    pub fn broken(kind: &str, subject: &str, message: String, replay: String) -> Self {
        let nothing = Self::of(kind, subject, Vec::new());
        Self { outcome: Outcome::Error, error: Some(message), replay, ..nothing }
    }

    /// How soon the check failed; `None` unless it did.
    #[must_use]
    pub fn power(&self) -> Option<Power> {
        if self.outcome != Outcome::Fail {
            return None;
        }
        let failed = || self.findings.iter().filter(|f| f.outcome == Outcome::Fail);
        let first_case = self.counterexample.as_ref().and_then(|c| c["case"].as_u64());
        let strongest = failed().filter_map(|f| f.log10_e).map(|e| e.against).max_by(f64::total_cmp);
        Some(Power {
            needed: first_case.map(|case| case + 1).or(failed().map(|f| f.samples).min())?,
            budget: self.budget,
            violating: self.violating,
            log10_e: strongest,
        })
    }
}

/// How easily a check notices a fault, as measured once: not a probability, but what the failure
/// cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Power {
    /// Cases up to the first that violates a requirement, or replicates at the look where the
    /// check failed.
    pub needed: u64,
    /// Cases or replicates that could have been spent.
    pub budget: u64,
    /// Share of the cases that violate a requirement (property checks): the chance that a single
    /// case notices the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub violating: Option<f64>,
    /// Decimal logarithm of the strongest e-value for the opposite (statistical checks).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log10_e: Option<f64>,
}

/// The outcome of several together: the worst.
#[must_use]
pub fn worst(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    let severity = |o: Outcome| match o {
        Outcome::Pass => 0,
        Outcome::Undecided => 1,
        Outcome::Fail => 2,
        Outcome::Error => 3,
    };
    outcomes.into_iter().max_by_key(|o| severity(*o)).unwrap_or(Outcome::Undecided)
}

/// The smallest of some margins; `None` if there is none.
#[must_use]
pub fn smallest(margins: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    margins.into_iter().flatten().min_by(f64::total_cmp)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// One tested requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Which configuration, pair or requirement.
    pub label: String,
    /// What was measured, such as `violation` or `slope of violation over T`.
    pub quantity: String,
    /// Unit of the quantity.
    pub unit: String,
    /// What is required, such as `median > 0.01`.
    pub requirement: String,
    /// Outcome of this test.
    pub outcome: Outcome,
    /// Point estimate, or the worst value over the cases of a property.
    pub estimate: Option<f64>,
    /// Interval that holds the truth with the stated level, at any stopping time.
    pub interval: Option<[f64; 2]>,
    /// Standard deviation over replicates.
    pub deviation: Option<f64>,
    /// Decimal logarithms of the e-values for the requirement and for its opposite.
    pub log10_e: Option<EValues>,
    /// Cases or replicates used.
    pub samples: u64,
    /// Distance, in the unit of the tested quantity, from the nearest value that the evidence
    /// allows to the value where the decision would turn: positive when passed, negative when
    /// failed or undecided.
    pub margin: Option<f64>,
}

/// Decimal logarithms of two e-values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EValues {
    /// Against the hypothesis that the requirement does not hold.
    #[serde(rename = "for")]
    pub in_favour: f64,
    /// Against the hypothesis that it holds.
    pub against: f64,
}

/// A check repeated under a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlResult {
    /// Name of the fault.
    pub fault: String,
    /// What is wrong under the fault, in one sentence.
    #[serde(default)]
    pub summary: String,
    /// Index of the check among the claim's checks.
    pub check: usize,
    /// Outcome of the check under the fault.
    pub outcome: Outcome,
    /// Whether the control worked: the outcome is fail.
    pub worked: bool,
    /// Margin of the check under the fault.
    pub margin: Option<f64>,
    /// How soon the check failed; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<Power>,
    /// What was measured.
    pub evidence: Evidence,
}

impl ControlResult {
    /// What the evidence of a check under a fault says of the control.
    #[must_use]
    pub fn of(fault: &str, summary: &str, check: usize, evidence: Evidence) -> Self {
        Self {
            fault: fault.to_owned(),
            summary: summary.to_owned(),
            check,
            outcome: evidence.outcome,
            worked: evidence.outcome == Outcome::Fail,
            margin: evidence.margin,
            power: evidence.power(),
            evidence,
        }
    }
}

/// A claim, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClaimResult {
    /// Identifier.
    pub id: String,
    /// Slug of the paper.
    pub paper: String,
    /// The statement.
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
    /// What follows.
    pub verdict: Verdict,
    /// What was expected.
    pub expect: Verdict,
    /// Whether both agree.
    pub as_expected: bool,
    /// The smallest margin of the checks.
    pub margin: Option<f64>,
    /// Figures that the paper reports.
    pub published: Vec<Published>,
    /// Why another verdict than `corroborated` is expected.
    pub because: Option<String>,
    /// Remarks.
    pub notes: Option<String>,
    /// What an out-of-reach claim would need.
    pub needs: Option<String>,
    /// One a check, on the reference without faults.
    pub evidence: Vec<Evidence>,
    /// One a check and fault.
    pub controls: Vec<ControlResult>,
    /// Why no control can be built in, where that is said.
    pub control_impossible: Vec<String>,
    /// Measured pictures.
    pub plots: Vec<PlotData>,
    /// The command that replays the claim.
    pub replay: String,
}

/// A picture's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlotData {
    /// Caption.
    pub title: String,
    /// What is drawn.
    pub content: PlotContent,
    /// Abscissa.
    pub x: Axis,
    /// Ordinate.
    pub y: Axis,
    /// Replicates averaged over.
    pub replicates: u64,
    /// Panels, left to right.
    pub panels: Vec<PanelData>,
}

/// A panel of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PanelData {
    /// Title of the panel.
    pub title: String,
    /// Its curves.
    pub curves: Vec<Curve>,
}

/// A curve with a band; a bar is a curve of one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Curve {
    /// Legend.
    pub label: String,
    /// Abscissae.
    pub x: Vec<f64>,
    /// Means over replicates.
    pub mean: Vec<f64>,
    /// Lower end of the band: the 10 % quantile over replicates.
    pub low: Vec<f64>,
    /// Upper end of the band: the 90 % quantile over replicates.
    pub high: Vec<f64>,
}

/// A whole run: `verdicts.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdicts {
    /// Version of this format.
    pub format: u32,
    /// The run.
    pub run: RunInfo,
    /// Papers with a selected claim, in the order of slugs.
    pub papers: Vec<PaperRecord>,
    /// Selected claims, by paper, in the order of their files.
    pub claims: Vec<ClaimResult>,
}

/// What identifies a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Root of all seeds.
    pub root_seed: u64,
    /// What was spent.
    pub tier: Tier,
    /// Digest of the plan: claims, settings, budgets, seeds.
    pub plan: String,
    /// Digest of the verdicts: root seed, tier, and all that `claims` say, in the order of their ids. It does
    /// not depend on the machine, the build or the order of measurement.
    #[serde(default)]
    pub verdicts: String,
    /// Digest of the sources that the program was built from.
    pub revision: String,
    /// Compiler that the program was built with.
    pub toolchain: String,
    /// Level of each test in each direction.
    pub level: f64,
    /// Number of statistical tests, controls included.
    pub tests: u64,
    /// Union bound on the probability that any of them errs, in either direction.
    pub error_bound: f64,
}
