//! Importance weights of trajectories: what the methods do without.
//!
//! A recursive method without the Hessian would correct its average by the same trajectory seen twice,
//! d_t = (1 − η)(d_{t−1} + g(τ, θ_t) − w g(τ, θ_{t−1})) + η g(τ, θ_t), where w = p(τ|θ_{t−1})/p(τ|θ_t) makes the old
//! gradient unbiased. For a normal policy E w² grows exponentially with the horizon.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::Bandit,
    estimators::{Environment, Trajectory, add_gradient},
    methods::transported,
    training::CENTRE,
};
use crate::{
    kernel::{
        math::{exp, ln},
        quadrature::gauss_hermite,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// E w² = exp(H ‖Δ‖²/σ²) of the weight w = Πₕ π_{θ+Δ}(aₕ)/π_θ(aₕ), aₕ ~ N(θ, σ²I) independent.
///
/// (One step: E exp(2δz − δ²) = exp(δ²) with δ = ‖Δ‖/σ.)
#[must_use]
pub fn second_moment(horizon: usize, distance: f64, sigma: f64, fault: Option<Fault>) -> f64 {
    let steps = if fault == Some(Fault::OneStepWeight) { 1.0 } else { horizon as f64 };
    exp(steps * (distance / sigma) * (distance / sigma))
}

/// Quadrature that is exact to rounding for the weights of shifts ‖Δ‖ ≤ σ.
static RULE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| gauss_hermite(24));

/// The same by quadrature over the actions of one step, to the power H, for ‖Δ‖ ≤ σ.
#[must_use]
pub fn second_moment_by_quadrature(horizon: usize, distance: f64, sigma: f64) -> f64 {
    let delta = distance / sigma;
    let weight = |z: f64| exp(delta * z - delta * delta / 2.0);
    let one_step: f64 = RULE.iter().map(|(z, share)| share * weight(*z) * weight(*z)).sum();
    exp(horizon as f64 * ln(one_step))
}

/// Settings of the noise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// H.
    #[schemars(range(min = 1, max = 10_000))]
    pub horizon: usize,
    /// ‖Δ‖: how far the parameter moved since the old gradient.
    #[schemars(range(min = 0.0))]
    pub distance: f64,
    /// σ of the policy.
    #[schemars(range(min = 1e-3))]
    pub sigma: f64,
    /// η_t.
    #[schemars(range(min = 1e-3, max = 1.0))]
    pub eta: f64,
    /// Trajectories to average over.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub trajectories: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { horizon: 20, distance: 0.3, sigma: 1.0, eta: 0.2, trajectories: 400 }
    }
}

/// What one trajectory adds to the average, on a bandit with H steps and γ = 0.9 whose parameter comes
/// from θ_{t−1} = θ_t − Δ to the origin.
pub struct Additions {
    settings: Settings,
    bandit: Bandit<[f64; 2]>,
}

impl Measure for Additions {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "additions";
    const SUMMARY: &'static str = "How noisy what a trajectory adds to the average of N-PG-IGT is, without and with importance weights.";
    const METRICS: &'static [Metric] =
        &[Metric::new("noise", "Mean of ‖d_t − (1 − η) d_{t−1}‖² over that of ‖g(τ, θ_t)‖².")
            .range(0.0, f64::INFINITY)
            .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::IsStorm];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let bandit = Bandit::new(CENTRE, settings.sigma, settings.horizon, 0.9);
        Ok(Self { settings, bandit })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { distance, eta, trajectories, .. } = self.settings;
        let (theta, previous) = ([0.0; 2], [-distance, 0.0]);
        let mut point = [0.0; 2];
        transported(eta, &theta, &previous, None, &mut point);
        let [now, before, ahead] = [theta, previous, point].map(|at| self.bandit.policy(&at));

        let mut stream = streams.stream("trajectories");
        let (mut tau, mut noise, mut plain) = (Trajectory::default(), 0.0, 0.0);
        for _ in 0..trajectories {
            let (mut gradient, mut added) = ([0.0; 2], [0.0; 2]);
            self.bandit.draw(&now, &mut stream, &mut tau);
            add_gradient(&self.bandit, &now, &tau, 1.0, &mut gradient);
            if fault == Some(Fault::IsStorm) {
                let weight = self.bandit.likelihood_ratio(&before, &now, &tau);
                added = gradient;
                add_gradient(&self.bandit, &before, &tau, -(1.0 - eta) * weight, &mut added);
            } else {
                self.bandit.draw(&ahead, &mut stream, &mut tau);
                add_gradient(&self.bandit, &ahead, &tau, eta, &mut added);
            }
            let square = |x: [f64; 2]| x[0] * x[0] + x[1] * x[1];
            noise += square(added);
            plain += square(gradient);
        }
        Ok(Measurement::new().metric("noise", noise / plain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_moments() {
        for (horizon, distance, sigma, known) in
            [(1, 0.3, 1.0, 1.0942), (20, 0.3, 1.0, 6.05), (50, 0.2, 0.5, 2981.0)]
        {
            let moment = second_moment(horizon, distance, sigma, None);
            assert_relative_eq!(moment, known, max_relative = 5e-4);
            let measured = second_moment_by_quadrature(horizon, distance, sigma);
            assert_relative_eq!(measured, moment, max_relative = 1e-11);
        }
    }

    #[test]
    fn likelihood_ratios_have_that_second_moment() {
        let (mut stream, mut tau) = (Streams::from_seed(5).stream("ratios"), Trajectory::default());
        for horizon in [1, 3] {
            let bandit = Bandit::new(CENTRE, 1.0, horizon, 0.9);
            let (policy, other) = ([0.0, 0.0], [0.0, 0.3]);
            let n = 100_000;
            let mut moment = 0.0;
            for _ in 0..n {
                bandit.draw(&policy, &mut stream, &mut tau);
                let weight = bandit.likelihood_ratio(&other, &policy, &tau);
                moment += weight * weight / f64::from(n);
            }
            assert_relative_eq!(moment, second_moment(horizon, 0.3, 1.0, None), epsilon = 0.02);
        }
    }
}
