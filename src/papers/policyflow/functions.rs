//! Functions for comparing other implementations with the reference.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    displacement::{Direction, Displaced, Reference, Update},
    properties::score_of_velocity,
    ratio::{Deviation, log_ratio},
    surrogate::{Deviations, Sample, Surrogate},
};
use crate::{
    kernel::{
        flow::RectifiedPath,
        gaussian::{Gaussian, Mixture},
        math::{exp, mean},
    },
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    let update = Update { reference: Reference::Tanh, direction: Direction::default(), size: 0.1 };
    let displacement = DisplacementInput { update, sources: vec![-1.5, 0.2, 1.0], steps: 100, times: 10 };
    let from_zero =
        DisplacementInput { update: Update { reference: Reference::Zero, ..update }, ..displacement.clone() };
    paper
        .function(
            Function::with_faults(
                "flow-displacement",
                "Displacement of the end of a flow by an update, by its ODE and by points of the straight line.",
                &displacement,
                &[Fault::WrongEndpoint, Fault::StaleReference, Fault::LinearReference],
                displace,
            )
            .also(&from_zero),
        )
        .function(Function::with_faults(
            "mixture-path",
            "Log density, velocity and score of the rectified path from N(0, I) to a mixture of Gaussians.",
            &PathInput {
                weights: vec![1.0, 3.0],
                means: vec![vec![0.0, 1.0], vec![2.0, -1.0]],
                variances: vec![0.5, 0.1],
                time: 0.7,
                point: vec![0.5, 0.5],
            },
            &[Fault::TimeFlipped],
            mixture_path,
        ))
        .function(Function::with_faults(
            "path-ratio",
            "Importance ratio of a stored sample with the displacement at one point of the straight line.",
            &RatioInput {
                source: vec![0.3, -1.2],
                end: vec![1.1, -0.4],
                time: 0.25,
                velocity: vec![0.9, 0.6],
                reference_velocity: vec![0.8, 0.75],
                noise: vec![0.2, -0.3],
                sigma: vec![0.4, 0.5],
                reference_sigma: vec![0.45, 0.4],
            },
            &[Fault::TimeFlipped, Fault::OldSigmaBoth, Fault::NoLogSigma],
            path_ratio,
        ))
        .function(Function::with_faults(
            "surrogate",
            "The objective of an update on a batch, with its gradient with respect to velocities and ln σ.",
            &SurrogateInput {
                surrogate: Surrogate { epsilon: 0.2, entropy_weight: 0.001, brownian_weight: 0.25 },
                sigma: vec![0.4, 0.5],
                reference_sigma: vec![0.45, 0.4],
                samples: vec![
                    SampleInput {
                        time: 0.25,
                        point: vec![0.5, -1.0],
                        velocity: vec![0.9, 0.6],
                        reference_velocity: vec![0.8, 0.75],
                        noise: vec![0.2, -0.3],
                        advantage: 1.3,
                    },
                    SampleInput {
                        time: 0.85,
                        point: vec![-0.2, 0.4],
                        velocity: vec![-0.5, 0.1],
                        reference_velocity: vec![0.0, 0.0],
                        noise: vec![-0.6, 0.1],
                        advantage: -0.7,
                    },
                ],
            },
            &[Fault::SignFlip, Fault::MeanResidual, Fault::OldSigmaBoth, Fault::NoLogSigma],
            surrogate,
        ))
}

/// An update of a flow on the line.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DisplacementInput {
    /// From v̂ to v̂ + e u.
    update: Update,
    /// Sources z, at most 1000.
    sources: Vec<f64>,
    /// Steps of the midpoint rule, at most 1000.
    #[schemars(range(min = 1, max = 1000))]
    steps: usize,
    /// Times over which δ is averaged, at most 1000.
    #[schemars(range(min = 1, max = 1000))]
    times: usize,
}

fn displace(input: &DisplacementInput, fault: Option<Fault>) -> Result<Displaced, Failure> {
    let DisplacementInput { update, sources, steps, times } = input;
    if !(1..=1000).contains(steps) || !(1..=1000).contains(times) || sources.len() > 1000 {
        return Err(Failure::invalid(
            "`steps` and `times` must lie between 1 and 1000; at most 1000 `sources`",
        ));
    }
    let update = Update { reference: update.reference.under(fault), ..*update };
    let displaced = update.displace(sources, *steps, *times, fault);
    finite([&displaced.exact, &displaced.approximate])?;
    Ok(displaced)
}

/// A mixture of isotropic Gaussians, a time and a point.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PathInput {
    /// Weights, not negative; they are normalised.
    weights: Vec<f64>,
    /// Means of the components.
    means: Vec<Vec<f64>>,
    /// Variances of the components, positive.
    variances: Vec<f64>,
    /// t, from 0 (noise) to 0.999 (almost the mixture).
    #[schemars(range(min = 0.0, max = 0.999))]
    time: f64,
    /// x.
    point: Vec<f64>,
}

/// The path at a point.
#[derive(Serialize, JsonSchema)]
struct PathOutput {
    /// log p_t(x).
    log_density: f64,
    /// v(t, x) = E\[x₁ − z | x_t = x\].
    velocity: Vec<f64>,
    /// ∇ log p_t(x) = (t v − x)/(1 − t).
    score: Vec<f64>,
}

fn mixture_path(input: &PathInput, fault: Option<Fault>) -> Result<PathOutput, Failure> {
    if !(0.0..=0.999).contains(&input.time) {
        return Err(Failure::invalid("`time` must lie between 0 and 0.999"));
    }
    if input.means.len() != input.variances.len() {
        return Err(Failure::invalid("`means` and `variances` must have one entry for each component"));
    }
    let components = input
        .means
        .iter()
        .zip(&input.variances)
        .map(|(mean, variance)| Gaussian::isotropic(DVector::from_column_slice(mean), *variance))
        .collect::<Result<_, _>>();
    let mixture = components
        .and_then(|components| Mixture::new(&input.weights, components))
        .map_err(|e| Failure::invalid(e.to_string()))?;
    if mixture.dimension() != input.point.len() {
        return Err(Failure::invalid("`point` must have as many coordinates as the means"));
    }
    let path = RectifiedPath::at(&mixture, input.time).map_err(|e| Failure::invalid(e.to_string()))?;
    let x = DVector::from_column_slice(&input.point);
    let velocity = path.velocity(&x);
    let output = PathOutput {
        log_density: path.law().log_density(&x),
        score: score_of_velocity(input.time, &x, &velocity, fault).iter().copied().collect(),
        velocity: velocity.iter().copied().collect(),
    };
    finite([&output.score, &output.velocity, &vec![output.log_density]])?;
    Ok(output)
}

/// A stored sample, and both velocities at its point of the line; all vectors have d entries.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RatioInput {
    /// z.
    source: Vec<f64>,
    /// φ̂₁(z).
    end: Vec<f64>,
    /// t, from 0 (noise) to 1 (action).
    #[schemars(range(min = 0.0, max = 1.0))]
    time: f64,
    /// v(t, x_t).
    velocity: Vec<f64>,
    /// v̂(t, x_t).
    reference_velocity: Vec<f64>,
    /// n = a − φ̂₁(z).
    noise: Vec<f64>,
    /// σ > 0.
    sigma: Vec<f64>,
    /// σ̂ > 0.
    reference_sigma: Vec<f64>,
}

/// A ratio and what it is made of.
#[derive(Serialize, JsonSchema)]
struct RatioOutput {
    /// x_t = (1 − t) z + t φ̂₁(z).
    point: Vec<f64>,
    /// δ = v(t, x_t) − v̂(t, x_t).
    displacement: Vec<f64>,
    /// ln ρ.
    log_ratio: f64,
    /// ρ.
    ratio: f64,
}

fn path_ratio(input: &RatioInput, fault: Option<Fault>) -> Result<RatioOutput, Failure> {
    let RatioInput { source, end, velocity, reference_velocity, noise, sigma, reference_sigma, .. } = input;
    same_lengths(&[source, end, velocity, reference_velocity, noise, sigma, reference_sigma])?;
    in_unit_interval(input.time)?;
    let (new, reference) = (deviations(sigma)?, deviations(reference_sigma)?);
    let time = if fault == Some(Fault::TimeFlipped) { 1.0 - input.time } else { input.time };
    let displacement: Vec<f64> = velocity.iter().zip(reference_velocity).map(|(v, r)| v - r).collect();
    let log_ratio =
        (0..noise.len()).map(|i| log_ratio(noise[i], displacement[i], new[i], reference[i], fault)).sum();
    let output = RatioOutput {
        point: source.iter().zip(end).map(|(z, end)| (1.0 - time) * z + time * end).collect(),
        displacement,
        log_ratio,
        ratio: exp(log_ratio),
    };
    finite([&output.point, &output.displacement, &vec![output.log_ratio, output.ratio]])?;
    Ok(output)
}

/// A stored sample at its point of the line; all vectors have d entries.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SampleInput {
    /// t, from 0 (noise) to 1 (action).
    #[schemars(range(min = 0.0, max = 1.0))]
    time: f64,
    /// x_t.
    point: Vec<f64>,
    /// v(t, x_t).
    velocity: Vec<f64>,
    /// v̂(t, x_t).
    reference_velocity: Vec<f64>,
    /// n = a − φ̂₁(z).
    noise: Vec<f64>,
    /// A.
    advantage: f64,
}

/// A batch.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SurrogateInput {
    /// Clip range and weights.
    surrogate: Surrogate,
    /// σ > 0, one entry a coordinate.
    sigma: Vec<f64>,
    /// σ̂ > 0, one entry a coordinate.
    reference_sigma: Vec<f64>,
    /// The samples, at least one.
    samples: Vec<SampleInput>,
}

/// The objective and its gradient, to be ascended.
#[derive(Serialize, JsonSchema)]
struct SurrogateOutput {
    /// L = `policy` + w_g `noise_entropy` − w_b `residual`.
    objective: f64,
    /// mean min(ρA, clip(ρ) A).
    policy: f64,
    /// Σᵢ ½ ln 2πe σᵢ².
    noise_entropy: f64,
    /// mean |η|².
    residual: f64,
    /// ρ of every sample.
    ratios: Vec<f64>,
    /// ∂L/∂v(t, x_t) of every sample.
    velocity_gradient: Vec<Vec<f64>>,
    /// ∂L/∂ ln σ.
    log_sigma_gradient: Vec<f64>,
}

fn surrogate(input: &SurrogateInput, fault: Option<Fault>) -> Result<SurrogateOutput, Failure> {
    let SurrogateInput { surrogate, sigma, reference_sigma, samples } = input;
    surrogate.check()?;
    if samples.is_empty() {
        return Err(Failure::invalid("needs at least one sample"));
    }
    for SampleInput { time, point, velocity, reference_velocity, noise, .. } in samples {
        same_lengths(&[sigma, reference_sigma, point, velocity, reference_velocity, noise])?;
        in_unit_interval(*time)?;
    }
    let (new, reference) = (deviations(sigma)?, deviations(reference_sigma)?);
    let deviations = Deviations { new: &new, reference: &reference };

    let share = 1.0 / samples.len() as f64;
    let mut log_sigma_gradient = vec![surrogate.entropy_weight; sigma.len()];
    let mut velocity_gradient = Vec::with_capacity(samples.len());
    let mut terms = Vec::with_capacity(samples.len());
    for sample in samples {
        let sample = Sample {
            time: sample.time,
            point: &sample.point,
            velocity: &sample.velocity,
            reference: &sample.reference_velocity,
            noise: &sample.noise,
            advantage: sample.advantage,
        };
        let term = surrogate.sample(&sample, &deviations, fault);
        let mut row = Vec::with_capacity(sigma.len());
        for (i, total) in log_sigma_gradient.iter_mut().enumerate() {
            let (by_velocity, by_log_sigma) = surrogate.gradient(&sample, &deviations, term.slope, i, fault);
            row.push(share * by_velocity);
            *total += share * by_log_sigma;
        }
        velocity_gradient.push(row);
        terms.push(term);
    }

    let policy = mean(&terms.iter().map(|t| t.policy).collect::<Vec<f64>>());
    let residual = mean(&terms.iter().map(|t| t.square).collect::<Vec<f64>>());
    let noise_entropy = Surrogate::noise_entropy(&new);
    let regularisers = surrogate.entropy_weight * noise_entropy - surrogate.brownian_weight * residual;
    let output = SurrogateOutput {
        objective: policy + regularisers,
        policy,
        noise_entropy,
        residual,
        ratios: terms.iter().map(|t| t.ratio).collect(),
        velocity_gradient,
        log_sigma_gradient,
    };
    finite([&output.ratios, &output.log_sigma_gradient, &vec![output.objective]])?;
    finite(&output.velocity_gradient)?;
    Ok(output)
}

fn same_lengths(vectors: &[&Vec<f64>]) -> Result<(), Failure> {
    if vectors.windows(2).all(|pair| pair[0].len() == pair[1].len()) {
        Ok(())
    } else {
        Err(Failure::invalid("all vectors of a sample, and the deviations, must have equal lengths"))
    }
}

fn in_unit_interval(time: f64) -> Result<(), Failure> {
    if (0.0..=1.0).contains(&time) {
        Ok(())
    } else {
        Err(Failure::invalid("`time` must lie between 0 and 1"))
    }
}

fn deviations(sigma: &[f64]) -> Result<Vec<Deviation>, Failure> {
    if sigma.iter().all(|s| (1e-6..=1e6).contains(s)) {
        Ok(sigma.iter().copied().map(Deviation::new).collect())
    } else {
        Err(Failure::invalid("deviations must lie between 1e-6 and 1e6"))
    }
}

/// Refuses output that JSON cannot hold.
fn finite<'a>(vectors: impl IntoIterator<Item = &'a Vec<f64>>) -> Result<(), Failure> {
    if vectors.into_iter().flatten().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(Failure::invalid("the result overflows, or an input is no finite number"))
    }
}
