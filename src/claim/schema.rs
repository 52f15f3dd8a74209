//! Holds a tree to a JSON Schema, and tells everything that does not fit, each at its place.
//!
//! The schemas are those that `schemars` derives from the types of this crate; what these use of
//! JSON Schema is understood, and nothing else. One walker serves the YAML files, the input of
//! functions and the settings on a command line.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{
    problem::Problem,
    tree::{Kind, Node},
};

/// Holds `node` to `schema`; adds what is wrong to `problems`. Returns the value without unknown
/// and repeated keys, or nothing if no value of the type can be made of it.
#[must_use]
pub fn hold(node: &Node, schema: &Value, problems: &mut Vec<Problem>) -> Option<Value> {
    hold_part(node, schema, schema, problems)
}

/// Holds `node` to a part of the schema `root`.
pub fn hold_part(node: &Node, root: &Value, part: &Value, problems: &mut Vec<Problem>) -> Option<Value> {
    Walker { root, problems }.walk(node, part)
}

struct Walker<'a> {
    root: &'a Value,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Walker<'a> {
    fn walk(&mut self, node: &Node, schema: &'a Value) -> Option<Value> {
        if schema.as_bool() == Some(true) {
            return Some(node.json());
        }
        let schema = self.resolve(schema);
        if let Some(variants) = list(schema, "oneOf").or_else(|| list(schema, "anyOf")) {
            return self.variants(node, variants);
        }
        if let Some(constant) = schema.get("const") {
            return self.one_of(node, &[constant]);
        }
        if let Some(words) = list(schema, "enum") {
            return self.one_of(node, &words.iter().collect::<Vec<_>>());
        }
        match &node.kind {
            Kind::Map(_) if accepts(schema, "object") => self.map(node, schema),
            Kind::List(items) if accepts(schema, "array") => self.list(node, items, schema),
            Kind::Scalar(value) if scalar_fits(value, schema) => self.scalar(node, value, schema),
            _ => {
                self.expected(node, &wanted(schema));
                None
            }
        }
    }

    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        while let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let Some(target) = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer))
            else {
                break;
            };
            schema = target;
        }
        schema
    }

    /// One of several schemas: words, objects told apart by a constant key, or a value that may be
    /// missing.
    fn variants(&mut self, node: &Node, variants: &'a [Value]) -> Option<Value> {
        let variants: Vec<&'a Value> = variants.iter().map(|v| self.resolve(v)).collect();
        let words: Vec<&Value> = variants
            .iter()
            .flat_map(|v| v.get("const").into_iter().chain(list(v, "enum").into_iter().flatten()))
            .collect();
        if words.len() >= variants.len() {
            return self.one_of(node, &words);
        }
        if let Some(tag) = variants.iter().find_map(|v| tag_of(v)) {
            return self.tagged(node, tag, &variants);
        }
        if variants.iter().any(|v| accepts(v, "null")) {
            if node.kind == Kind::Scalar(Value::Null) {
                return Some(Value::Null);
            }
            if let Some(some) = variants.iter().find(|v| !accepts(v, "null")) {
                return self.walk(node, some);
            }
        }
        if words.contains(&&node.json()) {
            return Some(node.json());
        }
        let has_all = |v: &&&Value| {
            list(v, "required")
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .all(|key| node.get(key).is_some())
        };
        let shaped = || variants.iter().filter(|v| shape_fits(node, v));
        let fitting = shaped().find(has_all).or_else(|| shaped().next()).copied();
        if let Some(variant) = fitting {
            return self.walk(node, variant);
        }
        let all: Vec<String> = variants.iter().map(|v| wanted(v)).collect();
        self.expected(node, &all.join(" or "));
        None
    }

    fn tagged(&mut self, node: &Node, tag: &str, variants: &[&'a Value]) -> Option<Value> {
        if !matches!(node.kind, Kind::Map(_)) {
            self.expected(node, &format!("a map with the key `{tag}`"));
            return None;
        }
        let Some((_, choice)) = node.entry(tag) else {
            self.missing(node, tag);
            return None;
        };
        let constant = |v: &'a Value| v.pointer(&format!("/properties/{tag}/const"));
        if let Some(variant) = variants.iter().find(|v| constant(v) == Some(&choice.json())) {
            return self.walk(node, variant);
        }
        let words: Vec<&Value> = variants.iter().filter_map(|v| constant(v)).collect();
        self.one_of(choice, &words);
        None
    }

    fn one_of(&mut self, node: &Node, words: &[&Value]) -> Option<Value> {
        let value = node.json();
        if words.contains(&&value) {
            return Some(value);
        }
        let names: Vec<&str> = words.iter().filter_map(|w| w.as_str()).collect();
        match node.text() {
            Some(text) => {
                let mut problem = Problem::unknown(&node.span, "word", text, names.iter().copied());
                problem.help = Some(format!("expected one of: {}", names.join(", ")));
                self.problems.push(problem);
            }
            None => self.expected(node, &format!("one of: {}", names.join(", "))),
        }
        None
    }

    fn map(&mut self, node: &Node, schema: &'a Value) -> Option<Value> {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let others = schema.get("additionalProperties");
        let mut value = Map::new();
        let mut whole = true;
        for (key, child) in node.entries() {
            if value.contains_key(&key.name) {
                let problem = Problem::new(&key.span, format!("repeated key `{}`", key.name), "stands again");
                self.problems.push(problem.help("a key may stand once"));
                continue;
            }
            let child_schema = schema
                .get("properties")
                .and_then(|p| p.get(&key.name))
                .or_else(|| others.filter(|o| o.as_bool() != Some(false)));
            let Some(child_schema) = child_schema else {
                if others.is_some() {
                    let known = properties.keys().map(String::as_str);
                    self.problems.push(Problem::unknown(&key.span, "key", &key.name, known));
                } else {
                    value.insert(key.name.clone(), child.json());
                }
                continue;
            };
            match self.walk(child, child_schema) {
                Some(child) => {
                    value.insert(key.name.clone(), child);
                }
                None => whole = false,
            }
        }
        for required in list(schema, "required").into_iter().flatten().filter_map(Value::as_str) {
            if node.get(required).is_none() {
                self.missing(node, required);
                whole = false;
            }
        }
        whole.then_some(Value::Object(value))
    }

    fn list(&mut self, node: &Node, items: &[Node], schema: &'a Value) -> Option<Value> {
        let (least, most) = (count(schema, "minItems"), count(schema, "maxItems"));
        if least.is_some_and(|n| items.len() < n) || most.is_some_and(|n| items.len() > n) {
            let wanted = match (least, most) {
                (Some(n), Some(m)) if n == m => format!("a list of {n}"),
                (Some(n), Some(m)) => format!("a list of {n} to {m}"),
                (Some(n), None) => format!("a list of at least {n}"),
                (_, m) => format!("a list of at most {}", m.unwrap_or(0)),
            };
            self.expected_found(&node.span, &wanted, &format!("a list of {}", items.len()));
            return None;
        }
        let first = list(schema, "prefixItems").unwrap_or_default();
        let rest = schema.get("items");
        let mut values = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match first.get(i).or(rest) {
                Some(item_schema) => values.push(self.walk(item, item_schema)),
                None => values.push(Some(item.json())),
            }
        }
        values.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn scalar(&mut self, node: &Node, value: &Value, schema: &'a Value) -> Option<Value> {
        if let Some(number) = value.as_f64() {
            let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
            let too_small = limit("minimum").is_some_and(|l| number < l)
                || limit("exclusiveMinimum").is_some_and(|l| number <= l);
            let too_large = limit("maximum").is_some_and(|l| number > l)
                || limit("exclusiveMaximum").is_some_and(|l| number >= l);
            if too_small || too_large {
                self.expected(node, &wanted(schema));
                return None;
            }
        }
        if let Some(text) = value.as_str()
            && count(schema, "minLength").is_some_and(|n| text.chars().count() < n)
        {
            self.expected_found(&node.span, "a text that is not empty", "nothing");
            return None;
        }
        Some(value.clone())
    }

    fn expected(&mut self, node: &Node, wanted: &str) {
        self.expected_found(&node.span, wanted, &node.describe());
    }

    fn expected_found(&mut self, span: &Range<usize>, wanted: &str, found: &str) {
        let problem =
            Problem::new(span, format!("expected {wanted}, found {found}"), format!("expected {wanted}"));
        self.problems.push(problem);
    }

    fn missing(&mut self, node: &Node, key: &str) {
        let span = node.entries().first().map_or(&node.span, |(first, _)| &first.span);
        let problem = Problem::new(
            span,
            format!("missing key `{key}`"),
            format!("the map that starts here has no `{key}`"),
        );
        self.problems.push(problem);
    }
}

fn list<'a>(schema: &'a Value, key: &str) -> Option<&'a [Value]> {
    schema.get(key).and_then(Value::as_array).map(Vec::as_slice)
}

fn count(schema: &Value, key: &str) -> Option<usize> {
    schema.get(key).and_then(Value::as_u64).map(|n| n as usize)
}

fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn accepts(schema: &Value, kind: &str) -> bool {
    let types = types(schema);
    types.is_empty() && kind != "null" || types.contains(&kind)
}

fn scalar_fits(value: &Value, schema: &Value) -> bool {
    match value {
        Value::Null => accepts(schema, "null"),
        Value::Bool(_) => accepts(schema, "boolean"),
        Value::String(_) => accepts(schema, "string"),
        Value::Number(number) => accepts(schema, "number") || accepts(schema, "integer") && !number.is_f64(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn shape_fits(node: &Node, schema: &Value) -> bool {
    match &node.kind {
        Kind::Map(_) => accepts(schema, "object"),
        Kind::List(_) => accepts(schema, "array"),
        Kind::Scalar(value) => scalar_fits(value, schema),
    }
}

/// The key by whose constant the variants of a union are told apart.
fn tag_of(variant: &Value) -> Option<&str> {
    let properties = variant.get("properties")?.as_object()?;
    properties.iter().find(|(_, schema)| schema.get("const").is_some()).map(|(key, _)| key.as_str())
}

/// What a schema asks for, in words.
fn wanted(schema: &Value) -> String {
    let range = || {
        let limit = |key: &str| schema.get(key).and_then(Value::as_f64);
        let least = limit("minimum").map(|l| format!("≥ {l}"));
        let most = limit("maximum").map(|l| format!("≤ {l}"));
        let above = limit("exclusiveMinimum").map(|l| format!("> {l}"));
        let below = limit("exclusiveMaximum").map(|l| format!("< {l}"));
        let parts: Vec<String> = least.or(above).into_iter().chain(most.or(below)).collect();
        if parts.is_empty() { String::new() } else { format!(" {}", parts.join(" and ")) }
    };
    let words: Vec<String> = types(schema)
        .into_iter()
        .map(|kind| match kind {
            "object" => "a map".to_owned(),
            "array" => "a list".to_owned(),
            "string" => "a text".to_owned(),
            "integer" => format!("a whole number{}", range()),
            "number" => format!("a number{}", range()),
            "boolean" => "true or false".to_owned(),
            other => other.to_owned(),
        })
        .filter(|word| word != "null")
        .collect();
    if words.is_empty() { "another value".into() } else { words.join(" or ") }
}
