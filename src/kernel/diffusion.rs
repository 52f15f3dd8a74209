//! Samplers of diffusion models: noise levels, and the probability flow by Euler and Heun.
//!
//! Data x with law p are blurred to x + σε, ε ~ N(0, I), whose law is p_σ. The probability flow
//!
//!   dx/dσ = −σ ∇ log p_σ(x)
//!
//! carries p_σ to p_σ′ for any other level; from a level σ_max at which p_σ is almost pure noise it
//! generates data. Source: Karras, Aittala, Aila and Laine, "Elucidating the design space of
//! diffusion-based generative models" (EDM), NeurIPS 2022, algorithm 1 and equation 5.

use super::math::pow;

/// Noise levels of EDM, `steps` + 1 of them:
/// σᵢ = (σ_max^{1/ρ} + i/(n−1) (σ_min^{1/ρ} − σ_max^{1/ρ}))^ρ for i = 0 … n − 1, and σₙ = 0.
/// A single step goes from σ_max to 0.
#[must_use]
pub fn noise_levels(steps: usize, smallest: f64, largest: f64, rho: f64) -> Vec<f64> {
    let (from, to) = (pow(largest, 1.0 / rho), pow(smallest, 1.0 / rho));
    let intervals = steps.saturating_sub(1).max(1) as f64;
    let level = |i: usize| pow(from + i as f64 / intervals * (to - from), rho);
    (0..steps).map(level).chain([0.0]).collect()
}

/// How a step of the flow is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Solver {
    /// First order: along the slope at the start.
    Euler,
    /// Second order: along the mean of the slopes at the start and at Euler's end. The last step,
    /// to σ = 0, is Euler's.
    Heun,
}

/// Carries `x` along the probability flow through descending noise levels, in place.
///
/// `score(x, σ, out)` writes ∇ log p_σ(x) to `out`. The slice may hold many independent points, as
/// long as the score knows.
pub fn probability_flow(
    x: &mut [f64],
    levels: &[f64],
    solver: Solver,
    mut score: impl FnMut(&[f64], f64, &mut [f64]),
) {
    let mut first = vec![0.0; x.len()];
    let mut second = vec![0.0; x.len()];
    let mut ahead = vec![0.0; x.len()];
    for pair in levels.windows(2) {
        let (sigma, next) = (pair[0], pair[1]);
        let step = next - sigma;
        score(x, sigma, &mut first);
        for ((a, x), s) in ahead.iter_mut().zip(&*x).zip(&first) {
            *a = x - step * sigma * s;
        }
        if solver == Solver::Heun && next > 0.0 {
            score(&ahead, next, &mut second);
            for ((x, s), t) in x.iter_mut().zip(&first).zip(&second) {
                *x -= step * 0.5 * (sigma * s + next * t);
            }
        } else {
            x.copy_from_slice(&ahead);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn noise_levels_run_from_the_largest_to_zero() {
        let levels = noise_levels(5, 0.002, 80.0, 7.0);
        assert_eq!(levels.len(), 6);
        assert_relative_eq!(levels[0], 80.0, max_relative = 1e-14);
        assert_relative_eq!(levels[4], 0.002, max_relative = 1e-13);
        assert_eq!(levels[5], 0.0);
        assert!(levels.windows(2).all(|pair| pair[0] > pair[1]));
        // The seventh roots are equispaced.
        let roots: Vec<f64> = levels[..5].iter().map(|s| pow(*s, 1.0 / 7.0)).collect();
        assert_relative_eq!(roots[0] - roots[1], roots[2] - roots[3], epsilon = 1e-14);
        assert_eq!(noise_levels(1, 0.002, 80.0, 7.0).len(), 2);
    }

    /// Error at the end of the flow of N(0.5, 0.3) from x = 40 at σ = 80.
    fn error(steps: usize, solver: Solver) -> f64 {
        let (mean, variance) = (0.5, 0.3);
        let mut x = [40.0];
        probability_flow(&mut x, &noise_levels(steps, 0.002, 80.0, 7.0), solver, |x, sigma, out| {
            out[0] = (mean - x[0]) / (variance + sigma * sigma);
        });
        let exact = mean + (variance / (variance + 6400.0_f64)).sqrt() * (40.0 - mean);
        (x[0] - exact).abs()
    }

    #[test]
    fn euler_is_of_first_order_and_heun_of_second() {
        let ratio = |solver| error(128, solver) / error(256, solver);
        assert!((ratio(Solver::Euler) - 2.0).abs() < 0.15, "{}", ratio(Solver::Euler));
        assert!((ratio(Solver::Heun) - 4.0).abs() < 0.5, "{}", ratio(Solver::Heun));
        assert!(error(64, Solver::Heun) < 0.1 * error(64, Solver::Euler));
    }
}
