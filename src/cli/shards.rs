//! `plan`, `merge`, and what `verify --shard` leaves behind: one run on several machines.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    Exit, Refusal, Workplace, files,
    store::{self, Keeping, Place, counted},
    terminal,
    verify::{self, Effort, Format, Means, Output, Scale, Session},
};
use crate::{
    check::{self, RunPlan, Shard},
    store::{self as records, Notice, RealDisk},
};

/// Folder of the manifests below that of the store.
const SHARDS: &str = "shards";
/// Version of a manifest.
const FORMAT: u32 = 1;
/// Missing measurements that are named.
const NAMED: usize = 5;

/// Say what a run would measure, in units that share nothing, without measuring it.
#[derive(Debug, Args)]
#[command(after_help = "\
Shard k of n (`verify --shard k/n`) takes the units k, k+n, k+2n, and so on.

Examples:
  corroborate plan --tier full
  corroborate plan 'bounded-ratio-rl.*' --format json | jq .digest")]
pub struct PlanArguments {
    /// Which claims; all if none is given.
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    #[command(flatten)]
    scale: Scale,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// Judge what all shards of a run have measured, as if one machine had.
#[derive(Debug, Args)]
#[command(after_help = "\
The shards must have measured one plan, that of this command: the same claims, tier, seed and sources. Nothing
is measured here but what broke down there. Refused with exit status 2: stores without shards of this plan, two
records of one thing that differ (a determinism failure), missing units or measurements, and empty shards.

Examples:
  corroborate verify --tier full --shard 1/2 --store a     on one machine
  corroborate verify --tier full --shard 2/2 --store b     on another
  corroborate merge a b --tier full --out reports")]
pub struct MergeArguments {
    /// The stores of the shards; what they hold is brought together in this command's own store.
    #[arg(value_name = "STORE", required = true)]
    stores: Vec<PathBuf>,
    /// Which claims were measured; all if none is given.
    #[arg(long = "select", value_name = "SELECTOR")]
    selectors: Vec<String>,
    #[command(flatten)]
    scale: Scale,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    output: Output,
}

/// What a shard says of itself when it is done.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    /// Digest of the plan.
    plan: String,
    shard: u32,
    of: u32,
    /// The units that were measured, by their place in the plan, from 0.
    units: Vec<usize>,
    /// Those in which something broke down, to be measured again.
    broken: Vec<usize>,
}

/// `k/n`.
pub fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match parts {
        Some((number, of)) if 1 <= number && number <= of => Ok(Shard { number, of }),
        _ => Err("expected `k/n` with 1 ≤ k ≤ n, such as `2/8`".into()),
    }
}

pub(super) fn plan(arguments: &PlanArguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let plan = planned(workplace, &arguments.selectors, arguments.scale)?;
    terminal::print(&match arguments.format {
        Format::Json => json(&plan)?,
        Format::Human => told(&plan),
    })?;
    Ok(Exit::Success)
}

/// The plan of a run.
pub fn planned(workplace: Workplace, selectors: &[String], scale: Scale) -> Result<RunPlan, Refusal> {
    let keeping = Keeping::reading(Place::default(), Vec::new());
    Ok(Session::open(workplace, selectors, &Effort { scale, means: Means::NONE, keeping })?.plan())
}

fn told(plan: &RunPlan) -> String {
    let mut text = format!(
        "Plan {}: {} that share no measurement\n",
        plan.digest,
        counted(plan.units.len() as u64, "unit")
    );
    for (i, unit) in plan.units.iter().enumerate() {
        let amounts = [(unit.replicates, "replicate"), (unit.cases, "case")];
        let amounts: Vec<String> =
            amounts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| counted(*n, what)).collect();
        text += &format!("  {:>4}  at most {:28}  {}\n", i + 1, amounts.join(", "), unit.claims.join(" "));
    }
    text
}

fn json(value: &impl Serialize) -> Result<String, Refusal> {
    serde_json::to_string_pretty(value)
        .map(|text| text + "\n")
        .map_err(|e| Refusal::Machinery(format!("this cannot be written as JSON: {e}")))
}

/// Refuses to divide a plan into more shards than it has units.
pub fn hold_to_units(shard: Shard, plan: &RunPlan) -> Result<(), Refusal> {
    if (0..plan.units.len()).any(|unit| shard.takes(unit)) {
        return Ok(());
    }
    Err(Refusal::usage(format!(
        "shard {}/{} would be empty: the plan has {}",
        shard.number,
        shard.of,
        counted(plan.units.len() as u64, "unit")
    )))
}

/// Measures one shard, and leaves a manifest.
pub(super) fn measure(session: &Session, shard: Shard, output: &Output) -> Result<Exit, Refusal> {
    let quiet = output.is_quiet();
    let folder = session.memory()?.store().folder();
    let done = session.with_options(quiet, |options| {
        check::measure_shard(&session.executor, &session.papers, options, shard)
    });
    hold_to_units(shard, &done.plan)?;
    store::close(&session.executor, quiet);
    if session.memory()?.store().notices().iter().any(|n| matches!(n, Notice::Unwritable { .. })) {
        return Err(Refusal::Machinery("a shard is worth nothing without its records".into()));
    }
    for unit in &done.broken {
        let claims = done.plan.units[*unit].claims.join(" ");
        terminal::warn(&format!("unit {} ({claims}) broke down; `merge` measures it again", unit + 1));
    }
    let Shard { number, of } = shard;
    let plan = done.plan.digest;
    let manifest =
        Manifest { format: FORMAT, plan, shard: number, of, units: done.units, broken: done.broken };
    let path = manifests(folder, &manifest.plan).join(format!("{number}-of-{of}.json"));
    let text = json(&manifest)?;
    files::write_whole(&path, &text)?;
    match output.format {
        Format::Json => terminal::print(&text)?,
        Format::Human if quiet => {}
        Format::Human => terminal::print(&format!(
            "Shard {number}/{of} of plan {}: {} of {} measured\n",
            manifest.plan,
            manifest.units.len(),
            counted(done.plan.units.len() as u64, "unit"),
        ))?,
    }
    Ok(Exit::Success)
}

fn manifests(store: &Path, plan: &str) -> PathBuf {
    store.join(SHARDS).join(&plan[..16.min(plan.len())])
}

pub(super) fn merge(arguments: &MergeArguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let root = workplace.root()?;
    let MergeArguments { stores, selectors, output, .. } = arguments;
    let keeping = Keeping::reading(arguments.place.clone(), stores.clone());
    let effort = Effort { scale: arguments.scale, means: arguments.means.clone(), keeping };
    let mut session = Session::open(workplace, selectors, &effort)?;
    let plan = session.plan();
    let found = gather(stores, &plan)?;
    complete(&found, &plan)?;
    let broken: BTreeSet<usize> = found.values().flat_map(|manifest| manifest.broken.clone()).collect();
    let again = broken.iter().filter_map(|unit| plan.units.get(*unit)).flat_map(|unit| unit.keys.clone());
    session.executor = session.executor.measuring_only(again.collect());
    let quiet = output.is_quiet();
    let memory = session.memory()?;
    memory.store().withhold();
    let verdicts = session.verdicts(quiet);
    agree(&session)?;
    memory.store().release();
    let folder = memory.store().folder();
    for store in stores {
        records::import(store, folder, &memory.shelves(), &RealDisk).map_err(|e| {
            Refusal::usage(format!("cannot merge {} into {}: {e}", store.display(), folder.display()))
        })?;
    }
    store::close(&session.executor, quiet);
    verify::publish(&verdicts, &root, selectors.is_empty(), output)
}

/// Refuses records that contradict each other, and verdicts for which measurements were missing.
fn agree(session: &Session) -> Result<(), Refusal> {
    let notices = session.memory()?.store().notices();
    let mut differing = notices.iter().filter_map(|notice| match notice {
        Notice::Disagreement { what } => Some(what),
        _ => None,
    });
    if let Some(what) = differing.next() {
        return Err(Refusal::usage(format!(
            "nothing is merged: determinism failure: two records of {what} differ\n\
             `verify --fresh --store STORE` of its claims tells whose cannot be measured again"
        )));
    }
    let lacking = session.executor.lacking();
    if lacking.is_empty() {
        return Ok(());
    }
    for notice in &notices {
        terminal::warn(&notice.to_string());
    }
    let more = if lacking.len() > NAMED { "\n  and more" } else { "" };
    let named = lacking[..lacking.len().min(NAMED)].join("\n  ");
    Err(Refusal::usage(format!(
        "nothing is merged: measurements are missing, though their shard says that it has them:\n  {named}{more}\n\
         `verify --shard` again measures what is missing, and nothing else"
    )))
}

/// The manifests of this plan, by number of shards and shard. Each store must have some.
fn gather(stores: &[PathBuf], plan: &RunPlan) -> Result<BTreeMap<(u32, u32), Manifest>, Refusal> {
    let mut found: BTreeMap<(u32, u32), Manifest> = BTreeMap::new();
    for store in stores {
        let paths = listed(&manifests(store, &plan.digest), "json");
        if paths.is_empty() {
            let whose = store.display();
            let others = listed(&store.join(SHARDS), "");
            return Err(Refusal::usage(if others.iter().all(|other| listed(other, "json").is_empty()) {
                format!(
                    "{whose}: no shard was measured there to its end; `verify --shard k/n --store {whose}` does"
                )
            } else {
                format!(
                    "{whose}: its shards are of another plan than {}: other claims, settings, tier, seed, data, \
                     sources or compiler (`corroborate plan` shows the plan)",
                    plan.digest
                )
            }));
        }
        for path in paths {
            let manifest = read(&path, plan)?;
            let broken = manifest.broken.clone();
            let known = found.entry((manifest.of, manifest.shard)).or_insert(manifest);
            // Two stores may hold one shard; what broke down in either may be lacking.
            known.broken.extend(broken);
        }
    }
    Ok(found)
}

/// What is in a folder under names with this extension, in the order of names; a folder that is not there
/// has nothing.
fn listed(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().unwrap_or_default() == extension);
    paths.sort();
    paths
}

/// Reads a manifest, and holds it to the plan.
fn read(path: &Path, plan: &RunPlan) -> Result<Manifest, Refusal> {
    let whose = path.display();
    let manifest = fs::read_to_string(path)
        .map_err(|e| e.to_string())
        .and_then(|text| serde_json::from_str::<Manifest>(&text).map_err(|e| e.to_string()))
        .map_err(|e| Refusal::usage(format!("{whose}: no manifest of a shard: {e}")))?;
    if manifest.format != FORMAT || manifest.plan != plan.digest {
        return Err(Refusal::usage(format!("{whose}: of another plan or format")));
    }
    if manifest.units.is_empty() {
        return Err(Refusal::usage(format!("{whose}: the shard is empty")));
    }
    let (number, of) = (manifest.shard, manifest.of);
    let taken = |unit: &usize| number >= 1 && of >= number && Shard { number, of }.takes(*unit);
    if (0..plan.units.len()).filter(taken).collect::<Vec<_>>() != manifest.units {
        return Err(Refusal::usage(format!("{whose}: not the units of shard {number}/{of}")));
    }
    Ok(manifest)
}

/// Refuses shards that do not have every unit together.
fn complete(found: &BTreeMap<(u32, u32), Manifest>, plan: &RunPlan) -> Result<(), Refusal> {
    let units: BTreeSet<usize> = found.values().flat_map(|manifest| manifest.units.iter().copied()).collect();
    let missing: Vec<usize> = (0..plan.units.len()).filter(|unit| !units.contains(unit)).collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let shards: Vec<String> = found.keys().map(|(of, number)| format!("{number}/{of}")).collect();
    Err(Refusal::usage(format!(
        "nothing is merged: of {}, {} missing, the first of them unit {} ({}); there are the shards {}",
        counted(plan.units.len() as u64, "unit"),
        if missing.len() == 1 { "1 is".into() } else { format!("{} are", missing.len()) },
        first + 1,
        plan.units[*first].claims.join(" "),
        shards.join(", ")
    )))
}
