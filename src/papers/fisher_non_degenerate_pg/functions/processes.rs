//! Softmax policies on tabular processes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{Fault, dominance::Dominance, softmax::Tabular},
    finite, representable,
};
use crate::{
    kernel::{
        eigen,
        mdp::{Mdp, MdpError, Rows},
    },
    papers::leaf::{Failure, Function},
};

/// Most pairs of a state and an action: more would take too long.
const PAIRS: usize = 200;

pub(super) fn all() -> Vec<Function> {
    let small = Process { logits: vec![vec![0.0], vec![2.0]], discount: 0.0, ..Process::example() };
    vec![
        Function::new(
            "fisher-information",
            "F(θ) = E[∇ln π ∇ln πᵀ] over the discounted occupancy of a softmax policy, and its eigenvalues.",
            &Process::example(),
            fisher_information,
        )
        .also(&small),
        Function::with_faults(
            "gap-bound",
            "Both sides of J* − J(θ) ≤ (M_g/μ_F)‖∇J(θ)‖ for a softmax policy on a tabular process.",
            &Process::example(),
            &[Fault::NoFisher],
            dominance,
        )
        .also(&small),
    ]
}

/// A tabular process and a softmax policy.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Process {
    /// For each state, for each action, the probabilities of the next states.
    transitions: Vec<Vec<Vec<f64>>>,
    /// For each state, the reward of each action.
    rewards: Vec<Vec<f64>>,
    /// Probabilities of the start states.
    start: Vec<f64>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// A − 1 logits for each state; the last action has logit 0.
    logits: Vec<Vec<f64>>,
}

impl Process {
    fn example() -> Self {
        Self {
            transitions: vec![vec![vec![0.5, 0.5], vec![0.25, 0.75]], vec![vec![1.0, 0.0], vec![0.0, 1.0]]],
            rewards: vec![vec![0.0, 0.5], vec![1.0, -0.5]],
            start: vec![0.5, 0.5],
            discount: 0.9,
            logits: vec![vec![0.4], vec![-0.3]],
        }
    }

    /// The process, and θ.
    fn build(&self) -> Result<(Tabular, Vec<f64>), Failure> {
        let (states, actions) = (self.rewards.len(), self.rewards.first().map_or(0, Vec::len));
        let pairs = self.transitions.concat();
        let shaped = self.rewards.iter().all(|row| row.len() == actions)
            && self.transitions.iter().all(|rows| rows.len() == actions)
            && pairs.iter().all(|row| row.len() == states)
            && self.logits.iter().all(|row| row.len() + 1 == actions);
        if actions < 2 || !shaped || self.transitions.len() != states || self.logits.len() != states {
            return Err(Failure::invalid(
                "for each state: at least two actions with `transitions` and `rewards`, and one `logits` fewer",
            ));
        }
        if states * actions > PAIRS {
            return Err(Failure::invalid(format!("at most {PAIRS} pairs of a state and an action")));
        }
        let theta = self.logits.concat();
        finite("logits", &theta)?;
        let refuse = |e: MdpError| Failure::invalid(e.to_string());
        let transitions = Rows::from_fn(states * actions, states, |pair, t| pairs[pair][t]);
        let rewards = Rows::from_fn(states, actions, |s, a| self.rewards[s][a]);
        let process = Mdp::new(transitions, rewards, self.start.clone(), self.discount).map_err(refuse)?;
        Ok((Tabular::new(process, 1).map_err(refuse)?, theta))
    }
}

#[derive(Serialize, JsonSchema)]
struct Information {
    /// F(θ) (d × d), parameters in the order of the logits.
    fisher: Vec<Vec<f64>>,
    /// Its eigenvalues, ascending; the first is μ_F at θ.
    eigenvalues: Vec<f64>,
}

fn fisher_information(input: &Process) -> Result<Information, Failure> {
    let (environment, theta) = input.build()?;
    let fisher = environment.fisher(&theta).map_err(|e| Failure::invalid(e.to_string()))?;
    let eigenvalues = eigen::symmetric(&fisher).values;
    let fisher = fisher.row_iter().map(|row| row.iter().copied().collect()).collect();
    Ok(Information { fisher, eigenvalues })
}

#[derive(Serialize, JsonSchema)]
struct DominanceOutput {
    /// J* − J(θ).
    gap: f64,
    /// ‖∇J(θ)‖.
    gradient: f64,
    /// M_g at θ.
    score: f64,
    /// μ_F at θ.
    fisher: f64,
    /// (M_g/μ_F)‖∇J(θ)‖.
    bound: f64,
}

fn dominance(input: &Process, fault: Option<Fault>) -> Result<DominanceOutput, Failure> {
    let (environment, theta) = input.build()?;
    let measured = Dominance::of(&environment, &theta).map_err(|_| {
        Failure::invalid("the Fisher information is singular: some state or action is never seen")
    })?;
    let bound = measured.bound(fault);
    let Dominance { gap, gradient, score, fisher, .. } = measured;
    representable(DominanceOutput { gap, gradient, score, fisher, bound }, &[&[gap, gradient, bound]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_information_of_a_bandit_by_hand() {
        // One state and three actions of equal probability: F = diag(π) − ππᵀ of the first two.
        let bandit = Process {
            transitions: vec![vec![vec![1.0]; 3]],
            rewards: vec![vec![0.0, 1.0, 2.0]],
            start: vec![1.0],
            discount: 0.5,
            logits: vec![vec![0.0, 0.0]],
        };
        let Information { fisher, eigenvalues } = fisher_information(&bandit).unwrap();
        let known = [[2.0 / 9.0, -1.0 / 9.0], [-1.0 / 9.0, 2.0 / 9.0]];
        for (x, y) in fisher.iter().flatten().zip(known.iter().flatten()) {
            assert_relative_eq!(x, y, epsilon = 1e-15);
        }
        assert_relative_eq!(eigenvalues[0], 1.0 / 9.0, epsilon = 1e-15);
    }
}
