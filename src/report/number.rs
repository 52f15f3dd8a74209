//! Numbers for people: four significant digits. The exact values are in `verdicts.json`.

/// Significant digits.
const DIGITS: usize = 4;
/// Digits that tell any two different numbers apart.
const ALL_DIGITS: usize = 17;

/// A number, to four significant digits; whole numbers below ten million in full.
#[must_use]
pub fn number(x: f64) -> String {
    if x == x.trunc() && x.abs() < 1e7 {
        // Adding zero turns −0 into 0.
        return format!("{:.0}", x + 0.0);
    }
    rounded(x, DIGITS)
}

/// A number with its unit; the unit `1` of pure numbers is left out.
#[must_use]
pub fn with_unit(x: f64, unit: &str) -> String {
    if unit == "1" || unit.is_empty() { number(x) } else { format!("{} {unit}", number(x)) }
}

/// An interval, with as many digits as it takes to tell its ends apart.
#[must_use]
pub fn interval([low, high]: [f64; 2]) -> String {
    let differ = |digits: &usize| rounded(low, *digits) != rounded(high, *digits);
    let digits = if low == high { DIGITS } else { (DIGITS..ALL_DIGITS).find(differ).unwrap_or(ALL_DIGITS) };
    let end = |x| if digits == DIGITS { number(x) } else { rounded(x, digits) };
    format!("[{}, {}]", end(low), end(high))
}

/// A number to so many significant digits, without trailing zeros.
fn rounded(x: f64, digits: usize) -> String {
    if !x.is_finite() {
        return if x.is_nan() { "NaN".into() } else { format!("{}∞", if x < 0.0 { "-" } else { "" }) };
    }
    let scientific = format!("{x:.*e}", digits - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=6) => {
            let before_point = usize::try_from(exponent + 1).unwrap_or(0);
            let leading_zeros = usize::try_from(-1 - exponent).unwrap_or(0);
            let decimals = digits.saturating_sub(before_point) + leading_zeros;
            trimmed(&format!("{x:.decimals$}")).to_owned()
        }
        _ => format!("{}e{exponent}", trimmed(mantissa)),
    }
}

fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_significant_digits() {
        let written = [
            (0.0, "0"),
            (-0.0, "0"),
            (2000.0, "2000"),
            (1_234_567.0, "1234567"),
            (12_345_678.0, "1.235e7"),
            (0.26050, "0.2605"),
            (-0.002_712_34, "-0.002712"),
            (0.000_999_96, "0.001"),
            (123_456.7, "123457"),
            (1.0e-12, "1e-12"),
            (7.0 * 1e-5, "7e-5"),
            (f64::INFINITY, "∞"),
            (f64::NEG_INFINITY, "-∞"),
            (f64::NAN, "NaN"),
        ];
        for (x, text) in written {
            assert_eq!(number(x), text);
        }
    }

    #[test]
    fn pure_numbers_have_no_unit() {
        assert_eq!(with_unit(0.5, "1"), "0.5");
        assert_eq!(with_unit(0.5, "reward"), "0.5 reward");
    }

    #[test]
    fn ends_of_intervals_can_be_told_apart() {
        assert_eq!(interval([0.0, 0.25]), "[0, 0.25]");
        assert_eq!(interval([0.999_991, 0.999_992]), "[0.999991, 0.999992]");
        assert_eq!(interval([1.0, 1.0]), "[1, 1]");
    }
}
