//! Products of matrices, subtracted tile by tile in the widest registers that there are, to the bits of the narrowest.
//!
//! An entry sees its products one after the other, in a fixed order, and every product and difference is rounded by
//! itself: nothing is fused, and no sum is split. How many entries are worked on side by side is then free, and left
//! to the processor at hand: two registers of rows times four columns are kept in registers for the length of the sum.

use std::ops::Range;

use super::wide::{Level, Simd, SimdBase, dispatch};

/// Rows and columns of a tile.
pub(super) const TILE: usize = 16;
/// Columns whose sums are in registers at a time.
const COLUMNS: usize = 4;
/// Tiles of columns that are kept in the cache while rows pass by.
const STRIPE: usize = 16;

/// A column of a tile.
type Lanes = [f64; TILE];

/// Some rows of some columns of a matrix, in tiles of rows, each column after column; zeros beyond the last row.
#[derive(Debug, Default)]
pub(super) struct Packed {
    tiles: Vec<Lanes>,
    depth: usize,
}

impl Packed {
    /// Takes the rows and columns of a matrix that is stored column after column, so many numbers each.
    pub(super) fn fill(&mut self, entries: &[f64], stride: usize, rows: Range<usize>, columns: Range<usize>) {
        let depth = columns.len();
        self.depth = depth;
        self.tiles.resize(rows.len().div_ceil(TILE) * depth, [0.0; TILE]);
        for (k, column) in columns.enumerate() {
            let column = &entries[column * stride..][rows.clone()];
            let (whole, rest) = column.as_chunks::<TILE>();
            for (i, lanes) in whole.iter().enumerate() {
                self.tiles[i * depth + k] = *lanes;
            }
            if !rest.is_empty() {
                let last = &mut self.tiles[whole.len() * depth + k];
                *last = [0.0; TILE];
                last[..rest.len()].copy_from_slice(rest);
            }
        }
    }

    fn tile(&self, i: usize) -> &[Lanes] {
        &self.tiles[i * self.depth..(i + 1) * self.depth]
    }
}

/// Rows and columns of a matrix that is stored column after column.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) entries: &'a mut [f64],
    /// Rows of the matrix.
    pub(super) stride: usize,
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    /// Whether only entries on and below the diagonal of the matrix are meant.
    pub(super) is_lower: bool,
}

impl Block<'_> {
    /// Subtracts Σ_k aᵢₖ bⱼₖ from entry (i, j), one k after the other: A has the rows of the block, B its columns.
    pub(super) fn subtract(&mut self, a: &Packed, b: &Packed) {
        self.subtract_at(Level::new(), a, b);
    }

    fn subtract_at(&mut self, level: Level, a: &Packed, b: &Packed) {
        dispatch!(level, simd => self.subtract_with(simd, a, b));
    }

    #[inline(always)]
    fn subtract_with<S: Simd>(&mut self, simd: S, a: &Packed, b: &Packed) {
        let (rows, columns) = (self.rows.len().div_ceil(TILE), self.columns.len().div_ceil(TILE));
        for stripe in (0..columns).step_by(STRIPE) {
            for i in 0..rows {
                for j in stripe..columns.min(stripe + STRIPE) {
                    self.subtract_tile(simd, [i, j], a.tile(i), b.tile(j));
                }
            }
        }
    }

    #[inline(always)]
    fn subtract_tile<S: Simd>(&mut self, simd: S, [i, j]: [usize; 2], rows: &[Lanes], others: &[Lanes]) {
        let (row, column) = (self.rows.start + TILE * i, self.columns.start + TILE * j);
        let (end, last) = (self.rows.end.min(row + TILE), self.columns.end.min(column + TILE));
        let is_whole = end == row + TILE && last == column + TILE && !(self.is_lower && row + 1 < last);
        if is_whole {
            let kept = &mut self.entries[column * self.stride + row..];
            return subtract_products(simd, kept, self.stride, rows, others);
        }
        if self.is_lower && end <= column {
            return;
        }
        // The wanted part, in a tile of its own.
        let mut kept = [0.0; TILE * TILE];
        let wanted = |c: usize| {
            let first = if self.is_lower { row.max(c).min(end) } else { row };
            let (there, here) = (c * self.stride, (c - column) * TILE);
            (there + first..there + end, here + first - row..here + end - row)
        };
        for (there, here) in (column..last).map(wanted) {
            kept[here].copy_from_slice(&self.entries[there]);
        }
        subtract_products(simd, &mut kept, TILE, rows, others);
        for (there, here) in (column..last).map(wanted) {
            self.entries[there].copy_from_slice(&kept[here]);
        }
    }
}

/// Subtracts products from a whole tile, the columns of which are so far apart.
#[inline(always)]
fn subtract_products<S: Simd>(simd: S, kept: &mut [f64], stride: usize, rows: &[Lanes], others: &[Lanes]) {
    for c in (0..TILE).step_by(COLUMNS) {
        for r in (0..TILE).step_by(2 * S::f64s::LEN) {
            accumulate(simd, &mut kept[c * stride + r..], stride, [r, c], rows, others);
        }
    }
}

/// The inner loop, for two registers of rows from r on and four columns from c on.
#[inline(always)]
fn accumulate<S: Simd>(
    simd: S,
    kept: &mut [f64],
    stride: usize,
    [r, c]: [usize; 2],
    rows: &[Lanes],
    others: &[Lanes],
) {
    let width = S::f64s::LEN;
    assert!(r + 2 * width <= TILE && c + COLUMNS <= TILE, "a place in the tile");
    let mut sums = [[S::f64s::splat(simd, 0.0); 2]; COLUMNS];
    for (j, sums) in sums.iter_mut().enumerate() {
        for (v, sum) in sums.iter_mut().enumerate() {
            *sum = S::f64s::from_slice(simd, &kept[j * stride + v * width..][..width]);
        }
    }
    for (row, other) in rows.iter().zip(others) {
        let low = S::f64s::from_slice(simd, &row[r..r + width]);
        let high = S::f64s::from_slice(simd, &row[r + width..r + 2 * width]);
        for (sums, factor) in sums.iter_mut().zip(&other[c..c + COLUMNS]) {
            let factor = S::f64s::splat(simd, *factor);
            sums[0] -= factor * low;
            sums[1] -= factor * high;
        }
    }
    for (j, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            sum.store_slice(&mut kept[j * stride + v * width..][..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{stream::Streams, wide::levels};

    proptest! {
        /// Whatever the registers, the bits are those of one entry after the other; and nothing else is touched.
        #[test]
        fn the_bits_are_those_of_plain_loops(
            (first, rows, columns) in (0_usize..5, 0_usize..70, 0_usize..70),
            depth in 0_usize..20,
            is_lower: bool,
            seed in 0_u64..1000,
        ) {
            let mut stream = Streams::from_seed(seed).stream("tiles");
            let mut numbers = |count: usize| (0..count).map(|_| stream.normal()).collect::<Vec<_>>();
            let (stride, wide) = (first + rows + 3, first + columns + 2);
            let (entries, a, b) = (numbers(stride * wide), numbers(rows * depth), numbers(columns * depth));
            let mut known = entries.clone();
            for c in 0..columns {
                for r in 0..rows {
                    if !is_lower || r >= c {
                        for k in 0..depth {
                            known[(first + c) * stride + first + r] -= b[k * columns + c] * a[k * rows + r];
                        }
                    }
                }
            }
            let (mut packed, mut others) = (Packed::default(), Packed::default());
            packed.fill(&a, rows, 0..rows, 0..depth);
            others.fill(&b, columns, 0..columns, 0..depth);
            for (name, level) in levels() {
                let mut entries = entries.clone();
                let block = Block {
                    entries: &mut entries,
                    stride,
                    rows: first..first + rows,
                    columns: first..first + columns,
                    is_lower,
                };
                { block }.subtract_at(level, &packed, &others);
                let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                prop_assert!(bits(&entries) == bits(&known), "{name}");
            }
        }
    }
}
