//! The interquartile mean on resamples, from counts instead of sorted copies.

use super::{Interval, draw, hold, packed, percentile, stratified, stream};
use crate::{
    kernel::{digits::Digits, stream::Streams, wide::LANES},
    stats::{sample::StatsError, scores::Scores},
};

/// Scores that indices of sixteen bits can tell apart; with more, resamples are sorted.
const MOST: usize = 1 << 16;
/// Counts are added up in blocks of this many.
const BLOCK: usize = 8;

/// The interval of [`Scores::interquartile_mean`] of a method, with confidence 1 − `level`: that of
/// [`stratified`] with the same streams, up to rounding.
///
/// A resample has every score of the method some number of times. With the N scores in ascending order v₁ ≤ … ≤ v_N
/// and their counts c₁ … c_N, which add up to N, its interquartile mean is
///
/// ```text
/// Σᵢ vᵢ max(0, min(Cᵢ, N − k) − max(Cᵢ₋₁, k)) / (N − 2k),   Cᵢ = c₁ + … + cᵢ,   k = ⌊N/4⌋,
/// ```
///
/// so the scores are sorted once, and a resample costs O(N).
///
/// # Errors
/// [`StatsError`] for no resamples, or a level outside of (0, 1).
pub fn interquartile_mean(
    scores: &Scores,
    resamples: u32,
    level: f64,
    streams: &Streams,
) -> Result<Interval, StatsError> {
    hold(resamples, level)?;
    let (runs, count) = (scores.runs(), scores.runs() * scores.tasks());
    let (values, order) = sorted(scores);
    let mut stream = stream(streams);
    let mut means = vec![0.0; resamples as usize];
    if (2..=packed::MOST).contains(&runs) {
        let mut drawn = packed::Resamples::new(&values, &order, runs);
        for means in means.chunks_mut(LANES) {
            drawn.next(&mut stream, means);
        }
    } else if count <= MOST {
        let (places, digits) = (places(&order), Digits::of(runs));
        // The first run of the task from which each score of a resample is drawn.
        let firsts: Vec<u32> = (0..count).map(|drawn| (drawn - drawn % runs) as u32).collect();
        let (mut counts, mut picks) = (vec![0; MOST], vec![0; count]);
        for mean in &mut means {
            counts[..count].fill(0);
            draw(&digits, &mut stream, &mut picks, runs);
            add_counts(&picks, &firsts, &places, &mut counts);
            *mean = middle(&values, &counts[..count]);
        }
    } else {
        let statistic = |x: &[Scores]| Ok(vec![x[0].interquartile_mean()]);
        return Ok(stratified(std::slice::from_ref(scores), statistic, resamples, level, streams)?[0]);
    }
    Ok(percentile(scores.interquartile_mean(), means, level))
}

/// Counts each score that was drawn, at its place. Both lists are as long as indices of sixteen bits can reach, so that
/// none has to be held to their length.
fn add_counts(picks: &[u32], firsts: &[u32], places: &[u16], counts: &mut [i32]) {
    let (places, counts) = (&places[..MOST], &mut counts[..MOST]);
    for (run, first) in picks.iter().zip(firsts) {
        let place = places[usize::from((first + run) as u16)];
        counts[usize::from(place)] += 1;
    }
}

/// All scores in ascending order, and which of them each is: run n on task m is m · runs + n.
fn sorted(scores: &Scores) -> (Vec<f64>, Vec<usize>) {
    let all: Vec<f64> = (0..scores.tasks()).flat_map(|m| scores.task(m)).collect();
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|i, j| all[*i].total_cmp(&all[*j]));
    (order.iter().map(|index| all[*index]).collect(), order)
}

/// The place of each score in this order, with zeros behind.
fn places(order: &[usize]) -> Vec<u16> {
    let mut places = vec![0; MOST];
    for (place, index) in (0..).zip(order) {
        places[*index] = place;
    }
    places
}

/// The interquartile mean of values in ascending order with these counts, which add up to their number.
fn middle(values: &[f64], counts: &[i32]) -> f64 {
    let cut = counts.len() / 4;
    // A method has fewer scores than that.
    let rank = i32::try_from(cut).unwrap_or(i32::MAX);
    let (blocks, _) = counts.as_chunks::<BLOCK>();
    let (first, below) = locate(blocks.iter(), |passed| counts[passed..].iter(), rank);
    let (_, blocks) = counts.as_rchunks::<BLOCK>();
    let from_above = |passed: usize| counts[..counts.len() - passed].iter().rev();
    let (last, above) = locate(blocks.iter().rev(), from_above, rank);
    let last = counts.len() - 1 - last;
    // Copies of the first and of the last value that are cut off.
    let (head, tail) = (rank - below, rank - above);
    let kept = weighted_sum(&values[first..=last], &counts[first..=last]);
    let total = kept - f64::from(head) * values[first] - f64::from(tail) * values[last];
    total / (counts.len() - 2 * cut) as f64
}

/// The first place at which more than `rank` is reached by adding up counts, and the sum before it; the counts come
/// in blocks, and one by one after so many.
fn locate<'a, Counts: Iterator<Item = &'a i32>>(
    blocks: impl Iterator<Item = &'a [i32; BLOCK]>,
    after: impl Fn(usize) -> Counts,
    rank: i32,
) -> (usize, i32) {
    let (mut place, mut sum) = (0, 0);
    for block in blocks {
        let more: i32 = block.iter().sum();
        if sum + more > rank {
            break;
        }
        (place, sum) = (place + BLOCK, sum + more);
    }
    for count in after(place) {
        if sum + count > rank {
            break;
        }
        (place, sum) = (place + 1, sum + count);
    }
    (place, sum)
}

/// Σ vᵢ cᵢ, in four sums side by side.
fn weighted_sum(values: &[f64], counts: &[i32]) -> f64 {
    let (values, value) = values.as_chunks::<4>();
    let (counts, count) = counts.as_chunks::<4>();
    let mut sums = [0.0; 4];
    for (v, c) in values.iter().zip(counts) {
        for i in 0..4 {
            sums[i] += v[i] * f64::from(c[i]);
        }
    }
    let rest = value.iter().zip(count).fold(0.0, |sum, (v, c)| sum + v * f64::from(*c));
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::bootstrap::stratified;

    #[test]
    fn the_middle_of_counted_values() {
        let values = [1.0, 2.0, 3.0, 4.0, 50.0, 60.0, 70.0, 80.0];
        assert_eq!(middle(&values, &[1; 8]), (3.0 + 4.0 + 50.0 + 60.0) / 4.0);
        assert_eq!(middle(&values, &[0, 8, 0, 0, 0, 0, 0, 0]), 2.0);
        assert_eq!(middle(&values, &[3, 0, 0, 2, 0, 0, 0, 3]), (1.0 + 4.0 + 4.0 + 80.0) / 4.0);
        assert_eq!(middle(&[7.0], &[1]), 7.0);
    }

    proptest! {
        #[test]
        fn it_is_the_interval_of_the_sorted_copies(
            rows in (1_usize..18, 1_usize..9).prop_flat_map(|(runs, tasks)| {
                let score = prop_oneof![-5.0..5.0, Just(0.0), Just(1.0)];
                prop::collection::vec(prop::collection::vec(score, tasks), runs)
            }),
            seed in 0_u64..1000,
        ) {
            let scores = Scores::new(rows).unwrap();
            let streams = Streams::from_seed(seed);
            let statistic = |x: &[Scores]| Ok(vec![x[0].interquartile_mean()]);
            let known = stratified(std::slice::from_ref(&scores), statistic, 40, 0.1, &streams).unwrap()[0];
            let found = interquartile_mean(&scores, 40, 0.1, &streams).unwrap();
            prop_assert_eq!(found.estimate, known.estimate);
            prop_assert!((found.low - known.low).abs() < 1e-12 && (found.high - known.high).abs() < 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let scores = Scores::new(vec![vec![1.0]]).unwrap();
        let interval =
            |resamples, level| interquartile_mean(&scores, resamples, level, &Streams::from_seed(0));
        assert!(matches!(interval(0, 0.1), Err(StatsError::TooFew { .. })));
        assert!(matches!(interval(9, 1.0), Err(StatsError::Level(_))));
    }
}
