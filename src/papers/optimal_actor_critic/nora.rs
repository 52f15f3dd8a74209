//! The algorithm.

use super::{
    Fault,
    actor::Actor,
    critic::{Bonus, optimistic},
    switching::{due, most_critics, visits},
};
use crate::kernel::{
    mdp::{Counts, Episodic, Rows},
    stream::Stream,
};

/// NORA, and its relatives without optimism, without resets or without rare switches.
#[derive(Clone, Copy, Debug)]
pub struct Nora {
    /// T.
    pub episodes: usize,
    /// b.
    pub bonus: Bonus,
    /// η.
    pub eta: f64,
    /// Whether a switch resets the policy.
    pub resets: bool,
    /// Whether the critic waits for visits to double; else it is recomputed after every episode.
    pub rare: bool,
}

/// What a run has brought.
#[derive(Clone, Debug)]
pub struct Run {
    /// V* − V^{π_t}, one an episode.
    pub gaps: Vec<f64>,
    /// Number of critics computed.
    pub critics: usize,
    /// The largest number that the visits allow, [`most_critics`].
    pub most_critics: f64,
}

impl Nora {
    /// One run, from the data of another policy or none (H tables of counts).
    pub fn run(
        &self,
        process: &Episodic,
        offline: Vec<Counts>,
        fault: Option<Fault>,
        stream: &mut Stream,
    ) -> Run {
        let mut data = offline;
        if fault == Some(Fault::IgnoreOffline) {
            data = no_data(process);
        }
        let test = if self.rare { fault } else { Some(Fault::SwitchEveryEpisode) };
        let optimum = process.performance(&process.optimal());
        let first = visits(&data);
        let mut last = first.clone();
        let mut critic = optimistic(&data, &self.bonus, fault);
        let mut actor = Actor::uniform(shape(process), self.eta);
        let (mut critics, mut gaps) = (1, Vec::with_capacity(self.episodes));
        for _ in 0..self.episodes {
            actor.update(&critic, fault);
            gaps.push(optimum - process.value(actor.policy()));
            let trajectory = process.trajectory(actor.policy(), stream);
            data.iter_mut().zip(&trajectory).for_each(|(step, visit)| step.record(visit));
            if due(&last, &data, &trajectory, test) {
                critic = optimistic(&data, &self.bonus, fault);
                critics += 1;
                last = visits(&data);
                if self.resets && fault != Some(Fault::NeverReset) {
                    actor.reset();
                }
            }
        }
        Run { gaps, critics, most_critics: most_critics(&first, &visits(&data)) }
    }
}

/// H, S and A of a process.
#[must_use]
pub fn shape(process: &Episodic) -> (usize, usize, usize) {
    let first = &process.steps()[0];
    (process.horizon(), first.states(), first.actions())
}

/// Counts of no trajectory.
#[must_use]
pub fn no_data(process: &Episodic) -> Vec<Counts> {
    let (horizon, states, actions) = shape(process);
    vec![Counts::new(states, actions); horizon]
}

/// Counts of trajectories of a behaviour policy (H tables S × A).
pub fn offline_data(
    process: &Episodic,
    behaviour: &[Rows],
    trajectories: usize,
    stream: &mut Stream,
) -> Vec<Counts> {
    let mut data = no_data(process);
    for _ in 0..trajectories {
        let trajectory = process.trajectory(behaviour, stream);
        data.iter_mut().zip(&trajectory).for_each(|(step, visit)| step.record(visit));
    }
    data
}
