//! Bootstrap intervals and confidence sequences.

use corroborate::{
    kernel::{splitmix::SplitMix64, stream::Streams},
    stats::{
        betting::{Range, confidence_sequence},
        bootstrap,
        scores::Scores,
    },
};
use serde_json::json;

use super::{Contest, Work, goal};

/// Confidence of the bootstrap intervals is one minus this.
const LEVEL: f64 = 0.05;

/// Scores of runs (rows) on tasks (columns), around a centre of each task.
fn matrix(runs: usize, tasks: usize, centre: f64, seed: u64) -> Vec<Vec<f64>> {
    let mut generator = SplitMix64::new(seed);
    let mut noise = || (0..12).map(|_| generator.uniform()).sum::<f64>() - 6.0;
    (0..runs).map(|_| (0..tasks).map(|m| centre + 0.1 * m as f64 + noise()).collect()).collect()
}

fn ends(interval: bootstrap::Interval) -> Vec<f64> {
    vec![interval.estimate, interval.low, interval.high]
}

/// The stratified bootstrap of the interquartile mean.
pub fn interquartile_mean(tasks: usize, runs: usize, resamples: u32) -> Work {
    let rows = matrix(runs, tasks, 0.0, 1);
    let data = vec![("scores", rows.concat())];
    let scores = Scores::new(rows).expect("a matrix");
    let streams = Streams::from_seed(0);
    Work {
        kind: "interquartile-mean",
        name: "Bootstrap interval of the interquartile mean",
        sizes: format!("{tasks} tasks × {runs} runs × {resamples} resamples"),
        size: ("resamples", f64::from(resamples)),
        expected: 1.0,
        data,
        settings: json!({ "runs": runs, "tasks": tasks, "resamples": resamples, "level": LEVEL }),
        run: Box::new(move || {
            ends(bootstrap::interquartile_mean(&scores, resamples, LEVEL, &streams).expect("an interval"))
        }),
        pieces: 1.0,
        // The ends are random: their standard deviation is about 0.001 for these numbers.
        tolerance: 0.006,
        cost: None,
    }
}

pub fn interquartile_mean_contest() -> Contest {
    Contest {
        work: interquartile_mean(20, 10, 50_000),
        goals: vec![
            goal(
                "numpy",
                10.0,
                7,
                "numpy sorts the resamples with AVX-512, and draws many numbers at a time as well",
            ),
            goal("rliable", 200.0, 2, "rliable's cost is that of calling Python for every resample"),
        ],
        only_fastest: false,
    }
}

/// The stratified bootstrap of the probability of improvement.
pub fn improvement(tasks: usize, runs: usize, resamples: u32) -> Work {
    let (x, y) = (matrix(runs, tasks, 0.3, 2), matrix(runs, tasks, 0.0, 3));
    let data = vec![("x", x.concat()), ("y", y.concat())];
    let (x, y) = (Scores::new(x).expect("a matrix"), Scores::new(y).expect("a matrix"));
    let streams = Streams::from_seed(0);
    Work {
        kind: "improvement",
        name: "Bootstrap interval of the probability of improvement",
        sizes: format!("2 × {tasks} tasks × {runs} runs × {resamples} resamples"),
        size: ("resamples", f64::from(resamples)),
        expected: 1.0,
        data,
        settings: json!({ "runs": runs, "tasks": tasks, "resamples": resamples, "level": LEVEL }),
        run: Box::new(move || {
            ends(bootstrap::improvement(&x, &y, resamples, LEVEL, &streams).expect("an interval"))
        }),
        pieces: 1.0,
        // The standard deviation of an end is about 0.002.
        tolerance: 0.012,
        cost: None,
    }
}

pub fn improvement_contest() -> Contest {
    Contest {
        work: improvement(20, 10, 2_000),
        goals: vec![
            goal("numpy", 3.0, 7, "both count comparisons; numpy does so on bytes, many at a time"),
            goal("rliable", 1000.0, 1, "rliable ranks the runs anew for every resample and task"),
        ],
        only_fastest: false,
    }
}

/// The interval of a betting confidence sequence after n observations.
pub fn confidence(n: usize) -> Work {
    let mut generator = SplitMix64::new(4);
    // Beta(2, 3), as the second smallest of four uniform numbers.
    let values: Vec<f64> = (0..n)
        .map(|_| {
            let mut four: [f64; 4] = std::array::from_fn(|_| generator.uniform());
            four.sort_by(f64::total_cmp);
            four[1]
        })
        .collect();
    Work {
        kind: "confidence-sequence",
        name: "Interval of a betting confidence sequence",
        sizes: format!("{n} observations"),
        size: ("observations", n as f64),
        expected: 1.0,
        data: vec![("values", values.clone())],
        settings: json!({ "level": 0.025 }),
        run: Box::new(move || {
            let (low, high) = confidence_sequence(&values, Range::UNIT, 0.025).expect("an interval");
            vec![low, high]
        }),
        pieces: 1.0,
        // confseq knows multiples of 1/1000, and goes one outwards; its own bets give another interval.
        tolerance: 0.004,
        cost: None,
    }
}

pub fn confidence_contest() -> Contest {
    Contest {
        work: confidence(10_000),
        goals: vec![
            goal(
                "numpy",
                20.0,
                5,
                "ours multiplies the capitals of seventeen bettors after each observation, a chain of products that wider registers did not make faster; numpy takes the logarithms of all of them side by side",
            ),
            goal(
                "confseq",
                300.0,
                2,
                "confseq's default bets are one strategy in each direction, ours are seventeen, and it finds the interval at every time by the way",
            ),
            goal("confseq, same bets", 300.0, 1, "confseq finds the interval at every time by the way"),
        ],
        only_fastest: false,
    }
}
