//! Functions for comparing other code with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    oracle::Oracle,
    pass,
    shaping::{Response, Shaping, aspo, correctness_advantages, shaped_rewards},
    trajectory::{Author, Part, Summary},
};
use crate::{
    kernel::tokens::Rows,
    papers::leaf::{Failure, Function, Paper},
};

/// Adds them to the paper.
pub fn add_to(paper: Paper) -> Paper {
    add_answers(add_trajectory(add_advantages(paper)))
}

fn add_advantages(paper: Paper) -> Paper {
    let response = |correct, length, first_call| Response { correct, length, first_call };
    let mixed = vec![
        response(true, 20, Some(1)),
        response(true, 20, Some(7)),
        response(true, 50, None),
        response(false, 9, Some(0)),
        response(false, 31, None),
    ];
    let far = vec![
        response(true, 12, Some(0)),
        response(true, 12, Some(11)),
        response(true, 12, Some(1)),
        response(false, 12, Some(0)),
    ];
    let all_correct: Vec<Response> = [1, 2, 3, 10].map(|p| response(true, 20, Some(p))).to_vec();
    let lone = vec![response(true, 30, Some(12)), response(false, 25, Some(2)), response(true, 8, None)];
    let all_wrong: Vec<Response> = [0, 4].map(|p| response(false, 10, Some(p))).to_vec();
    let shaping = Shaping { delta: -2.0, bound: 0.7 };
    let shaped = |group: &[Response]| AspoInput { group: group.to_vec(), shaping };
    let rewarded = |group: &[Response], delta| RewardInput { group: group.to_vec(), delta };
    paper
        .function(
            Function::with_faults(
                "aspo-advantages",
                "Advantages of a group with an early-call bonus, clipped to a share of the correctness advantage.",
                &shaped(&mixed),
                &[
                    Fault::NoClip,
                    Fault::ClipToConstant,
                    Fault::NoCorrectnessGate,
                    Fault::NormaliseWithoutZeroGuard,
                    Fault::SampleDeviation,
                    Fault::MeansOverAllCalls,
                    Fault::MissingCallAtZero,
                    Fault::SignOfDelta,
                    Fault::KZero,
                ],
                aspo_advantages,
            )
            .also(&shaped(&far))
            .also(&shaped(&all_correct))
            .also(&shaped(&lone))
            .also(&shaped(&all_wrong)),
        )
        .function(
            Function::with_faults(
                "reward-shaping-advantages",
                "The alternative to ASPO: the early-call bonus becomes part of the reward, and GRPO normalises the sum.",
                &rewarded(&mixed, -2.0),
                &[
                    Fault::SampleDeviation,
                    Fault::MeansOverAllCalls,
                    Fault::MissingCallAtZero,
                    Fault::SignOfDelta,
                ],
                reward_shaping_advantages,
            )
            .also(&rewarded(&all_correct, -1e-4))
            .also(&rewarded(&lone, -2.0))
            .also(&rewarded(&all_wrong, -2.0)),
        )
}

fn add_trajectory(paper: Paper) -> Paper {
    let parts = |parts: &[(Author, &[f64])]| TrajectoryInput {
        parts: parts
            .iter()
            .map(|(author, p)| Part { author: *author, log_probabilities: p.to_vec() })
            .collect(),
    };
    let called = parts(&[
        (Author::Policy, &[-0.7, -0.1, -1.2]),
        (Author::Tool, &[-6.5, -3.0]),
        (Author::Policy, &[-0.2, -0.05]),
    ]);
    let twice = parts(&[
        (Author::Policy, &[-0.4]),
        (Author::Tool, &[-8.0, -2.0, -0.01]),
        (Author::Policy, &[-1.5, 0.0]),
        (Author::Tool, &[-4.0]),
        (Author::Policy, &[-0.3]),
    ]);
    paper.function(
        Function::with_faults(
            "trajectory",
            "Loss mask, likelihood, length and first call of a trajectory whose observations nobody drew.",
            &called,
            &[Fault::ScoreObservationTokens, Fault::ObservationsInLength],
            trajectory,
        )
        .also(&twice)
        .also(&parts(&[(Author::Policy, &[-0.7, -0.1])])),
    )
}

fn add_answers(paper: Paper) -> Paper {
    let prompts = |counts: &[(usize, usize)], k: &[usize]| PassInput {
        prompts: counts
            .iter()
            .map(|(answers, right)| PromptCounts { answers: *answers, right: *right })
            .collect(),
        k: k.to_vec(),
    };
    let answers = |hidden: &[usize], call| AnswerInput {
        logits: vec![vec![0.0, 1.0, -0.5], vec![-1.0, 0.5, 0.0]],
        hidden: hidden.to_vec(),
        call,
        copy: 0.95,
    };
    paper
        .function(
            Function::with_faults(
                "pass-at-k",
                "Unbiased estimate of mean pass@k, the mean over prompts of 1 − C(n − c, k)/C(n, k).",
                &prompts(&[(16, 3), (16, 0), (16, 12)], &[1, 2, 4, 8, 16]),
                &[Fault::PlugInPassAtK, Fault::PooledPrompts],
                pass_at_k,
            )
            .also(&prompts(&[(256, 1)], &[1, 64, 256]))
            .also(&prompts(&[(8, 8), (100, 1)], &[1, 8]))
            .also(&prompts(&[(1024, 2), (1024, 500)], &[512])),
        )
        .function(
            Function::with_faults(
                "answer-distribution",
                "Probability of every answer with and without a tool that reveals a hidden value.",
                &answers(&[0, 1], 0.5),
                &[Fault::ScoreObservationTokens, Fault::NoisyTool, Fault::PeekAtOracle],
                answer_distribution,
            )
            .also(&answers(&[2, 2], 1.0)),
        )
}

/// Largest |δ| that is accepted.
const LARGEST_DELTA: f64 = 1e6;

/// A group of responses to one prompt, and how calls are asked for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AspoInput {
    /// The responses.
    group: Vec<Response>,
    /// How calls are asked for.
    shaping: Shaping,
}

/// A group of responses to one prompt, and the size of the bonus.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RewardInput {
    /// The responses.
    group: Vec<Response>,
    /// δ; negative for early calls.
    delta: f64,
}

/// Advantages, one a response.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct AspoOutput {
    /// Aᵢ, from correctness alone.
    correctness: Vec<f64>,
    /// Âᵢ.
    advantages: Vec<f64>,
}

/// Advantages, one a response.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct RewardOutput {
    /// GRPO's, of the shaped rewards.
    advantages: Vec<f64>,
}

fn aspo_advantages(input: &AspoInput, fault: Option<Fault>) -> Result<AspoOutput, Failure> {
    let AspoInput { group, shaping } = input;
    if !(0.0..1.0).contains(&shaping.bound) {
        return Err(Failure::invalid("`bound` must be at least 0 and less than 1"));
    }
    usable(group, shaping.delta)?;
    Ok(AspoOutput {
        correctness: correctness_advantages(group, None),
        advantages: aspo(group, *shaping, fault),
    })
}

fn reward_shaping_advantages(input: &RewardInput, fault: Option<Fault>) -> Result<RewardOutput, Failure> {
    usable(&input.group, input.delta)?;
    Ok(RewardOutput { advantages: shaped_rewards(&input.group, input.delta, fault) })
}

fn usable(group: &[Response], delta: f64) -> Result<(), Failure> {
    if !(-LARGEST_DELTA..=LARGEST_DELTA).contains(&delta) {
        return Err(Failure::invalid(format!(
            "`delta` must lie between −{LARGEST_DELTA} and {LARGEST_DELTA}"
        )));
    }
    for (i, response) in group.iter().enumerate() {
        if response.length == 0 {
            return Err(Failure::invalid(format!("response {i} has no tokens")));
        }
        if let Some(position) = response.first_call.filter(|p| *p >= response.length) {
            return Err(Failure::invalid(format!(
                "response {i} has {} tokens and its first call at {position}; positions count from 0",
                response.length
            )));
        }
    }
    Ok(())
}

/// A trajectory.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TrajectoryInput {
    /// Its parts in order, the first of the policy and with a token.
    parts: Vec<Part>,
}

fn trajectory(input: &TrajectoryInput, fault: Option<Fault>) -> Result<Summary, Failure> {
    if !input.parts.first().is_some_and(|p| p.author == Author::Policy && !p.log_probabilities.is_empty()) {
        return Err(Failure::invalid("the first of `parts` must be of the policy, and have a token"));
    }
    let mut log_probabilities = input.parts.iter().flat_map(|part| &part.log_probabilities);
    if let Some(p) = log_probabilities.find(|p| !(f64::MIN..=0.0).contains(*p)) {
        return Err(Failure::invalid(format!("{p} is not the logarithm of a probability above 0")));
    }
    Ok(Summary::of(&input.parts, fault))
}

/// Answers to one prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PromptCounts {
    /// Number n of answers.
    #[schemars(range(min = 1, max = 1_000_000))]
    answers: usize,
    /// Number c ≤ n of right ones.
    right: usize,
}

/// Answers to some prompts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PassInput {
    /// The prompts, at least one.
    prompts: Vec<PromptCounts>,
    /// Values of k, each from 1 to the smallest number of answers to a prompt.
    k: Vec<usize>,
}

/// The estimates.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct PassOutput {
    /// Estimate of mean pass@k, for each k.
    pass: Vec<f64>,
}

fn pass_at_k(input: &PassInput, fault: Option<Fault>) -> Result<PassOutput, Failure> {
    let fewest = input.prompts.iter().map(|prompt| prompt.answers).min().unwrap_or(0);
    if input.prompts.iter().any(|p| p.right > p.answers || !(1..=1_000_000).contains(&p.answers)) {
        return Err(Failure::invalid("expected 1 ≤ answers ≤ 1000000 and right ≤ answers for every prompt"));
    }
    if let Some(k) = input.k.iter().find(|k| !(1..=fewest).contains(*k)) {
        return Err(Failure::invalid(format!(
            "k = {k} is not between 1 and {fewest}, the fewest answers to a prompt"
        )));
    }
    let counts: Vec<(usize, usize)> = input.prompts.iter().map(|p| (p.answers, p.right)).collect();
    Ok(PassOutput { pass: input.k.iter().map(|k| pass::mean_estimate(&counts, *k, fault)).collect() })
}

/// A text policy and a tool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AnswerInput {
    /// Logits of the text policy, one row a token of the answer, all of the same length of at least 2.
    logits: Vec<Vec<f64>>,
    /// The hidden value, one token a row.
    hidden: Vec<usize>,
    /// Call probability p_c.
    #[schemars(range(min = 0.0, max = 1.0))]
    call: f64,
    /// Probability c of copying a revealed token correctly.
    #[schemars(range(min = 0.0, max = 1.0))]
    copy: f64,
}

/// Distributions over answers, numbered by their tokens read as digits.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct AnswerOutput {
    /// q(a), by text alone.
    text: Vec<f64>,
    /// p(a), with the tool.
    with_tool: Vec<f64>,
}

fn answer_distribution(input: &AnswerInput, fault: Option<Fault>) -> Result<AnswerOutput, Failure> {
    let width = input.logits.first().map_or(0, Vec::len);
    if input.logits.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid("the rows of `logits` differ in length"));
    }
    let logits = Rows::from_fn(input.logits.len(), width, |t, v| input.logits[t][v]);
    let oracle = Oracle::new(logits, input.hidden.clone(), input.call, input.copy)?;
    Ok(AnswerOutput { text: oracle.text(fault), with_tool: oracle.with_tool(fault) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::paper;

    fn call(function: &str, input: Value) -> Result<Value, String> {
        paper().find_function(function).unwrap().call(input, None).map_err(|e| e.to_string())
    }

    #[test]
    fn every_mistake_is_told_apart_by_some_vector() {
        let paper = paper();
        for function in &paper.functions {
            for fault in &function.faults {
                let told = function.inputs.iter().any(|input| {
                    function.call(input.clone(), None).unwrap()
                        != function.call(input.clone(), Some(fault)).unwrap()
                });
                assert!(told, "{} {fault}", function.name);
            }
        }
    }

    #[test]
    fn bad_input_is_refused_in_words() {
        let group = |length: u32, call: u32| json!([{"correct": true, "length": length, "first_call": call}]);
        for (function, input, word) in [
            ("reward-shaping-advantages", json!({"group": group(3, 3), "delta": 0.1}), "first call at 3"),
            ("reward-shaping-advantages", json!({"group": group(0, 0), "delta": 0.1}), "no tokens"),
            ("reward-shaping-advantages", json!({"group": [], "delta": 1e300}), "`delta`"),
            ("aspo-advantages", json!({"group": [], "shaping": {"delta": 0.0, "bound": 1.0}}), "`bound`"),
            ("trajectory", json!({"parts": []}), "first of `parts`"),
            (
                "trajectory",
                json!({"parts": [{"author": "policy", "log_probabilities": [0.5]}]}),
                "not the logarithm",
            ),
            ("pass-at-k", json!({"prompts": [{"answers": 4, "right": 5}], "k": [1]}), "right ≤ answers"),
            ("pass-at-k", json!({"prompts": [{"answers": 4, "right": 1}], "k": [5]}), "between 1 and 4"),
            ("pass-at-k", json!({"prompts": [], "k": [1]}), "between 1 and 0"),
        ] {
            let message = call(function, input).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn groups_without_signal_give_zeros() {
        let shaping = json!({"delta": -2.0, "bound": 0.7});
        for group in [json!([]), json!([{"correct": true, "length": 3, "first_call": 1}])] {
            let count = group.as_array().unwrap().len();
            let output = call("aspo-advantages", json!({"group": group, "shaping": shaping})).unwrap();
            assert_eq!(output["advantages"], json!(vec![0.0; count]));
        }
    }
}
