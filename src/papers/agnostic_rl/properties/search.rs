//! Search in any order.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, search};
use crate::papers::leaf::{Failure, Measurement, Metric, Observe};

/// A tree, and the order in which its leaves are tried.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// A.
    actions: usize,
    /// H.
    horizon: usize,
    /// Every leaf once.
    order: Vec<usize>,
}

/// No order is better than another.
pub struct Order;

impl Observe for Order {
    type Instance = Instance;
    type Fault = Fault;
    const NAME: &'static str = "search-order";
    const SUMMARY: &'static str =
        "In whatever order leaves are tried, it takes (Aᴴ + 1)/2 episodes on average.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "|episodes − (Aᴴ + 1)/2|.").range(0.0, f64::INFINITY).unit("episodes")];
    const FAULTS: &'static [Fault] = &[Fault::StructuredClass];

    fn instances() -> BoxedStrategy<Instance> {
        (1_usize..=3, 1_usize..=4)
            .prop_flat_map(|(actions, horizon)| {
                let leaves: Vec<usize> = (0..super::super::class::power(actions, horizon)).collect();
                (Just(actions), Just(horizon), Just(leaves).prop_shuffle())
            })
            .prop_map(|(actions, horizon, order)| Instance { actions, horizon, order })
            .boxed()
    }

    fn observe(instance: &Instance, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Instance { actions, horizon, order } = instance;
        let leaves = search::leaves(*actions, *horizon)?;
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..leaves) {
            return Err(Failure::invalid("`order` must contain every leaf once"));
        }
        let class = search::policies(*actions, leaves, fault);
        let tried: Vec<usize> = order.iter().copied().filter(|leaf| class.contains(leaf)).collect();
        let error = (search::mean_episodes(&tried) - (leaves + 1) as f64 / 2.0).abs();
        Ok(Measurement::new().metric("error", error))
    }
}
