//! The unified policy gradient estimator, and the losses that its rows are the gradients of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::{
    math::exp,
    tokens::{Clip, Policy, Rows, Step},
};

/// Constant γ of LUFFY's shaping f(x) = x/(x + γ).
const SHAPING: f64 = 0.1;

/// Rows of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// Supervised finetuning: ln π_θ(τ).
    Sft,
    /// A ln π_θ(τ).
    Reinforce,
    /// Σₜ min(ρₜA, clip(ρₜ)A).
    Ppo,
    /// (1/|τ|) Σₜ min(ρₜA, clip(ρₜ)A).
    Grpo,
    /// min(sA, clip(s)A), s = ρ^(1/|τ|).
    Gspo,
    /// A π_θ(τ).
    SrftOffline,
    /// A f(π_θ(τ)).
    LuffyOffline,
}

impl Algorithm {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Sft,
        Self::Reinforce,
        Self::Ppo,
        Self::Grpo,
        Self::Gspo,
        Self::SrftOffline,
        Self::LuffyOffline,
    ];
}

/// What a trajectory's term depends on beside the policy being trained.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// Tokens of the trajectory τ, at least one.
    pub steps: &'a [Step],
    /// π_old, from which it was sampled.
    pub old: &'a Policy,
    /// Its advantage A.
    pub advantage: f64,
    /// ε_low and ε_high.
    pub clip: Clip,
}

/// Adds 1_stable · (1/π_ref) · Â · ∇π_θ of a piece of a trajectory, the whole of it or a token, given
/// ln π_ref of the piece.
pub fn add_unified(
    piece: &[Step],
    stable: bool,
    log_reference: f64,
    advantage: f64,
    policy: &Policy,
    gradient: &mut Rows,
) {
    if !stable {
        return;
    }
    // (1/π_ref) ∇π = (π/π_ref) ∇ln π, which neither underflows nor divides by zero.
    let weight = exp(policy.log_likelihood(piece) - log_reference) * advantage;
    for step in piece {
        policy.add_score(*step, weight, gradient);
    }
}

/// 1_stable of a ratio: 0 where the policy has already moved far enough the way the advantage asks for.
fn stable(ratio: f64, advantage: f64, clip: Clip, fault: Option<Fault>) -> bool {
    let (above, below) = (ratio > 1.0 + clip.high, ratio < 1.0 - clip.low);
    if fault == Some(Fault::MaskBothSides) {
        return !(above || below);
    }
    !((advantage > 0.0 && above) || (advantage < 0.0 && below))
}

/// The row of an algorithm for one trajectory.
#[must_use]
pub fn row(algorithm: Algorithm, policy: &Policy, setting: &Setting<'_>, fault: Option<Fault>) -> Rows {
    let Setting { steps, old, advantage, clip } = *setting;
    let length = steps.len() as f64;
    let (new, before) = (policy.log_likelihood(steps), old.log_likelihood(steps));
    let mut gradient = Rows::zeros(policy.logits().count(), policy.logits().width());
    match algorithm {
        Algorithm::Sft => add_unified(steps, true, new, 1.0, policy, &mut gradient),
        Algorithm::Reinforce => add_unified(steps, true, new, advantage, policy, &mut gradient),
        Algorithm::Ppo | Algorithm::Grpo => {
            let share = if algorithm == Algorithm::Grpo { 1.0 / length } else { 1.0 };
            for step in steps {
                let log_old = old.log_probability(*step);
                let log_reference = if fault == Some(Fault::RefThetaForOld) {
                    policy.log_probability(*step)
                } else {
                    log_old
                };
                let stable = stable(exp(policy.log_probability(*step) - log_old), advantage, clip, fault);
                let token = std::slice::from_ref(step);
                add_unified(token, stable, log_reference, share * advantage, policy, &mut gradient);
            }
        }
        Algorithm::Gspo => {
            let log_ratio = (new - before) / length;
            let stable = stable(exp(log_ratio), advantage, clip, fault);
            // The derivative of the power leaves a further 1/|τ|.
            add_unified(steps, stable, new - log_ratio, advantage / length, policy, &mut gradient);
        }
        Algorithm::SrftOffline => add_unified(steps, true, 0.0, advantage, policy, &mut gradient),
        Algorithm::LuffyOffline => {
            let shaping = if fault == Some(Fault::LuffyWithoutShaping) {
                1.0
            } else {
                let shifted = exp(new) + SHAPING;
                SHAPING / (shifted * shifted)
            };
            add_unified(steps, true, 0.0, advantage * shaping, policy, &mut gradient);
        }
    }
    gradient
}

/// The algorithm's own objective for one trajectory, to be maximised.
#[must_use]
pub fn objective(algorithm: Algorithm, policy: &Policy, setting: &Setting<'_>) -> f64 {
    let Setting { steps, old, advantage, clip } = *setting;
    let length = steps.len() as f64;
    let (new, before) = (policy.log_likelihood(steps), old.log_likelihood(steps));
    let tokens = || -> f64 {
        let ratio = |step: &Step| exp(policy.log_probability(*step) - old.log_probability(*step));
        steps.iter().map(|step| clip.term(ratio(step), 1.0, advantage).value).sum()
    };
    match algorithm {
        Algorithm::Sft => new,
        Algorithm::Reinforce => advantage * new,
        Algorithm::Ppo => tokens(),
        Algorithm::Grpo => tokens() / length,
        Algorithm::Gspo => clip.term(exp((new - before) / length), 1.0, advantage).value,
        Algorithm::SrftOffline => advantage * exp(new),
        Algorithm::LuffyOffline => advantage * exp(new) / (exp(new) + SHAPING),
    }
}

/// Whether some ratio that the algorithm clips lies so near to a bound that a finite difference of the
/// objective would straddle the kink.
#[must_use]
pub fn near_a_kink(algorithm: Algorithm, policy: &Policy, setting: &Setting<'_>, distance: f64) -> bool {
    let Setting { steps, old, clip, .. } = *setting;
    let near = |log_ratio: f64| {
        let ratio = exp(log_ratio);
        (ratio - 1.0 - clip.high).abs() < distance || (ratio - 1.0 + clip.low).abs() < distance
    };
    match algorithm {
        Algorithm::Ppo | Algorithm::Grpo => {
            steps.iter().any(|step| near(policy.log_probability(*step) - old.log_probability(*step)))
        }
        Algorithm::Gspo => {
            near((policy.log_likelihood(steps) - old.log_likelihood(steps)) / steps.len() as f64)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::objective::responses;
    use super::*;
    use crate::kernel::tokens::{PrefixTree, wave};

    #[test]
    fn every_row_is_the_gradient_of_its_objective() {
        let task = PrefixTree::divisible_by_three(3, 3);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        let old = Policy::from_fn(&task, |n, v| 0.7 * wave(n, v, 3));
        let mut outside = 0;
        for tau in responses(&task) {
            let ratio = |s: &Step| exp(policy.log_probability(*s) - old.log_probability(*s));
            outside += tau.steps.iter().filter(|s| (ratio(s) - 1.0).abs() > 0.2).count();
            for advantage in [1.0, -0.7] {
                let setting = Setting { steps: &tau.steps, old: &old, advantage, clip: Clip::PPO };
                for algorithm in Algorithm::ALL {
                    if near_a_kink(algorithm, &policy, &setting, 1e-4) {
                        continue;
                    }
                    let known = policy.central_differences(1e-6, |p| objective(algorithm, p, &setting));
                    let measured = row(algorithm, &policy, &setting, None);
                    assert!(known.largest_difference(&measured) < 1e-9, "{algorithm:?}");
                }
            }
        }
        assert_eq!(outside, 64);
    }
}
