//! The penalty of the actor, and its losses.

use super::{Constraint, Fault, Pair};
use crate::{
    kernel::{
        math::{mean, sum},
        neighbours::squared_distance,
    },
    papers::leaf::Failure,
};

/// The penalty of a minibatch of pairs (s, π(s)), with its gradient in the actions.
pub struct Penalty {
    /// mean (π(s) − â)², over pairs and action coordinates.
    pub loss: f64,
    /// 2(π(s) − â)/(B d_a), one row a pair.
    pub gradient: Vec<Vec<f64>>,
}

impl Penalty {
    /// MSE(a, â) for actions and those that they imitate, B ≥ 1 rows of d_a ≥ 1 each: the neighbours'
    /// for PRDC, those of the data for TD3+BC.
    #[must_use]
    pub fn towards(actions: &[&[f64]], imitated: &[&[f64]], fault: Option<Fault>) -> Self {
        let coordinates = if fault == Some(Fault::SummedCoordinates) { 1 } else { actions[0].len() };
        let count = (actions.len() * coordinates) as f64;
        let rows = || actions.iter().zip(imitated);
        let gradient = rows().map(|(a, b)| a.iter().zip(*b).map(|(x, y)| 2.0 * (x - y) / count).collect());
        Self { loss: sum(rows().map(|(a, b)| squared_distance(a, b))) / count, gradient: gradient.collect() }
    }

    /// The penalty of PRDC, and the index and distance of each pair's neighbour.
    ///
    /// # Errors
    /// As [`Constraint::nearest`].
    pub fn prdc(
        constraint: &Constraint<'_>,
        batch: &[Pair],
        fault: Option<Fault>,
    ) -> Result<(Self, Vec<(usize, f64)>), Failure> {
        let nearest = batch.iter().map(|pair| constraint.nearest(pair)).collect::<Result<Vec<_>, _>>()?;
        let actions: Vec<&[f64]> = batch.iter().map(|pair| pair.action.as_slice()).collect();
        let imitated: Vec<&[f64]> = nearest.iter().map(|n| n.pair.action.as_slice()).collect();
        let mut penalty = Self::towards(&actions, &imitated, fault);
        if fault == Some(Fault::StateInPenalty) {
            let squares = nearest.iter().map(|n| n.distance * n.distance);
            penalty.loss = sum(squares) / (batch.len() * actions[0].len()) as f64;
        }
        Ok((penalty, nearest.iter().map(|n| (n.index, n.distance)).collect()))
    }
}

/// λ = α / mean |Q|, constant to the gradient; `None` if every value is zero.
#[must_use]
pub fn scale(alpha: f64, values: &[f64], fault: Option<Fault>) -> Option<f64> {
    let size = match fault {
        Some(Fault::SignedScale) => mean(values).abs(),
        _ => sum(values.iter().map(|q| q.abs())) / values.len() as f64,
    };
    (size > 0.0).then(|| alpha / size)
}

/// −λ mean Q + penalty.
#[must_use]
pub fn actor_loss(scale: f64, values: &[f64], penalty: &Penalty) -> f64 {
    penalty.loss - scale * mean(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn losses_by_hand() {
        let data = vec![
            Pair { state: vec![0.0], action: vec![0.5, 0.0] },
            Pair { state: vec![1.0], action: vec![-0.5, 1.0] },
        ];
        let batch = [
            Pair { state: vec![0.1], action: vec![0.3, 0.1] },
            Pair { state: vec![0.9], action: vec![0.5, 0.2] },
        ];
        let constraint = Constraint::new(&data, 1.0, None).unwrap();
        let (penalty, nearest) = Penalty::prdc(&constraint, &batch, None).unwrap();
        // The second pair imitates the first of the data: 0.81 + 0.04 < 0.01 + 1 + 0.64.
        assert_eq!([nearest[0].0, nearest[1].0], [0, 0]);
        assert_relative_eq!(nearest[1].1, 0.85_f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(penalty.loss, (0.04 + 0.01 + 0.04) / 4.0, epsilon = 1e-15);
        assert_relative_eq!(penalty.gradient[0][0], -0.1, epsilon = 1e-15);
        assert_relative_eq!(penalty.gradient[1][1], 0.1, epsilon = 1e-15);
        let lambda = scale(2.5, &[1.0, -3.0], None).unwrap();
        assert_relative_eq!(lambda, 1.25);
        assert_relative_eq!(actor_loss(lambda, &[1.0, -3.0], &penalty), 1.25 + 0.0225, epsilon = 1e-15);
        assert_eq!(scale(2.5, &[0.0, 0.0], None), None);
        assert_relative_eq!(scale(2.5, &[1.0, -3.0], Some(Fault::SignedScale)).unwrap(), 2.5);
    }
}
