//! The Cholesky factor of a matrix in blocks, to the bit what the unblocked one is.
//!
//! L with A = L Lᵀ is defined row by row, and every entry is a difference of products in a fixed order:
//!
//! ```text
//! Lᵢⱼ = (Aᵢⱼ − Lᵢ₀ Lⱼ₀ − Lᵢ₁ Lⱼ₁ − … − Lᵢ,ⱼ₋₁ Lⱼ,ⱼ₋₁) / Lⱼⱼ,   Lⱼⱼ = √(Aⱼⱼ − Lⱼ₀² − …).
//! ```
//!
//! Which entries are worked on together is free. Here the columns are taken in panels; once a panel is done,
//! its products are subtracted from all entries right of it, four by four of which are held in registers for
//! the length of the panel. Each entry still sees its products one after the other, so that the factor has the
//! bits of nalgebra's, and matrices that do not fit into a cache take a fraction of the time. There are 2 n³/6
//! flops in it (n³/3), and no fused ones: bits that do not depend on the processor cost half of its peak.

use std::ops::Range;

use nalgebra::{Cholesky, DMatrix, Dyn};

/// Rows and columns of a tile.
const TILE: usize = 4;
/// Columns of a panel.
const PANEL: usize = 128;
/// Columns that are not divided any more.
const NARROW: usize = 8;
/// Tiles of columns that are kept in the cache while rows pass by.
const STRIPE: usize = 16;

/// Entries of a column of a tile.
type Four = [f64; TILE];

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
pub fn cholesky(mut matrix: DMatrix<f64>) -> Option<Cholesky<f64, Dyn>> {
    assert!(matrix.is_square(), "a matrix has to be square to have a Cholesky factor");
    let n = matrix.nrows();
    let (entries, mut scratch) = (matrix.as_mut_slice(), Vec::new());
    for first in (0..n).step_by(PANEL) {
        let panel = first..n.min(first + PANEL);
        if !factor(entries, n, panel.clone(), &mut scratch) {
            return None;
        }
        subtract_products(entries, n, panel.clone(), panel.end..n, &mut scratch);
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
    let entries = rows.as_mut_slice();
    for first in (0..n).step_by(PANEL) {
        let panel = first..n.min(first + PANEL);
        substitute(lower.as_slice(), n, entries, m, panel.clone());
        subtract_from_rows(lower.as_slice(), n, entries, m, panel.clone(), panel.end..n);
    }
}

/// Finishes some columns from which the products of all earlier ones are subtracted already.
fn factor(entries: &mut [f64], n: usize, columns: Range<usize>, scratch: &mut Vec<Four>) -> bool {
    if columns.len() <= NARROW {
        return columns.clone().all(|j| finish(entries, n, columns.start, j));
    }
    let middle = middle(&columns);
    factor(entries, n, columns.start..middle, scratch) && {
        subtract_products(entries, n, columns.start..middle, middle..columns.end, scratch);
        factor(entries, n, middle..columns.end, scratch)
    }
}

/// Where a range of columns is divided.
fn middle(columns: &Range<usize>) -> usize {
    columns.start + (columns.len() / 2).next_multiple_of(TILE)
}

/// Finishes column j, given those from `first` on.
fn finish(entries: &mut [f64], n: usize, first: usize, j: usize) -> bool {
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
    packed: &mut Vec<Four>,
) {
    if left.is_empty() {
        return;
    }
    pack(entries, n, left.start..n, done.clone(), packed);
    let (depth, corner) = (done.len(), left.start);
    let columns = left.len().div_ceil(TILE);
    for stripe in (0..columns).step_by(STRIPE) {
        for i in stripe..(n - corner).div_ceil(TILE) {
            for j in stripe..columns.min(stripe + STRIPE).min(i + 1) {
                let (rows, row) = (tile(packed, depth, i), corner + TILE * i);
                let (others, column) = (tile(packed, depth, j), corner + TILE * j);
                if i > j && row + TILE <= n && column + TILE <= left.end {
                    subtract_tile(entries, n, row, column, rows, others);
                } else {
                    let lower = |r: usize, c: usize| r >= c && r < n && c < left.end;
                    subtract_part(entries, n, row, column, rows, others, lower);
                }
            }
        }
    }
}

/// [`factor`] for right-hand sides.
fn substitute(lower: &[f64], n: usize, entries: &mut [f64], m: usize, columns: Range<usize>) {
    if columns.len() > NARROW {
        let middle = middle(&columns);
        substitute(lower, n, entries, m, columns.start..middle);
        subtract_from_rows(lower, n, entries, m, columns.start..middle, middle..columns.end);
        return substitute(lower, n, entries, m, middle..columns.end);
    }
    for j in columns.clone() {
        let (earlier, rest) = entries.split_at_mut(j * m);
        let column = &mut rest[..m];
        for k in columns.start..j {
            let factor = lower[k * n + j];
            for (entry, other) in column.iter_mut().zip(&earlier[k * m..(k + 1) * m]) {
                *entry -= factor * other;
            }
        }
        for entry in column.iter_mut() {
            *entry /= lower[j * n + j];
        }
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
) {
    let (mut packed, mut others) = (Vec::new(), Vec::new());
    pack(entries, m, 0..m, done.clone(), &mut packed);
    pack(lower, n, left.clone(), done.clone(), &mut others);
    for j in 0..left.len().div_ceil(TILE) {
        for i in 0..m.div_ceil(TILE) {
            let (rows, row) = (tile(&packed, done.len(), i), TILE * i);
            let (others, column) = (tile(&others, done.len(), j), left.start + TILE * j);
            if row + TILE <= m && column + TILE <= left.end {
                subtract_tile(entries, m, row, column, rows, others);
            } else {
                let within = |r: usize, c: usize| r < m && c < left.end;
                subtract_part(entries, m, row, column, rows, others, within);
            }
        }
    }
}

/// Some rows of some columns, in tiles of rows, each column after column; zeros beyond the last row.
fn pack(entries: &[f64], stride: usize, rows: Range<usize>, columns: Range<usize>, packed: &mut Vec<Four>) {
    let depth = columns.len();
    packed.resize(rows.len().div_ceil(TILE) * depth, [0.0; TILE]);
    for (k, column) in columns.enumerate() {
        let column = &entries[column * stride..][rows.clone()];
        let (fours, rest) = column.as_chunks::<TILE>();
        for (i, four) in fours.iter().enumerate() {
            packed[i * depth + k] = *four;
        }
        if !rest.is_empty() {
            let last = &mut packed[fours.len() * depth + k];
            *last = [0.0; TILE];
            last[..rest.len()].copy_from_slice(rest);
        }
    }
}

fn tile(packed: &[Four], depth: usize, i: usize) -> &[Four] {
    &packed[i * depth..(i + 1) * depth]
}

/// Subtracts products from a whole tile.
fn subtract_tile(
    entries: &mut [f64],
    stride: usize,
    row: usize,
    column: usize,
    rows: &[Four],
    others: &[Four],
) {
    let mut kept = [[0.0; TILE]; TILE];
    for (j, kept) in kept.iter_mut().enumerate() {
        kept.copy_from_slice(&entries[(column + j) * stride + row..][..TILE]);
    }
    let kept = differences(kept, rows, others);
    for (j, kept) in kept.iter().enumerate() {
        entries[(column + j) * stride + row..][..TILE].copy_from_slice(kept);
    }
}

/// Subtracts products from some entries of a tile.
fn subtract_part(
    entries: &mut [f64],
    stride: usize,
    row: usize,
    column: usize,
    rows: &[Four],
    others: &[Four],
    is_wanted: impl Fn(usize, usize) -> bool,
) {
    let wanted = || {
        let all = (0..TILE).flat_map(|j| (0..TILE).map(move |i| (i, j)));
        all.filter(|(i, j)| is_wanted(row + i, column + j))
    };
    let mut kept = [[0.0; TILE]; TILE];
    for (i, j) in wanted() {
        kept[j][i] = entries[(column + j) * stride + row + i];
    }
    let kept = differences(kept, rows, others);
    for (i, j) in wanted() {
        entries[(column + j) * stride + row + i] = kept[j][i];
    }
}

/// The inner loop: kept − Σ_k rowsₖ othersₖᵀ, one k after the other.
fn differences(mut kept: [Four; TILE], rows: &[Four], others: &[Four]) -> [Four; TILE] {
    for (row, other) in rows.iter().zip(others) {
        for (kept, factor) in kept.iter_mut().zip(other) {
            for (entry, value) in kept.iter_mut().zip(row) {
                *entry -= factor * value;
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::stream::Streams;

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
        for n in [PANEL - 1, PANEL, PANEL + 1, 2 * PANEL + 7, 300] {
            let matrix = symmetric(n, 0.1, n as u64);
            let known = Cholesky::new(matrix.clone()).unwrap();
            assert!(bits(&cholesky(matrix).unwrap()) == bits(&known), "{n}");
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

    proptest! {
        #[test]
        fn small_matrices_have_the_bits_of_the_unblocked_factor(n in 0_usize..40, ridge in 0.0..1.0, seed in 0_u64..100) {
            let matrix = symmetric(n, ridge, seed);
            let (found, known) = (cholesky(matrix.clone()), Cholesky::new(matrix));
            prop_assert_eq!(found.as_ref().map(bits), known.as_ref().map(bits));
        }
    }
}
