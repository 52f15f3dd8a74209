//! Which answers a policy can give, with and without a tool.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::{
        math::{mean, powi, sigmoid, sum, variance},
        stream::Streams,
        tokens::{Batch, Estimator, Policy, PrefixTree, Rows, Surrogate, Token},
    },
    papers::{
        leaf::{Failure, Measurement, Metric, Observe},
        tool_integrated_reasoning::{
            Fault,
            oracle::Oracle,
            pass::pass_at_k,
            support::{FORBIDDEN, mass_outside},
        },
    },
};

const NODES: usize = 13;
const VOCABULARY: usize = 3;

/// A policy with gaps, and how it is trained.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Restricted {
    /// Logits of a policy on the tree of three tokens and three steps, row after row.
    logits: Vec<f64>,
    /// Which tokens are forbidden, in the same order; the first token of a row never is.
    forbidden: Vec<bool>,
    /// Learning rate.
    rate: f64,
    /// Updates made with each batch.
    updates: usize,
    /// Seed of the sampled responses.
    seed: u64,
}

/// Steps of GRPO that an instance is trained for, and responses a step.
const STEPS: usize = 4;
const GROUP: usize = 8;

/// Training never leaves the support it starts with.
pub struct SupportKept;

impl Observe for SupportKept {
    type Instance = Restricted;
    type Fault = Fault;
    const NAME: &'static str = "support-kept";
    const SUMMARY: &'static str =
        "Probability, after clipped GRPO on sampled responses, of what the first policy cannot say.";
    const METRICS: &'static [Metric] =
        &[Metric::new("outside", "Probability outside of the first support.").range(0.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::ExplorationFloor];

    fn instances() -> BoxedStrategy<Restricted> {
        let cells = NODES * VOCABULARY;
        let logit = prop_oneof![4 => -3.0..3.0_f64, 1 => Just(0.0)];
        (vec(logit, cells), vec(any::<bool>(), cells), 0.0..20.0_f64, 1_usize..4, any::<u64>())
            .prop_map(|(logits, forbidden, rate, updates, seed)| Restricted {
                logits,
                forbidden,
                rate,
                updates,
                seed,
            })
            .boxed()
    }

    fn observe(instance: &Restricted, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let cells = NODES * VOCABULARY;
        if instance.logits.len() != cells || instance.forbidden.len() != cells || instance.updates > 100 {
            return Err(Failure::invalid(format!(
                "expected {cells} logits, as many marks, and at most 100 updates"
            )));
        }
        let tree = PrefixTree::divisible_by_three(VOCABULARY, VOCABULARY);
        let start = Policy::new(Rows::from_fn(NODES, VOCABULARY, |n, v| {
            let cell = VOCABULARY * n + v;
            if v > 0 && instance.forbidden[cell] { FORBIDDEN } else { instance.logits[cell] }
        }));
        let mut policy = start.clone();
        let mut stream = Streams::from_seed(instance.seed).stream("responses");
        let mut batch = Batch::new();
        for _ in 0..STEPS {
            batch.clear();
            batch.sample(&tree, 0, GROUP, &policy, &mut stream);
            let old = policy.clone();
            for _ in 0..instance.updates {
                policy = clipped_update(&batch, policy, &old, instance.rate);
            }
        }
        Ok(Measurement::new().metric("outside", mass_outside(&tree, &start, &policy, fault)))
    }
}

/// One step of GRPO with PPO's clip on responses of an older policy.
fn clipped_update(batch: &Batch, mut policy: Policy, old: &Policy, rate: f64) -> Policy {
    let advantages = batch.advantages(Estimator::GRPO);
    let tokens: Vec<Token> = advantages
        .iter()
        .enumerate()
        .flat_map(|(i, advantage)| batch.steps(i).iter().map(move |step| (*step, *advantage)))
        .map(|(step, advantage)| {
            Token::new(policy.log_probability(step), old.log_probability(step), advantage)
        })
        .collect();
    let slopes = Surrogate::GRPO.evaluate(&batch.lengths(), &tokens).slopes;
    let mut gradient = Rows::zeros(NODES, VOCABULARY);
    batch.add_scores(&policy, &slopes, &mut gradient);
    policy.ascend(rate, &gradient);
    policy
}

/// A text policy, a hidden value and a tool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Riddle {
    /// Logits of the text policy, one row a token.
    logits: Vec<Vec<f64>>,
    /// The hidden value, taken modulo the size of the vocabulary.
    hidden: Vec<usize>,
    /// Logit of the call probability.
    call_logit: f64,
    /// Copy probability c.
    copy: f64,
    /// ε.
    epsilon: f64,
}

impl Riddle {
    fn oracle(&self) -> Result<Oracle, Failure> {
        let width = self.logits.first().map_or(0, Vec::len);
        if width < 2 || self.logits.iter().any(|row| row.len() != width) || !self.call_logit.is_finite() {
            return Err(Failure::invalid("expected rows of at least two logits, all of the same length"));
        }
        let logits = Rows::from_fn(self.logits.len(), width, |t, v| self.logits[t][v]);
        let hidden = self.hidden.iter().map(|token| token % width).collect();
        Oracle::new(logits, hidden, sigmoid(self.call_logit), self.copy)
    }
}

/// Logits of `length` rows of `vocabulary` tokens: ordinary ones, ties, and tokens that are all but
/// impossible.
fn logits(length: usize, vocabulary: usize) -> impl Strategy<Value = Vec<Vec<f64>>> {
    let logit = prop_oneof![6 => -3.0..3.0_f64, 2 => Just(0.0), 1 => Just(-40.0)];
    vec(vec(logit, vocabulary), length)
}

fn riddles() -> BoxedStrategy<Riddle> {
    (1_usize..5, 2_usize..5)
        .prop_flat_map(|(length, vocabulary)| {
            let copy = prop_oneof![3 => 0.0..=1.0_f64, 1 => Just(1.0), 1 => Just(0.95)];
            let epsilon = prop_oneof![2 => 0.0..0.2_f64, 1 => Just(0.01), 1 => 0.0..1.0_f64];
            (
                logits(length, vocabulary),
                vec(0..vocabulary, length),
                prop_oneof![4 => -4.0..4.0_f64, 1 => Just(0.0)],
                copy,
                epsilon,
            )
        })
        .prop_map(|(logits, hidden, call_logit, copy, epsilon)| Riddle {
            logits,
            hidden,
            call_logit,
            copy,
            epsilon,
        })
        .boxed()
}

/// The likelihood of a trajectory is that of the tokens that the policy drew.
pub struct Likelihood;

impl Observe for Likelihood {
    type Instance = Riddle;
    type Fault = Fault;
    const NAME: &'static str = "likelihood";
    const SUMMARY: &'static str =
        "Probabilities of answers sum to one, and the score of the drawn tokens gives their derivative.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|Σ p(a) − 1|.").range(0.0, f64::INFINITY),
        Metric::new(
            "slope-error",
            "Difference between the derivative of p(h) in the logit of the call by scores of drawn tokens, and by \
             central differences.",
        )
        .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ScoreObservationTokens];

    fn instances() -> BoxedStrategy<Riddle> {
        riddles()
    }

    fn observe(instance: &Riddle, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let oracle = instance.oracle()?;
        let total = sum(oracle.with_tool(fault));
        // Trajectories: decide on a call (a token that the policy draws), then answer. Only the decision
        // depends on the logit, with score 1[call] − p_c.
        let (call, answer) = (oracle.call(), oracle.hidden_answer());
        let by_text = (1.0 - call) * oracle.text(None)[answer];
        let by_call = call * oracle.observation_factor(fault) * oracle.after_call(None)[answer];
        let slope = by_text * -call + by_call * (1.0 - call);
        let at = |logit: f64| oracle.calling(sigmoid(logit)).with_tool(None)[answer];
        let step = 1e-4;
        let differences = (at(instance.call_logit + step) - at(instance.call_logit - step)) / (2.0 * step);
        Ok(Measurement::new()
            .metric("error", (total - 1.0).abs())
            .metric("slope-error", (slope - differences).abs()))
    }
}

/// The policy with the tool keeps every answer of the text policy, at a scaled threshold.
pub struct SupportGrows;

impl Observe for SupportGrows {
    type Instance = Riddle;
    type Fault = Fault;
    const NAME: &'static str = "support-grows";
    const SUMMARY: &'static str =
        "Answers of the text policy's support at ε that the tool's misses at (1 − p_c) ε.";
    const METRICS: &'static [Metric] =
        &[Metric::new("lost", "Answers lost.").unit("answer").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::SameEpsilon];

    fn instances() -> BoxedStrategy<Riddle> {
        riddles()
    }

    fn observe(instance: &Riddle, fault: Option<Fault>) -> Result<Measurement, Failure> {
        Ok(Measurement::new().metric("lost", instance.oracle()?.lost(instance.epsilon, fault) as f64))
    }
}

/// A threshold, and policies of a sort for any length.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// ε ∈ (0, 1).
    epsilon: f64,
    /// Where p_c lies between ε and 1.
    call: f64,
    /// A row of logits, the same for every token of the answer.
    logits: Vec<f64>,
}

/// For every threshold there is an answer that only the tool can give.
pub struct Strictness;

impl Observe for Strictness {
    type Instance = Threshold;
    type Fault = Fault;
    const NAME: &'static str = "strictness";
    const SUMMARY: &'static str = "With m > log_V(1/ε) hidden tokens, the answer that text finds least likely, without and with the tool.";
    const METRICS: &'static [Metric] = &[
        Metric::new("in-text-support", "Whether q(h) ≥ ε.").range(0.0, 1.0),
        Metric::new("missed-with-tool", "Whether p(h) < ε.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoisyTool];

    fn instances() -> BoxedStrategy<Threshold> {
        let epsilon = prop_oneof![
            2 => 0.001..0.999_f64,
            1 => prop::sample::select(vec![0.5, 0.25, 1.0 / 3.0, 0.001, 0.999]),
        ];
        let logit = || prop_oneof![3 => -2.0..2.0_f64, 1 => Just(0.0)];
        (epsilon, 0.0..=1.0_f64, vec(logit(), 2..5))
            .prop_map(|(epsilon, call, logits)| Threshold { epsilon, call, logits })
            .boxed()
    }

    fn observe(instance: &Threshold, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Threshold { epsilon, call, logits } = instance;
        let vocabulary = logits.len();
        if !(1e-3..1.0).contains(epsilon) || !(0.0..=1.0).contains(call) || vocabulary < 2 {
            return Err(Failure::invalid("expected 0.001 ≤ ε < 1, 0 ≤ call ≤ 1 and two logits or more"));
        }
        // m = ⌊log_V(1/ε)⌋ + 1 without the logarithm: the smallest m with V^m > 1/ε, at most 10.
        let length = (1..10).find(|m| powi(vocabulary as f64, *m) * epsilon > 1.0).unwrap_or(10) as usize;
        let least = (1..vocabulary).fold(0, |least, v| if logits[v] < logits[least] { v } else { least });
        let rows = Rows::from_fn(length, vocabulary, |_, v| logits[v]);
        let oracle = Oracle::new(rows, vec![least; length], epsilon + call * (1.0 - epsilon), 1.0)?;
        let answer = oracle.hidden_answer();
        Ok(Measurement::new()
            .metric("in-text-support", f64::from(u8::from(oracle.text(fault)[answer] >= *epsilon)))
            .metric("missed-with-tool", f64::from(u8::from(oracle.with_tool(fault)[answer] < *epsilon))))
    }
}

/// A text policy and a number of attempts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Guesses {
    /// Logits of the text policy, one row a token.
    logits: Vec<Vec<f64>>,
    /// k ≥ 1.
    attempts: u32,
}

/// Who knows nothing of the hidden value succeeds as often as chance, over all values.
pub struct Uninformed;

impl Observe for Uninformed {
    type Instance = Guesses;
    type Fault = Fault;
    const NAME: &'static str = "uninformed";
    const SUMMARY: &'static str =
        "Success and pass@k of the text policy over all hidden values, against those of the uniform one.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|mean q(h) · V^m − 1|.").range(0.0, f64::INFINITY),
        Metric::new("excess", "Mean pass@k less 1 − (1 − V^−m)^k; negative below.").range(-1.0, 1.0),
        Metric::new(
            "slack",
            "How far mean pass@k is below that of the uniform policy, less what the variance of q(h) asks for.",
        )
        .range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PeekAtOracle];

    fn instances() -> BoxedStrategy<Guesses> {
        (1_usize..4, 2_usize..5)
            .prop_flat_map(|(length, vocabulary)| (logits(length, vocabulary), 1_u32..65))
            .prop_map(|(logits, attempts)| Guesses { logits, attempts })
            .boxed()
    }

    fn observe(instance: &Guesses, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Guesses { logits, attempts } = instance;
        let riddle = Riddle {
            logits: logits.clone(),
            hidden: vec![0; logits.len()],
            call_logit: 0.0,
            copy: 1.0,
            epsilon: 0.0,
        };
        let oracle = riddle.oracle()?;
        if *attempts == 0 {
            return Err(Failure::invalid("expected at least one attempt"));
        }
        let answers = (0..oracle.length()).fold(1, |n, _| n * oracle.vocabulary());
        let found: Vec<f64> = (0..answers)
            .map(|answer| {
                let hidden = digits(answer, oracle.vocabulary(), oracle.length());
                oracle.hiding(hidden).text(fault)[answer]
            })
            .collect();
        let chance = 1.0 / answers as f64;
        let k = f64::from(*attempts);
        let passed = mean(&found.iter().map(|q| pass_at_k(*q, k)).collect::<Vec<_>>());
        let excess = passed - pass_at_k(chance, k);
        // −(1 − q)^k has second derivative −k (k − 1)(1 − q)^(k − 2), at its weakest where q is largest;
        // so the mean lies below by at least half of that times the variance.
        let most = found.iter().copied().fold(0.0, f64::max);
        let curvature = if *attempts < 2 { 0.0 } else { k * (k - 1.0) * powi(1.0 - most, attempts - 2) };
        Ok(Measurement::new()
            .metric("error", (mean(&found) * answers as f64 - 1.0).abs())
            .metric("excess", excess)
            .metric("slack", -excess - 0.5 * curvature * variance(&found, 0)))
    }
}

fn digits(mut number: usize, base: usize, length: usize) -> Vec<usize> {
    let mut digits = vec![0; length];
    for digit in digits.iter_mut().rev() {
        *digit = number % base;
        number /= base;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::wave;
    use approx::assert_relative_eq;

    #[test]
    fn sixteen_guesses_of_the_usual_example() {
        let logits = (0..3).map(|t| (0..4).map(|v| wave(t, v, 0)).collect()).collect();
        let measured = Uninformed::observe(&Guesses { logits, attempts: 16 }, None).unwrap();
        assert!(measured.get("error").unwrap() < 1e-14);
        let uniform = pass_at_k(1.0 / 64.0, 16.0);
        assert_relative_eq!(uniform, 0.2227, epsilon = 5e-5);
        assert_relative_eq!(uniform + measured.get("excess").unwrap(), 0.2043, epsilon = 5e-5);
    }
}
