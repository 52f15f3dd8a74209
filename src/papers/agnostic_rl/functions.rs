//! The pure functions of the reference, for `eval`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    capacity::spanning_capacities,
    class::{Class, Policy},
    coverability::Coverability,
    emulator::{Acts, Emulator, action_value},
    importance::{self, Episode},
    invalid,
    petal_process::PetalProcess,
    petals::Cell,
    process::{Problem, reference},
    psdp::Resets,
    tree::{Forest, Tree},
};
use crate::{
    kernel::mdp::{Dynamics, Episodic, Rows, argmax},
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    vec![
        Function::new(
            "reference-process",
            "Transitions, rewards and start of the reference process.",
            &ReferenceInput { horizon: 2, states: 3, shift: 0 },
            reference_process,
        ),
        Function::new(
            "policy-values",
            "V(π) of every policy of a class, and the best of them.",
            &Classed::example(),
            policy_values,
        ),
        Function::with_faults(
            "spanning-capacity",
            "C_h(Π) of every layer: the most pairs that Π reaches in a deterministic process.",
            &Policies { actions: 2, policies: few_ones() },
            &[Fault::TreeOnly],
            spanning_capacity,
        )
        .also(&Policies { actions: 2, policies: every_policy() }),
        Function::with_faults(
            "coverability",
            "Σ_sa max_π d_h^π(s, a) of every layer, and the data distributions that attain it.",
            &Classed::example(),
            &[Fault::SumOverPolicies],
            coverability,
        ),
        Function::with_faults(
            "trajectory-tree",
            "V̂(π) of every policy from trees whose transitions are given, and the queries of each tree.",
            &Draws::example(),
            &[Fault::FullTree, Fault::ResamplePerStep, Fault::ReuseAcrossLayers],
            trajectory_tree,
        ),
        Function::with_faults(
            "importance-estimates",
            "V̂(π) = (Aᴴ/n) Σ 1{consistent} R of every policy from episodes with uniform actions.",
            &Uniform::example(),
            &[Fault::UnweightedEpisodes],
            importance_estimates,
        ),
        Function::with_faults(
            "petal-value",
            "The Markov reward process of a policy on its petals, and its value.",
            &PetalInput::example(),
            &[Fault::PetalNotAbsorbing],
            petal_value,
        ),
        Function::with_faults(
            "psdp",
            "Policy search by dynamic programming with exact expectations, and the best of the class.",
            &PsdpInput::example(),
            &[Fault::PsdpWithDStar],
            psdp,
        ),
        Function::with_faults(
            "emulator-value",
            "V(π) on the emulator of sampled observations, and V(π) itself.",
            &EmulatorInput::example(),
            &[Fault::SharedSample],
            emulator_value,
        ),
    ]
}

/// A process of H layers as nested lists.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tables {
    /// P_h(t|s, a) as `transitions[h][s][a][t]`.
    transitions: Vec<Vec<Vec<Vec<f64>>>>,
    /// r_h(s, a) as `rewards[h][s][a]`.
    rewards: Vec<Vec<Vec<f64>>>,
    /// Start distribution over the states.
    start: Vec<f64>,
}

impl Tables {
    fn build(&self) -> Result<Episodic, Failure> {
        let states = self.start.len();
        let actions = self.rewards.first().and_then(|layer| layer.first()).map_or(0, Vec::len);
        let square =
            |layer: &Vec<Vec<f64>>| layer.len() == states && layer.iter().all(|row| row.len() == actions);
        let cube = |layer: &Vec<Vec<Vec<f64>>>| {
            layer.len() == states
                && layer.iter().all(|s| s.len() == actions && s.iter().all(|law| law.len() == states))
        };
        let fits = self.rewards.len() == self.transitions.len()
            && self.rewards.iter().all(square)
            && self.transitions.iter().all(cube);
        if !fits {
            return Err(Failure::invalid(
                "`transitions` must be [h][s][a][t] and `rewards` [h][s][a], with as many states as `start`",
            ));
        }
        let step = |(laws, paid): (&Vec<Vec<Vec<f64>>>, &Vec<Vec<f64>>)| {
            let transitions =
                Rows::from_fn(states * actions, states, |pair, t| laws[pair / actions][pair % actions][t]);
            Dynamics::new(transitions, Rows::from_fn(states, actions, |s, a| paid[s][a]))
        };
        let steps = self.transitions.iter().zip(&self.rewards).map(step).collect::<Result<_, _>>();
        Episodic::new(steps.map_err(|e| invalid(&e))?, self.start.clone()).map_err(|e| invalid(&e))
    }

    fn of(process: &Episodic) -> Self {
        let pairs = |step: &Dynamics, s: usize| -> Vec<Vec<f64>> {
            (0..step.actions()).map(|a| step.transition(s, a).to_vec()).collect()
        };
        Self {
            transitions: process
                .steps()
                .iter()
                .map(|step| (0..step.states()).map(|s| pairs(step, s)).collect())
                .collect(),
            rewards: process
                .steps()
                .iter()
                .map(|step| step.rewards().iter().map(<[f64]>::to_vec).collect())
                .collect(),
            start: process.start().to_vec(),
        }
    }

    /// Two layers of two states with distributions that are easily read.
    fn example() -> Self {
        let laws = vec![vec![vec![0.5, 0.5], vec![0.0, 1.0]], vec![vec![1.0, 0.0], vec![0.25, 0.75]]];
        Self {
            transitions: vec![laws.clone(), laws],
            rewards: vec![vec![vec![0.0, 0.1], vec![0.2, 0.0]], vec![vec![0.5, 0.0], vec![0.0, 0.8]]],
            start: vec![1.0, 0.0],
        }
    }
}

/// Two layers of two states: no ones, or one.
fn few_ones() -> Vec<Policy> {
    vec![
        vec![vec![0, 0], vec![0, 0]],
        vec![vec![1, 0], vec![0, 0]],
        vec![vec![0, 1], vec![0, 0]],
        vec![vec![0, 0], vec![1, 0]],
        vec![vec![0, 0], vec![0, 1]],
    ]
}

/// Three layers of two states, every policy: groups have to meet.
fn every_policy() -> Vec<Policy> {
    (0..64_usize)
        .map(|i| (0..3).map(|h| (0..2).map(|s| (i >> (2 * h + s)) & 1).collect()).collect())
        .collect()
}

/// The reference process.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReferenceInput {
    /// H, at most 20.
    #[schemars(range(min = 1, max = 20))]
    horizon: usize,
    /// States of each layer, at most 64.
    #[schemars(range(min = 1, max = 64))]
    states: usize,
    /// c.
    shift: usize,
}

fn reference_process(input: &ReferenceInput) -> Result<Tables, Failure> {
    Ok(Tables::of(&reference(input.horizon, input.states, input.shift)?))
}

/// A process and a class on it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Classed {
    /// The process.
    process: Tables,
    /// π_h(s) as `policies[i][h][s]`.
    policies: Vec<Policy>,
}

impl Classed {
    fn example() -> Self {
        Self { process: Tables::example(), policies: few_ones() }
    }

    fn resolve(&self) -> Result<Problem, Failure> {
        let process = self.process.build()?;
        let actions = process.steps()[0].actions();
        Problem::new(process, Class::new(actions, self.policies.clone())?)
    }
}

#[derive(Serialize, JsonSchema)]
struct Values {
    /// V(π), policy after policy.
    values: Vec<f64>,
    /// The best policy, the first among ties.
    best: usize,
}

fn policy_values(input: &Classed) -> Result<Values, Failure> {
    let values = input.resolve()?.values;
    Ok(Values { best: argmax(&values), values })
}

/// A class.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Policies {
    /// A.
    actions: usize,
    /// π_h(s) as `policies[i][h][s]`; at most 128.
    policies: Vec<Policy>,
}

#[derive(Serialize, JsonSchema)]
struct Capacities {
    /// C_h(Π), layer after layer.
    layers: Vec<usize>,
    /// C(Π), the largest of them.
    capacity: usize,
}

fn spanning_capacity(input: &Policies, fault: Option<Fault>) -> Result<Capacities, Failure> {
    let layers = spanning_capacities(&Class::new(input.actions, input.policies.clone())?, fault)?;
    Ok(Capacities { capacity: layers.iter().copied().max().unwrap_or(0), layers })
}

#[derive(Serialize, JsonSchema)]
struct Covered {
    /// Σ_sa max_π d_h^π(s, a), layer after layer.
    layers: Vec<f64>,
    /// C_cov, the largest of them.
    coverability: f64,
    /// μ_h ∝ max_π d_h^π, pairs in the order s A + a: no data cover the class better.
    data: Vec<Vec<f64>>,
}

fn coverability(input: &Classed, fault: Option<Fault>) -> Result<Covered, Failure> {
    let covered = Coverability::of(&input.resolve()?, fault)?;
    let layers = covered.layers();
    let share = |(envelope, total): (&Vec<f64>, &f64)| envelope.iter().map(|d| d / total).collect();
    Ok(Covered {
        coverability: layers.iter().copied().fold(0.0, f64::max),
        data: covered.envelopes.iter().zip(&layers).map(share).collect(),
        layers,
    })
}

/// A class, and trees as the outcomes of all draws.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Draws {
    /// The process; its transitions are not used.
    process: Tables,
    /// π_h(s) as `policies[i][h][s]`.
    policies: Vec<Policy>,
    /// The start state of each tree.
    starts: Vec<usize>,
    /// What the generative model answers if asked for (h, s, a), in each tree: `outcomes[tree][h][s][a]`.
    outcomes: Vec<Vec<Vec<Vec<usize>>>>,
}

impl Draws {
    fn example() -> Self {
        let tree = |x: usize| vec![vec![vec![x, 1], vec![0, 1 - x]]; 2];
        let Classed { process, policies } = Classed::example();
        Self { process, policies, starts: vec![0, 0], outcomes: vec![tree(0), tree(1)] }
    }
}

#[derive(Serialize, JsonSchema)]
struct Trees {
    /// V̂(π), policy after policy.
    estimates: Vec<f64>,
    /// Transitions that each tree asked for.
    queries: Vec<usize>,
    /// The policy with the largest estimate, the first among ties.
    chosen: usize,
}

fn trajectory_tree(input: &Draws, fault: Option<Fault>) -> Result<Trees, Failure> {
    let Draws { process, policies, starts, outcomes } = input;
    let problem = Classed { process: process.clone(), policies: policies.clone() }.resolve()?;
    let size = problem.class.size();
    let states =
        |answers: &Vec<usize>| answers.len() == size.actions && answers.iter().all(|t| *t < size.states);
    let layers = |layer: &Vec<Vec<usize>>| layer.len() == size.states && layer.iter().all(states);
    let fits = outcomes.iter().all(|tree| tree.len() == size.horizon && tree.iter().all(layers));
    if !fits
        || outcomes.is_empty()
        || starts.len() != outcomes.len()
        || starts.iter().any(|s| *s >= size.states)
    {
        return Err(Failure::invalid(
            "every tree needs a start, and a state for every (h, s, a): one tree at least",
        ));
    }
    // The mistake expands every history.
    if fault == Some(Fault::FullTree) && super::class::power(size.actions, size.horizon) > 1 << 16 {
        return Err(Failure::invalid("a full tree may have at most 65536 leaves"));
    }
    let mut forest = Forest::of(&problem.class);
    for (answers, start) in outcomes.iter().zip(starts) {
        let draw = |h: usize, s: usize, a: usize| answers[h][s][a];
        forest.add(&problem.class, &mut Tree::new(&problem.process, *start, draw, fault));
    }
    Ok(Trees { estimates: forest.estimates(), chosen: forest.chosen(), queries: forest.queries })
}

/// A class, and episodes with uniform actions.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Uniform {
    /// A.
    actions: usize,
    /// π_h(s) as `policies[i][h][s]`.
    policies: Vec<Policy>,
    /// What happened.
    episodes: Vec<Happened>,
}

/// One episode.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Happened {
    /// s_h, layer after layer.
    states: Vec<usize>,
    /// a_h, layer after layer.
    actions: Vec<usize>,
    /// R.
    total: f64,
}

impl Uniform {
    fn example() -> Self {
        let happened = |states: [usize; 2], actions: [usize; 2], total| Happened {
            states: states.to_vec(),
            actions: actions.to_vec(),
            total,
        };
        let episodes =
            vec![happened([0, 0], [0, 0], 0.5), happened([0, 1], [1, 0], 0.1), happened([0, 1], [0, 1], 0.8)];
        Self { actions: 2, policies: few_ones(), episodes }
    }
}

#[derive(Serialize, JsonSchema)]
struct Estimates {
    /// V̂(π), policy after policy.
    estimates: Vec<f64>,
    /// Number of episodes that are consistent with each policy.
    consistent: Vec<usize>,
}

fn importance_estimates(input: &Uniform, fault: Option<Fault>) -> Result<Estimates, Failure> {
    let class = Class::new(input.actions, input.policies.clone())?;
    let size = class.size();
    let fits = |e: &Happened| {
        e.states.len() == size.horizon
            && e.actions.len() == size.horizon
            && e.states.iter().all(|s| *s < size.states)
            && e.total.is_finite()
    };
    if input.episodes.is_empty() || !input.episodes.iter().all(fits) {
        return Err(Failure::invalid(
            "every episode needs a state and an action for each layer: one episode at least",
        ));
    }
    let path = |e: &Happened| e.states.iter().copied().zip(e.actions.iter().copied()).collect();
    let episodes: Vec<Episode> =
        input.episodes.iter().map(|e| Episode { path: path(e), total: e.total }).collect();
    let estimates = importance::estimates(&class, &episodes, fault);
    if estimates.iter().any(|x| !x.is_finite()) {
        return Err(Failure::numerical("the weights overflow: the horizon is too long"));
    }
    let count = |policy: &Policy| episodes.iter().filter(|e| e.consistent(policy)).count();
    Ok(Estimates { estimates, consistent: class.policies().iter().map(count).collect() })
}

/// A process, a policy and its petals.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PetalInput {
    /// The process.
    process: Tables,
    /// π_h(s).
    policy: Policy,
    /// Cells (h, s), in any order.
    petals: Vec<Cell>,
}

impl PetalInput {
    fn example() -> Self {
        Self { process: Tables::example(), policy: few_ones().swap_remove(4), petals: vec![(1, 1), (0, 0)] }
    }
}

/// Until the next petal.
#[derive(Serialize, JsonSchema)]
struct SegmentOutput {
    /// The petal; null for the start.
    from: Option<Cell>,
    /// Mean reward until the next petal, or the end.
    reward: f64,
    /// Probability that the next petal is this one, in the order of `petals`.
    next: Vec<f64>,
}

#[derive(Serialize, JsonSchema)]
struct PetalOutput {
    /// V(π), as the value of the petal process.
    value: f64,
    /// The petals, each once, layer after layer.
    petals: Vec<Cell>,
    /// What happens from the start, and then from each petal.
    segments: Vec<SegmentOutput>,
}

fn petal_value(input: &PetalInput, fault: Option<Fault>) -> Result<PetalOutput, Failure> {
    let classed = Classed { process: input.process.clone(), policies: vec![input.policy.clone()] };
    let problem = classed.resolve()?;
    let found = PetalProcess::of(&problem.process, &input.policy, &input.petals, fault)?;
    let value = found.value();
    let from = std::iter::once(None).chain(found.petals.iter().copied().map(Some));
    let segments = std::iter::once(found.start).chain(found.segments);
    let output = |(from, segment): (Option<Cell>, super::petal_process::Segment)| SegmentOutput {
        from,
        reward: segment.reward,
        next: segment.next,
    };
    Ok(PetalOutput { value, segments: from.zip(segments).map(output).collect(), petals: found.petals })
}

/// A process with resets.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PsdpInput {
    /// The process.
    process: Tables,
    /// Π_h: tables π_h(s) as `class[h][i][s]`.
    class: Vec<Vec<Vec<usize>>>,
    /// μ_h over states as `resets[h][s]`.
    resets: Vec<Vec<f64>>,
}

impl PsdpInput {
    /// The example in which PSDP is misled.
    fn example() -> Self {
        let laws = vec![vec![vec![1.0, 0.0], vec![0.0, 1.0]], vec![vec![0.0, 1.0], vec![0.0, 1.0]]];
        Self {
            process: Tables {
                transitions: vec![laws.clone(), laws],
                rewards: vec![vec![vec![0.0; 2]; 2], vec![vec![1.0, 0.4], vec![0.0, 0.9]]],
                start: vec![1.0, 0.0],
            },
            class: vec![vec![vec![0, 0]], vec![vec![0, 0], vec![1, 1]]],
            resets: vec![vec![1.0, 0.0], vec![0.5, 0.5]],
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct PsdpOutput {
    /// Number of the chosen table, layer after layer.
    chosen: Vec<usize>,
    /// E_{μ_h} Q_h(s, π_h(s)) of each table, given the choices of later layers.
    scores: Vec<Vec<f64>>,
    /// V(π̂).
    value: f64,
    /// max over Π of V.
    best: f64,
    /// max of d_h^π(s)/μ_h(s); null if a policy goes where resets do not.
    concentrability: Option<f64>,
}

fn psdp(input: &PsdpInput, fault: Option<Fault>) -> Result<PsdpOutput, Failure> {
    let resets = Resets::new(input.process.build()?, input.class.clone(), input.resets.clone())?;
    let chosen = resets.psdp(fault)?;
    Ok(PsdpOutput {
        chosen: chosen.tables,
        scores: chosen.scores,
        value: chosen.value,
        best: resets.best().1,
        concentrability: Some(resets.concentrability()?).filter(|c| c.is_finite()),
    })
}

/// A latent process, a policy of observations, and samples.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmulatorInput {
    /// The latent process.
    latent: Tables,
    /// The action on each observation of each latent state, which emits them equally likely: `acts[h][z][o]`.
    acts: Acts,
    /// Sampled observations of each latent state: `samples[h][z]`.
    samples: Vec<Vec<Vec<usize>>>,
}

impl EmulatorInput {
    fn example() -> Self {
        Self {
            latent: Tables::example(),
            acts: vec![vec![vec![0, 1, 1, 0], vec![1, 1, 0, 1]], vec![vec![0, 0, 0, 1], vec![1, 0, 1, 0]]],
            samples: vec![vec![vec![0, 1], vec![2, 2]], vec![vec![3, 0], vec![0, 1]]],
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Emulated {
    /// V(π) on the emulator.
    emulated: f64,
    /// V(π).
    value: f64,
}

fn emulator_value(input: &EmulatorInput, fault: Option<Fault>) -> Result<Emulated, Failure> {
    let latent = input.latent.build()?;
    let emulated = Emulator::new(input.samples.clone(), fault).value(&latent, &input.acts)?;
    Ok(Emulated { emulated, value: action_value(&latent, &input.acts)? })
}
