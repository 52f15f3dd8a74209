//! Where random numbers come from.
//!
//! The key of a replicate is a hash of (root seed, paper, experiment, settings without treatments,
//! replicate number); consumers inside the replicate are told apart by labels
//! ([`crate::kernel::stream`]). Faults do not enter, so a control sees the same random numbers as
//! the reference; treatments do not enter, so compared arms share theirs. The key of a property is
//! a hash of (root seed, claim, property), so its instances are the same under every fault.

use serde_json::{Map, Value, json};

use crate::{kernel::stream::Streams, papers::leaf::Experiment};

/// JSON with the keys of every object sorted, without white space: equal values, equal text.
#[must_use]
pub fn canonical_json(value: &Value) -> String {
    sorted(value).to_string()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().map(|(k, v)| (k.clone(), sorted(v))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Hexadecimal digest of a value's canonical JSON.
#[must_use]
pub fn digest(value: &Value) -> String {
    blake3::hash(canonical_json(value).as_bytes()).to_hex().to_string()
}

/// The randomness of one replicate.
pub(super) fn replicate_streams(
    root_seed: u64,
    paper: &str,
    experiment: &Experiment,
    settings: &Value,
    replicate: u64,
) -> Streams {
    let environment: Map<String, Value> = settings
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !experiment.treatments.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    Streams::new(key(&json!([root_seed, paper, experiment.name, environment, replicate])))
}

/// The seed of a property's generator.
pub(super) fn property_seed(root_seed: u64, claim: &str, property: &str) -> [u8; 32] {
    key(&json!([root_seed, claim, property]))
}

fn key(identity: &Value) -> [u8; 32] {
    *blake3::hash(canonical_json(identity).as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_of_every_claim_has_a_seed_of_its_own() {
        let seeds = [(0, "a.1", "p"), (1, "a.1", "p"), (0, "a.2", "p"), (0, "a.1", "q")]
            .map(|(root, claim, property)| property_seed(root, claim, property));
        let distinct: std::collections::BTreeSet<_> = seeds.iter().collect();
        assert_eq!(distinct.len(), seeds.len());
    }

    #[test]
    fn canonical_json_forgets_the_order_of_keys() {
        let a: Value = serde_json::from_str(r#"{"b": {"d": 1, "c": [2.0]}, "a": null}"#).unwrap();
        let b: Value = serde_json::from_str(r#"{"a": null, "b": {"c": [2.0], "d": 1}}"#).unwrap();
        assert_eq!(canonical_json(&a), canonical_json(&b));
        assert_eq!(canonical_json(&a), r#"{"a":null,"b":{"c":[2.0],"d":1}}"#);
    }
}
