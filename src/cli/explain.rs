//! `explain`: from a sentence of a paper to its evidence.

use clap::Args;

use super::{Exit, Refusal, Workplace, terminal, verify};
use crate::report;

/// Walk from a claim to its evidence: statement, source, checks, controls, and how to replay them.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  corroborate explain optimistic-feasible-search.7")]
pub struct Arguments {
    /// The claim's id.
    claim: String,
    #[command(flatten)]
    effort: verify::Effort,
}

pub(super) fn main(arguments: &Arguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let selector = std::slice::from_ref(&arguments.claim);
    let verdicts = verify::judge(workplace, selector, &arguments.effort, false)?;
    let colour = terminal::colour();
    let told: Vec<String> =
        verdicts.claims.iter().map(|claim| report::terminal::explain(claim, &verdicts.run, colour)).collect();
    terminal::print(&told.join("\n"))?;
    Ok(verify::exit(&verdicts))
}
