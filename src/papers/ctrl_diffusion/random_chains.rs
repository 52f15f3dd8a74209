//! Deterministic measurements on numbered random chains.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Chain, Initial, classifier_error_bound},
};
use crate::{
    kernel::{
        divergence::total_variation,
        math::{dot, exp, ln, mean},
        splitmix::SplitMix64,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Which chains are measured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How many, numbered from 0.
    #[schemars(range(min = 1, max = 10_000))]
    pub chains: u64,
    /// M.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// T.
    #[schemars(range(min = 1, max = 64))]
    pub steps: usize,
    /// Y.
    #[schemars(range(min = 1, max = 64))]
    pub labels: usize,
    /// γ.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub gamma: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { chains: 50, states: 6, steps: 4, labels: 3, gamma: 1.0 }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Failure> {
        let sizes = [self.states, self.steps, self.labels];
        if !(1..=10_000).contains(&self.chains) || !sizes.iter().all(|n| (1..=64).contains(n)) {
            return Err(Failure::invalid(
                "needs 1 to 10000 chains, and `states`, `steps` and `labels` between 1 and 64",
            ));
        }
        if !(0.0..=1000.0).contains(&self.gamma) {
            return Err(Failure::invalid("`gamma` must lie between 0 and 1000"));
        }
        Ok(())
    }

    fn all(&self, initial: Initial) -> impl Iterator<Item = Chain> + use<> {
        let Self { chains, states, steps, labels, gamma } = *self;
        (0..chains).map(move |n| Chain { gamma, ..Chain::numbered(n, states, steps, labels, initial) })
    }
}

fn target(chain: &Chain) -> Result<Vec<f64>, Failure> {
    chain.target().ok_or_else(|| Failure::numerical("the label has probability zero"))
}

/// Total variation between the output of the controlled chain and p_γ.
fn error(chain: &Chain, fault: Option<Fault>) -> Result<f64, Failure> {
    Ok(total_variation(&chain.soft_optimal(fault).sampler.output(), &target(chain)?))
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// How far the output of the controlled chain is from p_γ, for each law of x_T.
pub struct RandomChains(Settings);

impl Measure for RandomChains {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "random-chains";
    const SUMMARY: &'static str = "Distance between p_γ and the output of soft-optimal random chains.";
    const METRICS: &'static [Metric] = &[
        Metric::new("tilted-error", "Largest total variation if x_T is drawn from ν exp v_T.")
            .range(0.0, 1.0),
        Metric::new("single-state-error", "Largest total variation if x_T is always state 0.")
            .range(0.0, 1.0),
        Metric::new("untilted-bias", "Mean total variation if x_T is drawn from ν.").range(0.0, 1.0),
        Metric::new("untilted-excess", "Largest excess of that total variation over its bound.")
            .range(-1.0, 1.0),
        Metric::new("decay", "Largest ratio of the mean bias at t steps to that at t − 1, for 2 ≤ t ≤ T.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::DoubleTemperature,
        Fault::ExactClaimUntilted,
        Fault::LastStepOnly,
        Fault::NoKl,
        Fault::PlugInClassifier,
    ];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.check()?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let errors = |settings: &Settings, initial| -> Result<Vec<f64>, Failure> {
            settings.all(initial).map(|chain| error(&chain, fault)).collect()
        };
        let single: Vec<f64> = self
            .0
            .all(Initial::Kept)
            .map(|mut chain| {
                chain.start.fill(0.0);
                chain.start[0] = 1.0;
                error(&chain, fault)
            })
            .collect::<Result<_, _>>()?;
        let biases: Vec<f64> = (1..=self.0.steps)
            .map(|steps| Ok(mean(&errors(&Settings { steps, ..self.0.clone() }, Initial::Kept)?)))
            .collect::<Result<_, Failure>>()?;
        let excess = self
            .0
            .all(Initial::Kept)
            .map(|chain| Ok(error(&chain, fault)? - chain.start_bias_bound(fault)))
            .collect::<Result<Vec<f64>, Failure>>()?;
        let decay: Vec<f64> = biases.windows(2).map(|pair| pair[1] / pair[0]).collect();
        Ok(Measurement::new()
            .metric("tilted-error", largest(&errors(&self.0, Initial::Tilted)?))
            .metric("single-state-error", largest(&single))
            .metric("untilted-bias", biases[self.0.steps - 1])
            .metric("untilted-excess", excess.iter().copied().fold(-1.0, f64::max))
            .metric("decay", largest(&decay))
            .series("bias-by-steps", (1..=self.0.steps).map(|t| t as f64).collect(), biases))
    }
}

/// Settings of the strength of guidance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StrengthSettings {
    /// The chains; their γ is not used.
    pub chains: Settings,
    /// Ascending values of γ, from 0.
    pub gammas: Vec<f64>,
}

impl Default for StrengthSettings {
    fn default() -> Self {
        Self { chains: Settings::default(), gammas: vec![0.0, 0.5, 1.0, 2.0, 5.0] }
    }
}

/// E\[ln p(y|x₀)\] under the controlled chain over a grid of γ.
pub struct Strengths(StrengthSettings);

impl Measure for Strengths {
    type Settings = StrengthSettings;
    type Fault = Fault;
    const NAME: &'static str = "strengths";
    const SUMMARY: &'static str = "Expected log-likelihood of the label over the strength of guidance.";
    const METRICS: &'static [Metric] = &[
        Metric::new("rise", "Smallest rise of E[ln p(y|x₀)] from one γ to the next, over all chains.")
            .unit("nats"),
        Metric::new("unguided-error", "Largest total variation between the output at γ = 0 and p_pre.")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NegativeRewardSign];
    const STOCHASTIC: bool = false;

    fn prepare(settings: StrengthSettings, _: &Data) -> Result<Self, Failure> {
        settings.chains.check()?;
        let gammas = &settings.gammas;
        let ascending = gammas.windows(2).all(|pair| pair[0] < pair[1]);
        if gammas.len() < 2 || gammas[0] != 0.0 || !ascending || gammas.iter().any(|g| *g > 1000.0) {
            return Err(Failure::invalid("`gammas` must ascend from 0, up to 1000"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let gammas = &self.0.gammas;
        let mut averages = vec![0.0; gammas.len()];
        let (mut rise, mut unguided) = (f64::INFINITY, 0.0_f64);
        for chain in self.0.chains.all(Initial::Tilted) {
            let logarithms: Vec<f64> = chain.likelihood.iter().map(|p| ln(*p)).collect();
            let outputs: Vec<Vec<f64>> = gammas
                .iter()
                .map(|gamma| Chain { gamma: *gamma, ..chain.clone() }.soft_optimal(fault).sampler.output())
                .collect();
            let likelihoods: Vec<f64> = outputs.iter().map(|law| dot(law, &logarithms)).collect();
            rise = likelihoods.windows(2).map(|pair| pair[1] - pair[0]).fold(rise, f64::min);
            unguided = unguided.max(total_variation(&outputs[0], &chain.pretrained().output()));
            for (average, likelihood) in averages.iter_mut().zip(&likelihoods) {
                *average += likelihood / self.0.chains.chains as f64;
            }
        }
        Ok(Measurement::new().metric("rise", rise).metric("unguided-error", unguided).series(
            "log-likelihood",
            gammas.clone(),
            averages,
        ))
    }
}

/// Settings of errors of the classifier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorSettings {
    /// The chains.
    pub chains: Settings,
    /// δ ≥ 0, largest error of ln p̂(y|x).
    #[schemars(range(min = 0.0, max = 100.0))]
    pub delta: f64,
    /// Classifiers drawn for each chain.
    #[schemars(range(min = 1, max = 1000))]
    pub draws: usize,
}

impl Default for ErrorSettings {
    fn default() -> Self {
        Self { chains: Settings { gamma: 2.0, ..Settings::default() }, delta: 0.3, draws: 4 }
    }
}

/// What an error of the classifier does to the output.
pub struct ClassifierError(ErrorSettings);

impl ClassifierError {
    /// The chain on two states for which an error of the classifier is worst: p_pre = (a, 1 − a) with
    /// a = 1/(1 + e^{γδ}), and the logarithms of equal likelihoods off by (δ, −δ).
    fn extremal(&self) -> (Chain, Vec<f64>) {
        let (gamma, delta) = (self.0.chains.gamma, self.0.delta);
        let a = 1.0 / (1.0 + exp(gamma * delta));
        let chain = Chain {
            kernels: vec![vec![vec![a, 1.0 - a]; 2]],
            start: vec![1.0, 0.0],
            likelihood: vec![0.5; 2],
            gamma,
            initial: Initial::Tilted,
        };
        (chain, vec![delta, -delta])
    }
}

/// Total variation between p_γ and the output for a classifier whose logarithms are off by `errors`.
pub fn misled(chain: &Chain, errors: &[f64]) -> Result<f64, Failure> {
    let likelihood = chain.likelihood.iter().zip(errors).map(|(p, e)| p * exp(*e)).collect();
    let fitted = Chain { likelihood, ..chain.clone() };
    Ok(total_variation(&fitted.soft_optimal(None).sampler.output(), &target(chain)?))
}

impl Measure for ClassifierError {
    type Settings = ErrorSettings;
    type Fault = Fault;
    const NAME: &'static str = "classifier-error";
    const SUMMARY: &'static str =
        "Distance between p_γ and the output if the classifier is off by at most δ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "Largest total variation over its bound, random classifiers.")
            .range(0.0, f64::INFINITY),
        Metric::new("extremal-distance", "Total variation in the worst case on two states.").range(0.0, 1.0),
        Metric::new("extremal-ratio", "That total variation over its bound.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DropGamma];
    const STOCHASTIC: bool = false;

    fn prepare(settings: ErrorSettings, _: &Data) -> Result<Self, Failure> {
        settings.chains.check()?;
        let positive = settings.chains.gamma > 0.0 && settings.delta > 0.0;
        if !positive || settings.delta > 100.0 || !(1..=1000).contains(&settings.draws) {
            return Err(Failure::invalid(
                "needs a positive `gamma`, 0 < `delta` ≤ 100 and 1 to 1000 `draws`",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let ErrorSettings { chains, delta, draws } = &self.0;
        let bound = classifier_error_bound(chains.gamma, *delta, fault);
        let mut ratio = 0.0_f64;
        for (number, chain) in (0..chains.chains).zip(chains.all(Initial::Tilted)) {
            let mut generator = SplitMix64::new(number + 777);
            for _ in 0..*draws {
                let errors: Vec<f64> =
                    (0..chains.states).map(|_| generator.uniform_in(-*delta, *delta)).collect();
                ratio = ratio.max(misled(&chain, &errors)? / bound);
            }
        }
        let (chain, errors) = self.extremal();
        let extremal = misled(&chain, &errors)?;
        Ok(Measurement::new()
            .metric("ratio", ratio)
            .metric("extremal-distance", extremal)
            .metric("extremal-ratio", extremal / bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_biases_of_the_untilted_start() {
        for (steps, known, digits) in
            [(1, 0.039_276, 1e-6), (2, 4.9054e-3, 1e-7), (3, 5.9087e-4, 1e-8), (4, 6.0685e-5, 1e-9)]
        {
            let chains = RandomChains(Settings { steps, ..Settings::default() });
            let measured = chains.replicate(None, &Streams::from_seed(0)).unwrap();
            assert_relative_eq!(measured.get("untilted-bias").unwrap(), known, epsilon = digits);
        }
    }

    #[test]
    fn known_share_of_the_bound_that_the_bias_takes() {
        let ratios = Settings::default()
            .all(Initial::Kept)
            .map(|chain| error(&chain, None).unwrap() / chain.start_bias_bound(None));
        assert_relative_eq!(ratios.fold(0.0, f64::max), 0.029_90, epsilon = 1e-5);
    }

    #[test]
    fn the_extremal_classifier_error_attains_its_bound() {
        let experiment = ClassifierError(ErrorSettings::default());
        let measured = experiment.replicate(None, &Streams::from_seed(0)).unwrap();
        assert_relative_eq!(measured.get("extremal-distance").unwrap(), 0.291_31, epsilon = 5e-6);
        assert_relative_eq!(measured.get("extremal-ratio").unwrap(), 1.0, epsilon = 1e-14);
        let ratio = measured.get("ratio").unwrap();
        assert!((0.7..1.0).contains(&ratio), "{ratio}");
    }
}
