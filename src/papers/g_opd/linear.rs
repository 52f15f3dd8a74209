//! Linear softmax policies over several prompts with answers of one token.
//!
//! Prompt i has features φᵢ ∈ R^D and a right answer bᵢ among A; a model with weights W ∈ R^(d×A)
//! sees the first d ≤ D features, and answers with softmax(Σ_k φᵢₖ W_k). Its success on a prompt is
//! pᵢ = π(bᵢ|i). Prompts share W: what is learnt on one changes the others. All updates are exact
//! expectations: W ← W + (α/n) Σᵢ φᵢ ⊗ gᵢ over n prompts, with a direction gᵢ ∈ R^A a prompt.

use std::ops::Range;

use super::{Fault, effective, roles};
use crate::{
    kernel::{
        math::mean,
        mdp::argmax,
        stream::Stream,
        tokens::{Policy, Rows, Step},
    },
    papers::leaf::Failure,
};

/// Prompts with their features and right answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompts {
    /// φ, one row a prompt.
    pub features: Rows,
    /// b.
    pub right: Vec<usize>,
}

/// A linear softmax policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// W, one row a feature.
    pub weights: Rows,
    /// π(·|i), one row a prompt.
    pub policy: Policy,
}

/// Writes gᵢ, given the prompt i and the policy.
pub type Direction<'a> = dyn Fn(usize, &Policy, &mut [f64]) + 'a;

/// A table of independent N(0, scale²) entries.
#[must_use]
pub fn normal_rows(count: usize, width: usize, scale: f64, stream: &mut Stream) -> Rows {
    Rows::from_fn(count, width, |_, _| scale * stream.normal())
}

impl Prompts {
    /// Random prompts: features N(0, 1.5²/D), and bᵢ the best answer of a random linear model with
    /// weights N(0, 1), after noise N(0, ½²).
    #[must_use]
    pub fn draw(count: usize, dimension: usize, actions: usize, stream: &mut Stream) -> Self {
        let features = normal_rows(count, dimension, 1.5 / (dimension as f64).sqrt(), stream);
        let truth = normal_rows(dimension, actions, 1.0, stream);
        let mut scores = product(&features, &truth);
        scores.add(0.5, &normal_rows(count, actions, 1.0, stream));
        let right = scores.iter().map(argmax).collect();
        Self { features, right }
    }

    /// Number of prompts.
    #[must_use]
    pub fn count(&self) -> usize {
        self.right.len()
    }

    /// The model with these weights.
    #[must_use]
    pub fn model(&self, weights: Rows) -> Model {
        Model { policy: Policy::new(product(&self.features, &weights)), weights }
    }

    /// Mean success of a policy on some of the prompts.
    #[must_use]
    pub fn success(&self, policy: &Policy, prompts: Range<usize>) -> f64 {
        let successes: Vec<f64> = prompts.map(|i| policy.row(i)[self.right[i]]).collect();
        mean(&successes)
    }

    /// Trains a model on some of the prompts.
    pub fn learn(
        &self,
        model: &mut Model,
        prompts: &Range<usize>,
        steps: usize,
        rate: f64,
        direction: &Direction<'_>,
    ) {
        let (dimension, actions) = (model.weights.count(), model.weights.width());
        let mut change = Rows::zeros(dimension, actions);
        let mut logits = Rows::zeros(self.count(), actions);
        let mut wanted = vec![0.0; actions];
        let scale = rate / prompts.len().max(1) as f64;
        for _ in 0..steps {
            change.clear();
            for i in prompts.clone() {
                direction(i, &model.policy, &mut wanted);
                for (k, feature) in self.features[i][..dimension].iter().enumerate() {
                    let weight = scale * feature;
                    change[k].iter_mut().zip(&wanted).for_each(|(w, g)| *w += weight * g);
                }
            }
            model.weights.add(1.0, &change);
            // The logits of these prompts move with the weights; those of the others are not looked at.
            logits.clear();
            for i in prompts.clone() {
                add_product(&self.features[i], &change, &mut logits[i]);
            }
            model.policy.ascend(1.0, &logits);
        }
        model.policy = Policy::new(product(&self.features, &model.weights));
    }

    /// Reinforcement learning: gᵢ = ∇pᵢ = pᵢ (e_b − π).
    pub fn reinforce(&self, i: usize, policy: &Policy, direction: &mut [f64]) {
        let row = policy.row(i);
        let success = row[self.right[i]];
        direction.iter_mut().zip(row).for_each(|(g, p)| *g = -success * p);
        direction[self.right[i]] += success;
    }
}

/// Supervised finetuning on samples of the teacher: gᵢ = π* − π, the ascent of −KL(π*‖π).
pub fn imitate(teacher: &[f64], student: &[f64], direction: &mut [f64]) {
    direction.iter_mut().zip(teacher.iter().zip(student)).for_each(|(g, (t, p))| *g = t - p);
}

/// Distillation in one prompt: gᵢ = π ∘ (a − E_π a) with a = target − ln π; see [`target`].
pub fn distil(target: &[f64], student: &Policy, i: usize, direction: &mut [f64]) {
    let mut expected = 0.0;
    for (token, g) in direction.iter_mut().enumerate() {
        let step = Step { row: i, token };
        *g = target[token] - student.log_probability(step);
        expected += student.probability(step) * *g;
    }
    direction.iter_mut().zip(student.row(i)).for_each(|(g, p)| *g = p * (*g - expected));
}

/// λ ln(π*/π_ref) + ln π_ref of every answer to prompt i, so that the advantage of an answer is this
/// less ln π.
#[must_use]
pub fn target(teacher: &Policy, reference: &Policy, i: usize, lambda: f64, fault: Option<Fault>) -> Vec<f64> {
    let (teacher, reference) = roles(teacher, reference, fault);
    let lambda = effective(lambda, fault);
    (0..teacher.logits().width())
        .map(|token| {
            let step = Step { row: i, token };
            let anchor = reference.log_probability(step);
            lambda * (teacher.log_probability(step) - anchor) + anchor
        })
        .collect()
}

/// Φ W, with the features that W has rows for.
fn product(features: &Rows, weights: &Rows) -> Rows {
    let mut product = Rows::zeros(features.count(), weights.width());
    for i in 0..features.count() {
        add_product(&features[i], weights, &mut product[i]);
    }
    product
}

/// Adds φᵀ W to a row.
fn add_product(features: &[f64], weights: &Rows, row: &mut [f64]) {
    for (feature, weights) in features.iter().zip(weights.iter()) {
        row.iter_mut().zip(weights).for_each(|(z, w)| *z += feature * w);
    }
}

/// Holds sizes of a problem to what can be computed in reasonable time.
///
/// # Errors
/// [`Failure::Invalid`] if one is 0 or above 1000.
pub fn check_sizes(sizes: &[usize]) -> Result<(), Failure> {
    if sizes.iter().all(|n| (1..=1000).contains(n)) {
        return Ok(());
    }
    Err(Failure::invalid("numbers of prompts, features, actions and problems must be from 1 to 1000"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{math::ln, stream::Streams};
    use approx::assert_relative_eq;

    fn example() -> (Prompts, Model) {
        let mut stream = Streams::from_seed(3).stream("example");
        let prompts = Prompts::draw(4, 3, 3, &mut stream);
        let model = prompts.model(normal_rows(3, 3, 0.5, &mut stream));
        (prompts, model)
    }

    /// ∂f/∂W against one step of learning with rate 1.
    fn assert_gradient(
        objective: impl Fn(&Prompts, &Policy) -> f64,
        direction: impl Fn(&Prompts, usize, &Policy, &mut [f64]),
    ) {
        let (prompts, start) = example();
        let mut model = start.clone();
        prompts.learn(&mut model, &(0..4), 1, 1.0, &|i, policy, g| direction(&prompts, i, policy, g));
        for k in 0..3 {
            for a in 0..3 {
                let at = |shift: f64| {
                    let mut weights = start.weights.clone();
                    weights[k][a] += shift;
                    objective(&prompts, &prompts.model(weights).policy)
                };
                let known = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert_relative_eq!(model.weights[k][a] - start.weights[k][a], known, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn learning_ascends_the_objectives() {
        let (prompts, other) = example();
        let mut teacher = other.clone();
        prompts.learn(&mut teacher, &(0..4), 20, 1.0, &|i, p, g| prompts.reinforce(i, p, g));
        assert!(prompts.success(&teacher.policy, 0..4) > prompts.success(&other.policy, 0..4));
        let teacher = teacher.policy;

        assert_gradient(|prompts, p| prompts.success(p, 0..4), Prompts::reinforce);
        assert_gradient(
            |_, p| -(0..4).map(|i| teacher.row_divergence(i, p)).sum::<f64>() / 4.0,
            |_, i, p, g| imitate(teacher.row(i), p.row(i), g),
        );
        let reference = Policy::new(Rows::zeros(4, 3));
        for lambda in [0.5, 1.0, 1.25] {
            let objective = |_: &Prompts, p: &Policy| {
                let reward = |i: usize| -> f64 {
                    (0..3).map(|a| p.row(i)[a] * ln(teacher.row(i)[a] * 3.0)).sum::<f64>() * lambda
                        - p.row_divergence(i, &reference)
                };
                (0..4).map(reward).sum::<f64>() / 4.0
            };
            assert_gradient(objective, |_, i, p, g| {
                distil(&target(&teacher, &reference, i, lambda, None), p, i, g);
            });
        }
    }

    #[test]
    fn a_weaker_student_sees_the_first_features() {
        let (prompts, model) = example();
        let weak = prompts.model(Rows::from_fn(2, 3, |k, a| model.weights[k][a]));
        let blind = prompts.model(Rows::from_fn(3, 3, |k, a| if k < 2 { model.weights[k][a] } else { 0.0 }));
        for i in 0..4 {
            assert_relative_eq!(weak.policy.row(i)[0], blind.policy.row(i)[0], epsilon = 1e-15);
        }
    }
}
