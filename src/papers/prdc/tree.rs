//! The k-d tree of the algorithm, which counts the nodes that it visits.
//!
//! Every node is a point, splits the rest at its own coordinate, and the coordinates take turns
//! (Bentley, CACM 18, 1975). A search descends to the side of the query first, and on the way back
//! looks at the other side if the split is not farther away than the best point so far (Friedman,
//! Bentley and Finkel, ACM TOMS 3, 1977).

use super::Fault;
use crate::kernel::neighbours::{Neighbour, squared_distance};

/// A balanced k-d tree: the node of a range of `order` is its middle, the two sides are what is before
/// and after it.
pub struct Tree<'a> {
    points: &'a [Vec<f64>],
    order: Vec<usize>,
}

/// What a search found, and what it cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The nearest point, if there is any.
    pub found: Option<Neighbour>,
    /// Nodes visited.
    pub visits: u64,
}

impl<'a> Tree<'a> {
    /// Builds the tree of points in R^d, d ≥ 1, all of the same dimension and without NaN.
    #[must_use]
    pub fn new(points: &'a [Vec<f64>]) -> Self {
        let mut order: Vec<usize> = (0..points.len()).collect();
        split(points, &mut order, 0);
        Self { points, order }
    }

    /// The nearest point to a query of the same dimension; of several the one of lowest index.
    #[must_use]
    pub fn nearest(&self, query: &[f64], fault: Option<Fault>) -> Search {
        let mut search = Search { found: None, visits: 0 };
        self.visit(&self.order, 0, query, fault, &mut search);
        search
    }

    fn visit(&self, range: &[usize], depth: usize, query: &[f64], fault: Option<Fault>, search: &mut Search) {
        let middle = range.len() / 2;
        let Some(&index) = range.get(middle) else { return };
        search.visits += 1;
        let point = &self.points[index];
        let squared = squared_distance(point, query);
        if search.found.is_none_or(|best| (squared, index) < (best.squared, best.index)) {
            search.found = Some(Neighbour { index, squared });
        }
        let axis = depth % query.len();
        let offset = query[axis] - point[axis];
        let (before, after) = (&range[..middle], &range[middle + 1..]);
        let (near, far) = if offset < 0.0 { (before, after) } else { (after, before) };
        self.visit(near, depth + 1, query, fault, search);
        let look = match fault {
            Some(Fault::NoBacktracking) => false,
            Some(Fault::NoPruning) => true,
            // A tie beyond the split may have a lower index.
            _ => search.found.is_none_or(|best| offset * offset <= best.squared),
        };
        if look {
            self.visit(far, depth + 1, query, fault, search);
        }
    }
}

/// Puts the median of every range in its middle. Points with equal coordinates are told apart by
/// index, so that the tree does not depend on how the median is selected.
fn split(points: &[Vec<f64>], range: &mut [usize], depth: usize) {
    if range.len() < 2 {
        return;
    }
    let axis = depth % points[range[0]].len();
    let (before, _, after) = range.select_nth_unstable_by(range.len() / 2, |a, b| {
        points[*a][axis].total_cmp(&points[*b][axis]).then(a.cmp(b))
    });
    split(points, before, depth + 1);
    split(points, after, depth + 1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::prdc::constraint::tests::of_a_hundred;

    #[test]
    fn a_small_tree_by_hand() {
        let points: Vec<Vec<f64>> = [2.0, 0.0, 1.0, 4.0, 3.0].iter().map(|x| vec![*x]).collect();
        let tree = Tree::new(&points);
        // The root is 2; its sides are {0, 1} with root 1 and {3, 4} with root 4.
        let exact = tree.nearest(&[2.9], None);
        assert_eq!((exact.found.unwrap().index, exact.visits), (4, 3));
        // The root itself is as near as its split: the other side may hold a tie.
        assert_eq!(tree.nearest(&[1.6], None).visits, 4);
        assert_eq!(tree.nearest(&[1.6], Some(Fault::NoBacktracking)).found.unwrap().index, 0);
        assert_eq!(tree.nearest(&[1.6], Some(Fault::NoPruning)).visits, 5);
        assert_eq!(Tree::new(&[]).nearest(&[0.0], None), Search { found: None, visits: 0 });
    }

    #[test]
    fn one_descent_finds_a_wrong_neighbour_in_many_drawn_datasets() {
        let wrong = |fault| {
            of_a_hundred(|data, pair| {
                let row = |p: &super::super::Pair| [p.state.clone(), p.action.clone()].concat();
                let points: Vec<Vec<f64>> = data.iter().map(row).collect();
                let tree = Tree::new(&points);
                tree.nearest(&row(pair), fault).found
                    != tree.nearest(&row(pair), Some(Fault::NoPruning)).found
            })
        };
        assert_eq!(wrong(None), 0);
        assert_eq!(wrong(Some(Fault::NoBacktracking)), 44);
    }
}
