//! Optimal values of sparse processes.

use corroborate::kernel::{mdp::SparseMdp, splitmix::SplitMix64};
use serde_json::json;

use super::{Contest, Cost, Work, goal};

/// The error that is certified.
const TOLERANCE: f64 = 1e-6;

/// A garnet: every pair of a state and an action has so many random successors with random probabilities, and a
/// reward in \[0, 1).
pub fn optimal_values(states: usize, actions: usize, successors: usize, discount: f64) -> Work {
    let mut generator = SplitMix64::new(7);
    let pairs = states * actions;
    let (mut rewards, mut targets, mut probabilities) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        rewards.push(generator.uniform());
        let weights: Vec<f64> = (0..successors).map(|_| 0.05 + generator.uniform()).collect();
        let total: f64 = weights.iter().sum();
        for weight in weights {
            targets.push((generator.uniform() * states as f64).floor());
            probabilities.push(weight / total);
        }
    }
    let row = |pair: usize| {
        let range = pair * successors..(pair + 1) * successors;
        let targets = targets[range.clone()].iter().map(|t| *t as u32);
        (rewards[pair], targets.zip(probabilities[range].iter().copied()))
    };
    let state = |s: usize| (s * actions..(s + 1) * actions).map(row);
    let process = SparseMdp::new((0..states).map(state), discount).expect("a process");
    // Eight bytes a probability and four a successor, once each.
    let read = 12.0 * process.optimal(TOLERANCE).expect("a certificate").work as f64;
    Work {
        kind: "optimal-values",
        name: "Optimal values of a sparse process",
        sizes: format!("{states} states × {actions} actions × {successors} successors, γ = {discount}"),
        size: ("states", states as f64),
        expected: 1.0,
        data: vec![("rewards", rewards), ("successors", targets), ("probabilities", probabilities)],
        settings: json!({
            "states": states, "actions": actions, "width": successors, "discount": discount, "tolerance": TOLERANCE,
        }),
        run: Box::new(move || process.optimal(TOLERANCE).expect("a certificate").values),
        pieces: 1.0,
        // Both are within the tolerance of the truth, relative to values of more than one.
        tolerance: 2.0 * TOLERANCE,
        cost: Some(Cost::Bytes(read)),
    }
}

pub fn contest(states: usize, actions: usize, successors: usize, discount: f64) -> Contest {
    let because = "both look up the values of successors one by one, in the same caches and memory";
    Contest {
        work: optimal_values(states, actions, successors, discount),
        goals: vec![
            goal("quantecon", 2.0, 5, because),
            goal("scipy", 2.0, 5, because),
            goal("mdpsolver", 2.0, 1, because),
            goal("storm", 2.0, 1, because),
        ],
        only_fastest: true,
    }
}
