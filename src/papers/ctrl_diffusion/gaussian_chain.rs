//! A denoising chain of Gaussian data and its soft-optimal control, in closed form.
//!
//! Data x₀ ~ N(m, s²), noised by xₜ = a x_{t−1} + √(1 − a²) ε with a = e^{−dt}. Reversing this exactly
//! gives kernels Kₜ(·|x) = N(Aₜx + Bₜ, Cₜ). The label is soft, p(y|x) ∝ N(y; x, τ²), so every value is a
//! quadratic vₜ(x) = −½ q x² + l x + const:
//!
//! ```text
//! q = γ/τ², l = γy/τ²                                    at t = 0
//! P: A' = A/(1 + qC), B' = (B + lC)/(1 + qC), C' = C/(1 + qC)
//! q ← A²q/(1 + qC),   l ← A(l − qB)/(1 + qC)             from one noise level to the next
//! ```

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, chain::Initial};
use crate::{
    kernel::math::{exp, expm1, sum},
    papers::leaf::Failure,
};

/// Gaussian data, a denoising chain and a soft label. Several coordinates are independent and alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianChain {
    /// m, mean of the data.
    pub mean: f64,
    /// s² > 0, variance of the data.
    pub variance: f64,
    /// y.
    pub label: f64,
    /// τ² > 0, variance of the label given the data.
    pub label_variance: f64,
    /// γ ≥ 0.
    pub gamma: f64,
    /// T, number of denoising steps.
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: usize,
    /// dt > 0, time between two noise levels.
    pub dt: f64,
    /// d, number of coordinates; all results are those of one of them.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub dimension: usize,
    /// The law of x_T of the controlled chain.
    pub initial: Initial,
}

impl Default for GaussianChain {
    fn default() -> Self {
        Self {
            mean: 1.0,
            variance: 0.5,
            label: -1.0,
            label_variance: 0.5,
            gamma: 1.0,
            steps: 100,
            dt: 0.05,
            dimension: 1,
            initial: Initial::Tilted,
        }
    }
}

/// A kernel N(gain · x + offset, variance).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Affine {
    /// A.
    pub gain: f64,
    /// B.
    pub offset: f64,
    /// C.
    pub variance: f64,
}

/// A value −½ q x² + l x, up to a constant.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Quadratic {
    /// q.
    pub curvature: f64,
    /// l.
    pub slope: f64,
}

/// A normal law.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Moments {
    /// Mean.
    pub mean: f64,
    /// Variance.
    pub variance: f64,
}

/// A controlled chain and what it was made from.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlledLine {
    /// vₜ for t = 0 … T.
    pub values: Vec<Quadratic>,
    /// Pₜ for t = 1 … T.
    pub kernels: Vec<Affine>,
    /// The law of x_T.
    pub start: Moments,
}

impl Affine {
    /// The kernel ∝ K exp v.
    fn tilted(self, v: Quadratic) -> Self {
        let shrink = 1.0 + v.curvature * self.variance;
        Self {
            gain: self.gain / shrink,
            offset: (self.offset + v.slope * self.variance) / shrink,
            variance: self.variance / shrink,
        }
    }

    /// ln ∫ K(x'|x) exp v(x') dx' as a function of x.
    fn pulled_back(self, v: Quadratic) -> Quadratic {
        let shrink = 1.0 + v.curvature * self.variance;
        Quadratic {
            curvature: self.gain * self.gain * v.curvature / shrink,
            slope: self.gain * (v.slope - v.curvature * self.offset) / shrink,
        }
    }

    /// All mass where v is largest; the kernel itself if v is flat.
    fn greedy(self, v: Quadratic) -> Self {
        if v.curvature > 0.0 {
            Self { gain: 0.0, offset: v.slope / v.curvature, variance: 0.0 }
        } else {
            self
        }
    }

    /// −½ w (y − gain · x − offset)², as a function of x.
    fn log_likelihood(self, precision: f64, label: f64) -> Quadratic {
        Quadratic {
            curvature: precision * self.gain * self.gain,
            slope: precision * self.gain * (label - self.offset),
        }
    }
}

impl ControlledLine {
    /// The law of x₀.
    #[must_use]
    pub fn output(&self) -> Moments {
        self.kernels.iter().rev().fold(self.start, |law, kernel| Moments {
            mean: kernel.gain * law.mean + kernel.offset,
            variance: kernel.gain * kernel.gain * law.variance + kernel.variance,
        })
    }
}

impl GaussianChain {
    /// Refuses what is no chain.
    ///
    /// # Errors
    /// [`Failure::Invalid`].
    pub fn check(&self) -> Result<(), Failure> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        if ![self.variance, self.label_variance, self.dt].into_iter().all(positive) {
            return Err(Failure::invalid(
                "`variance`, `label_variance` and `dt` must be positive and finite",
            ));
        }
        if !(self.gamma >= 0.0 && [self.mean, self.label, self.gamma].iter().all(|x| x.is_finite())) {
            return Err(Failure::invalid(
                "`mean` and `label` must be finite, and `gamma` finite and not negative",
            ));
        }
        if !(1..=10_000).contains(&self.steps) || !(1..=1_000_000).contains(&self.dimension) {
            return Err(Failure::invalid("needs 1 ≤ `steps` ≤ 10000 and 1 ≤ `dimension` ≤ 1000000"));
        }
        Ok(())
    }

    /// The pre-trained kernels K₁ … K_T, and the law of x_T. With prior N(μ, σ²) of x_{t−1} and
    /// S = a²σ² + 1 − a²: A = aσ²/S, B = μ(1 − aA), C = σ²(1 − a²)/S.
    #[must_use]
    pub fn pretrained(&self) -> (Vec<Affine>, Moments) {
        let (a, noise) = (exp(-self.dt), -expm1(-2.0 * self.dt));
        let mut law = Moments { mean: self.mean, variance: self.variance };
        let kernels = (0..self.steps)
            .map(|_| {
                let noised = a * a * law.variance + noise;
                let gain = a * law.variance / noised;
                let offset = law.mean * (1.0 - a * gain);
                let kernel = Affine { gain, offset, variance: law.variance * noise / noised };
                law = Moments { mean: a * law.mean, variance: noised };
                kernel
            })
            .collect();
        (kernels, law)
    }

    /// The soft-optimal chain, by backward induction over v.
    #[must_use]
    pub fn soft_optimal(&self, fault: Option<Fault>) -> ControlledLine {
        if fault == Some(Fault::PlugInClassifier) {
            return self.plug_in(None);
        }
        let strength = self.strength(fault);
        let mut values = vec![Quadratic {
            curvature: strength / self.label_variance,
            slope: strength * self.label / self.label_variance,
        }];
        for (earlier, kernel) in self.pretrained().0.iter().enumerate() {
            values.push(kernel.pulled_back(values[earlier]));
        }
        self.controlled(values, fault)
    }

    /// Plug-in guidance: every kernel is tilted by γ ln N(y; E\[x₀|x_{t−1}\], τ²) in place of v_{t−1}.
    #[must_use]
    pub fn plug_in(&self, fault: Option<Fault>) -> ControlledLine {
        let strength = self.strength(fault);
        let value = |t| self.guess(t).log_likelihood(strength / self.label_variance, self.label);
        self.controlled((0..=self.steps).map(value).collect(), fault)
    }

    /// γ ln p(y|xₜ) for γ = 1, and in general ln E\[N(y; x₀, τ²)^γ | xₜ\], by Bayes' rule instead of
    /// induction: given xₜ, y with noise τ²/γ is normal with variance Var\[x₀|xₜ\] + τ²/γ.
    #[must_use]
    pub fn classifier(&self, t: usize) -> Quadratic {
        let guess = self.guess(t);
        let precision = self.gamma / (self.label_variance + self.gamma * guess.variance);
        guess.log_likelihood(precision, self.label)
    }

    /// p_γ: precision 1/s² + γ/τ², mean (m/s² + γy/τ²) over it.
    #[must_use]
    pub fn target(&self) -> Moments {
        let precision = 1.0 / self.variance + self.gamma / self.label_variance;
        let weighted = self.mean / self.variance + self.gamma * self.label / self.label_variance;
        Moments { mean: weighted / precision, variance: 1.0 / precision }
    }

    /// The strength that the reward has against a divergence of weight one.
    fn strength(&self, fault: Option<Fault>) -> f64 {
        match fault {
            Some(Fault::DoubleTemperature) => 2.0 * self.gamma,
            // The optimum of γR − KL/d is that of γdR − KL.
            Some(Fault::MeanReduction) => self.gamma * self.dimension as f64,
            _ => self.gamma,
        }
    }

    fn controlled(&self, values: Vec<Quadratic>, fault: Option<Fault>) -> ControlledLine {
        let (kernels, law) = self.pretrained();
        let control = |(earlier, kernel): (usize, &Affine)| match fault {
            Some(Fault::LastStepOnly) if earlier > 0 => *kernel,
            Some(Fault::NoKl) => kernel.greedy(values[earlier]),
            _ => kernel.tilted(values[earlier]),
        };
        let controlled = kernels.iter().enumerate().map(control).collect();
        let start = match (self.initial, fault) {
            (Initial::Kept, _) | (_, Some(Fault::LastStepOnly)) => law,
            (Initial::Tilted, _) => {
                let start = Affine { gain: 0.0, offset: law.mean, variance: law.variance };
                let Affine { offset, variance, .. } = start.tilted(values[self.steps]);
                Moments { mean: offset, variance }
            }
        };
        ControlledLine { values, kernels: controlled, start }
    }

    /// The law of x₀ given xₜ.
    fn guess(&self, t: usize) -> Affine {
        let time = self.dt * t as f64;
        let (a, noise) = (exp(-time), -expm1(-2.0 * time));
        let noised = a * a * self.variance + noise;
        let gain = a * self.variance / noised;
        Affine { gain, offset: self.mean * (1.0 - a * gain), variance: self.variance * noise / noised }
    }
}

/// KL(N(μ, σ²I) ‖ N(μ_pre, σ²I)) = ‖μ − μ_pre‖²/2σ², in nats.
#[must_use]
pub fn step_divergence(mean: &[f64], pretrained: &[f64], deviation: f64, fault: Option<Fault>) -> f64 {
    let squares = sum(mean.iter().zip(pretrained).map(|(a, b)| {
        let gap = (a - b) / deviation;
        gap * gap
    }));
    // The authors' code takes the mean over all coordinates of an image here.
    let count = if fault == Some(Fault::MeanReduction) { mean.len() as f64 } else { 1.0 };
    0.5 * squares / count
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_output_of_the_soft_optimal_chain() {
        let output = GaussianChain::default().soft_optimal(None).output();
        assert_relative_eq!(output.mean, 0.0, epsilon = 1e-15);
        assert_relative_eq!(output.variance, 0.25, epsilon = 1e-15);
    }

    #[test]
    fn known_output_of_plug_in_guidance() {
        for initial in [Initial::Tilted, Initial::Kept] {
            let chain = GaussianChain { initial, ..GaussianChain::default() };
            let output = chain.plug_in(None).output();
            assert_relative_eq!(output.mean, -0.2354, epsilon = 5e-5);
            assert_relative_eq!(output.variance, 0.2246, epsilon = 5e-5);
        }
    }

    #[test]
    fn known_bias_of_the_untilted_start() {
        for (steps, bias, digits) in [(1, 0.037_656, 1e-6), (4, 8.388_7e-5, 1e-8), (10, 5.153e-10, 1e-13)] {
            let chain = GaussianChain { steps, dt: 1.0, initial: Initial::Kept, ..GaussianChain::default() };
            assert_relative_eq!(chain.soft_optimal(None).output().mean, bias, epsilon = digits);
        }
    }

    #[test]
    fn averaging_the_divergence_sharpens_as_much_as_a_larger_gamma() {
        let averaged = GaussianChain { dimension: 8, ..GaussianChain::default() };
        let sharper = GaussianChain { gamma: 8.0, ..GaussianChain::default() };
        let output = averaged.soft_optimal(Some(Fault::MeanReduction)).output();
        assert_relative_eq!(output.mean, sharper.target().mean, epsilon = 1e-13);
        assert_relative_eq!(output.variance, sharper.target().variance, epsilon = 1e-13);
    }

    #[test]
    fn the_divergence_of_a_step_by_hand() {
        let (mean, pretrained) = ([3.0, 4.0], [0.0, 0.0]);
        assert_relative_eq!(step_divergence(&mean, &pretrained, 5.0, None), 0.5);
        assert_relative_eq!(step_divergence(&mean, &pretrained, 5.0, Some(Fault::MeanReduction)), 0.25);
    }
}
