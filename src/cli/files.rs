//! Finding the root, and writing files whole or not at all.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use super::Refusal;
use crate::{
    check::evidence::{Curve, Verdicts},
    claim::{CLAIMS, EXPERIMENTS},
};

/// Largest `verdicts.json` that is read, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// The nearest folder, upwards from here, with `claims/` and `experiments/`.
pub(super) fn find_root(given: Option<&Path>) -> Result<PathBuf, Refusal> {
    let is_root = |path: &Path| path.join(CLAIMS).is_dir() && path.join(EXPERIMENTS).is_dir();
    if let Some(given) = given {
        return if is_root(given) {
            Ok(given.to_owned())
        } else {
            Err(Refusal::usage(format!("{} has no folders `{CLAIMS}` and `{EXPERIMENTS}`", given.display())))
        };
    }
    let here = std::env::current_dir()
        .map_err(|e| Refusal::usage(format!("cannot tell the current folder: {e}; give --root")))?;
    here.ancestors().find(|path| is_root(path)).map(Path::to_owned).ok_or_else(|| {
        Refusal::usage(format!(
            "no folder from here upwards has `{CLAIMS}` and `{EXPERIMENTS}`; go to the project, or give --root DIR"
        ))
    })
}

/// Writes a file under a temporary name and then renames it, so that it is whole or not there. One
/// that already has these contents is left alone.
pub(super) fn write_whole(path: &Path, contents: &str) -> Result<(), Refusal> {
    let failed = |e: std::io::Error| Refusal::usage(format!("cannot write {}: {e}", path.display()));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if fs::read(path).is_ok_and(|old| old == contents.as_bytes()) {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(contents.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Whatever was written of it is of no use; that it cannot be removed either is no news.
        let _ = fs::remove_file(&temporary);
    }
    written.map_err(failed)
}

/// Appends to a file that belongs to others too.
pub(super) fn append(path: &Path, text: &str) -> Result<(), Refusal> {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Refusal::usage(format!("cannot append to {}: {e}", path.display())))
}

/// Removes the files of a folder that have this extension and are not wanted; a folder that is not
/// there has none.
pub(super) fn remove_others(folder: &Path, extension: &str, wanted: &BTreeSet<&str>) -> Result<(), Refusal> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.extension().is_some_and(|e| e == extension) && !wanted.contains(&*name) {
            fs::remove_file(&path)
                .map_err(|e| Refusal::usage(format!("cannot remove {}: {e}", path.display())))?;
        }
    }
    Ok(())
}

/// `verdicts.json`.
pub(super) fn verdicts_json(verdicts: &Verdicts) -> Result<String, Refusal> {
    serde_json::to_string_pretty(verdicts)
        .map(|text| text + "\n")
        .map_err(|e| Refusal::Machinery(format!("verdicts cannot be written as JSON: {e}")))
}

/// Reads a `verdicts.json`.
pub(super) fn read_verdicts(path: &Path) -> Result<Verdicts, Refusal> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_string(&mut text));
    read.map_err(|e| {
        Refusal::usage(format!("cannot read {}: {e}; `verify --out DIR` writes it", path.display()))
    })?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Refusal::usage(format!("{} has more than {MOST_BYTES} bytes", path.display())));
    }
    verdicts_of(path, &text)
}

/// The verdicts in the text of a `verdicts.json`.
///
/// # Errors
/// Says at which line and column the text is none, or that it has another format.
pub fn verdicts_of(path: &Path, text: &str) -> Result<Verdicts, Refusal> {
    let format = serde_json::from_str::<serde_json::Value>(text).ok().and_then(|v| v.get("format")?.as_u64());
    let ours = u64::from(crate::check::FORMAT);
    if let Some(other) = format.filter(|f| *f != ours) {
        let path = path.display();
        return Err(Refusal::usage(format!(
            "{path} has format {other}; this program reads format {ours}: verify again"
        )));
    }
    let verdicts = serde_json::from_str(text).map(Verdicts::printable).map_err(|e| {
        let path = path.display();
        Refusal::usage(format!("{path}, line {}, column {}: no verdicts: {e}", e.line(), e.column()))
    })?;
    match repeated(&verdicts).or_else(|| uneven(&verdicts)) {
        Some(flaw) => Err(Refusal::usage(format!("{}: no verdicts: {flaw}", path.display()))),
        None => Ok(verdicts),
    }
}

/// A claim, or a control of a claim, that is there more than once, which no run writes: whoever looks for it by its name
/// would find either.
fn repeated(verdicts: &Verdicts) -> Option<String> {
    let mut ids = BTreeSet::new();
    verdicts.claims.iter().find_map(|claim| {
        if !ids.insert(&claim.id) {
            return Some(format!("the claim `{}` is there more than once", claim.id));
        }
        let mut controls = BTreeSet::new();
        let again = claim.controls.iter().find(|c| !controls.insert((c.check, &c.fault)))?;
        Some(format!("the claim `{}` has the control `{}` more than once", claim.id, again.fault))
    })
}

/// A curve whose lists are of different lengths, which no run writes.
fn uneven(verdicts: &Verdicts) -> Option<String> {
    verdicts.claims.iter().find_map(|claim| {
        let curves = claim.plots.iter().flat_map(|plot| &plot.panels).flat_map(|panel| &panel.curves);
        let is_uneven = |c: &&Curve| [&c.mean, &c.low, &c.high].iter().any(|list| list.len() != c.x.len());
        let curve = curves.into_iter().find(is_uneven)?;
        Some(format!(
            "the curve `{}` of claim `{}` has not as many means and ends of its band as abscissae",
            curve.label, claim.id
        ))
    })
}
