//! Settings put together in layers: defaults of the leaf, named settings, and what a check sets.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    claim::{Arm, Budget, problem::Problem, raw::RawBudget, schema, tree::Node},
    papers::leaf::Experiment,
};

/// Most combinations of the values of some axes: configurations of a check, cells of a map.
const MOST_COMBINATIONS: usize = 256;

/// Settings on top of others.
pub type Layer = Map<String, Value>;

/// What the experiments file says of one experiment.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// Budget of checks that do not say their own.
    pub budget: Option<Budget>,
    /// Named settings.
    pub named: BTreeMap<String, Layer>,
}

/// Holds a map of settings to those of an experiment.
pub fn layer(node: &Node, experiment: &Experiment, problems: &mut Vec<Problem>) -> Layer {
    let mut layer = Layer::new();
    for (key, value) in node.entries() {
        let Some(wanted) = setting(&key.name, &key.span, experiment, problems) else { continue };
        if layer.contains_key(&key.name) {
            let problem = Problem::new(&key.span, format!("repeated key `{}`", key.name), "stands again");
            problems.push(problem.help("a key may stand once"));
        } else if let Some(value) = schema::hold_part(value, experiment.settings.as_value(), wanted, problems)
        {
            layer.insert(key.name.clone(), value);
        }
    }
    layer
}

/// Holds a map from settings to lists of values to those of an experiment.
pub fn axes(node: &Node, experiment: &Experiment, problems: &mut Vec<Problem>) -> Vec<(String, Vec<Value>)> {
    let mut axes = Vec::new();
    for (key, values) in node.entries() {
        let Some(wanted) = setting(&key.name, &key.span, experiment, problems) else { continue };
        if values.items().is_empty() {
            let found = format!("expected a list of values of `{}`, found {}", key.name, values.describe());
            problems.push(Problem::new(&values.span, found, "expected a list"));
            continue;
        }
        let root = experiment.settings.as_value();
        let held = values.items().iter().filter_map(|v| schema::hold_part(v, root, wanted, problems));
        axes.push((key.name.clone(), held.collect::<Vec<_>>()));
    }
    let combinations =
        axes.iter().try_fold(1, |product: usize, (_, values)| product.checked_mul(values.len()));
    if combinations.is_none_or(|n| n > MOST_COMBINATIONS) {
        let found = combinations.map_or("too many to count".into(), |n| n.to_string());
        let message =
            format!("expected at most {MOST_COMBINATIONS} combinations of these settings, found {found}");
        problems.push(Problem::new(&node.span, message, "these settings"));
    }
    axes
}

/// The schema of a setting.
pub fn setting<'a>(
    name: &str,
    span: &std::ops::Range<usize>,
    experiment: &'a Experiment,
    problems: &mut Vec<Problem>,
) -> Option<&'a Value> {
    let all = experiment.settings.get("properties").and_then(Value::as_object);
    let found = all.and_then(|all| all.get(name));
    if found.is_none() {
        let known = all.into_iter().flatten().map(|(key, _)| key.as_str());
        let what = format!("setting of `{}`", experiment.name);
        problems.push(Problem::unknown(span, &what, name, known));
    }
    found
}

/// Every combination of the values of some axes, the last axis varying fastest.
pub fn combinations(axes: &[(String, Vec<Value>)]) -> Vec<Layer> {
    axes.iter().fold(vec![Layer::new()], |so_far, (key, values)| {
        let extend = |layer: &Layer, value: &Value| {
            let mut layer = layer.clone();
            layer.insert(key.clone(), value.clone());
            layer
        };
        so_far.iter().flat_map(|layer| values.iter().map(move |value| extend(layer, value))).collect()
    })
}

/// The later layers win.
pub fn merged(layers: &[&Layer]) -> Layer {
    layers.iter().flat_map(|layer| layer.iter()).map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Completes settings with the defaults of the experiment.
///
/// # Errors
/// A message if the settings contradict their type.
pub fn arm(experiment: &Experiment, label: String, layers: &[&Layer]) -> Result<Arm, String> {
    let mut settings = experiment.defaults.clone();
    if let Some(map) = settings.as_object_mut() {
        map.extend(merged(layers));
    }
    let settings = experiment.normalise(settings).map_err(|e| e.to_string())?;
    Ok(Arm { label, settings })
}

/// What the reader is told of a layer: words alone, numbers with their names.
pub fn label(layer: &Layer) -> String {
    let part = |(key, value): (&String, &Value)| match value {
        Value::String(word) => word.clone(),
        Value::Array(items) => format!("{key} of {}", items.len()),
        other => format!("{key} {other}"),
    };
    layer.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// Checks a budget, written at `node`.
pub fn budget(raw: RawBudget, node: &Node, problems: &mut Vec<Problem>) -> Option<Budget> {
    let first = raw.first.unwrap_or(raw.quick);
    if first <= raw.quick && raw.quick <= raw.full {
        return Some(Budget { first, quick: raw.quick, full: raw.full });
    }
    let span = node.entries().first().map_or(&node.span, |(key, _)| &key.span);
    let found = format!("a budget of {first}, {}, {} does not grow", raw.quick, raw.full);
    problems.push(Problem::new(span, found, "expected first ≤ quick ≤ full"));
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn combinations_vary_the_last_axis_fastest() {
        let axes =
            [("a".to_owned(), vec![json!(1), json!(2)]), ("b".to_owned(), vec![json!("x"), json!("y")])];
        let labels: Vec<String> = combinations(&axes).iter().map(label).collect();
        assert_eq!(labels, ["a 1, x", "a 1, y", "a 2, x", "a 2, y"]);
        assert_eq!(combinations(&[]), [Layer::new()]);
    }
}
