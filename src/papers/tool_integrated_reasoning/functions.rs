//! Functions for comparing other code with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    oracle::Oracle,
    pass,
    shaping::{Response, Shaping, aspo, correctness_advantages},
};
use crate::{
    kernel::tokens::Rows,
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    let response = |correct, length, first_call| Response { correct, length, first_call };
    let mixed = AspoInput {
        group: vec![
            response(true, 20, Some(1)),
            response(true, 20, Some(7)),
            response(true, 50, None),
            response(false, 9, Some(0)),
            response(false, 31, None),
        ],
        shaping: Shaping { delta: -2.0, bound: 0.7 },
    };
    let far = AspoInput {
        group: vec![
            response(true, 12, Some(0)),
            response(true, 12, Some(11)),
            response(true, 12, Some(1)),
            response(false, 12, Some(0)),
        ],
        ..mixed.clone()
    };
    let all_correct =
        AspoInput { group: [1, 2, 3, 10].map(|p| response(true, 20, Some(p))).to_vec(), ..mixed.clone() };
    let answers = AnswerInput {
        logits: vec![vec![0.0, 1.0], vec![-1.0, 0.5]],
        hidden: vec![0, 1],
        call: 0.5,
        copy: 0.95,
    };
    let pass = |answers, right, k| PassInput { answers, right, k };
    vec![
        Function::with_faults(
            "aspo-advantages",
            "Advantages of a group with an early-call bonus that is clipped to a share of the correctness advantage.",
            &mixed,
            &[
                Fault::NoClip,
                Fault::ClipToConstant,
                Fault::NoCorrectnessGate,
                Fault::SignOfDelta,
                Fault::KZero,
            ],
            advantages,
        )
        .also(&far)
        .also(&all_correct),
        Function::with_faults(
            "pass-at-k",
            "Unbiased estimate of pass@k from n answers of which c are right, 1 − C(n − c, k)/C(n, k).",
            &pass(16, 3, 8),
            &[Fault::PlugInPassAtK],
            pass_at_k,
        )
        .also(&pass(16, 12, 8))
        .also(&pass(256, 1, 64)),
        Function::with_faults(
            "answer-distribution",
            "Probability of every answer with and without a tool that reveals a hidden value.",
            &answers,
            &[Fault::ScoreObservationTokens, Fault::NoisyTool, Fault::PeekAtOracle],
            distribution,
        ),
    ]
}

/// A group of responses to one prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AspoInput {
    /// The responses.
    group: Vec<Response>,
    /// How calls are asked for.
    shaping: Shaping,
}

/// Advantages, one a response.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AspoOutput {
    /// Aᵢ, from correctness alone.
    correctness: Vec<f64>,
    /// Âᵢ.
    advantages: Vec<f64>,
}

fn advantages(input: &AspoInput, fault: Option<Fault>) -> Result<AspoOutput, Failure> {
    let AspoInput { group, shaping } = input;
    if !shaping.delta.is_finite() || !(0.0..1.0).contains(&shaping.bound) {
        return Err(Failure::invalid("`delta` must be finite, and `bound` at least 0 and less than 1"));
    }
    for (i, response) in group.iter().enumerate() {
        if response.length == 0 || response.first_call.is_some_and(|p| p >= response.length) {
            return Err(Failure::invalid(format!(
                "response {i} has {} tokens and its first call at {:?}: positions count from 0 and lie inside \
                 the response",
                response.length, response.first_call
            )));
        }
    }
    Ok(AspoOutput {
        correctness: correctness_advantages(group, None),
        advantages: aspo(group, *shaping, fault),
    })
}

/// Answers to one prompt.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PassInput {
    /// Number n of answers.
    #[schemars(range(min = 1, max = 1_000_000))]
    answers: usize,
    /// Number c ≤ n of right ones.
    right: usize,
    /// k, from 1 to n.
    #[schemars(range(min = 1))]
    k: usize,
}

/// The estimate.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PassOutput {
    /// Estimate of pass@k.
    pass: f64,
}

fn pass_at_k(input: &PassInput, fault: Option<Fault>) -> Result<PassOutput, Failure> {
    let PassInput { answers, right, k } = *input;
    if k == 0 || k > answers || right > answers || answers > 1_000_000 {
        return Err(Failure::invalid(format!(
            "expected 1 ≤ k ≤ answers ≤ 1000000 and right ≤ answers, found k = {k}, answers = {answers}, right = {right}"
        )));
    }
    Ok(PassOutput { pass: pass::estimate(answers, right, k, fault) })
}

/// A text policy and a tool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerInput {
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
pub struct AnswerOutput {
    /// q(a), by text alone.
    text: Vec<f64>,
    /// p(a), with the tool.
    with_tool: Vec<f64>,
}

fn distribution(input: &AnswerInput, fault: Option<Fault>) -> Result<AnswerOutput, Failure> {
    let width = input.logits.first().map_or(0, Vec::len);
    if input.logits.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid("the rows of `logits` differ in length"));
    }
    let logits = Rows::from_fn(input.logits.len(), width, |t, v| input.logits[t][v]);
    let oracle = Oracle::new(logits, input.hidden.clone(), input.call, input.copy)?;
    Ok(AnswerOutput { text: oracle.text(fault), with_tool: oracle.with_tool(fault) })
}
