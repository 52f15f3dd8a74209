//! `verify`: the main job.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};
use wildmatch::WildMatch;

use super::{Exit, Refusal, Workplace, files, shards, store, terminal, unknown};
use crate::{
    check::{self, RunPlan, Shard, evidence::Verdicts},
    claim::{self, Catalogue, Claim, ClaimKind, PaperClaims, Scope, Tier, Verdict, problem::Problem},
    report,
    run::{Executor, Memory},
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
  corroborate verify --tier full --shard 2/8
  corroborate verify --format json | jq '.claims[] | {id, verdict, margin}'")]
pub struct Arguments {
    /// Which claims; all if none is given.
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    #[command(flatten)]
    effort: Effort,
    /// Measure only the k-th of n parts of the plan, and keep records for `merge`; nothing is judged, and
    /// what breaks down is left to `merge`.
    #[arg(long, value_name = "K/N", value_parser = shards::shard, conflicts_with_all = ["out", "junit", "fresh"])]
    shard: Option<Shard>,
    /// Measure in an order shuffled by this number; no verdict depends on it.
    #[arg(long, value_name = "N")]
    shuffle: Option<u64>,
    #[command(flatten)]
    output: Output,
}

/// Where verdicts go.
#[derive(Debug, Args)]
pub struct Output {
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
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

impl Output {
    /// Whether nothing but what was asked for is printed.
    pub fn is_quiet(&self) -> bool {
        self.quiet || self.format == Format::Json
    }
}

/// What is measured of claims, with what, and where it is kept.
#[derive(Clone, Debug, Args)]
pub struct Effort {
    /// What is measured.
    #[command(flatten)]
    pub scale: Scale,
    /// With what.
    #[command(flatten)]
    pub means: Means,
    /// Where it is kept.
    #[command(flatten)]
    pub keeping: store::Keeping,
}

/// How much is spent, and from which seed: what the numbers depend on.
#[derive(Clone, Copy, Debug, Args)]
pub struct Scale {
    /// How much is spent.
    #[arg(long, value_enum, default_value_t = TierName::Quick)]
    pub tier: TierName,
    /// Root of all random numbers.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

/// What is measured with: no number depends on it.
#[derive(Clone, Debug, Args)]
pub struct Means {
    /// Threads; as many as there are processors if not given. No verdict depends on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Limit on the time of one piece of work (five replicates, or the cases of a property), in seconds;
    /// beyond it the claim's verdict is `error`.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Times that criterion measured, such as `target/criterion` after `just bench`. Without them,
    /// claims about times stay inconclusive.
    #[arg(long, value_name = "DIR")]
    benchmarks: Option<PathBuf>,
}

impl Means {
    /// For a command that measures nothing.
    pub const NONE: Self = Self { jobs: Some(1), timeout: 1, benchmarks: None };
}

/// A tier, on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TierName {
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
    let mut session = Session::open(workplace, &arguments.selectors, &arguments.effort)?;
    session.executor = session.executor.shuffled(arguments.shuffle);
    let quiet = arguments.output.is_quiet();
    match arguments.shard {
        Some(shard) => shards::measure(&session, shard, &arguments.output),
        None => publish(&session.judge(quiet), &root, arguments.selectors.is_empty(), &arguments.output),
    }
}

/// Writes and prints verdicts; those of everything are the latest from now on.
pub fn publish(verdicts: &Verdicts, root: &Path, everything: bool, output: &Output) -> Result<Exit, Refusal> {
    let json = files::verdicts_json(verdicts)?;
    if everything {
        // Nobody asked for this file by name, so that it cannot be written does not stop the run.
        if let Err(refusal) = files::write_whole(&root.join(LATEST), &json) {
            terminal::warn(&refusal.to_string());
        }
    }
    if let Some(out) = &output.out {
        super::report::write(verdicts, out)?;
        files::write_whole(&out.join("verdicts.json"), &json)?;
    }
    if let Some(path) = &output.junit {
        files::write_whole(path, &report::junit(verdicts).map_err(Refusal::Machinery)?)?;
    }
    if let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) {
        let summary = report::summary(verdicts).map_err(Refusal::Machinery)?;
        files::append(Path::new(&path), &format!("{summary}\n"))?;
    }
    match output.format {
        Format::Json => terminal::print(&json)?,
        Format::Human => {
            let detail = match (output.quiet, output.verbose) {
                (true, _) => report::terminal::Detail::Failures,
                (_, true) => report::terminal::Detail::Evidence,
                _ => report::terminal::Detail::Table,
            };
            terminal::print(&report::terminal::table(verdicts, terminal::colour(), detail))?;
        }
    }
    Ok(exit(verdicts))
}

/// Judges the selected claims.
pub fn judge(
    workplace: Workplace,
    selectors: &[String],
    effort: &Effort,
    quiet: bool,
) -> Result<Verdicts, Refusal> {
    Ok(Session::open(workplace, selectors, effort)?.judge(quiet))
}

/// Everything that is needed to judge the selected claims.
pub struct Session {
    /// What measures.
    pub executor: Executor,
    /// All claims.
    pub papers: Vec<PaperClaims>,
    selected: BTreeSet<String>,
    tier: Tier,
    times: Option<check::Times>,
}

impl Session {
    /// Loads the claims, selects some, and gets ready to measure.
    pub fn open(workplace: Workplace, selectors: &[String], effort: &Effort) -> Result<Self, Refusal> {
        let root = workplace.root()?;
        let Catalogue { papers, data } = claim::load(&root, &workplace.leaves).map_err(Refusal::Files)?;
        let claims: Vec<&Claim> = papers.iter().flat_map(|paper| &paper.claims).collect();
        let selected = select(selectors, &claims)?;
        let Effort { scale, means, keeping } = effort;
        let jobs = means.jobs.map_or_else(processors, usize::from);
        let timeout = Duration::from_secs(means.timeout);
        let memory = keeping.memory(&root, &workplace.leaves, &data);
        let executor = Executor::new(workplace.leaves, data, scale.seed, jobs, timeout)
            .map_err(Refusal::Machinery)?
            .telling(workplace.running)
            .remembering(memory);
        let tier = match scale.tier {
            TierName::Quick => Tier::Quick,
            TierName::Full => Tier::Full,
        };
        let times = means.benchmarks.as_deref().map(check::Times::read).transpose();
        let times = times.map_err(|error| Refusal::usage(error.to_string()))?;
        Ok(Self { executor, papers, selected, tier, times })
    }

    /// Does something with what the checks are told, under a progress bar.
    pub fn with_options<T>(&self, quiet: bool, work: impl FnOnce(&check::Options<'_>) -> T) -> T {
        let progress = terminal::Progress::new(quiet);
        work(&check::Options {
            tier: self.tier,
            select: &|claim: &Claim| self.selected.contains(&claim.id),
            times: self.times.as_ref(),
            progress: &|step| progress.set(step),
        })
    }

    /// Judges the selected claims, and says what there is to say of the store.
    pub fn judge(&self, quiet: bool) -> Verdicts {
        let verdicts = self.verdicts(quiet);
        store::close(&self.executor, quiet);
        verdicts
    }

    /// Judges the selected claims.
    pub fn verdicts(&self, quiet: bool) -> Verdicts {
        self.with_options(quiet, |options| check::verify(&self.executor, &self.papers, options))
    }

    /// What judging would measure.
    pub fn plan(&self) -> RunPlan {
        self.with_options(true, |options| check::plan_run(&self.executor, &self.papers, options))
    }

    /// What is remembered.
    pub fn memory(&self) -> Result<&Memory, Refusal> {
        self.executor.memory().ok_or_else(|| Refusal::Machinery("there is no store".into()))
    }
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
