//! Learning while data come in, every learner with equally many updates of the same table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    agents::{Counts, Factored},
    classes::DISCOUNT,
    pan_flute::{MOST_PIPES, PanFlute, Transition},
};
use crate::{
    kernel::{
        math::mean,
        mdp::argmax,
        stream::{Stream, Streams},
        tokens::Rows,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Share of the actions, real and imagined, that are drawn uniformly.
const EXPLORATION: f64 = 0.2;
/// Step size of an update.
const STEP: f64 = 0.2;
/// Updates a real step.
const UPDATES: usize = 16;
/// Length of an imagined path.
const LENGTH: usize = 4;
/// Real steps after which the greedy policy is evaluated, besides the last.
const LOOKS: [usize; 6] = [50, 100, 250, 500, 1000, 2000];

/// Where updates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Stored transitions.
    Replay,
    /// Paths imagined in the learned factored model.
    Factored,
    /// Paths imagined in the true dynamics.
    Perfect,
}

/// Settings of the runs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where updates come from.
    pub source: Source,
    /// Number of pipes.
    #[schemars(range(min = 1, max = MOST_PIPES))]
    pub pipes: usize,
    /// Real steps.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Runs whose mean is one replicate.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { source: Source::Factored, pipes: 3, steps: 250, runs: 16 }
    }
}

/// Runs of one learner.
pub struct Online {
    settings: Settings,
    flute: PanFlute,
}

/// One learner with what it has seen.
struct Agent<'a> {
    flute: &'a PanFlute,
    q: Rows,
    buffer: Vec<Transition>,
    counts: Counts,
    model: Factored<'a>,
}

impl Agent<'_> {
    fn act(&self, state: usize, stream: &mut Stream) -> usize {
        if stream.bernoulli(EXPLORATION) { stream.below(self.flute.pipes()) } else { argmax(&self.q[state]) }
    }

    /// Q(s, a) += α (r(s) + γ max_b Q(s', b) − Q(s, a)).
    fn update(&mut self, Transition { state, action, next }: Transition) {
        let target = self.flute.reward(state) + DISCOUNT * self.q[next][argmax(&self.q[next])];
        self.q[state][action] += STEP * (target - self.q[state][action]);
    }

    fn stored(&self, stream: &mut Stream) -> Transition {
        self.buffer[stream.below(self.buffer.len())]
    }

    /// The next state in imagination; `None` where a table of visited pairs knows of none.
    fn imagined(
        &self,
        source: Source,
        fault: Option<Fault>,
        state: usize,
        action: usize,
        stream: &mut Stream,
    ) -> Option<usize> {
        let drawn = |next: &[(usize, f64)], stream: &mut Stream| {
            let weights: Vec<f64> = next.iter().map(|(_, p)| *p).collect();
            (!next.is_empty()).then(|| next[stream.categorical(&weights)].0)
        };
        match source {
            Source::Perfect => Some(self.flute.step(state, action, stream).next),
            _ if fault == Some(Fault::LeakyModel) => Some(self.flute.step(state, action, stream).next),
            _ if fault == Some(Fault::TabularModel) => drawn(&self.counts.shares(state, action), stream),
            // Most bits are certain once they have been seen: those take no random number.
            _ => Some((0..self.flute.bits()).fold(0, |next, bit| {
                let one = self.model.probability(bit, state, action);
                next | usize::from(one == 1.0 || (one > 0.0 && stream.bernoulli(one))) << bit
            })),
        }
    }

    fn learn(&mut self, source: Source, fault: Option<Fault>, stream: &mut Stream) {
        if source == Source::Replay {
            for _ in 0..UPDATES {
                let transition = self.stored(stream);
                self.update(transition);
            }
            return;
        }
        for _ in 0..UPDATES / LENGTH {
            let mut state = self.stored(stream).state;
            for _ in 0..LENGTH {
                let action = self.act(state, stream);
                let Some(next) = self.imagined(source, fault, state, action, stream) else { break };
                self.update(Transition { state, action, next });
                state = next;
            }
        }
    }
}

impl Online {
    /// Steps after which the greedy policy is evaluated, the last one included.
    fn looks(&self) -> impl Iterator<Item = usize> {
        let last = self.settings.steps;
        LOOKS.into_iter().filter(move |look| *look < last).chain([last])
    }

    /// Values of the empty state under the greedy policy at each look.
    fn run(&self, fault: Option<Fault>, stream: &mut Stream) -> Vec<f64> {
        let mut agent = Agent {
            flute: &self.flute,
            q: Rows::zeros(self.flute.states(), self.flute.pipes()),
            buffer: Vec::new(),
            counts: Counts::none(&self.flute),
            model: Factored::new(&self.flute, fault),
        };
        let mut state = 0;
        let mut values = Vec::new();
        for step in 1..=self.settings.steps {
            let transition = self.flute.step(state, agent.act(state, stream), stream);
            agent.buffer.push(transition);
            agent.counts.add(transition);
            agent.model.learn(transition);
            agent.learn(self.settings.source, fault, stream);
            state = transition.next;
            if self.looks().any(|look| look == step) {
                values.push(self.flute.value_of_greedy(&agent.q));
            }
        }
        values
    }
}

impl Measure for Online {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "online";
    const SUMMARY: &'static str = "Learning in PanFlute while data come in, with sixteen updates a step.";
    const METRICS: &'static [Metric] =
        &[Metric::new("value", "Mean true value of the empty state under the last greedy policy.")
            .range(0.0, 10.0)
            .higher_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::LeakyModel, Fault::TabularModel];
    const TREATMENTS: &'static [&'static str] = &["source"];

    fn reaches(settings: &Settings, _: Fault) -> bool {
        settings.source == Source::Factored
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let fits = (1..=MOST_PIPES).contains(&settings.pipes) && (1..=100_000).contains(&settings.steps);
        if !fits || !(1..=1000).contains(&settings.runs) {
            return Err(Failure::invalid(format!(
                "expected 1 to {MOST_PIPES} pipes, 1 to 100000 steps, and 1 to 1000 runs"
            )));
        }
        let flute = PanFlute::new(settings.pipes);
        Ok(Self { settings, flute })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let runs: Vec<Vec<f64>> = (0..self.settings.runs)
            .map(|run| self.run(fault, &mut streams.stream(&format!("run-{run}"))))
            .collect();
        let looks: Vec<f64> = self.looks().map(|n| n as f64).collect();
        let values: Vec<f64> = (0..looks.len())
            .map(|look| mean(&runs.iter().map(|run| run[look]).collect::<Vec<_>>()))
            .collect();
        Ok(Measurement::new().metric("value", values[values.len() - 1]).series("value", looks, values))
    }
}
