//! Speed beside other programs, beside what the machine can do, and over sizes, as a page.
//!
//! `cargo bench --bench performance -- [--write FOLDER] [--only NAME]… [--brief]`: prints the page, and writes it with
//! its pictures into a folder; briefly means beside other programs only. `--profile [SELECTOR]…` prints nothing but where
//! the instructions of `verify` go. Other programs are those that `just bench-peers` has installed.

mod callgrind;
mod machine;
mod peers;
mod profile;
mod whole;
#[path = "../work/mod.rs"]
mod work;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use corroborate::report::{Comparison, Fraction, Growth, Performance, performance};
use machine::fastest;
use peers::Peer;
use work::{Contest, Cost, Goal, Work};

/// Where other programs live, and where files for them go.
const PYTHON: &str = "target/bench-peers/bin/python";
const FOLDER: &str = "target/performance";
/// How long ours runs before each run of the other program.
const TURN: Duration = Duration::from_millis(400);

/// What is asked for.
#[derive(Default)]
struct Options {
    write: Option<PathBuf>,
    only: Vec<String>,
    brief: bool,
    /// Claims whose profile is wanted, and nothing else.
    profile: Option<Vec<String>>,
    /// A ladder and a rung of it, whose memory is to be told: what this program asks of itself.
    memory: Option<[usize; 2]>,
}

impl Options {
    fn read() -> Result<Self, String> {
        let mut options = Self::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
            match argument.as_str() {
                "--write" => options.write = Some(value()?.into()),
                "--only" => options.only.push(value()?),
                "--brief" => options.brief = true,
                // The rest are selectors; cargo's word is not.
                "--profile" => {
                    options.profile = Some(arguments.by_ref().filter(|a| a != "--bench").collect());
                }
                "--memory" => {
                    let mut index = || value()?.parse().map_err(|_| "--memory needs two numbers".to_owned());
                    options.memory = Some([index()?, index()?]);
                }
                // Cargo says that this is a benchmark.
                "--bench" => {}
                _ => {
                    return Err(format!(
                        "no option {argument}; there are --write FOLDER, --only NAME, --brief, --profile SELECTOR…"
                    ));
                }
            }
        }
        Ok(options)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| name.starts_with(only.as_str()))
    }
}

fn main() -> Result<(), String> {
    let options = Options::read()?;
    if let Some([ladder, rung]) = options.memory {
        let make = work::ladders().get(ladder).and_then(|ladder| ladder.get(rung)).copied();
        let work = make.ok_or("there is no such work")?();
        let bytes = machine::peak_memory(|| drop((work.run)()));
        if let Some(bytes) = bytes {
            println!("{bytes}");
        }
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let default = || profile::SELECTION.map(str::to_owned).to_vec();
    if let Some(selectors) = options.profile {
        let selectors = if selectors.is_empty() { default() } else { selectors };
        for (group, share) in profile::profile(root, &selectors)?.shares {
            println!("{:5.1} %  {group}", 100.0 * share);
        }
        return Ok(());
    }
    let told = |e: std::io::Error| e.to_string();
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(told)?;
    let mut measured = Performance { run: machine::description(), ..Performance::default() };
    let (bandwidth, arithmetic) = (machine::bandwidth(), machine::arithmetic());
    let mut versions = Vec::new();
    for (name, contests) in work::contests() {
        if !options.wants(name) {
            continue;
        }
        for contest in contests() {
            eprintln!("{}: {}", contest.work.name, contest.work.sizes);
            let seconds = compare(&contest, name, root, &folder, &mut measured, &mut versions);
            measured.fractions.extend(fraction(&contest.work, seconds, bandwidth, arithmetic));
        }
    }
    for (number, ladder) in work::ladders().iter().enumerate() {
        if !options.brief && options.only.is_empty() {
            measured.growth.push(grow(number, ladder));
        }
    }
    if !options.brief && options.wants(whole::NAME) {
        eprintln!("Whole runs of `verify`");
        measured.whole = whole::compare(root)?;
        eprintln!("Profile of `verify`");
        match profile::profile(root, &default()) {
            Ok(profile) => measured.profile = Some(profile),
            Err(why) => eprintln!("  {why}"),
        }
    }
    measured.run.push(["Compiler".into(), env!("CORROBORATE_TOOLCHAIN").to_owned()]);
    versions.sort();
    versions.dedup();
    measured.run.push(["Beside".into(), versions.join(", ")]);
    let json = serde_json::to_string_pretty(&measured).map_err(|e| e.to_string())?;
    fs::write(folder.join("performance.json"), json).map_err(told)?;
    for (name, text) in performance(&measured)? {
        if Path::new(&name).extension().is_some_and(|extension| extension == "md") {
            println!("{text}");
        }
        if let Some(out) = &options.write {
            let path = root.join(out).join(name);
            path.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(path, text))
                .map_err(told)?;
        }
    }
    Ok(())
}

/// Adds the comparisons of a contest; returns our smallest time in any of them, infinity if there was none.
fn compare(
    contest: &Contest,
    name: &str,
    root: &Path,
    folder: &Path,
    measured: &mut Performance,
    versions: &mut Vec<String>,
) -> f64 {
    let (first, mut least) = (measured.comparisons.len(), f64::INFINITY);
    for goal in &contest.goals {
        let work = &contest.work;
        let mut comparison = Comparison {
            work: format!("{}: {}", work.name, work.sizes),
            against: goal.against.to_owned(),
            ratio: None,
            rounds: [f64::NAN; 2],
            goal: goal.ratio,
            is_best: true,
            difference: 0.0,
            because: goal.because.to_owned(),
            command: format!("cargo bench --bench performance -- --only {name}"),
        };
        let python = root.join(PYTHON);
        let peer = if python.exists() {
            Peer::prepare(&python, folder, work, goal.against)
        } else {
            Err("`just bench-peers` has not been run".to_owned())
        };
        let outcome = peer.and_then(|mut peer| {
            versions.push(format!("{} {}", goal.against.split(',').next().unwrap_or_default(), peer.version));
            duel(work, goal, &mut peer, &mut comparison)
        });
        least = outcome.as_ref().map_or(least, |own| least.min(*own));
        if let Err(why) = outcome {
            eprintln!("  {}: {why}", goal.against);
            measured.absent.push([format!("{}, {}", comparison.against, comparison.work), why]);
        }
        measured.comparisons.push(comparison);
    }
    let comparisons = &mut measured.comparisons[first..];
    if contest.only_fastest {
        let smallest = comparisons.iter().filter_map(|c| c.ratio).fold(f64::INFINITY, f64::min);
        for comparison in comparisons {
            comparison.is_best = comparison.ratio == Some(smallest);
        }
    }
    least
}

/// Ours and the other program in turns; returns our smallest time. Answers that do not agree are an error, and there is
/// no ratio then.
fn duel(work: &Work, goal: &Goal, peer: &mut Peer, comparison: &mut Comparison) -> Result<f64, String> {
    let ours = (work.run)();
    let (mut least, mut theirs_least) = (f64::INFINITY, f64::INFINITY);
    let mut rounds = [f64::INFINITY, f64::NEG_INFINITY];
    for _ in 0..goal.rounds {
        let own = fastest(1, TURN, || {
            std::hint::black_box((work.run)());
        }) / work.pieces;
        let theirs = peer.run()?;
        comparison.difference = difference(&ours, &theirs.answer)? / work.tolerance;
        if comparison.difference.is_nan() || comparison.difference > 1.0 {
            return Err(format!("the answers differ by {} times the tolerance", comparison.difference));
        }
        let ratio = theirs.seconds / own;
        rounds = [rounds[0].min(ratio), rounds[1].max(ratio)];
        (least, theirs_least) = (least.min(own), theirs_least.min(theirs.seconds));
    }
    eprintln!(
        "  {}: {:.3e} s, ours {:.3e} s, ratio {:.2}",
        goal.against,
        theirs_least,
        least,
        theirs_least / least
    );
    (comparison.ratio, comparison.rounds) = (Some(theirs_least / least), rounds);
    Ok(least * work.pieces)
}

/// The largest difference between answers, relative to max(1, |ours|).
fn difference(ours: &[f64], theirs: &[f64]) -> Result<f64, String> {
    if ours.len() != theirs.len() {
        return Err(format!("it answered with {} numbers instead of {}", theirs.len(), ours.len()));
    }
    let pairs = ours.iter().zip(theirs);
    Ok(pairs
        .map(|(x, y)| (x - y).abs() / x.abs().max(1.0))
        .fold(0.0, |most, d| if d > most || d.is_nan() { d } else { most }))
}

/// How near a kernel comes to what the machine can do.
fn fraction(work: &Work, seconds: f64, bandwidth: f64, arithmetic: f64) -> Option<Fraction> {
    let cost = work.cost?;
    let seconds = seconds.min(fastest(3, TURN, || {
        std::hint::black_box((work.run)());
    }));
    let (of, share) = match cost {
        Cost::Flops(flops) => ("arithmetic without fused operations", flops / seconds / arithmetic),
        Cost::Bytes(bytes) => ("bandwidth of memory", bytes / seconds / bandwidth),
    };
    Some(Fraction { work: format!("{}: {}", work.name, work.sizes), of: of.into(), share })
}

/// Time and memory over sizes.
fn grow(number: usize, ladder: &[fn() -> Work]) -> Growth {
    let mut growth: Option<Growth> = None;
    for (rung, make) in ladder.iter().enumerate() {
        let work = make();
        let bytes = memory_of(number, rung);
        let seconds = fastest(3, TURN, || {
            std::hint::black_box((work.run)());
        });
        let growth = growth.get_or_insert_with(|| Growth {
            work: work.name.into(),
            size: work.size.0.into(),
            expected: work.expected,
            sizes: vec![],
            seconds: vec![],
            bytes: vec![],
        });
        growth.sizes.push(work.size.1);
        growth.seconds.push(seconds);
        growth.bytes.extend(bytes);
    }
    growth.expect("a ladder has sizes")
}

/// The most memory of a piece of work, in a process of its own that returns what it frees to the system at once (as
/// the GNU C library does when it is told to; elsewhere the number says less).
fn memory_of(ladder: usize, rung: usize) -> Option<f64> {
    let output = Command::new(std::env::current_exe().ok()?)
        .args(["--memory", &ladder.to_string(), &rung.to_string()])
        .envs([("MALLOC_MMAP_THRESHOLD_", "4096"), ("MALLOC_TRIM_THRESHOLD_", "4096")])
        .output()
        .ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
