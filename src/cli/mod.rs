//! The command line: one file a command. Arguments, progress and exit status, and nothing else.
//!
//! What reads text that others wrote is public, so that it can be fuzzed as it is.

mod completions;
mod conform;
pub mod diff;
pub mod eval;
mod explain;
pub mod files;
pub mod guard;
mod lint;
mod list;
mod new;
mod report;
mod run;
mod schema;
pub mod settings;
mod shards;
mod store;
mod submit;
mod terminal;
mod vectors;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    claim::problem::FileProblems,
    papers::{leaf::Paper, registry},
    run::Running,
};

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything as expected.
    Success,
    /// Some verdict is not as expected.
    Unexpected,
    /// Bad usage or bad input.
    Usage,
    /// The machinery failed: an `error` verdict.
    Machinery,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

/// Why a command cannot do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Bad usage or input; how to mend it is part of the message.
    #[error("{0}")]
    Usage(String),
    /// Files with problems.
    #[error("{} file(s) with problems", .0.len())]
    Files(Vec<FileProblems>),
    /// Something that should work does not.
    #[error("{0}")]
    Machinery(String),
}

impl Exit {
    /// The exit status.
    const fn status(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Unexpected => 1,
            Self::Usage => 2,
            Self::Machinery => 3,
        }
    }

    /// Ends the process like this, whatever it is doing.
    fn now(self) -> ! {
        std::process::exit(self.status().into())
    }
}

impl Refusal {
    fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) | Self::Files(_) => Exit::Usage,
            Self::Machinery(_) => Exit::Machinery,
        }
    }
}

const EXAMPLES: &str = "\
Examples:
  corroborate verify                                    judge every claim
  corroborate verify 'bounded-ratio-rl.*' --tier full   one paper, full budget
  corroborate explain optimistic-feasible-search.7      from sentence to evidence
  corroborate run optimistic-feasible-search/closed-loop --set T=2000 --seed 7
  corroborate eval bounded-ratio-rl/optimum --example   an input to try

Exit status: 0 every verdict as expected; 1 some verdict not as expected;
2 bad usage or bad input, or more memory than allowed; 3 the machinery failed (an `error` verdict).";

/// Verifies the theory and the reported results of reinforcement-learning papers.
#[derive(Debug, Parser)]
#[command(name = "corroborate", version, after_help = EXAMPLES, propagate_version = true)]
struct Cli {
    /// Folder with `claims/` and `experiments/`; found upwards from here if not given.
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Most memory to use, in MiB; beyond it, what is being measured is named and the program ends with
    /// status 2. Three quarters of the machine's if not given. Only Linux is watched.
    #[arg(long, global = true, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..))]
    memory: Option<u64>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Arguments),
    Plan(shards::PlanArguments),
    Merge(shards::MergeArguments),
    Submit(submit::Arguments),
    Explain(explain::Arguments),
    Run(run::Arguments),
    Eval(eval::Arguments),
    List(list::Arguments),
    Lint(lint::Arguments),
    Schema(schema::Arguments),
    Report(report::Arguments),
    Store(store::Arguments),
    Vectors(vectors::Arguments),
    Conform(conform::Arguments),
    Diff(diff::Arguments),
    New(new::Arguments),
    Completions(completions::Arguments),
    Man(completions::ManArguments),
}

/// What every command works on.
struct Workplace {
    root: Option<PathBuf>,
    leaves: Vec<Paper>,
    running: Running,
}

impl Workplace {
    /// The folder with `claims/` and `experiments/`.
    fn root(&self) -> Result<PathBuf, Refusal> {
        files::find_root(self.root.as_deref())
    }

    /// The leaf of this slug.
    fn leaf(&self, slug: &str) -> Result<&Paper, Refusal> {
        self.leaves
            .iter()
            .find(|leaf| leaf.slug == slug)
            .ok_or_else(|| unknown("paper", slug, self.leaves.iter().map(|leaf| leaf.slug)))
    }

    /// Splits `<slug>/<name>`, and looks the leaf up.
    fn item<'a, 'b>(&'a self, path: &'b str) -> Result<(&'a Paper, &'b str), Refusal> {
        let (slug, name) = path
            .split_once('/')
            .ok_or_else(|| Refusal::usage(format!("expected `<paper>/<name>`, found `{path}`")))?;
        Ok((self.leaf(slug)?, name))
    }
}

/// An unknown name, with the nearest that exists.
fn unknown<'a>(what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Refusal {
    let problem = crate::claim::problem::Problem::unknown(&(0..0), what, name, known);
    let help = problem.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    Refusal::usage(format!("{}{}{help}", problem.message, problem.suggestion()))
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    terminal::quiet_work_threads();
    let cli = Cli::parse();
    let running = Running::default();
    guard::watch(cli.memory, running.clone());
    let workplace = Workplace { root: cli.root, leaves: registry(), running };
    let ended = match cli.command {
        Command::Verify(arguments) => verify::main(&arguments, workplace),
        Command::Plan(arguments) => shards::plan(&arguments, workplace),
        Command::Merge(arguments) => shards::merge(&arguments, workplace),
        Command::Submit(arguments) => submit::main(&arguments, workplace),
        Command::Explain(arguments) => explain::main(&arguments, workplace),
        Command::Run(arguments) => run::main(&arguments, workplace),
        Command::Eval(arguments) => eval::main(&arguments, &workplace),
        Command::List(arguments) => list::main(&arguments, &workplace),
        Command::Lint(arguments) => lint::main(&arguments, &workplace),
        Command::Schema(arguments) => schema::main(&arguments, &workplace),
        Command::Report(arguments) => report::main(&arguments, &workplace),
        Command::Store(arguments) => store::main(&arguments, &workplace),
        Command::Vectors(arguments) => vectors::main(&arguments, &workplace),
        Command::Conform(arguments) => conform::main(&arguments, &workplace),
        Command::Diff(arguments) => diff::main(&arguments, &workplace),
        Command::New(arguments) => new::main(&arguments, &workplace),
        Command::Completions(arguments) => completions::main(&arguments),
        Command::Man(_) => completions::man(),
    };
    ended
        .unwrap_or_else(|refusal| {
            terminal::refuse(&refusal);
            refusal.exit()
        })
        .into()
}
