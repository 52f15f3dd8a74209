//! A process, its exact evaluation and its occupancies.

use nalgebra::{DMatrix, DVector};

use super::{Dynamics, Rows};
use crate::kernel::math::{dot, sum};

/// A tabular discounted process.
#[derive(Clone, Debug, PartialEq)]
pub struct Mdp {
    dynamics: Dynamics,
    /// μ₀ (S).
    start: Vec<f64>,
    /// γ.
    discount: f64,
}

/// Why a table is no process, or a policy none of it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum MdpError {
    /// The tables do not fit each other.
    #[error("the shapes do not fit: {0}")]
    Shape(String),
    /// Something that should be a distribution is none.
    #[error("{what} is no distribution: its entries must be at least 0 and sum to 1")]
    Distribution {
        /// What it is.
        what: String,
    },
    /// The discount lies outside \[0, 1).
    #[error("the discount is {0}, expected at least 0 and less than 1")]
    Discount(f64),
    /// A reward is not finite.
    #[error("a reward is not finite")]
    Reward,
    /// The weight of a regulariser is negative or not finite.
    #[error("the weight of the regulariser is {0}, expected a number of at least 0")]
    Temperature(f64),
    /// A linear system has no solution.
    #[error("the linear system of the policy is singular")]
    Singular,
}

/// Values of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// V_π (S).
    pub values: Vec<f64>,
    /// Q_π (S × A).
    pub actions: Rows,
}

impl Evaluation {
    /// A_π(s, a) = Q_π(s, a) − V_π(s).
    #[must_use]
    pub fn advantage(&self, state: usize, action: usize) -> f64 {
        self.actions[state][action] - self.values[state]
    }
}

impl Mdp {
    /// A process of S states and A actions: transitions in row s A + a (S A × S), rewards (S × A), start
    /// distribution (S) and discount.
    ///
    /// # Errors
    /// [`MdpError`] if shapes do not fit, a row is no distribution, a reward is not finite, or the
    /// discount lies outside \[0, 1).
    pub fn new(transitions: Rows, rewards: Rows, start: Vec<f64>, discount: f64) -> Result<Self, MdpError> {
        let dynamics = Dynamics::new(transitions, rewards)?;
        dynamics.hold_start(&start)?;
        if !(0.0..1.0).contains(&discount) {
            return Err(MdpError::Discount(discount));
        }
        Ok(Self { dynamics, start, discount })
    }

    /// Transitions and rewards.
    #[must_use]
    pub fn dynamics(&self) -> &Dynamics {
        &self.dynamics
    }

    /// Number of states S.
    #[must_use]
    pub fn states(&self) -> usize {
        self.dynamics.states()
    }

    /// Number of actions A.
    #[must_use]
    pub fn actions(&self) -> usize {
        self.dynamics.actions()
    }

    /// The discount γ.
    #[must_use]
    pub fn discount(&self) -> f64 {
        self.discount
    }

    /// The start distribution μ₀.
    #[must_use]
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// r(s, a).
    #[must_use]
    pub fn reward(&self, state: usize, action: usize) -> f64 {
        self.dynamics.rewards()[state][action]
    }

    /// P(·|s, a).
    #[must_use]
    pub fn transition(&self, state: usize, action: usize) -> &[f64] {
        self.dynamics.transition(state, action)
    }

    /// P_π (S × S).
    fn chain(&self, policy: &Rows) -> DMatrix<f64> {
        DMatrix::from_fn(self.states(), self.states(), |s, t| {
            let taken = (0..self.actions()).filter(|a| policy[s][*a] != 0.0);
            sum(taken.map(|a| policy[s][a] * self.transition(s, a)[t]))
        })
    }

    /// One Bellman backup Q(s, a) = r(s, a) + γ Σ_t P(t|s, a) V(t) (S × A) of values V (S).
    #[must_use]
    pub fn backup(&self, values: &[f64]) -> Rows {
        self.dynamics.backup(values, self.discount)
    }

    /// V_π (S): the solution of V = r_π + γ P_π V.
    ///
    /// # Errors
    /// See [`Self::evaluate`].
    fn state_values(&self, policy: &Rows) -> Result<Vec<f64>, MdpError> {
        self.dynamics.hold_policy(policy)?;
        let rewards = DVector::from_fn(self.states(), |s, _| dot(&policy[s], &self.dynamics.rewards()[s]));
        let system = DMatrix::identity(self.states(), self.states()) - self.chain(policy) * self.discount;
        let values = system.lu().solve(&rewards).ok_or(MdpError::Singular)?;
        Ok(values.iter().copied().collect())
    }

    /// V_π and Q_π.
    ///
    /// # Errors
    /// [`MdpError::Shape`] if the policy is no S × A table, [`MdpError::Singular`] if the system
    /// cannot be solved (it can for every policy whose rows are distributions).
    pub fn evaluate(&self, policy: &Rows) -> Result<Evaluation, MdpError> {
        let values = self.state_values(policy)?;
        let actions = self.backup(&values);
        Ok(Evaluation { values, actions })
    }

    /// The normalised discounted occupancy d_π of states (S): d = (1 − γ) μ₀ + γ P_πᵀ d.
    ///
    /// # Errors
    /// See [`Self::evaluate`].
    pub fn occupancy(&self, policy: &Rows) -> Result<Vec<f64>, MdpError> {
        self.dynamics.hold_policy(policy)?;
        let start = DVector::from_fn(self.states(), |s, _| (1.0 - self.discount) * self.start[s]);
        let chain = self.chain(policy).transpose() * self.discount;
        let system = DMatrix::identity(self.states(), self.states()) - chain;
        let occupancy = system.lu().solve(&start).ok_or(MdpError::Singular)?;
        Ok(occupancy.iter().copied().collect())
    }

    /// The performance η(π) = Σ_s μ₀(s) V_π(s).
    ///
    /// # Errors
    /// See [`Self::evaluate`].
    pub fn performance(&self, policy: &Rows) -> Result<f64, MdpError> {
        Ok(dot(&self.start, &self.state_values(policy)?))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::mdp::{Shape, instances};

    #[test]
    fn a_loop_earns_its_reward_over_one_minus_gamma() {
        let process =
            Mdp::new(Rows::from_fn(1, 1, |_, _| 1.0), Rows::from_fn(1, 1, |_, _| 3.0), vec![1.0], 0.9)
                .unwrap();
        let stay = Rows::from_fn(1, 1, |_, _| 1.0);
        assert_relative_eq!(process.performance(&stay).unwrap(), 30.0, epsilon = 1e-12);
        assert_relative_eq!(process.occupancy(&stay).unwrap()[0], 1.0, epsilon = 1e-15);
    }

    #[test]
    fn what_is_no_process_is_refused() {
        let rows = |n: usize, w: usize, x: f64| Rows::from_fn(n, w, |_, _| x);
        assert!(matches!(
            Mdp::new(rows(3, 2, 0.5), rows(2, 1, 0.0), vec![1.0, 0.0], 0.9),
            Err(MdpError::Shape(_))
        ));
        assert!(matches!(
            Mdp::new(rows(2, 2, 0.4), rows(2, 1, 0.0), vec![1.0, 0.0], 0.9),
            Err(MdpError::Distribution { .. })
        ));
        assert!(matches!(
            Mdp::new(rows(2, 2, 0.5), rows(2, 1, 0.0), vec![1.0, 0.0], 1.0),
            Err(MdpError::Discount(_))
        ));
        assert!(matches!(
            Mdp::new(rows(2, 2, 0.5), rows(2, 1, f64::NAN), vec![1.0, 0.0], 0.5),
            Err(MdpError::Reward)
        ));
    }

    const SHAPE: Shape = Shape { states: (1, 6), actions: (1, 4), discount: (0.0, 0.99) };

    proptest! {
        #[test]
        fn values_satisfy_bellman_and_occupancies_the_flow(wild in instances(SHAPE)) {
            let (process, policy) = wild.build().unwrap();
            let Evaluation { values, actions } = process.evaluate(&policy).unwrap();
            for s in 0..process.states() {
                prop_assert!((dot(&policy[s], &actions[s]) - values[s]).abs() < 1e-9);
            }
            let d = process.occupancy(&policy).unwrap();
            prop_assert!((sum(d.iter().copied()) - 1.0).abs() < 1e-9 && d.iter().all(|p| *p > -1e-12));
            // The same performance from occupancies: η = Σ d π r / (1 − γ).
            let flow = sum((0..process.states()).map(|s| d[s] * dot(&policy[s], &process.dynamics.rewards()[s])));
            let performance = process.performance(&policy).unwrap();
            prop_assert!((flow / (1.0 - process.discount()) - performance).abs() < 1e-9);
        }

        #[test]
        fn performance_differences_follow_from_advantages(wild in instances(SHAPE)) {
            let (process, policy) = wild.build().unwrap();
            let uniform = Rows::from_fn(process.states(), process.actions(), |_, _| 1.0 / process.actions() as f64);
            let evaluation = process.evaluate(&uniform).unwrap();
            let d = process.occupancy(&policy).unwrap();
            let gain = sum((0..process.states()).flat_map(|s| (0..process.actions()).map(move |a| (s, a))).map(|(s, a)| {
                d[s] * policy[s][a] * evaluation.advantage(s, a)
            }));
            let difference = process.performance(&policy).unwrap() - process.performance(&uniform).unwrap();
            prop_assert!((gain / (1.0 - process.discount()) - difference).abs() < 1e-9);
        }
    }
}
