//! A stochastic control task on a grid: how close its Q* is to low rank, and its solution from samples.
//!
//! States s and actions a lie on grids of 51 and 41 points of \[−1, 1\]. The next state is
//! clip(0.8s + 0.4a + z, −1, 1) with z = −0.1, 0, 0.1 of probabilities ¼, ½, ¼, moved to one of the two
//! nearest grid points with weights that keep its mean. The reward is −s² − a²/10.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    iteration::maxima,
    overflow,
    race::Method,
    skeleton::{Anchors, Skeleton, distance},
};
use crate::{
    kernel::{
        laws::Laws,
        math::sum,
        stream::{Stream, Streams},
        tokens::Rows,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

const STATES: usize = 51;
const ACTIONS: usize = 41;

/// The task, solved.
struct Task {
    discount: f64,
    rewards: DMatrix<f64>,
    /// Next states and their probabilities, indexed \[s\]\[a\].
    next: Vec<Vec<[(usize, f64); 6]>>,
    /// The probabilities, in row s A + a.
    laws: Laws,
    /// Q*.
    optimum: DMatrix<f64>,
}

impl Task {
    fn new(discount: f64) -> Result<Self, Failure> {
        if !(0.0..=0.99).contains(&discount) {
            return Err(Failure::invalid("`discount` must lie between 0 and 0.99"));
        }
        let point = |k: usize, n: usize| -1.0 + 2.0 * k as f64 / (n as f64 - 1.0);
        let next = |s: usize, a: usize| {
            let middle = 0.8 * point(s, STATES) + 0.4 * point(a, ACTIONS);
            let beside = |z: f64, weight: f64| {
                let place = ((middle + z).clamp(-1.0, 1.0) + 1.0) * (STATES as f64 - 1.0) / 2.0;
                let below = (place.floor() as usize).min(STATES - 2);
                let share = place - below as f64;
                [(below, weight * (1.0 - share)), (below + 1, weight * share)]
            };
            let ([a, b], [c, d], [e, f]) = (beside(-0.1, 0.25), beside(0.0, 0.5), beside(0.1, 0.25));
            [a, b, c, d, e, f]
        };
        let rewards = DMatrix::from_fn(STATES, ACTIONS, |s, a| {
            let (s, a) = (point(s, STATES), point(a, ACTIONS));
            -s * s - 0.1 * a * a
        });
        let next: Vec<Vec<_>> = (0..STATES).map(|s| (0..ACTIONS).map(|a| next(s, a)).collect()).collect();
        let laws =
            Laws::of(&Rows::from_fn(STATES * ACTIONS, 6, |row, i| next[row / ACTIONS][row % ACTIONS][i].1));
        let mut task = Self { discount, optimum: rewards.clone(), rewards, next, laws };
        // Value iteration from V = 0 errs by at most γᵗ ‖V*‖: below 1e-13 after these many iterations.
        for _ in 0..3500 {
            let better = task.backed_up(&maxima(&task.optimum));
            let change = distance(&better, &task.optimum);
            task.optimum = better;
            if change == 0.0 {
                break;
            }
        }
        Ok(task)
    }

    /// R + γPV.
    fn backed_up(&self, values: &[f64]) -> DMatrix<f64> {
        DMatrix::from_fn(STATES, ACTIONS, |s, a| {
            self.rewards[(s, a)] + self.discount * sum(self.next[s][a].iter().map(|(t, p)| p * values[*t]))
        })
    }

    /// R(s, a) + γ times the mean of V over `samples` next states.
    fn sampled(&self, (s, a): (usize, usize), values: &[f64], samples: usize, stream: &mut Stream) -> f64 {
        let worth = self.next[s][a].map(|(t, _)| values[t]);
        let draws = (0..samples).map(|_| worth[self.laws.draw(s * ACTIONS + a, stream)]);
        self.rewards[(s, a)] + self.discount * sum(draws) / samples as f64
    }
}

/// Settings of the spectrum.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpectrumSettings {
    /// γ.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub discount: f64,
    /// Largest rank of a skeleton.
    #[schemars(range(min = 1, max = 12))]
    pub rank: usize,
}

impl Default for SpectrumSettings {
    fn default() -> Self {
        Self { discount: 0.5, rank: 4 }
    }
}

/// Singular values of Q*, and errors of its skeletons with greedy anchors.
pub struct Spectrum(SpectrumSettings);

impl Measure for Spectrum {
    type Settings = SpectrumSettings;
    type Fault = Fault;
    const NAME: &'static str = "spectrum";
    const SUMMARY: &'static str = "How close the optimal action values of the control task are to low rank.";
    const METRICS: &'static [Metric] = &[
        Metric::new("square-sum-error", "|Σ σᵢ² − Σ Q(s, a)²|, relative to the latter.")
            .range(0.0, f64::INFINITY),
        Metric::new("decay", "σ_{r+1}/σ₁ for the largest rank r.").range(0.0, 1.0),
        Metric::new("error", "Largest error of the skeleton of the largest rank.").range(0.0, f64::INFINITY),
        Metric::new("largest-rise", "Largest rise of that error from a rank to the next."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ShuffledActions];
    const STOCHASTIC: bool = false;

    fn prepare(settings: SpectrumSettings, _: &Data) -> Result<Self, Failure> {
        if (1..=12).contains(&settings.rank) {
            Ok(Self(settings))
        } else {
            Err(Failure::invalid("`rank` must lie between 1 and 12"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut matrix = Task::new(self.0.discount)?.optimum;
        if fault == Some(Fault::ShuffledActions) {
            let mut stream = streams.stream("shuffles");
            for mut row in matrix.row_iter_mut() {
                let mut entries: Vec<f64> = row.iter().copied().collect();
                stream.shuffle(&mut entries);
                row.iter_mut().zip(entries).for_each(|(q, shuffled)| *q = shuffled);
            }
        }
        let values = matrix.singular_values();
        let squares = sum(matrix.iter().map(|q| q * q));
        let errors = (1..=self.0.rank)
            .map(|rank| {
                let anchors = Anchors::greedy(&matrix, rank);
                let estimate = Skeleton::of(&matrix, &anchors).estimate().ok_or_else(overflow)?;
                Ok(distance(&estimate, &matrix))
            })
            .collect::<Result<Vec<f64>, Failure>>()?;
        let rise = errors.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::NEG_INFINITY, f64::max);
        let ranks: Vec<f64> = (1..=self.0.rank).map(|r| r as f64).collect();
        Ok(Measurement::new()
            .metric("square-sum-error", (sum(values.iter().map(|v| v * v)) - squares).abs() / squares)
            .metric("decay", values[self.0.rank] / values[0])
            .metric("error", errors[self.0.rank - 1])
            .metric("largest-rise", if self.0.rank > 1 { rise } else { 0.0 })
            .series("singular-values", ranks.clone(), values.iter().take(self.0.rank).copied().collect())
            .series("error-by-rank", ranks, errors))
    }
}

/// Settings of the solution from samples.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which pairs are explored.
    pub method: Method,
    /// γ.
    #[schemars(range(min = 0.0, max = 0.99))]
    pub discount: f64,
    /// Rank of the estimate.
    #[schemars(range(min = 1, max = 12))]
    pub rank: usize,
    /// Number of iterations.
    #[schemars(range(min = 1, max = 1000))]
    pub iterations: usize,
    /// Runs, whose errors are averaged.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
    /// Samples of one iteration, spread as evenly as possible; at least one for each explored pair.
    #[schemars(range(min = 2091, max = 100_000_000))]
    pub budget: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::LowRank, discount: 0.5, rank: 4, iterations: 12, runs: 2, budget: 20_000 }
    }
}

/// Value iteration from samples.
pub struct Control {
    settings: Settings,
    task: Task,
}

impl Measure for Control {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "control";
    const SUMMARY: &'static str =
        "Error of value iteration from samples on the control task, with and without low-rank estimates.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest error of Q after the last iteration, averaged over runs.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("mean-square-error", "Mean over pairs and runs of the square of the error.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RandomAnchors];
    const TREATMENTS: &'static [&'static str] = &["method", "budget"];

    fn reaches(settings: &Settings, _: Fault) -> bool {
        settings.method == Method::LowRank
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { rank, iterations, runs, .. } = settings;
        if !(1..=12).contains(&rank) || !(1..=1000).contains(&iterations) || !(1..=1000).contains(&runs) {
            return Err(Failure::invalid(
                "needs 1 ≤ `rank` ≤ 12, and `iterations` and `runs` from 1 to 1000",
            ));
        }
        if !(STATES * ACTIONS..=100_000_000).contains(&settings.budget) {
            return Err(Failure::invalid("`budget` must lie between 2091, one sample a pair, and 100000000"));
        }
        let task = Task::new(settings.discount)?;
        Ok(Self { settings, task })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { rank, runs, .. } = self.settings;
        let (mut samples, mut places) = (streams.stream("samples"), streams.stream("anchors"));
        let (mut largest, mut squares) = (0.0, 0.0);
        for _ in 0..runs {
            let anchors = if fault == Some(Fault::RandomAnchors) {
                Anchors::random((STATES, ACTIONS), rank, &mut places)
            } else {
                Anchors::evenly_spaced((STATES, ACTIONS), rank)
            };
            let error = self.solve(&anchors, &mut samples)? - &self.task.optimum;
            largest += error.amax() / runs as f64;
            squares += sum(error.iter().map(|e| e * e)) / (runs * STATES * ACTIONS) as f64;
        }
        Ok(Measurement::new().metric("error", largest).metric("mean-square-error", squares))
    }
}

impl Control {
    /// Q after the last iteration of one run.
    fn solve(&self, anchors: &Anchors, stream: &mut Stream) -> Result<DMatrix<f64>, Failure> {
        let Settings { method, iterations, budget, .. } = self.settings;
        let explored: Vec<(usize, usize)> = (0..STATES)
            .flat_map(|s| (0..ACTIONS).map(move |a| (s, a)))
            .filter(|(s, a)| method == Method::Full || anchors.cover(*s, *a))
            .collect();
        let (each, more) = (budget / explored.len(), budget % explored.len());
        let mut values = vec![0.0; STATES];
        let mut estimate = DMatrix::zeros(STATES, ACTIONS);
        for _ in 0..iterations {
            for (i, pair) in explored.iter().enumerate() {
                let samples = each + usize::from(i < more);
                estimate[*pair] = self.task.sampled(*pair, &values, samples, stream);
            }
            if method == Method::LowRank {
                estimate = Skeleton::of(&estimate, anchors).estimate().ok_or_else(overflow)?;
            }
            values = maxima(&estimate);
        }
        Ok(estimate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_spectrum() {
        let values = Task::new(0.9).unwrap().optimum.singular_values();
        for (value, known) in values.iter().zip([41.78, 10.78, 2.73, 0.486, 0.103, 0.086, 0.060, 0.024]) {
            assert_relative_eq!(*value, known, epsilon = 6e-3);
        }
    }

    #[test]
    #[allow(clippy::approx_constant, reason = "an error of 0.318 is no 1/π")]
    fn known_errors_of_skeletons() {
        for (discount, known) in
            [(0.5, [0.852, 0.190, 0.117, 0.0286, 0.0143]), (0.9, [1.53, 0.318, 0.251, 0.0526, 0.0266])]
        {
            for (rank, known) in [1, 2, 3, 4, 6].into_iter().zip(known) {
                let spectrum = Spectrum(SpectrumSettings { discount, rank });
                let measured = spectrum.replicate(None, &Streams::from_seed(0)).unwrap();
                assert_relative_eq!(measured.get("error").unwrap(), known, max_relative = 3e-3);
            }
        }
        let shuffled = Spectrum(SpectrumSettings::default())
            .replicate(Some(Fault::ShuffledActions), &Streams::from_seed(0))
            .unwrap();
        assert!(shuffled.get("error").unwrap() > 0.4);
    }

    #[test]
    fn evenly_spaced_anchors_of_the_task_pass_on_little_noise() {
        let anchors = Anchors::evenly_spaced((STATES, ACTIONS), 4);
        assert_eq!((&anchors.rows[..], &anchors.columns[..]), (&[0, 17, 33, 50][..], &[0, 13, 27, 40][..]));
        let optimum = Task::new(0.5).unwrap().optimum;
        let constant = Skeleton::of(&optimum, &anchors).sensitivity().unwrap().constant(None);
        assert_relative_eq!(constant, 7.084, epsilon = 5e-4);
    }
}
