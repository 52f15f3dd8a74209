//! `verify`: the main job.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use wildmatch::WildMatch;

use super::{Exit, Refusal, Workplace, files, store, terminal, unknown};
use crate::{
    check::{self, evidence::Verdicts},
    claim::{self, Catalogue, Claim, ClaimKind, Scope, Tier, Verdict, problem::Problem},
    report,
    run::Executor,
};

/// Where the latest verdicts are kept, below the root.
pub const LATEST: &str = "target/corroborate/verdicts.json";

/// Where GitHub wants a summary of a job in markdown appended; unset elsewhere.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Judge claims: run every check, on the reference and under its faults, and say what follows.
#[derive(Debug, Args)]
#[command(after_help = "\
Selectors: globs over claim ids (`bounded-ratio-rl.*`, `*.7`), `paper:SLUG`, `kind:rate`, `scope:exact`.
Several selectors select what any of them selects; none selects everything.

Examples:
  corroborate verify
  corroborate verify 'optimistic-feasible-search.*' kind:identity --jobs 1
  corroborate verify --tier full --out reports --junit junit.xml
  corroborate verify --format json | jq '.claims[] | {id, verdict, margin}'")]
pub struct Arguments {
    /// Which claims; all if none is given.
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    #[command(flatten)]
    effort: Effort,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Write report pages, pictures and `verdicts.json` into this folder.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write a JUnit report into this file.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Print only what is not as expected.
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,
    /// Print the evidence of every claim.
    #[arg(short, long)]
    verbose: bool,
}

/// How much is spent, and from which seed.
#[derive(Clone, Debug, Args)]
pub struct Effort {
    /// How much is spent.
    #[arg(long, value_enum, default_value_t = TierName::Quick)]
    tier: TierName,
    /// Root of all random numbers.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Threads; as many as there are processors if not given. No verdict depends on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Limit on the time of one piece of work, in seconds; beyond it the claim's verdict is `error`.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Times that criterion measured, such as `target/criterion` after `just bench`. Without them,
    /// claims about times stay inconclusive.
    #[arg(long, value_name = "DIR")]
    benchmarks: Option<PathBuf>,
    #[command(flatten)]
    keeping: store::Keeping,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum TierName {
    /// A second or two a paper.
    Quick,
    /// Minutes for the catalogue.
    Full,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// For programs.
    Json,
}

pub(super) fn main(arguments: &Arguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let root = workplace.root()?;
    let quiet = arguments.quiet || arguments.format == Format::Json;
    let verdicts = judge(workplace, &arguments.selectors, &arguments.effort, quiet)?;
    let json = files::verdicts_json(&verdicts)?;
    if arguments.selectors.is_empty() {
        // Nobody asked for this file by name, so that it cannot be written does not stop the run.
        if let Err(refusal) = files::write_whole(&root.join(LATEST), &json) {
            terminal::warn(&refusal.to_string());
        }
    }
    if let Some(out) = &arguments.out {
        super::report::write(&verdicts, out)?;
        files::write_whole(&out.join("verdicts.json"), &json)?;
    }
    if let Some(path) = &arguments.junit {
        files::write_whole(path, &report::junit(&verdicts).map_err(Refusal::Machinery)?)?;
    }
    if let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
        let summary = report::summary(&verdicts).map_err(Refusal::Machinery)?;
        files::append(Path::new(&path), &format!("{summary}\n"))?;
    }
    match arguments.format {
        Format::Json => terminal::print(&json)?,
        Format::Human => {
            let detail = match (arguments.quiet, arguments.verbose) {
                (true, _) => report::terminal::Detail::Failures,
                (_, true) => report::terminal::Detail::Evidence,
                _ => report::terminal::Detail::Table,
            };
            terminal::print(&report::terminal::table(&verdicts, terminal::colour(), detail))?;
        }
    }
    Ok(exit(&verdicts))
}

/// Judges the selected claims.
pub fn judge(
    workplace: Workplace,
    selectors: &[String],
    effort: &Effort,
    quiet: bool,
) -> Result<Verdicts, Refusal> {
    let root = workplace.root()?;
    let Catalogue { papers, data } = claim::load(&root, &workplace.leaves).map_err(Refusal::Files)?;
    let claims: Vec<&Claim> = papers.iter().flat_map(|paper| &paper.claims).collect();
    let selected = select(selectors, &claims)?;
    let jobs = effort.jobs.map_or_else(processors, usize::from);
    let timeout = Duration::from_secs(effort.timeout);
    let memory = effort.keeping.memory(&root, &workplace.leaves, &data);
    let executor = Executor::new(workplace.leaves, data, effort.seed, jobs, timeout)
        .map_err(Refusal::Machinery)?
        .remembering(memory);
    let progress = terminal::Progress::new(quiet);
    let tier = match effort.tier {
        TierName::Quick => Tier::Quick,
        TierName::Full => Tier::Full,
    };
    let select = |claim: &Claim| selected.contains(&claim.id);
    let times = effort.benchmarks.as_deref().map(check::Times::read).transpose();
    let times = times.map_err(|error| Refusal::usage(error.to_string()))?;
    let options =
        check::Options { tier, select: &select, times: times.as_ref(), progress: &|step| progress.set(step) };
    let verdicts = check::verify(&executor, &papers, &options);
    drop(progress);
    store::close(&executor, quiet);
    Ok(verdicts)
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The ids that the selectors select; every selector must select something.
fn select(selectors: &[String], claims: &[&Claim]) -> Result<BTreeSet<String>, Refusal> {
    let mut selected = BTreeSet::new();
    for selector in selectors {
        let chosen: Vec<&&Claim> = match selector.split_once(':') {
            Some(("kind", kind)) => {
                let kind = word(ClaimKind::ALL, ClaimKind::word, "kind", kind)?;
                claims.iter().filter(|claim| claim.kind == kind).collect()
            }
            Some(("scope", scope)) => {
                let scope = word(Scope::ALL, Scope::word, "scope", scope)?;
                claims.iter().filter(|claim| claim.scope == scope).collect()
            }
            Some(("paper", paper)) => claims.iter().filter(|claim| claim.paper == paper).collect(),
            Some((other, _)) => return Err(unknown("selector", other, ["paper", "kind", "scope"])),
            None => {
                let glob = WildMatch::new(selector);
                claims.iter().filter(|claim| glob.matches(&claim.id) || claim.paper == *selector).collect()
            }
        };
        if chosen.is_empty() {
            let ids = claims.iter().map(|claim| claim.id.as_str());
            let suggestion = Problem::unknown(&(0..0), "claim", selector, ids).suggestion();
            return Err(Refusal::usage(format!(
                "no claim is selected by `{selector}`{suggestion}\n`corroborate list claims` shows all"
            )));
        }
        selected.extend(chosen.iter().map(|claim| claim.id.clone()));
    }
    if selectors.is_empty() {
        selected.extend(claims.iter().map(|claim| claim.id.clone()));
    }
    Ok(selected)
}

fn word<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, what: &str, given: &str) -> Result<T, Refusal> {
    let known = || all.iter().map(|t| name(*t));
    all.iter().copied().find(|t| name(*t) == given).ok_or_else(|| unknown(what, given, known()))
}

/// What the verdicts mean for the exit status.
pub fn exit(verdicts: &Verdicts) -> Exit {
    if verdicts.claims.iter().any(|claim| claim.verdict == Verdict::Error) {
        Exit::Machinery
    } else if verdicts.claims.iter().all(|claim| claim.as_expected) {
        Exit::Success
    } else {
        Exit::Unexpected
    }
}
