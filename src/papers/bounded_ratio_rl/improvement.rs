//! Exact improvement, and the lower bound for any policy.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    optimum::{Bounds, Optimum, optimum, regularised},
};
use crate::{
    kernel::{
        math::{dot, sum, tanh},
        mdp::{Evaluation, Mdp, Rows, Shape, Wild, instances},
    },
    papers::leaf::{Failure, Measurement, Metric, Observe},
};

/// Processes of the property tests.
const SHAPE: Shape = Shape { states: (2, 8), actions: (2, 5), discount: (0.0, 0.98) };

/// A process, a policy and the bounds of its ratios.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounded {
    /// The process and π₀.
    process: Wild,
    /// The bounds.
    bounds: Bounds,
    /// Temperature λ; 0 for the analytic optimum.
    lambda: f64,
}

/// A policy with its evaluation, and the optimum in every state.
struct Solved {
    process: Mdp,
    old: Rows,
    evaluation: Evaluation,
    optima: Vec<Optimum>,
    best: Rows,
}

impl Solved {
    fn of(instance: &Bounded, fault: Option<Fault>) -> Result<Self, Failure> {
        let (process, old) = instance.process.build().map_err(|e| Failure::invalid(e.to_string()))?;
        let evaluation = process.evaluate(&old).map_err(|e| Failure::numerical(e.to_string()))?;
        let optima: Vec<Optimum> = (0..process.states())
            .map(|s| {
                // Optimising −q is what a flipped sign of the median advantage amounts to.
                let sign = if fault == Some(Fault::WrongSign) { -1.0 } else { 1.0 };
                let q: Vec<f64> = evaluation.actions[s].iter().map(|v| sign * v).collect();
                let mut best = if instance.lambda > 0.0 {
                    regularised(&old[s], &q, instance.bounds, instance.lambda, None)
                } else {
                    optimum(&old[s], &q, instance.bounds, None)
                };
                best.threshold *= sign;
                best
            })
            .collect();
        let best = Rows::from_fn(process.states(), process.actions(), |s, a| old[s][a] * optima[s].ratios[a]);
        Ok(Self { process, old, evaluation, optima, best })
    }

    /// Σ_s d(s) f(s) / (1 − γ).
    fn averaged(&self, d: &[f64], f: impl Fn(usize) -> f64) -> f64 {
        sum((0..d.len()).map(|s| d[s] * f(s))) / (1.0 - self.process.discount())
    }

    fn occupancy(&self, policy: &Rows) -> Result<Vec<f64>, Failure> {
        self.process.occupancy(policy).map_err(|e| Failure::numerical(e.to_string()))
    }

    /// What a unit of occupancy of state s gains: ε E_{a~π₀}|Ã| in the symmetric case without
    /// temperature, ε E Ã tanh(Ã/2λ) with one, and E (ρ* − 1) Ã for other bounds.
    fn gain(&self, instance: &Bounded, s: usize) -> f64 {
        let Bounded { bounds, lambda, .. } = *instance;
        let symmetric = (bounds.high - 1.0 - (1.0 - bounds.low)).abs() < 1e-12;
        let of_action = |a: usize| {
            let median_advantage = self.evaluation.actions[s][a] - self.optima[s].threshold;
            let epsilon = bounds.high - 1.0;
            self.old[s][a]
                * match (symmetric, lambda > 0.0) {
                    (true, false) => epsilon * median_advantage.abs(),
                    (true, true) => epsilon * median_advantage * tanh(median_advantage / (2.0 * lambda)),
                    (false, _) => (self.optima[s].ratios[a] - 1.0) * median_advantage,
                }
        };
        sum((0..self.process.actions()).map(of_action))
    }
}

fn bounds() -> impl Strategy<Value = Bounds> {
    prop_oneof![
        2 => (0.02..0.6).prop_map(Bounds::symmetric),
        1 => (0.0..0.95, 1.05..3.0).prop_map(|(low, high)| Bounds { low, high }),
    ]
}

fn bounded(lambda: impl Strategy<Value = f64> + 'static) -> BoxedStrategy<Bounded> {
    (instances(SHAPE), bounds(), lambda)
        .prop_map(|(process, bounds, lambda)| Bounded { process, bounds, lambda })
        .boxed()
}

/// The optimum improves the performance by exactly ε B, and no state loses.
pub struct ImprovementIdentity;

impl Observe for ImprovementIdentity {
    type Instance = Bounded;
    type Fault = Fault;
    const NAME: &'static str = "improvement-identity";
    const SUMMARY: &'static str =
        "η(π*) − η(π₀) against ε B, both sides by linear solves, and the smallest gain of a state.";
    const METRICS: &'static [Metric] = &[
        Metric::new("error", "|η(π*) − η(π₀) − ε B|.").range(0.0, f64::INFINITY),
        Metric::new("smallest-gain", "Smallest V_π*(s) − V_π₀(s) over states."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OldVisitation, Fault::WrongSign];

    fn instances() -> BoxedStrategy<Bounded> {
        bounded(prop_oneof![2 => Just(0.0), 1 => 0.05..1.0])
    }

    fn observe(instance: &Bounded, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let solved = Solved::of(instance, fault)?;
        let after = solved.process.evaluate(&solved.best).map_err(|e| Failure::numerical(e.to_string()))?;
        let rises: Vec<f64> =
            after.values.iter().zip(&solved.evaluation.values).map(|(new, old)| new - old).collect();
        let visited = if fault == Some(Fault::OldVisitation) { &solved.old } else { &solved.best };
        let promised = solved.averaged(&solved.occupancy(visited)?, |s| solved.gain(instance, s));
        Ok(Measurement::new()
            .metric("error", (dot(solved.process.start(), &rises) - promised).abs())
            .metric("smallest-gain", rises.iter().copied().fold(f64::INFINITY, f64::min)))
    }
}

/// A process with bounds, and a policy between π₀ or π* and any other.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// The process, π₀ and ε.
    bounded: Bounded,
    /// Weights of the other policy, in the order s A + a.
    other: Vec<u32>,
    /// Share of the other policy in π.
    share: f64,
    /// Whether the rest of π is π* instead of π₀.
    from_optimum: bool,
}

/// η(π) ≥ η(π₀) + ε B − E\[l_BPO\]/(1 − γ) − δ.
pub struct LowerBound;

impl Observe for LowerBound {
    type Instance = Compared;
    type Fault = Fault;
    const NAME: &'static str = "lower-bound";
    const SUMMARY: &'static str = "The lower bound on the performance of any policy, with the exact shift of occupancies and \
                                   with its upper bound.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "How far the bound with the exact δ exceeds η(π)."),
        Metric::new("loose-excess", "How far the bound with the upper bound of δ exceeds η(π)."),
        Metric::new("gap-at-optimum", "η(π*) less the bound at π = π*, where both are equal.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DropDelta, Fault::UnweightedLoss];

    fn instances() -> BoxedStrategy<Compared> {
        let symmetric = (instances(SHAPE), 0.02..0.6).prop_map(|(process, epsilon)| Bounded {
            process,
            bounds: Bounds::symmetric(epsilon),
            lambda: 0.0,
        });
        (symmetric, prop_oneof![Just(0.0), Just(1.0), 0.0..1.0], any::<bool>())
            .prop_flat_map(|(bounded, share, from_optimum)| {
                let pairs = bounded.process.states * bounded.process.actions;
                proptest::collection::vec(0_u32..50, pairs).prop_map(move |other| Compared {
                    bounded: bounded.clone(),
                    other,
                    share,
                    from_optimum,
                })
            })
            .boxed()
    }

    fn observe(instance: &Compared, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let solved = Solved::of(&instance.bounded, None)?;
        let mixed = Wild { policy: instance.other.clone(), ..instance.bounded.process.clone() };
        let (_, other) = mixed.build().map_err(|e| Failure::invalid(e.to_string()))?;
        let base = if instance.from_optimum { &solved.best } else { &solved.old };
        let policy = Rows::from_fn(solved.process.states(), solved.process.actions(), |s, a| {
            // Ratios to an action that π₀ never takes do not exist.
            let other = if solved.old[s][a] > 0.0 { other[s][a] } else { 0.0 };
            (1.0 - instance.share) * base[s][a] + instance.share * other
        });
        let total = |s: usize| sum(policy[s].iter().copied());
        if (0..solved.process.states()).any(|s| (total(s) - 1.0).abs() > 1e-9) {
            return Err(Failure::Rejected("the other policy takes an action that π₀ never takes"));
        }
        let [exact, loose, performance] = lower_bounds(&solved, &instance.bounded, &policy, fault)?;
        let [at_optimum, _, best] = lower_bounds(&solved, &instance.bounded, &solved.best.clone(), None)?;
        Ok(Measurement::new()
            .metric("excess", exact - performance)
            .metric("loose-excess", loose - performance)
            .metric("gap-at-optimum", (best - at_optimum).abs()))
    }
}

/// The bound with the exact δ, with its upper bound, and η(π).
fn lower_bounds(
    solved: &Solved,
    instance: &Bounded,
    policy: &Rows,
    fault: Option<Fault>,
) -> Result<[f64; 3], Failure> {
    let (d, d_old) = (solved.occupancy(policy)?, solved.occupancy(&solved.old)?);
    let d_best = solved.occupancy(&solved.best)?;
    let actions = solved.process.actions();
    let advantage = |s: usize, a: usize| solved.evaluation.advantage(s, a);
    let over = |s: usize, f: &dyn Fn(usize) -> f64| sum((0..actions).map(|a| f(a) * advantage(s, a)));
    let g = |s: usize| over(s, &|a| policy[s][a] - solved.best[s][a]);
    let h = |s: usize| over(s, &|a| solved.best[s][a]);
    let distance = |s: usize| {
        sum((0..actions).map(|a| (policy[s][a] - solved.best[s][a]).abs() * advantage(s, a).abs()))
    };
    let weight = if fault == Some(Fault::UnweightedLoss) { 0.1 } else { 1.0 };
    let loss = weight * solved.averaged(&d_old, distance);
    let promised = solved.averaged(&d_best, |s| solved.gain(instance, s));
    let apart = |from: &[f64]| -> Vec<f64> { d.iter().zip(from).map(|(a, b)| a - b).collect() };
    let (from_old, from_best) = (apart(&d_old), apart(&d_best));
    let norm = |x: &[f64]| sum(x.iter().map(|v| v.abs()));
    let largest = |f: &dyn Fn(usize) -> f64| (0..d.len()).map(f).fold(0.0, f64::max);
    let exact = -(solved.averaged(&from_old, g) + solved.averaged(&from_best, h));
    let loose = (norm(&from_old) * largest(&distance) + norm(&from_best) * largest(&|s| h(s).abs()))
        / (1.0 - solved.process.discount());
    let performance = |p: &Rows| solved.process.performance(p).map_err(|e| Failure::numerical(e.to_string()));
    let base = performance(&solved.old)? + promised - loss;
    let keep = if fault == Some(Fault::DropDelta) { 0.0 } else { 1.0 };
    Ok([base - keep * exact, base - keep * loose, performance(policy)?])
}

/// The formula process FM(S, A, γ, shift): P(t|s, a) ∝ exp(2 sin(1.3 s + 2.1 a + 0.7 t + 1 + shift)),
/// r(s, a) = cos(0.9 s + 1.7 a + 0.3 + shift), start uniform; with π₀(a|s) ∝ exp(sin(0.5 s + 1.1 a + shift)).
///
/// # Errors
/// [`Failure::Invalid`] for a discount outside of \[0, 1) or no states or actions.
pub fn formula_process(
    states: usize,
    actions: usize,
    discount: f64,
    shift: f64,
) -> Result<(Mdp, Rows), Failure> {
    use crate::kernel::math::{cos, sin, softmax};
    let row = |width: usize, f: &dyn Fn(usize) -> f64| softmax(&(0..width).map(f).collect::<Vec<_>>());
    let transitions: Vec<Vec<f64>> = (0..states * actions)
        .map(|pair| {
            let (s, a) = ((pair / actions) as f64, (pair % actions) as f64);
            row(states, &|t| 2.0 * sin(1.3 * s + 2.1 * a + 0.7 * t as f64 + 1.0 + shift))
        })
        .collect();
    let policies: Vec<Vec<f64>> =
        (0..states).map(|s| row(actions, &|a| sin(0.5 * s as f64 + 1.1 * a as f64 + shift))).collect();
    let process = Mdp::new(
        Rows::from_fn(states * actions, states, |pair, t| transitions[pair][t]),
        Rows::from_fn(states, actions, |s, a| cos(0.9 * s as f64 + 1.7 * a as f64 + 0.3 + shift)),
        vec![1.0 / states as f64; states],
        discount,
    )
    .map_err(|e| Failure::invalid(e.to_string()))?;
    Ok((process, Rows::from_fn(states, actions, |s, a| policies[s][a])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// Performance before and after the optimum of ε = 0.2.
    fn improved(states: usize, actions: usize, uniform: bool, fault: Option<Fault>) -> (f64, f64) {
        let (process, formula) = formula_process(states, actions, 0.9, 0.0).unwrap();
        let old = if uniform { Rows::from_fn(states, actions, |_, _| 1.0 / actions as f64) } else { formula };
        let evaluation = process.evaluate(&old).unwrap();
        let sign = if fault == Some(Fault::WrongSign) { -1.0 } else { 1.0 };
        let best: Vec<Vec<f64>> = (0..states)
            .map(|s| {
                let q: Vec<f64> = evaluation.actions[s].iter().map(|v| sign * v).collect();
                optimum(&old[s], &q, Bounds::symmetric(0.2), None).ratios
            })
            .collect();
        let new = Rows::from_fn(states, actions, |s, a| old[s][a] * best[s][a]);
        (process.performance(&old).unwrap(), process.performance(&new).unwrap())
    }

    #[test]
    fn known_improvement_on_the_formula_process() {
        let (before, after) = improved(5, 3, false, None);
        assert_relative_eq!(before, -3.398_596, epsilon = 5e-7);
        assert_relative_eq!(after, -2.462_598, epsilon = 5e-7);
    }

    #[test]
    fn a_flipped_sign_makes_it_worse() {
        let (before, after) = improved(8, 4, true, Some(Fault::WrongSign));
        assert_relative_eq!(after - before, -1.33, epsilon = 5e-3);
    }
}
