//! Temporal differences that learn a step at a time.

use super::{GpError, hold_noise};

/// The posterior of a value function after every reward, in O(d²) for a dictionary of d members.
///
/// Points come one by one, each with its covariances k(z, zᵢ) with the members. With K_DD = L Lᵀ over the members, a
/// point has the features φ = L⁻¹k (d), and it is *novel* by δ = k(z, z) − ‖φ‖², its squared distance in
/// feature space from what the members span. If δ > τ k(z, z) it becomes a member, and its last feature is √δ.
/// Then Q(z) ≈ φᵀw with w ~ N(0, I) beforehand, for members exactly, so that the reward r of a step from φ to φ′,
///
/// ```text
/// r = hᵀw + N(0, s),   h = φ − γφ′   (h = φ at the end of an episode),
/// ```
///
/// is an observation of a linear model. It moves w ~ N(m, P) by one rank: with g = Ph and v = s + hᵀg,
///
/// ```text
/// m ← m + g (r − hᵀm)/v,     P ← P − g gᵀ/v,
/// ```
///
/// and a new member adds a row and a column of the identity to P, and a zero to m. With τ = 0 this is
/// [`TemporalModel`](super::TemporalModel) with [`TemporalNoise::Rewards`](super::TemporalNoise). No leaf uses it so
/// far; it is here as the sparse counterpart of that model, whose O(n³) it replaces.
///
/// Source: Engel, Mannor and Meir, Bayes meets Bellman (ICML 2003), in other coordinates.
#[derive(Clone, Debug)]
pub struct OnlineTemporal {
    discount: f64,
    noise: f64,
    threshold: f64,
    /// L by columns: column j has d − j entries, of which the first is 1/Lⱼⱼ.
    root: Vec<Vec<f64>>,
    /// m (d).
    mean: Vec<f64>,
    /// P by rows (d × d).
    covariance: Vec<Vec<f64>>,
    /// h without the successor (d), and g.
    step: Vec<f64>,
    gain: Vec<f64>,
}

/// A point in the coordinates of the dictionary.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// φ, of as many entries as there were members.
    values: Vec<f64>,
    /// Whether the point became a member.
    pub is_member: bool,
}

impl OnlineTemporal {
    /// No experience yet: a discount γ ∈ \[0, 1\], the variance s > 0 of the noise of rewards, and the relative
    /// threshold τ ≥ 0 of novelty.
    ///
    /// # Errors
    /// [`GpError`] for a discount outside of \[0, 1\], and a noise that is not positive.
    pub fn new(discount: f64, noise: f64, threshold: f64) -> Result<Self, GpError> {
        if !(0.0..=1.0).contains(&discount) {
            return Err(GpError::Discount(discount));
        }
        hold_noise(noise)?;
        if noise == 0.0 {
            return Err(GpError::NotPositive { what: "noise", found: noise });
        }
        let (root, mean, covariance) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { discount, noise, threshold, root, mean, covariance, step: Vec::new(), gain: Vec::new() })
    }

    /// Number of members d.
    #[must_use]
    pub fn members(&self) -> usize {
        self.root.len()
    }

    /// Features of a point from its covariances with the members in order (d) and its own variance; a novel
    /// point becomes a member.
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn visit(&mut self, covariances: &[f64], variance: f64) -> Result<Features, GpError> {
        let mut values = self.features(covariances)?;
        let novelty = variance - lanes(&values, &values);
        let is_member = novelty > self.threshold * variance;
        if is_member {
            values.push(novelty.sqrt());
            // The features of a member are its row of L.
            for (column, entry) in self.root.iter_mut().zip(&values) {
                column.push(*entry);
            }
            self.root.push(vec![1.0 / novelty.sqrt()]);
            self.mean.push(0.0);
            for row in &mut self.covariance {
                row.push(0.0);
            }
            let mut row = vec![0.0; self.members()];
            row[self.members() - 1] = 1.0;
            self.covariance.push(row);
        }
        Ok(Features { values, is_member })
    }

    /// Learns from the reward of a step between two visited points; the episode ended if there is no next one.
    pub fn learn(&mut self, now: &Features, reward: f64, next: Option<&Features>) {
        let (d, discount) = (self.members(), self.discount);
        self.step.clear();
        self.step.extend_from_slice(&now.values);
        self.step.resize(d, 0.0);
        for (entry, value) in self.step.iter_mut().zip(next.iter().flat_map(|next| &next.values)) {
            *entry -= discount * value;
        }
        self.gain.clear();
        self.gain.extend(self.covariance.iter().map(|row| lanes(row, &self.step)));
        let variance = self.noise + lanes(&self.step, &self.gain);
        let surprise = (reward - lanes(&self.step, &self.mean)) / variance;
        for ((row, mean), own) in self.covariance.iter_mut().zip(&mut self.mean).zip(&self.gain) {
            *mean += own * surprise;
            let share = own / variance;
            for (entry, other) in row.iter_mut().zip(&self.gain) {
                *entry -= share * other;
            }
        }
    }

    /// Posterior mean of Q at a point, from its covariances with the members (d).
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn mean(&self, covariances: &[f64]) -> Result<f64, GpError> {
        Ok(lanes(&self.features(covariances)?, &self.mean))
    }

    /// Posterior variance of Q at a point, from its covariances with the members (d) and its own variance:
    /// δ + φᵀPφ.
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn variance(&self, covariances: &[f64], variance: f64) -> Result<f64, GpError> {
        let features = self.features(covariances)?;
        let known: Vec<f64> = self.covariance.iter().map(|row| lanes(row, &features)).collect();
        Ok((variance - lanes(&features, &features) + lanes(&features, &known)).max(0.0))
    }

    /// L⁻¹k by forward substitution.
    fn features(&self, covariances: &[f64]) -> Result<Vec<f64>, GpError> {
        super::hold_size("covariances with the members", self.members(), covariances.len())?;
        let mut values = Vec::with_capacity(covariances.len() + 1);
        values.extend_from_slice(covariances);
        for (j, column) in self.root.iter().enumerate() {
            let (done, rest) = values.split_at_mut(j + 1);
            done[j] *= column[0];
            for (value, entry) in rest.iter_mut().zip(&column[1..]) {
                *value -= done[j] * entry;
            }
        }
        Ok(values)
    }
}

/// Σ xᵢ yᵢ over the common length, in four sums side by side: a fixed order that a compiler may vectorise.
fn lanes(x: &[f64], y: &[f64]) -> f64 {
    let length = x.len().min(y.len());
    let (x, x_rest) = x[..length].as_chunks::<4>();
    let (y, y_rest) = y[..length].as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (x, y) in x.iter().zip(y) {
        for i in 0..4 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest = x_rest.iter().zip(y_rest).fold(0.0, |sum, (x, y)| sum + x * y);
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::{DMatrix, DVector};

    use super::*;
    use crate::kernel::gp::{SquaredExponential, TemporalModel, TemporalNoise};

    const DISCOUNT: f64 = 0.9;
    const NOISE: f64 = 0.2;

    fn kernel() -> SquaredExponential {
        SquaredExponential::new(1.3, 0.8).unwrap()
    }

    /// Two episodes of four steps, with their rewards.
    fn experience() -> (Vec<Vec<f64>>, Vec<f64>) {
        let points = (0..8).map(|i| vec![f64::from(i * i % 7) / 2.0, f64::from(i) / 3.0]).collect();
        (points, vec![1.0, -0.5, 0.2, 2.0, 0.0, 1.0, -1.0, 0.5])
    }

    /// What is learned from the experience, with the points that became members.
    fn learned(threshold: f64) -> (OnlineTemporal, Vec<Vec<f64>>) {
        let (points, rewards) = experience();
        let mut model = OnlineTemporal::new(DISCOUNT, NOISE, threshold).unwrap();
        let mut members: Vec<Vec<f64>> = Vec::new();
        let mut before = None;
        for (t, point) in points.iter().enumerate() {
            let covariances: Vec<f64> = members.iter().map(|m| kernel().at(m, point)).collect();
            let features = model.visit(&covariances, kernel().variance()).unwrap();
            if features.is_member {
                members.push(point.clone());
            }
            if let Some(before) = before.take_if(|_| t % 4 != 0) {
                model.learn(&before, rewards[t - 1], Some(&features));
            }
            if t % 4 == 3 {
                model.learn(&features, rewards[t], None);
            } else {
                before = Some(features);
            }
        }
        (model, members)
    }

    #[test]
    fn without_a_threshold_it_is_the_batch_posterior() {
        let (points, rewards) = experience();
        let (model, members) = learned(0.0);
        assert_eq!(members, points);
        let gram = DMatrix::from_fn(8, 8, |i, j| kernel().at(&points[i], &points[j]));
        let batch = TemporalModel::episodes(&[4, 4], DISCOUNT).unwrap();
        let rewards = DVector::from_column_slice(&rewards);
        let known = batch.posterior(&gram, TemporalNoise::Rewards, NOISE, &rewards).unwrap();
        for x in [vec![0.3, 0.1], vec![2.0, -1.0], points[2].clone()] {
            let c: Vec<f64> = points.iter().map(|p| kernel().at(p, &x)).collect();
            let row = DMatrix::from_row_slice(1, 8, &c);
            assert_relative_eq!(model.mean(&c).unwrap(), (&row * known.weights())[0], epsilon = 1e-12);
            let left = kernel().variance() - known.explained(&row).unwrap()[0];
            assert_relative_eq!(model.variance(&c, kernel().variance()).unwrap(), left, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_threshold_keeps_the_dictionary_small_and_the_values_near() {
        let (sparse, members) = learned(0.4);
        let (dense, all) = learned(0.0);
        assert!(members.len() < all.len(), "{}", members.len());
        let at = |points: &[Vec<f64>], x: &[f64]| -> Vec<f64> {
            points.iter().map(|p| kernel().at(p, x)).collect()
        };
        for x in &all {
            let (found, known) = (sparse.mean(&at(&members, x)).unwrap(), dense.mean(&at(&all, x)).unwrap());
            assert_relative_eq!(found, known, epsilon = 0.5);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(OnlineTemporal::new(1.1, 0.1, 0.0).unwrap_err(), GpError::Discount(1.1));
        assert!(OnlineTemporal::new(0.9, 0.0, 0.0).is_err());
        let mut model = OnlineTemporal::new(0.9, 0.1, 0.0).unwrap();
        assert!(model.visit(&[1.0], 1.0).is_err());
        model.visit(&[], 1.0).unwrap();
        assert!(model.mean(&[]).is_err() && model.variance(&[], 1.0).is_err());
    }
}
