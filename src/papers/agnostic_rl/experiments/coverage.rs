//! Coverability on random processes, relative to the spanning capacity.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        capacity::spanning_capacities,
        class::{Class, Family, Size},
        coverability::Coverability,
        invalid,
        process::{ACTIONS, Problem},
    },
    hold,
};
use crate::{
    kernel::{
        mdp::{Dynamics, Episodic, Rows, dirichlet_rows},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the processes and the class.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Which class.
    pub family: Family,
    /// l, for policies with at most l ones.
    #[schemars(range(max = 64))]
    pub ones: usize,
    /// H, at least 2.
    #[schemars(range(min = 2, max = 64))]
    pub horizon: usize,
    /// S, states of each layer.
    #[schemars(range(min = 1, max = 64))]
    pub states: usize,
    /// α of the Dirichlet distribution from which transitions are drawn: nearly deterministic for small
    /// values, nearly uniform for large ones.
    #[schemars(range(min = 1e-3))]
    pub concentration: f64,
    /// Processes a replicate.
    #[schemars(range(min = 1, max = 100_000))]
    pub processes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { family: Family::AtMost, ones: 1, horizon: 3, states: 3, concentration: 0.3, processes: 10 }
    }
}

/// A class and its capacities.
pub struct Coverage {
    settings: Settings,
    class: Class,
    capacities: Vec<usize>,
}

impl Measure for Coverage {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "coverage";
    const SUMMARY: &'static str = "Σ_sa max_π d_h^π(s, a) divided by C_h(Π), on random processes.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "Largest ratio of a layer and a process.").range(0.0, f64::INFINITY),
        Metric::new("later-ratio", "Largest ratio of a layer after the first; mean over processes.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SumOverPolicies];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { family, ones, horizon, states, concentration, processes } = settings;
        hold("processes", processes, 1)?;
        hold("horizon", horizon, 2)?;
        if !(concentration.is_finite() && concentration >= 1e-3) {
            return Err(Failure::invalid("`concentration` must be at least 0.001"));
        }
        let class = Class::named(family, ones, Size { horizon, states, actions: ACTIONS })?;
        let capacities = spanning_capacities(&class, None)?;
        Ok(Self { settings, class, capacities })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("processes");
        let (mut largest, mut later) = (0.0_f64, 0.0);
        for _ in 0..self.settings.processes {
            let problem = Problem::new(self.draw(&mut stream)?, self.class.clone())?;
            let layers = Coverability::of(&problem, fault)?.layers();
            let ratios: Vec<f64> =
                layers.iter().zip(&self.capacities).map(|(covered, c)| covered / *c as f64).collect();
            let most = |ratios: &[f64]| ratios.iter().copied().fold(0.0, f64::max);
            largest = largest.max(most(&ratios));
            later += most(&ratios[1..]) / self.settings.processes as f64;
        }
        Ok(Measurement::new().metric("ratio", largest).metric("later-ratio", later))
    }
}

impl Coverage {
    /// A process without rewards that starts in state 0.
    fn draw(&self, stream: &mut Stream) -> Result<Episodic, Failure> {
        let Settings { horizon, states, concentration, .. } = self.settings;
        let mut step = || {
            let transitions = dirichlet_rows(states * ACTIONS, states, concentration, stream);
            Dynamics::new(transitions, Rows::zeros(states, ACTIONS)).map_err(|e| invalid(&e))
        };
        let steps = (0..horizon).map(|_| step()).collect::<Result<_, _>>()?;
        let start = (0..states).map(|s| f64::from(u8::from(s == 0))).collect();
        Episodic::new(steps, start).map_err(|e| invalid(&e))
    }
}
