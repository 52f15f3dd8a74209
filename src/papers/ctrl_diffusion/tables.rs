//! Samples, contexts and labels in tables: what n offline triples say about p(x|c, y).
//!
//! Cells x = 0 … M − 1, contexts c = 0 … C − 1 (all equally likely), labels y = 0 … Y − 1. Three estimates
//! of p(x|c, y) from counts n(·) of triples (x, c, y):
//!
//! ```text
//! CTRL                      ∝ p_pre(x|c) p̂(y|x),     p̂(y|x)    = (n(x, y) + 1/Y)/(n(x) + 1)
//! joint classifier          ∝ p_pre(x|c) p̂(y|x, c),  p̂(y|x, c) = (n(x, c, y) + 1/Y)/(n(x, c) + 1)
//! classifier-free guidance  (n(x, c, y) + 1/M)/(n(c, y) + 1)
//! ```
//!
//! The first needs y ⟂ c given x, and may then use pairs (x, y) from anywhere. The last has to learn
//! p(x|c, y) as a whole, and does not know p_pre.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::{divergence::total_variation, math::sum, stream::Stream};

/// How p(x|c, y) is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Estimator {
    /// The pre-trained model times a classifier of pairs (x, y).
    Ctrl,
    /// The pre-trained model times a classifier of triples.
    JointClassifier,
    /// A conditional model of its own.
    ClassifierFree,
}

/// The truth. All rows are probabilities.
#[derive(Clone, Debug, PartialEq)]
pub struct World {
    /// p_pre(x|c), indexed \[c\]\[x\].
    pub prior: Vec<Vec<f64>>,
    /// p(y|x, c), indexed \[c\]\[x\]\[y\].
    pub labels: Vec<Vec<Vec<f64>>>,
}

/// Counts n(x, c, y), indexed \[c\]\[x\]\[y\].
#[derive(Clone, Debug, PartialEq)]
pub struct Counts(pub Vec<Vec<Vec<f64>>>);

impl World {
    /// p_pre(·|c) ~ Dirichlet(1) and p(·|x) ~ Dirichlet(½), the latter the same for all contexts.
    pub fn draw(
        shape: (usize, usize, usize),
        prior: &mut Stream,
        labels: &mut Stream,
        fault: Option<Fault>,
    ) -> Self {
        let (contexts, cells, classes) = shape;
        let mut table = || -> Vec<Vec<f64>> { (0..cells).map(|_| labels.dirichlet(classes, 0.5)).collect() };
        let shared = table();
        let labels = (0..contexts)
            .map(|_| if fault == Some(Fault::ViolatedIndependence) { table() } else { shared.clone() })
            .collect();
        Self { prior: (0..contexts).map(|_| prior.dirichlet(cells, 1.0)).collect(), labels }
    }

    /// n triples, c uniform.
    #[must_use]
    pub fn triples(&self, samples: usize, stream: &mut Stream) -> Counts {
        let mut counts: Vec<Vec<Vec<f64>>> =
            self.labels.iter().map(|rows| rows.iter().map(|row| vec![0.0; row.len()]).collect()).collect();
        for _ in 0..samples {
            let c = stream.below(self.prior.len());
            let x = stream.categorical(&self.prior[c]);
            let y = stream.categorical(&self.labels[c][x]);
            counts[c][x][y] += 1.0;
        }
        Counts(counts)
    }

    /// p(x|c, y), and p(y|c); uniform if the label is impossible.
    #[must_use]
    pub fn conditional(&self, c: usize, y: usize) -> (Vec<f64>, f64) {
        let weights: Vec<f64> =
            self.prior[c].iter().zip(&self.labels[c]).map(|(p, row)| p * row[y]).collect();
        (normalised(&weights), sum(weights))
    }

    /// p(y|x) with contexts mixed, indexed \[x\]\[y\]: what infinitely many pairs (x, y) show.
    #[must_use]
    pub fn pair_classifier(&self) -> Vec<Vec<f64>> {
        (0..self.prior[0].len())
            .map(|x| {
                let mixed = |y: usize| sum(self.prior.iter().zip(&self.labels).map(|(p, l)| p[x] * l[x][y]));
                normalised(&(0..self.labels[0][x].len()).map(mixed).collect::<Vec<f64>>())
            })
            .collect()
    }

    /// Total variation between estimates, indexed \[c\]\[y\]\[x\], and p(x|c, y): averaged over contexts
    /// and, with p(y|c), over labels.
    #[must_use]
    pub fn error(&self, estimates: &[Vec<Vec<f64>>]) -> f64 {
        let terms = estimates.iter().enumerate().flat_map(|(c, rows)| {
            rows.iter().enumerate().map(move |(y, estimate)| {
                let (truth, weight) = self.conditional(c, y);
                weight * total_variation(estimate, &truth)
            })
        });
        sum(terms) / self.prior.len() as f64
    }
}

impl Counts {
    /// The estimates of p(x|c, y), indexed \[c\]\[y\]\[x\].
    #[must_use]
    pub fn estimates(
        &self,
        prior: &[Vec<f64>],
        estimator: Estimator,
        fault: Option<Fault>,
    ) -> Vec<Vec<Vec<f64>>> {
        let (cells, labels) = (self.0[0].len(), self.0[0][0].len());
        let pairs: Vec<Vec<f64>> = (0..cells)
            .map(|x| (0..labels).map(|y| sum(self.0.iter().map(|rows| rows[x][y]))).collect())
            .collect();
        let estimate = |c: usize, y: usize| -> Vec<f64> {
            let weight = |x: usize| match estimator {
                Estimator::Ctrl => {
                    let prior = if fault == Some(Fault::IgnorePrior) { 1.0 } else { prior[c][x] };
                    prior * smoothed(&pairs[x], y)
                }
                Estimator::JointClassifier => prior[c][x] * smoothed(&self.0[c][x], y),
                Estimator::ClassifierFree => self.0[c][x][y] + 1.0 / cells as f64,
            };
            normalised(&(0..cells).map(weight).collect::<Vec<f64>>())
        };
        (0..self.0.len()).map(|c| (0..labels).map(|y| estimate(c, y)).collect()).collect()
    }
}

/// (n(y) + 1/Y)/(n + 1).
fn smoothed(counts: &[f64], y: usize) -> f64 {
    (counts[y] + 1.0 / counts.len() as f64) / (sum(counts.iter().copied()) + 1.0)
}

/// Weights over their sum; uniform if all are zero.
pub fn normalised(weights: &[f64]) -> Vec<f64> {
    let total = sum(weights.iter().copied());
    let uniform = 1.0 / weights.len() as f64;
    weights.iter().map(|w| if total > 0.0 { w / total } else { uniform }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn estimates_by_hand() {
        // One context, two cells; three triples: (x = 0, y = 0) twice and (x = 1, y = 1).
        let counts = Counts(vec![vec![vec![2.0, 0.0], vec![0.0, 1.0]]]);
        let of = |estimator| counts.estimates(&[vec![0.25, 0.75]], estimator, None)[0][0][0];
        // p̂(0|x) is 2.5/3 and 0.5/2: weights 0.25 · 5/6 and 0.75 · 1/4.
        assert_relative_eq!(of(Estimator::Ctrl), 10.0 / 19.0, epsilon = 1e-15);
        assert_relative_eq!(of(Estimator::JointClassifier), of(Estimator::Ctrl));
        assert_relative_eq!(of(Estimator::ClassifierFree), 2.5 / 3.0, epsilon = 1e-15);
    }
}
