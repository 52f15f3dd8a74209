//! What a natural gradient costs.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, estimators::Paths};
use crate::{
    kernel::{stream::Streams, tokens::wave},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Parameters n.
    #[schemars(range(min = 1, max = 32))]
    pub parameters: usize,
    /// Paths M.
    #[schemars(range(min = 1, max = 1000))]
    pub paths: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { parameters: 4, paths: 100 }
    }
}

/// The natural gradient of Model 2 with G = I and s = 1, paths arriving one by one.
///
/// The primal form adds u uᵀ and u y to (U Uᵀ + I, U y) with every path and solves one system of n equations:
/// O(M n² + n³) multiplications and n² + n numbers kept. The dual form keeps K (M × M) and the scores, and
/// solves M equations.
pub struct Cost(Settings);

/// Multiplies, and counts multiplications and divisions.
#[derive(Default)]
struct Meter(u64);

impl Meter {
    fn times(&mut self, a: f64, b: f64) -> f64 {
        self.0 += 1;
        a * b
    }

    fn dot(&mut self, a: &[f64], b: &[f64]) -> f64 {
        self.0 += a.len() as u64;
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// x with A x = b for a symmetric positive definite A by rows, by a Cholesky factor in its place.
    fn solve(&mut self, a: &mut [Vec<f64>], mut b: Vec<f64>) -> Vec<f64> {
        let size = b.len();
        for i in 0..size {
            let (above, row) = a.split_at_mut(i);
            for (j, other) in above.iter().enumerate() {
                let rest = row[0][j] - self.dot(&row[0][..j], &other[..j]);
                row[0][j] = self.times(rest, 1.0 / other[j]);
            }
            let square = row[0][i] - self.dot(&row[0][..i], &row[0][..i]);
            row[0][i] = square.sqrt();
            let rest = b[i] - self.dot(&row[0][..i], &b[..i]);
            b[i] = self.times(rest, 1.0 / row[0][i]);
        }
        for i in (0..size).rev() {
            b[i] = self.times(b[i], 1.0 / a[i][i]);
            for j in 0..i {
                b[j] -= self.times(a[i][j], b[i]);
            }
        }
        b
    }
}

/// A natural gradient and what it took.
struct Run {
    natural: Vec<f64>,
    multiplications: u64,
    stored: usize,
}

fn primal(paths: &Paths) -> Run {
    let (parameters, count) = paths.scores.shape();
    let mut meter = Meter::default();
    let mut system: Vec<Vec<f64>> =
        (0..parameters).map(|i| (0..parameters).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let mut moments = vec![0.0; parameters];
    for p in 0..count {
        for (i, (row, moment)) in system.iter_mut().zip(&mut moments).enumerate() {
            for (j, entry) in row.iter_mut().enumerate() {
                *entry += meter.times(paths.scores[(i, p)], paths.scores[(j, p)]);
            }
            *moment += meter.times(paths.scores[(i, p)], paths.returns[p]);
        }
    }
    let stored = parameters * parameters + parameters;
    let natural = meter.solve(&mut system, moments);
    Run { natural, multiplications: meter.0, stored }
}

fn dual(paths: &Paths) -> Run {
    let (parameters, count) = paths.scores.shape();
    let mut meter = Meter::default();
    let scores: Vec<Vec<f64>> = paths.scores.column_iter().map(|u| u.iter().copied().collect()).collect();
    let mut gram: Vec<Vec<f64>> =
        scores.iter().map(|u| scores.iter().map(|v| meter.dot(u, v)).collect()).collect();
    for (i, row) in gram.iter_mut().enumerate() {
        row[i] += 1.0;
    }
    let stored = count * count + count * parameters + count;
    let weights = meter.solve(&mut gram, paths.returns.as_slice().to_vec());
    let rows = (0..parameters).map(|j| scores.iter().map(|u| u[j]).collect::<Vec<f64>>());
    let natural = rows.map(|row| meter.dot(&row, &weights)).collect();
    Run { natural, multiplications: meter.0, stored }
}

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts multiplications and stored numbers of a natural gradient.";
    const METRICS: &'static [Metric] = &[
        Metric::new("multiplications", "Multiplications and divisions.")
            .unit("operations")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("stored", "Numbers kept until the system is solved.")
            .unit("numbers")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("length", "Euclidean length of the natural gradient.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DualOnly];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { parameters, paths } = settings;
        if !(1..=32).contains(&parameters) || !(1..=1000).contains(&paths) {
            return Err(Failure::invalid("needs 1 ≤ parameters ≤ 32 and 1 ≤ paths ≤ 1000"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { parameters, paths } = self.0;
        let observed = Paths {
            scores: DMatrix::from_fn(parameters, paths, |j, i| wave(j, i, 1)),
            returns: DVector::from_fn(paths, |i, _| wave(i, 0, 2)),
        };
        let run = if fault == Some(Fault::DualOnly) { dual(&observed) } else { primal(&observed) };
        Ok(Measurement::new()
            .metric("multiplications", run.multiplications as f64)
            .metric("stored", run.stored as f64)
            .metric("length", DVector::from_vec(run.natural).norm()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::bayesian_policy_gradient::estimators::Primal;
    use approx::assert_relative_eq;

    #[test]
    fn both_forms_compute_the_natural_gradient() {
        let paths = Paths {
            scores: DMatrix::from_fn(3, 20, |j, i| wave(j, i, 1)),
            returns: DVector::from_fn(20, |i, _| wave(i, 0, 2)),
        };
        let known = Primal::of(&paths, &DMatrix::identity(3, 3), 1.0, None).unwrap().natural;
        for run in [primal(&paths), dual(&paths)] {
            assert_relative_eq!(DVector::from_vec(run.natural), known, epsilon = 1e-12);
        }
        // Twenty times 9 + 3, and a Cholesky solution of three equations.
        assert_eq!(primal(&paths).multiplications, 20 * 12 + (3 + 1 + 3) + (3 + 3) + (3 + 3));
        assert_eq!((primal(&paths).stored, dual(&paths).stored), (12, 400 + 60 + 20));
    }
}
