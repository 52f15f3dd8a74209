//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::{Bandit, THIRD_DERIVATIVE, cubed_norm},
    last_layer::{Context, Sample, objective_curvature, surrogate_curvature},
    mask::{Region, Selection},
};
use crate::{
    kernel::{math::softmax, tokens::Rows},
    papers::leaf::{Failure, Function, Paper},
};

pub fn add_to(paper: Paper) -> Paper {
    let tokens = [0, 2, 2, 1, 3, 0, 1, 2];
    let advantages = [1.0, -0.5, 1.0, -0.5, -0.5, -0.5, 1.0, -0.5];
    let batch = BatchInput {
        contexts: vec![ContextInput { features: vec![1.0], logits: vec![0.0, 0.5, -0.5, 0.2] }],
        tokens: tokens
            .iter()
            .zip(advantages)
            .map(|(token, advantage)| TokenInput { context: 0, token: *token, advantage })
            .collect(),
    };
    let last_layer = LastLayerInput {
        batch: BatchInput {
            contexts: vec![
                ContextInput { features: vec![0.6, 0.8], logits: vec![0.1, -0.4, 0.7] },
                ContextInput { features: vec![1.0, 0.0], logits: vec![1.2, 0.0, -0.3] },
            ],
            tokens: vec![
                TokenInput { context: 0, token: 2, advantage: 1.0 },
                TokenInput { context: 1, token: 1, advantage: -0.5 },
            ],
        },
        step: vec![vec![0.5, -0.2], vec![0.0, 0.3], vec![-0.4, 0.1]],
    };
    paper
        .function(Function::with_faults(
            "step-models",
            "The second-order models of a step of one softmax row, with the exact changes and error bounds.",
            &StepInput {
                logits: vec![0.3, -0.8, 1.1],
                rewards: vec![0.2, 0.9, 0.4],
                step: vec![-0.5, 1.0, -0.3],
            },
            &[
                Fault::HalfCurvatureDropped,
                Fault::SignFlippedCurvature,
                Fault::FisherWithoutCentering,
                Fault::FirstOrderOnly,
            ],
            step_models,
        )
        .also(&StepInput { logits: vec![2.0, 0.0], rewards: vec![0.0, 1.0], step: vec![-0.1, 0.1] }))
        .function(Function::with_faults(
            "last-layer-curvature",
            "Directional curvatures of sampled tokens with respect to the last layer, without matrices.",
            &last_layer,
            &[Fault::MissingOuterProduct],
            last_layer_curvature,
        ))
        .function(Function::with_faults(
            "mask",
            "Drops the tokens that would shift the policy beyond a threshold, largest share first.",
            &MaskInput { batch: batch.clone(), responses: 8, rate: 20.0, threshold: 0.1 },
            &[Fault::NoMask, Fault::InvertedSelection],
            mask,
        )
        .also(&MaskInput { batch: batch.clone(), responses: 24, rate: 30.0, threshold: 0.3 })
        .also(&MaskInput { batch, responses: 1, rate: 1000.0, threshold: 0.001 }))
}

/// A softmax row and a step of its logits.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepInput {
    /// Logits θ.
    logits: Vec<f64>,
    /// Expected reward of each action, in \[0, 1\].
    rewards: Vec<f64>,
    /// Step Δ of the logits.
    step: Vec<f64>,
}

/// What the models say of a step, and what it does.
#[derive(Serialize, JsonSchema)]
struct StepOutput {
    /// ∇JᵀΔ.
    slope: f64,
    /// ΔᵀHΔ.
    curvature: f64,
    /// m_H(Δ) = ∇JᵀΔ + ½ΔᵀHΔ.
    objective_model: f64,
    /// J(θ + Δ) − J(θ).
    objective_change: f64,
    /// (√2/4)‖Δ‖³/6, which bounds the error of the objective model.
    objective_error_bound: f64,
    /// m_F(Δ) = ½ΔᵀFΔ.
    shift_model: f64,
    /// KL(π_θ ‖ π_{θ+Δ}).
    shift: f64,
    /// Whether m_H(Δ) exceeds the error bound, so that J is certain to rise.
    accepted: bool,
}

fn step_models(input: &StepInput, fault: Option<Fault>) -> Result<StepOutput, Failure> {
    let count = input.logits.len();
    if count == 0 || input.rewards.len() != count || input.step.len() != count {
        return Err(Failure::invalid("`logits`, `rewards` and `step` must be equally long, and not empty"));
    }
    if input.rewards.iter().any(|r| !(0.0..=1.0).contains(r)) {
        return Err(Failure::invalid("`rewards` must lie in [0, 1]; the bounds assume it"));
    }
    bounded("logits", &input.logits)?;
    bounded("step", &input.step)?;
    let bandit = Bandit { logits: input.logits.clone(), rewards: input.rewards.clone() };
    Ok(StepOutput {
        slope: bandit.slope(&input.step),
        curvature: bandit.curvature(&input.step),
        objective_model: bandit.objective_model(&input.step, fault),
        objective_change: bandit.stepped(&input.step).objective() - bandit.objective(),
        objective_error_bound: THIRD_DERIVATIVE / 6.0 * cubed_norm(&input.step),
        shift_model: 0.5 * bandit.fisher(&input.step, fault),
        shift: bandit.divergence(&input.step),
        accepted: bandit.accepts(&input.step, fault),
    })
}

/// A context of the last layer.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ContextInput {
    /// Features h ∈ R^d; \[1\] for a row of its own.
    features: Vec<f64>,
    /// Logits Wh ∈ R^V.
    logits: Vec<f64>,
}

/// A sampled token.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenInput {
    /// Index of its context.
    context: usize,
    /// The token.
    token: usize,
    /// Its advantage.
    advantage: f64,
}

/// Sampled tokens of contexts that share a last layer: a trust region.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchInput {
    /// The contexts.
    contexts: Vec<ContextInput>,
    /// The tokens.
    tokens: Vec<TokenInput>,
}

impl BatchInput {
    /// The region, with its V and d.
    fn region(&self) -> Result<(Region, usize, usize), Failure> {
        let Some(first) = self.contexts.first() else {
            return Err(Failure::invalid("needs a context"));
        };
        let (vocabulary, features) = (first.logits.len(), first.features.len());
        for context in &self.contexts {
            if context.logits.len() != vocabulary || context.features.len() != features {
                return Err(Failure::invalid("contexts must agree in the number of logits and of features"));
            }
            bounded("logits", &context.logits)?;
            bounded("features", &context.features)?;
        }
        for token in &self.tokens {
            if token.context >= self.contexts.len() || token.token >= vocabulary {
                return Err(Failure::invalid(format!(
                    "token {} of context {} does not exist",
                    token.token, token.context
                )));
            }
            bounded("advantage", &[token.advantage])?;
        }
        let context = |c: &ContextInput| Context { features: c.features.clone(), policy: softmax(&c.logits) };
        let sample = |t: &TokenInput| Sample { context: t.context, token: t.token, advantage: t.advantage };
        let region = Region {
            contexts: self.contexts.iter().map(context).collect(),
            samples: self.tokens.iter().map(sample).collect(),
        };
        Ok((region, vocabulary, features))
    }
}

/// Numbers of a size whose squares and products stay finite.
fn bounded(what: &str, values: &[f64]) -> Result<(), Failure> {
    if values.iter().any(|v| v.abs() > 1e30) {
        return Err(Failure::invalid(format!("`{what}` must not exceed 1e30 in size")));
    }
    Ok(())
}

/// Sampled tokens and a step of the last layer.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LastLayerInput {
    /// The tokens.
    batch: BatchInput,
    /// Step Δ of W, V rows of d.
    step: Vec<Vec<f64>>,
}

/// Directional curvatures.
#[derive(Serialize, JsonSchema)]
struct LastLayerOutput {
    /// Gradient Σ A s hᵀ of Σ A ln π, V rows of d.
    gradient: Vec<Vec<f64>>,
    /// Δᵀ∇²(Σ A ln π)Δ = −Σ A Var_π(Δh).
    surrogate_curvature: f64,
    /// Mean over tokens of A((sᵀΔh)² − Var_π(Δh)), an estimate of ΔᵀHΔ.
    objective_curvature: f64,
    /// m_F(Δ) = ½ · mean over contexts of Var_π(Δh).
    shift: f64,
}

fn last_layer_curvature(input: &LastLayerInput, fault: Option<Fault>) -> Result<LastLayerOutput, Failure> {
    let (region, vocabulary, features) = input.batch.region()?;
    if input.step.len() != vocabulary || input.step.iter().any(|row| row.len() != features) {
        return Err(Failure::invalid(
            "`step` needs one row a token of the vocabulary, of one entry a feature",
        ));
    }
    input.step.iter().try_for_each(|row| bounded("step", row))?;
    let step = Rows::from_fn(vocabulary, features, |v, j| input.step[v][j]);
    let mut gradient = Rows::zeros(vocabulary, features);
    region.step(&vec![true; region.samples.len()], 1.0, &mut gradient);
    Ok(LastLayerOutput {
        gradient: gradient.iter().map(<[f64]>::to_vec).collect(),
        surrogate_curvature: surrogate_curvature(&region.contexts, &region.samples, &step, fault),
        objective_curvature: objective_curvature(&region.contexts, &region.samples, &step),
        shift: region.shift(&step),
    })
}

/// A trust region and an aggressive step.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MaskInput {
    /// The tokens of the region.
    batch: BatchInput,
    /// Responses N ≥ 1 in the whole batch, by which the gradient is divided.
    #[schemars(range(min = 1))]
    responses: usize,
    /// Learning rate α.
    rate: f64,
    /// Largest predicted shift δ_F ≥ 0, in nats.
    #[schemars(range(min = 0.0))]
    threshold: f64,
}

/// What is left of the region.
#[derive(Serialize, JsonSchema)]
struct MaskOutput {
    /// Whether each token is kept.
    kept: Vec<bool>,
    /// Share of tokens dropped.
    rejected: f64,
    /// The step of the tokens kept, V rows of d.
    step: Vec<Vec<f64>>,
    /// Its predicted shift.
    shift: f64,
}

fn mask(input: &MaskInput, fault: Option<Fault>) -> Result<MaskOutput, Failure> {
    let (region, ..) = input.batch.region()?;
    if input.responses == 0 || input.threshold < 0.0 {
        return Err(Failure::invalid("needs a response, and a threshold that is not negative"));
    }
    bounded("rate", &[input.rate])?;
    let scale = input.rate / input.responses as f64;
    let masked = match fault {
        Some(Fault::NoMask) => region.mask(scale, f64::INFINITY, Selection::Largest),
        Some(Fault::InvertedSelection) => region.mask(scale, input.threshold, Selection::Smallest),
        _ => region.mask(scale, input.threshold, Selection::Largest),
    };
    let dropped = masked.kept.iter().filter(|kept| !**kept).count();
    Ok(MaskOutput {
        rejected: dropped as f64 / masked.kept.len().max(1) as f64,
        kept: masked.kept,
        step: masked.step.iter().map(<[f64]>::to_vec).collect(),
        shift: masked.shift,
    })
}
