//! What must hold on every instance.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, FiniteProblem, System, broken};
use crate::{
    kernel::{gaussian::Gaussian, math::sum},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

fn system() -> impl Strategy<Value = System> {
    let coefficient = || prop_oneof![4 => -1.5..1.5_f64, 1 => select(vec![0.0, 1.0, -1.0])];
    let variance = || prop_oneof![4 => 0.05..2.0_f64, 1 => select(vec![1e-3, 10.0])];
    let start = (coefficient(), variance());
    let dynamics = (coefficient(), coefficient(), variance());
    let policy = || (coefficient(), coefficient(), variance());
    (1_usize..=5, start, dynamics, policy(), policy()).prop_map(
        |(horizon, start, dynamics, behaviour, target)| System {
            horizon,
            start_mean: start.0,
            start_variance: start.1,
            decay: dynamics.0,
            control: dynamics.1,
            noise_variance: dynamics.2,
            behaviour_gain: behaviour.0,
            behaviour_offset: behaviour.1,
            behaviour_variance: behaviour.2,
            target_gain: target.0,
            target_offset: target.1,
            target_variance: target.2,
        },
    )
}

fn lambda() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..4.0_f64, 1 => select(vec![0.0, 1.0, 20.0]), 1 => 0.0..0.01_f64]
}

/// Entry i of a list that is repeated without end; 0 if it is empty.
fn cyclic(list: &[f64], i: usize) -> f64 {
    if list.is_empty() { 0.0 } else { list[i % list.len()] }
}

/// A system and a candidate law.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// The system.
    system: System,
    /// λ.
    lambda: f64,
    /// The candidate's mean is that of p* plus this, repeated.
    shift: Vec<f64>,
    /// The candidate's covariance is that of p* times this, …
    scale: f64,
    /// … plus the outer product of this, repeated, with itself.
    direction: Vec<f64>,
}

/// p* maximises λ E\[log π\] − KL(p ‖ p_b), and the loss of any other p is KL(p ‖ p*).
pub struct RegularisedTarget;

impl Observe for RegularisedTarget {
    type Instance = Candidate;
    type Fault = Fault;
    const NAME: &'static str = "regularised-target";
    const SUMMARY: &'static str = "What a law loses of the regularised objective is its divergence from p*.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|objective(p*) − objective(p) − KL(p ‖ p*)|, relative to 1 + KL(p ‖ p*).")
            .range(0.0, f64::INFINITY),
        Metric::new("gap", "objective(p*) − objective(p), relative to 1 + KL(p ‖ p*)."),
        Metric::new("mass-error", "|objective(p*) − ln ∫ p_b Π π^λ|, relative to one plus its size.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReverseRegulariser];

    fn instances() -> BoxedStrategy<Candidate> {
        let scale = prop_oneof![Just(1.0), 0.2..5.0_f64];
        (system(), lambda(), vec(-1.0..1.0_f64, 0..6), scale, vec(-0.5..0.5_f64, 0..6))
            .prop_map(|(system, lambda, shift, scale, direction)| Candidate {
                system,
                lambda,
                shift,
                scale,
                direction,
            })
            .boxed()
    }

    fn observe(instance: &Candidate, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Candidate { system, lambda, shift, scale, direction } = instance;
        let product = system.guided(*lambda, None);
        let best = product.normalised().map_err(broken)?;
        let n = best.dimension();
        let direction = DVector::from_fn(n, |i, _| cyclic(direction, i));
        let covariance: DMatrix<f64> = best.covariance() * *scale + &direction * direction.transpose();
        let mean = best.mean() + DVector::from_fn(n, |i, _| cyclic(shift, i));
        let candidate = Gaussian::new(mean, covariance).map_err(broken)?;

        let best_objective = system.objective(&best, *lambda, fault)?;
        let gap = best_objective - system.objective(&candidate, *lambda, fault)?;
        let divergence = candidate.divergence(&best);
        let mass = product.log_mass().map_err(broken)?;
        Ok(Measurement::new()
            .metric("error", (gap - divergence).abs() / (1.0 + divergence.abs()))
            .metric("gap", gap / (1.0 + divergence.abs()))
            .metric("mass-error", (best_objective - mass).abs() / (1.0 + mass.abs())))
    }
}

/// A system and a trajectory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The system.
    system: System,
    /// λ.
    lambda: f64,
    /// The trajectory, repeated to its length.
    trajectory: Vec<f64>,
}

/// ∇ log p* = ∇ log p_b + λ ∇ Σ log π.
pub struct Score;

impl Observe for Score {
    type Instance = Point;
    type Fault = Fault;
    const NAME: &'static str = "score";
    const SUMMARY: &'static str =
        "The score of p* is the score of the data plus λ times the gradient of log π.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "error",
        "Largest difference of a coordinate, relative to one plus the largest coordinate of the score.",
    )
    .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::ActionOnlyGradient, Fault::NegativeGuidance];

    fn instances() -> BoxedStrategy<Point> {
        (system(), lambda(), vec(prop_oneof![Just(0.0), -3.0..3.0_f64], 0..8))
            .prop_map(|(system, lambda, trajectory)| Point { system, lambda, trajectory })
            .boxed()
    }

    fn observe(instance: &Point, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Point { system, lambda, trajectory } = instance;
        let x = DVector::from_fn(system.dimension(), |i, _| cyclic(trajectory, i));
        // Scores need no normalisation, and are best conditioned before it.
        let sign = if fault == Some(Fault::NegativeGuidance) { -1.0 } else { 1.0 };
        let composed = system.data().score(&x) + system.guidance(&x, fault) * (sign * *lambda);
        let exact = system.guided(*lambda, None).score(&x);
        Ok(Measurement::new().metric("error", (&composed - &exact).amax() / (1.0 + exact.amax())))
    }
}

/// A system and two strengths of guidance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Strengths {
    /// The system.
    system: System,
    /// λ.
    lambda: f64,
    /// What is added to λ.
    more: f64,
}

/// E\[log π\] and KL(p* ‖ p_b) rise with λ, and λ = 0 gives p_b.
pub struct Balance;

impl Observe for Balance {
    type Instance = Strengths;
    type Fault = Fault;
    const NAME: &'static str = "guided-balance";
    const SUMMARY: &'static str =
        "More guidance never lowers the likelihood under π or the divergence from the data.";
    const METRICS: &'static [Metric] = &[
        Metric::new("likelihood-rise", "Rise of E[Σ log π], relative to one plus its size."),
        Metric::new("divergence-rise", "Rise of KL(p* ‖ p_b), relative to one plus its size."),
        Metric::new("divergence-at-zero", "KL(p* ‖ p_b) at λ = 0."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NegativeGuidance];

    fn instances() -> BoxedStrategy<Strengths> {
        (system(), lambda(), prop_oneof![0.0..2.0_f64, 0.0..0.01_f64])
            .prop_map(|(system, lambda, more)| Strengths { system, lambda, more })
            .boxed()
    }

    fn observe(instance: &Strengths, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Strengths { system, lambda, more } = instance;
        let data = system.data().normalised().map_err(broken)?;
        // Guidance of the wrong sign may outweigh the data: then there is no law to speak of.
        let law = |lambda: f64| {
            system.guided(lambda, fault).normalised().map_err(|_| Failure::Rejected("the tilt is no law"))
        };
        let (less, more) = (law(*lambda)?, law(lambda + more)?);
        let rise = |f: &dyn Fn(&Gaussian) -> f64| (f(&more) - f(&less)) / (1.0 + f(&less).abs());
        Ok(Measurement::new()
            .metric("likelihood-rise", rise(&|law| system.expected_log_target(law)))
            .metric("divergence-rise", rise(&|law| law.divergence(&data)))
            .metric("divergence-at-zero", law(0.0)?.divergence(&data)))
    }
}

/// A finite problem; rows are weights, to be normalised (all zero: uniform).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finite {
    /// Weights of next states, by state and action.
    transition: Vec<Vec<Vec<u8>>>,
    /// Weights of actions of the behaviour policy, by state.
    behaviour: Vec<Vec<u8>>,
    /// Weights of actions of the target policy, by state.
    target: Vec<Vec<u8>>,
    /// Weights of start states.
    start: Vec<u8>,
    /// Number of pairs of state and action.
    horizon: usize,
    /// λ.
    lambda: f64,
}

fn finite() -> BoxedStrategy<Finite> {
    let shape = (2_usize..=3, 1_usize..=3, 2_usize..=3);
    shape
        .prop_flat_map(|(states, actions, horizon)| {
            // Zeros are common: actions that one policy never takes, states never reached.
            let weight = || prop_oneof![2 => Just(0_u8), 5 => 1_u8..10];
            let rows = move |width| vec(vec(weight(), width), states);
            let transition = vec(vec(vec(weight(), states), actions), states);
            (transition, rows(actions), rows(actions), vec(weight(), states), lambda()).prop_map(
                move |(transition, behaviour, target, start, lambda)| Finite {
                    transition,
                    behaviour,
                    target,
                    start,
                    horizon,
                    lambda,
                },
            )
        })
        .boxed()
}

impl Finite {
    fn problem(&self) -> Result<FiniteProblem, Failure> {
        let rows = |rows: &[Vec<u8>]| rows.iter().map(|r| normalised(r)).collect::<Vec<_>>();
        let problem = FiniteProblem {
            transition: self.transition.iter().map(|r| rows(r)).collect(),
            behaviour: rows(&self.behaviour),
            target: rows(&self.target),
            start: normalised(&self.start),
            horizon: self.horizon,
            lambda: self.lambda,
        };
        problem.check()?;
        Ok(problem)
    }
}

fn normalised(weights: &[u8]) -> Vec<f64> {
    let total = sum(weights.iter().map(|w| f64::from(*w)));
    let uniform = 1.0 / weights.len() as f64;
    weights.iter().map(|w| if total > 0.0 { f64::from(*w) / total } else { uniform }).collect()
}

const NOWHERE: Failure = Failure::Rejected("no trajectory has positive weight");

/// Messages and enumeration give the same law, and it tilts the dynamics.
pub struct TiltedDynamics;

impl Observe for TiltedDynamics {
    type Instance = Finite;
    type Fault = Fault;
    const NAME: &'static str = "tilted-dynamics";
    const SUMMARY: &'static str =
        "The conditional laws of p* by messages equal those by enumeration, tilted dynamics included.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest difference of a conditional probability.").range(0.0, 1.0 + 1e-9),
        Metric::new("tilt", "Largest total variation between tilted and true dynamics.")
            .range(0.0, 1.0 + 1e-9),
    ];
    const FAULTS: &'static [Fault] = &[Fault::AssumeTrueKernel];

    fn instances() -> BoxedStrategy<Finite> {
        finite()
    }

    fn observe(instance: &Finite, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem()?;
        let enumerated = problem.enumerated().ok_or(NOWHERE)?;
        let messages = problem.tilted(fault).ok_or(NOWHERE)?;
        Ok(Measurement::new()
            .metric("error", enumerated.distance(&messages))
            .metric("tilt", problem.tilt(&enumerated)))
    }
}

/// If the dynamics are deterministic, no guidance leaves them.
pub struct DynamicsSupport;

impl Observe for DynamicsSupport {
    type Instance = Finite;
    type Fault = Fault;
    const NAME: &'static str = "dynamics-support";
    const SUMMARY: &'static str = "With deterministic dynamics p* has exactly these dynamics, whatever λ.";
    const METRICS: &'static [Metric] =
        &[Metric::new("departure", "Largest |p*(s'|s, a) − T(s'|s, a)|.").range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::LeakyModel];

    fn instances() -> BoxedStrategy<Finite> {
        finite()
    }

    fn observe(instance: &Finite, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let problem = instance.problem()?.deterministic();
        let learnt = problem.clone().learnt(fault).enumerated().ok_or(NOWHERE)?;
        Ok(Measurement::new().metric("departure", problem.departure(&learnt)))
    }
}
