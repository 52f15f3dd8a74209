//! `lint`: holds YAML files to the formats.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Refusal, Workplace, terminal};
use crate::claim;

/// Report every mistake in claims and experiments files, each with its line and column.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate lint
  corroborate lint claims/bounded-ratio-rl.yaml")]
pub struct Arguments {
    /// The files; all of the project if none is given.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let root = workplace.root()?;
    if arguments.files.is_empty() {
        let catalogue = claim::load(&root, &workplace.leaves).map_err(Refusal::Files)?;
        let claims: usize = catalogue.papers.iter().map(|paper| paper.claims.len()).sum();
        terminal::print(&format!("{} papers, {claims} claims: no problems\n", catalogue.papers.len()))?;
        return Ok(Exit::Success);
    }
    let wrong = claim::lint(&root, &arguments.files, &workplace.leaves);
    if !wrong.is_empty() {
        return Err(Refusal::Files(wrong));
    }
    terminal::print(&format!("{} file(s): no problems\n", arguments.files.len()))?;
    Ok(Exit::Success)
}
