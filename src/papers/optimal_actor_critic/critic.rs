//! The critic: action values by backward induction, with a bonus for what is little known.

use super::Fault;
use crate::kernel::{
    math::{ln, mean},
    mdp::{Counts, Rows, argmax},
};

/// The bonus b(N) = c_b √(ln(2T)/N), or the cap B where N = 0.
#[derive(Clone, Copy, Debug)]
pub struct Bonus {
    /// c_b ≥ 0; with 0 there is no bonus anywhere, not even where nothing was seen.
    pub coefficient: f64,
    /// T, the number of episodes that is planned beforehand.
    pub episodes: usize,
    /// B, the largest value.
    pub cap: f64,
}

impl Bonus {
    /// b after N visits.
    #[must_use]
    pub fn at(&self, visits: f64, fault: Option<Fault>) -> f64 {
        if self.coefficient == 0.0 || fault == Some(Fault::NoOptimism) {
            0.0
        } else if visits == 0.0 {
            self.cap
        } else {
            self.coefficient * (ln(2.0 * self.episodes as f64) / visits).sqrt()
        }
    }
}

/// Action values f_h (H tables S × A) by backward induction: f_h(s, a) is `backup(h, s, a, V_{h+1})`
/// clipped to \[0, `cap(h)`\], and V_h(s) = max_a f_h(s, a), with V_H = 0. The maximum makes f a target of Q*.
pub fn backward(
    (horizon, states, actions): (usize, usize, usize),
    cap: impl Fn(usize) -> f64,
    backup: impl Fn(usize, usize, usize, &[f64]) -> f64,
    fault: Option<Fault>,
) -> Vec<Rows> {
    let mut next = vec![0.0; states];
    let mut critic: Vec<Rows> = (0..horizon)
        .rev()
        .map(|h| {
            let table = Rows::from_fn(states, actions, |s, a| backup(h, s, a, &next).min(cap(h)).max(0.0));
            for (value, row) in next.iter_mut().zip(table.iter()) {
                *value = if fault == Some(Fault::OnPolicyTarget) { mean(row) } else { row[argmax(row)] };
            }
            table
        })
        .collect();
    critic.reverse();
    critic
}

/// The critic of counted data, one table of counts a step: see the [module](super).
#[must_use]
pub fn optimistic(data: &[Counts], bonus: &Bonus, fault: Option<Fault>) -> Vec<Rows> {
    let shape = data.first().map_or((0, 0, 0), |step| (data.len(), step.states(), step.actions()));
    let backup = |h: usize, s: usize, a: usize, next: &[f64]| {
        data[h].backup(s, a, next) + bonus.at(data[h].visits(s, a), fault)
    };
    backward(shape, |_| bonus.cap, backup, fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mdp::Visit;
    use approx::assert_relative_eq;

    #[test]
    fn a_critic_by_hand() {
        // Step 1 pays 0.5 for action 0, seen four times; step 0 leads there, seen once.
        let visit = |action, reward| Visit { state: 0, action, reward, next: 0 };
        let data = [Counts::of(&[visit(0, 0.0)], 1, 2), Counts::of(&[visit(0, 0.5); 4], 1, 2)];
        let bonus = Bonus { coefficient: 0.1, episodes: 50, cap: 2.0 };
        let root = ln(100.0).sqrt();
        let critic = optimistic(&data, &bonus, None);
        assert_relative_eq!(critic[1][0][0], 0.5 + 0.05 * root, epsilon = 1e-15);
        assert_eq!(critic[1][0][1], 2.0);
        // What was never seen has value 0 and bonus B; the cap cuts what exceeds it.
        assert_eq!(critic[0].values(), [2.0, 2.0]);
        let plain = optimistic(&data, &bonus, Some(Fault::NoOptimism));
        assert_eq!((plain[0].values(), plain[1].values()), (&[0.5, 0.0][..], &[0.5, 0.0][..]));
        let without = Bonus { coefficient: 0.0, ..bonus };
        assert_eq!(optimistic(&data, &without, None), plain);
        let uniform = optimistic(&data, &without, Some(Fault::OnPolicyTarget));
        assert_eq!(uniform[0].values(), [0.25, 0.0]);
        assert!(optimistic(&[], &bonus, None).is_empty());
    }
}
