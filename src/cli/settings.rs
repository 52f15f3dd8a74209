//! Settings and inputs given on the command line or in JSON, held to their schemas.

use serde_json::{Map, Value};

use super::{Refusal, unknown};
use crate::{
    claim::{problem::Problem, schema, tree::Node},
    papers::leaf::Experiment,
};

/// Holds a JSON value to a schema.
pub(super) fn hold(value: &Value, wanted: &Value) -> Result<Value, Refusal> {
    let mut problems = Vec::new();
    let held = schema::hold(&Node::of_json(value), wanted, &mut problems);
    match (held, problems.is_empty()) {
        (Some(held), true) => Ok(held),
        _ => Err(Refusal::usage(told(&problems))),
    }
}

fn told(problems: &[Problem]) -> String {
    let one = |problem: &Problem| {
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}{}{help}", problem.message, problem.suggestion())
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
            _ => return Err(Refusal::usage(format!("{key}: {}", told(&problems)))),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn assignments_are_json_or_text() {
        assert_eq!(assignment("T=2000"), Ok(("T".into(), json!(2000))));
        assert_eq!(assignment("grid=[0.1,0.2]"), Ok(("grid".into(), json!([0.1, 0.2]))));
        assert_eq!(assignment("algorithm=ofs"), Ok(("algorithm".into(), json!("ofs"))));
        assert!(assignment("T").is_err() && assignment("=1").is_err());
    }
}
