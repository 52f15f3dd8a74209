//! Coverability: how many pairs of a layer the policies of a class occupy together.
//!
//! Σ_sa max over π of d_h^π(s, a) ≤ C_h(Π) for every process: draw the transition of every triple
//! (h, s, a) once, beforehand. Each policy then walks as it should, and max over π of d_h^π(s, a) is at
//! most the probability that *some* policy reaches (s, a); the sum of those is the mean number of
//! pairs that are reached in a deterministic process.

use super::{Fault, process::Problem};
use crate::{kernel::math::sum, papers::leaf::Failure};

/// Σ_sa max over π of d_h^π(s, a), and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Coverability {
    /// max over π of d_h^π(s, a), pairs in the order s A + a, layer after layer.
    pub envelopes: Vec<Vec<f64>>,
}

impl Coverability {
    /// The coverability of a class on a process.
    ///
    /// # Errors
    /// [`Failure::Invalid`] never happens for a [`Problem`], whose sizes agree.
    pub fn of(problem: &Problem, fault: Option<Fault>) -> Result<Self, Failure> {
        let size = problem.class.size();
        let mut envelopes = vec![vec![0.0; size.states * size.actions]; size.horizon];
        for occupancies in pair_occupancies(problem)? {
            for (envelope, layer) in envelopes.iter_mut().zip(occupancies) {
                for (most, d) in envelope.iter_mut().zip(layer) {
                    *most = if fault == Some(Fault::SumOverPolicies) { *most + d } else { d.max(*most) };
                }
            }
        }
        Ok(Self { envelopes })
    }

    /// Σ_sa max over π of d_h^π(s, a), layer after layer; C_cov is the largest of them.
    #[must_use]
    pub fn layers(&self) -> Vec<f64> {
        self.envelopes.iter().map(|layer| sum(layer.iter().copied())).collect()
    }
}

/// d_h^π(s, a) of every policy, layer after layer, pairs in the order s A + a.
///
/// # Errors
/// See [`Coverability::of`].
pub fn pair_occupancies(problem: &Problem) -> Result<Vec<Vec<Vec<f64>>>, Failure> {
    let (class, actions) = (&problem.class, problem.class.size().actions);
    let of_policy = |i: usize| -> Result<Vec<Vec<f64>>, Failure> {
        let occupancies = problem.process.occupancies(&class.rows(i)).map_err(|e| super::invalid(&e))?;
        let layers = occupancies.into_iter().zip(&class.policies()[i]);
        Ok(layers
            .map(|(states, taken)| {
                let pair = |(d, a): (f64, usize)| (0..actions).map(move |b| if b == a { d } else { 0.0 });
                states.into_iter().zip(taken.iter().copied()).flat_map(pair).collect()
            })
            .collect())
    };
    (0..class.policies().len()).map(of_policy).collect()
}

/// max over π and (s, a) of d_h^π(s, a)/μ(s, a): the concentrability of a layer under data from μ. Infinite
/// if a policy goes where μ does not.
#[must_use]
pub fn concentrability(occupancies: &[&[f64]], data: &[f64]) -> f64 {
    let ratio = |(d, mu): (&f64, &f64)| if *d == 0.0 { 0.0 } else { d / mu };
    occupancies.iter().flat_map(|d| d.iter().zip(data).map(ratio)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::mdp::{Dynamics, Episodic, Rows};
    use crate::papers::agnostic_rl::class::{Class, Family, Size};

    #[test]
    fn one_step_has_as_many_pairs_as_actions() {
        let problem = Problem::reference(3, 3, 0, 1).unwrap();
        let layers = Coverability::of(&problem, None).unwrap().layers();
        assert_relative_eq!(layers[0], 2.0);
        // Ten policies, each with mass one in every layer.
        let summed = Coverability::of(&problem, Some(Fault::SumOverPolicies)).unwrap().layers();
        assert!(summed.iter().all(|layer| (layer - 10.0).abs() < 1e-12));
    }

    #[test]
    fn by_hand() {
        // Action 0 stays, action 1 moves to state 1 with probability one half.
        let rows = [[1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.0, 1.0]];
        let step = Dynamics::new(Rows::from_fn(4, 2, |row, t| rows[row][t]), Rows::zeros(2, 2)).unwrap();
        let process = Episodic::stationary(2, &step, vec![1.0, 0.0]).unwrap();
        let size = Size { horizon: 2, states: 2, actions: 2 };
        let class = Class::named(Family::OpenLoop, 0, size).unwrap();
        let coverability = Coverability::of(&Problem::new(process, class).unwrap(), None).unwrap();
        assert_eq!(coverability.envelopes[1], [1.0, 1.0, 0.5, 0.5]);
        assert_eq!(coverability.layers(), [2.0, 3.0]);
    }

    #[test]
    fn concentrability_by_hand() {
        assert_relative_eq!(concentrability(&[&[0.5, 0.5], &[1.0, 0.0]], &[0.25, 0.75]), 4.0);
        assert_eq!(concentrability(&[&[0.5, 0.5]], &[0.0, 1.0]), f64::INFINITY);
    }
}
