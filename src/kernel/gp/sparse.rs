//! Sparsification by approximate linear dependence.

use nalgebra::DMatrix;

use super::{
    GpError, Quadrature, hold_noise,
    quadrature::{hold_integrals, symmetric},
};
use crate::kernel::math::dot;

/// A few points that stand for all: every point is, in feature space, nearly a combination of members.
///
/// Points come one by one. Point i is *novel* by δ = k(i, i) − kᵀ K_DD⁻¹ k, its squared distance from what the
/// members span, with k = \[k(d, i)\] over the members d. It becomes a member if δ > τ k(i, i); otherwise its
/// row of A (m × d) is (K_DD⁻¹ k)ᵀ. The row of a member is a unit vector. Then K ≈ A K_DD Aᵀ, exactly so on
/// the members, and there are never more members than the feature space has dimensions.
///
/// Source: Engel, Mannor and Meir, IEEE Transactions on Signal Processing 52 (2004).
#[derive(Clone, Debug, PartialEq)]
pub struct Dictionary {
    members: Vec<usize>,
    projection: DMatrix<f64>,
}

impl Dictionary {
    /// The dictionary of m points with covariances k(i, j), of which only those with members are asked for,
    /// and the relative threshold τ ≥ 0.
    #[must_use]
    pub fn of(points: usize, kernel: impl Fn(usize, usize) -> f64, threshold: f64) -> Self {
        let mut members: Vec<usize> = Vec::new();
        // K_DD = L Lᵀ, L by rows.
        let mut root: Vec<Vec<f64>> = Vec::new();
        let mut rows = Vec::with_capacity(points);
        for i in 0..points {
            let mut row: Vec<f64> = Vec::with_capacity(members.len() + 1);
            for (l, member) in root.iter().zip(&members) {
                let rest = kernel(*member, i) - dot(l, &row);
                row.push(rest / l[row.len()]);
            }
            let own = kernel(i, i);
            let novelty = own - dot(&row, &row);
            if novelty > threshold * own {
                let mut unit = vec![0.0; members.len()];
                unit.push(1.0);
                rows.push(unit);
                row.push(novelty.sqrt());
                root.push(row);
                members.push(i);
            } else {
                rows.push(solved_transposed(&root, row));
            }
        }
        let projection =
            DMatrix::from_fn(points, members.len(), |i, d| rows[i].get(d).copied().unwrap_or(0.0));
        Self { members, projection }
    }

    /// The dictionary of all m points: no sparsification.
    #[must_use]
    pub fn full(points: usize) -> Self {
        Self { members: (0..points).collect(), projection: DMatrix::identity(points, points) }
    }

    /// Indices of the d members, ascending.
    #[must_use]
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// A (m × d).
    #[must_use]
    pub fn projection(&self) -> &DMatrix<f64> {
        &self.projection
    }

    /// [`Quadrature`] with A K_DD Aᵀ in place of K and Z_D Aᵀ in place of Z, for d × d systems: with
    /// B = (K_DD AᵀA + s I)⁻¹ Z_Dᵀ the weights are A B and the covariance is Z₀ − Z_D AᵀA B.
    ///
    /// `kernel` is that of the dictionary, `cross` is Z (p × m), of which only the columns of members are
    /// read, and `prior` is Z₀ (p × p).
    ///
    /// # Errors
    /// [`GpError`] for matrices that do not fit, what is not finite, and noise that is not positive enough to
    /// solve the system.
    pub fn quadrature(
        &self,
        kernel: impl Fn(usize, usize) -> f64,
        noise: f64,
        cross: &DMatrix<f64>,
        prior: &DMatrix<f64>,
    ) -> Result<Quadrature, GpError> {
        hold_noise(noise)?;
        hold_integrals(self.projection.nrows(), cross, prior)?;
        let size = self.members.len();
        if size == 0 {
            let weights = DMatrix::zeros(cross.ncols(), cross.nrows());
            return Ok(Quadrature { weights, covariance: prior.clone() });
        }
        let gram = DMatrix::from_fn(size, size, |i, j| kernel(self.members[i], self.members[j]));
        let known = cross.select_columns(&self.members);
        let uses = self.projection.tr_mul(&self.projection);
        let system = gram * &uses + DMatrix::identity(size, size) * noise;
        let solved = system.lu().solve(&known.transpose()).ok_or(GpError::NotPositiveDefinite)?;
        if solved.iter().any(|x| !x.is_finite()) {
            return Err(GpError::NotPositiveDefinite);
        }
        Ok(Quadrature {
            covariance: symmetric(prior - known * uses * &solved),
            weights: &self.projection * solved,
        })
    }
}

/// x with Lᵀ x = y, L by rows.
fn solved_transposed(root: &[Vec<f64>], mut y: Vec<f64>) -> Vec<f64> {
    for i in (0..root.len()).rev() {
        y[i] /= root[i][i];
        let x = y[i];
        for (entry, l) in y[..i].iter_mut().zip(&root[i]) {
            *entry -= l * x;
        }
    }
    y
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    /// Twelve points in three dimensions, two of which coincide.
    fn features() -> DMatrix<f64> {
        let mut stream = Streams::from_seed(4).stream("features");
        let mut features = DMatrix::from_fn(3, 12, |_, _| stream.normal());
        let first = features.column(0).into_owned();
        features.set_column(1, &first);
        features
    }

    #[test]
    fn there_are_as_many_members_as_dimensions_and_the_rest_is_combined() {
        let features = features();
        let gram = features.tr_mul(&features);
        let dictionary = Dictionary::of(12, |i, j| gram[(i, j)], 1e-8);
        assert_eq!(dictionary.members(), [0, 2, 3]);
        let members = features.select_columns(dictionary.members());
        assert_relative_eq!(members * dictionary.projection().transpose(), features, epsilon = 1e-12);
        let nothing = Dictionary::of(2, |_, _| 0.0, 1e-8);
        assert_eq!((nothing.members().len(), nothing.projection().ncols()), (0, 0));
    }

    #[test]
    fn the_sparse_rule_is_the_full_one() {
        let features = features();
        let gram = features.tr_mul(&features);
        let kernel = |i, j| gram[(i, j)];
        let prior = DMatrix::identity(3, 3) * 20.0;
        let full = Quadrature::new(gram.clone(), 0.3, &features, &prior).unwrap();
        for dictionary in [Dictionary::of(12, kernel, 1e-8), Dictionary::full(12)] {
            let sparse = dictionary.quadrature(kernel, 0.3, &features, &prior).unwrap();
            assert_relative_eq!(sparse.weights, full.weights, epsilon = 1e-12);
            assert_relative_eq!(sparse.covariance, full.covariance, epsilon = 1e-12);
        }
        let nothing = Dictionary::of(12, |_, _| 0.0, 0.0);
        let rule = nothing.quadrature(|_, _| 0.0, 0.3, &DMatrix::zeros(3, 12), &prior).unwrap();
        assert_eq!((rule.weights, rule.covariance), (DMatrix::zeros(12, 3), prior));
    }

    #[test]
    fn a_high_threshold_keeps_one_point() {
        let close = |i: usize, j: usize| 1.0 - 0.01 * i.abs_diff(j) as f64;
        assert_eq!(Dictionary::of(5, close, 0.5).members(), [0]);
        assert_eq!(Dictionary::of(5, close, 0.0).members().len(), 5);
    }
}
