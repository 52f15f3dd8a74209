//! A shelf: the files of one folder, read together, and the journal that one process adds to it.
//!
//! A process appends its records to a journal of its own (`<n>.journal`), created under a name that
//! nobody has, so that two processes never write to one file. When it ends, the journal is synced and
//! sealed: renamed to the digest of its lines' checksums (`<digest>.records`) and never changed again,
//! so that a line that goes missing is noticed. A journal that is left behind belonged to a process
//! that was killed; its whole lines are records like any other.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    Notice,
    disk::Disk,
    record::{Flaw, Record},
};

/// Ending of sealed files.
pub const SEALED: &str = "records";
/// Ending of journals.
pub const JOURNAL: &str = "journal";
/// Records between two syncs of a journal.
const RECORDS_PER_SYNC: u32 = 64;
/// Largest file that is read, in bytes.
const MOST_BYTES: u64 = 1 << 30;
/// How often a folder is listed again because a file has been renamed meanwhile.
const LISTINGS: u32 = 5;

/// Records by unit: where each begins, and what it holds. Repeated ones stand once.
pub type Records = BTreeMap<String, Vec<(u64, String)>>;

/// Everything that is in a folder.
#[derive(Debug, Default)]
pub struct Contents {
    /// The records that are whole.
    pub records: Records,
    /// What is wrong with the files.
    pub notices: Vec<Notice>,
    /// The files, in the order of names.
    pub files: Vec<FileContents>,
}

impl Contents {
    /// Adds what is in another folder.
    pub fn add(&mut self, other: Self) {
        for (unit, parts) in other.records {
            let of_unit = self.records.entry(unit).or_default();
            for part in parts {
                enter(of_unit, part);
            }
        }
        self.notices.extend(other.notices);
        self.files.extend(other.files);
    }
}

/// Enters a record of a unit, unless it stands there already.
fn enter(of_unit: &mut Vec<(u64, String)>, part: (u64, String)) {
    if !of_unit.contains(&part) {
        of_unit.push(part);
    }
}

/// A file of a shelf.
#[derive(Debug)]
pub struct FileContents {
    /// The file.
    pub path: PathBuf,
    /// Whole records in it.
    pub records: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it is sealed, and every line of it a record.
    pub sound: bool,
    /// Lines of another version, to be kept as they are.
    pub foreign: Vec<Vec<u8>>,
}

/// Reads the files of a folder; one that does not exist is empty.
pub fn read(folder: &Path) -> Contents {
    for _ in 1..LISTINGS {
        if let Ok(contents) = try_read(folder) {
            return contents;
        }
    }
    try_read(folder).unwrap_or_default()
}

/// Fails only if a listed file has gone, because its writer has just sealed it.
fn try_read(folder: &Path) -> Result<Contents, io::Error> {
    let mut contents = Contents::default();
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(e) => {
            if e.kind() != io::ErrorKind::NotFound {
                contents.notices.push(Notice::Unreadable { path: folder.into(), why: e.to_string() });
            }
            return Ok(contents);
        }
    };
    paths.retain(|path| path.extension().is_some_and(|e| e == SEALED || e == JOURNAL));
    paths.sort();
    for path in paths {
        match bytes(&path) {
            Ok(bytes) => take(&path, &bytes, &mut contents),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(e),
            Err(e) => contents.notices.push(Notice::Unreadable { path, why: e.to_string() }),
        }
    }
    Ok(contents)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > MOST_BYTES {
        return Err(io::Error::other(format!("{size} bytes are more than records ever have")));
    }
    fs::read(path)
}

fn take(path: &Path, bytes: &[u8], contents: &mut Contents) {
    let sealed = path.extension().is_some_and(|e| e == SEALED);
    let (mut records, mut damaged, mut foreign) = (0, 0, Vec::new());
    let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
    // A last line without its line feed is the ordinary trace of a kill in a journal, but damage in a
    // sealed file.
    let unfinished = lines.pop().is_some_and(|last| !last.is_empty());
    damaged += u64::from(unfinished && sealed);
    let mut seal = Seal::default();
    for line in lines {
        seal.add(line);
        match Record::decode(line) {
            Ok(record) => {
                records += 1;
                let of_unit = contents.records.entry(record.unit).or_default();
                enter(of_unit, (record.from, record.payload));
            }
            Err(Flaw::Damaged) => damaged += 1,
            Err(Flaw::Foreign) => foreign.push(line.to_vec()),
        }
    }
    let path = path.to_owned();
    let changed = sealed && path.file_name().is_none_or(|name| name.to_string_lossy() != seal.name());
    let sound = sealed && !changed && damaged == 0 && foreign.is_empty();
    if damaged > 0 || changed {
        contents.notices.push(Notice::Damaged { path: path.clone(), lines: damaged });
    }
    if !foreign.is_empty() {
        contents.notices.push(Notice::Foreign { path: path.clone(), lines: foreign.len() as u64 });
    }
    contents.files.push(FileContents { path, records, bytes: bytes.len() as u64, sound, foreign });
}

/// The name of a sealed file, line by line. Each line answers for itself by its checksum, so that the
/// name needs no more of it.
#[derive(Debug, Default)]
pub struct Seal(blake3::Hasher);

impl Seal {
    /// Adds a line.
    pub fn add(&mut self, line: &[u8]) {
        self.0.update(line.split(|b| *b == b' ').nth(1).unwrap_or(line));
    }

    /// The name of the file with the lines so far.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{SEALED}", super::shortened(&self.0.finalize()))
    }
}

/// A file that this process appends records to.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    seal: Seal,
    unsynced: u32,
}

impl Journal {
    /// A new journal in a folder.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn create(folder: &Path, disk: &dyn Disk) -> io::Result<Self> {
        disk.create_folder(folder)?;
        let mut number = 1_u32;
        loop {
            let path = folder.join(format!("{number}.{JOURNAL}"));
            match disk.create(&path) {
                Ok(file) => return Ok(Self { path, file, seal: Seal::default(), unsynced: 0 }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
                Err(e) => return Err(e),
            }
        }
    }

    /// Appends a line.
    ///
    /// # Errors
    /// Whatever the system says; the journal must then be left alone.
    pub fn append(&mut self, line: &[u8], disk: &dyn Disk) -> io::Result<()> {
        disk.append(&mut self.file, line)?;
        self.seal.add(line);
        self.unsynced += 1;
        if self.unsynced >= RECORDS_PER_SYNC {
            self.unsynced = 0;
            disk.sync(&self.file)?;
        }
        Ok(())
    }

    /// Makes the journal last, under the name of its contents.
    ///
    /// # Errors
    /// Whatever the system says; the journal stays as readable as it was.
    pub fn seal(self, disk: &dyn Disk) -> io::Result<()> {
        disk.sync(&self.file)?;
        disk.rename(&self.path, &self.path.with_file_name(self.seal.name()))
    }
}
