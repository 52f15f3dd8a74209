//! Where a method samples, and how it steps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Fault,
        methods::{Algorithm, Method, transported},
    },
    finite, representable,
};
use crate::papers::leaf::{Failure, Function};

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::with_faults(
            "transported-point",
            "θ̃ = θ_t + ((1 − η)/η)(θ_t − θ_{t−1}) with η = (2/(t + 2))^(4/5): where N-PG-IGT samples.",
            &Points { t: 3, theta: vec![0.5, -0.25], previous: vec![0.25, 0.0] },
            &[Fault::NoTransport, Fault::WrongSignTransport],
            transported_point,
        )
        .also(&Points { t: 1, theta: vec![1.0], previous: vec![1.0] })
        .also(&Points { t: 1000, theta: vec![1.0, 2.0, -3.0], previous: vec![0.99, 2.0, -3.01] }),
        Function::with_faults(
            "step",
            "d_t and θ_{t+1} from d_{t−1}, the new estimate g and, for the recursive methods, B(θ_t − θ_{t−1}).",
            &Update::example(Algorithm::NHarpg),
            &[Fault::NoMomentum, Fault::NoHvp, Fault::WrongSignHvp, Fault::ConstantStep],
            step,
        )
        .also(&Update::example(Algorithm::NPgIgt))
        .also(&Update::example(Algorithm::Harpg))
        .also(&Update::example(Algorithm::Pg))
        .also(&Update { direction: vec![0.0; 2], gradient: vec![0.0; 2], ..Update::example(Algorithm::NPgIgt) }),
    ]
}

/// Two parameters of a run.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Points {
    /// t, from 1.
    #[schemars(range(min = 1))]
    t: usize,
    /// θ_t.
    theta: Vec<f64>,
    /// θ_{t−1}, of the same length.
    previous: Vec<f64>,
}

#[derive(Serialize, JsonSchema)]
struct Point {
    /// η_t.
    weight: f64,
    /// θ̃_t.
    point: Vec<f64>,
}

fn transported_point(input: &Points, fault: Option<Fault>) -> Result<Point, Failure> {
    finite("theta", &input.theta)?;
    finite("previous", &input.previous)?;
    if input.theta.len() != input.previous.len() || input.t == 0 {
        return Err(Failure::invalid(
            "`theta` and `previous` must have the same length, and `t` be at least 1",
        ));
    }
    let weight = Algorithm::NPgIgt.weight(input.t);
    let mut point = vec![0.0; input.theta.len()];
    transported(weight, &input.theta, &input.previous, fault, &mut point);
    representable((), &[&point])?;
    Ok(Point { weight, point })
}

/// What a step starts from.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Update {
    /// The method.
    algorithm: Algorithm,
    /// t, from 1.
    #[schemars(range(min = 1))]
    t: usize,
    /// c₀.
    #[schemars(range(min = 0.0))]
    constant: f64,
    /// θ_t.
    theta: Vec<f64>,
    /// d_{t−1}.
    direction: Vec<f64>,
    /// g, at the transported point for N-PG-IGT and at θ_t for the others.
    gradient: Vec<f64>,
    /// B(θ_t − θ_{t−1}); of no meaning for methods without it.
    correction: Vec<f64>,
}

impl Update {
    fn example(algorithm: Algorithm) -> Self {
        Self {
            algorithm,
            t: 3,
            constant: 1.0,
            theta: vec![0.5, -0.25],
            direction: vec![1.0, 0.5],
            gradient: vec![-0.5, 2.0],
            correction: vec![0.1, 0.0],
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct Updated {
    /// d_t.
    direction: Vec<f64>,
    /// θ_{t+1}.
    theta: Vec<f64>,
}

fn step(input: &Update, fault: Option<Fault>) -> Result<Updated, Failure> {
    let vectors = [&input.theta, &input.direction, &input.gradient, &input.correction];
    for (name, vector) in ["theta", "direction", "gradient", "correction"].iter().zip(vectors) {
        finite(name, vector)?;
        if vector.len() != input.theta.len() {
            return Err(Failure::invalid("all vectors must have the same length"));
        }
    }
    if input.t == 0 || !input.constant.is_finite() {
        return Err(Failure::invalid("`t` must be at least 1, and `constant` finite"));
    }
    let method = Method::new(input.algorithm, input.constant, fault);
    let eta = method.algorithm.weight(input.t);
    let aided = if method.algorithm.is_hessian_aided() { method.correction_sign() } else { 0.0 };
    let old = input.direction.iter().zip(&input.correction).map(|(d, b)| d + aided * b);
    let direction: Vec<f64> = old.zip(&input.gradient).map(|(d, g)| (1.0 - eta) * d + eta * g).collect();
    let size = method.step_size(input.t, &direction);
    let theta: Vec<f64> = input.theta.iter().zip(&direction).map(|(x, d)| x + size * d).collect();
    representable((), &[&direction, &theta])?;
    Ok(Updated { direction, theta })
}
