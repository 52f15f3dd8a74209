//! A hidden value that text can only guess and a tool reveals.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{powi, softmax},
        stream::Streams,
        tokens::{Rows, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Most answers V^m that are enumerated.
pub const MOST_ANSWERS: usize = 1 << 16;

/// A text policy of m independent tokens, a hidden value h ∈ {0 … V − 1}^m and a tool that reveals it.
#[derive(Clone, Debug, PartialEq)]
pub struct Oracle {
    /// Logits of the text policy (m × V); they know nothing of h.
    logits: Rows,
    /// h (m).
    hidden: Vec<usize>,
    /// p_c, the probability of calling the tool.
    call: f64,
    /// c, the probability of copying a revealed token correctly.
    copy: f64,
}

impl Oracle {
    /// With logits of the text policy (m × V), hidden value (m), call probability p_c ∈ \[0, 1\] and copy
    /// probability c ∈ \[0, 1\].
    ///
    /// # Errors
    /// [`Failure::Invalid`] if V < 2 or m < 1, a logit is not finite, a hidden token is no token, a
    /// probability is none, or there are more than [`MOST_ANSWERS`] answers.
    pub fn new(logits: Rows, hidden: Vec<usize>, call: f64, copy: f64) -> Result<Self, Failure> {
        let (length, vocabulary) = (logits.count(), logits.width());
        if vocabulary < 2 || length < 1 || hidden.len() != length {
            return Err(Failure::invalid(format!(
                "expected logits for at least two tokens and as many rows as the hidden value is long; found \
                 {length} rows of {vocabulary} logits and {} hidden tokens",
                hidden.len()
            )));
        }
        let answers = (0..length).try_fold(1_usize, |n, _| n.checked_mul(vocabulary));
        if answers.is_none_or(|n| n > MOST_ANSWERS) {
            return Err(Failure::invalid(format!(
                "{vocabulary}^{length} answers are too many to enumerate (at most {MOST_ANSWERS})"
            )));
        }
        if logits.values().iter().any(|z| !z.is_finite()) {
            return Err(Failure::invalid("a logit is not finite"));
        }
        if let Some(token) = hidden.iter().find(|token| **token >= vocabulary) {
            return Err(Failure::invalid(format!(
                "hidden token {token} is outside of the vocabulary 0 … {}",
                vocabulary - 1
            )));
        }
        for (name, p) in [("call", call), ("copy", copy)] {
            if !(0.0..=1.0).contains(&p) {
                return Err(Failure::invalid(format!("`{name}` is {p}, expected a probability")));
            }
        }
        Ok(Self { logits, hidden, call, copy })
    }

    /// The usual example: four tokens, three of them hidden (1, 2, 3), logits scale · wave(t, v).
    ///
    /// # Errors
    /// See [`Self::new`].
    pub fn example(scale: f64, call: f64, copy: f64) -> Result<Self, Failure> {
        Self::new(Rows::from_fn(3, 4, |t, v| scale * wave(t, v, 0)), vec![1, 2, 3], call, copy)
    }

    /// Size V of the vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.logits.width()
    }

    /// Length m of an answer.
    #[must_use]
    pub fn length(&self) -> usize {
        self.hidden.len()
    }

    /// p_c.
    #[must_use]
    pub fn call(&self) -> f64 {
        self.call
    }

    /// The same with another hidden value, whose tokens are in the vocabulary.
    #[must_use]
    pub fn hiding(&self, hidden: Vec<usize>) -> Self {
        Self { hidden, ..self.clone() }
    }

    /// The same with another call probability p_c ∈ \[0, 1\].
    #[must_use]
    pub fn calling(&self, call: f64) -> Self {
        Self { call, ..self.clone() }
    }

    /// Number of the hidden value among the answers: its tokens read as digits.
    #[must_use]
    pub fn hidden_answer(&self) -> usize {
        self.hidden.iter().fold(0, |number, token| number * self.vocabulary() + token)
    }

    /// The text policy's probabilities of token t (V).
    #[must_use]
    pub fn text_token(&self, t: usize, fault: Option<Fault>) -> Vec<f64> {
        let mut logits = self.logits[t].to_vec();
        if fault == Some(Fault::PeekAtOracle) {
            logits[self.hidden[t]] += 1.0;
        }
        softmax(&logits)
    }

    /// q(a) of every answer, by its number (V^m).
    #[must_use]
    pub fn text(&self, fault: Option<Fault>) -> Vec<f64> {
        product((0..self.length()).map(|t| self.text_token(t, fault)))
    }

    /// Probability of every answer after a call (V^m).
    #[must_use]
    pub fn after_call(&self, fault: Option<Fault>) -> Vec<f64> {
        let vocabulary = self.vocabulary();
        let copy = if fault == Some(Fault::NoisyTool) { 1.0 / vocabulary as f64 } else { self.copy };
        let slip = (1.0 - copy) / (vocabulary - 1) as f64;
        let copied =
            |h: &usize| -> Vec<f64> { (0..vocabulary).map(|v| if v == *h { copy } else { slip }).collect() };
        product(self.hidden.iter().map(copied))
    }

    /// Factor of the observation in the likelihood of a trajectory that calls: nobody drew it.
    #[must_use]
    pub fn observation_factor(&self, fault: Option<Fault>) -> f64 {
        match fault {
            Some(Fault::ScoreObservationTokens) => powi(1.0 / self.vocabulary() as f64, self.length() as u32),
            _ => 1.0,
        }
    }

    /// p(a) of every answer of the policy with the tool (V^m).
    #[must_use]
    pub fn with_tool(&self, fault: Option<Fault>) -> Vec<f64> {
        let observed = self.observation_factor(fault);
        self.text(fault)
            .iter()
            .zip(self.after_call(fault))
            .map(|(text, called)| (1.0 - self.call) * text + self.call * observed * called)
            .collect()
    }

    /// The threshold at which the support with the tool contains the text policy's at ε.
    #[must_use]
    pub fn scaled_threshold(&self, epsilon: f64, fault: Option<Fault>) -> f64 {
        if fault == Some(Fault::SameEpsilon) { epsilon } else { (1.0 - self.call) * epsilon }
    }

    /// Number of answers in the text policy's support at ε that the policy with the tool misses at the
    /// scaled threshold.
    #[must_use]
    pub fn lost(&self, epsilon: f64, fault: Option<Fault>) -> usize {
        let threshold = self.scaled_threshold(epsilon, fault);
        let kept = self.text(fault).into_iter().zip(self.with_tool(fault));
        kept.filter(|(text, with_tool)| *text >= epsilon && *with_tool < threshold).count()
    }
}

/// Distribution of a list of independent tokens, the first one being the most significant digit.
fn product(tokens: impl IntoIterator<Item = Vec<f64>>) -> Vec<f64> {
    tokens.into_iter().fold(vec![1.0], |answers, token| {
        answers.iter().flat_map(|p| token.iter().map(move |q| p * q)).collect()
    })
}

/// Settings of the comparison of supports.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Threshold ε of the text policy's support.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Scale of the text policy's logits.
    pub scale: f64,
    /// Call probability p_c.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub call: f64,
    /// Copy probability c.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub copy: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { epsilon: 0.01, scale: 1.0, call: 0.5, copy: 0.95 }
    }
}

/// Supports of the text policy and of the policy with the tool on the usual example.
pub struct Supports {
    oracle: Oracle,
    epsilon: f64,
}

impl Measure for Supports {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "supports";
    const SUMMARY: &'static str = "Which of 64 answers a text policy and a policy with a tool can give.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "lost",
            "Answers in the text policy's support at ε that the policy with the tool misses.",
        )
        .unit("answer")
        .range(0.0, 64.0)
        .lower_is_better(),
        Metric::new("text-hidden", "Probability q(h) of the hidden value without the tool.").range(0.0, 1.0),
        Metric::new("tool-hidden", "Probability p(h) of the hidden value with the tool.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SameEpsilon, Fault::NoisyTool];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { epsilon, scale, call, copy } = settings;
        Ok(Self { oracle: Oracle::example(scale, call, copy)?, epsilon })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let hidden = self.oracle.hidden_answer();
        Ok(Measurement::new()
            .metric("lost", self.oracle.lost(self.epsilon, fault) as f64)
            .metric("text-hidden", self.oracle.text(fault)[hidden])
            .metric("tool-hidden", self.oracle.with_tool(fault)[hidden]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn example() -> Oracle {
        Oracle::example(1.0, 0.5, 0.95).unwrap()
    }

    #[test]
    fn known_probabilities() {
        let (oracle, hidden) = (example(), 27);
        assert_eq!(oracle.hidden_answer(), hidden);
        let (text, with_tool) = (oracle.text(None), oracle.with_tool(None));
        assert_relative_eq!(text[hidden], 0.02109, epsilon = 5e-6);
        assert_relative_eq!(with_tool[hidden], 0.43923, epsilon = 5e-6);
        assert_relative_eq!(text.iter().copied().fold(0.0, f64::max), 0.05524, epsilon = 5e-6);
        assert_relative_eq!(with_tool.iter().sum::<f64>(), 1.0, epsilon = 1e-15);
        let scored: f64 = oracle.with_tool(Some(Fault::ScoreObservationTokens)).iter().sum();
        assert_relative_eq!(scored, 0.5 + 0.5 / 64.0, epsilon = 1e-15);
    }

    #[test]
    fn at_the_same_threshold_answers_are_lost() {
        for (epsilon, lost) in [(0.001, 2), (0.01, 8), (0.02, 14), (0.05, 2)] {
            assert_eq!(example().lost(epsilon, None), 0);
            assert_eq!(example().lost(epsilon, Some(Fault::SameEpsilon)), lost, "{epsilon}");
        }
    }

    #[test]
    fn what_is_no_oracle_is_refused() {
        let rows = |m, v| Rows::zeros(m, v);
        for (logits, hidden, call, copy, word) in [
            (rows(1, 1), vec![0], 0.5, 0.5, "two tokens"),
            (rows(2, 3), vec![0], 0.5, 0.5, "hidden tokens"),
            (rows(2, 3), vec![0, 3], 0.5, 0.5, "outside of the vocabulary"),
            (rows(2, 3), vec![0, 0], 1.5, 0.5, "`call`"),
            (rows(2, 3), vec![0, 0], 0.5, f64::NAN, "`copy`"),
            (rows(40, 3), vec![0; 40], 0.5, 0.5, "too many"),
            (Rows::from_fn(1, 2, |_, _| f64::NAN), vec![0], 0.5, 0.5, "not finite"),
        ] {
            let message = Oracle::new(logits, hidden, call, copy).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
