//! With c_l = 0 and c_h = 1/κ the optimum is the set of κ N elites, and its projection on a Gaussian the
//! update of the cross-entropy method.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    optimum::{Bounds, optimum, regularised},
};
use crate::{
    kernel::math::{dot, mean, sum, variance},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Points with scores.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// N points.
    points: Vec<f64>,
    /// Their scores.
    scores: Vec<f64>,
    /// Number of elites, κ N.
    elites: usize,
}

/// The optimum weighs the elites equally and nothing else.
pub struct EliteProjection;

impl Observe for EliteProjection {
    type Instance = Population;
    type Fault = Fault;
    const NAME: &'static str = "elite-projection";
    const SUMMARY: &'static str = "Weights of the optimum against those of the elite set, and mean and variance of the \
                                   Gaussian projections of both.";
    const METRICS: &'static [Metric] = &[
        Metric::new("weight-error", "Largest difference of a weight.").range(0.0, f64::INFINITY),
        Metric::new("mean-error", "Difference of the means.").range(0.0, f64::INFINITY),
        Metric::new("variance-error", "Difference of the variances.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SoftElites, Fault::CLowHalf];

    fn instances() -> BoxedStrategy<Population> {
        (2_usize..=20, 2_usize..=10)
            .prop_flat_map(|(elites, times)| {
                let n = elites * times;
                (vec(-3.0..3.0, n), vec(-1.0..1.0, n)).prop_map(move |(points, scores)| Population {
                    points,
                    scores,
                    elites,
                })
            })
            .boxed()
    }

    fn observe(population: &Population, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Population { points, scores, elites } = population;
        let n = points.len();
        if scores.len() != n || *elites == 0 || *elites > n {
            return Err(Failure::invalid("expected a score a point, and from one to all of them as elites"));
        }
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
        if *elites < n && scores[order[elites - 1]] == scores[order[*elites]] {
            return Err(Failure::Rejected("the elite set is not unique"));
        }
        let chosen: Vec<f64> = order[..*elites].iter().map(|i| points[*i]).collect();
        let p = vec![1.0 / n as f64; n];
        let low = if fault == Some(Fault::CLowHalf) { 0.5 } else { 0.0 };
        let bounds = Bounds { low, high: n as f64 / *elites as f64 };
        let best = if fault == Some(Fault::SoftElites) {
            regularised(&p, scores, bounds, 1.0, None)
        } else {
            optimum(&p, scores, bounds, None)
        };
        let weights: Vec<f64> = best.ratios.iter().zip(&p).map(|(r, p)| r * p).collect();
        let is_elite = |i: &usize| order[..*elites].contains(i);
        let wanted = |i: usize| if is_elite(&i) { 1.0 / *elites as f64 } else { 0.0 };
        let centre = dot(&weights, points);
        let spread = sum(weights.iter().zip(points).map(|(w, x)| w * (x - centre) * (x - centre)));
        Ok(Measurement::new()
            .metric("weight-error", (0..n).map(|i| (weights[i] - wanted(i)).abs()).fold(0.0, f64::max))
            .metric("mean-error", (centre - mean(&chosen)).abs())
            .metric("variance-error", (spread - variance(&chosen, 0)).abs()))
    }
}
