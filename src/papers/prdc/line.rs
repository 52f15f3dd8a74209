//! A line on which good actions are rare in the data.
//!
//! The state x ∈ \[0, 1\] moves by a tenth of the action, x' = clip(x + 0.1a), and earns x' with
//! γ = 0.9. An action beyond the limit |a| ≤ 0.85 overshoots: whatever its sign, x' = clip(x − 0.1).
//! In the data, actions go up (a ∈ \[0.4, 0.8\]) in five narrow strips, x mod 0.2 < 0.05, and down
//! (a ∈ \[−0.8, −0.2\]) elsewhere; no action of the data overshoots.

use crate::kernel::stream::Stream;

/// γ.
pub const GAMMA: f64 = 0.9;
/// Largest size of an action that does not overshoot.
pub const LIMIT: f64 = 0.85;
/// Where episodes start.
pub const START: f64 = 0.02;
/// Steps of an episode.
const STEPS: usize = 80;
/// Number of actions that a policy chooses from.
pub const ACTIONS: usize = 41;

/// The j-th of 41 equispaced actions on \[−1, 1\].
#[must_use]
pub fn action(j: usize) -> f64 {
    (j as f64 - 20.0) / 20.0
}

/// x'.
#[must_use]
pub fn step(x: f64, a: f64) -> f64 {
    let moved = if a.abs() <= LIMIT { x + 0.1 * a } else { x - 0.1 };
    moved.clamp(0.0, 1.0)
}

/// A transition; its reward is `next`.
#[derive(Clone, Copy, Debug)]
pub struct Transition {
    /// x.
    pub state: f64,
    /// a.
    pub action: f64,
    /// x'.
    pub next: f64,
}

/// `count` transitions from uniform states.
#[must_use]
pub fn transitions(stream: &mut Stream, count: usize) -> Vec<Transition> {
    (0..count)
        .map(|_| {
            let state = stream.uniform();
            let (low, high) = if state % 0.2 < 0.05 { (0.4, 0.8) } else { (-0.8, -0.2) };
            let action = stream.uniform_in(low, high);
            Transition { state, action, next: step(state, action) }
        })
        .collect()
}

/// Σ γᵗ r over an episode of a policy.
#[must_use]
pub fn episode(start: f64, policy: impl Fn(f64) -> f64) -> f64 {
    let (mut x, mut weight, mut total) = (start, 1.0, 0.0);
    for _ in 0..STEPS {
        x = step(x, policy(x));
        total += weight * x;
        weight *= GAMMA;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    #[test]
    fn the_best_constant_action_is_at_the_limit() {
        let best = (0..ACTIONS).map(|j| (action(j), episode(START, |_| action(j)))).fold(
            (0.0, 0.0),
            |best, next| {
                if next.1 > best.1 { next } else { best }
            },
        );
        assert_eq!(best.0, 0.85);
        assert_relative_eq!(best.1, 6.17, epsilon = 5e-3);
        assert_relative_eq!(episode(START, |_| 1.0), 0.0);
    }

    #[test]
    fn a_quarter_of_the_data_goes_up_and_none_overshoots() {
        let data = transitions(&mut Streams::from_seed(0).stream("data"), 4000);
        let up = data.iter().filter(|t| t.action > 0.2).count() as f64 / 4000.0;
        assert_relative_eq!(up, 0.25, epsilon = 0.03);
        assert!(data.iter().all(|t| t.action.abs() <= 0.8 && (t.next - t.state) * t.action >= 0.0));
    }
}
