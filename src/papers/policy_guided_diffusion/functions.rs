//! Functions for comparing other implementations with the reference.

use nalgebra::DVector;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, FiniteLaw, FiniteProblem, System, broken,
    line::{Bend, Guidance},
    schedule,
};
use crate::{
    kernel::{
        diffusion,
        gaussian::{Gaussian, Mixture},
    },
    papers::leaf::{Failure, Function, Paper},
};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    paper
        .function(Function::with_faults(
            "finite-tilt",
            "The guided law of a finite problem by its conditional laws, p* ∝ p_b Π π^λ.",
            &FiniteProblem {
                transition: vec![vec![vec![0.9, 0.1], vec![0.5, 0.5]], vec![vec![0.2, 0.8], vec![0.0, 1.0]]],
                behaviour: vec![vec![0.5, 0.5], vec![0.7, 0.3]],
                target: vec![vec![0.1, 0.9], vec![0.6, 0.4]],
                start: vec![1.0, 0.0],
                horizon: 3,
                lambda: 1.0,
            },
            &[Fault::AssumeTrueKernel],
            finite_tilt,
        ))
        .function(Function::with_faults(
            "guidance-schedule",
            "Strength of guidance in each step of the sampler (code of policy-guided diffusion).",
            &schedule::Settings::default(),
            &[Fault::NoFinalZero],
            guidance_schedule,
        ))
        .function(Function::new(
            "guided-score",
            "Score of noised N(0, 1) data on the line, guided by a Gaussian q(a)^λ, exactly or by plug-in.",
            &GuidedScoreInput { bend: Bend::default(), action: 0.4, sigma: 0.7, guidance: Guidance::Exact },
            guided_score,
        ))
        .function(Function::with_faults(
            "linear-guided-law",
            "Mean and covariance of p* ∝ p_b Π π^λ for linear dynamics and linear Gaussian policies.",
            &LawInput { system: System { horizon: 2, ..System::default() }, lambda: 1.0 },
            &[Fault::NegativeGuidance, Fault::NoGuidance, Fault::TargetOnly],
            linear_guided_law,
        ))
        .function(Function::new(
            "mixture-score",
            "Log density and score of a mixture of isotropic Gaussians at a noise level σ.",
            &MixtureInput {
                weights: vec![1.0, 3.0],
                means: vec![vec![0.0, 1.0], vec![2.0, -1.0]],
                variances: vec![0.5, 0.1],
                sigma: 0.8,
                point: vec![0.5, 0.5],
            },
            mixture_score,
        ))
        .function(Function::new(
            "noise-levels",
            "Noise levels of the EDM sampler, from the largest down to zero.",
            &LevelsInput { steps: 8, smallest: 0.002, largest: 80.0, rho: 7.0 },
            noise_levels,
        ))
        .function(Function::with_faults(
            "policy-gradient",
            "Gradient of Σ log π(aₜ|sₜ) with respect to the whole trajectory, for a linear Gaussian policy.",
            &GradientInput {
                gain: -0.3,
                offset: 1.0,
                variance: 0.2,
                states: vec![0.1, -0.4],
                actions: vec![0.5, 0.0],
            },
            &[Fault::ActionOnlyGradient],
            policy_gradient,
        ))
}

fn finite_tilt(problem: &FiniteProblem, fault: Option<Fault>) -> Result<FiniteLaw, Failure> {
    problem.check()?;
    problem.tilted(fault).ok_or_else(|| Failure::invalid("no trajectory has positive weight"))
}

/// A schedule.
#[derive(Serialize, JsonSchema)]
struct ScheduleOutput {
    /// λ₀ … λ_{n−1}.
    strengths: Vec<f64>,
}

fn guidance_schedule(settings: &schedule::Settings, fault: Option<Fault>) -> Result<ScheduleOutput, Failure> {
    settings.check()?;
    let strengths = settings.strengths(fault);
    finite(&strengths)?;
    Ok(ScheduleOutput { strengths })
}

/// A noised action and what guides it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GuidedScoreInput {
    /// What guides.
    bend: Bend,
    /// a_σ.
    action: f64,
    /// σ ≥ 0.
    sigma: f64,
    /// How the guidance is computed.
    guidance: Guidance,
}

/// A score and its parts.
#[derive(Serialize, JsonSchema)]
struct GuidedScoreOutput {
    /// ∇ log of the noised data plus the guidance.
    score: f64,
    /// The guidance alone.
    guidance: f64,
}

fn guided_score(input: &GuidedScoreInput) -> Result<GuidedScoreOutput, Failure> {
    let GuidedScoreInput { bend, action, sigma, guidance } = input;
    bend.check()?;
    not_negative("sigma", *sigma)?;
    let output = GuidedScoreOutput {
        score: bend.score(*action, *sigma, *guidance),
        guidance: bend.guidance(*action, *sigma, *guidance),
    };
    finite(&[output.score, output.guidance])?;
    Ok(output)
}

/// A system and a strength of guidance.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LawInput {
    /// The system.
    system: System,
    /// λ ≥ 0.
    lambda: f64,
}

/// The guided law of trajectories (s₀, a₀, …, s_{T−1}, a_{T−1}).
#[derive(Serialize, JsonSchema)]
struct LawOutput {
    /// Its mean.
    mean: Vec<f64>,
    /// Its covariance, by rows.
    covariance: Vec<Vec<f64>>,
    /// E\[Σ log π\] under it.
    log_likelihood: f64,
    /// KL(p* ‖ p_b), in nats.
    divergence: f64,
}

fn linear_guided_law(input: &LawInput, fault: Option<Fault>) -> Result<LawOutput, Failure> {
    input.system.check()?;
    not_negative("lambda", input.lambda)?;
    let law = input.system.guided(input.lambda, fault).normalised().map_err(broken)?;
    let data = input.system.data().normalised().map_err(broken)?;
    let output = LawOutput {
        mean: law.mean().iter().copied().collect(),
        covariance: law.covariance().row_iter().map(|row| row.iter().copied().collect()).collect(),
        log_likelihood: input.system.expected_log_target(&law),
        divergence: law.divergence(&data),
    };
    finite(&output.mean)?;
    finite(&[output.log_likelihood, output.divergence])?;
    Ok(output)
}

/// A mixture, a noise level and a point.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct MixtureInput {
    /// Weights, not negative; they are normalised.
    weights: Vec<f64>,
    /// Means of the components.
    means: Vec<Vec<f64>>,
    /// Variances of the components, positive.
    variances: Vec<f64>,
    /// σ ≥ 0.
    sigma: f64,
    /// Where the score is wanted.
    point: Vec<f64>,
}

/// A log density and its gradient.
#[derive(Serialize, JsonSchema)]
struct MixtureOutput {
    /// log p_σ(x).
    log_density: f64,
    /// ∇ log p_σ(x).
    score: Vec<f64>,
}

fn mixture_score(input: &MixtureInput) -> Result<MixtureOutput, Failure> {
    not_negative("sigma", input.sigma)?;
    finite(&input.point)?;
    if input.means.len() != input.variances.len() {
        return Err(Failure::invalid("`means` and `variances` must have one entry for each component"));
    }
    let components = input
        .means
        .iter()
        .zip(&input.variances)
        .map(|(mean, variance)| Gaussian::isotropic(DVector::from_column_slice(mean), *variance))
        .collect::<Result<_, _>>();
    let mixture =
        components.and_then(|c| Mixture::new(&input.weights, c)).and_then(|m| m.noised(input.sigma));
    let mixture = mixture.map_err(|e| Failure::invalid(e.to_string()))?;
    if mixture.dimension() != input.point.len() {
        return Err(Failure::invalid("`point` must have as many coordinates as the means"));
    }
    let x = DVector::from_column_slice(&input.point);
    let output = MixtureOutput {
        log_density: mixture.log_density(&x),
        score: mixture.score(&x).iter().copied().collect(),
    };
    finite(&output.score)?;
    finite(&[output.log_density])?;
    Ok(output)
}

/// Parameters of the noise levels.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LevelsInput {
    /// n, from 2 to 100000.
    #[schemars(range(min = 2, max = 100_000))]
    steps: usize,
    /// σ_min > 0.
    smallest: f64,
    /// σ_max > σ_min.
    largest: f64,
    /// ρ > 0.
    rho: f64,
}

/// Noise levels.
#[derive(Serialize, JsonSchema)]
struct LevelsOutput {
    /// σ₀ … σₙ.
    levels: Vec<f64>,
}

fn noise_levels(input: &LevelsInput) -> Result<LevelsOutput, Failure> {
    let LevelsInput { steps, smallest, largest, rho } = *input;
    if !(2..=100_000).contains(&steps) {
        return Err(Failure::invalid("`steps` must lie between 2 and 100000"));
    }
    if !(smallest > 0.0 && largest > smallest && rho > 0.0) {
        return Err(Failure::invalid("needs 0 < `smallest` < `largest` and a positive `rho`"));
    }
    let levels = diffusion::noise_levels(steps, smallest, largest, rho);
    finite(&levels)?;
    Ok(LevelsOutput { levels })
}

/// A policy N(ks + c, v) and a trajectory.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct GradientInput {
    /// k.
    gain: f64,
    /// c.
    offset: f64,
    /// v > 0.
    variance: f64,
    /// s₀ … s_{T−1}, at most 32.
    states: Vec<f64>,
    /// a₀ … a_{T−1}.
    actions: Vec<f64>,
}

/// A gradient.
#[derive(Serialize, JsonSchema)]
struct GradientOutput {
    /// With respect to the states.
    states: Vec<f64>,
    /// With respect to the actions.
    actions: Vec<f64>,
}

fn policy_gradient(input: &GradientInput, fault: Option<Fault>) -> Result<GradientOutput, Failure> {
    if input.states.len() != input.actions.len() {
        return Err(Failure::invalid("`states` and `actions` must have equal lengths"));
    }
    let system = System {
        horizon: input.states.len(),
        target_gain: input.gain,
        target_offset: input.offset,
        target_variance: input.variance,
        ..System::default()
    };
    system.check()?;
    let pairs = input.states.iter().zip(&input.actions).flat_map(|(s, a)| [*s, *a]);
    let x = DVector::from_iterator(system.dimension(), pairs);
    let gradient = system.guidance(&x, fault);
    let output = GradientOutput {
        states: gradient.iter().step_by(2).copied().collect(),
        actions: gradient.iter().skip(1).step_by(2).copied().collect(),
    };
    finite(&output.states)?;
    finite(&output.actions)?;
    Ok(output)
}

fn not_negative(name: &str, value: f64) -> Result<(), Failure> {
    if value.is_finite() && value >= 0.0 {
        Ok(())
    } else {
        Err(Failure::invalid(format!("`{name}` must not be negative")))
    }
}

/// Refuses output that JSON cannot hold.
fn finite(values: &[f64]) -> Result<(), Failure> {
    if values.iter().all(|v| v.is_finite()) {
        Ok(())
    } else {
        Err(Failure::invalid("the result overflows, or an input is no finite number"))
    }
}
