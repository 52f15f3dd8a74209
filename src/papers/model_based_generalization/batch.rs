//! Replay and a factored model on the same transitions, with the same table of values.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    agents::{Counts, Factored, replayed},
    pan_flute::{MOST_PIPES, PanFlute, Transition},
};
use crate::{
    kernel::{stream::Streams, tokens::Rows},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Who learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Learner {
    /// Experience replay until it stands still.
    Replay,
    /// A model of each bit, and planning in it.
    Factored,
}

impl Learner {
    fn values(self, flute: &PanFlute, data: &[Transition], fault: Option<Fault>) -> Rows {
        let tabular = fault == Some(Fault::TabularModel);
        match self {
            Self::Factored if !tabular => Factored::learned(flute, data, fault).plan(),
            _ => replayed(flute, &Counts::of(flute, data), 0.0),
        }
    }
}

/// Settings of the batch.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BatchSettings {
    /// Number of pipes n.
    #[schemars(range(min = 1, max = MOST_PIPES))]
    pub pipes: usize,
    /// N, real transitions under uniform actions.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub transitions: usize,
    /// Who learns from them.
    pub learner: Learner,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { pipes: 3, transitions: 200, learner: Learner::Factored }
    }
}

/// One learner on a batch of transitions.
pub struct Batch {
    settings: BatchSettings,
    flute: PanFlute,
    optimum: f64,
}

fn held(pipes: usize, transitions: usize) -> Result<(), Failure> {
    if (1..=MOST_PIPES).contains(&pipes) && (1..=1_000_000).contains(&transitions) {
        return Ok(());
    }
    Err(Failure::invalid(format!("expected 1 to {MOST_PIPES} pipes, and 1 to 1000000 transitions")))
}

impl Measure for Batch {
    type Settings = BatchSettings;
    type Fault = Fault;
    const NAME: &'static str = "batch";
    const SUMMARY: &'static str = "The value of what is learned from one batch of transitions of PanFlute.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value", "True value of the empty state under the greedy policy.")
            .range(0.0, 10.0)
            .higher_is_better(),
        Metric::new("share", "The same as a share of the optimum.").range(0.0, 1.0 + 1e-9).higher_is_better(),
        Metric::new("coverage", "Share of the pairs (s, a) that were visited.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TabularModel, Fault::WrongParents];
    const TREATMENTS: &'static [&'static str] = &["learner"];

    fn reaches(settings: &BatchSettings, _: Fault) -> bool {
        settings.learner == Learner::Factored
    }

    fn prepare(settings: BatchSettings, _: &Data) -> Result<Self, Failure> {
        held(settings.pipes, settings.transitions)?;
        let flute = PanFlute::new(settings.pipes);
        let optimum = flute.optimal()[0];
        Ok(Self { settings, flute, optimum })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let data = self.flute.explored(self.settings.transitions, &mut streams.stream("data"));
        let value = self.flute.value_of_greedy(&self.settings.learner.values(&self.flute, &data, fault));
        Ok(Measurement::new()
            .metric("value", value)
            .metric("share", value / self.optimum)
            .metric("coverage", Counts::of(&self.flute, &data).coverage()))
    }
}

/// Settings of the growth.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GrowthSettings {
    /// Pipes of the smaller environment; the larger has one more.
    #[schemars(range(min = 1, max = MOST_PIPES - 1))]
    pub pipes: usize,
    /// N, real transitions in each.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub transitions: usize,
}

impl Default for GrowthSettings {
    fn default() -> Self {
        Self { pipes: 3, transitions: 800 }
    }
}

/// How the lead of the model over replay grows with one more pipe.
pub struct Growth {
    sizes: [(PanFlute, f64); 2],
    transitions: usize,
}

impl Measure for Growth {
    type Settings = GrowthSettings;
    type Fault = Fault;
    const NAME: &'static str = "growth";
    const SUMMARY: &'static str = "The lead of the factored model over replay in two sizes of PanFlute.";
    const METRICS: &'static [Metric] = &[
        Metric::new("lead", "Lead in the smaller environment, as a share of the optimum.")
            .range(-1.0, 1.0 + 1e-9),
        Metric::new("growth", "What the lead in the larger environment adds to that.")
            .range(-2.0, 2.0 + 1e-9),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TabularModel];

    fn prepare(settings: GrowthSettings, _: &Data) -> Result<Self, Failure> {
        held(settings.pipes + 1, settings.transitions)?;
        let sizes = [settings.pipes, settings.pipes + 1].map(|pipes| {
            let flute = PanFlute::new(pipes);
            let optimum = flute.optimal()[0];
            (flute, optimum)
        });
        Ok(Self { sizes, transitions: settings.transitions })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let [smaller, larger] =
            [("smaller", &self.sizes[0]), ("larger", &self.sizes[1])].map(|(label, size)| {
                let (flute, optimum) = size;
                let data = flute.explored(self.transitions, &mut streams.stream(label));
                let value = |learner: Learner| flute.value_of_greedy(&learner.values(flute, &data, fault));
                (value(Learner::Factored) - value(Learner::Replay)) / optimum
            });
        Ok(Measurement::new().metric("lead", smaller).metric("growth", larger - smaller))
    }
}
