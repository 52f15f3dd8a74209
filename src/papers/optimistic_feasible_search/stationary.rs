//! What optimism guarantees where nothing drifts (κ = 0), with rigorous radii.
//!
//! At level L = √(2 ln(8 K T/δ)), Hoeffding's bound and a union over K arms, T sample sizes, four
//! metrics and two sides give P(every mean lies within its radius of the truth, always) ≥ 1 − δ. On
//! that event
//!
//! - the best feasible arm k* always appears feasible, so the fallback is never used;
//! - the arm played has G_j ≤ 2 rad_j(n) and R(k*) − R ≤ 2 rad_0(n), n its number of plays before.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    applicants::{Applicants, observe},
    bandit::{Radii, Reason, Statistics, argmax, optimistic_feasible, scales},
    environment::{Environment, Limits},
    sources::{self, Grid, SYNTHETIC, Source},
};
use crate::{
    kernel::{math::ln, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the stationary bandit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Benchmark.
    pub environment: Source,
    /// Number of rounds T.
    #[serde(rename = "T")]
    #[schemars(range(min = 1, max = 10_000_000))]
    pub horizon: usize,
    /// Number of thresholds K.
    #[serde(rename = "K")]
    #[schemars(range(min = 1, max = 1_000))]
    pub arms: usize,
    /// Smallest threshold τ_1.
    pub tau_1: f64,
    /// Distance of neighbouring thresholds.
    #[schemars(range(min = 0.0))]
    pub spacing: f64,
    /// Individuals m of each group that are seen in a round.
    #[schemars(range(min = 1, max = 4_000))]
    pub m: u32,
    /// Cost c of a wrong acceptance.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub c: f64,
    /// Largest admissible disparity ε.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub epsilon: f64,
    /// Smallest admissible service rate.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub s_min: f64,
    /// Share p of group 0, the same in all rounds.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub p: f64,
    /// Probability δ that some interval may miss.
    #[schemars(range(min = 1e-9, max = 1.0))]
    pub delta: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            environment: Source::Synthetic,
            horizon: 2_000,
            arms: 19,
            tau_1: 0.05,
            spacing: 0.05,
            m: 200,
            c: 1.0,
            epsilon: 0.15,
            s_min: 0.4,
            p: 0.6,
            delta: 0.1,
        }
    }
}

/// A stationary bandit with a feasible arm.
#[derive(Clone, Debug)]
pub struct Stationary {
    environment: Environment,
    applicants: Applicants,
    p: f64,
    horizon: usize,
    radii: Radii,
    best: usize,
}

/// What a run showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// Whether every mean was within its radius of the truth at all times.
    pub event: bool,
    /// Rounds after the first pass in which the best feasible arm did not appear feasible.
    pub excluded: usize,
    /// Rounds in which the fallback was used.
    pub fallbacks: usize,
    /// Largest G_j(k_t) − 2 rad_j(n) over residuals and rounds after the first pass.
    pub residual_excess: f64,
    /// Largest R(k*) − R(k_t) − 2 rad_0(n) over rounds after the first pass.
    pub reward_excess: f64,
}

impl Stationary {
    /// A bandit on these arms at share `p` of group 0, for T rounds of batches of m.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if no arm is feasible, or there are no more rounds than arms; as
    /// [`Applicants::new`].
    pub fn new(
        environment: Environment,
        p: f64,
        horizon: usize,
        m: u32,
        delta: f64,
    ) -> Result<Self, Failure> {
        if horizon <= environment.count() {
            return Err(Failure::invalid("there must be more rounds T than thresholds K"));
        }
        let feasible = |k: &usize| environment.violation(*k, p) == 0.0;
        let arms = (0..environment.count()).filter(feasible);
        let best = argmax(arms.map(|k| (k, environment.reward(k, p))))
            .ok_or_else(|| Failure::invalid("no threshold is feasible"))?;
        let (k, t) = (environment.count() as f64, horizon as f64);
        let level = (2.0 * ln(8.0 * k * t / delta)).sqrt();
        let radii = scales(environment.c, m).times(level);
        Ok(Self { applicants: Applicants::new(&environment, m)?, environment, p, horizon, radii, best })
    }

    /// Runs Optimistic Feasible Search and holds every round to the guarantees.
    #[must_use]
    pub fn run(&self, fault: Option<Fault>, streams: &Streams) -> Outcome {
        let Self { environment, p, best, .. } = self;
        let radii = if fault == Some(Fault::QuarteredBonus) { self.radii.times(0.25) } else { self.radii };
        let mut stream = streams.stream("applicants");
        let mut arms = vec![Statistics::default(); environment.count()];
        let mut outcome = Outcome {
            event: true,
            excluded: 0,
            fallbacks: 0,
            residual_excess: f64::NEG_INFINITY,
            reward_excess: f64::NEG_INFINITY,
        };
        for _ in 0..self.horizon {
            let choice = optimistic_feasible(&arms, &radii, fault);
            let k = choice.arm;
            if choice.reason != Reason::Unplayed {
                let twice = radii.times(2.0 * arms[k].inverse_root());
                outcome.excluded += usize::from(!arms[*best].appears_feasible(&radii, fault));
                outcome.fallbacks += usize::from(choice.reason == Reason::Fallback);
                for (g, twice_radius) in environment.residuals(k, *p).into_iter().zip(twice.residuals) {
                    outcome.residual_excess = outcome.residual_excess.max(g - twice_radius);
                }
                let regret = environment.reward(*best, *p) - environment.reward(k, *p);
                outcome.reward_excess = outcome.reward_excess.max(regret - twice.reward);
            }
            let batch = self.applicants.draw(k, &mut stream);
            arms[k].update(&observe(batch, environment.c, environment.limits, *p, fault));
            outcome.event &= self.holds(k, &arms[k], &radii);
        }
        outcome
    }

    /// Whether the means of an arm lie within their radii of the truth.
    fn holds(&self, k: usize, arm: &Statistics, radii: &Radii) -> bool {
        let now = radii.times(arm.inverse_root());
        let within = |mean: f64, truth: f64, radius: f64| (mean - truth).abs() <= radius;
        let truth = self.environment.residuals(k, self.p);
        within(arm.reward, self.environment.reward(k, self.p), now.reward)
            && (0..truth.len()).all(|j| within(arm.residuals[j], truth[j], now.residuals[j]))
    }
}

/// The experiment: one run of the stationary bandit.
pub struct Experiment(Stationary);

impl Measure for Experiment {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "stationary";
    const SUMMARY: &'static str = "Runs Optimistic Feasible Search with rigorous radii on a population that does not react, and \
         holds every round to its guarantees.";
    const METRICS: &'static [Metric] = &[
        Metric::new("event", "Whether every mean was within its radius of the truth at all times.")
            .range(0.0, 1.0),
        Metric::new(
            "best-excluded",
            "Whether the event held and the best feasible arm yet failed to appear feasible in some round.",
        )
        .range(0.0, 1.0),
        Metric::new("fallbacks", "Rounds in which the event held and the fallback was used.")
            .unit("rounds")
            .range(0.0, f64::INFINITY),
        Metric::new(
            "residual-excess",
            "Largest true residual of an arm played less twice its radius; 0 if the event failed.",
        )
        .unit("residual"),
        Metric::new(
            "reward-excess",
            "Largest reward of the best feasible arm less that of the arm played less twice its radius; 0 if \
             the event failed.",
        )
        .unit("reward"),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::DroppedConstraintBonus, Fault::IgnoresConstraints, Fault::QuarteredBonus];

    fn prepare(settings: Settings, data: &Data) -> Result<Self, Failure> {
        let grid = Grid { tau_1: settings.tau_1, spacing: settings.spacing, arms: settings.arms };
        let limits = Limits { epsilon: settings.epsilon, s_min: settings.s_min };
        let Settings { environment, c, p, horizon, m, delta, .. } = settings;
        let environment = sources::environment(environment, SYNTHETIC, grid, c, limits, data)?;
        Ok(Self(Stationary::new(environment, p, horizon, m, delta)?))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let run = self.0.run(fault, streams);
        let on_event = |value: f64| if run.event { value } else { 0.0 };
        Ok(Measurement::new()
            .metric("event", f64::from(u8::from(run.event)))
            .metric("best-excluded", on_event(f64::from(u8::from(run.excluded > 0))))
            .metric("fallbacks", on_event(run.fallbacks as f64))
            .metric("residual-excess", on_event(run.residual_excess))
            .metric("reward-excess", on_event(run.reward_excess)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::optimistic_feasible_search::environment::Rates;

    #[test]
    fn a_bandit_needs_a_feasible_arm_and_time_to_play_them_all() {
        let limits = Limits { epsilon: 0.1, s_min: 0.5 };
        let make = |bad_gap: f64, horizon: usize| {
            let arm = [Rates { good: 0.6, bad: bad_gap }, Rates { good: 0.6, bad: 0.0 }];
            let environment = Environment::new(vec![arm], 1.0, limits).unwrap();
            Stationary::new(environment, 0.5, horizon, 10, 0.1)
        };
        assert!(make(0.05, 2).is_ok());
        assert!(make(0.05, 1).is_err());
        assert!(make(0.30, 2).is_err());
    }
}
