//! `run`: an experiment, with any of its settings changed.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Map, Value, json};

use super::{Exit, Refusal, Workplace, eval::known_fault, settings, terminal, unknown, verify::Format};
use crate::{
    claim::{self, schema, tree::Node},
    kernel::math::{mean, variance},
    papers::leaf::{Experiment, Measurement},
    run::{Executor, Request, Results, Sample},
};

/// Measure an experiment of a paper, with any of its settings changed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate run optimistic-feasible-search/closed-loop --set T=2000 --set eta=0.1 --seed 7 --format json
  corroborate run optimistic-feasible-search/closed-loop --named german --fault ignores-constraints
`corroborate schema PAPER/EXPERIMENT` shows every setting.")]
pub struct Arguments {
    /// `<paper>/<experiment>`.
    #[arg(value_name = "PAPER/EXPERIMENT")]
    experiment: String,
    /// Start from these named settings of the experiments file.
    #[arg(long, value_name = "NAME")]
    named: Option<String>,
    /// Settings from a YAML or JSON file, on top of the named ones.
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
    /// A setting on top of all others; the value is JSON or a word.
    #[arg(long, value_name = "KEY=VALUE", value_parser = settings::assignment)]
    set: Vec<(String, Value)>,
    /// Build this mistake in.
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// How many replicates.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    replicates: u64,
    /// Root of all random numbers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Limit on the time of one piece of work (five replicates), in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn main(arguments: &Arguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let (leaf, name) = workplace.item(&arguments.experiment)?;
    let experiment = leaf
        .find_experiment(name)
        .ok_or_else(|| unknown("experiment", name, leaf.experiments.iter().map(|e| e.name)))?;
    known_fault(arguments.fault.as_deref(), &experiment.faults)?;
    let (configured, data) = claim::configured(&workplace.root()?, leaf).map_err(Refusal::Files)?;
    let mut complete = experiment.defaults.as_object().cloned().unwrap_or_default();
    if let Some(wanted) = &arguments.named {
        let known = configured.get(name).map(|c| &c.named);
        let layer = known.and_then(|named| named.get(wanted)).ok_or_else(|| {
            unknown("named settings", wanted, known.into_iter().flatten().map(|(name, _)| name.as_str()))
        })?;
        complete.extend(layer.clone());
    }
    settings::apply(&mut complete, experiment, from_file(arguments, experiment)?)?;
    settings::apply(&mut complete, experiment, arguments.set.clone())?;
    let complete =
        experiment.normalise(Value::Object(complete)).map_err(|e| Refusal::usage(e.to_string()))?;
    let sample = Sample {
        paper: leaf.slug.to_owned(),
        experiment: name.to_owned(),
        settings: complete,
        fault: arguments.fault.clone(),
    };
    let metrics = experiment.metrics;
    let data = [(leaf.slug.to_owned(), data)].into();
    let timeout = Duration::from_secs(arguments.timeout);
    let replicates = arguments.replicates;
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let executor = Executor::new(workplace.leaves, data, arguments.seed, jobs, timeout)
        .map_err(Refusal::Machinery)?
        .telling(workplace.running);
    let progress = terminal::Progress::new(arguments.format == Format::Json);
    let mut results = Results::default();
    let request = Request::Replicates { sample: sample.clone(), replicates, series: true };
    executor.measure(&[request], &mut results, &|step| progress.set(step));
    drop(progress);
    let measured = results
        .replicates(&sample, replicates)
        .unwrap_or(Err("nothing was measured"))
        .map_err(|message| Refusal::Machinery(message.to_owned()))?;
    let summaries: Vec<(&str, &str, Summary)> =
        metrics.iter().map(|m| (m.name, m.unit, Summary::of(m.name, &measured))).collect();
    terminal::print(&match arguments.format {
        Format::Human => human(&arguments.experiment, &summaries, replicates),
        Format::Json => format!("{:#}\n", as_json(&sample, arguments.seed, &summaries, &measured)),
    })?;
    Ok(Exit::Success)
}

/// The settings of a file.
fn from_file(arguments: &Arguments, experiment: &Experiment) -> Result<Map<String, Value>, Refusal> {
    let Some(path) = &arguments.settings else { return Ok(Map::new()) };
    let name = path.display().to_string();
    let (text, tree) = claim::read_yaml(path, &name).map_err(|problems| Refusal::Files(vec![problems]))?;
    let mut problems = Vec::new();
    let mut wanted = experiment.settings.as_value().clone();
    if let Some(schema) = wanted.as_object_mut() {
        // A file may leave settings out.
        schema.remove("required");
        schema.insert("additionalProperties".into(), Value::Bool(false));
    }
    let held: Option<Value> = schema::hold(&tree as &Node, &wanted, &mut problems);
    match held {
        Some(Value::Object(settings)) if problems.is_empty() => Ok(settings),
        _ => Err(Refusal::Files(vec![claim::problem::FileProblems::new(&name, &text, problems)])),
    }
}

/// A metric over replicates.
struct Summary {
    mean: f64,
    deviation: Option<f64>,
    smallest: f64,
    largest: f64,
}

impl Summary {
    fn of(metric: &str, measured: &[&Measurement]) -> Self {
        let values: Vec<f64> = measured.iter().filter_map(|m| m.get(metric)).collect();
        Self {
            mean: mean(&values),
            deviation: (values.len() > 1).then(|| variance(&values, 1).sqrt()),
            smallest: values.iter().copied().fold(f64::INFINITY, f64::min),
            largest: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

fn human(experiment: &str, summaries: &[(&str, &str, Summary)], replicates: u64) -> String {
    let width = summaries.iter().map(|(name, ..)| name.len()).max().unwrap_or(0).max(6);
    let s = if replicates == 1 { "" } else { "s" };
    let mut out = format!("{experiment}, {replicates} replicate{s}\n");
    if replicates == 1 {
        for (name, unit, summary) in summaries {
            out += &format!("  {name:width$}  {:>14}  {}\n", shown(summary.mean), unit_shown(unit));
        }
        return out;
    }
    out += &format!(
        "  {:width$}  {:>14}  {:>14}  {:>14}  {:>14}\n",
        "metric", "mean", "sd", "smallest", "largest"
    );
    for (name, unit, summary) in summaries {
        let deviation = summary.deviation.map_or_else(|| "-".to_owned(), shown);
        out += &format!(
            "  {name:width$}  {:>14}  {deviation:>14}  {:>14}  {:>14}  {}\n",
            shown(summary.mean),
            shown(summary.smallest),
            shown(summary.largest),
            unit_shown(unit),
        );
    }
    out
}

fn unit_shown(unit: &str) -> &str {
    if unit == "1" { "" } else { unit }
}

fn shown(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) { format!("{value:.6e}") } else { format!("{value:.7}") }
}

fn as_json(
    sample: &Sample,
    seed: u64,
    summaries: &[(&str, &str, Summary)],
    measured: &[&Measurement],
) -> Value {
    let summary: Map<String, Value> = summaries
        .iter()
        .map(|(name, unit, s)| {
            let value = json!({
                "unit": unit, "mean": s.mean, "sd": s.deviation, "smallest": s.smallest, "largest": s.largest,
            });
            ((*name).to_owned(), value)
        })
        .collect();
    let replicates: Vec<Value> = measured
        .iter()
        .map(|m| {
            let metrics: Map<String, Value> = m.metrics.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
            json!({ "metrics": metrics, "series": m.series })
        })
        .collect();
    json!({
        "paper": sample.paper,
        "experiment": sample.experiment,
        "settings": sample.settings,
        "fault": sample.fault,
        "seed": seed,
        "summary": summary,
        "replicates": replicates,
    })
}
