//! Numbers that are none.
//!
//! JSON has no NaN and no infinity: a writer puts `null` in their place. Where the schema of an output
//! allows no `null`, one is a hole that a computation left.

use serde_json::Value;

/// Where a value has a hole, as a path such as `rows[2].mean`.
pub fn hole(value: &Value, schema: &Value) -> Option<String> {
    within(value, schema, schema, String::new())
}

fn within(value: &Value, schema: &Value, root: &Value, path: String) -> Option<String> {
    let schema = resolved(schema, root);
    if let Some(variants) = ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array()) {
        let fitting = variants.iter().filter(|variant| fits(value, resolved(variant, root)));
        let mut found = fitting.map(|variant| within(value, variant, root, path.clone()));
        // One variant without a hole is enough.
        return found.try_fold(None, |_, hole| hole.map(Some)).flatten();
    }
    match value {
        Value::Null => (!allows_null(schema)).then_some(path),
        Value::Array(list) => list.iter().enumerate().find_map(|(i, one)| {
            let inner = schema.pointer(&format!("/prefixItems/{i}")).or_else(|| schema.get("items"))?;
            within(one, inner, root, format!("{path}[{i}]"))
        }),
        Value::Object(fields) => fields.iter().find_map(|(name, one)| {
            let own = schema.get("properties").and_then(|properties| properties.get(name));
            let dot = if path.is_empty() { "" } else { "." };
            within(
                one,
                own.or_else(|| schema.get("additionalProperties"))?,
                root,
                format!("{path}{dot}{name}"),
            )
        }),
        _ => None,
    }
}

/// A schema, or that which it refers to.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    let target = schema.get("$ref").and_then(Value::as_str);
    target.and_then(|target| root.pointer(target.trim_start_matches('#'))).unwrap_or(schema)
}

/// Whether a value is of the kind of a variant: a map with all its keys, a list, or a single value.
fn fits(value: &Value, variant: &Value) -> bool {
    let is = |kind: &str| variant.get("type").is_none_or(|own| own == kind);
    let required = variant.get("required").and_then(Value::as_array);
    match value {
        Value::Object(fields) => {
            let has = |key: &Value| key.as_str().is_some_and(|key| fields.contains_key(key));
            is("object") && required.into_iter().flatten().all(has)
        }
        Value::Array(_) => is("array"),
        _ => true,
    }
}

fn allows_null(schema: &Value) -> bool {
    match schema.get("type") {
        Some(Value::Array(types)) => types.iter().any(|one| one == "null"),
        Some(one) => one == "null",
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::{JsonSchema, schema_for};
    use serde::Serialize;
    use std::collections::BTreeMap;

    #[derive(Clone, Serialize, JsonSchema)]
    struct Row {
        mean: f64,
        known: Option<f64>,
    }

    #[derive(Clone, Serialize, JsonSchema)]
    #[serde(tag = "kind")]
    enum Either {
        Left { low: f64 },
        Right { high: f64 },
    }

    #[derive(Clone, Serialize, JsonSchema)]
    struct Output {
        rows: Vec<Row>,
        best: Option<Row>,
        either: Either,
        pair: (f64, f64),
        named: BTreeMap<String, f64>,
    }

    fn found(change: &dyn Fn(&mut Output)) -> Option<String> {
        let row = Row { mean: 0.5, known: None };
        let named = BTreeMap::from([("a".to_owned(), 1.0)]);
        let either = Either::Left { low: 0.0 };
        let mut output = Output { rows: vec![row; 3], best: None, either, pair: (0.0, 1.0), named };
        change(&mut output);
        hole(&serde_json::to_value(&output).unwrap(), schema_for!(Output).as_value())
    }

    #[test]
    fn holes_are_found_at_every_depth() {
        assert_eq!(found(&|_| ()), None);
        assert_eq!(found(&|o| o.rows[2].mean = f64::NAN).as_deref(), Some("rows[2].mean"));
        assert_eq!(found(&|o| o.pair.1 = f64::INFINITY).as_deref(), Some("pair[1]"));
        assert_eq!(found(&|o| *o.named.get_mut("a").unwrap() = f64::NAN).as_deref(), Some("named.a"));
        let best = Row { mean: f64::NEG_INFINITY, known: Some(1.0) };
        assert_eq!(found(&|o| o.best = Some(best.clone())).as_deref(), Some("best.mean"));
        let either = found(&|o| o.either = Either::Right { high: f64::NAN });
        assert_eq!(either.as_deref(), Some("either.high"));
    }

    #[test]
    fn what_may_be_absent_is_no_hole() {
        assert_eq!(found(&|o| o.best = Some(Row { mean: 1.0, known: None })), None);
    }

    #[test]
    fn a_number_alone_is_a_hole_without_a_path() {
        assert_eq!(hole(&Value::Null, schema_for!(f64).as_value()).as_deref(), Some(""));
    }
}
