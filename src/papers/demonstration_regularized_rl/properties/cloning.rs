//! How far clones are from their experts.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        cloning::{bound, bound_by_visits, expected_divergence, guarantee, pseudo_count},
        invalid,
    },
    instance::{Regularised, Shown, regularised, shown},
};
use crate::{
    kernel::mdp::logarithms,
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// δ, how often the guarantee may be broken.
const DELTA: f64 = 0.01;

/// KL_traj(π^E‖π^BC) ≤ (6 S A H ln(2e⁴N) ln(12 H N²/δ) + 18 A H)/N with probability 1 − δ.
pub struct Guarantee;

impl Observe for Guarantee {
    type Instance = Shown;
    type Fault = Fault;
    const NAME: &'static str = "guarantee";
    const SUMMARY: &'static str =
        "The divergence from an expert to a clone against what it exceeds with probability at most 1 %.";
    const METRICS: &'static [Metric] =
        &[Metric::new("broken", "1 if the divergence exceeds the guarantee, or is infinite.")
            .range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::UnsmoothedMle];

    fn instances() -> BoxedStrategy<Shown> {
        shown(500)
    }

    fn observe(shown: &Shown, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (task, clone) = shown.cloned(pseudo_count(shown.demonstrations, fault))?;
        let divergence =
            task.process.trajectory_divergence(&task.expert, &logarithms(&clone)).map_err(invalid)?;
        let broken = divergence > guarantee(&task.process, shown.demonstrations, DELTA);
        Ok(Measurement::new().metric("broken", f64::from(u8::from(broken))))
    }
}

/// A process whose policy is the expert, and a number of demonstrations.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Demonstrated {
    /// The process and the expert.
    pub process: Regularised,
    /// N^E.
    pub demonstrations: usize,
}

/// E KL_traj(π^E‖π^BC) ≤ Σ d (A − 1) E 1/(n + 1) ≤ S H (A − 1)/(N^E + 1).
pub struct ExpectedLoss;

impl Observe for ExpectedLoss {
    type Instance = Demonstrated;
    type Fault = Fault;
    const NAME: &'static str = "expected-loss";
    const SUMMARY: &'static str =
        "The expected divergence of a clone against its two bounds, for any expert.";
    const METRICS: &'static [Metric] = &[
        Metric::new("visits-excess", "The divergence minus the bound by visits.").unit("nats"),
        Metric::new("excess", "The divergence minus S H (A − 1)/(N^E + 1).").unit("nats"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::HalfCountBound];

    fn instances() -> BoxedStrategy<Demonstrated> {
        let demonstrations = prop_oneof![1 => 0..=5_usize, 1 => 5..=500_usize];
        (regularised(), demonstrations)
            .prop_map(|(process, demonstrations)| Demonstrated { process, demonstrations })
            .boxed()
    }

    fn observe(instance: &Demonstrated, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let n = instance.demonstrations;
        if n > 1_000_000 {
            return Err(Failure::invalid("expected at most 1000000 demonstrations"));
        }
        let built = instance.process.build()?;
        let (process, expert) = (&built.process, &built.policy);
        let divergence = expected_divergence(process, expert, n, 1.0).map_err(invalid)?;
        let by_visits = bound_by_visits(process, expert, n).map_err(invalid)?;
        Ok(Measurement::new()
            .metric("visits-excess", divergence - by_visits)
            .metric("excess", divergence - bound(process, n, fault)))
    }
}
