//! `--set key=value`, for any experiment of any leaf.
//!
//! The first two bytes choose the experiment, each line of the rest is an assignment.
#![no_main]

use std::sync::LazyLock;

use corroborate::{
    claim::{schema, tree::Node},
    cli::settings::{apply, assignment},
    papers::leaf::Experiment,
};
use corroborate_fuzz::{LEAVES, choice, harmless};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

static EXPERIMENTS: LazyLock<Vec<&Experiment>> =
    LazyLock::new(|| LEAVES.iter().flat_map(|leaf| &leaf.experiments).collect());

/// Complete settings: these on top of the defaults, in the form that their type gives them.
fn complete(
    experiment: &Experiment,
    over: impl IntoIterator<Item = (String, Value)>,
) -> Option<Map<String, Value>> {
    let mut settings = experiment.defaults.as_object().cloned().unwrap_or_default();
    match apply(&mut settings, experiment, over) {
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
        Ok(()) => {
            // What is held to the schema, the type accepts.
            let normal = experiment.normalise(Value::Object(settings)).unwrap_or_else(|e| panic!("{e}"));
            return normal.as_object().cloned();
        }
    }
    None
}

fuzz_target!(|bytes: &[u8]| {
    let Some((number, rest)) = choice(bytes, EXPERIMENTS.len()) else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let experiment = EXPERIMENTS[number];
    let Ok(over) = text.lines().map(assignment).collect::<Result<Vec<_>, _>>() else { return };
    let Some(settings) = complete(experiment, over) else { return };
    let mut problems = Vec::new();
    let held = schema::hold(
        &Node::of_json(&Value::Object(settings.clone())),
        experiment.settings.as_value(),
        &mut problems,
    );
    assert_eq!((held.as_ref().and_then(Value::as_object), &problems[..]), (Some(&settings), &[][..]));
    // Given on the command line as they are printed, they are the same settings.
    let printed: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let again = printed.iter().map(|line| assignment(line)).collect::<Result<Vec<_>, _>>();
    assert_eq!(complete(experiment, again.expect("printed by us")), Some(settings));
    assert_eq!(harmless::obeyed(&printed.concat()), Vec::<String>::new());
});
