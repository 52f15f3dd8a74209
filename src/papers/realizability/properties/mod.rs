//! Identities and inequalities on generated problems.

mod amplification;
mod loss;
mod noise;
mod structure;
mod value;

use proptest::{collection::vec, prelude::*};

use super::problem::Problem;
use crate::papers::leaf::{Failure, Paper};

/// Adds all properties to the paper.
pub fn register(paper: Paper) -> Paper {
    paper
        .property::<loss::LossIdentity>()
        .property::<amplification::Amplification>()
        .property::<noise::NoiseAmplification>()
        .property::<structure::GeneralisedEigenvalues>()
        .property::<structure::Completeness>()
        .property::<structure::OnPolicy>()
        .property::<value::ValueErrors>()
}

/// Numbers with ties and zeros among them.
fn numbers(count: usize) -> BoxedStrategy<Vec<f64>> {
    vec((-8_i32..=8).prop_map(|k| f64::from(k) / 4.0), count).boxed()
}

/// Weights, about one in `rarity` of them zero.
fn weights(count: usize, rarity: u32) -> BoxedStrategy<Vec<f64>> {
    vec(prop_oneof![1 => Just(0.0), rarity - 1 => (1_u32..=6).prop_map(f64::from)], count).boxed()
}

/// Rows of weights; a row of zeros becomes an absorbing state.
fn transitions(states: usize) -> BoxedStrategy<Vec<Vec<f64>>> {
    vec(weights(states, 3), states)
        .prop_map(|mut rows| {
            for (state, row) in rows.iter_mut().enumerate() {
                if row.iter().all(|w| *w == 0.0) {
                    row[state] = 1.0;
                }
            }
            rows
        })
        .boxed()
}

/// Discounts with zero and values near one among them.
fn discounts() -> BoxedStrategy<f64> {
    prop_oneof![
        1 => Just(0.0),
        1 => Just(0.99),
        4 => (0_u32..=98).prop_map(|percent| f64::from(percent) / 100.0)
    ]
    .boxed()
}

/// Problems of one to five pairs and one to three features.
fn problems() -> BoxedStrategy<Problem> {
    (1_usize..=5)
        .prop_flat_map(|n| (Just(n), 1..=n.min(3)))
        .prop_flat_map(|(n, d)| {
            (vec(numbers(d), n), transitions(n), weights(n, 9), numbers(d), discounts()).prop_map(
                |(features, transitions, weights, parameter, discount)| Problem {
                    features,
                    transitions,
                    weights,
                    parameter,
                    discount,
                },
            )
        })
        .boxed()
}

/// Problems with a further parameter vector.
fn candidates() -> BoxedStrategy<(Problem, Vec<f64>)> {
    problems()
        .prop_flat_map(|problem| {
            let d = problem.parameter.len();
            (Just(problem), numbers(d))
        })
        .boxed()
}

/// A generated problem that cannot be set up (dependent features, no data) is outside the assumptions.
fn admissible<T>(result: Result<T, Failure>) -> Result<T, Failure> {
    result.map_err(|failure| match failure {
        Failure::Invalid(_) => Failure::Rejected("features dependent or invisible under the data"),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::super::paper;

    /// The worst value of a metric over 300 cases, and how many were rejected.
    fn worst(property: &str, metric: &str, fault: Option<&str>) -> (f64, u32) {
        paper().find_property(property).unwrap().worst(metric, fault, 300)
    }

    #[test]
    fn properties_hold_on_the_reference_and_fail_under_their_faults() {
        for (property, metric, bound, fault) in [
            ("loss-identity", "linear-error", 1e-12, "no-inner-max"),
            ("loss-identity", "finite-error", 1e-12, "no-inner-max"),
            ("amplification", "ratio", 1.0 + 1e-9, "complete-assumed"),
            ("noise-amplification", "error", 1e-9, "on-policy-formula"),
            ("generalised-eigenvalues", "error", 1e-8, "sign-flip-gamma"),
            ("generalised-eigenvalues", "one-feature-error", 1e-12, "unprojected"),
            ("completeness", "beta-squared", 1e-9, "unprojected"),
            ("on-policy", "excess", 1e-9, "off-policy-mu"),
            ("value-errors", "error", 1e-10, "forgot-horizon"),
            ("value-errors", "error", 1e-10, "wrong-occupancy"),
        ] {
            let (reference, rejected) = worst(property, metric, None);
            assert!(reference <= bound, "{property}.{metric} reaches {reference}");
            assert!(rejected < 200, "{property} rejects {rejected} of 300");
            let (faulty, _) = worst(property, metric, Some(fault));
            assert!(faulty > bound, "{property}.{metric} does not notice {fault}");
        }
    }
}
