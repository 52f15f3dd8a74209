//! Properties: statements that hold on every instance.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, RESIDUALS,
    bandit::{Statistics, level, optimistic_feasible, scales},
    closed_loop::{ClosedLoop, Round},
    environment::{Environment, Limits, Rates, residuals},
    feedback::{Feedback, SHARE},
    residuals::biases,
    settings::{Algorithm, Settings},
    stationary::Stationary,
};
use crate::{
    kernel::{
        math::{ln, powi},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measurement, Metric, Observe},
};

/// Rounds over which the contraction is followed.
const ROUNDS: u32 = 60;
/// Below this distance rounding hides the ratio of successive distances.
const VISIBLE: f64 = 1e-6;

/// A population under a disparity that is kept, from two starting points.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeptThreshold {
    gap: f64,
    kappa: f64,
    eta: f64,
    pbar: f64,
    p_0: f64,
    other_p_0: f64,
}

/// Distances shrink by exactly 1 − κ a round.
pub struct Contraction;

impl Observe for Contraction {
    type Instance = KeptThreshold;
    type Fault = Fault;
    const NAME: &'static str = "contraction";
    const SUMMARY: &'static str =
        "abs(p_t − p*) = (1 − κ)^t abs(p_0 − p*), and so for the distance of two trajectories.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest error of the distance to p* over 60 rounds.").range(0.0, f64::INFINITY),
        Metric::new(
            "relative-error",
            "The same relative to the distance, as long as it exceeds 1e-6; beyond, rounding hides it.",
        )
        .range(0.0, f64::INFINITY),
        Metric::new("fixed-point-error", "How far one round moves p*.").range(0.0, f64::INFINITY),
        Metric::new("spread-error", "Largest error of the distance of two trajectories over 60 rounds.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::FeedbackNotAveraged];

    fn instances() -> BoxedStrategy<KeptThreshold> {
        let gap = prop_oneof![Just(0.0), Just(1.0), Just(-1.0), -1.0..1.0];
        let kappa = prop_oneof![Just(1.0), Just(0.1), 0.001..0.01, 0.01..1.0];
        let share = || SHARE.0..SHARE.1;
        (gap, kappa, 0.0..0.5, share(), share(), share())
            .prop_map(|(gap, kappa, eta, pbar, p_0, other_p_0)| KeptThreshold {
                gap,
                kappa,
                eta,
                pbar,
                p_0,
                other_p_0,
            })
            .boxed()
    }

    fn observe(kept: &KeptThreshold, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let KeptThreshold { gap, kappa, eta, pbar, p_0, other_p_0 } = *kept;
        let feedback = Feedback { kappa, eta, pbar };
        let fixed_point = feedback.fixed_point(gap, fault);
        if feedback.target(gap, fault) != fixed_point {
            return Err(Failure::Rejected("the fixed point is clipped"));
        }
        let (mut p, mut other) = (p_0, other_p_0);
        let (mut error, mut relative, mut spread) = (0.0_f64, 0.0_f64, 0.0_f64);
        for t in 1..=ROUNDS {
            p = feedback.step(p, gap, fault);
            other = feedback.step(other, gap, fault);
            let shrunk = powi(1.0 - kappa, t);
            let distance = shrunk * (p_0 - fixed_point).abs();
            let off = ((p - fixed_point).abs() - distance).abs();
            error = error.max(off);
            if distance > VISIBLE {
                relative = relative.max(off / distance);
            }
            spread = spread.max(((p - other).abs() - shrunk * (p_0 - other_p_0).abs()).abs());
        }
        let moved = (feedback.step(fixed_point, gap, fault) - fixed_point).abs();
        Ok(Measurement::new()
            .metric("error", error)
            .metric("relative-error", relative)
            .metric("fixed-point-error", moved)
            .metric("spread-error", spread))
    }
}

/// What has been seen of an arm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    plays: u32,
    reward: f64,
    residuals: [f64; RESIDUALS],
}

/// A moment at which a threshold has to be selected.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    arms: Vec<Seen>,
    t: u32,
    alpha: f64,
    c: f64,
    m: u32,
}

impl Moment {
    /// The arm that the rule's definition singles out, by comparing every pair of arms.
    fn by_definition(&self) -> Option<usize> {
        let all = || 0..self.arms.len();
        if let Some(unplayed) = all().find(|&k| self.arms[k].plays == 0) {
            return Some(unplayed);
        }
        let level = self.alpha * (2.0 * ln(f64::from(self.t) + 2.0)).sqrt();
        let (m, c) = (f64::from(self.m), self.c);
        let radius = |k: usize, sigma: f64| level * sigma * (1.0 / f64::from(self.arms[k].plays).sqrt());
        let index = |k: usize| self.arms[k].reward + radius(k, 0.5 * (1.0 + c) / m.sqrt());
        let bound = |k: usize, j: usize| {
            let sigma = if j < 2 { (0.5 / m).sqrt() } else { 0.5 / m.sqrt() };
            self.arms[k].residuals[j] - radius(k, sigma)
        };
        let feasible = |k: usize| (0..RESIDUALS).all(|j| bound(k, j) <= 0.0);
        let violation = |k: usize| (0..RESIDUALS).map(|j| bound(k, j).max(0.0)).sum::<f64>();
        // Whether arm k is preferred to another on a value of which more is better.
        let preferred = |k: usize, other: usize, value: &dyn Fn(usize) -> f64| {
            value(k) > value(other) || (value(k) == value(other) && k <= other)
        };
        if all().any(feasible) {
            let candidates: Vec<usize> = all().filter(|&k| feasible(k)).collect();
            candidates.iter().copied().find(|&k| candidates.iter().all(|&other| preferred(k, other, &index)))
        } else {
            all().find(|&k| all().all(|other| preferred(k, other, &|k| -violation(k))))
        }
    }
}

/// The selection rule against its definition.
pub struct Selection;

impl Observe for Selection {
    type Instance = Moment;
    type Fault = Fault;
    const NAME: &'static str = "selection";
    const SUMMARY: &'static str =
        "The rule plays the arm that its definition singles out among all pairs of arms.";
    const METRICS: &'static [Metric] =
        &[Metric::new("disagreement", "Whether another arm is played.").range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[
        Fault::PessimisticFeasibility,
        Fault::MaxRewardFallback,
        Fault::DroppedConstraintBonus,
        Fault::IgnoresConstraints,
    ];

    fn instances() -> BoxedStrategy<Moment> {
        // Few different values, so that ties are common; residuals exactly at their limit included.
        let plays = prop_oneof![1 => Just(0_u32), 10 => Just(4), 10 => 1_u32..200];
        let value = move || (-8_i32..=8).prop_map(|i| 0.0625 * f64::from(i));
        let shifted = move |by: f64| value().prop_map(move |g| g + by);
        let seen = move |by: f64| {
            (plays.clone(), value(), [shifted(by), shifted(by), shifted(by)])
                .prop_map(|(plays, reward, residuals)| Seen { plays, reward, residuals })
        };
        // Shifted up, all arms are infeasible.
        let arms = (0_u8..2).prop_flat_map(move |up| prop::collection::vec(seen(f64::from(up)), 1..8));
        let alpha = prop_oneof![Just(0.0), Just(0.5), 0.0..2.0];
        (arms, 0_u32..20_000, alpha, prop_oneof![Just(0.0), Just(1.0), 0.0..5.0], 1_u32..50)
            .prop_map(|(arms, t, alpha, c, m)| Moment { arms, t, alpha, c, m })
            .boxed()
    }

    fn observe(moment: &Moment, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let of = |seen: &Seen| Statistics::of_means(seen.plays, seen.reward, seen.residuals);
        let arms: Vec<Statistics> = moment.arms.iter().map(of).collect();
        let radii = scales(moment.c, moment.m).times(level(moment.alpha, moment.t as usize));
        let played = optimistic_feasible(&arms, &radii, fault).arm;
        let disagrees = moment.by_definition() != Some(played);
        Ok(Measurement::new().metric("disagreement", f64::from(u8::from(disagrees))))
    }
}

/// Batches from two groups.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Batches {
    acc_0: f64,
    acc_1: f64,
    // All pairs of counts are visited.
    #[schemars(range(min = 1, max = 1000))]
    m: u32,
}

/// The residuals fed to the learner are unbiased.
pub struct Unbiased;

impl Observe for Unbiased {
    type Instance = Batches;
    type Fault = Fault;
    const NAME: &'static str = "unbiased-residuals";
    const SUMMARY: &'static str =
        "Expectations of the residuals over all batches, enumerated, are the true residuals.";
    const METRICS: &'static [Metric] = &[
        Metric::new("bias", "Larger of the two residuals' absolute biases.").range(0.0, f64::INFINITY),
        Metric::new("bias-of-absolute", "Bias E abs(d) − abs(E d) of the absolute noisy gap."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::AbsOfNoisyGap];

    fn instances() -> BoxedStrategy<Batches> {
        let rate = || prop_oneof![Just(0.0), Just(0.5), Just(1.0), 0.0..1.0];
        (rate(), rate(), 1_u32..=30).prop_map(|(acc_0, acc_1, m)| Batches { acc_0, acc_1, m }).boxed()
    }

    fn observe(batches: &Batches, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Batches { acc_0, acc_1, m } = *batches;
        let [upper, lower] = biases(acc_0, acc_1, m, fault);
        let gap = acc_0 - acc_1;
        let [of_absolute, _] = biases(acc_0, acc_1, m, Some(Fault::AbsOfNoisyGap));
        Ok(Measurement::new()
            .metric("bias", upper.abs().max(lower.abs()))
            .metric("bias-of-absolute", of_absolute + gap - gap.abs()))
    }
}

/// What an arm does in one group: the share accepted, and the share of those that is right.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Acceptance {
    accepted: f64,
    right: f64,
}

/// A stationary bandit whose first arm is feasible, by as much as the slacks say.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StationaryBandit {
    arms: Vec<[Acceptance; 2]>,
    gap_slack: f64,
    service_slack: f64,
    c: f64,
    p: f64,
    m: u32,
    rounds_after_first_pass: usize,
    delta: f64,
    seed: u64,
}

/// Guarantees of optimism on the event that all intervals hold.
pub struct Optimism;

impl Observe for Optimism {
    type Instance = StationaryBandit;
    type Fault = Fault;
    const NAME: &'static str = "optimism";
    const SUMMARY: &'static str = "If all intervals hold, the best feasible arm always appears feasible, and every arm played is \
         within two radii of feasible and of optimal.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excluded", "Rounds in which the best feasible arm does not appear feasible.")
            .unit("rounds")
            .range(0.0, f64::INFINITY),
        Metric::new("fallbacks", "Rounds in which no arm appears feasible.")
            .unit("rounds")
            .range(0.0, f64::INFINITY),
        Metric::new("residual-excess", "Largest true residual of an arm played less twice its radius.")
            .unit("residual"),
        Metric::new(
            "reward-excess",
            "Largest reward of the best feasible arm less that of the arm played less twice its radius.",
        )
        .unit("reward"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DroppedConstraintBonus, Fault::IgnoresConstraints];

    fn instances() -> BoxedStrategy<StationaryBandit> {
        let share = || prop_oneof![1 => Just(0.0), 1 => Just(1.0), 6 => 0.0..1.0];
        let group = move || (share(), share()).prop_map(|(accepted, right)| Acceptance { accepted, right });
        let arms = prop::collection::vec([group(), group()], 1..7);
        let slack = || prop_oneof![Just(0.0), 0.0..0.3];
        let numbers = (prop_oneof![Just(0.0), Just(1.0), 0.0..4.0], 0.05..0.95, 1_u32..=60);
        let run = (1_usize..400, prop_oneof![Just(0.5), Just(0.1), 0.001..0.1], any::<u64>());
        (arms, slack(), slack(), numbers, run)
            .prop_map(|(arms, gap_slack, service_slack, (c, p, m), (rounds, delta, seed))| StationaryBandit {
                arms,
                gap_slack,
                service_slack,
                c,
                p,
                m,
                rounds_after_first_pass: rounds,
                delta,
                seed,
            })
            .boxed()
    }

    fn observe(bandit: &StationaryBandit, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rates = |a: Acceptance| Rates { good: a.accepted * a.right, bad: a.accepted * (1.0 - a.right) };
        let arms: Vec<[Rates; 2]> = bandit.arms.iter().map(|groups| groups.map(rates)).collect();
        let first = *arms.first().ok_or_else(|| Failure::invalid("there must be at least one arm"))?;
        let [gap, _, unserved] = residuals(first, Limits { epsilon: 0.0, s_min: 0.0 }, bandit.p);
        let limits =
            Limits { epsilon: gap.abs() + bandit.gap_slack, s_min: -unserved - bandit.service_slack };
        let horizon = arms.len() + bandit.rounds_after_first_pass;
        let environment = Environment::new(arms, bandit.c, limits)?;
        let run = Stationary::new(environment, bandit.p, horizon, bandit.m, bandit.delta)?
            .run(fault, &Streams::from_seed(bandit.seed));
        if !run.event {
            return Err(Failure::Rejected("some interval misses"));
        }
        Ok(Measurement::new()
            .metric("excluded", run.excluded as f64)
            .metric("fallbacks", run.fallbacks as f64)
            .metric("residual-excess", run.residual_excess)
            .metric("reward-excess", run.reward_excess))
    }
}

/// A run of the closed loop on the synthetic benchmark.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    algorithm: Algorithm,
    rounds: usize,
    m: u32,
    kappa: f64,
    eta: f64,
    seed: u64,
}

/// Runs repeat to the bit.
pub struct Reproducible;

impl Observe for Reproducible {
    type Instance = Run;
    type Fault = Fault;
    const NAME: &'static str = "reproducible";
    const SUMMARY: &'static str =
        "Two runs from one seed give the same log, bit for bit; another seed gives another log.";
    const METRICS: &'static [Metric] = &[
        Metric::new("differing-rounds", "Rounds in which two runs from the same seed differ.")
            .unit("rounds")
            .range(0.0, f64::INFINITY),
        Metric::new("same-from-another-seed", "Whether a run from another seed is the same.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WallClockSeed];

    fn instances() -> BoxedStrategy<Run> {
        let algorithm = prop_oneof![
            Just(Algorithm::Ofs),
            Just(Algorithm::Ucb),
            Just(Algorithm::PrimalDual),
            Just(Algorithm::BestFixed)
        ];
        (algorithm, 40_usize..150, 1_u32..40, 0.0..1.0, 0.0..1.0, any::<u64>())
            .prop_map(|(algorithm, rounds, m, kappa, eta, seed)| Run {
                algorithm,
                rounds,
                m,
                kappa,
                eta,
                seed,
            })
            .boxed()
    }

    fn observe(run: &Run, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Run { algorithm, rounds, m, kappa, eta, seed } = *run;
        let settings = Settings { algorithm, horizon: rounds, m, kappa, eta, ..Settings::default() };
        let closed_loop = ClosedLoop::new(settings, &Data::default())?;
        // A clock that ticks once a run, so that the fault itself can be replayed.
        let mut clock = 0;
        let mut log = |seed: u64| -> Vec<Round> {
            clock += 1;
            let seed = if fault == Some(Fault::WallClockSeed) { clock } else { seed };
            let mut rounds = Vec::new();
            closed_loop.run(fault, &Streams::from_seed(seed), |round| rounds.push(round));
            rounds
        };
        let (first, second, other) = (log(seed), log(seed), log(seed.wrapping_add(1)));
        let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count();
        Ok(Measurement::new()
            .metric("differing-rounds", differing as f64)
            .metric("same-from-another-seed", f64::from(u8::from(first == other))))
    }
}
