//! BPO beside PPO on log-linear policies, with exact advantages and full-expectation gradients.
//!
//! π_θ(a|s) ∝ exp(θ·F(s, a)). Each outer iteration evaluates the current policy exactly and then makes
//! gradient steps on Σ d(s) π₀(a|s) l(ρ(s, a)), whose gradient is Σ d π₀ l'(ρ) ρ (F − E_π F). There are
//! fewer features than pairs, so the target ratios cannot be reached and the shape of the loss
//! outside the band matters: BPO's slope pulls a ratio back from both sides, PPO's vanishes beyond
//! the target.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    improvement::formula_process,
    losses::sign,
    optimum::{Bounds, optimum},
};
use crate::{
    kernel::{
        math::{sin, softmax_into, sum},
        mdp::{Evaluation, Mdp, Rows},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Which loss is descended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// |A|·|ρ − ρ*|.
    Bpo,
    /// −min(ρA, clip(ρ)A).
    Ppo,
}

/// A log-linear policy class on a process.
struct LogLinear {
    process: Mdp,
    /// F(s, a) in row s A + a.
    features: Rows,
}

/// One outer iteration: what the ratios are taken from.
struct Old {
    policy: Rows,
    occupancy: Vec<f64>,
    evaluation: Evaluation,
    /// ρ*(s, a).
    targets: Rows,
}

impl LogLinear {
    fn policy(&self, theta: &[f64]) -> Rows {
        let (states, actions) = (self.process.states(), self.process.actions());
        let mut logits = vec![0.0; actions];
        let mut policy = Rows::zeros(states, actions);
        for s in 0..states {
            for (a, logit) in logits.iter_mut().enumerate() {
                let features = &self.features[s * actions + a];
                *logit = features.iter().zip(theta).map(|(f, t)| f * t).sum();
            }
            softmax_into(&logits, &mut policy[s]);
        }
        policy
    }

    fn old(&self, theta: &[f64], epsilon: f64) -> Result<Old, Failure> {
        let numerical = |e: crate::kernel::mdp::MdpError| Failure::numerical(e.to_string());
        let policy = self.policy(theta);
        let evaluation = self.process.evaluate(&policy).map_err(numerical)?;
        let occupancy = self.process.occupancy(&policy).map_err(numerical)?;
        let bounds = Bounds::symmetric(epsilon);
        let optima: Vec<Vec<f64>> = (0..policy.count())
            .map(|s| optimum(&policy[s], &evaluation.actions[s], bounds, None).ratios)
            .collect();
        let targets = Rows::from_fn(policy.count(), policy.width(), |s, a| optima[s][a]);
        Ok(Old { policy, occupancy, evaluation, targets })
    }

    /// Gradient steps on the loss around an old policy.
    fn descend(&self, theta: &mut [f64], old: &Old, loss: Loss, settings: &Descent, fault: Option<Fault>) {
        let actions = self.process.actions();
        let mut gradient = vec![0.0; theta.len()];
        let mut mean = vec![0.0; theta.len()];
        for _ in 0..settings.steps {
            let policy = self.policy(theta);
            gradient.fill(0.0);
            for s in 0..self.process.states() {
                mean.fill(0.0);
                for a in 0..actions {
                    for (m, f) in mean.iter_mut().zip(&self.features[s * actions + a]) {
                        *m += policy[s][a] * f;
                    }
                }
                for a in 0..actions {
                    let ratio = policy[s][a] / old.policy[s][a];
                    let slope = slope(
                        loss,
                        ratio,
                        old.evaluation.advantage(s, a),
                        old.targets[s][a],
                        settings.epsilon,
                        fault,
                    );
                    let weight = old.occupancy[s] * old.policy[s][a] * slope * ratio;
                    if weight != 0.0 {
                        let features = &self.features[s * actions + a];
                        for ((g, f), m) in gradient.iter_mut().zip(features).zip(&mean) {
                            *g += weight * (f - m);
                        }
                    }
                }
            }
            for (t, g) in theta.iter_mut().zip(&gradient) {
                *t -= settings.rate * g;
            }
        }
    }
}

/// Σ d π₀ f(s, a, ρ).
fn averaged(old: &Old, policy: &Rows, f: impl Fn(usize, usize, f64) -> f64) -> f64 {
    let pairs = (0..policy.count()).flat_map(|s| (0..policy.width()).map(move |a| (s, a)));
    sum(pairs.map(|(s, a)| old.occupancy[s] * old.policy[s][a] * f(s, a, policy[s][a] / old.policy[s][a])))
}

/// l'(ρ). The subgradient at a kink is 0.
fn slope(loss: Loss, ratio: f64, advantage: f64, target: f64, epsilon: f64, fault: Option<Fault>) -> f64 {
    match loss {
        // PPO's hinge at BPO's target: no pull once the ratio has passed it.
        Loss::Bpo if fault == Some(Fault::OneSidedSlope) => {
            let side = sign(target - 1.0);
            if side * (target - ratio) > 0.0 { -side * advantage.abs() } else { 0.0 }
        }
        Loss::Bpo => advantage.abs() * sign(ratio - target),
        Loss::Ppo => {
            let beyond = sign(advantage) * (ratio - 1.0) >= epsilon;
            if beyond { 0.0 } else { -advantage }
        }
    }
}

/// How far to descend.
#[derive(Clone, Copy, Debug)]
struct Descent {
    steps: usize,
    rate: f64,
    epsilon: f64,
}

/// Settings of the comparison on random processes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The loss.
    pub loss: Loss,
    /// States S.
    #[schemars(range(min = 1, max = 200))]
    pub states: usize,
    /// Actions A.
    #[schemars(range(min = 1, max = 50))]
    pub actions: usize,
    /// Features of the policy.
    #[schemars(range(min = 1, max = 200))]
    pub features: usize,
    /// Discount γ.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub gamma: f64,
    /// Half-width ε of the band.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub epsilon: f64,
    /// Outer iterations.
    #[schemars(range(min = 1, max = 1000))]
    pub iterations: usize,
    /// Gradient steps an iteration.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            loss: Loss::Bpo,
            states: 8,
            actions: 4,
            features: 6,
            gamma: 0.9,
            epsilon: 0.2,
            iterations: 8,
            steps: 200,
            rate: 0.1,
        }
    }
}

/// Policy optimisation on a random process with random features.
pub struct InnerLoop(Settings);

impl InnerLoop {
    /// Transitions Dirichlet(1/2), rewards uniform on \[−1, 1\], features standard normal.
    fn instance(&self, streams: &Streams) -> Result<LogLinear, Failure> {
        let Settings { states, actions, features, gamma, .. } = self.0;
        let mut stream = streams.stream("process");
        let rows: Vec<Vec<f64>> = (0..states * actions).map(|_| stream.dirichlet(states, 0.5)).collect();
        let transitions = Rows::from_fn(states * actions, states, |pair, t| rows[pair][t]);
        let rewards = Rows::from_fn(states, actions, |_, _| stream.uniform_in(-1.0, 1.0));
        let process = Mdp::new(transitions, rewards, vec![1.0 / states as f64; states], gamma)
            .map_err(|e| Failure::invalid(e.to_string()))?;
        let mut stream = streams.stream("features");
        let features = Rows::from_fn(states * actions, features, |_, _| stream.normal());
        Ok(LogLinear { process, features })
    }
}

impl Measure for InnerLoop {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "inner-loop";
    const SUMMARY: &'static str =
        "Outer iterations of BPO or PPO on a random process with a log-linear policy.";
    const METRICS: &'static [Metric] = &[
        Metric::new("out-of-band", "Mass d π₀ of the pairs with |ρ − 1| > ε, mean over iterations.")
            .range(0.0, 1.0 + 1e-9)
            .lower_is_better(),
        Metric::new("overshoot", "Largest |ρ − 1| − ε over pairs and iterations.").lower_is_better(),
        Metric::new("performance", "η after the last iteration.").higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::OneSidedSlope];
    const TREATMENTS: &'static [&'static str] = &["loss"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { loss, steps, rate, epsilon, iterations, .. } = self.0;
        let class = self.instance(streams)?;
        let mut theta = vec![0.0; self.0.features];
        let (mut outside, mut overshoot) = (Vec::new(), f64::NEG_INFINITY);
        for _ in 0..iterations {
            let old = class.old(&theta, epsilon)?;
            class.descend(&mut theta, &old, loss, &Descent { steps, rate, epsilon }, fault);
            let policy = class.policy(&theta);
            let is_outside = |ratio: f64| (ratio - 1.0).abs() > epsilon;
            outside.push(averaged(&old, &policy, |_, _, ratio| f64::from(u8::from(is_outside(ratio)))));
            for (new, old) in policy.values().iter().zip(old.policy.values()) {
                overshoot = overshoot.max((new / old - 1.0).abs() - epsilon);
            }
        }
        let performance = class.process.performance(&class.policy(&theta));
        Ok(Measurement::new()
            .metric("out-of-band", sum(outside.iter().copied()) / iterations as f64)
            .metric("overshoot", overshoot)
            .metric("performance", performance.map_err(|e| Failure::numerical(e.to_string()))?)
            .series("out-of-band", (1..=iterations).map(|i| i as f64).collect(), outside))
    }
}

/// Settings of the fixed instance.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FixedSettings {
    /// The loss.
    pub loss: Loss,
    /// Half-width ε of the band.
    #[schemars(extend("exclusiveMinimum" = 0.0, "exclusiveMaximum" = 1.0))]
    pub epsilon: f64,
    /// Gradient steps.
    #[schemars(range(min = 1, max = 100_000))]
    pub steps: usize,
    /// Learning rate.
    #[schemars(range(min = 0.0))]
    pub rate: f64,
}

impl Default for FixedSettings {
    fn default() -> Self {
        Self { loss: Loss::Bpo, epsilon: 0.2, steps: 200, rate: 0.1 }
    }
}

/// One inner loop from the uniform policy on the formula process with 8 states, 4 actions and γ = 0.9,
/// with the features sin(0.7 (s + 1)(j + 1) + 1.9 (a + 1) + 0.4 j a), j = 0, 1, 2.
pub struct FixedInstance(FixedSettings);

impl Measure for FixedInstance {
    type Settings = FixedSettings;
    type Fault = Fault;
    const NAME: &'static str = "fixed-instance";
    const SUMMARY: &'static str = "One inner loop on the formula process with three features.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "total-variation",
        "Advantage-weighted total variation Σ d π₀ |A| |ρ − ρ*| after the loop.",
    )
    .range(0.0, f64::INFINITY)
    .lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::OneSidedSlope];
    const STOCHASTIC: bool = false;

    fn prepare(settings: FixedSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let FixedSettings { loss, epsilon, steps, rate } = self.0;
        let (states, actions) = (8, 4);
        let (process, _) = formula_process(states, actions, 0.9, 0.0)?;
        let features = Rows::from_fn(states * actions, 3, |pair, j| {
            let (s, a, j) = ((pair / actions) as f64, (pair % actions) as f64, j as f64);
            sin(0.7 * (s + 1.0) * (j + 1.0) + 1.9 * (a + 1.0) + 0.4 * j * a)
        });
        let class = LogLinear { process, features };
        let mut theta = vec![0.0; 3];
        let old = class.old(&theta, epsilon)?;
        class.descend(&mut theta, &old, loss, &Descent { steps, rate, epsilon }, fault);
        let policy = class.policy(&theta);
        let distance = |s: usize, a: usize, ratio: f64| {
            old.evaluation.advantage(s, a).abs() * (ratio - old.targets[s][a]).abs()
        };
        Ok(Measurement::new().metric("total-variation", averaged(&old, &policy, distance)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_total_variations_of_the_fixed_instance() {
        let after = |loss, fault| {
            let instance = FixedInstance(FixedSettings { loss, ..FixedSettings::default() });
            instance.replicate(fault, &Streams::from_seed(0)).unwrap().get("total-variation").unwrap()
        };
        assert_relative_eq!(after(Loss::Bpo, None), 0.0535, epsilon = 1e-3);
        assert_relative_eq!(after(Loss::Ppo, None), 0.1799, epsilon = 5e-5);
        assert_relative_eq!(after(Loss::Bpo, Some(Fault::OneSidedSlope)), 0.1799, epsilon = 5e-5);
    }
}
