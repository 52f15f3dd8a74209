//! Curvature of the last layer without matrices.

use super::Fault;
use crate::kernel::{math::dot, tokens::Rows};

/// A context: features h ∈ R^d of the last layer, and π(·|h) ∈ R^V.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// h.
    pub features: Vec<f64>,
    /// π.
    pub policy: Vec<f64>,
}

/// A sampled token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Index of its context.
    pub context: usize,
    /// v.
    pub token: usize,
    /// A.
    pub advantage: f64,
}

impl Context {
    /// u = Δh ∈ R^V: how a step Δ ∈ R^(V×d) moves the logits.
    pub fn moved<'a>(&'a self, step: &'a Rows) -> impl Iterator<Item = f64> + 'a {
        step.iter().map(|row| dot(row, &self.features))
    }

    /// Var_π(u) = E u² − (E u)².
    #[must_use]
    pub fn variance(&self, step: &Rows, fault: Option<Fault>) -> f64 {
        let mean = match fault {
            Some(Fault::MissingOuterProduct) => 0.0,
            _ => self.moved(step).zip(&self.policy).map(|(u, p)| u * p).sum(),
        };
        self.moved(step).zip(&self.policy).map(|(u, p)| p * (u - mean) * (u - mean)).sum()
    }

    /// sᵀu = u_v − E_π u, the slope of ln π(v) along Δ.
    #[must_use]
    pub fn slope(&self, token: usize, step: &Rows) -> f64 {
        self.moved(step)
            .zip(&self.policy)
            .enumerate()
            .map(|(v, (u, p))| u * (f64::from(u8::from(v == token)) - p))
            .sum()
    }

    /// Adds `weight` · s hᵀ, the gradient of ln π(v) with respect to W.
    pub fn add_score(&self, token: usize, weight: f64, gradient: &mut Rows) {
        for (v, p) in self.policy.iter().enumerate() {
            let score = weight * (f64::from(u8::from(v == token)) - p);
            gradient[v].iter_mut().zip(&self.features).for_each(|(g, h)| *g += score * h);
        }
    }

    /// Adds `weight` · (diag π − ππᵀ)u hᵀ, the product of this context's Fisher matrix with Δ.
    pub fn add_fisher(&self, step: &Rows, weight: f64, product: &mut Rows) {
        let mean: f64 = self.moved(step).zip(&self.policy).map(|(u, p)| u * p).sum();
        for (v, p) in self.policy.iter().enumerate() {
            let flow = weight * p * (dot(&step[v], &self.features) - mean);
            product[v].iter_mut().zip(&self.features).for_each(|(g, h)| *g += flow * h);
        }
    }
}

/// Δᵀ∇²(Σ A ln π)Δ = −Σ A Var_π(Δh): the curvature of the surrogate of sampled tokens.
#[must_use]
pub fn surrogate_curvature(
    contexts: &[Context],
    samples: &[Sample],
    step: &Rows,
    fault: Option<Fault>,
) -> f64 {
    -samples.iter().map(|s| s.advantage * contexts[s.context].variance(step, fault)).sum::<f64>()
}

/// Mean over sampled tokens of A((sᵀu)² − Var_π(u)): an estimate of ΔᵀHΔ.
#[must_use]
pub fn objective_curvature(contexts: &[Context], samples: &[Sample], step: &Rows) -> f64 {
    let terms = samples.iter().map(|s| {
        let context = &contexts[s.context];
        let slope = context.slope(s.token, step);
        s.advantage * (slope * slope - context.variance(step, None))
    });
    terms.sum::<f64>() / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::bandit::Bandit;
    use super::*;
    use crate::kernel::math::softmax;
    use approx::assert_relative_eq;

    /// With one context of one feature, and every token once, weighted by its probability.
    #[test]
    fn estimates_are_those_of_the_bandit_in_expectation() {
        let bandit = Bandit { logits: vec![0.4, -0.3, 0.9], rewards: vec![1.0, 0.0, 0.6] };
        let contexts = [Context { features: vec![1.0], policy: softmax(&bandit.logits) }];
        let step = Rows::from_fn(3, 1, |v, _| [0.7, -0.2, 0.1][v]);
        let samples: Vec<Sample> = (0..3)
            .map(|v| Sample {
                context: 0,
                token: v,
                advantage: 3.0 * contexts[0].policy[v] * (bandit.rewards[v] - 0.25),
            })
            .collect();
        assert_relative_eq!(
            objective_curvature(&contexts, &samples, &step),
            bandit.curvature(step.values()),
            epsilon = 1e-15
        );
        assert_relative_eq!(
            contexts[0].variance(&step, None),
            bandit.fisher(step.values(), None),
            epsilon = 1e-15
        );
    }
}
