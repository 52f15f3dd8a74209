//! A linear-quadratic regulator of twenty steps, with every quantity in closed form.

use nalgebra::{DMatrix, DVector};

use super::estimators::Paths;
use crate::kernel::{math::sigmoid, stream::Stream};

/// Steps T of a path.
const HORIZON: usize = 20;
/// Mean and variance of the first state.
const START: (f64, f64) = (0.3, 0.001);
/// Variance of the noise of the dynamics.
const DISTURBANCE: f64 = 0.01;
/// Cost of a squared action.
const EFFORT: f64 = 0.1;

/// x₀ ~ N(0.3, 0.001), a = λx + σε, x′ = x + a + N(0, 0.01), *cost* Σ x² + 0.1 a² over T = 20 steps, with
///
/// ```text
/// λ = −1.999 + 1.998 e₁,   σ = 0.001 + e₂,   eᵢ = 1/(1 + exp θᵢ)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regulator {
    /// λ.
    gain: f64,
    /// ∂λ/∂θ₁.
    gain_slope: f64,
    /// σ.
    spread: f64,
    /// ∂σ/∂θ₂.
    spread_slope: f64,
}

/// Exact quantities of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Exact {
    /// Expected cost η.
    pub cost: f64,
    /// ∇η (2).
    pub gradient: DVector<f64>,
    /// Fisher matrix of paths (2 × 2), diagonal.
    pub fisher: DMatrix<f64>,
}

impl Regulator {
    /// The policy with parameters θ (2).
    pub fn new(theta: &DVector<f64>) -> Self {
        let (e1, e2) = (sigmoid(-theta[0]), sigmoid(-theta[1]));
        Self {
            gain: -1.999 + 1.998 * e1,
            gain_slope: -1.998 * e1 * (1.0 - e1),
            spread: 0.001 + e2,
            spread_slope: -e2 * (1.0 - e2),
        }
    }

    /// Cost, gradient and Fisher matrix by the recursion of second moments mₜ = E xₜ²:
    /// m₀ = 0.091, mₜ₊₁ = (1 + λ)² mₜ + σ² + 0.01, and of its derivatives.
    pub fn exact(&self) -> Exact {
        let Self { gain, gain_slope, spread, spread_slope } = *self;
        let mut moment = START.0 * START.0 + START.1;
        let mut slopes = [0.0, 0.0];
        let (mut cost, mut gradient, mut moments) = (0.0, [0.0, 0.0], 0.0);
        let variances = [0.0, 2.0 * spread * spread_slope];
        for _ in 0..HORIZON {
            cost += moment + EFFORT * (gain * gain * moment + spread * spread);
            moments += moment;
            let gains = [2.0 * gain_slope * moment, 0.0];
            for (j, slope) in gradient.iter_mut().enumerate() {
                *slope += slopes[j] + EFFORT * (gain * (gains[j] + gain * slopes[j]) + variances[j]);
                slopes[j] = (1.0 + gain) * (gains[j] + (1.0 + gain) * slopes[j]) + variances[j];
            }
            moment = (1.0 + gain) * (1.0 + gain) * moment + spread * spread + DISTURBANCE;
        }
        let scale = [gain_slope / spread, spread_slope / spread];
        let information = [moments * scale[0] * scale[0], 2.0 * HORIZON as f64 * scale[1] * scale[1]];
        Exact {
            cost,
            gradient: DVector::from_column_slice(&gradient),
            fisher: DMatrix::from_diagonal(&DVector::from_column_slice(&information)),
        }
    }

    /// Draws M paths. Returns are costs.
    pub fn paths(&self, count: usize, stream: &mut Stream) -> Paths {
        let mut paths = Paths { scores: DMatrix::zeros(2, count), returns: DVector::zeros(count) };
        let (first_spread, disturbance) = (START.1.sqrt(), DISTURBANCE.sqrt());
        for i in 0..count {
            let mut state = START.0 + first_spread * stream.normal();
            let (mut by_gain, mut by_spread, mut cost) = (0.0, 0.0, 0.0);
            for _ in 0..HORIZON {
                let noise = stream.normal();
                let action = self.gain * state + self.spread * noise;
                by_gain += noise * state * self.gain_slope / self.spread;
                by_spread += (noise * noise - 1.0) * self.spread_slope / self.spread;
                cost += state * state + EFFORT * action * action;
                state += action + disturbance * stream.normal();
            }
            (paths.scores[(0, i)], paths.scores[(1, i)], paths.returns[i]) = (by_gain, by_spread, cost);
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{math::mean, stream::Streams};
    use approx::assert_relative_eq;

    fn at(theta: [f64; 2]) -> Regulator {
        Regulator::new(&DVector::from_column_slice(&theta))
    }

    #[test]
    fn known_values_at_zero() {
        let Exact { cost, gradient, fisher } = at([0.0, 0.0]).exact();
        assert_relative_eq!(cost, 6.057_022_9, epsilon = 5e-8);
        assert_relative_eq!(gradient[0], 0.504_496_9, epsilon = 5e-8);
        assert_relative_eq!(gradient[1], -5.736_450_0, epsilon = 5e-8);
        assert_relative_eq!(fisher[(0, 0)], 5.019_825, epsilon = 5e-7);
        assert_relative_eq!(fisher[(1, 1)], 9.960_120, epsilon = 5e-7);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_cost() {
        let theta = [0.7, -0.4];
        let gradient = at(theta).exact().gradient;
        for j in 0..2 {
            let shifted = |h: f64| {
                let mut moved = theta;
                moved[j] += h;
                at(moved).exact().cost
            };
            assert_relative_eq!(gradient[j], (shifted(1e-5) - shifted(-1e-5)) / 2e-5, epsilon = 1e-8);
        }
    }

    #[test]
    fn exact_descent_ends_where_it_should() {
        let mut theta = DVector::zeros(2);
        for _ in 0..30 {
            theta -= Regulator::new(&theta).exact().gradient * 0.02;
        }
        assert_relative_eq!(Regulator::new(&theta).exact().cost, 0.983, epsilon = 5e-4);
    }

    #[test]
    fn paths_have_the_exact_moments() {
        let regulator = at([0.2, 0.5]);
        let paths = regulator.paths(20_000, &mut Streams::from_seed(1).stream("paths"));
        let Exact { cost, gradient, fisher } = regulator.exact();
        assert_relative_eq!(mean(paths.returns.as_slice()), cost, epsilon = 0.05);
        assert_relative_eq!(paths.monte_carlo(), gradient, epsilon = 0.2);
        assert_relative_eq!(paths.empirical_fisher(), fisher, epsilon = 0.2);
    }
}
