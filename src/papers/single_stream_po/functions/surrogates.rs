//! The clipped surrogate with its gradients, the penalty k₃, and importance ratios.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Fault;
use super::{as_long, finite};
use crate::{
    kernel::{
        math::{exp, softmax_into, sum},
        tokens::{Aggregation, Clip, Surrogate, SurrogateValue, Term, Token, k3},
    },
    papers::leaf::{Failure, Function, Paper},
};

const FAULTS: &[Fault] = &[
    Fault::MaskedTokensCounted,
    Fault::ClipAfterMultiplying,
    Fault::MeanOverWrongAxis,
    Fault::WrongPenaltySign,
];

pub fn add_to(paper: Paper) -> Paper {
    let objective = Objective {
        clip_low: Some(0.2),
        clip_high: Some(0.2),
        beta: 0.05,
        aggregation: Aggregation::SequenceMean,
    };
    let response = |new: &[f64], old: &[f64], advantage: f64| Response {
        new: new.to_vec(),
        old: old.to_vec(),
        reference: Some(old.to_vec()),
        centre: None,
        mask: None,
        advantages: vec![advantage],
    };
    let responses = vec![
        response(&[-0.9, -1.1, -0.3], &[-1.0, -1.5, -0.3], 1.0),
        Response { mask: Some(vec![true, false]), ..response(&[-2.0, -0.4], &[-1.2, -0.5], -0.5) },
    ];
    let with = |aggregation, clip_low, clip_high| SurrogateInput {
        objective: Objective { clip_low, clip_high, aggregation, ..objective.clone() },
        responses: responses.clone(),
    };
    let by_tokens = Function::with_faults(
        "surrogate",
        "The PPO/GRPO surrogate and its gradient with respect to log-probabilities.",
        &SurrogateInput { objective: objective.clone(), responses: responses.clone() },
        FAULTS,
        surrogate,
    )
    .also(&with(Aggregation::TokenMean, Some(0.2), Some(0.28)))
    .also(&with(Aggregation::TokenSum { divisor: 4.0 }, Some(0.2), Some(0.28)))
    .also(&with(Aggregation::SequenceMean, None, None))
    // Advantages by token, a moved clip interval, an empty response.
    .also(&SurrogateInput {
        objective: Objective { beta: 0.0, ..objective.clone() },
        responses: vec![
            Response {
                centre: Some(vec![1.3, 0.7]),
                advantages: vec![0.5, -2.0],
                ..response(&[-0.5, -1.5], &[-1.0, -1.0], 0.0)
            },
            response(&[], &[], 1.0),
        ],
    });
    paper
        .function(by_tokens)
        .function(Function::with_faults(
            "surrogate-logits",
            "The PPO/GRPO surrogate and its gradient with respect to logits.",
            &LogitsInput {
                objective,
                responses: vec![
                    LogitResponse {
                        logits: vec![vec![0.2, -0.4, 0.1], vec![1.0, 0.0, -1.0]],
                        tokens: vec![0, 2],
                        old: vec![-1.0, -2.0],
                        reference: Some(vec![-1.1, -2.2]),
                        centre: None,
                        mask: None,
                        advantages: vec![0.7],
                    },
                    LogitResponse {
                        logits: vec![vec![0.2, -0.4, 0.1], vec![0.5, 0.5, 0.0]],
                        tokens: vec![1, 0],
                        old: vec![-1.2, -0.9],
                        reference: Some(vec![-1.3, -1.0]),
                        centre: None,
                        mask: Some(vec![true, false]),
                        advantages: vec![-0.4],
                    },
                ],
            },
            FAULTS,
            surrogate_logits,
        ))
        .function(Function::with_faults(
            "k3",
            "The estimator k₃ of the divergence from a reference, and its derivative in ln π.",
            &PenaltyInput { new: vec![-1.0, -0.2, -3.0], reference: vec![-1.1, -0.2, -2.0] },
            &[Fault::WrongPenaltySign],
            penalty,
        ))
        .function(Function::with_faults(
            "importance-ratios",
            "Ratios π/π_old by token, by response, and as the geometric mean of a response.",
            &RatiosInput {
                new: vec![vec![-0.9, -1.1, -0.3], vec![-2.0]],
                old: vec![vec![-1.0, -1.5, -0.3], vec![-1.2]],
                mask: Some(vec![vec![true, true, false], vec![true]]),
            },
            &[Fault::MaskedTokensCounted],
            ratios,
        ))
}

/// What is maximised.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Objective {
    /// ε_low ≥ 0: ratios are clipped below at c − ε_low; left out for no bound.
    #[serde(default)]
    clip_low: Option<f64>,
    /// ε_high ≥ 0: ratios are clipped above at c + ε_high; left out for no bound.
    #[serde(default)]
    clip_high: Option<f64>,
    /// Weight β ≥ 0 of the penalty k₃.
    #[serde(default)]
    beta: f64,
    /// How tokens are averaged.
    aggregation: Aggregation,
}

impl Objective {
    fn surrogate(&self) -> Result<Surrogate, Failure> {
        let (low, high) = (self.clip_low.unwrap_or(f64::INFINITY), self.clip_high.unwrap_or(f64::INFINITY));
        if low < 0.0 || high < 0.0 || self.beta < 0.0 {
            return Err(Failure::invalid("`clip_low`, `clip_high` and `beta` must not be negative"));
        }
        if let Aggregation::TokenSum { divisor } = self.aggregation
            && divisor <= 0.0
        {
            return Err(Failure::invalid("`divisor` must be positive"));
        }
        Ok(Surrogate { clip: Clip { low, high }, beta: self.beta, aggregation: self.aggregation })
    }
}

/// A response, token by token.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Response {
    /// ln π of its tokens, under the policy that is optimised.
    new: Vec<f64>,
    /// ln π_old, under the policy that sampled it.
    old: Vec<f64>,
    /// ln π_ref, under the reference policy; needed if β > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Vec<f64>>,
    /// Centre c of the clip interval of each token; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    centre: Option<Vec<f64>>,
    /// Which tokens count, all if left out. The others are as if they were not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<Vec<bool>>,
    /// One advantage for the whole response, or one a token.
    advantages: Vec<f64>,
}

impl Response {
    /// Its tokens, and which of them count.
    fn tokens(&self, beta: f64) -> Result<Vec<(Token, bool)>, Failure> {
        let length = self.new.len();
        as_long("old", self.old.len(), length)?;
        if beta > 0.0 && self.reference.is_none() {
            return Err(Failure::invalid("`beta` needs a `reference` in every response"));
        }
        for (what, values) in [("reference", &self.reference), ("centre", &self.centre)] {
            values.as_ref().map_or(Ok(()), |values| as_long(what, values.len(), length))?;
        }
        self.mask.as_ref().map_or(Ok(()), |mask| as_long("mask", mask.len(), length))?;
        if self.advantages.len() != 1 {
            as_long("advantages", self.advantages.len(), length)?;
        }
        Ok((0..length)
            .map(|t| {
                let advantage = self.advantages[if self.advantages.len() == 1 { 0 } else { t }];
                let token = Token {
                    reference: self.reference.as_ref().map_or(self.new[t], |values| values[t]),
                    centre: self.centre.as_ref().map_or(1.0, |values| values[t]),
                    ..Token::new(self.new[t], self.old[t], advantage)
                };
                (token, self.mask.as_ref().is_none_or(|mask| mask[t]))
            })
            .collect())
    }
}

/// An objective and responses.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SurrogateInput {
    /// What is maximised.
    objective: Objective,
    /// All responses of the batch.
    responses: Vec<Response>,
}

/// The surrogate.
#[derive(Serialize, JsonSchema)]
struct SurrogateOutput {
    /// L, to be maximised.
    value: f64,
    /// ∂L/∂ln π of every token; 0 where masked.
    gradient: Vec<Vec<f64>>,
    /// Number of tokens whose gradient the clip stopped.
    clipped: usize,
}

fn surrogate(input: &SurrogateInput, fault: Option<Fault>) -> Result<SurrogateOutput, Failure> {
    let surrogate = input.objective.surrogate()?;
    let responses: Vec<Vec<(Token, bool)>> =
        input.responses.iter().map(|response| response.tokens(surrogate.beta)).collect::<Result<_, _>>()?;
    // A masked token that is counted after all has a term of 0.
    let counted = |kept: bool| kept || fault == Some(Fault::MaskedTokensCounted);
    let lengths: Vec<usize> =
        responses.iter().map(|tokens| tokens.iter().filter(|(_, kept)| counted(*kept)).count()).collect();
    let terms = responses.iter().flatten().filter(|(_, kept)| counted(*kept)).map(|(token, kept)| {
        if *kept { term(&surrogate, token, fault) } else { Term { value: 0.0, slope: 0.0, clipped: false } }
    });
    let SurrogateValue { value, slopes, clipped } = match fault {
        Some(Fault::MeanOverWrongAxis) => position_by_position(&lengths, &terms.collect::<Vec<_>>()),
        _ => surrogate.aggregation.apply(&lengths, terms),
    };
    finite("gradient", &slopes)?;
    finite("value", &[value])?;
    let mut slopes = slopes.into_iter();
    let gradient = responses
        .iter()
        .map(|tokens| {
            let of = |(_, kept): &(Token, bool)| if counted(*kept) { slopes.next() } else { None };
            tokens.iter().map(of).map(Option::unwrap_or_default).collect()
        })
        .collect();
    Ok(SurrogateOutput { value, gradient, clipped })
}

/// The term of a token, with the mistakes that are made here.
fn term(surrogate: &Surrogate, token: &Token, fault: Option<Fault>) -> Term {
    match fault {
        Some(Fault::ClipAfterMultiplying) => {
            let product = exp(token.new - token.old) * token.advantage;
            let (low, high) = (token.centre - surrogate.clip.low, token.centre + surrogate.clip.high);
            let clipped = product < low || product > high;
            let penalised = Surrogate { clip: Clip::NONE, ..*surrogate };
            let penalty = penalised.term(&Token { advantage: 0.0, ..*token });
            Term {
                value: product.max(low).min(high) + penalty.value,
                slope: if clipped { 0.0 } else { product } + penalty.slope,
                clipped,
            }
        }
        Some(Fault::WrongPenaltySign) => {
            let right = surrogate.term(token);
            let slope = surrogate.beta * k3(token.reference - token.new).slope;
            Term { slope: right.slope + 2.0 * slope, ..right }
        }
        _ => surrogate.term(token),
    }
}

/// The mistake of averaging over responses first, position by position, and then over positions.
fn position_by_position(lengths: &[usize], terms: &[Term]) -> SurrogateValue {
    let longest = lengths.iter().copied().max().unwrap_or(0);
    let weights = lengths.iter().flat_map(|length| {
        (0..*length).map(|t| {
            let reaching = lengths.iter().filter(|other| **other > t).count();
            1.0 / (reaching * longest) as f64
        })
    });
    let weighted: Vec<Term> = weights
        .zip(terms)
        .map(|(weight, term)| Term { value: weight * term.value, slope: weight * term.slope, ..*term })
        .collect();
    SurrogateValue {
        value: sum(weighted.iter().map(|term| term.value)),
        slopes: weighted.iter().map(|term| term.slope).collect(),
        clipped: weighted.iter().filter(|term| term.clipped).count(),
    }
}

/// A response with the logits from which its tokens are drawn.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogitResponse {
    /// For each token, the logits of its context under the policy that is optimised.
    logits: Vec<Vec<f64>>,
    /// The tokens, indices into their logits.
    tokens: Vec<usize>,
    /// ln π_old of the tokens.
    old: Vec<f64>,
    /// ln π_ref of the tokens; needed if β > 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reference: Option<Vec<f64>>,
    /// Centre of the clip interval of each token; 1 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    centre: Option<Vec<f64>>,
    /// Which tokens count; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<Vec<bool>>,
    /// One advantage for the whole response, or one a token.
    advantages: Vec<f64>,
}

/// An objective and responses with logits.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LogitsInput {
    /// What is maximised.
    objective: Objective,
    /// All responses of the batch.
    responses: Vec<LogitResponse>,
}

/// The surrogate, by logits.
#[derive(Serialize, JsonSchema)]
struct LogitsOutput {
    /// L, to be maximised.
    value: f64,
    /// ∂L/∂logits, in the shape of the logits.
    gradient: Vec<Vec<Vec<f64>>>,
    /// Number of tokens whose gradient the clip stopped.
    clipped: usize,
}

fn surrogate_logits(input: &LogitsInput, fault: Option<Fault>) -> Result<LogitsOutput, Failure> {
    let mut responses = Vec::new();
    let mut probabilities = Vec::new();
    for response in &input.responses {
        as_long("tokens", response.tokens.len(), response.logits.len())?;
        let mut new = Vec::new();
        let mut rows = Vec::new();
        for (logits, token) in response.logits.iter().zip(&response.tokens) {
            let Some(logit) = logits.get(*token) else {
                return Err(Failure::invalid(format!(
                    "token {token} has no logit; there are {}",
                    logits.len()
                )));
            };
            let mut row = vec![0.0; logits.len()];
            new.push(logit - softmax_into(logits, &mut row));
            rows.push(row);
        }
        probabilities.push(rows);
        responses.push(Response {
            new,
            old: response.old.clone(),
            reference: response.reference.clone(),
            centre: response.centre.clone(),
            mask: response.mask.clone(),
            advantages: response.advantages.clone(),
        });
    }
    let by_token = surrogate(&SurrogateInput { objective: input.objective.clone(), responses }, fault)?;
    // ∂ln π(v)/∂zᵤ = 1[u = v] − π(u).
    for ((rows, slopes), response) in probabilities.iter_mut().zip(&by_token.gradient).zip(&input.responses) {
        for ((row, slope), token) in rows.iter_mut().zip(slopes).zip(&response.tokens) {
            for (u, p) in row.iter_mut().enumerate() {
                *p = slope * (f64::from(u8::from(u == *token)) - *p);
            }
        }
    }
    Ok(LogitsOutput { value: by_token.value, gradient: probabilities, clipped: by_token.clipped })
}

/// Log-probabilities of sampled tokens.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PenaltyInput {
    /// ln π.
    new: Vec<f64>,
    /// ln π_ref.
    reference: Vec<f64>,
}

/// k₃ of each token.
#[derive(Serialize, JsonSchema)]
struct PenaltyOutput {
    /// e^Δ − Δ − 1 with Δ = ln π_ref − ln π.
    values: Vec<f64>,
    /// Its derivative 1 − e^Δ with respect to ln π.
    gradient: Vec<f64>,
}

fn penalty(input: &PenaltyInput, fault: Option<Fault>) -> Result<PenaltyOutput, Failure> {
    as_long("reference", input.reference.len(), input.new.len())?;
    let terms: Vec<Term> =
        input.new.iter().zip(&input.reference).map(|(new, reference)| k3(reference - new)).collect();
    let values: Vec<f64> = terms.iter().map(|term| term.value).collect();
    let sign = if fault == Some(Fault::WrongPenaltySign) { -1.0 } else { 1.0 };
    finite("value", &values)?;
    Ok(PenaltyOutput { values, gradient: terms.iter().map(|term| sign * term.slope).collect() })
}

/// Log-probabilities of responses.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RatiosInput {
    /// ln π, by response and token.
    new: Vec<Vec<f64>>,
    /// ln π_old, in the same shape.
    old: Vec<Vec<f64>>,
    /// Which tokens count, in the same shape; all if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask: Option<Vec<Vec<bool>>>,
}

/// Importance ratios.
#[derive(Serialize, JsonSchema)]
struct RatiosOutput {
    /// π/π_old of each token; 1 where masked.
    token: Vec<Vec<f64>>,
    /// Their product over a response.
    sequence: Vec<f64>,
    /// Their geometric mean over a response, as in GSPO; 1 for an empty one.
    geometric: Vec<f64>,
}

fn ratios(input: &RatiosInput, fault: Option<Fault>) -> Result<RatiosOutput, Failure> {
    as_long("old", input.old.len(), input.new.len())?;
    input.mask.as_ref().map_or(Ok(()), |mask| as_long("mask", mask.len(), input.new.len()))?;
    let mut output = RatiosOutput { token: Vec::new(), sequence: Vec::new(), geometric: Vec::new() };
    for (i, (new, old)) in input.new.iter().zip(&input.old).enumerate() {
        as_long("old", old.len(), new.len())?;
        let mask = input.mask.as_ref().map(|mask| &mask[i]);
        mask.map_or(Ok(()), |mask| as_long("mask", mask.len(), new.len()))?;
        let kept = |t: usize| mask.is_none_or(|mask| mask[t]);
        let logs: Vec<f64> = (0..new.len()).map(|t| if kept(t) { new[t] - old[t] } else { 0.0 }).collect();
        let count = match fault {
            Some(Fault::MaskedTokensCounted) => new.len(),
            _ => (0..new.len()).filter(|t| kept(*t)).count(),
        };
        let total = sum(logs.iter().copied());
        output.token.push(logs.iter().map(|log| exp(*log)).collect());
        output.sequence.push(exp(total));
        output.geometric.push(exp(total / count.max(1) as f64));
    }
    output.token.iter().try_for_each(|token| finite("ratio", token))?;
    finite("ratio of a response", &output.sequence)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn objective(aggregation: Aggregation) -> Objective {
        Objective { clip_low: Some(0.2), clip_high: Some(0.3), beta: 0.1, aggregation }
    }

    fn response(mask: Option<Vec<bool>>) -> Response {
        Response {
            new: vec![-0.5, -1.0, -2.0],
            old: vec![-0.6, -1.5, -1.0],
            reference: Some(vec![-0.4, -1.1, -2.5]),
            centre: None,
            mask,
            advantages: vec![1.0],
        }
    }

    #[test]
    fn a_masked_token_is_as_if_it_were_not_there() {
        let masked = response(Some(vec![true, false, true]));
        let drop = |values: &[f64]| vec![values[0], values[2]];
        let without = Response {
            new: drop(&masked.new),
            old: drop(&masked.old),
            reference: masked.reference.as_deref().map(drop),
            mask: None,
            ..masked.clone()
        };
        for aggregation in [Aggregation::SequenceMean, Aggregation::TokenMean, Aggregation::SUM] {
            let of = |response: &Response, fault| {
                let responses = vec![response.clone(), super::tests::response(None)];
                surrogate(&SurrogateInput { objective: objective(aggregation), responses }, fault).unwrap()
            };
            let (a, b) = (of(&masked, None), of(&without, None));
            assert_relative_eq!(a.value, b.value, epsilon = 1e-15);
            assert_eq!(a.gradient[0], [b.gradient[0][0], 0.0, b.gradient[0][1]]);
            let counted = of(&masked, Some(Fault::MaskedTokensCounted)).value;
            assert_eq!(counted == a.value, aggregation == Aggregation::SUM);
        }
    }

    #[test]
    fn gradient_by_logits_is_the_derivative() {
        let at = |shift: f64, token: usize, u: usize| {
            let mut logits = vec![vec![0.3, -0.2, 0.5], vec![0.0, 1.0, -1.0]];
            logits[token][u] += shift;
            let input = LogitsInput {
                objective: objective(Aggregation::TokenMean),
                responses: vec![LogitResponse {
                    logits,
                    tokens: vec![1, 0],
                    old: vec![-1.4, -1.3],
                    reference: Some(vec![-1.0, -1.6]),
                    centre: None,
                    mask: None,
                    advantages: vec![0.8, -0.6],
                }],
            };
            surrogate_logits(&input, None).unwrap()
        };
        let h = 1e-6;
        for token in 0..2 {
            for u in 0..3 {
                let slope = (at(h, token, u).value - at(-h, token, u).value) / (2.0 * h);
                assert_relative_eq!(at(0.0, token, u).gradient[0][token][u], slope, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn every_mistake_shows_on_the_example() {
        let paper = super::super::super::paper();
        for function in &paper.functions {
            let right = function.call(function.example.clone(), None).unwrap();
            for fault in &function.faults {
                let wrong = function.call(function.example.clone(), Some(fault)).unwrap();
                assert_ne!(wrong, right, "{} under {fault}", function.name);
            }
        }
    }

    #[test]
    fn bad_input_is_refused() {
        let short = Response { old: vec![-1.0], ..response(None) };
        let input = SurrogateInput { objective: objective(Aggregation::TokenMean), responses: vec![short] };
        assert!(matches!(surrogate(&input, None), Err(Failure::Invalid(_))));
        let far = RatiosInput { new: vec![vec![0.0]], old: vec![vec![-1000.0]], mask: None };
        assert!(matches!(ratios(&far, None), Err(Failure::Invalid(_))));
    }
}
