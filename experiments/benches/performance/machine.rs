//! What the machine can do, and what it is.

use std::{
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use fearless_simd::{Level, Simd, SimdBase, dispatch};

/// Numbers in each array of the triad: far more than caches hold.
const LONG: usize = 1 << 24;
/// Registers of numbers that are worked on.
const REGISTERS: usize = 8;
const STEPS: usize = 1 << 20;

/// Seconds of the fastest of several runs: at least `least` of them, and `long` altogether.
pub fn fastest(least: u32, long: Duration, mut run: impl FnMut()) -> f64 {
    let (start, mut runs, mut best) = (Instant::now(), 0, f64::INFINITY);
    while runs < least || start.elapsed() < long {
        let begun = Instant::now();
        run();
        best = best.min(begun.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Bytes a second of a = b + s c, three numbers a step.
pub fn bandwidth() -> f64 {
    let (mut a, b, c) = (vec![0.0; LONG], vec![1.0; LONG], vec![2.0; LONG]);
    let seconds = fastest(5, Duration::ZERO, || {
        let scale = black_box(3.0);
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + scale * c;
        }
        black_box(&mut a);
    });
    24.0 * LONG as f64 / seconds
}

/// Multiplications and subtractions a second, of numbers in the widest registers, none fused.
pub fn arithmetic() -> f64 {
    let mut operations = 0;
    let seconds = fastest(20, Duration::ZERO, || {
        operations = dispatch!(Level::new(), simd => multiply_and_subtract(simd));
    });
    operations as f64 / seconds
}

/// Returns the number of operations.
#[inline(always)]
fn multiply_and_subtract<S: Simd>(simd: S) -> usize {
    let factor = S::f64s::splat(simd, black_box(1.000_000_1));
    let mut sums = [S::f64s::splat(simd, black_box(1.0)); REGISTERS];
    let number = black_box(1e-9);
    for _ in 0..STEPS {
        let scale = S::f64s::splat(simd, number);
        for sum in &mut sums {
            *sum -= factor * scale;
        }
        // Otherwise the compiler would multiply once.
        black_box(&number);
    }
    black_box(&sums);
    2 * REGISTERS * S::f64s::LEN * STEPS
}

/// The most memory that `run` has beyond what was in use before it, in bytes; none where the system does not tell.
pub fn peak_memory(run: impl FnOnce()) -> Option<f64> {
    // Makes the high-water mark begin anew.
    fs::write("/proc/self/clear_refs", "5").ok()?;
    let before = status("VmRSS")?;
    run();
    Some((status("VmHWM")? - before).max(0.0))
}

fn status(name: &str) -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    Some(1024.0 * line.split_whitespace().nth(1)?.parse::<f64>().ok()?)
}

/// Name and value of what identifies the machine.
pub fn description() -> Vec<[String; 2]> {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    [
        ("Processor", model.map_or("unknown", |(_, model)| model)),
        ("Architecture", std::env::consts::ARCH),
        ("System", &format!("{} {}", std::env::consts::OS, release.trim())),
    ]
    .map(|(name, value)| [name.to_owned(), value.to_owned()])
    .into()
}
