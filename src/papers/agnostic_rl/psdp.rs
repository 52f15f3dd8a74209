//! Policy search by dynamic programming from reset distributions (Bagnell et al., 2003).
//!
//! From the last layer to the first, the policy of a layer is chosen to be best on average over the reset
//! distribution μ_h, given the choices of later layers. If the class is not known to contain the best
//! response in every state, what is best on average may be bad where the final policy goes.

use super::{Fault, class::Policy, coverability::concentrability, invalid, process::value};
use crate::{
    kernel::{
        math::dot,
        mdp::{Dynamics, Episodic, Rows, argmax, deterministic},
    },
    papers::leaf::Failure,
};

/// Policies that are enumerated at most to find the best of a class.
const MOST: usize = 4096;

/// A process with resets, and the class Π₀ × … × Π_{H−1}.
#[derive(Clone, Debug, PartialEq)]
pub struct Resets {
    process: Episodic,
    /// Π_h: tables π_h(s).
    class: Vec<Vec<Vec<usize>>>,
    /// μ_h, layer after layer.
    laws: Vec<Vec<f64>>,
}

/// What PSDP chose, and what it is worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Number of the chosen table, layer after layer.
    pub tables: Vec<usize>,
    /// E_{μ_h} Q_h(s, π_h(s)) of each table, layer after layer, given the choices of later layers.
    pub scores: Vec<Vec<f64>>,
    /// V(π̂).
    pub value: f64,
}

impl Resets {
    /// A class of tables for each layer, and a reset distribution for each layer.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if these do not fit the process, or the class has more than 4096 policies.
    pub fn new(process: Episodic, class: Vec<Vec<Vec<usize>>>, laws: Vec<Vec<f64>>) -> Result<Self, Failure> {
        let (states, actions) = (process.start().len(), process.steps()[0].actions());
        let fits = |table: &Vec<usize>| table.len() == states && table.iter().all(|a| *a < actions);
        if class.len() != process.horizon()
            || class.iter().any(|layer| layer.is_empty() || !layer.iter().all(fits))
        {
            return Err(Failure::invalid("every layer needs tables with one action for each state"));
        }
        let law = |mu: &Vec<f64>| mu.len() == states && crate::kernel::divergence::is_law(mu);
        if laws.len() != process.horizon() || !laws.iter().all(law) {
            return Err(Failure::invalid("every layer needs a reset distribution over the states"));
        }
        let number = class.iter().fold(1_usize, |n, layer| n.saturating_mul(layer.len()));
        if number > MOST {
            return Err(Failure::invalid(format!("the class may have at most {MOST} policies")));
        }
        Ok(Self { process, class, laws })
    }

    /// Runs PSDP with exact expectations: as with infinitely many data.
    ///
    /// # Errors
    /// [`Failure::Invalid`] never happens for resets that could be made.
    pub fn psdp(&self, fault: Option<Fault>) -> Result<Chosen, Failure> {
        let resets = match fault {
            Some(Fault::PsdpWithDStar) => self.occupancies(&self.best().0)?,
            _ => self.laws.clone(),
        };
        let mut next = vec![0.0; self.process.start().len()];
        let (mut chosen, mut scores) = (vec![], vec![]);
        for ((step, tables), mu) in self.process.steps().iter().zip(&self.class).zip(&resets).rev() {
            let q = step.backup(&next, 1.0);
            let after =
                |table: &[usize]| -> Vec<f64> { table.iter().enumerate().map(|(s, a)| q[s][*a]).collect() };
            let of_layer: Vec<f64> = tables.iter().map(|table| dot(mu, &after(table))).collect();
            let best = argmax(&of_layer);
            next = after(&tables[best]);
            chosen.push(best);
            scores.push(of_layer);
        }
        chosen.reverse();
        scores.reverse();
        Ok(Chosen { tables: chosen, scores, value: dot(self.process.start(), &next) })
    }

    /// The best policy of the class and its value, by enumeration; the first among ties.
    #[must_use]
    pub fn best(&self) -> (Policy, f64) {
        let mut policies = self.policies();
        let values: Vec<f64> = policies.iter().map(|policy| value(&self.process, policy)).collect();
        let best = argmax(&values);
        (policies.swap_remove(best), values[best])
    }

    /// max over π, h and s of d_h^π(s)/μ_h(s).
    ///
    /// # Errors
    /// As [`Self::psdp`].
    pub fn concentrability(&self) -> Result<f64, Failure> {
        let mut most = 0.0_f64;
        for policy in self.policies() {
            let occupancies = self.occupancies(&policy)?;
            most = occupancies
                .iter()
                .zip(&self.laws)
                .map(|(d, mu)| concentrability(&[d], mu))
                .fold(most, f64::max);
        }
        Ok(most)
    }

    fn occupancies(&self, policy: &Policy) -> Result<Vec<Vec<f64>>, Failure> {
        let actions = self.process.steps()[0].actions();
        let rows: Vec<Rows> = policy.iter().map(|table| deterministic(table, actions)).collect();
        self.process.occupancies(&rows).map_err(|e| invalid(&e))
    }

    /// Every policy of the class.
    fn policies(&self) -> Vec<Policy> {
        self.class.iter().fold(vec![vec![]], |policies, tables| {
            let longer = |policy: &Policy| {
                let policy = policy.clone();
                tables.iter().map(move |table| policy.iter().cloned().chain([table.clone()]).collect())
            };
            policies.iter().flat_map(longer).collect()
        })
    }
}

/// Two layers: action 0 leads from state 0 to state x = 0, action 1 to y = 1, and only action 0 is in the
/// class. In the second layer one policy gets 1 at x and nothing at y, the other `consolation` at x and
/// `decoy` at y; the reset distribution has the share `share` at x.
///
/// # Errors
/// [`Failure::Invalid`] for a share outside of \[0, 1\] or rewards that are not finite.
pub fn example(consolation: f64, decoy: f64, share: f64) -> Result<Resets, Failure> {
    let moves = [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]];
    let paid = [[1.0, consolation], [0.0, decoy]];
    let transitions = || Rows::from_fn(4, 2, |pair, t| moves[pair][t]);
    let step = |rewards| Dynamics::new(transitions(), rewards);
    let steps = [step(Rows::zeros(2, 2)), step(Rows::from_fn(2, 2, |s, a| paid[s][a]))];
    let steps = steps.into_iter().collect::<Result<_, _>>().map_err(|e| invalid(&e))?;
    let process = Episodic::new(steps, vec![1.0, 0.0]).map_err(|e| invalid(&e))?;
    let class = vec![vec![vec![0, 0]], vec![vec![0, 0], vec![1, 1]]];
    Resets::new(process, class, vec![vec![1.0, 0.0], vec![share, 1.0 - share]])
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;

    #[test]
    fn known_choice_of_the_example() {
        let resets = example(0.4, 0.9, 0.5).unwrap();
        let chosen = resets.psdp(None).unwrap();
        assert_eq!(chosen.tables, [0, 1]);
        assert_relative_eq!(chosen.scores[1][0], 0.5);
        assert_relative_eq!(chosen.scores[1][1], 0.65);
        assert_relative_eq!(chosen.value, 0.4);
        assert_relative_eq!(resets.best().1, 1.0);
        assert_relative_eq!(resets.concentrability().unwrap(), 2.0);
        let fixed = resets.psdp(Some(Fault::PsdpWithDStar)).unwrap();
        assert_eq!(fixed.tables, [0, 0]);
        assert_relative_eq!(fixed.value, 1.0);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(example(0.4, 0.9, 1.5).is_err());
        assert!(example(f64::NAN, 0.9, 0.5).is_err());
        let process = example(0.4, 0.9, 0.5).unwrap().process;
        let resets = vec![vec![1.0, 0.0]; 2];
        assert!(Resets::new(process.clone(), vec![vec![vec![0, 0]]], resets.clone()).is_err());
        assert!(Resets::new(process.clone(), vec![vec![vec![0, 2]]; 2], resets.clone()).is_err());
        assert!(Resets::new(process.clone(), vec![vec![]; 2], resets).is_err());
        assert!(Resets::new(process, vec![vec![vec![0, 0]]; 2], vec![vec![1.0, 0.0]]).is_err());
    }
}
