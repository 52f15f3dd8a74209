//! The steps by which anything reaches the disk, each a place where a process can die.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// What the store does to the disk. A trial puts a failing one in its place.
pub trait Disk: Send + Sync {
    /// Creates a folder and those above it.
    ///
    /// # Errors
    /// Whatever the system says; the same holds for the other steps.
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    /// Creates a file that must not exist yet, and locks it for as long as it is open.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if it does.
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().append(true).create_new(true).open(path)?;
        // Where locks are not supported, `store gc` leaves every open journal alone.
        let _ = file.try_lock();
        Ok(file)
    }

    /// Appends to a file, in one piece where the system can.
    ///
    /// # Errors
    /// As above; an unknown part may then have been written.
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Waits until a file is on the medium.
    ///
    /// # Errors
    /// As above.
    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    /// Gives a file its final name, replacing what has it.
    ///
    /// # Errors
    /// As above.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)?;
        if let Some(folder) = to.parent() {
            // Makes the new name last; not every system can open a folder, and none needs it to be right.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(())
    }
}

/// The disk itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {}
