//! What is near to a text: the same bytes but for a few, or the same values but for a few.
//!
//! Most changes of bytes make no JSON of JSON, and never get past its reader. Changes of values do: lists
//! of other lengths, numbers at the edges of what can be written, texts and numbers in each other's places.
//! `tests/mutations.rs` uses both kinds, the fuzz targets leave the first to their engine.

use corroborate::{claim::tree::Node, kernel::splitmix::SplitMix64};
use serde_json::{Map, Value, json};

/// Pieces that mean something to some reader of text.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "-",
    "\n",
    "\n  ",
    " ",
    "\t",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "-0.0",
    "1e999",
    "1e-320",
    "0.1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999",
    "0x1F",
    "1_000",
    ".inf",
    ".nan",
    "\\u0000",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "é",
    "|",
    ">",
    "`",
    "](",
    "<script>",
    "{{#include a}}",
    "$$",
    "=",
    "%",
    "@",
    "? ",
    "---\n",
    "...\n",
    "\r\n",
];

/// Numbers at which something changes.
const NUMBERS: &[f64] = &[
    -1e308,
    -1e9,
    -1.0,
    -1e-9,
    -0.0,
    5e-324,
    1e-320,
    1e-160,
    1e-17,
    1e-9,
    0.3,
    0.5,
    0.999_999_999,
    1.0,
    1.000_000_001,
    3.5,
    50.0,
    710.0,
    1e9,
    1e16,
    1e155,
    1e308,
];

/// A text near to another of its kind.
pub fn near(text: &[u8], other: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let by_values = if random.bits().is_multiple_of(2) { None } else { values(text, random) };
    by_values.unwrap_or_else(|| bytes(text, other, random))
}

/// A text with a few bytes added, replaced, removed, repeated, or taken from another.
fn bytes(text: &[u8], other: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let mut near = text.to_vec();
    let mut below = |n: usize| (random.bits() % n.max(1) as u64) as usize;
    for _ in 0..=below(3) {
        let at = below(near.len() + 1);
        let end = (at + 1 + below(12)).min(near.len());
        match below(7) {
            0 => drop(near.splice(at..at, PIECES[below(PIECES.len())].bytes())),
            1 => drop(near.splice(at..end.max(at), PIECES[below(PIECES.len())].bytes())),
            2 => drop(near.splice(at..end.max(at), [])),
            3 => {
                let again = near[at..end.max(at)].to_vec();
                near.splice(at..at, again);
            }
            4 => near.truncate(at),
            5 if at < near.len() => near[at] ^= 1 << below(8),
            _ => {
                let from = below(other.len() + 1);
                let to = (from + 1 + below(60)).min(other.len());
                near.splice(at..at, other[from..to.max(from)].iter().copied());
            }
        }
    }
    near
}

/// The text with some of its values changed; nothing if it holds none that can be read.
pub fn values(text: &[u8], random: &mut SplitMix64) -> Option<Vec<u8>> {
    let (head, mut value, tail) = parts(std::str::from_utf8(text).ok()?, random)?;
    for _ in 0..=random.bits() % 3 {
        change(&mut value, random);
    }
    Some(format!("{head}{value}{tail}").into())
}

/// What stands before the values of a text, the values, and what stands behind: all of a text is JSON, or
/// all but its first line, all but two bytes, what follows `=` in one of its lines; or all of it is YAML.
fn parts<'a>(text: &'a str, random: &mut SplitMix64) -> Option<(&'a str, Value, &'a str)> {
    let line = text.find('\n').map_or(0, |at| at + 1);
    for at in [0, line, 2] {
        if let Some(value) = text.get(at..).and_then(|rest| serde_json::from_str(rest).ok()) {
            return Some((&text[..at], value, ""));
        }
    }
    let assigned: Vec<usize> = text.match_indices('=').map(|(at, _)| at + 1).collect();
    if let Some(at) = assigned.get(below(random, assigned.len())) {
        let end = text[*at..].find('\n').map_or(text.len(), |end| at + end);
        if let Ok(value) = serde_json::from_str(&text[*at..end]) {
            return Some((&text[..*at], value, &text[end..]));
        }
    }
    Some(("", Node::read(text).ok()?.json(), ""))
}

fn below(random: &mut SplitMix64, n: usize) -> usize {
    (random.bits() % n.max(1) as u64) as usize
}

/// Changes one value in a tree of them.
fn change(tree: &mut Value, random: &mut SplitMix64) {
    let count = count(tree);
    let other = nth_mut(tree, &mut below(random, count)).cloned().unwrap_or_default();
    let Some(one) = nth_mut(tree, &mut below(random, count)) else { return };
    *one = match std::mem::take(one) {
        _ if below(random, 12) == 0 => other,
        Value::Array(list) => Value::Array(changed_list(list, other, random)),
        Value::Object(fields) => Value::Object(changed_fields(fields, other, random)),
        Value::Number(number) => changed_number(&number, random),
        Value::Bool(yes) => Value::Bool(!yes),
        Value::String(_) | Value::Null => other,
    };
}

fn changed_list(mut list: Vec<Value>, other: Value, random: &mut SplitMix64) -> Vec<Value> {
    let at = below(random, list.len());
    match (below(random, 6), list.get(at).cloned()) {
        (0, Some(_)) => drop(list.remove(at)),
        (1, Some(one)) => list.insert(at, one),
        (2, Some(_)) => list.truncate(at),
        (3, Some(one)) => list.resize(list.len() + below(random, 30), one),
        (4, Some(_)) => list.swap(0, at),
        _ => list.push(other),
    }
    list
}

fn changed_fields(
    mut fields: Map<String, Value>,
    other: Value,
    random: &mut SplitMix64,
) -> Map<String, Value> {
    let Some(name) = fields.keys().nth(below(random, fields.len())).cloned() else { return fields };
    if below(random, 2) == 0 {
        fields.shift_remove(&name);
    } else {
        fields.insert(name, other);
    }
    fields
}

fn changed_number(number: &serde_json::Number, random: &mut SplitMix64) -> Value {
    if let Some(whole) = number.as_u64().filter(|_| below(random, 4) > 0) {
        let wholes = [0, 1, 2, 3, 7, 40, 1_000, 100_000, 1_000_000, u64::MAX];
        return match below(random, 4) {
            0 => whole.saturating_add(1).into(),
            1 => whole.saturating_sub(1).into(),
            2 => whole.saturating_mul(2).into(),
            _ => wholes[below(random, wholes.len())].into(),
        };
    }
    let x = number.as_f64().unwrap_or_default();
    match below(random, 6) {
        0 => json!(-x),
        1 => json!(x * (1.0 + 1e-15)),
        2 => json!(x * 1e3),
        _ => json!(NUMBERS[below(random, NUMBERS.len())]),
    }
}

/// How many values there are in a tree, itself among them.
fn count(tree: &Value) -> usize {
    1 + match tree {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0,
    }
}

/// The value of a tree with this number, in the order in which it is written.
fn nth_mut<'a>(tree: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(tree);
    }
    *number -= 1;
    match tree {
        Value::Array(list) => list.iter_mut().find_map(|one| nth_mut(one, number)),
        Value::Object(fields) => fields.values_mut().find_map(|one| nth_mut(one, number)),
        _ => None,
    }
}
