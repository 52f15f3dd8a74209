//! Where the instructions of `verify` go, as callgrind counts them: the same numbers in every run of a program.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use corroborate::report::Profile;

use crate::whole::{PROGRAM, workplace};

/// What is profiled for the page: slow as it is, about fifty times as slow as without, not everything.
pub const SELECTION: [&str; 2] = ["*.1", "*.2"];
/// Functions that are printed.
const TOP: usize = 25;
/// What the allocator is called by.
const ALLOCATIONS: [&str; 6] =
    ["mi_malloc", "mi_malloc_aligned", "mi_zalloc", "mi_zalloc_aligned", "mi_realloc", "mi_realloc_aligned"];

/// Groups of functions, by how their names begin; the first that fits counts.
const GROUPS: [(&str, &[&str]); 10] = [
    ("memory: allocating and releasing", &["mi_", "_mi_", "malloc", "free", "__rust", "alloc::raw_vec"]),
    ("memory: copying and clearing", &["__mem", "mem"]),
    ("random numbers", &["corroborate::kernel::stream", "chacha20", "rand_chacha", "blake3"]),
    ("elementary functions", &["corroborate::kernel::math", "corroborate::kernel::exponential", "libm"]),
    ("kernel: everything else", &["corroborate::kernel"]),
    ("experiments and properties of the papers", &["corroborate::papers"]),
    ("statistics", &["corroborate::stats", "statrs"]),
    ("generators of instances", &["proptest"]),
    ("spine: claims, executor, store, checks, reports", &["corroborate::"]),
    ("linear algebra of nalgebra", &["nalgebra"]),
];
const REST: &str = "libraries, the standard one among them";

/// What callgrind has counted.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    /// Instructions of each function itself.
    functions: BTreeMap<String, u64>,
    /// Calls of the allocator.
    allocations: u64,
}

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
    let mut functions: Vec<_> = counts.functions.iter().collect();
    functions.sort_by_key(|(name, own)| (std::cmp::Reverse(**own), *name));
    let share = |own: u64| own as f64 / total.max(1) as f64;
    for (name, own) in functions.iter().take(TOP) {
        eprintln!("  {:5.1} %  {name}", 100.0 * share(**own));
    }
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, own) in &counts.functions {
        *groups.entry(group(name)).or_default() += own;
    }
    let mut shares: Vec<(String, f64)> =
        groups.into_iter().map(|(name, own)| (name.to_owned(), share(own))).collect();
    shares.sort_by(|x, y| y.1.total_cmp(&x.1));
    let allocations = 1e6 * share(counts.allocations);
    eprintln!("  {total} instructions, {} allocations", counts.allocations);
    Ok(Profile { selectors: selectors.to_vec(), shares, allocations })
}

/// The group of a function.
fn group(function: &str) -> &'static str {
    let name = function.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    let fits = |(_, beginnings): &&(&str, &[&str])| beginnings.iter().any(|b| name.starts_with(b));
    GROUPS.iter().find(fits).map_or(REST, |(group, _)| group)
}

/// Reads what callgrind writes: names stand in full where they occur first, as `fn=(12) name`, and then by their
/// numbers; the line after one with `calls=` is the cost of what was called, and no function's own.
fn counts(text: &str) -> Counts {
    let (mut counts, mut names) = (Counts::default(), BTreeMap::<&str, &str>::new());
    let (mut function, mut called, mut is_call) = ("", "", false);
    for line in text.lines() {
        if let Some((key @ ("fn" | "cfn"), reference)) = line.split_once('=') {
            let (number, name) = reference.split_once(' ').unwrap_or((reference, ""));
            if !name.is_empty() {
                names.insert(number, name);
            }
            let name = names.get(number).copied().unwrap_or(number);
            if key == "fn" { function = name } else { called = name }
        } else if let Some(calls) = line.strip_prefix("calls=") {
            is_call = true;
            let number = calls.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if ALLOCATIONS.contains(&called) {
                counts.allocations += number;
            }
        } else if line.starts_with(['+', '-', '*']) || line.starts_with(|c: char| c.is_ascii_digit()) {
            let own = line.split(' ').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
            if !is_call {
                *counts.functions.entry(function.to_owned()).or_default() += own;
            }
            is_call = false;
        }
    }
    counts
}
