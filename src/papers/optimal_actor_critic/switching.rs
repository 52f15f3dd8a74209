//! When the critic is recomputed, and how often that can be.

use super::Fault;
use crate::kernel::{
    math::log2,
    mdp::{Counts, Rows, Visit},
};

/// N_h(s, a), one table (S × A) a step.
#[must_use]
pub fn visits(data: &[Counts]) -> Vec<Rows> {
    data.iter().map(|step| Rows::from_fn(step.states(), step.actions(), |s, a| step.visits(s, a))).collect()
}

/// Whether a pair that was visited `before` times at the last switch and `now` by now asks for another:
/// N ≥ 2 max(N_last, ½), that is, at its first visit and whenever its visits have doubled.
#[must_use]
pub fn doubled(before: f64, now: f64, fault: Option<Fault>) -> bool {
    match fault {
        Some(Fault::SwitchEveryEpisode) => true,
        Some(Fault::NoDoubling) => now >= before + 1.0,
        _ => now >= 2.0 * before.max(0.5),
    }
}

/// The switch test after a trajectory, which `data` contain already; only pairs on it have changed.
#[must_use]
pub fn due(last: &[Rows], data: &[Counts], trajectory: &[Visit], fault: Option<Fault>) -> bool {
    trajectory.iter().enumerate().any(|(h, visit)| {
        let now = data[h].visits(visit.state, visit.action);
        doubled(last[h][visit.state][visit.action], now, fault)
    })
}

/// The largest number of critics, 1 + Σ over pairs of ⌊log₂(N/max(N₀, ½))⌋, of pairs visited N₀ times at first
/// and N times in the end: each switch doubles the visits of a pair. From no data a visited pair counts
/// 1 + ⌊log₂ N⌋.
#[must_use]
pub fn most_critics(first: &[Rows], last: &[Rows]) -> f64 {
    let doublings = |before: f64, now: f64| {
        let mut reached = 2.0 * before.max(0.5);
        let mut count = 0.0;
        while reached <= now {
            reached *= 2.0;
            count += 1.0;
        }
        count
    };
    let pairs = first.iter().zip(last).flat_map(|(first, last)| first.values().iter().zip(last.values()));
    1.0 + pairs.map(|(before, now)| doublings(*before, *now)).sum::<f64>()
}

/// 1 + H S A (1 + log₂ T), which is never less than [`most_critics`] after T episodes.
#[must_use]
pub fn most_critics_after(pairs: usize, episodes: usize) -> f64 {
    1.0 + pairs as f64 * (1.0 + log2(episodes.max(1) as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn a_pair_asks_at_its_first_visit_and_at_every_doubling() {
        let asks = |before, now| doubled(before, now, None);
        assert!(!asks(0.0, 0.0) && asks(0.0, 1.0) && !asks(1.0, 1.0) && asks(1.0, 2.0));
        assert!(!asks(3.0, 5.0) && asks(3.0, 6.0));
        assert!(doubled(3.0, 4.0, Some(Fault::NoDoubling)) && !doubled(3.0, 3.0, Some(Fault::NoDoubling)));
    }

    #[test]
    fn known_bounds() {
        let table = |n: f64| vec![Rows::from_fn(1, 1, |_, _| n)];
        let most = |first, last| most_critics(&table(first), &table(last));
        assert_eq!([most(0.0, 0.0), most(0.0, 1.0), most(0.0, 7.0), most(0.0, 8.0)], [1.0, 2.0, 4.0, 5.0]);
        assert_eq!([most(3.0, 5.0), most(3.0, 6.0), most(3.0, 12.0)], [1.0, 2.0, 3.0]);
        // The default lock has 36 pairs.
        assert_relative_eq!(most_critics_after(36, 4000), 1.0 + 36.0 * 12.966, epsilon = 0.01);
    }
}
