//! The distance of a state and an action from a dataset.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::neighbours::{Neighbour, Neighbours, NeighboursError, squared_distance},
    papers::leaf::Failure,
};

/// Largest size of a number that an input may have.
pub const LARGEST: f64 = 1e30;

/// A state and an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// s ∈ R^{d_s}, normalised.
    pub state: Vec<f64>,
    /// a ∈ R^{d_a}.
    pub action: Vec<f64>,
}

impl Pair {
    /// (w_s s)⊕(w_a a).
    fn embedded(&self, (state, action): (f64, f64)) -> Vec<f64> {
        let states = self.state.iter().map(|s| state * s);
        states.chain(self.action.iter().map(|a| action * a)).collect()
    }
}

/// The pairs of a dataset; rewards and successors play no part in the constraint.
pub type Dataset = Vec<Pair>;

/// The nearest pair of a dataset.
#[derive(Clone, Copy, Debug)]
pub struct Nearest<'a> {
    /// Its index; the lowest of those at the same distance.
    pub index: usize,
    /// d_β.
    pub distance: f64,
    /// (ŝ, â).
    pub pair: &'a Pair,
}

/// The point-to-set distance d_β of a dataset.
pub struct Constraint<'a> {
    data: &'a [Pair],
    rows: Vec<Vec<f64>>,
    tree: Neighbours,
    weights: (f64, f64),
    farthest: bool,
}

impl<'a> Constraint<'a> {
    /// Embeds the dataset with a weight β ≥ 0 on states, and builds the tree.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for an empty or ragged dataset, numbers beyond [`LARGEST`], or a β that is
    /// negative or beyond it.
    pub fn new(data: &'a [Pair], beta: f64, fault: Option<Fault>) -> Result<Self, Failure> {
        if !(0.0..=LARGEST).contains(&beta) {
            return Err(Failure::invalid(format!("`beta` must lie between 0 and {LARGEST:e}")));
        }
        let first = data.first().ok_or_else(|| Failure::invalid("the dataset is empty"))?;
        if first.state.is_empty() || first.action.is_empty() {
            return Err(Failure::invalid("states and actions need a coordinate"));
        }
        for pair in data {
            check(pair, first)?;
        }
        let weights = match fault {
            Some(Fault::UnscaledState) => (1.0, 1.0),
            Some(Fault::BetaOnAction) => (1.0, beta),
            Some(Fault::CloneNearestState) => (1.0, 0.0),
            _ => (beta, 1.0),
        };
        let rows: Vec<Vec<f64>> = data.iter().map(|pair| pair.embedded(weights)).collect();
        let tree = Neighbours::new(rows.iter().cloned()).map_err(unsearchable)?;
        Ok(Self { data, rows, tree, weights, farthest: fault == Some(Fault::MaxDistance) })
    }

    /// d_β(s, a) and (ŝ, â).
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a pair of other dimensions than the dataset's, or too large.
    pub fn nearest(&self, pair: &Pair) -> Result<Nearest<'a>, Failure> {
        check(pair, &self.data[0])?;
        let query = pair.embedded(self.weights);
        let Neighbour { index, squared } = if self.farthest {
            self.farthest_from(&query)
        } else {
            self.tree.nearest(&query).map_err(unsearchable)?
        };
        Ok(Nearest { index, distance: squared.sqrt(), pair: &self.data[index] })
    }

    fn farthest_from(&self, query: &[f64]) -> Neighbour {
        let start = Neighbour { index: 0, squared: squared_distance(&self.rows[0], query) };
        self.rows.iter().enumerate().fold(start, |best, (index, row)| {
            let squared = squared_distance(row, query);
            if squared > best.squared { Neighbour { index, squared } } else { best }
        })
    }
}

fn unsearchable(error: NeighboursError) -> Failure {
    Failure::invalid(error.to_string())
}

/// Holds a pair to the dimensions of another, and its numbers to a size.
fn check(pair: &Pair, like: &Pair) -> Result<(), Failure> {
    if pair.state.len() != like.state.len() || pair.action.len() != like.action.len() {
        return Err(Failure::invalid(format!(
            "a pair of dimensions {} and {} among pairs of dimensions {} and {}",
            pair.state.len(),
            pair.action.len(),
            like.state.len(),
            like.action.len()
        )));
    }
    if pair.state.iter().chain(&pair.action).all(|x| x.abs() <= LARGEST) {
        Ok(())
    } else {
        Err(Failure::invalid(format!("states and actions must be finite, and at most {LARGEST:e} in size")))
    }
}

/// Euclidean distance ‖x − y‖.
#[must_use]
pub fn distance(x: &[f64], y: &[f64]) -> f64 {
    squared_distance(x, y).sqrt()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::kernel::splitmix::SplitMix64;
    use approx::assert_relative_eq;

    /// `n` pairs with coordinates 2u − 1 in row order, states first.
    pub fn drawn(stream: &mut SplitMix64, n: usize, [states, actions]: [usize; 2]) -> Dataset {
        let mut row = |d: usize| (0..d).map(|_| stream.uniform_in(-1.0, 1.0)).collect();
        (0..n).map(|_| Pair { state: row(states), action: row(actions) }).collect()
    }

    /// In how many of a hundred drawn datasets of 50 pairs something holds at a pair drawn after them.
    pub fn of_a_hundred(mut holds: impl FnMut(&[Pair], &Pair) -> bool) -> usize {
        (0..100)
            .filter(|seed| {
                let mut stream = SplitMix64::new(*seed);
                let data = drawn(&mut stream, 50, [2, 2]);
                holds(&data, &drawn(&mut stream, 1, [2, 2])[0])
            })
            .count()
    }

    fn line(pairs: &[(f64, f64)]) -> Dataset {
        pairs.iter().map(|(s, a)| Pair { state: vec![*s], action: vec![*a] }).collect()
    }

    #[test]
    fn beta_decides_how_far_to_look() {
        let data = line(&[(0.0, -1.0), (1.0, 0.9)]);
        let at = |beta| {
            let pair = Pair { state: vec![0.1], action: vec![0.8] };
            let constraint = Constraint::new(&data, beta, None).unwrap();
            let nearest = constraint.nearest(&pair).unwrap();
            (nearest.index, nearest.distance)
        };
        // Squared: 1.8² + (0.1β)² against 0.1² + (0.9β)², equal at β = √(3.23/0.8).
        assert_eq!(at(2.0).0, 1);
        assert_relative_eq!(at(2.0).1, (0.01_f64 + 3.24).sqrt(), epsilon = 1e-15);
        assert_eq!(at(2.02).0, 0);
        assert_relative_eq!(at(0.0).1, 0.1, epsilon = 1e-15);
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        let data = line(&[(5.0, 5.0), (0.0, 1.0), (0.0, -1.0), (0.0, 1.0)]);
        let nearest = |action| {
            let pair = Pair { state: vec![0.0], action: vec![action] };
            Constraint::new(&data, 1.0, None).unwrap().nearest(&pair).unwrap().index
        };
        assert_eq!([nearest(0.0), nearest(0.5), nearest(-0.5)], [1, 1, 2]);
    }

    #[test]
    fn bad_datasets_are_refused() {
        let good = line(&[(0.0, 0.0)]);
        assert!(Constraint::new(&[], 1.0, None).is_err());
        assert!(Constraint::new(&good, -1.0, None).is_err());
        assert!(Constraint::new(&good, f64::NAN, None).is_err());
        assert!(Constraint::new(&line(&[(f64::INFINITY, 0.0)]), 1.0, None).is_err());
        let ragged = vec![good[0].clone(), Pair { state: vec![0.0, 1.0], action: vec![0.0] }];
        assert!(Constraint::new(&ragged, 1.0, None).is_err());
        assert!(Constraint::new(&good, 1.0, None).unwrap().nearest(&ragged[1]).is_err());
    }

    #[test]
    fn the_mistakes_show_in_most_drawn_datasets() {
        let index = |data: &[Pair], pair: &Pair, fault| {
            Constraint::new(data, 2.0, fault).unwrap().nearest(pair).unwrap().index
        };
        let differs =
            |fault| of_a_hundred(|data, pair| index(data, pair, None) != index(data, pair, Some(fault)));
        assert_eq!(differs(Fault::MaxDistance), 100);
        for fault in [Fault::UnscaledState, Fault::BetaOnAction, Fault::CloneNearestState] {
            assert!((20..=90).contains(&differs(fault)), "{fault:?}: {}", differs(fault));
        }
    }
}
