//! The maximiser of J_λ: the geometric line through reference and teacher.
//!
//! Laws over finitely many outcomes (responses, say) are given by the logarithms of their
//! probabilities. J_λ(p) = E_p\[λ ln(π*/π_ref)\] − KL(p‖π_ref) = ln Z_λ − KL(p‖π_λ) for every law p, with
//!
//! ```text
//! π_λ = π_ref^(1−λ) π*^λ / Z_λ,    Z_λ = Σ π_ref^(1−λ) π*^λ.
//! ```
//!
//! ln Z_λ is convex in λ and 0 at λ = 0 and 1, hence at most 0 between them and at least 0 outside.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, effective,
    objective::{Credit, Distillation, usual_tree, wave_policy},
    roles,
};
use crate::{
    kernel::{
        math::{exp, log_sum_exp, sum},
        stream::Streams,
        tokens::{Policy, PrefixTree, Rows},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// π_λ, and the value of J_λ there.
#[derive(Clone, Debug, PartialEq)]
pub struct Extrapolated {
    /// ln π_λ of each outcome.
    pub logarithms: Vec<f64>,
    /// ln Z_λ.
    pub log_z: f64,
}

/// π_λ from the logarithms of a normalised teacher and reference.
#[must_use]
pub fn extrapolate(teacher: &[f64], reference: &[f64], lambda: f64, fault: Option<Fault>) -> Extrapolated {
    let (teacher, reference) = roles(teacher, reference, fault);
    let lambda = effective(lambda, fault);
    let mut logarithms: Vec<f64> =
        teacher.iter().zip(reference).map(|(t, r)| (1.0 - lambda) * r + lambda * t).collect();
    let log_z = log_sum_exp(&logarithms);
    for x in &mut logarithms {
        *x -= log_z;
    }
    Extrapolated { logarithms, log_z }
}

/// E_p f.
#[must_use]
pub fn expected(law: &[f64], f: impl Fn(usize) -> f64) -> f64 {
    sum(law.iter().enumerate().map(|(y, ln_p)| exp(*ln_p) * f(y)))
}

/// KL(p‖q) in nats.
#[must_use]
pub fn divergence(p: &[f64], q: &[f64]) -> f64 {
    expected(p, |y| p[y] - q[y])
}

/// J_λ(p), by its definition.
#[must_use]
pub fn value(law: &[f64], teacher: &[f64], reference: &[f64], lambda: f64) -> f64 {
    expected(law, |y| lambda * (teacher[y] - reference[y])) - divergence(law, reference)
}

/// π(v|h) ∝ π_ref(v|h)^(1−λ) π*(v|h)^λ in every prefix h: where the token update comes to rest.
#[must_use]
pub fn token_optimum(distillation: &Distillation<'_>) -> Policy {
    let (teacher, reference) = (distillation.teacher.logits(), distillation.reference.logits());
    let lambda = distillation.lambda;
    Policy::new(Rows::from_fn(teacher.count(), teacher.width(), |n, v| {
        (1.0 - lambda) * reference[n][v] + lambda * teacher[n][v]
    }))
}

/// The optimum over the sequences of a tree; the token-wise one is taken for it under a fault.
#[must_use]
pub fn sequence_optimum(task: &PrefixTree, distillation: &Distillation<'_>) -> Extrapolated {
    let teacher = task.log_distribution(0, distillation.teacher);
    let reference = task.log_distribution(0, distillation.reference);
    if distillation.fault == Some(Fault::TokenRuleIsSequenceOptimum) {
        let logarithms = task.log_distribution(0, &token_optimum(distillation));
        let log_z = value(&logarithms, &teacher, &reference, distillation.lambda);
        return Extrapolated { logarithms, log_z };
    }
    extrapolate(&teacher, &reference, distillation.lambda, None)
}

/// Where the token update comes to rest, and how far that is from the optimum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AtRest {
    /// Largest entry of the token update there.
    pub update: f64,
    /// Largest entry of ∇J_λ there.
    pub gradient: f64,
    /// ln Z_λ − J_λ.
    pub shortfall: f64,
    /// KL to the optimum over sequences.
    pub divergence: f64,
}

impl AtRest {
    /// On a tree with one prompt.
    #[must_use]
    pub fn of(task: &PrefixTree, distillation: &Distillation<'_>) -> Self {
        let rest = token_optimum(distillation);
        let zeros = Rows::zeros(rest.logits().count(), rest.logits().width());
        let optimum = sequence_optimum(task, distillation);
        Self {
            update: distillation.token_rule(task, &rest).largest_difference(&zeros),
            gradient: distillation.gradient(task, &rest, Credit::Response).largest_difference(&zeros),
            shortfall: optimum.log_z - distillation.objective(task, &rest),
            divergence: divergence(&task.log_distribution(0, &rest), &optimum.logarithms),
        }
    }
}

/// Settings of the token rule on the usual tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lambda: super::EXTRAPOLATION }
    }
}

/// The token update beside the gradient, on the usual tree.
pub struct TokenRule(Settings);

impl Measure for TokenRule {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "token-rule";
    const SUMMARY: &'static str =
        "Rest point and direction of the token update, against optimum and gradient over sequences.";
    const METRICS: &'static [Metric] = &[
        Metric::new("log-z", "Value of J at the optimum over sequences.").unit("nat"),
        Metric::new("update", "Largest entry of the token update where it rests.").range(0.0, f64::INFINITY),
        Metric::new("gradient", "Largest entry of the gradient where the token update rests.")
            .range(0.0, f64::INFINITY),
        Metric::new("shortfall", "What J lacks where the token update rests.").unit("nat"),
        Metric::new("gap", "Shortfall less the divergence of the rest point from the optimum.").unit("nat"),
        Metric::new("cosine", "Cosine of update and gradient at the student.").range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::TokenRuleIsSequenceOptimum,
        Fault::LambdaDefault,
        Fault::LambdaIgnored,
        Fault::RewardToGo,
        Fault::SwapTeacherAndRef,
    ];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (task, student) = (usual_tree(), wave_policy(0));
        let (teacher, reference) = (wave_policy(1), wave_policy(2));
        let distillation = Distillation::new(&teacher, &reference, self.0.lambda, fault);
        let rest = AtRest::of(&task, &distillation);
        let gradient = distillation.gradient(&task, &student, Credit::Response);
        let update = distillation.token_rule(&task, &student);
        let norms = (gradient.norm_squared() * update.norm_squared()).sqrt();
        Ok(Measurement::new()
            .metric("log-z", sequence_optimum(&task, &distillation).log_z)
            .metric("update", rest.update)
            .metric("gradient", rest.gradient)
            .metric("shortfall", rest.shortfall)
            .metric("gap", rest.shortfall - rest.divergence)
            .metric("cosine", (gradient.dot(&update) / norms).clamp(-1.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_normalisers_and_shortfalls() {
        let task = usual_tree();
        let (teacher, reference) = (wave_policy(1), wave_policy(2));
        for (lambda, log_z, shortfall) in
            [(0.5, -0.0449, 1.58e-4), (1.0, 0.0, 0.0), (1.25, 0.0491, 2.33e-4), (2.0, 0.2824, 8.54e-3)]
        {
            let distillation = Distillation::new(&teacher, &reference, lambda, None);
            assert_relative_eq!(sequence_optimum(&task, &distillation).log_z, log_z, epsilon = 5e-5);
            let rest = AtRest::of(&task, &distillation);
            assert!(rest.update < 1e-15);
            assert_relative_eq!(rest.shortfall, shortfall, epsilon = 5e-6);
            assert_relative_eq!(rest.shortfall, rest.divergence, epsilon = 1e-15);
            assert_eq!(rest.gradient > 1e-3, lambda != 1.0);
        }
    }

    #[test]
    fn the_value_of_any_law_is_that_of_the_optimum_less_its_divergence() {
        let task = usual_tree();
        let of = |c| task.log_distribution(0, &wave_policy(c));
        let (student, teacher, reference) = (of(0), of(1), of(2));
        for lambda in [-1.0, 0.0, 0.5, 1.25, 3.0] {
            let optimum = extrapolate(&teacher, &reference, lambda, None);
            let known = optimum.log_z - divergence(&student, &optimum.logarithms);
            assert_relative_eq!(value(&student, &teacher, &reference, lambda), known, epsilon = 1e-15);
        }
        for (lambda, end) in [(0.0, &reference), (1.0, &teacher)] {
            let optimum = extrapolate(&teacher, &reference, lambda, None);
            assert_relative_eq!(divergence(&optimum.logarithms, end), 0.0, epsilon = 1e-15);
            let swapped = extrapolate(&teacher, &reference, lambda, Some(Fault::SwapTeacherAndRef));
            assert!(divergence(&swapped.logarithms, end) > 0.1);
        }
    }
}
