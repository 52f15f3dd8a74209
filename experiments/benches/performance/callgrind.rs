//! What callgrind writes: instructions and calls, function by function.

use std::collections::BTreeMap;

/// What the allocator is called by.
const ALLOCATIONS: [&str; 6] =
    ["mi_malloc", "mi_malloc_aligned", "mi_zalloc", "mi_zalloc_aligned", "mi_realloc", "mi_realloc_aligned"];

/// Groups of functions, by how their names begin; the first that fits counts.
const GROUPS: [(&str, &[&str]); 10] = [
    ("memory: allocating and releasing", &["mi_", "_mi_", "malloc", "free", "__rust", "alloc::raw_vec"]),
    ("memory: copying and clearing", &["__mem", "mem"]),
    (
        "random numbers",
        &["corroborate::kernel::stream", "corroborate::kernel::digits", "chacha20", "rand_chacha", "blake3"],
    ),
    ("elementary functions", &["corroborate::kernel::math", "corroborate::kernel::exponential", "libm"]),
    ("kernel: everything else", &["corroborate::kernel"]),
    ("experiments and properties of the papers", &["corroborate::papers"]),
    ("statistics", &["corroborate::stats", "statrs"]),
    ("generators of instances", &["proptest"]),
    ("spine: claims, executor, store, checks, reports", &["corroborate::"]),
    ("linear algebra of nalgebra", &["nalgebra"]),
];
const REST: &str = "libraries, the standard one among them";

/// What was counted.
#[derive(Debug, Default, PartialEq)]
pub struct Counts {
    /// Instructions of each function itself.
    pub functions: BTreeMap<String, u64>,
    /// Calls of the allocator, by the function that calls.
    pub allocations: BTreeMap<String, u64>,
}

/// The group of a function.
pub fn group(function: &str) -> &'static str {
    let name = function.trim_start_matches(['<', '&']).trim_start_matches("mut ");
    let fits = |(_, beginnings): &&(&str, &[&str])| beginnings.iter().any(|b| name.starts_with(b));
    GROUPS.iter().find(fits).map_or(REST, |(group, _)| group)
}

/// Reads what callgrind writes: names stand in full where they occur first, as `fn=(12) name`, and then by their
/// numbers; the line after one with `calls=` is the cost of what was called, and no function's own.
pub fn counts(text: &str) -> Counts {
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
                *counts.allocations.entry(function.to_owned()).or_default() += number;
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
