//! Policies: tables of softmax rows.

use std::ops::{Index, IndexMut};

use super::Task;
use crate::kernel::{
    math::{dot, sin, softmax_into},
    stream::Stream,
};

/// A table of equally wide rows of numbers: logits, probabilities or a gradient. `rows[n][v]` is
/// the entry of row n and token v.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    width: usize,
    values: Vec<f64>,
}

impl Rows {
    /// `count` rows of `width` zeros.
    #[must_use]
    pub fn zeros(count: usize, width: usize) -> Self {
        Self { width, values: vec![0.0; count * width] }
    }

    /// `count` rows of `width` entries f(n, v).
    #[must_use]
    pub fn from_fn(count: usize, width: usize, mut f: impl FnMut(usize, usize) -> f64) -> Self {
        let values = (0..count * width).map(|i| f(i / width, i % width)).collect();
        Self { width, values }
    }

    /// Number of rows.
    #[must_use]
    pub fn count(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// Entries in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// All entries, row after row.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// All entries, row after row, to be changed.
    pub fn values_mut(&mut self) -> &mut [f64] {
        &mut self.values
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = &[f64]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// Sets every entry to zero.
    pub fn clear(&mut self) {
        self.values.fill(0.0);
    }

    /// Adds `weight` times another table of the same shape.
    pub fn add(&mut self, weight: f64, other: &Self) {
        for (x, y) in self.values.iter_mut().zip(&other.values) {
            *x += weight * y;
        }
    }

    /// Inner product Σₙᵥ xₙᵥ yₙᵥ with another table of the same shape.
    #[must_use]
    pub fn dot(&self, other: &Self) -> f64 {
        dot(&self.values, &other.values)
    }

    /// Squared Euclidean norm.
    #[must_use]
    pub fn norm_squared(&self) -> f64 {
        self.dot(self)
    }

    /// Largest absolute difference maxₙᵥ |xₙᵥ − yₙᵥ| to another table of the same shape.
    #[must_use]
    pub fn largest_difference(&self, other: &Self) -> f64 {
        self.values.iter().zip(&other.values).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max)
    }
}

impl Index<usize> for Rows {
    type Output = [f64];
    fn index(&self, n: usize) -> &[f64] {
        &self.values[n * self.width..(n + 1) * self.width]
    }
}

impl IndexMut<usize> for Rows {
    fn index_mut(&mut self, n: usize) -> &mut [f64] {
        &mut self.values[n * self.width..(n + 1) * self.width]
    }
}

/// A token, and the row from which it was drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The row of the context.
    pub row: usize,
    /// The token emitted.
    pub token: usize,
}

/// A softmax policy: logits θ (R × V), with π(v|n) = exp(θₙᵥ) / Σᵤ exp(θₙᵤ) kept beside them.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    logits: Rows,
    probabilities: Rows,
    /// ln Σᵤ exp(θₙᵤ) for each row.
    normalisers: Vec<f64>,
}

impl Policy {
    /// The policy with these logits.
    #[must_use]
    pub fn new(logits: Rows) -> Self {
        let probabilities = Rows::zeros(logits.count(), logits.width());
        let normalisers = vec![0.0; logits.count()];
        let mut policy = Self { logits, probabilities, normalisers };
        (0..policy.logits.count()).for_each(|n| policy.refresh(n));
        policy
    }

    /// The uniform policy of a task: all logits zero.
    #[must_use]
    pub fn uniform(task: &impl Task) -> Self {
        Self::new(Rows::zeros(task.rows(), task.width()))
    }

    /// The policy of a task with logits f(row, token).
    #[must_use]
    pub fn from_fn(task: &impl Task, f: impl FnMut(usize, usize) -> f64) -> Self {
        Self::new(Rows::from_fn(task.rows(), task.width(), f))
    }

    fn refresh(&mut self, n: usize) {
        self.normalisers[n] = softmax_into(&self.logits[n], &mut self.probabilities[n]);
    }

    /// The logits θ.
    #[must_use]
    pub fn logits(&self) -> &Rows {
        &self.logits
    }

    /// The probabilities π(·|n) of row n.
    #[must_use]
    pub fn row(&self, n: usize) -> &[f64] {
        &self.probabilities[n]
    }

    /// π(v|n).
    #[must_use]
    pub fn probability(&self, step: Step) -> f64 {
        self.probabilities[step.row][step.token]
    }

    /// ln π(v|n), finite even where the probability underflows.
    #[must_use]
    pub fn log_probability(&self, step: Step) -> f64 {
        self.logits[step.row][step.token] - self.normalisers[step.row]
    }

    /// ln π(y) = Σₜ ln π(vₜ|nₜ) of a response.
    #[must_use]
    pub fn log_likelihood(&self, steps: &[Step]) -> f64 {
        steps.iter().map(|step| self.log_probability(*step)).sum()
    }

    /// Draws a token from row n, by inversion of one uniform number.
    pub fn draw(&self, n: usize, stream: &mut Stream) -> usize {
        stream.categorical(&self.probabilities[n])
    }

    /// Adds `weight` · ∇ ln π(v|n) to a gradient: `weight` · (1\[u = v\] − π(u|n)) in row n.
    pub fn add_score(&self, step: Step, weight: f64, gradient: &mut Rows) {
        let row = &mut gradient[step.row];
        for (g, p) in row.iter_mut().zip(&self.probabilities[step.row]) {
            *g -= weight * p;
        }
        row[step.token] += weight;
    }

    /// One step of gradient ascent, θ ← θ + `rate` · g.
    pub fn ascend(&mut self, rate: f64, gradient: &Rows) {
        for (n, row) in gradient.iter().enumerate() {
            if row.iter().all(|g| *g == 0.0) {
                continue;
            }
            for (z, g) in self.logits[n].iter_mut().zip(row) {
                *z += rate * g;
            }
            self.refresh(n);
        }
    }

    /// Central differences (f(θ + h e) − f(θ − h e)) / 2h of a function of the policy in every logit:
    /// what a gradient is held against.
    #[must_use]
    pub fn central_differences(&self, h: f64, f: impl Fn(&Self) -> f64) -> Rows {
        Rows::from_fn(self.logits.count(), self.logits.width(), |n, v| {
            let at = |shift: f64| {
                let mut moved = self.clone();
                moved.logits[n][v] += shift;
                moved.refresh(n);
                f(&moved)
            };
            (at(h) - at(-h)) / (2.0 * h)
        })
    }

    /// Entropy −Σᵥ π(v|n) ln π(v|n) of row n, in nats.
    #[must_use]
    pub fn row_entropy(&self, n: usize) -> f64 {
        -(0..self.logits.width())
            .map(|token| self.self_information(Step { row: n, token }, self))
            .sum::<f64>()
    }

    /// KL(π(·|n) ‖ ν(·|n)) of row n to another policy, in nats; +∞ if ν misses part of its support.
    #[must_use]
    pub fn row_divergence(&self, n: usize, other: &Self) -> f64 {
        let cross = |nu: &Self| -> f64 {
            (0..self.logits.width()).map(|token| self.self_information(Step { row: n, token }, nu)).sum()
        };
        cross(self) - cross(other)
    }

    /// π(v|n) ln ν(v|n), which is 0 where π(v|n) = 0.
    fn self_information(&self, step: Step, nu: &Self) -> f64 {
        let p = self.probability(step);
        if p == 0.0 { 0.0 } else { p * nu.log_probability(step) }
    }
}

/// Deterministic parameters that look random, equal in every language:
/// sin(1.7 a + 2.9 b + 0.61 c + 0.37).
#[must_use]
pub fn wave(a: usize, b: usize, c: usize) -> f64 {
    sin(1.7 * a as f64 + 2.9 * b as f64 + 0.61 * c as f64 + 0.37)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn policy(scale: f64) -> Policy {
        Policy::new(Rows::from_fn(2, 3, |n, v| scale * wave(n, v, 0)))
    }

    #[test]
    fn scores_are_derivatives_of_log_probabilities() {
        let step = Step { row: 1, token: 2 };
        let mut score = Rows::zeros(2, 3);
        policy(1.0).add_score(step, 1.0, &mut score);
        let known = policy(1.0).central_differences(1e-5, |p| p.log_probability(step));
        assert!(score.largest_difference(&known) < 1e-9);
        assert_relative_eq!(score.largest_difference(&Rows::zeros(2, 3)), score[1][2]);
    }

    #[test]
    fn log_probabilities_survive_underflow() {
        let policy = policy(2000.0);
        let worst = policy.row(0).iter().position(|p| *p == 0.0).unwrap();
        assert!(policy.log_probability(Step { row: 0, token: worst }) < -700.0);
        assert!(policy.row_entropy(0).abs() < 1e-9);
        assert_relative_eq!(policy.row_divergence(0, &policy), 0.0);
    }

    #[test]
    fn ascending_is_adding_to_the_logits() {
        let mut moved = policy(1.0);
        let gradient = Rows::from_fn(2, 3, |n, v| if n == 0 { 0.0 } else { v as f64 });
        moved.ascend(0.5, &gradient);
        let mut logits = policy(1.0).logits;
        logits.add(0.5, &gradient);
        assert_eq!(moved, Policy::new(logits));
    }
}
