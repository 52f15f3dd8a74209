//! How much can be asked for.
//!
//! Settings, inputs and instances come from others: command lines, files, standard input. A size without
//! a limit could ask for more memory than there is, so every whole number and every list has one, stated
//! in its schema, and held wherever a schema is. Types state their own where they know better.

use schemars::{
    JsonSchema, Schema, schema_for,
    transform::{RecursiveTransform, Transform as _},
};
use serde_json::Value;

/// Most items of a list whose type does not say.
pub const MOST_ITEMS: u64 = 10_000;
/// Largest whole number whose type does not say.
pub const MOST: u64 = 1_000_000;

/// The schema of a type, with a limit for every whole number and every list. A whole number of 64 bits
/// is a label or a seed by its name; any is as good as another.
#[must_use]
pub fn schema_of<T: JsonSchema>() -> Schema {
    let mut schema = schema_for!(T);
    RecursiveTransform(limit).transform(&mut schema);
    schema
}

fn limit(schema: &mut Schema) {
    let Some(keys) = schema.as_object_mut() else { return };
    let is = |wanted: &str| match keys.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
        _ => false,
    };
    let (is_list, is_whole) = (is("array"), is("integer"));
    let is_label = keys.get("format").is_some_and(|format| format == "uint64");
    if is_list {
        keys.entry("maxItems").or_insert_with(|| MOST_ITEMS.into());
    }
    if is_whole && !keys.contains_key("exclusiveMaximum") {
        keys.entry("maximum").or_insert_with(|| if is_label { u64::MAX } else { MOST }.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[allow(dead_code, reason = "only its schema is wanted")]
    struct Sizes {
        any: usize,
        maybe: Option<u32>,
        #[schemars(range(max = 7))]
        own: u64,
        seed: u64,
        rows: Vec<Vec<u32>>,
        pair: [f64; 2],
    }

    #[test]
    fn every_size_has_a_limit() {
        let schema = schema_of::<Sizes>();
        let at = |place: &str| schema.pointer(&format!("/properties/{place}")).and_then(Value::as_u64);
        assert_eq!(at("any/maximum"), Some(MOST));
        assert_eq!(at("maybe/maximum"), Some(MOST));
        assert_eq!(at("own/maximum"), Some(7));
        assert_eq!(at("seed/maximum"), Some(u64::MAX));
        assert_eq!(at("rows/maxItems"), Some(MOST_ITEMS));
        assert_eq!(at("rows/items/maxItems"), Some(MOST_ITEMS));
        assert_eq!(at("rows/items/items/maximum"), Some(MOST));
        assert_eq!(at("pair/maxItems"), Some(2));
    }
}
