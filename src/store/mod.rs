//! What was measured once is not measured again: records on disk.
//!
//! A store is a folder of *shelves*, one for each set of sources that records depend on, so that only
//! the shelves of what is asked for are read, and those of sources that have gone can be thrown away.
//! What a record means is not known here: a [`Record`] has a unit, a place in it, and a payload.
//!
//! Nothing that is found in a store can make a verdict wrong: a record that is not whole is no
//! record, and is measured again. Nothing that cannot be written stops a run: it is said, and the
//! run goes on without keeping what it measures.

mod care;
mod disk;
pub mod record;
mod shelf;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use care::{Collected, Inspected, collect, import, inspect};
pub use disk::{Disk, RealDisk};
pub use record::Record;

use shelf::{Contents, Journal, Records};

/// Folder of the shelves below that of the store.
const SHELVES: &str = "records";

/// Records on disk, as one process reads and extends them.
pub struct Store {
    folder: PathBuf,
    others: Vec<PathBuf>,
    fresh: bool,
    disk: Box<dyn Disk>,
    shelves: Mutex<BTreeMap<String, Arc<Mutex<Shelf>>>>,
    notices: Mutex<BTreeSet<Notice>>,
    /// Records with their shelves that wait to be written, while they do.
    withheld: Mutex<Option<Vec<(String, Record)>>>,
}

struct Shelf {
    records: Records,
    writing: Writing,
}

/// How far a process has come with its journal.
enum Writing {
    NotYet,
    Journal(Box<Journal>),
    Over,
}

/// What the user should know of a store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// A file holds something else than was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Lines that are no records; none if whole lines are missing.
        lines: u64,
    },
    /// A file holds records of another version.
    Foreign {
        /// The file.
        path: PathBuf,
        /// How many.
        lines: u64,
    },
    /// A file or folder cannot be read.
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// Records cannot be written.
    Unwritable {
        /// The store.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// A record is whole but does not hold what its unit asks for.
    Unfit {
        /// What it is of.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two records of one unit differ.
    Disagreement {
        /// What they are of.
        what: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = "what they held is measured again (`corroborate store gc` removes them)";
        match self {
            Self::Damaged { path, lines: 0 } => {
                write!(f, "{}: records are missing; what they held is measured again", path.display())
            }
            Self::Damaged { path, lines } => {
                write!(f, "{}: damaged lines: {lines}; {again}", path.display())
            }
            Self::Foreign { path, lines } => write!(
                f,
                "{}: records of another version: {lines}; what they hold is measured again",
                path.display()
            ),
            Self::Unreadable { path, why } => {
                write!(f, "{}: cannot be read ({why}); what it holds is measured again", path.display())
            }
            Self::Unwritable { path, why } => write!(
                f,
                "{}: cannot be written ({why}); the run goes on, and nothing more of it is kept",
                path.display()
            ),
            Self::Unfit { what, why } => {
                write!(f, "a record of {what} is unfit ({why}); it is measured again")
            }
            Self::Disagreement { what } => write!(
                f,
                "determinism failure: two records of {what} differ; neither is used, and it is measured again"
            ),
        }
    }
}

impl Store {
    /// The store in a folder, which need not exist. A fresh one uses nothing of what is there.
    #[must_use]
    pub fn open(folder: &Path, fresh: bool) -> Self {
        Self::open_on(folder, fresh, Box::new(RealDisk))
    }

    /// A store that writes by these steps.
    #[must_use]
    pub fn open_on(folder: &Path, fresh: bool, disk: Box<dyn Disk>) -> Self {
        Self {
            folder: folder.to_owned(),
            others: Vec::new(),
            fresh,
            disk,
            shelves: Mutex::default(),
            notices: Mutex::default(),
            withheld: Mutex::default(),
        }
    }

    /// The store that reads the records of other stores as if they were its own, and writes none of them.
    #[must_use]
    pub fn reading(mut self, others: Vec<PathBuf>) -> Self {
        self.others = others;
        self
    }

    /// Where the store is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The records of a unit: where each begins, and its payload.
    #[must_use]
    pub fn get(&self, shelf: &str, unit: &str) -> Vec<(u64, String)> {
        if self.fresh { Vec::new() } else { self.earlier(shelf, unit) }
    }

    /// What is kept of a unit, for a fresh store too: what is measured again can be held to it.
    #[must_use]
    pub fn earlier(&self, shelf: &str, unit: &str) -> Vec<(u64, String)> {
        let shelf = self.shelf(shelf);
        let shelf = lock(&shelf);
        shelf.records.get(unit).cloned().unwrap_or_default()
    }

    /// Whether nothing that was kept before is used.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Writes nothing from now on until it is told to [release](Self::release) what it was to keep.
    pub fn withhold(&self) {
        lock(&self.withheld).get_or_insert_default();
    }

    /// Writes what it was to keep while it was told to [withhold](Self::withhold) it, and goes on writing.
    pub fn release(&self) {
        let withheld = lock(&self.withheld).take().unwrap_or_default();
        for (shelf, record) in withheld {
            self.write(&mut lock(&self.shelf(&shelf)).writing, &shelf, &record);
        }
    }

    /// Keeps a record, unless it is already there.
    pub fn put(&self, shelf: &str, record: &Record) {
        let entry = self.shelf(shelf);
        let mut entry = lock(&entry);
        let kept = entry.records.entry(record.unit.clone()).or_default();
        let part = (record.from, record.payload.clone());
        if kept.contains(&part) {
            return;
        }
        kept.push(part);
        if let Some(withheld) = lock(&self.withheld).as_mut() {
            withheld.push((shelf.to_owned(), record.clone()));
            return;
        }
        self.write(&mut entry.writing, shelf, record);
    }

    fn write(&self, writing: &mut Writing, shelf: &str, record: &Record) {
        let line = record.encode();
        let written = match writing {
            Writing::Over => return,
            Writing::Journal(journal) => journal.append(line.as_bytes(), self.disk.as_ref()),
            Writing::NotYet => {
                Journal::create(&self.path(shelf), self.disk.as_ref()).and_then(|mut journal| {
                    let appended = journal.append(line.as_bytes(), self.disk.as_ref());
                    *writing = Writing::Journal(Box::new(journal));
                    appended
                })
            }
        };
        if let Err(error) = written {
            *writing = Writing::Over;
            self.tell(Notice::Unwritable { path: self.folder.clone(), why: error.to_string() });
        }
    }

    /// Makes what was kept last. A store that is dropped without it is as one whose process was
    /// killed: every record that was kept can be read.
    pub fn finish(&self) {
        for shelf in lock(&self.shelves).values() {
            let writing = std::mem::replace(&mut lock(shelf).writing, Writing::NotYet);
            let Writing::Journal(journal) = writing else { continue };
            if let Err(error) = journal.seal(self.disk.as_ref()) {
                self.tell(Notice::Unwritable { path: self.folder.clone(), why: error.to_string() });
            }
        }
    }

    /// Remembers something that the user should know.
    pub fn tell(&self, notice: Notice) {
        lock(&self.notices).insert(notice);
    }

    /// What the user should know so far.
    #[must_use]
    pub fn notices(&self) -> Vec<Notice> {
        lock(&self.notices).iter().cloned().collect()
    }

    fn path(&self, shelf: &str) -> PathBuf {
        self.folder.join(SHELVES).join(shelf)
    }

    /// What is on a shelf, here and in the other stores.
    fn contents(&self, shelf: &str) -> Contents {
        let mut contents = shelf::read(&self.path(shelf));
        for other in &self.others {
            contents.add(shelf::read(&other.join(SHELVES).join(shelf)));
        }
        contents
    }

    fn shelf(&self, name: &str) -> Arc<Mutex<Shelf>> {
        let mut shelves = lock(&self.shelves);
        let shelf = shelves.entry(name.to_owned()).or_insert_with(|| {
            let contents = self.contents(name);
            if !self.fresh {
                contents.notices.into_iter().for_each(|notice| self.tell(notice));
            }
            Arc::new(Mutex::new(Shelf { records: contents.records, writing: Writing::NotYet }))
        });
        Arc::clone(shelf)
    }
}

/// A lock whose holder panicked protects data that are whole all the same: every change is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 128 bits of BLAKE3, in hexadecimal.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    shortened(&blake3::hash(bytes))
}

fn shortened(hash: &blake3::Hash) -> String {
    hash.to_hex()[..32].to_owned()
}

#[cfg(test)]
mod tests;
