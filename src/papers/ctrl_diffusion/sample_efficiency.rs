//! What n offline triples are worth to CTRL, to a joint classifier and to classifier-free guidance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    tables::{Estimator, World},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How p(x|c, y) is estimated.
    pub estimator: Estimator,
    /// n, number of triples; those of a smaller n come first in a larger one.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub samples: usize,
    /// M.
    #[schemars(range(min = 1, max = 1000))]
    pub cells: usize,
    /// C.
    #[schemars(range(min = 1, max = 1000))]
    pub contexts: usize,
    /// Y.
    #[schemars(range(min = 1, max = 1000))]
    pub labels: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { estimator: Estimator::Ctrl, samples: 1000, cells: 12, contexts: 6, labels: 4 }
    }
}

/// The error of an estimate of p(x|c, y).
pub struct SampleEfficiency(Settings);

impl Measure for SampleEfficiency {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sample-efficiency";
    const SUMMARY: &'static str = "Total variation between p(x|c, y) and its estimate from n triples.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "total-variation",
        "Between estimate and truth, averaged over contexts and, with p(y|c), over labels.",
    )
    .range(0.0, 1.0)
    .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::IgnorePrior, Fault::ViolatedIndependence];
    const TREATMENTS: &'static [&'static str] = &["estimator", "samples"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { samples, cells, contexts, labels, .. } = settings;
        if ![cells, contexts, labels].iter().all(|n| (1..=1000).contains(n)) {
            return Err(Failure::invalid("`cells`, `contexts` and `labels` must lie between 1 and 1000"));
        }
        if !(1..=10_000_000).contains(&samples) {
            return Err(Failure::invalid("`samples` must lie between 1 and 10000000"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { estimator, samples, cells, contexts, labels } = self.0;
        let shape = (contexts, cells, labels);
        let world = World::draw(shape, &mut streams.stream("prior"), &mut streams.stream("labels"), fault);
        let counts = world.triples(samples, &mut streams.stream("triples"));
        let error = world.error(&counts.estimates(&world.prior, estimator, fault));
        Ok(Measurement::new().metric("total-variation", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::mean;

    /// Mean error of forty replicates.
    fn error(estimator: Estimator, samples: usize, fault: Option<Fault>) -> f64 {
        let experiment = SampleEfficiency(Settings { estimator, samples, ..Settings::default() });
        let errors = (0..40).map(|seed| {
            let measured = experiment.replicate(fault, &Streams::from_seed(seed)).unwrap();
            measured.get("total-variation").unwrap()
        });
        mean(&errors.collect::<Vec<f64>>())
    }

    #[test]
    fn known_errors() {
        // Means of another implementation over twenty seeds; tolerances are three standard errors of
        // the difference.
        for (samples, ctrl, free, tolerance) in [
            (100, 0.151, 0.370, 0.020),
            (300, 0.097, 0.247, 0.012),
            (1000, 0.049, 0.143, 0.009),
            (3000, 0.030, 0.085, 0.004),
        ] {
            let measured = error(Estimator::Ctrl, samples, None);
            assert!((measured - ctrl).abs() < tolerance, "{samples}: {measured}");
            let measured = error(Estimator::ClassifierFree, samples, None);
            assert!((measured - free).abs() < tolerance, "{samples}: {measured}");
        }
        for (samples, joint) in [(100, 0.259), (3000, 0.066)] {
            let measured = error(Estimator::JointClassifier, samples, None);
            assert!((measured - joint).abs() < 0.02, "{samples}: {measured}");
        }
        let ignorant = error(Estimator::Ctrl, 3000, Some(Fault::IgnorePrior));
        assert!((ignorant - 0.340).abs() < 0.03, "{ignorant}");
        let biased = error(Estimator::Ctrl, 3000, Some(Fault::ViolatedIndependence));
        assert!((biased - 0.300).abs() < 0.03, "{biased}");
    }
}
