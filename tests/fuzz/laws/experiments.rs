//! Experiments files.

use super::{LEAVES, hold_refusal, hold_tree, leaf_of, root};
use corroborate::claim;

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = claim::text_of("experiments.yaml", bytes.to_vec()) else { return };
    let leaf = &LEAVES[leaf_of(&text)];
    let read = |text: String| claim::read_experiments(&root(), leaf, "experiments.yaml", text);
    let written = hold_tree(&text);
    match read(text.clone()) {
        Err(wrong) => hold_refusal(&wrong, &text),
        Ok((configured, data)) => {
            // A name may be longer than a key of JSON that is YAML too.
            let Some(written) = written else { return };
            let again = read(written);
            let (again, same) = again.unwrap_or_else(|wrong| panic!("written anew it is refused: {wrong}"));
            assert_eq!(format!("{again:?}"), format!("{configured:?}"));
            assert_eq!(same.digest(), data.digest());
        }
    }
}
