//! What is measured: small searches without randomness, and evaluations from samples.

mod capacity;
mod coverage;
mod emulation;
mod estimation;
mod evaluation;
mod horizon;
mod petals;
mod resets;
mod search;
mod trees;

use crate::papers::leaf::{Failure, Paper};

/// Adds all experiments to the paper.
pub fn register(paper: Paper) -> Paper {
    paper
        .experiment::<capacity::Capacity>()
        .experiment::<coverage::Coverage>()
        .experiment::<trees::Trees>()
        .experiment::<estimation::Estimation>()
        .experiment::<horizon::Horizon>()
        .experiment::<petals::Petals>()
        .experiment::<resets::MuResets>()
        .experiment::<search::Search>()
        .experiment::<emulation::Emulation>()
}

/// Holds a count of a setting to at least `least`.
fn hold(name: &str, count: usize, least: usize) -> Result<(), Failure> {
    if count < least {
        return Err(Failure::invalid(format!("`{name}` must be at least {least}")));
    }
    Ok(())
}
