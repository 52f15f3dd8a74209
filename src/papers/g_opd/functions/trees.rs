//! Optima over outcomes, and the objective on trees of responses.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bounded;
use crate::{
    kernel::{
        math::{exp, log_sum_exp},
        tokens::{Policy, PrefixTree, Rows, wave},
    },
    papers::{
        g_opd::{
            Fault,
            objective::{Credit, Distillation},
            optimum::{AtRest, divergence, extrapolate, sequence_optimum, token_optimum},
        },
        leaf::{Failure, Function},
    },
};

pub fn optimum_function() -> Function {
    let example =
        OptimumInput { teacher: vec![1.0, -0.5, 0.2], reference: vec![0.0, 0.4, -0.3], lambda: 1.25 };
    Function::with_faults(
        "optimum",
        "π_λ = π_ref^(1−λ) π*^λ / Z_λ over finitely many outcomes, and ln Z_λ.",
        &example,
        &[Fault::SwapTeacherAndRef, Fault::LambdaIgnored, Fault::LambdaDefault, Fault::Interpolate],
        optimum,
    )
    .also(&OptimumInput { lambda: 0.0, ..example.clone() })
    .also(&OptimumInput { lambda: -0.5, ..example.clone() })
    .also(&OptimumInput { teacher: vec![0.0, -900.0, 800.0], lambda: 2.0, ..example })
}

/// Two softmax laws over the same outcomes.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OptimumInput {
    /// Logits of π*.
    teacher: Vec<f64>,
    /// Logits of π_ref.
    reference: Vec<f64>,
    /// λ.
    lambda: f64,
}

#[derive(Serialize, JsonSchema)]
struct OptimumOutput {
    /// π_λ.
    probabilities: Vec<f64>,
    /// ln π_λ.
    log_probabilities: Vec<f64>,
    /// ln Z_λ = max J_λ.
    log_z: f64,
    /// KL(π_λ‖π*).
    divergence_from_teacher: f64,
}

fn optimum(input: &OptimumInput, fault: Option<Fault>) -> Result<OptimumOutput, Failure> {
    if input.teacher.is_empty() || input.teacher.len() != input.reference.len() {
        return Err(Failure::invalid("`teacher` and `reference` must be equally long, and not empty"));
    }
    bounded("teacher", &input.teacher)?;
    bounded("reference", &input.reference)?;
    bounded("lambda", [&input.lambda])?;
    let law = |logits: &[f64]| -> Vec<f64> {
        let log_z = log_sum_exp(logits);
        logits.iter().map(|x| x - log_z).collect()
    };
    let (teacher, reference) = (law(&input.teacher), law(&input.reference));
    let optimum = extrapolate(&teacher, &reference, input.lambda, fault);
    Ok(OptimumOutput {
        probabilities: optimum.logarithms.iter().map(|x| exp(*x)).collect(),
        log_z: optimum.log_z,
        divergence_from_teacher: divergence(&optimum.logarithms, &teacher),
        log_probabilities: optimum.logarithms,
    })
}

/// A tree of responses with three policies on it, as rows of logits.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TreeInput {
    /// Tokens V.
    #[schemars(range(min = 1, max = 10))]
    vocabulary: usize,
    /// Tokens of a response, T. The tree has (V^T − 1)/(V − 1) prefixes in breadth-first order: the child
    /// of prefix n by token v is V n + 1 + v.
    #[schemars(range(min = 1, max = 10))]
    horizon: usize,
    /// Logits of π_θ: a row of V for each prefix.
    student: Vec<Vec<f64>>,
    /// Logits of π*.
    teacher: Vec<Vec<f64>>,
    /// Logits of π_ref.
    reference: Vec<Vec<f64>>,
    /// λ.
    lambda: f64,
}

impl TreeInput {
    /// Two tokens, two steps, logits wave(n, v, c).
    fn example() -> Self {
        let rows = |c| (0..3).map(|n| (0..2).map(|v| wave(n, v, c)).collect()).collect();
        Self {
            vocabulary: 2,
            horizon: 2,
            student: rows(0),
            teacher: rows(1),
            reference: rows(2),
            lambda: 1.25,
        }
    }

    fn task(&self) -> Result<PrefixTree, Failure> {
        let (v, t) = (self.vocabulary, self.horizon);
        let responses = u32::try_from(t).ok().and_then(|t| v.checked_pow(t)).unwrap_or(usize::MAX);
        if v == 0 || t == 0 || t > 10 || responses > 1024 {
            return Err(Failure::invalid(
                "needs a `vocabulary` and a `horizon` of 1 or more, `horizon` up to 10, and at most 1024 responses",
            ));
        }
        Ok(PrefixTree::new(v, t, |_| 0.0))
    }

    fn policy(&self, task: &PrefixTree, what: &str, rows: &[Vec<f64>]) -> Result<Policy, Failure> {
        let nodes = task.nodes();
        if rows.len() != nodes || rows.iter().any(|row| row.len() != self.vocabulary) {
            return Err(Failure::invalid(format!(
                "`{what}` needs {nodes} rows, one a prefix, of {} logits",
                self.vocabulary
            )));
        }
        bounded(what, rows.iter().flatten())?;
        Ok(Policy::from_fn(task, |n, v| rows[n][v]))
    }
}

fn rows(table: &Rows) -> Vec<Vec<f64>> {
    table.iter().map(<[f64]>::to_vec).collect()
}

pub fn objective_function() -> Function {
    let example = TreeInput::example();
    Function::with_faults(
        "objective",
        "J_λ of a student on a tree of responses, its exact gradient, and the expected token update of the code.",
        &example,
        &[
            Fault::RefMissingInKl,
            Fault::SwapTeacherAndRef,
            Fault::LambdaIgnored,
            Fault::MyopicCredit,
            Fault::RewardToGo,
        ],
        objective,
    )
    .also(&TreeInput { lambda: 1.0, ..example.clone() })
    .also(&TreeInput { student: example.teacher.clone(), lambda: 0.5, ..example })
}

#[derive(Serialize, JsonSchema)]
struct ObjectiveOutput {
    /// J_λ.
    objective: f64,
    /// ln Z_λ, its maximum.
    log_z: f64,
    /// KL(π_θ‖π_λ).
    divergence: f64,
    /// ∇J_λ with respect to the logits, a row a prefix.
    gradient: Vec<Vec<f64>>,
    /// Expectation of Σₜ aₜ ∇ln π(yₜ|y_<t) over responses, a row a prefix.
    token_update: Vec<Vec<f64>>,
}

fn objective(input: &TreeInput, fault: Option<Fault>) -> Result<ObjectiveOutput, Failure> {
    let task = input.task()?;
    let student = input.policy(&task, "student", &input.student)?;
    let teacher = input.policy(&task, "teacher", &input.teacher)?;
    let reference = input.policy(&task, "reference", &input.reference)?;
    bounded("lambda", [&input.lambda])?;
    let distillation = Distillation::new(&teacher, &reference, input.lambda, fault);
    let optimum = sequence_optimum(&task, &distillation);
    Ok(ObjectiveOutput {
        objective: distillation.objective(&task, &student),
        log_z: optimum.log_z,
        divergence: divergence(&task.log_distribution(0, &student), &optimum.logarithms),
        gradient: rows(&distillation.gradient(&task, &student, Credit::ToGo)),
        token_update: rows(&distillation.token_rule(&task, &student)),
    })
}

pub fn token_optimum_function() -> Function {
    let example = TokenOptimumInput::from(TreeInput::example());
    Function::with_faults(
        "token-optimum",
        "Where the token update rests: π_ref^(1−λ) π*^λ in every prefix, and what J_λ lacks there.",
        &example,
        &[Fault::TokenRuleIsSequenceOptimum, Fault::SwapTeacherAndRef, Fault::LambdaIgnored],
        token_optimum_of,
    )
    .also(&TokenOptimumInput { lambda: 2.0, ..example })
}

/// A tree of responses with a teacher and a reference, as rows of logits.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TokenOptimumInput {
    /// Tokens V.
    #[schemars(range(min = 1, max = 10))]
    vocabulary: usize,
    /// Tokens of a response, T, with prefixes as in `objective`.
    #[schemars(range(min = 1, max = 10))]
    horizon: usize,
    /// Logits of π*: a row of V for each prefix.
    teacher: Vec<Vec<f64>>,
    /// Logits of π_ref.
    reference: Vec<Vec<f64>>,
    /// λ.
    lambda: f64,
}

impl From<TreeInput> for TokenOptimumInput {
    fn from(tree: TreeInput) -> Self {
        let TreeInput { vocabulary, horizon, teacher, reference, lambda, .. } = tree;
        Self { vocabulary, horizon, teacher, reference, lambda }
    }
}

#[derive(Serialize, JsonSchema)]
struct TokenOptimumOutput {
    /// π(v|h), a row a prefix.
    probabilities: Vec<Vec<f64>>,
    /// ln Z_λ − J_λ = KL to the optimum over sequences.
    shortfall: f64,
}

fn token_optimum_of(input: &TokenOptimumInput, fault: Option<Fault>) -> Result<TokenOptimumOutput, Failure> {
    let TokenOptimumInput { vocabulary, horizon, teacher, reference, lambda } = input.clone();
    let tree = TreeInput { vocabulary, horizon, student: Vec::new(), teacher, reference, lambda };
    let task = tree.task()?;
    let teacher = tree.policy(&task, "teacher", &tree.teacher)?;
    let reference = tree.policy(&task, "reference", &tree.reference)?;
    bounded("lambda", [&lambda])?;
    let distillation = Distillation::new(&teacher, &reference, lambda, fault);
    let rest = token_optimum(&distillation);
    Ok(TokenOptimumOutput {
        probabilities: (0..task.nodes()).map(|n| rest.row(n).to_vec()).collect(),
        shortfall: AtRest::of(&task, &distillation).shortfall,
    })
}
