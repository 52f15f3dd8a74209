//! The nearest of many points.
//!
//! The search is that of the `kdtree` crate. Which of several points at the same distance a search
//! comes upon first depends on how its tree was built, so all of them are asked for, and the lowest
//! index answers: the answer is that of a scan over all points, to the bit. It is so because the
//! squared distance is summed from left to right, and is therefore monotone in every coordinate's
//! difference even after rounding, so that no box of the tree is ever taken to be farther than a
//! point in it.

use kdtree::KdTree;

/// Largest size of a coordinate: squared differences stay finite.
pub const LARGEST: f64 = 1e150;

/// Points in R^d, ready to be searched.
#[derive(Clone, Debug)]
pub struct Neighbours {
    tree: KdTree<f64, usize, Vec<f64>>,
    dimension: usize,
}

/// A nearest point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Its index among the points; the lowest if several are equally near.
    pub index: usize,
    /// Its squared Euclidean distance from the query.
    pub squared: f64,
}

/// Why points cannot be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeighboursError {
    /// There is nothing to find.
    #[error("there are no points")]
    Empty,
    /// A point, or the query, has another number of coordinates than the first point, or none.
    #[error("a point has {found} coordinates instead of {expected}")]
    Dimension {
        /// Coordinates of the first point.
        expected: usize,
        /// Coordinates of this one.
        found: usize,
    },
    /// A coordinate is no finite number, or larger than [`LARGEST`].
    #[error("a coordinate is not finite, or exceeds {LARGEST:e} in size")]
    Coordinate,
}

impl Neighbours {
    /// Takes the points in, in O(n log n) for points in general position.
    ///
    /// # Errors
    /// [`NeighboursError`].
    pub fn new(points: impl IntoIterator<Item = Vec<f64>>) -> Result<Self, NeighboursError> {
        let mut points = points.into_iter().peekable();
        let dimension = points.peek().ok_or(NeighboursError::Empty)?.len();
        if dimension == 0 {
            return Err(NeighboursError::Dimension { expected: 1, found: 0 });
        }
        let mut tree = KdTree::new(dimension);
        for (index, point) in points.enumerate() {
            checked(&point, dimension)?;
            tree.add(point, index).map_err(|_| NeighboursError::Coordinate)?;
        }
        Ok(Self { tree, dimension })
    }

    /// The point nearest to a query; of several at the same distance the one of lowest index.
    ///
    /// # Errors
    /// [`NeighboursError`] for a query of another dimension, or one too large.
    pub fn nearest(&self, query: &[f64]) -> Result<Neighbour, NeighboursError> {
        checked(query, self.dimension)?;
        let mut nearer = self
            .tree
            .iter_nearest(query, &squared_distance)
            .map_err(|_| NeighboursError::Coordinate)?
            .map(|(squared, index)| Neighbour { index: *index, squared });
        let first = nearer.next().ok_or(NeighboursError::Empty)?;
        let ties = nearer.take_while(|other| other.squared == first.squared);
        Ok(ties.fold(first, |best, other| if other.index < best.index { other } else { best }))
    }
}

fn checked(point: &[f64], expected: usize) -> Result<(), NeighboursError> {
    if point.len() != expected {
        return Err(NeighboursError::Dimension { expected, found: point.len() });
    }
    // Written so that NaN fails.
    if point.iter().all(|x| x.abs() <= LARGEST) { Ok(()) } else { Err(NeighboursError::Coordinate) }
}

/// Σ (xᵢ − yᵢ)², from left to right.
#[must_use]
pub fn squared_distance(x: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(y).fold(0.0, |total, (a, b)| total + (a - b) * (a - b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*, sample::select};

    /// The first of the nearest points, by looking at all of them.
    fn scan(points: &[Vec<f64>], query: &[f64]) -> Neighbour {
        let squared = |index: usize| squared_distance(&points[index], query);
        (0..points.len())
            .map(|index| Neighbour { index, squared: squared(index) })
            .reduce(|best, other| if other.squared < best.squared { other } else { best })
            .unwrap()
    }

    /// Coordinates that coincide, almost coincide, and differ by many orders of magnitude.
    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => select(vec![-1.0, -0.5, 0.0, 0.5, 1.0]),
            2 => -1.0..1.0_f64,
            1 => select(vec![-0.0, 1.0 + f64::EPSILON, 1.0 - f64::EPSILON, 5e-324, -1e-160]),
            1 => (-300.0..149.0_f64).prop_map(|e| libm::pow(10.0, e)),
            1 => select(vec![LARGEST, -LARGEST]),
        ]
    }

    fn clouds() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<f64>)> {
        (1_usize..5).prop_flat_map(|d| (vec(vec(coordinate(), d), 1..80), vec(coordinate(), d)))
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]
        #[test]
        fn the_answer_is_that_of_a_scan((points, query) in clouds()) {
            let found = Neighbours::new(points.iter().cloned()).unwrap().nearest(&query).unwrap();
            prop_assert_eq!(found, scan(&points, &query));
        }

        #[test]
        fn equal_points_answer_by_the_lowest_index(copies in 1_usize..60, others in vec(1.0..2.0_f64, 0..40)) {
            let shared = others.iter().copied().chain(vec![0.5; copies]).map(|x| vec![x, x]);
            let found = Neighbours::new(shared).unwrap().nearest(&[0.4, 0.5]).unwrap();
            prop_assert_eq!(found.index, others.len());
        }
    }

    #[test]
    fn large_clouds_with_ties_are_searched_rightly() {
        let lattice: Vec<Vec<f64>> = (0..4096_u32)
            .map(|i| vec![f64::from(i % 16), f64::from(i / 16 % 16), f64::from(i % 3)])
            .collect();
        let tree = Neighbours::new(lattice.iter().cloned()).unwrap();
        for i in 0..64_u32 {
            // Midway between points of the lattice, where many are equally near.
            let query = [f64::from(i % 9) + 0.5, f64::from(i / 5) + 0.5, 0.5];
            assert_eq!(tree.nearest(&query).unwrap(), scan(&lattice, &query));
        }
    }

    #[test]
    fn what_cannot_be_searched_is_refused() {
        let of = |points: Vec<Vec<f64>>| Neighbours::new(points).map(|_| ());
        assert_eq!(of(vec![]), Err(NeighboursError::Empty));
        assert_eq!(of(vec![vec![]]), Err(NeighboursError::Dimension { expected: 1, found: 0 }));
        let ragged = vec![vec![0.0], vec![0.0, 1.0]];
        assert_eq!(of(ragged), Err(NeighboursError::Dimension { expected: 1, found: 2 }));
        for bad in [f64::NAN, f64::INFINITY, 1e151] {
            assert_eq!(of(vec![vec![bad]]), Err(NeighboursError::Coordinate));
            let tree = Neighbours::new(vec![vec![0.0]]).unwrap();
            assert_eq!(tree.nearest(&[bad]), Err(NeighboursError::Coordinate));
        }
    }
}
