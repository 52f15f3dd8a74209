//! Three learners of the same table Q, from a batch of transitions.

use super::{
    Fault,
    pan_flute::{PanFlute, Transition, planned},
};
use crate::kernel::{math::sum, tokens::Rows};

/// Transitions, counted.
#[derive(Clone, Debug)]
pub struct Counts {
    actions: usize,
    /// By pair s A + a: next states, and how often each was seen.
    next: Vec<Vec<(usize, f64)>>,
}

impl Counts {
    /// Nothing seen yet.
    #[must_use]
    pub fn none(flute: &PanFlute) -> Self {
        Self { actions: flute.pipes(), next: vec![Vec::new(); flute.states() * flute.pipes()] }
    }

    /// The counts of a batch.
    #[must_use]
    pub fn of(flute: &PanFlute, data: &[Transition]) -> Self {
        let mut counts = Self::none(flute);
        for transition in data {
            counts.add(*transition);
        }
        counts
    }

    /// Counts one more.
    pub fn add(&mut self, Transition { state, action, next }: Transition) {
        let row = &mut self.next[state * self.actions + action];
        match row.iter_mut().find(|(known, _)| *known == next) {
            Some((_, count)) => *count += 1.0,
            None => row.push((next, 1.0)),
        }
    }

    /// Next states of a pair with the shares in which they were seen; empty if the pair was never visited.
    #[must_use]
    pub fn shares(&self, state: usize, action: usize) -> Vec<(usize, f64)> {
        let row = &self.next[state * self.actions + action];
        let total = sum(row.iter().map(|(_, count)| *count));
        row.iter().map(|(next, count)| (*next, count / total)).collect()
    }

    /// Share of the pairs that were visited.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.next.iter().filter(|row| !row.is_empty()).count() as f64 / self.next.len() as f64
    }
}

/// Experience replay until it stands still: on visited pairs Q(s, a) = r(s) + γ (mean over what followed of
/// max_b Q(s', b)), on others `unvisited`.
#[must_use]
pub fn replayed(flute: &PanFlute, counts: &Counts, unvisited: f64) -> Rows {
    planned(flute.states(), flute.pipes(), |s, a| match counts.shares(s, a) {
        // A pair that pays this and leads nowhere keeps it as its value.
        shares if shares.is_empty() => (unvisited, shares),
        shares => (flute.reward(s), shares),
    })
}

/// A model of each bit given one parent, and of the reward given the last bits.
#[derive(Clone, Debug)]
pub struct Factored<'a> {
    flute: &'a PanFlute,
    wrong_parents: bool,
    /// By bit and value of its parent: how often seen, and how often the bit was 1.
    seen: Vec<[(f64, f64); 2]>,
    /// Pr(bit = 1) by bit and value of its parent.
    shares: Vec<[f64; 2]>,
    /// Reward by last bits, where seen.
    rewards: Vec<f64>,
}

impl<'a> Factored<'a> {
    /// Nothing learned yet: every bit is 1 with probability one half, and every reward 0.
    #[must_use]
    pub fn new(flute: &'a PanFlute, fault: Option<Fault>) -> Self {
        Self {
            flute,
            wrong_parents: fault == Some(Fault::WrongParents),
            seen: vec![[(0.0, 0.0); 2]; flute.bits()],
            shares: vec![[0.5; 2]; flute.bits()],
            rewards: vec![0.0; 1 << flute.pipes()],
        }
    }

    /// Learns from a batch.
    #[must_use]
    pub fn learned(flute: &'a PanFlute, data: &[Transition], fault: Option<Fault>) -> Self {
        let mut model = Self::new(flute, fault);
        for transition in data {
            model.learn(*transition);
        }
        model
    }

    /// The previous bit of the same pipe, or whether the action fills the pipe.
    fn parent(&self, bit: usize, state: usize, action: usize) -> usize {
        if self.wrong_parents {
            return state >> bit & 1;
        }
        self.flute.source(bit, state, action)
    }

    /// Learns from one transition.
    pub fn learn(&mut self, Transition { state, action, next }: Transition) {
        for bit in 0..self.flute.bits() {
            let parent = self.parent(bit, state, action);
            let (times, ones) = &mut self.seen[bit][parent];
            *times += 1.0;
            *ones += (next >> bit & 1) as f64;
            self.shares[bit][parent] = *ones / *times;
        }
        self.rewards[self.flute.ends(state)] = self.flute.reward(state);
    }

    /// Pr(bit = 1), by maximum likelihood; one half for a parent never seen.
    #[must_use]
    pub fn probability(&self, bit: usize, state: usize, action: usize) -> f64 {
        self.shares[bit][self.parent(bit, state, action)]
    }

    /// Next states with positive probability: the product over bits.
    #[must_use]
    pub fn successors(&self, state: usize, action: usize) -> Vec<(usize, f64)> {
        let mut branches = vec![(0, 1.0)];
        for bit in 0..self.flute.bits() {
            let one = self.probability(bit, state, action);
            branches = branches
                .into_iter()
                .flat_map(|(next, p)| [(next, p * (1.0 - one)), (next | 1 << bit, p * one)])
                .filter(|(_, p)| *p > 0.0)
                .collect();
        }
        branches
    }

    /// Q of value iteration in the model.
    #[must_use]
    pub fn plan(&self) -> Rows {
        planned(self.flute.states(), self.flute.pipes(), |s, a| {
            (self.rewards[self.flute.ends(s)], self.successors(s, a))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_abs_diff_eq;

    #[test]
    fn successors_are_a_distribution_and_certain_bits_do_not_branch() {
        let flute = PanFlute::new(3);
        let data = flute.explored(200, &mut Streams::from_seed(1).stream("data"));
        let model = Factored::learned(&flute, &data, None);
        for (state, action) in [(0, 0), (5, 1), (63, 2)] {
            let next = model.successors(state, action);
            assert_abs_diff_eq!(sum(next.iter().map(|(_, p)| *p)), 1.0, epsilon = 1e-12);
            assert!(next.len() <= 8, "{}", next.len());
        }
        // Nothing is known of anything: every state is as likely.
        assert_eq!(Factored::new(&flute, None).successors(0, 0).len(), 64);
    }

    #[test]
    fn the_factored_model_plans_optimally_from_fifty_transitions_and_replay_does_not() {
        let flute = PanFlute::new(3);
        let data = flute.explored(200, &mut Streams::from_seed(2).stream("data"));
        let best = flute.optimal()[0];
        let planned = flute.value_of_greedy(&Factored::learned(&flute, &data, None).plan());
        assert_abs_diff_eq!(planned, best, epsilon = 1e-9);
        let blind = Factored::learned(&flute, &data, Some(Fault::WrongParents));
        assert_abs_diff_eq!(flute.value_of_greedy(&blind.plan()), 1.0, epsilon = 1e-9);
        let replay = flute.value_of_greedy(&replayed(&flute, &Counts::of(&flute, &data), 0.0));
        assert!(replay < best - 0.05, "{replay}");
    }
}
