//! Modified policy iteration with MacQueen's bounds.

use std::{cmp::Ordering, mem::swap};

use super::{Rows, SparseMdp};

/// Evaluation of a policy goes on until the span of a step is this share of what it was.
const ENOUGH: f64 = 0.1;
/// Steps of an evaluation at most.
const EVALUATIONS: u32 = 100;
/// Actions that cannot be optimal are dropped from memory once they hold this share of the transitions.
const STALE: f64 = 0.5;

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
    /// therefore come by v as it likes. Between two applications of T it evaluates the greedy policy π, v ← T_π v,
    /// until the span of a step has fallen to a tenth: the rows of one action instead of all. An action whose
    /// value r + γPv + γ/(1 − γ) max d is below Tv + γ/(1 − γ) min d is optimal in no case, and is never looked at
    /// again; where most are gone, the rest moves together in memory. The span falls as fast as the process mixes,
    /// and never slower than by γ a step. What T gains is held against the last time: an application that brings
    /// no progress is followed by another one at once, and that is value iteration.
    ///
    /// The bounds hold for the numbers as stored: with row sums within η of one, γ(1 ± η) stands for γ,
    /// whichever is worse, and d is widened by what rounding may have done to it.
    ///
    /// It ends: evaluation is tried only after progress by a fixed factor, and in between the span falls by γ a step.
    ///
    /// Sources: MacQueen, Journal of Mathematical Analysis and Applications 14 (1966), for the bounds, and
    /// Operations Research 15 (1967), for the elimination; Puterman and Shin, Management Science 24 (1978).
    ///
    /// # Errors
    /// [`SparseError::Precision`] if rounding may be more than `tolerance`, or if that is NaN.
    pub fn optimal(&self, tolerance: f64) -> Result<Certified, SparseError> {
        let bounds = Bounds::of(self);
        let mut work = 0;
        let mut compact: Option<Rows> = None;
        let mut values = vec![0.0; self.states()];
        let mut next = values.clone();
        let mut chosen = vec![0; self.states()];
        let mut actions = vec![0.0; self.pairs()];
        let mut record = f64::INFINITY;
        loop {
            let rows = compact.as_ref().unwrap_or(&self.rows);
            let step = improve(rows, self.discount, &values, &mut next, &mut chosen, &mut actions);
            work += rows.successors.len() as u64;
            let [low, high] = bounds.after(step);
            let (middle, error) = (0.5 * (low + high), 0.5 * (high - low));
            if error <= tolerance {
                next.iter_mut().for_each(|value| *value += middle);
                let policy = chosen.iter().map(|pair| rows.actions[*pair]).collect();
                return Ok(Certified { values: next, policy, error, work });
            }
            let reachable = 2.0 * bounds.least(step);
            // Also for a tolerance that is NaN.
            if reachable.partial_cmp(&tolerance) != Some(Ordering::Less) {
                return Err(SparseError::Precision { asked: tolerance, reachable });
            }
            swap(&mut values, &mut next);
            let kept = rows.surviving(&values, &actions, high - low);
            if let Some((smaller, moved)) = kept.map(|kept| rows.only(&kept, &chosen)) {
                (compact, chosen) = (Some(smaller), moved);
            }
            if step.span() <= 0.5 * (1.0 + self.discount) * record {
                record = step.span();
                let rows = compact.as_ref().unwrap_or(&self.rows);
                let cost: usize = chosen.iter().map(|pair| rows.row(*pair).0.len()).sum();
                let mut before = f64::INFINITY;
                for _ in 0..EVALUATIONS {
                    let step = evaluate(rows, self.discount, &values, &mut next, &chosen);
                    work += cost as u64;
                    swap(&mut values, &mut next);
                    let [low, high] = bounds.after(step);
                    if step.span() >= before || step.span() <= ENOUGH * record || high - low <= tolerance {
                        break;
                    }
                    before = step.span();
                }
            }
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

/// r + γ P v of a pair.
fn backup(rows: &Rows, discount: f64, values: &[f64], pair: usize) -> f64 {
    let (successors, probabilities) = rows.row(pair);
    let next = successors.iter().zip(probabilities);
    rows.rewards[pair] + discount * next.fold(0.0, |sum, (t, p)| sum + p * values[*t as usize])
}

/// Tv into `next`, the greedy pairs (the first of equals), and the values of all pairs; returns what was seen of Tv − v.
fn improve(
    rows: &Rows,
    discount: f64,
    values: &[f64],
    next: &mut [f64],
    chosen: &mut [usize],
    actions: &mut [f64],
) -> Sweep {
    let mut seen = Sweep::NONE;
    for (s, range) in rows.pairs.windows(2).map(|ends| ends[0]..ends[1]).enumerate() {
        let (mut best, mut most) = (range.start, f64::NEG_INFINITY);
        for pair in range {
            let value = backup(rows, discount, values, pair);
            actions[pair] = value;
            if value > most {
                (best, most) = (pair, value);
            }
        }
        (next[s], chosen[s]) = (most, best);
        seen.include(values[s], most);
    }
    seen
}

/// T_π v into `next`; returns what was seen of T_π v − v.
fn evaluate(rows: &Rows, discount: f64, values: &[f64], next: &mut [f64], chosen: &[usize]) -> Sweep {
    let mut seen = Sweep::NONE;
    for ((next, value), pair) in next.iter_mut().zip(values).zip(chosen) {
        *next = backup(rows, discount, values, *pair);
        seen.include(*value, *next);
    }
    seen
}

impl Rows {
    /// Which pairs may be optimal, given Tv and their values: those within `gap` of the best of their state. None
    /// if that leaves more than half of the transitions.
    fn surviving(&self, best: &[f64], actions: &[f64], gap: f64) -> Option<Vec<bool>> {
        let mut kept = vec![true; actions.len()];
        let mut transitions = 0;
        for (s, ends) in self.pairs.windows(2).enumerate() {
            for pair in ends[0]..ends[1] {
                kept[pair] = actions[pair] >= best[s] - gap;
                transitions += usize::from(kept[pair]) * self.row(pair).0.len();
            }
        }
        (transitions as f64 <= (1.0 - STALE) * self.successors.len() as f64).then_some(kept)
    }

    /// These pairs only, and where the chosen ones of them went.
    fn only(&self, kept: &[bool], chosen: &[usize]) -> (Self, Vec<usize>) {
        let mut rows = Self { pairs: vec![0], ends: vec![0], ..Self::default() };
        let mut moved = Vec::with_capacity(chosen.len());
        for (ends, chosen) in self.pairs.windows(2).zip(chosen) {
            for pair in (ends[0]..ends[1]).filter(|pair| kept[*pair]) {
                if pair == *chosen {
                    moved.push(rows.rewards.len());
                }
                let (successors, probabilities) = self.row(pair);
                rows.push_row(self.actions[pair], self.rewards[pair], successors, probabilities);
            }
            rows.pairs.push(rows.rewards.len());
        }
        (rows, moved)
    }

    fn push_row(&mut self, action: u32, reward: f64, successors: &[u32], probabilities: &[f64]) {
        self.successors.extend_from_slice(successors);
        self.probabilities.extend_from_slice(probabilities);
        self.actions.push(action);
        self.rewards.push(reward);
        self.ends.push(self.successors.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        mdp::{MdpError, Shape, deterministic, instances},
        stream::Streams,
    };

    /// A process of n states in which every action has the same number of random successors.
    fn garnet(states: u32, actions: usize, successors: usize, discount: f64, seed: u64) -> SparseMdp {
        let mut stream = Streams::from_seed(seed).stream("garnet");
        let process: Vec<Vec<(f64, Vec<(u32, f64)>)>> = (0..states)
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
            pairs.map(|pair| backup(rows, process.discount, values, pair)).fold(f64::NEG_INFINITY, f64::max)
        };
        (0..process.states()).map(|s| (best(s) - values[s]).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn a_chain_that_does_not_mix_is_solved_too() {
        // A ring: the span falls by γ a step and no faster. V(s) = γ^(distance to the reward)/(1 − γ^n).
        let (n, discount) = (50_u32, 0.97);
        let ring = (0..n).map(|s| [(f64::from(u8::from(s == 0)), [((s + 1) % n, 1.0)])]);
        let process = SparseMdp::new(ring, discount).unwrap();
        let found = process.optimal(1e-10).unwrap();
        for (s, value) in found.values.iter().enumerate() {
            let steps = (n as usize - s) % n as usize;
            let known = discount.powi(steps as i32) / (1.0 - discount.powi(n as i32));
            assert!((value - known).abs() <= found.error, "{s}: {value} against {known}");
        }
    }

    #[test]
    fn a_random_process_is_solved_from_a_few_readings() {
        let process = garnet(3000, 4, 10, 0.99, 1);
        let found = process.optimal(1e-6).unwrap();
        assert!(found.error <= 1e-6);
        assert!(residual(&process, &found.values) <= found.error * 1.01);
        // Value iteration from 0 without bounds would need ln(1e-8)/ln(0.99) > 1800 of them.
        assert!(
            found.work < 20 * process.transitions() as u64,
            "{}",
            found.work / process.transitions() as u64
        );
        assert_eq!(found, process.optimal(1e-6).unwrap());
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
        let one = |successor: u32, probability: f64, reward: f64, discount: f64| {
            SparseMdp::new([[(reward, [(successor, probability)])]], discount)
        };
        assert!(one(0, 1.0, 0.0, 0.5).is_ok());
        assert!(matches!(one(1, 1.0, 0.0, 0.5), Err(MdpError::Shape(_))));
        assert!(matches!(one(0, 0.9, 0.0, 0.5), Err(MdpError::Distribution { .. })));
        assert!(matches!(one(0, f64::NAN, 0.0, 0.5), Err(MdpError::Distribution { .. })));
        assert!(matches!(one(0, 1.0, f64::INFINITY, 0.5), Err(MdpError::Reward)));
        assert!(matches!(one(0, 1.0, 0.0, 1.0), Err(MdpError::Discount(_))));
        let none: [Vec<(f64, [(u32, f64); 1])>; 1] = [vec![]];
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
