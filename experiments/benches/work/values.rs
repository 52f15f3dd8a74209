//! Gaussian processes.

use corroborate::kernel::{
    gp::{OnlineTemporal, Regression, SquaredExponential, TemporalModel, TemporalNoise},
    splitmix::SplitMix64,
};
use nalgebra::{DMatrix, DVector};
use serde_json::json;

use super::{Contest, Cost, Work, goal};

/// Dimension of the points of a regression, and how many more are predicted.
const DIMENSION: usize = 3;
const QUERIES: usize = 100;
/// Variance of the noise.
const NOISE: f64 = 0.1;
const LENGTH_SCALE: f64 = 0.5;
const DISCOUNT: f64 = 0.95;
/// Novelty of a member of a dictionary, relative to the variance.
const THRESHOLD: f64 = 0.05;

fn points(n: usize, dimension: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut generator = SplitMix64::new(seed);
    (0..n).map(|_| (0..dimension).map(|_| generator.uniform()).collect()).collect()
}

fn numbers(n: usize, seed: u64) -> Vec<f64> {
    let mut generator = SplitMix64::new(seed);
    (0..n).map(|_| generator.uniform_in(-1.0, 1.0)).collect()
}

/// Conditioning on n values, and means and variances at a hundred more points.
pub fn posterior(n: usize) -> Work {
    let kernel = SquaredExponential::new(1.0, LENGTH_SCALE).expect("a kernel");
    let (seen, values, queries) = (points(n, DIMENSION, 11), numbers(n, 12), points(QUERIES, DIMENSION, 13));
    let size = n as f64;
    Work {
        kind: "posterior",
        name: "Posterior of a Gaussian process",
        sizes: format!("{n} observations, {QUERIES} predictions"),
        size: ("observations", size),
        expected: 3.0,
        data: vec![("points", seen.concat()), ("values", values.clone()), ("queries", queries.concat())],
        settings: json!({ "dimension": DIMENSION, "noise": NOISE, "length_scale": LENGTH_SCALE }),
        run: Box::new(move || {
            let process = Regression::fit(kernel, NOISE, seen.clone(), &values).expect("a posterior");
            let beliefs = process.predict_all(&queries).expect("predictions");
            beliefs.iter().map(|b| b.mean).chain(beliefs.iter().map(|b| b.variance)).collect()
        }),
        pieces: 1.0,
        tolerance: 1e-8,
        cost: Some(Cost::Flops(size * size * size / 3.0 + size * size * QUERIES as f64)),
    }
}

pub fn posterior_contest(n: usize, ratio: f64) -> Contest {
    Contest {
        work: posterior(n),
        goals: vec![goal("scipy", ratio, if n > 2_000 { 5 } else { 9 }, WIDE)],
        only_fastest: false,
    }
}

/// Why linear algebra is slower than OpenBLAS, where it is.
const WIDE: &str = "OpenBLAS uses fused operations, which this processor has and others lack. Ours has to give the same bits \
on every one, so it rounds every product; the section below says what share of that arithmetic it reaches";

/// Temporal differences over one episode of n steps.
pub fn temporal(n: usize) -> Work {
    let kernel = SquaredExponential::new(1.0, LENGTH_SCALE).expect("a kernel");
    let (seen, rewards) = (points(n, DIMENSION, 21), numbers(n, 22));
    let gram = DMatrix::from_fn(n, n, |i, j| kernel.at(&seen[i], &seen[j]));
    let model = TemporalModel::episodes(&[n], DISCOUNT).expect("a model");
    let data = vec![("gram", gram.as_slice().to_vec()), ("rewards", rewards.clone())];
    let rewards = DVector::from_vec(rewards);
    let size = n as f64;
    Work {
        kind: "temporal-differences",
        name: "Gaussian-process temporal differences",
        sizes: format!("{n} steps"),
        size: ("steps", size),
        expected: 3.0,
        data,
        settings: json!({ "noise": NOISE, "discount": DISCOUNT }),
        run: Box::new(move || {
            let posterior = model.posterior(&gram, TemporalNoise::Returns, NOISE, &rewards);
            posterior.expect("a posterior").weights().iter().copied().collect()
        }),
        pieces: 1.0,
        tolerance: 1e-8,
        cost: Some(Cost::Flops(size * size * size / 3.0)),
    }
}

pub fn temporal_contest() -> Contest {
    Contest { work: temporal(1_000), goals: vec![goal("scipy", 1.0, 9, WIDE)], only_fastest: false }
}

/// Sparse temporal differences, a step at a time, along a path in a square.
pub fn online(steps: usize) -> Work {
    let kernel = SquaredExponential::new(1.0, 0.2).expect("a kernel");
    let (path, rewards, queries) = (path(steps + 1), numbers(steps, 32), points(50, 2, 33));
    Work {
        kind: "online-temporal-differences",
        name: "Sparse online temporal differences",
        sizes: format!("{steps} steps"),
        size: ("steps", steps as f64),
        expected: 1.0,
        data: vec![("path", path.concat()), ("rewards", rewards.clone()), ("queries", queries.concat())],
        settings: json!({ "noise": NOISE, "discount": DISCOUNT, "threshold": THRESHOLD, "length_scale": 0.2 }),
        run: Box::new(move || {
            let mut model = OnlineTemporal::new(DISCOUNT, NOISE, THRESHOLD).expect("a model");
            let mut members: Vec<&[f64]> = Vec::new();
            let mut covariances = Vec::new();
            let mut before = None;
            for (t, point) in path.iter().enumerate() {
                kernel.row(point, members.iter().copied(), &mut covariances);
                let features = model.visit(&covariances, kernel.variance()).expect("features");
                if features.is_member {
                    members.push(point);
                }
                if let Some(before) = before {
                    model.learn(&before, rewards[t - 1], Some(&features));
                }
                before = Some(features);
            }
            let mean = |x: &Vec<f64>| {
                let covariances: Vec<f64> = members.iter().map(|m| kernel.at(m, x)).collect();
                model.mean(&covariances).expect("a mean")
            };
            std::iter::once(members.len() as f64).chain(queries.iter().map(mean)).collect()
        }),
        pieces: 1.0,
        tolerance: 1e-6,
        cost: None,
    }
}

/// A reflected random walk in the unit square.
fn path(length: usize) -> Vec<Vec<f64>> {
    let mut generator = SplitMix64::new(31);
    let mut point = vec![0.5, 0.5];
    (0..length)
        .map(|_| {
            for coordinate in &mut point {
                *coordinate += generator.uniform_in(-0.15, 0.15);
                *coordinate = coordinate.abs().min(2.0 - coordinate.abs());
            }
            point.clone()
        })
        .collect()
}

pub fn online_contest() -> Contest {
    Contest {
        work: online(5_000),
        goals: vec![goal(
            "numpy",
            20.0,
            3,
            "the dictionary has so many members that numpy's matrix products, not its calls, take the time",
        )],
        only_fastest: false,
    }
}
