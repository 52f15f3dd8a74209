//! Settings and inputs given on the command line or in JSON, held to their schemas.

use serde_json::{Map, Value};

use super::{Refusal, unknown};
use crate::{
    claim::{
        problem::Problem,
        schema,
        tree::{Node, path_in_json},
    },
    papers::leaf::Experiment,
};

/// Holds a JSON value to a schema.
pub(super) fn hold(value: &Value, wanted: &Value) -> Result<Value, Refusal> {
    let mut problems = Vec::new();
    let held = schema::hold(&Node::of_json(value), wanted, &mut problems);
    match (held, problems.is_empty()) {
        (Some(held), true) => Ok(held),
        _ => Err(Refusal::usage(told("", value, &problems))),
    }
}

/// What is wrong with a value, and where in it.
fn told(name: &str, value: &Value, problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let inside = path_in_json(value, problem.span.0);
        let place = if name.is_empty() || inside.is_empty() || inside.starts_with('[') {
            format!("{name}{inside}")
        } else {
            format!("{name}.{inside}")
        };
        let colon = if place.is_empty() { "" } else { ": " };
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{place}{colon}{}{}{help}", problem.message, problem.suggestion())
    };
    problems.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// `key=value`, the value read as JSON, or as a text if it is none.
///
/// # Errors
/// Says that the text has not this form.
pub fn assignment(text: &str) -> Result<(String, Value), String> {
    let (key, value) = text.split_once('=').ok_or("expected `key=value`")?;
    if key.is_empty() {
        return Err("expected `key=value`, the key is empty".into());
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((key.to_owned(), value))
}

/// Puts settings on top of others, held to those of the experiment.
///
/// # Errors
/// Says which setting is unknown, or what is wrong with its value.
pub fn apply(
    settings: &mut Map<String, Value>,
    experiment: &Experiment,
    over: impl IntoIterator<Item = (String, Value)>,
) -> Result<(), Refusal> {
    let root = experiment.settings.as_value();
    for (key, value) in over {
        let all = root.get("properties").and_then(Value::as_object);
        let Some(wanted) = all.and_then(|all| all.get(&key)) else {
            let known = all.into_iter().flatten().map(|(name, _)| name.as_str());
            return Err(unknown(&format!("setting of `{}`", experiment.name), &key, known));
        };
        let mut problems = Vec::new();
        match schema::hold_part(&Node::of_json(&value), root, wanted, &mut problems) {
            Some(value) if problems.is_empty() => settings.insert(key, value),
            _ => return Err(Refusal::usage(told(&key, &value, &problems))),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let row = json!({ "type": "object", "properties": { "mean": { "type": "number" } } });
        let wanted = json!({ "properties": { "rows": { "type": "array", "items": row } } });
        let of = |value: &Value| hold(value, &wanted).unwrap_err().to_string();
        assert_eq!(
            of(&json!({ "rows": [{ "mean": 1 }, { "mean": "x" }] })),
            "rows[1].mean: expected a number, found the text `x`"
        );
        assert_eq!(of(&json!({ "rows": 1 })), "rows: expected a list, found the number `1`");
        let one = told("grid", &json!([1, "x"]), &[Problem::new(&(2..3), "wrong", "")]);
        assert_eq!(one, "grid[1]: wrong");
        assert_eq!(told("grid", &json!(2), &[Problem::new(&(0..1), "wrong", "")]), "grid: wrong");
    }

    #[test]
    fn assignments_are_json_or_text() {
        assert_eq!(assignment("T=2000"), Ok(("T".into(), json!(2000))));
        assert_eq!(assignment("grid=[0.1,0.2]"), Ok(("grid".into(), json!([0.1, 0.2]))));
        assert_eq!(assignment("algorithm=ofs"), Ok(("algorithm".into(), json!("ofs"))));
        assert!(assignment("T").is_err() && assignment("=1").is_err());
    }
}
