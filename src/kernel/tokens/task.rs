//! Tasks: prompts, contexts and verifiers.

use super::{Policy, Rows, Step};
use crate::kernel::{
    math::{exp, sum},
    stream::Stream,
};

/// What follows a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Another token, drawn from this row.
    Token(usize),
    /// The end: the response is worth this much.
    Reward(f64),
    /// The end: a verifier pays 1 with this probability, else 0.
    Chance(f64),
}

/// A complete response, as enumeration shows it.
#[derive(Clone, Copy, Debug)]
pub struct Outcome<'a> {
    /// Its tokens and their contexts.
    pub steps: &'a [Step],
    /// π(y|x).
    pub probability: f64,
    /// Its expected reward E\[r|x, y\].
    pub reward: f64,
}

/// A family of prompts x = 0 … P − 1, all equally likely, with the contexts and the verifier of
/// their responses.
///
/// [`Task::next`] is the definition. Everything else follows by enumeration; tasks with closed
/// forms override what they know better, and tests hold the two against each other.
pub trait Task {
    /// Number of prompts P.
    fn prompts(&self) -> usize;
    /// Number of logit rows R of a policy.
    fn rows(&self) -> usize;
    /// Size V of the vocabulary.
    fn width(&self) -> usize;
    /// What follows these steps in answer to the prompt.
    fn next(&self, prompt: usize, prefix: &[Step]) -> Next;

    /// Samples a response: appends its steps, and returns its reward.
    fn respond(&self, prompt: usize, policy: &Policy, stream: &mut Stream, steps: &mut Vec<Step>) -> f64 {
        let start = steps.len();
        loop {
            match self.next(prompt, &steps[start..]) {
                Next::Token(row) => steps.push(Step { row, token: policy.draw(row, stream) }),
                Next::Reward(reward) => return reward,
                Next::Chance(chance) => return f64::from(u8::from(stream.bernoulli(chance))),
            }
        }
    }

    /// Shows every response to a prompt, in the order of tokens, also those of probability zero.
    fn enumerate(&self, prompt: usize, policy: &Policy, visit: &mut dyn FnMut(Outcome<'_>))
    where
        Self: Sized,
    {
        walk(self, prompt, policy, 1.0, &mut Vec::new(), visit);
    }

    /// Success rate p(x) = Σ_y π(y|x) E\[r|x, y\].
    fn success(&self, prompt: usize, policy: &Policy) -> f64
    where
        Self: Sized,
    {
        let mut total = 0.0;
        self.enumerate(prompt, policy, &mut |y| total += y.probability * y.reward);
        total
    }

    /// Adds `weight` · ∇p(x) to a gradient: ∇p = Σ_y π(y) E\[r|y\] ∇ln π(y).
    fn add_gradient(&self, prompt: usize, policy: &Policy, weight: f64, gradient: &mut Rows)
    where
        Self: Sized,
    {
        self.enumerate(prompt, policy, &mut |y| {
            if y.reward != 0.0 {
                for step in y.steps {
                    policy.add_score(*step, weight * y.probability * y.reward, gradient);
                }
            }
        });
    }

    /// Entropy H(x) = −Σ_y π(y|x) ln π(y|x) of the responses to a prompt, in nats.
    fn entropy(&self, prompt: usize, policy: &Policy) -> f64
    where
        Self: Sized,
    {
        let mut total = 0.0;
        self.enumerate(prompt, policy, &mut |y| {
            if y.probability > 0.0 {
                total -= y.probability * policy.log_likelihood(y.steps);
            }
        });
        total
    }

    /// KL(π(·|x) ‖ ν(·|x)) of the responses to a prompt, in nats.
    fn divergence(&self, prompt: usize, policy: &Policy, other: &Policy) -> f64
    where
        Self: Sized,
    {
        let mut total = 0.0;
        self.enumerate(prompt, policy, &mut |y| {
            if y.probability > 0.0 {
                total += y.probability * (policy.log_likelihood(y.steps) - other.log_likelihood(y.steps));
            }
        });
        total
    }
}

fn walk(
    task: &impl Task,
    prompt: usize,
    policy: &Policy,
    probability: f64,
    steps: &mut Vec<Step>,
    visit: &mut dyn FnMut(Outcome<'_>),
) {
    match task.next(prompt, steps) {
        Next::Reward(reward) | Next::Chance(reward) => visit(Outcome { steps, probability, reward }),
        Next::Token(row) => {
            for token in 0..task.width() {
                let step = Step { row, token };
                steps.push(step);
                walk(task, prompt, policy, probability * policy.probability(step), steps, visit);
                steps.pop();
            }
        }
    }
}

/// Total variation ½ Σ_y |π(y|x) − ν(y|x)| of the responses to a prompt.
#[must_use]
pub fn total_variation<T: Task>(task: &T, prompt: usize, policy: &Policy, other: &Policy) -> f64 {
    let mut gaps = Vec::new();
    task.enumerate(prompt, policy, &mut |y| {
        gaps.push((y.probability - exp(other.log_likelihood(y.steps))).abs());
    });
    0.5 * sum(gaps)
}
