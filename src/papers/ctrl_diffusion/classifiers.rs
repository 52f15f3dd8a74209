//! How many classifiers have to be fitted.
//!
//! Classifier guidance tilts step t by the classifier of noise level t − 1, so it fits one for each of T
//! levels. CTRL fits the classifier of noiseless data alone, and fine-tuning finds the rest. The fits
//! here see infinitely many data: they are exact, and only counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Chain, Initial, Sampler, tilt},
};
use crate::{
    kernel::{divergence::total_variation, math::ln, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the chain is controlled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One classifier, then soft-optimal control.
    Ctrl,
    /// A classifier for every noise level.
    ClassifierGuidance,
}

/// Settings of the count.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the chain is controlled.
    pub method: Method,
    /// T.
    #[schemars(range(min = 1, max = 1000))]
    pub steps: usize,
    /// Number of the random chain; it has six states and three labels.
    #[schemars(range(max = 1_000_000))]
    pub chain: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::Ctrl, steps: 4, chain: 0 }
    }
}

/// Counts the classifiers that a method fits.
pub struct Classifiers(Settings);

/// Fits classifiers p(y|xₜ), and counts them.
struct Laboratory<'a> {
    chain: &'a Chain,
    fitted: usize,
}

impl Laboratory<'_> {
    fn fit(&mut self, level: usize) -> Vec<f64> {
        self.fitted += 1;
        self.chain.classifier(level)
    }

    /// Classifier guidance: step t is tilted by the classifier of level t − 1.
    fn guided(&mut self, fault: Option<Fault>) -> Sampler {
        let noiseless = (fault == Some(Fault::NoiselessClassifier)).then(|| self.fit(0));
        let kernels = self
            .chain
            .kernels
            .iter()
            .enumerate()
            .map(|(level, kernel)| {
                let classifier = noiseless.clone().unwrap_or_else(|| self.fit(level));
                let logarithms: Vec<f64> = classifier.iter().map(|p| ln(*p)).collect();
                kernel.iter().map(|row| tilt(row, &logarithms).0).collect()
            })
            .collect();
        Sampler { start: self.chain.start.clone(), kernels }
    }

    /// CTRL: the classifier of noiseless data is the reward.
    fn ctrl(&mut self, fault: Option<Fault>) -> Sampler {
        if fault == Some(Fault::PerStepRefit) {
            return self.guided(None);
        }
        let fitted = Chain { likelihood: self.fit(0), ..self.chain.clone() };
        fitted.soft_optimal(None).sampler
    }
}

impl Measure for Classifiers {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "classifiers";
    const SUMMARY: &'static str = "Counts the classifiers that a method of control fits.";
    const METRICS: &'static [Metric] = &[
        Metric::new("classifiers", "Classifiers fitted.")
            .unit("classifiers")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("error", "Total variation between the output and that of the soft-optimal chain.")
            .range(0.0, 1.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PerStepRefit, Fault::NoiselessClassifier];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if (1..=1000).contains(&settings.steps) {
            Ok(Self(settings))
        } else {
            Err(Failure::invalid("`steps` must lie between 1 and 1000"))
        }
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { method, steps, chain } = self.0;
        let chain = Chain::numbered(chain, 6, steps, 3, Initial::Kept);
        let mut laboratory = Laboratory { chain: &chain, fitted: 0 };
        let sampler = match method {
            Method::Ctrl => laboratory.ctrl(fault),
            Method::ClassifierGuidance => laboratory.guided(fault),
        };
        let best = chain.soft_optimal(None).sampler.output();
        Ok(Measurement::new()
            .metric("classifiers", laboratory.fitted as f64)
            .metric("error", total_variation(&sampler.output(), &best)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(method: Method, fault: Option<Fault>) -> (f64, f64) {
        let settings = Settings { method, steps: 7, chain: 5 };
        let measured = Classifiers(settings).replicate(fault, &Streams::from_seed(0)).unwrap();
        (measured.get("classifiers").unwrap(), measured.get("error").unwrap())
    }

    #[test]
    fn both_methods_give_the_same_chain_at_different_cost() {
        let (ctrl, guidance) = (measure(Method::Ctrl, None), measure(Method::ClassifierGuidance, None));
        assert_eq!((ctrl.0, guidance.0), (1.0, 7.0));
        assert!(ctrl.1 < 1e-15 && guidance.1 < 1e-15, "{} {}", ctrl.1, guidance.1);
        assert_eq!(measure(Method::Ctrl, Some(Fault::PerStepRefit)).0, 7.0);
        let noiseless = measure(Method::ClassifierGuidance, Some(Fault::NoiselessClassifier));
        assert!(noiseless.0 == 1.0 && noiseless.1 > 1e-3, "{noiseless:?}");
    }
}
