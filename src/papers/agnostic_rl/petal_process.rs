//! The petal process: a policy seen only at a set of cells, its petals.
//!
//! From the start, and from each petal, a path collects reward until it meets the next petal, or the
//! end. By the strong Markov property the value of a policy is that of this Markov reward process with
//! states {start} ∪ petals ∪ {end}, whatever the petals. It is acyclic, because layers ascend.

use std::collections::BTreeSet;

use super::{Fault, class::Policy, petals::Cell};
use crate::{
    kernel::{
        math::{dot, sum},
        mdp::Episodic,
    },
    papers::leaf::Failure,
};

/// What happens from a petal, or the start, until the next petal.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Mean reward until then.
    pub reward: f64,
    /// Probability that the next petal is this one, petal after petal; the rest goes to the end.
    pub next: Vec<f64>,
}

/// The Markov reward process of a policy on its petals.
#[derive(Clone, Debug, PartialEq)]
pub struct PetalProcess {
    /// The petals, each once, layer after layer.
    pub petals: Vec<Cell>,
    /// From the start. A start state that is a petal is left at once.
    pub start: Segment,
    /// From each petal.
    pub segments: Vec<Segment>,
}

impl PetalProcess {
    /// The petal process of a policy, for any cells in any order.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for a cell outside of the process.
    pub fn of(
        process: &Episodic,
        policy: &Policy,
        cells: &[Cell],
        fault: Option<Fault>,
    ) -> Result<Self, Failure> {
        let states = process.start().len();
        if cells.iter().any(|(h, s)| *h >= process.horizon() || *s >= states) {
            return Err(Failure::invalid("petals must be pairs of a layer and a state of the process"));
        }
        let distinct: BTreeSet<Cell> = cells.iter().copied().collect();
        let petals: Vec<Cell> = distinct.into_iter().collect();
        let segment = |h: usize, from: Vec<f64>, leaving: bool| {
            segment(process, policy, &petals, (h, from, leaving), fault)
        };
        let start = segment(0, process.start().to_vec(), false);
        let unit = |s: usize| (0..states).map(|t| f64::from(u8::from(t == s))).collect();
        let segments = petals.iter().map(|(h, s)| segment(*h, unit(*s), true)).collect();
        Ok(Self { petals, start, segments })
    }

    /// The value of the start, by backward induction over petals.
    #[must_use]
    pub fn value(&self) -> f64 {
        let mut values = vec![0.0; self.petals.len()];
        let of = |segment: &Segment, values: &[f64]| segment.reward + dot(&segment.next, values);
        for (i, segment) in self.segments.iter().enumerate().rev() {
            values[i] = of(segment, &values);
        }
        of(&self.start, &values)
    }
}

/// Pushes a distribution over the states of layer h through the layers; mass that meets a petal is taken
/// out. A path that is `leaving` a petal does not meet it in its first layer.
fn segment(
    process: &Episodic,
    policy: &Policy,
    petals: &[Cell],
    (first, mut mass, leaving): (usize, Vec<f64>, bool),
    fault: Option<Fault>,
) -> Segment {
    let mut next = vec![0.0; petals.len()];
    let mut reward = 0.0;
    for (h, step) in process.steps().iter().enumerate().skip(first) {
        if h > first || !leaving {
            for (reached, (_, s)) in next.iter_mut().zip(petals).filter(|(_, (layer, _))| *layer == h) {
                *reached = mass[*s];
                if fault != Some(Fault::PetalNotAbsorbing) {
                    mass[*s] = 0.0;
                }
            }
        }
        let taken = &policy[h];
        reward += sum(mass.iter().zip(taken).enumerate().map(|(s, (m, a))| m * step.rewards()[s][*a]));
        mass = (0..mass.len())
            .map(|t| sum(mass.iter().zip(taken).enumerate().map(|(s, (m, a))| m * step.transition(s, *a)[t])))
            .collect();
    }
    Segment { reward, next }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use crate::papers::agnostic_rl::process::{reference, value};

    #[test]
    fn random_policies_and_petals_of_the_reference() {
        let process = reference(8, 8, 0).unwrap();
        let mut stream = Streams::from_seed(0).stream("petals");
        for _ in 0..100 {
            let policy: Policy = (0..8).map(|_| (0..8).map(|_| stream.below(2)).collect()).collect();
            let petals: Vec<Cell> = (0..4).map(|_| (stream.below(8), stream.below(8))).collect();
            let of = |fault| PetalProcess::of(&process, &policy, &petals, fault).unwrap();
            assert!((of(None).value() - value(&process, &policy)).abs() < 1e-14);
            // Each petal that is reached adds its value once too often.
            let reached = petals.iter().any(|(h, s)| *h > 0 || *s == 0);
            let twice = of(Some(Fault::PetalNotAbsorbing)).value() - value(&process, &policy);
            assert!(!reached || twice > 1e-3);
        }
    }

    #[test]
    fn a_petal_at_the_start_leaves_nothing_to_the_start() {
        let process = reference(3, 2, 0).unwrap();
        let policy = vec![vec![0, 1]; 3];
        let petal = PetalProcess::of(&process, &policy, &[(0, 0)], None).unwrap();
        assert_eq!((petal.start.reward, petal.start.next.as_slice()), (0.0, [1.0].as_slice()));
        assert!(PetalProcess::of(&process, &policy, &[(3, 0)], None).is_err());
    }
}
