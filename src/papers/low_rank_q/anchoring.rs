//! How the choice of anchors decides how noise spreads.

use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, overflow,
    skeleton::{Anchors, Choice, Skeleton},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How anchors are chosen.
    pub choice: Choice,
    /// S.
    #[schemars(range(min = 1, max = 200))]
    pub states: usize,
    /// A.
    #[schemars(range(min = 1, max = 200))]
    pub actions: usize,
    /// r.
    #[schemars(range(min = 1, max = 20))]
    pub rank: usize,
    /// Anchors drawn, of which the median constant is taken, if they are random.
    #[schemars(range(min = 1, max = 1000))]
    pub draws: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { choice: Choice::Greedy, states: 30, actions: 20, rank: 3, draws: 25 }
    }
}

/// The constant c of anchors of a random matrix of rank r.
pub struct Anchoring(Settings);

impl Measure for Anchoring {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "anchoring";
    const SUMMARY: &'static str =
        "How much noise the estimate passes on, for anchors of a product of Gaussian factors.";
    const METRICS: &'static [Metric] = &[
        Metric::new("constant", "c; the median over the anchors drawn.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("excess", "c − (2r + r²).").lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RandomAnchors];
    const TREATMENTS: &'static [&'static str] = &["choice"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { states, actions, rank, draws, .. } = settings;
        if !(1..=200).contains(&states) || !(1..=200).contains(&actions) || !(1..=1000).contains(&draws) {
            return Err(Failure::invalid("needs 1 to 200 states and actions, and 1 to 1000 draws"));
        }
        if !(1..=20.min(states).min(actions)).contains(&rank) {
            return Err(Failure::invalid(
                "`rank` must lie between 1 and the numbers of states, actions and 20",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { choice, states, actions, rank, draws } = self.0;
        let mut stream = streams.stream("factors");
        let mut factor = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| stream.normal());
        let matrix = factor(states, rank) * factor(rank, actions);
        let choice = if fault == Some(Fault::RandomAnchors) { Choice::Random } else { choice };
        let mut draw = streams.stream("anchors");
        let candidates: Vec<Anchors> = match choice {
            Choice::Greedy => vec![Anchors::greedy(&matrix, rank)],
            Choice::EvenlySpaced => vec![Anchors::evenly_spaced((states, actions), rank)],
            Choice::Random => {
                (0..draws).map(|_| Anchors::random((states, actions), rank, &mut draw)).collect()
            }
        };
        let mut constants = Vec::new();
        for anchors in &candidates {
            let sensitivity = Skeleton::of(&matrix, anchors).sensitivity().ok_or_else(overflow)?;
            constants.push(sensitivity.constant(None));
        }
        constants.sort_by(f64::total_cmp);
        let constant = constants[constants.len() / 2];
        Ok(Measurement::new()
            .metric("constant", constant)
            .metric("excess", constant - (2 * rank + rank * rank) as f64))
    }
}
