//! Looking after a store: what is in it, and throwing away what is of no use.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    Notice, SHELVES,
    disk::Disk,
    record::Record,
    shelf::{self, Contents, FileContents, JOURNAL, Seal},
};

/// Ending of files that are not whole yet.
const TEMPORARY: &str = "tmp";

/// What is in a store.
#[derive(Debug, Default)]
pub struct Inspected {
    /// Shelves.
    pub shelves: u64,
    /// Files, journals included.
    pub files: u64,
    /// Whole records.
    pub records: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// What is wrong.
    pub notices: Vec<Notice>,
}

/// What was thrown away.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Shelves of sources that have gone.
    pub shelves: u64,
    /// Files removed, or put together into others.
    pub files: u64,
    /// Bytes less than before.
    pub bytes: u64,
    /// Journals left alone, because another process writes to them.
    pub in_use: u64,
}

/// Reads every record of the store in `folder`.
///
/// # Errors
/// Whatever the system says.
pub fn inspect(folder: &Path) -> io::Result<Inspected> {
    let mut found = Inspected::default();
    for (_, path) in shelves(folder)? {
        let contents = shelf::read(&path);
        found.shelves += 1;
        found.files += contents.files.len() as u64;
        found.records += contents.files.iter().map(|file| file.records).sum::<u64>();
        found.bytes += contents.files.iter().map(|file| file.bytes).sum::<u64>();
        found.notices.extend(contents.notices);
    }
    Ok(found)
}

/// Removes the shelves that are not live, and puts the files of each other one together into a single
/// sealed file without damaged and repeated lines. Nothing that another process writes to is touched.
/// With `pretend`, nothing is.
///
/// # Errors
/// Whatever the system says; what was to be kept is kept even then.
pub fn collect(
    folder: &Path,
    live: &BTreeSet<String>,
    pretend: bool,
    disk: &dyn Disk,
) -> io::Result<Collected> {
    let mut collected = Collected::default();
    for (name, path) in shelves(folder)? {
        let mut contents = shelf::read(&path);
        let before = contents.files.len();
        contents.files.retain(|file| !in_use(&file.path));
        let busy = before - contents.files.len();
        collected.in_use += busy as u64;
        if !pretend {
            sweep(&path)?;
        }
        if live.contains(&name) {
            compact(&path, &contents, busy > 0, pretend, disk, &mut collected)?;
        } else {
            for file in &contents.files {
                remove(file, pretend, &mut collected)?;
            }
            if busy == 0 {
                collected.shelves += 1;
                if !pretend {
                    fs::remove_dir_all(&path)?;
                }
            }
        }
    }
    Ok(collected)
}

fn shelves(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let entries = match fs::read_dir(folder.join(SHELVES)) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            found.push((entry.file_name().to_string_lossy().into_owned(), entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a process writes to a journal. Where locks are not supported, one has to think so.
fn in_use(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == JOURNAL) && is_locked(path)
}

fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_err())
}

/// Removes what a collection that was killed left behind.
fn sweep(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == TEMPORARY) && !is_locked(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn remove(file: &FileContents, pretend: bool, collected: &mut Collected) -> io::Result<()> {
    collected.files += 1;
    collected.bytes += file.bytes;
    match if pretend { Ok(()) } else { fs::remove_file(&file.path) } {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Puts the files of a shelf together: first the new file, whole and on the medium, then away with
/// the old ones.
fn compact(
    folder: &Path,
    contents: &Contents,
    busy: bool,
    pretend: bool,
    disk: &dyn Disk,
    collected: &mut Collected,
) -> io::Result<()> {
    if let [only] = &contents.files[..] {
        // Repeated lines make a file longer than its records need.
        let lines: u64 = contents.records.values().map(|parts| parts.len() as u64).sum();
        if only.sound && !busy && only.records == lines {
            return Ok(());
        }
    }
    if contents.files.is_empty() {
        return Ok(());
    }
    // Records of a busy journal are among them: they may then stand twice, which does no harm.
    let (sealed, bytes) = write_sealed(folder, contents, pretend, disk)?;
    for file in contents.files.iter().filter(|file| file.path != sealed) {
        remove(file, pretend, collected)?;
    }
    collected.bytes = collected.bytes.saturating_sub(bytes);
    Ok(())
}

/// Writes records into one sealed file, whole and on the medium: its path and length.
fn write_sealed(
    folder: &Path,
    contents: &Contents,
    pretend: bool,
    disk: &dyn Disk,
) -> io::Result<(PathBuf, u64)> {
    let (mut text, mut seal) = (Vec::new(), Seal::default());
    let mut add = |line: &[u8]| {
        seal.add(line);
        text.extend(line);
    };
    for (unit, parts) in &contents.records {
        let mut parts = parts.clone();
        parts.sort();
        for (from, payload) in parts {
            add(Record { unit: unit.clone(), from, payload }.encode().as_bytes());
        }
    }
    // What another version has written is not for this one to throw away.
    for line in contents.files.iter().flat_map(|file| &file.foreign) {
        add(&[line, b"\n".as_slice()].concat());
    }
    let sealed = folder.join(seal.name());
    let temporary = folder.join(format!(".gc.{}.{TEMPORARY}", std::process::id()));
    if !pretend {
        let written = disk.create_folder(folder).and_then(|()| {
            let mut file = disk.create(&temporary)?;
            disk.append(&mut file, &text)?;
            disk.sync(&file)?;
            disk.rename(&temporary, &sealed)
        });
        if let Err(error) = written {
            // What was written of it is of no use; that it cannot be removed either is no news.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
    }
    Ok((sealed, text.len() as u64))
}

/// Takes the whole records of another store's shelves into the store in `folder`: those shelves that are
/// live, and nothing that is there already.
///
/// # Errors
/// Whatever the system says; what was taken by then is whole, and can be taken again.
pub fn import(from: &Path, folder: &Path, live: &BTreeSet<String>, disk: &dyn Disk) -> io::Result<()> {
    for (name, path) in shelves(from)?.into_iter().filter(|(name, _)| live.contains(name)) {
        let to = folder.join(SHELVES).join(name);
        let there = shelf::read(&to).records;
        let mut contents = Contents { records: shelf::read(&path).records, ..Contents::default() };
        contents.records.retain(|unit, parts| {
            parts.retain(|part| !there.get(unit).is_some_and(|kept| kept.contains(part)));
            !parts.is_empty()
        });
        if !contents.records.is_empty() {
            write_sealed(&to, &contents, false, disk)?;
        }
    }
    Ok(())
}
