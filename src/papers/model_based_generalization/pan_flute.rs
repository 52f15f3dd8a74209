//! PanFlute(n): n pipes, of which each step fills at most one with a bit that travels to its end.
//!
//! Pipe i = 0 … n − 1 has i + 1 bits, all 0 at the start, and there are n actions. A step pays the product of the
//! last bits, then every pipe shifts by one towards its end, and the first bit of pipe i becomes 1 if action i
//! was taken, else 0. With probability 1/n² all last bits are set besides. The number of a state has the bits
//! of pipe 0 lowest, in each pipe the first bit lowest. It never ends; γ = 0.9.

use super::classes::DISCOUNT;
use crate::kernel::{math::sum, mdp::argmax, stream::Stream, tokens::Rows};

/// Sweeps of every iteration: 0.9³⁰⁰ is below 1e-13.
const SWEEPS: usize = 300;
/// Sweeps of a round of planning, of which one looks at all actions.
const MODIFIED: usize = 10;
/// Most pipes that are allowed: 1024 states.
pub const MOST_PIPES: usize = 4;

/// The environment of n pipes.
#[derive(Clone, Debug)]
pub struct PanFlute {
    pipes: usize,
    /// By bit: the pipe that begins with it, if one does.
    begins: Vec<Option<usize>>,
    /// The last bits of all pipes, set in a state.
    ends: usize,
}

/// One transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub state: usize,
    pub action: usize,
    pub next: usize,
}

impl PanFlute {
    /// The environment of 1 to [`MOST_PIPES`] pipes.
    #[must_use]
    pub fn new(pipes: usize) -> Self {
        let mut begins = vec![None; pipes * (pipes + 1) / 2];
        let mut ends = 0;
        for pipe in 0..pipes {
            let first = pipe * (pipe + 1) / 2;
            begins[first] = Some(pipe);
            ends |= 1 << (first + pipe);
        }
        Self { pipes, begins, ends }
    }

    /// Number of actions, and of pipes.
    #[must_use]
    pub const fn pipes(&self) -> usize {
        self.pipes
    }

    /// Number of bits n(n + 1)/2.
    #[must_use]
    pub const fn bits(&self) -> usize {
        self.begins.len()
    }

    /// Number of states.
    #[must_use]
    pub const fn states(&self) -> usize {
        1 << self.bits()
    }

    /// What a bit becomes without a spark: the bit before it, or whether the action fills its pipe.
    #[must_use]
    pub fn source(&self, bit: usize, state: usize, action: usize) -> usize {
        match self.begins[bit] {
            Some(pipe) => usize::from(action == pipe),
            None => state >> (bit - 1) & 1,
        }
    }

    /// The last bits of all pipes, as a number.
    #[must_use]
    pub fn ends(&self, state: usize) -> usize {
        (0..self.pipes).map(|pipe| (state >> (pipe * (pipe + 3) / 2) & 1) << pipe).sum()
    }

    /// r(s).
    #[must_use]
    pub fn reward(&self, state: usize) -> f64 {
        f64::from(u8::from(state & self.ends == self.ends))
    }

    /// Probability 1/n² that all last bits are set.
    #[must_use]
    pub fn spark(&self) -> f64 {
        1.0 / (self.pipes * self.pipes) as f64
    }

    /// The next state.
    #[must_use]
    pub fn next(&self, state: usize, action: usize, spark: bool) -> usize {
        let moved = (0..self.bits()).fold(0, |next, bit| next | self.source(bit, state, action) << bit);
        if spark { moved | self.ends } else { moved }
    }

    /// Draws a transition.
    pub fn step(&self, state: usize, action: usize, stream: &mut Stream) -> Transition {
        Transition { state, action, next: self.next(state, action, stream.bernoulli(self.spark())) }
    }

    /// N transitions of one path from the empty state under uniform actions.
    pub fn explored(&self, transitions: usize, stream: &mut Stream) -> Vec<Transition> {
        let mut state = 0;
        (0..transitions)
            .map(|_| {
                let transition = self.step(state, stream.below(self.pipes), stream);
                state = transition.next;
                transition
            })
            .collect()
    }

    /// Next states with their probabilities.
    #[must_use]
    pub fn successors(&self, state: usize, action: usize) -> Vec<(usize, f64)> {
        let spark = self.spark();
        let both = [(false, 1.0 - spark), (true, spark)];
        both.into_iter()
            .filter(|(_, p)| *p > 0.0)
            .map(|(set, p)| (self.next(state, action, set), p))
            .collect()
    }

    /// V* by state.
    #[must_use]
    pub fn optimal(&self) -> Vec<f64> {
        let q = planned(self.states(), self.pipes, |s, a| (self.reward(s), self.successors(s, a)));
        q.iter().map(|row| row[argmax(row)]).collect()
    }

    /// The true value of the empty state under the policy that is greedy in Q (lowest action among ties).
    #[must_use]
    pub fn value_of_greedy(&self, q: &Rows) -> f64 {
        // Most policies reach few states: those alone are evaluated, in the order in which they are found.
        let mut place: Vec<Option<usize>> = vec![None; self.states()];
        let mut reached = vec![0];
        place[0] = Some(0);
        let mut next: Vec<Vec<(usize, f64)>> = Vec::new();
        while let Some(&state) = reached.get(next.len()) {
            let found = self.successors(state, argmax(&q[state])).into_iter().map(|(to, p)| {
                let place = *place[to].get_or_insert_with(|| {
                    reached.push(to);
                    reached.len() - 1
                });
                (place, p)
            });
            next.push(found.collect());
        }
        let (mut values, mut better) = (vec![0.0; reached.len()], vec![0.0; reached.len()]);
        for _ in 0..SWEEPS {
            for ((value, s), next) in better.iter_mut().zip(&reached).zip(&next) {
                *value = self.reward(*s) + DISCOUNT * sum(next.iter().map(|(t, p)| p * values[*t]));
            }
            std::mem::swap(&mut values, &mut better);
        }
        values[0]
    }
}

/// What follows a pair: its reward, and the next states with their probabilities.
type Outcome = (f64, Vec<(usize, f64)>);

/// Q (S × A) of modified policy iteration from 0 in a model that gives the reward and the next states of
/// a pair: one sweep over all pairs, then some over the pairs that are best by then, and so on. Each sweep
/// takes the values nearer by γ.
pub fn planned(states: usize, actions: usize, model: impl Fn(usize, usize) -> Outcome) -> Rows {
    // One list for all pairs: a sweep reads it from one end to the other.
    let (mut rewards, mut ends, mut next) = (Vec::new(), vec![0], Vec::new());
    for pair in 0..states * actions {
        let (reward, follows) = model(pair / actions, pair % actions);
        rewards.push(reward);
        next.extend(follows);
        ends.push(next.len());
    }
    let backup = |pair: usize, values: &[f64]| {
        let follows = next[ends[pair]..ends[pair + 1]].iter();
        rewards[pair] + DISCOUNT * sum(follows.map(|(t, p): &(usize, f64)| p * values[*t]))
    };
    let mut q = Rows::zeros(states, actions);
    let (mut values, mut better) = (vec![0.0; states], vec![0.0; states]);
    for _ in 0..SWEEPS / MODIFIED {
        for (pair, q) in q.values_mut().iter_mut().enumerate() {
            *q = backup(pair, &values);
        }
        let chosen: Vec<usize> = q.iter().enumerate().map(|(s, row)| s * actions + argmax(row)).collect();
        for (value, pair) in values.iter_mut().zip(&chosen) {
            *value = q.values()[*pair];
        }
        for _ in 1..MODIFIED {
            for (value, pair) in better.iter_mut().zip(&chosen) {
                *value = backup(*pair, &values);
            }
            std::mem::swap(&mut values, &mut better);
        }
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;
    use approx::assert_abs_diff_eq;

    #[test]
    fn known_optimal_values() {
        let three = PanFlute::new(3).optimal();
        assert_abs_diff_eq!(three[0], 3.391_144, epsilon = 5.1e-7);
        assert_abs_diff_eq!(mean(&three), 3.755_996, epsilon = 5.1e-7);
        assert_abs_diff_eq!(PanFlute::new(4).optimal()[0], 2.351_083, epsilon = 5.1e-7);
    }

    #[test]
    fn one_pipe_pays_from_the_second_step_on() {
        // One action fills the only bit; its optimum is γ/(1 − γ).
        assert_abs_diff_eq!(PanFlute::new(1).optimal()[0], 9.0, epsilon = 1e-12);
    }

    #[test]
    fn bits_travel_to_the_end_of_their_pipe() {
        let flute = PanFlute::new(3);
        // Pipe 1 has bits 1 and 2, pipe 2 bits 3, 4 and 5.
        assert_eq!(flute.next(0, 2, false), 0b001_000);
        assert_eq!(flute.next(0b001_000, 1, false), 0b010_010);
        assert_eq!(flute.next(0b010_010, 0, false), 0b100_101);
        assert!(flute.reward(0b100_101) == 1.0 && flute.reward(0b010_010) == 0.0);
        assert_eq!(flute.next(0, 0, true), 0b100_101);
    }
}
