//! Temporal differences that learn a step at a time.

use super::{GpError, hold_noise};
use crate::kernel::wide::{LANES, Level, Simd, SimdBase, dispatch, f64x8};

/// The posterior of a value function after every reward, in O(d²) for a dictionary of d members.
///
/// Points come one by one, each with its covariances k(z, zᵢ) with the members. With K_DD = L Lᵀ over the members, a
/// point has the features φ = L⁻¹k (d), and it is *novel* by δ = k(z, z) − ‖φ‖², its squared distance in feature space
/// from what the members span. If δ > τ k(z, z) it becomes a member, its last feature is √δ, and L⁻¹, which is kept,
/// grows by a row.
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
    /// L⁻¹ by rows: row i has the entries up to the diagonal.
    inverse: Vec<Row>,
    /// m (d).
    mean: Row,
    /// P by rows (d × d).
    covariance: Vec<Row>,
    /// h without the successor (d), and g.
    step: Row,
    gain: Row,
}

/// Numbers with zeros behind them, so that they can be worked on several at a time.
type Row = Vec<[f64; LANES]>;

/// Rows that are worked on together.
const ROWS: usize = 4;

/// A point in the coordinates of the dictionary.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// φ, of as many entries as there were members.
    values: Row,
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
        Ok(Self {
            discount,
            noise,
            threshold,
            inverse: Vec::new(),
            mean: Row::new(),
            covariance: Vec::new(),
            step: Row::new(),
            gain: Row::new(),
        })
    }

    /// Number of members d.
    #[must_use]
    pub fn members(&self) -> usize {
        self.inverse.len()
    }

    /// Features of a point from its covariances with the members in order (d) and its own variance; a novel
    /// point becomes a member.
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn visit(&mut self, covariances: &[f64], variance: f64) -> Result<Features, GpError> {
        let mut values = self.features(covariances)?;
        let novelty = variance - dot(&values, &values);
        let is_member = novelty > self.threshold * variance;
        if is_member {
            self.admit(&mut values, novelty.sqrt());
        }
        Ok(Features { values, is_member })
    }

    /// Makes a point a member, the features of which are its row of L, and end with `last`.
    fn admit(&mut self, values: &mut Row, last: f64) {
        let d = self.members();
        // The row of L⁻¹ is (−φᵀL⁻¹, 1)/√δ.
        let mut row = padded(d + 1);
        for (i, known) in self.inverse.iter().enumerate() {
            let share = values.as_flattened()[i] / last;
            for (entry, known) in row.as_flattened_mut().iter_mut().zip(known.as_flattened()) {
                *entry -= share * known;
            }
        }
        row.as_flattened_mut()[d] = 1.0 / last;
        self.inverse.push(row);
        for row in self.covariance.iter_mut().chain([&mut self.mean, values]) {
            row.resize((d + 1).div_ceil(LANES), [0.0; LANES]);
        }
        values.as_flattened_mut()[d] = last;
        let mut row = padded(d + 1);
        row.as_flattened_mut()[d] = 1.0;
        self.covariance.push(row);
    }

    /// Learns from the reward of a step between two visited points; the episode ended if there is no next one.
    pub fn learn(&mut self, now: &Features, reward: f64, next: Option<&Features>) {
        self.learn_at(Level::new(), now, reward, next);
    }

    fn learn_at(&mut self, level: Level, now: &Features, reward: f64, next: Option<&Features>) {
        dispatch!(level, simd => self.learn_inlined(simd, now, reward, next));
    }

    #[inline(always)]
    fn learn_inlined<S: Simd>(&mut self, simd: S, now: &Features, reward: f64, next: Option<&Features>) {
        self.step.clear();
        self.step.extend_from_slice(&now.values);
        self.step.resize(self.mean.len(), [0.0; LANES]);
        let followed = next.map_or(&[][..], |next| &next.values);
        for (entry, value) in self.step.as_flattened_mut().iter_mut().zip(followed.as_flattened()) {
            *entry -= self.discount * value;
        }
        self.gain.clear();
        self.gain.resize(self.mean.len(), [0.0; LANES]);
        products(simd, &self.covariance, &self.step, &mut self.gain);
        let variance = self.noise + dot(&self.step, &self.gain);
        let surprise = (reward - dot(&self.step, &self.mean)) / variance;
        let gain = self.gain.as_flattened();
        for (mean, own) in self.mean.as_flattened_mut().iter_mut().zip(gain) {
            *mean += own * surprise;
        }
        for (row, own) in self.covariance.iter_mut().zip(gain) {
            let share = own / variance;
            for (entries, others) in row.iter_mut().zip(&self.gain) {
                let difference = f64x8::from_slice(simd, entries) - f64x8::from_slice(simd, others) * share;
                difference.store_slice(entries);
            }
        }
    }

    /// Posterior mean of Q at a point, from its covariances with the members (d).
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn mean(&self, covariances: &[f64]) -> Result<f64, GpError> {
        Ok(dot(&self.features(covariances)?, &self.mean))
    }

    /// Posterior variance of Q at a point, from its covariances with the members (d) and its own variance:
    /// δ + φᵀPφ.
    ///
    /// # Errors
    /// [`GpError::Shape`] for another number of covariances than of members.
    pub fn variance(&self, covariances: &[f64], variance: f64) -> Result<f64, GpError> {
        let (features, mut known) = (self.features(covariances)?, padded(self.members()));
        dispatch!(Level::new(), simd => products(simd, &self.covariance, &features, &mut known));
        Ok((variance - dot(&features, &features) + dot(&features, &known)).max(0.0))
    }

    /// φ = L⁻¹k.
    fn features(&self, covariances: &[f64]) -> Result<Row, GpError> {
        super::hold_size("covariances with the members", self.members(), covariances.len())?;
        Ok(self.features_at(Level::new(), covariances))
    }

    fn features_at(&self, level: Level, covariances: &[f64]) -> Row {
        let (mut known, mut values) = (padded(covariances.len()), padded(covariances.len()));
        known.as_flattened_mut()[..covariances.len()].copy_from_slice(covariances);
        dispatch!(level, simd => products(simd, &self.inverse, &known, &mut values));
        values
    }
}

/// So many zeros, and those behind them.
fn padded(length: usize) -> Row {
    vec![[0.0; LANES]; length.div_ceil(LANES)]
}

/// Inner products of rows with the beginning of a vector that is at least as long.
#[inline(always)]
fn products<S: Simd>(simd: S, rows: &[Row], vector: &Row, products: &mut Row) {
    // Some rows side by side, so that additions need not wait for each other. Such rows are padded to one length,
    // those of L⁻¹ as well, for there are twice as many lanes as rows.
    let (together, rest) = rows.as_chunks::<ROWS>();
    let (products, others) = products.as_flattened_mut()[..rows.len()].split_at_mut(ROWS * together.len());
    for (rows, products) in together.iter().zip(products.as_chunks_mut::<ROWS>().0) {
        let mut sums = [f64x8::splat(simd, 0.0); ROWS];
        for (i, numbers) in vector.iter().enumerate().take(rows[0].len()) {
            let numbers = f64x8::from_slice(simd, numbers);
            for (sum, row) in sums.iter_mut().zip(rows) {
                *sum += f64x8::from_slice(simd, &row[i]) * numbers;
            }
        }
        for (product, sum) in products.iter_mut().zip(sums) {
            *product = total(*sum);
        }
    }
    for (product, row) in others.iter_mut().zip(rest) {
        *product = dot(row, vector);
    }
}

/// Σ xᵢ yᵢ over the common length, in eight sums side by side: a fixed order.
#[inline(always)]
fn dot(x: &[[f64; LANES]], y: &[[f64; LANES]]) -> f64 {
    let mut sums = [0.0; LANES];
    for (numbers, others) in x.iter().zip(y) {
        for ((sum, number), other) in sums.iter_mut().zip(numbers).zip(others) {
            *sum += number * other;
        }
    }
    total(sums)
}

#[inline(always)]
fn total([a, b, c, d, e, f, g, h]: [f64; LANES]) -> f64 {
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use nalgebra::{DMatrix, DVector};

    use super::*;
    use crate::kernel::{
        gp::{SquaredExponential, TemporalModel, TemporalNoise},
        stream::Streams,
        wide::levels,
    };

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
    fn every_level_of_the_processor_has_the_same_bits() {
        // Members of several registers, and a ragged end; any numbers.
        let d = 21;
        let mut stream = Streams::from_seed(4).stream("state");
        let mut row = |length: usize| {
            let mut row = padded(length);
            row.as_flattened_mut()[..length].fill_with(|| stream.normal());
            row
        };
        let mut model = OnlineTemporal::new(DISCOUNT, NOISE, 0.0).unwrap();
        model.inverse = (1..=d).map(&mut row).collect();
        model.covariance = (0..d).map(|_| row(d)).collect();
        model.mean = row(d);
        let features = [row(7), row(d)].map(|values| Features { values, is_member: false });
        let covariances: Vec<f64> = row(d).into_flattened()[..d].to_vec();
        let state = |level| {
            let mut model = model.clone();
            model.learn_at(level, &features[0], 0.4, Some(&features[1]));
            model.learn_at(level, &features[1], -0.3, None);
            let values = model.features_at(level, &covariances);
            let rows = model.covariance.into_iter().chain([model.mean, values]);
            rows.map(|row| row.into_flattened().into_iter().map(f64::to_bits).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        for (name, level) in levels() {
            assert!(state(level) == state(Level::baseline()), "{name}");
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
