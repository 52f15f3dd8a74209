//! The pure functions of the reference, for `eval`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    gate::{Gate, Recipe, Weights},
    unified::{Algorithm, Setting, row},
};
use crate::{
    kernel::tokens::{Clip, Policy, Rows, Step},
    papers::leaf::{Failure, Function},
};

/// All of them.
pub fn all() -> Vec<Function> {
    vec![
        Function::with_faults(
            "unified-gradient",
            "1_stable (1/π_ref) Â ∇π_θ of one trajectory for any row of the table, with respect to the logits.",
            &Trajectory::example(),
            &[Fault::MaskBothSides, Fault::LuffyWithoutShaping, Fault::RefThetaForOld],
            unified_gradient,
        ),
        Function::with_faults(
            "gate-weights",
            "The weights α of the reward loss and β of the demonstration loss for a group of rewards.",
            &Rewards { rewards: vec![0.0, 0.0, 1.0, 0.0], threshold: 0 },
            &[Fault::GateInverted, Fault::GateTooHigh],
            gate,
        ),
        Function::with_faults(
            "expected-weights",
            "E β(K), and the factor of ∇p in E[α(K) ĝ], for K ~ Bin(G, p) right responses.",
            &Expected { p: 0.1, group: 8, threshold: 0 },
            &[Fault::GateInverted, Fault::GateTooHigh],
            expected_weights,
        ),
    ]
}

/// A trajectory as logits and tokens: step t draws token `tokens[t]` from the logits in row t.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Trajectory {
    /// Row of the table.
    algorithm: Algorithm,
    /// Logits of π_θ, one row a step.
    logits: Vec<Vec<f64>>,
    /// Logits of π_old, of the same shape.
    old_logits: Vec<Vec<f64>>,
    /// The token of each step.
    tokens: Vec<usize>,
    /// A.
    advantage: f64,
    /// ε_low.
    #[schemars(range(min = 0.0))]
    clip_low: f64,
    /// ε_high.
    #[schemars(range(min = 0.0))]
    clip_high: f64,
}

impl Trajectory {
    fn example() -> Self {
        Self {
            algorithm: Algorithm::Ppo,
            logits: vec![vec![0.5, 0.0, -0.5], vec![0.0, 1.0, 0.0], vec![0.2, -0.2, 0.0]],
            old_logits: vec![vec![0.0, 0.0, 0.0], vec![0.0, 0.0, 0.5], vec![0.2, -0.1, 0.0]],
            tokens: vec![0, 2, 2],
            advantage: 1.0,
            clip_low: 0.2,
            clip_high: 0.2,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Gradient {
    /// One row a step: derivatives with respect to the logits of that step.
    gradient: Vec<Vec<f64>>,
}

fn unified_gradient(input: &Trajectory, fault: Option<Fault>) -> Result<Gradient, Failure> {
    let (length, width) = (input.tokens.len(), input.logits.first().map_or(0, Vec::len));
    let table = |name: &str, logits: &[Vec<f64>]| {
        let fits = |row: &Vec<f64>| row.len() == width && row.iter().all(|x| x.is_finite());
        if length == 0 || logits.len() != length || !logits.iter().all(fits) {
            return Err(Failure::invalid(format!(
                "`{name}` must have a row of equally many finite logits for each of the tokens"
            )));
        }
        Ok(Policy::new(Rows::from_fn(length, width, |n, v| logits[n][v])))
    };
    let (policy, old) = (table("logits", &input.logits)?, table("old_logits", &input.old_logits)?);
    if input.tokens.iter().any(|token| *token >= width) {
        return Err(Failure::invalid(format!("`tokens` must be below {width}")));
    }
    let bounds = [input.clip_low, input.clip_high];
    if !input.advantage.is_finite() || bounds.iter().any(|x| x.is_nan() || *x < 0.0) {
        return Err(Failure::invalid("`advantage` must be finite, and the clip bounds at least 0"));
    }
    let steps: Vec<Step> =
        input.tokens.iter().enumerate().map(|(row, token)| Step { row, token: *token }).collect();
    let clip = Clip { low: input.clip_low, high: input.clip_high };
    let setting = Setting { steps: &steps, old: &old, advantage: input.advantage, clip };
    let gradient: Vec<Vec<f64>> =
        row(input.algorithm, &policy, &setting, fault).iter().map(<[f64]>::to_vec).collect();
    if gradient.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Failure::invalid("the ratio of the likelihoods overflows"));
    }
    Ok(Gradient { gradient })
}

/// The rewards of a group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rewards {
    /// One a response; right if positive.
    rewards: Vec<f64>,
    /// γ: demonstrate if at most this many are right.
    threshold: usize,
}

fn gate(input: &Rewards, fault: Option<Fault>) -> Result<Weights, Failure> {
    if input.rewards.is_empty() || input.rewards.iter().any(|r| !r.is_finite()) {
        return Err(Failure::invalid("`rewards` must be finite, and at least one"));
    }
    let right = input.rewards.iter().filter(|r| **r > 0.0).count();
    Ok(hybrid(input.rewards.len(), input.threshold).weights(0, right, fault))
}

fn hybrid(group: usize, threshold: usize) -> Gate {
    Gate { recipe: Recipe::Hpt, group, threshold, switch: 0 }
}

/// A success rate and a group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// p.
    #[schemars(range(min = 0.0, max = 1.0))]
    p: f64,
    /// G.
    #[schemars(range(min = 1, max = 512))]
    group: usize,
    /// γ.
    threshold: usize,
}

#[derive(Serialize, JsonSchema)]
struct ExpectedWeights {
    /// E β(K).
    demonstration: f64,
    /// κ in E[α(K) ĝ] = κ ∇p.
    reward_scale: f64,
}

fn expected_weights(input: &Expected, fault: Option<Fault>) -> Result<ExpectedWeights, Failure> {
    let Expected { p, group, threshold } = *input;
    if !(0.0..=1.0).contains(&p) || !(1..=512).contains(&group) {
        return Err(Failure::invalid("`p` must be in [0, 1], and `group` from 1 to 512"));
    }
    let gate = hybrid(group, threshold);
    Ok(ExpectedWeights {
        demonstration: gate.demonstration_weight(0, p, fault),
        reward_scale: gate.reward_scale(0, p, fault),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn call(name: &str, change: &dyn Fn(&mut Value)) -> Result<Value, Failure> {
        let function = all().into_iter().find(|f| f.name == name).unwrap();
        function.call_changed(change)
    }

    #[test]
    fn the_example_is_clipped_in_one_token() {
        // Ratios of the three tokens: 1.52 (clipped, since A > 0), 0.42 and 0.98.
        let output = call("unified-gradient", &|_| ()).unwrap();
        assert_eq!(output["gradient"][0], json!([0.0, 0.0, 0.0]));
        for row in [1, 2] {
            assert!(output["gradient"][row][2].as_f64().unwrap() > 0.0);
        }
    }

    #[test]
    fn the_gate_opens_with_the_first_right_response() {
        assert_eq!(call("gate-weights", &|_| ()).unwrap(), json!({"reward": 1.0, "demonstration": 0.0}));
        let all_wrong = call("gate-weights", &|v| v["rewards"] = json!([0.0, 0.0])).unwrap();
        assert_eq!(all_wrong, json!({"reward": 0.0, "demonstration": 1.0}));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        type Change = fn(&mut Value);
        let cases: [(&str, Change); 6] = [
            ("unified-gradient", |v| v["tokens"] = json!([])),
            ("unified-gradient", |v| v["tokens"] = json!([0, 1, 3])),
            ("unified-gradient", |v| v["old_logits"] = json!([[0.0, 0.0, 0.0]])),
            ("unified-gradient", |v| {
                v["old_logits"][1][2] = json!(-1e5);
                v["advantage"] = json!(-1.0);
            }),
            ("gate-weights", |v| v["rewards"] = json!([])),
            ("expected-weights", |v| v["p"] = json!(1.5)),
        ];
        for (name, change) in cases {
            assert!(matches!(call(name, &change), Err(Failure::Invalid(_))), "{name}");
        }
    }
}
