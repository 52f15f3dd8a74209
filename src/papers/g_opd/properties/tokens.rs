//! The update of the code, by enumeration and on batches.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ERROR, Models, STEP, Tree, lambdas, trees};
use crate::{
    kernel::{
        math::exp,
        tokens::{Clip, Policy, Rows, Step, Task},
    },
    papers::{
        g_opd::{
            Fault,
            token::{Scored, TokenLoss},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// Finite differences are not taken across a kink of the clip.
const KINK: f64 = 1e-4;

/// One response as the code sees it, sampled by `sampler` and not yet trained on.
fn scored(models: &Models, sampler: &Policy, steps: &[Step]) -> Scored {
    let under = |policy: &Policy| steps.iter().map(|step| policy.log_probability(*step)).collect();
    Scored {
        new: under(&models.student),
        old: under(&models.student),
        sampler: under(sampler),
        teacher: under(&models.teacher),
        reference: under(&models.reference),
    }
}

/// E over responses of a sampler of the update of the code with that one response, times T.
fn expected_update(models: &Models, sampler: &Policy, fault: Option<Fault>) -> Rows {
    let (task, loss) = (&models.task, TokenLoss::with(models.lambda));
    let mut update = Rows::zeros(task.rows(), task.width());
    task.enumerate(0, sampler, &mut |y| {
        let slopes = loss.evaluate(&[scored(models, sampler, y.steps)], fault).slopes;
        for (step, slope) in y.steps.iter().zip(slopes) {
            let weight = y.probability * slope * y.steps.len() as f64;
            models.student.add_score(*step, weight, &mut update);
        }
    });
    update
}

/// g-opd.x1: the code in expectation.
pub struct TokenUpdate;

impl Observe for TokenUpdate {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "token-update";
    const SUMMARY: &'static str =
        "The update of the code, expected over responses, is the token rule by prefixes.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[
        Fault::FlippedSign,
        Fault::SwapTeacherAndRef,
        Fault::LambdaIgnored,
        Fault::RewardToGo,
        Fault::WhitenedAdvantages,
    ];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let known = models.distillation(tree.lambda, None).token_rule(&models.task, &models.student);
        let update = expected_update(&models, &models.student, fault);
        Ok(Measurement::new().metric("error", update.largest_difference(&known) / models.scale()))
    }
}

/// g-opd.x3: the weights of the sampler.
pub struct RolloutCorrection;

impl Observe for RolloutCorrection {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "rollout-correction";
    const SUMMARY: &'static str =
        "Responses of another sampler μ, weighted by token, give Σ_h d_μ(h) Σ_v min(π, 5μ)(v|h) a ∇ln π.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::ImportanceUntruncated, Fault::SequenceImportance];

    fn instances() -> BoxedStrategy<Tree> {
        trees(false)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let (task, sampler) = (&models.task, &models.other);
        let (reach, distillation) = (task.reach(0, sampler), models.distillation(tree.lambda, None));
        let mut known = Rows::zeros(task.rows(), task.width());
        for (n, reach) in reach.iter().enumerate() {
            for token in 0..task.width() {
                let step = Step { row: n, token };
                let mass = models.student.probability(step).min(5.0 * sampler.probability(step));
                let advantage = distillation.token_reward(&models.student, step);
                models.student.add_score(step, reach * mass * advantage, &mut known);
            }
        }
        let update = expected_update(&models, sampler, fault);
        Ok(Measurement::new().metric("error", update.largest_difference(&known) / models.scale()))
    }
}

/// A batch of responses, and the settings of the loss.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenBatch {
    /// For each response, for each token: ln π_θ, ln π_old, ln μ, ln π*, ln π_ref.
    responses: Vec<Vec<[f64; 5]>>,
    /// λ.
    lambda: f64,
    /// ε_low.
    clip_low: f64,
    /// ε_high.
    clip_high: f64,
}

impl TokenBatch {
    fn scored(&self) -> Result<Vec<Scored>, Failure> {
        let mut tokens = self.responses.iter().flatten().flatten();
        if self.responses.iter().all(Vec::is_empty) || tokens.any(|x| !(-100.0..=0.0).contains(x)) {
            return Err(Failure::invalid("needs a token, and log-probabilities from -100 to 0"));
        }
        let column = |response: &[[f64; 5]], k: usize| response.iter().map(|token| token[k]).collect();
        let scored = |response: &Vec<[f64; 5]>| Scored {
            new: column(response, 0),
            old: column(response, 1),
            sampler: column(response, 2),
            teacher: column(response, 3),
            reference: column(response, 4),
        };
        Ok(self.responses.iter().map(scored).collect())
    }
}

/// g-opd.x2: the clipped surrogate.
pub struct TokenSurrogate;

impl Observe for TokenSurrogate {
    type Instance = TokenBatch;
    type Fault = Fault;
    const NAME: &'static str = "token-surrogate";
    const SUMMARY: &'static str =
        "The loss of a batch against A·min(ρ, 1 + ε) or A·max(ρ, 1 − ε) by the sign of A, and its slopes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value-error", "Difference of the value, relative.").range(0.0, f64::INFINITY),
        Metric::new("slope-error", "Largest difference of a slope to finite differences, relative.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::CurrentPolicyInAdvantage, Fault::ClipBothSides, Fault::SequenceMeanLoss];

    fn instances() -> BoxedStrategy<TokenBatch> {
        // Near the old policy for the new one and the sampler, anywhere for teacher and reference.
        let token = ((0_i32..=24), (-6_i32..=6), (-12_i32..=12), (0_i32..=24), (0_i32..=24)).prop_map(
            |(old, new, sampler, teacher, reference)| {
                let old = f64::from(-old) / 4.0;
                let near = |by: i32| (old + f64::from(by) / 8.0).min(0.0);
                [near(new), old, near(sampler), f64::from(-teacher) / 4.0, f64::from(-reference) / 4.0]
            },
        );
        let clip = || prop_oneof![Just(0.2), Just(0.0), Just(0.28)];
        (vec(vec(token, 1..=4), 1..=4), lambdas(), clip(), clip())
            .prop_map(|(responses, lambda, clip_low, clip_high)| TokenBatch {
                responses,
                lambda,
                clip_low,
                clip_high,
            })
            .boxed()
    }

    fn observe(batch: &TokenBatch, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let responses = batch.scored()?;
        let clip = Clip { low: batch.clip_low, high: batch.clip_high };
        let loss = TokenLoss { clip, ..TokenLoss::with(batch.lambda) };
        let measured = loss.evaluate(&responses, fault);

        let tokens: Vec<[f64; 5]> = batch.responses.iter().flatten().copied().collect();
        let (mut known, mut size) = (0.0, 1.0_f64);
        for [new, old, sampler, teacher, reference] in &tokens {
            let advantage = batch.lambda * (teacher - reference) - (old - reference);
            let ratio = exp(new - old);
            let bounded =
                if advantage >= 0.0 { ratio.min(1.0 + clip.high) } else { ratio.max(1.0 - clip.low) };
            let term = exp(old - sampler).min(5.0) * advantage * bounded / tokens.len() as f64;
            known += term;
            size = size.max(term.abs() * tokens.len() as f64);
        }

        let mut slope_error = 0.0_f64;
        let mut token = 0;
        for (i, response) in batch.responses.iter().enumerate() {
            for (t, [new, old, ..]) in response.iter().enumerate() {
                let ratio = exp(new - old);
                let straddles = [1.0 - clip.low, 1.0 + clip.high].iter().any(|k| (ratio - k).abs() < KINK);
                if !straddles {
                    let at = |shift: f64| {
                        let mut moved = responses.clone();
                        moved[i].new[t] += shift;
                        loss.evaluate(&moved, fault).value
                    };
                    let slope = (at(STEP) - at(-STEP)) / (2.0 * STEP);
                    slope_error = slope_error.max((slope - measured.slopes[token]).abs());
                }
                token += 1;
            }
        }
        Ok(Measurement::new()
            .metric("value-error", (measured.value - known).abs() / size)
            .metric("slope-error", slope_error / size))
    }
}
