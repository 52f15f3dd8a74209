//! The common objective J_μ and its gradient, by enumeration.

use super::Fault;
use crate::kernel::{
    math::{exp, sum},
    tokens::{Policy, PrefixTree, Rows, Step, Task},
};

/// A response with everything that does not depend on the policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Its tokens and their contexts.
    pub steps: Vec<Step>,
    /// r(τ).
    pub reward: f64,
}

/// All responses to the one prompt of a tree, in the order of their numbers.
#[must_use]
pub fn responses(task: &PrefixTree) -> Vec<Response> {
    let mut all = Vec::with_capacity(task.responses());
    task.enumerate(0, &Policy::uniform(task), &mut |y| {
        all.push(Response { steps: y.steps.to_vec(), reward: y.reward });
    });
    all
}

/// J_μ(θ) = E_{π_θ} r − μ KL(π_β ‖ π_θ).
#[must_use]
pub fn objective(task: &PrefixTree, policy: &Policy, demonstrator: &Policy, mu: f64) -> f64 {
    task.success(0, policy) - mu * task.divergence(0, demonstrator, policy)
}

/// ∇J_μ = E_{π_θ}\[r ∇ln π_θ\] + μ E_{π_β}\[∇ln π_θ\].
#[must_use]
pub fn gradient(
    task: &PrefixTree,
    policy: &Policy,
    demonstrator: &Policy,
    mu: f64,
    fault: Option<Fault>,
) -> Rows {
    let mut gradient = Rows::zeros(task.rows(), task.width());
    task.add_gradient(0, policy, 1.0, &mut gradient);
    let demonstrated = task.distribution(0, demonstrator);
    for (tau, shown) in responses(task).iter().zip(demonstrated) {
        let weight = if fault == Some(Fault::ReverseKlSft) {
            let log = policy.log_likelihood(&tau.steps);
            -exp(log) * (log - demonstrator.log_likelihood(&tau.steps))
        } else {
            shown
        };
        for step in &tau.steps {
            policy.add_score(*step, mu * weight, &mut gradient);
        }
    }
    gradient
}

/// E_{π_ref} of an estimate: Σ_τ π_ref(τ) ĝ(τ), with compensated sums.
#[must_use]
pub fn expectation(probabilities: &[f64], estimates: &[Rows]) -> Rows {
    let (rows, width) = estimates.first().map_or((0, 0), |e| (e.count(), e.width()));
    Rows::from_fn(rows, width, |n, v| {
        sum(probabilities.iter().zip(estimates).map(|(p, estimate)| p * estimate[n][v]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::wave;

    #[test]
    fn the_gradient_is_the_derivative_and_the_reverse_divergence_is_not() {
        let task = PrefixTree::divisible_by_three(3, 3);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        let demonstrator = Policy::from_fn(&task, |n, v| 1.2 * wave(n, v, 4));
        for (mu, reversed) in [(0.0, 0.0), (0.5, 0.104), (2.0, 0.418)] {
            let known = policy.central_differences(1e-6, |p| objective(&task, p, &demonstrator, mu));
            let right = gradient(&task, &policy, &demonstrator, mu, None);
            assert!(known.largest_difference(&right) < 2e-9);
            let wrong = gradient(&task, &policy, &demonstrator, mu, Some(Fault::ReverseKlSft));
            approx::assert_relative_eq!(right.largest_difference(&wrong), reversed, epsilon = 5e-4);
        }
    }
}
