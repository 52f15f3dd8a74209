//! `store`: looking after what was measured before; and how other commands use it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{Exit, Refusal, Workplace, terminal};
use crate::{
    claim,
    papers::leaf::{Data, Paper},
    run::{Executor, Memory, fingerprints, shelf},
    store::{self, RealDisk, Store},
};

/// Where measurements are kept if nothing else is said, below the root.
const DEFAULT: &str = "target/corroborate";

/// Look after what was measured before.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate store verify             is every record as it was written?
  corroborate store gc --dry-run       what records of earlier sources take up
  corroborate store gc                 remove them, and whatever is damaged")]
pub struct Arguments {
    #[command(subcommand)]
    care: Care,
}

#[derive(Debug, Subcommand)]
enum Care {
    /// Read every record, and say what is damaged.
    Verify {
        #[command(flatten)]
        place: Place,
    },
    /// Remove records of sources that have changed since, and damaged and repeated ones.
    Gc {
        #[command(flatten)]
        place: Place,
        /// Say what would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Where measurements are kept.
#[derive(Clone, Debug, Default, Args)]
pub struct Place {
    /// Where measurements are kept; `target/corroborate` below the root if not given.
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

impl Place {
    /// The folder of the store.
    pub fn folder(&self, root: &Path) -> PathBuf {
        self.store.clone().unwrap_or_else(|| root.join(DEFAULT))
    }
}

/// How a command uses what was measured before.
#[derive(Clone, Debug, Args)]
pub struct Keeping {
    #[command(flatten)]
    place: Place,
    /// Measure everything anew, whatever was measured before; where both differ, say so.
    #[arg(long)]
    fresh: bool,
    /// Stores that are read as well.
    #[arg(skip)]
    others: Vec<PathBuf>,
}

impl Keeping {
    /// To keep measurements here, and to read those in other stores as well.
    pub fn reading(place: Place, others: Vec<PathBuf>) -> Self {
        Self { place, fresh: false, others }
    }

    /// The memory of these leaves with these data.
    pub fn memory(&self, root: &Path, leaves: &[Paper], data: &BTreeMap<String, Data>) -> Memory {
        let store = Store::open(&self.place.folder(root), self.fresh).reading(self.others.clone());
        Memory::new(store, fingerprints(leaves, data))
    }
}

/// Makes what was measured last, and says what is wrong with the store, and unless it is to be quiet
/// how much was measured.
pub fn close(executor: &Executor, quiet: bool) {
    let Some(memory) = executor.memory() else { return };
    memory.store().finish();
    for notice in memory.store().notices() {
        terminal::warn(&notice.to_string());
    }
    if !quiet {
        let (measured, folder) = (executor.measured(), memory.store().folder().display());
        terminal::tell(&match measured {
            0 => format!("Nothing had to be measured: {folder} has it all.\n"),
            n => format!("Measured {}; kept in {folder}.\n", counted(n, "piece")),
        });
    }
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let root = workplace.root()?;
    match &arguments.care {
        Care::Verify { place } => verify(&place.folder(&root)),
        Care::Gc { place, dry_run } => gc(&place.folder(&root), &root, &workplace.leaves, *dry_run),
    }
}

fn verify(folder: &Path) -> Result<Exit, Refusal> {
    let found = store::inspect(folder).map_err(|e| failed("read", folder, &e))?;
    for notice in &found.notices {
        terminal::warn(&notice.to_string());
    }
    terminal::print(&format!(
        "{}: {} in {} and {}, {}\n",
        folder.display(),
        counted(found.records, "record"),
        counted(found.shelves, "shelf"),
        counted(found.files, "file"),
        size(found.bytes),
    ))?;
    Ok(if found.notices.is_empty() { Exit::Success } else { Exit::Machinery })
}

fn gc(folder: &Path, root: &Path, leaves: &[Paper], dry_run: bool) -> Result<Exit, Refusal> {
    let mut data = BTreeMap::new();
    for leaf in leaves {
        let (_, tables) = claim::configured(root, leaf).map_err(Refusal::Files)?;
        data.insert(leaf.slug.to_owned(), tables);
    }
    let live: BTreeSet<String> =
        fingerprints(leaves, &data).iter().map(|(paper, print)| shelf(paper, print)).collect();
    let done = store::collect(folder, &live, dry_run, &RealDisk).map_err(|e| failed("tidy", folder, &e))?;
    let would = if dry_run { "would remove" } else { "removed" };
    let busy = match done.in_use {
        0 => String::new(),
        n => format!("; {} in use left alone", counted(n, "journal")),
    };
    terminal::print(&format!(
        "{}: {would} {} of earlier sources; {} less in {}{busy}\n",
        folder.display(),
        counted(done.shelves, "shelf"),
        size(done.bytes),
        counted(done.files, "file"),
    ))?;
    Ok(Exit::Success)
}

fn failed(what: &str, folder: &Path, error: &std::io::Error) -> Refusal {
    Refusal::usage(format!("cannot {what} {}: {error}", folder.display()))
}

/// A number of things, in words.
pub fn counted(n: u64, what: &str) -> String {
    match (n, what) {
        (1, _) => format!("1 {what}"),
        (_, "shelf") => format!("{n} shelves"),
        _ => format!("{n} {what}s"),
    }
}

fn size(bytes: u64) -> String {
    let (kilo, mega) = (1_u64 << 10, 1_u64 << 20);
    match bytes {
        0..1024 => format!("{bytes} B"),
        _ if bytes < mega => format!("{:.1} KiB", bytes as f64 / kilo as f64),
        _ => format!("{:.1} MiB", bytes as f64 / mega as f64),
    }
}
