//! The probability of improvement on resamples, from counts instead of comparisons.

use super::{Interval, draw, hold, percentile, stream};
use crate::{
    kernel::{digits::Digits, stream::Streams},
    stats::{
        sample::{StatsError, sorted},
        scores::{Scores, probability_of_improvement},
    },
};

/// The interval of [`probability_of_improvement`] of `x` over `y`, with confidence 1 − `level`: that of
/// [`stratified`](super::stratified) with the same streams, up to rounding.
///
/// Which of two runs is better does not change when they are drawn again. So the runs of `y` are sorted once,
/// task by task, and a resample that has the j-th of them cⱼ times meets a run of `x` with b runs below it and e
/// at or below it with C_b + C_e points, C being the running sums of c; a point is half a win. A resample costs
/// O(M (N + K)) for M tasks and N and K runs.
///
/// # Errors
/// [`StatsError`] for no resamples, a level outside of (0, 1), or different numbers of tasks.
pub fn improvement(
    x: &Scores,
    y: &Scores,
    resamples: u32,
    level: f64,
    streams: &Streams,
) -> Result<Interval, StatsError> {
    hold(resamples, level)?;
    let estimate = probability_of_improvement(x, y)?;
    let tasks: Vec<Task> = (0..x.tasks()).map(|m| Task::of(&x.task(m), &y.task(m))).collect();
    let (ours, theirs) = (x.runs(), y.runs());
    let most = 2.0 * (ours * theirs * tasks.len()) as f64;
    let (mut picks, mut their_picks) = (vec![0; ours * tasks.len()], vec![0; theirs * tasks.len()]);
    // Counts and running sums of one task, the sums from 0.
    let (mut counts, mut sums) = (vec![0; theirs], vec![0; theirs + 1]);
    let (digits, their_digits) = (Digits::of(ours), Digits::of(theirs));
    let mut stream = stream(streams);
    let drawn = (0..resamples).map(|_| {
        draw(&digits, &mut stream, &mut picks, ours);
        draw(&their_digits, &mut stream, &mut their_picks, theirs);
        let of_task = |((task, picks), their_picks): ((&Task, &[u32]), &[u32])| -> u64 {
            counts.fill(0);
            for run in their_picks {
                counts[*run as usize] += 1;
            }
            let mut sum = 0;
            for (total, run) in sums[1..].iter_mut().zip(&task.order) {
                sum += counts[*run];
                *total = sum;
            }
            let points = |run: &u32| {
                let [below, up_to] = task.ranks[*run as usize];
                sums[below] + sums[up_to]
            };
            picks.iter().map(points).sum()
        };
        let of_tasks = tasks.iter().zip(picks.chunks_exact(ours)).zip(their_picks.chunks_exact(theirs));
        of_tasks.map(of_task).sum::<u64>() as f64 / most
    });
    Ok(percentile(estimate, drawn.collect(), level))
}

/// The comparisons on a task.
struct Task {
    /// Runs of y in ascending order of their scores (K).
    order: Vec<usize>,
    /// For each run of x, how many runs of y are below it, and how many are not above it (N).
    ranks: Vec<[usize; 2]>,
}

impl Task {
    fn of(x: &[f64], y: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..y.len()).collect();
        order.sort_by(|i, j| y[*i].total_cmp(&y[*j]));
        let y = sorted(y);
        let rank = |v: &f64| [y.partition_point(|w| w < v), y.partition_point(|w| w <= v)];
        Self { order, ranks: x.iter().map(rank).collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::bootstrap::stratified;

    proptest! {
        #[test]
        fn it_is_the_interval_of_the_comparisons(
            (x, y) in (1_usize..6, 1_usize..6, 1_usize..5).prop_flat_map(|(ours, theirs, tasks)| {
                let rows = |runs| prop::collection::vec(prop::collection::vec(-3_i8..3, tasks), runs);
                (rows(ours), rows(theirs))
            }),
            seed in 0_u64..1000,
        ) {
            let scores = |rows: Vec<Vec<i8>>| {
                Scores::new(rows.into_iter().map(|row| row.into_iter().map(f64::from).collect()).collect()).unwrap()
            };
            let (x, y, streams) = (scores(x), scores(y), Streams::from_seed(seed));
            let statistic = |x: &[Scores]| Ok(vec![probability_of_improvement(&x[0], &x[1])?]);
            let known = stratified(&[x.clone(), y.clone()], statistic, 40, 0.1, &streams).unwrap()[0];
            let found = improvement(&x, &y, 40, 0.1, &streams).unwrap();
            prop_assert_eq!(found.estimate, known.estimate);
            prop_assert!((found.low - known.low).abs() < 1e-12 && (found.high - known.high).abs() < 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let scores = |row: Vec<f64>| Scores::new(vec![row]).unwrap();
        let (one, two) = (scores(vec![1.0]), scores(vec![1.0, 2.0]));
        let interval = |y, resamples| improvement(&one, y, resamples, 0.1, &Streams::from_seed(0));
        assert_eq!(interval(&two, 9), Err(StatsError::Lengths(1, 2)));
        assert!(matches!(interval(&one, 0), Err(StatsError::TooFew { .. })));
    }
}
