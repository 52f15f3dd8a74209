//! YAML as a tree in which every value and key knows where it stands.
//!
//! Repeated keys are kept, so that they can be reported together with everything else that is
//! wrong; merge keys, tags and several documents are refused, aliases and depth are limited.

use std::{fmt, ops::Range};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use serde_yaml::{DuplicateKeyPolicy, MergeKeyPolicy, Spanned, budget, options};

/// Largest file that is read, in bytes.
pub const MOST_BYTES: usize = 1 << 20;
/// Deepest nesting.
const MOST_DEPTH: usize = 24;
/// Most values in a file, those behind aliases counted at each use.
const MOST_NODES: usize = 100_000;
/// Most uses of aliases in a file.
const MOST_ALIASES: usize = 100;

/// A value, and the bytes at which it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// First byte, and first byte behind; the first token only for lists and maps.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A number, a text, a truth value or nothing.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A map; repeated keys are kept.
    Map(Vec<(Key, Node)>),
}

/// A key of a map, and the bytes at which it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// First byte, and first byte behind.
    pub span: Range<usize>,
    /// The key.
    pub name: String,
}

/// Why a text is no YAML tree.
#[derive(Clone, Debug, PartialEq)]
pub struct Syntax {
    /// Where.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
}

impl Node {
    /// Reads YAML text.
    ///
    /// # Errors
    /// The first place at which the text is no YAML, or exceeds a limit.
    pub fn read(text: &str) -> Result<Self, Syntax> {
        let options = options! {
            budget: budget! { max_depth: MOST_DEPTH, max_nodes: MOST_NODES, max_aliases: MOST_ALIASES },
            duplicate_keys: DuplicateKeyPolicy::PassThrough,
            merge_keys: MergeKeyPolicy::Error,
            strict_booleans: true,
            with_snippet: false,
        };
        serde_yaml::from_str_with_options(text, options).map_err(|error| {
            let span = error.location().map_or(0..0, |location| place(&location, text));
            let message = match error.without_snippet() {
                // A breach inside an alias comes wrapped, and is known by its words only.
                other if other.to_string().starts_with("budget breached") => format!(
                    "too much for one file: at most {MOST_NODES} values, aliases expanded, {MOST_ALIASES} aliases, \
                     {MOST_DEPTH} levels"
                ),
                serde_yaml::Error::MultipleDocuments { .. } => "a second document: a file holds one".into(),
                other => without_place(&other.to_string()),
            };
            Syntax { span, message }
        })
    }

    /// A tree from JSON. Positions are numbers of values, from 0 in the order in which they are written:
    /// see [`path_in_json`].
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        Self::numbered(value, &mut 0)
    }

    fn numbered(value: &Value, next: &mut usize) -> Self {
        let span = *next..*next + 1;
        *next += 1;
        let kind = match value {
            Value::Array(items) => Kind::List(items.iter().map(|item| Self::numbered(item, next)).collect()),
            Value::Object(map) => Kind::Map(
                map.iter()
                    .map(|(name, value)| {
                        (Key { span: span.clone(), name: name.clone() }, Self::numbered(value, next))
                    })
                    .collect(),
            ),
            scalar => Kind::Scalar(scalar.clone()),
        };
        Self { span, kind }
    }

    /// The same value as JSON; of repeated keys the first stays.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.kind {
            Kind::Scalar(value) => value.clone(),
            Kind::List(items) => items.iter().map(Self::json).collect(),
            Kind::Map(entries) => {
                let mut map = serde_json::Map::new();
                for (key, value) in entries {
                    map.entry(key.name.clone()).or_insert_with(|| value.json());
                }
                Value::Object(map)
            }
        }
    }

    /// The value of a key, if this is a map that has it.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|(_, value)| value)
    }

    /// The first entry of a key, if this is a map that has it.
    #[must_use]
    pub fn entry(&self, name: &str) -> Option<(&Key, &Self)> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(key, value)| (key, value))
    }

    /// The entries, if this is a map.
    #[must_use]
    pub fn entries(&self) -> &[(Key, Self)] {
        if let Kind::Map(entries) = &self.kind { entries } else { &[] }
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        if let Kind::List(items) = &self.kind { items } else { &[] }
    }

    /// The text, if this is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        if let Kind::Scalar(Value::String(text)) = &self.kind { Some(text) } else { None }
    }

    /// What it is, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
            Kind::Scalar(Value::Null) => "nothing".into(),
            Kind::Scalar(Value::String(text)) => format!("the text `{text}`"),
            Kind::Scalar(Value::Bool(truth)) => format!("the truth value `{truth}`"),
            Kind::Scalar(other) => format!("the number `{other}`"),
        }
    }
}

/// A message without the line and column that it ends on; they are shown with the text.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

/// The bytes of an error's location, which may be given by line and column only.
fn place(location: &serde_yaml::Location, text: &str) -> Range<usize> {
    if location.span().byte_offset().is_some() {
        return bytes(location, text.len());
    }
    let (line, column) = (location.line() as usize, location.column() as usize);
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let inside = text[before..].chars().take(column.saturating_sub(1)).map(char::len_utf8).sum::<usize>();
    let start = (before + inside).min(text.len());
    start..(start + 1).min(text.len())
}

fn bytes(location: &serde_yaml::Location, end: usize) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().map_or(0, |b| (b as usize).min(end));
    let length = span.byte_len().map_or(0, |b| b as usize);
    start..(start + length).min(end)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Kind>::deserialize(deserializer)?;
        Ok(Self { span: bytes(&referenced, usize::MAX), kind: value })
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindVisitor)
    }
}

struct KindVisitor;

impl<'de> Visitor<'de> for KindVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        Kind::deserialize(deserializer)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Kind, E> {
        Ok(Kind::Scalar(truth.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Kind, E> {
        Ok(Kind::Scalar(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Kind, E> {
        Ok(Kind::Scalar(number.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Kind, E> {
        Number::from_f64(number)
            .map(|n| Kind::Scalar(Value::Number(n)))
            .ok_or_else(|| E::custom("expected a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Kind, E> {
        Ok(Kind::Scalar(text.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(Spanned { value: name, referenced, .. }) = map.next_key::<Spanned<String>>()? {
            let key = Key { span: bytes(&referenced, usize::MAX), name };
            entries.push((key, map.next_value()?));
        }
        Ok(Kind::Map(entries))
    }
}

/// Where the value with this number stands in JSON, such as `rows[2].mean`; nothing for the whole.
#[must_use]
pub fn path_in_json(value: &Value, number: usize) -> String {
    fn find(value: &Value, left: &mut usize, path: &str) -> Option<String> {
        if *left == 0 {
            return Some(path.to_owned());
        }
        *left -= 1;
        let dot = if path.is_empty() { "" } else { "." };
        match value {
            Value::Array(items) => {
                items.iter().enumerate().find_map(|(i, item)| find(item, left, &format!("{path}[{i}]")))
            }
            Value::Object(map) => {
                map.iter().find_map(|(name, item)| find(item, left, &format!("{path}{dot}{name}")))
            }
            _ => None,
        }
    }
    find(value, &mut { number }, "").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_keys_know_where_they_stand() {
        let text = "a: 1\nb:\n  - x\n  - {c: 2.5e-3}\na: yes\n";
        let tree = Node::read(text).unwrap();
        assert_eq!(tree.entries().len(), 3, "repeated keys are kept");
        let (key, list) = tree.entry("b").unwrap();
        assert_eq!(&text[key.span.clone()], "b");
        assert_eq!(&text[list.items()[0].span.clone()], "x");
        let number = list.items()[1].get("c").unwrap();
        assert_eq!(&text[number.span.clone()], "2.5e-3");
        assert_eq!(number.json(), 0.0025);
        assert_eq!(tree.entries()[2].1.text(), Some("yes"));
    }

    #[test]
    fn values_of_json_know_where_they_stand() {
        let value = serde_json::json!({ "a": [[1], {}], "b": { "c": [0, { "d": null }] }, "e": 2 });
        let tree = Node::of_json(&value);
        let path = |node: &Node| path_in_json(&value, node.span.start);
        assert_eq!((tree.span.clone(), path(&tree)), (0..1, String::new()));
        assert_eq!(path(&tree.get("a").unwrap().items()[1]), "a[1]");
        let inner = &tree.get("b").unwrap().get("c").unwrap().items()[1];
        assert_eq!(path(inner.get("d").unwrap()), "b.c[1].d");
        assert_eq!(path(tree.get("e").unwrap()), "e");
    }

    #[test]
    fn what_is_no_plain_tree_is_refused_with_its_place() {
        for (text, place) in [
            ("a: [1, 2\nb: 3\n", 1),
            ("a: .nan\n", 1),
            ("a: {b: 1}\nc: {<<: {d: 1}}\n", 1),
            ("---\na: 1\n---\na: 2\n", 1),
            ("a: &x [1, 2]\nb: *y\n", 1),
        ] {
            let error = Node::read(text).unwrap_err();
            assert!(error.span.start >= place, "{text:?}: {error:?}");
        }
        let bomb = format!("a: &a [x, x]\nb: [{}]\n", "*a, ".repeat(101));
        assert!(Node::read(&bomb).is_err());
        assert!(Node::read(&"[".repeat(40)).is_err());
    }
}
