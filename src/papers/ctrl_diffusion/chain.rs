//! Finite chains and their soft-optimal control.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        divergence::kl,
        math::{dot, exp, ln, log_sum_exp, sum, tanh},
        splitmix::SplitMix64,
    },
    papers::leaf::Failure,
};

/// The law of x_T of a controlled chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Initial {
    /// ν, as in the pre-trained chain.
    Kept,
    /// Proportional to ν exp v_T.
    Tilted,
}

/// A pre-trained chain on M states and T steps, with a control. Rows sum to one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// Kₜ(x'|x), indexed \[t − 1\]\[x\]\[x'\]: the first kernel makes x₀ of x₁.
    pub kernels: Vec<Vec<Vec<f64>>>,
    /// ν(x_T).
    pub start: Vec<f64>,
    /// p(y|x) of the wanted label y, for each state x.
    pub likelihood: Vec<f64>,
    /// γ ≥ 0.
    pub gamma: f64,
    /// The law of x_T of the controlled chain.
    pub initial: Initial,
}

/// A law of paths (x_T, …, x₀).
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// The law of x_T.
    pub start: Vec<f64>,
    /// Indexed \[t − 1\]\[x\]\[x'\].
    pub kernels: Vec<Vec<Vec<f64>>>,
}

/// A controlled chain and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Controlled {
    /// vₜ(x), indexed \[t\]\[x\] for t = 0 … T; −∞ where the label is impossible.
    pub values: Vec<Vec<f64>>,
    /// The controlled chain.
    pub sampler: Sampler,
}

impl Sampler {
    /// The laws of x₀, …, x_T, indexed \[t\]\[x\].
    #[must_use]
    pub fn laws(&self) -> Vec<Vec<f64>> {
        let mut laws = vec![self.start.clone()];
        for kernel in self.kernels.iter().rev() {
            laws.push(step(&laws[laws.len() - 1], kernel));
        }
        laws.reverse();
        laws
    }

    /// The law of x₀.
    #[must_use]
    pub fn output(&self) -> Vec<f64> {
        self.kernels.iter().rev().fold(self.start.clone(), |law, kernel| step(&law, kernel))
    }

    /// KL of path laws, KL(self ‖ other), by visiting all M^{T+1} paths; not finite if `other` misses
    /// some of them.
    #[must_use]
    pub fn path_divergence(&self, other: &Self) -> f64 {
        let mut terms = Vec::new();
        for (x, (p, q)) in self.start.iter().zip(&other.start).enumerate() {
            self.walk(other, self.kernels.len(), x, (*p, *q), &mut terms);
        }
        sum(terms)
    }

    /// Follows every path on from xₜ = `x`, which the two laws have reached with probabilities (p, q).
    fn walk(&self, other: &Self, t: usize, x: usize, (p, q): (f64, f64), terms: &mut Vec<f64>) {
        if p == 0.0 {
            return;
        }
        if t == 0 {
            terms.push(p * (ln(p) - ln(q)));
            return;
        }
        for (next, (a, b)) in self.kernels[t - 1][x].iter().zip(&other.kernels[t - 1][x]).enumerate() {
            self.walk(other, t - 1, next, (p * a, q * b), terms);
        }
    }
}

impl Chain {
    /// The numbered random chain with M states, T steps and Y labels, label 0 wanted, γ = 1: uniform
    /// points of simplices for the kernels in the order of t and x, for ν, and for p(·|x) of each x.
    #[must_use]
    pub fn numbered(seed: u64, states: usize, steps: usize, labels: usize, initial: Initial) -> Self {
        let mut generator = SplitMix64::new(seed);
        let kernels = (0..steps).map(|_| (0..states).map(|_| generator.simplex(states)).collect()).collect();
        let start = generator.simplex(states);
        let likelihood = (0..states).map(|_| generator.simplex(labels)[0]).collect();
        Self { kernels, start, likelihood, gamma: 1.0, initial }
    }

    /// Refuses what is no chain.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let states = self.start.len();
        let is_law = |row: &Vec<f64>| {
            row.len() == states
                && row.iter().all(|p| *p >= 0.0)
                && (sum(row.iter().copied()) - 1.0).abs() < 1e-9
        };
        if states == 0 || self.kernels.is_empty() || self.kernels.len() > 10_000 {
            return Err(Failure::invalid("needs a state, and from 1 to 10000 kernels"));
        }
        if !is_law(&self.start) || !self.kernels.iter().all(|k| k.len() == states && k.iter().all(is_law)) {
            return Err(Failure::invalid(
                "`start` and every row of the `kernels`, one a state, must be probabilities of all states",
            ));
        }
        if self.likelihood.len() != states || !self.likelihood.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(Failure::invalid("`likelihood` must hold a probability for each state"));
        }
        if !(0.0..=1e6).contains(&self.gamma) {
            return Err(Failure::invalid("`gamma` must lie between 0 and 1e6"));
        }
        Ok(())
    }

    /// The chain without control.
    #[must_use]
    pub fn pretrained(&self) -> Sampler {
        Sampler { start: self.start.clone(), kernels: self.kernels.clone() }
    }

    /// v₀ = γ ln p(y|x), with 0 · ln 0 = 0.
    #[must_use]
    pub fn reward(&self, fault: Option<Fault>) -> Vec<f64> {
        let strength = match fault {
            Some(Fault::DoubleTemperature) => 2.0 * self.gamma,
            Some(Fault::NegativeRewardSign) => -self.gamma,
            _ => self.gamma,
        };
        self.likelihood.iter().map(|p| if strength == 0.0 { 0.0 } else { strength * ln(*p) }).collect()
    }

    /// The soft-optimal chain, by backward induction over v.
    #[must_use]
    pub fn soft_optimal(&self, fault: Option<Fault>) -> Controlled {
        let mut values = vec![self.reward(fault)];
        let mut kernels = Vec::new();
        for (earlier, kernel) in self.kernels.iter().enumerate() {
            let ahead = &values[earlier];
            let (mut rows, mut value) = (Vec::new(), Vec::new());
            for row in kernel {
                let (tilted, normaliser) = tilt(row, ahead);
                rows.push(match fault {
                    Some(Fault::LastStepOnly) if earlier > 0 => row.clone(),
                    Some(Fault::NoKl) => greedy(row, ahead),
                    _ => tilted,
                });
                value.push(normaliser);
            }
            if fault == Some(Fault::PlugInClassifier) {
                value = self.plug_in(earlier + 1);
            }
            kernels.push(rows);
            values.push(value);
        }
        let start = match (self.initial, fault) {
            (Initial::Kept, _) | (_, Some(Fault::LastStepOnly)) => self.start.clone(),
            (Initial::Tilted, _) => tilt(&self.start, &values[self.kernels.len()]).0,
        };
        Controlled { values, sampler: Sampler { start, kernels } }
    }

    /// p_γ(x) ∝ p_pre(x) p(y|x)^γ; nothing if the label is impossible.
    #[must_use]
    pub fn target(&self) -> Option<Vec<f64>> {
        let (law, normaliser) = tilt(&self.pretrained().output(), &self.reward(None));
        normaliser.is_finite().then_some(law)
    }

    /// J(P) = E_P\[γ ln p(y|x₀)\] − Σₜ E_P\[KL(Pₜ ‖ Kₜ)\], with x_T from the law of the sampler; its
    /// divergence from ν is not charged.
    #[must_use]
    pub fn objective(&self, sampler: &Sampler, fault: Option<Fault>) -> f64 {
        let laws = sampler.laws();
        let reward = expectation(&laws[0], &self.reward(None));
        let costs =
            self.kernels.iter().zip(&sampler.kernels).zip(&laws[1..]).map(|((kernel, control), law)| {
                let divergences: Vec<f64> = kernel
                    .iter()
                    .zip(control)
                    .map(|(k, p)| if fault == Some(Fault::ReverseKl) { kl(k, p) } else { kl(p, k) })
                    .collect();
                expectation(law, &divergences)
            });
        reward - sum(costs)
    }

    /// The law of x₀ given xₜ = x under the pre-trained chain.
    #[must_use]
    pub fn denoised(&self, t: usize, x: usize) -> Vec<f64> {
        let mut law = vec![0.0; self.start.len()];
        law[x] = 1.0;
        self.kernels[..t].iter().rev().fold(law, |law, kernel| step(&law, kernel))
    }

    /// E\[p(y|x₀)^γ | xₜ = x\] for each x; the classifier of noise level t if γ = 1.
    #[must_use]
    pub fn classifier(&self, t: usize) -> Vec<f64> {
        let weights: Vec<f64> = self.reward(None).iter().map(|r| exp(*r)).collect();
        (0..self.start.len()).map(|x| dot(&self.denoised(t, x), &weights)).collect()
    }

    /// γ ln p(y|x̂) for each x, where x̂ is the state nearest to E\[x₀|xₜ = x\], states being numbers.
    fn plug_in(&self, t: usize) -> Vec<f64> {
        let reward = self.reward(None);
        let positions: Vec<f64> = (0..self.start.len()).map(|x| x as f64).collect();
        let nearest = |x| dot(&self.denoised(t, x), &positions).round() as usize;
        (0..self.start.len()).map(|x| reward[nearest(x).min(reward.len() - 1)]).collect()
    }

    /// Bound tanh(osc(v_T)/4) on the total variation between the output and p_γ if x_T is drawn from ν;
    /// osc is the largest minus the smallest value on the support of ν.
    ///
    /// The laws ν and ν exp v_T have a density ratio within a factor e^{osc}, and mapping both through
    /// the same kernels cannot part them.
    #[must_use]
    pub fn start_bias_bound(&self, fault: Option<Fault>) -> f64 {
        if fault == Some(Fault::ExactClaimUntilted) {
            return 0.0;
        }
        let values = &self.soft_optimal(None).values[self.kernels.len()];
        let reached = || self.start.iter().zip(values).filter(|(p, _)| **p > 0.0).map(|(_, v)| *v);
        let oscillation =
            reached().fold(f64::NEG_INFINITY, f64::max) - reached().fold(f64::INFINITY, f64::min);
        tanh(oscillation / 4.0)
    }
}

/// Bound tanh(γδ/2) on the total variation between the laws that two classifiers p̂ and p give, if
/// |ln p̂ − ln p| ≤ δ everywhere: their weights differ by factors within e^{±γδ}.
#[must_use]
pub fn classifier_error_bound(gamma: f64, delta: f64, fault: Option<Fault>) -> f64 {
    tanh(if fault == Some(Fault::DropGamma) { delta } else { gamma * delta } / 2.0)
}

/// One step of a law.
fn step(law: &[f64], kernel: &[Vec<f64>]) -> Vec<f64> {
    (0..law.len()).map(|next| sum(law.iter().zip(kernel).map(|(p, row)| p * row[next]))).collect()
}

/// The row proportional to `row` · exp(`values`), and the logarithm of what it was divided by. A row
/// without any weight stays as it is, and its logarithm is −∞.
pub fn tilt(row: &[f64], values: &[f64]) -> (Vec<f64>, f64) {
    let logits: Vec<f64> = row.iter().zip(values).map(|(p, v)| ln(*p) + v).collect();
    let normaliser = log_sum_exp(&logits);
    if normaliser == f64::NEG_INFINITY {
        return (row.to_vec(), normaliser);
    }
    (logits.iter().map(|l| exp(l - normaliser)).collect(), normaliser)
}

/// All mass on the first of the states of largest value that the row can reach.
fn greedy(row: &[f64], values: &[f64]) -> Vec<f64> {
    let reached = (0..row.len()).filter(|x| row[*x] > 0.0);
    let best = reached.reduce(|best, x| if values[x] > values[best] { x } else { best });
    let mut mass = vec![0.0; row.len()];
    if let Some(best) = best {
        mass[best] = 1.0;
    }
    mass
}

/// Σ p f over the outcomes of positive probability; f may be infinite elsewhere.
fn expectation(law: &[f64], values: &[f64]) -> f64 {
    sum(law.iter().zip(values).filter(|(p, _)| **p > 0.0).map(|(p, v)| p * v))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{divergence::total_variation, math::mean};
    use approx::assert_relative_eq;

    fn numbered(initial: Initial) -> impl Iterator<Item = Chain> {
        (0..50).map(move |seed| Chain::numbered(seed, 6, 4, 3, initial))
    }

    /// Total variation between output and target of the fifty numbered chains.
    fn errors(initial: Initial, fault: Option<Fault>) -> Vec<f64> {
        numbered(initial)
            .map(|c| total_variation(&c.soft_optimal(fault).sampler.output(), &c.target().unwrap()))
            .collect()
    }

    fn smallest(values: &[f64]) -> f64 {
        values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    fn largest(values: &[f64]) -> f64 {
        values.iter().copied().fold(0.0, f64::max)
    }

    #[test]
    fn the_output_is_the_conditional_and_mistakes_miss_it_by_known_amounts() {
        assert!(largest(&errors(Initial::Tilted, None)) <= 3e-16);
        let double = errors(Initial::Tilted, Some(Fault::DoubleTemperature));
        assert_relative_eq!(smallest(&double), 0.067_175_4, epsilon = 1e-7);
        assert_relative_eq!(mean(&double), 0.172_968_6, epsilon = 1e-7);
        let last = errors(Initial::Tilted, Some(Fault::LastStepOnly));
        assert_relative_eq!(smallest(&last), 0.005_260_6, epsilon = 1e-7);
        assert_relative_eq!(mean(&last), 0.039_790_2, epsilon = 1e-7);
        assert_relative_eq!(
            smallest(&errors(Initial::Tilted, Some(Fault::NoKl))),
            0.368_194_1,
            epsilon = 1e-7
        );
    }

    #[test]
    fn losses_are_divergences_of_paths() {
        let (mut worst, mut reversed) = (0.0_f64, f64::INFINITY);
        for (seed, chain) in (0..50).zip(numbered(Initial::Kept)) {
            let best = chain.soft_optimal(None);
            let mut generator = SplitMix64::new(seed + 999);
            let kernels = (0..4).map(|_| (0..6).map(|_| generator.simplex(6)).collect()).collect();
            let other = Sampler { start: chain.start.clone(), kernels };
            let divergence = other.path_divergence(&best.sampler);
            let gap =
                |fault| chain.objective(&best.sampler, fault) - chain.objective(&other, fault) - divergence;
            let optimum = chain.objective(&best.sampler, None) - dot(&chain.start, &best.values[4]);
            worst = worst.max(gap(None).abs()).max(optimum.abs());
            reversed = reversed.min(gap(Some(Fault::ReverseKl)).abs());
        }
        assert!(worst <= 1e-13, "{worst}");
        assert_relative_eq!(reversed, 0.009_291_2, epsilon = 1e-7);
    }

    #[test]
    fn values_are_classifiers() {
        for chain in numbered(Initial::Kept) {
            let values = chain.soft_optimal(None).values;
            for (t, value) in values.iter().enumerate() {
                for (v, p) in value.iter().zip(chain.classifier(t)) {
                    assert_relative_eq!(exp(*v), p, epsilon = 1e-14);
                }
            }
        }
    }

    #[test]
    fn two_states_by_hand() {
        // K sends both states to 0 and 1 evenly; the label is certain at 1 and a coin toss at 0.
        let chain = Chain {
            kernels: vec![vec![vec![0.5, 0.5]; 2]],
            start: vec![1.0, 0.0],
            likelihood: vec![0.5, 1.0],
            gamma: 1.0,
            initial: Initial::Kept,
        };
        let controlled = chain.soft_optimal(None);
        assert_relative_eq!(exp(controlled.values[1][0]), 0.75, epsilon = 1e-15);
        assert_relative_eq!(controlled.sampler.kernels[0][0][1], 2.0 / 3.0, epsilon = 1e-15);
        assert_relative_eq!(chain.target().unwrap()[0], 1.0 / 3.0, epsilon = 1e-15);
    }

    #[test]
    fn an_impossible_label_has_no_target_and_breaks_nothing() {
        let mut chain = Chain::numbered(0, 3, 2, 2, Initial::Tilted);
        chain.likelihood = vec![0.0; 3];
        assert_eq!(chain.target(), None);
        let output = chain.soft_optimal(None).sampler.output();
        assert_relative_eq!(sum(output), 1.0, epsilon = 1e-14);
        chain.gamma = 0.0;
        let target = chain.target().unwrap();
        assert_relative_eq!(total_variation(&target, &chain.pretrained().output()), 0.0, epsilon = 1e-15);
    }
}
