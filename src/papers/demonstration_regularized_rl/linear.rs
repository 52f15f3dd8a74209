//! Regularised planning by regression: least-squares value iteration.

use nalgebra::{DMatrix, DVector};

use super::Fault;
use crate::{
    kernel::{
        math::{dot, exp},
        mdp::{Episodic, Evaluation, Rows, soft_maximum},
    },
    papers::leaf::Failure,
};

/// The plan of [`Episodic::soft_optimum`] where the next values are linear in features φ(s, a) ∈ ℝᵈ. With n_h(s, a, t)
/// the counts of next states, for h = H − 1 … 0:
///
/// ```text
/// w_h = argmin_w Σ n_h(s, a, t) (φ(s, a)·w − V_{h+1}(t))²
/// Q_h(s, a) = r_h(s, a) + φ(s, a)·w_h
/// ```
///
/// and V_h and π_h are the soft maxima of Q_h under the reference. With d = S A indicators as features this is the
/// tabular plan. Counts are in row s A + a (S A × S), and so are features (S A × d).
///
/// # Errors
/// [`Failure::Numerical`] if the samples do not determine w.
pub fn planned(
    process: &Episodic,
    counts: &[Rows],
    features: &Rows,
    reference: &[Rows],
    lambda: f64,
    fault: Option<Fault>,
) -> Result<(Vec<Evaluation>, Vec<Rows>), Failure> {
    let ridge = if fault == Some(Fault::RidgeKept) { 1.0 } else { 0.0 };
    let dimension = features.width();
    let mut next = vec![0.0; process.start().len()];
    let (mut evaluations, mut policy) = (Vec::new(), Vec::new());
    for ((step, counts), reference) in process.steps().iter().zip(counts).zip(reference).rev() {
        let mut gram = DMatrix::from_diagonal_element(dimension, dimension, ridge);
        let mut target = DVector::zeros(dimension);
        for (phi, row) in features.iter().zip(counts.iter()) {
            let phi = DVector::from_column_slice(phi);
            gram.ger(row.iter().sum(), &phi, &phi, 1.0);
            target.axpy(dot(row, &next), &phi, 1.0);
        }
        let weights = gram
            .cholesky()
            .ok_or_else(|| Failure::numerical("the samples do not determine the regression"))?
            .solve(&target);
        let actions = Rows::from_fn(step.states(), step.actions(), |s, a| {
            step.rewards()[s][a] + dot(&features[s * step.actions() + a], weights.as_slice())
        });
        let mut rows = reference.clone();
        let values: Vec<f64> = (0..step.states())
            .map(|s| {
                let (value, logarithms) = soft_maximum(&actions[s], &reference[s], lambda);
                for (p, l) in rows[s].iter_mut().zip(logarithms) {
                    *p = exp(l);
                }
                value
            })
            .collect();
        next.clone_from(&values);
        evaluations.push(Evaluation { values, actions });
        policy.push(rows);
    }
    evaluations.reverse();
    policy.reverse();
    Ok((evaluations, policy))
}
