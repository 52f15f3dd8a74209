//! Identities on generated trees, laws and batches.

mod outcomes;
mod sequences;
mod tokens;

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, objective::Distillation};
use crate::{
    kernel::tokens::{Policy, PrefixTree, Task},
    papers::leaf::{Failure, Metric},
};

pub use outcomes::{BeyondTeacher, Correction};
pub use sequences::{Density, Gradient, OpdIsRl, Optimum, TokenFixedPoint};
pub use tokens::{RolloutCorrection, TokenSurrogate, TokenUpdate};

/// Step of finite differences: rounding (ε/h) and truncation (h²) are both about 1e-10.
const STEP: f64 = 1e-5;

const ERROR: Metric = Metric::new("error", "Largest difference, relative to the size of what cancels.")
    .range(0.0, f64::INFINITY);

/// A full tree of responses and four policies on it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// V.
    vocabulary: usize,
    /// T.
    horizon: usize,
    /// Logits of π_θ, row after row of the (V^T − 1)/(V − 1) prefixes.
    student: Vec<f64>,
    /// Logits of π*.
    teacher: Vec<f64>,
    /// Logits of π_ref.
    reference: Vec<f64>,
    /// Logits of one more policy: another reference, or a sampler.
    other: Vec<f64>,
    /// λ.
    lambda: f64,
}

/// The policies of a tree.
struct Models {
    task: PrefixTree,
    student: Policy,
    teacher: Policy,
    reference: Policy,
    other: Policy,
    lambda: f64,
}

impl Tree {
    fn models(&self) -> Result<Models, Failure> {
        let (v, t) = (self.vocabulary, self.horizon);
        if !(1..=3).contains(&v) || !(1..=3).contains(&t) {
            return Err(Failure::invalid("`vocabulary` and `horizon` must be 1, 2 or 3"));
        }
        let task = PrefixTree::divisible_by_three(v, t);
        let entries = task.rows() * task.width();
        let policy = |logits: &[f64]| {
            if logits.len() != entries || logits.iter().any(|x| x.is_nan() || x.abs() > 1e4) {
                return Err(Failure::invalid(format!("expected {entries} logits of size up to 10000")));
            }
            Ok(Policy::from_fn(&task, |n, a| logits[n * v + a]))
        };
        let (student, teacher) = (policy(&self.student)?, policy(&self.teacher)?);
        let (reference, other) = (policy(&self.reference)?, policy(&self.other)?);
        Ok(Models { student, teacher, reference, other, task, lambda: self.lambda })
    }
}

impl Models {
    fn distillation(&self, lambda: f64, fault: Option<Fault>) -> Distillation<'_> {
        Distillation::new(&self.teacher, &self.reference, lambda, fault)
    }

    /// The size of what cancels: the largest sum of log-ratios of a response, or 1.
    fn scale(&self) -> f64 {
        let logarithms = |policy| self.task.log_distribution(0, policy);
        let (student, teacher) = (logarithms(&self.student), logarithms(&self.teacher));
        let (reference, other) = (logarithms(&self.reference), logarithms(&self.other));
        let size = |y: usize| {
            let sum = student[y].abs() + teacher[y].abs() + reference[y].abs() + other[y].abs();
            (1.0 + self.lambda.abs()) * sum
        };
        (0..student.len()).map(size).fold(1.0, f64::max)
    }
}

/// λ on both sides of 0 and of 1, and there.
fn lambdas() -> BoxedStrategy<f64> {
    prop_oneof![Just(1.0), Just(1.25), Just(0.0), Just(0.5), Just(2.0), (-8_i32..=24).prop_map(eighths)]
        .boxed()
}

fn eighths(k: i32) -> f64 {
    f64::from(k) / 8.0
}

/// Logits with ties; `wild` ones are uniform now and then, or so far apart that probabilities underflow.
fn logits(count: usize, wild: bool) -> BoxedStrategy<Vec<f64>> {
    let scale = if wild {
        prop_oneof![8 => Just(1.0), 1 => Just(0.0), 1 => Just(300.0)].boxed()
    } else {
        Just(1.0).boxed()
    };
    (scale, vec(-12_i32..=12, count))
        .prop_map(|(scale, entries)| entries.into_iter().map(|k| scale * f64::from(k) / 4.0).collect())
        .boxed()
}

fn trees(wild: bool) -> BoxedStrategy<Tree> {
    (1_usize..=3, 1_usize..=3)
        .prop_flat_map(move |(vocabulary, horizon)| {
            let task = PrefixTree::divisible_by_three(vocabulary, horizon);
            let entries = move || logits(task.rows() * task.width(), wild);
            (entries(), entries(), entries(), entries(), lambdas()).prop_map(
                move |(student, teacher, reference, other, lambda)| Tree {
                    vocabulary,
                    horizon,
                    student,
                    teacher,
                    reference,
                    other,
                    lambda,
                },
            )
        })
        .boxed()
}
