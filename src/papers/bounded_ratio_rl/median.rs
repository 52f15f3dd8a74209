//! The head that learns the median of returns.
//!
//! BPO trains it by E\[T softplus((Q − u)/T) − (Q − u)/2\], a smoothed absolute error. Its minimiser
//! satisfies E σ((Q − u)/T) = 1/2, and tends to the median as T → 0. The code uses T = 1 whatever λ is.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::math::{mean, sigmoid, softplus},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Halvings of the bisection.
const HALVINGS: u32 = 100;
/// Width at which the head is held against the median itself.
const SHARP: f64 = 1e-4;

/// E\[T softplus((Q − u)/T) − (Q − u)/2\] over equally likely returns.
#[must_use]
pub fn loss(returns: &[f64], u: f64, width: f64) -> f64 {
    let of_return = |q: &f64| width * softplus((q - u) / width) - 0.5 * (q - u);
    mean(&returns.iter().map(of_return).collect::<Vec<_>>())
}

/// The minimiser u of the loss; the mean of the returns under the fault.
#[must_use]
pub fn head(returns: &[f64], width: f64, fault: Option<Fault>) -> f64 {
    if fault == Some(Fault::MseHead) {
        return mean(returns);
    }
    let ends = |f: fn(f64, f64) -> f64, start: f64| returns.iter().copied().fold(start, f);
    let (mut below, mut above) = (ends(f64::min, f64::INFINITY), ends(f64::max, f64::NEG_INFINITY));
    for _ in 0..HALVINGS {
        let middle = 0.5 * (below + above);
        if share_above(returns, middle, width) >= 0.5 {
            below = middle;
        } else {
            above = middle;
        }
    }
    0.5 * (below + above)
}

/// E σ((Q − u)/T).
fn share_above(returns: &[f64], u: f64, width: f64) -> f64 {
    mean(&returns.iter().map(|q| sigmoid((q - u) / width)).collect::<Vec<_>>())
}

/// Returns, and the width of the smoothing.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Returns {
    /// Equally likely returns, an odd number of them.
    returns: Vec<f64>,
    /// T.
    width: f64,
}

/// The head solves its equation, beats its neighbours, and is the median when sharp.
pub struct MedianHead;

impl Observe for MedianHead {
    type Instance = Returns;
    type Fault = Fault;
    const NAME: &'static str = "median-equation";
    const SUMMARY: &'static str = "The equation that the head solves, its loss beside that of its neighbours, and its \
                                   distance from the median when sharp.";
    const METRICS: &'static [Metric] = &[
        Metric::new("residual", "|E σ((Q − u)/T) − 1/2|.").range(0.0, 1.0),
        Metric::new("advantage-of-neighbours", "How much smaller the loss is at u ± T/10."),
        Metric::new("distance-from-median", "|u − median| with T = 1e-4.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MseHead];

    fn instances() -> BoxedStrategy<Returns> {
        // A long upper tail keeps the mean away from the median.
        let value = || prop_oneof![3 => -1.0..1.0, 1 => 2.0..6.0];
        (1_usize..10, 0.05..2.0)
            .prop_flat_map(move |(half, width)| {
                vec(value(), 2 * half + 1).prop_map(move |returns| Returns { returns, width })
            })
            .boxed()
    }

    fn observe(instance: &Returns, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Returns { returns, width } = instance;
        if returns.is_empty() || returns.len() % 2 == 0 || *width <= 0.0 {
            return Err(Failure::invalid("expected an odd number of returns and a positive width"));
        }
        let u = head(returns, *width, fault);
        let neighbours = [u - 0.1 * width, u + 0.1 * width].map(|v| loss(returns, v, *width));
        let mut sorted = returns.clone();
        sorted.sort_by(f64::total_cmp);
        let median = sorted[sorted.len() / 2];
        Ok(Measurement::new()
            .metric("residual", (share_above(returns, u, *width) - 0.5).abs())
            .metric("advantage-of-neighbours", loss(returns, u, *width) - neighbours[0].min(neighbours[1]))
            .metric("distance-from-median", (head(returns, SHARP, fault) - median).abs()))
    }
}
