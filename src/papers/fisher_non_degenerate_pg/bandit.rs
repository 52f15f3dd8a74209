//! The reference problem: a normal policy whose Fisher information is the same everywhere.
//!
//! One or more independent steps, each with an action a ~ N(θ, σ²I), a ∈ ℝᵈ, and the reward
//! r(a) = −(√(1 + ‖a − c‖²) − 1), whose gradient never vanishes far away (a bounded bump would break
//! gradient dominance). ∇ln π = (a − θ)/σ², ∇²ln π = −I/σ², F = I/σ².

use super::estimators::{Environment, Trajectory, Vector};
use crate::kernel::{math::exp, stream::Stream};

/// A bandit with H independent steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandit<V> {
    centre: V,
    sigma: f64,
    variance: f64,
    horizon: usize,
    discount: f64,
    /// Parameters from this index on have no influence on the policy.
    free: usize,
}

/// r(a), given ‖a − c‖².
fn reward_at(square: f64) -> f64 {
    1.0 - (1.0 + square).sqrt()
}

impl<V: Vector> Bandit<V> {
    /// A bandit with centre c (d), standard deviation σ > 0 of the actions, H steps and discount γ.
    #[must_use]
    pub fn new(centre: V, sigma: f64, horizon: usize, discount: f64) -> Self {
        let free = centre.as_ref().len();
        Self { centre, sigma, variance: sigma * sigma, horizon, discount, free }
    }

    /// The same with a last parameter that changes nothing: F is singular.
    #[must_use]
    pub fn degenerate(mut self) -> Self {
        self.free = self.dimension() - 1;
        self
    }

    /// p(τ|θ′)/p(τ|θ): the weight with which a trajectory drawn under `policy` counts under `other`.
    #[must_use]
    pub fn likelihood_ratio(&self, other: &[f64], policy: &[f64], trajectory: &Trajectory<V>) -> f64 {
        let square = |mean: &[f64], action: &[f64]| -> f64 {
            action.iter().zip(mean).map(|(a, m)| (a - m) * (a - m)).sum()
        };
        let steps = trajectory.steps.iter();
        let doubled: f64 =
            steps.map(|(action, _)| square(policy, action.as_ref()) - square(other, action.as_ref())).sum();
        exp(doubled / (2.0 * self.variance))
    }
}

impl Bandit<[f64; 2]> {
    /// J(θ) of one step in two dimensions, by a quadrature rule for the standard normal distribution.
    #[must_use]
    pub fn objective(&self, theta: [f64; 2], rule: &[(f64, f64)]) -> f64 {
        let (sigma, mean) = (self.sigma, self.policy(&theta));
        let mut total = 0.0;
        for (x, wx) in rule {
            for (y, wy) in rule {
                let away = [mean[0] + sigma * x - self.centre[0], mean[1] + sigma * y - self.centre[1]];
                total += wx * wy * reward_at(away[0] * away[0] + away[1] * away[1]);
            }
        }
        total
    }
}

impl<V: Vector> Environment for Bandit<V> {
    type Vector = V;
    /// The mean of the actions: θ, but for parameters without influence.
    type Policy = V;
    /// The action a.
    type Step = V;

    fn dimension(&self) -> usize {
        self.centre.as_ref().len()
    }

    fn policy(&self, theta: &[f64]) -> V {
        let mut mean = self.centre.clone();
        self.refresh(theta, &mut mean);
        mean
    }

    fn refresh(&self, theta: &[f64], policy: &mut V) {
        let policy = policy.as_mut();
        policy.copy_from_slice(theta);
        policy[self.free..].fill(0.0);
    }

    fn draw(&self, policy: &V, stream: &mut Stream, trajectory: &mut Trajectory<V>) {
        if trajectory.steps.len() != self.horizon {
            trajectory.steps.resize(self.horizon, (policy.clone(), 0.0));
        }
        for (action, reward) in &mut trajectory.steps {
            let mut square = 0.0;
            let coordinates = action.as_mut().iter_mut().zip(policy.as_ref()).zip(self.centre.as_ref());
            for ((a, mean), c) in coordinates {
                *a = mean + self.sigma * stream.normal();
                square += (*a - c) * (*a - c);
            }
            *reward = reward_at(square);
        }
        trajectory.accumulate(self.discount, None);
    }

    fn add_score(&self, policy: &V, action: &V, weight: f64, into: &mut [f64]) {
        let scale = weight / self.variance;
        for ((x, a), mean) in into.iter_mut().zip(action.as_ref()).zip(policy.as_ref()).take(self.free) {
            *x += scale * (a - mean);
        }
    }

    fn score_along(&self, policy: &V, action: &V, v: &[f64]) -> f64 {
        let terms = action.as_ref().iter().zip(policy.as_ref()).zip(v).take(self.free);
        terms.map(|((a, mean), y)| (a - mean) * y).sum::<f64>() / self.variance
    }

    fn add_curvature(&self, _: &V, _: &V, v: &[f64], weight: f64, into: &mut [f64]) {
        let scale = weight / self.variance;
        for (x, y) in into.iter_mut().zip(v).take(self.free) {
            *x -= scale * y;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimators::{add_gradient, add_hessian_product};
    use super::*;
    use crate::kernel::{quadrature::gauss_hermite, stream::Streams};
    use approx::assert_relative_eq;

    const CENTRE: [f64; 2] = [2.0, -1.0];

    #[test]
    fn known_objective() {
        let bandit = Bandit::new(CENTRE, 1.0, 1, 1.0);
        let rule = gauss_hermite(20);
        assert_relative_eq!(bandit.objective(CENTRE, &rule), -0.655_691_933, epsilon = 1e-9);
        assert_relative_eq!(bandit.objective([0.0, 0.0], &rule), -1.69959, epsilon = 5e-6);
    }

    #[test]
    fn estimates_average_to_the_derivatives() {
        let bandit = Bandit::new(CENTRE, 1.0, 1, 1.0);
        let (rule, theta, v) = (gauss_hermite(20), [0.5, 0.5], [1.0, -2.0]);
        let (policy, mut tau) = (bandit.policy(&theta), Trajectory::default());
        let mut stream = Streams::from_seed(1).stream("estimates");
        let (mut gradient, mut product) = ([0.0; 2], [0.0; 2]);
        let n = 200_000;
        for _ in 0..n {
            bandit.draw(&policy, &mut stream, &mut tau);
            add_gradient(&bandit, &policy, &tau, 1.0 / f64::from(n), &mut gradient);
            add_hessian_product(&bandit, &policy, &tau, &v, 1.0 / f64::from(n), None, &mut product);
        }
        let h = 1e-3;
        let at = |a: f64, b: f64| bandit.objective([theta[0] + a, theta[1] + b], &rule);
        for (i, (x, y)) in [(h, 0.0), (0.0, h)].into_iter().enumerate() {
            let slope = |a: f64, b: f64| (at(a + x, b + y) - at(a - x, b - y)) / (2.0 * h);
            assert_relative_eq!(gradient[i], slope(0.0, 0.0), epsilon = 0.03);
            let along = (slope(h * v[0], h * v[1]) - slope(-h * v[0], -h * v[1])) / (2.0 * h);
            assert_relative_eq!(product[i], along, epsilon = 0.1);
        }
    }

    #[test]
    fn likelihood_ratios_have_mean_one() {
        let bandit = Bandit::new(CENTRE, 0.5, 3, 1.0);
        let (policy, other) = ([0.2, 0.0], [0.0, 0.1]);
        let (mut stream, mut tau) = (Streams::from_seed(2).stream("ratios"), Trajectory::default());
        let n = 50_000;
        let mean: f64 = (0..n)
            .map(|_| {
                bandit.draw(&policy, &mut stream, &mut tau);
                bandit.likelihood_ratio(&other, &policy, &tau) / f64::from(n)
            })
            .sum();
        assert_relative_eq!(mean, 1.0, epsilon = 0.02);
    }
}
