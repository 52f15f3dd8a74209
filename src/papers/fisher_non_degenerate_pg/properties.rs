//! Identities and inequalities on generated processes.

use nalgebra::{DMatrix, DVector};
use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    dominance::Dominance as Inequality,
    estimators::{Environment, add_gradient, add_hessian_product},
    quadratic::Quadratic,
    softmax::Tabular,
    weights::{second_moment, second_moment_by_quadrature},
};
use crate::{
    kernel::mdp::{Shape, Wild, instances},
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Most trajectories that are visited for an expectation.
const MOST_TRAJECTORIES: usize = 10_000;

/// A process with softmax policies and a horizon.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The process; its policy is not used.
    process: Wild,
    /// θ: S (A − 1) logits, the last action of a state having 0.
    theta: Vec<f64>,
    /// Another θ, of the same length.
    other: Vec<f64>,
    /// H.
    horizon: usize,
}

impl Case {
    fn tabular(&self) -> Result<Tabular, Failure> {
        let (process, _) = self.process.build().map_err(|e| Failure::invalid(e.to_string()))?;
        let tabular = Tabular::new(process, self.horizon).map_err(|e| Failure::invalid(e.to_string()))?;
        let choices = self.process.states * self.process.actions;
        let trajectories = u32::try_from(self.horizon).ok().and_then(|steps| choices.checked_pow(steps));
        if trajectories.is_none_or(|trajectories| trajectories > MOST_TRAJECTORIES) {
            return Err(Failure::invalid(format!(
                "a process and a `horizon` may have at most {MOST_TRAJECTORIES} trajectories to visit"
            )));
        }
        let d = tabular.dimension();
        if self.theta.len() != d || self.other.len() != d {
            return Err(Failure::invalid(format!("`theta` and `other` must have {d} entries")));
        }
        Ok(tabular)
    }
}

fn cases(shape: Shape, horizon: usize) -> BoxedStrategy<Case> {
    (instances(shape), 1..=horizon)
        .prop_flat_map(|(process, horizon)| {
            let d = process.states * (process.actions - 1);
            let logits = || vec((-12_i32..=12).prop_map(|k| f64::from(k) / 8.0), d);
            (Just(process), logits(), logits(), Just(horizon))
        })
        .prop_map(|(process, theta, other, horizon)| Case { process, theta, other, horizon })
        .boxed()
}

/// Small enough to enumerate trajectories of three steps.
const SMALL: Shape = Shape { states: (1, 2), actions: (2, 3), discount: (0.0, 0.99) };

/// E g(τ, θ) over all trajectories.
fn expected_gradient(tabular: &Tabular, theta: &[f64], fault: Option<Fault>) -> DVector<f64> {
    let policy = tabular.policy(theta);
    let mut gradient = DVector::zeros(theta.len());
    tabular.enumerate(theta, fault, &mut |p, tau| {
        add_gradient(tabular, &policy, tau, p, gradient.as_mut_slice());
    });
    gradient
}

/// E B(τ, θ) over all trajectories, column by column.
fn expected_hessian(tabular: &Tabular, theta: &[f64], fault: Option<Fault>) -> DMatrix<f64> {
    let d = theta.len();
    let policy = tabular.policy(theta);
    let units = DMatrix::<f64>::identity(d, d);
    let mut columns = vec![vec![0.0; d]; d];
    tabular.enumerate(theta, fault, &mut |p, tau| {
        for (j, column) in columns.iter_mut().enumerate() {
            let unit = units.column(j).into_owned();
            add_hessian_product(tabular, &policy, tau, unit.as_slice(), p, fault, column);
        }
    });
    DMatrix::from_fn(d, d, |i, j| columns[j][i])
}

/// Central difference in direction i with step 10⁻⁵.
fn slope<T>(theta: &[f64], i: usize, f: impl Fn(&[f64]) -> T) -> T
where
    T: std::ops::Sub<Output = T> + std::ops::Div<f64, Output = T>,
{
    const H: f64 = 1e-5;
    let at = |shift: f64| {
        let mut moved = theta.to_vec();
        moved[i] += shift;
        f(&moved)
    };
    (at(H) - at(-H)) / (2.0 * H)
}

/// Both estimators are unbiased.
pub struct Unbiased;

impl Observe for Unbiased {
    type Instance = Case;
    type Fault = Fault;
    const NAME: &'static str = "unbiased";
    const SUMMARY: &'static str =
        "Expectations of g and B over all trajectories, against finite differences.";
    const METRICS: &'static [Metric] = &[
        Metric::new("gradient-error", "Largest |E g − ∇J|, J by dynamic programming.")
            .range(0.0, f64::INFINITY),
        Metric::new("hessian-error", "Largest |E B − ∇²J|.").range(0.0, f64::INFINITY),
        Metric::new("asymmetry", "Largest |E B − (E B)ᵀ|.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::NoOuterProduct, Fault::CausalScoreOnly, Fault::DiscountFromTheStep];

    fn instances() -> BoxedStrategy<Case> {
        cases(SMALL, 3)
    }

    fn observe(case: &Case, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let tabular = case.tabular()?;
        let theta = &case.theta;
        let gradient = expected_gradient(&tabular, theta, fault);
        let hessian = expected_hessian(&tabular, theta, fault);
        let (mut gradient_error, mut hessian_error) = (0.0_f64, 0.0_f64);
        for i in 0..theta.len() {
            let known = slope(theta, i, |x| tabular.truncated_objective(x));
            gradient_error = gradient_error.max((gradient[i] - known).abs());
            let known = slope(theta, i, |x| expected_gradient(&tabular, x, None));
            hessian_error = hessian_error.max((hessian.column(i) - known).amax());
        }
        let asymmetry = (&hessian - hessian.transpose()).amax();
        Ok(Measurement::new()
            .metric("gradient-error", gradient_error)
            .metric("hessian-error", hessian_error)
            .metric("asymmetry", asymmetry))
    }
}

/// At a random point between two parameters, the Hessian times their difference is the difference of
/// their gradients.
pub struct HessianPath;

impl Observe for HessianPath {
    type Instance = Case;
    type Fault = Fault;
    const NAME: &'static str = "hessian-path";
    const SUMMARY: &'static str =
        "E_q[∇²J(qθ + (1 − q)θ′)](θ − θ′) = ∇J(θ) − ∇J(θ′) for q uniform on [0, 1].";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference of an entry.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::EndpointHessian];

    fn instances() -> BoxedStrategy<Case> {
        cases(SMALL, 2)
    }

    fn observe(case: &Case, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let tabular = case.tabular()?;
        let (theta, other) =
            (DVector::from_column_slice(&case.theta), DVector::from_column_slice(&case.other));
        let change = &theta - &other;
        let at = |q: f64| {
            let point = q * &theta + (1.0 - q) * &other;
            expected_hessian(&tabular, point.as_slice(), None) * &change
        };
        let average = if fault == Some(Fault::EndpointHessian) {
            at(1.0)
        } else {
            // Simpson's rule; its error is of the order of the fourth power of the interval.
            let intervals = 64;
            let mut sum = at(0.0) + at(1.0);
            for k in 1..intervals {
                let weight = if k % 2 == 1 { 4.0 } else { 2.0 };
                sum += weight * at(f64::from(k) / f64::from(intervals));
            }
            sum / (3.0 * f64::from(intervals))
        };
        let gradient = |theta: &[f64]| expected_gradient(&tabular, theta, None);
        let known = gradient(&case.theta) - gradient(&case.other);
        Ok(Measurement::new().metric("error", (average - known).amax()))
    }
}

/// Below this, F(θ) is taken to be degenerate.
const DEGENERATE: f64 = 1e-6;

/// The objective is dominated by its gradient.
pub struct Dominance;

impl Observe for Dominance {
    type Instance = Case;
    type Fault = Fault;
    const NAME: &'static str = "dominance";
    const SUMMARY: &'static str = "J* − J(θ) ≤ (M_g/μ_F)‖∇J(θ)‖, and the advantage is linear in the score.";
    const METRICS: &'static [Metric] = &[
        Metric::new("ratio", "J* − J(θ) divided by the bound.").range(-1.0, f64::INFINITY),
        Metric::new("incompatibility", "What a linear advantage misses.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoFisher];

    fn instances() -> BoxedStrategy<Case> {
        cases(Shape { states: (1, 4), actions: (2, 3), discount: (0.0, 0.95) }, 1)
    }

    fn observe(case: &Case, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let degenerate = Failure::Rejected("the Fisher information is degenerate");
        let measured = Inequality::of(&case.tabular()?, &case.theta).map_err(|_| degenerate.clone())?;
        if measured.fisher < DEGENERATE {
            return Err(degenerate);
        }
        // Where rewards are all equal, both sides are rounding errors of zero.
        let ratio = if measured.gap.abs() < 1e-12 { 0.0 } else { measured.gap / measured.bound(fault) };
        Ok(Measurement::new().metric("ratio", ratio).metric("incompatibility", measured.incompatibility))
    }
}

/// A quadratic and a start.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bowl {
    /// Rows of a matrix M; the curvature is A = (M + Mᵀ)/2, of any sign.
    curvature: Vec<Vec<f64>>,
    /// b.
    linear: Vec<f64>,
    /// Where the descent starts.
    start: Vec<f64>,
}

/// Transport is exact where the curvature is constant.
pub struct ExactTransport;

impl Observe for ExactTransport {
    type Instance = Bowl;
    type Fault = Fault;
    const NAME: &'static str = "exact-transport";
    const SUMMARY: &'static str = "On any quadratic, d_t is the gradient at x_t for all t.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest ‖d_t − ∇(x_t)‖, relative to the largest gradient.")
            .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::NoTransport, Fault::WrongSignTransport];

    fn instances() -> BoxedStrategy<Bowl> {
        (1_usize..=4)
            .prop_flat_map(|d| {
                let entries = || vec((-8_i32..=8).prop_map(|k| f64::from(k) / 4.0), d);
                (vec(entries(), d), entries(), entries())
            })
            .prop_map(|(curvature, linear, start)| Bowl { curvature, linear, start })
            .boxed()
    }

    fn observe(bowl: &Bowl, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let d = bowl.start.len();
        if bowl.linear.len() != d || bowl.curvature.len() != d || bowl.curvature.iter().any(|r| r.len() != d)
        {
            return Err(Failure::invalid("`curvature`, `linear` and `start` must have the same dimension"));
        }
        let symmetric = |i: usize, j: usize| f64::midpoint(bowl.curvature[i][j], bowl.curvature[j][i]);
        let quadratic = Quadratic {
            curvature: DMatrix::from_fn(d, d, symmetric),
            linear: DVector::from_column_slice(&bowl.linear),
        };
        let (error, size) = quadratic.transport(&DVector::from_column_slice(&bowl.start), 49, fault);
        Ok(Measurement::new().metric("error", if size > 0.0 { error / size } else { 0.0 }))
    }
}

/// A shift of a normal policy.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// H.
    horizon: usize,
    /// ‖Δ‖.
    distance: f64,
    /// σ.
    sigma: f64,
}

/// Importance weights of trajectories explode with the horizon.
pub struct WeightMoment;

impl Observe for WeightMoment {
    type Instance = Shift;
    type Fault = Fault;
    const NAME: &'static str = "weight-moment";
    const SUMMARY: &'static str =
        "E w² = exp(H ‖Δ‖²/σ²) of the likelihood ratio, against quadrature over actions.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Relative difference.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::OneStepWeight];

    fn instances() -> BoxedStrategy<Shift> {
        (1_usize..=40, 0_u32..=24, 4_u32..=16)
            .prop_map(|(horizon, distance, sigma)| Shift {
                horizon,
                distance: f64::from(distance) / 64.0,
                sigma: f64::from(sigma) / 8.0,
            })
            .boxed()
    }

    fn observe(shift: &Shift, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Shift { horizon, distance, sigma } = *shift;
        let known = second_moment_by_quadrature(horizon, distance, sigma);
        let moment = second_moment(horizon, distance, sigma, fault);
        Ok(Measurement::new().metric("error", (moment / known - 1.0).abs()))
    }
}
