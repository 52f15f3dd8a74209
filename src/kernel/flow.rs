//! Flows: points carried by a velocity field, and the rectified path from noise to a mixture.
//!
//! A velocity field v(t, x) moves points by dx/dt = v(t, x), and a law p_t with them:
//! ∂p/∂t + ∇·(p v) = 0. Flow models learn a field that carries noise z ~ N(0, I) at t = 0 to data x₁
//! at t = 1. Other authors run time the other way.
//!
//! The rectified path joins noise and data by straight lines, x_t = (1 − t) z + t x₁ with
//! independent z and x₁. Its law p_t is carried by the field v(t, x) = E\[x₁ − z | x_t = x\], which
//! determines the score and is determined by it:
//!
//! ```text
//! ∇ log p_t(x) = (t v(t, x) − x) / (1 − t)        0 ≤ t < 1
//! ```
//!
//! Source: Liu, Gong and Liu, "Flow straight and fast", ICLR 2023; Lipman et al., "Flow matching for
//! generative modeling", ICLR 2023.

use nalgebra::DVector;

use super::gaussian::{GaussianError, Mixture};

/// Carries `x` along dx/dt = v(t, x) from t = `from` to t = `to` in equal steps of the midpoint rule
/// (Runge and Kutta's of second order), in place. It evaluates the field twice a step.
///
/// `velocity(t, x, out)` writes v(t, x) to `out`. The slice may hold many independent points, as
/// long as the velocity knows.
///
/// ```
/// use corroborate::kernel::flow::midpoint;
///
/// let mut x = [1.0, -2.0];
/// midpoint(&mut x, 0.0, 1.0, 1000, |_, x, out| out.copy_from_slice(x));
/// assert!((x[1] + 2.0 * std::f64::consts::E).abs() < 1e-5);
/// ```
pub fn midpoint(
    x: &mut [f64],
    from: f64,
    to: f64,
    steps: usize,
    mut velocity: impl FnMut(f64, &[f64], &mut [f64]),
) {
    let step = (to - from) / steps as f64;
    let mut slope = vec![0.0; x.len()];
    let mut middle = vec![0.0; x.len()];
    for i in 0..steps {
        let t = from + step * i as f64;
        velocity(t, x, &mut slope);
        for ((m, x), v) in middle.iter_mut().zip(&*x).zip(&slope) {
            *m = x + 0.5 * step * v;
        }
        velocity(t + 0.5 * step, &middle, &mut slope);
        for (x, v) in x.iter_mut().zip(&slope) {
            *x += step * v;
        }
    }
}

/// The rectified path from N(0, I) to a mixture of Gaussians, at one time.
#[derive(Clone, Debug)]
pub struct RectifiedPath<'a> {
    target: &'a Mixture,
    time: f64,
    law: Mixture,
}

impl<'a> RectifiedPath<'a> {
    /// The path at t ∈ \[0, 1\].
    ///
    /// # Errors
    /// As [`Mixture::interpolated`].
    pub fn at(target: &'a Mixture, time: f64) -> Result<Self, GaussianError> {
        Ok(Self { target, time, law: target.interpolated(time)? })
    }

    /// p_t.
    #[must_use]
    pub fn law(&self) -> &Mixture {
        &self.law
    }

    /// ∇ log p_t(x).
    #[must_use]
    pub fn score(&self, x: &DVector<f64>) -> DVector<f64> {
        self.law.score(x)
    }

    /// v(t, x) = Σ rₖ(x) (mₖ + (t Sₖ − (1 − t) I) Cₖ⁻¹ (x − t mₖ)), where x₁ − z and x_t have
    /// covariance t Sₖ − (1 − t) I in component k of the target, and x_t has Cₖ = (1 − t)² I + t² Sₖ.
    #[must_use]
    pub fn velocity(&self, x: &DVector<f64>) -> DVector<f64> {
        let mut velocity = DVector::zeros(self.law.dimension());
        let components = self.target.components().iter().zip(self.law.components());
        for (r, (target, law)) in self.law.responsibilities(x).iter().zip(components) {
            let standardised = -law.score(x);
            let shift = target.covariance() * &standardised * self.time - standardised * (1.0 - self.time);
            velocity += (target.mean() + shift) * *r;
        }
        velocity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        gaussian::Gaussian,
        math::{cos, exp, sin, sum},
    };
    use approx::assert_relative_eq;
    use nalgebra::DMatrix;

    /// Error at t = 2 of dx/dt = x cos t from x = 1, whose solution is exp(sin t).
    fn error(steps: usize) -> f64 {
        let mut x = [1.0];
        midpoint(&mut x, 0.0, 2.0, steps, |t, x, out| out[0] = x[0] * cos(t));
        (x[0] - exp(sin(2.0))).abs()
    }

    #[test]
    fn the_midpoint_rule_is_of_second_order() {
        assert_relative_eq!(error(100) / error(200), 4.0, epsilon = 0.1);
        let mut x = [exp(sin(2.0))];
        midpoint(&mut x, 2.0, 0.0, 1000, |t, x, out| out[0] = x[0] * cos(t));
        assert_relative_eq!(x[0], 1.0, epsilon = 1e-5);
    }

    fn mixture() -> Mixture {
        let component = |mean: [f64; 2], covariance: [f64; 4]| {
            Gaussian::new(DVector::from_row_slice(&mean), DMatrix::from_row_slice(2, 2, &covariance)).unwrap()
        };
        let components =
            vec![component([1.0, 0.0], [1.0, 0.4, 0.4, 0.5]), component([-1.0, 2.0], [0.3, -0.1, -0.1, 0.8])];
        Mixture::new(&[1.0, 3.0], components).unwrap()
    }

    #[test]
    fn the_path_joins_noise_and_target() {
        let (target, x) = (mixture(), DVector::from_vec(vec![0.3, 1.1]));
        let start = RectifiedPath::at(&target, 0.0).unwrap();
        assert_relative_eq!(start.score(&x), -&x, epsilon = 1e-14);
        assert_relative_eq!(start.velocity(&x), target.mean() - &x, epsilon = 1e-14);
        let end = RectifiedPath::at(&target, 1.0).unwrap();
        assert_relative_eq!(end.law().log_density(&x), target.log_density(&x), epsilon = 1e-14);
        assert_relative_eq!(end.velocity(&x), x, epsilon = 1e-13);
    }

    /// ∂ log p/∂t + ∇·v + v·∇ log p = 0, by finite differences.
    #[test]
    fn the_velocity_carries_the_law() {
        let (target, x, t, h) = (mixture(), DVector::from_vec(vec![0.2, 1.4]), 0.6, 1e-4);
        let path = |t| RectifiedPath::at(&target, t).unwrap();
        let change = (path(t + h).law().log_density(&x) - path(t - h).law().log_density(&x)) / (2.0 * h);
        let divergence = sum((0..2).map(|i| {
            let ahead = DVector::from_fn(2, |j, _| if i == j { h } else { 0.0 });
            (path(t).velocity(&(&x + &ahead))[i] - path(t).velocity(&(&x - &ahead))[i]) / (2.0 * h)
        }));
        let drift = path(t).velocity(&x).dot(&path(t).score(&x));
        assert_relative_eq!(change + divergence + drift, 0.0, epsilon = 1e-6);
    }
}
