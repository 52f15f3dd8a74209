//! The reference part of FORMAT.md says what the schemas say.

use std::{fs, path::Path};

use serde_json::Value;

use super::cli::output;

const MARK: &str = "<!-- From the schemas; `UPDATE_FORMAT=1 cargo test formats` writes it anew. -->\n";

fn schema(of: &str) -> Value {
    serde_json::from_str(&output(&["schema", of], 0)).unwrap()
}

fn words(schema: &Value) -> String {
    schema["description"]
        .as_str()
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// The type of a value in a few words.
fn kind(schema: &Value) -> String {
    let name =
        |reference: &Value| reference.as_str().and_then(|r| r.rsplit('/').next()).map(|r| format!("`{r}`"));
    if let Some(name) = name(&schema["$ref"]) {
        return name;
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    let variants = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    if let Some(variants) = variants {
        return variants.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let of_type = |kind: &str| match kind {
        "array" if schema["items"].is_object() => format!("list of {}", self::kind(&schema["items"])),
        "array" => "list".into(),
        "object" if schema["additionalProperties"].is_object() => {
            format!("map to {}", self::kind(&schema["additionalProperties"]))
        }
        "object" => "map".into(),
        other => other.to_owned(),
    };
    match &schema["type"] {
        Value::String(kind) => of_type(kind),
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).map(of_type).collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".into(),
    }
}

/// Rows of a choice: a word, each of several words, or a map that one of its keys tells apart.
fn choice(choice: &Value) -> Vec<String> {
    let row = |word: &str, meaning: String| format!("| `{word}` | {meaning} |\n");
    if let Some(word) = choice["const"].as_str() {
        return vec![row(word, words(choice))];
    }
    if let Some(all) = choice["enum"].as_array() {
        return all.iter().filter_map(Value::as_str).map(|word| row(word, String::new())).collect();
    }
    let Some(keys) = choice["properties"].as_object() else { return vec![] };
    let Some((tag, value)) = keys.iter().find_map(|(key, of)| Some((key, of["const"].as_str()?))) else {
        return keys
            .iter()
            .map(|(key, of)| row(&format!("{key}: …"), format!("{} A {}.", words(choice), kind(of))))
            .collect();
    };
    let needed = |key: &String| choice["required"].as_array().is_some_and(|r| r.iter().any(|k| k == key));
    let listed = |wanted: bool| {
        let keys = keys.keys().filter(|key| *key != tag && needed(key) == wanted);
        keys.map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    };
    let meaning = format!("{} Needs {}; may have {}.", words(choice), listed(true), listed(false));
    vec![row(&format!("{tag}: {value}"), meaning)]
}

/// The keys of a map, or the words of a choice, as a table.
fn table(name: &str, schema: &Value) -> String {
    let mut out = format!("\n#### {name}\n\n{}\n", words(schema));
    let choices: Vec<String> = schema["oneOf"].as_array().into_iter().flatten().flat_map(choice).collect();
    if !choices.is_empty() {
        out += "\n| one of | meaning |\n|---|---|\n";
        out.extend(choices);
    }
    if let Some(keys) = schema["properties"].as_object() {
        let required = |key: &str| schema["required"].as_array().is_some_and(|r| r.iter().any(|k| k == key));
        out += "\n| key | value | meaning |\n|---|---|---|\n";
        for (key, value) in keys {
            let kind = kind(value);
            let needed = if required(key) { "" } else { ", optional" };
            out += &format!("| `{key}` | {kind}{needed} | {} |\n", words(value));
        }
    }
    out
}

/// All formats, each definition where it is first used.
fn reference() -> String {
    let mut told = Vec::new();
    let mut out = String::new();
    for (of, title) in [
        ("claims", "`claims/<slug>.yaml`"),
        ("experiments", "`experiments/<slug>.yaml`"),
        ("verdicts", "`verdicts.json`"),
        ("vectors", "Test vectors"),
    ] {
        let schema = schema(of);
        out += &format!("\n### {title}\n{}", table(schema["title"].as_str().unwrap_or(of), &schema));
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            if !told.contains(name) {
                told.push(name.clone());
                out += &table(name, definition);
            }
        }
    }
    out
}

#[test]
fn the_reference_of_formats_is_that_of_the_schemas() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("FORMAT.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, written) = text.split_once(MARK).unwrap();
    let reference = reference();
    if std::env::var_os("UPDATE_FORMAT").is_some() {
        fs::write(&file, format!("{before}{MARK}{reference}")).unwrap();
    } else {
        assert!(written == reference, "run `UPDATE_FORMAT=1 cargo test formats` and look at the difference");
    }
}
