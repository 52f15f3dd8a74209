//! What must hold on every chain, and on every table of contexts, samples and labels.

use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Chain, Initial, Sampler, classifier_error_bound},
    random_chains::misled,
    tables::{World, normalised},
};
use crate::{
    kernel::{
        divergence::{kl, total_variation},
        math::{dot, exp, ln, sum},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe, shape},
};

/// Most paths that a divergence of path laws visits.
const MOST_PATHS: usize = 1_000_000;

const IMPOSSIBLE: Failure = Failure::Rejected("the label has probability zero");

/// A chain; rows are weights, to be normalised (all zero: uniform).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Of Kₜ, indexed \[t − 1\]\[x\]\[x'\].
    kernels: Vec<Vec<Vec<u8>>>,
    /// Of ν.
    start: Vec<u8>,
    /// p(y|x) in tenths.
    likelihood: Vec<u8>,
    /// γ.
    gamma: f64,
}

impl Weights {
    fn chain(&self, initial: Initial) -> Result<Chain, Failure> {
        let chain = Chain {
            kernels: self.kernels.iter().map(|k| k.iter().map(|row| law(row)).collect()).collect(),
            start: law(&self.start),
            likelihood: self.likelihood.iter().map(|tenths| f64::from(*tenths) / 10.0).collect(),
            gamma: self.gamma,
            initial,
        };
        chain.check()?;
        Ok(chain)
    }
}

fn law(weights: &[u8]) -> Vec<f64> {
    normalised(&weights.iter().map(|w| f64::from(*w)).collect::<Vec<f64>>())
}

/// Zeros are common: steps that a chain never takes, and starts from a single state.
fn row(width: usize) -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![1 => Just(0_u8), 3 => 1_u8..10], width)
}

fn gamma() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.0..4.0_f64, 2 => select(vec![0.0, 1.0, 20.0]), 1 => 0.0..0.01_f64]
}

/// Chains on up to four states and three steps, p(y|x) of at least `least` tenths.
fn weights(least: u8) -> impl Strategy<Value = Weights> {
    (2_usize..=4, 1_usize..=3).prop_flat_map(move |(states, steps)| {
        let start = prop_oneof![
            3 => row(states),
            1 => (0..states).prop_map(move |x| (0..states).map(|i| u8::from(i == x)).collect())
        ];
        let likelihood = vec(prop_oneof![1 => Just(least), 4 => least..=10, 1 => Just(10_u8)], states);
        (vec(vec(row(states), states), steps), start, likelihood, gamma())
            .prop_map(|(kernels, start, likelihood, gamma)| Weights { kernels, start, likelihood, gamma })
    })
}

/// From ν exp v_T, or from a single state, the soft-optimal chain samples p_γ.
pub struct ExactConditional;

impl Observe for ExactConditional {
    type Instance = Weights;
    type Fault = Fault;
    const NAME: &'static str = "exact-conditional";
    const SUMMARY: &'static str =
        "The output of the soft-optimal chain is p_γ if x_T is tilted or a single state.";
    const METRICS: &'static [Metric] =
        &[Metric::new("distance", "Total variation between the output and p_γ.").range(0.0, 1.0 + 1e-9)];
    const FAULTS: &'static [Fault] = &[Fault::DoubleTemperature, Fault::LastStepOnly, Fault::NoKl];

    fn instances() -> BoxedStrategy<Weights> {
        weights(0).boxed()
    }

    fn observe(instance: &Weights, fault: Option<Fault>) -> Result<Measurement, Failure> {
        // A single state needs no tilt.
        let single = instance.start.iter().filter(|w| **w > 0).count() == 1;
        let chain = instance.chain(if single { Initial::Kept } else { Initial::Tilted })?;
        let target = chain.target().ok_or(IMPOSSIBLE)?;
        let output = chain.soft_optimal(fault).sampler.output();
        Ok(Measurement::new().metric("distance", total_variation(&output, &target)))
    }
}

/// A chain and another control of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rival {
    /// The chain.
    chain: Weights,
    /// Relative weights of the other control, indexed as the kernels; they multiply K.
    control: Vec<Vec<Vec<u8>>>,
}

/// max J = E_ν\[v_T\], and J(P*) − J(P) is the divergence of path laws.
pub struct SoftOptimality;

impl Observe for SoftOptimality {
    type Instance = Rival;
    type Fault = Fault;
    const NAME: &'static str = "soft-optimality";
    const SUMMARY: &'static str =
        "The optimum of J is E[v_T], and any control falls short of it by its path divergence.";
    const METRICS: &'static [Metric] = &[
        Metric::new("optimum-error", "|J(P*) − E[v_T]|, relative to one plus its size.")
            .range(0.0, f64::INFINITY),
        Metric::new("gap-error", "|J(P*) − J(P) − KL(P ‖ P*)|, relative to one plus KL(P ‖ P*).")
            .range(0.0, f64::INFINITY),
        Metric::new("gap", "J(P*) − J(P), relative to one plus KL(P ‖ P*)."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReverseKl];

    fn instances() -> BoxedStrategy<Rival> {
        weights(1)
            .prop_flat_map(|chain| {
                let (steps, states) = (chain.kernels.len(), chain.start.len());
                // A control that never stops where K may go has a finite divergence both ways.
                let relative = prop_oneof![
                    3 => vec(vec(vec(1_u8..10, states), states), steps),
                    1 => vec(vec(row(states), states), steps)
                ];
                relative.prop_map(move |control| Rival { chain: chain.clone(), control })
            })
            .boxed()
    }

    fn admit(instance: &Rival) -> Result<(), Failure> {
        let (steps, states) = (instance.chain.kernels.len(), instance.chain.start.len());
        shape::hold("control", &instance.control, &[steps, states, states])?;
        let paths = u32::try_from(steps + 1).ok().and_then(|times| states.checked_pow(times));
        if paths.is_none_or(|paths| paths > MOST_PATHS) {
            return Err(Failure::invalid(format!("a chain may have at most {MOST_PATHS} paths to visit")));
        }
        Ok(())
    }

    fn observe(instance: &Rival, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let chain = instance.chain.chain(Initial::Kept)?;
        let kernels: Vec<Vec<Vec<f64>>> = chain
            .kernels
            .iter()
            .zip(&instance.control)
            .map(|(kernel, weights)| {
                kernel.iter().zip(weights).map(|(row, weights)| reweighted(row, weights)).collect()
            })
            .collect();
        let rival = Sampler { start: chain.start.clone(), kernels };
        let best = chain.soft_optimal(None);
        let (optimum, other) = (chain.objective(&best.sampler, fault), chain.objective(&rival, fault));
        let divergence = rival.path_divergence(&best.sampler);
        if !(optimum.is_finite() && other.is_finite() && divergence.is_finite()) {
            return Err(Failure::Rejected("a divergence is infinite"));
        }
        let value = dot(&chain.start, &best.values[chain.kernels.len()]);
        let gap = optimum - other;
        Ok(Measurement::new()
            .metric("optimum-error", (optimum - value).abs() / (1.0 + value.abs()))
            .metric("gap-error", (gap - divergence).abs() / (1.0 + divergence))
            .metric("gap", gap / (1.0 + divergence)))
    }
}

/// Proportional to row · weights; the row itself if that is zero.
fn reweighted(row: &[f64], weights: &[u8]) -> Vec<f64> {
    let product: Vec<f64> = row.iter().zip(weights).map(|(p, w)| p * f64::from(*w)).collect();
    if product.iter().any(|p| *p > 0.0) { normalised(&product) } else { row.to_vec() }
}

/// exp vₜ(x) = p(y|xₜ = x).
pub struct StepClassifiers;

impl Observe for StepClassifiers {
    type Instance = Weights;
    type Fault = Fault;
    const NAME: &'static str = "step-classifiers";
    const SUMMARY: &'static str =
        "The exponentials of values are the classifiers of all noise levels, found by denoising.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest |exp vₜ(x) − E[p(y|x₀)^γ | xₜ = x]|.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::PlugInClassifier];

    fn instances() -> BoxedStrategy<Weights> {
        weights(0).boxed()
    }

    fn observe(instance: &Weights, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let chain = instance.chain(Initial::Kept)?;
        let values = chain.soft_optimal(fault).values;
        let errors = values.iter().enumerate().flat_map(|(t, value)| {
            let classifier = chain.classifier(t);
            value.iter().zip(classifier).map(|(v, p)| (exp(*v) - p).abs()).collect::<Vec<f64>>()
        });
        Ok(Measurement::new().metric("error", errors.fold(0.0, f64::max)))
    }
}

/// With x_T from ν the output misses p_γ by at most tanh(osc(v_T)/4).
pub struct StartBias;

impl Observe for StartBias {
    type Instance = Weights;
    type Fault = Fault;
    const NAME: &'static str = "start-bias";
    const SUMMARY: &'static str = "An untilted start biases the output by at most tanh(osc(v_T)/4).";
    const METRICS: &'static [Metric] =
        &[Metric::new("excess", "Total variation minus its bound.").range(-1.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::ExactClaimUntilted];

    fn instances() -> BoxedStrategy<Weights> {
        weights(0).boxed()
    }

    fn observe(instance: &Weights, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let chain = instance.chain(Initial::Kept)?;
        let target = chain.target().ok_or(IMPOSSIBLE)?;
        let bias = total_variation(&chain.soft_optimal(None).sampler.output(), &target);
        Ok(Measurement::new().metric("excess", bias - chain.start_bias_bound(fault)))
    }
}

/// A chain and the errors of a classifier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Misjudged {
    /// The chain.
    chain: Weights,
    /// δ.
    delta: f64,
    /// ln p̂ − ln p in hundredths of δ, from −100 to 100, for each state.
    errors: Vec<i8>,
}

/// If |ln p̂ − ln p| ≤ δ the output misses p_γ by at most tanh(γδ/2).
pub struct ClassifierTilt;

impl Observe for ClassifierTilt {
    type Instance = Misjudged;
    type Fault = Fault;
    const NAME: &'static str = "classifier-tilt";
    const SUMMARY: &'static str = "A classifier off by at most δ moves the output by at most tanh(γδ/2).";
    const METRICS: &'static [Metric] =
        &[Metric::new("excess", "Total variation minus its bound.").range(-1.0, 1.0)];
    const FAULTS: &'static [Fault] = &[Fault::DropGamma];

    fn instances() -> BoxedStrategy<Misjudged> {
        weights(0)
            .prop_flat_map(|chain| {
                // The ends of the interval are the worst errors.
                let error = prop_oneof![1 => select(vec![-100_i8, 100]), 1 => -100_i8..=100];
                (0.0..2.0_f64, vec(error, chain.start.len())).prop_map(move |(delta, errors)| Misjudged {
                    chain: chain.clone(),
                    delta,
                    errors,
                })
            })
            .boxed()
    }

    fn admit(instance: &Misjudged) -> Result<(), Failure> {
        shape::hold("errors", &instance.errors, &[instance.chain.start.len()])
    }

    fn observe(instance: &Misjudged, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Misjudged { chain, delta, errors } = instance;
        let chain = chain.chain(Initial::Tilted)?;
        chain.target().ok_or(IMPOSSIBLE)?;
        let errors: Vec<f64> = errors.iter().map(|e| delta * f64::from(*e) / 100.0).collect();
        let bound = classifier_error_bound(chain.gamma, *delta, fault);
        Ok(Measurement::new().metric("excess", misled(&chain, &errors)? - bound))
    }
}

/// A chain and a stronger guidance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stronger {
    /// The chain.
    chain: Weights,
    /// What is added to γ.
    more: f64,
}

/// γ = 0 gives p_pre, γ = 1 the conditional, and E\[ln p(y|x₀)\] rises with γ.
pub struct GuidanceStrength;

impl Observe for GuidanceStrength {
    type Instance = Stronger;
    type Fault = Fault;
    const NAME: &'static str = "guidance-strength";
    const SUMMARY: &'static str = "γ leads from p_pre through the conditional to ever likelier labels.";
    const METRICS: &'static [Metric] = &[
        Metric::new("rise", "Rise of E[ln p(y|x₀)] with γ.").unit("nats"),
        Metric::new("rise-error", "|Δγ · rise − KL(p' ‖ p) − KL(p ‖ p')|, relative to one plus the latter.")
            .range(0.0, f64::INFINITY),
        Metric::new("unguided-error", "Total variation between the output at γ = 0 and p_pre.")
            .range(0.0, 1.0 + 1e-9),
        Metric::new("conditional-error", "Total variation between the output at γ = 1 and Bayes' rule.")
            .range(0.0, 1.0 + 1e-9),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NegativeRewardSign];

    fn instances() -> BoxedStrategy<Stronger> {
        (weights(1), prop_oneof![0.0..2.0_f64, 0.0..0.01_f64])
            .prop_map(|(chain, more)| Stronger { chain, more })
            .boxed()
    }

    fn observe(instance: &Stronger, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let chain = instance.chain.chain(Initial::Tilted)?;
        let output = |gamma: f64| Chain { gamma, ..chain.clone() }.soft_optimal(fault).sampler.output();
        let logarithms: Vec<f64> = chain.likelihood.iter().map(|p| ln(*p)).collect();
        let (less, more) = (output(chain.gamma), output(chain.gamma + instance.more));
        let rise = dot(&more, &logarithms) - dot(&less, &logarithms);
        let divergences = kl(&more, &less) + kl(&less, &more);

        let prior = chain.pretrained().output();
        let joint: Vec<f64> = prior.iter().zip(&chain.likelihood).map(|(p, l)| p * l).collect();
        let bayes: Vec<f64> = joint.iter().map(|p| p / sum(joint.iter().copied())).collect();
        Ok(Measurement::new()
            .metric("rise", rise)
            .metric("rise-error", (instance.more * rise - divergences).abs() / (1.0 + divergences))
            .metric("unguided-error", total_variation(&output(0.0), &prior))
            .metric("conditional-error", total_variation(&output(1.0), &bayes)))
    }
}

/// Contexts, samples and labels; rows are weights, to be normalised (all zero: uniform).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// Of p_pre(x|c), indexed \[c\]\[x\].
    prior: Vec<Vec<u8>>,
    /// Of p(y|x, c), indexed \[c\]\[x\]\[y\]; those of the first context hold in all of them.
    labels: Vec<Vec<Vec<u8>>>,
}

/// If y ⟂ c given x, p(x|c, y) ∝ p_pre(x|c) p(y|x).
pub struct PairsSuffice;

impl Observe for PairsSuffice {
    type Instance = Contexts;
    type Fault = Fault;
    const NAME: &'static str = "pairs-suffice";
    const SUMMARY: &'static str =
        "A classifier of pairs (x, y) gives p(x|c, y), since labels do not depend on contexts.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "distance",
        "Largest total variation between p(x|c, y) and that from the classifier of pairs.",
    )
    .range(0.0, 1.0 + 1e-9)];
    const FAULTS: &'static [Fault] = &[Fault::ViolatedIndependence];

    fn instances() -> BoxedStrategy<Contexts> {
        (1_usize..=3, 2_usize..=4, 2_usize..=3)
            .prop_flat_map(|(contexts, cells, labels)| {
                (vec(row(cells), contexts), vec(vec(row(labels), cells), contexts))
                    .prop_map(|(prior, labels)| Contexts { prior, labels })
            })
            .boxed()
    }

    fn admit(instance: &Contexts) -> Result<(), Failure> {
        let Contexts { prior, labels } = instance;
        let cells = prior.first().map_or(0, Vec::len);
        let classes = labels.first().and_then(|rows| rows.first()).map_or(0, Vec::len);
        shape::hold("prior", prior, &[prior.len(), cells])?;
        shape::hold("labels", labels, &[prior.len(), cells, classes])
    }

    fn observe(instance: &Contexts, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let rows = |rows: &Vec<Vec<u8>>| rows.iter().map(|row| law(row)).collect::<Vec<_>>();
        let labels = instance
            .labels
            .iter()
            .map(|own| if fault == Some(Fault::ViolatedIndependence) { own } else { &instance.labels[0] });
        let world = World { prior: rows(&instance.prior), labels: labels.map(rows).collect() };
        let classifier = world.pair_classifier();
        let mut worst = 0.0_f64;
        for (c, prior) in world.prior.iter().enumerate() {
            for y in 0..classifier[0].len() {
                let (truth, weight) = world.conditional(c, y);
                if weight > 0.0 {
                    let weights: Vec<f64> = prior.iter().zip(&classifier).map(|(p, l)| p * l[y]).collect();
                    worst = worst.max(total_variation(&normalised(&weights), &truth));
                }
            }
        }
        Ok(Measurement::new().metric("distance", worst))
    }
}
