//! Trajectories drawn from processes.

use super::{Dynamics, Episodic, Mdp, Rows};
use crate::kernel::stream::Stream;

/// One step of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visit {
    /// s, where it was.
    pub state: usize,
    /// a, what it did.
    pub action: usize,
    /// r(s, a), what that paid.
    pub reward: f64,
    /// s′, where that led.
    pub next: usize,
}

impl Dynamics {
    /// Draws a next state, and makes a visit of it.
    pub fn step(&self, state: usize, action: usize, stream: &mut Stream) -> Visit {
        let next = self.draw(state, action, stream);
        Visit { state, action, reward: self.rewards()[state][action], next }
    }
}

impl Mdp {
    /// The first `steps` visits of a trajectory under a policy (S × A), drawn while they are asked for:
    /// every state and then every action takes one uniform number.
    pub fn walk<'a>(
        &'a self,
        policy: &'a Rows,
        steps: usize,
        stream: &'a mut Stream,
    ) -> impl Iterator<Item = Visit> + 'a {
        walk(self.start(), (0..steps).map(move |_| (self.dynamics(), policy)), stream)
    }

    /// [`Self::walk`] to its end.
    pub fn trajectory(&self, policy: &Rows, steps: usize, stream: &mut Stream) -> Vec<Visit> {
        self.walk(policy, steps, stream).collect()
    }
}

impl Mdp {
    /// The visits of an episode under a policy (S × A): until one leads to the state `end`, or there are
    /// `longest`. Drawn as by [`Mdp::walk`]; none if the start is the end.
    pub fn episode(&self, policy: &Rows, end: usize, longest: usize, stream: &mut Stream) -> Vec<Visit> {
        let mut state = stream.categorical(self.start());
        let mut visits = Vec::new();
        while state != end && visits.len() < longest {
            let visit = self.dynamics().step(state, stream.categorical(&policy[state]), stream);
            state = visit.next;
            visits.push(visit);
        }
        visits
    }
}

impl Episodic {
    /// A trajectory of H visits under a policy (H tables S × A), drawn as by [`Mdp::walk`].
    pub fn walk<'a>(
        &'a self,
        policy: &'a [Rows],
        stream: &'a mut Stream,
    ) -> impl Iterator<Item = Visit> + 'a {
        walk(self.start(), self.steps().iter().zip(policy), stream)
    }

    /// [`Self::walk`] to its end.
    pub fn trajectory(&self, policy: &[Rows], stream: &mut Stream) -> Vec<Visit> {
        self.walk(policy, stream).collect()
    }
}

fn walk<'a>(
    start: &[f64],
    steps: impl Iterator<Item = (&'a Dynamics, &'a Rows)> + 'a,
    stream: &'a mut Stream,
) -> impl Iterator<Item = Visit> + 'a {
    let mut state = stream.categorical(start);
    steps.map(move |(dynamics, policy)| {
        let visit = dynamics.step(state, stream.categorical(&policy[state]), stream);
        state = visit.next;
        visit
    })
}

/// A table of `count` rows, each drawn from a Dirichlet distribution of equal concentrations
/// (`width`): random transitions (S A × S), policies (S × A), or a start distribution (1 × S).
pub fn dirichlet_rows(count: usize, width: usize, concentration: f64, stream: &mut Stream) -> Rows {
    let rows: Vec<Vec<f64>> = (0..count).map(|_| stream.dirichlet(width, concentration)).collect();
    Rows::from_fn(count, width, |n, v| rows[n][v])
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::stream::Streams;

    fn process() -> (Mdp, Rows) {
        let mut stream = Streams::from_seed(2).stream("process");
        let transitions = dirichlet_rows(6, 3, 0.5, &mut stream);
        let rewards = Rows::from_fn(3, 2, |s, a| s as f64 - 2.0 * a as f64);
        let start = stream.dirichlet(3, 1.0);
        let policy = dirichlet_rows(3, 2, 1.0, &mut stream);
        (Mdp::new(transitions, rewards, start, 0.5).unwrap(), policy)
    }

    #[test]
    fn returns_of_trajectories_have_the_value_as_mean() {
        let (process, policy) = process();
        let mut stream = Streams::from_seed(3).stream("trajectories");
        let n = 20_000;
        let mean: f64 = (0..n)
            .map(|_| {
                let visits = process.trajectory(&policy, 30, &mut stream);
                visits.iter().rev().fold(0.0, |rest, v| v.reward + 0.5 * rest) / f64::from(n)
            })
            .sum();
        assert_relative_eq!(mean, process.performance(&policy).unwrap(), epsilon = 0.05);
    }

    #[test]
    fn episodes_are_trajectories_up_to_their_end() {
        let (process, policy) = process();
        for seed in 0..20 {
            let draw = || Streams::from_seed(seed).stream("episode");
            let visits = process.episode(&policy, 2, 8, &mut draw());
            let whole = process.trajectory(&policy, 8, &mut draw());
            assert_eq!(visits, whole[..visits.len()]);
            assert!(visits.iter().all(|v| v.state != 2));
            let ended = visits.last().map_or(whole[0].state == 2, |v| v.next == 2);
            assert!(ended || visits.len() == 8);
        }
    }

    #[test]
    fn visits_follow_one_another() {
        let (process, policy) = process();
        let horizon = 5;
        let episodic = Episodic::stationary(horizon, process.dynamics(), process.start().to_vec()).unwrap();
        let visits =
            episodic.trajectory(&vec![policy.clone(); horizon], &mut Streams::from_seed(4).stream("t"));
        assert_eq!(visits.len(), horizon);
        assert!(visits.windows(2).all(|pair| pair[0].next == pair[1].state));
        assert!(visits.iter().all(|v| v.reward == process.reward(v.state, v.action)));
        let same = process.trajectory(&policy, horizon, &mut Streams::from_seed(4).stream("t"));
        assert_eq!(visits, same);
    }
}
