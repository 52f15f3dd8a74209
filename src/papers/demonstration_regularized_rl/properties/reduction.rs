//! From the regularised problem back to the problem itself.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        bounds::{regret_bound, regularised_gap, weight},
        cases::Task,
        invalid,
    },
    instance::{Shown, lambdas, shown},
};
use crate::{
    kernel::{
        mdp::{Rows, SoftOptimum, dirichlet_rows, logarithms},
        stream::Streams,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Demonstrations, and a policy near the regularised optimum.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// What was shown.
    pub shown: Shown,
    /// λ > 0.
    pub lambda: f64,
    /// ε > 0, the accuracy of a policy whose λ is chosen by it.
    pub accuracy: f64,
    /// Share of a random policy in the policies that are judged.
    pub mixed: f64,
}

/// A mixture of an optimal and a random policy, state by state.
fn mixture(optimum: &SoftOptimum, random: &[Rows], share: f64) -> Vec<Rows> {
    let table = |(best, other): (&Rows, &Rows)| {
        Rows::from_fn(best.count(), best.width(), |s, a| (1.0 - share) * best[s][a] + share * other[s][a])
    };
    optimum.policy.iter().zip(random).map(table).collect()
}

impl Planned {
    /// A policy whose V_λ is within `allowed` of the best, and how far it is: the mixture, with ever less of the
    /// random policy.
    fn policy(
        &self,
        task: &Task,
        clone: &[Rows],
        lambda: f64,
        allowed: f64,
    ) -> Result<(Vec<Rows>, f64), Failure> {
        let optimum = task.process.soft_optimum(clone, lambda).map_err(invalid)?;
        let mut stream = Streams::from_seed(self.shown.seed).stream("perturbation");
        let random: Vec<Rows> = (task.expert.iter())
            .map(|rows| dirichlet_rows(rows.count(), rows.width(), 1.0, &mut stream))
            .collect();
        let mut share = self.mixed;
        loop {
            let policy = mixture(&optimum, &random, share);
            let gap = regularised_gap(&task.process, &optimum, &policy, clone, lambda)?;
            if gap <= allowed || share == 0.0 {
                return Ok((policy, gap));
            }
            share = if share < 1e-6 { 0.0 } else { share / 2.0 };
        }
    }
}

/// Policies that are nearly optimal in the regularised problem are so in the problem itself.
pub struct Reduction;

impl Observe for Reduction {
    type Instance = Planned;
    type Fault = Fault;
    const NAME: &'static str = "reduction";
    const SUMMARY: &'static str =
        "What a nearly optimal policy of the regularised problem lacks of V*, against its bound.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "V* − V^π minus ε_E + λ KL_traj(π^E‖π^BC) + ε.").unit("reward"),
        Metric::new("excess-of-choice", "V* − V^π minus ε_E + 2ε, with λ = ε/KL_traj(π^E‖π^BC).")
            .unit("reward"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ExpertValueIgnored];

    fn instances() -> BoxedStrategy<Planned> {
        let mixed = prop_oneof![1 => Just(0.0), 2 => 0.0..=0.2_f64];
        (shown(500), lambdas(), 0.001..1.0_f64, mixed)
            .prop_map(|(shown, lambda, accuracy, mixed)| Planned { shown, lambda, accuracy, mixed })
            .boxed()
    }

    fn observe(instance: &Planned, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Planned { shown, lambda, accuracy, mixed } = instance;
        if !(*lambda > 0.0 && *accuracy > 0.0 && (0.0..=1.0).contains(mixed)) {
            return Err(Failure::invalid("expected λ and ε above 0, and a share in [0, 1]"));
        }
        let (task, clone) = shown.cloned(1.0)?;
        let divergence =
            task.process.trajectory_divergence(&task.expert, &logarithms(&clone)).map_err(invalid)?;
        if divergence < 1e-9 {
            return Err(Failure::Rejected("a clone that is the expert"));
        }
        let excess = |lambda: f64, allowed: f64| -> Result<f64, Failure> {
            let (policy, gap) = instance.policy(&task, &clone, lambda, allowed)?;
            let gap = if allowed.is_finite() { allowed } else { gap };
            Ok(task.suboptimality(&policy)? - regret_bound(task.deficit, lambda, divergence, gap, fault))
        };
        Ok(Measurement::new()
            .metric("excess", excess(*lambda, f64::INFINITY)?)
            .metric("excess-of-choice", excess(weight(*accuracy, divergence, None), *accuracy)?))
    }
}
