//! The interquartile mean on resamples of few runs a task, eight resamples side by side.

use crate::kernel::{
    digits::{Digits, digit},
    stream::Stream,
    wide::{LANES, Level, dispatch},
};

/// Runs of a task at most: a word has the draws of a task, and their counts fit in another one.
pub const MOST: usize = 14;
/// Bits that the count of a run has.
const BITS: u32 = 4;
/// Values that the digits taken together can have, at most.
const TABLE: usize = 1 << 10;
/// 2⁵², and its bits: the bits of 2⁵² + i are the sum of them and i.
const INTEGERS: f64 = (1_u64 << 52) as f64;

/// Resamples of a matrix of scores, and their interquartile means.
pub struct Resamples<'a> {
    /// All scores in ascending order (N), and where their counts are.
    values: &'a [f64],
    places: Vec<Place>,
    digits: Digits,
    /// Powers and bases of the digits that are taken together: the first of them, and how many.
    groups: Vec<[u64; 2]>,
    /// Counts of the runs among the digits of a number below `TABLE`, as many digits as the first group has.
    counts: Box<[u64; TABLE]>,
    /// Leading zeros that the last group, which may be shorter, has too many.
    zeros: u64,
    words: Vec<[u64; LANES]>,
}

/// The count of a score among the packed ones: of a task, and so many bits to the left.
struct Place {
    task: u32,
    shift: u32,
}

impl<'a> Resamples<'a> {
    /// Of scores in ascending order, whose n-th is the score of a run on a task where `order` has
    /// task · runs + run; 2 to [`MOST`] runs.
    pub fn new(values: &'a [f64], order: &[usize], runs: usize) -> Self {
        let base = runs as u64;
        let mut width = 1;
        while runs.pow(width + 1) <= TABLE {
            width += 1;
        }
        let mut counts = Box::new([0; TABLE]);
        for (number, counts) in (0_u64..).zip(counts.iter_mut()) {
            *counts =
                (0..width).map(|digit| 1 << (u64::from(BITS) * (number / base.pow(digit) % base))).sum();
        }
        let mut groups = Vec::new();
        let mut begun = 0;
        while begun < base as u32 {
            groups.push([base.pow(begun), base.pow(width.min(base as u32 - begun))]);
            begun += width;
        }
        let place =
            |index: &usize| Place { task: (index / runs) as u32, shift: BITS * (index % runs) as u32 };
        Self {
            values,
            places: order.iter().map(place).collect(),
            digits: Digits::of(runs),
            groups,
            counts,
            zeros: u64::from(begun) - base,
            words: vec![[0; LANES]; values.len() / runs],
        }
    }

    /// Draws the words of the next resamples, as many as there are places for, one after the other; then the counts of
    /// all their tasks, and their interquartile means.
    pub fn next(&mut self, stream: &mut Stream, means: &mut [f64]) {
        self.next_at(Level::new(), stream, means);
    }

    fn next_at(&mut self, level: Level, stream: &mut Stream, means: &mut [f64]) {
        for lane in 0..means.len().min(LANES) {
            for words in &mut self.words {
                words[lane] = self.digits.word(stream);
            }
        }
        let found = dispatch!(level, _simd => {
            self.count();
            self.middle()
        });
        for (mean, found) in means.iter_mut().zip(found) {
            *mean = found;
        }
    }

    /// Puts counts in the place of the words.
    #[inline(always)]
    fn count(&mut self) {
        for words in &mut self.words {
            let mut counts = [self.zeros.wrapping_neg(); LANES];
            for [power, base] in &self.groups {
                for (counts, word) in counts.iter_mut().zip(&*words) {
                    let number = digit(*word, *power, *base) as usize;
                    *counts = counts.wrapping_add(self.counts[number % TABLE]);
                }
            }
            *words = counts;
        }
    }

    /// The interquartile means of the resamples that are counted.
    ///
    /// What is counted of a score lies between the ranks Cᵢ₋₁ and Cᵢ, of which those from k to N − k are kept.
    #[inline(always)]
    fn middle(&self) -> [f64; LANES] {
        let count = self.values.len();
        let cut = count / 4;
        let (first, last) = (cut as f64, (count - cut) as f64);
        let (mut ranks, mut kept, mut sums) = ([0.0; LANES], [first; LANES], [0.0; LANES]);
        for (value, place) in self.values.iter().zip(&self.places) {
            let counts = &self.words[place.task as usize];
            for lane in 0..LANES {
                let count = counts[lane] >> place.shift & ((1 << BITS) - 1);
                ranks[lane] += f64::from_bits(INTEGERS.to_bits() | count) - INTEGERS;
                let rank = if ranks[lane] > first { ranks[lane] } else { first };
                let rank = if rank < last { rank } else { last };
                sums[lane] += value * (rank - kept[lane]);
                kept[lane] = rank;
            }
        }
        sums.map(|sum| sum / (count - 2 * cut) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{stream::Streams, wide::levels};

    #[test]
    fn counts_are_those_of_the_draws() {
        for runs in 2..=MOST {
            let order: Vec<usize> = (0..3 * runs).collect();
            let values = vec![0.0; order.len()];
            let mut resamples = Resamples::new(&values, &order, runs);
            let mut stream = Streams::from_seed(1).stream("packed");
            let mut words = stream.clone();
            resamples.next(&mut stream, &mut [0.0; LANES]);
            for lane in 0..LANES {
                for task in 0..3 {
                    let mut draws = vec![0; runs];
                    Digits::of(runs).draw(&mut words, &mut draws);
                    let packed: u64 = draws.iter().map(|run| 1 << (BITS * run)).sum();
                    assert_eq!(resamples.words[task][lane], packed, "{runs} runs");
                }
            }
        }
    }

    #[test]
    fn means_are_the_same_at_every_level_of_the_processor() {
        let mut stream = Streams::from_seed(2).stream("scores");
        for (runs, tasks) in [(2, 1), (5, 4), (10, 20), (MOST, 3)] {
            let mut values: Vec<f64> = (0..runs * tasks).map(|_| stream.normal()).collect();
            values.sort_by(f64::total_cmp);
            let order: Vec<usize> = (0..values.len()).rev().collect();
            // As in the wide registers, one resample after the other.
            let mut resamples = Resamples::new(&values, &order, runs);
            let mut draws = stream.clone();
            let known: Vec<f64> = (0..LANES)
                .flat_map(|_| {
                    let mut mean = [0.0];
                    resamples.next_at(Level::baseline(), &mut draws, &mut mean);
                    mean
                })
                .collect();
            for (name, level) in levels() {
                let mut found = [0.0; LANES];
                Resamples::new(&values, &order, runs).next_at(level, &mut stream.clone(), &mut found);
                assert_eq!(
                    found.map(f64::to_bits).to_vec(),
                    known.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                    "{name}"
                );
            }
        }
    }
}
