//! The same training with sampled responses and sampled demonstrations.

use super::{
    Fault,
    gate::Gate,
    training::{Course, Settings},
};
use crate::{
    kernel::{
        stream::{Stream, Streams},
        tokens::{Batch, Method, Policy, Rows, Skills, Step, Task, train},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// One question, one group and one demonstration a step.
struct Hybrid {
    gate: Gate,
    rate: f64,
    demonstrator: Rows,
    fault: Option<Fault>,
    demonstrations: Stream,
    demonstration: Vec<Step>,
    step: usize,
    gradient: Rows,
}

impl Method<Skills> for Hybrid {
    fn collect(&mut self, task: &Skills, policy: &Policy, stream: &mut Stream, batch: &mut Batch) {
        batch.sample(task, 0, self.gate.group, policy, stream);
        self.demonstration = Course::demonstration(&self.demonstrator, &mut self.demonstrations);
    }

    fn update(&mut self, _: &Skills, batch: &Batch, policy: &mut Policy) {
        self.gradient.clear();
        let shown = &self.demonstration;
        self.gate.add_update(self.step, policy, batch, shown, self.fault, &mut self.gradient);
        policy.ascend(self.rate, &self.gradient);
        self.step += 1;
    }
}

/// One recipe, sampled.
pub struct Sampled(Settings);

impl Measure for Sampled {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "sampled";
    const SUMMARY: &'static str =
        "Trains one recipe on sampled responses and demonstrations of a hard question.";
    const METRICS: &'static [Metric] = &[
        Metric::new("final", "Success rate at the end.").range(0.0, 1.0).higher_is_better(),
        Metric::new("mean", "Mean success rate over the updates.").range(0.0, 1.0).higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::GateInverted, Fault::GateTooHigh, Fault::ConstantSftWeight];
    const TREATMENTS: &'static [&'static str] = &["recipe", "threshold", "switch"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let course = &self.0.course;
        let task = course.task();
        let mut method = Hybrid {
            gate: self.0.gate(),
            rate: course.rate,
            demonstrator: course.demonstrator(&task),
            fault,
            demonstrations: streams.stream("demonstrations"),
            demonstration: Vec::new(),
            step: 0,
            gradient: Rows::zeros(task.rows(), task.width()),
        };
        let mut policy = Policy::uniform(&task);
        let curve = train(&task, &mut policy, &mut method, course.steps, &mut streams.stream("responses"));
        Ok(Measurement::new().metric("final", curve.last().min(1.0)).metric("mean", curve.area().min(1.0)))
    }
}
