//! Eigenvalues of small symmetric matrices.
//!
//! Jacobi's method: for symmetric positive definite matrices it finds small eigenvalues to high
//! relative accuracy, and its rotations run in a fixed order, so the result is the same everywhere.
//! Source: Golub and Van Loan, Matrix Computations, 4th edition, section 8.5.

use nalgebra::DMatrix;

/// More than enough: convergence is quadratic, and about eight sweeps suffice.
const SWEEPS: usize = 60;

/// Eigenvalues in ascending order, and eigenvectors as the columns of a matrix in the same order.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigen {
    /// λ₁ ≤ … ≤ λ_n.
    pub values: Vec<f64>,
    /// n × n; column j belongs to λⱼ.
    pub vectors: DMatrix<f64>,
}

/// Eigenvalues and orthonormal eigenvectors of a symmetric matrix (n × n); only the symmetric part
/// (M + Mᵀ)/2 of the argument is used.
///
/// ```
/// use corroborate::kernel::eigen::symmetric;
/// use nalgebra::DMatrix;
///
/// assert_eq!(symmetric(&DMatrix::from_row_slice(2, 2, &[2.0, 1.0, 1.0, 2.0])).values, [1.0, 3.0]);
/// ```
#[must_use]
pub fn symmetric(matrix: &DMatrix<f64>) -> Eigen {
    let n = matrix.nrows();
    let mut m = (matrix + matrix.transpose()) * 0.5;
    let mut vectors = DMatrix::identity(n, n);
    for _ in 0..SWEEPS {
        let mut rotated = false;
        for p in 0..n {
            for q in p + 1..n {
                // Below this an off-diagonal entry does not change either eigenvalue.
                let negligible = f64::EPSILON * (m[(p, p)].abs() * m[(q, q)].abs()).sqrt();
                if m[(p, q)].abs() > negligible {
                    rotate(&mut m, &mut vectors, p, q);
                    rotated = true;
                }
            }
        }
        if !rotated {
            break;
        }
    }
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|i, j| m[(*i, *i)].total_cmp(&m[(*j, *j)]));
    Eigen {
        values: order.iter().map(|i| m[(*i, *i)]).collect(),
        vectors: DMatrix::from_fn(n, n, |row, column| vectors[(row, order[column])]),
    }
}

/// Rotates in the plane (p, q) so that the entry (p, q) becomes zero.
fn rotate(m: &mut DMatrix<f64>, vectors: &mut DMatrix<f64>, p: usize, q: usize) {
    let [pp, pq, qq] = [m[(p, p)], m[(p, q)], m[(q, q)]];
    let theta = (qq - pp) / (2.0 * pq);
    // The smaller root of t² + 2 theta t − 1 = 0: a rotation of at most 45 degrees.
    let tangent = 1.0_f64.copysign(theta) / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    for k in 0..m.nrows() {
        let (x, y) = (m[(k, p)], m[(k, q)]);
        m[(k, p)] = cosine * x - sine * y;
        m[(k, q)] = sine * x + cosine * y;
    }
    for k in 0..m.nrows() {
        let (x, y) = (m[(p, k)], m[(q, k)]);
        m[(p, k)] = cosine * x - sine * y;
        m[(q, k)] = sine * x + cosine * y;
        let (x, y) = (vectors[(k, p)], vectors[(k, q)]);
        vectors[(k, p)] = cosine * x - sine * y;
        vectors[(k, q)] = sine * x + cosine * y;
    }
    // What the rotation amounts to here, without the rounding errors of the products.
    m[(p, p)] = pp - tangent * pq;
    m[(q, q)] = qq + tangent * pq;
    m[(p, q)] = 0.0;
    m[(q, p)] = 0.0;
}

/// Solutions of A x = λ B x for symmetric A and symmetric positive definite B (both n × n).
/// Eigenvectors satisfy xᵢᵀ B xⱼ = 1\[i = j\]. With B = L Lᵀ these are the eigenvalues of L⁻¹ A L⁻ᵀ.
///
/// `None` if B is not positive definite.
///
/// ```
/// use corroborate::kernel::eigen::generalised;
/// use nalgebra::DMatrix;
///
/// let e = generalised(&DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.0, 2.0]), &DMatrix::from_row_slice(2, 2, &[4.0, 0.0, 0.0, 1.0])).unwrap();
/// assert_eq!(e.values, [0.5, 2.0]);
/// ```
#[must_use]
pub fn generalised(a: &DMatrix<f64>, b: &DMatrix<f64>) -> Option<Eigen> {
    let lower = b.clone().cholesky()?.unpack();
    let half = lower.solve_lower_triangular(a)?;
    let reduced = lower.solve_lower_triangular(&half.transpose())?;
    let eigen = symmetric(&reduced);
    let vectors = lower.transpose().solve_upper_triangular(&eigen.vectors)?;
    Some(Eigen { values: eigen.values, vectors })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn hilbert(n: usize) -> DMatrix<f64> {
        DMatrix::from_fn(n, n, |i, j| 1.0 / (i + j + 1) as f64)
    }

    #[test]
    fn small_eigenvalues_of_a_hilbert_matrix_are_accurate() {
        // Fettis and Caslin (1967): largest and smallest eigenvalue of the matrix of order 5.
        let eigen = symmetric(&hilbert(5));
        assert_relative_eq!(eigen.values[4], 1.567_050_691_098_231, max_relative = 1e-14);
        assert_relative_eq!(eigen.values[0], 3.287_928_772_171_6e-6, max_relative = 1e-10);
    }

    #[test]
    fn vectors_satisfy_their_equation() {
        let a = DMatrix::from_fn(4, 4, |i, j| ((i * j + 2 * (i + j)) % 7) as f64 - 3.0);
        let b = hilbert(4) + DMatrix::identity(4, 4);
        for (eigen, metric) in
            [(symmetric(&a), DMatrix::identity(4, 4)), (generalised(&a, &b).unwrap(), b.clone())]
        {
            let values = DMatrix::from_diagonal(&eigen.values.clone().into());
            assert_relative_eq!(&a * &eigen.vectors, &metric * &eigen.vectors * values, epsilon = 1e-13);
            let gram = eigen.vectors.transpose() * &metric * &eigen.vectors;
            assert_relative_eq!(gram, DMatrix::identity(4, 4), epsilon = 1e-13);
        }
    }

    #[test]
    fn ties_zeros_and_indefinite_metrics() {
        assert_eq!(symmetric(&DMatrix::zeros(3, 3)).values, [0.0; 3]);
        assert_eq!(symmetric(&DMatrix::identity(3, 3)).values, [1.0; 3]);
        assert_eq!(symmetric(&DMatrix::from_row_slice(2, 2, &[0.0, 1.0, 1.0, 0.0])).values, [-1.0, 1.0]);
        assert_eq!(
            generalised(&DMatrix::identity(2, 2), &DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 2.0, 1.0])),
            None
        );
    }
}
