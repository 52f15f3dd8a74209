//! The mirror step, and what it guarantees.
//!
//! Exact Q: with π_{t+1} ∝ π_t e^(ηQ_t) from the uniform policy, in a process of H steps with A actions
//! and Q ∈ \[0, B\], for every comparator π
//!
//! ```text
//! Σₜ (V^π − V^{π_t}) ≤ H ln A / η + η T H B² / 8.
//! ```
//!
//! By the performance difference lemma the left side is Σ_h E_{s ~ d_h^π} Σₜ ⟨Q_t(s, ·), π − π_t⟩, and
//! each inner sum is the regret of exponential weights with gains in \[0, B\].
//!
//! With estimates Q̂ ∈ \[0, B\] the same holds of them, and each ⟨Q − Q̂, π − π_t⟩ is at most twice the largest
//! error at s. By Cauchy and Schwarz and the change of measure d_h^π ≤ C_h(π) ρ_h the right side grows by
//!
//! ```text
//! 2 Σₜ Σ_h √C_h(π) ‖max_a |Q̂ₜ − Q^{π_t}|‖_{ρ_h},    C_h(π) = max_s d_h^π(s)/ρ_h(s).
//! ```
//!
//! Only this one comparator need be covered by the data: where it does not go, Q̂ may be anything.
//!
//! The step with a penalty, argmax ⟨Q, π⟩ − λ KL(π‖π_ref) − (1/η) KL(π‖π_t), is
//! π ∝ (π_t^(1/η) π_ref^λ e^Q)^(1/(λ + 1/η)).

use super::Fault;
use crate::kernel::{
    divergence::kl,
    math::{dot, ln, softmax, sum},
    mdp::{Episodic, MdpError, Rows, softmax_policy},
};

/// The mirror step with penalty, in one state. `eta` > 0 and `lambda` ≥ 0; laws of full support.
#[must_use]
pub fn regularised_step(
    q: &[f64],
    current: &[f64],
    reference: &[f64],
    lambda: f64,
    eta: f64,
    fault: Option<Fault>,
) -> Vec<f64> {
    let lambda = if fault == Some(Fault::DropReference) { 0.0 } else { lambda };
    let logits: Vec<f64> = q
        .iter()
        .zip(current.iter().zip(reference))
        .map(|(q, (p, r))| (ln(*p) / eta + lambda * ln(*r) + q) / (lambda + 1.0 / eta))
        .collect();
    softmax(&logits)
}

/// ⟨Q, π⟩ − λ KL(π‖π_ref) − (1/η) KL(π‖π_t).
#[must_use]
pub fn regularised_value(
    policy: &[f64],
    q: &[f64],
    current: &[f64],
    reference: &[f64],
    lambda: f64,
    eta: f64,
) -> f64 {
    let penalty = if lambda == 0.0 { 0.0 } else { lambda * kl(policy, reference) };
    dot(q, policy) - penalty - kl(policy, current) / eta
}

/// C_h(π) = max_s d(s)/ρ(s) of a comparator that visits states with probabilities d, under the law ρ of
/// the data; +∞ if it goes where the data have nothing.
#[must_use]
pub fn coverage(visited: &[f64], data: &[f64], fault: Option<Fault>) -> f64 {
    let ratio = |(d, rho): (&f64, &f64)| match (*d > 0.0, *rho > 0.0) {
        (true, true) => d / rho,
        (true, false) if fault != Some(Fault::WrongMeasure) => f64::INFINITY,
        _ => 0.0,
    };
    visited.iter().zip(data).map(ratio).fold(0.0, f64::max)
}

/// √C ‖e‖_ρ, which bounds the mean of the errors e (S) where the comparator goes.
#[must_use]
pub fn transferred(coverage: f64, data: &[f64], errors: &[f64]) -> f64 {
    let squared = sum(data.iter().zip(errors).map(|(rho, e)| rho * e * e));
    if coverage.is_finite() { (coverage * squared).sqrt() } else { f64::INFINITY }
}

/// How the learner is run, and on what scale.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// η > 0.
    pub eta: f64,
    /// T ≥ 1.
    pub iterations: usize,
    /// B, the largest action value and estimate.
    pub largest: f64,
}

impl Run {
    /// H ln A / η + η T H B² / 8.
    #[must_use]
    pub fn bound(&self, horizon: usize, actions: usize) -> f64 {
        let (h, t) = (horizon as f64, self.iterations as f64);
        h * ln(actions as f64) / self.eta + self.eta * t * h * self.largest * self.largest / 8.0
    }
}

/// What T mirror steps lose against a comparator, and what they may lose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regret {
    /// Σₜ (V^π − V^{π_t}).
    pub regret: f64,
    /// The bound, +∞ if the comparator is not covered.
    pub bound: f64,
}

impl Regret {
    /// Regret divided by its bound: at most 1 if the guarantee holds.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.regret / self.bound
    }
}

/// Runs T mirror steps from the uniform policy against a comparator (H tables S × A). `data` has the law ρ_h of
/// states (S) for each of H steps, and `estimate(h, Q)` makes Q̂ of the exact Q at step h (S × A).
///
/// # Errors
/// [`MdpError`] if the comparator does not fit the process.
pub fn contest(
    process: &Episodic,
    comparator: &[Rows],
    data: &[Vec<f64>],
    run: Run,
    estimate: &mut dyn FnMut(usize, &Rows) -> Rows,
    fault: Option<Fault>,
) -> Result<Regret, MdpError> {
    let wanted = process.performance(&process.evaluate(comparator)?);
    let coverages: Vec<f64> = process
        .occupancies(comparator)?
        .iter()
        .zip(data)
        .map(|(visited, rho)| coverage(visited, rho, fault))
        .collect();
    let (states, actions) = (process.start().len(), process.steps()[0].actions());
    let mut logits = vec![Rows::zeros(states, actions); process.horizon()];
    let rate = if fault == Some(Fault::SignFlip) { -run.eta } else { run.eta };
    let (mut regret, mut bound) = (0.0, run.bound(process.horizon(), actions));
    for _ in 0..run.iterations {
        let policy: Vec<Rows> = logits.iter().map(softmax_policy).collect();
        let evaluations = process.evaluate(&policy)?;
        regret += wanted - process.performance(&evaluations);
        for (h, evaluation) in evaluations.iter().enumerate() {
            let estimated = estimate(h, &evaluation.actions);
            bound +=
                2.0 * transferred(coverages[h], &data[h], &largest_errors(&estimated, &evaluation.actions));
            logits[h].add(rate, &estimated);
        }
    }
    Ok(Regret { regret, bound })
}

/// max_a |Q̂(s, a) − Q(s, a)| for each s.
fn largest_errors(estimated: &Rows, exact: &Rows) -> Vec<f64> {
    let largest = |(x, y): (&[f64], &[f64])| x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
    estimated.iter().zip(exact.iter()).map(largest).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::{
        mdp::{Dynamics, deterministic, dirichlet_rows, greedy},
        stream::{Stream, Streams},
    };

    /// Four steps, three states and actions, transitions from a Dirichlet law, rewards up to 1/4.
    fn random(stream: &mut Stream) -> Episodic {
        let step = |stream: &mut Stream| {
            let transitions = dirichlet_rows(9, 3, 0.3, stream);
            Dynamics::new(transitions, Rows::from_fn(3, 3, |_, _| stream.uniform() / 4.0)).unwrap()
        };
        Episodic::new((0..4).map(|_| step(stream)).collect(), vec![1.0, 0.0, 0.0]).unwrap()
    }

    fn comparators(process: &Episodic, stream: &mut Stream) -> [Vec<Rows>; 3] {
        let chosen: Vec<Vec<usize>> = (0..4).map(|_| (0..3).map(|_| stream.below(3)).collect()).collect();
        [
            process.optimal().iter().map(|e| greedy(&e.actions)).collect(),
            (0..4).map(|_| dirichlet_rows(3, 3, 1.0, stream)).collect(),
            chosen.iter().map(|step| deterministic(step, 3)).collect(),
        ]
    }

    const UNIFORM: [f64; 3] = [1.0 / 3.0; 3];

    /// Largest ratio of regret and bound over twenty processes with three comparators each.
    fn worst(noise: f64, runs: &[(f64, usize)], fault: Option<Fault>) -> f64 {
        let mut worst = f64::NEG_INFINITY;
        for seed in 0..20 {
            let streams = Streams::from_seed(seed);
            let mut stream = streams.stream("process");
            let process = random(&mut stream);
            let data = vec![UNIFORM.to_vec(); 4];
            for comparator in comparators(&process, &mut stream) {
                for (eta, iterations) in runs {
                    let mut noises = streams.stream("noise");
                    let mut estimate = |_: usize, q: &Rows| {
                        Rows::from_fn(3, 3, |s, a| {
                            (q[s][a] + noise * noises.uniform_in(-1.0, 1.0)).clamp(0.0, 1.0)
                        })
                    };
                    let run = Run { eta: *eta, iterations: *iterations, largest: 1.0 };
                    let found = contest(&process, &comparator, &data, run, &mut estimate, fault).unwrap();
                    worst = worst.max(found.ratio());
                }
            }
        }
        worst
    }

    const RUNS: [(f64, usize); 4] = [(0.1, 5), (1.0, 80), (5.0, 30), (30.0, 10)];

    #[test]
    fn regret_stays_far_below_its_bound() {
        let exact = worst(0.0, &RUNS, None);
        assert!(exact > 0.0 && exact < 0.2, "{exact}");
        let noisy = worst(0.3, &RUNS, None);
        assert!(noisy > 0.0 && noisy < exact, "{noisy}");
    }

    #[test]
    fn a_step_in_the_wrong_direction_breaks_it() {
        assert!(worst(0.0, &[(0.2, 400)], Some(Fault::SignFlip)) > 1.0);
    }

    #[test]
    fn coverage_is_infinite_where_there_are_no_data() {
        assert_relative_eq!(coverage(&[0.5, 0.5, 0.0], &[0.25, 0.75, 0.0], None), 2.0);
        assert_eq!(coverage(&[0.5, 0.5], &[1.0, 0.0], None), f64::INFINITY);
        assert_relative_eq!(coverage(&[0.5, 0.5], &[1.0, 0.0], Some(Fault::WrongMeasure)), 0.5);
        assert_eq!(transferred(f64::INFINITY, &[1.0, 0.0], &[0.0, 0.0]), f64::INFINITY);
        assert_relative_eq!(transferred(4.0, &[0.25, 0.75], &[2.0, 0.0]), 2.0);
    }

    #[test]
    fn without_a_penalty_the_step_is_exponential_weighting() {
        let (q, current) = ([1.0, 0.0, -2.0], [0.5, 0.25, 0.25]);
        let step = regularised_step(&q, &current, &UNIFORM, 0.0, 2.0, None);
        let weights: Vec<f64> = q.iter().zip(current).map(|(q, p)| p * (2.0 * q).exp()).collect();
        let total: f64 = weights.iter().sum();
        for (found, weight) in step.iter().zip(&weights) {
            assert_relative_eq!(*found, weight / total, epsilon = 1e-15);
        }
    }
}
