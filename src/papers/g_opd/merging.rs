//! Two domain experts merged into one student.
//!
//! Both teachers start from the student's initial model W₀ and learn their own domain by
//! reinforcement. Each has the whole W for its domain; the student has one W for both, with fewer
//! features than prompts. Methods to merge them:
//!
//! | method | weights of the student |
//! |---|---|
//! | G-OPD | distilled with λ, each prompt from the teacher of its domain, π_ref = W₀ |
//! | SFT | the same prompts, fitted to samples of the teachers |
//! | weight extrapolation (ExPO) | W₀ + 1.25 · mean of (Wⱼ − W₀) |
//! | weight average | mean of Wⱼ |

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EXTRAPOLATION, Fault,
    linear::{Direction, Model, Prompts, check_sizes, distil, imitate, normal_rows, target},
};
use crate::{
    kernel::{math::mean, stream::Streams, tokens::Policy},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// How the teachers become one student.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Generalised on-policy distillation.
    GOpd,
    /// Supervised finetuning on samples of the teachers.
    Sft,
    /// Extrapolation of weights.
    WeightExtrapolation,
    /// Average of weights.
    WeightAverage,
}

/// Settings of merging.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the teachers become one student.
    pub method: Method,
    /// λ of G-OPD.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// Prompts of each of the two domains.
    #[schemars(range(min = 1, max = 1000))]
    pub prompts: usize,
    /// Features D.
    #[schemars(range(min = 1, max = 1000))]
    pub features: usize,
    /// Answers A.
    #[schemars(range(min = 1, max = 1000))]
    pub actions: usize,
    /// Steps of reinforcement of each teacher.
    #[schemars(range(max = 1_000_000))]
    pub teacher_steps: usize,
    /// Steps of the student.
    #[schemars(range(max = 1_000_000))]
    pub steps: usize,
    /// Learning rate α.
    #[schemars(range(min = 0.0, max = 1000.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            method: Method::GOpd,
            lambda: EXTRAPOLATION,
            prompts: 12,
            features: 8,
            actions: 5,
            teacher_steps: 60,
            steps: 800,
            rate: 1.0,
        }
    }
}

/// Points of the curve of success.
const POINTS: usize = 20;

/// Deviation of the entries of the initial weights W₀.
const START: f64 = 0.3;

/// Two domains, their teachers, and the model that all of them start from.
struct Domains {
    prompts: Prompts,
    start: Model,
    teachers: [Model; 2],
}

impl Domains {
    fn draw(settings: &Settings, streams: &Streams) -> Self {
        let Settings { prompts, features, actions, teacher_steps, rate, .. } = *settings;
        let all = Prompts::draw(2 * prompts, features, actions, &mut streams.stream("prompts"));
        let start = all.model(normal_rows(features, actions, START, &mut streams.stream("start")));
        let teacher = |domain: usize| {
            let mut teacher = start.clone();
            let own = domain * prompts..(domain + 1) * prompts;
            all.learn(&mut teacher, &own, teacher_steps, rate, &|i, p, g| all.reinforce(i, p, g));
            teacher
        };
        Self { teachers: [teacher(0), teacher(1)], start, prompts: all }
    }

    /// Success of a policy on both domains.
    fn successes(&self, policy: &Policy) -> [f64; 2] {
        let half = self.prompts.count() / 2;
        [self.prompts.success(policy, 0..half), self.prompts.success(policy, half..2 * half)]
    }

    /// The teacher of each prompt.
    fn teacher(&self, i: usize, fault: Option<Fault>) -> &Policy {
        let domain = usize::from(i >= self.prompts.count() / 2 && fault != Some(Fault::SingleTeacherRouting));
        &self.teachers[domain].policy
    }

    /// W₀ + scale · mean of (Wⱼ − W₀).
    fn merged_weights(&self, scale: f64) -> Model {
        let mut weights = self.start.weights.clone();
        weights.add(-scale, &self.start.weights);
        for teacher in &self.teachers {
            weights.add(scale / 2.0, &teacher.weights);
        }
        self.prompts.model(weights)
    }

    /// The student, shown to `watch` after every share of its steps.
    fn student(
        &self,
        settings: &Settings,
        fault: Option<Fault>,
        watch: &mut dyn FnMut(usize, &Policy),
    ) -> Model {
        let Settings { lambda, steps, rate, .. } = *settings;
        let all = 0..self.prompts.count();
        let targets: Vec<Vec<f64>> = all
            .clone()
            .map(|i| target(self.teacher(i, fault), &self.start.policy, i, lambda, fault))
            .collect();
        let distil = |i: usize, p: &Policy, g: &mut [f64]| distil(&targets[i], p, i, g);
        let imitate =
            |i: usize, p: &Policy, g: &mut [f64]| imitate(self.teacher(i, fault).row(i), p.row(i), g);
        let direction: &Direction<'_> = match settings.method {
            Method::GOpd => &distil,
            Method::Sft => &imitate,
            Method::WeightExtrapolation => return self.merged_weights(EXTRAPOLATION),
            Method::WeightAverage => return self.merged_weights(1.0),
        };
        let mut student = self.start.clone();
        watch(0, &student.policy);
        for point in 1..=POINTS {
            let (from, to) = ((point - 1) * steps / POINTS, point * steps / POINTS);
            self.prompts.learn(&mut student, &all, to - from, rate, direction);
            watch(to, &student.policy);
        }
        student
    }
}

/// The student after merging, held against its teachers.
pub struct Merging(Settings);

impl Measure for Merging {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "merging";
    const SUMMARY: &'static str = "Success of one linear student after merging the experts of two domains.";
    const METRICS: &'static [Metric] = &[
        Metric::new("success", "Mean success of the student over both domains.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("lead", "Success over that of the domain's teacher, in the domain where it is less.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("mean-lead", "Success over that of the domain's teacher, on average.")
            .range(-1.0, 1.0)
            .higher_is_better(),
        Metric::new("beats-both", "Whether the student beats both teachers on their own domains.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("teachers", "Mean success of the teachers on their own domains.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::LambdaIgnored,
        Fault::LambdaDefault,
        Fault::SwapTeacherAndRef,
        Fault::SingleTeacherRouting,
        Fault::LeadOverStart,
    ];
    const TREATMENTS: &'static [&'static str] = &["method", "lambda", "steps"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        check_sizes(&[settings.prompts, settings.features, settings.actions])?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let domains = Domains::draw(&self.0, streams);
        let (mut steps, mut curve) = (Vec::new(), Vec::new());
        let student = domains.student(&self.0, fault, &mut |step, policy| {
            steps.push(step as f64);
            curve.push(mean(&domains.successes(policy)));
        });
        let success = domains.successes(&student.policy);
        let teachers = if fault == Some(Fault::LeadOverStart) {
            domains.successes(&domains.start.policy)
        } else {
            [0, 1].map(|domain| domains.successes(&domains.teachers[domain].policy)[domain])
        };
        let leads = [success[0] - teachers[0], success[1] - teachers[1]];
        Ok(Measurement::new()
            .metric("success", mean(&success).clamp(0.0, 1.0))
            .metric("lead", leads[0].min(leads[1]))
            .metric("mean-lead", mean(&leads))
            .metric("beats-both", f64::from(u8::from(leads.iter().all(|lead| *lead > 0.0))))
            .metric("teachers", mean(&teachers).clamp(0.0, 1.0))
            .series("success", steps, curve))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tokens::Rows;
    use approx::assert_relative_eq;

    fn domains(settings: &Settings) -> Domains {
        Domains::draw(settings, &Streams::from_seed(5))
    }

    #[test]
    fn teachers_know_their_own_domain_best() {
        let domains = domains(&Settings::default());
        let start = domains.successes(&domains.start.policy);
        let [first, second] = [0, 1].map(|j| domains.successes(&domains.teachers[j].policy));
        assert!(first[0] > 0.5 && first[0] > second[0] && first[0] > start[0]);
        assert!(second[1] > 0.5 && second[1] > first[1] && second[1] > start[1]);
    }

    #[test]
    fn merged_weights_lie_on_the_line_through_start_and_average() {
        let domains = domains(&Settings::default());
        let at = |scale: f64| domains.merged_weights(scale).weights[2][1];
        let average = f64::midpoint(domains.teachers[0].weights[2][1], domains.teachers[1].weights[2][1]);
        assert_relative_eq!(at(0.0), domains.start.weights[2][1], epsilon = 1e-15);
        assert_relative_eq!(at(1.0), average, epsilon = 1e-15);
        assert_relative_eq!(at(1.25), 1.25 * average - 0.25 * at(0.0), epsilon = 1e-15);
    }

    #[test]
    fn enough_features_merge_both_teachers_exactly() {
        let settings = Settings { prompts: 2, actions: 3, lambda: 1.0, steps: 20_000, ..Settings::default() };
        let domains = domains(&settings);
        let mut last = Policy::new(Rows::zeros(1, 1));
        let student = domains.student(&settings, None, &mut |_, policy| last = policy.clone());
        assert_eq!(last, student.policy);
        for i in 0..4 {
            assert!(student.policy.row_divergence(i, domains.teacher(i, None)) < 1e-3);
        }
    }
}
