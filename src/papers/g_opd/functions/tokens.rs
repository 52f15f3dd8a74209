//! The update of the code, token by token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded;
use crate::{
    kernel::tokens::Clip,
    papers::{
        g_opd::{
            Fault,
            token::{Scored, TokenLoss},
        },
        leaf::{Failure, Function},
    },
};

pub fn token_advantages_function() -> Function {
    let example = AdvantageInput {
        student: vec![-1.2, -0.3, -2.5],
        teacher: vec![-0.7, -0.4, -1.0],
        reference: vec![-1.0, -0.5, -2.0],
        lambda: 1.25,
    };
    let at_one = AdvantageInput { lambda: 1.0, ..example.clone() };
    // The student is still the reference: only the reward is left.
    let start = AdvantageInput { reference: example.student.clone(), lambda: 0.5, ..example.clone() };
    Function::with_faults(
        "token-advantages",
        "−[(ln π_old − ln π_ref) − λ (ln π* − ln π_ref)] of each token of a response.",
        &example,
        &[
            Fault::FlippedSign,
            Fault::SwapTeacherAndRef,
            Fault::LambdaIgnored,
            Fault::LambdaDefault,
            Fault::RewardToGo,
        ],
        token_advantages,
    )
    .also(&at_one)
    .also(&start)
}

/// Log-probabilities of the tokens of one response.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdvantageInput {
    /// ln π_old of the student that sampled the response.
    student: Vec<f64>,
    /// ln π*.
    teacher: Vec<f64>,
    /// ln π_ref.
    reference: Vec<f64>,
    /// λ.
    lambda: f64,
}

#[derive(Serialize, JsonSchema)]
struct AdvantageOutput {
    /// aₜ.
    advantages: Vec<f64>,
}

fn token_advantages(input: &AdvantageInput, fault: Option<Fault>) -> Result<AdvantageOutput, Failure> {
    let count = input.student.len();
    log_probabilities("student", &input.student, count)?;
    log_probabilities("teacher", &input.teacher, count)?;
    log_probabilities("reference", &input.reference, count)?;
    bounded("lambda", [&input.lambda])?;
    let response = Scored {
        new: input.student.clone(),
        old: input.student.clone(),
        sampler: input.student.clone(),
        teacher: input.teacher.clone(),
        reference: input.reference.clone(),
    };
    let advantages = TokenLoss::with(input.lambda).advantages(&[response], fault);
    Ok(AdvantageOutput { advantages: advantages.concat() })
}

pub fn token_loss_function() -> Function {
    let response = |new: &[f64], old: &[f64], sampler: &[f64], teacher: &[f64], reference: &[f64]| Response {
        new: new.to_vec(),
        old: old.to_vec(),
        sampler: sampler.to_vec(),
        teacher: teacher.to_vec(),
        reference: reference.to_vec(),
    };
    // The first token is clipped, the second is outside on the side that is not, and the third has an
    // importance weight above 5.
    let long = response(
        &[-0.9, -1.5, -0.4],
        &[-1.2, -1.0, -0.5],
        &[-1.3, -0.9, -2.5],
        &[-0.7, -0.8, -0.9],
        &[-1.0, -1.1, -0.6],
    );
    let short = response(&[-2.0], &[-2.2], &[-2.2], &[-3.0], &[-1.9]);
    let example = LossInput {
        responses: vec![long, short.clone()],
        lambda: 1.25,
        clip_low: 0.2,
        clip_high: 0.2,
        truncation: 5.0,
    };
    // The first step of a batch from the sampler itself: all ratios and weights are 1.
    let fresh = Response { new: short.old.clone(), ..short };
    let first_step = LossInput { responses: vec![fresh.clone(), fresh], lambda: 1.0, ..example.clone() };
    Function::with_faults(
        "token-loss",
        "The clipped objective of a batch with truncated importance weights, and its slope in ln π_θ of each token.",
        &example,
        &[
            Fault::FlippedSign,
            Fault::SwapTeacherAndRef,
            Fault::LambdaIgnored,
            Fault::RewardToGo,
            Fault::WhitenedAdvantages,
            Fault::CurrentPolicyInAdvantage,
            Fault::ClipBothSides,
            Fault::SequenceMeanLoss,
            Fault::ImportanceUntruncated,
            Fault::SequenceImportance,
        ],
        token_loss,
    )
    .also(&first_step)
}

/// Log-probabilities of the tokens of a response under five models.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Response {
    /// ln π_θ of the policy being optimised.
    new: Vec<f64>,
    /// ln π_old, its value at the start of the batch.
    old: Vec<f64>,
    /// ln μ of what sampled the tokens.
    sampler: Vec<f64>,
    /// ln π*.
    teacher: Vec<f64>,
    /// ln π_ref.
    reference: Vec<f64>,
}

/// A batch and the settings of the loss.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LossInput {
    /// The responses.
    responses: Vec<Response>,
    /// λ.
    lambda: f64,
    /// ε_low.
    #[schemars(range(min = 0.0))]
    clip_low: f64,
    /// ε_high.
    #[schemars(range(min = 0.0))]
    clip_high: f64,
    /// Largest importance weight c.
    #[schemars(range(min = 0.0))]
    truncation: f64,
}

#[derive(Serialize, JsonSchema)]
struct LossOutput {
    /// aₜ, for each response.
    advantages: Vec<Vec<f64>>,
    /// wₜ, for each response.
    weights: Vec<Vec<f64>>,
    /// L, to be maximised.
    objective: f64,
    /// ∂L/∂ ln π_θ of each token, response after response.
    slopes: Vec<f64>,
    /// Tokens whose slope the clip stopped.
    clipped: usize,
}

fn token_loss(input: &LossInput, fault: Option<Fault>) -> Result<LossOutput, Failure> {
    for response in &input.responses {
        let count = response.old.len();
        log_probabilities("old", &response.old, count)?;
        log_probabilities("new", &response.new, count)?;
        log_probabilities("sampler", &response.sampler, count)?;
        log_probabilities("teacher", &response.teacher, count)?;
        log_probabilities("reference", &response.reference, count)?;
    }
    if input.responses.iter().all(|response| response.old.is_empty()) {
        return Err(Failure::invalid("`responses` need at least one token"));
    }
    let bounds = [input.clip_low, input.clip_high, input.truncation];
    bounded("lambda", [&input.lambda])?;
    if bounds.iter().any(|x| x.is_nan() || *x < 0.0) {
        return Err(Failure::invalid("`clip_low`, `clip_high` and `truncation` must not be negative"));
    }
    let scored: Vec<Scored> = input
        .responses
        .iter()
        .map(|r| Scored {
            new: r.new.clone(),
            old: r.old.clone(),
            sampler: r.sampler.clone(),
            teacher: r.teacher.clone(),
            reference: r.reference.clone(),
        })
        .collect();
    let clip = Clip { low: input.clip_low, high: input.clip_high };
    let loss = TokenLoss { lambda: input.lambda, clip, truncation: input.truncation };
    let value = loss.evaluate(&scored, fault);
    let weights: Vec<Vec<f64>> = scored.iter().map(|response| loss.weights(response, fault)).collect();
    if !value.value.is_finite() || value.slopes.iter().chain(weights.iter().flatten()).any(|x| !x.is_finite())
    {
        return Err(Failure::invalid("a ratio of probabilities overflows"));
    }
    Ok(LossOutput {
        advantages: loss.advantages(&scored, fault),
        weights,
        objective: value.value,
        slopes: value.slopes,
        clipped: value.clipped,
    })
}

/// Log-probabilities.
fn log_probabilities(what: &str, values: &[f64], count: usize) -> Result<(), Failure> {
    if values.len() != count {
        return Err(Failure::invalid(format!("`{what}` needs {count} entries, one a token of the student")));
    }
    if values.iter().any(|v| *v > 0.0) {
        return Err(Failure::invalid(format!(
            "`{what}` holds logarithms of probabilities, which are not positive"
        )));
    }
    bounded(what, values)
}
