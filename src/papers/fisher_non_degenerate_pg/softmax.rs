//! Softmax policies on tabular processes, truncated at a horizon.

use nalgebra::DMatrix;

use super::{
    Fault,
    estimators::{Environment, Trajectory},
};
use crate::kernel::{
    math::dot,
    mdp::{LogLinear, Mdp, MdpError, Rows},
    stream::Stream,
};

/// A tabular process with a softmax policy of A − 1 logits a state: the last action has logit 0, so
/// that no direction of θ ∈ ℝ^(S (A − 1)) leaves the policy as it is. Trajectories have H steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Tabular {
    process: Mdp,
    class: LogLinear,
    horizon: usize,
}

/// A state and the action taken there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// s.
    pub state: usize,
    /// a.
    pub action: usize,
}

/// Choices with their rewards.
type Steps = [(Choice, f64)];

impl Tabular {
    /// A process of at least two actions, whose trajectories are cut after some steps.
    ///
    /// # Errors
    /// [`MdpError::Shape`] if there is one action only, and thus no parameter.
    pub fn new(process: Mdp, horizon: usize) -> Result<Self, MdpError> {
        let (states, actions) = (process.states(), process.actions());
        if actions < 2 {
            return Err(MdpError::Shape("a softmax policy needs at least two actions".into()));
        }
        // The unit vector of the pair, and nothing for the last action.
        let features = Rows::from_fn(states * actions, states * (actions - 1), |pair, i| {
            let (state, action) = (pair / actions, pair % actions);
            f64::from(u8::from(action + 1 < actions && i == state * (actions - 1) + action))
        });
        Ok(Self { class: LogLinear::new(features, actions)?, process, horizon })
    }

    /// The deterministic example with as many states as `start` has: P(t|s, a) proportional to the
    /// power of 1 + ((3s + 4a + 7t + st + 2at) mod 5), rewards ((2s + 3a + sa) mod 5)/4.
    ///
    /// # Errors
    /// [`MdpError`] if the start is no distribution, the discount lies outside \[0, 1), or there are
    /// fewer than two actions.
    pub fn example(
        actions: usize,
        power: usize,
        start: Vec<f64>,
        discount: f64,
        horizon: usize,
    ) -> Result<Self, MdpError> {
        let states = start.len();
        let weight = |s: usize, a: usize, t: usize| {
            let base = 1 + (3 * s + 4 * a + 7 * t + s * t + 2 * a * t) % 5;
            (0..power).map(|_| base as f64).product::<f64>()
        };
        let transitions = Rows::from_fn(states * actions, states, |pair, t| {
            let (s, a) = (pair / actions, pair % actions);
            weight(s, a, t) / (0..states).map(|t| weight(s, a, t)).sum::<f64>()
        });
        let reward = |s: usize, a: usize| ((2 * s + 3 * a + s * a) % 5) as f64 / 4.0;
        let process = Mdp::new(transitions, Rows::from_fn(states, actions, reward), start, discount)?;
        Self::new(process, horizon)
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Mdp {
        &self.process
    }

    /// The policies as a class of log-linear ones.
    #[must_use]
    pub fn class(&self) -> &LogLinear {
        &self.class
    }

    /// F(θ) = E\[∇ln π ∇ln πᵀ\] over the discounted occupancy of π_θ (d × d).
    ///
    /// # Errors
    /// See [`Mdp::occupancy`].
    pub fn fisher(&self, theta: &[f64]) -> Result<DMatrix<f64>, MdpError> {
        let policy = self.policy(theta);
        Ok(self.class.fisher(&policy, &self.process.occupancy(&policy)?))
    }

    /// The objective of H steps, by dynamic programming backwards in time.
    #[must_use]
    pub fn truncated_objective(&self, theta: &[f64]) -> f64 {
        let policy = self.policy(theta);
        let mut values = vec![0.0; self.process.states()];
        for _ in 0..self.horizon {
            let actions = self.process.backup(&values);
            values = actions.iter().zip(policy.iter()).map(|(q, p)| dot(q, p)).collect();
        }
        dot(self.process.start(), &values)
    }

    /// Shows every trajectory with its probability.
    pub fn enumerate(
        &self,
        theta: &[f64],
        fault: Option<Fault>,
        visit: &mut dyn FnMut(f64, &Trajectory<Choice>),
    ) {
        let policy = self.policy(theta);
        let mut accumulated = |probability: f64, steps: &Steps| {
            let mut trajectory = Trajectory { steps: steps.to_vec() };
            trajectory.accumulate(self.process.discount(), fault);
            visit(probability, &trajectory);
        };
        for (state, p) in self.process.start().iter().enumerate() {
            self.walk(&policy, state, *p, &mut Vec::new(), &mut accumulated);
        }
    }

    fn walk(
        &self,
        policy: &Rows,
        state: usize,
        probability: f64,
        steps: &mut Vec<(Choice, f64)>,
        visit: &mut dyn FnMut(f64, &Steps),
    ) {
        if probability == 0.0 {
            return;
        }
        if steps.len() == self.horizon {
            visit(probability, steps);
            return;
        }
        for (action, p) in policy[state].iter().enumerate() {
            steps.push((Choice { state, action }, self.process.reward(state, action)));
            if steps.len() == self.horizon {
                // Nothing is seen after the last action, so the next state does not matter.
                self.walk(policy, state, probability * p, steps, visit);
            } else {
                for (next, q) in self.process.transition(state, action).iter().enumerate() {
                    self.walk(policy, next, probability * p * q, steps, visit);
                }
            }
            steps.pop();
        }
    }

    /// The logits of a state among those of all states.
    fn block(&self, state: usize) -> std::ops::Range<usize> {
        let free = self.process.actions() - 1;
        state * free..(state + 1) * free
    }
}

impl Environment for Tabular {
    type Vector = Vec<f64>;
    type Policy = Rows;
    type Step = Choice;

    fn dimension(&self) -> usize {
        self.class.dimension()
    }

    /// π (S × A).
    fn policy(&self, theta: &[f64]) -> Rows {
        self.class.policy(theta)
    }

    fn refresh(&self, theta: &[f64], policy: &mut Rows) {
        self.class.refresh(theta, policy);
    }

    fn draw(&self, policy: &Rows, stream: &mut Stream, trajectory: &mut Trajectory<Choice>) {
        let visits = self.process.walk(policy, self.horizon, stream);
        trajectory.steps.clear();
        trajectory.steps.extend(visits.map(|v| (Choice { state: v.state, action: v.action }, v.reward)));
        trajectory.accumulate(self.process.discount(), None);
    }

    fn add_score(&self, policy: &Rows, step: &Choice, weight: f64, into: &mut [f64]) {
        let block = &mut into[self.block(step.state)];
        for (x, p) in block.iter_mut().zip(&policy[step.state]) {
            *x -= weight * p;
        }
        if let Some(x) = block.get_mut(step.action) {
            *x += weight;
        }
    }

    fn score_along(&self, policy: &Rows, step: &Choice, v: &[f64]) -> f64 {
        let block = &v[self.block(step.state)];
        block.get(step.action).copied().unwrap_or(0.0) - dot(block, &policy[step.state])
    }

    fn add_curvature(&self, policy: &Rows, step: &Choice, v: &[f64], weight: f64, into: &mut [f64]) {
        // −(diag(π) − ππᵀ) v in the block of the state, whatever the action was.
        let (block, row) = (&v[self.block(step.state)], &policy[step.state]);
        let mean = dot(block, row);
        for ((x, y), p) in into[self.block(step.state)].iter_mut().zip(block).zip(row) {
            *x -= weight * p * (y - mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::estimators::{add_gradient, add_hessian_product};
    use super::*;
    use approx::assert_relative_eq;

    /// Expectations of g and of the columns of B at θ = (0.4, −0.3), over all trajectories.
    fn expectations(fault: Option<Fault>) -> ([f64; 2], [[f64; 2]; 2]) {
        let example = Tabular::example(2, 1, vec![0.7, 0.3], 0.9, 3).unwrap();
        let theta = [0.4, -0.3];
        let policy = example.policy(&theta);
        let (mut gradient, mut columns, mut total) = ([0.0; 2], [[0.0; 2]; 2], 0.0);
        example.enumerate(&theta, None, &mut |p, tau| {
            total += p;
            add_gradient(&example, &policy, tau, p, &mut gradient);
            for (j, column) in columns.iter_mut().enumerate() {
                let v = [f64::from(u8::from(j == 0)), f64::from(u8::from(j == 1))];
                add_hessian_product(&example, &policy, tau, &v, p, fault, column);
            }
        });
        assert_relative_eq!(total, 1.0, epsilon = 1e-14);
        (gradient, columns)
    }

    #[test]
    fn scores_are_those_of_the_class() {
        let example = Tabular::example(3, 1, vec![0.5, 0.5], 0.9, 3).unwrap();
        let (theta, v) = ([0.4, -0.3, 1.0, 0.0], [1.0, 2.0, -1.0, 0.5]);
        let policy = example.policy(&theta);
        for (state, action) in [(0, 0), (1, 1), (1, 2)] {
            let (step, mut score) = (Choice { state, action }, [0.0; 4]);
            example.add_score(&policy, &step, 1.0, &mut score);
            let known = example.class().score(&policy, state, action);
            for (x, y) in score.iter().zip(&known) {
                assert_relative_eq!(x, y, epsilon = 1e-15);
            }
            assert_relative_eq!(example.score_along(&policy, &step, &v), dot(&known, &v), epsilon = 1e-15);
        }
    }

    #[test]
    fn known_gradient_and_hessian() {
        let (gradient, columns) = expectations(None);
        for (g, known) in gradient.iter().zip([-0.26351, 0.07351]) {
            assert_relative_eq!(*g, known, epsilon = 5e-6);
        }
        for (x, known) in columns.iter().flatten().zip([0.07463, -0.00117, -0.00117, 0.00759]) {
            assert_relative_eq!(*x, known, epsilon = 5e-6);
        }
    }

    #[test]
    fn known_hessians_of_the_mistakes() {
        let diagonal = expectations(Some(Fault::NoOuterProduct)).1;
        assert_relative_eq!(diagonal[0][0], -0.231, epsilon = 5e-4);
        assert_relative_eq!(diagonal[1][1], -0.185, epsilon = 5e-4);
        let causal = expectations(Some(Fault::CausalScoreOnly)).1;
        let rows = [causal[0][0], causal[1][0], causal[0][1], causal[1][1]];
        for (x, known) in rows.iter().zip([0.0633, 0.0038, -0.0050, 0.0093]) {
            assert_relative_eq!(*x, known, epsilon = 5e-5);
        }
    }

    #[test]
    fn samples_follow_the_enumeration() {
        use crate::kernel::stream::Streams;
        let example = Tabular::example(2, 1, vec![0.7, 0.3], 0.9, 3).unwrap();
        let theta = [0.4, -0.3];
        let policy = example.policy(&theta);
        let (mut stream, mut tau) = (Streams::from_seed(3).stream("draws"), Trajectory::default());
        let mut mean = [0.0; 2];
        for _ in 0..40_000 {
            example.draw(&policy, &mut stream, &mut tau);
            add_gradient(&example, &policy, &tau, 1.0 / 40_000.0, &mut mean);
        }
        for (g, known) in mean.iter().zip(expectations(None).0) {
            assert_relative_eq!(*g, known, epsilon = 0.02);
        }
    }
}
