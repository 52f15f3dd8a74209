//! The extended value-difference identity: regret as what the actor and the critic miss.
//!
//! For any f (H tables S × A), with V_f(s) = ⟨f_h(s, ·), π_h(·|s)⟩, f_H = 0 and the surplus
//! e_h = f_h − (r_h + P_h V_f), any policies π and π° satisfy
//!
//! V^{π°} − V^π = Σ_h E_{π°} ⟨f_h, π°_h − π_h⟩ + Σ_h E_π e_h − Σ_h E_{π°} e_h.
//!
//! The first sum is what the actor misses if f were right; a critic that is optimistic in the sense e ≥ 0
//! leaves only the second to pay, the surplus where π goes.

use super::Fault;
use crate::kernel::{
    math::{dot, sum},
    mdp::{Episodic, MdpError, Rows, argmax},
};

/// The three sums.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// Σ_h E_{π°} ⟨f_h, π°_h − π_h⟩.
    pub actor: f64,
    /// Σ_h E_π e_h.
    pub surplus: f64,
    /// Σ_h E_{π°} e_h.
    pub comparator_surplus: f64,
}

impl Terms {
    /// V^{π°} − V^π, by the identity.
    #[must_use]
    pub fn difference(&self) -> f64 {
        self.actor + self.surplus - self.comparator_surplus
    }
}

/// The surplus e (H tables S × A) of a critic under a policy, both H tables (S × A) that fit the process.
#[must_use]
pub fn surplus(process: &Episodic, critic: &[Rows], policy: &[Rows], fault: Option<Fault>) -> Vec<Rows> {
    let value = |h: usize, s: usize| match critic.get(h) {
        None => 0.0,
        Some(f) if fault == Some(Fault::MaxBackup) => f[s][argmax(&f[s])],
        Some(f) => dot(&f[s], &policy[h][s]),
    };
    let steps = process.steps().iter().enumerate();
    steps
        .map(|(h, step)| {
            let next: Vec<f64> = (0..step.states()).map(|s| value(h + 1, s)).collect();
            let mut surplus = critic[h].clone();
            surplus.add(-1.0, &step.backup(&next, 1.0));
            surplus
        })
        .collect()
}

/// The three sums for a critic, a policy π and a comparator π°.
///
/// # Errors
/// [`MdpError::Shape`] if one of them is no list of H tables (S × A).
pub fn value_difference(
    process: &Episodic,
    critic: &[Rows],
    policy: &[Rows],
    comparator: &[Rows],
    fault: Option<Fault>,
) -> Result<Terms, MdpError> {
    // Occupancies hold tables to the shape of the process, those of a critic as those of a policy.
    process.occupancies(critic)?;
    let (played, compared) = (process.occupancies(policy)?, process.occupancies(comparator)?);
    let surplus = surplus(process, critic, policy, fault);
    let mean = |visited: &[Vec<f64>], weights: &[Rows], of: &[Rows]| {
        sum((0..process.horizon())
            .flat_map(|h| (0..visited[h].len()).map(move |s| (h, s)))
            .map(|(h, s)| visited[h][s] * dot(&weights[h][s], &of[h][s])))
    };
    Ok(Terms {
        actor: mean(&compared, comparator, critic) - mean(&compared, policy, critic),
        surplus: mean(&played, policy, &surplus),
        comparator_surplus: mean(&compared, comparator, &surplus),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::mdp::Dynamics;
    use approx::assert_relative_eq;

    #[test]
    fn one_step_by_hand() {
        // One state, rewards 0 and 1; the critic has them the wrong way round.
        let step = Dynamics::new(Rows::from_fn(2, 1, |_, _| 1.0), Rows::from_fn(1, 2, |_, a| a as f64));
        let process = Episodic::stationary(1, &step.unwrap(), vec![1.0]).unwrap();
        let table = |x: f64, y: f64| vec![Rows::from_fn(1, 2, |_, a| if a == 0 { x } else { y })];
        let (policy, best) = (table(0.5, 0.5), table(0.0, 1.0));
        let terms = value_difference(&process, &table(1.0, 0.0), &policy, &best, None).unwrap();
        assert_relative_eq!(terms.actor, -0.5);
        assert_relative_eq!(terms.surplus, 0.0);
        assert_relative_eq!(terms.comparator_surplus, -1.0);
        assert_relative_eq!(terms.difference(), 0.5);
        assert!(value_difference(&process, &[], &policy, &best, None).is_err());
    }
}
