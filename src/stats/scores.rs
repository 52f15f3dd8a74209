//! Aggregates of a matrix of scores, runs × tasks, as the field reports them.
//!
//! Source: Agarwal, Schwarzer, Castro, Courville and Bellemare, Deep Reinforcement Learning at the
//! Edge of the Statistical Precipice (NeurIPS 2021), in the conventions of google-research/rliable
//! (`metrics.py`, `library.py`). Scores are normalised so that they can be compared across tasks.

use super::sample::{StatsError, finite, median, sorted};
use crate::kernel::math::{mean, sum};

/// Scores of one method: `rows[n][m]` is the score of run n on task m.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    rows: Vec<Vec<f64>>,
}

impl Scores {
    /// A matrix of at least one run on at least one task.
    ///
    /// # Errors
    /// [`StatsError`] for no runs or tasks, rows of different lengths, or scores that are not finite.
    pub fn new(rows: Vec<Vec<f64>>) -> Result<Self, StatsError> {
        let tasks = rows.first().ok_or(StatsError::TooFew { needed: 1, found: 0 })?.len();
        for row in &rows {
            finite(row, 1)?;
            if row.len() != tasks {
                return Err(StatsError::Lengths(tasks, row.len()));
            }
        }
        Ok(Self { rows })
    }

    /// Number of runs.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.rows.len()
    }

    /// Number of tasks.
    #[must_use]
    pub fn tasks(&self) -> usize {
        self.rows.first().map_or(0, Vec::len)
    }

    /// Scores of all runs on a task.
    #[must_use]
    pub fn task(&self, task: usize) -> Vec<f64> {
        self.rows.iter().map(|row| row[task]).collect()
    }

    /// The matrix in which run n on task m is run `pick(n, m)` of this one.
    #[must_use]
    pub fn resampled(&self, mut pick: impl FnMut(usize, usize) -> usize) -> Self {
        let row = |n: usize| (0..self.tasks()).map(|m| self.rows[pick(n, m)][m]).collect();
        Self { rows: (0..self.runs()).map(row).collect() }
    }

    /// Mean score.
    #[must_use]
    pub fn mean(&self) -> f64 {
        mean(&self.task_means())
    }

    /// Median over tasks of the mean over runs.
    #[must_use]
    pub fn median(&self) -> f64 {
        median(&self.task_means())
    }

    /// Interquartile mean: the mean of all scores without the ⌊n/4⌋ smallest and the ⌊n/4⌋ largest,
    /// n being the number of runs times that of tasks.
    #[must_use]
    pub fn interquartile_mean(&self) -> f64 {
        let order = sorted(&self.all());
        let cut = order.len() / 4;
        mean(&order[cut..order.len() - cut])
    }

    /// How far scores fall short of `target` on average, those above it counting as equal to it.
    #[must_use]
    pub fn optimality_gap(&self, target: f64) -> f64 {
        target - mean(&self.all().iter().map(|v| v.min(target)).collect::<Vec<_>>())
    }

    /// Performance profile: for each threshold the share of all scores above it.
    #[must_use]
    pub fn profile(&self, thresholds: &[f64]) -> Vec<f64> {
        shares_above(&self.all(), thresholds)
    }

    /// Average-score profile: for each threshold the share of tasks whose mean score is above it.
    #[must_use]
    pub fn mean_profile(&self, thresholds: &[f64]) -> Vec<f64> {
        shares_above(&self.task_means(), thresholds)
    }

    fn task_means(&self) -> Vec<f64> {
        (0..self.tasks()).map(|m| mean(&self.task(m))).collect()
    }

    fn all(&self) -> Vec<f64> {
        self.rows.iter().flatten().copied().collect()
    }
}

/// Probability that a run of `x` does better than a run of `y` on a task, averaged over tasks:
///
/// ```text
/// P(X > Y) = (1/M) Σ_m (1/(N K)) Σ_n Σ_k S(x[n][m], y[k][m]),   S = 1, ½, 0 for x >, =, < y.
/// ```
///
/// # Errors
/// [`StatsError::Lengths`] if the numbers of tasks differ.
pub fn probability_of_improvement(x: &Scores, y: &Scores) -> Result<f64, StatsError> {
    if x.tasks() != y.tasks() {
        return Err(StatsError::Lengths(x.tasks(), y.tasks()));
    }
    let of_task = |m: usize| {
        let (one, other) = (x.task(m), sorted(&y.task(m)));
        // Wins and ties, counted twice and once.
        let points = one.iter().map(|v| {
            let (below, at_most) = (other.partition_point(|w| w < v), other.partition_point(|w| w <= v));
            (below + at_most) as f64
        });
        sum(points) / (2.0 * one.len() as f64 * other.len() as f64)
    };
    Ok(mean(&(0..x.tasks()).map(of_task).collect::<Vec<_>>()))
}

fn shares_above(values: &[f64], thresholds: &[f64]) -> Vec<f64> {
    let above = |threshold: &f64| values.iter().filter(|v| *v > threshold).count();
    thresholds.iter().map(|t| above(t) as f64 / values.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    fn scores(rows: &[&[f64]]) -> Scores {
        Scores::new(rows.iter().map(|row| row.to_vec()).collect()).unwrap()
    }

    #[test]
    fn aggregates_of_a_small_matrix() {
        let x = scores(&[&[1.0, 10.0, 3.0], &[3.0, 20.0, 5.0]]);
        assert_eq!((x.runs(), x.tasks()), (2, 3));
        assert_relative_eq!(x.mean(), 7.0);
        assert_eq!(x.median(), 4.0);
        // Sorted: 1 3 3 5 10 20; one is cut at either end.
        assert_relative_eq!(x.interquartile_mean(), 21.0 / 4.0);
        assert_relative_eq!(x.optimality_gap(4.0), 4.0 - (1.0 + 4.0 + 3.0 + 3.0 + 4.0 + 4.0) / 6.0);
        assert_eq!(x.profile(&[0.0, 3.0, 20.0]), [1.0, 0.5, 0.0]);
        assert_eq!(x.mean_profile(&[2.0, 4.0]), [2.0 / 3.0, 1.0 / 3.0]);
    }

    #[test]
    fn the_interquartile_mean_of_rliables_own_tests() {
        // `metrics_test.py`: an outlier among nine equal scores is cut.
        let x = Scores::new(vec![vec![5.0]; 9].into_iter().chain([vec![100.0]]).collect()).unwrap();
        assert_eq!(x.interquartile_mean(), 5.0);
    }

    #[test]
    fn improvements_of_small_matrices() {
        let x = scores(&[&[1.0, 2.0], &[3.0, 2.0]]);
        let y = scores(&[&[2.0, 2.0], &[0.0, 2.0], &[0.0, 2.0]]);
        // Task 1: 1 wins 2 of 3, 3 wins 3 of 3; task 2 is all ties.
        assert_relative_eq!(probability_of_improvement(&x, &y).unwrap(), 0.5 * (5.0 / 6.0 + 0.5));
        assert_eq!(probability_of_improvement(&x, &scores(&[&[1.0]])), Err(StatsError::Lengths(2, 1)));
    }

    #[test]
    fn bad_matrices_are_named() {
        assert!(matches!(Scores::new(vec![]), Err(StatsError::TooFew { .. })));
        assert!(matches!(Scores::new(vec![vec![]]), Err(StatsError::TooFew { .. })));
        assert_eq!(Scores::new(vec![vec![1.0], vec![1.0, 2.0]]), Err(StatsError::Lengths(1, 2)));
        assert!(matches!(Scores::new(vec![vec![f64::NAN]]), Err(StatsError::NotFinite(_))));
    }

    fn matrix() -> impl Strategy<Value = Scores> {
        (1_usize..6, 1_usize..5)
            .prop_flat_map(|(n, m)| prop::collection::vec(prop::collection::vec(-5_i8..5, m), n))
            .prop_map(|rows| {
                Scores::new(rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect())
                    .unwrap()
            })
    }

    proptest! {
        #[test]
        fn improvements_of_either_side_add_up_to_one(x in matrix(), pick in 0_usize..100) {
            let y = x.resampled(|n, m| (n + m + pick) % x.runs());
            let (one, other) = (probability_of_improvement(&x, &y).unwrap(), probability_of_improvement(&y, &x).unwrap());
            prop_assert!((one + other - 1.0).abs() < 1e-12);
            prop_assert!((probability_of_improvement(&x, &x).unwrap() - 0.5).abs() < 1e-12);
        }

        #[test]
        fn aggregates_move_with_the_scores(x in matrix(), shift in -3.0..3.0_f64) {
            let moved = Scores::new(x.rows.iter().map(|row| row.iter().map(|v| v + shift).collect()).collect()).unwrap();
            prop_assert!((moved.mean() - x.mean() - shift).abs() < 1e-9);
            prop_assert!((moved.median() - x.median() - shift).abs() < 1e-9);
            prop_assert!((moved.interquartile_mean() - x.interquartile_mean() - shift).abs() < 1e-9);
            prop_assert!((moved.optimality_gap(1.0 + shift) - x.optimality_gap(1.0)).abs() < 1e-9);
        }

        #[test]
        fn profiles_fall(x in matrix()) {
            let thresholds: Vec<f64> = (-6..7).map(f64::from).collect();
            for profile in [x.profile(&thresholds), x.mean_profile(&thresholds)] {
                prop_assert!(profile.windows(2).all(|pair| pair[0] >= pair[1]));
                prop_assert_eq!((profile[0], profile[12]), (1.0, 0.0));
            }
        }
    }
}
