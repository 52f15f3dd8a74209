//! How well points of the straight line give the displacement of the flow, on the line.

use std::f64::consts::TAU;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        flow::midpoint,
        math::{cos, mean, sin, tanh},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// The velocity field v̂(t, x) of the policy that collected the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reference {
    /// v̂ = 0: the flow is the identity, as with an output layer initialised at zero.
    Zero,
    /// v̂ = 0.7 (1 + 0.5 cos 3t): all points move alike.
    Shift,
    /// v̂ = 0.8x.
    Linear,
    /// v̂ = (1 − 0.4t) tanh(1.5x + 0.3).
    Tanh,
}

impl Reference {
    /// The reference that is meant; the fault has its own.
    #[must_use]
    pub fn under(self, fault: Option<Fault>) -> Self {
        if fault == Some(Fault::LinearReference) { Self::Linear } else { self }
    }

    /// v̂(t, x).
    #[must_use]
    pub fn velocity(self, t: f64, x: f64) -> f64 {
        match self {
            Self::Zero => 0.0,
            Self::Shift => 0.7 * (1.0 + 0.5 * cos(3.0 * t)),
            Self::Linear => 0.8 * x,
            Self::Tanh => (1.0 - 0.4 * t) * tanh(1.5 * x + 0.3),
        }
    }

    /// ∂v̂/∂x.
    #[must_use]
    pub fn slope(self, t: f64, x: f64) -> f64 {
        match self {
            Self::Zero | Self::Shift => 0.0,
            Self::Linear => 0.8,
            Self::Tanh => {
                let bend = tanh(1.5 * x + 0.3);
                1.5 * (1.0 - 0.4 * t) * (1.0 - bend * bend)
            }
        }
    }
}

/// The direction u(t, x) = sin(bx + c) + d t cos(fx) of an update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Direction {
    /// b.
    pub frequency: f64,
    /// c.
    pub phase: f64,
    /// d.
    pub drift: f64,
    /// f.
    pub drift_frequency: f64,
}

impl Default for Direction {
    fn default() -> Self {
        Self { frequency: 1.3, phase: 0.5, drift: 0.4, drift_frequency: 0.7 }
    }
}

impl Direction {
    /// b, c, d and f uniform on [0.8, 1.8), [0, 2π), [0, 0.8) and [0.4, 1).
    pub fn draw(stream: &mut Stream) -> Self {
        Self {
            frequency: stream.uniform_in(0.8, 1.8),
            phase: stream.uniform_in(0.0, TAU),
            drift: stream.uniform_in(0.0, 0.8),
            drift_frequency: stream.uniform_in(0.4, 1.0),
        }
    }

    /// u(t, x).
    #[must_use]
    pub fn at(&self, t: f64, x: f64) -> f64 {
        sin(self.frequency * x + self.phase) + self.drift * t * cos(self.drift_frequency * x)
    }
}

/// An update from v̂ to v = v̂ + e u.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Update {
    /// v̂.
    pub reference: Reference,
    /// u.
    pub direction: Direction,
    /// e, the size of the update.
    pub size: f64,
}

impl Update {
    /// v(t, x).
    #[must_use]
    pub fn velocity(&self, t: f64, x: f64) -> f64 {
        self.reference.velocity(t, x) + self.size * self.direction.at(t, x)
    }

    /// δ(t) = v(t, x_t) − v̂(t, x_t) at x_t = (1 − t) z + t φ̂₁, where `end` is φ̂₁(z).
    #[must_use]
    pub fn at_point(&self, time: f64, source: f64, end: f64, fault: Option<Fault>) -> f64 {
        let point = (1.0 - time) * source + time * end;
        let reference = if fault == Some(Fault::StaleReference) {
            self.reference.velocity(0.0, source)
        } else {
            self.reference.velocity(time, point)
        };
        self.velocity(time, point) - reference
    }

    /// Ends of both flows from the same sources, and what the line gives for their distance.
    #[must_use]
    pub fn displace(&self, sources: &[f64], steps: usize, times: usize, fault: Option<Fault>) -> Displaced {
        let reference_ends = carry(sources, steps, |t, x| self.reference.velocity(t, x));
        let ends = carry(sources, steps, |t, x| self.velocity(t, x));
        let exact = ends.iter().zip(&reference_ends).map(|(new, old)| new - old).collect();
        let last = sources.len().saturating_sub(1);
        let approximate = sources.iter().enumerate().map(|(i, z)| {
            let end = reference_ends[if fault == Some(Fault::WrongEndpoint) { last - i } else { i }];
            let at = |j: usize| self.at_point((j as f64 + 0.5) / times as f64, *z, end, fault);
            mean(&(0..times).map(at).collect::<Vec<f64>>())
        });
        Displaced { approximate: approximate.collect(), exact, reference_ends }
    }
}

/// φ₁(z) for many z, by `steps` steps of the midpoint rule.
pub fn carry(sources: &[f64], steps: usize, velocity: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    let mut x = sources.to_vec();
    midpoint(&mut x, 0.0, 1.0, steps, |t, x, out| {
        for (out, x) in out.iter_mut().zip(x) {
            *out = velocity(t, *x);
        }
    });
    x
}

/// One entry a source.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Displaced {
    /// φ̂₁(z).
    pub reference_ends: Vec<f64>,
    /// D(z) = φ₁(z) − φ̂₁(z).
    pub exact: Vec<f64>,
    /// The mean of δ(t) over equispaced t.
    pub approximate: Vec<f64>,
}

impl Displaced {
    /// max |E δ − D|.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.approximate.iter().zip(&self.exact).map(|(a, d)| (a - d).abs()).fold(0.0, f64::max)
    }

    /// max |D|.
    #[must_use]
    pub fn largest(&self) -> f64 {
        self.exact.iter().map(|d| d.abs()).fold(0.0, f64::max)
    }
}

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// v̂.
    pub reference: Reference,
    /// e, from 1e-6 to 10.
    #[schemars(range(min = 1e-6, max = 10.0))]
    pub size: f64,
    /// Steps of the midpoint rule.
    #[schemars(range(min = 1, max = 10_000))]
    pub steps: usize,
    /// Times t over which δ is averaged.
    #[schemars(range(min = 1, max = 10_000))]
    pub times: usize,
    /// Sources z, equispaced on [−2, 2].
    #[schemars(range(min = 2, max = 1000))]
    pub sources: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { reference: Reference::Tanh, size: 0.1, steps: 100, times: 50, sources: 17 }
    }
}

/// The error of the approximation, for a direction drawn at random.
pub struct Displacement {
    settings: Settings,
    sources: Vec<f64>,
}

impl Measure for Displacement {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "displacement";
    const SUMMARY: &'static str =
        "Holds the displacement read off the straight line against that of the flow itself.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "Largest |E δ − D| over the sources.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("relative-error", "The same, divided by the largest |D|.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongEndpoint, Fault::StaleReference, Fault::LinearReference];
    const TREATMENTS: &'static [&'static str] = &["reference", "size"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let Settings { size, steps, times, sources, .. } = settings;
        if !(1e-6..=10.0).contains(&size) || steps == 0 || times == 0 || sources < 2 {
            return Err(Failure::invalid("needs 1e-6 ≤ size ≤ 10, a step, a time and two sources"));
        }
        let sources = (0..sources).map(|i| 4.0 * i as f64 / (sources - 1) as f64 - 2.0).collect();
        Ok(Self { settings, sources })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { reference, size, steps, times, .. } = self.settings;
        let direction = Direction::draw(&mut streams.stream("direction"));
        let update = Update { reference: reference.under(fault), direction, size };
        let displaced = update.displace(&self.sources, steps, times, fault);
        Ok(Measurement::new()
            .metric("error", displaced.error())
            .metric("relative-error", displaced.error() / displaced.largest()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::ln;
    use approx::assert_relative_eq;

    /// Least-squares slope of ln error over ln e, and the last relative error.
    fn known(reference: Reference) -> (f64, f64) {
        let sources: Vec<f64> = (0..17).map(|i| f64::from(i) * 0.25 - 2.0).collect();
        let of = |size: f64| {
            Update { reference, direction: Direction::default(), size }.displace(&sources, 100, 50, None)
        };
        let points = [0.2, 0.1, 0.05, 0.025, 0.0125].map(|e| (ln(e), ln(of(e).error())));
        let centre = (mean(&points.map(|p| p.0)), mean(&points.map(|p| p.1)));
        let slope = points.iter().map(|p| (p.0 - centre.0) * (p.1 - centre.1)).sum::<f64>()
            / points.iter().map(|p| (p.0 - centre.0) * (p.0 - centre.0)).sum::<f64>();
        (slope, of(0.0125).error() / of(0.0125).largest())
    }

    #[test]
    fn known_slopes_and_relative_errors() {
        for (reference, slope, relative) in [
            (Reference::Zero, 1.995, 0.0044),
            (Reference::Shift, 1.180, 0.089),
            (Reference::Linear, 0.971, 0.343),
            (Reference::Tanh, 1.038, 0.262),
        ] {
            let measured = known(reference);
            assert_relative_eq!(measured.0, slope, epsilon = 1e-3);
            assert_relative_eq!(measured.1, relative, epsilon = 1e-3);
        }
    }

    #[test]
    fn the_slope_of_a_reference_is_its_derivative() {
        for reference in [Reference::Zero, Reference::Shift, Reference::Linear, Reference::Tanh] {
            let ahead = |h: f64| reference.velocity(0.3, 0.4 + h);
            assert_relative_eq!(
                reference.slope(0.3, 0.4),
                (ahead(1e-5) - ahead(-1e-5)) / 2e-5,
                epsilon = 1e-8
            );
        }
    }

    /// Both flows are shifts, so the line gives the displacement exactly.
    #[test]
    fn a_shift_of_a_shift_is_read_off_exactly() {
        let direction = Direction { frequency: 0.0, phase: 0.5, drift: 0.8, drift_frequency: 0.0 };
        let update = Update { reference: Reference::Shift, direction, size: 0.3 };
        let displaced = update.displace(&[-1.0, 0.5], 100, 50, None);
        assert!(displaced.error() < 1e-14);
        assert_relative_eq!(displaced.exact[0], 0.3 * (sin(0.5) + 0.4), epsilon = 1e-14);
    }
}
