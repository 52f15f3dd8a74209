//! Counterexamples in brief: long arrays and long texts are cut, and say so.

use serde_json::Value;

use super::{markdown::abridged, number::number};

/// Items of an array that are shown.
const ITEMS: usize = 8;
/// Characters of an instance that are shown.
const LONGEST: usize = 600;

/// The instance of a counterexample, in one line.
#[must_use]
pub fn instance(counterexample: &Value) -> String {
    let instance = counterexample.get("instance").unwrap_or(counterexample);
    abridged(&brief(instance), LONGEST)
}

/// What was measured on the instance, such as `error 0.4, slack -1`.
#[must_use]
pub fn measured(counterexample: &Value) -> String {
    let measured = counterexample.get("measured").and_then(Value::as_object).into_iter().flatten();
    let values = measured.map(|(name, value)| match value.as_f64() {
        Some(x) => format!("{name} {}", number(x)),
        None => format!("{name} {value}"),
    });
    values.collect::<Vec<_>>().join(", ")
}

fn brief(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut shown: Vec<String> = items.iter().take(ITEMS).map(brief).collect();
            if items.len() > ITEMS {
                shown.push(format!("… {} more", items.len() - ITEMS));
            }
            format!("[{}]", shown.join(", "))
        }
        Value::Object(entries) => {
            let shown: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", Value::from(key.as_str()), brief(value)))
                .collect();
            format!("{{{}}}", shown.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_arrays_are_cut() {
        let long: Vec<u32> = (0..20).collect();
        let counterexample =
            json!({ "instance": { "a": long, "b": [0.5] }, "measured": { "error": 0.123_456 } });
        assert_eq!(instance(&counterexample), r#"{"a": [0, 1, 2, 3, 4, 5, 6, 7, … 12 more], "b": [0.5]}"#);
        assert_eq!(measured(&counterexample), "error 0.1235");
    }

    #[test]
    fn anything_can_be_a_counterexample() {
        assert_eq!(instance(&json!(3)), "3");
        assert_eq!(measured(&json!(3)), "");
    }
}
