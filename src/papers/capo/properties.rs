//! What must hold on every instance.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    bandit::{Bandit, cubed_norm},
    last_layer::{Context, Sample, surrogate_curvature},
    mask::{Region, Selection},
};
use crate::{
    kernel::{
        math::{dot, ln, softmax},
        tokens::{Estimator, Rows},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// A softmax row and a step.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    /// Logits θ.
    logits: Vec<f64>,
    /// Rewards r ∈ \[0, 1\].
    rewards: Vec<f64>,
    /// Step Δ.
    step: Vec<f64>,
}

impl Proposal {
    fn bandit(&self) -> Result<Bandit, Failure> {
        let count = self.logits.len();
        if count == 0 || self.rewards.len() != count || self.step.len() != count {
            return Err(Failure::invalid("needs as many logits as rewards and entries of the step"));
        }
        if self.rewards.iter().any(|r| !(0.0..=1.0).contains(r)) {
            return Err(Failure::invalid("rewards lie in [0, 1]"));
        }
        Ok(Bandit { logits: self.logits.clone(), rewards: self.rewards.clone() })
    }

    /// ‖Δ‖³, of steps that are long enough to tell a model's error from rounding.
    fn cubed_norm(&self) -> Result<f64, Failure> {
        let cube = cubed_norm(&self.step);
        if cube < 1e-3 { Err(Failure::Rejected("a step as short as rounding")) } else { Ok(cube) }
    }
}

/// A row of two to six actions, rewards of 0 and 1 or between, and a direction.
fn row() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    (2_usize..=6, 0.0..2.0_f64).prop_flat_map(|(count, spread)| {
        let reward =
            prop_oneof![vec(prop::sample::select(vec![0.0, 1.0]), count), vec(0.0..=1.0_f64, count),];
        // Rows all but decided, too.
        let logit = prop_oneof![9 => -2.0..2.0_f64, 1 => prop::sample::select(vec![0.0, 6.0, -6.0])];
        let logits = vec(logit, count).prop_map(move |z| z.iter().map(|z| spread * z).collect());
        (logits, reward, vec(-1.0..1.0_f64, count))
    })
}

fn scaled(direction: &[f64], length: f64) -> Vec<f64> {
    let norm = dot(direction, direction).sqrt();
    direction.iter().map(|d| if norm > 0.0 { d * length / norm } else { 0.0 }).collect()
}

/// Steps of any direction, of length 0.2 to 4, some of them with a large constant part.
fn proposals() -> BoxedStrategy<Proposal> {
    (row(), 0.2..4.0_f64, prop_oneof![3 => Just(0.0), 1 => -2.0..2.0_f64])
        .prop_map(|((logits, rewards, direction), length, offset)| {
            let direction: Vec<f64> = direction.iter().map(|d| d + offset).collect();
            Proposal { logits, rewards, step: scaled(&direction, length) }
        })
        .boxed()
}

const RATIO: Metric = Metric::new("ratio", "The error over ‖Δ‖³/6.").range(0.0, f64::INFINITY);

/// |J(θ + Δ) − J(θ) − m_H(Δ)| ≤ (M/6)‖Δ‖³.
pub struct ObjectiveModel;

impl Observe for ObjectiveModel {
    type Instance = Proposal;
    type Fault = Fault;
    const NAME: &'static str = "objective-model";
    const SUMMARY: &'static str =
        "The error of the second-order model of J against the cubed length of the step.";
    const METRICS: &'static [Metric] = &[RATIO];
    const FAULTS: &'static [Fault] = &[Fault::HalfCurvatureDropped];

    fn instances() -> BoxedStrategy<Proposal> {
        proposals()
    }

    fn observe(proposal: &Proposal, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let bandit = proposal.bandit()?;
        let change = bandit.stepped(&proposal.step).objective() - bandit.objective();
        let error = (change - bandit.objective_model(&proposal.step, fault)).abs();
        Ok(Measurement::new().metric("ratio", 6.0 * error / proposal.cubed_norm()?))
    }
}

/// |KL(π_θ ‖ π_{θ+Δ}) − m_F(Δ)| ≤ (C/6)‖Δ‖³ with C = √6/9: a third central moment of a variable
/// whose range is at most √2‖Δ‖.
pub struct ShiftModel;

impl Observe for ShiftModel {
    type Instance = Proposal;
    type Fault = Fault;
    const NAME: &'static str = "shift-model";
    const SUMMARY: &'static str =
        "The error of the second-order model of KL against the cubed length of the step.";
    const METRICS: &'static [Metric] = &[RATIO];
    const FAULTS: &'static [Fault] = &[Fault::FisherWithoutCentering];

    fn instances() -> BoxedStrategy<Proposal> {
        proposals()
    }

    fn observe(proposal: &Proposal, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let bandit = proposal.bandit()?;
        let model = 0.5 * bandit.fisher(&proposal.step, fault);
        let error = (bandit.divergence(&proposal.step) - model).abs();
        Ok(Measurement::new().metric("ratio", 6.0 * error / proposal.cubed_norm()?))
    }
}

/// |ΔᵀHΔ| ≤ (√3/9)‖Δ‖².
pub struct Curvature;

impl Observe for Curvature {
    type Instance = Proposal;
    type Fault = Fault;
    const NAME: &'static str = "curvature";
    const SUMMARY: &'static str = "The curvature of J along a step over its squared length.";
    const METRICS: &'static [Metric] = &[Metric::new("ratio", "|ΔᵀHΔ|/‖Δ‖².").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::UnnormalisedRewards];

    fn instances() -> BoxedStrategy<Proposal> {
        proposals()
    }

    fn observe(proposal: &Proposal, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let mut bandit = proposal.bandit()?;
        if fault == Some(Fault::UnnormalisedRewards) {
            bandit.rewards.iter_mut().for_each(|r| *r *= 2.0);
        }
        if proposal.step.iter().all(|d| *d == 0.0) {
            return Err(Failure::Rejected("no step"));
        }
        let ratio = bandit.curvature(&proposal.step).abs() / dot(&proposal.step, &proposal.step);
        Ok(Measurement::new().metric("ratio", ratio))
    }
}

/// m_H(Δ) > (M/6)‖Δ‖³ implies J(θ + Δ) > J(θ).
pub struct MonotonicImprovement;

impl Observe for MonotonicImprovement {
    type Instance = Proposal;
    type Fault = Fault;
    const NAME: &'static str = "monotonic-improvement";
    const SUMMARY: &'static str = "Accepted steps improve J.";
    const METRICS: &'static [Metric] = &[
        Metric::new("decrease", "By how much an accepted step lowers J; 0 if it does not.").range(0.0, 2.0),
        Metric::new("accepted", "Whether the step is accepted.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::FirstOrderOnly, Fault::SignFlippedCurvature];

    fn instances() -> BoxedStrategy<Proposal> {
        // Noisy gradient steps, cautious and aggressive; and steps along which J is level, where
        // nothing but curvature decides.
        let length = prop_oneof![0.03..0.5_f64, 0.2..4.0_f64];
        (row(), prop_oneof![1 => Just(None), 4 => (0.0..2.0_f64).prop_map(Some)], length)
            .prop_map(|((logits, rewards, noise), share, length)| {
                let bandit = Bandit { logits, rewards };
                let (ascent, noise) = (scaled(&bandit.gradient(), 1.0), scaled(&noise, 1.0));
                let share = share.unwrap_or(-dot(&ascent, &noise));
                let direction: Vec<f64> = ascent.iter().zip(&noise).map(|(g, n)| share * g + n).collect();
                Proposal { step: scaled(&direction, length), logits: bandit.logits, rewards: bandit.rewards }
            })
            .boxed()
    }

    fn observe(proposal: &Proposal, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let bandit = proposal.bandit()?;
        let accepted = bandit.accepts(&proposal.step, fault);
        let change = bandit.stepped(&proposal.step).objective() - bandit.objective();
        let decrease = if accepted { (-change).max(0.0) } else { 0.0 };
        Ok(Measurement::new().metric("decrease", decrease).metric("accepted", f64::from(u8::from(accepted))))
    }
}

/// A last layer, contexts, tokens, and a step.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// W, V rows of d.
    weights: Vec<Vec<f64>>,
    /// For each context, d features.
    features: Vec<Vec<f64>>,
    /// For each token: context and token, modulo their numbers, and reward or advantage.
    samples: Vec<(usize, usize, f64)>,
    /// Δ, V rows of d.
    step: Vec<Vec<f64>>,
}

impl Layer {
    fn contexts(&self, shift: f64) -> Vec<Context> {
        let policy = |h: &Vec<f64>| {
            let logits = self.weights.iter().zip(&self.step).map(|(w, d)| dot(w, h) + shift * dot(d, h));
            softmax(&logits.collect::<Vec<_>>())
        };
        self.features.iter().map(|h| Context { features: h.clone(), policy: policy(h) }).collect()
    }

    fn samples(&self) -> Vec<Sample> {
        let (contexts, tokens) = (self.features.len(), self.weights.len());
        let of = |(context, token, advantage): &(usize, usize, f64)| Sample {
            context: context % contexts,
            token: token % tokens,
            advantage: *advantage,
        };
        self.samples.iter().map(of).collect()
    }

    fn step(&self) -> Rows {
        Rows::from_fn(self.step.len(), self.step[0].len(), |v, j| self.step[v][j])
    }

    fn valid(&self) -> Result<(), Failure> {
        let features = self.features.first().map_or(0, Vec::len);
        let even = |rows: &[Vec<f64>]| rows.iter().all(|row| row.len() == features);
        let shapes = even(&self.weights) && even(&self.features) && even(&self.step);
        if features == 0 || self.weights.len() < 2 || self.step.len() != self.weights.len() || !shapes {
            return Err(Failure::invalid(
                "needs V ≥ 2 rows of d weights, as many of the step, and d features",
            ));
        }
        Ok(())
    }
}

fn layers(advantage: BoxedStrategy<f64>) -> BoxedStrategy<Layer> {
    (2_usize..=5, 1_usize..=4, 1_usize..=4)
        .prop_flat_map(move |(tokens, features, contexts)| {
            let entries = |size: f64| vec(-size..size, features);
            (
                vec(entries(2.0), tokens),
                vec(entries(1.0), contexts),
                vec((0..contexts, 0..tokens, advantage.clone()), 1..10),
                vec(entries(1.0), tokens),
            )
        })
        .prop_map(|(weights, features, samples, step)| Layer { weights, features, samples, step })
        .boxed()
}

/// Matrix-free curvature is that of finite differences and of the explicit matrix.
pub struct LastLayer;

impl Observe for LastLayer {
    type Instance = Layer;
    type Fault = Fault;
    const NAME: &'static str = "last-layer";
    const SUMMARY: &'static str =
        "Directional curvature by variances, by central differences, and by the explicit Fisher matrix.";
    const METRICS: &'static [Metric] = &[
        Metric::new("difference", "Largest error against central differences.").range(0.0, f64::INFINITY),
        Metric::new("matrix", "Largest error against the explicit matrix.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MissingOuterProduct];

    fn instances() -> BoxedStrategy<Layer> {
        layers((-2.0..2.0_f64).boxed())
    }

    fn observe(layer: &Layer, fault: Option<Fault>) -> Result<Measurement, Failure> {
        layer.valid()?;
        let (contexts, samples, step) = (layer.contexts(0.0), layer.samples(), layer.step());
        let curvature = surrogate_curvature(&contexts, &samples, &step, fault);
        let surrogate = |shift: f64| -> f64 {
            let contexts = layer.contexts(shift);
            samples.iter().map(|s| s.advantage * ln(contexts[s.context].policy[s.token])).sum()
        };
        // The slope along Δ, from the gradients s hᵀ.
        let mut gradient = Rows::zeros(step.count(), step.width());
        for s in &samples {
            contexts[s.context].add_score(s.token, s.advantage, &mut gradient);
        }
        let h = 1e-4;
        let second = (surrogate(h) - 2.0 * surrogate(0.0) + surrogate(-h)) / (h * h);
        let first = (surrogate(h) - surrogate(-h)) / (2.0 * h);
        let difference = (curvature - second).abs().max((gradient.dot(&step) - first).abs());
        // Σ A E_w[∇ln π(w)∇ln π(w)ᵀ] with the gradients as vectors of length Vd: minus the Hessian.
        let explicit: f64 =
            samples.iter().map(|s| s.advantage * outer_products(&contexts[s.context], &step)).sum();
        Ok(Measurement::new().metric("difference", difference).metric("matrix", (curvature + explicit).abs()))
    }
}

/// Δᵀ E_w\[gᵥgᵥᵀ\] Δ with g = s hᵀ as a vector and the matrix formed entry by entry.
fn outer_products(context: &Context, step: &Rows) -> f64 {
    let delta = step.values();
    let mut matrix = vec![0.0; delta.len() * delta.len()];
    for (token, p) in context.policy.iter().enumerate() {
        let mut gradient = Rows::zeros(step.count(), step.width());
        context.add_score(token, 1.0, &mut gradient);
        for (a, x) in gradient.values().iter().enumerate() {
            for (b, y) in gradient.values().iter().enumerate() {
                matrix[a * delta.len() + b] += p * x * y;
            }
        }
    }
    matrix.chunks_exact(delta.len()).zip(delta).map(|(row, d)| d * dot(row, delta)).sum()
}

/// Rewards, mostly 0 and 1, of which the advantages are made.
fn rewards() -> BoxedStrategy<f64> {
    prop_oneof![prop::sample::select(vec![0.0, 1.0]), 0.0..=1.0_f64].boxed()
}

fn region(layer: &Layer) -> Region {
    let mut samples = layer.samples();
    let rewards: Vec<f64> = samples.iter().map(|sample| sample.advantage).collect();
    samples.iter_mut().zip(Estimator::GRPO.of(&rewards)).for_each(|(sample, a)| sample.advantage = a);
    Region { contexts: layer.contexts(0.0), samples }
}

/// Σ cᵢ = ΔᵀFΔ for the step of all tokens.
pub struct ExactSplit;

impl Observe for ExactSplit {
    type Instance = Layer;
    type Fault = Fault;
    const NAME: &'static str = "exact-split";
    const SUMMARY: &'static str = "The tokens' shares sum to twice the predicted shift of their step.";
    const METRICS: &'static [Metric] = &[Metric::new("error", "|Σ cᵢ − 2 m_F|.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::UnweightedSplit];

    fn instances() -> BoxedStrategy<Layer> {
        layers(rewards())
    }

    fn observe(layer: &Layer, fault: Option<Fault>) -> Result<Measurement, Failure> {
        layer.valid()?;
        let region = region(layer);
        let scale = 1.0 / region.samples.len().max(1) as f64;
        let mut step = layer.step();
        region.step(&vec![true; region.samples.len()], scale, &mut step);
        let total: f64 = region.shares(&step, scale, fault).iter().sum();
        Ok(Measurement::new().metric("error", (total - 2.0 * region.shift(&step)).abs()))
    }
}

/// A batch, a learning rate and a threshold.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Aggressive {
    /// The batch; its step is not used.
    layer: Layer,
    /// α.
    rate: f64,
    /// δ_F.
    threshold: f64,
}

/// The step that is applied has m_F ≤ δ_F.
pub struct PostCondition;

impl Observe for PostCondition {
    type Instance = Aggressive;
    type Fault = Fault;
    const NAME: &'static str = "post-condition";
    const SUMMARY: &'static str = "After masking, the predicted shift of the step is within the threshold.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Predicted shift of the applied step less the threshold.").unit("nats"),
        Metric::new("rejected", "Share of tokens dropped.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoMask];

    fn instances() -> BoxedStrategy<Aggressive> {
        (layers(rewards()), prop_oneof![0.1..5.0_f64, 5.0..200.0_f64], 0.01..1.0_f64)
            .prop_map(|(layer, rate, threshold)| Aggressive { layer, rate, threshold })
            .boxed()
    }

    fn observe(instance: &Aggressive, fault: Option<Fault>) -> Result<Measurement, Failure> {
        instance.layer.valid()?;
        if instance.threshold < 0.0 || instance.layer.samples.is_empty() {
            return Err(Failure::invalid("needs tokens, and a threshold that is not negative"));
        }
        let region = region(&instance.layer);
        let count = region.samples.len() as f64;
        let threshold = if fault == Some(Fault::NoMask) { f64::INFINITY } else { instance.threshold };
        let masked = region.mask(instance.rate / count, threshold, Selection::Largest);
        let rejected = masked.kept.iter().filter(|kept| !**kept).count() as f64 / count;
        // Measured anew from the step, not taken from the mask's own books.
        Ok(Measurement::new()
            .metric("excess", region.shift(&masked.step) - instance.threshold)
            .metric("rejected", rejected))
    }
}
