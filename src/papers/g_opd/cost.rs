//! What a token costs: evaluations of models.
//!
//! The advantage of a token needs the log-probabilities of the student and of the teacher, and of the
//! reference unless λ = 1, where it cancels. An evaluation of a model of the student's size costs 1, of
//! the teacher's size c.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EXTRAPOLATION, Fault, effective, teacher::Reference};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A model that is evaluated on the tokens of the student.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Model {
    Student,
    Teacher,
    Reference(Reference),
}

impl Model {
    /// Cost of an evaluation, with teachers of size c.
    fn cost(self, c: f64) -> f64 {
        match self {
            Self::Student | Self::Reference(Reference::StudentStart) => 1.0,
            Self::Teacher | Self::Reference(Reference::TeacherBase) => c,
        }
    }
}

/// The models that the advantage of a token needs.
fn needed(lambda: f64, reference: Reference, fault: Option<Fault>) -> Vec<Model> {
    let mut models = vec![Model::Student, Model::Teacher];
    if effective(lambda, fault) != 1.0 {
        let reference = match fault {
            Some(Fault::ReuseStudentInit) => Reference::StudentStart,
            _ => reference,
        };
        models.push(Model::Reference(reference));
    }
    models
}

/// Settings of the cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// π_ref.
    pub reference: Reference,
    /// Cost c of a teacher's evaluation relative to a student's.
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub size: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, reference: Reference::TeacherBase, size: 4.0 }
    }
}

/// Evaluations of models that a token costs.
pub struct Cost(Settings);

impl Measure for Cost {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Counts the evaluations of models that the advantage of a token needs.";
    const METRICS: &'static [Metric] = &[
        Metric::new("evaluations", "Models that are evaluated.").unit("evaluations").range(0.0, 3.0),
        Metric::new("cost", "The same, a teacher-sized model counting c times.")
            .unit("student evaluations")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReuseStudentInit, Fault::LambdaIgnored, Fault::LambdaDefault];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !(0.001..=1e6).contains(&settings.size) {
            return Err(Failure::invalid("`size` must be from 0.001 to a million"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let Settings { lambda, reference, size } = self.0;
        let models = needed(lambda, reference, fault);
        let cost: f64 = models.iter().map(|model| model.cost(size)).sum();
        Ok(Measurement::new().metric("evaluations", models.len() as f64).metric("cost", cost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_rise_from_opd_to_reward_correction() {
        for c in [1.0, 4.0, 20.0] {
            let cost = |lambda, reference| -> f64 {
                needed(lambda, reference, None).iter().map(|model| model.cost(c)).sum()
            };
            assert_eq!(cost(1.0, Reference::StudentStart), 1.0 + c);
            assert_eq!(cost(1.25, Reference::StudentStart), 2.0 + c);
            assert_eq!(cost(1.25, Reference::TeacherBase), 1.0 + 2.0 * c);
        }
    }
}
