//! Claims files.

use super::{EXPERIMENTS, LEAVES, hold_refusal, hold_tree, leaf_of};
use corroborate::claim;

/// Holds the laws on an input.
pub fn hold(bytes: &[u8]) {
    let Ok(text) = claim::text_of("claims.yaml", bytes.to_vec()) else { return };
    let number = leaf_of(&text);
    let read = |text: String| claim::read_claims(&LEAVES[number], EXPERIMENTS[number], "claims.yaml", text);
    let written = hold_tree(&text);
    match read(text.clone()) {
        Err(wrong) => hold_refusal(&wrong, &text),
        Ok(claims) => {
            // A name may be longer than a key of JSON that is YAML too.
            let Some(written) = written else { return };
            let again = read(written);
            let again = again.unwrap_or_else(|wrong| panic!("written anew it is refused: {wrong}"));
            assert_eq!(format!("{again:?}"), format!("{claims:?}"));
        }
    }
}
