//! dr-po.5: the tokens of a prefix are masked.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logits;
use crate::{
    kernel::{
        math::softmax,
        tokens::{Policy, Rows},
    },
    papers::{
        dr_po::{Fault, prefix::Positions},
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// Step of finite differences: rounding (ε/h) and truncation (h²) are both about 1e-10.
const STEP: f64 = 1e-5;

/// Answers with a law of stored ones, and a policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// V.
    vocabulary: usize,
    /// L.
    length: usize,
    /// r(y) for each of the V^L answers.
    rewards: Vec<f64>,
    /// Logits of ρ.
    stored: Vec<f64>,
    /// Logits of π_θ, V for each position.
    policy: Vec<f64>,
    /// β.
    reset: f64,
}

/// The expected estimate is the gradient of what the roll-outs earn.
pub struct MaskedGradient;

impl Observe for MaskedGradient {
    type Instance = Answers;
    type Fault = Fault;
    const NAME: &'static str = "masked-gradient";
    const SUMMARY: &'static str =
        "The expected estimate with masked prefixes is the gradient of J_β, by finite differences.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest absolute difference of an entry.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::NoRollinMask];

    fn instances() -> BoxedStrategy<Answers> {
        (1_usize..=3, 1_usize..=4)
            .prop_flat_map(|(vocabulary, length)| {
                let count = vocabulary.pow(length as u32);
                let rewards = vec(prop_oneof![Just(0.0), Just(1.0), Just(-0.5)], count);
                let reset = prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
                (rewards, logits(count), logits(vocabulary * length), reset).prop_map(
                    move |(rewards, stored, policy, reset)| Answers {
                        vocabulary,
                        length,
                        rewards,
                        stored,
                        policy,
                        reset,
                    },
                )
            })
            .boxed()
    }

    fn observe(answers: &Answers, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (v, l) = (answers.vocabulary, answers.length);
        if !(1..=3).contains(&v) || !(1..=4).contains(&l) || !(0.0..=1.0).contains(&answers.reset) {
            return Err(Failure::invalid(
                "`vocabulary` must be from 1 to 3, `length` from 1 to 4, and `reset` in [0, 1]",
            ));
        }
        let count = v.pow(l as u32);
        if answers.rewards.len() != count || answers.stored.len() != count || answers.policy.len() != v * l {
            let logits = v * l;
            return Err(Failure::invalid(format!(
                "expected {count} rewards, as many logits of stored answers, and {logits} of the policy"
            )));
        }
        let positions = Positions {
            vocabulary: v,
            length: l,
            rewards: answers.rewards.clone(),
            stored: softmax(&answers.stored),
        };
        let policy = Policy::new(Rows::from_fn(l, v, |n, a| answers.policy[n * v + a]));
        let measured = positions.gradient(&policy, answers.reset, fault);
        let known = policy.central_differences(STEP, |p| positions.objective(p, answers.reset));
        Ok(Measurement::new().metric("error", measured.largest_difference(&known)))
    }
}
