//! The Cholesky factor of a matrix in blocks, to the bit what the unblocked one is.
//!
//! L with A = L Lᵀ is defined row by row, and every entry is a difference of products in a fixed order:
//!
//! ```text
//! Lᵢⱼ = (Aᵢⱼ − Lᵢ₀ Lⱼ₀ − Lᵢ₁ Lⱼ₁ − … − Lᵢ,ⱼ₋₁ Lⱼ,ⱼ₋₁) / Lⱼⱼ,   Lⱼⱼ = √(Aⱼⱼ − Lⱼ₀² − …).
//! ```
//!
//! Which entries are worked on together is free. Here the columns are taken in panels; once a panel is done, its
//! products are subtracted from all entries right of it, in tiles that are held in registers for the length of the
//! panel. Each entry still sees its products one after the other, so that the factor has the bits of nalgebra's, and
//! matrices that do not fit into a cache take a fraction of the time. There are 2 n³/6 flops in it (n³/3), none of
//! them fused.

use std::ops::Range;

use nalgebra::{Cholesky, DMatrix, Dyn};

use super::{
    tiles::{Block, Packed, TILE},
    wide::{Level, dispatch},
};

/// Columns of a panel in matrices of fewer columns than `LARGE`, and in others, which outgrow the caches: the fewer
/// panels, the less often all that is left of them is read and written.
const PANELS: [usize; 2] = [128, 384];
const LARGE: usize = 1024;
/// Columns that are not divided any more.
const NARROW: usize = TILE;

/// L of a symmetric positive definite matrix (n × n), of which only the lower triangle is read; `None` if it
/// is not positive definite. The bits are those of [`Cholesky::new`].
///
/// ```
/// use corroborate::kernel::cholesky::cholesky;
/// use nalgebra::DMatrix;
///
/// let root = cholesky(DMatrix::from_row_slice(2, 2, &[4.0, 2.0, 2.0, 5.0])).unwrap();
/// assert_eq!(root.l(), DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 1.0, 2.0]));
/// ```
///
/// # Panics
/// If the matrix is not square.
#[must_use]
pub fn cholesky(matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    assert!(matrix.is_square(), "a matrix has to be square to have a Cholesky factor");
    let width = width(matrix.nrows());
    in_panels(matrix, width)
}

/// Columns of a panel of a matrix with n columns.
fn width(n: usize) -> usize {
    PANELS[usize::from(n >= LARGE)]
}

fn in_panels(mut matrix: DMatrix<f64>, width: usize) -> Option<Cholesky<f64, Dyn>> {
    let n = matrix.nrows();
    let (entries, mut packed) = (matrix.as_mut_slice(), Packed::default());
    for first in (0..n).step_by(width) {
        let panel = first..n.min(first + width);
        if !factor(entries, n, panel.clone(), &mut packed) {
            return None;
        }
        subtract_products(entries, n, panel.clone(), panel.end..n, &mut packed);
    }
    Some(Cholesky::pack_dirty(matrix))
}

/// X (m × n) becomes X L⁻ᵀ, the rows of which are L⁻¹xᵢ: forward substitution for m right-hand sides at once.
///
/// # Panics
/// If X has another number of columns than L.
pub fn solve_rows(root: &Cholesky<f64, Dyn>, rows: &mut DMatrix<f64>) {
    let lower = root.l_dirty();
    let (n, m) = (lower.nrows(), rows.nrows());
    assert_eq!(rows.ncols(), n, "as many columns as the factor has");
    let (entries, mut packed) = (rows.as_mut_slice(), Default::default());
    let width = width(n);
    for first in (0..n).step_by(width) {
        let panel = first..n.min(first + width);
        substitute(lower.as_slice(), n, entries, m, panel.clone(), &mut packed);
        subtract_from_rows(lower.as_slice(), n, entries, m, panel.clone(), panel.end..n, &mut packed);
    }
}

/// Finishes some columns from which the products of all earlier ones are subtracted already.
fn factor(entries: &mut [f64], n: usize, columns: Range<usize>, packed: &mut Packed) -> bool {
    if columns.len() <= NARROW {
        return finish(Level::new(), entries, n, columns);
    }
    let middle = middle(&columns);
    factor(entries, n, columns.start..middle, packed) && {
        subtract_products(entries, n, columns.start..middle, middle..columns.end, packed);
        factor(entries, n, middle..columns.end, packed)
    }
}

/// Where a range of columns is divided.
fn middle(columns: &Range<usize>) -> usize {
    columns.start + (columns.len() / 2).next_multiple_of(TILE)
}

/// [`factor`] of few columns, one after the other.
fn finish(level: Level, entries: &mut [f64], n: usize, columns: Range<usize>) -> bool {
    dispatch!(level, _simd => columns.clone().all(|j| finish_column(entries, n, columns.start, j)))
}

/// Finishes column j, given those from `first` on.
#[inline(always)]
fn finish_column(entries: &mut [f64], n: usize, first: usize, j: usize) -> bool {
    let (earlier, rest) = entries.split_at_mut(j * n);
    let column = &mut rest[j..n];
    for k in first..j {
        let known = &earlier[k * n + j..(k + 1) * n];
        let factor = known[0];
        for (entry, other) in column.iter_mut().zip(known) {
            *entry -= factor * other;
        }
    }
    if column[0].is_nan() || column[0] <= 0.0 {
        return false;
    }
    let root = column[0].sqrt();
    column[0] = root;
    column[1..].iter_mut().for_each(|entry| *entry /= root);
    true
}

/// Subtracts the products of the columns `done` from the lower triangle of the columns `left`, which are
/// among those after them.
fn subtract_products(
    entries: &mut [f64],
    n: usize,
    done: Range<usize>,
    left: Range<usize>,
    packed: &mut Packed,
) {
    if left.is_empty() {
        return;
    }
    packed.fill(entries, n, left.start..n, done);
    let mut block = Block { entries, stride: n, rows: left.start..n, columns: left, is_lower: true };
    block.subtract(packed, packed);
}

/// [`factor`] for right-hand sides.
fn substitute(
    lower: &[f64],
    n: usize,
    entries: &mut [f64],
    m: usize,
    columns: Range<usize>,
    packed: &mut [Packed; 2],
) {
    if columns.len() <= NARROW {
        return solve_narrow(Level::new(), lower, n, entries, m, columns);
    }
    let middle = middle(&columns);
    substitute(lower, n, entries, m, columns.start..middle, packed);
    subtract_from_rows(lower, n, entries, m, columns.start..middle, middle..columns.end, packed);
    substitute(lower, n, entries, m, middle..columns.end, packed);
}

/// [`substitute`] of few columns, one after the other.
fn solve_narrow(level: Level, lower: &[f64], n: usize, entries: &mut [f64], m: usize, columns: Range<usize>) {
    dispatch!(level, _simd => {
        for j in columns.clone() {
            solve_column(lower, n, entries, m, columns.start, j);
        }
    });
}

/// Solves for column j, given those from `first` on.
#[inline(always)]
fn solve_column(lower: &[f64], n: usize, entries: &mut [f64], m: usize, first: usize, j: usize) {
    let (earlier, rest) = entries.split_at_mut(j * m);
    let column = &mut rest[..m];
    for k in first..j {
        let factor = lower[k * n + j];
        for (entry, other) in column.iter_mut().zip(&earlier[k * m..(k + 1) * m]) {
            *entry -= factor * other;
        }
    }
    let divisor = lower[j * n + j];
    for entry in column {
        *entry /= divisor;
    }
}

/// [`subtract_products`] for right-hand sides.
fn subtract_from_rows(
    lower: &[f64],
    n: usize,
    entries: &mut [f64],
    m: usize,
    done: Range<usize>,
    left: Range<usize>,
    [packed, others]: &mut [Packed; 2],
) {
    packed.fill(entries, m, 0..m, done.clone());
    others.fill(lower, n, left.clone(), done);
    Block { entries, stride: m, rows: 0..m, columns: left, is_lower: false }.subtract(packed, others);
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{stream::Streams, wide::levels};

    fn symmetric(n: usize, ridge: f64, seed: u64) -> DMatrix<f64> {
        let mut stream = Streams::from_seed(seed).stream("matrix");
        let half = DMatrix::from_fn(n, n, |_, _| stream.normal());
        &half * half.transpose() + DMatrix::identity(n, n) * ridge
    }

    fn bits(root: &Cholesky<f64, Dyn>) -> Vec<u64> {
        root.l().iter().map(|entry| entry.to_bits()).collect()
    }

    #[test]
    fn large_matrices_have_the_bits_of_the_unblocked_factor() {
        for n in [PANELS[0] - 1, PANELS[0], PANELS[0] + 1, 2 * PANELS[0] + 7, 300] {
            let matrix = symmetric(n, 0.1, n as u64);
            let known = bits(&Cholesky::new(matrix.clone()).unwrap());
            for width in [TILE, 48, PANELS[1]] {
                assert!(
                    bits(&in_panels(matrix.clone(), width).unwrap()) == known,
                    "{n} in panels of {width}"
                );
            }
            assert!(bits(&cholesky(matrix).unwrap()) == known, "{n}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_has_no_factor() {
        let mut matrix = symmetric(150, 1.0, 3);
        for bad in [-1.0, f64::NAN] {
            matrix[(140, 140)] = bad;
            assert!(cholesky(matrix.clone()).is_none());
        }
        assert!(cholesky(DMatrix::zeros(1, 1)).is_none());
        assert!(cholesky(DMatrix::zeros(0, 0)).is_some());
    }

    #[test]
    fn rows_are_solved_as_columns_are() {
        for (n, m) in [(1, 1), (9, 3), (130, 6), (257, 30)] {
            let root = cholesky(symmetric(n, 1.0, 5)).unwrap();
            let mut stream = Streams::from_seed(6).stream("rows");
            let rows = DMatrix::from_fn(m, n, |_, _| stream.normal());
            let mut solved = rows.clone();
            solve_rows(&root, &mut solved);
            let known = root.l().solve_lower_triangular(&rows.transpose()).unwrap().transpose();
            assert_relative_eq!(solved, known, epsilon = 1e-11);
        }
    }

    #[test]
    fn every_level_of_the_processor_has_the_same_bits() {
        let n = 37;
        let matrix = symmetric(n, 1.0, 8);
        let known = Cholesky::new(matrix.clone()).unwrap();
        let mut stream = Streams::from_seed(9).stream("rows");
        let rows: Vec<f64> = (0..5 * n).map(|_| stream.normal()).collect();
        let mut solved = rows.clone();
        (0..n).for_each(|j| solve_column(known.l_dirty().as_slice(), n, &mut solved, 5, 0, j));
        for (name, level) in levels() {
            let mut entries = matrix.clone();
            assert!(finish(level, entries.as_mut_slice(), n, 0..n));
            assert!(bits(&Cholesky::pack_dirty(entries)) == bits(&known), "{name}");
            let mut found = rows.clone();
            solve_narrow(level, known.l_dirty().as_slice(), n, &mut found, 5, 0..n);
            assert!(found.iter().zip(&solved).all(|(x, y)| x.to_bits() == y.to_bits()), "{name}");
        }
    }

    proptest! {
        #[test]
        fn small_matrices_have_the_bits_of_the_unblocked_factor(n in 0_usize..40, ridge in 0.0..1.0, seed in 0_u64..100) {
            let matrix = symmetric(n, ridge, seed);
            let (found, known) = (cholesky(matrix.clone()), Cholesky::new(matrix));
            prop_assert_eq!(found.as_ref().map(bits), known.as_ref().map(bits));
        }
    }
}
