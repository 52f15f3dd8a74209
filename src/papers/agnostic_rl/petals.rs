//! Evaluation of policies that differ from a core policy at a single petal, from episodes.
//!
//! POPLER plays the policies of a small *core* and, for every other policy, looks only at the few states, its
//! *petals*, at which a path may leave what the core shows. Here the core is one policy π₀ and a
//! policy has at most one petal, the cell (h, s) at which it acts otherwise. Then, with p the
//! probability that π₀ reaches the petal and v the value of π from there,
//!
//! V(π) = E_{π₀}\[R, or the reward before h if the petal was hit\] + p v.

use super::{
    Fault,
    class::{Class, Policy},
    importance::Episode,
};
use crate::{
    kernel::{
        mdp::{Episodic, Visit},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// A cell: state s of layer h.
pub type Cell = (usize, usize);

/// How many episodes are played, and which petals are worth them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// n₀ episodes of the core policy.
    pub core: usize,
    /// n₁ episodes of each policy whose petal is reached.
    pub petal: usize,
    /// A petal counts as reached if the share of episodes of the core policy that hit it is at least this.
    pub threshold: f64,
}

/// What was estimated, and from how many episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct PetalEvaluation {
    /// V̂(π), policy after policy.
    pub estimates: Vec<f64>,
    /// Episodes that were played in all.
    pub episodes: usize,
}

/// The petal of each policy of a class whose first policy is the core; none for a policy that equals it.
///
/// # Errors
/// [`Failure::Invalid`] if a policy differs from the first in more than one cell.
pub fn petals(class: &Class) -> Result<Vec<Option<Cell>>, Failure> {
    let core = &class.policies()[0];
    let petal = |policy: &Policy| {
        let cells = policy.iter().zip(core).enumerate().flat_map(|(h, (layer, core))| {
            let differing = layer.iter().zip(core).enumerate().filter(|(_, (a, b))| a != b);
            differing.map(move |(s, _)| (h, s))
        });
        let cells: Vec<Cell> = cells.collect();
        match cells.as_slice() {
            [] => Ok(None),
            [cell] => Ok(Some(*cell)),
            _ => Err(Failure::invalid("every policy must differ from the first in at most one cell")),
        }
    };
    class.policies().iter().map(petal).collect()
}

/// Evaluates every policy of a class by its petal.
///
/// # Errors
/// See [`petals`].
pub fn evaluate(
    process: &Episodic,
    class: &Class,
    budget: Budget,
    fault: Option<Fault>,
    stream: &mut Stream,
) -> Result<PetalEvaluation, Failure> {
    let core_policy = class.rows(0);
    let core: Vec<Vec<Visit>> = (0..budget.core).map(|_| process.trajectory(&core_policy, stream)).collect();
    let mean = |reward: &dyn Fn(&[Visit]) -> f64| {
        core.iter().map(|visits| reward(visits)).sum::<f64>() / budget.core as f64
    };
    let core_value = mean(&|visits| Episode::of(visits).total);
    let mut episodes = budget.core;
    let mut estimates = Vec::with_capacity(class.policies().len());
    for (i, petal) in petals(class)?.into_iter().enumerate() {
        estimates.push(core_value);
        let Some((h, s)) = petal else { continue };
        let hits = |visits: &[Visit]| visits[h].state == s;
        let reach = mean(&|visits| f64::from(u8::from(hits(visits))));
        if reach < budget.threshold || fault == Some(Fault::NoPetalCorrection) {
            continue;
        }
        let policy = class.rows(i);
        let played: Vec<Vec<Visit>> =
            (0..budget.petal).map(|_| process.trajectory(&policy, stream)).collect();
        episodes += budget.petal;
        let after: Vec<f64> = played.iter().filter(|v| hits(v)).map(|v| paid(&v[h..])).collect();
        // Where no episode hits the petal nothing is learnt of it, and the core's value stands, as it does for
        // petals below the threshold.
        if !after.is_empty() {
            let kept = mean(&|visits| paid(if hits(visits) { &visits[..h] } else { visits }));
            estimates[i] = kept + reach * crate::kernel::math::mean(&after);
        }
    }
    Ok(PetalEvaluation { estimates, episodes })
}

/// The reward of some visits.
fn paid(visits: &[Visit]) -> f64 {
    visits.iter().map(|visit| visit.reward).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use crate::papers::agnostic_rl::{
        class::{Family, Size},
        process::Problem,
    };

    #[test]
    fn petals_are_where_policies_differ_from_the_core() {
        let size = Size { horizon: 2, states: 2, actions: 2 };
        let class = Class::named(Family::AtMost, 1, size).unwrap();
        let expected = [None, Some((0, 0)), Some((0, 1)), Some((1, 0)), Some((1, 1))];
        assert_eq!(petals(&class).unwrap(), expected);
        assert!(petals(&Class::named(Family::AtMost, 2, size).unwrap()).is_err());
    }

    #[test]
    fn with_many_episodes_the_estimates_are_the_values() {
        let problem = Problem::reference(4, 3, 0, 1).unwrap();
        let budget = Budget { core: 20_000, petal: 20_000, threshold: 0.0 };
        let mut stream = Streams::from_seed(0).stream("petals");
        let evaluation = evaluate(&problem.process, &problem.class, budget, None, &mut stream).unwrap();
        let error = problem.sup_error(&evaluation.estimates);
        assert!(error < 0.01, "{error}");
    }
}
