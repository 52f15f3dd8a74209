//! The actor: multiplicative weights in every state, their regret, and the learning rate.

use super::Fault;
use crate::kernel::{
    math::{dot, ln, softmax, softmax_rows, sum},
    mdp::Rows,
};

/// A policy of H tables (S × A), and its logits.
#[derive(Clone, Debug)]
pub struct Actor {
    eta: f64,
    logits: Vec<Rows>,
    policy: Vec<Rows>,
}

impl Actor {
    /// The uniform policy of H steps, S states and A actions, with learning rate η.
    #[must_use]
    pub fn uniform((horizon, states, actions): (usize, usize, usize), eta: f64) -> Self {
        let uniform = Rows::from_fn(states, actions, |_, _| 1.0 / actions as f64);
        Self { eta, logits: vec![Rows::zeros(states, actions); horizon], policy: vec![uniform; horizon] }
    }

    /// π, one table (S × A) a step.
    #[must_use]
    pub fn policy(&self) -> &[Rows] {
        &self.policy
    }

    /// One update: π_h(a|s) ∝ π_h(a|s) exp(η f_h(s, a)), kept as logits, in which nothing underflows.
    pub fn update(&mut self, critic: &[Rows], fault: Option<Fault>) {
        for ((logits, policy), f) in self.logits.iter_mut().zip(&mut self.policy).zip(critic) {
            if fault == Some(Fault::NoAccumulate) {
                logits.clear();
            }
            logits.add(self.eta, f);
            policy.values_mut().copy_from_slice(logits.values());
            softmax_rows(policy.values_mut(), logits.width());
        }
    }

    /// Back to the uniform policy.
    pub fn reset(&mut self) {
        for (logits, policy) in self.logits.iter_mut().zip(&mut self.policy) {
            logits.clear();
            for s in 0..policy.count() {
                let uniform = 1.0 / policy.width() as f64;
                policy[s].fill(uniform);
            }
        }
    }
}

/// Regret Σ_k \[max_a Q(a) − ⟨π_k, Q⟩\] of a segment of L episodes with a fixed row Q of critic values,
/// π_k = softmax(k η Q), k = 1 … L: the first policy already includes one update. It is at most ln A/η,
/// because ⟨π_k, Q⟩ rises with k and its integral over k ∈ \[0, L\] is \[ln Σ exp(L η Q) − ln A\]/η.
#[must_use]
pub fn segment_regret(values: &[f64], eta: f64, episodes: usize, fault: Option<Fault>) -> f64 {
    let best = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let first = usize::from(fault != Some(Fault::StaleFirstPolicy));
    let gap = |k: usize| {
        let logits: Vec<f64> = values.iter().map(|q| k as f64 * eta * q).collect();
        best - dot(&softmax(&logits), values)
    };
    sum((first..first + episodes).map(gap))
}

/// What the regret of the actor in a state depends on.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// K, the number of segments.
    pub segments: f64,
    /// T, the number of episodes.
    pub episodes: f64,
    /// H, the largest value.
    pub horizon: f64,
    /// A.
    pub actions: f64,
}

impl Schedule {
    /// The bound K ln A/η + η T H²/8 of Hedge on the regret of K segments.
    #[must_use]
    pub fn bound(&self, eta: f64) -> f64 {
        let Self { segments, episodes, horizon, actions } = *self;
        segments * ln(actions) / eta + eta * episodes * horizon * horizon / 8.0
    }

    /// η* = √(8 K ln A/(T H²)), which minimises the bound.
    #[must_use]
    pub fn eta(&self, fault: Option<Fault>) -> f64 {
        let segments = if fault == Some(Fault::EtaNotScaledByK) { 1.0 } else { self.segments };
        (8.0 * segments * ln(self.actions) / self.episodes).sqrt() / self.horizon
    }

    /// √(K T H² ln A/2), the bound at η*.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.horizon * (self.segments * self.episodes * ln(self.actions) / 2.0).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn two_actions_by_hand() {
        let critic = [Rows::from_fn(1, 2, |_, a| a as f64)];
        let mut actor = Actor::uniform((1, 1, 2), ln(3.0));
        assert_eq!(actor.policy()[0].values(), [0.5, 0.5]);
        actor.update(&critic, None);
        assert_relative_eq!(actor.policy()[0][0][1], 0.75, epsilon = 1e-15);
        actor.update(&critic, None);
        assert_relative_eq!(actor.policy()[0][0][1], 0.9, epsilon = 1e-15);
        actor.update(&critic, Some(Fault::NoAccumulate));
        assert_relative_eq!(actor.policy()[0][0][1], 0.75, epsilon = 1e-15);
        actor.reset();
        assert_eq!(actor.policy()[0].values(), [0.5, 0.5]);
        // The gaps of those policies, ¼ + 1⁄10, and one update later.
        assert_relative_eq!(segment_regret(&[0.0, 1.0], ln(3.0), 2, None), 0.35, epsilon = 1e-15);
        let stale = segment_regret(&[0.0, 1.0], ln(3.0), 2, Some(Fault::StaleFirstPolicy));
        assert_relative_eq!(stale, 0.75, epsilon = 1e-15);
    }

    #[test]
    fn the_bound_at_the_best_rate() {
        let schedule = Schedule { segments: 50.0, episodes: 4000.0, horizon: 6.0, actions: 3.0 };
        assert_relative_eq!(schedule.bound(schedule.eta(None)), schedule.least(), max_relative = 1e-14);
        let unscaled = schedule.bound(schedule.eta(Some(Fault::EtaNotScaledByK)));
        // (K + 1)/(2√K) times as much.
        assert_relative_eq!(unscaled / schedule.least(), 51.0 / (2.0 * 50_f64.sqrt()), max_relative = 1e-14);
    }
}
