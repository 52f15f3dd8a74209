//! One-token responses with a stochastic verifier.

use super::{Next, Policy, Rows, Step, Task};

/// P independent prompts with V arms each: arm v of prompt x is paid 1 with probability μₓᵥ, else 0.
///
/// p(x) = Σᵥ π(v|x) μₓᵥ. Every arm is paid now and then, so a policy can commit to one that is not
/// the best, and then hardly tries the others: premature commitment.
#[derive(Clone, Debug, PartialEq)]
pub struct Arms {
    chances: Rows,
}

impl Arms {
    /// Prompts and arms with these chances μ (P × V, entries in \[0, 1\]).
    #[must_use]
    pub fn new(chances: Rows) -> Self {
        Self { chances }
    }

    /// The chances μ (P × V).
    #[must_use]
    pub fn chances(&self) -> &Rows {
        &self.chances
    }

    /// The arm of the largest chance for each prompt; the first of equals.
    pub fn best(&self) -> impl Iterator<Item = usize> {
        self.chances
            .iter()
            .map(|row| (1..row.len()).fold(0, |best, v| if row[v] > row[best] { v } else { best }))
    }
}

impl Task for Arms {
    fn prompts(&self) -> usize {
        self.chances.count()
    }

    fn rows(&self) -> usize {
        self.chances.count()
    }

    fn width(&self) -> usize {
        self.chances.width()
    }

    fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
        match prefix.first() {
            None => Next::Token(prompt),
            Some(step) => Next::Chance(self.chances[prompt][step.token]),
        }
    }

    fn success(&self, prompt: usize, policy: &Policy) -> f64 {
        policy.row(prompt).iter().zip(&self.chances[prompt]).map(|(p, mu)| p * mu).sum()
    }

    fn add_gradient(&self, prompt: usize, policy: &Policy, weight: f64, gradient: &mut Rows) {
        let success = self.success(prompt, policy);
        let arms = policy.row(prompt).iter().zip(&self.chances[prompt]);
        for (g, (p, mu)) in gradient[prompt].iter_mut().zip(arms) {
            *g += weight * p * (mu - success);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wave;
    use super::*;
    use crate::kernel::{math::dot, stream::Streams};
    use approx::assert_relative_eq;

    #[test]
    fn success_is_the_mean_chance_and_so_is_the_mean_reward() {
        let task = Arms::new(Rows::from_fn(2, 3, |x, v| 0.5 + 0.4 * wave(x, v, 0)));
        let policy = Policy::from_fn(&task, |x, v| wave(x, v, 1));
        let p = task.success(1, &policy);
        assert_relative_eq!(p, dot(policy.row(1), &task.chances()[1]), epsilon = 1e-15);
        let h = 1e-6;
        let mut gradient = Rows::zeros(2, 3);
        task.add_gradient(1, &policy, 1.0, &mut gradient);
        for v in 0..3 {
            let at = |sign: f64| {
                let mut logits = policy.logits().clone();
                logits[1][v] += sign * h;
                task.success(1, &Policy::new(logits))
            };
            assert_relative_eq!(gradient[1][v], (at(1.0) - at(-1.0)) / (2.0 * h), epsilon = 1e-9);
        }
        let mut stream = Streams::from_seed(3).stream("arms");
        let paid: f64 = (0..20_000).map(|_| task.respond(1, &policy, &mut stream, &mut Vec::new())).sum();
        assert_relative_eq!(paid / 20_000.0, p, epsilon = 0.015);
    }

    #[test]
    fn the_first_of_equal_arms_is_best() {
        let task = Arms::new(Rows::from_fn(2, 3, |x, v| if x == 0 { 0.5 } else { v as f64 / 4.0 }));
        assert_eq!(task.best().collect::<Vec<_>>(), [0, 2]);
    }
}
