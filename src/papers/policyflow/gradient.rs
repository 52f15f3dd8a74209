//! The gradient of the surrogate where the update starts, v = v̂, against the exact policy gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, bandit::Goals, displacement::Reference, features::Radial};
use crate::{
    kernel::{
        flow::midpoint,
        math::{dot, sum},
        quadrature::gauss_hermite,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

const BUMPS: usize = 7;
const PARAMETERS: usize = 2 * BUMPS;

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// v̂.
    pub reference: Reference,
    /// σ = σ̂ > 0.
    pub sigma: f64,
    /// Steps of the midpoint rule.
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: usize,
    /// Times t over which δ is averaged.
    #[schemars(range(min = 1, max = 10_000))]
    pub times: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { reference: Reference::Zero, sigma: 0.3, steps: 50, times: 10 }
    }
}

/// The velocity is v = v̂ + Σ θₖ ψₖ with ψ = (r, t r) for seven radial features r, and θ = 0. With the
/// reward A of the four-goal bandit and n ~ N(0, σ²),
///
/// ```text
/// ∂/∂θₖ E_π[A]     = E[A(φ̂₁(z) + n) n/σ² · ∂φ₁/∂θₖ]
/// ∂/∂θₖ E[ρ_t A]   = E[A(φ̂₁(z) + n) n/σ² · ψₖ(t, x_t)]
/// ```
///
/// where ∂φ₁/∂θₖ solves ds/dt = ∂v̂/∂x s + ψₖ(t, φ̂_t) from s = 0. Expectations over z and n are
/// quadratures.
pub struct InitialGradient(Settings);

impl InitialGradient {
    /// The exact gradient and that of the surrogate.
    fn gradients(&self, reference: Reference) -> [Vec<f64>; 2] {
        let radial = Radial::<BUMPS>::new(1.0);
        let goals = Goals::default();
        let noise = gauss_hermite(60);
        let mut gradients = [vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]];
        for (source, weight) in gauss_hermite(40) {
            let (end, exact) = self.sensitivities(&radial, reference, source);
            let line = self.features_on_the_line(&radial, source, end);
            let sigma = self.0.sigma;
            let signal = sum(noise.iter().map(|(n, w)| w * goals.reward(end + sigma * n) * n / sigma));
            for (gradient, sensitivity) in gradients.iter_mut().zip([exact, line]) {
                for (g, s) in gradient.iter_mut().zip(sensitivity) {
                    *g += weight * signal * s;
                }
            }
        }
        gradients
    }

    /// φ̂₁(z) and ∂φ₁/∂θ.
    fn sensitivities(&self, radial: &Radial<BUMPS>, reference: Reference, source: f64) -> (f64, Vec<f64>) {
        let mut state = vec![0.0; 1 + PARAMETERS];
        state[0] = source;
        midpoint(&mut state, 0.0, 1.0, self.0.steps, |t, state, out| {
            let slope = reference.slope(t, state[0]);
            out[0] = reference.velocity(t, state[0]);
            for ((out, s), psi) in out[1..].iter_mut().zip(&state[1..]).zip(features(radial, t, state[0])) {
                *out = slope * s + psi;
            }
        });
        (state[0], state.split_off(1))
    }

    /// The mean of ψ(t, x_t) over equispaced t.
    fn features_on_the_line(&self, radial: &Radial<BUMPS>, source: f64, end: f64) -> Vec<f64> {
        let mut means = vec![0.0; PARAMETERS];
        for j in 0..self.0.times {
            let t = (j as f64 + 0.5) / self.0.times as f64;
            for (mean, psi) in means.iter_mut().zip(features(radial, t, (1.0 - t) * source + t * end)) {
                *mean += psi / self.0.times as f64;
            }
        }
        means
    }
}

/// ψ(t, x) = (r, t r).
fn features(radial: &Radial<BUMPS>, t: f64, x: f64) -> impl Iterator<Item = f64> {
    let row = radial.at(x);
    row.into_iter().chain(row.map(|r| t * r))
}

impl Measure for InitialGradient {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "initial-gradient";
    const SUMMARY: &'static str =
        "Holds the gradient of the surrogate at the start of an update against the exact policy gradient.";
    const METRICS: &'static [Metric] = &[
        Metric::new("relative-error", "|surrogate's gradient − exact gradient| / |exact gradient|.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("misalignment", "1 − the cosine of their angle.")
            .range(-1e-12, 2.0 + 1e-12)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearReference];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { sigma, steps, times, .. } = settings;
        if !(0.01..=100.0).contains(&sigma) || steps == 0 || times == 0 {
            return Err(Failure::invalid("needs 0.01 ≤ sigma ≤ 100, a step and a time"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let [exact, surrogate] = self.gradients(self.0.reference.under(fault));
        let norm = |x: &[f64]| dot(x, x).sqrt();
        let gap: Vec<f64> = exact.iter().zip(&surrogate).map(|(a, b)| a - b).collect();
        let cosine = dot(&exact, &surrogate) / (norm(&exact) * norm(&surrogate));
        Ok(Measurement::new()
            .metric("relative-error", norm(&gap) / norm(&exact))
            .metric("misalignment", 1.0 - cosine))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::exp;
    use approx::assert_relative_eq;

    fn measured(reference: Reference, metric: &str) -> f64 {
        let settings = Settings { reference, ..Settings::default() };
        let experiment = InitialGradient::prepare(settings, &Data::default()).unwrap();
        experiment.replicate(None, &Streams::from_seed(0)).unwrap().get(metric).unwrap()
    }

    #[test]
    fn exact_at_the_identity_only() {
        assert!(measured(Reference::Zero, "relative-error") < 1e-12);
        for reference in [Reference::Linear, Reference::Tanh] {
            assert!(measured(reference, "relative-error") > 0.1);
            assert!(measured(reference, "misalignment") > 1e-3);
        }
    }

    /// Under v̂ = 0.8x a constant push c moves the end by c (e^0.8 − 1)/0.8; the bumps sum to one.
    #[test]
    fn sensitivities_of_a_linear_flow() {
        let experiment = InitialGradient(Settings { steps: 1000, ..Settings::default() });
        let (end, sensitivity) = experiment.sensitivities(&Radial::new(1.0), Reference::Linear, 0.7);
        assert_relative_eq!(end, 0.7 * exp(0.8), epsilon = 1e-6);
        assert_relative_eq!(sensitivity[..BUMPS].iter().sum::<f64>(), (exp(0.8) - 1.0) / 0.8, epsilon = 1e-6);
    }
}
