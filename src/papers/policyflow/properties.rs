//! What must hold on every instance.

use std::sync::LazyLock;

use nalgebra::DVector;
use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, broken,
    displacement::{Direction, Reference, Update, carry},
    ratio::{Deviation, log_ratio},
    surrogate::residual,
};
use crate::{
    kernel::{
        flow::{RectifiedPath, midpoint},
        gaussian::{Gaussian, Mixture},
        math::{cos, exp, sum},
        quadrature::gauss_hermite,
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

const ERROR: Metric =
    Metric::new("error", "Largest difference, relative to one plus the size of what is compared.")
        .range(0.0, f64::INFINITY);

/// A mixture of isotropic Gaussians, and a point of the rectified path to it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PathPoint {
    /// Components: weight, deviation, mean; the first d coordinates of the mean count.
    components: Vec<(u8, f64, [f64; 3])>,
    /// t.
    time: f64,
    /// x, of d coordinates.
    #[schemars(length(min = 1, max = 3))]
    point: Vec<f64>,
    /// What is added to the negative score, repeated to its length.
    #[schemars(length(min = 1))]
    departure: Vec<f64>,
}

fn mixture(components: &[(u8, f64, [f64; 3])], dimension: usize) -> Result<Mixture, Failure> {
    // A mixture whose weights are all zero has no law.
    let weights: Vec<f64> = components.iter().map(|c| f64::from(c.0)).collect();
    if weights.iter().all(|w| *w == 0.0) {
        return Err(Failure::Rejected("no component has weight"));
    }
    let laws = components
        .iter()
        .map(|(_, deviation, mean)| {
            Gaussian::isotropic(DVector::from_column_slice(&mean[..dimension]), deviation * deviation)
        })
        .collect::<Result<_, _>>()
        .map_err(broken)?;
    Mixture::new(&weights, laws).map_err(broken)
}

fn components() -> impl Strategy<Value = Vec<(u8, f64, [f64; 3])>> {
    let coordinate = || prop_oneof![4 => -3.0..3.0_f64, 1 => select(vec![0.0, 2.0])];
    let deviation = prop_oneof![4 => 0.1..2.0_f64, 1 => select(vec![0.01, 1.0, 5.0])];
    let mean = [coordinate(), coordinate(), coordinate()];
    let weight = prop_oneof![1 => Just(0_u8), 5 => 1_u8..10];
    vec((weight, deviation, mean), 1..=4)
}

fn path_point() -> BoxedStrategy<PathPoint> {
    let time = prop_oneof![4 => 0.02..0.98_f64, 1 => select(vec![0.02, 0.5, 0.98])];
    let departure = vec(prop_oneof![Just(0.0), -2.0..2.0_f64], 1..=3);
    (components(), time, vec(-4.0..4.0_f64, 1..=3), departure)
        .prop_map(|(components, time, point, departure)| PathPoint { components, time, point, departure })
        .boxed()
}

/// On the rectified path the velocity determines the score.
pub struct ScoreVelocity;

impl Observe for ScoreVelocity {
    type Instance = PathPoint;
    type Fault = Fault;
    const NAME: &'static str = "score-velocity";
    const SUMMARY: &'static str = "The score of the law p_t of the rectified path is (t v − x)/(1 − t).";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::TimeFlipped];

    fn instances() -> BoxedStrategy<PathPoint> {
        path_point()
    }

    fn observe(instance: &PathPoint, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let x = DVector::from_column_slice(&instance.point);
        let target = mixture(&instance.components, x.len())?;
        let path = RectifiedPath::at(&target, instance.time).map_err(broken)?;
        let from_velocity = score_of_velocity(instance.time, &x, &path.velocity(&x), fault);
        let score = path.score(&x);
        Ok(Measurement::new().metric("error", (from_velocity - &score).amax() / (1.0 + score.amax())))
    }
}

/// (t v − x)/(1 − t).
pub fn score_of_velocity(
    time: f64,
    x: &DVector<f64>,
    velocity: &DVector<f64>,
    fault: Option<Fault>,
) -> DVector<f64> {
    let time = if fault == Some(Fault::TimeFlipped) { 1.0 - time } else { time };
    (velocity * time - x) / (1.0 - time)
}

/// The residual is zero at the negative score of the reference, and grows linearly away from it.
pub struct BrownianResidual;

impl Observe for BrownianResidual {
    type Instance = PathPoint;
    type Fault = Fault;
    const NAME: &'static str = "brownian-residual";
    const SUMMARY: &'static str =
        "At v = −∇ log p_t + w, with the reference's velocity for v̂, the residual is (1 − t) w.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::SignFlip];

    fn instances() -> BoxedStrategy<PathPoint> {
        path_point()
    }

    fn observe(instance: &PathPoint, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let PathPoint { components, time, point, departure } = instance;
        let x = DVector::from_column_slice(point);
        let target = mixture(components, x.len())?;
        let path = RectifiedPath::at(&target, *time).map_err(broken)?;
        let (score, reference) = (path.score(&x), path.velocity(&x));
        let scale = 1.0 + x.amax() + time * reference.amax();
        let errors = (0..x.len()).map(|i| {
            let away = departure[i % departure.len()];
            let eta = residual(*time, x[i], away - score[i], reference[i], fault);
            (eta - (1.0 - time) * away).abs() / scale
        });
        Ok(Measurement::new().metric("error", errors.fold(0.0, f64::max)))
    }
}

/// A velocity at a point.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// t.
    time: f64,
    /// x.
    point: f64,
    /// v(t, x).
    velocity: f64,
}

/// Right after a renewal of the reference the residual does not depend on time.
pub struct SynchronisedResidual;

impl Observe for SynchronisedResidual {
    type Instance = Moment;
    type Fault = Fault;
    const NAME: &'static str = "synchronised-residual";
    const SUMMARY: &'static str = "At v = v̂ the residual is v − x, so that it comes to rest at v(t, x) = x.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::NoResync, Fault::SignFlip];

    fn instances() -> BoxedStrategy<Moment> {
        let number = || prop_oneof![4 => -10.0..10.0_f64, 1 => select(vec![0.0, 1e6, -1e-6])];
        (prop_oneof![4 => 0.0..1.0_f64, 1 => select(vec![0.0, 1.0])], number(), number())
            .prop_map(|(time, point, velocity)| Moment { time, point, velocity })
            .boxed()
    }

    fn observe(instance: &Moment, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Moment { time, point, velocity } = *instance;
        let reference = if fault == Some(Fault::NoResync) { 0.0 } else { velocity };
        let error = residual(time, point, velocity, reference, fault) - (velocity - point);
        Ok(Measurement::new().metric("error", error.abs() / (1.0 + velocity.abs() + point.abs())))
    }
}

/// A mixture on the line, blurred.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Blurred {
    /// Components: weight, deviation, mean (its first coordinate).
    components: Vec<(u8, f64, [f64; 3])>,
    /// τ: the law is convolved with N(0, 2τ).
    tau: f64,
}

/// Heat spreads by the negative score.
pub struct EntropyRate;

impl EntropyRate {
    /// Enough for smallest deviations of √(2 · 0.05) and components up to 6 + 20 · 6 apart.
    const NODES: usize = 800;
    /// Of τ, for the numerical derivative: the error of five points is of fourth order.
    const STEP: f64 = 0.01;
    /// Of τ, for which points are carried.
    const SPAN: f64 = 0.5;
}

impl Observe for EntropyRate {
    type Instance = Blurred;
    type Fault = Fault;
    const NAME: &'static str = "entropy-rate";
    const SUMMARY: &'static str = "Carried by its negative score, a law becomes its convolution with N(0, 2τ), \
        and its entropy rises at the rate of the Fisher information.";
    const METRICS: &'static [Metric] = &[
        Metric::new("rate-error", "|dH/dτ of the convolution + E[v ∇ log p]|, v the velocity.")
            .range(0.0, f64::INFINITY),
        Metric::new("rate", "−E[v ∇ log p], the rate at which the velocity raises the entropy.").unit("nats"),
        Metric::new("mass-error", "Largest error of the distribution function after carrying its points.")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PositiveScore];

    fn instances() -> BoxedStrategy<Blurred> {
        (components(), prop_oneof![4 => 0.05..1.0_f64, 1 => Just(0.3)])
            .prop_map(|(components, tau)| Blurred { components, tau })
            .boxed()
    }

    fn observe(instance: &Blurred, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let law = mixture(&instance.components, 1)?;
        let at = |tau: f64| law.noised((2.0 * tau).sqrt()).map_err(broken);
        let tau = instance.tau;
        let sign = if fault == Some(Fault::PositiveScore) { 1.0 } else { -1.0 };

        let entropy = |by: f64| at(tau * (1.0 + by * Self::STEP))?.entropy(Self::NODES).map_err(broken);
        let near = entropy(1.0)? - entropy(-1.0)?;
        let far = entropy(2.0)? - entropy(-2.0)?;
        let measured = (8.0 * near - far) / (12.0 * Self::STEP * tau);

        let here = at(tau)?;
        let product = |x: &DVector<f64>, _| {
            let score = here.score(x)[0];
            sign * score * score
        };
        let rate = -here.expectation(Self::NODES, product).map_err(broken)?;

        let starts = [-3.0, -1.0, 0.0, 0.7, 2.5];
        let mut ends = starts;
        let mut failure = None;
        midpoint(&mut ends, tau, tau * (1.0 + Self::SPAN), 10, |tau, x, out| match at(tau) {
            Ok(law) => {
                for (out, x) in out.iter_mut().zip(x) {
                    *out = sign * law.score(&DVector::from_element(1, *x))[0];
                }
            }
            Err(error) => failure = Some(error),
        });
        if let Some(failure) = failure {
            return Err(failure);
        }
        let later = at(tau * (1.0 + Self::SPAN))?;
        let mut mass_error = 0.0_f64;
        for (start, end) in starts.iter().zip(ends) {
            let before = here.cumulative(*start).map_err(broken)?;
            mass_error = mass_error.max((later.cumulative(end).map_err(broken)? - before).abs());
        }
        Ok(Measurement::new()
            .metric("rate-error", (measured - rate).abs())
            .metric("rate", rate)
            .metric("mass-error", mass_error))
    }
}

/// An update of a flow policy on the line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// v̂, u and e.
    update: Update,
    /// σ̂.
    collected: f64,
    /// σ/σ̂.
    relative: f64,
    /// A source z, …
    source: f64,
    /// … and a time t.
    time: f64,
}

fn step() -> BoxedStrategy<Step> {
    let reference = select(vec![Reference::Zero, Reference::Shift, Reference::Linear, Reference::Tanh]);
    let direction = (0.8..1.8_f64, 0.0..6.3_f64, 0.0..0.8_f64, 0.4..1.0_f64).prop_map(
        |(frequency, phase, drift, drift_frequency)| Direction { frequency, phase, drift, drift_frequency },
    );
    let size = prop_oneof![4 => -0.3..0.3_f64, 1 => Just(0.0)];
    // Were σ much larger than σ̂, the ratio would have no variance, and a quadrature no hope.
    let relative = prop_oneof![4 => 0.7..1.1_f64, 1 => Just(1.0)];
    (reference, direction, size, 0.3..1.0_f64, relative, -3.0..3.0_f64, 0.0..=1.0_f64)
        .prop_map(|(reference, direction, size, collected, relative, source, time)| Step {
            update: Update { reference, direction, size },
            collected,
            relative,
            source,
            time,
        })
        .boxed()
}

/// Quadratures for z and for n.
static SOURCES: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| gauss_hermite(40));
static NOISE: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| gauss_hermite(60));

impl Step {
    /// E\[f(a)\] under the new policy, and E\[ρ f(a)\] under the old one with the exact displacement.
    /// The flows are solved in so many steps; both sides use the same ends, so that a few will do.
    fn expectations(&self, f: impl Fn(f64) -> f64, steps: usize, fault: Option<Fault>) -> (f64, f64) {
        let update = self.update;
        let sources: Vec<f64> = SOURCES.iter().map(|(z, _)| *z).collect();
        let old_ends = carry(&sources, steps, |t, x| update.reference.velocity(t, x));
        let new_ends = carry(&sources, steps, |t, x| update.velocity(t, x));
        let (new, old) = (Deviation::new(self.relative * self.collected), Deviation::new(self.collected));
        let (mut direct, mut weighted) = (0.0, 0.0);
        for ((_, weight), (old_end, new_end)) in SOURCES.iter().zip(old_ends.iter().zip(&new_ends)) {
            direct += weight * sum(NOISE.iter().map(|(n, w)| w * f(new_end + new.value * n)));
            weighted += weight
                * sum(NOISE.iter().map(|(n, w)| {
                    let noise = old.value * n;
                    w * exp(log_ratio(noise, new_end - old_end, new, old, fault)) * f(old_end + noise)
                }));
        }
        (direct, weighted)
    }
}

/// Weighted by the ratio of the pair (z, n), old actions have the expectations of new ones.
pub struct JointRatio;

impl Observe for JointRatio {
    type Instance = Step;
    type Fault = Fault;
    const NAME: &'static str = "joint-ratio";
    const SUMMARY: &'static str =
        "With the exact displacement, E[ρ f(a)] under the old policy is E[f(a)] under the new one.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::OldSigmaBoth, Fault::NoLogSigma];

    fn instances() -> BoxedStrategy<Step> {
        step()
    }

    fn observe(instance: &Step, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let tests: [fn(f64) -> f64; 4] = [|_| 1.0, |a| a, |a| cos(a) + a * a, |a| exp(-a * a)];
        let errors = tests.map(|f| {
            let (direct, weighted) = instance.expectations(f, 20, fault);
            (direct - weighted).abs() / (1.0 + direct.abs())
        });
        Ok(Measurement::new().metric("error", errors.into_iter().fold(0.0, f64::max)))
    }
}

/// Whatever the displacement, the ratio has mean one.
pub struct UnitMean;

impl Observe for UnitMean {
    type Instance = Step;
    type Fault = Fault;
    const NAME: &'static str = "unit-mean";
    const SUMMARY: &'static str = "For every z and t the approximate ratio has mean one over the noise.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::NoLogSigma, Fault::OldSigmaBoth];

    fn instances() -> BoxedStrategy<Step> {
        step()
    }

    fn observe(instance: &Step, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Step { update, collected, relative, source, time } = *instance;
        let (new, old) = (Deviation::new(relative * collected), Deviation::new(collected));
        let end = carry(&[source], 20, |t, x| update.reference.velocity(t, x))[0];
        let displacement = update.at_point(time, source, end, None);
        let mean =
            sum(NOISE.iter().map(|(n, w)| w * exp(log_ratio(collected * n, displacement, new, old, fault))));
        Ok(Measurement::new().metric("error", (mean - 1.0).abs() / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_expectations() {
        let step = |reference, size, relative| Step {
            update: Update { reference, direction: Direction::default(), size },
            collected: 0.5,
            relative,
            source: 0.0,
            time: 0.0,
        };
        let of = |step: Step, fault| step.expectations(|a| cos(a) + a * a, 400, fault);
        for (step, known) in [
            (step(Reference::Tanh, 0.3, 0.8), 3.245_918_374),
            (step(Reference::Linear, -0.2, 1.2), 5.087_308_796),
        ] {
            let (direct, weighted) = of(step, None);
            assert_relative_eq!(direct, weighted, epsilon = 1e-8);
            assert_relative_eq!(direct, known, epsilon = 1e-5);
        }
        let (_, wrong) = of(step(Reference::Tanh, 0.3, 0.8), Some(Fault::OldSigmaBoth));
        assert_relative_eq!(wrong, 3.972, epsilon = 1e-3);
    }

    /// The entropy ½ ln 2πe(s² + 2τ) of one component rises at the rate 1/(s² + 2τ).
    #[test]
    fn one_component_spreads_as_known() {
        let instance = Blurred { components: vec![(1, 0.5, [1.0, 0.0, 0.0])], tau: 0.3 };
        let measured = EntropyRate::observe(&instance, None).unwrap();
        assert_relative_eq!(measured.get("rate").unwrap(), 1.0 / 0.85, epsilon = 1e-10);
        assert!(measured.get("rate-error").unwrap() < 1e-7);
    }
}
