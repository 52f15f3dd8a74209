//! A teacher that sees more than its student.
//!
//! The teacher has all features and a base of its own, trained by reinforcement; the student sees
//! the first few features only, and starts elsewhere. Which model should be the reference: the
//! student's initial one, or the teacher's base (reward correction)?

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EXTRAPOLATION, Fault,
    linear::{Direction, Prompts, check_sizes, distil, imitate, normal_rows, target},
    teacher::Reference,
};
use crate::{
    kernel::{
        math::mean,
        stream::{Stream, Streams},
        tokens::Policy,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the student learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Generalised on-policy distillation.
    GOpd,
    /// Supervised finetuning on samples of the teacher.
    Sft,
}

/// Settings of a strong teacher and a weak student.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the student learns.
    pub method: Method,
    /// λ of G-OPD.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// π_ref of G-OPD.
    pub reference: Reference,
    /// Prompts.
    #[schemars(range(min = 1, max = 1000))]
    pub prompts: usize,
    /// Features of the teacher.
    #[schemars(range(min = 1, max = 1000))]
    pub features: usize,
    /// Features of the student, the first of those of the teacher.
    #[schemars(range(min = 1, max = 1000))]
    pub student_features: usize,
    /// Answers A.
    #[schemars(range(min = 1, max = 1000))]
    pub actions: usize,
    /// Steps of reinforcement of the teacher.
    #[schemars(range(max = 1_000_000))]
    pub teacher_steps: usize,
    /// Learning rate of the teacher.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub teacher_rate: f64,
    /// Steps of the student.
    #[schemars(range(max = 1_000_000))]
    pub steps: usize,
    /// Learning rate α of the student.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
    /// Pairs of a teacher and a student of a replicate.
    #[schemars(range(min = 1, max = 1000))]
    pub problems: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::GOpd,
            lambda: EXTRAPOLATION,
            reference: Reference::TeacherBase,
            prompts: 24,
            features: 8,
            student_features: 5,
            actions: 5,
            teacher_steps: 60,
            teacher_rate: 1.0,
            steps: 800,
            rate: 1.0,
            problems: 1,
        }
    }
}

/// Deviation of the entries of both initial weights.
const START: f64 = 0.6;

/// A weak student after learning from a strong teacher.
pub struct StrongToWeak(Settings);

impl StrongToWeak {
    /// Success of student and teacher on one problem.
    fn problem(&self, fault: Option<Fault>, stream: &mut Stream) -> (f64, f64) {
        let settings = &self.0;
        // A correction the wrong way round is no mistake of those who do not correct.
        let fault =
            fault.filter(|fault| *fault != Fault::WrongBase || settings.reference == Reference::TeacherBase);
        let Settings { features, student_features, actions, teacher_rate, rate, .. } = *settings;
        let prompts = Prompts::draw(settings.prompts, features, actions, stream);
        let base = prompts.model(normal_rows(features, actions, START, stream));
        let start = prompts.model(normal_rows(student_features, actions, START, stream));
        let all = 0..prompts.count();

        let mut teacher = base.clone();
        prompts.learn(&mut teacher, &all, settings.teacher_steps, teacher_rate, &|i, p, g| {
            prompts.reinforce(i, p, g);
        });
        let teacher = teacher.policy;

        let reference = match settings.reference.honoured(fault) {
            Reference::TeacherBase => &base.policy,
            Reference::StudentStart => &start.policy,
        };
        let mut student = start.clone();
        let targets: Vec<Vec<f64>> =
            all.clone().map(|i| target(&teacher, reference, i, settings.lambda, fault)).collect();
        let distil = |i: usize, p: &Policy, g: &mut [f64]| distil(&targets[i], p, i, g);
        let imitate = |i: usize, p: &Policy, g: &mut [f64]| imitate(teacher.row(i), p.row(i), g);
        let direction: &Direction<'_> = match settings.method {
            Method::GOpd => &distil,
            Method::Sft => &imitate,
        };
        prompts.learn(&mut student, &all, settings.steps, rate, direction);
        (prompts.success(&student.policy, all.clone()), prompts.success(&teacher, all))
    }
}

impl Measure for StrongToWeak {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "strong-to-weak";
    const SUMMARY: &'static str = "Success of a linear student that sees less than its teacher.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Mean success of the students.").range(0.0, 1.0).higher_is_better(),
        Metric::new("teacher", "Mean success of the teachers.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongBase, Fault::CorrectionOnStudentRef, Fault::LambdaIgnored];
    const TREATMENTS: &'static [&'static str] = &["method", "lambda", "reference", "steps", "rate"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        check_sizes(&[settings.prompts, settings.features, settings.actions, settings.problems])?;
        if !(1..=settings.features).contains(&settings.student_features) {
            return Err(Failure::invalid("`student_features` must be from 1 to `features`"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let mut stream = streams.stream("problems");
        let (students, teachers): (Vec<f64>, Vec<f64>) =
            (0..self.0.problems).map(|_| self.problem(fault, &mut stream)).unzip();
        Ok(Measurement::new()
            .metric("success", mean(&students).clamp(0.0, 1.0))
            .metric("teacher", mean(&teachers).clamp(0.0, 1.0)))
    }
}
