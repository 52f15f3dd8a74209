//! Processes of many states with few successors each.
//!
//! [`SparseMdp`] holds, for each pair of a state and an action, the successors of positive probability, row after
//! row; [`SparseMdp::optimal`] finds V* with a certificate ‖V − V*‖∞ ≤ ε.

mod solve;

pub use solve::{Certified, SparseError};

use super::{Mdp, MdpError};
use crate::kernel::math::sum;

/// Largest distance of a row's sum from one.
const SLACK: f64 = 1e-12;

/// A discounted process of S states, each with one or more actions, and the successors of each pair.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseMdp {
    rows: Rows,
    discount: f64,
    /// η: the largest distance of a row's sum from one.
    slack: f64,
}

/// Pairs of a state and an action, those of a state side by side.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rows {
    /// The pairs of state s are `pairs[s]..pairs[s + 1]` (S + 1).
    pairs: Vec<usize>,
    /// r(s, a).
    rewards: Vec<f64>,
    /// The successors of pair i are `ends[i]..ends[i + 1]`.
    ends: Vec<usize>,
    successors: Vec<u32>,
    probabilities: Vec<f64>,
}

impl SparseMdp {
    /// A process from the actions of its states in order: a reward, and the successors with their probabilities.
    ///
    /// # Errors
    /// [`MdpError`] for no states, states without actions, successors that are no states, probabilities that
    /// are negative or do not sum to one within 1e-12, rewards that are not finite, and a discount outside of
    /// \[0, 1).
    ///
    /// ```
    /// use corroborate::kernel::mdp::SparseMdp;
    ///
    /// // State 0 pays 1 and stays half of the time; state 1 is the end.
    /// let process = SparseMdp::new([[(1.0, [(0, 0.5), (1, 0.5)])], [(0.0, [(1, 1.0), (1, 0.0)])]], 0.9)?;
    /// let optimal = process.optimal(1e-9)?;
    /// assert!((optimal.values[0] - 1.0 / 0.55).abs() <= optimal.error);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new<State, Successors>(
        states: impl IntoIterator<Item = State>,
        discount: f64,
    ) -> Result<Self, MdpError>
    where
        State: IntoIterator<Item = (f64, Successors)>,
        Successors: IntoIterator<Item = (u32, f64)>,
    {
        if !(0.0..1.0).contains(&discount) {
            return Err(MdpError::Discount(discount));
        }
        let mut rows = Rows { pairs: vec![0], ends: vec![0], ..Rows::default() };
        for actions in states {
            for (reward, successors) in actions {
                rows.push(reward, successors.into_iter().filter(|(_, p)| *p != 0.0));
            }
            rows.pairs.push(rows.rewards.len());
        }
        let slack = rows.hold()?;
        Ok(Self { rows, discount, slack })
    }

    /// Number of states S.
    #[must_use]
    pub fn states(&self) -> usize {
        self.rows.states()
    }

    /// Number of pairs of a state and an action.
    #[must_use]
    pub fn pairs(&self) -> usize {
        self.rows.rewards.len()
    }

    /// Number of transitions of positive probability.
    #[must_use]
    pub fn transitions(&self) -> usize {
        self.rows.successors.len()
    }

    /// The discount γ.
    #[must_use]
    pub fn discount(&self) -> f64 {
        self.discount
    }
}

impl TryFrom<&Mdp> for SparseMdp {
    type Error = MdpError;

    /// The same process, without its start.
    fn try_from(process: &Mdp) -> Result<Self, MdpError> {
        let row = |s, a| {
            let successors = (0_u32..).zip(process.transition(s, a).iter().copied());
            (process.reward(s, a), successors)
        };
        let state = |s| (0..process.actions()).map(move |a| row(s, a));
        Self::new((0..process.states()).map(state), process.discount())
    }
}

impl Rows {
    fn states(&self) -> usize {
        self.pairs.len() - 1
    }

    fn push(&mut self, reward: f64, successors: impl Iterator<Item = (u32, f64)>) {
        for (successor, probability) in successors {
            self.successors.push(successor);
            self.probabilities.push(probability);
        }
        self.rewards.push(reward);
        self.ends.push(self.successors.len());
    }

    /// Successors and probabilities of a pair.
    fn row(&self, pair: usize) -> (&[u32], &[f64]) {
        let range = self.ends[pair]..self.ends[pair + 1];
        (&self.successors[range.clone()], &self.probabilities[range])
    }

    /// Holds the tables to what they must be; returns the largest distance of a row's sum from one.
    fn hold(&self) -> Result<f64, MdpError> {
        let states = self.states();
        if states == 0 {
            return Err(MdpError::Shape("a process needs at least one state".into()));
        }
        if let Some(state) = self.pairs.windows(2).position(|ends| ends[0] == ends[1]) {
            return Err(MdpError::Shape(format!("state {state} has no actions")));
        }
        if self.rewards.iter().any(|r| !r.is_finite()) {
            return Err(MdpError::Reward);
        }
        if let Some(successor) = self.successors.iter().find(|t| **t as usize >= states) {
            return Err(MdpError::Shape(format!("state {successor} follows, but there are {states} states")));
        }
        let mut slack = 0.0_f64;
        for pair in 0..self.rewards.len() {
            let (_, row) = self.row(pair);
            let off = (sum(row.iter().copied()) - 1.0).abs();
            if !(off <= SLACK && row.iter().all(|p| *p >= 0.0)) {
                let state = self.pairs.partition_point(|first| *first <= pair) - 1;
                let action = pair - self.pairs[state];
                let what = format!("the transition from state {state} under action {action}");
                return Err(MdpError::Distribution { what });
            }
            slack = slack.max(off);
        }
        // The sum is rounded once itself.
        Ok(slack + f64::EPSILON)
    }
}
