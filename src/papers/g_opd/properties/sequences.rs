//! The objective, its gradient and its optimum over the responses of a tree.

use proptest::prelude::*;

use super::{ERROR, STEP, Tree, trees};
use crate::{
    kernel::tokens::Task,
    papers::{
        g_opd::{
            Fault,
            objective::{Credit, Distillation},
            optimum::{AtRest, divergence, extrapolate, token_optimum, value},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// g-opd.1: distillation is reinforcement learning, whatever the reference.
pub struct OpdIsRl;

impl Observe for OpdIsRl {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "opd-is-rl";
    const SUMMARY: &'static str = "J at λ = 1 is −KL(π_θ‖π*), for two references.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::RefMissingInKl, Fault::LambdaDefault];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let known = -models.task.divergence(0, &models.student, &models.teacher);
        let error = |reference| {
            let distillation = Distillation::new(&models.teacher, reference, 1.0, fault);
            (distillation.objective(&models.task, &models.student) - known).abs()
        };
        let worst = error(&models.reference).max(error(&models.other));
        Ok(Measurement::new().metric("error", worst / models.scale()))
    }
}

/// g-opd.2: the objective by prefixes.
pub struct Density;

impl Observe for Density {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "density";
    const SUMMARY: &'static str =
        "J by prefixes, weighted by how often the student reaches them, is J by responses.";
    const METRICS: &'static [Metric] = &[ERROR];
    const FAULTS: &'static [Fault] = &[Fault::UniformStateWeights];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let known = models.distillation(tree.lambda, None).objective(&models.task, &models.student);
        let dense = models.distillation(tree.lambda, fault).density_objective(&models.task, &models.student);
        Ok(Measurement::new().metric("error", (dense - known).abs() / models.scale()))
    }
}

/// g-opd.3: the maximiser and its value.
pub struct Optimum;

/// λ of the grid on which ln Z is looked at: −1, −¾ … 3.
fn grid() -> impl Iterator<Item = f64> {
    (-4..=12).map(|k| f64::from(k) / 4.0)
}

impl Observe for Optimum {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "sequence-optimum";
    const SUMMARY: &'static str =
        "J is ln Z less the divergence from π_λ, and ln Z is convex with zeros at 0 and 1.";
    const METRICS: &'static [Metric] = &[
        ERROR,
        Metric::new("shortfall", "Largest J of another law less ln Z, relative to the size of what cancels."),
        Metric::new(
            "ends",
            "Largest difference of π₀ from the reference and π₁ from the teacher, in ln, relative.",
        )
        .range(0.0, f64::INFINITY),
        Metric::new("concavity", "Largest −(second difference) of ln Z on the grid, relative."),
        Metric::new("sign", "Largest ln Z within [0, 1] or −ln Z outside, relative."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SwapTeacherAndRef];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let (task, lambda) = (&models.task, tree.lambda);
        let law = |policy| task.log_distribution(0, policy);
        let (student, teacher, reference) =
            (law(&models.student), law(&models.teacher), law(&models.reference));
        let at = |lambda| extrapolate(&teacher, &reference, lambda, fault);

        let optimum = at(lambda);
        let objective = models.distillation(lambda, None).objective(task, &models.student);
        let error = (objective - (optimum.log_z - divergence(&student, &optimum.logarithms))).abs();
        let rivals = [&student, &teacher, &reference, &law(&models.other)];
        let shortfall = rivals
            .map(|rival| value(rival, &teacher, &reference, lambda) - optimum.log_z)
            .into_iter()
            .fold(f64::NEG_INFINITY, f64::max);
        let apart = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max);
        let ends = apart(&at(0.0).logarithms, &reference).max(apart(&at(1.0).logarithms, &teacher));

        let log_z: Vec<f64> = grid().map(|lambda| at(lambda).log_z).collect();
        let concavity = log_z.windows(3).map(|w| 2.0 * w[1] - w[0] - w[2]).fold(f64::NEG_INFINITY, f64::max);
        let sign = grid()
            .zip(&log_z)
            .map(|(lambda, z)| if (0.0..=1.0).contains(&lambda) { *z } else { -z })
            .fold(f64::NEG_INFINITY, f64::max);
        let scale = models.scale();
        Ok(Measurement::new()
            .metric("error", error / scale)
            .metric("shortfall", shortfall / scale)
            .metric("ends", ends / scale)
            .metric("concavity", concavity / scale)
            .metric("sign", sign / scale))
    }
}

/// g-opd.4: the gradient in three ways.
pub struct Gradient;

impl Observe for Gradient {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "gradient";
    const SUMMARY: &'static str = "Scores weighted by the reward to go are the gradient of J: by finite differences, and by whole rewards.";
    const METRICS: &'static [Metric] = &[
        Metric::new("difference-error", "Largest difference to finite differences, relative.")
            .range(0.0, f64::INFINITY),
        Metric::new("response-error", "Largest difference to whole rewards, relative.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MyopicCredit];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let right = models.distillation(tree.lambda, None);
        let to_go =
            models.distillation(tree.lambda, fault).gradient(&models.task, &models.student, Credit::ToGo);
        let differences = models.student.central_differences(STEP, |p| right.objective(&models.task, p));
        let whole = right.gradient(&models.task, &models.student, Credit::Response);
        let scale = models.scale();
        Ok(Measurement::new()
            .metric("difference-error", to_go.largest_difference(&differences) / scale)
            .metric("response-error", to_go.largest_difference(&whole) / scale))
    }
}

/// g-opd.5: where the token update rests.
pub struct TokenFixedPoint;

impl Observe for TokenFixedPoint {
    type Instance = Tree;
    type Fault = Fault;
    const NAME: &'static str = "token-fixed-point";
    const SUMMARY: &'static str =
        "The token update rests at the token-wise optimum, short of ln Z by its divergence from π_λ.";
    const METRICS: &'static [Metric] = &[
        Metric::new("update", "Largest entry of the update there, relative.").range(0.0, f64::INFINITY),
        Metric::new("gap", "|ln Z − J − KL(·‖π_λ)| there, relative.").range(0.0, f64::INFINITY),
        Metric::new("teacher", "Divergence of the rest point at λ = 1 from the teacher, relative.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::RewardToGo, Fault::LambdaDefault];

    fn instances() -> BoxedStrategy<Tree> {
        trees(true)
    }

    fn observe(tree: &Tree, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let models = tree.models()?;
        let (task, scale) = (&models.task, models.scale());
        let rest = AtRest::of(task, &models.distillation(tree.lambda, fault));
        let at_one = token_optimum(&models.distillation(1.0, fault));
        Ok(Measurement::new()
            .metric("update", rest.update / scale)
            .metric("gap", (rest.shortfall - rest.divergence).abs() / scale)
            .metric("teacher", task.divergence(0, &at_one, &models.teacher).abs() / scale))
    }
}
