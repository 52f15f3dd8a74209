//! When two JSON outputs are the same.

use serde_json::Value;

/// Numbers a and b agree if |a − b| ≤ `TOLERANCE` · max(1, |a|, |b|).
pub const TOLERANCE: f64 = 1e-7;

/// The first place at which `found` differs from `wanted`, as a JSON pointer with both values;
/// `None` if they agree. Keys that `wanted` lacks are not looked at.
#[must_use]
pub fn difference(wanted: &Value, found: &Value) -> Option<String> {
    at(wanted, found, "")
}

fn at(wanted: &Value, found: &Value, place: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(a), Value::Object(b)) => a.iter().find_map(|(key, value)| {
            let place = format!("{place}/{key}");
            match b.get(key) {
                Some(other) => at(value, other, &place),
                None => Some(format!("{place} is missing")),
            }
        }),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| at(a, b, &format!("{place}/{i}")))
        }
        (Value::Array(a), Value::Array(b)) => {
            Some(format!("{} has {} items, expected {}", named(place), b.len(), a.len()))
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            let scale = a.abs().max(b.abs()).max(1.0);
            let same = (a - b).abs() <= TOLERANCE * scale;
            (!same).then(|| format!("{} is {b}, expected {a}", named(place)))
        }
        (a, b) => (a != b).then(|| format!("{} is {b}, expected {a}", named(place))),
    }
}

fn named(place: &str) -> &str {
    if place.is_empty() { "the output" } else { place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_agree_within_the_tolerance_and_everything_else_exactly() {
        let wanted = json!({ "a": [1.0, 2.0], "b": "x", "c": null });
        assert_eq!(
            difference(&wanted, &json!({ "a": [1, 2.000_000_01], "b": "x", "c": null, "d": 1 })),
            None
        );
        for (other, place) in [
            (json!({ "a": [1.0, 2.1], "b": "x", "c": null }), "/a/1 is 2.1"),
            (json!({ "a": [1.0], "b": "x", "c": null }), "/a has 1 items"),
            (json!({ "a": [1.0, 2.0], "b": "y", "c": null }), "/b is"),
            (json!({ "a": [1.0, 2.0], "b": "x" }), "/c is missing"),
            (json!([1.0]), "the output is"),
        ] {
            let told = difference(&wanted, &other).unwrap();
            assert!(told.starts_with(place), "{told}");
        }
    }
}
