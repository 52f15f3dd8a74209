//! `--set key=value`, for any experiment of any leaf.
//!
//! The first line is `<paper>/<experiment>`, each other line an assignment.

use super::{DATA, leaf};
use crate::harmless;
use corroborate::{
    claim::{schema, tree::Node},
    cli::settings::{apply, assignment},
    kernel::stream::Streams,
    papers::leaf::{Data, Experiment, Failure},
};
use serde_json::{Map, Value};

/// Complete settings: these on top of the defaults, in the form that their type gives them.
fn complete(
    experiment: &Experiment,
    over: impl IntoIterator<Item = (String, Value)>,
) -> Option<Map<String, Value>> {
    let mut settings = experiment.defaults.as_object().cloned().unwrap_or_default();
    if let Err(refusal) = apply(&mut settings, experiment, over) {
        assert!(!refusal.to_string().is_empty());
        return None;
    }
    // What is held to the schema, the type accepts.
    let normal = experiment.normalise(Value::Object(settings)).unwrap_or_else(|e| panic!("{e}"));
    normal.as_object().cloned()
}

/// Largest whole number, and longest list, of settings with which something is measured: what takes long
/// has its own limit, `--timeout`.
const MOST: u64 = 40;

/// Whether measuring with these settings is quick.
fn is_small(settings: &Value) -> bool {
    match settings {
        Value::Number(number) => number.as_u64().is_none_or(|whole| whole <= MOST),
        Value::Array(list) => list.len() as u64 <= MOST && list.iter().all(is_small),
        Value::Object(fields) => fields.iter().all(|(name, one)| name == "seed" || is_small(one)),
        _ => true,
    }
}

/// Settings are refused with a reason, or can be measured with: whatever comes of it, nothing breaks.
fn measure(experiment: &Experiment, settings: Value, data: &Data) {
    match experiment.prepare(settings, data) {
        Err(failure) => assert!(!failure.to_string().is_empty()),
        Ok(prepared) => {
            let faults = experiment.faults.iter().map(|fault| Some(*fault));
            for fault in std::iter::once(None).chain(faults) {
                if let Err(failure) = experiment.replicate(&prepared, fault, &Streams::from_seed(0)) {
                    assert!(!matches!(failure, Failure::Rejected(_)), "{failure}");
                }
            }
        }
    }
}

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some((of, text)) = text.split_once('\n') else { return };
    let Some((leaf, name)) = leaf(of) else { return };
    let Some(experiment) = leaf.find_experiment(name) else { return };
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
    assert_eq!(complete(experiment, again.expect("printed by us")).as_ref(), Some(&settings));
    assert_eq!(harmless::obeyed(&printed.concat()), Vec::<String>::new());
    let settings = Value::Object(settings);
    if is_small(&settings) {
        measure(experiment, settings, DATA[leaf.slug]);
    }
}
