//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    agents::{Counts, Factored, replayed},
    classes::{Class, DISCOUNT, Reward, Values, distinct},
    pan_flute::{MOST_PIPES, PanFlute},
    properties::Path,
};
use crate::{
    kernel::{math::mean, mdp::argmax},
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    let path = Path { pipes: 2, steps: vec![(1, false), (0, false), (1, false), (1, true), (0, false)] };
    paper
        .function(
            Function::with_faults(
                "values-left",
                "The values that transitions leave of a class, to a learner of models and to one of values.",
                &LeftInput {
                    class: Class::Factored,
                    reward: Reward::Sparse,
                    truth: 27,
                    pairs: vec![0, 1, 6, 7],
                },
                &[Fault::OneSidedTolerance],
                values_left,
            )
            .also(&LeftInput {
                class: Class::Tabular,
                reward: Reward::Dense,
                truth: 100,
                pairs: vec![0, 3],
            }),
        )
        .function(Function::new(
            "pan-flute",
            "Optimal values of PanFlute(n), and what one step does.",
            &FluteInput { pipes: 3, state: 10, action: 2 },
            pan_flute,
        ))
        .function(
            Function::with_faults(
                "replayed-values",
                "Q at which experience replay stands still, on the transitions of a path through PanFlute.",
                &path,
                &[Fault::OptimisticUnvisited],
                replayed_values,
            )
            .also(&Path { pipes: 1, steps: vec![(0, false); 3] }),
        )
        .function(Function::with_faults(
            "factored-plan",
            "What is learned of each bit from the transitions of a path, and what planning makes of it.",
            &path,
            &[Fault::TabularModel, Fault::WrongParents],
            factored_plan,
        ))
}

/// A true model of a class, seen at some pairs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LeftInput {
    /// The class.
    class: Class,
    /// The rewards.
    reward: Reward,
    /// Number of the true model: 16 i₀ + i₁ for two bits, the digits of the table for three states.
    truth: usize,
    /// Pairs 2s + a that were seen.
    pairs: Vec<usize>,
}

/// What is left.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Left {
    /// The true values, by pair.
    truth: Vec<f64>,
    /// Models that agree with the data.
    models: usize,
    /// Different values of theirs: Q_MB.
    model_based: usize,
    /// Different values that obey the Bellman equation at the data: Q_MF.
    value_based: usize,
}

fn values_left(input: &LeftInput, fault: Option<Fault>) -> Result<Left, Failure> {
    let models = input.class.models();
    if input.truth >= models.len() || input.pairs.iter().any(|pair| *pair >= input.class.pairs()) {
        return Err(Failure::invalid(format!(
            "expected a model below {} and pairs below {}",
            models.len(),
            input.class.pairs()
        )));
    }
    let values =
        Values::new(models, input.class.rewards(input.reward), fault == Some(Fault::OneSidedTolerance));
    let (names, evidence) = (values.names(), values.evidence());
    let seen = values.seen(input.truth, &input.pairs);
    let agreeing = evidence.consistent(&seen);
    Ok(Left {
        truth: values.of(input.truth).to_vec(),
        models: agreeing.iter().count(),
        model_based: distinct(agreeing.iter().map(|m| names[m])),
        value_based: distinct(evidence.unrefuted(&seen).iter().map(|m| names[m])),
    })
}

/// A pair of PanFlute.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FluteInput {
    /// Number of pipes.
    #[schemars(range(min = 1, max = MOST_PIPES))]
    pipes: usize,
    /// Number of the state.
    state: usize,
    /// Number of the action.
    action: usize,
}

/// The environment at a pair.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Flute {
    /// V* of the empty state.
    empty: f64,
    /// Mean of V* over all states.
    mean: f64,
    /// r(s).
    reward: f64,
    /// Next states and their probabilities.
    next: Vec<(usize, f64)>,
}

fn pan_flute(input: &FluteInput) -> Result<Flute, Failure> {
    if !(1..=MOST_PIPES).contains(&input.pipes) {
        return Err(Failure::invalid(format!("expected 1 to {MOST_PIPES} pipes")));
    }
    let flute = PanFlute::new(input.pipes);
    if input.state >= flute.states() || input.action >= input.pipes {
        return Err(Failure::invalid(format!(
            "expected a state below {} and an action below {}",
            flute.states(),
            input.pipes
        )));
    }
    let optimal = flute.optimal();
    Ok(Flute {
        empty: optimal[0],
        mean: mean(&optimal),
        reward: flute.reward(input.state),
        next: flute.successors(input.state, input.action),
    })
}

/// Q of visited pairs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Replayed {
    /// Q by state and action.
    values: Vec<Vec<f64>>,
    /// Share of the pairs that were visited.
    coverage: f64,
}

fn replayed_values(input: &Path, fault: Option<Fault>) -> Result<Replayed, Failure> {
    let (flute, data) = input.transitions()?;
    let counts = Counts::of(&flute, &data);
    let unvisited = if fault == Some(Fault::OptimisticUnvisited) { 1.0 / (1.0 - DISCOUNT) } else { 0.0 };
    let values = replayed(&flute, &counts, unvisited);
    Ok(Replayed { values: values.iter().map(<[f64]>::to_vec).collect(), coverage: counts.coverage() })
}

/// A factored model and its plan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Plan {
    /// Pr(bit = 1) in the empty state, by action and bit.
    bits: Vec<Vec<f64>>,
    /// Greedy action of each state.
    greedy: Vec<usize>,
    /// True value of the empty state under it.
    value: f64,
}

fn factored_plan(input: &Path, fault: Option<Fault>) -> Result<Plan, Failure> {
    let (flute, data) = input.transitions()?;
    let model = Factored::learned(&flute, &data, fault);
    let q = if fault == Some(Fault::TabularModel) {
        replayed(&flute, &Counts::of(&flute, &data), 0.0)
    } else {
        model.plan()
    };
    let bits = |action| (0..flute.bits()).map(|bit| model.probability(bit, 0, action)).collect();
    Ok(Plan {
        bits: (0..input.pipes).map(bits).collect(),
        greedy: q.iter().map(argmax).collect(),
        value: flute.value_of_greedy(&q),
    })
}
