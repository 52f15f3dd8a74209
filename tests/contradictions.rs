//! What is well-formed and yet makes no sense is refused with its reason; the nearest thing that does
//! make sense is accepted.

use corroborate::claim::{
    problem::Problem,
    schema::hold,
    tree::{Kind, Node},
};
use serde_json::{Value, json};

use crate::meaning::{check, claim_with, claims};

/// Holds a check to be refused with this message; an empty one means that it is accepted.
#[track_caller]
fn told(keys: &str, message: &str) {
    let keys =
        if keys.contains("control") { keys.to_owned() } else { format!("{keys}, controls: [harmless]") };
    let told = check(&keys).err().unwrap_or_default();
    assert!(told.contains(message) && told.is_empty() == message.is_empty(), "{keys}:\n{told}");
}

#[test]
fn metrics_must_suit_the_check() {
    let of = |kind: &str, metric: &str, more: &str| {
        format!("kind: {kind}, experiment: work, metric: {metric}, at-most: 1{more}")
    };
    told(&of("location", "mood", ", statistic: mean"), "metric `mood` has range [-inf, inf]");
    told(&of("location", "operations", ", statistic: mean"), "metric `operations` has range [0, inf]");
    told(&of("location", "mood", ", statistic: median"), "");
    told(&of("location", "mood", ", statistic: normal-mean"), "");
    let against = ", against: [{effort: 1}]";
    told(&of("difference", "mood", against), "a mean needs a metric with a finite range");
    told(&of("difference", "mood", &format!("{against}, statistic: median")), "");
    told(&of("ratio", "mood", &format!("{against}, statistic: median")), "does not reach below 0");
    told(&of("ratio", "operations", against), "a mean needs a metric with a finite range");
    told(&of("ratio", "operations", &format!("{against}, statistic: median")), "");
    told(
        &of("ratio", "sweat", &format!("{against}, statistic: normal-mean")),
        "a ratio is not normally distributed",
    );
    told(&of("improvement", "operations", against), "an improvement needs a metric with a direction");
    told(&of("coverage", "operations", ""), "coverage needs an indicator, with range 0 to 1");
    told(&of("coverage", "sweat", ""), "");
    let sizes = ", size: size, sizes: [1, 2]";
    told(&of("rate", "mood", sizes), "does not reach below 0");
    told(&of("rate", "sweat", &format!("{sizes}, statistic: mean")), "a slope has no finite range");
    told(&of("rate", "sweat", &format!("{sizes}, statistic: normal-mean")), "");
    told(&of("complexity", "mood", ""), "does not reach below 0");
    told(&of("complexity", "moody", ""), "unknown metric `moody`");
}

#[test]
fn sizes_are_positive_and_ascending() {
    for (sizes, message) in [
        ("size: size, sizes: [2, 1]", "sizes must be positive and ascending"),
        ("size: size, sizes: [1, 1]", "sizes must be positive and ascending"),
        ("size: size, sizes: [0, 1]", "sizes must be positive and ascending"),
        ("size: effort, sizes: [-1, 1]", "sizes must be positive and ascending"),
        ("size: effort, sizes: [0.25, 1]", ""),
        ("size: sice, sizes: [1, 2]", "unknown setting of `work` `sice`"),
        ("size: size, sizes: [1.5, 2]", "invalid"),
        ("size: size", "`size` and `sizes` go together"),
        ("sizes: [1, 2]", "`size` and `sizes` go together"),
    ] {
        told(
            &format!("kind: complexity, experiment: work, metric: operations, at-most: 1, {sizes}"),
            message,
        );
    }
}

#[test]
fn a_number_is_no_matter_of_chance() {
    told(
        "kind: number, experiment: coin, require: [{metric: heads, at-most: 1}]",
        "experiment `coin` draws random numbers",
    );
    told(
        "kind: number, experiment: sum, require: [{metric: totl, at-most: 1}], controls: [off-by-one]",
        "unknown metric `totl`",
    );
}

#[test]
fn maps_have_one_or_two_axes_and_at_most_256_points() {
    let over = |key: &str, axes: &str| {
        let require = "require: [{metric: total, at-least: 1}], controls: [off-by-one]";
        format!("kind: number, experiment: sum, {key}: {{{axes}}}, {require}")
    };
    let list = |most: u32| (0..most).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    told(&over("over", "a: [1, 2]"), "");
    told(&over("over", "a: [1, 2], b: [1]"), "");
    told(&over("over", "a: [1, 2], b: [1], c: [1]"), "a validity map has one or two axes, found 3");
    for key in ["over", "grid"] {
        let (few, many) = (list(16), list(3_000));
        told(&over(key, &format!("a: [{few}], b: [{few}]")), "");
        told(&over(key, &format!("a: [{few}], b: [{few}, 16]")), "found 272");
        // Counted, and not laid out: that would take very long.
        told(&over(key, &format!("a: [{many}], b: [{many}]")), "found 9000000");
    }
}

#[test]
fn bounds_leave_room() {
    let keys = "kind: location, experiment: coin, metric: heads";
    told(&format!("{keys}, within: [0.6, 0.5]"), "the interval is empty");
    told(&format!("{keys}, within: [0.5, 0.6]"), "");
    for bounds in
        ["at-most: 1, within: [0, 1]", "at-most: 1, at-least: 0", "at-least: 0, within: [0, 1]", "set: {}"]
    {
        told(&format!("{keys}, {bounds}"), "expected exactly one bound");
    }
}

#[test]
fn times_are_compared_with_one_thing() {
    let keys = "kind: benchmark, group: g, function: f, at-most: 1";
    told(keys, "a benchmark compares with `against`, or over `sizes`");
    told(
        &format!("{keys}, against: h, sizes: [1, 2]"),
        "a benchmark compares with `against`, or over `sizes`",
    );
    told(&format!("{keys}, against: h, controls: [harmles]"), "unknown fault `harmles`");
}

#[test]
fn controls_are_faults_that_make_a_difference() {
    let keys = "kind: location, experiment: work, metric: sweat, at-most: 1";
    told(
        &format!("{keys}, controls: [wasteful, panics]"),
        "fault `panics` makes no difference to what is checked here",
    );
    told(&format!("{keys}, controls: [wastful]"), "unknown fault `wastful`");
    told(&format!("{keys}, controls: [wasteful, wasteful]"), "repeated fault `wasteful`");
    told(&format!("{keys}, controls: []"), "missing control");
    told(&format!("{keys}, control-impossible: ' '"), "missing control");
    told(
        &format!("{keys}, controls: [wasteful], control-impossible: no"),
        "both `controls` and `control-impossible`",
    );
    told(&format!("{keys}, controls: [wasteful]"), "");
}

#[test]
fn configurations_exist() {
    let keys = "kind: location, experiment: coin, metric: heads, at-most: 1";
    told(&format!("{keys}, grid: {{heads: 0.5}}"), "expected a list of values of `heads`");
    told(&format!("{keys}, over: {{heads: 0.5}}"), "expected a list of values of `heads`");
    told(&format!("{keys}, over: {{hats: [0.5]}}"), "unknown setting of `coin` `hats`");
    told(&format!("{keys}, over: {{heads: [0.5, 2]}}"), "expected a number ≥ 0 and ≤ 1");
    told(&format!("{keys}, settings: [hevy]"), "unknown named settings of `coin` `hevy`");
    told(&format!("{keys}, replicates: {{quick: 2, full: 1}}"), "a budget of 2, 2, 1 does not grow");
    told(
        &format!("{keys}, replicates: {{first: 3, quick: 2, full: 4}}"),
        "a budget of 3, 2, 4 does not grow",
    );
    told(
        "kind: equivalence, experiment: coin, metric: heads, published: sam, margin: 0.1",
        "unknown published figure `sam`",
    );
    told(
        "kind: location, experiment: sum, metric: total, statistic: median, at-most: 1, controls: [off-by-one]",
        "missing key `replicates`",
    );
}

#[test]
fn the_keys_of_a_claim_agree() {
    let checks =
        "checks: [{kind: location, experiment: coin, metric: heads, at-least: 0.5, controls: [harmless]}]";
    for (keys, message) in [
        ("scope: out-of-reach".to_owned(), "missing key `needs`"),
        (format!("scope: out-of-reach, needs: n, {checks}"), "a claim out of reach has no checks"),
        ("scope: exact".to_owned(), "a claim needs a check"),
        (
            format!("scope: exact, expect: out-of-reach, {checks}"),
            "scope and expected verdict contradict each other",
        ),
        (
            "scope: out-of-reach, needs: n, expect: refuted, because: b".to_owned(),
            "scope and expected verdict contradict",
        ),
        (format!("scope: exact, expect: refuted, {checks}"), "missing key `because`"),
        (format!("scope: exact, expect: refuted, because: b, {checks}"), ""),
        (
            format!("scope: exact, tests: opposite, {checks}"),
            "checks of the opposite cannot corroborate the statement",
        ),
    ] {
        let told = claim_with(&keys).err().unwrap_or_default();
        assert!(told.contains(message) && told.is_empty() == message.is_empty(), "{keys}:\n{told}");
    }
}

#[test]
fn ids_are_the_slug_and_a_number() {
    let with = |id: &str| {
        let keys =
            "statement: s, source: s, provenance: [derived], kind: bound, scope: out-of-reach, needs: n";
        claims(&format!("  - {{id: '{id}', {keys}}}\n")).is_ok()
    };
    assert!(["toy.1", "toy.x1", "toy.07"].map(with).iter().all(|good| *good));
    for id in ["toy.", "toy.x", "toy.1a", "toy.xx1", "toy1", "toys.1", "1"] {
        assert!(!with(id), "{id}");
    }
}

/// What is said of a value that is held to a schema; empty if it fits.
fn said(schema: &Value, value: &Value) -> String {
    let mut problems = Vec::new();
    let held = hold(&Node::of_json(value), schema, &mut problems);
    assert_eq!(held.is_some(), problems.is_empty(), "{schema} {value}");
    assert!(held.is_none_or(|held| held == *value));
    problems.into_iter().map(|problem: Problem| problem.message).collect::<Vec<_>>().join("; ")
}

#[test]
fn limits_of_numbers_are_kept_to_the_digit() {
    let closed = json!({ "type": "number", "minimum": 1, "maximum": 2 });
    let open = json!({ "type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2 });
    for (value, fits_closed, fits_open) in
        [(0.9, false, false), (1.0, true, false), (1.5, true, true), (2.0, true, false), (2.1, false, false)]
    {
        let message = |words: &str| format!("expected a number {words}, found the number `{value:?}`");
        let expected = if fits_closed { String::new() } else { message("≥ 1 and ≤ 2") };
        assert_eq!(said(&closed, &json!(value)), expected);
        let expected = if fits_open { String::new() } else { message("> 1 and < 2") };
        assert_eq!(said(&open, &json!(value)), expected);
    }
    let whole = json!({ "type": "integer" });
    assert_eq!(said(&whole, &json!(-3)), "");
    assert_eq!(said(&whole, &json!(2.5)), "expected a whole number, found the number `2.5`");
    let count = json!({ "type": "integer", "minimum": 0 });
    assert_eq!(said(&count, &json!(0)), "");
    assert_eq!(said(&count, &json!(-1)), "expected a whole number ≥ 0, found the number `-1`");
    assert_eq!(said(&json!({ "type": "integer", "minimum": -2 }), &json!(-1)), "");
}

#[test]
fn lengths_of_lists_are_kept() {
    let list = |least: Option<u64>, most: Option<u64>| {
        let mut schema = json!({ "type": "array", "items": { "type": "integer" } });
        for (key, limit) in [("minItems", least), ("maxItems", most)] {
            if let Some(limit) = limit {
                schema[key] = json!(limit);
            }
        }
        schema
    };
    for (least, most, items, message) in [
        (Some(2), None, 1, "expected a list of at least 2, found a list of 1"),
        (Some(2), None, 2, ""),
        (None, Some(2), 2, ""),
        (None, Some(2), 3, "expected a list of at most 2, found a list of 3"),
        (Some(1), Some(2), 0, "expected a list of 1 to 2, found a list of 0"),
        (Some(2), Some(2), 3, "expected a list of 2, found a list of 3"),
    ] {
        assert_eq!(said(&list(least, most), &json!(vec![7; items])), message);
    }
    assert_eq!(said(&list(None, None), &json!([1, "two"])), "expected a whole number, found the text `two`");
    let pair =
        json!({ "type": "array", "prefixItems": [{ "type": "string" }], "items": { "type": "boolean" } });
    assert_eq!(said(&pair, &json!(["a", true, false])), "");
    assert_eq!(said(&pair, &json!([true, true])), "expected a text, found the truth value `true`");
    assert_eq!(said(&json!({ "type": "array" }), &json!([1, "two", null])), "");
}

#[test]
fn texts_truths_and_nothing() {
    assert_eq!(
        said(&json!({ "type": "string", "minLength": 1 }), &json!("")),
        "expected a text that is not empty, found nothing"
    );
    assert_eq!(said(&json!({ "type": "string", "minLength": 1 }), &json!("ü")), "");
    assert_eq!(
        said(&json!({ "type": "boolean" }), &json!("yes")),
        "expected true or false, found the text `yes`"
    );
    assert_eq!(said(&json!({ "type": ["string", "null"] }), &json!(null)), "");
    assert_eq!(
        said(&json!({ "type": ["string", "null"] }), &json!(1)),
        "expected a text, found the number `1`"
    );
    assert_eq!(
        said(&json!({ "type": ["string", "integer"] }), &json!([])),
        "expected a text or a whole number, found a list"
    );
    assert_eq!(said(&json!({ "type": "object" }), &json!([])), "expected a map, found a list");
    assert_eq!(said(&json!({ "type": "array" }), &json!({})), "expected a list, found a map");
    assert_eq!(said(&json!({}), &json!(null)), "expected another value, found nothing");
    assert_eq!(said(&json!({ "enum": ["a", "b"] }), &json!("c")), "unknown word `c`");
    assert_eq!(
        said(&json!({ "enum": ["a", "b"] }), &json!(3)),
        "expected one of: a, b, found the number `3`"
    );
    assert_eq!(said(&json!({ "const": "a" }), &json!("a")), "");
    assert_eq!(said(&json!({ "const": "a" }), &json!("b")), "unknown word `b`");
}

#[test]
fn unions_take_the_variant_that_the_value_looks_like() {
    let tagged = json!({ "oneOf": [
        { "type": "object", "properties": { "kind": { "const": "a" }, "x": { "type": "integer" } },
          "required": ["kind", "x"], "additionalProperties": false },
        { "type": "object", "properties": { "kind": { "const": "b" } }, "required": ["kind"] },
    ] });
    assert_eq!(said(&tagged, &json!({ "kind": "a", "x": 1 })), "");
    assert_eq!(said(&tagged, &json!({ "kind": "b" })), "");
    assert_eq!(said(&tagged, &json!({ "kind": "a" })), "missing key `x`");
    assert_eq!(said(&tagged, &json!({ "x": 1 })), "missing key `kind`");
    assert_eq!(said(&tagged, &json!({ "kind": "c" })), "unknown word `c`");
    assert_eq!(said(&tagged, &json!([])), "expected a map with the key `kind`, found a list");
    let maybe = json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] });
    assert_eq!(said(&maybe, &json!(null)), "");
    assert_eq!(said(&maybe, &json!(3)), "");
    assert_eq!(said(&maybe, &json!("x")), "expected a whole number, found the text `x`");
    let either = json!({ "anyOf": [
        { "type": "integer" },
        { "type": "object", "properties": { "p": { "type": "integer" } }, "required": ["p"] },
        { "type": "object", "properties": { "q": { "type": "string" } }, "required": ["q"] },
    ] });
    assert_eq!(said(&either, &json!(1)), "");
    assert_eq!(said(&either, &json!({ "q": "x" })), "");
    assert_eq!(said(&either, &json!({ "q": 1 })), "expected a text, found the number `1`");
    assert_eq!(said(&either, &json!({})), "missing key `p`");
    assert_eq!(said(&either, &json!("x")), "expected a whole number or a map or a map, found the text `x`");
}

#[test]
fn references_lead_to_their_definition() {
    let schema =
        json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "type": "boolean" } } });
    assert_eq!(said(&schema, &json!(true)), "");
    assert_eq!(said(&schema, &json!(1)), "expected true or false, found the number `1`");
}

#[test]
fn unknown_and_repeated_keys_are_named() {
    let closed = json!({ "type": "object", "properties": { "length": { "type": "integer" } }, "additionalProperties": false });
    let node = |keys: &[&str]| {
        let entries = keys.iter().flat_map(|key| match Node::of_json(&json!({ *key: 1 })).kind {
            Kind::Map(entries) => entries,
            _ => vec![],
        });
        Node { span: 0..0, kind: Kind::Map(entries.collect()) }
    };
    let problems = |keys: &[&str]| {
        let mut problems = Vec::new();
        let held = hold(&node(keys), &closed, &mut problems);
        (held, problems.into_iter().map(|p| (p.message, p.label)).collect::<Vec<_>>())
    };
    // What is known of the value stays, so that the rest of it can be looked at too.
    let (held, told) = problems(&["length", "lenght", "width", "length"]);
    assert_eq!(held, Some(json!({ "length": 1 })));
    let told: Vec<(&str, &str)> =
        told.iter().map(|(message, label)| (message.as_str(), label.as_str())).collect();
    assert_eq!(
        told,
        [
            ("unknown key `lenght`", "did you mean `length`?"),
            ("unknown key `width`", "not known"),
            ("repeated key `length`", "stands again"),
        ]
    );
    let open = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    assert_eq!(said(&open, &json!({ "any": 1 })), "");
    assert_eq!(said(&open, &json!({ "any": "x" })), "expected a whole number, found the text `x`");
}
