//! What a trajectory with tool calls says about the policy: its own tokens, and no others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;

/// Who produced a part of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// The policy drew the tokens.
    Policy,
    /// A tool appended them.
    Tool,
}

/// A part of a trajectory whose tokens have one author. An observation follows the call that asks for it,
/// whose last token is the last one before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Who produced it.
    pub author: Author,
    /// Log-probabilities that the policy's network gives to its tokens, at most 0; also for those of a tool,
    /// where they mean nothing.
    pub log_probabilities: Vec<f64>,
}

/// What policy optimisation takes from a trajectory of parts.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Summary {
    /// For each token, whether it belongs to the likelihood and gets a gradient.
    pub mask: Vec<bool>,
    /// ln of the trajectory's likelihood: an observation has factor 1.
    pub log_likelihood: f64,
    /// The log-likelihood divided by the number of tokens that the policy drew.
    pub mean_log_probability: f64,
    /// Length L in tokens, observations included.
    pub length: usize,
    /// Position of the last token before the first observation, from 0; absent without an observation.
    pub first_call: Option<usize>,
}

impl Summary {
    /// The summary of a trajectory whose policy drew at least one token.
    #[must_use]
    pub fn of(parts: &[Part], fault: Option<Fault>) -> Self {
        let counted = |author| author == Author::Policy || fault == Some(Fault::ScoreObservationTokens);
        let mut summary = Self {
            mask: Vec::new(),
            log_likelihood: 0.0,
            mean_log_probability: 0.0,
            length: 0,
            first_call: None,
        };
        for part in parts {
            if part.author == Author::Tool && summary.first_call.is_none() {
                summary.first_call = summary.length.checked_sub(1);
            }
            for log_probability in &part.log_probabilities {
                summary.mask.push(counted(part.author));
                if counted(part.author) {
                    summary.log_likelihood += log_probability;
                }
                summary.length += 1;
            }
        }
        let drawn = match fault {
            Some(Fault::ObservationsInLength) => summary.length,
            _ => summary.mask.iter().filter(|counted| **counted).count(),
        };
        summary.mean_log_probability = summary.log_likelihood / drawn as f64;
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn parts() -> Vec<Part> {
        [(Author::Policy, vec![-1.0, -0.5]), (Author::Tool, vec![-9.0; 3]), (Author::Policy, vec![-0.25])]
            .map(|(author, log_probabilities)| Part { author, log_probabilities })
            .to_vec()
    }

    #[test]
    fn observations_have_factor_one() {
        let summary = Summary::of(&parts(), None);
        assert_eq!(summary.mask, [true, true, false, false, false, true]);
        assert_relative_eq!(summary.log_likelihood, -1.75);
        assert_relative_eq!(summary.mean_log_probability, -1.75 / 3.0, epsilon = 1e-15);
        assert_eq!((summary.length, summary.first_call), (6, Some(1)));
        assert_relative_eq!(
            Summary::of(&parts(), Some(Fault::ScoreObservationTokens)).log_likelihood,
            -28.75
        );
        assert_relative_eq!(
            Summary::of(&parts(), Some(Fault::ObservationsInLength)).mean_log_probability,
            -1.75 / 6.0,
            epsilon = 1e-15
        );
    }

    #[test]
    fn text_alone_has_no_call() {
        let summary = Summary::of(&parts()[..1], None);
        assert_eq!(summary.first_call, None);
        assert_eq!(summary.mask, [true, true]);
    }
}
