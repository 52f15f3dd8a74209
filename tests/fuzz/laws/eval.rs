//! `eval`: JSON for any function or property of any leaf, under any of its faults.
//!
//! The first line is `<paper>/<name>` or `<paper>/<name> <fault>`, the rest is the input.

use super::leaf;
use crate::harmless;
use corroborate::{
    claim::{schema, tree::Node},
    cli::{Refusal, eval::Item},
};

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((head, text)) = text.split_once('\n') else { return };
    let (of, fault) = head.split_once(' ').map_or((head, None), |(of, fault)| (of, Some(fault)));
    let Some((leaf, name)) = leaf(of) else { return };
    let Ok(item) = Item::of(leaf, name, fault) else { return };
    let output = leaf.find_function(name).map(|function| function.output.as_value());
    match item.evaluate(text) {
        Err(refusal) => {
            let told = refusal.to_string();
            // Messages about the input quote it, and it may say anything.
            let broke = matches!(refusal, Refusal::Machinery(_)) && told.contains("panicked");
            assert!(!told.is_empty() && !broke, "{head}: {told}");
        }
        Ok(value) => {
            // What comes out is what was declared: no hole where a number that is none would stand.
            if let Some(output) = output {
                let mut problems = Vec::new();
                let held = schema::hold(&Node::of_json(&value), output, &mut problems);
                assert_eq!((held.as_ref(), &problems[..]), (Some(&value), &[][..]), "{head}");
            }
            let again = item.evaluate(text).expect("evaluated before");
            assert_eq!(again, value, "{head}");
            assert_eq!(harmless::obeyed(&format!("{value:#}")), Vec::<String>::new());
        }
    }
}
