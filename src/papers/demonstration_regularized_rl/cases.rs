//! A process by formula, its experts, and what is known of both.

use super::invalid;
use crate::{
    kernel::{
        mdp::{Dynamics, Episodic, MdpError, Rows},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// H, S and A of the reference.
pub const SHAPE: (usize, usize, usize) = (4, 4, 3);

/// The process of H steps, S states and A actions with a shift c:
///
/// ```text
/// P_h(t|s, a) ∝ 1 + (2h + 3s + 5a + 7t + s t + a t + c) mod 6
/// r_h(s, a)   = ((3h + 2s + 4a + s a + c) mod 7)/6
/// ```
///
/// from s = 0; all indices start at 0. Every state can follow every other.
///
/// # Errors
/// [`MdpError::Shape`] if there is no step, state or action.
pub fn process(shape: (usize, usize, usize), shift: usize) -> Result<Episodic, MdpError> {
    let (horizon, states, actions) = shape;
    let dynamics = |h: usize| {
        let weight =
            |s: usize, a: usize, t: usize| 1 + (2 * h + 3 * s + 5 * a + 7 * t + s * t + a * t + shift) % 6;
        let transitions = Rows::from_fn(states * actions, states, |row, t| {
            let (s, a) = (row / actions, row % actions);
            weight(s, a, t) as f64 / (0..states).map(|u| weight(s, a, u)).sum::<usize>() as f64
        });
        let reward = |s: usize, a: usize| ((3 * h + 2 * s + 4 * a + s * a + shift) % 7) as f64 / 6.0;
        Dynamics::new(transitions, Rows::from_fn(states, actions, reward))
    };
    let start = (0..states).map(|s| f64::from(u8::from(s == 0))).collect();
    Episodic::new((0..horizon).map(dynamics).collect::<Result<_, _>>()?, start)
}

/// The uniform policy.
#[must_use]
pub fn uniform(process: &Episodic) -> Vec<Rows> {
    let table = |step: &Dynamics| {
        let actions = step.actions();
        Rows::from_fn(step.states(), actions, |_, _| 1.0 / actions as f64)
    };
    process.steps().iter().map(table).collect()
}

/// V^π.
///
/// # Errors
/// See [`Episodic::evaluate`].
pub fn value(process: &Episodic, policy: &[Rows]) -> Result<f64, MdpError> {
    Ok(process.performance(&process.evaluate(policy)?))
}

/// A process with an expert.
#[derive(Clone, Debug)]
pub struct Task {
    /// The process.
    pub process: Episodic,
    /// π^E.
    pub expert: Vec<Rows>,
    /// V*.
    pub optimum: f64,
    /// ε_E = V* − V^{π^E}.
    pub deficit: f64,
}

impl Task {
    /// [`process`] with an expert that is optimal but for λ KL to the uniform policy, with λ the temperature.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a temperature that is negative or not finite.
    pub fn new(shift: usize, temperature: f64) -> Result<Self, Failure> {
        let process = process(SHAPE, shift).map_err(invalid)?;
        let expert = process.soft_optimum(&uniform(&process), temperature).map_err(invalid)?.policy;
        let optimum = process.performance(&process.optimal());
        let deficit = optimum - value(&process, &expert).map_err(invalid)?;
        Ok(Self { process, expert, optimum, deficit })
    }

    /// N_h(s, a): how often N^E trajectories of the expert take an action, one table (S × A) a step.
    pub fn demonstrated(&self, count: usize, stream: &mut Stream) -> Vec<Rows> {
        let empty = |step: &Dynamics| Rows::zeros(step.states(), step.actions());
        let mut counts: Vec<Rows> = self.process.steps().iter().map(empty).collect();
        for _ in 0..count {
            for (table, visit) in counts.iter_mut().zip(self.process.walk(&self.expert, stream)) {
                table[visit.state][visit.action] += 1.0;
            }
        }
        counts
    }

    /// V* − V^π.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for what is no policy of the process.
    pub fn suboptimality(&self, policy: &[Rows]) -> Result<f64, Failure> {
        Ok(self.optimum - value(&self.process, policy).map_err(invalid)?)
    }
}

/// The expert of the claims about planning: at temperature 0.2.
#[cfg(test)]
pub fn patient() -> Task {
    Task::new(0, 0.2).unwrap()
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;
    use crate::kernel::{math::sum, stream::Streams};

    #[test]
    fn known_values() {
        let task = patient();
        assert_abs_diff_eq!(task.optimum, 2.872_030_7, epsilon = 5e-8);
        assert_abs_diff_eq!(
            value(&task.process, &uniform(&task.process)).unwrap(),
            1.770_791_3,
            epsilon = 5e-8
        );
        assert_abs_diff_eq!(task.optimum - task.deficit, 2.651_789_6, epsilon = 5e-8);
        assert_abs_diff_eq!(task.deficit, 0.220_241_1, epsilon = 5e-8);
        let closer = Task::new(0, 0.1).unwrap();
        assert_abs_diff_eq!(closer.optimum - closer.deficit, 2.812_338_4, epsilon = 5e-8);
    }

    #[test]
    fn every_demonstration_is_counted_once_a_step() {
        let counts = patient().demonstrated(30, &mut Streams::from_seed(1).stream("demonstrations"));
        for table in &counts {
            assert_eq!(sum(table.values().iter().copied()), 30.0);
        }
        // All of them start in state 0.
        assert_eq!(sum(counts[0][0].iter().copied()), 30.0);
    }
}
