//! Gaussian-process temporal differences: the posterior of a value function from rewards.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

use super::{GpError, hold_finite, hold_noise, hold_size};
use crate::kernel::cholesky::cholesky;

/// One observed step: its reward is the value here less γ times the value of what came next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// The point at which the reward was paid.
    pub now: usize,
    /// The point that followed; none if the episode ended.
    pub next: Option<usize>,
}

/// Which noise separates a reward from the difference of expected values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemporalNoise {
    /// Independent noise of the discounted returns, so that N = HΔ has covariance s H Hᵀ.
    Returns,
    /// Independent noise of the rewards, covariance s I: a model of deterministic transitions.
    Rewards,
}

/// The model r = H Q + N of L observed rewards, given the values Q of a function at P points: row t of H
/// (L × P) has 1 at the point of step t and −γ at the next one.
///
/// With Q ~ GP(0, k), K = \[k(zᵢ, zⱼ)\] (P × P) and Σ = Cov(N), the posterior of Q at z has mean
/// k(z)ᵀα and covariance k(z, z′) − k(z)ᵀ C k(z′), where
///
/// ```text
/// α = Hᵀ (H K Hᵀ + Σ)⁻¹ r,     C = Hᵀ (H K Hᵀ + Σ)⁻¹ H
/// ```
///
/// Any linear functional of Q with covariances b (P) and variance b₀ has mean bᵀα and variance b₀ − bᵀCb
/// ([`TemporalPosterior`]). An episode that was cut off instead of ending has one more point than rewards.
/// Source: Engel, Mannor and Meir, Reinforcement learning with Gaussian processes (ICML 2005).
#[derive(Clone, Debug, PartialEq)]
pub struct TemporalModel {
    transitions: Vec<Transition>,
    points: usize,
    discount: f64,
}

/// What is believed of the values of a [`TemporalModel`].
#[derive(Clone, Debug)]
pub struct TemporalPosterior {
    model: TemporalModel,
    /// H K Hᵀ + Σ = L Lᵀ.
    root: Cholesky<f64, Dyn>,
    /// α (P).
    weights: DVector<f64>,
}

impl TemporalModel {
    /// The model of P points, with a discount γ ∈ \[0, 1\].
    ///
    /// # Errors
    /// [`GpError::Shape`] if a transition names a point that there is not, [`GpError::Discount`].
    pub fn new(points: usize, transitions: Vec<Transition>, discount: f64) -> Result<Self, GpError> {
        if !(0.0..=1.0).contains(&discount) {
            return Err(GpError::Discount(discount));
        }
        let named = transitions.iter().flat_map(|t| [Some(t.now), t.next]).flatten();
        if let Some(found) = named.max().map(|last| last + 1).filter(|found| *found > points) {
            return Err(GpError::Shape { what: "points", expected: points, found });
        }
        Ok(Self { transitions, points, discount })
    }

    /// Episodes of these lengths that ended, one point a step.
    ///
    /// # Errors
    /// [`GpError::Discount`].
    pub fn episodes(lengths: &[usize], discount: f64) -> Result<Self, GpError> {
        let mut transitions = Vec::new();
        for length in lengths {
            let first = transitions.len();
            let step = |now| Transition { now, next: (now + 1 < first + length).then_some(now + 1) };
            transitions.extend((first..first + length).map(step));
        }
        Self::new(transitions.len(), transitions, discount)
    }

    /// H X (L × c) of values X (P × c).
    #[must_use]
    pub fn differences(&self, values: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(self.transitions.len(), values.ncols(), |t, c| {
            let Transition { now, next } = self.transitions[t];
            values[(now, c)] - next.map_or(0.0, |next| self.discount * values[(next, c)])
        })
    }

    /// Hᵀ X (P × c) of numbers X (L × c) that belong to steps.
    #[must_use]
    pub fn adjoint(&self, steps: &DMatrix<f64>) -> DMatrix<f64> {
        let mut points = DMatrix::zeros(self.points, steps.ncols());
        for c in 0..steps.ncols() {
            for (t, Transition { now, next }) in self.transitions.iter().enumerate() {
                points[(*now, c)] += steps[(t, c)];
                if let Some(next) = next {
                    points[(*next, c)] -= self.discount * steps[(t, c)];
                }
            }
        }
        points
    }

    /// Conditions on rewards r (L), given K (P × P, symmetric) and the variance s ≥ 0 of the noise.
    ///
    /// # Errors
    /// [`GpError`] for what does not fit or is not finite, and a covariance without a Cholesky factor.
    pub fn posterior(
        &self,
        gram: &DMatrix<f64>,
        noise: TemporalNoise,
        variance: f64,
        rewards: &DVector<f64>,
    ) -> Result<TemporalPosterior, GpError> {
        hold_noise(variance)?;
        let steps = self.transitions.len();
        hold_size("rewards", steps, rewards.len())?;
        hold_size("rows of the covariance", self.points, gram.nrows())?;
        hold_size("columns of the covariance", self.points, gram.ncols())?;
        hold_finite(gram)?;
        if rewards.iter().any(|r| !r.is_finite()) {
            return Err(GpError::NotFinite);
        }
        let mut covariance = self.between_steps(gram);
        self.add_noise(&mut covariance, noise, variance);
        let root = cholesky(covariance).ok_or(GpError::NotPositiveDefinite)?;
        let solved = root.solve(&DMatrix::from_column_slice(steps, 1, rewards.as_slice()));
        let weights = self.adjoint(&solved).column(0).into_owned();
        Ok(TemporalPosterior { model: self.clone(), root, weights })
    }

    /// The lower triangle of H K Hᵀ (L × L) for a symmetric K; zeros above it.
    fn between_steps(&self, gram: &DMatrix<f64>) -> DMatrix<f64> {
        let steps = self.transitions.len();
        let mut products = DMatrix::zeros(steps, steps);
        // A column of K Hᵀ.
        let mut half = vec![0.0; self.points];
        for ((u, step), mut column) in self.transitions.iter().enumerate().zip(products.column_iter_mut()) {
            let gram = |point: usize| &gram.as_slice()[point * self.points..][..self.points];
            half.copy_from_slice(gram(step.now));
            if let Some(next) = step.next {
                half.iter_mut().zip(gram(next)).for_each(|(h, k)| *h -= self.discount * k);
            }
            for (entry, step) in column.iter_mut().zip(&self.transitions).skip(u) {
                *entry = half[step.now] - step.next.map_or(0.0, |next| self.discount * half[next]);
            }
        }
        products
    }

    /// Adds Σ. An entry of H Hᵀ is not 0 only where two steps share a point.
    fn add_noise(&self, covariance: &mut DMatrix<f64>, noise: TemporalNoise, variance: f64) {
        if noise == TemporalNoise::Rewards {
            for t in 0..self.transitions.len() {
                covariance[(t, t)] += variance;
            }
            return;
        }
        let mut steps_at = vec![Vec::new(); self.points];
        for (t, Transition { now, next }) in self.transitions.iter().enumerate() {
            steps_at[*now].push(t);
            if let Some(next) = next.filter(|next| next != now) {
                steps_at[next].push(t);
            }
        }
        for (u, Transition { now, next }) in self.transitions.iter().enumerate() {
            // Column u of Hᵀ.
            let at = |point: usize| {
                f64::from(u8::from(point == *now)) - if Some(point) == *next { self.discount } else { 0.0 }
            };
            let points = [Some(*now), next.filter(|next| next != now)];
            let mut near: Vec<usize> = points.iter().flatten().flat_map(|p| &steps_at[*p]).copied().collect();
            near.sort_unstable();
            near.dedup();
            for t in near {
                let Transition { now, next } = self.transitions[t];
                covariance[(t, u)] +=
                    (at(now) - next.map_or(0.0, |next| self.discount * at(next))) * variance;
            }
        }
    }
}

impl TemporalPosterior {
    /// α (P).
    #[must_use]
    pub fn weights(&self) -> &DVector<f64> {
        &self.weights
    }

    /// B C Bᵀ (p × p): by how much the rewards reduce the covariance of p functionals with covariances
    /// B (p × P).
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of columns than of points.
    pub fn explained(&self, cross: &DMatrix<f64>) -> Result<DMatrix<f64>, GpError> {
        hold_size("covariances with the functionals", self.model.points, cross.ncols())?;
        let seen = self.model.differences(&cross.transpose());
        Ok(seen.tr_mul(&self.root.solve(&seen)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::wave;
    use approx::assert_relative_eq;

    fn gram(points: usize) -> DMatrix<f64> {
        let features = DMatrix::from_fn(points, points, |i, j| wave(i, j, 3));
        &features * features.transpose()
    }

    #[test]
    fn the_difference_matrix_has_no_entry_past_the_end() {
        let model = TemporalModel::episodes(&[2, 1, 3], 0.5).unwrap();
        let known = DMatrix::from_row_slice(
            6,
            6,
            &[
                1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0,
                0.0, 0.0, 0.0, 1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,
            ],
        );
        let identity = DMatrix::identity(6, 6);
        assert_eq!(model.differences(&identity), known);
        assert_eq!(model.adjoint(&identity), known.transpose());
    }

    #[test]
    fn the_posterior_is_that_of_the_formulas() {
        // A cut-off episode of two steps, so that there is a third point without a reward.
        let step = |now, next| Transition { now, next: Some(next) };
        let model = TemporalModel::new(3, vec![step(0, 1), step(1, 2)], 0.8).unwrap();
        let (gram, rewards) = (gram(3), DVector::from_column_slice(&[1.0, -2.0]));
        let h = DMatrix::from_row_slice(2, 3, &[1.0, -0.8, 0.0, 0.0, 1.0, -0.8]);
        for (noise, shape) in
            [(TemporalNoise::Returns, &h * h.transpose()), (TemporalNoise::Rewards, DMatrix::identity(2, 2))]
        {
            let posterior = model.posterior(&gram, noise, 0.3, &rewards).unwrap();
            let inverse = (&h * &gram * h.transpose() + shape * 0.3).try_inverse().unwrap();
            assert_relative_eq!(*posterior.weights(), h.transpose() * &inverse * &rewards, epsilon = 1e-12);
            let b = DMatrix::from_fn(2, 3, |i, j| wave(i, j, 8));
            let known = &b * h.transpose() * inverse * &h * b.transpose();
            assert_relative_eq!(posterior.explained(&b).unwrap(), known, epsilon = 1e-12);
        }
    }

    #[test]
    fn the_covariance_has_the_bits_of_the_products() {
        // Episodes that meet, end, go on, and stay where they are.
        let step = |now, next| Transition { now, next };
        let transitions = vec![
            step(0, Some(1)),
            step(1, Some(2)),
            step(2, None),
            step(3, Some(1)),
            step(1, Some(1)),
            step(4, Some(3)),
        ];
        let model = TemporalModel::new(6, transitions, 0.7).unwrap();
        let identity = DMatrix::identity(6, 6);
        for (noise, shape) in [
            (TemporalNoise::Returns, model.differences(&model.adjoint(&identity))),
            (TemporalNoise::Rewards, identity.clone()),
        ] {
            let halves = model.differences(&gram(6));
            let known = model.differences(&halves.transpose()) + shape * 0.3;
            let mut found = model.between_steps(&gram(6));
            model.add_noise(&mut found, noise, 0.3);
            assert_eq!(found.lower_triangle(), known.lower_triangle());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let ends = |now| Transition { now, next: None };
        assert!(matches!(TemporalModel::new(1, vec![ends(1)], 0.9), Err(GpError::Shape { .. })));
        assert_eq!(TemporalModel::episodes(&[1], 1.5).unwrap_err(), GpError::Discount(1.5));
        let model = TemporalModel::episodes(&[2], 0.9).unwrap();
        let fit = |gram: &DMatrix<f64>, rewards: &[f64]| {
            model
                .posterior(gram, TemporalNoise::Returns, 0.1, &DVector::from_column_slice(rewards))
                .map(|_| ())
        };
        assert!(fit(&gram(2), &[1.0]).is_err() && fit(&gram(3), &[1.0, 2.0]).is_err());
        assert_eq!(fit(&gram(2), &[1.0, f64::NAN]), Err(GpError::NotFinite));
    }
}
