//! Estimates of gradient and Hessian from one trajectory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        bandit::Bandit,
        estimators::{Environment, Trajectory, add_gradient, add_hessian_product},
        softmax::{Choice, Tabular},
    },
    finite, representable,
};
use crate::{
    kernel::mdp::{Mdp, MdpError, Rows},
    papers::leaf::{Failure, Function},
};

const FAULTS: &[Fault] = &[Fault::NoOuterProduct, Fault::CausalScoreOnly, Fault::DiscountFromTheStep];

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::with_faults(
            "estimates",
            "g(τ, θ) and B(τ, θ) v of a trajectory under a softmax policy whose last logit is 0.",
            &Observed::example(),
            FAULTS,
            estimates,
        )
        .also(&Observed::of_three_actions()),
        Function::with_faults(
            "normal-estimates",
            "g(τ, θ) and B(τ, θ) v of a trajectory of actions of a normal policy N(θ, σ²I).",
            &Drawn::example(),
            FAULTS,
            normal_estimates,
        )
        .also(&Drawn { sigma: 0.5, discount: 1.0, ..Drawn::example() }),
    ]
}

/// g and B v of a trajectory whose rewards are not yet summed.
fn of_trajectory<E: Environment>(
    environment: &E,
    theta: &[f64],
    steps: Vec<(E::Step, f64)>,
    discount: f64,
    v: &[f64],
    fault: Option<Fault>,
) -> (Vec<f64>, Vec<f64>) {
    let policy = environment.policy(theta);
    let mut trajectory = Trajectory { steps };
    trajectory.accumulate(discount, fault);
    let (mut gradient, mut product) = (vec![0.0; theta.len()], vec![0.0; theta.len()]);
    add_gradient(environment, &policy, &trajectory, 1.0, &mut gradient);
    add_hessian_product(environment, &policy, &trajectory, v, 1.0, fault, &mut product);
    (gradient, product)
}

/// A trajectory of states, actions and rewards.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Observed {
    /// A − 1 logits for each state; the last action has logit 0.
    logits: Vec<Vec<f64>>,
    /// The trajectory.
    trajectory: Vec<Experience>,
    /// γ, at least 0 and less than 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// v, of the same shape as the logits.
    vector: Vec<Vec<f64>>,
}

/// A step of a trajectory.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Experience {
    /// s, from 0.
    state: usize,
    /// a, from 0.
    action: usize,
    /// r.
    reward: f64,
}

impl Observed {
    fn example() -> Self {
        Self {
            logits: vec![vec![0.4], vec![-0.3]],
            trajectory: experience([(0, 1, 0.75), (1, 0, 0.5), (0, 0, 0.0)]),
            discount: 0.9,
            vector: vec![vec![1.0], vec![0.5]],
        }
    }

    fn of_three_actions() -> Self {
        Self {
            logits: vec![vec![1.0, -0.5], vec![0.0, 0.25], vec![-2.0, 0.0]],
            trajectory: experience([(2, 2, -1.0), (0, 0, 0.5), (0, 1, 2.0), (1, 2, 0.25)]),
            discount: 0.5,
            vector: vec![vec![0.5, 0.0], vec![-1.0, 1.0], vec![0.25, -0.75]],
        }
    }
}

fn experience<const N: usize>(steps: [(usize, usize, f64); N]) -> Vec<Experience> {
    steps.map(|(state, action, reward)| Experience { state, action, reward }).to_vec()
}

#[derive(Serialize, JsonSchema)]
struct Estimates {
    /// g, in the shape of the logits.
    gradient: Vec<Vec<f64>>,
    /// B v, in the shape of the logits.
    hessian_product: Vec<Vec<f64>>,
}

fn estimates(input: &Observed, fault: Option<Fault>) -> Result<Estimates, Failure> {
    let (states, free) = (input.logits.len(), input.logits.first().map_or(0, Vec::len));
    let fits = |rows: &[Vec<f64>]| rows.len() == states && rows.iter().all(|row| row.len() == free);
    if free == 0 || !fits(&input.logits) || !fits(&input.vector) {
        return Err(Failure::invalid("`logits` and `vector` must have equally many entries for each state"));
    }
    let (theta, v) = (input.logits.concat(), input.vector.concat());
    finite("logits", &theta)?;
    finite("vector", &v)?;
    let inside = |e: &Experience| e.state < states && e.action <= free && e.reward.is_finite();
    if input.trajectory.is_empty() || !input.trajectory.iter().all(inside) {
        return Err(Failure::invalid(format!(
            "`trajectory` must not be empty, with states below {states} and actions up to {free}"
        )));
    }
    // Only the shape of the process matters to the estimators.
    let uniform = Rows::from_fn(states * (free + 1), states, |_, _| 1.0 / states as f64);
    let start = vec![1.0 / states as f64; states];
    let refuse = |e: MdpError| Failure::invalid(e.to_string());
    let process = Mdp::new(uniform, Rows::zeros(states, free + 1), start, input.discount).map_err(refuse)?;
    let environment = Tabular::new(process, input.trajectory.len()).map_err(refuse)?;
    let visit = |e: &Experience| (Choice { state: e.state, action: e.action }, e.reward);
    let steps = input.trajectory.iter().map(visit).collect();
    let (gradient, product) = of_trajectory(&environment, &theta, steps, input.discount, &v, fault);
    let shaped = |flat: &[f64]| flat.chunks_exact(free).map(<[f64]>::to_vec).collect();
    let estimates = Estimates { gradient: shaped(&gradient), hessian_product: shaped(&product) };
    representable(estimates, &[&gradient, &product])
}

/// Actions of a normal policy and what they paid.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Drawn {
    /// θ, the mean of the actions.
    theta: Vec<f64>,
    /// σ.
    #[schemars(range(min = 1e-6))]
    sigma: f64,
    /// a for each step, of the length of θ.
    actions: Vec<Vec<f64>>,
    /// r for each step.
    rewards: Vec<f64>,
    /// γ, at least 0 and at most 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    discount: f64,
    /// v, of the length of θ.
    vector: Vec<f64>,
}

impl Drawn {
    fn example() -> Self {
        Self {
            theta: vec![0.5, -0.5],
            sigma: 1.0,
            actions: vec![vec![1.0, -0.25], vec![0.0, 0.5]],
            rewards: vec![-0.5, -1.0],
            discount: 0.9,
            vector: vec![1.0, 0.5],
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct NormalEstimates {
    /// g, of the length of θ.
    gradient: Vec<f64>,
    /// B v, of the length of θ.
    hessian_product: Vec<f64>,
}

fn normal_estimates(input: &Drawn, fault: Option<Fault>) -> Result<NormalEstimates, Failure> {
    let d = input.theta.len();
    finite("theta", &input.theta)?;
    finite("vector", &input.vector)?;
    finite("rewards", &input.rewards)?;
    finite("actions", &input.actions.concat())?;
    let fits = input.vector.len() == d && input.actions.iter().all(|action| action.len() == d);
    if !fits || input.actions.len() != input.rewards.len() {
        return Err(Failure::invalid(format!(
            "expected as many `rewards` as `actions`, and {d} numbers in `vector` and in each action"
        )));
    }
    if !(1e-6..f64::INFINITY).contains(&input.sigma) || !(0.0..=1.0).contains(&input.discount) {
        return Err(Failure::invalid("`sigma` must be at least 1e-6, and `discount` from 0 to 1"));
    }
    // The centre matters to rewards only, which are given.
    let environment = Bandit::new(vec![0.0; d], input.sigma, input.actions.len(), input.discount);
    let steps = input.actions.iter().cloned().zip(input.rewards.iter().copied()).collect();
    let (gradient, hessian_product) =
        of_trajectory(&environment, &input.theta, steps, input.discount, &input.vector, fault);
    representable((), &[&gradient, &hessian_product])?;
    Ok(NormalEstimates { gradient, hessian_product })
}
