//! Validity maps: a check judged in every cell of a grid of settings, to see how far it reaches.
//!
//! The verdict of a claim is that of the check itself. The map is data beside it: it is judged on
//! the reference, without controls, with tests of the same level, which the error bound of the run
//! counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::evidence::{Evidence, Finding, Outcome};
use crate::claim::MapAxis;

/// A check judged in every cell of a grid of settings: the numbers of a heat map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MapData {
    /// One or two settings, each with its values.
    pub axes: Vec<MapAxis>,
    /// One a combination, the last axis varying fastest.
    pub cells: Vec<MapCell>,
    /// The cell that measures the same as the check itself, if there is one.
    pub headline: Option<usize>,
}

/// A cell of a validity map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MapCell {
    /// The value of each axis.
    pub values: Vec<Value>,
    /// Outcome of the check there.
    pub outcome: Outcome,
    /// Estimate of the finding with the smallest margin.
    pub estimate: Option<f64>,
    /// Interval of that finding.
    pub interval: Option<[f64; 2]>,
    /// The smallest margin.
    pub margin: Option<f64>,
    /// Replicates measured there.
    pub samples: u64,
    /// What broke down there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl MapCell {
    /// The cell at these values, of what the check concluded there.
    #[must_use]
    pub fn of(values: Vec<Value>, evidence: &Evidence) -> Self {
        let by_margin = |a: &&Finding, b: &&Finding| match (a.margin, b.margin) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let nearest = evidence.findings.iter().min_by(by_margin);
        Self {
            values,
            outcome: evidence.outcome,
            estimate: nearest.and_then(|f| f.estimate),
            interval: nearest.and_then(|f| f.interval),
            margin: evidence.margin,
            samples: evidence.samples,
            error: evidence.error.clone(),
        }
    }
}

/// The values of the axes in every cell, the last axis varying fastest.
pub(super) fn coordinates(axes: &[MapAxis]) -> Vec<Vec<Value>> {
    axes.iter().fold(vec![Vec::new()], |cells, axis| {
        let extend = |cell: &Vec<Value>, value: &Value| {
            let mut cell = cell.clone();
            cell.push(value.clone());
            cell
        };
        cells.iter().flat_map(|cell| axis.values.iter().map(move |value| extend(cell, value))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_axis_varies_fastest() {
        let axis = |setting: &str, values: Vec<Value>| MapAxis { setting: setting.into(), values };
        let axes = [axis("a", vec![json!(1), json!(2)]), axis("b", vec![json!("x"), json!("y")])];
        let cells = coordinates(&axes);
        assert_eq!(cells.len(), 4);
        assert_eq!(cells[1], [json!(1), json!("y")]);
        assert_eq!(cells[2], [json!(2), json!("x")]);
    }
}
