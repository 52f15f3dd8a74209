//! A true process and a model of it, and what the theory says about their difference.

use super::{Fault, unsolved};
use crate::{
    kernel::{
        divergence::total_variation,
        math::{dot, sum},
        mdp::{Mdp, Rows, deterministic},
        splitmix::SplitMix64,
    },
    papers::leaf::Failure,
};

/// A true process M and a model M̂ that differs from it in its transitions only.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelPair {
    truth: Mdp,
    model: Mdp,
}

/// How random pairs are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomShape {
    /// S.
    pub states: usize,
    /// A.
    pub actions: usize,
    /// Largest share of other transitions that a row of the model may have.
    pub mix: f64,
    /// γ.
    pub discount: f64,
}

impl ModelPair {
    /// The process and its model with transitions T̂ in row s A + a (S A × S).
    ///
    /// # Errors
    /// [`Failure::Invalid`] if T̂ does not fit the process.
    pub fn new(truth: Mdp, model: Rows) -> Result<Self, Failure> {
        let rewards = truth.dynamics().rewards().clone();
        let model = Mdp::new(model, rewards, truth.start().to_vec(), truth.discount()).map_err(unsolved)?;
        Ok(Self { truth, model })
    }

    /// A random pair and a random policy. In this order: T, then other transitions N, all rows s A + a
    /// uniform on the simplex; r(s, a) uniform on \[0, 1); rows of π and μ uniform on the simplex; and
    /// shares c(s, a) uniform on \[0, mix). The model is T̂ = (1 − c) T + c N.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for no states or actions, and a mix or discount out of range.
    pub fn random(seed: u64, shape: RandomShape) -> Result<(Self, Rows), Failure> {
        let RandomShape { states, actions, mix, discount } = shape;
        let mut stream = SplitMix64::new(seed);
        let rows = |count: usize, width: usize, stream: &mut SplitMix64| {
            let rows: Vec<Vec<f64>> = (0..count).map(|_| stream.simplex(width)).collect();
            Rows::from_fn(count, width, |row, i| rows[row][i])
        };
        let known = rows(states * actions, states, &mut stream);
        let others = rows(states * actions, states, &mut stream);
        let rewards = Rows::from_fn(states, actions, |_, _| stream.uniform());
        let policy = rows(states, actions, &mut stream);
        let start = stream.simplex(states);
        let shares: Vec<f64> = (0..states * actions).map(|_| mix * stream.uniform()).collect();
        let model = Rows::from_fn(states * actions, states, |row, t| {
            (1.0 - shares[row]) * known[row][t] + shares[row] * others[row][t]
        });
        let truth = Mdp::new(known, rewards, start, discount).map_err(unsolved)?;
        Ok((Self::new(truth, model)?, policy))
    }

    /// The tight pair: states good (0, reward 1) and dead (1, reward 0, absorbing), one action. Truly good
    /// dies with probability e; in the model it never does. The start is good.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for e outside \[0, 1\] and a discount outside \[0, 1).
    pub fn tight(e: f64, discount: f64) -> Result<Self, Failure> {
        let transitions = Rows::from_fn(2, 2, |s, t| [[1.0 - e, e], [0.0, 1.0]][s][t]);
        let model = Rows::from_fn(2, 2, |s, t| f64::from(u8::from(s == t)));
        let rewards = Rows::from_fn(2, 1, |s, _| 1.0 - s as f64);
        Self::new(Mdp::new(transitions, rewards, vec![1.0, 0.0], discount).map_err(unsolved)?, model)
    }

    /// The tight pair with a second action in good, which pays 0.5, stays, and is known exactly.
    ///
    /// # Errors
    /// As [`Self::tight`].
    pub fn risky_or_safe(e: f64, discount: f64) -> Result<Self, Failure> {
        let rows =
            |e: f64| Rows::from_fn(4, 2, |row, t| [[1.0 - e, e], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]][row][t]);
        let rewards = Rows::from_fn(2, 2, |s, a| [[1.0, 0.5], [0.0, 0.0]][s][a]);
        let truth = Mdp::new(rows(e), rewards, vec![1.0, 0.0], discount).map_err(unsolved)?;
        Self::new(truth, rows(0.0))
    }

    /// M.
    pub fn truth(&self) -> &Mdp {
        &self.truth
    }

    /// M̂.
    pub fn model(&self) -> &Mdp {
        &self.model
    }

    /// λ* = γ/(1 − γ).
    pub fn weight(&self, fault: Option<Fault>) -> f64 {
        let discount = self.truth.discount();
        let weight = discount / (1.0 - discount);
        match fault {
            Some(Fault::NoPenalty) => 0.0,
            Some(Fault::HalfPenalty) => 0.5 * weight,
            Some(Fault::NoHorizonFactor) => 1.0,
            Some(Fault::WrongSignPenalty) => -weight,
            _ => weight,
        }
    }

    /// TV(s, a).
    pub fn error(&self, state: usize, action: usize, fault: Option<Fault>) -> f64 {
        let distance =
            total_variation(self.truth.transition(state, action), self.model.transition(state, action));
        if fault == Some(Fault::L1InsteadOfTv) { 2.0 * distance } else { distance }
    }

    /// TV of all pairs (S × A).
    pub fn errors(&self, fault: Option<Fault>) -> Rows {
        Rows::from_fn(self.truth.states(), self.truth.actions(), |s, a| self.error(s, a, fault))
    }

    /// The pessimistic process: transitions T̂, rewards r − `weight` u with a penalty u (S × A).
    ///
    /// # Errors
    /// [`Failure::Invalid`] if a penalty is not finite.
    pub fn penalised(&self, weight: f64, penalty: &Rows) -> Result<Mdp, Failure> {
        let rewards = Rows::from_fn(self.model.states(), self.model.actions(), |s, a| {
            self.model.reward(s, a) - weight * penalty[s][a]
        });
        let (start, discount) = (self.model.start().to_vec(), self.model.discount());
        Mdp::new(transitions(&self.model), rewards, start, discount).map_err(unsolved)
    }

    /// The pessimistic process of the theory: u = TV with weight λ*.
    ///
    /// # Errors
    /// None for a pair that exists.
    pub fn pessimistic(&self, fault: Option<Fault>) -> Result<Mdp, Failure> {
        self.penalised(self.weight(fault), &self.errors(fault))
    }

    /// Σ d^π f over pairs, with the unnormalised occupancy d^π of a process.
    fn averaged(process: &Mdp, policy: &Rows, f: impl Fn(usize, usize) -> f64) -> Result<f64, Failure> {
        let occupancy = process.occupancy(policy).map_err(unsolved)?;
        let pairs = (0..process.states()).flat_map(|s| (0..process.actions()).map(move |a| (s, a)));
        let total = sum(pairs.map(|(s, a)| occupancy[s] * policy[s][a] * f(s, a)));
        Ok(total / (1.0 - process.discount()))
    }

    /// What telescoping says J_M̂(π) − J_M(π) is: γ Σ d^π (E_T̂ V^π_M − E_T V^π_M).
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a policy of another shape.
    pub fn telescoped(&self, policy: &Rows, fault: Option<Fault>) -> Result<f64, Failure> {
        let values = self.truth.evaluate(policy).map_err(unsolved)?.values;
        let visited = if fault == Some(Fault::TrueOccupancy) { &self.truth } else { &self.model };
        let gap =
            |s, a| dot(self.model.transition(s, a), &values) - dot(self.truth.transition(s, a), &values);
        Ok(self.truth.discount() * Self::averaged(visited, policy, gap)?)
    }

    /// The same with the roles exchanged: occupancy in the truth, values of the model.
    ///
    /// # Errors
    /// As [`Self::telescoped`].
    pub fn telescoped_back(&self, policy: &Rows) -> Result<f64, Failure> {
        let back = Self { truth: self.model.clone(), model: self.truth.clone() };
        Ok(-back.telescoped(policy, None)?)
    }

    /// ε_u(π) = Σ d^π TV: the model's error where the policy goes in the model.
    ///
    /// # Errors
    /// As [`Self::telescoped`].
    pub fn visited_error(&self, policy: &Rows) -> Result<f64, Failure> {
        Self::averaged(&self.model, policy, |s, a| self.error(s, a, None))
    }

    /// J_M(π).
    ///
    /// # Errors
    /// As [`Self::telescoped`].
    pub fn true_return(&self, policy: &Rows) -> Result<f64, Failure> {
        self.truth.performance(policy).map_err(unsolved)
    }

    /// An optimal policy of a process (S × A, deterministic).
    ///
    /// # Errors
    /// [`Failure::Numerical`] if a linear system cannot be solved.
    pub fn optimal(process: &Mdp) -> Result<Rows, Failure> {
        let (_, chosen) = process.optimal().map_err(unsolved)?;
        Ok(deterministic(&chosen, process.actions()))
    }

    /// J_M(π̂) − (J_M(π) − 2 λ* ε_u(π)) of the maximiser π̂ of the pessimistic return: at least 0.
    ///
    /// # Errors
    /// As [`Self::telescoped`].
    pub fn guarantee_slack(&self, policy: &Rows, fault: Option<Fault>) -> Result<f64, Failure> {
        let pessimist = Self::optimal(&self.pessimistic(fault)?)?;
        let price = 2.0 * self.weight(None) * self.visited_error(policy)?;
        Ok(self.true_return(&pessimist)? - (self.true_return(policy)? - price))
    }

    /// Total variation between the laws of the state after h = 1 … `steps` steps, under one policy.
    pub fn divergence_by_step(&self, policy: &Rows, steps: usize) -> Vec<f64> {
        let mut truth = self.truth.start().to_vec();
        let mut model = truth.clone();
        (0..steps)
            .map(|_| {
                truth = self.truth.dynamics().pushed(&truth, policy);
                model = self.model.dynamics().pushed(&model, policy);
                total_variation(&truth, &model)
            })
            .collect()
    }
}

/// The transitions of a process, in row s A + a (S A × S).
pub fn transitions(process: &Mdp) -> Rows {
    let (states, actions) = (process.states(), process.actions());
    Rows::from_fn(states * actions, states, |row, t| process.transition(row / actions, row % actions)[t])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const SHAPE: RandomShape = RandomShape { states: 5, actions: 3, mix: 0.5, discount: 0.9 };

    fn returns(e: f64, fault: Option<Fault>) -> (f64, f64, f64) {
        let pair = ModelPair::tight(e, 0.9).unwrap();
        let only = Rows::from_fn(2, 1, |_, _| 1.0);
        let of = |process: &Mdp| process.performance(&only).unwrap();
        (of(pair.truth()), of(pair.model()), of(&pair.pessimistic(fault).unwrap()))
    }

    #[test]
    fn the_tight_pair_by_hand() {
        // J = 1/(1 − γ(1 − e)), Ĵ = 1/(1 − γ), J̃ = Ĵ − λ* e/(1 − γ).
        let (truth, model, pessimistic) = returns(0.01, None);
        assert_relative_eq!(truth, 1.0 / 0.109, epsilon = 1e-12);
        assert_relative_eq!(truth, 9.1743, epsilon = 5e-5);
        assert_relative_eq!(model, 10.0, epsilon = 1e-12);
        assert_relative_eq!(pessimistic, 9.1, epsilon = 1e-12);
        assert_relative_eq!(returns(0.01, Some(Fault::HalfPenalty)).2, 9.55, epsilon = 1e-12);
        assert_relative_eq!(returns(0.01, Some(Fault::NoHorizonFactor)).2, 9.9, epsilon = 1e-12);
        assert_relative_eq!(returns(0.01, Some(Fault::NoPenalty)).2, 10.0, epsilon = 1e-12);
        assert_relative_eq!(returns(0.01, Some(Fault::L1InsteadOfTv)).2, 8.2, epsilon = 1e-12);
    }

    #[test]
    fn the_wrong_sign_takes_the_risky_arm() {
        let pair = ModelPair::risky_or_safe(0.5, 0.9).unwrap();
        let chosen = |fault| {
            let best = ModelPair::optimal(&pair.pessimistic(fault).unwrap()).unwrap();
            pair.true_return(&best).unwrap()
        };
        assert_relative_eq!(chosen(None), 5.0, epsilon = 1e-12);
        assert_relative_eq!(chosen(Some(Fault::WrongSignPenalty)), 1.0 / 0.55, epsilon = 1e-12);
        let best = ModelPair::optimal(pair.truth()).unwrap();
        assert_relative_eq!(pair.visited_error(&best).unwrap(), 0.0);
    }

    #[test]
    fn random_pairs_have_the_known_slacks() {
        let (mut slacks, mut guarantees, mut optimistic) = (Vec::new(), Vec::new(), 0);
        for seed in 0..100 {
            let (pair, policy) = ModelPair::random(seed, SHAPE).unwrap();
            let truth = pair.true_return(&policy).unwrap();
            let model = pair.model().performance(&policy).unwrap();
            assert_relative_eq!(pair.telescoped(&policy, None).unwrap(), model - truth, epsilon = 1e-13);
            assert_relative_eq!(pair.telescoped_back(&policy).unwrap(), model - truth, epsilon = 1e-13);
            let wrong = pair.telescoped(&policy, Some(Fault::TrueOccupancy)).unwrap();
            assert!((wrong - (model - truth)).abs() > 1e-6, "seed {seed}");
            optimistic += usize::from(model > truth);
            slacks.push(truth - pair.pessimistic(None).unwrap().performance(&policy).unwrap());
            let best = ModelPair::optimal(pair.truth()).unwrap();
            guarantees.push(pair.guarantee_slack(&best, None).unwrap());
        }
        let smallest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        assert_relative_eq!(smallest(&slacks), 5.89, epsilon = 0.005);
        assert_relative_eq!(crate::kernel::math::mean(&slacks), 9.82, epsilon = 0.005);
        assert_relative_eq!(smallest(&guarantees), 5.81, epsilon = 0.005);
        assert_eq!(optimistic, 46);
    }
}
