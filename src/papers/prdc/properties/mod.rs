//! What must hold on every instance.

mod distance;
mod theory;

pub use distance::{Departure, Gradient, Interpolation, Search, Softness};
pub use theory::{Covered, Gap, ValueError};

use proptest::{collection::vec, prelude::*, sample::select};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Dataset, Fault, Pair};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// A dataset, a weight of states, and a pair that need not be in the dataset.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cloud {
    /// D, not empty.
    data: Dataset,
    /// β.
    beta: f64,
    /// (s, a).
    pair: Pair,
}

/// β, log-uniform on about \[0.37, 20\].
fn beta() -> impl Strategy<Value = f64> {
    (-1.0..3.0_f64).prop_map(crate::kernel::math::exp)
}

/// Coordinates that often coincide.
fn coordinate() -> impl Strategy<Value = f64> {
    prop_oneof![3 => -1.0..1.0_f64, 1 => select(vec![-1.0, -0.5, 0.0, 0.5, 1.0])]
}

/// Pairs in general position, and pairs of few distinct values, so that many are equally near.
fn cloud() -> BoxedStrategy<Cloud> {
    let shape = (1_usize..=3, 1_usize..=3, any::<bool>());
    shape
        .prop_flat_map(|(states, actions, coarse)| {
            let coordinate = || {
                if coarse { select(vec![-1.0, -0.5, 0.0, 0.5, 1.0]).boxed() } else { coordinate().boxed() }
            };
            let pair = || {
                (vec(coordinate(), states), vec(coordinate(), actions))
                    .prop_map(|(state, action)| Pair { state, action })
            };
            (vec(pair(), 1..=50), beta(), pair())
        })
        .prop_map(|(data, beta, pair)| Cloud { data, beta, pair })
        .boxed()
}
