//! GBPO: the targets of a group of scores of one prompt.
//!
//! zᵢ = (scoreᵢ − mean)/(std + 10⁻⁶) weighs the loss, mᵢ = (scoreᵢ − median)/(std + 10⁻⁶) decides the target
//! 1 − c_low + (c_low + c_high) σ(mᵢ/τ), with the sample standard deviation, the median of an even group
//! halfway between the two in the middle, and τ = 10⁻⁴. A group of one has mean 0, std 1 and median 0.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::{mean, sigmoid},
        tokens::Deviation,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// τ.
const TEMPERATURE: f64 = 1e-4;
/// Added to the standard deviation.
const GUARD: f64 = 1e-6;

/// How far targets may lie from 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipWidths {
    /// c_low.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub low: f64,
    /// c_high.
    #[schemars(range(min = 0.0))]
    pub high: f64,
}

/// Weight zᵢ and target of each score.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Targets {
    /// zᵢ; the loss of a token is |ρ − target|·|zᵢ|.
    pub weights: Vec<f64>,
    /// Target of the ratio.
    pub targets: Vec<f64>,
}

/// Weights and targets of a group.
#[must_use]
pub fn targets(scores: &[f64], clip: ClipWidths, fault: Option<Fault>) -> Targets {
    let (centre, deviation, middle) = match scores {
        [_] => (0.0, 1.0, 0.0),
        _ => (mean(scores), Deviation::Sample.of(scores), median(scores, fault)),
    };
    let middle = if fault == Some(Fault::MeanForMedian) { centre } else { middle };
    let scaled = |from: f64| scores.iter().map(|s| (s - from) / (deviation + GUARD)).collect::<Vec<_>>();
    let target = |m: &f64| 1.0 - clip.low + (clip.low + clip.high) * sigmoid(m / TEMPERATURE);
    Targets { weights: scaled(centre), targets: scaled(middle).iter().map(target).collect() }
}

fn median(scores: &[f64], fault: Option<Fault>) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let half = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 || fault == Some(Fault::UpperMedian) => sorted[half],
        _ => 0.5 * (sorted[half - 1] + sorted[half]),
    }
}

/// Which answers of a group were right.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Answers {
    /// One an answer.
    right: Vec<bool>,
    /// c_low = c_high.
    clip: f64,
}

/// With binary rewards only the minority moves.
pub struct GroupTargets;

impl Observe for GroupTargets {
    type Instance = Answers;
    type Fault = Fault;
    const NAME: &'static str = "binary-targets";
    const SUMMARY: &'static str = "Targets of binary rewards against the rule of the minority.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference of a target.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::MeanForMedian, Fault::UpperMedian];

    fn instances() -> BoxedStrategy<Answers> {
        (vec(any::<bool>(), 2..17), 0.05..0.9).prop_map(|(right, clip)| Answers { right, clip }).boxed()
    }

    fn observe(instance: &Answers, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Answers { right, clip } = instance;
        let scores: Vec<f64> = right.iter().map(|r| f64::from(u8::from(*r))).collect();
        let found = targets(&scores, ClipWidths { low: *clip, high: *clip }, fault).targets;
        let winners = right.iter().filter(|r| **r).count();
        let losers = right.len() - winners;
        // The right ones move up unless they are the majority, the wrong ones down unless they are.
        let wanted = |right: bool| match (right, winners.cmp(&losers)) {
            _ if winners == 0 || losers == 0 => 1.0,
            (true, std::cmp::Ordering::Less | std::cmp::Ordering::Equal) => 1.0 + clip,
            (false, std::cmp::Ordering::Greater | std::cmp::Ordering::Equal) => 1.0 - clip,
            _ => 1.0,
        };
        let error = found.iter().zip(right).map(|(t, r)| (t - wanted(*r)).abs()).fold(0.0, f64::max);
        Ok(Measurement::new().metric("error", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_targets() {
        let clip = ClipWidths { low: 0.3, high: 0.3 };
        for (scores, known) in [
            (vec![1.0, 0.0, 0.0, 0.0], vec![1.3, 1.0, 1.0, 1.0]),
            (vec![1.0, 1.0, 1.0, 0.0], vec![1.0, 1.0, 1.0, 0.7]),
            (vec![1.0, 1.0, 0.0, 0.0], vec![1.3, 1.3, 0.7, 0.7]),
            (vec![1.0], vec![1.3]),
        ] {
            for (target, known) in targets(&scores, clip, None).targets.iter().zip(known) {
                assert_relative_eq!(*target, known, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn unequal_widths_have_a_neutral_target_other_than_one() {
        let neutral = targets(&[0.5, 0.5], ClipWidths { low: 0.3, high: 0.2 }, None);
        assert_relative_eq!(neutral.targets[0], 0.95, epsilon = 1e-12);
    }
}
