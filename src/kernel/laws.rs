//! Laws on 0 … n − 1 that are drawn from often, prepared for it.

use super::{stream::Stream, tokens::Rows};

/// Laws on 0 … n − 1, one a row, as their cumulative sums.
///
/// A draw takes one uniform number and gives what [`Stream::categorical`] makes of the same number and row:
/// the smallest i with w₀ + … + wᵢ > u, summed in the same order, and the last index where rounding leaves
/// none. It is found by counting the sums that u has passed, so no jump depends on the outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Laws {
    /// n − 1: the last sum is never asked for.
    sums: usize,
    /// w₀, w₀ + w₁, … of every row, all but the last.
    cumulative: Vec<f64>,
}

impl Laws {
    /// The laws of a table whose rows are nonnegative and sum to one.
    #[must_use]
    pub fn of(rows: &Rows) -> Self {
        let sums = rows.width().saturating_sub(1);
        let mut cumulative = Vec::with_capacity(rows.count() * sums);
        for row in rows.iter() {
            let mut total = 0.0;
            cumulative.extend(row.iter().take(sums).map(|weight| {
                total += weight;
                total
            }));
        }
        Self { sums, cumulative }
    }

    /// A draw from a row; 0 for laws on nothing or on 0 alone.
    #[inline]
    pub fn draw(&self, row: usize, stream: &mut Stream) -> usize {
        let u = stream.uniform();
        let sums = &self.cumulative[row * self.sums..(row + 1) * self.sums];
        sums.iter().filter(|sum| **sum <= u).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::stream::Streams;

    proptest! {
        /// Rows with zeros anywhere, and sums just below one.
        #[test]
        fn draws_are_those_of_the_rows(
            weights in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1.0], 1..24),
            short in prop_oneof![Just(1.0), Just(0.9)],
            seed in any::<u64>(),
        ) {
            let total: f64 = weights.iter().sum::<f64>().max(1e-9);
            let row: Vec<f64> = weights.iter().map(|w| short * w / total).collect();
            let laws = Laws::of(&Rows::from_fn(2, row.len(), |_, i| row[i]));
            let (mut one, mut other) =
                (Streams::from_seed(seed).stream("draws"), Streams::from_seed(seed).stream("draws"));
            for _ in 0..200 {
                prop_assert_eq!(laws.draw(1, &mut one), other.categorical(&row));
            }
        }
    }
}
