//! Value iteration on the few actions that matter, with MacQueen's bounds on all of them.

use std::{cmp::Ordering, mem::swap, ops::Range};

use super::{Rows, SparseMdp};
use crate::kernel::mdp::argmax;

/// Actions are kept if they are within this share of the span of d of the best of their state.
const NEAR: f64 = 0.5;
/// Actions are set aside once those that are not hold at most this share of the transitions.
const FEW: f64 = 0.65;
/// Once the span has fallen by this factor, more actions are set aside, if that leaves at most the second share.
const NARROWER: f64 = 0.3;
const FEWER: f64 = 0.9;
/// Applications of T in a row after which all but the best actions are set aside, however near the others are.
const PATIENCE: u32 = 6;
/// What the kept actions may cost before T is applied again, in readings of all transitions.
const BUDGET: usize = 20;

/// Optimal values with a proof of how far they may be off.
#[derive(Clone, Debug, PartialEq)]
pub struct Certified {
    /// V (S), with |V(s) − V*(s)| ≤ `error` in every state.
    pub values: Vec<f64>,
    /// An action for each state (S): the value of this policy is within 2 · `error` of V* everywhere.
    pub policy: Vec<u32>,
    /// The bound, at most what was asked for. It includes rounding.
    pub error: f64,
    /// Transitions read: what the solution has cost.
    pub work: u64,
}

/// Why there is no certificate.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SparseError {
    /// Rounding alone may be more than that.
    #[error("an error of at most {asked} was asked for; {reachable} is what rounding allows here")]
    Precision {
        /// The bound that was asked for.
        asked: f64,
        /// The smallest bound that can be promised.
        reachable: f64,
    },
}

/// What a sweep has seen: the ends of the differences d between new and old values, and the largest old value.
#[derive(Clone, Copy, Debug)]
struct Sweep {
    low: f64,
    high: f64,
    largest: f64,
}

impl Sweep {
    const NONE: Self = Self { low: f64::INFINITY, high: f64::NEG_INFINITY, largest: 0.0 };

    fn span(self) -> f64 {
        self.high - self.low
    }

    fn include(&mut self, old: f64, new: f64) {
        let difference = new - old;
        self.low = self.low.min(difference);
        self.high = self.high.max(difference);
        self.largest = self.largest.max(old.abs());
    }
}

impl SparseMdp {
    /// V* with ‖V − V*‖∞ ≤ `tolerance`, and a policy.
    ///
    /// With (Tv)(s) = max_a r(s, a) + γ Σ_t P(t|s, a) v(t), any v at all and d = Tv − v, MacQueen's bounds are
    ///
    /// ```text
    /// Tv + γ/(1 − γ) min d ≤ V* ≤ Tv + γ/(1 − γ) max d,
    /// ```
    ///
    /// so that the middle of the two is off by at most γ/(1 − γ) · (max d − min d)/2 everywhere. The solver may
    /// therefore come by v as it likes. It starts with max_a r(s, a), which is T0. Once few actions are within half of the
    /// span of d of the best of their state, it sets the others aside, moves the rows of the few together in memory, and
    /// applies the T of these alone, setting more aside as the span falls, until their own bounds are good enough; then
    /// T itself says whether they are. If
    /// all but the best action have been set aside, this is modified policy iteration. The span falls as fast as the
    /// process mixes, in a random one by a factor of about the root of the number of successors a step.
    ///
    /// The bounds hold for the numbers as stored: with row sums within η of one, γ(1 ± η) stands for γ,
    /// whichever is worse, and d is widened by what rounding may have done to it.
    ///
    /// It ends: actions are set aside only after progress by a fixed factor, and else the span falls by γ a step.
    ///
    /// Sources: MacQueen, Journal of Mathematical Analysis and Applications 14 (1966), for the bounds; Puterman and
    /// Shin, Management Science 24 (1978), for modified policy iteration.
    ///
    /// # Errors
    /// [`SparseError::Precision`] if rounding may be more than `tolerance`, or if that is NaN.
    pub fn optimal(&self, tolerance: f64) -> Result<Certified, SparseError> {
        let (bounds, rows) = (Bounds::of(self), &self.rows);
        let all = rows.successors.len();
        let mut work = 0;
        let mut values: Vec<f64> = rows.states_of(&rows.rewards).map(largest).collect();
        let mut next = values.clone();
        let mut actions = vec![0.0; self.pairs()];
        let (mut record, mut applied) = (f64::INFINITY, 0);
        loop {
            let step = improve(rows, self.discount, &values, &mut next, &mut actions);
            work += all;
            let [low, high] = bounds.after(step);
            let (middle, error) = (0.5 * (low + high), 0.5 * (high - low));
            if error <= tolerance {
                let policy = rows.states_of(&actions).map(|actions| argmax(actions) as u32).collect();
                for value in &mut next {
                    *value += middle;
                }
                return Ok(Certified { values: next, policy, error, work: work as u64 });
            }
            let reachable = 2.0 * bounds.least(step);
            // Also for a tolerance that is NaN.
            if reachable.partial_cmp(&tolerance) != Some(Ordering::Less) {
                return Err(SparseError::Precision { asked: tolerance, reachable });
            }
            swap(&mut values, &mut next);
            applied += 1;
            if step.span() > 0.5 * (1.0 + self.discount) * record {
                continue;
            }
            record = step.span();
            let (gap, share) = if applied < PATIENCE { (NEAR * record, FEW) } else { (0.0, 1.0) };
            let Some(mut few) = rows.near(&values, &actions, gap, share) else { continue };
            applied = 0;
            let (mut read, mut before, mut chosen) = (0, f64::INFINITY, record);
            while read < BUDGET * all {
                let may_be_fewer = few.rewards.len() > few.states() && before <= NARROWER * chosen;
                let step = if may_be_fewer {
                    let actions = &mut actions[..few.rewards.len()];
                    improve(&few, self.discount, &values, &mut next, actions)
                } else {
                    relax(&few, self.discount, &values, &mut next)
                };
                read += few.successors.len();
                swap(&mut values, &mut next);
                if may_be_fewer {
                    chosen = step.span();
                    few = few.near(&values, &actions, NEAR * chosen, FEWER).unwrap_or(few);
                }
                let [low, high] = bounds.after(step);
                if 0.5 * (high - low) <= tolerance || step.span() >= before {
                    break;
                }
                before = step.span();
            }
            work += read;
        }
    }
}

/// What turns a sweep into bounds.
struct Bounds {
    discount: f64,
    /// Roundings in a backup and a difference, times the unit.
    unit: f64,
    /// max |r|.
    reward: f64,
    /// η.
    slack: f64,
}

impl Bounds {
    fn of(process: &SparseMdp) -> Self {
        let rows = &process.rows;
        let longest = rows.ends.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0);
        Self {
            discount: process.discount,
            unit: (longest + 6) as f64 * f64::EPSILON,
            reward: rows.rewards.iter().fold(0.0, |most, r| most.max(r.abs())),
            slack: process.slack,
        }
    }

    /// The bounds on V* − Tv, from d = Tv − v.
    fn after(&self, step: Sweep) -> [f64; 2] {
        let rounding = self.unit * (self.reward + step.largest);
        let sum = |d: f64, eta: f64| {
            let discount = self.discount * (1.0 + eta);
            discount * d / (1.0 - discount)
        };
        let (low, high) = (step.low - rounding, step.high + rounding);
        let (low, high) = (sum(low, -self.slack.copysign(low)), sum(high, self.slack.copysign(high)));
        // Both ends, and the values that are moved by them, are rounded as well.
        let rounding = rounding + 4.0 * f64::EPSILON * low.abs().max(high.abs());
        [low - rounding, high + rounding]
    }

    /// How narrow the bounds would be if all differences were equal.
    fn least(&self, step: Sweep) -> f64 {
        let [low, high] = self.after(Sweep { low: step.low, high: step.low, ..step });
        0.5 * (high - low)
    }
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(f64::NEG_INFINITY, |most, v| if *v > most { *v } else { most })
}

/// Σ_t P(t) v(t).
fn expectation((successors, probabilities): (&[u32], &[f64]), values: &[f64]) -> f64 {
    let next = successors.iter().zip(probabilities);
    next.fold(0.0, |sum, (t, p)| sum + p * values[*t as usize])
}

/// Tv into `next`, and the values r + γPv of all pairs into `actions`; returns what was seen of Tv − v.
fn improve(rows: &Rows, discount: f64, values: &[f64], next: &mut [f64], actions: &mut [f64]) -> Sweep {
    for ((pair, action), reward) in actions.iter_mut().enumerate().zip(&rows.rewards) {
        *action = reward + discount * expectation(rows.row(pair), values);
    }
    let mut seen = Sweep::NONE;
    for ((next, value), actions) in next.iter_mut().zip(values).zip(rows.states_of(actions)) {
        *next = largest(actions);
        seen.include(*value, *next);
    }
    seen
}

/// [`improve`], without the values of pairs.
fn relax(rows: &Rows, discount: f64, values: &[f64], next: &mut [f64]) -> Sweep {
    let mut seen = Sweep::NONE;
    for ((next, value), ends) in next.iter_mut().zip(values).zip(rows.pairs.windows(2)) {
        let action = |pair: usize| rows.rewards[pair] + discount * expectation(rows.row(pair), values);
        *next = (ends[0] + 1..ends[1])
            .map(action)
            .fold(action(ends[0]), |most, v| if v > most { v } else { most });
        seen.include(*value, *next);
    }
    seen
}

impl Rows {
    /// What belongs to the pairs of each state.
    fn states_of<'a>(&'a self, pairs: &'a [f64]) -> impl Iterator<Item = &'a [f64]> {
        self.pairs.windows(2).map(|ends| &pairs[ends[0]..ends[1]])
    }

    /// The pairs whose values are within `gap` of the best of their state; none if they have more than this share of
    /// the transitions.
    fn near(&self, best: &[f64], actions: &[f64], gap: f64, share: f64) -> Option<Self> {
        let states =
            || best.iter().zip(self.pairs.windows(2)).map(|(best, ends)| (best - gap, ends[0]..ends[1]));
        let near = |(least, pairs): (f64, Range<usize>)| pairs.filter(move |pair| actions[*pair] >= least);
        let transitions: usize = states().flat_map(near).map(|pair| self.row(pair).0.len()).sum();
        if transitions as f64 > share * self.successors.len() as f64 {
            return None;
        }
        let mut rows = Self {
            pairs: vec![0],
            ends: vec![0],
            successors: Vec::with_capacity(transitions),
            probabilities: Vec::with_capacity(transitions),
            ..Self::default()
        };
        for state in states() {
            for pair in near(state) {
                let (successors, probabilities) = self.row(pair);
                rows.successors.extend_from_slice(successors);
                rows.probabilities.extend_from_slice(probabilities);
                rows.rewards.push(self.rewards[pair]);
                rows.ends.push(rows.successors.len());
            }
            rows.pairs.push(rows.rewards.len());
        }
        Some(rows)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        mdp::{Mdp, MdpError, Rows, Shape, deterministic, instances},
        stream::Streams,
    };

    /// A process of n states in which every action has the same number of random successors.
    fn garnet(states: u32, actions: usize, successors: usize, discount: f64, seed: u64) -> SparseMdp {
        type Action = (f64, Vec<(u32, f64)>);
        let mut stream = Streams::from_seed(seed).stream("garnet");
        let process: Vec<Vec<Action>> = (0..states)
            .map(|_| {
                (0..actions)
                    .map(|_| {
                        let next = stream.dirichlet(successors, 1.0);
                        let row =
                            next.into_iter().map(|p| (stream.below(states as usize) as u32, p)).collect();
                        (stream.uniform(), row)
                    })
                    .collect()
            })
            .collect();
        SparseMdp::new(process, discount).unwrap()
    }

    /// ‖Tv − v‖∞, from which ‖v − V*‖∞ ≤ ‖Tv − v‖∞/(1 − γ).
    fn residual(process: &SparseMdp, values: &[f64]) -> f64 {
        let rows = &process.rows;
        let best = |s: usize| {
            let pairs = rows.pairs[s]..rows.pairs[s + 1];
            let action = |pair| rows.rewards[pair] + process.discount * expectation(rows.row(pair), values);
            pairs.map(action).fold(f64::NEG_INFINITY, f64::max)
        };
        (0..process.states()).map(|s| (best(s) - values[s]).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_chain_that_does_not_mix_is_solved_too() {
        // A ring: the span falls by γ a step and no faster. V(s) = γ^(distance to the reward)/(1 − γ^n).
        use crate::kernel::math::powi;
        let (n, discount) = (50_u32, 0.97);
        let ring = (0..n).map(|s| [(f64::from(u8::from(s == 0)), [((s + 1) % n, 1.0)])]);
        let process = SparseMdp::new(ring, discount).unwrap();
        let found = process.optimal(1e-10).unwrap();
        for (s, value) in found.values.iter().enumerate() {
            let steps = (n - s as u32) % n;
            let known = powi(discount, steps) / (1.0 - powi(discount, n));
            assert!((value - known).abs() <= found.error, "{s}: {value} against {known}");
        }
    }

    #[test]
    fn a_long_way_to_a_reward_is_found() {
        // A corridor in which every step costs and may fail: the span is slow to fall, and actions stay near each other.
        let n = 60;
        let to = |s: usize, a: usize| if a == 0 { s.saturating_sub(1) } else { (s + 1).min(n - 1) };
        let dense = Mdp::new(
            Rows::from_fn(2 * n, n, |row, t| {
                let (s, a) = (row / 2, row % 2);
                0.8 * f64::from(u8::from(t == to(s, a))) + 0.2 * f64::from(u8::from(t == to(s, 1 - a)))
            }),
            Rows::from_fn(n, 2, |s, _| if s == n - 1 { 1.0 } else { -0.01 }),
            vec![1.0 / n as f64; n],
            0.99,
        );
        let dense = dense.unwrap();
        let found = SparseMdp::try_from(&dense).unwrap().optimal(1e-8).unwrap();
        for (value, known) in found.values.iter().zip(dense.optimal().unwrap().0.values) {
            assert!((value - known).abs() <= found.error + 1e-11, "{value} against {known}");
        }
        assert!(found.policy.iter().all(|a| *a == 1));
    }

    #[test]
    fn a_random_process_is_solved_from_a_few_readings() {
        // Value iteration from 0 without bounds would need ln(1e-8)/ln(0.99) > 1800 of them, or 360.
        for (actions, successors, discount, most) in [(4, 10, 0.99, 8), (2, 5, 0.95, 18)] {
            let process = garnet(3000, actions, successors, discount, 1);
            let found = process.optimal(1e-6).unwrap();
            assert!(found.error <= 1e-6);
            assert!(residual(&process, &found.values) <= found.error * 1.01);
            let readings = found.work as f64 / process.transitions() as f64;
            assert!(readings < f64::from(most), "{readings}");
            assert_eq!(found, process.optimal(1e-6).unwrap());
        }
    }

    #[test]
    fn what_rounding_forbids_is_refused() {
        let process = garnet(10, 2, 3, 0.999, 2);
        // Values of some hundreds have a unit of 1e-13.
        assert!(matches!(process.optimal(1e-14), Err(SparseError::Precision { .. })));
        assert!(process.optimal(1e-8).unwrap().error <= 1e-8);
        assert!(matches!(process.optimal(f64::NAN), Err(SparseError::Precision { .. })));
    }

    #[test]
    fn what_is_no_process_is_refused() {
        type Action = (f64, [(u32, f64); 1]);
        let one = |successor: u32, probability: f64, reward: f64, discount: f64| {
            SparseMdp::new([[(reward, [(successor, probability)])]], discount)
        };
        assert!(one(0, 1.0, 0.0, 0.5).is_ok());
        assert!(matches!(one(1, 1.0, 0.0, 0.5), Err(MdpError::Shape(_))));
        assert!(matches!(one(0, 0.9, 0.0, 0.5), Err(MdpError::Distribution { .. })));
        assert!(matches!(one(0, f64::NAN, 0.0, 0.5), Err(MdpError::Distribution { .. })));
        assert!(matches!(one(0, 1.0, f64::INFINITY, 0.5), Err(MdpError::Reward)));
        assert!(matches!(one(0, 1.0, 0.0, 1.0), Err(MdpError::Discount(_))));
        let none: [Vec<Action>; 1] = [vec![]];
        assert!(matches!(SparseMdp::new(none, 0.5), Err(MdpError::Shape(_))));
        assert!(matches!(SparseMdp::new([[(0.0, [(0, 1.0)]); 1]; 0], 0.5), Err(MdpError::Shape(_))));
    }

    const SHAPE: Shape = Shape { states: (1, 8), actions: (1, 4), discount: (0.0, 0.995) };

    proptest! {
        #[test]
        fn the_certificate_holds(wild in instances(SHAPE), digits in 2_i32..9) {
            let (process, _) = wild.build().unwrap();
            let tolerance = 10_f64.powi(-digits);
            let found = SparseMdp::try_from(&process).unwrap().optimal(tolerance).unwrap();
            prop_assert!(found.error <= tolerance);
            // Howard's policy iteration solves linear systems; its rounding is far below 1e-11.
            let known = process.optimal().unwrap().0.values;
            let chosen: Vec<usize> = found.policy.iter().map(|a| *a as usize).collect();
            let followed = process.evaluate(&deterministic(&chosen, process.actions())).unwrap().values;
            for ((value, known), followed) in found.values.iter().zip(&known).zip(followed) {
                prop_assert!((value - known).abs() <= found.error + 1e-11, "{value} against {known}");
                prop_assert!(followed >= known - 2.0 * found.error - 1e-11, "{followed} against {known}");
            }
        }
    }
}
