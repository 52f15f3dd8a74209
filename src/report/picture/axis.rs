//! Axes: from values to places on the picture, and the values that are marked with ticks.
//!
//! To the plotting library every axis is linear. Logarithms are taken here, with the portable
//! functions of the kernel, so that the bytes of a picture do not depend on the platform.

use std::ops::Range;

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

use super::style::text_width;
use crate::{
    kernel::math::{log10, pow},
    report::number::number,
};

/// Share of the range that is left free at each end.
const MARGIN: f64 = 0.04;
/// A spread below this share of the values is no spread.
const SAME: f64 = 1e-9;
/// A range from at least zero that begins below this share of its end begins at zero.
const NEAR_ZERO: f64 = 0.3;
/// Ticks of an axis at most, about.
const MOST_TICKS: usize = 9;
/// Numbers from here on are written as powers of ten.
const LARGE: f64 = 1e5;

/// An axis. A position is a value, or on a logarithmic axis its decimal logarithm.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// Whether the axis is logarithmic.
    pub log: bool,
    /// Position of the lower end.
    pub low: f64,
    /// Position of the upper end.
    pub high: f64,
    /// Values at the ticks.
    pub ticks: Vec<f64>,
}

impl Scale {
    /// An axis on which these values fit with some space around them, with about so many ticks at
    /// most. A logarithmic axis passes over values that are not positive.
    pub fn fit(values: impl IntoIterator<Item = f64>, log: bool, ticks: usize) -> Self {
        let (least, most) = span(values.into_iter().filter_map(|v| position(v, log))).unwrap_or((0.0, 1.0));
        let spread = most - least;
        let (mut low, mut high) = (least - MARGIN * spread, most + MARGIN * spread);
        if spread <= SAME * most.abs() {
            let pad = 0.5 * most.abs().max(1.0);
            (low, high) = (least - pad, most + pad);
        }
        if !log && least >= 0.0 && least <= NEAR_ZERO * most {
            low = 0.0;
        } else if !log && most <= 0.0 && most >= NEAR_ZERO * least {
            high = 0.0;
        }
        Self::between(low, high, log, ticks)
    }

    /// An axis that ends with the least and the greatest of these values.
    pub fn exactly(values: impl IntoIterator<Item = f64> + Clone, log: bool, ticks: usize) -> Self {
        match span(values.clone().into_iter().filter_map(|v| position(v, log))) {
            Some((low, high)) if high - low > SAME * high.abs() => Self::between(low, high, log, ticks),
            _ => Self::fit(values, log, ticks),
        }
    }

    /// The axis with as many of its ticks, thought of as lying on a line of this many pixels, as
    /// leave some space between their labels.
    #[must_use]
    pub fn with_labels_in(self, pixels: f64, size: f64) -> Self {
        // Half of the first and half of the last label may stand beyond the ends of the axis.
        let fits = |scale: &Self| {
            let widths: Vec<f64> = scale.labels().iter().map(|label| text_width(label, size)).collect();
            let between = widths.windows(2).map(|w| 0.5 * (w[0] + w[1]) + 0.7 * size);
            between.sum::<f64>() <= pixels
        };
        let axis = |ticks: usize| Self::between(self.low, self.high, self.log, ticks);
        (2..MOST_TICKS).rev().map(axis).find(fits).unwrap_or(self)
    }

    /// An axis of whole numbers, without ticks.
    pub fn rows(count: usize) -> Self {
        Self { log: false, low: 0.0, high: count as f64, ticks: Vec::new() }
    }

    fn between(low: f64, high: f64, log: bool, ticks: usize) -> Self {
        let ticks = if log { logarithmic_ticks(low, high, ticks) } else { linear_ticks(low, high, ticks) };
        Self { log, low, high, ticks }
    }

    /// The position of a value; `None` if it has no logarithm on a logarithmic axis.
    pub fn position(&self, value: f64) -> Option<f64> {
        position(value, self.log)
    }

    /// The label of a tick. If one of a logarithmic axis is written as a power, all are.
    fn label(&self, tick: f64) -> String {
        if self.log && !self.ticks.iter().all(|t| is_short(*t)) { power_of_ten(tick) } else { label(tick) }
    }

    /// The labels of the ticks.
    pub fn labels(&self) -> Vec<String> {
        self.ticks.iter().map(|tick| self.label(*tick)).collect()
    }
}

/// A value beyond an end is drawn at that end, a value without logarithm at the lower one.
impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let position = self.position(*value).unwrap_or(self.low).clamp(self.low, self.high);
        let share = (position - self.low) / (self.high - self.low);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        let value = |position: f64| if self.log { pow(10.0, position) } else { position };
        value(self.low)..value(self.high)
    }
}

impl ValueFormatter<f64> for Scale {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn position(value: f64, log: bool) -> Option<f64> {
    let position = match (log, value > 0.0) {
        (false, _) => value,
        (true, true) => log10(value),
        (true, false) => return None,
    };
    position.is_finite().then_some(position)
}

fn span(positions: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    positions.fold(None, |ends, p| match ends {
        None => Some((p, p)),
        Some((least, most)) => Some((p.min(least), p.max(most))),
    })
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let raw = (high - low) / most.max(1) as f64;
    let exponent = log10(raw).floor();
    let power = pow(10.0, exponent.abs());
    // Dividing by a whole power of ten rounds once; multiplying by its inverse would round twice.
    let value = |k: f64, leading: f64| {
        if exponent < 0.0 { k * leading / power } else { k * leading * power }
    };
    let multiples = |leading: f64| -> Vec<f64> {
        let step = value(1.0, leading);
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let count = (last - first + 1.0).max(0.0) as usize;
        (0..count).map(|i| value(first + i as f64, leading)).collect()
    };
    let steps = [0.5, 1.0, 2.0, 5.0, 10.0];
    let wide = (1..steps.len()).find(|i| value(1.0, steps[*i]) >= raw).unwrap_or(steps.len() - 1);
    // Between two neighbouring multiples there may be none.
    let ticks = multiples(steps[wide]);
    if ticks.is_empty() { multiples(steps[wide - 1]) } else { ticks }
}

/// Powers of ten; over short ranges also 2 and 5 times these, or all their multiples, or whatever
/// is round.
fn logarithmic_ticks(low: f64, high: f64, most: usize) -> Vec<f64> {
    let multiples = |leading: &[f64]| -> Vec<f64> {
        let decades = (low.floor() as i32)..=(high.ceil() as i32);
        let values = decades.flat_map(|k| {
            let power = pow(10.0, f64::from(k.abs()));
            leading.iter().map(move |m| if k < 0 { m / power } else { m * power })
        });
        values.filter(|v| position(*v, true).is_some_and(|p| (low..=high).contains(&p))).collect()
    };
    // Of many, every so manyth; of powers of ten, those whose exponents divide evenly.
    let every = |ticks: Vec<f64>| -> Vec<f64> {
        let stride = ticks.len().div_ceil(most + 1) as f64;
        let powers = log10(ticks[1]) - log10(ticks[0]) > 0.9;
        let number = |(i, v): (usize, f64)| if powers { log10(v).round() } else { i as f64 };
        let kept = ticks.into_iter().enumerate().filter(|tick| number(*tick) % stride == 0.0);
        kept.map(|(_, v)| v).collect()
    };
    let choices: [&[f64]; 3] = [&[1.0], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]];
    let chosen = choices.into_iter().map(multiples).find(|ticks| ticks.len() >= 3);
    chosen.map_or_else(|| linear_ticks(pow(10.0, low), pow(10.0, high), most), every)
}

/// Whether a number is short when written plainly.
fn is_short(value: f64) -> bool {
    value == 0.0 || (1e-4..LARGE).contains(&value.abs())
}

/// A number, as a multiple of a power of ten where it would be long otherwise.
fn label(value: f64) -> String {
    if is_short(value) { number(value) } else { power_of_ten(value) }
}

fn power_of_ten(value: f64) -> String {
    let text = format!("{value:.2e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
    let power: String = exponent.chars().map(superscript).collect();
    match mantissa {
        "1" => format!("10{power}"),
        "-1" => format!("-10{power}"),
        _ => format!("{mantissa}·10{power}"),
    }
}

fn superscript(digit: char) -> char {
    match digit {
        '-' => '⁻',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '0' | '4'..='9' => char::from_u32(0x2070 + (digit as u32 - '0' as u32)).unwrap_or(digit),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(values: &[f64], log: bool, ticks: usize) -> Vec<String> {
        Scale::fit(values.iter().copied(), log, ticks).labels()
    }

    #[test]
    fn linear_ticks_are_round() {
        assert_eq!(labels(&[0.0, 8000.0], false, 5), ["0", "2000", "4000", "6000", "8000"]);
        assert_eq!(labels(&[-0.3, 0.5], false, 5), ["-0.2", "0", "0.2", "0.4"]);
        assert_eq!(labels(&[0.0, 4e6], false, 4), ["0", "2·10⁶", "4·10⁶"]);
        assert_eq!(labels(&[4.53, 4.94], false, 2), ["4.6", "4.8"]);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten_where_there_are_enough() {
        assert_eq!(labels(&[0.01, 1000.0], true, 8), ["0.01", "0.1", "1", "10", "100", "1000"]);
        assert_eq!(labels(&[1e-16, 1.0], true, 5), ["10⁻¹⁵", "10⁻¹²", "10⁻⁹", "10⁻⁶", "10⁻³", "10⁰"]);
        assert_eq!(labels(&[100.0, 5000.0], true, 5), ["100", "200", "500", "1000", "2000", "5000"]);
        assert_eq!(labels(&[3.0, 6.0], true, 5), ["3", "4", "5", "6"]);
    }

    #[test]
    fn what_has_no_logarithm_is_drawn_at_the_lower_end() {
        let scale = Scale::fit([0.0, -1.0, 1.0, 100.0], true, 5);
        assert_eq!([0.0, 10.0, 1e9].map(|v| scale.map(&v, (200, 0))), [200, 100, 0]);
    }

    #[test]
    fn a_series_may_fill_its_axis() {
        let scale = Scale::exactly([5.0, 1.0, 3.0], false, 5);
        assert_eq!((scale.low, scale.high), (1.0, 5.0));
        assert!(Scale::exactly([5.0, 5.0], false, 5).low < 5.0);
    }

    proptest! {
        #[test]
        fn values_lie_on_the_axis_and_ticks_are_few(
            values in prop::collection::vec(
                prop_oneof![-1e9..1e9_f64, -1.0..1.0_f64, Just(0.0), 1e-300..1e-200_f64], 0..5),
            log in any::<bool>(),
            most in 2_usize..9,
        ) {
            let scale = Scale::fit(values.iter().copied(), log, most);
            prop_assert!(scale.low < scale.high);
            prop_assert!(scale.ticks.len() <= most + 2, "{scale:?}");
            let all = values.iter().chain(&scale.ticks);
            for position in all.filter_map(|v| scale.position(*v)) {
                let rounding = 1e-12 * position.abs();
                prop_assert!((scale.low - rounding..=scale.high + rounding).contains(&position));
            }
        }
    }
}
