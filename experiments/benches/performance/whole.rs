//! Whole runs of `verify`: beside the time that they may take, and on two threads beside one.

use std::{fs, path::Path, process::Command, time::Instant};

use corroborate::{check::evidence::Verdicts, report::Comparison};
use tempfile::TempDir;

/// What all of this is called on the command line.
pub const NAME: &str = "verify";
/// The program, built as the benchmark is.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_corroborate");
/// So many papers may take so long on two threads: a tier, and seconds.
const PAPERS: f64 = 54.0;
const LIMITS: [(&str, f64); 2] = [("quick", 60.0), ("full", 900.0)];
/// How many times as fast two threads are to be as one.
const THREADS: f64 = 1.8;
/// Runs of the quick tier on one thread and on two, in turns.
const ROUNDS: usize = 3;

/// A run from nothing.
struct Run {
    seconds: f64,
    papers: usize,
    /// Digest of the verdicts.
    digest: String,
}

/// All comparisons. Runs on different threads have to reach the same verdicts.
pub fn compare(root: &Path) -> Result<Vec<Comparison>, String> {
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(run(root, "quick", 1)?);
        together.push(run(root, "quick", 2)?);
    }
    let first = &alone[0];
    if alone.iter().chain(&together).any(|run| run.digest != first.digest) {
        return Err("runs on one and on two threads have reached different verdicts".into());
    }
    let pairs: Vec<f64> = alone.iter().zip(&together).map(|(one, two)| one.seconds / two.seconds).collect();
    let threads = Comparison {
        against: "the same on one thread".into(),
        ratio: Some(least(&alone) / least(&together)),
        rounds: ends(&pairs),
        goal: THREADS,
        because: "what the threads share, the processor's caches and memory, and the last pieces of a round are not \
                  divided by two"
            .into(),
        ..comparison("quick", first.papers)
    };
    let full = [run(root, "full", 2)?];
    let within = [&together[..], &full].into_iter().zip(LIMITS).map(|(runs, (tier, seconds))| {
        let papers = runs[0].papers;
        let allowed = seconds * papers as f64 / PAPERS;
        let ratios: Vec<f64> = runs.iter().map(|run| allowed / run.seconds).collect();
        Comparison {
            against: format!("{seconds} s for {PAPERS} papers"),
            ratio: Some(allowed / least(runs)),
            rounds: ends(&ratios),
            goal: 1.0,
            because: "the papers' own experiments take the time".into(),
            ..comparison(tier, papers)
        }
    });
    let comparisons: Vec<Comparison> = within.chain([threads]).collect();
    for Comparison { work, against, ratio, .. } in &comparisons {
        eprintln!("  {work}, against {against}: ratio {:.2}", ratio.unwrap_or(f64::NAN));
    }
    Ok(comparisons)
}

/// What all comparisons of a tier have in common.
fn comparison(tier: &str, papers: usize) -> Comparison {
    Comparison {
        work: format!("All claims of {papers} papers, {tier} tier, two threads"),
        against: String::new(),
        ratio: None,
        rounds: [f64::NAN; 2],
        goal: f64::NAN,
        is_best: true,
        difference: 0.0,
        because: String::new(),
        command: format!("cargo bench --bench performance -- --only {NAME}"),
    }
}

fn least(runs: &[Run]) -> f64 {
    runs.iter().map(|run| run.seconds).fold(f64::INFINITY, f64::min)
}

fn ends(ratios: &[f64]) -> [f64; 2] {
    [ratios.iter().copied().fold(f64::INFINITY, f64::min), ratios.iter().copied().fold(0.0, f64::max)]
}

/// A copy of the project's files, so that nobody's latest verdicts are lost, and the store is empty.
pub fn workplace(root: &Path) -> Result<TempDir, String> {
    let told = |e: std::io::Error| e.to_string();
    let folder = tempfile::tempdir().map_err(told)?;
    for name in ["claims", "experiments"] {
        copy(&root.join(name), &folder.path().join(name)).map_err(told)?;
    }
    Ok(folder)
}

/// Judges all claims from nothing.
fn run(root: &Path, tier: &str, threads: usize) -> Result<Run, String> {
    let folder = workplace(root)?;
    let begun = Instant::now();
    let output = Command::new(PROGRAM)
        .current_dir(folder.path())
        .args(["verify", "--format", "json", "--tier", tier, "--jobs", &threads.to_string()])
        .output()
        .map_err(|e| e.to_string())?;
    let seconds = begun.elapsed().as_secs_f64();
    eprintln!("  {tier} tier, {threads} threads: {seconds:.1} s");
    // 1: not every verdict is as expected, which has nothing to do with time.
    if !matches!(output.status.code(), Some(0 | 1)) {
        return Err(format!("`verify` failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let verdicts: Verdicts = serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())?;
    Ok(Run { seconds, papers: verdicts.papers.len(), digest: verdicts.run.verdicts })
}

/// Copies a folder of files and folders.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() { copy(&path, &target)? } else { fs::copy(&path, &target).map(drop)? }
    }
    Ok(())
}
