//! Advantages of groups, and what they do to the gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::Fault;
use super::finite;
use crate::{
    kernel::tokens::{
        Deviation, Estimator, GradientScale, degenerate_probability, informative_probability, normalise,
    },
    papers::leaf::{Failure, Function, Paper},
};

pub fn add_to(paper: Paper) -> Paper {
    let input = |estimator, batch| GroupsInput {
        rewards: vec![vec![1.0, 0.0, 0.0, 1.0], vec![1.0; 4], vec![0.1, 0.9, 0.4, 0.4]],
        estimator,
        batch,
    };
    let of_batch = |deviation, delta| Some(BatchNormalisation { deviation, delta });
    let groups = Function::with_faults(
        "group-advantages",
        "Advantages of groups of responses under any estimator, optionally normalised over the batch.",
        &input(Estimator::GRPO, None),
        &[Fault::OtherDeviation, Fault::RoundedMean, Fault::MeanOverWrongAxis],
        groups,
    )
    .also(&input(Estimator::GRPO_SAMPLE, None))
    .also(&input(Estimator::Grpo { deviation: Deviation::Sample, delta: 1e-4 }, None))
    .also(&input(Estimator::Rloo, None))
    .also(&input(Estimator::Mean, None))
    .also(&input(Estimator::Mean, of_batch(Deviation::Population, 1e-8)))
    .also(&input(Estimator::None, of_batch(Deviation::Sample, 1e-8)))
    .also(&input(Estimator::Constant { baseline: 0.5 }, None))
    // Groups of one, groups of different sizes, and equal rewards whose mean is rounded.
    .also(&GroupsInput {
        rewards: vec![vec![0.1; 3], vec![2.0], vec![-1.0, 3.0], vec![0.7; 7]],
        ..input(Estimator::GRPO, None)
    });
    let scale = Function::new(
        "gradient-scale",
        "The factor by which an estimator scales the true gradient for 0/1 rewards, and how often it is silent.",
        &ScaleInput { estimator: Estimator::GRPO, group: 8, p: 0.25 },
        scale,
    )
    .also(&ScaleInput { estimator: Estimator::GRPO, group: 16, p: 1e-9 })
    .also(&ScaleInput { estimator: Estimator::GRPO, group: 4, p: 1.0 })
    .also(&ScaleInput { estimator: Estimator::GRPO_SAMPLE, group: 8, p: 0.25 })
    .also(&ScaleInput { estimator: Estimator::Mean, group: 8, p: 0.9 })
    .also(&ScaleInput { estimator: Estimator::Rloo, group: 2, p: 0.5 });
    paper.function(groups).function(scale)
}

/// Normalisation over a batch.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchNormalisation {
    /// Which standard deviation.
    deviation: Deviation,
    /// δ ≥ 0, added to it.
    #[schemars(range(min = 0.0))]
    delta: f64,
}

/// Rewards of groups.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupsInput {
    /// For each prompt, the rewards of its responses. Groups may differ in size.
    rewards: Vec<Vec<f64>>,
    /// How rewards become advantages.
    estimator: Estimator,
    /// Normalisation of all advantages together, afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<BatchNormalisation>,
}

/// Advantages of groups.
#[derive(Serialize, JsonSchema)]
struct GroupsOutput {
    /// In the shape of the rewards.
    advantages: Vec<Vec<f64>>,
    /// For each prompt, whether all its rewards are equal.
    degenerate: Vec<bool>,
}

fn groups(input: &GroupsInput, fault: Option<Fault>) -> Result<GroupsOutput, Failure> {
    let mut estimator = input.estimator;
    if let Estimator::Grpo { delta, .. } = estimator
        && delta < 0.0
    {
        return Err(Failure::invalid("`delta` must not be negative"));
    }
    if input.batch.is_some_and(|batch| batch.delta < 0.0) {
        return Err(Failure::invalid("`delta` must not be negative"));
    }
    if estimator == Estimator::Rloo && input.rewards.iter().any(|group| group.len() < 2) {
        return Err(Failure::invalid("leaving one out needs groups of at least two"));
    }
    if fault == Some(Fault::OtherDeviation)
        && let Estimator::Grpo { deviation, .. } = &mut estimator
    {
        *deviation = match deviation {
            Deviation::Population => Deviation::Sample,
            Deviation::Sample => Deviation::Population,
        };
    }
    let mut advantages: Vec<Vec<f64>> = match fault {
        Some(Fault::MeanOverWrongAxis) => across_prompts(&input.rewards, estimator),
        Some(Fault::RoundedMean) => input.rewards.iter().map(|group| with_rounded_mean(group)).collect(),
        _ => input.rewards.iter().map(|group| estimator.of(group)).collect(),
    };
    if let Some(BatchNormalisation { deviation, delta }) = input.batch {
        let mut all = advantages.concat();
        normalise(&mut all, deviation, delta);
        let mut rest = all.as_slice();
        for group in &mut advantages {
            let (own, others) = rest.split_at(group.len());
            group.copy_from_slice(own);
            rest = others;
        }
    }
    for group in &advantages {
        finite("advantage", group)?;
    }
    let degenerate =
        input.rewards.iter().map(|group| group.iter().all(|reward| *reward == group[0])).collect();
    Ok(GroupsOutput { advantages, degenerate })
}

/// The mistake of normalising response i of every prompt together.
fn across_prompts(rewards: &[Vec<f64>], estimator: Estimator) -> Vec<Vec<f64>> {
    let mut advantages = rewards.to_vec();
    for i in 0..rewards.iter().map(Vec::len).max().unwrap_or(0) {
        let column: Vec<f64> = rewards.iter().filter_map(|group| group.get(i).copied()).collect();
        let owners = advantages.iter_mut().filter_map(|group| group.get_mut(i));
        owners.zip(estimator.of(&column)).for_each(|(own, advantage)| *own = advantage);
    }
    advantages
}

/// The mistake of dividing by a tiny deviation what is left of a mean in single precision.
fn with_rounded_mean(group: &[f64]) -> Vec<f64> {
    let mean = group.iter().map(|r| *r as f32).sum::<f32>() / group.len() as f32;
    let deviation = Deviation::Population.of(group) + 1e-8;
    group.iter().map(|reward| (reward - f64::from(mean)) / deviation).collect()
}

/// An estimator, a group and a success rate.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ScaleInput {
    /// How rewards become advantages.
    estimator: Estimator,
    /// G, 1 to 512.
    #[schemars(range(min = 1, max = 512))]
    group: usize,
    /// Success rate p ∈ \[0, 1\].
    #[schemars(range(min = 0.0, max = 1.0))]
    p: f64,
}

/// What to expect of a group.
#[derive(Serialize, JsonSchema)]
struct ScaleOutput {
    /// κ with E ĝ = κ∇p; c_G(p) for GRPO.
    scale: f64,
    /// P(all rewards equal).
    degenerate: f64,
    /// P(not all rewards equal).
    informative: f64,
}

fn scale(input: &ScaleInput) -> Result<ScaleOutput, Failure> {
    let ScaleInput { estimator, group, p } = *input;
    if !(1..=512).contains(&group) || !(0.0..=1.0).contains(&p) {
        return Err(Failure::invalid("needs 1 ≤ group ≤ 512 and 0 ≤ p ≤ 1"));
    }
    let scale = GradientScale::of(estimator, group).at(p);
    finite("scale", &[scale])?;
    Ok(ScaleOutput {
        scale,
        degenerate: degenerate_probability(group, p),
        informative: informative_probability(group, p),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_their_shape_and_faults_change_them() {
        let input = |batch| GroupsInput {
            rewards: vec![vec![1.0, 0.0], vec![0.1; 3]],
            estimator: Estimator::GRPO,
            batch,
        };
        let plain = groups(&input(None), None).unwrap();
        assert_eq!(plain.advantages, [vec![1.0, -1.0], vec![0.0; 3]]);
        assert_eq!(plain.degenerate, [false, true]);
        let normalised = BatchNormalisation { deviation: Deviation::Population, delta: 0.0 };
        let all = groups(&input(Some(normalised)), None).unwrap().advantages.concat();
        assert!((all.iter().map(|a| a * a).sum::<f64>() - 5.0).abs() < 1e-12);
        for fault in [Fault::OtherDeviation, Fault::RoundedMean, Fault::MeanOverWrongAxis] {
            assert_ne!(groups(&input(None), Some(fault)).unwrap().advantages, plain.advantages);
        }
    }

    #[test]
    fn leaving_one_out_of_one_is_refused() {
        let input = GroupsInput { rewards: vec![vec![1.0]], estimator: Estimator::Rloo, batch: None };
        assert!(matches!(groups(&input, None), Err(Failure::Invalid(_))));
    }
}
