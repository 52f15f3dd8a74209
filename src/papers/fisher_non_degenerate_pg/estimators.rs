//! Estimates of gradient and Hessian from one trajectory.

use super::Fault;
use crate::kernel::stream::Stream;

/// A trajectory, as the estimators see it: its steps with their rewards-to-go
/// Rₕ = Σ_{k ≥ h} γᵏ r_k. Filled anew at each draw without allocating again.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trajectory<Step> {
    /// (what happened, Rₕ) for h = 0 … H − 1.
    pub steps: Vec<(Step, f64)>,
}

impl<Step> Trajectory<Step> {
    /// Turns rewards, stored in the place of the rewards-to-go, into rewards-to-go.
    pub fn accumulate(&mut self, discount: f64, fault: Option<Fault>) {
        if fault == Some(Fault::DiscountFromTheStep) {
            let mut to_go = 0.0;
            for (_, reward) in self.steps.iter_mut().rev() {
                to_go = *reward + discount * to_go;
                *reward = to_go;
            }
            return;
        }
        let mut weight = 1.0;
        for (_, reward) in &mut self.steps {
            *reward *= weight;
            weight *= discount;
        }
        let mut to_go = 0.0;
        for (_, reward) in self.steps.iter_mut().rev() {
            to_go += *reward;
            *reward = to_go;
        }
    }
}

/// A vector of ℝᵈ.
pub trait Vector: Clone + AsRef<[f64]> + AsMut<[f64]> {}

impl<const D: usize> Vector for [f64; D] {}
impl Vector for Vec<f64> {}

/// A parametrised policy in an environment: how trajectories are drawn, and how ln π(a|s) changes
/// with θ ∈ ℝᵈ. Vectors are slices of length d.
pub trait Environment {
    /// What has length d: `[f64; d]` where d is known to the compiler, which makes short loops vanish.
    type Vector: Vector;
    /// π_θ, as far as it is computed once for many steps.
    type Policy;
    /// A state and an action, as far as ln π depends on them.
    type Step: Clone;

    /// d.
    fn dimension(&self) -> usize;

    /// π_θ.
    fn policy(&self, theta: &[f64]) -> Self::Policy;

    /// Makes a policy that of θ, without allocation.
    fn refresh(&self, theta: &[f64], policy: &mut Self::Policy);

    /// Draws τ ~ p(·|θ).
    fn draw(&self, policy: &Self::Policy, stream: &mut Stream, trajectory: &mut Trajectory<Self::Step>);

    /// Adds weight · ∇ln π(a|s).
    fn add_score(&self, policy: &Self::Policy, step: &Self::Step, weight: f64, into: &mut [f64]);

    /// ∇ln π(a|s)ᵀ v.
    fn score_along(&self, policy: &Self::Policy, step: &Self::Step, v: &[f64]) -> f64;

    /// Adds weight · ∇²ln π(a|s) v.
    fn add_curvature(
        &self,
        policy: &Self::Policy,
        step: &Self::Step,
        v: &[f64],
        weight: f64,
        into: &mut [f64],
    );
}

/// Adds weight · g(τ, θ), g = Σₕ Rₕ ∇ln π(aₕ|sₕ).
pub fn add_gradient<E: Environment>(
    environment: &E,
    policy: &E::Policy,
    trajectory: &Trajectory<E::Step>,
    weight: f64,
    into: &mut [f64],
) {
    for (step, to_go) in &trajectory.steps {
        environment.add_score(policy, step, weight * to_go, into);
    }
}

/// Adds weight · B(τ, θ) v, B v = g · (Σₕ ∇ln π(aₕ|sₕ)ᵀ v) + Σₕ Rₕ ∇²ln π(aₕ|sₕ) v.
pub fn add_hessian_product<E: Environment>(
    environment: &E,
    policy: &E::Policy,
    trajectory: &Trajectory<E::Step>,
    v: &[f64],
    weight: f64,
    fault: Option<Fault>,
    into: &mut [f64],
) {
    match fault {
        Some(Fault::NoOuterProduct) => {}
        Some(Fault::CausalScoreOnly) => {
            let mut along = 0.0;
            for (step, to_go) in trajectory.steps.iter().rev() {
                along += environment.score_along(policy, step, v);
                environment.add_score(policy, step, weight * to_go * along, into);
            }
        }
        _ => {
            let steps = trajectory.steps.iter();
            let along: f64 = steps.map(|(step, _)| environment.score_along(policy, step, v)).sum();
            add_gradient(environment, policy, trajectory, weight * along, into);
        }
    }
    for (step, to_go) in &trajectory.steps {
        environment.add_curvature(policy, step, v, weight * to_go, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewards_to_go_keep_their_discount_from_the_start() {
        let to_go = |fault| {
            let mut trajectory = Trajectory { steps: vec![((), 1.0), ((), -2.0), ((), 4.0)] };
            trajectory.accumulate(0.5, fault);
            trajectory.steps.iter().map(|((), r)| *r).collect::<Vec<_>>()
        };
        assert_eq!(to_go(None), [1.0, 0.0, 1.0]);
        assert_eq!(to_go(Some(Fault::DiscountFromTheStep)), [1.0, 0.0, 4.0]);
    }
}
