//! Laws of everything that reads text of others, one file a fuzz target: `hold` panics where a law is broken.
//!
//! The fuzz targets use them with an engine, `tests/mutations.rs` without.

pub mod claims;
pub mod eval;
pub mod experiments;
pub mod records;
pub mod set;
pub mod verdicts;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_json::Value;

use corroborate::{
    claim::{self, Configured, Experiments, problem::FileProblems, tree::Node},
    papers::{
        leaf::{Data, Paper},
        registry,
    },
};

use crate::harmless;

/// Every leaf.
pub static LEAVES: LazyLock<Vec<Paper>> = LazyLock::new(registry);

/// What the experiments file of each leaf says, and its data.
static CONFIGURED: LazyLock<Vec<Experiments>> = LazyLock::new(|| {
    let read = |leaf| claim::configured(&root(), leaf).unwrap_or_else(|wrong| panic!("{}", wrong[0]));
    LEAVES.iter().map(read).collect()
});

/// What the experiments file of each leaf says.
pub static EXPERIMENTS: LazyLock<Vec<&BTreeMap<String, Configured>>> =
    LazyLock::new(|| CONFIGURED.iter().map(|(configured, _)| configured).collect());

/// The data of each leaf, by its slug.
pub static DATA: LazyLock<BTreeMap<&str, &Data>> =
    LazyLock::new(|| LEAVES.iter().zip(&*CONFIGURED).map(|(leaf, (_, data))| (leaf.slug, data)).collect());

/// The folder with `claims/` and `experiments/`.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_root = |folder: &&Path| folder.join("claims").is_dir();
    here.ancestors().find(is_root).expect("a folder of the project").to_owned()
}

/// The leaf that a file is about: the one whose slug it names first, or the first of all.
pub fn leaf_of(text: &str) -> usize {
    let named = LEAVES.iter().enumerate().filter_map(|(i, leaf)| Some((text.find(leaf.slug)?, i)));
    named.min().map_or(0, |(_, leaf)| leaf)
}

/// The leaf of `<paper>/<name>`, and the name.
pub fn leaf(of: &str) -> Option<(&'static Paper, &str)> {
    let (slug, name) = of.split_once('/')?;
    Some((LEAVES.iter().find(|leaf| leaf.slug == slug)?, name))
}

/// A refused file says at least one thing, and each at a place in it; what it says can be printed.
pub fn hold_refusal(wrong: &FileProblems, text: &str) {
    assert!(!wrong.problems().is_empty(), "refused without a reason");
    for problem in wrong.problems() {
        let (start, end) = problem.span;
        assert!(start <= end && end <= text.len(), "{problem:?} lies outside of {} bytes", text.len());
    }
    assert_eq!(harmless::obeyed(&wrong.render(false)), Vec::<String>::new());
}

/// Bytes of the longest key that is YAML in JSON, whatever it is: no mark stands before it, so that it may have 1024
/// characters, and a byte takes up to six.
const LONGEST_KEY: usize = 1024 / 6;

/// A tree that was read, written as JSON, which is YAML too unless keys are very long, reads the same.
pub fn hold_tree(text: &str) -> Option<String> {
    let tree = Node::read(text).ok()?;
    let json = tree.json();
    if has_longer_key(&json) {
        return None;
    }
    let written = json.to_string();
    let again = Node::read(&written).unwrap_or_else(|e| panic!("{e:?} in {written}"));
    assert_eq!(again.json(), json);
    Some(written)
}

/// Whether a key has more bytes than [`LONGEST_KEY`].
fn has_longer_key(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(has_longer_key),
        Value::Object(fields) => {
            fields.iter().any(|(name, one)| name.len() > LONGEST_KEY || has_longer_key(one))
        }
        _ => false,
    }
}
