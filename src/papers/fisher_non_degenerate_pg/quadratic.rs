//! Transport of gradients on a quadratic, without noise.
//!
//! Minimise ½xᵀAx + bᵀx with exact gradients Ax + b. The average d_t of gradients taken at the
//! transported points is the gradient at x_t, although no gradient is ever taken there: if
//! d_{t−1} = ∇(x_{t−1}), then (1 − η)∇(x_{t−1}) + η∇(x_t + ((1 − η)/η)(x_t − x_{t−1})) = ∇(x_t), because ∇
//! is affine.

use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    methods::{Algorithm, transported},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Length of the first step; step t has this length over √(t + 1).
const STEP: f64 = 0.1;

/// A quadratic ½xᵀAx + bᵀx.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadratic {
    /// A (d × d), symmetric.
    pub curvature: DMatrix<f64>,
    /// b (d).
    pub linear: DVector<f64>,
}

impl Quadratic {
    /// Ax + b.
    #[must_use]
    pub fn gradient(&self, x: &DVector<f64>) -> DVector<f64> {
        &self.curvature * x + &self.linear
    }

    /// Descends for some steps from a start (d); returns the largest ‖d_t − ∇(x_t)‖ and the largest
    /// ‖∇(x_t)‖, both 0 from a stationary start.
    #[must_use]
    pub fn transport(&self, start: &DVector<f64>, steps: usize, fault: Option<Fault>) -> (f64, f64) {
        let mut previous = start.clone();
        let mut direction = self.gradient(start);
        if direction.norm() == 0.0 {
            return (0.0, 0.0);
        }
        let mut x = start - STEP * direction.normalize();
        let mut point = x.clone();
        let (mut error, mut size) = (0.0_f64, direction.norm());
        for t in 1..=steps {
            let eta = Algorithm::NPgIgt.weight(t);
            transported(eta, x.as_slice(), previous.as_slice(), fault, point.as_mut_slice());
            direction = (1.0 - eta) * direction + eta * self.gradient(&point);
            let gradient = self.gradient(&x);
            error = error.max((&direction - &gradient).norm());
            size = size.max(gradient.norm());
            let norm = direction.norm();
            if norm == 0.0 {
                break;
            }
            previous.copy_from(&x);
            x.axpy(-STEP / (t as f64 + 1.0).sqrt() / norm, &direction, 1.0);
        }
        (error, size)
    }
}

/// Settings of the descent.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Steps.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 49 }
    }
}

/// Descent on ½xᵀAx + bᵀx with A = ((2, ½), (½, 1)), b = (1, −1), from (3, −2).
pub struct Transport(Settings);

impl Measure for Transport {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "transport";
    const SUMMARY: &'static str =
        "How far the average of transported gradients is from the gradient on a quadratic.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest ‖d_t − ∇(x_t)‖.").range(0.0, f64::INFINITY).lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::NoTransport, Fault::WrongSignTransport];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let quadratic = Quadratic {
            curvature: DMatrix::from_row_slice(2, 2, &[2.0, 0.5, 0.5, 1.0]),
            linear: DVector::from_column_slice(&[1.0, -1.0]),
        };
        let start = DVector::from_column_slice(&[3.0, -2.0]);
        let (error, _) = quadratic.transport(&start, self.0.steps, fault);
        Ok(Measurement::new().metric("error", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_is_exact_and_its_mistakes_are_not() {
        let error = |fault| {
            let descent = Transport::prepare(Settings::default(), &Data::default()).unwrap();
            descent.replicate(fault, &Streams::from_seed(0)).unwrap().get("error").unwrap()
        };
        assert!(error(None) < 1e-14);
        approx::assert_relative_eq!(error(Some(Fault::NoTransport)), 0.272_747, epsilon = 5e-7);
        approx::assert_relative_eq!(error(Some(Fault::WrongSignTransport)), 0.553_802, epsilon = 5e-7);
    }
}
