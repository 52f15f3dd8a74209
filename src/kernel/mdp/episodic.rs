//! Processes of finitely many steps, solved by backward induction.

use super::{Dynamics, Evaluation, MdpError, Rows, argmax};
use crate::kernel::math::{dot, sum};

/// A tabular process of H steps h = 0 … H − 1, each with dynamics of its own, without discount.
///
/// A policy of it is a list of H tables (S × A), one a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Episodic {
    steps: Vec<Dynamics>,
    /// μ₀ (S).
    start: Vec<f64>,
}

impl Episodic {
    /// A process of these steps, and a start distribution (S).
    ///
    /// # Errors
    /// [`MdpError`] if there is no step, the steps differ in states or actions, or the start is no
    /// distribution over the states.
    pub fn new(steps: Vec<Dynamics>, start: Vec<f64>) -> Result<Self, MdpError> {
        let Some(first) = steps.first() else {
            return Err(MdpError::Shape("expected at least one step".into()));
        };
        let shape = (first.states(), first.actions());
        if steps.iter().any(|step| (step.states(), step.actions()) != shape) {
            return Err(MdpError::Shape("the steps differ in states or actions".into()));
        }
        first.hold_start(&start)?;
        Ok(Self { steps, start })
    }

    /// A process whose H steps are alike.
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn stationary(horizon: usize, dynamics: &Dynamics, start: Vec<f64>) -> Result<Self, MdpError> {
        Self::new(vec![dynamics.clone(); horizon], start)
    }

    /// Number of steps H.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.steps.len()
    }

    /// The steps.
    #[must_use]
    pub fn steps(&self) -> &[Dynamics] {
        &self.steps
    }

    /// The start distribution μ₀.
    #[must_use]
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// Backward induction with any rule that makes the value of a state of its action values: for
    /// h = H − 1 … 0, Q_h(s, a) = r_h(s, a) + Σ_t P_h(t|s, a) V_{h+1}(t) with V_H = 0, and
    /// V_h(s) = `value(h, s, Q_h(s, ·))`. One evaluation a step.
    ///
    /// A mean under a policy evaluates that policy, the maximum gives optimal values, and a
    /// log-sum-exp those of a process that is regularised by entropy.
    pub fn induction(&self, mut value: impl FnMut(usize, usize, &[f64]) -> f64) -> Vec<Evaluation> {
        let mut next = vec![0.0; self.start.len()];
        let mut evaluations: Vec<Evaluation> = Vec::with_capacity(self.horizon());
        for (h, step) in self.steps.iter().enumerate().rev() {
            let actions = step.backup(&next, 1.0);
            let values: Vec<f64> = actions.iter().enumerate().map(|(s, row)| value(h, s, row)).collect();
            next.clone_from(&values);
            evaluations.push(Evaluation { values, actions });
        }
        evaluations.reverse();
        evaluations
    }

    /// V_h and Q_h of a policy, one evaluation a step.
    ///
    /// # Errors
    /// [`MdpError::Shape`] if the policy is no list of H tables (S × A).
    pub fn evaluate(&self, policy: &[Rows]) -> Result<Vec<Evaluation>, MdpError> {
        self.hold(policy)?;
        Ok(self.induction(|h, s, row| dot(&policy[h][s], row)))
    }

    /// V*_h and Q*_h, one evaluation a step; [`super::greedy`] of Q*_h is an optimal policy.
    #[must_use]
    pub fn optimal(&self) -> Vec<Evaluation> {
        self.induction(|_, _, row| row[argmax(row)])
    }

    /// d_h(s) = Pr(s_h = s) under a policy (H lists of S).
    ///
    /// # Errors
    /// See [`Self::evaluate`].
    pub fn occupancies(&self, policy: &[Rows]) -> Result<Vec<Vec<f64>>, MdpError> {
        self.hold(policy)?;
        let mut occupancies = vec![self.start.clone()];
        for (step, rows) in self.steps.iter().zip(policy).take(self.horizon() - 1) {
            let next = step.pushed(&occupancies[occupancies.len() - 1], rows);
            occupancies.push(next);
        }
        Ok(occupancies)
    }

    /// The concentrability max over h, s, a of d_h(s) π(a|s)/(d'_h(s) π'(a|s)): how much more often a policy
    /// π does anything than another policy π' that collects data; ∞ if it does what the other never does.
    ///
    /// # Errors
    /// See [`Self::evaluate`].
    pub fn concentrability(&self, policy: &[Rows], behaviour: &[Rows]) -> Result<f64, MdpError> {
        let (wanted, seen) = (self.occupancies(policy)?, self.occupancies(behaviour)?);
        let mut largest = 0.0_f64;
        for (h, step) in self.steps.iter().enumerate() {
            for s in 0..step.states() {
                for a in 0..step.actions() {
                    let wanted = wanted[h][s] * policy[h][s][a];
                    if wanted > 0.0 {
                        largest = largest.max(wanted / (seen[h][s] * behaviour[h][s][a]));
                    }
                }
            }
        }
        Ok(largest)
    }

    /// The performance Σ_s μ₀(s) V_0(s) of a policy that fits the process, for loops that evaluate a new
    /// policy every time: the same as [`Self::performance`] of [`Self::evaluate`], keeping nothing.
    #[must_use]
    pub fn value(&self, policy: &[Rows]) -> f64 {
        let mut next = vec![0.0; self.start.len()];
        let mut here = next.clone();
        for (step, rows) in self.steps.iter().zip(policy).rev() {
            for (s, value) in here.iter_mut().enumerate() {
                let earned = |a: usize| step.rewards()[s][a] + dot(step.transition(s, a), &next);
                *value = sum(rows[s].iter().enumerate().map(|(a, p)| p * earned(a)));
            }
            std::mem::swap(&mut here, &mut next);
        }
        dot(&self.start, &next)
    }

    /// The performance Σ_s μ₀(s) V_0(s) of evaluations, first step first.
    #[must_use]
    pub fn performance(&self, evaluations: &[Evaluation]) -> f64 {
        evaluations.first().map_or(0.0, |first| dot(&self.start, &first.values))
    }

    /// Holds a policy to the numbers of steps, states and actions.
    pub(super) fn hold(&self, policy: &[Rows]) -> Result<(), MdpError> {
        if policy.len() != self.horizon() {
            return Err(MdpError::Shape(format!("expected a policy of {} steps", self.horizon())));
        }
        policy.iter().zip(&self.steps).try_for_each(|(rows, step)| step.hold_policy(rows))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernel::{
        math::powi,
        mdp::{Shape, deterministic, greedy, instances},
    };

    const SHAPE: Shape = Shape { states: (1, 3), actions: (1, 3), discount: (0.0, 0.99) };

    #[test]
    fn what_is_no_process_is_refused() {
        let step = |s: usize, a: usize| {
            Dynamics::new(Rows::from_fn(s * a, s, |_, t| f64::from(u8::from(t == 0))), Rows::zeros(s, a))
                .unwrap()
        };
        assert!(Episodic::new(vec![], vec![1.0]).is_err());
        assert!(Episodic::new(vec![step(2, 1), step(2, 2)], vec![1.0, 0.0]).is_err());
        assert!(Episodic::new(vec![step(2, 1)], vec![1.0]).is_err());
        let process = Episodic::stationary(2, &step(2, 1), vec![1.0, 0.0]).unwrap();
        assert!(process.evaluate(&[Rows::from_fn(2, 1, |_, _| 1.0)]).is_err());
    }

    #[test]
    fn concentrability_is_the_largest_ratio_of_occupancies() {
        // Action 0 leads to state 0 and action 1 to state 1, from wherever it is taken.
        let moves = Rows::from_fn(4, 2, |row, t| f64::from(u8::from(row % 2 == t)));
        let step = Dynamics::new(moves, Rows::zeros(2, 2)).unwrap();
        let process = Episodic::stationary(2, &step, vec![1.0, 0.0]).unwrap();
        let constant = |p: f64| vec![Rows::from_fn(2, 2, |_, a| if a == 0 { p } else { 1.0 - p }); 2];
        let ratio = |p, q| process.concentrability(&constant(p), &constant(q)).unwrap();
        assert_eq!(ratio(1.0, 0.5), 4.0);
        assert_eq!(ratio(0.5, 0.5), 1.0);
        assert_eq!(ratio(0.5, 1.0), f64::INFINITY);
        assert!(process.concentrability(&constant(1.0), &[]).is_err());
    }

    /// Every trajectory of a process and a policy, with its probability and its return.
    fn paths(
        process: &Episodic,
        policy: &[Rows],
        h: usize,
        s: usize,
        p: f64,
        paid: f64,
        to: &mut Vec<(f64, f64)>,
    ) {
        if h == process.horizon() {
            to.push((p, paid));
            return;
        }
        let step = &process.steps()[h];
        for a in 0..step.actions() {
            for (t, q) in step.transition(s, a).iter().enumerate() {
                let weight = p * policy[h][s][a] * q;
                if weight > 0.0 {
                    paths(process, policy, h + 1, t, weight, paid + step.rewards()[s][a], to);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn values_are_means_over_all_trajectories(wild in instances(SHAPE)) {
            let (discounted, policy) = wild.build().unwrap();
            let start = discounted.start().to_vec();
            let process = Episodic::stationary(3, discounted.dynamics(), start).unwrap();
            let policy = vec![policy; 3];
            let mut all = Vec::new();
            for (s, p) in process.start().iter().enumerate() {
                paths(&process, &policy, 0, s, *p, 0.0, &mut all);
            }
            let mean = sum(all.iter().map(|(p, paid)| p * paid));
            let performance = process.performance(&process.evaluate(&policy).unwrap());
            prop_assert!((mean - performance).abs() < 1e-12);
            prop_assert_eq!(process.value(&policy), performance);
            // The same from occupancies.
            let visited = process.occupancies(&policy).unwrap();
            let flow = sum((0..3).flat_map(|h| visited[h].iter().enumerate().map(move |(s, d)| (h, s, d)))
                .map(|(h, s, d)| d * dot(&policy[h][s], &process.steps()[h].rewards()[s])));
            prop_assert!((flow - performance).abs() < 1e-12);
        }

        #[test]
        fn no_deterministic_policy_is_better(wild in instances(Shape { states: (1, 2), actions: (1, 3), ..SHAPE })) {
            let (discounted, _) = wild.build().unwrap();
            let (states, actions) = (discounted.states(), discounted.actions());
            let start = discounted.start().to_vec();
            let process = Episodic::stationary(2, discounted.dynamics(), start).unwrap();
            let optimal = process.optimal();
            let cells = 2 * states;
            let best = (0..actions.pow(cells as u32)).map(|index| {
                let chosen: Vec<usize> =
                    (0..cells).map(|i| index / actions.pow(i as u32) % actions).collect();
                let policy: Vec<Rows> =
                    chosen.chunks(states).map(|step| deterministic(step, actions)).collect();
                process.performance(&process.evaluate(&policy).unwrap())
            }).fold(f64::NEG_INFINITY, f64::max);
            prop_assert!((process.performance(&optimal) - best).abs() < 1e-12);
            let taken: Vec<Rows> = optimal.iter().map(|e| greedy(&e.actions)).collect();
            let reached = process.performance(&process.evaluate(&taken).unwrap());
            prop_assert!((reached - best).abs() < 1e-12);
        }

        #[test]
        fn a_long_horizon_approaches_the_discounted_value(wild in instances(Shape { discount: (0.0, 0.5), ..SHAPE })) {
            // Stopping with probability 1 − γ before each step is discounting by γ.
            let (discounted, policy) = wild.build().unwrap();
            let gamma = discounted.discount();
            let horizon = 60;
            let steps = (0..horizon).map(|h| {
                let dynamics = discounted.dynamics();
                let scale = powi(gamma, h);
                let rewards = Rows::from_fn(dynamics.states(), dynamics.actions(), |s, a| scale * dynamics.rewards()[s][a]);
                let rows = Rows::from_fn(dynamics.states() * dynamics.actions(), dynamics.states(), |row, t| {
                    dynamics.transition(row / dynamics.actions(), row % dynamics.actions())[t]
                });
                Dynamics::new(rows, rewards).unwrap()
            }).collect();
            let process = Episodic::new(steps, discounted.start().to_vec()).unwrap();
            let value = process.performance(&process.evaluate(&vec![policy.clone(); horizon as usize]).unwrap());
            prop_assert!((value - discounted.performance(&policy).unwrap()).abs() < 1e-12);
        }
    }
}
