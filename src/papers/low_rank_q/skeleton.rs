//! Anchors, and the estimate of a matrix from its anchor rows and columns.
//!
//! ```text
//! Q̄(s, a) = Q(s, J) Q(I, J)⁻¹ Q(I, a)
//! ```
//!
//! reads r(S + A − r) of the S·A entries, each once, and is exact if the rank of the block Q(I, J) is that of
//! the matrix. (A singular block has a pseudo-inverse.) With x_a = Q(I, J)⁻¹ Q(I, a) and
//! y_s = Q(s, J) Q(I, J)⁻¹, noise E of the entries changes it, to first order, by
//!
//! ```text
//! E(s, J) x_a + y_s E(I, a) − y_s E(I, J) x_a,
//! ```
//!
//! hence by at most c‖E‖_∞ with c = max_{s,a} (‖x_a‖₁ + ‖y_s‖₁ + ‖x_a‖₁‖y_s‖₁).

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::stream::Stream;

/// Singular values of the block count as zero below this share of the largest.
const SINGULAR: f64 = 1e-10;

/// What is left of a matrix is taken to be zero below this share of its largest entry.
const NOTHING: f64 = 1e-12;

/// Anchor rows I and anchor columns J, equally many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchors {
    /// I.
    pub rows: Vec<usize>,
    /// J.
    pub columns: Vec<usize>,
}

/// How anchors are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Full pivoting on the matrix itself, which a learner does not know.
    Greedy,
    /// Evenly spaced, the ends included.
    EvenlySpaced,
    /// At random, without replacement.
    Random,
}

impl Anchors {
    /// Whether an entry lies in an anchor row or an anchor column: those are all that is explored.
    #[must_use]
    pub fn cover(&self, row: usize, column: usize) -> bool {
        self.rows.contains(&row) || self.columns.contains(&column)
    }

    /// Full pivoting: r times the largest entry |E(i, j)| of what is left (the first in the order of rows
    /// on a tie), and then E ← E − E(·, j) E(i, ·)/E(i, j), from E = Q. Fewer if nothing is left.
    #[must_use]
    pub fn greedy(matrix: &DMatrix<f64>, rank: usize) -> Self {
        let (mut rest, mut anchors) = (matrix.clone(), Self { rows: vec![], columns: vec![] });
        for _ in 0..rank {
            let (mut i, mut j) = (0, 0);
            for row in 0..rest.nrows() {
                for column in 0..rest.ncols() {
                    if rest[(row, column)].abs() > rest[(i, j)].abs() {
                        (i, j) = (row, column);
                    }
                }
            }
            let pivot = rest[(i, j)];
            if pivot.abs() <= NOTHING * matrix.amax() {
                break;
            }
            let outer = rest.column(j) * rest.row(i) / pivot;
            rest -= outer;
            anchors.rows.push(i);
            anchors.columns.push(j);
        }
        anchors
    }

    /// k(n − 1)/(r − 1), rounded, for k = 0 … r − 1; the first for r = 1.
    #[must_use]
    pub fn evenly_spaced((rows, columns): (usize, usize), rank: usize) -> Self {
        let spaced = |n: usize| {
            let step = (n as f64 - 1.0) / (rank.max(2) as f64 - 1.0);
            (0..rank).map(|k| (k as f64 * step).round() as usize).collect()
        };
        Self { rows: spaced(rows), columns: spaced(columns) }
    }

    /// r different rows and columns.
    pub fn random((rows, columns): (usize, usize), rank: usize, stream: &mut Stream) -> Self {
        let mut draw = |n: usize| {
            let mut all: Vec<usize> = (0..n).collect();
            stream.choose(&mut all, rank);
            all.truncate(rank);
            all
        };
        Self { rows: draw(rows), columns: draw(columns) }
    }

    /// The first r rows and columns.
    #[must_use]
    pub fn adjacent(rank: usize) -> Self {
        Self { rows: (0..rank).collect(), columns: (0..rank).collect() }
    }

    /// The anchors of the largest |det Q(I, J)|, by trying all of them; the first of equals.
    #[must_use]
    pub fn of_largest_volume(matrix: &DMatrix<f64>, rank: usize) -> Self {
        let mut best = (Self::adjacent(rank), -1.0);
        for rows in subsets(matrix.nrows(), rank) {
            for columns in subsets(matrix.ncols(), rank) {
                let anchors = Self { rows: rows.clone(), columns };
                let volume = Skeleton::of(matrix, &anchors).block.determinant().abs();
                if volume > best.1 {
                    best = (anchors, volume);
                }
            }
        }
        best.0
    }

    /// Whether these are distinct rows and columns of a matrix of this shape, equally many, at least one.
    #[must_use]
    pub fn fit(&self, (rows, columns): (usize, usize)) -> bool {
        let distinct =
            |list: &[usize], n: usize| list.iter().enumerate().all(|(k, i)| *i < n && !list[..k].contains(i));
        !self.rows.is_empty()
            && self.rows.len() == self.columns.len()
            && distinct(&self.rows, rows)
            && distinct(&self.columns, columns)
    }
}

/// All subsets of {0, …, n − 1} of this size, in lexicographic order.
fn subsets(n: usize, size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![vec![]];
    }
    (0..n)
        .flat_map(|last| {
            subsets(last, size - 1).into_iter().map(move |mut rest| {
                rest.push(last);
                rest
            })
        })
        .collect()
}

/// The anchor rows and columns of a matrix: all that the estimate reads.
#[derive(Clone, Debug, PartialEq)]
pub struct Skeleton {
    /// Q(·, J) (S × r).
    pub columns: DMatrix<f64>,
    /// Q(I, J) (r × r): the same entries as in rows and columns, not sampled anew.
    pub block: DMatrix<f64>,
    /// Q(I, ·) (r × A).
    pub rows: DMatrix<f64>,
}

impl Skeleton {
    /// The skeleton of a matrix, of which only anchor rows and columns are read.
    #[must_use]
    pub fn of(matrix: &DMatrix<f64>, anchors: &Anchors) -> Self {
        let columns = matrix.select_columns(&anchors.columns);
        let rows = matrix.select_rows(&anchors.rows);
        let block = columns.select_rows(&anchors.rows);
        Self { columns, block, rows }
    }

    /// Q̄ (S × A) = Q(·, J) Q(I, J)⁺ Q(I, ·); nothing if an entry is not finite.
    #[must_use]
    pub fn estimate(&self) -> Option<DMatrix<f64>> {
        Some(&self.columns * (self.inverse()? * &self.rows))
    }

    /// How noise of the entries spreads; nothing if an entry is not finite.
    #[must_use]
    pub fn sensitivity(&self) -> Option<Sensitivity> {
        let inverse = self.inverse()?;
        Some(Sensitivity { x: &inverse * &self.rows, y: &self.columns * &inverse })
    }

    /// The pseudo-inverse of the block: singular values below [`SINGULAR`] of the largest count as zero.
    /// The rank may be lower than the number of anchors, as in the first iteration from V = 0.
    fn inverse(&self) -> Option<DMatrix<f64>> {
        if self.block.iter().any(|q| !q.is_finite()) {
            return None;
        }
        let decomposition = self.block.clone().svd(true, true);
        let largest = decomposition.singular_values.amax();
        decomposition.pseudo_inverse(SINGULAR * largest).ok()
    }
}

/// How noise of the entries spreads.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// x_a in the columns (r × A).
    pub x: DMatrix<f64>,
    /// y_s in the rows (S × r).
    pub y: DMatrix<f64>,
}

impl Sensitivity {
    /// ‖x_a‖₁ + ‖y_s‖₁ + ‖x_a‖₁‖y_s‖₁.
    #[must_use]
    pub fn at(&self, s: usize, a: usize, fault: Option<Fault>) -> f64 {
        let x: f64 = self.x.column(a).iter().map(|v| v.abs()).sum();
        let y: f64 = self.y.row(s).iter().map(|v| v.abs()).sum();
        if fault == Some(Fault::NoBlockTerm) { x + y } else { x + y + x * y }
    }

    /// c, the largest of them.
    #[must_use]
    pub fn constant(&self, fault: Option<Fault>) -> f64 {
        let pairs = (0..self.y.nrows()).flat_map(|s| (0..self.x.ncols()).map(move |a| (s, a)));
        pairs.map(|(s, a)| self.at(s, a, fault)).fold(0.0, f64::max)
    }

    /// The largest |x| and |y|.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.x.amax().max(self.y.amax())
    }

    /// The noise of size 1 that moves Q̄(s, a) most: sign x on E(s, J), sign y on E(I, a), and
    /// −sign y sign x on E(I, J); zero elsewhere. For s ∉ I and a ∉ J.
    #[must_use]
    pub fn worst_noise(&self, anchors: &Anchors, s: usize, a: usize) -> DMatrix<f64> {
        let mut noise = DMatrix::zeros(self.y.nrows(), self.x.ncols());
        for (k, row) in anchors.rows.iter().enumerate() {
            noise[(*row, a)] = self.y[(s, k)].signum();
            for (l, column) in anchors.columns.iter().enumerate() {
                noise[(*row, *column)] = -self.y[(s, k)].signum() * self.x[(l, a)].signum();
                noise[(s, *column)] = self.x[(l, a)].signum();
            }
        }
        noise
    }
}

/// Largest |P − Q|.
#[must_use]
pub fn distance(p: &DMatrix<f64>, q: &DMatrix<f64>) -> f64 {
    (p - q).amax()
}

/// The example of rank two, Q(s, a) = (1 + s/S)(1 + cos(a/3)) + ½ sin(s/2) sin(a/2), S = 12, A = 10.
#[must_use]
pub fn waves() -> DMatrix<f64> {
    use crate::kernel::math::{cos, sin};
    DMatrix::from_fn(12, 10, |s, a| {
        let (s, a) = (s as f64, a as f64);
        (1.0 + s / 12.0) * (1.0 + cos(a / 3.0)) + 0.5 * sin(s / 2.0) * sin(a / 2.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_anchors_and_constants_of_the_waves() {
        let matrix = waves();
        let values = matrix.singular_values();
        assert_relative_eq!(values[0], 20.539, epsilon = 5e-4);
        assert_relative_eq!(values[1], 2.120, epsilon = 5e-4);
        assert!(values[2] < 1e-13);
        let greedy = Anchors::greedy(&matrix, 2);
        assert_eq!((&greedy.rows[..], &greedy.columns[..]), (&[11, 3][..], &[0, 3][..]));
        let constant =
            |anchors: &Anchors| Skeleton::of(&matrix, anchors).sensitivity().unwrap().constant(None);
        assert_relative_eq!(constant(&greedy), 5.276_366, epsilon = 1e-6);
        assert_relative_eq!(constant(&Anchors::adjacent(2)), 34.189, epsilon = 5e-4);
        assert_eq!(Anchors::greedy(&matrix, 5), greedy);
    }

    #[test]
    fn the_estimate_is_exact_at_the_rank() {
        let matrix = waves();
        let estimate = |anchors: &Anchors| Skeleton::of(&matrix, anchors).estimate().unwrap();
        assert!(distance(&estimate(&Anchors::greedy(&matrix, 2)), &matrix) < 1e-14);
        assert!(distance(&estimate(&Anchors::adjacent(2)), &matrix) < 1e-13);
        assert!(distance(&estimate(&Anchors::greedy(&matrix, 1)), &matrix) > 0.1);
    }

    #[test]
    fn the_worst_noise_attains_the_constant() {
        let matrix = waves();
        let anchors = Anchors::greedy(&matrix, 2);
        let sensitivity = Skeleton::of(&matrix, &anchors).sensitivity().unwrap();
        let (s, a, delta) = (0, 9, 1e-6);
        let noisy = &matrix + sensitivity.worst_noise(&anchors, s, a) * delta;
        let estimate = Skeleton::of(&noisy, &anchors).estimate().unwrap();
        let change = (estimate[(s, a)] - matrix[(s, a)]).abs() / delta;
        assert_relative_eq!(change, sensitivity.at(s, a, None), epsilon = 1e-4);
    }

    #[test]
    fn subsets_are_counted_once() {
        assert_eq!(subsets(5, 2).len(), 10);
        assert_eq!(subsets(3, 3), [[0, 1, 2]]);
    }
}
