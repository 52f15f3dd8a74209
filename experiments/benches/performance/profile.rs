//! Where the instructions of `verify` go, as callgrind counts them: the same numbers in every run of a program.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use corroborate::report::Profile;

use crate::{
    callgrind::{counts, group},
    whole::{PROGRAM, workplace},
};

/// What is profiled for the page: slow as it is, about fifty times as slow as without, not everything.
pub const SELECTION: [&str; 2] = ["*.1", "*.2"];
/// Functions that are printed.
const TOP: usize = 25;

/// Runs `verify` of these selectors under callgrind, prints the functions that cost most, and returns the groups.
pub fn profile(root: &Path, selectors: &[String]) -> Result<Profile, String> {
    let told = |e: std::io::Error| e.to_string();
    let place = workplace(root)?;
    let file = place.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .current_dir(place.path())
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", file.display()))
        .args([PROGRAM, "verify", "--format", "json", "--jobs", "1", "--timeout", "86400"])
        .args(selectors)
        .output()
        .map_err(|e| format!("valgrind cannot be run: {e}"))?;
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("`verify` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let counts = counts(&fs::read_to_string(file).map_err(told)?);
    let total: u64 = counts.functions.values().sum();
    let allocations: u64 = counts.allocations.values().sum();
    eprintln!("  {total} instructions, of which");
    print(&counts.functions, total);
    eprintln!("  {allocations} allocations, of which");
    print(&counts.allocations, allocations);
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, own) in &counts.functions {
        *groups.entry(group(name)).or_default() += own;
    }
    let mut shares: Vec<(String, f64)> =
        groups.into_iter().map(|(name, own)| (name.to_owned(), share(own, total))).collect();
    shares.sort_by(|x, y| y.1.total_cmp(&x.1));
    let allocations = 1e6 * share(allocations, total);
    Ok(Profile { selectors: selectors.to_vec(), shares, allocations })
}

/// The functions with the largest numbers, and their shares of all.
fn print(numbers: &BTreeMap<String, u64>, total: u64) {
    let mut functions: Vec<_> = numbers.iter().collect();
    functions.sort_by_key(|(name, own)| (std::cmp::Reverse(**own), *name));
    for (name, own) in functions.iter().take(TOP) {
        eprintln!("  {:5.1} %  {name}", 100.0 * share(**own, total));
    }
}

fn share(own: u64, total: u64) -> f64 {
    own as f64 / total.max(1) as f64
}
