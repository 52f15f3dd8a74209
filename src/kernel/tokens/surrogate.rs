//! The clipped surrogate of PPO and GRPO, and its gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kernel::math::{exp, expm1, sum};

/// How the terms of tokens are averaged over G responses of lengths |y₁| … |y_G|.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Aggregation {
    /// (1/G) Σᵢ (1/|yᵢ|) Σₜ: every response counts the same, so a token of a long response counts
    /// less (GRPO).
    SequenceMean,
    /// Σᵢ Σₜ / Σᵢ|yᵢ|: every token counts the same (DAPO).
    TokenMean,
    /// (1/(G c)) Σᵢ Σₜ with a constant c, such as the length limit (Dr. GRPO). With c = 1 this is
    /// the plain policy gradient.
    TokenSum {
        /// The constant c > 0.
        divisor: f64,
    },
}

impl Aggregation {
    /// The plain policy gradient: (1/G) Σᵢ Σₜ.
    pub const SUM: Self = Self::TokenSum { divisor: 1.0 };

    /// The weight of each token of a response of `length` tokens, among `responses` responses of
    /// `total` tokens together.
    #[must_use]
    pub fn weight(self, length: usize, responses: usize, total: usize) -> f64 {
        match self {
            Self::SequenceMean => 1.0 / (responses * length) as f64,
            Self::TokenMean => 1.0 / total as f64,
            Self::TokenSum { divisor } => 1.0 / (responses as f64 * divisor),
        }
    }

    /// Averages the terms of responses of these lengths, one response after the other. An empty
    /// response counts in G and adds nothing.
    #[must_use]
    pub fn apply(self, lengths: &[usize], terms: impl IntoIterator<Item = Term>) -> SurrogateValue {
        let total = lengths.iter().sum();
        let mut slopes = Vec::with_capacity(total);
        let mut values = Vec::with_capacity(total);
        let mut clipped = 0;
        let mut terms = terms.into_iter();
        for length in lengths {
            let weight = self.weight(*length, lengths.len(), total);
            for term in terms.by_ref().take(*length) {
                values.push(weight * term.value);
                slopes.push(weight * term.slope);
                clipped += usize::from(term.clipped);
            }
        }
        SurrogateValue { value: sum(values), slopes, clipped }
    }
}

/// Bounds of the ratio ρ = π/π_old: \[c − low, c + high\] around a centre c, which is 1 when the
/// responses come from the policy that the update starts from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// ε_low ≥ 0.
    pub low: f64,
    /// ε_high ≥ 0.
    pub high: f64,
}

/// A term of an objective and its derivative with respect to ln π(token).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Term {
    /// The value.
    pub value: f64,
    /// ∂value/∂ ln π.
    pub slope: f64,
    /// Whether the clip stopped the derivative.
    pub clipped: bool,
}

impl Clip {
    /// PPO's bounds: 1 ± 0.2.
    pub const PPO: Self = Self { low: 0.2, high: 0.2 };
    /// No bounds.
    pub const NONE: Self = Self { low: f64::INFINITY, high: f64::INFINITY };

    /// min(ρA, clip(ρ, c − low, c + high)·A): pessimistic, so it acts on one side only. The
    /// derivative ρA is stopped if A > 0 and ρ > c + high, or A < 0 and ρ < c − low: where the policy
    /// has already moved far enough *the way the advantage asks for*.
    #[must_use]
    pub fn term(self, ratio: f64, centre: f64, advantage: f64) -> Term {
        // Not f64::clamp, which panics if the bounds cross.
        let bounded = ratio.max(centre - self.low).min(centre + self.high);
        let clipped =
            (advantage > 0.0 && ratio > centre + self.high) || (advantage < 0.0 && ratio < centre - self.low);
        Term {
            value: (ratio * advantage).min(bounded * advantage),
            slope: if clipped { 0.0 } else { ratio * advantage },
            clipped,
        }
    }
}

/// The estimator k₃ of KL(π ‖ π_ref) from one token drawn from π: e^Δ − Δ − 1 ≥ 0 with
/// Δ = ln π_ref − ln π, whose expectation under π is the divergence. Its derivative with respect
/// to ln π is 1 − e^Δ. Source: Schulman, "Approximating KL divergence" (2020).
#[must_use]
pub fn k3(delta: f64) -> Term {
    Term { value: expm1(delta) - delta, slope: -expm1(delta), clipped: false }
}

/// A sampled token, as the surrogate sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Token {
    /// ln π of the policy being optimised.
    pub new: f64,
    /// ln π_old of the policy that sampled it.
    pub old: f64,
    /// ln π_ref of the reference policy; anything finite if `beta` is 0.
    pub reference: f64,
    /// Centre c of the clip interval.
    pub centre: f64,
    /// Its advantage A.
    pub advantage: f64,
}

impl Token {
    /// A token without a reference, clipped around 1.
    #[must_use]
    pub fn new(new: f64, old: f64, advantage: f64) -> Self {
        Self { new, old, reference: new, centre: 1.0, advantage }
    }
}

/// L = agg \[min(ρA, clip(ρ)A)\] − β agg \[k₃\], to be maximised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surrogate {
    /// The bounds of the ratio.
    pub clip: Clip,
    /// Weight β ≥ 0 of the divergence from the reference.
    pub beta: f64,
    /// How tokens are averaged.
    pub aggregation: Aggregation,
}

/// What the surrogate is, and how it changes with the log-probability of each token.
#[derive(Clone, Debug, PartialEq)]
pub struct SurrogateValue {
    /// L.
    pub value: f64,
    /// ∂L/∂ ln π(token), one for each token in order. The gradient with respect to the logits is
    /// Σ slope · ∇ln π(token): [`super::Policy::add_score`].
    pub slopes: Vec<f64>,
    /// Number of tokens whose derivative the clip stopped.
    pub clipped: usize,
}

impl Surrogate {
    /// GRPO as published, without its penalty: 1 ± 0.2, mean over responses of means over tokens.
    pub const GRPO: Self = Self { clip: Clip::PPO, beta: 0.0, aggregation: Aggregation::SequenceMean };

    /// min(ρA, clip(ρ)A) − β k₃ of one token.
    #[must_use]
    pub fn term(&self, token: &Token) -> Term {
        let policy = self.clip.term(exp(token.new - token.old), token.centre, token.advantage);
        if self.beta == 0.0 {
            return policy;
        }
        let penalty = k3(token.reference - token.new);
        Term {
            value: policy.value - self.beta * penalty.value,
            slope: policy.slope - self.beta * penalty.slope,
            clipped: policy.clipped,
        }
    }

    /// Evaluates L on responses given by their tokens, one after the other, and their lengths.
    #[must_use]
    pub fn evaluate(&self, lengths: &[usize], tokens: &[Token]) -> SurrogateValue {
        self.aggregation.apply(lengths, tokens.iter().map(|token| self.term(token)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Policy, PrefixTree, Rows, Task, wave};
    use super::*;
    use crate::kernel::math::ln;
    use approx::assert_relative_eq;

    /// All responses of a tree as one group, scored by a policy and an older one.
    fn group(advantages: &[f64]) -> (PrefixTree, Policy, Batch, Vec<Token>) {
        let task = PrefixTree::divisible_by_three(2, 2);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        let old = Policy::from_fn(&task, |n, v| wave(n, v, 2));
        let mut batch = Batch::new();
        task.enumerate(0, &policy, &mut |y| batch.push(0, y.steps, y.reward));
        let tokens = (0..batch.len())
            .flat_map(|i| batch.steps(i).iter().map(move |step| (i, *step)))
            .map(|(i, s)| Token::new(policy.log_probability(s), old.log_probability(s), advantages[i]))
            .collect();
        (task, policy, batch, tokens)
    }

    #[test]
    fn known_answers() {
        let (task, policy, batch, tokens) = group(&[1.0, -1.0, 0.5, -0.5]);
        let measured = Surrogate::GRPO.evaluate(&batch.lengths(), &tokens);
        assert_relative_eq!(measured.value, -0.058_295_888_5, epsilon = 1e-10);
        assert_eq!(measured.clipped, 5);
        let mut gradient = Rows::zeros(task.rows(), 2);
        batch.add_scores(&policy, &measured.slopes, &mut gradient);
        for (n, known) in [(0, 0.154_393_753_9), (1, 0.0), (2, 0.014_241_796_8)] {
            assert_relative_eq!(gradient[n][0], known, epsilon = 1e-10);
            assert_relative_eq!(gradient[n][1], -known, epsilon = 1e-10);
        }
    }

    #[test]
    fn slopes_are_derivatives() {
        let tokens: Vec<Token> = (0..6)
            .map(|i| Token {
                new: -1.0 + 0.4 * wave(i, 0, 0),
                old: -1.0,
                reference: -1.2 + 0.3 * wave(i, 1, 0),
                centre: 1.0 + 0.1 * wave(i, 2, 0),
                advantage: wave(i, 3, 0),
            })
            .collect();
        for aggregation in
            [Aggregation::SequenceMean, Aggregation::TokenMean, Aggregation::TokenSum { divisor: 3.0 }]
        {
            let surrogate = Surrogate { clip: Clip { low: 0.1, high: 0.3 }, beta: 0.2, aggregation };
            let lengths = [1, 0, 3, 2];
            let measured = surrogate.evaluate(&lengths, &tokens);
            for i in 0..6 {
                let at = |shift: f64| {
                    let mut tokens = tokens.clone();
                    tokens[i].new += shift;
                    surrogate.evaluate(&lengths, &tokens).value
                };
                let h = 1e-6;
                assert_relative_eq!(measured.slopes[i], (at(h) - at(-h)) / (2.0 * h), epsilon = 1e-8);
            }
        }
    }

    #[test]
    fn clip_acts_on_the_side_that_the_advantage_asks_for() {
        for (ratio, advantage, value, slope) in [
            (1.5, 1.0, 1.2, 0.0),
            (0.5, 1.0, 0.5, 0.5),
            (1.5, -1.0, -1.5, -1.5),
            (0.5, -1.0, -0.8, 0.0),
            (1.1, -2.0, -2.2, -2.2),
            (3.0, 0.0, 0.0, 0.0),
        ] {
            let term = Clip::PPO.term(ratio, 1.0, advantage);
            assert_relative_eq!(term.value, value, epsilon = 1e-15);
            assert_relative_eq!(term.slope, slope, epsilon = 1e-15);
        }
        assert_relative_eq!(Clip::PPO.term(1.5, 1.4, 1.0).value, 1.5);
        assert_relative_eq!(Clip::NONE.term(9.0, 1.0, 1.0).slope, 9.0);
    }

    #[test]
    fn expectation_of_k3_is_the_divergence() {
        let policy = Policy::new(Rows::from_fn(1, 4, |n, v| wave(n, v, 0)));
        let reference = Policy::new(Rows::from_fn(1, 4, |n, v| wave(n, v, 1)));
        let expected: f64 =
            (0..4).map(|v| policy.row(0)[v] * k3(ln(reference.row(0)[v]) - ln(policy.row(0)[v])).value).sum();
        assert_relative_eq!(expected, policy.row_divergence(0, &reference), epsilon = 1e-14);
    }
}
