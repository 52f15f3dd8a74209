//! What must hold on every instance.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    actor::{Actor, Schedule, segment_regret},
    broken,
    critic::{Bonus, backward},
    difference::{surplus, value_difference},
    nora::{Nora, offline_data, shape},
    switching::most_critics_after,
};
use crate::{
    kernel::{
        math::{dot, exp, ln},
        mdp::{Episodic, Rows, Shape, Wild, deterministic, greedy, instances},
        stream::Streams,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// An episodic process and a policy of it, as one [`Wild`] a step; the start is that of the first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Steps(Vec<Wild>);

impl Steps {
    fn build(&self) -> Result<(Episodic, Vec<Rows>), Failure> {
        let built: Vec<_> =
            self.0.iter().map(Wild::build).collect::<Result<_, _>>().map_err(|e| broken(&e))?;
        let start = built.first().map(|(first, _)| first.start().to_vec()).unwrap_or_default();
        let steps = built.iter().map(|(step, _)| step.dynamics().clone()).collect();
        let process = Episodic::new(steps, start).map_err(|e| broken(&e))?;
        Ok((process, built.into_iter().map(|(_, policy)| policy).collect()))
    }
}

/// One to four steps of one to three states and actions.
fn steps() -> impl Strategy<Value = Steps> {
    (1_usize..=4, 1_usize..=3, 1_usize..=3).prop_flat_map(|(horizon, states, actions)| {
        let shape = Shape { states: (states, states), actions: (actions, actions), discount: (0.0, 0.0) };
        vec(instances(shape), horizon).prop_map(Steps)
    })
}

/// Entry (h, s, a) of a list that is repeated as often as needed.
fn repeated<T: Copy>(
    list: &[T],
    (_, states, actions): (usize, usize, usize),
    h: usize,
    s: usize,
    a: usize,
) -> T {
    list[((h * states + s) * actions + a) % list.len()]
}

/// H tables (S × A) of a list that is repeated.
fn repeated_tables(list: &[f64], shape: (usize, usize, usize)) -> Vec<Rows> {
    (0..shape.0).map(|h| Rows::from_fn(shape.1, shape.2, |s, a| repeated(list, shape, h, s, a))).collect()
}

/// Refuses a list without entries, or with entries that are not within ±`most`.
fn hold(name: &str, list: &[f64], least: f64, most: f64) -> Result<(), Failure> {
    if list.is_empty() || list.iter().any(|x| !(least..=most).contains(x)) {
        return Err(Failure::invalid(format!("`{name}` needs entries from {least} to {most}, at least one")));
    }
    Ok(())
}

/// A process, and bonuses.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bonuses {
    /// Steps, with rewards in \[−1, 1\], and the policy that is played.
    steps: Steps,
    /// b_h(s, a) ≥ 0 in the order of h, s and a, repeated.
    bonuses: Vec<f64>,
}

/// A critic that maximises, with the true process and bonuses, is optimistic for every policy.
pub struct Optimism;

impl Observe for Optimism {
    type Instance = Bonuses;
    type Fault = Fault;
    const NAME: &'static str = "optimism";
    const SUMMARY: &'static str = "A critic with bonuses exceeds Q*, and its own backup under every policy.";
    const METRICS: &'static [Metric] = &[
        Metric::new("least-excess", "Smallest f_h(s, a) − Q*_h(s, a)."),
        Metric::new("least-surplus", "Smallest f_h(s, a) − (r_h + P_h V_f)(s, a) under the policy."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OnPolicyTarget];

    fn instances() -> BoxedStrategy<Bonuses> {
        let bonus = prop_oneof![2 => Just(0.0), 1 => Just(3.0), 2 => 0.0..0.5_f64];
        (steps(), vec(bonus, 1..20)).prop_map(|(steps, bonuses)| Bonuses { steps, bonuses }).boxed()
    }

    fn observe(instance: &Bonuses, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (process, policy) = instance.steps.build()?;
        let bonuses = &instance.bonuses;
        hold("bonuses", bonuses, 0.0, 1e3)?;
        for step in process.steps() {
            hold("rewards", step.rewards().values(), -1.0, 1.0)?;
        }
        let shape = shape(&process);
        // What can still be earned from step h on, so that a clipped value is no smaller than a backup.
        let cap = |h: usize| (shape.0 - h) as f64;
        let backup = |h: usize, s: usize, a: usize, next: &[f64]| {
            let step = &process.steps()[h];
            let earned = step.rewards()[s][a] + dot(step.transition(s, a), next);
            earned + repeated(bonuses, shape, h, s, a)
        };
        let critic = backward(shape, cap, backup, fault);
        let least = |of: &[Rows]| of.iter().flat_map(Rows::values).copied().fold(f64::INFINITY, f64::min);
        let mut excess = critic.clone();
        excess.iter_mut().zip(process.optimal()).for_each(|(f, best)| f.add(-1.0, &best.actions));
        Ok(Measurement::new()
            .metric("least-excess", least(&excess))
            .metric("least-surplus", least(&surplus(&process, &critic, &policy, None))))
    }
}

/// A process, a critic and two policies.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Steps, and the policy that is played.
    steps: Steps,
    /// f_h(s, a) in the order of h, s and a, repeated.
    critic: Vec<f64>,
    /// Actions of the comparator in the order of h and s, repeated; modulo A.
    comparator: Vec<u8>,
}

/// The extended value-difference identity.
pub struct DifferenceIdentity;

impl Observe for DifferenceIdentity {
    type Instance = Compared;
    type Fault = Fault;
    const NAME: &'static str = "difference-identity";
    const SUMMARY: &'static str = "Differences of values against the sums of what actor and critic miss.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|V^{π°} − V^π − the three sums| for the given comparator.")
            .range(0.0, f64::INFINITY),
        Metric::new("optimal-error", "The same for an optimal comparator.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MaxBackup];

    fn instances() -> BoxedStrategy<Compared> {
        let value = prop_oneof![1 => Just(0.0), 3 => -3.0..3.0_f64];
        (steps(), vec(value, 1..20), vec(0_u8..6, 1..10))
            .prop_map(|(steps, critic, comparator)| Compared { steps, critic, comparator })
            .boxed()
    }

    fn observe(instance: &Compared, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (process, policy) = instance.steps.build()?;
        let (horizon, states, actions) = shape(&process);
        hold("critic", &instance.critic, -1e3, 1e3)?;
        let chosen = &instance.comparator;
        if chosen.is_empty() {
            return Err(Failure::invalid("`comparator` needs an action"));
        }
        let critic = repeated_tables(&instance.critic, (horizon, states, actions));
        let error = |comparator: &[Rows]| -> Result<f64, Failure> {
            let terms = value_difference(&process, &critic, &policy, comparator, fault);
            let difference = terms.map_err(|e| broken(&e))?.difference();
            Ok((process.value(comparator) - process.value(&policy) - difference).abs())
        };
        let given = |h: usize| {
            let action = |s: usize| usize::from(repeated(chosen, (horizon, states, 1), h, s, 0)) % actions;
            deterministic(&(0..states).map(action).collect::<Vec<usize>>(), actions)
        };
        let given: Vec<Rows> = (0..horizon).map(given).collect();
        let best: Vec<Rows> = process.optimal().iter().map(|step| greedy(&step.actions)).collect();
        Ok(Measurement::new().metric("error", error(&given)?).metric("optimal-error", error(&best)?))
    }
}

/// A row of critic values, and updates with it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Segment {
    /// f(s, ·).
    values: Vec<f64>,
    /// η.
    eta: f64,
    /// L ≥ 1.
    episodes: u16,
}

impl Segment {
    fn hold(&self) -> Result<(), Failure> {
        hold("values", &self.values, -1e3, 1e3)?;
        hold("eta", &[self.eta], 1e-6, 1e3)?;
        if self.values.len() < 2 || !(1..=1000).contains(&self.episodes) {
            return Err(Failure::invalid("needs two values, and from 1 to 1000 episodes"));
        }
        Ok(())
    }
}

/// Two to five values, ties among them, updates of several sizes.
fn segments() -> BoxedStrategy<Segment> {
    let value = prop_oneof![1 => prop::sample::select(vec![0.0, 1.0, -1.5]), 3 => -1.5..1.5_f64];
    let eta = prop_oneof![1 => Just(0.001), 1 => Just(2.0), 2 => 0.001..2.0_f64];
    (vec(value, 2..=5), eta, 1_u16..200)
        .prop_map(|(values, eta, episodes)| Segment { values, eta, episodes })
        .boxed()
}

/// Updates with a fixed critic add up.
pub struct ActorClosedForm;

impl Observe for ActorClosedForm {
    type Instance = Segment;
    type Fault = Fault;
    const NAME: &'static str = "actor-closed-form";
    const SUMMARY: &'static str = "L updates with a fixed critic against odds of exp(ηL (f(a) − f(b))).";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest |π(a)/π(best) − exp(ηL (f(a) − f(best)))|.").range(0.0, f64::INFINITY),
        Metric::new("least-gain", "Smallest change of ⟨π, f⟩ in an update."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoAccumulate];

    fn instances() -> BoxedStrategy<Segment> {
        segments()
    }

    fn observe(instance: &Segment, fault: Option<Fault>) -> Result<Measurement, Failure> {
        instance.hold()?;
        let Segment { values, eta, episodes } = instance;
        let critic = [Rows::from_fn(1, values.len(), |_, a| values[a])];
        let mut actor = Actor::uniform((1, 1, values.len()), *eta);
        let mut least = f64::INFINITY;
        for _ in 0..*episodes {
            let before = dot(&actor.policy()[0][0], values);
            actor.update(&critic, fault);
            least = least.min(dot(&actor.policy()[0][0], values) - before);
        }
        let top = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let policy = &actor.policy()[0][0];
        let best = policy.iter().copied().fold(0.0, f64::max);
        let error = policy.iter().zip(values).map(|(p, q)| {
            let odds = exp(eta * f64::from(*episodes) * (q - top));
            (p / best - odds).abs()
        });
        Ok(Measurement::new().metric("error", error.fold(0.0, f64::max)).metric("least-gain", least))
    }
}

/// The regret of a segment is at most ln A/η.
pub struct SegmentBound;

impl Observe for SegmentBound {
    type Instance = Segment;
    type Fault = Fault;
    const NAME: &'static str = "segment-bound";
    const SUMMARY: &'static str = "The regret of the actor against a fixed critic, and its bound.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "The regret over ln A/η.").range(0.0, f64::INFINITY),
        Metric::new("late-ratio", "The regret from the uniform policy on, over ln A/η + max f − min f.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::StaleFirstPolicy];

    fn instances() -> BoxedStrategy<Segment> {
        segments()
    }

    fn observe(instance: &Segment, fault: Option<Fault>) -> Result<Measurement, Failure> {
        instance.hold()?;
        let Segment { values, eta, episodes } = instance;
        let regret = |fault| segment_regret(values, *eta, usize::from(*episodes), fault).max(0.0);
        let bound = ln(values.len() as f64) / eta;
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), q| {
            (f64::min(low, *q), f64::max(high, *q))
        });
        Ok(Measurement::new()
            .metric("ratio", regret(fault) / bound)
            .metric("late-ratio", regret(Some(Fault::StaleFirstPolicy)) / (bound + high - low)))
    }
}

/// A schedule, and another learning rate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// K.
    segments: u16,
    /// T.
    episodes: u32,
    /// H.
    horizon: u16,
    /// A.
    actions: u16,
    /// η/η* of the other.
    factor: f64,
}

/// The learning rate minimises the bound.
pub struct LearningRateOptimum;

impl Observe for LearningRateOptimum {
    type Instance = Rates;
    type Fault = Fault;
    const NAME: &'static str = "learning-rate-optimum";
    const SUMMARY: &'static str = "The bound on the regret at the best learning rate, and at another.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "The bound at η over √(K T H² ln A/2), less 1."),
        Metric::new("advantage", "The bound at another learning rate over that at η, less 1."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::EtaNotScaledByK];

    fn instances() -> BoxedStrategy<Rates> {
        let factor =
            prop_oneof![1 => Just(1.0), 1 => prop::sample::select(vec![0.01, 100.0]), 3 => 0.1..10.0_f64];
        (1_u16..1000, 1_u32..1_000_000, 1_u16..100, 2_u16..100, factor)
            .prop_map(|(segments, episodes, horizon, actions, factor)| Rates {
                segments,
                episodes,
                horizon,
                actions,
                factor,
            })
            .boxed()
    }

    fn observe(instance: &Rates, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Rates { segments, episodes, horizon, actions, factor } = *instance;
        hold("factor", &[factor], 1e-3, 1e3)?;
        if segments == 0 || episodes == 0 || horizon == 0 || actions < 2 {
            return Err(Failure::invalid("needs a segment, an episode, a step and two actions"));
        }
        let schedule = Schedule {
            segments: f64::from(segments),
            episodes: f64::from(episodes),
            horizon: f64::from(horizon),
            actions: f64::from(actions),
        };
        let bound = schedule.bound(schedule.eta(fault));
        let other = schedule.bound(schedule.eta(None) * factor);
        Ok(Measurement::new()
            .metric("excess", bound / schedule.least() - 1.0)
            .metric("advantage", other / bound - 1.0))
    }
}

/// A run of the algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Played {
    /// Steps, and the policy that collects offline data.
    steps: Steps,
    /// N_off.
    offline: u8,
    /// T ≥ 1.
    episodes: u8,
    /// c_b.
    bonus: f64,
    /// η.
    eta: f64,
    /// Whether a switch resets the policy.
    resets: bool,
    /// Seed of what happens.
    seed: u64,
}

/// The number of critics is logarithmic.
pub struct Switches;

impl Observe for Switches {
    type Instance = Played;
    type Fault = Fault;
    const NAME: &'static str = "switches";
    const SUMMARY: &'static str = "Critics of a run against what doublings of visits allow.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Number of critics less 1 + Σ ⌊log₂(N/max(N₀, ½))⌋."),
        Metric::new("coarse-excess", "That bound less 1 + HSA(1 + log₂ T)."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoDoubling];

    fn instances() -> BoxedStrategy<Played> {
        let bonus = prop_oneof![1 => Just(0.0), 2 => 0.0..1.0_f64];
        let offline = prop_oneof![1 => Just(0_u8), 1 => 1_u8..40];
        (steps(), offline, 1_u8..=120, bonus, 0.01..5.0_f64, any::<bool>(), 0_u64..1000)
            .prop_map(|(steps, offline, episodes, bonus, eta, resets, seed)| Played {
                steps,
                offline,
                episodes,
                bonus,
                eta,
                resets,
                seed,
            })
            .boxed()
    }

    fn observe(instance: &Played, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Played { steps, offline, episodes, bonus, eta, resets, seed } = instance;
        let (process, behaviour) = steps.build()?;
        hold("bonus", &[*bonus], 0.0, 1e3)?;
        hold("eta", &[*eta], 1e-6, 1e3)?;
        if *episodes == 0 {
            return Err(Failure::invalid("needs an episode"));
        }
        let (horizon, states, actions) = shape(&process);
        let episodes = usize::from(*episodes);
        let streams = Streams::from_seed(*seed);
        let data = offline_data(&process, &behaviour, usize::from(*offline), &mut streams.stream("offline"));
        let bonus = Bonus { coefficient: *bonus, episodes, cap: horizon as f64 };
        let nora = Nora { episodes, bonus, eta: *eta, resets: *resets, rare: true };
        let run = nora.run(&process, data, fault, &mut streams.stream("play"));
        let coarse = most_critics_after(horizon * states * actions, episodes);
        Ok(Measurement::new()
            .metric("excess", run.critics as f64 - run.most_critics)
            .metric("coarse-excess", run.most_critics - coarse))
    }
}
