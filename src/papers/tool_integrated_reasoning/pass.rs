//! pass@k: the probability that one of k answers is right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, cost::Route};
use crate::{
    kernel::{
        math::{exp, expm1, ln, ln_1p, mean},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// pass@k = 1 − (1 − p)^k for a success rate p ∈ \[0, 1\] and 0 < k ≤ ∞, to full relative precision where
/// p is tiny.
#[must_use]
pub fn pass_at_k(p: f64, k: f64) -> f64 {
    // The ends need their own case, because k ln 0 and ∞ ln 1 are no numbers to go on with.
    if p <= 0.0 || p >= 1.0 { p } else { -expm1(k * ln_1p(-p)) }
}

/// The estimate of pass@k from n answers of which c are right, 1 − C(n − c, k)/C(n, k) for k ≤ n: the
/// share of the subsets of k answers that hold a right one.
///
/// Computed as 1 − Π_{j<k} (n − c − j)/(n − j), because the binomial coefficients overflow.
#[must_use]
pub fn estimate(answers: usize, right: usize, k: usize, fault: Option<Fault>) -> f64 {
    if fault == Some(Fault::PlugInPassAtK) {
        return pass_at_k(right as f64 / answers as f64, k as f64);
    }
    let wrong = answers - right;
    if wrong < k {
        return 1.0;
    }
    1.0 - (0..k).fold(1.0, |none, j| none * (wrong - j) as f64 / (answers - j) as f64)
}

/// Success rates with a tool, from those without: a prompt is solved by the better of both routes.
#[must_use]
pub fn rate_with_tool(text: f64, tool: f64, fault: Option<Fault>) -> f64 {
    if fault == Some(Fault::ToolDropsTextRoute) {
        return if text >= 0.1 { 0.0 } else { tool };
    }
    text.max(tool)
}

/// The estimate of mean pass@k over prompts, from (n, c) of each: n answers of which c are right.
#[must_use]
pub fn mean_estimate(prompts: &[(usize, usize)], k: usize, fault: Option<Fault>) -> f64 {
    if fault == Some(Fault::PooledPrompts) {
        let (answers, right) = prompts.iter().fold((0, 0), |(n, c), prompt| (n + prompt.0, c + prompt.1));
        return estimate(answers, right, k, None);
    }
    mean(&prompts.iter().map(|(answers, right)| estimate(*answers, *right, k, fault)).collect::<Vec<_>>())
}

/// Mean of pass@k over prompts with these success rates.
#[must_use]
pub fn mean_pass(rates: &[f64], k: f64) -> f64 {
    mean(&rates.iter().map(|p| pass_at_k(*p, k)).collect::<Vec<_>>())
}

/// Settings of the curves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Success rate of the tool's route on every prompt.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tool: f64,
    /// Largest k, a power of two.
    #[schemars(range(min = 1, max = 65_536))]
    pub most: usize,
    /// Whose curve is drawn.
    pub drawn: Route,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tool: 0.4, most: 1024, drawn: Route::Tool }
    }
}

/// Success rates of the text route on five prompts, one of which it never solves.
const TEXT: [f64; 5] = [0.0, 0.02, 0.01, 0.1, 0.5];

/// Mean pass@k over five prompts with and without a tool.
pub struct PassCurves(Settings);

impl Measure for PassCurves {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "pass-curves";
    const SUMMARY: &'static str = "Mean pass@k over five prompts with and without a tool, for every k.";
    const METRICS: &'static [Metric] = &[
        Metric::new("lead", "Smallest lead of the tool's mean pass@k over that of text, over all k.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("text-limit", "Mean pass@k of text for k → ∞.").range(0.0, 1.0),
        Metric::new("tool-limit", "Mean pass@k with the tool for k → ∞.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ToolDropsTextRoute];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let with_tool = TEXT.map(|text| rate_with_tool(text, self.0.tool, fault));
        let curve =
            |rates: &[f64]| -> Vec<f64> { (1..=self.0.most).map(|k| mean_pass(rates, k as f64)).collect() };
        let (text, tool) = (curve(&TEXT), curve(&with_tool));
        let lead = text.iter().zip(&tool).map(|(text, tool)| tool - text).fold(f64::INFINITY, f64::min);
        // Points at powers of two are enough for a picture with a logarithmic axis.
        let drawn: Vec<usize> = (0..=self.0.most.ilog2()).map(|i| 1 << i).collect();
        let curve = match self.0.drawn {
            Route::Text => &text,
            Route::Tool => &tool,
        };
        Ok(Measurement::new()
            .metric("lead", lead)
            .metric("text-limit", mean_pass(&TEXT, f64::INFINITY))
            .metric("tool-limit", mean_pass(&with_tool, f64::INFINITY))
            .series(
                "pass",
                drawn.iter().map(|k| *k as f64).collect(),
                drawn.iter().map(|k| curve[k - 1]).collect(),
            ))
    }
}

/// Probability C(n, c) p^c (1 − p)^(n − c) that c of n answers are right, by logarithms of factorials: not
/// the way in which [`estimate`] multiplies, so that one can be held against the other.
#[must_use]
pub fn binomial(n: usize, c: usize, p: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return f64::from(u8::from(c == if p <= 0.0 { 0 } else { n }));
    }
    let factorial = |n: usize| (1..=n).map(|i| ln(i as f64)).sum::<f64>();
    exp(factorial(n) - factorial(c) - factorial(n - c) + c as f64 * ln(p) + (n - c) as f64 * ln_1p(-p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::binomial_expectation;
    use approx::assert_relative_eq;

    #[test]
    fn plugging_in_is_biased_and_the_share_of_subsets_is_not() {
        for n in [8, 16] {
            for k in [1, 2, 4, 8] {
                for p in [0.01, 0.2, 0.7] {
                    let expected = binomial_expectation(n, p, |c| estimate(n, c, k, None));
                    assert_relative_eq!(expected, pass_at_k(p, k as f64), epsilon = 1e-14);
                }
            }
        }
        let plugged = binomial_expectation(16, 0.2, |c| estimate(16, c, 8, Some(Fault::PlugInPassAtK)));
        assert_relative_eq!(plugged - pass_at_k(0.2, 8.0), -0.0744, epsilon = 5e-5);
    }

    #[test]
    fn three_ways_of_pass_at_one_and_the_ends() {
        assert_relative_eq!(estimate(10, 3, 1, None), 0.3, epsilon = 1e-15);
        assert_eq!(estimate(10, 3, 8, None), 1.0);
        assert_eq!(estimate(10, 0, 10, None), 0.0);
        assert_relative_eq!(estimate(4, 2, 2, None), 5.0 / 6.0, epsilon = 1e-15);
        assert_relative_eq!(pass_at_k(1e-20, 100.0), 1e-18, epsilon = 1e-30);
        assert_eq!((pass_at_k(0.0, f64::INFINITY), pass_at_k(1.0, 1.0)), (0.0, 1.0));
    }

    #[test]
    fn known_curves() {
        let tool = TEXT.map(|p| rate_with_tool(p, 0.4, None));
        assert_relative_eq!(mean_pass(&TEXT, 1.0), 0.126, epsilon = 1e-15);
        assert_relative_eq!(mean_pass(&tool, 1.0), 0.42, epsilon = 1e-15);
        assert!(mean_pass(&tool, 64.0) > 0.99);
        let dropped = TEXT.map(|p| rate_with_tool(p, 0.4, Some(Fault::ToolDropsTextRoute)));
        assert_eq!(dropped, [0.4, 0.4, 0.4, 0.0, 0.0]);
        for (k, with_tool, text) in [(16.0, 0.5998, 0.4479), (64.0, 0.600, 0.640)] {
            assert_relative_eq!(mean_pass(&dropped, k), with_tool, epsilon = 5e-4);
            assert_relative_eq!(mean_pass(&TEXT, k), text, epsilon = 5e-4);
        }
    }
}
