//! Processes that end, with one logit for each state or observation.

use nalgebra::{DMatrix, DVector};

use super::{Fault, actor_critic::Experience, estimators::Paths, no_process};
use crate::{
    kernel::{
        math::{exp, mean, sigmoid, sum},
        mdp::{Mdp, Rows, Visit},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// No episode is longer: one of ten thousand steps has probability 0.85^10000 in the example.
const LONGEST: usize = 10_000;

/// A process of S states and two actions that ends with positive probability, and a policy
/// μ(1|x) = 1/(1 + exp(−θ_{o(x)})) that sees the state through o(x), one parameter for each observation.
///
/// The score of a step has one entry that is not zero: a − μ(1|x) at o(x).
#[derive(Clone, Debug)]
pub struct Terminating {
    /// S + 1 states, of which the last is the end.
    process: Mdp,
    /// o(x) (S).
    observation: Vec<usize>,
    parameters: usize,
    /// μ (S + 1 × 2).
    policy: Rows,
}

/// The state kernel h exp(−(x − x′)²/2) of S states (S × S).
pub fn state_kernel(states: usize, height: f64) -> DMatrix<f64> {
    DMatrix::from_fn(states, states, |x, y| {
        height * exp(-0.5 * (x as f64 - y as f64) * (x as f64 - y as f64))
    })
}

impl Terminating {
    /// The process with transitions P(t|x, a) in row 2x + a (2S × S), whose entries sum to at most 1, the rest
    /// being the probability to end; rewards (S × 2); start distribution (S); discount γ < 1; observations
    /// o(x) (S) and parameters θ.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for what is no process, or an observation without a parameter.
    pub fn new(
        transitions: &Rows,
        rewards: &Rows,
        start: &[f64],
        discount: f64,
        observation: Vec<usize>,
        theta: &[f64],
    ) -> Result<Self, Failure> {
        let states = rewards.count();
        if observation.len() != states || observation.iter().any(|o| *o >= theta.len()) {
            return Err(Failure::invalid("every state needs an observation that has a parameter"));
        }
        if transitions.count() != 2 * states || transitions.width() != states || rewards.width() != 2 {
            return Err(Failure::invalid(
                "needs two actions, 2S rows of S transitions and S rows of rewards",
            ));
        }
        let closed = Rows::from_fn(2 * states + 2, states + 1, |row, t| {
            if row >= 2 * states {
                f64::from(u8::from(t == states))
            } else if t < states {
                transitions[row][t]
            } else {
                (1.0 - sum(transitions[row].iter().copied())).max(0.0)
            }
        });
        let paid = Rows::from_fn(states + 1, 2, |x, a| if x < states { rewards[x][a] } else { 0.0 });
        let start = start.iter().copied().chain([0.0]).collect();
        let process = Mdp::new(closed, paid, start, discount).map_err(|e| no_process(&e))?;
        let policy = Rows::from_fn(states + 1, 2, |x, a| {
            let logit = if x < states { theta[observation[x]] } else { 0.0 };
            sigmoid(if a == 1 { logit } else { -logit })
        });
        Ok(Self { process, parameters: theta.len(), observation, policy })
    }

    /// Four states from state 0 on, γ = 0.9, which end with probability 0.15 after each step, and otherwise go
    /// to t with weight 1 + ((7x + 3a + 5t + xt) mod 6); r = ((2x + 3a) mod 5)/4. θ = (0.3, −0.2, 0.5, 0.1), or
    /// (0.4, −0.3) if the policy sees only the parity of the state.
    ///
    /// # Errors
    /// None: the weights make distributions, and every observation has a parameter.
    pub fn example(parity: bool) -> Result<Self, Failure> {
        let weight = |x: usize, a: usize, t: usize| (1 + (7 * x + 3 * a + 5 * t + x * t) % 6) as f64;
        let transitions = Rows::from_fn(8, 4, |row, t| {
            let (x, a) = (row / 2, row % 2);
            0.85 * weight(x, a, t) / sum((0..4).map(|t| weight(x, a, t)))
        });
        let rewards = Rows::from_fn(4, 2, |x, a| ((2 * x + 3 * a) % 5) as f64 / 4.0);
        let start = [1.0, 0.0, 0.0, 0.0];
        let (observation, theta): (Vec<usize>, &[f64]) = if parity {
            (vec![0, 1, 0, 1], &[0.4, -0.3])
        } else {
            (vec![0, 1, 2, 3], &[0.3, -0.2, 0.5, 0.1])
        };
        Self::new(&transitions, &rewards, &start, 0.9, observation, theta)
    }

    /// Number of states S, without the end.
    pub fn states(&self) -> usize {
        self.observation.len()
    }

    /// γ.
    pub fn discount(&self) -> f64 {
        self.process.discount()
    }

    /// μ(a|x).
    pub fn chance(&self, state: usize, action: usize) -> f64 {
        self.policy[state][action]
    }

    /// The expected return η.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the process cannot be evaluated.
    pub fn performance(&self) -> Result<f64, Failure> {
        self.process.performance(&self.policy).map_err(|e| no_process(&e))
    }

    /// ∇η (n).
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the process cannot be evaluated.
    pub fn gradient(&self) -> Result<DVector<f64>, Failure> {
        let logits = self.process.logit_gradient(&self.policy).map_err(|e| no_process(&e))?;
        let mut gradient = DVector::zeros(self.parameters);
        for (x, o) in self.observation.iter().enumerate() {
            gradient[*o] += logits[x][1];
        }
        Ok(gradient)
    }

    /// Expected visits Σ_t wᵗ Pr(x_t = x) (S), for a weight w ∈ \[0, 1\]: discounted ones with w = γ.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if episodes need not end and w = 1.
    pub fn visits(&self, weight: f64) -> Result<DVector<f64>, Failure> {
        let states = self.states();
        let chain = DMatrix::from_fn(states, states, |t, x| {
            sum((0..2).map(|a| self.policy[x][a] * self.process.transition(x, a)[t]))
        });
        let start = DVector::from_column_slice(&self.process.start()[..states]);
        let system = DMatrix::identity(states, states) - chain * weight;
        system.lu().solve(&start).ok_or_else(|| Failure::numerical("episodes need not end"))
    }

    /// Σ_x w-visits(x) Σ_a μ(a|x) u uᵀ (n × n), diagonal. With w = γ it is the Fisher matrix of steps. With w = 1
    /// it is that of paths, E\[u(ξ) u(ξ)ᵀ\], because scores of different steps are uncorrelated.
    ///
    /// # Errors
    /// See [`Self::visits`].
    pub fn fisher(&self, weight: f64) -> Result<DMatrix<f64>, Failure> {
        let mut fisher = DMatrix::zeros(self.parameters, self.parameters);
        for (x, visits) in self.visits(weight)?.iter().enumerate() {
            let o = self.observation[x];
            fisher[(o, o)] += visits * self.chance(x, 0) * self.chance(x, 1);
        }
        Ok(fisher)
    }

    /// The Fisher matrix of steps, Σ_x ν(x) Σ_a μ(a|x) u uᵀ with discounted visits ν (n × n).
    ///
    /// # Errors
    /// See [`Self::visits`].
    pub fn step_fisher(&self, fault: Option<Fault>) -> Result<DMatrix<f64>, Failure> {
        self.fisher(if fault == Some(Fault::UnweightedFisher) { 1.0 } else { self.discount() })
    }

    /// Scores of all pairs of state and action (n × 2S), in column 2x + a.
    pub fn scores(&self) -> DMatrix<f64> {
        let mut scores = DMatrix::zeros(self.parameters, 2 * self.states());
        for (x, o) in self.observation.iter().enumerate() {
            scores[(*o, 2 * x)] = -self.chance(x, 1);
            scores[(*o, 2 * x + 1)] = self.chance(x, 0);
        }
        scores
    }

    /// Draws an episode.
    pub fn episode(&self, stream: &mut Stream) -> Vec<Visit> {
        self.process.episode(&self.policy, self.states(), LONGEST, stream)
    }

    /// Scores and discounted returns of episodes.
    pub fn paths(&self, episodes: &[Vec<Visit>]) -> Paths {
        let steps = self.scores();
        let mut scores = DMatrix::zeros(self.parameters, episodes.len());
        for (i, episode) in episodes.iter().enumerate() {
            for visit in episode {
                let o = self.observation[visit.state];
                scores[(o, i)] += steps[(o, 2 * visit.state + visit.action)];
            }
        }
        let returns = episodes.iter().map(|episode| self.to_go(episode).first().copied().unwrap_or(0.0));
        Paths { returns: DVector::from_iterator(episodes.len(), returns), scores }
    }

    /// What the actor-critic sees of episodes, given the state kernel (S × S).
    pub fn experience(&self, episodes: &[Vec<Visit>], states: &DMatrix<f64>) -> Experience {
        let visits: Vec<&Visit> = episodes.iter().flatten().collect();
        let pairs: Vec<usize> = visits.iter().map(|v| 2 * v.state + v.action).collect();
        Experience {
            scores: self.scores().select_columns(&pairs),
            states: DMatrix::from_fn(visits.len(), visits.len(), |i, j| {
                states[(visits[i].state, visits[j].state)]
            }),
            rewards: DVector::from_iterator(visits.len(), visits.iter().map(|v| v.reward)),
            lengths: episodes.iter().map(Vec::len).collect(),
        }
    }

    /// Discounted returns from each step of an episode on.
    pub fn to_go(&self, episode: &[Visit]) -> Vec<f64> {
        let mut returns: Vec<f64> = episode.iter().map(|visit| visit.reward).collect();
        for t in (1..returns.len()).rev() {
            returns[t - 1] += self.discount() * returns[t];
        }
        returns
    }

    /// The Monte Carlo estimate that credits a step with what came after it: the mean over episodes of
    /// Σ_t γᵗ u_t Σ_{k ≥ t} γ^{k−t} r_k (n).
    pub fn reward_to_go(&self, episodes: &[Vec<Visit>]) -> DVector<f64> {
        let scores = self.scores();
        let of = |parameter: usize, episode: &Vec<Visit>| {
            let mut weight = 1.0;
            let terms = episode.iter().zip(self.to_go(episode)).map(|(visit, rest)| {
                let term = weight * scores[(parameter, 2 * visit.state + visit.action)] * rest;
                weight *= self.discount();
                term
            });
            sum(terms)
        };
        DVector::from_fn(self.parameters, |j, _| {
            mean(&episodes.iter().map(|episode| of(j, episode)).collect::<Vec<_>>())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    #[test]
    fn known_values_of_the_example() {
        let process = Terminating::example(false).unwrap();
        assert_relative_eq!(process.performance().unwrap(), 2.047_309_8, epsilon = 5e-8);
        let gradient = [0.321_205, -0.111_698, -0.101_428, 0.136_167];
        let fisher = [0.454_826, 0.223_395, 0.193_093, 0.167_224];
        let found = process.step_fisher(None).unwrap();
        for i in 0..4 {
            assert_relative_eq!(process.gradient().unwrap()[i], gradient[i], epsilon = 5e-7);
            assert_relative_eq!(found[(i, i)], fisher[i], epsilon = 5e-7);
        }
    }

    #[test]
    fn estimates_are_unbiased_and_the_fisher_matrix_of_paths_is_undiscounted() {
        let mut stream = Streams::from_seed(5).stream("episodes");
        for parity in [false, true] {
            let process = Terminating::example(parity).unwrap();
            let episodes: Vec<Vec<Visit>> = (0..20_000).map(|_| process.episode(&mut stream)).collect();
            let (paths, gradient) = (process.paths(&episodes), process.gradient().unwrap());
            assert_relative_eq!(paths.monte_carlo(), gradient, epsilon = 0.08);
            assert_relative_eq!(process.reward_to_go(&episodes), gradient, epsilon = 0.04);
            let fisher = process.fisher(1.0).unwrap();
            assert_relative_eq!(paths.empirical_fisher(), fisher, epsilon = 0.04);
            assert_relative_eq!(
                mean(paths.returns.as_slice()),
                process.performance().unwrap(),
                epsilon = 0.05
            );
        }
    }

    #[test]
    fn what_is_no_process_is_refused() {
        let build = |transition: f64, observation: usize, discount: f64| {
            let transitions = Rows::from_fn(2, 1, |_, _| transition);
            let rewards = Rows::zeros(1, 2);
            Terminating::new(&transitions, &rewards, &[1.0], discount, vec![observation], &[0.0])
        };
        assert!(build(0.5, 0, 0.9).is_ok());
        for (transition, observation, discount) in [(1.5, 0, 0.9), (0.5, 1, 0.9), (0.5, 0, 1.0)] {
            let refused = build(transition, observation, discount);
            assert!(matches!(refused, Err(Failure::Invalid(_))));
        }
    }
}
