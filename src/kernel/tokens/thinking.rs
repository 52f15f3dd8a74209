//! Responses of variable length: think for a while, then answer.

use super::{Next, Policy, Step, Task};

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Verifier {
    /// The right answer, 1 … m.
    pub answer: usize,
    /// s(ℓ) for ℓ = 0 … T − 1: the probability that the right answer is paid after ℓ thinking
    /// tokens.
    pub chances: Vec<f64>,
}

impl Verifier {
    /// Pays the right answer if it comes after `least` to `most` thinking tokens, ends included.
    /// A large `least` means that the prompt needs reasoning; a small `most`, that thinking on
    /// loses the thread.
    #[must_use]
    pub fn within(answer: usize, horizon: usize, least: usize, most: usize) -> Self {
        let chances = (0..horizon).map(|l| f64::from(u8::from((least..=most).contains(&l)))).collect();
        Self { answer, chances }
    }
}

/// Token 0 means THINK, tokens 1 … m are answers and end the response; after T thinking tokens the
/// response is truncated and gets nothing.
///
/// The context is the prompt and the number of tokens so far: row x T + t. A response is (ℓ, a), ℓ
/// thinking tokens and then answer a, with P(ℓ, a) = \[Π_{t<ℓ} πₜ(0)\] π_ℓ(a), or the truncated one
/// with P = Π_{t<T} πₜ(0): T m + 1 in all.
#[derive(Clone, Debug, PartialEq)]
pub struct Thinking {
    answers: usize,
    horizon: usize,
    prompts: Vec<Verifier>,
}

impl Thinking {
    /// m answers, at most T tokens, one verifier a prompt.
    #[must_use]
    pub fn new(answers: usize, horizon: usize, prompts: Vec<Verifier>) -> Self {
        Self { answers, horizon, prompts }
    }

    /// Expected length E|y| of the responses to a prompt, in tokens: Σ_{t<T} P(token t is drawn).
    #[must_use]
    pub fn expected_length(&self, prompt: usize, policy: &Policy) -> f64 {
        let (mut length, mut reach) = (0.0, 1.0);
        for t in 0..self.horizon {
            length += reach;
            reach *= policy.row(prompt * self.horizon + t)[0];
        }
        length
    }

    /// Probability that a response to a prompt is truncated.
    #[must_use]
    pub fn truncation(&self, prompt: usize, policy: &Policy) -> f64 {
        (0..self.horizon).map(|t| policy.row(prompt * self.horizon + t)[0]).product()
    }

    /// Whether a response was truncated: it ends on a thinking token.
    #[must_use]
    pub fn is_truncated(steps: &[Step]) -> bool {
        steps.last().is_some_and(|step| step.token == 0)
    }
}

impl Task for Thinking {
    fn prompts(&self) -> usize {
        self.prompts.len()
    }

    fn rows(&self) -> usize {
        self.prompts.len() * self.horizon
    }

    fn width(&self) -> usize {
        self.answers + 1
    }

    fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
        match prefix.last() {
            Some(step) if step.token != 0 => {
                let verifier = &self.prompts[prompt];
                let chance = verifier.chances.get(prefix.len() - 1).copied().unwrap_or(0.0);
                if step.token != verifier.answer || chance == 0.0 {
                    Next::Reward(0.0)
                } else if chance == 1.0 {
                    Next::Reward(1.0)
                } else {
                    Next::Chance(chance)
                }
            }
            _ if prefix.len() == self.horizon => Next::Reward(0.0),
            _ => Next::Token(prompt * self.horizon + prefix.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::wave;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_answers() {
        let task = Thinking::new(3, 5, vec![Verifier::within(2, 5, 1, 3)]);
        let policy = Policy::from_fn(&task, |t, v| wave(t, v, 0));
        assert_relative_eq!(task.truncation(0, &policy), 0.000_648_717_7, epsilon = 1e-10);
        assert_relative_eq!(task.expected_length(0, &policy), 1.457_625_619_9, epsilon = 1e-10);
        assert_relative_eq!(task.success(0, &policy), 0.173_686_313_6, epsilon = 1e-10);
    }

    #[test]
    fn closed_forms_agree_with_enumeration() {
        let task = Thinking::new(2, 4, vec![Verifier { answer: 1, chances: vec![0.2, 0.4, 0.0, 1.0] }]);
        let policy = Policy::from_fn(&task, |t, v| wave(t, v, 2));
        let (mut mass, mut length, mut truncated, mut responses) = (0.0, 0.0, 0.0, 0);
        task.enumerate(0, &policy, &mut |y| {
            responses += 1;
            mass += y.probability;
            length += y.probability * y.steps.len() as f64;
            if Thinking::is_truncated(y.steps) {
                truncated += y.probability;
            }
        });
        assert_eq!(responses, 9);
        assert_relative_eq!(mass, 1.0, epsilon = 1e-14);
        assert_relative_eq!(length, task.expected_length(0, &policy), epsilon = 1e-14);
        assert_relative_eq!(truncated, task.truncation(0, &policy), epsilon = 1e-14);
    }
}
