//! `report`: pages from stored verdicts, without measuring anything.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Exit, Refusal, Workplace, files, verify::LATEST};
use crate::{check::evidence::Verdicts, report};

/// Write the report pages of a finished run, without measuring anything.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The verdicts; those of the latest complete run if not given.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Where the pages go; `reports` if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let from = match &arguments.from {
        Some(from) => from.clone(),
        None => workplace.root()?.join(LATEST),
    };
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => workplace.root()?.join("reports"),
    };
    write(&files::read_verdicts(&from)?, &out)?;
    Ok(Exit::Success)
}

/// Writes all pages and pictures, and removes the pictures of plots that are no more. The page of performance is
/// another command's: it is left as it is, and the table of contents leads to it if it is there.
pub fn write(verdicts: &Verdicts, out: &Path) -> Result<(), Refusal> {
    let beside = report::Beside { performance: out.join(report::PERFORMANCE).is_file() };
    let pages = report::pages_beside(verdicts, beside).map_err(Refusal::Machinery)?;
    for (name, contents) in &pages {
        files::write_whole(&out.join(name), contents)?;
    }
    for paper in &verdicts.papers {
        // The folder of a paper holds its pictures and nothing else.
        let folder = format!("{}/", paper.slug);
        let drawn: BTreeSet<&str> = pages.iter().filter_map(|(name, _)| name.strip_prefix(&folder)).collect();
        files::remove_others(&out.join(&paper.slug), "svg", &drawn)?;
    }
    Ok(())
}
