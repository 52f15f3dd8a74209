//! Linear function classes on finitely many points, under a weighting of the points.

use nalgebra::{DMatrix, DVector};

/// The functions f = Φθ on n points (states, or pairs of state and action) that are linear in d
/// features: F = {Φθ : θ ∈ ℝᵈ}, Φ ∈ ℝⁿˣᵈ.
///
/// Points carry weights wᵢ ≥ 0, such as a data distribution; inner products and projections are
/// those of ⟨f, g⟩ = Σᵢ wᵢ fᵢ gᵢ.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearClass {
    features: DMatrix<f64>,
}

/// W^½ Φ = V R with orthonormal V: a basis of the class in which weighted inner products are plain
/// ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Basis {
    /// V (n × d): orthonormal columns that span W^½ F.
    pub vectors: DMatrix<f64>,
    /// R (d × d), upper triangular: column j holds the coordinates of feature j.
    pub coordinates: DMatrix<f64>,
}

impl LinearClass {
    /// The class with these features, one row a point.
    #[must_use]
    pub fn new(features: DMatrix<f64>) -> Self {
        Self { features }
    }

    /// Φ (n × d).
    #[must_use]
    pub fn features(&self) -> &DMatrix<f64> {
        &self.features
    }

    /// Number of features d.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.features.ncols()
    }

    /// The function Φθ, by its n values.
    #[must_use]
    pub fn function(&self, parameter: &DVector<f64>) -> DVector<f64> {
        &self.features * parameter
    }

    /// Φᵀ W Ψ: inner products of the features with the columns of another matrix (n × m).
    #[must_use]
    pub fn inner_products(&self, weights: &DVector<f64>, other: &DMatrix<f64>) -> DMatrix<f64> {
        self.features.transpose() * scale_rows(other, weights)
    }

    /// Gram matrix Φᵀ W Φ (d × d).
    #[must_use]
    pub fn gram(&self, weights: &DVector<f64>) -> DMatrix<f64> {
        self.inner_products(weights, &self.features)
    }

    /// An orthonormal basis of W^½ F, by QR decomposition of W^½ Φ.
    ///
    /// `None` if the features are linearly dependent where the weights are positive: if a feature
    /// keeps less than 1e-9 of its length when the earlier ones are projected out.
    #[must_use]
    pub fn orthonormal_basis(&self, weights: &DVector<f64>) -> Option<Basis> {
        if self.features.nrows() < self.dimension() {
            return None;
        }
        let scaled = scale_rows(&self.features, &weights.map(f64::sqrt));
        let lengths: Vec<f64> = scaled.column_iter().map(|c| c.norm()).collect();
        let decomposition = scaled.qr();
        let (vectors, coordinates) = decomposition.unpack();
        let kept = coordinates.diagonal();
        let independent = kept.iter().zip(&lengths).all(|(kept, length)| kept.abs() > 1e-9 * length);
        independent.then_some(Basis { vectors, coordinates })
    }

    /// The values Φθ̂ of the weighted least-squares fit θ̂ = argmin Σᵢ wᵢ (Φθ − y)ᵢ² to targets y
    /// (n values), at the points of positive weight; 0 at the others.
    ///
    /// `None` if the features are dependent, as in [`Self::orthonormal_basis`].
    #[must_use]
    pub fn project(&self, weights: &DVector<f64>, targets: &DVector<f64>) -> Option<DVector<f64>> {
        let basis = self.orthonormal_basis(weights)?.vectors;
        let root = weights.map(f64::sqrt);
        let scaled = &basis * (basis.transpose() * root.component_mul(targets));
        Some(scaled.zip_map(&root, |value, root| if root > 0.0 { value / root } else { 0.0 }))
    }
}

/// Row i times weight i.
fn scale_rows(matrix: &DMatrix<f64>, weights: &DVector<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(matrix.nrows(), matrix.ncols(), |i, j| weights[i] * matrix[(i, j)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn projection_solves_the_normal_equations() {
        let class =
            LinearClass::new(DMatrix::from_row_slice(4, 2, &[1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 1.0, 5.0]));
        let (weights, targets) = (
            DVector::from_row_slice(&[0.1, 0.4, 0.0, 0.5]),
            DVector::from_row_slice(&[1.0, -1.0, 100.0, 2.0]),
        );
        let fitted = class.project(&weights, &targets).unwrap();
        let residual = DMatrix::from_columns(&[(&targets - &fitted)]);
        assert_relative_eq!(class.inner_products(&weights, &residual).norm(), 0.0, epsilon = 1e-14);
        assert_eq!(fitted[2], 0.0);
    }

    #[test]
    fn dependent_features_are_noticed() {
        let weights = DVector::from_row_slice(&[0.5, 0.5, 0.0]);
        for (features, independent) in [
            (DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 2.0, 4.0, 0.0, 1.0]), false),
            (DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 2.0, 4.1, 0.0, 0.0]), true),
            (DMatrix::from_row_slice(3, 2, &[1.0, 0.0, 2.0, 0.0, 3.0, 0.0]), false),
        ] {
            assert_eq!(LinearClass::new(features).orthonormal_basis(&weights).is_some(), independent);
        }
        let wide = LinearClass::new(DMatrix::from_row_slice(1, 3, &[1.0, 2.0, 3.0]));
        assert_eq!(wide.orthonormal_basis(&DVector::from_row_slice(&[1.0])), None);
    }

    #[test]
    fn gram_matrix_is_that_of_the_weighted_features() {
        let class = LinearClass::new(DMatrix::from_row_slice(2, 1, &[1.0, 2.0]));
        assert_eq!(
            class.gram(&DVector::from_row_slice(&[0.25, 0.75])),
            DMatrix::from_row_slice(1, 1, &[3.25])
        );
        assert_eq!(class.function(&DVector::from_row_slice(&[2.0])), DVector::from_row_slice(&[2.0, 4.0]));
        assert_eq!(class.dimension(), 1);
    }
}
