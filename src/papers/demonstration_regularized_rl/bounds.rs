//! What regularised optima are worth: the weight of the regulariser, gaps, and bounds.

use super::{Fault, cases::value, invalid};
use crate::{
    kernel::{
        math::{exp, sum},
        mdp::{Episodic, Rows, SoftOptimum, logarithms, soft_maximum},
    },
    papers::leaf::Failure,
};

/// λ where it does not follow the demonstrations.
const FIXED: f64 = 0.2;

/// λ = ε/ε_KL² for an accuracy ε > 0 and a bound ε_KL² > 0 on KL_traj(π^E‖π^BC).
#[must_use]
pub fn weight(accuracy: f64, divergence: f64, fault: Option<Fault>) -> f64 {
    if fault == Some(Fault::LambdaFixed) { FIXED } else { accuracy / divergence }
}

/// V*_λ − V_λ^π of a policy with respect to a reference, where the optimum is known; V* − V^π at λ = 0.
///
/// # Errors
/// [`Failure::Invalid`] for what is no policy of the process.
pub fn regularised_gap(
    process: &Episodic,
    optimum: &SoftOptimum,
    policy: &[Rows],
    reference: &[Rows],
    lambda: f64,
) -> Result<f64, Failure> {
    let gap = process.performance(&optimum.evaluations) - value(process, policy).map_err(invalid)?;
    if lambda == 0.0 {
        // Rounding alone can make it negative.
        return Ok(gap.max(0.0));
    }
    let divergence = process.trajectory_divergence(policy, &logarithms(reference)).map_err(invalid)?;
    Ok((gap + lambda * divergence).max(0.0))
}

/// V* − V^π ≤ ε_E + λ KL_traj(π^E‖ρ) + ε, if V_λ^π is within ε of the best.
#[must_use]
pub fn regret_bound(deficit: f64, lambda: f64, divergence: f64, gap: f64, fault: Option<Fault>) -> f64 {
    let deficit = if fault == Some(Fault::ExpertValueIgnored) { 0.0 } else { deficit };
    deficit + lambda * divergence + gap
}

/// What acting on wrong action values costs in one state: V_λ − (Σ π̂ Q − λ KL(π̂‖ρ)) = λ KL(π̂‖π*), where π̂ and π* are
/// the best laws for Q̂ and for Q.
#[must_use]
pub fn cost(values: &[f64], estimates: &[f64], reference: &[f64], lambda: f64) -> f64 {
    let (_, best) = soft_maximum(values, reference, lambda);
    let (_, acting) = soft_maximum(estimates, reference, lambda);
    let terms = acting.iter().zip(&best).filter(|(l, _)| exp(**l) > 0.0);
    lambda * sum(terms.map(|(l, b)| exp(*l) * (l - b)))
}

/// span(δ)²/(8λ), which the cost of errors δ does not exceed.
#[must_use]
pub fn cost_bound(errors: &[f64], lambda: f64, fault: Option<Fault>) -> f64 {
    let (least, most) =
        errors.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, m), e| (l.min(*e), m.max(*e)));
    let span = most - least;
    if fault == Some(Fault::LinearBoundClaimed) {
        span * span * lambda / 8.0
    } else {
        span * span / (8.0 * lambda)
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::papers::demonstration_regularized_rl::cloning::worst_divergence;

    #[test]
    fn the_weight_of_the_regulariser_grows_with_the_demonstrations() {
        for (demonstrations, lambda) in [(50, 0.01 * 51.0 / 32.0), (1600, 0.01 * 1601.0 / 32.0)] {
            let divergence = worst_divergence((4, 4, 3), demonstrations, None);
            assert_relative_eq!(weight(0.01, divergence, None), lambda, epsilon = 1e-15);
        }
        assert_relative_eq!(weight(0.01, 1.0, Some(Fault::LambdaFixed)), FIXED);
    }

    #[test]
    fn the_bound_on_the_cost_is_tight_for_two_even_actions() {
        // Small errors ±x of equal values under an even reference: KL is the variance x²/λ² over 2.
        let cost = cost(&[0.0, 0.0], &[0.01, -0.01], &[0.5, 0.5], 1.0);
        assert_relative_eq!(cost / cost_bound(&[0.01, -0.01], 1.0, None), 1.0, epsilon = 1e-4);
    }
}
