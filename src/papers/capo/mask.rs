//! Masking: the tokens that would shift the policy too far are dropped.

use super::{
    Fault,
    last_layer::{Context, Sample},
};
use crate::kernel::{stream::Stream, tokens::Rows};

/// A trust region: contexts that share parameters, and the tokens sampled there. With independent
/// rows, each prompt of a batch is one; with a shared W, the whole batch is.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The contexts.
    pub contexts: Vec<Context>,
    /// The tokens.
    pub samples: Vec<Sample>,
}

/// Which token is dropped first.
pub enum Selection<'a> {
    /// The one with the largest share of the predicted shift; the first of equals.
    Largest,
    /// The one with the smallest.
    Smallest,
    /// Any.
    Random(&'a mut Stream),
}

/// What is left of a region.
#[derive(Clone, Debug, PartialEq)]
pub struct Masked {
    /// Whether each token was kept.
    pub kept: Vec<bool>,
    /// The step Δ of the tokens kept, V × d.
    pub step: Rows,
    /// Its predicted shift m_F(Δ).
    pub shift: f64,
}

impl Region {
    /// Δ = scale · Σ A s hᵀ over the tokens kept: gradient ascent with scale = α/N, for learning rate
    /// α and N responses in the batch.
    pub fn step(&self, kept: &[bool], scale: f64, step: &mut Rows) {
        step.clear();
        for (k, context) in self.contexts.iter().enumerate() {
            // s = e_v − π: a context's tokens share −π, which is added once for all of them.
            let mut total = 0.0;
            let own = self.samples.iter().zip(kept).filter(|(sample, kept)| **kept && sample.context == k);
            for (sample, _) in own {
                let weight = scale * sample.advantage;
                total += weight;
                add(&mut step[sample.token], weight, &context.features);
            }
            for (v, p) in context.policy.iter().enumerate() {
                add(&mut step[v], -total * p, &context.features);
            }
        }
    }

    /// m_F(Δ) = ½ · mean over contexts of Var_π(Δh), the predicted mean divergence.
    #[must_use]
    pub fn shift(&self, step: &Rows) -> f64 {
        let total: f64 = self.contexts.iter().map(|context| context.variance(step, None)).sum();
        0.5 * total / self.contexts.len().max(1) as f64
    }

    /// cᵢ = scale · Aᵢ sᵢᵀ(FΔ)hᵢ: each token's share of ΔᵀFΔ. Since Δ is linear in the tokens, the
    /// shares of the tokens kept sum to ΔᵀFΔ = 2 m_F(Δ).
    #[must_use]
    pub fn shares(&self, step: &Rows, scale: f64, fault: Option<Fault>) -> Vec<f64> {
        let mut product = Rows::zeros(step.count(), step.width());
        for context in &self.contexts {
            context.add_fisher(step, 1.0 / self.contexts.len() as f64, &mut product);
        }
        self.samples
            .iter()
            .map(|sample| {
                let weight = if fault == Some(Fault::UnweightedSplit) { 1.0 } else { sample.advantage };
                scale * weight * self.contexts[sample.context].slope(sample.token, &product)
            })
            .collect()
    }

    /// Drops tokens one by one until m_F ≤ `threshold`.
    #[must_use]
    pub fn mask(&self, scale: f64, threshold: f64, mut selection: Selection<'_>) -> Masked {
        let vocabulary = self.contexts.first().map_or(0, |context| context.policy.len());
        let features = self.contexts.first().map_or(0, |context| context.features.len());
        let mut kept = vec![true; self.samples.len()];
        let mut step = Rows::zeros(vocabulary, features);
        loop {
            self.step(&kept, scale, &mut step);
            let shift = self.shift(&step);
            let candidates = || (0..kept.len()).filter(|i| kept[*i]);
            if shift <= threshold || candidates().next().is_none() {
                return Masked { kept, step, shift };
            }
            let dropped = match &mut selection {
                Selection::Random(stream) => candidates().nth(stream.below(candidates().count())),
                Selection::Largest => {
                    let shares = self.shares(&step, scale, None);
                    candidates().reduce(|best, i| if shares[i] > shares[best] { i } else { best })
                }
                Selection::Smallest => {
                    let shares = self.shares(&step, scale, None);
                    candidates().reduce(|best, i| if shares[i] < shares[best] { i } else { best })
                }
            };
            if let Some(i) = dropped {
                kept[i] = false;
            }
        }
    }
}

fn add(row: &mut [f64], weight: f64, features: &[f64]) {
    row.iter_mut().zip(features).for_each(|(x, h)| *x += weight * h);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{math::softmax, tokens::Estimator};
    use approx::assert_relative_eq;

    fn region() -> Region {
        let advantages = Estimator::GRPO.of(&[1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let samples = [0, 2, 2, 1, 3, 0, 1, 2]
            .iter()
            .zip(advantages)
            .map(|(token, advantage)| Sample { context: 0, token: *token, advantage })
            .collect();
        let policy = softmax(&[0.0, 0.5, -0.5, 0.2]);
        Region { contexts: vec![Context { features: vec![1.0], policy }], samples }
    }

    #[test]
    fn known_masks() {
        let dropped = |masked: &Masked| -> Vec<usize> {
            masked.kept.iter().enumerate().filter(|(_, kept)| !**kept).map(|(i, _)| i).collect()
        };
        let masked = region().mask(30.0 / 24.0, 0.3, Selection::Largest);
        assert!(dropped(&masked).is_empty());
        assert_relative_eq!(masked.shift, 0.255_475_483_8, epsilon = 1e-9);
        let known = [0.645_497_22, 0.645_497_22, -0.322_748_61, -0.968_245_84];
        for (d, known) in masked.step.values().iter().zip(known) {
            assert_relative_eq!(*d, known, epsilon = 5e-9);
        }
        for threshold in [0.3, 0.1] {
            let masked = region().mask(60.0 / 24.0, threshold, Selection::Largest);
            assert_eq!(dropped(&masked), [0, 6]);
            assert_relative_eq!(masked.shift, 0.070_238_325_9, epsilon = 1e-9);
            let known = [-0.494_572_94, 0.440_830_41, 0.229_070_69, -0.175_328_16];
            for (d, known) in masked.step.values().iter().zip(known) {
                assert_relative_eq!(*d, known, epsilon = 5e-9);
            }
        }
    }

    #[test]
    fn nothing_is_left_if_no_token_fits() {
        let masked = region().mask(1e4, 1e-9, Selection::Largest);
        assert!(masked.kept.iter().all(|kept| !kept));
        assert_eq!(masked.shift, 0.0);
        let empty = Region { contexts: vec![], samples: vec![] }.mask(1.0, 0.1, Selection::Largest);
        assert!(empty.kept.is_empty());
    }
}
