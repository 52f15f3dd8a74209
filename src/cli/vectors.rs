//! `vectors`: test vectors for other people's code.

use std::path::PathBuf;

use clap::Args;

use super::{Exit, Refusal, Workplace, files, terminal};
use crate::{
    conform::{self, FunctionVectors},
    papers::leaf::Paper,
};

/// Write test vectors: inputs and outputs of the references, with near misses that a test must
/// reject.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate vectors --out vectors
  corroborate vectors single-stream-po | jq '.[].function'
The format is that of `corroborate schema vectors`; VECTORS.md has an example in Python.")]
pub struct Arguments {
    /// The paper; all if not given.
    #[arg(value_name = "PAPER")]
    slug: Option<String>,
    /// Write one file a function, `<paper>/<function>.json`, into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let leaves: Vec<&Paper> = match &arguments.slug {
        Some(slug) => vec![workplace.leaf(slug)?],
        None => workplace.leaves.iter().collect(),
    };
    let mut all = Vec::new();
    for leaf in leaves {
        all.extend(of_paper(leaf)?);
    }
    match &arguments.out {
        None => terminal::print(&json(&all)?)?,
        Some(out) => {
            for vectors in &all {
                let path = out.join(&vectors.paper).join(format!("{}.json", vectors.function));
                files::write_whole(&path, &json(vectors)?)?;
            }
            terminal::print(&format!("{} files in {}\n", all.len(), out.display()))?;
        }
    }
    Ok(Exit::Success)
}

/// The vectors of every function of a paper.
pub fn of_paper(leaf: &Paper) -> Result<Vec<FunctionVectors>, Refusal> {
    leaf.functions
        .iter()
        .map(|function| {
            conform::of_function(leaf, function)
                .map_err(|e| Refusal::Machinery(format!("{}/{}: {e}", leaf.slug, function.name)))
        })
        .collect()
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Refusal> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Refusal::Machinery(format!("vectors cannot be written as JSON: {e}")))
}
