//! From stored verdicts and evidence to pages, pictures and terminal output: a pure function.

pub mod terminal;

use crate::check::evidence::Verdicts;

/// Pages and pictures by name.
///
/// # Errors
/// A message if a picture cannot be drawn.
pub fn pages(_: &Verdicts) -> Result<Vec<(String, String)>, String> {
    Ok(Vec::new())
}

/// The verdicts as JUnit XML.
///
/// # Errors
/// A message if they cannot be written.
pub fn junit(_: &Verdicts) -> Result<String, String> {
    Err("JUnit is not built yet".into())
}
