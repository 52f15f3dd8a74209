//! Processes and policies as nested lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::invalid;
use crate::{
    kernel::{
        divergence::is_law,
        mdp::{Dynamics, Episodic, Rows},
    },
    papers::leaf::Failure,
};

/// Most numbers in a table.
const MOST: usize = 1 << 20;

/// One table a step, as rows of equal length.
pub type Tables = Vec<Vec<Vec<f64>>>;

/// An episodic process.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProcessInput {
    /// P_h(t|s, a), by step, state, action and next state.
    pub transitions: Vec<Tables>,
    /// r_h(s, a), by step, state and action.
    pub rewards: Tables,
    /// Probabilities of the first state.
    pub start: Vec<f64>,
}

/// A table of rows of equal length.
///
/// # Errors
/// [`Failure::Invalid`] if there is none, or lengths differ, or a number is not finite.
pub fn table(rows: &[Vec<f64>]) -> Result<Rows, Failure> {
    let width = rows.first().map_or(0, Vec::len);
    if width == 0 || rows.len() * width > MOST || rows.iter().any(|row| row.len() != width) {
        return Err(Failure::invalid("tables must have rows of equal length, and not be empty or huge"));
    }
    if rows.iter().flatten().any(|x| !x.is_finite()) {
        return Err(Failure::invalid("numbers must be finite"));
    }
    Ok(Rows::from_fn(rows.len(), width, |s, a| rows[s][a]))
}

/// A policy, one table a step.
///
/// # Errors
/// [`Failure::Invalid`] if a table is none, or a row is no distribution.
pub fn policy(name: &str, tables: &[Vec<Vec<f64>>]) -> Result<Vec<Rows>, Failure> {
    let policy = tables.iter().map(|rows| table(rows)).collect::<Result<Vec<_>, _>>()?;
    if policy.iter().any(|rows| !rows.iter().all(is_law)) {
        return Err(Failure::invalid(format!("rows of `{name}` must be at least 0 and sum to 1")));
    }
    Ok(policy)
}

/// Tables as lists.
#[must_use]
pub fn lists(tables: &[Rows]) -> Tables {
    tables.iter().map(|rows| rows.iter().map(<[f64]>::to_vec).collect()).collect()
}

/// λ ≥ 0, or above 0 if it must be.
///
/// # Errors
/// [`Failure::Invalid`] for anything else.
pub fn hold_lambda(lambda: f64, positive: bool) -> Result<(), Failure> {
    if lambda.is_finite() && (lambda > 0.0 || lambda == 0.0 && !positive) {
        return Ok(());
    }
    let what = if positive { "above 0" } else { "of at least 0" };
    Err(Failure::invalid(format!("`lambda` must be a finite number {what}")))
}

impl ProcessInput {
    /// The process.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if the lists are no process.
    pub fn build(&self) -> Result<Episodic, Failure> {
        if self.transitions.len() != self.rewards.len() {
            return Err(Failure::invalid("`transitions` and `rewards` must have equally many steps"));
        }
        let step = |(transitions, rewards): (&Tables, &Vec<Vec<f64>>)| -> Result<Dynamics, Failure> {
            let rewards = table(rewards)?;
            if transitions.iter().any(|rows| rows.len() != rewards.width()) {
                return Err(Failure::invalid("`transitions` needs a row for every state and action"));
            }
            let rows: Vec<Vec<f64>> = transitions.iter().flatten().cloned().collect();
            Dynamics::new(table(&rows)?, rewards).map_err(invalid)
        };
        let steps = self.transitions.iter().zip(&self.rewards).map(step).collect::<Result<_, _>>()?;
        Episodic::new(steps, self.start.clone()).map_err(invalid)
    }
}

/// A process of two steps, two states and two actions, for examples.
#[must_use]
pub fn example() -> ProcessInput {
    ProcessInput {
        transitions: vec![
            vec![vec![vec![0.75, 0.25], vec![0.25, 0.75]], vec![vec![0.5, 0.5], vec![0.0, 1.0]]],
            vec![vec![vec![1.0, 0.0], vec![0.0, 1.0]], vec![vec![0.5, 0.5], vec![0.5, 0.5]]],
        ],
        rewards: vec![vec![vec![0.5, 0.0], vec![0.25, 1.0]], vec![vec![1.0, 0.0], vec![0.0, 0.75]]],
        start: vec![1.0, 0.0],
    }
}

/// The uniform policy of two steps, two states and two actions, for examples.
#[must_use]
pub fn even() -> Tables {
    vec![vec![vec![0.5; 2]; 2]; 2]
}
