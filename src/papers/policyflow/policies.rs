//! The policies that learn: a flow, and a Gaussian.

use super::{
    Fault,
    features::{Field, Radial},
    ratio::Deviation,
    surrogate::{Deviations, Sample, Surrogate},
};
use crate::kernel::{
    adam::Adam,
    flow::midpoint,
    math::{exp, ln},
    stream::Stream,
};

/// What was collected with one policy.
#[derive(Clone, Debug)]
pub struct Batch {
    /// z.
    pub sources: Vec<f64>,
    /// φ̂₁(z).
    pub ends: Vec<f64>,
    /// n = a − φ̂₁(z).
    pub noise: Vec<f64>,
    /// A.
    pub advantages: Vec<f64>,
}

/// A policy that draws a = φ₁(z) + n, n ~ N(0, σ²), and learns from batches.
pub trait Policy {
    /// φ₁(z) for many z.
    fn ends(&self, sources: &[f64]) -> Vec<f64>;
    /// σ.
    fn deviation(&self) -> f64;
    /// Ascends the surrogate on a batch that this policy collected.
    fn update(&mut self, batch: &Batch, surrogate: Surrogate, stream: &mut Stream);
}

/// σ of the Gaussian noise, learnt as ln σ and kept between bounds.
#[derive(Clone, Debug)]
struct Noise {
    log: [f64; 1],
    bounds: (f64, f64),
    adam: Adam,
}

impl Noise {
    fn new(sigma: f64, floor: f64, rate: f64) -> Self {
        Self { log: [ln(sigma)], bounds: (ln(floor), 0.0), adam: Adam::new(rate, 1) }
    }

    fn deviation(&self) -> Deviation {
        Deviation { value: exp(self.log[0]), log: self.log[0] }
    }

    fn ascend(&mut self, gradient: f64) {
        self.adam.ascend(&mut self.log, &[gradient]);
        self.log[0] = self.log[0].clamp(self.bounds.0, self.bounds.1);
    }
}

/// How long an update is, and what it may do to σ.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Passes over a batch.
    pub epochs: usize,
    /// Steps K of the midpoint rule.
    pub steps: usize,
    /// Smallest σ: as σ falls, the gradient of the ratio grows like 1/σ² and drowns the regularisers.
    pub floor: f64,
}

/// A flow policy on the line, whose velocity v(t, x) = Σ rₖ(x) (Wₖ + t W′ₖ) has 17 radial features
/// half a unit apart. It starts from W = 0 and σ = 0.3.
#[derive(Clone, Debug)]
pub struct FlowPolicy {
    radial: Radial<17>,
    field: Field<17>,
    noise: Noise,
    adam: Adam,
    schedule: Schedule,
    fault: Option<Fault>,
}

impl FlowPolicy {
    /// Times t are drawn from the midpoints of this many intervals.
    const TIMES: usize = 10;

    /// The policy before training.
    #[must_use]
    pub fn new(schedule: Schedule, fault: Option<Fault>) -> Self {
        let radial = Radial::new(0.5);
        Self {
            field: Field::zero(radial),
            radial,
            noise: Noise::new(0.3, schedule.floor, 0.01),
            adam: Adam::new(0.05, 34),
            schedule,
            fault,
        }
    }

    /// One pass: a time for every sample, the gradient of the surrogate, a step.
    fn pass(
        &mut self,
        batch: &Batch,
        reference: (&[[f64; 17]], Deviation),
        surrogate: Surrogate,
        stream: &mut Stream,
    ) {
        let new = [self.noise.deviation()];
        let deviations = Deviations { new: &new, reference: &[reference.1] };
        let weights = self.weights_by_time();
        let share = 1.0 / batch.sources.len() as f64;
        let (mut gradient, mut by_log_sigma) = ([0.0; 34], surrogate.entropy_weight);
        for i in 0..batch.sources.len() {
            let j = stream.below(Self::TIMES);
            let time = Self::time(j);
            let point = (1.0 - time) * batch.sources[i] + time * batch.ends[i];
            let row = self.radial.at(point);
            let velocity = |weights: &[f64; 17]| row.iter().zip(weights).map(|(r, w)| r * w).sum();
            let sample = Sample {
                time,
                point: &[point],
                velocity: &[velocity(&weights[j])],
                reference: &[velocity(&reference.0[j])],
                noise: &batch.noise[i..=i],
                advantage: batch.advantages[i],
            };
            let terms = surrogate.sample(&sample, &deviations, self.fault);
            let (by_velocity, by_sigma) =
                surrogate.gradient(&sample, &deviations, terms.slope, 0, self.fault);
            by_log_sigma += share * by_sigma;
            let (constant, linear) = gradient.split_at_mut(17);
            for ((constant, linear), r) in constant.iter_mut().zip(linear).zip(row) {
                *constant += share * by_velocity * r;
                *linear += share * by_velocity * time * r;
            }
        }
        self.adam.ascend(&mut self.field.weights, &gradient);
        self.noise.ascend(by_log_sigma);
    }

    fn time(j: usize) -> f64 {
        (j as f64 + 0.5) / Self::TIMES as f64
    }

    fn weights_by_time(&self) -> Vec<[f64; 17]> {
        (0..Self::TIMES).map(|j| self.field.weights_at(Self::time(j))).collect()
    }
}

impl Policy for FlowPolicy {
    fn ends(&self, sources: &[f64]) -> Vec<f64> {
        let mut x = sources.to_vec();
        midpoint(&mut x, 0.0, 1.0, self.schedule.steps, |t, x, out| self.field.velocity(t, x, out));
        x
    }

    fn deviation(&self) -> f64 {
        self.noise.deviation().value
    }

    fn update(&mut self, batch: &Batch, surrogate: Surrogate, stream: &mut Stream) {
        let reference = if self.fault == Some(Fault::NoResync) {
            vec![[0.0; 17]; Self::TIMES]
        } else {
            self.weights_by_time()
        };
        let collected = self.noise.deviation();
        for _ in 0..self.schedule.epochs {
            self.pass(batch, (&reference, collected), surrogate, stream);
        }
    }
}

/// The Gaussian policy of PPO: the end is μ whatever the noise. It starts from σ = 1.
#[derive(Clone, Debug)]
pub struct GaussianPolicy {
    mean: [f64; 1],
    noise: Noise,
    adam: Adam,
    epochs: usize,
}

impl GaussianPolicy {
    /// The policy before training, with mean μ.
    #[must_use]
    pub fn new(mean: f64, schedule: Schedule) -> Self {
        Self {
            mean: [mean],
            noise: Noise::new(1.0, schedule.floor, 0.02),
            adam: Adam::new(0.02, 1),
            epochs: schedule.epochs,
        }
    }
}

impl Policy for GaussianPolicy {
    fn ends(&self, sources: &[f64]) -> Vec<f64> {
        vec![self.mean[0]; sources.len()]
    }

    fn deviation(&self) -> f64 {
        self.noise.deviation().value
    }

    /// The displacement of the end is exactly μ − μ̂, so the surrogate is that of PPO.
    fn update(&mut self, batch: &Batch, surrogate: Surrogate, _: &mut Stream) {
        let surrogate = Surrogate { brownian_weight: 0.0, ..surrogate };
        let (mean, collected) = (self.mean, [self.noise.deviation()]);
        let share = 1.0 / batch.noise.len() as f64;
        for _ in 0..self.epochs {
            let new = [self.noise.deviation()];
            let deviations = Deviations { new: &new, reference: &collected };
            let (mut by_mean, mut by_log_sigma) = (0.0, surrogate.entropy_weight);
            for (i, advantage) in batch.advantages.iter().enumerate() {
                let sample = Sample {
                    time: 1.0,
                    point: &batch.ends[i..=i],
                    velocity: &self.mean,
                    reference: &mean,
                    noise: &batch.noise[i..=i],
                    advantage: *advantage,
                };
                let terms = surrogate.sample(&sample, &deviations, None);
                let (by_velocity, by_sigma) = surrogate.gradient(&sample, &deviations, terms.slope, 0, None);
                by_mean += share * by_velocity;
                by_log_sigma += share * by_sigma;
            }
            self.adam.ascend(&mut self.mean, &[by_mean]);
            self.noise.ascend(by_log_sigma);
        }
    }
}
