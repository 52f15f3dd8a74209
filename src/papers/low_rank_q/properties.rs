//! What must hold on every matrix of low rank.

use nalgebra::DMatrix;
use proptest::{collection::vec, prelude::*, sample::subsequence};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    iteration::{Process, maxima},
    overflow,
    skeleton::{Anchors, Skeleton, distance},
};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

const DEGENERATE: Failure = Failure::Rejected("the anchors do not have the rank of the matrix");

/// A product of two factors.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Factors {
    /// S × r.
    left: Vec<Vec<i8>>,
    /// r × A.
    right: Vec<Vec<i8>>,
}

impl Factors {
    fn matrix(&self) -> Result<DMatrix<f64>, Failure> {
        let rank = self.right.len();
        let columns = self.right.first().map_or(0, Vec::len);
        let shaped = self.left.iter().all(|row| row.len() == rank)
            && self.right.iter().all(|row| row.len() == columns);
        if self.left.is_empty() || columns == 0 || !shaped {
            return Err(Failure::invalid("the factors must be matrices that can be multiplied"));
        }
        let left = DMatrix::from_fn(self.left.len(), rank, |i, j| f64::from(self.left[i][j]));
        let right = DMatrix::from_fn(rank, columns, |i, j| f64::from(self.right[i][j]));
        Ok(left * right)
    }
}

/// Factors of rank at most `most`, with more rows and columns than that; `size` rows at most.
fn factors(least: usize, most: usize, size: usize) -> impl Strategy<Value = Factors> {
    (least..=most).prop_flat_map(move |rank| {
        let entry = || prop_oneof![1 => Just(0_i8), 4 => -9_i8..=9];
        (rank + 1..=size, rank + 1..=size).prop_flat_map(move |(rows, columns)| {
            (vec(vec(entry(), rank), rows), vec(vec(entry(), columns), rank))
                .prop_map(|(left, right)| Factors { left, right })
        })
    })
}

/// Numerical rank.
fn rank(matrix: &DMatrix<f64>) -> usize {
    Anchors::greedy(matrix, matrix.nrows().min(matrix.ncols())).rows.len()
}

/// A matrix with some anchors.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Anchored {
    /// The matrix.
    factors: Factors,
    /// Its anchors.
    anchors: Anchors,
}

fn anchored(least: usize, most: usize, size: usize) -> BoxedStrategy<Anchored> {
    factors(least, most, size)
        .prop_flat_map(|factors| {
            let (rows, columns, rank) = (factors.left.len(), factors.right[0].len(), factors.right.len());
            let some = |n: usize| subsequence((0..n).collect::<Vec<usize>>(), rank);
            (some(rows), some(columns)).prop_map(move |(rows, columns)| Anchored {
                factors: factors.clone(),
                anchors: Anchors { rows, columns },
            })
        })
        .boxed()
}

impl Anchored {
    fn parts(&self) -> Result<(DMatrix<f64>, Anchors), Failure> {
        let matrix = self.factors.matrix()?;
        if self.anchors.fit(matrix.shape()) {
            Ok((matrix, self.anchors.clone()))
        } else {
            Err(Failure::invalid("`anchors` must be distinct rows and as many distinct columns"))
        }
    }
}

/// The estimate is exact if the block of anchors has the rank of the matrix.
pub struct ExactRecovery;

impl Observe for ExactRecovery {
    type Instance = Anchored;
    type Fault = Fault;
    const NAME: &'static str = "exact-recovery";
    const SUMMARY: &'static str = "Anchor rows and columns of the rank of a matrix determine it.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest |Q̄ − Q|, relative to (1 + c) max |Q|.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::RankTooSmall];

    fn instances() -> BoxedStrategy<Anchored> {
        anchored(2, 4, 8)
    }

    fn observe(instance: &Anchored, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (matrix, mut anchors) = instance.parts()?;
        let skeleton = Skeleton::of(&matrix, &anchors);
        if rank(&skeleton.block) < rank(&matrix) || matrix.amax() == 0.0 {
            return Err(DEGENERATE);
        }
        let constant = skeleton.sensitivity().ok_or_else(overflow)?.constant(None);
        if fault == Some(Fault::RankTooSmall) && anchors.rows.len() > 1 {
            anchors.rows.pop();
            anchors.columns.pop();
        }
        let estimate = Skeleton::of(&matrix, &anchors).estimate().ok_or_else(overflow)?;
        let scale = (1.0 + constant) * matrix.amax();
        Ok(Measurement::new().metric("error", distance(&estimate, &matrix) / scale))
    }
}

/// A matrix with noise.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Noisy {
    /// The matrix.
    factors: Factors,
    /// Noise of the entries in hundredths of its bound, row after row, repeated.
    noise: Vec<i8>,
}

/// A noise so small that what is of second order does not matter, for this skeleton.
fn small(skeleton: &Skeleton, constant: f64) -> Result<f64, Failure> {
    let inverse = skeleton.block.clone().try_inverse().ok_or(DEGENERATE)?.amax();
    let rank = skeleton.block.nrows() as f64;
    Ok(1e-4 / (rank * rank * inverse * (1.0 + constant)))
}

/// Bounded noise moves the estimate by at most c times its bound, and some noise by as much.
pub struct Stability;

impl Observe for Stability {
    type Instance = Noisy;
    type Fault = Fault;
    const NAME: &'static str = "stability";
    const SUMMARY: &'static str = "Noise of size δ moves the estimate by at most cδ, and may do so.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "Largest |Q̄ − Q|/(cδ) for the given noise.").range(0.0, f64::INFINITY),
        Metric::new("worst-ratio", "|Q̄ − Q|/(cδ) of a pair, for the noise that is worst for it.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoBlockTerm];

    fn instances() -> BoxedStrategy<Noisy> {
        let part = prop_oneof![2 => prop::sample::select(vec![-100_i8, 100]), 1 => -100_i8..=100];
        (factors(1, 3, 7), vec(part, 1..49)).prop_map(|(factors, noise)| Noisy { factors, noise }).boxed()
    }

    fn observe(instance: &Noisy, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Noisy { factors, noise } = instance;
        let matrix = factors.matrix()?;
        if noise.is_empty() || noise.iter().any(|n| n.unsigned_abs() > 100) {
            return Err(Failure::invalid("`noise` needs an entry, and none beyond 100"));
        }
        let anchors = Anchors::greedy(&matrix, factors.right.len());
        if anchors.rows.is_empty() {
            return Err(DEGENERATE);
        }
        let skeleton = Skeleton::of(&matrix, &anchors);
        let sensitivity = skeleton.sensitivity().ok_or_else(overflow)?;
        let constant = sensitivity.constant(fault);
        let delta = small(&skeleton, sensitivity.constant(None))?;
        let moved = |noise: &DMatrix<f64>| -> Result<DMatrix<f64>, Failure> {
            let noisy = &matrix + noise * delta;
            Ok(Skeleton::of(&noisy, &anchors).estimate().ok_or_else(overflow)? - &matrix)
        };
        let columns = matrix.ncols();
        let given = DMatrix::from_fn(matrix.nrows(), columns, |s, a| {
            f64::from(noise[(s * columns + a) % noise.len()]) / 100.0
        });
        let free = |all: usize, taken: &[usize]| (0..all).find(|i| !taken.contains(i)).ok_or(DEGENERATE);
        let pair = (free(matrix.nrows(), &anchors.rows)?, free(columns, &anchors.columns)?);
        let worst = moved(&sensitivity.worst_noise(&anchors, pair.0, pair.1))?;
        let bound = sensitivity.at(pair.0, pair.1, fault) * delta;
        if bound == 0.0 {
            return Err(Failure::Rejected("the pair is zero in all of its anchors"));
        }
        Ok(Measurement::new()
            .metric("ratio", moved(&given)?.amax() / (constant * delta))
            .metric("worst-ratio", worst[pair].abs() / bound))
    }
}

/// Anchors of the largest volume have coefficients within \[−1, 1\].
pub struct LargestVolume;

impl Observe for LargestVolume {
    type Instance = Anchored;
    type Fault = Fault;
    const NAME: &'static str = "largest-volume";
    const SUMMARY: &'static str = "Anchors of the largest volume have |x|, |y| ≤ 1, and c ≤ 2r + r².";
    const METRICS: &'static [Metric] = &[
        Metric::new("coefficient", "Largest |x| or |y|.").range(0.0, f64::INFINITY),
        Metric::new("excess", "c − (2r + r²)."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RandomAnchors];

    fn instances() -> BoxedStrategy<Anchored> {
        anchored(1, 3, 5)
    }

    fn observe(instance: &Anchored, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let (matrix, given) = instance.parts()?;
        let size = given.rows.len();
        if rank(&matrix) < size {
            return Err(DEGENERATE);
        }
        let anchors = match fault {
            Some(Fault::RandomAnchors) => given,
            _ => Anchors::of_largest_volume(&matrix, size),
        };
        let sensitivity = Skeleton::of(&matrix, &anchors).sensitivity().ok_or_else(overflow)?;
        Ok(Measurement::new()
            .metric("coefficient", sensitivity.largest())
            .metric("excess", sensitivity.constant(None) - (2 * size + size * size) as f64))
    }
}

/// A process that moves deterministically, and values that are off.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Off {
    /// Q*.
    factors: Factors,
    /// Next states, pair after pair, repeated; modulo the number of states.
    next: Vec<u8>,
    /// Whether the value of a state is too high, repeated.
    high: Vec<bool>,
    /// γ.
    discount: f64,
}

/// One iteration shrinks an error of values by γc at least, to first order.
pub struct Contraction;

impl Observe for Contraction {
    type Instance = Off;
    type Fault = Fault;
    const NAME: &'static str = "contraction";
    const SUMMARY: &'static str = "One exact iteration from values off by δ errs by at most γcδ.";
    const METRICS: &'static [Metric] =
        &[Metric::new("ratio", "Largest |Q̄ − Q*|/(γcδ), c that of greedy anchors.")
            .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::AdjacentAnchors];

    fn instances() -> BoxedStrategy<Off> {
        let discount = prop_oneof![1 => prop::sample::select(vec![0.01, 0.999]), 3 => 0.05..0.95_f64];
        (factors(1, 3, 7), vec(any::<u8>(), 1..49), vec(any::<bool>(), 1..8), discount)
            .prop_map(|(factors, next, high, discount)| Off { factors, next, high, discount })
            .boxed()
    }

    fn observe(instance: &Off, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Off { factors, next, high, discount } = instance;
        let matrix = factors.matrix()?;
        let (states, actions) = matrix.shape();
        if next.is_empty() || high.is_empty() || !(*discount > 0.0 && *discount < 1.0) {
            return Err(Failure::invalid("needs next states, signs and a discount between 0 and 1"));
        }
        let greedy = Anchors::greedy(&matrix, factors.right.len());
        if greedy.rows.is_empty() {
            return Err(DEGENERATE);
        }
        let skeleton = Skeleton::of(&matrix, &greedy);
        let constant = skeleton.sensitivity().ok_or_else(overflow)?.constant(None);
        let delta = small(&skeleton, constant)? / discount;
        let anchors = match fault {
            Some(Fault::AdjacentAnchors) => Anchors::adjacent(greedy.rows.len()),
            _ => greedy,
        };
        if rank(&Skeleton::of(&matrix, &anchors).block) < anchors.rows.len() {
            return Err(DEGENERATE);
        }
        let step = |s: usize, a: usize| {
            let mut row = vec![0.0; states];
            row[usize::from(next[(s * actions + a) % next.len()]) % states] = 1.0;
            row
        };
        let transitions = (0..states).map(|s| (0..actions).map(|a| step(s, a)).collect()).collect();
        let process = Process { optimum: matrix, transitions, discount: *discount };
        let off = |s: usize| if high[s % high.len()] { delta } else { -delta };
        let values: Vec<f64> = maxima(&process.optimum).iter().enumerate().map(|(s, v)| v + off(s)).collect();
        let estimate = process.iterate(&values, &anchors, None).ok_or_else(overflow)?;
        let error = distance(&estimate, &process.optimum);
        Ok(Measurement::new().metric("ratio", error / (discount * constant * delta)))
    }
}
