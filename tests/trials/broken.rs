//! That a trial can fail: a z-test looked at after every block is caught, and so is any test that errs
//! one and a half times too often.

use corroborate::kernel::{
    math::{mean, variance},
    stream::{Stream, Streams},
};

use super::{HAIR, RUNS, SIMULATED, exceeds};

#[test]
fn a_z_test_looked_at_after_every_block_is_caught() {
    let rejects = |values: &[f64]| {
        let error = (variance(values, 1) / values.len() as f64).sqrt();
        mean(values) / error < -1.645
    };
    let errs = |run: u64| {
        let mut stream = Streams::from_seed(run).stream("trial");
        let values: Vec<f64> = (0..80).map(|_| stream.normal() + HAIR).collect();
        [5, 10, 20, 40, 80].iter().any(|look| rejects(&values[..*look]))
    };
    let rate = (0..RUNS).filter(|run| errs(*run)).count() as f64 / RUNS as f64;
    println!("z-test: wrongly corroborated {rate}");
    assert!(exceeds(rate), "{rate}");
    // Looked at once, with many replicates, the same test keeps its level.
    let once = |run: u64| {
        let mut stream = Streams::from_seed(run).stream("trial");
        rejects(&(0..80).map(|_| stream.normal() + HAIR).collect::<Vec<_>>())
    };
    let rate = (0..RUNS).filter(|run| once(*run)).count() as f64 / RUNS as f64;
    assert!(!exceeds(rate), "{rate}");
}

#[test]
fn an_error_rate_of_one_and_a_half_times_the_level_is_caught() {
    let mut stream = Streams::from_seed(0).stream("coin");
    let rate =
        |p: f64, stream: &mut Stream| (0..RUNS).filter(|_| stream.bernoulli(p)).count() as f64 / RUNS as f64;
    let caught = (0..100).filter(|_| exceeds(rate(1.5 * SIMULATED, &mut stream))).count();
    let falsely = (0..100).filter(|_| exceeds(rate(SIMULATED, &mut stream))).count();
    assert!(caught >= 95 && falsely <= 3, "{caught} of 100 caught, {falsely} of 100 falsely");
}
