//! Small processes, with the mixture of policies that collected data in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{divergence::is_law, math::pow, mdp::argmax, splitmix::SplitMix64},
    papers::leaf::Failure,
};

/// Most trajectories that are enumerated.
const TRAJECTORIES: f64 = 1e5;

/// Most steps of a trajectory.
const STEPS: usize = 64;

/// One reward that an action may pay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// r.
    pub reward: f64,
    /// R(r|s, a).
    pub probability: f64,
}

/// A process of S states, A actions and H steps that starts in state 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// T(s'|s, a), indexed \[s\]\[a\]\[s'\].
    pub transition: Vec<Vec<Vec<f64>>>,
    /// R(·|s, a), indexed \[s\]\[a\]: rewards that differ from each other.
    pub rewards: Vec<Vec<Vec<Outcome>>>,
    /// H, from 1 to 64.
    pub horizon: usize,
}

/// One policy of the mixture that collected the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Component {
    /// Probability that an episode follows it.
    pub weight: f64,
    /// π(a|s), indexed \[s\]\[a\].
    pub policy: Vec<Vec<f64>>,
}

/// A process and the behaviour in it: each episode draws one policy and keeps to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The process.
    pub process: Process,
    /// The mixture.
    pub behaviour: Vec<Component>,
}

impl Outcome {
    /// The reward 1 with probability `p`, else 0.
    #[must_use]
    pub fn bernoulli(p: f64) -> Vec<Self> {
        vec![Self { reward: 0.0, probability: 1.0 - p }, Self { reward: 1.0, probability: p }]
    }

    /// This reward always.
    #[must_use]
    pub fn always(reward: f64) -> Vec<Self> {
        vec![Self { reward, probability: 1.0 }]
    }
}

impl Process {
    /// A single decision: one state, one step, and the law of rewards of each action.
    #[must_use]
    pub fn decision(rewards: Vec<Vec<Outcome>>) -> Self {
        Self { transition: vec![vec![vec![1.0]; rewards.len()]], rewards: vec![rewards], horizon: 1 }
    }

    /// S.
    #[must_use]
    pub fn states(&self) -> usize {
        self.transition.len()
    }

    /// A.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.transition.first().map_or(0, Vec::len)
    }

    /// Refuses processes whose parts do not fit each other, or that are too large to enumerate.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let (states, actions) = (self.states(), self.actions());
        let moves = self
            .transition
            .iter()
            .all(|rows| rows.len() == actions && rows.iter().all(|row| row.len() == states && is_law(row)));
        if states == 0 || actions == 0 || !moves {
            return Err(Failure::invalid(
                "`transition` must have a distribution over the states for each state and action",
            ));
        }
        let pays = self.rewards.len() == states
            && self
                .rewards
                .iter()
                .all(|rows| rows.len() == actions && rows.iter().all(|law| is_reward_law(law)));
        if !pays {
            return Err(Failure::invalid(
                "`rewards` must have for each state and action some outcomes with different rewards \
                 (of size at most 1e6) and probabilities that sum to 1",
            ));
        }
        let most = self.rewards.iter().flatten().map(Vec::len).max().unwrap_or(1);
        let steps = self.horizon as f64;
        let count = pow((actions * most) as f64, steps) * pow(states as f64, steps - 1.0);
        if !(1..=STEPS).contains(&self.horizon) || count > TRAJECTORIES {
            return Err(Failure::invalid(format!(
                "needs a `horizon` from 1 to {STEPS}, and at most {TRAJECTORIES:e} trajectories (here up to {count:e})"
            )));
        }
        Ok(())
    }
}

impl Problem {
    /// A random problem that any language can rebuild. From `SplitMix64`, in this order: T(·|s, a) on
    /// the simplex for each s and a, the probability p(s, a) of a reward of 1 (else 0), K policies
    /// with a point of the simplex for each state, and the weights of the policies.
    #[must_use]
    pub fn random(generator: &mut SplitMix64, [states, actions, horizon, policies]: [usize; 4]) -> Self {
        let mut table = |width: usize| -> Vec<Vec<Vec<f64>>> {
            (0..states).map(|_| (0..actions).map(|_| generator.simplex(width)).collect()).collect()
        };
        let transition = table(states);
        let rewards = (0..states)
            .map(|_| (0..actions).map(|_| Outcome::bernoulli(generator.uniform())).collect())
            .collect();
        let policies: Vec<Vec<Vec<f64>>> =
            (0..policies).map(|_| (0..states).map(|_| generator.simplex(actions)).collect()).collect();
        let weights = generator.simplex(policies.len());
        let behaviour =
            policies.into_iter().zip(weights).map(|(policy, weight)| Component { weight, policy }).collect();
        Self { process: Process { transition, rewards, horizon }, behaviour }
    }

    /// The problem in which the likeliest reward and the likeliest next state always occur; of equal
    /// ones the first.
    #[must_use]
    pub fn deterministic(mut self) -> Self {
        for row in self.process.transition.iter_mut().flatten() {
            let likeliest = argmax(row);
            row.fill(0.0);
            row[likeliest] = 1.0;
        }
        for law in self.process.rewards.iter_mut().flatten() {
            let chances: Vec<f64> = law.iter().map(|outcome| outcome.probability).collect();
            *law = Outcome::always(law[argmax(&chances)].reward);
        }
        self
    }

    /// Refuses problems whose parts do not fit each other, or that are too large to enumerate.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        self.process.check()?;
        let (states, actions) = (self.process.states(), self.process.actions());
        let weights: Vec<f64> = self.behaviour.iter().map(|component| component.weight).collect();
        let policies = self.behaviour.iter().all(|component| {
            component.policy.len() == states
                && component.policy.iter().all(|row| row.len() == actions && is_law(row))
        });
        if is_law(&weights) && policies {
            return Ok(());
        }
        Err(Failure::invalid(
            "`behaviour` must have weights that sum to 1, and policies with a distribution over the \
             actions for each state",
        ))
    }
}

fn is_reward_law(outcomes: &[Outcome]) -> bool {
    let chances: Vec<f64> = outcomes.iter().map(|outcome| outcome.probability).collect();
    let distinct = |i: usize| outcomes[..i].iter().all(|earlier| earlier.reward != outcomes[i].reward);
    is_law(&chances) && (0..outcomes.len()).all(|i| outcomes[i].reward.abs() <= 1e6 && distinct(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem::random(&mut SplitMix64::new(0), [2, 2, 3, 3])
    }

    #[test]
    fn random_problems_are_problems() {
        assert_eq!(problem().check(), Ok(()));
        assert_eq!(problem().deterministic().check(), Ok(()));
        assert_eq!(problem().behaviour.len(), 3);
    }

    #[test]
    fn what_is_no_problem_is_refused() {
        let changes: [fn(&mut Problem); 7] = [
            |p| p.process.horizon = 0,
            |p| p.process.horizon = 9,
            |p| p.process.transition[0][0][0] += 0.1,
            |p| p.process.rewards[1][0][0].reward = 1.0,
            |p| p.process.rewards[1][0].clear(),
            |p| p.behaviour.clear(),
            |p| p.behaviour[0].policy[0] = vec![1.0],
        ];
        for change in changes {
            let mut changed = problem();
            change(&mut changed);
            assert!(matches!(changed.check(), Err(Failure::Invalid(_))), "{changed:?}");
        }
    }
}
