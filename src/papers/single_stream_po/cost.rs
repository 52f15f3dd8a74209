//! What it costs to keep the value of a prompt.
//!
//! After n responses the tracker is v̂ₙ = α_n/(α_n + β_n), with (α, β) a fold over all responses. The
//! paper carries (α, β) along, one update a response; whoever stores the responses instead and folds
//! anew spends n updates, and n numbers of memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, tracker::Tracker};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A prompt that has been answered before.
#[derive(Clone, Debug)]
pub struct Prompt {
    start: Tracker,
    responses: Vec<(f64, f64)>,
    tracker: Tracker,
}

impl Prompt {
    /// A prompt with n earlier responses, right every third time, with retention 0.96.
    #[must_use]
    pub fn answered(n: usize) -> Self {
        let start = Tracker::from_offline(0, 0, 8.0);
        let responses: Vec<(f64, f64)> =
            (0..n).map(|i| (0.96, f64::from(u8::from(i.is_multiple_of(3))))).collect();
        let tracker = fold(start, &responses);
        Self { start, responses, tracker }
    }

    /// The tracker after one more response, and the number of updates that it took.
    #[must_use]
    pub fn after(&self, retention: f64, reward: f64, fault: Option<Fault>) -> (Tracker, usize) {
        if fault == Some(Fault::ReplayedHistory) {
            let before = fold(self.start, &self.responses);
            return (before.updated(retention, reward, None), self.responses.len() + 1);
        }
        (self.tracker.updated(retention, reward, None), 1)
    }
}

fn fold(start: Tracker, responses: &[(f64, f64)]) -> Tracker {
    responses.iter().fold(start, |tracker, (retention, reward)| tracker.updated(*retention, *reward, None))
}

/// Settings of the cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Earlier responses to the prompt, n.
    #[schemars(range(min = 0, max = 10_000_000))]
    pub responses: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { responses: 1000 }
    }
}

/// Updates of a tracker that one more response costs.
pub struct Cost(Prompt);

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts the updates of the value tracker that one more response costs.";
    const METRICS: &'static [Metric] = &[Metric::new("updates", "Updates of the tracker.")
        .unit("updates")
        .range(0.0, f64::INFINITY)
        .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::ReplayedHistory];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(Prompt::answered(settings.responses)))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (_, updates) = self.0.after(0.96, 1.0, fault);
        Ok(Measurement::new().metric("updates", updates as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same_tracker() {
        let prompt = Prompt::answered(50);
        let (carried, one) = prompt.after(0.9, 1.0, None);
        let (replayed, all) = prompt.after(0.9, 1.0, Some(Fault::ReplayedHistory));
        assert_eq!(carried, replayed);
        assert_eq!((one, all), (1, 51));
    }
}
