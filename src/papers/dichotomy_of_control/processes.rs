//! Latents of random processes, judged by enumeration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, consistency::Consistency, joint::Latent, problem::Problem, tree::Tree};
use crate::{
    kernel::{math::mean, splitmix::SplitMix64, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the random processes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// S.
    #[schemars(range(min = 1, max = 16))]
    pub states: usize,
    /// A.
    #[schemars(range(min = 1, max = 16))]
    pub actions: usize,
    /// H.
    #[schemars(range(min = 1, max = 8))]
    pub horizon: usize,
    /// K, policies of the behaviour.
    #[schemars(range(min = 1, max = 16))]
    pub policies: usize,
    /// Seed of the first process.
    #[schemars(range(max = 1_000_000))]
    pub first: u64,
    /// Number of processes, with successive seeds.
    #[schemars(range(min = 1, max = 1000))]
    pub count: u64,
    /// What policies are conditioned on.
    pub latent: Latent,
    /// Whether rewards and transitions are replaced by their likeliest outcome.
    pub deterministic: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            states: 2,
            actions: 2,
            horizon: 3,
            policies: 3,
            first: 0,
            count: 20,
            latent: Latent::Mixture,
            deterministic: false,
        }
    }
}

impl Settings {
    fn problem(
        &self,
        seed: u64,
        generator: &mut SplitMix64,
        fault: Option<Fault>,
    ) -> Result<Problem, Failure> {
        *generator = SplitMix64::new(seed);
        let problem = Problem::random(generator, [self.states, self.actions, self.horizon, self.policies]);
        let deterministic = self.deterministic || fault == Some(Fault::DeterministicRewards);
        let problem = if deterministic { problem.deterministic() } else { problem };
        problem.check()?;
        Ok(problem)
    }
}

/// What conditioning promises and what it obtains in random processes.
pub struct Processes(Settings);

/// One process.
struct Judged {
    consistency: Consistency,
    improvement: f64,
    chain_error: f64,
    bound_ratio: f64,
}

impl Processes {
    fn judge(&self, seed: u64, fault: Option<Fault>) -> Result<Judged, Failure> {
        let mut generator = SplitMix64::new(seed);
        let problem = self.0.problem(seed, &mut generator, fault)?;
        let tree = Tree::of(&problem.process);
        let joint = problem.joint(&tree, self.0.latent.under(fault), &mut generator);
        let consistency = Consistency::of(&joint, fault);
        Ok(Judged {
            improvement: consistency.best(fault).achieved - joint.behaviour_value(),
            chain_error: (consistency.mean_divergence() - consistency.information).abs(),
            // Where nothing is known of chance, the bound is 0 and so is the gap, up to rounding.
            bound_ratio: if consistency.bound > 0.0 {
                consistency.mean_gap() / consistency.bound
            } else {
                0.0
            },
            consistency,
        })
    }
}

impl Measure for Processes {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "processes";
    const SUMMARY: &'static str =
        "What policies conditioned on a latent promise and obtain in random processes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("largest-gap", "Largest over processes of the largest |V(z) − V_M(π_z)|.")
            .unit("return")
            .range(0.0, f64::INFINITY),
        Metric::new("smallest-gap", "Smallest over processes of the largest |V(z) − V_M(π_z)|.")
            .unit("return")
            .range(0.0, f64::INFINITY),
        Metric::new("mean-gap", "Mean over processes of the largest |V(z) − V_M(π_z)|.")
            .unit("return")
            .range(0.0, f64::INFINITY),
        Metric::new("largest-information", "Largest over processes of Σ I((r, s'); z | h, a).").unit("nats"),
        Metric::new("mean-information", "Mean over processes of Σ I((r, s'); z | h, a).").unit("nats"),
        Metric::new("largest-chain-error", "Largest over processes of |E KL(Pr(·|z) ‖ Pr(·|π_z)) − Σ I|.")
            .unit("nats")
            .range(0.0, f64::INFINITY),
        Metric::new("smallest-chain-error", "Smallest over processes of the same.")
            .unit("nats")
            .range(0.0, f64::INFINITY),
        Metric::new("bound-ratio", "Largest over processes of E|V(z) − V_M(π_z)| over its bound.")
            .range(0.0, f64::INFINITY),
        Metric::new("smallest-improvement", "Smallest over processes of V_M(π_{z*}) − V(π_D).")
            .unit("return"),
        Metric::new("mean-improvement", "Mean over processes of V_M(π_{z*}) − V(π_D).").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::ReturnAsLatent,
        Fault::DropMiConstraint,
        Fault::DeterministicRewards,
        Fault::ArgminLatent,
        Fault::MarginalMi,
        Fault::MissingSquareRoot,
        Fault::MarkovReturnPolicy,
    ];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { states, actions, horizon, policies, count, .. } = settings;
        let sizes = [states, actions, policies].iter().all(|n| (1..=16).contains(n));
        if !sizes || !(1..=8).contains(&horizon) || !(1..=1000).contains(&count) {
            return Err(Failure::invalid(
                "needs `states`, `actions` and `policies` from 1 to 16, `horizon` from 1 to 8 and `count` from \
                 1 to 1000",
            ));
        }
        settings.problem(settings.first, &mut SplitMix64::new(0), None)?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let judged = (0..self.0.count)
            .map(|i| self.judge(self.0.first.wrapping_add(i), fault))
            .collect::<Result<Vec<Judged>, _>>()?;
        let of = |f: fn(&Judged) -> f64| judged.iter().map(f).collect::<Vec<f64>>();
        let largest = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let gaps = of(|j| j.consistency.largest_gap());
        let information = of(|j| j.consistency.information);
        let (chain_errors, improvements) = (of(|j| j.chain_error), of(|j| j.improvement));
        let mut calibration = judged[0].consistency.latents.clone();
        calibration.sort_by(|a, b| a.predicted.total_cmp(&b.predicted));
        Ok(Measurement::new()
            .metric("largest-gap", largest(&gaps))
            .metric("smallest-gap", smallest(&gaps))
            .metric("mean-gap", mean(&gaps))
            .metric("largest-information", largest(&information))
            .metric("mean-information", mean(&information))
            .metric("largest-chain-error", largest(&chain_errors))
            .metric("smallest-chain-error", smallest(&chain_errors))
            .metric("bound-ratio", largest(&of(|j| j.bound_ratio)))
            .metric("smallest-improvement", smallest(&improvements))
            .metric("mean-improvement", mean(&improvements))
            .series(
                "calibration",
                calibration.iter().map(|latent| latent.predicted).collect(),
                calibration.iter().map(|latent| latent.achieved).collect(),
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn measure(change: impl Fn(&mut Settings), fault: Option<Fault>) -> Measurement {
        let mut settings = Settings::default();
        change(&mut settings);
        let processes = Processes::prepare(settings, &Data::default()).unwrap();
        processes.replicate(fault, &Streams::from_seed(0)).unwrap()
    }

    fn latent(latent: Latent, fault: Option<Fault>) -> Measurement {
        measure(|settings| settings.latent = latent, fault)
    }

    fn small_deterministic(settings: &mut Settings) {
        *settings = Settings {
            states: 3,
            policies: 2,
            latent: Latent::Return,
            deterministic: true,
            ..Settings::default()
        };
    }

    #[test]
    fn known_figures_of_the_chain_identity() {
        for kind in [Latent::Return, Latent::Random] {
            assert!(latent(kind, None).get("largest-chain-error").unwrap() < 1e-13);
        }
        let sound = latent(Latent::Return, None);
        assert_relative_eq!(sound.get("mean-information").unwrap(), 1.03, epsilon = 5.1e-3);
        let marginal = latent(Latent::Return, Some(Fault::MarginalMi));
        assert!((0.0150..0.0151).contains(&marginal.get("smallest-chain-error").unwrap()));
    }

    #[test]
    fn known_gaps_of_mixtures_and_returns() {
        let mixture = latent(Latent::Mixture, None);
        assert!(mixture.get("largest-gap").unwrap() < 1e-14);
        assert!(mixture.get("largest-information").unwrap() < 1e-14);
        let returns = latent(Latent::Return, None);
        assert_relative_eq!(returns.get("smallest-gap").unwrap(), 1.155, epsilon = 5.1e-4);
        assert_relative_eq!(returns.get("largest-gap").unwrap(), 1.99, epsilon = 5.1e-3);
        assert_relative_eq!(returns.get("mean-gap").unwrap(), 1.57, epsilon = 5.1e-3);
        let fault = latent(Latent::Return, Some(Fault::DeterministicRewards));
        assert!(fault.get("largest-gap").unwrap() < 1e-14);
    }

    #[test]
    fn known_improvements() {
        let mixture = latent(Latent::Mixture, None);
        assert_relative_eq!(mixture.get("smallest-improvement").unwrap(), 0.027, epsilon = 5.1e-4);
        assert_relative_eq!(mixture.get("mean-improvement").unwrap(), 0.265, epsilon = 5.1e-4);
        let argmin = latent(Latent::Mixture, Some(Fault::ArgminLatent));
        assert!(argmin.get("mean-improvement").unwrap() < 0.0);
    }

    #[test]
    fn known_ratios_to_the_bound() {
        assert!(latent(Latent::Return, None).get("bound-ratio").unwrap() <= 0.305);
        assert!(latent(Latent::Random, None).get("bound-ratio").unwrap() <= 0.305);
        let weak = latent(Latent::Weak, None).get("bound-ratio").unwrap();
        assert_relative_eq!(weak, 0.563, epsilon = 5.1e-4);
    }

    #[test]
    fn known_gaps_of_returns_in_deterministic_processes() {
        assert!(measure(small_deterministic, None).get("largest-gap").unwrap() < 1e-14);
        let markov = Some(Fault::MarkovReturnPolicy);
        let largest = measure(small_deterministic, markov).get("largest-gap").unwrap();
        assert_relative_eq!(largest, 0.33, epsilon = 5.1e-3);
        let broken = (0..20).filter(|seed| {
            let alone = |settings: &mut Settings| {
                small_deterministic(settings);
                (settings.first, settings.count) = (*seed, 1);
            };
            measure(alone, markov).get("largest-gap").unwrap() > 1e-3
        });
        assert_eq!(broken.count(), 16);
    }
}
