//! Functions of the reference, JSON in and JSON out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    binary::gradient_scale,
    convergence::wasserstein_to_normal,
    entropy::Band,
    length::Kind,
    transport::{Advantages, Scheme, mean_square, quantiles, scaled_to_unit_variance},
};
use crate::{
    kernel::tokens::{Estimator, GradientScale},
    papers::leaf::{Failure, Function},
};

/// Largest group that is computed.
const LARGEST: usize = 100_000;

/// All functions of the leaf.
pub fn all() -> Vec<Function> {
    vec![
        Function::with_faults(
            "advantages",
            "Advantages of a group from its rewards.",
            &Responses {
                rewards: vec![0.2, 0.9, 0.2, 0.5, 0.9, 0.9],
                scheme: Scheme::Gaussian,
                rescale: false,
            },
            &[
                Fault::LinearZscore,
                Fault::MeanCentred,
                Fault::UniformQuantiles,
                Fault::UpperPlottingPosition,
                Fault::UnsortedAssignment,
                Fault::BreakTiesByIndex,
            ],
            advantages,
        ),
        Function::with_faults(
            "entropy-pull",
            "Penalty of an entropy outside its band, and its pull on the gradient of the entropy.",
            &Shaping { entropy: 0.4, low: 1.0, high: 2.0, lambda: 1.0 },
            &[Fault::UpperBoundOnly, Fault::FlippedEntropySign],
            entropy_pull,
        ),
        Function::new(
            "gradient-scale",
            "Factor of the true gradient in the expected gradient for 0/1 rewards, for G²RPO and for GRPO.",
            &Prompt { group: 8, p: 0.1 },
            scales,
        ),
        Function::with_faults(
            "length-term",
            "Length term of a response, by the kind of its task.",
            &Response { kind: Kind::Reasoning, thinking: 3, truncated: false, eta: 0.2, l_star: 4.0 },
            &[Fault::FlippedLengthSign],
            length_term,
        ),
        Function::with_faults(
            "quantiles",
            "The quantiles that a group of N responses is given, with their distance to N(0, 1).",
            &Group { group: 8 },
            &[Fault::UniformQuantiles, Fault::UpperPlottingPosition],
            group_quantiles,
        ),
    ]
}

/// Rewards of a group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Responses {
    /// One a response.
    rewards: Vec<f64>,
    /// How they become advantages.
    #[serde(default)]
    scheme: Scheme,
    /// Whether the advantages are divided by their root mean square.
    #[serde(default)]
    rescale: bool,
}

/// Advantages of a group.
#[derive(Serialize, JsonSchema)]
struct GroupAdvantages {
    /// In the order of the rewards.
    advantages: Vec<f64>,
    /// Mean of their squares.
    mean_square: f64,
}

fn advantages(group: &Responses, fault: Option<Fault>) -> Result<GroupAdvantages, Failure> {
    size(group.rewards.len())?;
    let scheme = Advantages::new(group.scheme, group.rewards.len(), fault);
    let mut advantages = scheme.of(&group.rewards);
    if group.rescale {
        advantages = scaled_to_unit_variance(advantages);
    }
    if advantages.iter().any(|a| !a.is_finite()) {
        return Err(Failure::numerical("the squares of these rewards overflow"));
    }
    Ok(GroupAdvantages { mean_square: mean_square(&advantages), advantages })
}

/// An entropy, and where it should be.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Shaping {
    /// Entropy of the policy, nats.
    #[schemars(range(min = 0.0))]
    entropy: f64,
    /// Lower end of the band.
    #[schemars(range(min = 0.0))]
    low: f64,
    /// Upper end of the band.
    #[schemars(range(min = 0.0))]
    high: f64,
    /// Weight of the penalty.
    #[schemars(range(min = 0.0))]
    lambda: f64,
}

/// What the band does.
#[derive(Serialize, JsonSchema)]
struct Pull {
    /// What is subtracted from the objective.
    penalty: f64,
    /// Weight of the gradient of the entropy in the gradient of the objective.
    pull: f64,
}

fn entropy_pull(input: &Shaping, fault: Option<Fault>) -> Result<Pull, Failure> {
    let Shaping { entropy, low, high, lambda } = *input;
    if !(0.0 <= low && low <= high && lambda >= 0.0 && entropy >= 0.0) {
        return Err(Failure::invalid("entropy and lambda must not be negative, and low at most high"));
    }
    let band = Band { low, high, lambda };
    Ok(Pull { penalty: band.penalty(entropy, fault), pull: band.pull(entropy, fault) })
}

/// A prompt with 0/1 rewards.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Prompt {
    /// Size N of the group.
    #[serde(rename = "N")]
    #[schemars(range(min = 1, max = 1_000))]
    group: usize,
    /// Success rate.
    #[schemars(range(min = 0.0, max = 1.0))]
    p: f64,
}

/// Factors of the true gradient.
#[derive(Serialize, JsonSchema)]
struct Scales {
    /// κ_N(p), of G²RPO.
    gaussian: f64,
    /// c_N(p), of GRPO.
    grpo: f64,
}

fn scales(prompt: &Prompt) -> Result<Scales, Failure> {
    let Prompt { group, p } = *prompt;
    if !(1..=1_000).contains(&group) || !(0.0..=1.0).contains(&p) {
        return Err(Failure::invalid("N must lie between 1 and 1000, and p between 0 and 1"));
    }
    Ok(Scales {
        gaussian: gradient_scale(group, None).at(p),
        grpo: GradientScale::of(Estimator::GRPO, group).at(p),
    })
}

/// A response.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Response {
    /// Kind of the task.
    kind: Kind,
    /// Thinking tokens ℓ.
    thinking: usize,
    /// Whether the response was cut off.
    truncated: bool,
    /// Weight η of the term.
    #[schemars(range(min = 0.0))]
    eta: f64,
    /// Thinking tokens ℓ* from which on the term is full.
    #[schemars(range(min = 1e-6))]
    l_star: f64,
}

/// A length term.
#[derive(Serialize, JsonSchema)]
struct LengthTerm {
    /// To be added to the reward.
    term: f64,
}

fn length_term(response: &Response, fault: Option<Fault>) -> Result<LengthTerm, Failure> {
    let Response { kind, thinking, truncated, eta, l_star } = *response;
    if !(l_star > 0.0 && eta >= 0.0) {
        return Err(Failure::invalid("l_star must be positive and eta not negative"));
    }
    Ok(LengthTerm { term: kind.length_term(thinking, truncated, eta, l_star, fault) })
}

/// A group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Size N of the group.
    #[serde(rename = "N")]
    #[schemars(range(min = 1, max = 100_000))]
    group: usize,
}

/// Quantiles of a group.
#[derive(Serialize, JsonSchema)]
struct GroupQuantiles {
    /// Ascending.
    quantiles: Vec<f64>,
    /// Mean of their squares.
    variance: f64,
    /// W₂ to N(0, 1).
    distance: f64,
}

fn group_quantiles(input: &Group, fault: Option<Fault>) -> Result<GroupQuantiles, Failure> {
    size(input.group)?;
    let quantiles = quantiles(input.group, fault);
    Ok(GroupQuantiles {
        variance: mean_square(&quantiles),
        distance: wasserstein_to_normal(&quantiles),
        quantiles,
    })
}

fn size(n: usize) -> Result<(), Failure> {
    if (1..=LARGEST).contains(&n) {
        Ok(())
    } else {
        Err(Failure::invalid(format!("a group has between 1 and {LARGEST} responses, not {n}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(name: &str, input: Value) -> Result<Value, Failure> {
        all().iter().find(|f| f.name == name).unwrap().call(input, None)
    }

    #[test]
    fn examples_are_answered() {
        for function in all() {
            assert!(function.call(function.example.clone(), None).is_ok(), "{}", function.name);
        }
    }

    #[test]
    fn rescaled_advantages_have_variance_one() {
        let answer = call("advantages", json!({"rewards": [1.0, 2.0, 4.0], "rescale": true})).unwrap();
        assert!((answer["mean_square"].as_f64().unwrap() - 1.0).abs() < 1e-15);
        let equal = call("advantages", json!({"rewards": [2.0, 2.0], "rescale": true})).unwrap();
        assert_eq!(equal["advantages"], json!([0.0, 0.0]));
    }

    #[test]
    fn unusable_input_is_refused() {
        let refused = |name, input| matches!(call(name, input), Err(Failure::Invalid(_)));
        assert!(refused("advantages", json!({"rewards": []})));
        assert!(refused("advantages", json!({"rewards": [null]})));
        assert!(refused("advantages", json!({"rewards": [1.0], "scale": true})));
        assert!(refused("quantiles", json!({"N": 0})));
        assert!(refused("gradient-scale", json!({"N": 8, "p": 1.5})));
        assert!(refused("entropy-pull", json!({"entropy": 1.0, "low": 2.0, "high": 1.0, "lambda": 1.0})));
        let response =
            json!({"kind": "reasoning", "thinking": 1, "truncated": false, "eta": 0.1, "l_star": 0.0});
        assert!(refused("length-term", response));
        let overflow = call("advantages", json!({"rewards": [1e300, -1e300], "scheme": "grpo"}));
        assert!(!matches!(overflow, Ok(answer) if answer["advantages"][0].is_null()));
    }
}
