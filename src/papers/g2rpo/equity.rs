//! Tasks with rewards of different shapes, side by side.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    transport::{Advantages, Scheme, mean_square},
};
use crate::{
    kernel::{
        math::{cos, exp, mean, sin, sum},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A family of reward distributions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Standard normal.
    #[default]
    Normal,
    /// e^(2z), z standard normal: a long upper tail.
    Lognormal,
    /// Standard Cauchy: outliers on both sides, no mean.
    Cauchy,
    /// Beta(0.2, 0.2): nearly binary.
    Beta,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Lognormal, Self::Cauchy, Self::Beta];

    /// A reward.
    pub fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal => stream.normal(),
            Self::Lognormal => exp(2.0 * stream.normal()),
            Self::Cauchy => cauchy(stream),
            Self::Beta => {
                let (a, b) = (stream.gamma(0.2), stream.gamma(0.2));
                if a + b > 0.0 { a / (a + b) } else { 0.5 }
            }
        }
    }
}

/// Standard Cauchy variable tan(π (u − ½)).
pub fn cauchy(stream: &mut Stream) -> f64 {
    let angle = std::f64::consts::PI * (stream.uniform() - 0.5);
    sin(angle) / cos(angle)
}

/// What a group of advantages looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Mean absolute advantage: the weight of the task in a batch.
    pub mean_absolute: f64,
    /// Kurtosis mean A⁴/(mean A²)²; 0 if all advantages are 0.
    pub kurtosis: f64,
    /// Largest absolute advantage.
    pub largest: f64,
}

impl Shape {
    /// The shape of a group of at least one advantage.
    #[must_use]
    pub fn of(advantages: &[f64]) -> Self {
        let absolute: Vec<f64> = advantages.iter().map(|a| a.abs()).collect();
        let variance = mean_square(advantages);
        let fourth = sum(advantages.iter().map(|a| a * a * a * a)) / advantages.len() as f64;
        Self {
            mean_absolute: mean(&absolute),
            kurtosis: if variance > 0.0 { fourth / (variance * variance) } else { 0.0 },
            largest: absolute.into_iter().fold(0.0, f64::max),
        }
    }
}

/// Settings of a task.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How rewards become advantages.
    pub scheme: Scheme,
    /// Distribution of the rewards.
    pub family: Family,
    /// Size N of the group.
    #[serde(rename = "N")]
    #[schemars(range(min = 2, max = 100_000))]
    pub group: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { scheme: Scheme::Gaussian, family: Family::Normal, group: 64 }
    }
}

/// The experiment: the shape of a task's advantages.
pub struct Families(Settings);

impl Measure for Families {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "families";
    const SUMMARY: &'static str =
        "Shape of the advantages of a group whose rewards come from a family of distributions.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean-absolute", "Mean absolute advantage.").range(0.0, f64::INFINITY),
        Metric::new("kurtosis", "Kurtosis of the advantages.").range(0.0, f64::INFINITY),
        Metric::new("largest", "Largest absolute advantage.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::LinearZscore];
    const TREATMENTS: &'static [&'static str] = &["scheme"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.group < 2 {
            return Err(Failure::invalid("N must be at least 2"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { scheme, family, group } = self.0;
        let mut stream = streams.stream("rewards");
        let rewards: Vec<f64> = (0..group).map(|_| family.draw(&mut stream)).collect();
        let shape = Shape::of(&Advantages::new(scheme, group, fault).of(&rewards));
        Ok(Measurement::new()
            .metric("mean-absolute", shape.mean_absolute)
            .metric("kurtosis", shape.kurtosis)
            .metric("largest", shape.largest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::g2rpo::transport::quantiles;
    use approx::assert_abs_diff_eq;

    #[test]
    fn the_shape_of_a_group_without_ties_is_known() {
        let q = quantiles(64, None);
        let shape = Shape::of(&q);
        assert_abs_diff_eq!(shape.mean_absolute, 0.795, epsilon = 5.1e-4);
        assert_abs_diff_eq!(shape.kurtosis, 2.772, epsilon = 5.1e-4);
        // The fourth moment itself is smaller, because the variance is below one.
        let fourth_moment = shape.kurtosis * mean_square(&q) * mean_square(&q);
        assert_abs_diff_eq!(fourth_moment, 2.664, epsilon = 5.1e-4);
        assert_abs_diff_eq!(shape.largest, 2.418, epsilon = 5.1e-4);
    }

    #[test]
    fn cauchy_quartiles_are_plus_and_minus_one() {
        let mut stream = Streams::from_seed(1).stream("cauchy");
        let draws: Vec<f64> = (0..20_000).map(|_| cauchy(&mut stream)).collect();
        let share = |end: f64| draws.iter().filter(|x| **x < end).count() as f64 / 20_000.0;
        assert_abs_diff_eq!(share(-1.0), 0.25, epsilon = 0.012);
        assert_abs_diff_eq!(share(0.0), 0.5, epsilon = 0.012);
        assert_abs_diff_eq!(share(1.0), 0.75, epsilon = 0.012);
    }
}
