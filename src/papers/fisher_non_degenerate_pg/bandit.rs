//! The reference problem: a normal policy whose Fisher information is the same everywhere.
//!
//! One or more independent steps, each with an action a ~ N(θ, σ²I), a ∈ ℝᵈ, and the reward
//! r(a) = −(√(1 + ‖a − c‖²) − 1), whose gradient never vanishes far away (a bounded bump would break
//! gradient dominance). ∇ln π = (a − θ)/σ², ∇²ln π = −I/σ², F = I/σ².

use super::estimators::{Environment, Trajectory};
use crate::kernel::{math::exp, stream::Stream};

/// A bandit with H independent steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandit {
    centre: Vec<f64>,
    sigma: f64,
    variance: f64,
    horizon: usize,
    discount: f64,
    /// Parameters from this index on have no influence on the policy.
    free: usize,
}

impl Bandit {
    /// A bandit with centre c (d), standard deviation σ > 0 of the actions, H steps and discount γ.
    #[must_use]
    pub fn new(centre: Vec<f64>, sigma: f64, horizon: usize, discount: f64) -> Self {
        let free = centre.len();
        Self { centre, sigma, variance: sigma * sigma, horizon, discount, free }
    }

    /// The same with a last parameter that changes nothing: F is singular.
    #[must_use]
    pub fn degenerate(mut self) -> Self {
        self.free = self.centre.len() - 1;
        self
    }

    /// r(a).
    fn reward(&self, action: &[f64]) -> f64 {
        let square: f64 = action.iter().zip(&self.centre).map(|(a, c)| (a - c) * (a - c)).sum();
        1.0 - (1.0 + square).sqrt()
    }

    /// J(θ) of one step in two dimensions, by a quadrature rule for the standard normal distribution.
    #[must_use]
    pub fn objective(&self, theta: [f64; 2], rule: &[(f64, f64)]) -> f64 {
        let (sigma, mean) = (self.sigma, self.policy(&theta));
        let mut total = 0.0;
        for (x, wx) in rule {
            for (y, wy) in rule {
                total += wx * wy * self.reward(&[mean[0] + sigma * x, mean[1] + sigma * y]);
            }
        }
        total
    }

    /// p(τ|θ′)/p(τ|θ): the weight with which a trajectory drawn under `policy` counts under `other`.
    #[must_use]
    pub fn likelihood_ratio(&self, other: &[f64], policy: &[f64], trajectory: &Trajectory<Vec<f64>>) -> f64 {
        let square = |mean: &[f64], action: &[f64]| -> f64 {
            action.iter().zip(mean).map(|(a, m)| (a - m) * (a - m)).sum()
        };
        let steps = trajectory.steps.iter();
        let doubled: f64 = steps.map(|(action, _)| square(policy, action) - square(other, action)).sum();
        exp(doubled / (2.0 * self.variance))
    }
}

impl Environment for Bandit {
    /// The mean of the actions: θ, but for parameters without influence.
    type Policy = Vec<f64>;
    /// The action a.
    type Step = Vec<f64>;

    fn dimension(&self) -> usize {
        self.centre.len()
    }

    fn policy(&self, theta: &[f64]) -> Vec<f64> {
        let mut mean = theta.to_vec();
        self.refresh(theta, &mut mean);
        mean
    }

    fn refresh(&self, theta: &[f64], policy: &mut Vec<f64>) {
        policy.copy_from_slice(theta);
        policy[self.free..].fill(0.0);
    }

    fn draw(&self, policy: &Vec<f64>, stream: &mut Stream, trajectory: &mut Trajectory<Vec<f64>>) {
        if trajectory.steps.len() != self.horizon {
            trajectory.steps.resize(self.horizon, (vec![0.0; policy.len()], 0.0));
        }
        for (action, reward) in &mut trajectory.steps {
            for (a, mean) in action.iter_mut().zip(policy) {
                *a = mean + self.sigma * stream.normal();
            }
            *reward = self.reward(action);
        }
        trajectory.accumulate(self.discount, None);
    }

    fn add_score(&self, policy: &Vec<f64>, action: &Vec<f64>, weight: f64, into: &mut [f64]) {
        let scale = weight / self.variance;
        for ((x, a), mean) in into.iter_mut().zip(action).zip(policy).take(self.free) {
            *x += scale * (a - mean);
        }
    }

    fn score_along(&self, policy: &Vec<f64>, action: &Vec<f64>, v: &[f64]) -> f64 {
        let terms = action.iter().zip(policy).zip(v).take(self.free);
        terms.map(|((a, mean), y)| (a - mean) * y).sum::<f64>() / self.variance
    }

    fn add_curvature(&self, _: &Vec<f64>, _: &Vec<f64>, v: &[f64], weight: f64, into: &mut [f64]) {
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
        let bandit = Bandit::new(CENTRE.to_vec(), 1.0, 1, 1.0);
        let rule = gauss_hermite(20);
        assert_relative_eq!(bandit.objective(CENTRE, &rule), -0.655_691_933, epsilon = 1e-9);
        assert_relative_eq!(bandit.objective([0.0, 0.0], &rule), -1.69959, epsilon = 5e-6);
    }

    #[test]
    fn estimates_average_to_the_derivatives() {
        let bandit = Bandit::new(CENTRE.to_vec(), 1.0, 1, 1.0);
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
        let bandit = Bandit::new(CENTRE.to_vec(), 0.5, 3, 1.0);
        let (policy, other) = ([0.2, 0.0], [0.0, 0.1]);
        let (mut stream, mut tau) = (Streams::from_seed(2).stream("ratios"), Trajectory::default());
        let n = 50_000;
        let mean: f64 = (0..n)
            .map(|_| {
                bandit.draw(&policy.to_vec(), &mut stream, &mut tau);
                bandit.likelihood_ratio(&other, &policy, &tau) / f64::from(n)
            })
            .sum();
        assert_relative_eq!(mean, 1.0, epsilon = 0.02);
    }
}
