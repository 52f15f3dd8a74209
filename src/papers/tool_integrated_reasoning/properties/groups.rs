//! Advantages of groups.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::math::sum,
    papers::{
        leaf::{Failure, Measurement, Metric, Observe},
        tool_integrated_reasoning::{
            Fault,
            shaping::{Response, Shaping, aspo, bonuses, correctness_advantages, shaped_rewards},
        },
    },
};

/// A group and a bonus.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The responses.
    responses: Vec<Response>,
    /// The bonus.
    shaping: Shaping,
}

fn shaping() -> impl Strategy<Value = Shaping> {
    let delta = prop_oneof![3 => -4.0..4.0_f64, 1 => Just(-2.0), 1 => Just(0.0), 1 => Just(-1e6)];
    let bound = prop_oneof![3 => 0.0..0.999_f64, 1 => Just(0.7), 1 => Just(0.0)];
    (delta, bound).prop_map(|(delta, bound)| Shaping { delta, bound })
}

/// Calls are early, late, missing or tied; lengths go down to the shortest that holds the call.
fn response(correct: BoxedStrategy<bool>) -> impl Strategy<Value = Response> {
    let call = prop_oneof![1 => Just(None), 1 => Just(Some(0)), 4 => (0_u32..20).prop_map(Some)];
    (correct, call, 0_u32..40).prop_map(|(correct, first_call, rest)| Response {
        correct,
        length: first_call.unwrap_or(0) + 1 + rest,
        first_call,
    })
}

/// Shaping keeps correctness first.
pub struct CorrectnessFirst;

impl Observe for CorrectnessFirst {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "correctness-first";
    const SUMMARY: &'static str = "Shaped advantages stay within a factor 1 ± k of the correctness advantage on S, and equal it elsewhere.";
    const METRICS: &'static [Metric] = &[
        Metric::new("turned", "Right answers with a positive correctness advantage and none left.")
            .unit("response")
            .range(0.0, f64::INFINITY),
        Metric::new(
            "excess",
            "Largest distance beyond the interval [(1 − k) A, (1 + k) A], or from A outside of S.",
        )
        .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::NoClip, Fault::ClipToConstant, Fault::NoCorrectnessGate, Fault::SampleDeviation];

    fn instances() -> BoxedStrategy<Group> {
        (vec(response(any::<bool>().boxed()), 1..12), shaping())
            .prop_map(|(responses, shaping)| Group { responses, shaping })
            .boxed()
    }

    fn observe(instance: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Group { responses, shaping } = instance;
        let base = correctness_advantages(responses, None);
        let shaped = aspo(responses, *shaping, fault);
        let chosen = bonuses(responses, shaping.delta, None);
        let (mut turned, mut excess) = (0_u32, 0.0_f64);
        for (i, response) in responses.iter().enumerate() {
            let room = if chosen[i].is_some() { shaping.bound * base[i] } else { 0.0 };
            excess = excess.max((shaped[i] - base[i]).abs() - room);
            turned += u32::from(response.correct && base[i] > 0.0 && shaped[i] <= 0.0);
        }
        Ok(Measurement::new().metric("turned", f64::from(turned)).metric("excess", excess))
    }
}

/// Bonuses compare right answers that call with each other, and with nobody else.
pub struct CentredBonus;

impl Observe for CentredBonus {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "centred-bonus";
    const SUMMARY: &'static str =
        "Bonuses sum to zero over the right answers that call, and nobody else has one.";
    const METRICS: &'static [Metric] = &[
        Metric::new("sum", "|Σ d| over the right answers that call, divided by |δ| max(1, Σ p).")
            .range(0.0, f64::INFINITY),
        Metric::new("outside", "Bonuses of answers that are wrong or make no call.")
            .unit("response")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MeansOverAllCalls, Fault::MissingCallAtZero];

    fn instances() -> BoxedStrategy<Group> {
        CorrectnessFirst::instances()
    }

    fn observe(instance: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Group { responses, shaping } = instance;
        let member = |response: &Response| response.correct && response.first_call.is_some();
        let bonuses = bonuses(responses, shaping.delta, fault);
        let chosen = || responses.iter().zip(&bonuses).filter(|(response, _)| member(response));
        let total = sum(chosen().filter_map(|(_, bonus)| *bonus)).abs();
        let scale = sum(chosen().filter_map(|(response, _)| response.first_call).map(f64::from)).max(1.0);
        let outside = responses.iter().zip(&bonuses).filter(|(r, bonus)| !member(r) && bonus.is_some());
        Ok(Measurement::new()
            .metric("sum", total / shaping.delta.abs().max(f64::MIN_POSITIVE) / scale)
            .metric("outside", outside.count() as f64))
    }
}

/// In a group that is all correct, shaped rewards divide a bonus by itself.
pub struct AllCorrect;

impl Observe for AllCorrect {
    type Instance = Group;
    type Fault = Fault;
    const NAME: &'static str = "all-correct";
    const SUMMARY: &'static str = "All-correct groups: shaped advantages are 0, shaped rewards give advantages of order 1 whatever δ is.";
    const METRICS: &'static [Metric] = &[
        Metric::new("loud", "Shaped advantages that are not exactly 0.").unit("response").range(0.0, 16.0),
        Metric::new("change", "Largest change of an advantage from shaped rewards when δ becomes a tenth.")
            .range(0.0, f64::INFINITY),
        Metric::new("least", "Smallest advantage from shaped rewards."),
        Metric::new("last", "Advantage from shaped rewards of the last caller, times the sign of δ."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NormaliseWithoutZeroGuard];

    fn instances() -> BoxedStrategy<Group> {
        (vec(response(Just(true).boxed()), 2..=16), shaping())
            .prop_map(|(responses, shaping)| Group { responses, shaping })
            .boxed()
    }

    fn observe(instance: &Group, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Group { responses, shaping } = instance;
        if !responses.iter().all(|r| r.correct) || responses.len() > 16 {
            return Err(Failure::invalid("expected at most 16 responses, all correct"));
        }
        let bonus = bonuses(responses, shaping.delta, None);
        let spread = bonus.iter().flatten().fold(0.0_f64, |most, d| most.max(d.abs()));
        if spread < 1e-3 {
            return Err(Failure::Rejected("calls that the bonus does not tell apart"));
        }
        let rewarded = |delta: f64| shaped_rewards(responses, delta, None);
        let (full, tenth) = (rewarded(shaping.delta), rewarded(shaping.delta / 10.0));
        let change = full.iter().zip(&tenth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        let last = (0..responses.len()).max_by_key(|i| responses[*i].first_call).map_or(0.0, |i| full[i]);
        // A NaN is not 0 either.
        let loud = aspo(responses, *shaping, fault).iter().filter(|a| **a != 0.0).count();
        Ok(Measurement::new()
            .metric("loud", loud as f64)
            .metric("change", change)
            .metric("least", full.iter().copied().fold(f64::INFINITY, f64::min))
            .metric("last", last * shaping.delta.signum()))
    }
}
