//! Spanning capacities of classes with a name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault,
    capacity::spanning_capacities,
    class::{Class, Family, Size},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the class.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which class.
    pub family: Family,
    /// l, for policies with at most l ones.
    #[schemars(range(max = 64))]
    pub ones: usize,
    /// H.
    #[schemars(range(min = 1, max = 64))]
    pub horizon: usize,
    /// S, states of each layer.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// A.
    #[schemars(range(min = 1, max = 64))]
    pub actions: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { family: Family::AtMost, ones: 1, horizon: 4, states: 4, actions: 2 }
    }
}

/// A class, its capacities in closed form, and trivial bounds.
pub struct Capacity {
    class: Class,
    closed: Vec<usize>,
}

impl Measure for Capacity {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "capacity";
    const SUMMARY: &'static str =
        "C_h of a class with a name, by search through all deterministic processes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest |C_h − closed form| of a layer; few ones: for many states.")
            .range(0.0, f64::INFINITY),
        Metric::new("last", "C_H, of the last layer.").range(0.0, f64::INFINITY),
        Metric::new("capacity", "C = max over h of C_h.").range(0.0, f64::INFINITY),
        Metric::new("excess", "Largest C_h − min(|Π|, S A, Aʰ), h counted from 1."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TreeOnly];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { family, ones, horizon, states, actions } = settings;
        let size = Size { horizon, states, actions };
        Ok(Self { class: Class::named(family, ones, size)?, closed: family.capacities(ones, size) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let found = spanning_capacities(&self.class, fault)?;
        let error = found.iter().zip(&self.closed).map(|(c, closed)| c.abs_diff(*closed)).max();
        let excess = found.iter().enumerate().map(|(h, c)| *c as f64 - self.class.trivial_bound(h) as f64);
        Ok(Measurement::new()
            .metric("error", error.unwrap_or(0) as f64)
            .metric("last", found.last().copied().unwrap_or(0) as f64)
            .metric("capacity", found.iter().copied().max().unwrap_or(0) as f64)
            .metric("excess", excess.fold(f64::NEG_INFINITY, f64::max)))
    }
}
