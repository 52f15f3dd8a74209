//! Functions for comparing other implementations with the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Chain, Fault, GaussianChain, Initial,
    chain::classifier_error_bound,
    gaussian_chain::{Affine, ControlledLine, Moments, Quadratic, step_divergence},
    tables::{Counts, Estimator},
};
use crate::{
    kernel::math::sum,
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    paper
        .function(
            Function::with_faults(
                "classifier-bound",
                "Largest total variation that an error δ of the log-classifier causes, tanh(γδ/2).",
                &BoundInput { gamma: 2.0, delta: 0.3 },
                &[Fault::DropGamma],
                classifier_bound,
            )
            .also(&BoundInput { gamma: 0.0, delta: 1.0 }),
        )
        .function(
            Function::with_faults(
                "estimates",
                "Estimates of p(x|c, y) from triples: CTRL, a joint classifier, classifier-free guidance.",
                &EstimatesInput::example(Estimator::Ctrl),
                &[Fault::IgnorePrior],
                estimates,
            )
            .also(&EstimatesInput::example(Estimator::JointClassifier))
            .also(&EstimatesInput::example(Estimator::ClassifierFree)),
        )
        .function(
            Function::with_faults(
                "gaussian-optimal",
                "Soft-optimal control of a Gaussian denoising chain, and the moments of x₀.",
                &GaussianChain { steps: 3, dt: 0.5, ..GaussianChain::default() },
                &[Fault::DoubleTemperature, Fault::LastStepOnly, Fault::MeanReduction, Fault::NoKl],
                gaussian_optimal,
            )
            .also(&GaussianChain {
                steps: 2,
                dt: 1.0,
                gamma: 0.5,
                dimension: 3,
                initial: Initial::Kept,
                ..GaussianChain::default()
            }),
        )
        .function(
            Function::with_faults(
                "plug-in-guidance",
                "The same chain, every step tilted by the likelihood of y at E[x₀|x] instead of its value.",
                &GaussianChain { steps: 3, dt: 0.5, ..GaussianChain::default() },
                &[Fault::DoubleTemperature, Fault::LastStepOnly],
                plug_in_guidance,
            )
            .also(&GaussianChain {
                steps: 1,
                initial: Initial::Kept,
                ..GaussianChain::default()
            }),
        )
        .function(
            Function::with_faults(
                "soft-optimal",
                "Values, tilted kernels and law of x₀ of the soft-optimal finite chain.",
                &Chain {
                    kernels: vec![
                        vec![vec![0.5, 0.25, 0.25], vec![0.1, 0.8, 0.1], vec![0.0, 0.5, 0.5]],
                        vec![vec![0.6, 0.2, 0.2], vec![0.3, 0.4, 0.3], vec![0.2, 0.2, 0.6]],
                    ],
                    start: vec![0.2, 0.3, 0.5],
                    likelihood: vec![0.7, 0.2, 0.1],
                    gamma: 1.0,
                    initial: Initial::Tilted,
                },
                &[
                    Fault::DoubleTemperature,
                    Fault::LastStepOnly,
                    Fault::NegativeRewardSign,
                    Fault::NoKl,
                    Fault::PlugInClassifier,
                ],
                soft_optimal,
            )
            .also(&Chain {
                kernels: vec![vec![vec![0.5, 0.5], vec![0.0, 1.0]]; 3],
                start: vec![1.0, 0.0],
                likelihood: vec![0.5, 0.0],
                gamma: 2.0,
                initial: Initial::Kept,
            })
            .also(&Chain { gamma: 50.0, ..Chain::numbered(0, 4, 3, 3, Initial::Tilted) }),
        )
        .function(
            Function::with_faults(
                "step-kl",
                "Divergence between two Gaussian steps of equal variance, in nats.",
                &StepInput { mean: vec![0.5, -1.0, 0.0], pretrained: vec![0.0, -0.5, 0.0], deviation: 0.5 },
                &[Fault::MeanReduction],
                step_kl,
            )
            .also(&StepInput { mean: vec![2.0], pretrained: vec![-1.0], deviation: 3.0 }),
        )
}

/// γ and δ.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BoundInput {
    /// γ ≥ 0.
    gamma: f64,
    /// δ ≥ 0.
    delta: f64,
}

/// A bound.
#[derive(Serialize, JsonSchema)]
struct BoundOutput {
    /// On the total variation.
    total_variation: f64,
}

fn classifier_bound(input: &BoundInput, fault: Option<Fault>) -> Result<BoundOutput, Failure> {
    not_negative("gamma", input.gamma)?;
    not_negative("delta", input.delta)?;
    finite(&[input.gamma * input.delta])?;
    Ok(BoundOutput { total_variation: classifier_error_bound(input.gamma, input.delta, fault) })
}

/// A pre-trained model, triples, and an estimator.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EstimatesInput {
    /// p_pre(x|c), indexed \[c\]\[x\].
    prior: Vec<Vec<f64>>,
    /// Y, number of labels, from 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    labels: usize,
    /// Triples (x, c, y).
    triples: Vec<[usize; 3]>,
    /// How p(x|c, y) is estimated.
    estimator: Estimator,
}

impl EstimatesInput {
    fn example(estimator: Estimator) -> Self {
        Self {
            prior: vec![vec![0.5, 0.3, 0.2], vec![0.1, 0.1, 0.8]],
            labels: 2,
            triples: vec![[0, 0, 0], [1, 0, 1], [0, 0, 0], [2, 1, 1], [2, 1, 0], [1, 1, 1]],
            estimator,
        }
    }
}

/// Estimates of p(x|c, y).
#[derive(Serialize, JsonSchema)]
struct EstimatesOutput {
    /// Indexed \[c\]\[y\]\[x\].
    conditional: Vec<Vec<Vec<f64>>>,
}

fn estimates(input: &EstimatesInput, fault: Option<Fault>) -> Result<EstimatesOutput, Failure> {
    let EstimatesInput { prior, labels, triples, estimator } = input;
    let (contexts, cells) = (prior.len(), prior.first().map_or(0, Vec::len));
    let is_law = |row: &Vec<f64>| {
        row.len() == cells && row.iter().all(|p| *p >= 0.0) && (sum(row.iter().copied()) - 1.0).abs() < 1e-9
    };
    if cells == 0 || !prior.iter().all(is_law) || !(1..=1000).contains(labels) {
        return Err(Failure::invalid(
            "`prior` needs a row of probabilities for each context, `labels` 1 to 1000",
        ));
    }
    let mut counts = vec![vec![vec![0.0; *labels]; cells]; contexts];
    for [x, c, y] in triples {
        let count = counts.get_mut(*c).and_then(|rows| rows.get_mut(*x)).and_then(|row| row.get_mut(*y));
        *count.ok_or_else(|| {
            Failure::invalid(format!("the triple [{x}, {c}, {y}] lies outside the tables"))
        })? += 1.0;
    }
    Ok(EstimatesOutput { conditional: Counts(counts).estimates(prior, *estimator, fault) })
}

/// A controlled Gaussian chain.
#[derive(Serialize, JsonSchema)]
struct LineOutput {
    /// vₜ, up to a constant, for t = 0 … T.
    values: Vec<Quadratic>,
    /// Pₜ for t = 1 … T.
    kernels: Vec<Affine>,
    /// The law of x_T.
    start: Moments,
    /// The law of x₀.
    output: Moments,
    /// p_γ.
    target: Moments,
}

impl LineOutput {
    fn of(chain: &GaussianChain, controlled: ControlledLine) -> Result<Self, Failure> {
        let (output, target) = (controlled.output(), chain.target());
        finite(&[output.mean, output.variance, target.mean, target.variance])?;
        for value in &controlled.values {
            finite(&[value.curvature, value.slope])?;
        }
        let ControlledLine { values, kernels, start } = controlled;
        Ok(Self { values, kernels, start, output, target })
    }
}

fn gaussian_optimal(chain: &GaussianChain, fault: Option<Fault>) -> Result<LineOutput, Failure> {
    chain.check()?;
    LineOutput::of(chain, chain.soft_optimal(fault))
}

fn plug_in_guidance(chain: &GaussianChain, fault: Option<Fault>) -> Result<LineOutput, Failure> {
    chain.check()?;
    LineOutput::of(chain, chain.plug_in(fault))
}

/// A controlled finite chain.
#[derive(Serialize, JsonSchema)]
struct ChainOutput {
    /// vₜ(x), indexed \[t\]\[x\] for t = 0 … T; `null` stands for −∞, an impossible label.
    values: Vec<Vec<Option<f64>>>,
    /// Pₜ(x'|x), indexed \[t − 1\]\[x\]\[x'\].
    kernels: Vec<Vec<Vec<f64>>>,
    /// The law of x_T.
    start: Vec<f64>,
    /// The law of x₀.
    output: Vec<f64>,
    /// p_γ.
    target: Vec<f64>,
}

fn soft_optimal(chain: &Chain, fault: Option<Fault>) -> Result<ChainOutput, Failure> {
    chain.check()?;
    let target = chain.target().ok_or_else(|| Failure::invalid("the label has probability zero"))?;
    let controlled = chain.soft_optimal(fault);
    let output = controlled.sampler.output();
    finite(&output)?;
    for row in controlled.sampler.kernels.iter().flatten() {
        finite(row)?;
    }
    let values = controlled.values.iter().map(|v| v.iter().map(|v| v.is_finite().then_some(*v)).collect());
    Ok(ChainOutput {
        values: values.collect(),
        kernels: controlled.sampler.kernels,
        start: controlled.sampler.start,
        output,
        target,
    })
}

/// Two Gaussian steps.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepInput {
    /// μ.
    mean: Vec<f64>,
    /// μ_pre, as long.
    pretrained: Vec<f64>,
    /// σ > 0.
    deviation: f64,
}

/// A divergence.
#[derive(Serialize, JsonSchema)]
struct StepOutput {
    /// In nats.
    divergence: f64,
}

fn step_kl(input: &StepInput, fault: Option<Fault>) -> Result<StepOutput, Failure> {
    let StepInput { mean, pretrained, deviation } = input;
    if mean.is_empty() || mean.len() != pretrained.len() {
        return Err(Failure::invalid(
            "`mean` and `pretrained` must have equally many coordinates, at least one",
        ));
    }
    if !(*deviation > 0.0 && deviation.is_finite()) {
        return Err(Failure::invalid("`deviation` must be positive and finite"));
    }
    let divergence = step_divergence(mean, pretrained, *deviation, fault);
    finite(&[divergence])?;
    Ok(StepOutput { divergence })
}

fn not_negative(name: &str, value: f64) -> Result<(), Failure> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Failure::invalid(format!("`{name}` must be finite and not negative")))
    }
}

/// Refuses output that JSON cannot hold.
fn finite(values: &[f64]) -> Result<(), Failure> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(Failure::invalid("the result overflows, or an input is no finite number"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_input_is_refused_with_a_reason() {
        let mut chain = Chain::numbered(0, 3, 2, 2, Initial::Tilted);
        chain.likelihood = vec![0.0; 3];
        assert!(matches!(soft_optimal(&chain, None), Err(Failure::Invalid(_))));
        chain.start = vec![0.5, 0.5];
        assert!(matches!(soft_optimal(&chain, None), Err(Failure::Invalid(_))));
        let mut input = EstimatesInput::example(Estimator::Ctrl);
        input.triples.push([3, 0, 0]);
        let message = estimates(&input, None).err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message.contains("[3, 0, 0]"), "{message}");
        let step = StepInput { mean: vec![], pretrained: vec![], deviation: 1.0 };
        assert!(matches!(step_kl(&step, None), Err(Failure::Invalid(_))));
        let flat = GaussianChain { variance: 0.0, ..GaussianChain::default() };
        assert!(matches!(gaussian_optimal(&flat, None), Err(Failure::Invalid(_))));
    }

    #[test]
    fn an_impossible_state_has_the_value_null() {
        let chain = Chain {
            kernels: vec![vec![vec![0.5, 0.5], vec![0.0, 1.0]]],
            start: vec![1.0, 0.0],
            likelihood: vec![0.5, 0.0],
            gamma: 1.0,
            initial: Initial::Kept,
        };
        let values = soft_optimal(&chain, None).ok().map(|output| output.values).unwrap_or_default();
        assert_eq!(values[0][1], None);
        assert_eq!(values[1][1], None);
    }
}
