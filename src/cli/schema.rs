//! `schema`: JSON Schemas, for editors and other programs.

use clap::Args;
use serde_json::Value;

use super::{Exit, Refusal, Workplace, terminal, unknown};
use crate::{
    check::evidence::Verdicts,
    claim::{self, raw},
    conform::FunctionVectors,
};

/// Print a JSON Schema: of a file format, or of what a function or an experiment takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate schema claims > claims.schema.json
  corroborate schema bounded-ratio-rl/optimum")]
pub struct Arguments {
    /// `claims`, `experiments`, `verdicts`, `vectors`, or `<paper>/<function, experiment or property>`.
    of: String,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let schema = match arguments.of.as_str() {
        "claims" => claim::schema_of::<raw::ClaimsFile>(),
        "vectors" => claim::schema_of::<FunctionVectors>(),
        "verdicts" => claim::schema_of::<Verdicts>(),
        "experiments" => claim::schema_of::<raw::ExperimentsFile>(),
        item if item.contains('/') => of_item(workplace, item)?,
        other => {
            return Err(unknown(
                "schema",
                other,
                ["claims", "experiments", "verdicts", "vectors", "<paper>/<name>"],
            ));
        }
    };
    terminal::print(&format!("{schema:#}\n"))?;
    Ok(Exit::Success)
}

fn of_item(workplace: &Workplace, path: &str) -> Result<Value, Refusal> {
    let (leaf, name) = workplace.item(path)?;
    let function = leaf.find_function(name).map(|f| f.input.as_value());
    let experiment = leaf.find_experiment(name).map(|e| e.settings.as_value());
    let property = leaf.find_property(name).map(|p| p.instance.as_value());
    let known = leaf
        .functions
        .iter()
        .map(|f| f.name)
        .chain(leaf.experiments.iter().map(|e| e.name))
        .chain(leaf.properties.iter().map(|p| p.name));
    function.or(experiment).or(property).cloned().ok_or_else(|| unknown("name", name, known))
}
