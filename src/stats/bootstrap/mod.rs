//! Stratified bootstrap intervals of what is computed from matrices of scores.
//!
//! Runs are resampled with replacement within each task (the stratum), independently for each task
//! and each method: the interval speaks of other runs on the same tasks. Its ends are the level/2
//! and 1 − level/2 quantiles of the statistic over resamples (percentile method). Approximate: the
//! coverage is right for many runs only, and below the nominal one for three to five.
//!
//! [`stratified`] takes any statistic. [`interquartile_mean`] and [`improvement()`] draw the same resamples and know
//! their statistic, so that neither matrices nor sorting are needed.
//!
//! Source: Agarwal et al. (NeurIPS 2021), section 4; rliable's `StratifiedBootstrap` and
//! `StratifiedIndependentBootstrap`, which draw 50 000 resamples (2 000 for profiles).

mod improvement;
mod packed;
mod trimmed;

pub use improvement::improvement;
pub use trimmed::interquartile_mean;

use super::{
    sample::{StatsError, level as hold_level, quantile_by_selection},
    scores::Scores,
};
use crate::kernel::{
    digits::Digits,
    stream::{Stream, Streams},
};

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The statistic of the scores themselves.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Intervals of each number of a statistic of one or several methods, with confidence 1 − `level`.
/// Equal streams draw equal resamples.
///
/// # Errors
/// [`StatsError`] for no resamples, a level outside of (0, 1), or whatever the statistic reports.
///
/// ```
/// use corroborate::{kernel::stream::Streams, stats::{bootstrap::stratified, scores::Scores}};
///
/// let scores = Scores::new(vec![vec![0.5, 0.7], vec![0.6, 0.9], vec![0.4, 0.8]])?;
/// let statistic = |x: &[Scores]| Ok(vec![x[0].interquartile_mean()]);
/// let interval = stratified(&[scores], statistic, 500, 0.05, &Streams::from_seed(0))?[0];
/// assert!(interval.low <= interval.estimate && interval.estimate <= interval.high);
/// # Ok::<(), corroborate::stats::sample::StatsError>(())
/// ```
pub fn stratified(
    methods: &[Scores],
    statistic: impl Fn(&[Scores]) -> Result<Vec<f64>, StatsError>,
    resamples: u32,
    level: f64,
    streams: &Streams,
) -> Result<Vec<Interval>, StatsError> {
    hold(resamples, level)?;
    let estimates = statistic(methods)?;
    let mut stream = stream(streams);
    let mut drawn = vec![Vec::with_capacity(resamples as usize); estimates.len()];
    let digits: Vec<Digits> = methods.iter().map(|scores| Digits::of(scores.runs())).collect();
    for _ in 0..resamples {
        let resampled: Vec<Scores> = methods
            .iter()
            .zip(&digits)
            .map(|(scores, digits)| resample(scores, digits, &mut stream))
            .collect();
        for (values, value) in drawn.iter_mut().zip(statistic(&resampled)?) {
            values.push(value);
        }
    }
    Ok(estimates
        .into_iter()
        .zip(drawn)
        .map(|(estimate, values)| percentile(estimate, values, level))
        .collect())
}

/// Holds a number of resamples and a level to what they must be.
fn hold(resamples: u32, level: f64) -> Result<(), StatsError> {
    hold_level(level)?;
    if resamples == 0 { Err(StatsError::TooFew { needed: 1, found: 0 }) } else { Ok(()) }
}

/// The numbers that resamples are drawn from.
fn stream(streams: &Streams) -> Stream {
    streams.stream("bootstrap")
}

/// One resample: task after task, as many runs as there are.
fn resample(scores: &Scores, digits: &Digits, stream: &mut Stream) -> Scores {
    let mut picks = vec![0; scores.runs() * scores.tasks()];
    draw(digits, stream, &mut picks, scores.runs());
    scores.resampled(|n, m| picks[m * scores.runs() + n] as usize)
}

/// Fills a list with the runs of a resample, task after task. The draws of each task begin with a word of their own.
fn draw(digits: &Digits, stream: &mut Stream, picks: &mut [u32], runs: usize) {
    for task in picks.chunks_exact_mut(runs) {
        digits.draw(stream, task);
    }
}

/// The interval of an estimate between quantiles of its values on resamples.
fn percentile(estimate: f64, mut values: Vec<f64>, level: f64) -> Interval {
    let mut end = |share| quantile_by_selection(&mut values, share);
    Interval { estimate, low: end(0.5 * level), high: end(1.0 - 0.5 * level) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::stream::Stream, stats::scores::probability_of_improvement};

    fn normal_scores(runs: usize, tasks: usize, centre: f64, stream: &mut Stream) -> Scores {
        Scores::new((0..runs).map(|_| (0..tasks).map(|_| centre + stream.normal()).collect()).collect())
            .unwrap()
    }

    fn mean_of() -> impl Fn(&[Scores]) -> Result<Vec<f64>, StatsError> {
        |scores| Ok(vec![scores[0].mean()])
    }

    #[test]
    fn equal_seeds_give_equal_intervals() {
        let scores = [normal_scores(5, 3, 0.0, &mut Streams::from_seed(1).stream("scores"))];
        let interval = |seed| stratified(&scores, mean_of(), 200, 0.05, &Streams::from_seed(seed)).unwrap();
        assert_eq!(interval(3), interval(3));
        assert_ne!(interval(3), interval(4));
    }

    #[test]
    fn runs_are_resampled_within_their_task() {
        // Scores of a task are all equal: whatever is drawn, the matrix stays the same.
        let scores = [Scores::new(vec![vec![1.0, 5.0]; 4]).unwrap()];
        let interval = stratified(&scores, mean_of(), 50, 0.05, &Streams::from_seed(0)).unwrap()[0];
        assert_eq!(interval, Interval { estimate: 3.0, low: 3.0, high: 3.0 });
    }

    #[test]
    fn intervals_of_many_runs_cover() {
        let streams = Streams::from_seed(11);
        let mut stream = streams.stream("scores");
        let covers = (0..300_u64)
            .filter(|i| {
                let scores = [normal_scores(30, 2, 1.0, &mut stream)];
                let interval = stratified(&scores, mean_of(), 200, 0.1, &Streams::from_seed(*i)).unwrap()[0];
                interval.low <= 1.0 && 1.0 <= interval.high
            })
            .count();
        // Nominally 270 of 300, with a standard deviation of 5.2.
        assert!((250..=285).contains(&covers), "{covers}");
    }

    #[test]
    fn several_methods_and_several_numbers() {
        let mut stream = Streams::from_seed(2).stream("scores");
        let methods = [normal_scores(10, 2, 2.0, &mut stream), normal_scores(8, 2, 0.0, &mut stream)];
        let statistic = |x: &[Scores]| {
            let mut numbers = vec![probability_of_improvement(&x[0], &x[1])?];
            numbers.extend(x[0].profile(&[0.0, 2.0]));
            Ok(numbers)
        };
        let intervals = stratified(&methods, statistic, 200, 0.05, &Streams::from_seed(0)).unwrap();
        assert_eq!(intervals.len(), 3);
        assert!(intervals[0].low > 0.5 && intervals[0].high <= 1.0);
        assert!(intervals[1].low > intervals[2].high);
    }

    #[test]
    fn bad_input_is_named() {
        let scores = [Scores::new(vec![vec![1.0]]).unwrap()];
        let streams = Streams::from_seed(0);
        assert!(matches!(stratified(&scores, mean_of(), 0, 0.1, &streams), Err(StatsError::TooFew { .. })));
        assert!(matches!(stratified(&scores, mean_of(), 9, 1.0, &streams), Err(StatsError::Level(_))));
    }
}
