//! Functions for comparing other implementations with the reference: advantages, surrogates,
//! penalties and ratios that training libraries share, and the value tracker of this paper.

mod advantages;
mod surrogates;
mod trackers;

use crate::papers::leaf::{Failure, Paper};

/// Adds all functions to the leaf.
pub fn add_to(paper: Paper) -> Paper {
    surrogates::add_to(advantages::add_to(trackers::add_to(paper)))
}

/// Refuses output that JSON cannot hold.
fn finite(what: &str, values: &[f64]) -> Result<(), Failure> {
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(()),
        Some(i) => Err(Failure::invalid(format!("{what}, number {i}, overflows"))),
    }
}

/// Refuses arrays of another length.
fn as_long(what: &str, length: usize, expected: usize) -> Result<(), Failure> {
    if length == expected {
        Ok(())
    } else {
        Err(Failure::invalid(format!("`{what}` has {length} entries; expected {expected}")))
    }
}
