//! What is measured: populations without randomness, and estimators on samples.

mod dimensions;
mod finite_grid;
mod finite_sample;
mod fixed_design;
mod random_design;
mod two_states;

use crate::papers::leaf::Paper;

/// Adds all experiments to the paper.
pub fn register(paper: Paper) -> Paper {
    paper
        .experiment::<two_states::TwoStates>()
        .experiment::<finite_grid::FiniteGrid>()
        .experiment::<dimensions::Dimensions>()
        .experiment::<fixed_design::FixedDesign>()
        .experiment::<random_design::RandomDesign>()
        .experiment::<finite_sample::FiniteSample>()
}
