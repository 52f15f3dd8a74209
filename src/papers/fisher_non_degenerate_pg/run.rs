//! A method at work: one trajectory a step, or two.

use super::{
    Fault,
    estimators::{Environment, Trajectory, add_gradient, add_hessian_product},
    methods::{Algorithm, Method, transported},
};
use crate::kernel::stream::Stream;

/// Trajectories of an estimate under the fault that averages.
const BATCH: usize = 10;

/// A method at work: θ_t, θ_{t−1}, d_{t−1} and scratch vectors, all of length d.
pub struct Run<'a, E: Environment> {
    environment: &'a E,
    method: Method,
    theta: E::Vector,
    previous: E::Vector,
    direction: E::Vector,
    point: E::Vector,
    change: E::Vector,
    /// d × d, only under the fault that forms it.
    hessian: Vec<f64>,
    policy: E::Policy,
    trajectory: Trajectory<E::Step>,
    drawn: u64,
    vector_operations: u64,
}

impl<'a, E: Environment> Run<'a, E> {
    /// Starts at θ₁ = θ₀ with d₀ = g(τ, θ₁).
    pub fn start(environment: &'a E, method: Method, theta: E::Vector, stream: &mut Stream) -> Self {
        let mut zeros = theta.clone();
        zeros.as_mut().fill(0.0);
        let d = environment.dimension();
        let square = if method.fault == Some(Fault::ExplicitHessian) { d * d } else { 0 };
        let mut run = Self {
            environment,
            method,
            previous: theta.clone(),
            direction: zeros.clone(),
            point: theta.clone(),
            change: zeros,
            hessian: vec![0.0; square],
            policy: environment.policy(theta.as_ref()),
            theta,
            trajectory: Trajectory { steps: Vec::new() },
            drawn: 0,
            vector_operations: 0,
        };
        run.add_estimate(1.0, stream);
        run
    }

    /// θ_t.
    #[must_use]
    pub fn theta(&self) -> &E::Vector {
        &self.theta
    }

    /// Trajectories drawn.
    #[must_use]
    pub fn drawn(&self) -> u64 {
        self.drawn
    }

    /// Numbers kept between and during steps, without the trajectory.
    #[must_use]
    pub fn numbers(&self) -> usize {
        let vectors = [&self.theta, &self.previous, &self.direction, &self.point, &self.change];
        vectors.iter().map(|v| v.as_ref().len()).sum::<usize>() + self.hessian.len()
    }

    /// Operations on vectors of length d (scores, inner products, curvatures) so far.
    #[must_use]
    pub fn vector_operations(&self) -> u64 {
        self.vector_operations
    }

    /// Step t = 1, 2, …; `eta` is η_t.
    pub fn step(&mut self, t: usize, eta: f64, stream: &mut Stream) {
        if self.method.algorithm == Algorithm::NPgIgt {
            let (theta, previous) = (self.theta.as_ref(), self.previous.as_ref());
            transported(eta, theta, previous, self.method.fault, self.point.as_mut());
        } else {
            if self.method.algorithm.is_hessian_aided() {
                self.correct(stream);
            }
            self.point.as_mut().copy_from_slice(self.theta.as_ref());
        }
        for d in self.direction.as_mut() {
            *d *= 1.0 - eta;
        }
        self.add_estimate(eta, stream);

        let direction = self.direction.as_ref();
        let size = self.method.step_size(t, direction);
        for ((now, before), d) in self.theta.as_mut().iter_mut().zip(self.previous.as_mut()).zip(direction) {
            *before = *now;
            *now += size * d;
        }
    }

    /// Adds weight · g(τ, θ) to the direction, τ ~ p(·|θ), θ being the point.
    fn add_estimate(&mut self, weight: f64, stream: &mut Stream) {
        let batch = if self.method.fault == Some(Fault::BatchGradient) { BATCH } else { 1 };
        let share = weight / batch as f64;
        self.environment.refresh(self.point.as_ref(), &mut self.policy);
        for _ in 0..batch {
            self.environment.draw(&self.policy, stream, &mut self.trajectory);
            add_gradient(self.environment, &self.policy, &self.trajectory, share, self.direction.as_mut());
            self.drawn += 1;
            self.vector_operations += self.trajectory.steps.len() as u64;
        }
    }

    /// Adds B(τ̂, θ̂)(θ_t − θ_{t−1}) to the direction, θ̂ a random point between the two.
    fn correct(&mut self, stream: &mut Stream) {
        let q = match self.method.fault {
            Some(Fault::EndpointHessian) => 1.0,
            _ => stream.uniform(),
        };
        let ends = self.theta.as_ref().iter().zip(self.previous.as_ref());
        let between = self.change.as_mut().iter_mut().zip(self.point.as_mut());
        for ((now, before), (change, point)) in ends.zip(between) {
            *change = now - before;
            *point = q * now + (1.0 - q) * before;
        }
        self.environment.refresh(self.point.as_ref(), &mut self.policy);
        self.environment.draw(&self.policy, stream, &mut self.trajectory);
        self.drawn += 1;
        if self.method.fault == Some(Fault::ExplicitHessian) {
            return self.correct_by_matrix();
        }
        add_hessian_product(
            self.environment,
            &self.policy,
            &self.trajectory,
            self.change.as_ref(),
            self.method.correction_sign(),
            self.method.fault,
            self.direction.as_mut(),
        );
        // A score along v, a score and a curvature for each step.
        self.vector_operations += 3 * self.trajectory.steps.len() as u64;
    }

    /// The same by way of the matrix B, column by column.
    fn correct_by_matrix(&mut self) {
        let d = self.environment.dimension();
        self.hessian.fill(0.0);
        for (j, column) in self.hessian.chunks_exact_mut(d).enumerate() {
            let unit: Vec<f64> = (0..d).map(|i| f64::from(u8::from(i == j))).collect();
            let (environment, policy, trajectory) = (self.environment, &self.policy, &self.trajectory);
            add_hessian_product(environment, policy, trajectory, &unit, 1.0, self.method.fault, column);
            self.vector_operations += 3 * self.trajectory.steps.len() as u64;
        }
        for (column, change) in self.hessian.chunks_exact(d).zip(self.change.as_ref()) {
            for (x, entry) in self.direction.as_mut().iter_mut().zip(column) {
                *x += entry * change;
            }
        }
        self.vector_operations += d as u64;
    }
}

/// T, T/2, T/4 … as long as they are whole, ascending: when a run of T steps is looked at.
#[must_use]
pub fn looks(steps: usize) -> Vec<usize> {
    (0..=steps.trailing_zeros()).rev().map(|k| steps >> k).collect()
}

/// Runs a method from a start, once a stream, for as many steps as there are `weights` η_t, and lists for
/// each run what `seen` makes of θ after the numbers of steps in `looks`, which ascend.
///
/// The runs go side by side: a step has to wait for the one before it, but not for those of other runs.
pub fn watched<E: Environment, T>(
    environment: &E,
    method: Method,
    start: &E::Vector,
    weights: &[f64],
    looks: &[usize],
    mut streams: Vec<Stream>,
    seen: impl Fn(&E::Vector) -> T,
) -> Vec<Vec<T>> {
    let begin = |stream: &mut Stream| Run::start(environment, method, start.clone(), stream);
    let mut runs: Vec<Run<E>> = streams.iter_mut().map(begin).collect();
    let mut lists: Vec<Vec<T>> = runs.iter().map(|_| Vec::with_capacity(looks.len())).collect();
    let mut due = looks.iter().peekable();
    for (t, eta) in (1..).zip(weights) {
        for (run, stream) in runs.iter_mut().zip(&mut streams) {
            run.step(t, *eta, stream);
        }
        if due.next_if(|look| **look == t).is_some() {
            for (list, run) in lists.iter_mut().zip(&runs) {
                list.push(seen(run.theta()));
            }
        }
    }
    lists
}

#[cfg(test)]
mod tests {
    use super::super::bandit::Bandit;
    use super::*;
    use crate::kernel::stream::Streams;
    use approx::assert_relative_eq;

    fn advance(algorithm: Algorithm, fault: Option<Fault>) -> (Vec<f64>, u64) {
        let bandit = Bandit::new([2.0, -1.0], 1.0, 1, 1.0);
        let mut stream = Streams::from_seed(4).stream("run");
        let method = Method::new(algorithm, 0.5, fault);
        let mut run = Run::start(&bandit, method, [0.0; 2], &mut stream);
        for (t, eta) in (1..).zip(method.weights(50)) {
            run.step(t, eta, &mut stream);
        }
        (run.theta().to_vec(), run.drawn())
    }

    #[test]
    fn trajectories_are_counted() {
        assert_eq!(advance(Algorithm::NPgIgt, None).1, 51);
        assert_eq!(advance(Algorithm::NHarpg, None).1, 101);
        assert_eq!(advance(Algorithm::NPgIgt, Some(Fault::BatchGradient)).1, 510);
    }

    #[test]
    fn the_matrix_gives_the_same_product() {
        let short = advance(Algorithm::NHarpg, None).0;
        let long = advance(Algorithm::NHarpg, Some(Fault::ExplicitHessian)).0;
        for (a, b) in short.iter().zip(&long) {
            assert_relative_eq!(a, b, epsilon = 1e-10);
        }
    }

    #[test]
    fn runs_are_seen_when_they_are_due() {
        assert_eq!(looks(24), [3, 6, 12, 24]);
        let bandit = Bandit::new([2.0, -1.0], 1.0, 1, 1.0);
        let method = Method::new(Algorithm::NPgIgt, 0.5, None);
        let stream = |seed| Streams::from_seed(seed).stream("run");
        let seen = watched(
            &bandit,
            method,
            &[0.0; 2],
            &method.weights(50),
            &[25, 50],
            vec![stream(5), stream(4)],
            |theta| theta.to_vec(),
        );
        assert_eq!(seen[0].len(), 2);
        assert_ne!(seen[0][1], seen[1][1]);
        assert_eq!(seen[1][1], advance(Algorithm::NPgIgt, None).0);
    }
}
