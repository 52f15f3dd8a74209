//! Advantage shaping: asking for earlier calls without touching the reward.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::kernel::{
    math::mean,
    tokens::{Deviation, Estimator},
};

/// A response of a group, as far as the advantages look at it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Response {
    /// Whether the answer is right.
    pub correct: bool,
    /// Length Lᵢ ≥ 1 in tokens.
    #[schemars(range(min = 1))]
    pub length: u32,
    /// Position pᵢ of the first call, from 0; absent if there was none.
    pub first_call: Option<u32>,
}

/// How calls are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shaping {
    /// δ; negative for early calls.
    pub delta: f64,
    /// k ∈ \[0, 1): the share of the correctness advantage that the bonus may take or add.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub bound: f64,
}

/// The correctness advantages Aᵢ of a group: GRPO on rᵢ ∈ {0, 1}, population deviation, 0 for all if the
/// rewards are equal.
#[must_use]
pub fn correctness_advantages(group: &[Response], fault: Option<Fault>) -> Vec<f64> {
    let rewards = rewards(group);
    if fault == Some(Fault::NormaliseWithoutZeroGuard) {
        let m = mean(&rewards);
        let deviation = mean(&rewards.iter().map(|r| (r - m) * (r - m)).collect::<Vec<_>>()).sqrt();
        return rewards.iter().map(|r| (r - m) / deviation).collect();
    }
    estimator(fault).of(&rewards)
}

fn estimator(fault: Option<Fault>) -> Estimator {
    let deviation =
        if fault == Some(Fault::SampleDeviation) { Deviation::Sample } else { Deviation::Population };
    Estimator::Grpo { deviation, delta: 0.0 }
}

/// The bonus dᵢ = δ (pᵢ − mean_S p)/mean_S L of each member of S, the right answers that made a call; none
/// for the others.
#[must_use]
pub fn bonuses(group: &[Response], delta: f64, fault: Option<Fault>) -> Vec<Option<f64>> {
    let delta = if fault == Some(Fault::SignOfDelta) { -delta } else { delta };
    let position = |response: &Response| match response.first_call {
        None if fault == Some(Fault::MissingCallAtZero) => Some(0.0),
        call => call.map(f64::from),
    };
    let averaged = |response: &Response| response.correct || fault == Some(Fault::MeansOverAllCalls);
    let (positions, lengths): (Vec<f64>, Vec<f64>) = group
        .iter()
        .filter(|response| averaged(response))
        .filter_map(|response| Some((position(response)?, f64::from(response.length))))
        .unzip();
    let (centre, length) = (mean(&positions), mean(&lengths));
    let bonus = |response: &Response| Some(delta * (position(response)? - centre) / length);
    group.iter().map(|response| bonus(response).filter(|_| response.correct)).collect()
}

/// ASPO: Âᵢ = Aᵢ + clip(dᵢ, −k Aᵢ, k Aᵢ) on S, Âᵢ = Aᵢ elsewhere.
#[must_use]
pub fn aspo(group: &[Response], shaping: Shaping, fault: Option<Fault>) -> Vec<f64> {
    if fault == Some(Fault::NoCorrectnessGate) {
        return shaped_rewards(group, shaping.delta, None);
    }
    let bound = if fault == Some(Fault::KZero) { 0.0 } else { shaping.bound };
    let shaped = |(advantage, bonus): (f64, Option<f64>)| {
        let Some(bonus) = bonus else { return advantage };
        let limit = match fault {
            Some(Fault::NoClip) => f64::INFINITY,
            Some(Fault::ClipToConstant) => bound,
            _ => bound * advantage,
        };
        advantage + bonus.min(limit).max(-limit)
    };
    let bonuses = bonuses(group, shaping.delta, fault);
    correctness_advantages(group, fault).into_iter().zip(bonuses).map(shaped).collect()
}

/// The alternative: the bonus becomes part of the reward, and GRPO normalises the sum.
#[must_use]
pub fn shaped_rewards(group: &[Response], delta: f64, fault: Option<Fault>) -> Vec<f64> {
    let bonuses = bonuses(group, delta, fault);
    let shaped: Vec<f64> =
        rewards(group).iter().zip(bonuses).map(|(r, bonus)| r + bonus.unwrap_or(0.0)).collect();
    estimator(fault).of(&shaped)
}

fn rewards(group: &[Response]) -> Vec<f64> {
    group.iter().map(|response| f64::from(u8::from(response.correct))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    const PAPER: Shaping = Shaping { delta: -2.0, bound: 0.7 };

    fn right(position: u32) -> Response {
        Response { correct: true, length: 20, first_call: Some(position) }
    }

    #[test]
    fn all_correct_groups_stay_silent_and_shaped_rewards_do_not() {
        let group = [1, 2, 3, 10].map(right);
        assert_eq!(aspo(&group, PAPER, None), [0.0; 4]);
        for delta in [-2.0, -0.0001] {
            for (a, known) in
                shaped_rewards(&group, delta, None).iter().zip([0.8485, 0.5657, 0.2828, -1.6971])
            {
                assert_relative_eq!(*a, known, epsilon = 5e-5);
            }
        }
        assert!(aspo(&group, PAPER, Some(Fault::NormaliseWithoutZeroGuard)).iter().all(|a| a.is_nan()));
    }

    #[test]
    fn a_case_by_hand() {
        // A = (1, 1, 1, −1, −1, −1); S = {0, 1} with mean position 4 and mean length 20.
        let wrong = Response { correct: false, length: 9, first_call: Some(0) };
        let silent = Response { correct: true, length: 50, first_call: None };
        let group = [right(1), right(7), silent, wrong, wrong, Response { first_call: None, ..wrong }];
        let shaped = aspo(&group, PAPER, None);
        for (a, known) in shaped.iter().zip([1.3, 0.7, 1.0, -1.0, -1.0, -1.0]) {
            assert_relative_eq!(*a, known, epsilon = 1e-15);
        }
        // Far apart, the clip holds.
        let far = aspo(&[right(0), right(19), wrong, wrong], PAPER, None);
        assert_relative_eq!(far[0], 1.7, epsilon = 1e-15);
        assert_relative_eq!(far[1], 0.3, epsilon = 1e-15);
    }

    #[test]
    fn a_lone_right_call_gets_no_bonus() {
        let wrong = Response { correct: false, length: 20, first_call: Some(3) };
        assert_eq!(bonuses(&[right(9), wrong], -2.0, None), [Some(0.0), None]);
        assert_eq!(bonuses(&[wrong, wrong], -2.0, None), [None, None]);
        // Averaged with the wrong one, the centre is 6 and the lone caller is 3 late.
        let averaged = bonuses(&[right(9), wrong], -2.0, Some(Fault::MeansOverAllCalls));
        assert_relative_eq!(averaged[0].unwrap(), -0.3, epsilon = 1e-15);
        assert!(aspo(&[], PAPER, None).is_empty());
    }

    /// About 1.5 % of random groups lose a right answer without the clip, about 19 % with shaped rewards.
    #[test]
    fn how_often_mistakes_turn_a_right_answer_down() {
        let mut stream = Streams::from_seed(0).stream("groups");
        let groups: Vec<Vec<Response>> = (0..2000)
            .map(|_| {
                let response = |_| {
                    let correct = stream.bernoulli(0.5);
                    let called = !stream.bernoulli(0.2);
                    let position = stream.below(20) as u32;
                    let length = 20 + stream.below(40) as u32;
                    Response { correct, length, first_call: called.then_some(position) }
                };
                (0..8).map(response).collect()
            })
            .collect();
        let turned = |fault| {
            let down = |group: &&Vec<Response>| {
                let base = correctness_advantages(group, None);
                let shaped = aspo(group, PAPER, fault);
                group.iter().zip(base).zip(shaped).any(|((r, a), s)| r.correct && a > 0.0 && s <= 0.0)
            };
            groups.iter().filter(down).count()
        };
        assert_eq!(turned(None), 0);
        assert!((10..=55).contains(&turned(Some(Fault::NoClip))));
        assert!((10..=55).contains(&turned(Some(Fault::ClipToConstant))));
        assert!((320..=460).contains(&turned(Some(Fault::NoCorrectnessGate))));
    }
}
