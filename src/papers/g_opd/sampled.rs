//! The algorithm with samples: responses of the student, advantages of their tokens, one step a batch.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EXTRAPOLATION, Fault,
    objective::{Distillation, usual_tree, wave_policy},
    optimum::token_optimum,
    teacher::{rewards, tilted},
    token::{Scored, TokenLoss},
};
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Batch, Policy, PrefixTree, Rows, Step, Task},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of sampled distillation.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Responses a batch.
    #[schemars(range(min = 1, max = 10_000))]
    pub batch: usize,
    /// Batches, each used for one step.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Learning rate α, of the mean over tokens.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lambda: EXTRAPOLATION, batch: 32, steps: 150, rate: 6.0 }
    }
}

/// Training on the usual tree. The student starts as the teacher's base, which is its reference.
pub struct Sampled {
    settings: Settings,
    task: PrefixTree,
    base: Policy,
    teacher: Policy,
}

impl Sampled {
    /// Log-probabilities of a response under all models; the student sampled it itself.
    fn score(&self, student: &Policy, steps: &[Step]) -> Scored {
        let under = |policy: &Policy| steps.iter().map(|step| policy.log_probability(*step)).collect();
        let own: Vec<f64> = under(student);
        Scored {
            new: own.clone(),
            sampler: own.clone(),
            old: own,
            teacher: under(&self.teacher),
            reference: under(&self.base),
        }
    }
}

impl Measure for Sampled {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sampled";
    const SUMMARY: &'static str =
        "Distillation with sampled responses on the usual tree, from the RL-optimal teacher of the student.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Expected reward at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("lead", "Expected reward at the end less that of the teacher.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("distance", "KL of the student at the end to the token-wise optimum.")
            .unit("nat")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::LambdaIgnored,
        Fault::LambdaDefault,
        Fault::FlippedSign,
        Fault::SwapTeacherAndRef,
        Fault::WhitenedAdvantages,
        Fault::RewardToGo,
    ];
    const TREATMENTS: &'static [&'static str] = &["lambda"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.batch == 0 || settings.steps == 0 {
            return Err(Failure::invalid("needs a response a batch, and one or more `steps`"));
        }
        let (task, base) = (usual_tree(), wave_policy(2));
        let teacher = task.factorise(&tilted(&task.log_distribution(0, &base), &rewards()));
        Ok(Self { settings, task, base, teacher })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { lambda, batch: size, steps, rate } = self.settings;
        let (task, loss) = (&self.task, TokenLoss::with(lambda));
        let mut stream = streams.stream("responses");
        let mut student = self.base.clone();
        let mut gradient = Rows::zeros(task.rows(), task.width());
        let mut batch = Batch::new();
        let mut curve = vec![task.success(0, &student)];
        for _ in 0..steps {
            batch.clear();
            batch.sample(task, 0, size, &student, &mut stream);
            let scored: Vec<Scored> =
                (0..batch.len()).map(|i| self.score(&student, batch.steps(i))).collect();
            gradient.clear();
            batch.add_scores(&student, &loss.evaluate(&scored, fault).slopes, &mut gradient);
            student.ascend(rate, &gradient);
            curve.push(task.success(0, &student));
        }
        let rest = token_optimum(&Distillation::new(&self.teacher, &self.base, lambda, None));
        let success = task.success(0, &student);
        Ok(Measurement::new()
            .metric("success", success.clamp(0.0, 1.0))
            .metric("lead", (success - task.success(0, &self.teacher)).clamp(-1.0, 1.0))
            .metric("distance", task.divergence(0, &student, &rest).max(0.0))
            .series("success", (0..curve.len()).map(|step| step as f64).collect(), curve))
    }
}
