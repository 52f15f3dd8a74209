//! What must hold on every instance.

use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    consistency::Consistency,
    decisions::{Bandit, LotterySettings},
    em::{Mixture, fit},
    episodes::{Dataset, Episode, Pair},
    joint::{Joint, Latent},
    problem::{Component, Outcome, Problem, Process},
    tree::Tree,
};
use crate::{
    kernel::{divergence::is_law, splitmix::SplitMix64},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Weights as a distribution; zeros become its first entry.
fn normalised(weights: &[u32]) -> Vec<f64> {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let share = |(i, w): (usize, &u32)| {
        if total == 0.0 { f64::from(u8::from(i == 0)) } else { f64::from(*w) / total }
    };
    weights.iter().enumerate().map(share).collect()
}

/// A distribution over `n` outcomes, a third of them impossible.
fn distribution(n: usize) -> impl Strategy<Value = Vec<f64>> {
    let weight = prop_oneof![1 => Just(0_u32), 1 => Just(1), 1 => 0_u32..20];
    vec(weight, n).prop_map(|weights| normalised(&weights))
}

/// A sure reward, or one of two.
fn rewards() -> impl Strategy<Value = Vec<Outcome>> {
    const REWARDS: [f64; 5] = [0.0, 1.0, -1.0, 0.5, 2.0];
    let pair = (0..5_usize, 1..5_usize, 1..10_u32).prop_map(|(first, step, tenths)| {
        let probability = f64::from(tenths) / 10.0;
        vec![
            Outcome { reward: REWARDS[first], probability: 1.0 - probability },
            Outcome { reward: REWARDS[(first + step) % 5], probability },
        ]
    });
    prop_oneof![1 => select(REWARDS.to_vec()).prop_map(Outcome::always), 2 => pair]
}

/// Problems of up to three states, actions, steps and policies.
fn problem() -> impl Strategy<Value = Problem> {
    (1..=3_usize, 1..=3_usize, 1..=3_usize, 1..=3_usize).prop_flat_map(
        |(states, actions, horizon, policies)| {
            let process =
                (vec(vec(distribution(states), actions), states), vec(vec(rewards(), actions), states))
                    .prop_map(move |(transition, rewards)| Process { transition, rewards, horizon });
            let policy = vec(vec(distribution(actions), states), policies);
            (process, policy, distribution(policies)).prop_map(|(process, policies, weights)| {
                let component = |(policy, weight)| Component { weight, policy };
                Problem { process, behaviour: policies.into_iter().zip(weights).map(component).collect() }
            })
        },
    )
}

/// A problem and some latent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grouped {
    /// The problem.
    problem: Problem,
    /// q(·|τ), for trajectory after trajectory, repeated.
    latents: Vec<Vec<f64>>,
}

impl Grouped {
    /// Latents of up to four values; some of them know a lot of the trajectory and some hardly anything.
    fn instances() -> BoxedStrategy<Self> {
        let latents = (1..=4_usize, any::<bool>()).prop_flat_map(|(width, weak)| {
            let weak_row = vec(1000..=1010_u32, width).prop_map(|weights| normalised(&weights));
            let row = if weak { weak_row.boxed() } else { distribution(width).boxed() };
            vec(row, 1..=7)
        });
        (problem(), latents).prop_map(|(problem, latents)| Self { problem, latents }).boxed()
    }

    fn check(&self) -> Result<(), Failure> {
        self.problem.check()?;
        let width = self.latents.first().map_or(0, Vec::len);
        let fits = |row: &Vec<f64>| row.len() == width && is_law(row);
        if width > 0 && self.latents.iter().all(fits) {
            return Ok(());
        }
        Err(Failure::invalid("`latents` must be distributions over the same values"))
    }

    fn joint<'a>(&self, tree: &'a Tree) -> Joint<'a> {
        let width = self.latents[0].len();
        self.problem.grouped(tree, width, |i, _| self.latents[i % self.latents.len()].clone())
    }

    fn judged(&self, fault: Option<Fault>) -> Result<Consistency, Failure> {
        self.check()?;
        let tree = Tree::of(&self.problem.process);
        Ok(Consistency::of(&self.joint(&tree), fault))
    }
}

const GAP: Metric = Metric::new("gap", "Largest |V(z) − V_M(π_z)|.").unit("return").range(0.0, f64::INFINITY);

/// The mixture's latent is consistent.
pub struct Consistent;

impl Observe for Consistent {
    type Instance = Grouped;
    type Fault = Fault;
    const NAME: &'static str = "consistency";
    const SUMMARY: &'static str = "A latent that knows nothing of chance keeps what it promises.";
    const METRICS: &'static [Metric] =
        &[GAP, Metric::new("information", "Σ I((r, s'); z | h, a).").unit("nats")];
    const FAULTS: &'static [Fault] = &[Fault::ReturnAsLatent, Fault::DropMiConstraint];

    fn instances() -> BoxedStrategy<Grouped> {
        Grouped::instances()
    }

    fn observe(instance: &Grouped, fault: Option<Fault>) -> Result<Measurement, Failure> {
        instance.check()?;
        let tree = Tree::of(&instance.problem.process);
        let joint = match fault {
            Some(Fault::DropMiConstraint) => instance.joint(&tree),
            _ => instance.problem.joint(&tree, Latent::Mixture.under(fault), &mut SplitMix64::new(0)),
        };
        let judged = Consistency::of(&joint, fault);
        Ok(Measurement::new().metric("gap", judged.largest_gap()).metric("information", judged.information))
    }
}

/// The best of the mixture's policies is no worse than the mixture.
pub struct Improvement;

impl Observe for Improvement {
    type Instance = Problem;
    type Fault = Fault;
    const NAME: &'static str = "improvement";
    const SUMMARY: &'static str =
        "The latent that promises most obtains most, and no less than the behaviour.";
    const METRICS: &'static [Metric] = &[
        Metric::new("improvement", "V_M(π_{z*}) − V(π_D).").unit("return"),
        Metric::new("shortfall", "max V(z) − V_M(π_{z*}).").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ArgminLatent];

    fn instances() -> BoxedStrategy<Problem> {
        problem().boxed()
    }

    fn observe(problem: &Problem, fault: Option<Fault>) -> Result<Measurement, Failure> {
        problem.check()?;
        let tree = Tree::of(&problem.process);
        let joint = problem.joint(&tree, Latent::Mixture, &mut SplitMix64::new(0));
        let judged = Consistency::of(&joint, fault);
        let achieved = judged.best(fault).achieved;
        let promised = judged.latents.iter().map(|latent| latent.predicted).fold(f64::NEG_INFINITY, f64::max);
        Ok(Measurement::new()
            .metric("improvement", achieved - joint.behaviour_value())
            .metric("shortfall", promised - achieved))
    }
}

/// What acting changes is what the latent knows of chance.
pub struct ChainIdentity;

impl Observe for ChainIdentity {
    type Instance = Grouped;
    type Fault = Fault;
    const NAME: &'static str = "chain-identity";
    const SUMMARY: &'static str = "E KL(Pr(·|z) ‖ Pr(·|π_z)) over z is the information of z about chance.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Difference of both sides.").unit("nats").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::MarginalMi];

    fn instances() -> BoxedStrategy<Grouped> {
        Grouped::instances()
    }

    fn observe(instance: &Grouped, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let judged = instance.judged(fault)?;
        Ok(Measurement::new().metric("error", (judged.mean_divergence() - judged.information).abs()))
    }
}

/// Information about chance bounds the inconsistency.
pub struct InconsistencyBound;

impl Observe for InconsistencyBound {
    type Instance = Grouped;
    type Fault = Fault;
    const NAME: &'static str = "inconsistency-bound";
    const SUMMARY: &'static str = "E|V(z) − V_M(π_z)| over z is at most (G_max − G_min) √(½ Σ I).";
    const METRICS: &'static [Metric] = &[Metric::new("excess", "Mean gap minus its bound.").unit("return")];
    const FAULTS: &'static [Fault] = &[Fault::MissingSquareRoot];

    fn instances() -> BoxedStrategy<Grouped> {
        Grouped::instances()
    }

    fn observe(instance: &Grouped, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let judged = instance.judged(fault)?;
        Ok(Measurement::new().metric("excess", judged.mean_gap() - judged.bound))
    }
}

/// Without chance, return conditioning keeps its promise.
pub struct DeterministicReturn;

impl Observe for DeterministicReturn {
    type Instance = Problem;
    type Fault = Fault;
    const NAME: &'static str = "deterministic-return";
    const SUMMARY: &'static str = "In a deterministic process, conditioning on a return obtains it.";
    const METRICS: &'static [Metric] = &[GAP];
    const FAULTS: &'static [Fault] = &[Fault::MarkovReturnPolicy];

    fn instances() -> BoxedStrategy<Problem> {
        problem().prop_map(Problem::deterministic).boxed()
    }

    fn observe(problem: &Problem, fault: Option<Fault>) -> Result<Measurement, Failure> {
        problem.check()?;
        let certain = |p: f64| p == 0.0 || p == 1.0;
        let moves = problem.process.transition.iter().flatten().flatten();
        let pays = problem.process.rewards.iter().flatten().flatten();
        if !moves.copied().all(certain) || !pays.map(|outcome| outcome.probability).all(certain) {
            return Err(Failure::Rejected("the process is not deterministic"));
        }
        let tree = Tree::of(&problem.process);
        let joint = problem.joint(&tree, Latent::Return, &mut SplitMix64::new(0));
        Ok(Measurement::new().metric("gap", Consistency::of(&joint, fault).largest_gap()))
    }
}

/// A bandit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// 0 < p < ½.
    p: f64,
}

/// Closed forms of the bandit.
pub struct BanditValues;

impl Observe for BanditValues {
    type Instance = Pull;
    type Fault = Fault;
    const NAME: &'static str = "bandit-values";
    const SUMMARY: &'static str = "Return conditioning earns ½ whatever p, DoC earns 1 − p.";
    const METRICS: &'static [Metric] = &[
        Metric::new("return-conditioned-error", "Distance of the value of return conditioning from ½.")
            .range(0.0, 1.0),
        Metric::new("count-error", "Distance of return conditioning from counts and by enumeration.")
            .range(0.0, 1.0),
        Metric::new("doc-error", "Distance of the value of DoC from 1 − p.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReweightByBehaviour];

    fn instances() -> BoxedStrategy<Pull> {
        let p = prop_oneof![4 => 0.01..0.49_f64, 1 => select(vec![1e-9, 0.499_999])];
        p.prop_map(|p| Pull { p }).boxed()
    }

    fn observe(pull: &Pull, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let values = Bandit::values(pull.p, fault)?;
        Ok(Measurement::new()
            .metric("return-conditioned-error", values.conditioned_error)
            .metric("count-error", values.count_error)
            .metric("doc-error", values.doc_error))
    }
}

/// Closed forms of the lottery.
pub struct LotteryValues;

impl Observe for LotteryValues {
    type Instance = LotterySettings;
    type Fault = Fault;
    const NAME: &'static str = "lottery-values";
    const SUMMARY: &'static str =
        "Return conditioning gambles although the safe action pays more; DoC takes the better action.";
    const METRICS: &'static [Metric] = &[
        Metric::new("return-conditioned-error", "Distance of return conditioning from gB, relative to B.")
            .range(0.0, f64::INFINITY),
        Metric::new("doc-regret", "What the better action pays more than DoC, relative to B."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MaxReturnValue];

    fn instances() -> BoxedStrategy<LotterySettings> {
        let share = || 0.01..0.99_f64;
        let prize = prop_oneof![Just(1.0), 0.1..1000.0_f64];
        (share(), prize, share(), share())
            .prop_map(|(chance, prize, position, gamble_share)| LotterySettings {
                chance,
                prize,
                // Between the mean of the gamble and the prize.
                safe: prize * (chance + position * (1.0 - chance)),
                gamble_share,
            })
            .boxed()
    }

    fn observe(lottery: &LotterySettings, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let values = lottery.values(fault)?;
        let gamble = lottery.chance * lottery.prize;
        Ok(Measurement::new()
            .metric("return-conditioned-error", (values.conditioned - gamble).abs() / lottery.prize)
            .metric("doc-regret", (lottery.safe.max(gamble) - values.doc) / lottery.prize))
    }
}

/// Episodes, and a start of DoC-EM.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fitting {
    /// The episodes.
    dataset: Dataset,
    /// π_z(a|s) before the first iteration, indexed \[z\]\[s\]\[a\], positive.
    policies: Vec<Vec<Vec<f64>>>,
    /// ε > 0.
    smoothing: f64,
}

/// Every iteration of DoC-EM climbs.
pub struct Ascent;

impl Observe for Ascent {
    type Instance = Fitting;
    type Fault = Fault;
    const NAME: &'static str = "likelihood-ascent";
    const SUMMARY: &'static str = "No iteration of DoC-EM lowers the penalised likelihood.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "smallest-rise",
        "Smallest rise in an iteration, relative to one plus the size of the penalised likelihood.",
    )];
    const FAULTS: &'static [Fault] = &[Fault::NormaliseOverLatents];

    fn instances() -> BoxedStrategy<Fitting> {
        (1..=3_usize, 1..=3_usize, 1..=4_usize)
            .prop_flat_map(|(states, actions, latents)| {
                let pair = (0..states, 0..actions).prop_map(|(state, action)| Pair { state, action });
                let weight = prop_oneof![3 => Just(1.0), 1 => 0.01..5.0_f64];
                let episode = (vec(pair, 0..=12), select(vec![0.0, 1.0]), weight)
                    .prop_map(|(steps, total, weight)| Episode { steps, total, weight });
                let row = vec(1..50_u32, actions).prop_map(|weights| normalised(&weights));
                let smoothing = prop_oneof![Just(0.1), 1e-3..5.0_f64];
                (vec(episode, 1..=12), vec(vec(row, states), latents), smoothing).prop_map(
                    move |(episodes, policies, smoothing)| Fitting {
                        dataset: Dataset { states, actions, episodes },
                        policies,
                        smoothing,
                    },
                )
            })
            .boxed()
    }

    fn observe(instance: &Fitting, fault: Option<Fault>) -> Result<Measurement, Failure> {
        const ITERATIONS: usize = 20;
        let Fitting { dataset, policies, smoothing } = instance;
        let start = Mixture::start(dataset, None, policies, *smoothing)?;
        let fitted = fit(dataset, start, *smoothing, ITERATIONS, fault);
        Ok(Measurement::new()
            .metric("smallest-rise", fitted.smallest_rise() / (1.0 + fitted.likelihood().abs())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest! {
        #[test]
        fn instances_are_problems(problem in problem()) {
            prop_assert_eq!(problem.check(), Ok(()));
        }
    }

    #[test]
    fn counterexamples_from_outside_are_checked() {
        let problem = Problem {
            process: Process::decision(vec![Outcome::always(1.0)]),
            behaviour: vec![Component { weight: 1.0, policy: vec![vec![1.0]] }],
        };
        let grouped = Grouped { problem: problem.clone(), latents: vec![] };
        assert!(matches!(ChainIdentity::observe(&grouped, None), Err(Failure::Invalid(_))));
        let chance = Problem { process: Process::decision(vec![Outcome::bernoulli(0.3)]), ..problem };
        assert!(matches!(DeterministicReturn::observe(&chance, None), Err(Failure::Rejected(_))));
    }
}
