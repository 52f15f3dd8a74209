//! `eval`: JSON for any function or property of any leaf, under any of its faults.
//!
//! The first two bytes choose the function or property, the next two the fault, the rest is the input.
#![no_main]

use std::sync::LazyLock;

use corroborate::{
    claim::{schema, tree::Node},
    cli::eval::Item,
    papers::leaf::Paper,
};
use corroborate_fuzz::{LEAVES, choice, harmless};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Everything that can be evaluated: leaf, name, faults, schema of the output.
static ITEMS: LazyLock<Vec<(&Paper, &str, &[&str], Option<&Value>)>> = LazyLock::new(|| {
    let of = |leaf: &'static Paper| {
        let functions =
            leaf.functions.iter().map(move |f| (leaf, f.name, &f.faults[..], Some(f.output.as_value())));
        functions.chain(leaf.properties.iter().map(move |p| (leaf, p.name, &p.faults[..], None)))
    };
    LEAVES.iter().flat_map(of).collect()
});

fuzz_target!(|bytes: &[u8]| {
    let Some((item, rest)) = choice(bytes, ITEMS.len()) else { return };
    let (leaf, name, faults, output) = ITEMS[item];
    let Some((fault, rest)) = choice(rest, faults.len() + 1) else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let item = match Item::of(leaf, name, faults.get(fault).copied()) {
        Ok(item) => item,
        Err(refusal) => panic!("{}/{name} is there: {refusal}", leaf.slug),
    };
    match item.evaluate(text) {
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
        Ok(value) => {
            // What comes out is what was declared: no hole where a number that is none would stand.
            if let Some(output) = output {
                let mut problems = Vec::new();
                let held = schema::hold(&Node::of_json(&value), output, &mut problems);
                assert_eq!((held.as_ref(), &problems[..]), (Some(&value), &[][..]), "{}/{name}", leaf.slug);
            }
            let again = item.evaluate(text).expect("evaluated before");
            assert_eq!(again, value, "{}/{name}", leaf.slug);
            assert_eq!(harmless::obeyed(&format!("{value:#}")), Vec::<String>::new());
        }
    }
});
