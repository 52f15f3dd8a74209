//! Processes whose optimal action values are a given matrix, and exact iterations on them.
//!
//! For any transitions P, discount γ and matrix Q, the rewards R = Q − γP max_a Q make Q the optimal
//! action values. The iterates R + γPV have full rank all the same: to the estimate, what they lack of
//! rank r is bounded noise without any structure.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, overflow,
    skeleton::{Anchors, Skeleton, distance, waves},
};
use crate::{
    kernel::{
        math::{dot, sum},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A process with known optimal action values.
#[derive(Clone, Debug)]
pub struct Process {
    /// Q*.
    pub optimum: DMatrix<f64>,
    /// P(·|s, a), indexed \[s\]\[a\]\[s'\].
    pub transitions: Vec<Vec<Vec<f64>>>,
    /// γ.
    pub discount: f64,
}

impl Process {
    /// Random transitions, rows ~ Dirichlet(½), around the waves: squares of normal numbers, divided by
    /// their sum, since half a squared normal number is a gamma number of shape ½.
    pub fn draw(discount: f64, stream: &mut Stream) -> Self {
        let optimum = waves();
        let (states, actions) = optimum.shape();
        let mut row = || {
            let mut squares: Vec<f64> = (0..states).map(|_| stream.normal()).map(|z| z * z).collect();
            let total = sum(squares.iter().copied());
            for square in &mut squares {
                *square /= total;
            }
            squares
        };
        let transitions = (0..states).map(|_| (0..actions).map(|_| row()).collect()).collect();
        Self { optimum, transitions, discount }
    }

    /// R + γPV = Q* + γP(V − V*) at the pairs that are asked for; not a number elsewhere, so that nothing
    /// else is read by mistake.
    #[must_use]
    pub fn explored(&self, values: &[f64], asked: impl Fn(usize, usize) -> bool) -> DMatrix<f64> {
        let gap: Vec<f64> = values.iter().zip(maxima(&self.optimum)).map(|(v, best)| v - best).collect();
        DMatrix::from_fn(self.optimum.nrows(), self.optimum.ncols(), |s, a| {
            if !asked(s, a) {
                return f64::NAN;
            }
            self.optimum[(s, a)] + self.discount * dot(&self.transitions[s][a], &gap)
        })
    }

    /// Q̄ from V^{t−1}, with exact expectations.
    #[must_use]
    pub fn iterate(&self, values: &[f64], anchors: &Anchors, fault: Option<Fault>) -> Option<DMatrix<f64>> {
        if fault == Some(Fault::FullExploration) {
            return Some(self.explored(values, |_, _| true));
        }
        Skeleton::of(&self.explored(values, |s, a| anchors.cover(s, a)), anchors).estimate()
    }
}

/// max_a Q(s, a) for each s.
#[must_use]
pub fn maxima(matrix: &DMatrix<f64>) -> Vec<f64> {
    matrix.row_iter().map(|row| row.max()).collect()
}

/// Largest |v − w|.
#[must_use]
pub fn gap(v: &[f64], w: &[f64]) -> f64 {
    v.iter().zip(w).map(|(v, w)| (v - w).abs()).fold(0.0, f64::max)
}

/// Vᵗ from Q̄.
fn improved(estimate: &DMatrix<f64>, anchors: &Anchors, fault: Option<Fault>) -> Vec<f64> {
    if fault != Some(Fault::ExploredOnlyMax) {
        return maxima(estimate);
    }
    (0..estimate.nrows())
        .map(|s| {
            let known = (0..estimate.ncols()).filter(|a| anchors.cover(s, *a)).map(|a| estimate[(s, a)]);
            known.fold(f64::NEG_INFINITY, f64::max)
        })
        .collect()
}

/// Settings of the iterations.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Number of iterations.
    #[schemars(range(min = 1, max = 10_000))]
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { discount: 0.1, iterations: 60 }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Failure> {
        if (0.0..1.0).contains(&self.discount) && (1..=10_000).contains(&self.iterations) {
            Ok(())
        } else {
            Err(Failure::invalid("needs 0 ≤ `discount` < 1 and 1 ≤ `iterations` ≤ 10000"))
        }
    }
}

/// Exact iterations from V⁰ = 0 with greedy anchors.
pub struct Iteration(Settings);

impl Measure for Iteration {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "iteration";
    const SUMMARY: &'static str = "Low-rank value iteration with exact expectations on a random process.";
    const METRICS: &'static [Metric] = &[
        Metric::new("first-error", "Largest |Q̄ − Q*| after the first iteration.").range(0.0, f64::INFINITY),
        Metric::new("error", "Largest |Q̄ − Q*| after the last iteration.").range(0.0, f64::INFINITY),
        Metric::new("contraction", "Largest ‖Q̄ᵗ − Q*‖/(γ c ‖V^{t−1} − V*‖) while the latter exceeds 1e-9.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ExploredOnlyMax, Fault::FullExploration, Fault::RankTooSmall];
    const TREATMENTS: &'static [&'static str] = &["discount", "iterations"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { discount, iterations } = self.0;
        let process = Process::draw(discount, &mut streams.stream("transitions"));
        let best = maxima(&process.optimum);
        let rank = if fault == Some(Fault::RankTooSmall) { 1 } else { 2 };
        let anchors = Anchors::greedy(&process.optimum, rank);
        let sensitivity = Skeleton::of(&process.optimum, &anchors).sensitivity().ok_or_else(overflow)?;
        let constant = sensitivity.constant(None);
        let mut values = vec![0.0; best.len()];
        let (mut errors, mut contraction) = (Vec::new(), 0.0_f64);
        for _ in 0..iterations {
            let before = gap(&values, &best);
            let estimate = process.iterate(&values, &anchors, fault).ok_or_else(overflow)?;
            let error = distance(&estimate, &process.optimum);
            if before > 1e-9 && discount > 0.0 {
                contraction = contraction.max(error / (discount * constant * before));
            }
            values = improved(&estimate, &anchors, fault);
            errors.push(error);
        }
        Ok(Measurement::new()
            .metric("first-error", errors[0])
            .metric("error", errors[iterations - 1])
            .metric("contraction", contraction)
            .series("error-by-iteration", (1..=iterations).map(|t| t as f64).collect(), errors))
    }
}

/// Settings of the count of divergences.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DivergenceSettings {
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// Iterations after which an error is looked at.
    #[schemars(range(min = 1, max = 10_000))]
    pub iterations: usize,
    /// Processes drawn.
    #[schemars(range(min = 1, max = 10_000))]
    pub processes: usize,
}

impl Default for DivergenceSettings {
    fn default() -> Self {
        Self { discount: 0.97, iterations: 60, processes: 60 }
    }
}

/// On which share of random processes the iterations run away.
pub struct Divergence(DivergenceSettings);

impl Measure for Divergence {
    type Settings = DivergenceSettings;
    type Fault = Fault;
    const NAME: &'static str = "runaways";
    const SUMMARY: &'static str = "Share of random processes on which low-rank value iteration diverges.";
    const METRICS: &'static [Metric] =
        &[Metric::new("share", "Share of processes whose error exceeds 1e6 at some iteration.")
            .range(0.0, 1.0)
            .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::FullExploration];
    const TREATMENTS: &'static [&'static str] = &["discount"];

    fn prepare(settings: DivergenceSettings, _: &Data) -> Result<Self, Failure> {
        let DivergenceSettings { discount, iterations, processes } = settings;
        Settings { discount, iterations }.check()?;
        if (1..=10_000).contains(&processes) {
            Ok(Self(settings))
        } else {
            Err(Failure::invalid("`processes` must lie between 1 and 10000"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let DivergenceSettings { discount, iterations, processes } = self.0;
        let mut stream = streams.stream("transitions");
        let anchors = Anchors::greedy(&waves(), 2);
        let runs_away = |process: &Process| {
            let mut values = vec![0.0; process.optimum.nrows()];
            for _ in 0..iterations {
                // Entries that overflow have no estimate: the iteration has failed.
                let Some(estimate) = process.iterate(&values, &anchors, fault) else { return true };
                let error = distance(&estimate, &process.optimum);
                if error.is_nan() || error >= 1e6 {
                    return true;
                }
                if error < 1e-9 {
                    return false;
                }
                values = maxima(&estimate);
            }
            false
        };
        let count = (0..processes).filter(|_| runs_away(&Process::draw(discount, &mut stream))).count();
        Ok(Measurement::new().metric("share", count as f64 / processes as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_given_matrix_is_optimal() {
        let process = Process::draw(0.9, &mut Streams::from_seed(0).stream("transitions"));
        let explored = process.explored(&maxima(&process.optimum), |_, _| true);
        assert!(distance(&explored, &process.optimum) < 1e-14);
    }

    #[test]
    fn errors_shrink_by_about_the_discount() {
        // Values of another implementation on other transitions: 0.172, 4.8e-8 and 1e-15.
        let error = |iterations| {
            let iteration = Iteration(Settings { discount: 0.05, iterations });
            iteration.replicate(None, &Streams::from_seed(1)).unwrap().get("error").unwrap()
        };
        assert!((0.12..0.25).contains(&error(1)), "{}", error(1));
        assert!((3e-8..7e-8).contains(&error(6)), "{}", error(6));
        assert!(error(60) < 1e-14);
    }
}
