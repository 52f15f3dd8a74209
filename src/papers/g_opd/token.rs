//! The update of the code: advantages of tokens, the clipped surrogate, and the weights of the sampler.
//!
//! Each response comes with the log-probabilities of its tokens under five models: π_θ, which is
//! optimised; π_old, its value at the start of the batch; μ, which sampled the tokens (the same
//! parameters in another engine, with other rounding); the teacher π*; and the reference π_ref.
//!
//! ```text
//! aₜ = −[(ln π_old − ln π_ref) − λ (ln π* − ln π_ref)]
//! wₜ = min(π_old/μ, c),    c = 5
//! L  = (1/Σ|y|) Σ wₜ min(ρₜ aₜ, clip(ρₜ, 1 − ε, 1 + ε) aₜ),    ρₜ = π_θ/π_old
//! ```
//!
//! There is one response a prompt, no normalisation within a group, and no sum over later tokens.
//! L is maximised.

use super::{Fault, effective, roles};
use crate::kernel::{
    math::{exp, mean, variance},
    tokens::{Aggregation, Clip, SurrogateValue, Term},
};

/// Log-probabilities of the tokens of one response, all of the same length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scored {
    /// ln π_θ.
    pub new: Vec<f64>,
    /// ln π_old.
    pub old: Vec<f64>,
    /// ln μ.
    pub sampler: Vec<f64>,
    /// ln π*.
    pub teacher: Vec<f64>,
    /// ln π_ref.
    pub reference: Vec<f64>,
}

/// The loss of the code.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenLoss {
    /// λ.
    pub lambda: f64,
    /// Bounds of the ratio ρ.
    pub clip: Clip,
    /// Largest importance weight c of the sampler.
    pub truncation: f64,
}

impl TokenLoss {
    /// The settings of the code, with this λ.
    #[must_use]
    pub fn with(lambda: f64) -> Self {
        Self { lambda, clip: Clip::PPO, truncation: 5.0 }
    }

    /// aₜ of each token of each response.
    #[must_use]
    pub fn advantages(&self, responses: &[Scored], fault: Option<Fault>) -> Vec<Vec<f64>> {
        let mut advantages: Vec<Vec<f64>> =
            responses.iter().map(|response| self.advantages_of(response, fault)).collect();
        if fault == Some(Fault::WhitenedAdvantages) {
            let all: Vec<f64> = advantages.iter().flatten().copied().collect();
            let (centre, deviation) = (mean(&all), variance(&all, 0).sqrt());
            if deviation > 0.0 {
                advantages.iter_mut().flatten().for_each(|a| *a = (*a - centre) / deviation);
            }
        }
        advantages
    }

    fn advantages_of(&self, response: &Scored, fault: Option<Fault>) -> Vec<f64> {
        let lambda = effective(self.lambda, fault);
        let (teacher, reference) = roles(&response.teacher, &response.reference, fault);
        let student = match fault {
            Some(Fault::CurrentPolicyInAdvantage) => &response.new,
            _ => &response.old,
        };
        let sign = if fault == Some(Fault::FlippedSign) { 1.0 } else { -1.0 };
        let mut advantages: Vec<f64> = (0..student.len())
            .map(|t| sign * ((student[t] - reference[t]) - lambda * (teacher[t] - reference[t])))
            .collect();
        if fault == Some(Fault::RewardToGo) {
            for t in (1..advantages.len()).rev() {
                advantages[t - 1] += advantages[t];
            }
        }
        advantages
    }

    /// wₜ of each token of one response.
    #[must_use]
    pub fn weights(&self, response: &Scored, fault: Option<Fault>) -> Vec<f64> {
        let logarithms: Vec<f64> = response.old.iter().zip(&response.sampler).map(|(p, q)| p - q).collect();
        let whole: f64 = logarithms.iter().sum();
        let cap = if fault == Some(Fault::ImportanceUntruncated) { f64::INFINITY } else { self.truncation };
        logarithms
            .iter()
            .map(|own| exp(if fault == Some(Fault::SequenceImportance) { whole } else { *own }).min(cap))
            .collect()
    }

    /// L, and its derivative in ln π_θ of every token, in order.
    #[must_use]
    pub fn evaluate(&self, responses: &[Scored], fault: Option<Fault>) -> SurrogateValue {
        let lengths: Vec<usize> = responses.iter().map(|response| response.old.len()).collect();
        let advantages = self.advantages(responses, fault);
        let terms = responses.iter().zip(&advantages).flat_map(|(response, advantages)| {
            let weights = self.weights(response, fault);
            (0..advantages.len()).map(move |t| {
                let ratio = exp(response.new[t] - response.old[t]);
                let term = self.term(ratio, advantages[t], fault);
                Term { value: weights[t] * term.value, slope: weights[t] * term.slope, ..term }
            })
        });
        let aggregation = match fault {
            Some(Fault::SequenceMeanLoss) => Aggregation::SequenceMean,
            _ => Aggregation::TokenMean,
        };
        aggregation.apply(&lengths, terms)
    }

    fn term(&self, ratio: f64, advantage: f64, fault: Option<Fault>) -> Term {
        let outside = ratio < 1.0 - self.clip.low || ratio > 1.0 + self.clip.high;
        if fault == Some(Fault::ClipBothSides) && outside {
            let bounded = ratio.max(1.0 - self.clip.low).min(1.0 + self.clip.high);
            return Term { value: bounded * advantage, slope: 0.0, clipped: true };
        }
        self.clip.term(ratio, 1.0, advantage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn scored(old: f64, teacher: f64, reference: f64) -> Scored {
        Scored {
            new: vec![old],
            old: vec![old],
            sampler: vec![old],
            teacher: vec![teacher],
            reference: vec![reference],
        }
    }

    #[test]
    fn at_one_the_advantage_is_the_log_ratio_of_teacher_and_student() {
        for reference in [-1.0, -3.0] {
            let advantages = TokenLoss::with(1.0).advantages(&[scored(-1.5, -0.5, reference)], None);
            assert_relative_eq!(advantages[0][0], 1.0, epsilon = 1e-15);
        }
        let beyond = TokenLoss::with(1.25).advantages(&[scored(-1.5, -0.5, -1.0)], None);
        assert_relative_eq!(beyond[0][0], 1.125, epsilon = 1e-15);
    }

    #[test]
    fn weights_are_truncated_at_five() {
        let response =
            Scored { old: vec![-0.1, -0.1, -2.0], sampler: vec![-3.1, -0.1, -1.0], ..Scored::default() };
        let loss = TokenLoss::with(1.0);
        assert_relative_eq!(loss.weights(&response, None)[..], [5.0, 1.0, (-1.0_f64).exp()][..]);
        let untruncated = loss.weights(&response, Some(Fault::ImportanceUntruncated));
        assert_relative_eq!(untruncated[0], 3.0_f64.exp(), max_relative = 1e-15);
        let whole = loss.weights(&response, Some(Fault::SequenceImportance));
        assert_relative_eq!(whole[..], [5.0; 3][..]);
    }

    #[test]
    fn a_single_step_a_batch_is_never_clipped() {
        let responses = [scored(-1.5, -0.5, -1.0), scored(-0.2, -2.0, -0.4)];
        let value = TokenLoss::with(1.25).evaluate(&responses, None);
        assert_eq!(value.clipped, 0);
        assert_relative_eq!(value.slopes[0], 1.125 / 2.0, epsilon = 1e-15);
        assert_relative_eq!(value.slopes[1], -1.1, epsilon = 1e-15);
        assert_relative_eq!(value.value, value.slopes[0] + value.slopes[1], epsilon = 1e-15);
    }
}
