//! The price of waiting for the slowest response of a group.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        math::exp,
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Law of the time that a response takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Times {
    /// Exponential with mean 1.
    Exponential,
    /// e^Z with Z standard normal.
    Lognormal,
}

impl Times {
    fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Exponential => stream.exponential(),
            Self::Lognormal => exp(stream.normal()),
        }
    }
}

/// Settings of the barrier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Responses that wait for each other, G.
    #[schemars(range(min = 1, max = 1024))]
    pub group: usize,
    /// Law of the time that a response takes.
    pub times: Times,
    /// Groups simulated.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub groups: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { group: 8, times: Times::Exponential, groups: 10_000 }
    }
}

/// G workers generate a group and wait for the slowest: throughput per worker falls by
/// E max / E mean, which is H_G = 1 + 1/2 + … + 1/G for exponential times. Single streams never wait.
pub struct Barrier(Settings);

impl Measure for Barrier {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "barrier";
    const SUMMARY: &'static str = "Loss of throughput of a worker that waits for the slowest of its group.";
    const METRICS: &'static [Metric] = &[
        Metric::new("slowdown", "Mean of the largest time of a group over the mean time.")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("relative", "Slowdown over the harmonic number H_G.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ConstantTimes];
    const TREATMENTS: &'static [&'static str] = &["times"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.group == 0 || settings.groups == 0 {
            return Err(Failure::invalid("needs at least one group of at least one response"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { group, times, groups } = self.0;
        let mut stream = streams.stream("times");
        let (mut slowest, mut all) = (0.0, 0.0);
        for _ in 0..groups {
            let mut largest: f64 = 0.0;
            for _ in 0..group {
                let time = if fault == Some(Fault::ConstantTimes) { 1.0 } else { times.draw(&mut stream) };
                largest = largest.max(time);
                all += time / group as f64;
            }
            slowest += largest;
        }
        let slowdown = (slowest / all).max(1.0);
        let harmonic: f64 = (1..=group).map(|i| 1.0 / i as f64).sum();
        Ok(Measurement::new().metric("slowdown", slowdown).metric("relative", slowdown / harmonic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_slowdowns() {
        for (group, times, known) in [
            (4, Times::Exponential, 2.0833),
            (8, Times::Exponential, 2.7179),
            (16, Times::Exponential, 3.3807),
            (4, Times::Lognormal, 2.21),
            (8, Times::Lognormal, 3.08),
            (16, Times::Lognormal, 4.19),
        ] {
            let barrier = Barrier(Settings { group, times, groups: 20_000 });
            let measured = barrier.replicate(None, &Streams::from_seed(4)).unwrap().get("slowdown").unwrap();
            assert_relative_eq!(measured, known, max_relative = 0.02);
        }
    }
}
