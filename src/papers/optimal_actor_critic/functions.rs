//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    actor::{Actor, Schedule, segment_regret},
    broken,
    critic::{Bonus, optimistic},
    difference,
    switching::{most_critics, most_critics_after},
};
use crate::{
    kernel::{
        divergence::is_law,
        math::ln,
        mdp::{Counts, Dynamics, Episodic, Rows, Visit, greedy},
    },
    papers::leaf::{Failure, Function, Paper},
};

/// A table of rows of equal length, one row a state and one entry an action.
type Table = Vec<Vec<f64>>;

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    about_policies(about_critics(paper))
}

fn about_critics(paper: Paper) -> Paper {
    let seen = vec![
        vec![vec![vec![3, 1], vec![0, 2]], vec![vec![0, 0], vec![0, 0]]],
        vec![vec![vec![2, 1], vec![0, 0]], vec![vec![0, 3], vec![1, 0]]],
    ];
    let paid = vec![vec![vec![0.0, 0.1], vec![0.0, 0.0]], vec![vec![1.0, 0.0], vec![0.5, 0.25]]];
    let counted = CriticInput { transitions: seen, rewards: paid, bonus: 0.1, episodes: 100, cap: 1.0 };
    let plain = CriticInput { bonus: 0.0, ..counted.clone() };
    let visits =
        VisitsInput { first: vec![vec![vec![0, 3], vec![0, 0]]], last: vec![vec![vec![9, 12], vec![1, 0]]] };
    paper
        .function(
            Function::with_faults(
                "optimistic-critic",
                "Action values of counted transitions by backward induction with a bonus.",
                &counted,
                &[Fault::NoOptimism, Fault::OnPolicyTarget],
                optimistic_critic,
            )
            .also(&plain),
        )
        .function(Function::new(
            "switch-bound",
            "Largest number of critics that doublings of visits allow.",
            &visits,
            switch_bound,
        ))
}

fn about_policies(paper: Paper) -> Paper {
    let process = ProcessInput {
        transitions: vec![
            vec![vec![vec![0.9, 0.1], vec![0.0, 1.0]], vec![vec![0.0, 1.0], vec![0.0, 1.0]]],
            vec![vec![vec![0.0, 1.0], vec![1.0, 0.0]], vec![vec![0.5, 0.5], vec![0.5, 0.5]]],
        ],
        rewards: vec![vec![vec![0.0, 0.2], vec![0.0, 0.0]], vec![vec![1.0, 0.0], vec![0.0, -0.5]]],
        start: vec![1.0, 0.0],
    };
    let uniform = vec![vec![vec![0.5, 0.5]; 2]; 2];
    let first = vec![vec![vec![1.0, 0.0]; 2]; 2];
    let difference = DifferenceInput {
        process: process.clone(),
        critic: vec![vec![vec![1.0, 0.5], vec![0.25, 0.0]], vec![vec![0.5, 0.75], vec![1.0, 0.0]]],
        policy: uniform.clone(),
        comparator: first.clone(),
    };
    let never = CoverageInput { process: process.clone(), behaviour: vec![vec![vec![0.0, 1.0]; 2]; 2] };
    let row = ActorInput { values: vec![0.2, 0.9, 0.5], eta: 0.5, updates: 3 };
    let segment = SegmentInput { values: vec![0.2, 0.9, 0.5], eta: 0.5, episodes: 50 };
    let schedule = ScheduleInput { segments: 50.0, episodes: 4000.0, horizon: 6.0, actions: 3 };
    paper
        .function(Function::with_faults(
            "value-difference",
            "The extended value-difference identity: what the actor and the critic each miss.",
            &difference,
            &[Fault::MaxBackup],
            value_difference,
        ))
        .function(
            Function::new(
                "offline-coverage",
                "Largest ratio of the occupancies of an optimal policy and of a behaviour policy.",
                &CoverageInput { process, behaviour: uniform },
                offline_coverage,
            )
            .also(&never),
        )
        .function(
            Function::with_faults(
                "actor-policy",
                "Policy in a state after a number of updates with a fixed critic, from uniform.",
                &row,
                &[Fault::NoAccumulate],
                actor_policy,
            )
            .also(&ActorInput { updates: 0, ..row.clone() }),
        )
        .function(Function::with_faults(
            "segment-regret",
            "Regret of the actor in a state while the critic is fixed, and its bound.",
            &segment,
            &[Fault::StaleFirstPolicy],
            regret_of_segment,
        ))
        .function(Function::with_faults(
            "learning-rate",
            "The learning rate that minimises the bound on the regret of several segments.",
            &schedule,
            &[Fault::EtaNotScaledByK],
            learning_rate,
        ))
}

fn table(name: &str, rows: &Table) -> Result<Rows, Failure> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || rows.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid(format!("`{name}` needs rows of equal lengths, at least one entry")));
    }
    if !rows.iter().flatten().all(|x| x.abs() <= 1e100) {
        return Err(Failure::invalid(format!("`{name}` has an entry beyond 1e100")));
    }
    Ok(Rows::from_fn(rows.len(), width, |s, a| rows[s][a]))
}

fn tables(name: &str, steps: &[Table]) -> Result<Vec<Rows>, Failure> {
    steps.iter().map(|step| table(name, step)).collect()
}

fn lists(steps: &[Rows]) -> Vec<Table> {
    steps.iter().map(|step| step.iter().map(<[f64]>::to_vec).collect()).collect()
}

/// Counted data.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CriticInput {
    /// n_h(s, a, t), indexed \[h\]\[s\]\[a\]\[t\].
    transitions: Vec<Vec<Vec<Vec<u32>>>>,
    /// Mean rewards r̂_h(s, a), indexed \[h\]\[s\]\[a\]; ignored where nothing was seen.
    rewards: Vec<Table>,
    /// c_b; 0 for a critic without optimism.
    #[schemars(range(min = 0.0, max = 1e6))]
    bonus: f64,
    /// T.
    #[schemars(range(min = 1))]
    episodes: u32,
    /// B.
    #[schemars(range(min = 0.0, max = 1e6))]
    cap: f64,
}

/// Action values.
#[derive(Serialize, JsonSchema)]
struct CriticOutput {
    /// f_h(s, a), indexed \[h\]\[s\]\[a\].
    critic: Vec<Table>,
}

/// Most transitions that an input may count, which are recorded one by one.
const MOST_SEEN: u64 = 1_000_000;

fn optimistic_critic(input: &CriticInput, fault: Option<Fault>) -> Result<CriticOutput, Failure> {
    let rewards = tables("rewards", &input.rewards)?;
    let (states, actions) = rewards.first().map_or((0, 0), |step| (step.count(), step.width()));
    let shaped = rewards.iter().all(|step| (step.count(), step.width()) == (states, actions))
        && input.transitions.len() == rewards.len()
        && input.transitions.iter().all(|step| {
            let pairs = || step.iter().flatten();
            step.len() == states
                && step.iter().all(|state| state.len() == actions)
                && pairs().all(|next| next.len() == states)
        });
    if !shaped {
        return Err(Failure::invalid("`transitions` (H × S × A × S) and `rewards` (H × S × A) do not fit"));
    }
    if input.transitions.iter().flatten().flatten().flatten().map(|n| u64::from(*n)).sum::<u64>() > MOST_SEEN
    {
        return Err(Failure::invalid("`transitions` may count a million at most"));
    }
    let fits = |x: f64| (0.0..=1e6).contains(&x);
    if !fits(input.bonus) || !fits(input.cap) || input.episodes == 0 {
        return Err(Failure::invalid("needs `bonus` and `cap` from 0 to 1e6, and an episode"));
    }
    let mut data = vec![Counts::new(states, actions); rewards.len()];
    for (h, step) in input.transitions.iter().enumerate() {
        for (state, action) in (0..states).flat_map(|s| (0..actions).map(move |a| (s, a))) {
            let reward = rewards[h][state][action];
            for (next, n) in step[state][action].iter().enumerate() {
                (0..*n).for_each(|_| data[h].record(&Visit { state, action, reward, next }));
            }
        }
    }
    let bonus = Bonus { coefficient: input.bonus, episodes: input.episodes as usize, cap: input.cap };
    Ok(CriticOutput { critic: lists(&optimistic(&data, &bonus, fault)) })
}

/// Visits at first and in the end.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct VisitsInput {
    /// Visits before the first critic, indexed \[h\]\[s\]\[a\].
    first: Vec<Vec<Vec<u32>>>,
    /// Visits in the end, indexed alike.
    last: Vec<Vec<Vec<u32>>>,
}

/// Numbers of critics.
#[derive(Serialize, JsonSchema)]
struct VisitsOutput {
    /// 1 + Σ ⌊log₂(N/max(N₀, ½))⌋.
    critics: f64,
    /// 1 + HSA(1 + log₂ T), T the largest number of visits to a step.
    coarse: f64,
}

fn switch_bound(input: &VisitsInput) -> Result<VisitsOutput, Failure> {
    let counted = |name: &str, steps: &[Vec<Vec<u32>>]| {
        let floats = |step: &Vec<Vec<u32>>| {
            step.iter().map(|row| row.iter().copied().map(f64::from).collect()).collect::<Table>()
        };
        tables(name, &steps.iter().map(floats).collect::<Vec<Table>>())
    };
    let (first, last) = (counted("first", &input.first)?, counted("last", &input.last)?);
    let shape = |steps: &[Rows]| steps.iter().map(|t| (t.count(), t.width())).collect::<Vec<_>>();
    let pairs = || first.iter().zip(&last).flat_map(|(f, l)| f.values().iter().zip(l.values()));
    if shape(&first) != shape(&last) || pairs().any(|(before, now)| before > now) {
        return Err(Failure::invalid("`last` must have the shape of `first`, and no fewer visits anywhere"));
    }
    let most = input.last.iter().map(|step| step.iter().flatten().map(|n| *n as usize).sum()).max();
    Ok(VisitsOutput {
        critics: most_critics(&first, &last),
        coarse: most_critics_after(pairs().count(), most.unwrap_or(0)),
    })
}

/// An episodic process.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ProcessInput {
    /// P_h(t|s, a), indexed \[h\]\[s\]\[a\]\[t\].
    transitions: Vec<Vec<Table>>,
    /// r_h(s, a), indexed \[h\]\[s\]\[a\].
    rewards: Vec<Table>,
    /// μ₀.
    start: Vec<f64>,
}

impl ProcessInput {
    fn build(&self) -> Result<Episodic, Failure> {
        if self.transitions.len() != self.rewards.len() {
            return Err(Failure::invalid("`transitions` and `rewards` need as many steps"));
        }
        let steps = self.transitions.iter().zip(&self.rewards).map(|(transitions, rewards)| {
            let rewards = table("rewards", rewards)?;
            if transitions.len() != rewards.count() || transitions.iter().any(|s| s.len() != rewards.width())
            {
                return Err(Failure::invalid("`transitions` and `rewards` need as many states and actions"));
            }
            let rows: Table = transitions.iter().flatten().cloned().collect();
            Dynamics::new(table("transitions", &rows)?, rewards).map_err(|e| broken(&e))
        });
        let steps = steps.collect::<Result<Vec<Dynamics>, Failure>>()?;
        Episodic::new(steps, self.start.clone()).map_err(|e| broken(&e))
    }
}

/// A policy of a process, and what to compare it with.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DifferenceInput {
    /// The process.
    process: ProcessInput,
    /// f_h(s, a), any numbers.
    critic: Vec<Table>,
    /// π_h(a|s).
    policy: Vec<Table>,
    /// π°_h(a|s).
    comparator: Vec<Table>,
}

/// The value difference and its parts.
#[derive(Serialize, JsonSchema)]
struct DifferenceOutput {
    /// Σ_h E_{π°} ⟨f_h, π°_h − π_h⟩.
    actor: f64,
    /// Σ_h E_π e_h.
    surplus: f64,
    /// Σ_h E_{π°} e_h.
    comparator_surplus: f64,
    /// actor + surplus − comparator_surplus = V^{π°} − V^π.
    difference: f64,
}

fn value_difference(input: &DifferenceInput, fault: Option<Fault>) -> Result<DifferenceOutput, Failure> {
    let process = input.process.build()?;
    let critic = tables("critic", &input.critic)?;
    let (policy, comparator) = (laws("policy", &input.policy)?, laws("comparator", &input.comparator)?);
    let terms = difference::value_difference(&process, &critic, &policy, &comparator, fault)
        .map_err(|e| broken(&e))?;
    Ok(DifferenceOutput {
        actor: terms.actor,
        surplus: terms.surplus,
        comparator_surplus: terms.comparator_surplus,
        difference: terms.difference(),
    })
}

/// Tables whose rows are distributions.
fn laws(name: &str, steps: &[Table]) -> Result<Vec<Rows>, Failure> {
    if steps.iter().flatten().any(|row| !is_law(row)) {
        return Err(Failure::invalid(format!("a row of `{name}` is no distribution")));
    }
    tables(name, steps)
}

/// A process and a policy that collects data.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CoverageInput {
    /// The process.
    process: ProcessInput,
    /// π_h(a|s) of the policy that collects.
    behaviour: Vec<Table>,
}

/// How well data cover the optimal policy.
#[derive(Serialize, JsonSchema)]
struct CoverageOutput {
    /// c*_off = max d*_h(s, a)/d_h(s, a); none if the optimal policy does what the other never does.
    coverage: Option<f64>,
    /// The action of the optimal policy, the lowest of equal ones, indexed \[h\]\[s\].
    optimal: Vec<Vec<usize>>,
}

fn offline_coverage(input: &CoverageInput) -> Result<CoverageOutput, Failure> {
    let process = input.process.build()?;
    let best: Vec<Rows> = process.optimal().iter().map(|step| greedy(&step.actions)).collect();
    let behaviour = laws("behaviour", &input.behaviour)?;
    let coverage = process.concentrability(&best, &behaviour).map_err(|e| broken(&e))?;
    let chosen = |row: &[f64]| row.iter().position(|p| *p > 0.0).unwrap_or(0);
    Ok(CoverageOutput {
        coverage: Some(coverage).filter(|c| c.is_finite()),
        optimal: best.iter().map(|step| step.iter().map(chosen).collect()).collect(),
    })
}

/// A row of critic values, and updates with it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ActorInput {
    /// f(s, ·).
    values: Vec<f64>,
    /// η.
    #[schemars(range(min = 0.0, max = 1e6))]
    eta: f64,
    /// L.
    #[schemars(range(min = 0, max = 100_000))]
    updates: u32,
}

/// A policy.
#[derive(Serialize, JsonSchema)]
struct ActorOutput {
    /// π(·|s).
    policy: Vec<f64>,
}

fn hold_row(values: &[f64], eta: f64, times: u32) -> Result<(), Failure> {
    if values.is_empty() || !values.iter().all(|q| q.abs() <= 1e6) {
        return Err(Failure::invalid("`values` needs an entry, and none beyond 1e6"));
    }
    if !(0.0..=1e6).contains(&eta) || times > 100_000 {
        return Err(Failure::invalid("needs 0 ≤ `eta` ≤ 1e6, and at most 100000 updates or episodes"));
    }
    Ok(())
}

fn actor_policy(input: &ActorInput, fault: Option<Fault>) -> Result<ActorOutput, Failure> {
    hold_row(&input.values, input.eta, input.updates)?;
    let critic = [Rows::from_fn(1, input.values.len(), |_, a| input.values[a])];
    let mut actor = Actor::uniform((1, 1, input.values.len()), input.eta);
    (0..input.updates).for_each(|_| actor.update(&critic, fault));
    Ok(ActorOutput { policy: actor.policy()[0][0].to_vec() })
}

/// A row of critic values, and episodes with it.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SegmentInput {
    /// f(s, ·).
    values: Vec<f64>,
    /// η > 0.
    #[schemars(range(max = 1e6))]
    eta: f64,
    /// L.
    #[schemars(range(min = 0, max = 100_000))]
    episodes: u32,
}

/// The regret of a segment.
#[derive(Serialize, JsonSchema)]
struct SegmentOutput {
    /// Σ_k \[max f − ⟨π_k, f⟩\].
    regret: f64,
    /// ln A/η.
    bound: f64,
}

fn regret_of_segment(input: &SegmentInput, fault: Option<Fault>) -> Result<SegmentOutput, Failure> {
    hold_row(&input.values, input.eta, input.episodes)?;
    if input.eta < 1e-12 {
        return Err(Failure::invalid("`eta` must be at least 1e-12"));
    }
    Ok(SegmentOutput {
        regret: segment_regret(&input.values, input.eta, input.episodes as usize, fault),
        bound: ln(input.values.len() as f64) / input.eta,
    })
}

/// What the learning rate depends on.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScheduleInput {
    /// K, from 1 to 1e12.
    segments: f64,
    /// T, from 1 to 1e12.
    episodes: f64,
    /// H, from 1 to 1e12.
    horizon: f64,
    /// A.
    #[schemars(range(min = 2))]
    actions: u32,
}

/// A learning rate.
#[derive(Serialize, JsonSchema)]
struct ScheduleOutput {
    /// η* = √(8 K ln A/(T H²)).
    eta: f64,
    /// The bound K ln A/η + η T H²/8 there.
    bound: f64,
}

fn learning_rate(input: &ScheduleInput, fault: Option<Fault>) -> Result<ScheduleOutput, Failure> {
    let numbers = [input.segments, input.episodes, input.horizon];
    if numbers.iter().any(|n| !(1.0..=1e12).contains(n)) || input.actions < 2 {
        return Err(Failure::invalid("needs numbers from 1 to 1e12, and at least two actions"));
    }
    let [segments, episodes, horizon] = numbers;
    let schedule = Schedule { segments, episodes, horizon, actions: f64::from(input.actions) };
    let eta = schedule.eta(fault);
    Ok(ScheduleOutput { eta, bound: schedule.bound(eta) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::optimal_actor_critic::paper;
    use approx::assert_relative_eq;
    use serde_json::{Value, json};

    fn call(name: &str, input: Value) -> Result<Value, Failure> {
        paper().find_function(name).unwrap().call(input, None)
    }

    #[test]
    fn examples_agree_with_hand_computation() {
        let example = |name: &str| call(name, paper().find_function(name).unwrap().example.clone()).unwrap();
        let difference = example("value-difference");
        // Always action 0 earns 0.9; uniform play earns 0.1, and then 0.5 in state 0, where it stands with
        // probability 0.45, and −0.25 in state 1.
        let known = 0.9 - (0.1 + 0.45 * 0.5 - 0.55 * 0.25);
        assert_relative_eq!(difference["difference"].as_f64().unwrap(), known, epsilon = 1e-15);
        let coverage = example("offline-coverage");
        assert_relative_eq!(coverage["coverage"].as_f64().unwrap(), 4.0, epsilon = 1e-12);
        assert_eq!(example("switch-bound")["critics"], json!(1.0 + 4.0 + 2.0 + 1.0));
    }

    #[test]
    fn what_is_no_input_is_refused() {
        for (name, input) in [
            (
                "optimistic-critic",
                json!({"transitions": [[[[1]]]], "rewards": [[[0.0, 1.0]]], "bonus": 1.0, "episodes": 5, "cap": 1.0}),
            ),
            (
                "optimistic-critic",
                json!({"transitions": [[[[1]]]], "rewards": [[[0.0]]], "bonus": -1.0, "episodes": 5, "cap": 1.0}),
            ),
            (
                "optimistic-critic",
                json!({"transitions": [[[[4_000_000_000_u32]]]], "rewards": [[[0.0]]], "bonus": 1.0, "episodes": 5, "cap": 1.0}),
            ),
            ("switch-bound", json!({"first": [[[2]]], "last": [[[1]]]})),
            ("switch-bound", json!({"first": [[[2]]], "last": [[[3, 4]]]})),
            ("actor-policy", json!({"values": [], "eta": 1.0, "updates": 1})),
            ("segment-regret", json!({"values": [1.0], "eta": 0.0, "episodes": 1})),
            ("learning-rate", json!({"segments": 0.0, "episodes": 1.0, "horizon": 1.0, "actions": 2})),
            (
                "offline-coverage",
                json!({"process": {"transitions": [[[[1.0]]]], "rewards": [[[0.0]]], "start": [1.0]}, "behaviour": [[[0.5]]]}),
            ),
            (
                "offline-coverage",
                json!({"process": {"transitions": [], "rewards": [], "start": [1.0]}, "behaviour": []}),
            ),
        ] {
            assert!(matches!(call(name, input.clone()), Err(Failure::Invalid(_))), "{name} {input}");
        }
        let never = json!({"process": {"transitions": [[[[1.0], [1.0]]]], "rewards": [[[0.0, 1.0]]], "start": [1.0]}, "behaviour": [[[1.0, 0.0]]]});
        assert_eq!(call("offline-coverage", never).unwrap(), json!({"coverage": null, "optimal": [[1]]}));
    }
}
