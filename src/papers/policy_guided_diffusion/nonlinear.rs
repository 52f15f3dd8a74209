//! Nonlinear dynamics on the line: a dataset, a trajectory model of it, and a one-step model of it.

use nalgebra::{DMatrix, DVector};

use super::Fault;
use crate::{
    kernel::{
        math::{exp, ln, mean, sin, sum},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// Standard deviation of the noise of the dynamics.
const NOISE: f64 = 0.05;

/// f(s, a) = 0.8s + 0.6a + 0.5 sin 2s; the next state is f(s, a) + 0.05 w, w ~ N(0, 1).
#[must_use]
pub fn dynamics(s: f64, a: f64) -> f64 {
    0.8 * s + 0.6 * a + 0.5 * sin(2.0 * s)
}

/// A policy a ~ N(ks + c, v).
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// k.
    pub gain: f64,
    /// c.
    pub offset: f64,
    /// √v.
    pub deviation: f64,
}

/// π_b, which collected the data.
pub const BEHAVIOUR: Policy = Policy { gain: -0.3, offset: 0.0, deviation: 0.6 };
/// π, the policy that is being trained.
pub const TARGET: Policy = Policy { gain: -0.3, offset: 0.6, deviation: 0.3 };

impl Policy {
    /// u = a − ks − c.
    #[must_use]
    pub fn residual(&self, s: f64, a: f64) -> f64 {
        a - self.gain * s - self.offset
    }

    /// v.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.deviation * self.deviation
    }

    /// log π(a|s).
    #[must_use]
    pub fn log_density(&self, s: f64, a: f64) -> f64 {
        let u = self.residual(s, a);
        -0.5 * (ln(2.0 * std::f64::consts::PI * self.variance()) + u * u / self.variance())
    }

    /// An action.
    pub fn act(&self, s: f64, stream: &mut Stream) -> f64 {
        self.gain * s + self.offset + self.deviation * stream.normal()
    }
}

/// A trajectory: states s₀ … s_T and actions a₀ … a_{T−1}.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// T + 1 states.
    pub states: Vec<f64>,
    /// T actions.
    pub actions: Vec<f64>,
}

impl Trajectory {
    /// From a state on, under a policy and dynamics given as a function of state and action.
    pub fn roll_out(
        start: f64,
        horizon: usize,
        policy: Policy,
        stream: &mut Stream,
        mut next: impl FnMut(f64, f64, &mut Stream) -> f64,
    ) -> Self {
        let (mut states, mut actions) = (vec![start], Vec::with_capacity(horizon));
        for t in 0..horizon {
            let a = policy.act(states[t], stream);
            states.push(next(states[t], a, stream));
            actions.push(a);
        }
        Self { states, actions }
    }

    /// Pairs of state and action, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.states.iter().copied().zip(self.actions.iter().copied())
    }
}

/// The true next state.
pub fn step(s: f64, a: f64, stream: &mut Stream) -> f64 {
    dynamics(s, a) + NOISE * stream.normal()
}

/// Trajectories of the behaviour policy, with s₀ ~ N(0, 0.5²).
#[derive(Clone, Debug)]
pub struct Dataset {
    /// All of one length.
    pub trajectories: Vec<Trajectory>,
}

impl Dataset {
    /// Collects `size` trajectories of `horizon` actions.
    #[must_use]
    pub fn collect(size: usize, horizon: usize, stream: &mut Stream) -> Self {
        let trajectories = (0..size)
            .map(|_| {
                let start = 0.5 * stream.normal();
                Trajectory::roll_out(start, horizon, BEHAVIOUR, stream, step)
            })
            .collect();
        Self { trajectories }
    }
}

/// A kernel density estimate of whole trajectories: one isotropic Gaussian of standard deviation h
/// around each trajectory of a dataset, in every state and action. It stands in for the diffusion
/// model. Tilted by Π π(aₜ|sₜ)^λ it is again a mixture of Gaussians, with
///
///   weights ∝ Πₜ exp(−½ λ uₜ²/(v + λq)),   u = a − ks − c,  q = h²(1 + k²),
///
/// and inside a component the distribution N(uₜ, q) of u becomes normal with precision 1/q + λ/v and
/// mean (uₜ/q)/(1/q + λ/v), while what is orthogonal to u stays.
#[derive(Clone, Copy, Debug)]
pub struct TrajectoryModel<'a> {
    /// The data.
    pub dataset: &'a Dataset,
    /// h > 0.
    pub bandwidth: f64,
    /// λ ≥ 0.
    pub lambda: f64,
}

impl TrajectoryModel<'_> {
    /// q, the variance of u inside a component.
    fn spread(&self) -> f64 {
        self.bandwidth * self.bandwidth * (1.0 + TARGET.gain * TARGET.gain)
    }

    /// Log weight of a pair of state and action: −½ λu²/(v + λq).
    #[must_use]
    pub fn log_weight(&self, s: f64, a: f64) -> f64 {
        let u = TARGET.residual(s, a);
        -0.5 * self.lambda * u * u / (TARGET.variance() + self.lambda * self.spread())
    }

    /// Weights of the components, not normalised; the largest is 1.
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        let trajectories = &self.dataset.trajectories;
        let logs = trajectories.iter().map(|x| sum(x.pairs().map(|(s, a)| self.log_weight(s, a))));
        from_logs(&logs.collect::<Vec<f64>>())
    }

    /// Draws trajectories of the tilted mixture.
    pub fn sample(&self, size: usize, stream: &mut Stream) -> Vec<Trajectory> {
        let mut cumulative = self.weights();
        for i in 1..cumulative.len() {
            cumulative[i] += cumulative[i - 1];
        }
        let total = cumulative.last().copied().unwrap_or(0.0);
        (0..size)
            .map(|_| {
                let mark = stream.uniform() * total;
                let component = cumulative.partition_point(|c| *c <= mark).min(cumulative.len() - 1);
                self.around(&self.dataset.trajectories[component], stream)
            })
            .collect()
    }

    /// A draw of one component of the tilted mixture.
    fn around(&self, centre: &Trajectory, stream: &mut Stream) -> Trajectory {
        let precision = 1.0 / self.spread() + self.lambda / TARGET.variance();
        let mut sample = Trajectory { states: Vec::new(), actions: Vec::new() };
        for (s0, a0) in centre.pairs() {
            let (s, a) = (s0 + self.bandwidth * stream.normal(), a0 + self.bandwidth * stream.normal());
            let guided = TARGET.residual(s0, a0) / self.spread() / precision;
            let u = guided + stream.normal() / precision.sqrt();
            let shift = (u - TARGET.residual(s, a)) / (1.0 + TARGET.gain * TARGET.gain);
            sample.states.push(s - TARGET.gain * shift);
            sample.actions.push(a + shift);
        }
        let end = centre.states.last().copied().unwrap_or(0.0);
        sample.states.push(end + self.bandwidth * stream.normal());
        sample
    }
}

/// exp of log weights, the largest of them becoming 1.
pub fn from_logs(logs: &[f64]) -> Vec<f64> {
    let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logs.iter().map(|w| exp(w - top)).collect()
}

/// Effective sample size (Σ w)²/Σ w² of weights.
#[must_use]
pub fn effective_sample_size(weights: &[f64]) -> f64 {
    let total = sum(weights.iter().copied());
    total * total / sum(weights.iter().map(|w| w * w))
}

/// The least-squares model s' ≈ αs + βa + γ of one step, with the standard deviation of its
/// residuals as noise: the autoregressive baseline.
#[derive(Clone, Copy, Debug)]
pub struct WorldModel {
    /// α, β, γ.
    pub coefficients: [f64; 3],
    /// Standard deviation of the residuals.
    pub deviation: f64,
}

impl WorldModel {
    /// Fits all transitions of a dataset.
    ///
    /// # Errors
    /// [`Failure::Numerical`] if the data do not determine the coefficients.
    pub fn fit(dataset: &Dataset) -> Result<Self, Failure> {
        let (mut gram, mut moments) = (DMatrix::zeros(3, 3), DVector::zeros(3));
        for (s, a, next) in transitions(dataset) {
            let features = DVector::from_column_slice(&[s, a, 1.0]);
            gram += &features * features.transpose();
            moments += features * next;
        }
        let root =
            gram.cholesky().ok_or_else(|| Failure::numerical("the world model's data are degenerate"))?;
        let solution = root.solve(&moments);
        let coefficients = [solution[0], solution[1], solution[2]];
        let mut model = Self { coefficients, deviation: 0.0 };
        let squares: Vec<f64> = transitions(dataset)
            .map(|(s, a, next)| {
                let gap = next - model.mean(s, a);
                gap * gap
            })
            .collect();
        model.deviation = mean(&squares).sqrt();
        Ok(model)
    }

    /// The predicted mean of the next state.
    #[must_use]
    pub fn mean(&self, s: f64, a: f64) -> f64 {
        self.coefficients[0] * s + self.coefficients[1] * a + self.coefficients[2]
    }

    /// Rolls out the target policy from initial states of the dataset.
    pub fn roll_out(
        &self,
        dataset: &Dataset,
        size: usize,
        fault: Option<Fault>,
        stream: &mut Stream,
    ) -> Vec<Trajectory> {
        (0..size)
            .map(|_| {
                let origin = &dataset.trajectories[stream.below(dataset.trajectories.len())];
                Trajectory::roll_out(
                    origin.states[0],
                    origin.actions.len(),
                    TARGET,
                    stream,
                    |s, a, stream| {
                        if fault == Some(Fault::OracleWorldModel) {
                            step(s, a, stream)
                        } else {
                            self.mean(s, a) + self.deviation * stream.normal()
                        }
                    },
                )
            })
            .collect()
    }
}

fn transitions(dataset: &Dataset) -> impl Iterator<Item = (f64, f64, f64)> {
    dataset
        .trajectories
        .iter()
        .flat_map(|x| x.pairs().zip(&x.states[1..]).map(|((s, a), next)| (s, a, *next)).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{
        gaussian::{Gaussian, LinearForm, Mixture},
        stream::Streams,
    };
    use approx::assert_relative_eq;

    #[test]
    fn the_tilted_model_is_the_tilted_mixture() {
        let dataset = Dataset::collect(5, 1, &mut Streams::from_seed(1).stream("data"));
        let model = TrajectoryModel { dataset: &dataset, bandwidth: 0.3, lambda: 1.5 };
        let components = dataset
            .trajectories
            .iter()
            .map(|x| Gaussian::isotropic(DVector::from_vec(vec![x.states[0], x.actions[0]]), 0.09).unwrap());
        let mixture = Mixture::new(&[1.0; 5], components.collect()).unwrap();
        let form = LinearForm::new([(1, 1.0), (0, -TARGET.gain)], TARGET.offset);
        let tilted = mixture.tilted(1.5, &form, TARGET.variance()).unwrap();

        let weights = model.weights();
        let total = sum(weights.iter().copied());
        for (w, known) in weights.iter().zip(tilted.weights()) {
            assert_relative_eq!(w / total, known, epsilon = 1e-14);
        }
        let n = 40_000;
        let samples = model.sample(n, &mut Streams::from_seed(1).stream("samples"));
        let states: Vec<f64> = samples.iter().map(|x| x.states[0]).collect();
        let products: Vec<f64> = samples.iter().map(|x| x.states[0] * x.actions[0]).collect();
        let known = tilted.covariance()[(0, 1)] + tilted.mean()[0] * tilted.mean()[1];
        assert_relative_eq!(mean(&states), tilted.mean()[0], epsilon = 0.01);
        assert_relative_eq!(mean(&products), known, epsilon = 0.01);
    }

    #[test]
    fn the_effective_sample_size_counts_equal_weights() {
        assert_relative_eq!(effective_sample_size(&[0.3; 7]), 7.0, epsilon = 1e-12);
        assert_relative_eq!(effective_sample_size(&[1.0, 0.0]), 1.0);
    }

    #[test]
    fn the_world_model_is_the_linear_part_where_the_dynamics_are_linear() {
        let pair = |s: f64, a: f64| Trajectory { states: vec![s, 2.0 * s - a + 0.5], actions: vec![a] };
        let dataset =
            Dataset { trajectories: vec![pair(0.0, 1.0), pair(1.0, 0.3), pair(-0.4, 0.2), pair(2.0, 2.0)] };
        let model = WorldModel::fit(&dataset).unwrap();
        assert_relative_eq!(model.mean(3.0, -1.0), 7.5, epsilon = 1e-12);
        assert_relative_eq!(model.deviation, 0.0, epsilon = 1e-12);
    }
}
