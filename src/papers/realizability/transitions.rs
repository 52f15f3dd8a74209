//! Distributions of transitions, known or observed, and the losses that they define.

use nalgebra::{DMatrix, DVector};

use super::Fault;

/// Transitions (x, r, x′) between n pairs, as far as squared losses see them: the weight of each
/// (x, x′), and the weighted sum of its rewards. Weights sum to one: probabilities of the
/// population, or shares of the observations.
#[derive(Clone, Debug, PartialEq)]
pub struct Transitions {
    /// w(x, x′), n × n.
    pub weights: DMatrix<f64>,
    /// Weighted sum of the rewards of (x, x′), n × n.
    pub rewards: DMatrix<f64>,
}

impl Transitions {
    /// l(g, Q) = E (g(x) − r − γ Q(x′))² less E r², which neither g nor Q changes.
    pub fn loss(&self, g: &DVector<f64>, q: &DVector<f64>, discount: f64) -> f64 {
        let mut total = 0.0;
        for x in 0..g.len() {
            for next in 0..g.len() {
                let step = g[x] - discount * q[next];
                total += (self.weights[(x, next)] * step - 2.0 * self.rewards[(x, next)]) * step;
            }
        }
        total
    }

    /// Minimax loss L(Q) = max over g ∈ F of \[l(Q, Q) − l(g, Q)\] of a finite class F.
    pub fn minimax_loss(
        &self,
        class: &[DVector<f64>],
        q: &DVector<f64>,
        discount: f64,
        fault: Option<Fault>,
    ) -> f64 {
        let own = self.loss(q, q, discount);
        if fault == Some(Fault::NoInnerMax) {
            return own;
        }
        class.iter().map(|g| own - self.loss(g, q, discount)).fold(f64::NEG_INFINITY, f64::max)
    }

    /// Index of the minimax estimate in a finite class: the smallest L(Q), the first of ties. 0 for
    /// an empty class.
    pub fn minimax_estimate(&self, class: &[DVector<f64>], discount: f64, fault: Option<Fault>) -> usize {
        let losses: Vec<f64> = class.iter().map(|q| self.minimax_loss(class, q, discount, fault)).collect();
        (0..losses.len()).min_by(|i, j| losses[*i].total_cmp(&losses[*j])).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::models::Model;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_loss_is_the_mean_squared_temporal_difference() {
        let population = Model::StochasticTvr.problem(vec![0.25, 0.75], 0.5).population().unwrap();
        let (g, q) = (DVector::from_row_slice(&[1.0, -1.0]), DVector::from_row_slice(&[0.5, 2.0]));
        let (mut direct, mut square) = (0.0, 0.0);
        for (x, row) in [[0.3, 0.7], [0.2, 0.8]].iter().enumerate() {
            for (next, p) in row.iter().enumerate() {
                let weight = population.distribution()[x] * p;
                let r = population.rewards()[x];
                direct += weight * (g[x] - r - 0.5 * q[next]) * (g[x] - r - 0.5 * q[next]);
                square += weight * r * r;
            }
        }
        assert_relative_eq!(population.joint().loss(&g, &q, 0.5) + square, direct, epsilon = 1e-15);
    }

    #[test]
    fn the_estimate_of_the_population_is_the_truth() {
        let population = Model::Alternating.problem(vec![0.5, 0.5], 0.9).population().unwrap();
        let class: Vec<_> = [0.6, 1.0, 1.4, 1.8].iter().map(|theta| population.truth() * *theta).collect();
        let joint = population.joint();
        assert_eq!(joint.minimax_estimate(&class, 0.9, None), 1);
        assert_relative_eq!(joint.minimax_loss(&class, &class[1], 0.9, None), 0.0, epsilon = 1e-15);
        // The naive residual prefers functions that vary little, whatever the amount of data.
        assert_eq!(joint.minimax_estimate(&class, 0.9, Some(Fault::NoInnerMax)), 0);
    }
}
