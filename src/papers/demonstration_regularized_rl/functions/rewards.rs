//! The function about learned rewards.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::preference::{Comparison, PreferenceError, bradley_terry},
    papers::leaf::{Failure, Function, Paper},
};

pub fn add_to(paper: Paper) -> Paper {
    paper.function(
        Function::new(
            "preferred-reward",
            "The ridge estimate of a linear reward from pairs of which one was preferred (Bradley and Terry).",
            &PreferenceInput {
                preferred: vec![vec![1.0, 0.0, 2.0], vec![0.0, 1.0, 1.0], vec![1.0, 1.0, 0.0]],
                other: vec![vec![0.0, 1.0, 2.0], vec![1.0, 1.0, 0.0], vec![0.0, 2.0, 0.0]],
                ridge: 0.1,
                steps: 25,
            },
            preferred_reward,
        )
        .also(&PreferenceInput {
            preferred: vec![vec![1.0], vec![1.0], vec![0.0]],
            other: vec![vec![0.0], vec![0.0], vec![1.0]],
            ridge: 0.001,
            steps: 25,
        }),
    )
}

/// Features of compared items.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PreferenceInput {
    /// Features of the preferred items, such as how often a trajectory visits each (h, s, a).
    preferred: Vec<Vec<f64>>,
    /// Features of the items that they were preferred to.
    other: Vec<Vec<f64>>,
    /// Weight of ½‖θ‖², above 0.
    ridge: f64,
    /// Most steps of Newton's method from 0.
    #[schemars(range(min = 1, max = 1000))]
    steps: usize,
}

/// A reward.
#[derive(Serialize, JsonSchema)]
struct PreferenceOutput {
    /// θ, the reward of each feature.
    reward: Vec<f64>,
}

fn preferred_reward(input: &PreferenceInput) -> Result<PreferenceOutput, Failure> {
    let PreferenceInput { preferred, other, ridge, steps } = input;
    let dimension = preferred.first().map_or(0, Vec::len);
    let shaped = preferred.iter().chain(other).all(|features| features.len() == dimension);
    if dimension == 0 || dimension > 1000 || !shaped || preferred.len() != other.len() {
        return Err(Failure::invalid(
            "`preferred` and `other` must be equally many lists of equally many features, at least 1 and at most 1000",
        ));
    }
    if !(1..=1000).contains(steps) {
        return Err(Failure::invalid("`steps` must lie between 1 and 1000"));
    }
    let comparisons: Vec<Comparison> =
        preferred.iter().zip(other).map(|(better, worse)| Comparison::new(better, worse)).collect();
    let reward = bradley_terry(dimension, &comparisons, *ridge, *steps).map_err(|error| match error {
        PreferenceError::NotConverged(_) => Failure::numerical(error.to_string()),
        _ => Failure::invalid(error.to_string()),
    })?;
    Ok(PreferenceOutput { reward })
}
