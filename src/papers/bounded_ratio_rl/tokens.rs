//! GBPO beside GRPO on a small token policy.
//!
//! Vocabulary 3, responses of four tokens, three prompts x; a response is paid 1 if its tokens add up to
//! x modulo 3 and its first and last token differ. Logits depend on the prompt and the previous token.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    group::{ClipWidths, targets},
    losses::sign,
};
use crate::{
    kernel::{
        math::exp,
        stream::Streams,
        tokens::{
            Aggregation, Batch, Clip, Estimator, Next, Policy, Rows, Step, Surrogate, Task, Token,
            performance,
        },
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

const VOCABULARY: usize = 3;
const LENGTH: usize = 4;
const PROMPTS: usize = 3;

/// The task.
struct Bigrams;

impl Task for Bigrams {
    fn prompts(&self) -> usize {
        PROMPTS
    }

    fn rows(&self) -> usize {
        PROMPTS * (VOCABULARY + 1)
    }

    fn width(&self) -> usize {
        VOCABULARY
    }

    fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
        let Some(last) = prefix.last() else { return Next::Token(prompt * (VOCABULARY + 1) + VOCABULARY) };
        if prefix.len() < LENGTH {
            return Next::Token(prompt * (VOCABULARY + 1) + last.token);
        }
        let total: usize = prefix.iter().map(|step| step.token).sum();
        let right = total % VOCABULARY == prompt && prefix[0].token != last.token;
        Next::Reward(f64::from(u8::from(right)))
    }
}

/// Which loss is descended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// |ρ − target|·|z|.
    Gbpo,
    /// −min(ρA, clip(ρ)A).
    Grpo,
}

/// Settings.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The loss.
    pub loss: Loss,
    /// Clip width c on both sides.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub clip: f64,
    /// Updates with each batch.
    #[schemars(range(min = 1, max = 1000))]
    pub epochs: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
    /// Responses a prompt, G.
    #[schemars(range(min = 1, max = 10_000))]
    pub group: usize,
    /// Batches.
    #[schemars(range(min = 1, max = 10_000))]
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { loss: Loss::Gbpo, clip: 0.2, epochs: 5, rate: 1.0, group: 8, iterations: 30 }
    }
}

/// Training from the uniform policy.
pub struct TokenMovement(Settings);

impl Measure for TokenMovement {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "token-movement";
    const SUMMARY: &'static str =
        "How far token ratios move in a batch, and what is reached, with GBPO or GRPO.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "movement",
            "Largest |ρ − 1| of a sampled token at the end of a batch, mean over batches.",
        )
        .range(0.0, f64::INFINITY),
        Metric::new("success", "Mean success rate at the end.").range(0.0, 1.0 + 1e-9).higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GrpoHinge];
    const TREATMENTS: &'static [&'static str] = &["loss"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { clip, epochs, rate, group, iterations, .. } = self.0;
        let loss = if fault == Some(Fault::GrpoHinge) { Loss::Grpo } else { self.0.loss };
        let mut stream = streams.stream("rollouts");
        let mut policy = Policy::uniform(&Bigrams);
        let mut gradient = Rows::zeros(Bigrams.rows(), Bigrams.width());
        let (mut movements, mut success) = (Vec::new(), vec![performance(&Bigrams, &policy)]);
        let mut batch = Batch::new();
        for _ in 0..iterations {
            batch.clear();
            for prompt in 0..PROMPTS {
                batch.sample(&Bigrams, prompt, group, &policy, &mut stream);
            }
            let old = policy.clone();
            for _ in 0..epochs {
                gradient.clear();
                let slopes = match loss {
                    Loss::Gbpo => gbpo_slopes(&batch, &policy, &old, clip),
                    Loss::Grpo => grpo_slopes(&batch, &policy, &old, clip),
                };
                batch.add_scores(&policy, &slopes, &mut gradient);
                policy.ascend(rate, &gradient);
            }
            movements.push(movement(&batch, &policy, &old));
            success.push(performance(&Bigrams, &policy));
        }
        let steps = (0..success.len()).map(|i| i as f64).collect();
        Ok(Measurement::new()
            .metric("movement", movements.iter().sum::<f64>() / iterations as f64)
            .metric("success", success[iterations])
            .series("success", steps, success))
    }
}

fn ratio(policy: &Policy, old: &Policy, step: Step) -> f64 {
    exp(policy.log_probability(step) - old.log_probability(step))
}

/// Ascent slopes −∂l/∂ ln π = −|z| sign(ρ − target) ρ, mean over tokens.
fn gbpo_slopes(batch: &Batch, policy: &Policy, old: &Policy, clip: f64) -> Vec<f64> {
    let mut slopes = Vec::with_capacity(batch.tokens());
    for group in batch.groups() {
        let scores = &batch.rewards()[group.clone()];
        let signals = targets(scores, ClipWidths { low: clip, high: clip }, None);
        for (i, response) in group.enumerate() {
            for step in batch.steps(response) {
                let ratio = ratio(policy, old, *step);
                let pull = signals.weights[i].abs() * sign(ratio - signals.targets[i]) * ratio;
                slopes.push(-pull / batch.tokens() as f64);
            }
        }
    }
    slopes
}

/// Slopes of GRPO's surrogate, mean over tokens.
fn grpo_slopes(batch: &Batch, policy: &Policy, old: &Policy, clip: f64) -> Vec<f64> {
    let advantages = batch.advantages(Estimator::GRPO_SAMPLE);
    let tokens: Vec<Token> = advantages
        .iter()
        .enumerate()
        .flat_map(|(i, advantage)| batch.steps(i).iter().map(move |step| (step, *advantage)))
        .map(|(step, advantage)| {
            Token::new(policy.log_probability(*step), old.log_probability(*step), advantage)
        })
        .collect();
    let surrogate =
        Surrogate { clip: Clip { low: clip, high: clip }, beta: 0.0, aggregation: Aggregation::TokenMean };
    surrogate.evaluate(&batch.lengths(), &tokens).slopes
}

fn movement(batch: &Batch, policy: &Policy, old: &Policy) -> f64 {
    (0..batch.len())
        .flat_map(|i| batch.steps(i))
        .map(|step| (ratio(policy, old, *step) - 1.0).abs())
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn each_prompt_has_its_paid_responses() {
        let policy = Policy::uniform(&Bigrams);
        // Two thirds of the 81 responses end on another token than they start on; the sums split evenly.
        for prompt in 0..PROMPTS {
            assert_relative_eq!(Bigrams.success(prompt, &policy), 2.0 / 9.0, epsilon = 1e-12);
        }
    }
}
