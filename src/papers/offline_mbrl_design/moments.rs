//! What holds of the heuristics of any ensemble: properties.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, no_ensemble,
    penalty::{Heuristic, first},
};
use crate::{
    kernel::{
        ensemble::Ensemble,
        math::{mean, sum},
        mdp::Rows,
        splitmix::SplitMix64,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// An ensemble.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Predictions {
    /// μᵢ: N rows of d means.
    pub means: Vec<Vec<f64>>,
    /// σᵢ: N rows of d standard deviations.
    pub deviations: Vec<Vec<f64>>,
}

impl Predictions {
    /// The ensemble.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for rows of different lengths, no rows, and values that are no means or
    /// deviations.
    pub fn build(&self) -> Result<Ensemble, Failure> {
        let width = self.means.first().map_or(0, Vec::len);
        let table = |rows: &[Vec<f64>]| {
            let rectangular = rows.len() == self.means.len() && rows.iter().all(|row| row.len() == width);
            rectangular.then(|| Rows::from_fn(rows.len(), width, |i, k| rows[i][k]))
        };
        match (table(&self.means), table(&self.deviations)) {
            (Some(means), Some(deviations)) => Ensemble::new(means, deviations).map_err(no_ensemble),
            _ => {
                Err(Failure::invalid("`means` and `deviations` must be as many rows of equally many numbers"))
            }
        }
    }
}

/// Ensembles of one to twenty members in up to three dimensions: means that tie, deviations of zero,
/// members that are far more certain than others.
fn predictions() -> BoxedStrategy<Predictions> {
    let mean = || prop_oneof![1 => Just(0.0), 1 => (-3_i32..=3).prop_map(f64::from), 2 => -10.0..10.0];
    let deviation = || prop_oneof![1 => Just(0.0), 1 => Just(1.0), 1 => Just(1e-3), 3 => 0.0..5.0];
    (1_usize..=20, 1_usize..=3)
        .prop_flat_map(move |(members, width)| {
            (vec(vec(mean(), width), members), vec(vec(deviation(), width), members))
        })
        .prop_map(|(means, deviations)| Predictions { means, deviations })
        .boxed()
}

/// The law of total variance, and what follows from it.
pub struct TotalVariance;

impl Observe for TotalVariance {
    type Instance = Predictions;
    type Fault = Fault;
    const NAME: &'static str = "total-variance";
    const SUMMARY: &'static str =
        "ens_std² against the second moment of the mixture less its squared mean, and bounds of ens_std.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Difference of ens_std² and the variance, over the second moment.")
            .range(0.0, f64::INFINITY),
        Metric::new("below-epistemic", "Epistemic std − ens_std, over the root of the second moment."),
        Metric::new(
            "above-bound",
            "ens_std − √(max ‖σ‖² + (d/(2(d + 1))) max pairwise²), over the root of the second moment; for \
             d = 1 the bound is √(max σ² + (max pairwise/2)²).",
        ),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::AverageStd, Fault::DropAleatoricTerm, Fault::SampleVariance, Fault::HalfRange];

    fn instances() -> BoxedStrategy<Predictions> {
        predictions()
    }

    fn observe(instance: &Predictions, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let ensemble = instance.build()?;
        let ens_std = Heuristic::EnsembleStd.of(&ensemble, fault)?;
        let epistemic_std = Heuristic::EpistemicStd.of(&ensemble, fault)?;
        // The moments of the mixture, straight from the members: (1/N) Σ (σ² + μ²) − μ̄².
        let squares = |rows: &[Vec<f64>]| sum(rows.iter().flatten().map(|x| x * x)) / rows.len() as f64;
        let second = squares(&instance.deviations) + squares(&instance.means);
        let centre = sum((0..ensemble.dimension()).map(|k| {
            let column: Vec<f64> = instance.means.iter().map(|row| row[k]).collect();
            mean(&column) * mean(&column)
        }));
        let scale = if second > 0.0 { second } else { 1.0 };
        let d = ensemble.dimension() as f64;
        // Members lie within a ball of Jung's radius, whose square bounds their variance.
        let jung = d / (2.0 * (d + 1.0)) * ensemble.max_pairwise() * ensemble.max_pairwise();
        let bound = (ensemble.max_aleatoric() * ensemble.max_aleatoric() + jung).sqrt();
        Ok(Measurement::new()
            .metric("error", (ens_std * ens_std - (second - centre)).abs() / scale)
            .metric("below-epistemic", (epistemic_std - ens_std) / scale.sqrt())
            .metric("above-bound", (ens_std - bound) / scale.sqrt()))
    }
}

/// Maxima grow with the ensemble.
pub struct Nested;

impl Observe for Nested {
    type Instance = Predictions;
    type Fault = Fault;
    const NAME: &'static str = "nested";
    const SUMMARY: &'static str =
        "Smallest change of max pairwise and of max aleatoric as members join one by one.";
    const METRICS: &'static [Metric] = &[
        Metric::new("pairwise-rise", "Smallest u(N + 1) − u(N) of max pairwise."),
        Metric::new("aleatoric-rise", "Smallest u(N + 1) − u(N) of max aleatoric."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SubsampledEnsemble];

    fn instances() -> BoxedStrategy<Predictions> {
        predictions()
    }

    fn observe(instance: &Predictions, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let fitted = instance.build()?;
        let mut draws = SplitMix64::new(0);
        let mut below = |n: usize| ((draws.uniform() * n as f64) as usize).min(n - 1);
        let ensembles = (1..=fitted.members())
            .map(|n| first(&fitted, n, &mut below, fault))
            .collect::<Result<Vec<Ensemble>, Failure>>()?;
        let smallest_rise = |heuristic: Heuristic| {
            let values =
                ensembles.iter().map(|e| heuristic.of(e, None)).collect::<Result<Vec<f64>, Failure>>()?;
            let rises = values.windows(2).map(|pair| pair[1] - pair[0]);
            Ok::<f64, Failure>(rises.reduce(f64::min).unwrap_or(0.0))
        };
        Ok(Measurement::new()
            .metric("pairwise-rise", smallest_rise(Heuristic::MaxPairwise)?)
            .metric("aleatoric-rise", smallest_rise(Heuristic::MaxAleatoric)?))
    }
}
