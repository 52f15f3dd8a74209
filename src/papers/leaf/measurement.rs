//! What an experiment or a property measures.

use serde::{Deserialize, Serialize};

/// Which values of a metric are better, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Larger is better.
    Higher,
    /// Smaller is better.
    Lower,
    /// Neither.
    Neutral,
}

/// A declared metric: name, unit, range and direction.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Metric {
    /// Name, `kebab-case`.
    pub name: &'static str,
    /// Unit, or `1` for a pure number.
    pub unit: &'static str,
    /// Smallest possible value; −∞ if unbounded.
    pub low: f64,
    /// Largest possible value; +∞ if unbounded.
    pub high: f64,
    /// Which values are better.
    pub better: Direction,
    /// What it is, in one sentence.
    pub summary: &'static str,
}

impl Metric {
    /// An unbounded pure number without direction.
    #[must_use]
    pub const fn new(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            unit: "1",
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
            better: Direction::Neutral,
            summary,
        }
    }

    /// With a unit.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// With a range, ends included; a measured value outside of it is an error.
    #[must_use]
    pub const fn range(mut self, low: f64, high: f64) -> Self {
        self.low = low;
        self.high = high;
        self
    }

    /// Larger is better.
    #[must_use]
    pub const fn higher_is_better(mut self) -> Self {
        self.better = Direction::Higher;
        self
    }

    /// Smaller is better.
    #[must_use]
    pub const fn lower_is_better(mut self) -> Self {
        self.better = Direction::Lower;
        self
    }
}

/// A curve of one replicate, for plots: points (x, y).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Name, `kebab-case`.
    pub name: String,
    /// Abscissae; the same in every replicate of equal settings.
    pub x: Vec<f64>,
    /// Ordinates, as many as abscissae.
    pub y: Vec<f64>,
}

/// Named numbers, and curves, measured once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// Values by metric name.
    pub metrics: Vec<(String, f64)>,
    /// Curves for plots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub series: Vec<Series>,
}

impl Measurement {
    /// Nothing measured yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the value of a declared metric.
    #[must_use]
    pub fn metric(mut self, name: &'static str, value: f64) -> Self {
        self.metrics.push((name.to_owned(), value));
        self
    }

    /// Adds a curve.
    #[must_use]
    pub fn series(mut self, name: &'static str, x: Vec<f64>, y: Vec<f64>) -> Self {
        self.series.push(Series { name: name.to_owned(), x, y });
        self
    }

    /// The value of a metric, if measured.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.metrics.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
    }

    /// Holds the measurement to the declaration: every declared metric once, nothing else, no
    /// NaN, everything inside its range.
    ///
    /// # Errors
    /// A sentence that names the metric and what is wrong with it.
    pub fn conform(&self, declared: &[Metric]) -> Result<(), String> {
        for (name, _) in &self.metrics {
            if !declared.iter().any(|m| m.name == name) {
                return Err(format!("measured `{name}`, which is not a declared metric"));
            }
        }
        for metric in declared {
            let mut values = self.metrics.iter().filter(|(n, _)| n == metric.name);
            match (values.next(), values.next()) {
                (None, _) => return Err(format!("metric `{}` was not measured", metric.name)),
                (Some(_), Some(_)) => {
                    return Err(format!("metric `{}` was measured twice", metric.name));
                }
                (Some((_, v)), None) if !v.is_finite() => {
                    return Err(format!("metric `{}` is {v}", metric.name));
                }
                (Some((_, v)), None) if *v < metric.low || *v > metric.high => {
                    return Err(format!(
                        "metric `{}` is {v}, outside its range [{}, {}]",
                        metric.name, metric.low, metric.high
                    ));
                }
                _ => {}
            }
        }
        for series in &self.series {
            if series.x.len() != series.y.len() || series.x.iter().chain(&series.y).any(|v| !v.is_finite()) {
                return Err(format!("series `{}` has gaps or values that are not finite", series.name));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: [Metric; 1] = [Metric::new("share", "A share.").range(0.0, 1.0)];

    #[test]
    fn measurements_are_held_to_their_declaration() {
        assert!(Measurement::new().metric("share", 0.5).conform(&METRICS).is_ok());
        for (bad, word) in [
            (Measurement::new(), "not measured"),
            (Measurement::new().metric("share", f64::NAN), "NaN"),
            (Measurement::new().metric("share", 1.5), "outside its range"),
            (Measurement::new().metric("share", 0.1).metric("share", 0.1), "twice"),
            (Measurement::new().metric("share", 0.1).metric("shore", 0.1), "not a declared"),
            (Measurement::new().metric("share", 0.1).series("s", vec![1.0], vec![]), "gaps"),
        ] {
            let message = bad.conform(&METRICS).unwrap_err();
            assert!(message.contains(word), "{message}");
        }
    }
}
