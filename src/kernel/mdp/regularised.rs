//! Processes of finitely many steps, regularised by the divergence from a reference policy.

use super::{Episodic, Evaluation, MdpError, Rows, argmax};
use crate::kernel::math::{exp, ln, sum};

/// The solution of a regularised process.
#[derive(Clone, Debug, PartialEq)]
pub struct SoftOptimum {
    /// Q_h and V_h, the regularised ones, one evaluation a step.
    pub evaluations: Vec<Evaluation>,
    /// π*_h(a|s), one table (S × A) a step.
    pub policy: Vec<Rows>,
    /// ln π*_h(a|s), also where π*_h(a|s) is too small for a number.
    pub logarithms: Vec<Rows>,
}

/// ln π(a|s) of a policy, −∞ where an action is never taken.
#[must_use]
pub fn logarithms(policy: &[Rows]) -> Vec<Rows> {
    let step = |rows: &Rows| Rows::from_fn(rows.count(), rows.width(), |s, a| ln(rows[s][a]));
    policy.iter().map(step).collect()
}

/// The best law π over actions of values q (A) under λ KL(π‖ρ), for λ ≥ 0 and a reference ρ (A) that has
/// mass: the maximum of Σ_a π(a) q(a) − λ KL(π‖ρ), and the logarithms of the law,
///
/// ```text
/// V = λ ln Σ_a ρ(a) exp(q(a)/λ)        ln π(a) = ln ρ(a) + (q(a) − V)/λ
/// ```
///
/// At λ = 0 it takes the largest entry of q, the lowest action among ties, whatever ρ is.
#[must_use]
pub fn soft_maximum(values: &[f64], reference: &[f64], lambda: f64) -> (f64, Vec<f64>) {
    if lambda == 0.0 {
        let best = argmax(values);
        let logarithm = |a: usize| if a == best { 0.0 } else { f64::NEG_INFINITY };
        return (values[best], (0..values.len()).map(logarithm).collect());
    }
    let pairs = || values.iter().zip(reference);
    // The best action that the reference takes: exponents are at most 0, however small λ is.
    let supported = pairs().filter(|(_, p)| **p > 0.0);
    let top = supported.clone().map(|(q, _)| *q).fold(f64::NEG_INFINITY, f64::max);
    let exponent = |q: f64| (q - top) / lambda;
    let normaliser = ln(sum(supported.map(|(q, p)| p * exp(exponent(*q)))));
    let logarithm = |(q, p): (&f64, &f64)| match *p {
        p if p > 0.0 => ln(p) + exponent(*q) - normaliser,
        _ => f64::NEG_INFINITY,
    };
    (top + lambda * normaliser, pairs().map(logarithm).collect())
}

impl Episodic {
    /// KL_traj(π‖ρ) = Σ_h Σ_s d_h(s) KL(π_h(·|s)‖ρ_h(·|s)), where d_h are the occupancies of π; ρ is given
    /// by its logarithms. By the chain rule this is the divergence between the laws of the trajectories of
    /// π and ρ. It is +∞ if π does, where it comes, what ρ never does.
    ///
    /// # Errors
    /// [`MdpError::Shape`] if one of them is no list of H tables (S × A).
    pub fn trajectory_divergence(&self, policy: &[Rows], logarithms: &[Rows]) -> Result<f64, MdpError> {
        self.hold(logarithms)?;
        let occupancies = self.occupancies(policy)?;
        let mut terms = Vec::new();
        for ((visited, rows), logs) in occupancies.iter().zip(policy).zip(logarithms) {
            for (s, d) in visited.iter().enumerate().filter(|(_, d)| **d > 0.0) {
                for (p, l) in rows[s].iter().zip(&logs[s]).filter(|(p, _)| **p > 0.0) {
                    // The compensated sum would make NaN of an infinite term.
                    if *l == f64::NEG_INFINITY {
                        return Ok(f64::INFINITY);
                    }
                    terms.push(d * p * (ln(*p) - l));
                }
            }
        }
        Ok(sum(terms))
    }

    /// The maximiser of V^π − λ KL_traj(π‖ρ) over all policies, for λ ≥ 0 and a reference policy ρ.
    ///
    /// For h = H − 1 … 0, with Q_h of the values of the next step as in [`Episodic::induction`], V_h(s) and
    /// π*_h(·|s) are the [`soft_maximum`] of Q_h(s, ·) under ρ_h(·|s).
    ///
    /// # Errors
    /// [`MdpError::Shape`] if ρ is no list of H tables (S × A), [`MdpError::Distribution`] for a row without
    /// mass, and [`MdpError::Temperature`] for λ that is negative or not finite.
    pub fn soft_optimum(&self, reference: &[Rows], lambda: f64) -> Result<SoftOptimum, MdpError> {
        self.hold(reference)?;
        if !(lambda >= 0.0 && lambda.is_finite()) {
            return Err(MdpError::Temperature(lambda));
        }
        if let Some(h) =
            reference.iter().position(|rows| rows.iter().any(|row| row.iter().all(|p| *p <= 0.0)))
        {
            return Err(MdpError::Distribution { what: format!("a row of the reference at step {h}") });
        }
        let mut logarithms = reference.to_vec();
        let evaluations = self.induction(|h, s, row| {
            let (value, logs) = soft_maximum(row, &reference[h][s], lambda);
            logarithms[h][s].copy_from_slice(&logs);
            value
        });
        let powers = |rows: &Rows| Rows::from_fn(rows.count(), rows.width(), |s, a| exp(rows[s][a]));
        let policy = logarithms.iter().map(powers).collect();
        Ok(SoftOptimum { evaluations, policy, logarithms })
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::mdp::{Dynamics, Shape, instances};

    /// A bandit: one state, one step.
    fn bandit(rewards: &[f64]) -> Episodic {
        let n = rewards.len();
        let dynamics =
            Dynamics::new(Rows::from_fn(n, 1, |_, _| 1.0), Rows::from_fn(1, n, |_, a| rewards[a])).unwrap();
        Episodic::stationary(1, &dynamics, vec![1.0]).unwrap()
    }

    fn reference(row: &[f64]) -> Vec<Rows> {
        vec![Rows::from_fn(1, row.len(), |_, a| row[a])]
    }

    #[test]
    fn a_bandit_by_hand() {
        // λ = 1 and rewards ln 2 and 0 under (1/3, 2/3): masses 2/3 and 2/3.
        let soft =
            bandit(&[2.0_f64.ln(), 0.0]).soft_optimum(&reference(&[1.0 / 3.0, 2.0 / 3.0]), 1.0).unwrap();
        assert_relative_eq!(soft.evaluations[0].values[0], (4.0_f64 / 3.0).ln(), epsilon = 1e-15);
        assert_relative_eq!(soft.policy[0][0][0], 0.5, epsilon = 1e-15);
    }

    #[test]
    fn extremes_of_the_temperature() {
        let process = bandit(&[1.0, 3.0, 3.0, 9.0]);
        let rho = reference(&[0.25, 0.25, 0.5, 0.0]);
        let cold = process.soft_optimum(&rho, 1e-300).unwrap();
        for (found, known) in cold.policy[0].values().iter().zip([0.0, 1.0 / 3.0, 2.0 / 3.0, 0.0]) {
            assert_relative_eq!(*found, known, epsilon = 1e-15);
        }
        assert_relative_eq!(cold.evaluations[0].values[0], 3.0);
        let hot = process.soft_optimum(&rho, 1e12).unwrap();
        assert_relative_eq!(hot.evaluations[0].values[0], 2.5, epsilon = 1e-3);
        // Without a regulariser nothing keeps the policy to the reference.
        let greedy = process.soft_optimum(&rho, 0.0).unwrap();
        assert_eq!(greedy.policy[0].values(), [0.0, 0.0, 0.0, 1.0]);
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(process.soft_optimum(&rho, wrong), Err(MdpError::Temperature(_))));
        }
        assert!(process.soft_optimum(&reference(&[0.0; 4]), 1.0).is_err());
        assert!(process.soft_optimum(&[], 1.0).is_err());
    }

    #[test]
    fn divergence_is_infinite_only_where_the_policy_goes() {
        let process = bandit(&[0.0, 0.0]);
        let never = logarithms(&reference(&[1.0, 0.0]));
        let of = |row: &[f64]| process.trajectory_divergence(&reference(row), &never).unwrap();
        assert_eq!(of(&[0.5, 0.5]), f64::INFINITY);
        assert_eq!(of(&[1.0, 0.0]), 0.0);
    }

    proptest! {
        #[test]
        fn the_optimum_has_its_value_and_no_policy_has_more(
            wild in instances(Shape { states: (1, 3), actions: (1, 3), discount: (0.0, 0.9) }),
            lambda in prop::sample::select(vec![1e-3, 0.1, 1.0, 10.0]),
        ) {
            let (discounted, other) = wild.build().unwrap();
            let process = Episodic::stationary(3, discounted.dynamics(), discounted.start().to_vec()).unwrap();
            // A reference that takes every action.
            let mixed = Rows::from_fn(other.count(), other.width(), |s, a| {
                0.5 * other[s][a] + 0.5 / other.width() as f64
            });
            let (rho, other) = (vec![mixed; 3], vec![other; 3]);
            let soft = process.soft_optimum(&rho, lambda).unwrap();
            let regularised = |policy: &[Rows]| {
                let value = process.performance(&process.evaluate(policy).unwrap());
                value - lambda * process.trajectory_divergence(policy, &logarithms(&rho)).unwrap()
            };
            let optimum = process.performance(&soft.evaluations);
            prop_assert!((regularised(&soft.policy) - optimum).abs() < 1e-11);
            for policy in [&other, &rho] {
                prop_assert!(regularised(policy) <= optimum + 1e-11);
            }
        }
    }
}
