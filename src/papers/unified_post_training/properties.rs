//! Identities on generated trees of responses and on generated groups.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    gate::{Gate, Recipe},
    objective::{expectation, gradient, objective, responses},
    unified::{Algorithm, Setting, add_unified, near_a_kink, row},
};
use crate::{
    kernel::{
        math::exp,
        tokens::{Batch, Clip, Policy, PrefixTree, Rows, Skills, Step, Surrogate, Task, Token},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Step of finite differences: rounding (ε/h) and truncation (h²) are both about 1e-10.
const STEP: f64 = 1e-5;
/// Finite differences are not taken across a kink of the clip.
const KINK: f64 = 1e-4;

/// A full tree of responses with three policies.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// V.
    vocabulary: usize,
    /// T.
    horizon: usize,
    /// The reward of each of the V^T responses.
    rewards: Vec<f64>,
    /// Logits of π_θ, row after row of the (V^T − 1)/(V − 1) prefixes.
    policy: Vec<f64>,
    /// Logits of another policy: π_old, π_ref.
    other: Vec<f64>,
    /// Logits of the demonstrator π_β.
    demonstrator: Vec<f64>,
    /// μ, or half the size of ε_low.
    mu: f64,
}

impl Tree {
    fn task(&self) -> Result<PrefixTree, Failure> {
        let (v, t) = (self.vocabulary, self.horizon);
        if !(1..=3).contains(&v) || !(1..=3).contains(&t) {
            return Err(Failure::invalid("`vocabulary` and `horizon` must be 1, 2 or 3"));
        }
        let task = PrefixTree::new(v, t, |tokens| {
            let number = tokens.iter().fold(0, |n, token| n * v + token);
            self.rewards.get(number).copied().unwrap_or(0.0)
        });
        let entries = task.rows() * task.width();
        let sizes = [self.policy.len(), self.other.len(), self.demonstrator.len()];
        if self.rewards.len() != task.responses() || sizes != [entries; 3] {
            return Err(Failure::invalid(format!(
                "expected {} rewards and {entries} logits a policy",
                task.responses()
            )));
        }
        Ok(task)
    }

    fn of(&self, logits: &[f64], task: &PrefixTree) -> Policy {
        Policy::from_fn(task, |n, v| logits[n * self.vocabulary + v])
    }
}

fn logits(count: usize) -> BoxedStrategy<Vec<f64>> {
    vec((-12_i32..=12).prop_map(|k| f64::from(k) / 4.0), count).boxed()
}

fn trees() -> BoxedStrategy<Tree> {
    (1_usize..=3, 1_usize..=3)
        .prop_flat_map(|(vocabulary, horizon)| {
            let task = PrefixTree::divisible_by_three(vocabulary, horizon);
            let entries = task.rows() * vocabulary;
            let reward = prop_oneof![2 => Just(0.0), 2 => Just(1.0), 1 => Just(-0.5)];
            let mu = prop_oneof![Just(0.0), Just(0.5), Just(2.0)];
            let rewards = vec(reward, task.responses());
            (rewards, logits(entries), logits(entries), logits(entries), mu).prop_map(
                move |(rewards, policy, other, demonstrator, mu)| Tree {
                    vocabulary,
                    horizon,
                    rewards,
                    policy,
                    other,
                    demonstrator,
                    mu,
                },
            )
        })
        .boxed()
}

const ERROR: Metric =
    Metric::new("error", "Largest absolute difference of an entry.").range(0.0, f64::INFINITY);

/// ∇J_μ is the sum of the two gradients.
pub struct ObjectiveGradient;

impl Observe for ObjectiveGradient {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "objective-gradient";
    const SUMMARY: &'static str =
        "∇J_μ = E_π[r ∇ln π] + μ E_{π_β}[∇ln π], against finite differences of J_μ.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::ReverseKlSft];

    fn instances() -> BoxedStrategy<Tree> {
        trees()
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let task = tree.task()?;
        let (policy, demonstrator) = (tree.of(&tree.policy, &task), tree.of(&tree.demonstrator, &task));
        let known = policy.central_differences(STEP, |p| objective(&task, p, &demonstrator, tree.mu));
        let measured = gradient(&task, &policy, &demonstrator, tree.mu, fault);
        Ok(Measurement::new().metric("error", known.largest_difference(&measured)))
    }
}

/// Samples of any policy give the gradient once they are divided by its likelihood.
pub struct MeasureChange;

impl Observe for MeasureChange {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "measure-change";
    const SUMMARY: &'static str =
        "E_{π_ref}[(1/π_ref)(r + μ π_β/π) ∇π] is ∇J_μ for every π_ref of full support.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::MissingDenominator];

    fn instances() -> BoxedStrategy<Tree> {
        trees()
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let task = tree.task()?;
        let (policy, reference) = (tree.of(&tree.policy, &task), tree.of(&tree.other, &task));
        let demonstrator = tree.of(&tree.demonstrator, &task);
        let mut estimates = Vec::new();
        for tau in responses(&task) {
            let new = policy.log_likelihood(&tau.steps);
            let advantage = tau.reward + tree.mu * exp(demonstrator.log_likelihood(&tau.steps) - new);
            let log_reference = match fault {
                Some(Fault::MissingDenominator) => 0.0,
                _ => reference.log_likelihood(&tau.steps),
            };
            let mut estimate = Rows::zeros(task.rows(), task.width());
            add_unified(&tau.steps, true, log_reference, advantage, &policy, &mut estimate);
            estimates.push(estimate);
        }
        let measured = expectation(&task.distribution(0, &reference), &estimates);
        let known = gradient(&task, &policy, &demonstrator, tree.mu, None);
        Ok(Measurement::new().metric("error", known.largest_difference(&measured)))
    }
}

/// Largest difference, relative to the largest entry if that exceeds one.
fn relative_difference(known: &Rows, measured: &Rows) -> f64 {
    let scale = known.values().iter().map(|x| x.abs()).fold(1.0, f64::max);
    known.largest_difference(measured) / scale
}

/// Bounds of the ratio, different on both sides unless μ = 2.
fn clip(tree: &Tree) -> Clip {
    Clip { low: 0.2, high: 0.1 + tree.mu / 20.0 }
}

/// Advantages of both signs.
const ADVANTAGES: [f64; 2] = [1.0, -0.7];

/// Every row of the table is the gradient of the algorithm's own objective.
pub struct TableRows;

impl Observe for TableRows {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "table-rows";
    const SUMMARY: &'static str =
        "1_stable (1/π_ref) Â ∇π of every algorithm, against finite differences of its objective.";
    const METRICS: &'static [Metric] = &[
        Metric::new("sft", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("reinforce", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("ppo", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("grpo", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("gspo", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("srft-offline", "Relative error of the row.").range(0.0, f64::INFINITY),
        Metric::new("luffy-offline", "Relative error of the row.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::MaskBothSides, Fault::LuffyWithoutShaping, Fault::RefThetaForOld];

    fn instances() -> BoxedStrategy<Tree> {
        trees()
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let task = tree.task()?;
        let (policy, old) = (tree.of(&tree.policy, &task), tree.of(&tree.other, &task));
        let mut measurement = Measurement::new();
        for (algorithm, metric) in Algorithm::ALL.into_iter().zip(Self::METRICS) {
            let mut worst = 0.0_f64;
            for tau in responses(&task) {
                for advantage in ADVANTAGES {
                    let setting = Setting { steps: &tau.steps, old: &old, advantage, clip: clip(tree) };
                    if near_a_kink(algorithm, &policy, &setting, KINK) {
                        continue;
                    }
                    let own = |p: &Policy| super::unified::objective(algorithm, p, &setting);
                    let known = policy.central_differences(STEP, own);
                    let measured = row(algorithm, &policy, &setting, fault);
                    worst = worst.max(relative_difference(&known, &measured));
                }
            }
            measurement = measurement.metric(metric.name, worst);
        }
        Ok(measurement)
    }
}

/// The estimator a token at a time is the gradient of PPO's surrogate.
pub struct TokenForm;

impl Observe for TokenForm {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "token-form";
    const SUMMARY: &'static str = "Σₜ mask (1/π_old) A ∇π(token) is the derivative of the clipped surrogate.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference, relative to the largest entry.")
            .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::RefThetaForOld, Fault::MaskBothSides];

    fn instances() -> BoxedStrategy<Tree> {
        trees()
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let task = tree.task()?;
        let (policy, old) = (tree.of(&tree.policy, &task), tree.of(&tree.other, &task));
        let mut worst = 0.0_f64;
        for tau in responses(&task) {
            for advantage in ADVANTAGES {
                let setting = Setting { steps: &tau.steps, old: &old, advantage, clip: clip(tree) };
                let mut batch = Batch::new();
                batch.push(0, &tau.steps, tau.reward);
                let log = |p: &Policy, s: &Step| p.log_probability(*s);
                let tokens: Vec<Token> =
                    tau.steps.iter().map(|s| Token::new(log(&policy, s), log(&old, s), advantage)).collect();
                let surrogate = Surrogate { clip: setting.clip, ..Surrogate::GRPO };
                let slopes = surrogate.evaluate(&batch.lengths(), &tokens).slopes;
                let mut known = Rows::zeros(task.rows(), task.width());
                batch.add_scores(&policy, &slopes, &mut known);
                let measured = row(Algorithm::Grpo, &policy, &setting, fault);
                worst = worst.max(relative_difference(&known, &measured));
            }
        }
        Ok(Measurement::new().metric("error", worst))
    }
}

/// A policy over skills, a group of its responses, and a demonstration.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// V.
    vocabulary: usize,
    /// Logits, one row a skill.
    logits: Vec<Vec<f64>>,
    /// The tokens of each response, one a skill.
    responses: Vec<Vec<usize>>,
    /// The tokens of the demonstration.
    demonstration: Vec<usize>,
}

/// The gate gives an update where GRPO has none.
pub struct GatedUpdate;

impl Observe for GatedUpdate {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "gated-update";
    const SUMMARY: &'static str = "No response right: ∇ln π(τ*), where GRPO is silent. Otherwise: GRPO.";
    const METRICS: &'static [Metric] = &[
        ERROR,
        Metric::new("silent", "Whether the update is zero although no response is right.").range(0.0, 1.0),
        Metric::new("grpo-when-all-wrong", "Norm of GRPO's gradient if no response is right.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GateInverted, Fault::ConstantSftWeight];

    fn instances() -> BoxedStrategy<Group> {
        (2_usize..=4, 1_usize..=3, 2_usize..=6)
            .prop_flat_map(|(vocabulary, skills, group)| {
                let tokens = || vec(0..vocabulary, skills);
                (vec(logits(vocabulary), skills), vec(tokens(), group), tokens()).prop_map(
                    move |(logits, responses, demonstration)| Group {
                        vocabulary,
                        logits,
                        responses,
                        demonstration,
                    },
                )
            })
            .boxed()
    }

    fn observe(group: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (skills, width) = (group.logits.len(), group.vocabulary);
        let fits = |tokens: &Vec<usize>| tokens.len() == skills && tokens.iter().all(|t| *t < width);
        let rows_fit = group.logits.iter().all(|row| row.len() == width);
        if !rows_fit || !group.responses.iter().chain([&group.demonstration]).all(fits) {
            return Err(Failure::invalid("`logits`, `responses` and `demonstration` do not fit each other"));
        }
        let task = Skills::hard(width, skills);
        let policy = Policy::from_fn(&task, |skill, token| group.logits[skill][token]);
        let steps = |tokens: &[usize]| -> Vec<Step> {
            tokens.iter().enumerate().map(|(row, token)| Step { row, token: *token }).collect()
        };
        let mut batch = Batch::new();
        for tokens in &group.responses {
            let steps = steps(tokens);
            let right = steps.iter().all(|step| task.is_right(*step));
            batch.push(0, &steps, f64::from(u8::from(right)));
        }
        batch.close_group();
        let shown = steps(&group.demonstration);
        let gate = Gate { recipe: Recipe::Hpt, group: batch.len(), threshold: 0, switch: 0 };
        let zeros = || Rows::zeros(task.rows(), task.width());
        let mut update = zeros();
        gate.add_update(0, &policy, &batch, &shown, fault, &mut update);

        // By hand: advantages (r − p̂)/√(p̂(1 − p̂)), and 0 if all rewards are equal.
        let share = batch.rewards().iter().sum::<f64>() / batch.len() as f64;
        let deviation = (share * (1.0 - share)).sqrt();
        let mut grpo = zeros();
        for i in (0..batch.len()).filter(|_| deviation > 0.0) {
            let advantage = (batch.rewards()[i] - share) / deviation;
            for step in batch.steps(i) {
                policy.add_score(*step, advantage / batch.len() as f64, &mut grpo);
            }
        }
        let all_wrong = share == 0.0;
        let known = if all_wrong {
            let mut demonstration = zeros();
            for step in &shown {
                policy.add_score(*step, 1.0, &mut demonstration);
            }
            demonstration
        } else {
            grpo.clone()
        };
        let silent = all_wrong && update.norm_squared() == 0.0;
        Ok(Measurement::new()
            .metric("error", known.largest_difference(&update))
            .metric("silent", f64::from(u8::from(silent)))
            .metric("grpo-when-all-wrong", if all_wrong { grpo.norm_squared().sqrt() } else { 0.0 }))
    }
}
