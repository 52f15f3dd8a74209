//! Identities and bounds on generated instances.

mod guarantee;
mod masked_gradient;
mod penalised_step;
mod without_resets;

use proptest::{collection::vec, prelude::*};

use crate::papers::leaf::Paper;

/// Adds the properties to the leaf.
pub fn register(paper: Paper) -> Paper {
    paper
        .property::<guarantee::EstimatedRegret>()
        .property::<guarantee::ExactRegret>()
        .property::<masked_gradient::MaskedGradient>()
        .property::<penalised_step::PenalisedStep>()
        .property::<without_resets::WithoutResets>()
}

/// Logits in quarters, ties included.
fn logits(count: usize) -> BoxedStrategy<Vec<f64>> {
    vec((-12_i32..=12).prop_map(|k| f64::from(k) / 4.0), count).boxed()
}
