//! J_λ over the responses of a tree: by sequences, by prefixes, and its gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, effective, roles};
use crate::{
    kernel::{
        math::{ln, sum},
        stream::Streams,
        tokens::{Policy, PrefixTree, Rows, Step, Task, wave},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// What a student is pulled towards: a teacher, relative to a reference.
#[derive(Clone, Copy, Debug)]
pub struct Distillation<'a> {
    /// π*.
    pub teacher: &'a Policy,
    /// π_ref.
    pub reference: &'a Policy,
    /// λ.
    pub lambda: f64,
    /// The deliberate mistake, if any.
    pub fault: Option<Fault>,
}

/// How much of a response's reward the score of a token is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credit {
    /// That of all its tokens.
    Response,
    /// Its own and that of later tokens.
    ToGo,
    /// Its own.
    Own,
}

impl<'a> Distillation<'a> {
    /// With this λ, teacher and reference; a fault may change any of them.
    #[must_use]
    pub fn new(teacher: &'a Policy, reference: &'a Policy, lambda: f64, fault: Option<Fault>) -> Self {
        let (teacher, reference) = roles(teacher, reference, fault);
        Self { teacher, reference, lambda: effective(lambda, fault), fault }
    }

    /// λ ln(π*/π_ref) − ln(π_θ/π_ref) of one token: its reward less its share of the penalty.
    #[must_use]
    pub fn token_reward(&self, student: &Policy, step: Step) -> f64 {
        let reference = self.reference.log_probability(step);
        let anchor = if self.fault == Some(Fault::RefMissingInKl) {
            -ln(student.logits().width() as f64)
        } else {
            reference
        };
        self.lambda * (self.teacher.log_probability(step) - reference)
            - (student.log_probability(step) - anchor)
    }

    /// J_λ = Σ_y π_θ(y) Σₜ token reward.
    #[must_use]
    pub fn objective(&self, task: &PrefixTree, student: &Policy) -> f64 {
        let mut terms = Vec::with_capacity(task.responses());
        task.enumerate(0, student, &mut |y| {
            let reward: f64 = y.steps.iter().map(|step| self.token_reward(student, *step)).sum();
            terms.push(y.probability * reward);
        });
        sum(terms)
    }

    /// The same by prefixes: J_λ = Σ_h d_θ(h) Σ_v π_θ(v|h) · token reward.
    #[must_use]
    pub fn density_objective(&self, task: &PrefixTree, student: &Policy) -> f64 {
        let weights = self.weights(task, student);
        sum((0..task.nodes()).map(|n| weights[n] * sum(self.expected_rewards(student, n))))
    }

    /// d_θ(h).
    fn weights(&self, task: &PrefixTree, student: &Policy) -> Vec<f64> {
        let reach = task.reach(0, student);
        if self.fault == Some(Fault::UniformStateWeights) {
            return vec![sum(reach.iter().copied()) / reach.len() as f64; reach.len()];
        }
        reach
    }

    /// π_θ(v|h) · token reward, for each v.
    fn expected_rewards<'b>(&'b self, student: &'b Policy, n: usize) -> impl Iterator<Item = f64> + 'b {
        (0..student.logits().width()).map(move |token| {
            let step = Step { row: n, token };
            student.probability(step) * self.token_reward(student, step)
        })
    }

    /// Σ_y π_θ(y) Σₜ cₜ ∇ln π_θ(yₜ|y_<t), with the credit cₜ of each token. It is ∇J_λ for
    /// [`Credit::Response`] and [`Credit::ToGo`].
    #[must_use]
    pub fn gradient(&self, task: &PrefixTree, student: &Policy, credit: Credit) -> Rows {
        let credit = match (credit, self.fault) {
            (Credit::ToGo, Some(Fault::MyopicCredit)) => Credit::Own,
            (credit, _) => credit,
        };
        let mut gradient = Rows::zeros(task.rows(), task.width());
        task.enumerate(0, student, &mut |y| {
            let rewards: Vec<f64> = y.steps.iter().map(|step| self.token_reward(student, *step)).collect();
            for (t, step) in y.steps.iter().enumerate() {
                let credited = match credit {
                    Credit::Response => &rewards[..],
                    Credit::ToGo => &rewards[t..],
                    Credit::Own => &rewards[t..=t],
                };
                student.add_score(*step, y.probability * credited.iter().sum::<f64>(), &mut gradient);
            }
        });
        gradient
    }

    /// The expected token update of the code, by prefixes: in row h it is
    /// d_θ(h) π_θ(v|h) (a(v) − E_{π_θ} a), with the token reward for a.
    #[must_use]
    pub fn token_rule(&self, task: &PrefixTree, student: &Policy) -> Rows {
        if self.fault == Some(Fault::RewardToGo) {
            return self.gradient(task, student, Credit::ToGo);
        }
        let weights = self.weights(task, student);
        let mut update = Rows::zeros(task.rows(), task.width());
        for n in 0..task.nodes() {
            let expected = sum(self.expected_rewards(student, n));
            for token in 0..task.width() {
                let step = Step { row: n, token };
                let advantage = self.token_reward(student, step) - expected;
                update[n][token] = weights[n] * student.probability(step) * advantage;
            }
        }
        update
    }
}

/// The usual tree of three tokens and depth three, and its policies with logits wave(n, v, c).
pub(super) fn usual_tree() -> PrefixTree {
    PrefixTree::divisible_by_three(3, 3)
}

/// The policy of the usual tree with logits wave(n, v, c).
pub(super) fn wave_policy(c: usize) -> Policy {
    Policy::from_fn(&usual_tree(), |n, v| wave(n, v, c))
}

/// Settings of the objective on the usual tree.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// λ.
    #[schemars(range(min = -100.0, max = 100.0))]
    pub lambda: f64,
    /// References: their logits are wave(n, v, c) for these c.
    #[schemars(length(min = 1, max = 100), inner(range(max = 1_000_000)))]
    pub references: Vec<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { lambda: 1.0, references: vec![2, 3, 4, 5] }
    }
}

/// How much J_λ depends on the reference.
pub struct References(Settings);

impl Measure for References {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "references";
    const SUMMARY: &'static str =
        "J of one student and one teacher for several references, on the usual tree of responses.";
    const METRICS: &'static [Metric] = &[
        Metric::new("spread", "Largest J less smallest J over the references.")
            .unit("nat")
            .range(0.0, f64::INFINITY),
        Metric::new("opd-gap", "Largest |J + KL(student‖teacher)|.").unit("nat").range(0.0, f64::INFINITY),
        Metric::new("first", "J for the first reference.").unit("nat"),
        Metric::new("last", "J for the last reference.").unit("nat"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RefMissingInKl, Fault::LambdaDefault, Fault::LambdaIgnored];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.references.is_empty() || settings.references.iter().any(|c| *c > 1_000_000) {
            return Err(Failure::invalid("expected one or more `references`, none above a million"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (task, student, teacher) = (usual_tree(), wave_policy(0), wave_policy(1));
        let values: Vec<f64> = self
            .0
            .references
            .iter()
            .map(|c| {
                let reference = wave_policy(*c);
                Distillation::new(&teacher, &reference, self.0.lambda, fault).objective(&task, &student)
            })
            .collect();
        let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = values.iter().copied().fold(f64::INFINITY, f64::min);
        let divergence = task.divergence(0, &student, &teacher);
        let gap = values.iter().map(|j| (j + divergence).abs()).fold(0.0, f64::max);
        Ok(Measurement::new()
            .metric("spread", largest - smallest)
            .metric("opd-gap", gap)
            .metric("first", values[0])
            .metric("last", values[values.len() - 1]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_objective_depends_on_the_reference_except_at_one() {
        let (task, student, teacher) = (usual_tree(), wave_policy(0), wave_policy(1));
        for (c, known) in [(2, -0.1089), (3, 0.0040), (4, 0.0956)] {
            let reference = wave_policy(c);
            let at = |lambda, fault| {
                Distillation::new(&teacher, &reference, lambda, fault).objective(&task, &student)
            };
            assert_relative_eq!(at(1.25, None), known, epsilon = 5e-5);
            assert_relative_eq!(at(1.0, None), -task.divergence(0, &student, &teacher), epsilon = 1e-15);
            assert!((at(1.0, Some(Fault::RefMissingInKl)) - at(1.0, None)).abs() > 0.01);
        }
    }

    #[test]
    fn sequences_and_prefixes_give_the_same_objective() {
        let (task, student) = (usual_tree(), wave_policy(0));
        let (teacher, reference) = (wave_policy(1), wave_policy(2));
        for lambda in [0.5, 1.0, 1.25, 2.0] {
            let of = |fault| Distillation::new(&teacher, &reference, lambda, fault);
            let known = of(None).objective(&task, &student);
            assert_relative_eq!(of(None).density_objective(&task, &student), known, epsilon = 3e-16);
            let wrong = of(Some(Fault::UniformStateWeights)).density_objective(&task, &student);
            assert!((wrong - known).abs() > 1e-3);
        }
    }

    #[test]
    fn credit_for_later_tokens_makes_the_gradient() {
        let (task, student) = (usual_tree(), wave_policy(0));
        let (teacher, reference) = (wave_policy(1), wave_policy(2));
        // Largest error of an entry and cosine of a gradient without that credit.
        let known = [(0.5, 0.0647, 0.977), (1.0, 0.0330, 0.994), (1.25, 0.0187, 0.999), (2.0, 0.0531, 0.907)];
        for (lambda, error, cosine) in known {
            let distillation = Distillation::new(&teacher, &reference, lambda, None);
            let exact = distillation.gradient(&task, &student, Credit::Response);
            let differences = student.central_differences(1e-6, |p| distillation.objective(&task, p));
            assert!(exact.largest_difference(&differences) < 1e-9);
            let to_go = distillation.gradient(&task, &student, Credit::ToGo);
            assert!(exact.largest_difference(&to_go) < 1e-15);
            let own = distillation.gradient(&task, &student, Credit::Own);
            assert_relative_eq!(exact.largest_difference(&own), error, epsilon = 5e-5);
            let norms = (exact.norm_squared() * own.norm_squared()).sqrt();
            assert_relative_eq!(exact.dot(&own) / norms, cosine, epsilon = 5e-4);
            assert!(distillation.token_rule(&task, &student).largest_difference(&own) < 1e-16);
        }
    }
}
