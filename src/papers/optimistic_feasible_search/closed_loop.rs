//! The closed loop: Optimistic Feasible Search and its baselines on a population that reacts.

use super::{
    Fault,
    applicants::{Applicants, Observation, observe},
    bandit::{
        Choice, PrimalDual, Radii, Reason, Statistics, level, optimistic_feasible, scales, unconstrained,
    },
    environment::Environment,
    feedback::{Feedback, SHARE, Sweep},
    settings::{Algorithm, Settings},
};
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Points of a curve.
const POINTS: usize = 50;

/// One round of the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Share p_t of group 0.
    pub share: f64,
    /// The arm played, and why.
    pub choice: Choice,
    /// What the learner was told.
    pub observation: Observation,
}

/// The loop, ready to run.
pub struct ClosedLoop {
    settings: Settings,
    environment: Environment,
    applicants: Applicants,
    feedback: Feedback,
    sigma: Radii,
    /// Confidence level of every round.
    levels: Vec<f64>,
}

impl ClosedLoop {
    /// The loop that the settings describe.
    ///
    /// # Errors
    /// As [`Settings::environment`]; [`Failure::Invalid`] for a horizon below 4 or an m that is
    /// refused by [`Applicants::new`].
    pub fn new(settings: Settings, data: &Data) -> Result<Self, Failure> {
        if settings.horizon < 4 {
            return Err(Failure::invalid("T must be at least 4"));
        }
        let environment = settings.environment(data)?;
        Ok(Self {
            applicants: Applicants::new(&environment, settings.m)?,
            feedback: settings.feedback(),
            sigma: scales(settings.c, settings.m),
            levels: (0..settings.horizon).map(|t| level(settings.alpha, t)).collect(),
            environment,
            settings,
        })
    }

    /// Runs the loop and shows every round to `each`.
    pub fn run(&self, fault: Option<Fault>, streams: &Streams, mut each: impl FnMut(Round)) {
        let oracle = Sweep::of(&self.environment, &self.feedback, fault).oracle();
        let mut stream = streams.stream("applicants");
        let mut arms = vec![Statistics::default(); self.environment.count()];
        let mut dual =
            PrimalDual { multipliers: [0.0; 3], step: self.settings.dual_step, cap: self.settings.dual_cap };
        let mut p = self.settings.p_0.clamp(SHARE.0, SHARE.1);
        for level in &self.levels {
            let radii = self.sigma.times(*level);
            let choice = match self.settings.algorithm {
                Algorithm::Ofs => optimistic_feasible(&arms, &radii, fault),
                Algorithm::Ucb if fault == Some(Fault::FilteredBaseline) => {
                    optimistic_feasible(&arms, &radii, None)
                }
                Algorithm::Ucb => unconstrained(&arms, &radii),
                Algorithm::PrimalDual => dual.choose(&arms, &radii),
                Algorithm::BestFixed => Choice { arm: oracle, reason: Reason::Index },
            };
            let batch = self.applicants.draw(choice.arm, &mut stream);
            let observation = observe(batch, self.environment.c, self.environment.limits, p, fault);
            arms[choice.arm].update(&observation);
            dual.update(observation.residuals);
            each(Round { share: p, choice, observation });
            p = self.feedback.step(p, self.environment.gap(choice.arm), fault);
        }
    }
}

/// The experiment: one run of the loop.
pub struct Experiment(ClosedLoop);

impl Measure for Experiment {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "closed-loop";
    const SUMMARY: &'static str = "Runs a threshold bandit on a population that reacts to its decisions; rewards and violations \
         are the true ones, not the observed.";
    const METRICS: &'static [Metric] = &[
        Metric::new("mean-reward", "True reward R(k_t, p_t), averaged over all rounds.")
            .unit("reward")
            .higher_is_better(),
        Metric::new("mean-violation", "Violation max(0, max_j G_j(k_t, p_t)), averaged over all rounds.")
            .unit("residual")
            .range(0.0, 1.0)
            .lower_is_better(),
        Metric::new("cumulative-violation", "V_T: the violation summed over all rounds.")
            .unit("residual")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("priced-reward", "Mean reward less `price` times the mean violation.")
            .unit("reward")
            .higher_is_better(),
        Metric::new(
            "oracle-gap",
            "Reward of the best feasible fixed threshold in its steady state (of the least violating one if \
             none is feasible), less the mean reward over the last quarter of the rounds.",
        )
        .unit("reward")
        .lower_is_better(),
        Metric::new("share", "Share p_t of group 0, averaged over the last quarter of the rounds.")
            .range(SHARE.0, SHARE.1),
        Metric::new(
            "excess-violation",
            "Steady total violation of the arm played less that of the least violating arm, averaged over \
             the last quarter of the rounds.",
        )
        .unit("residual")
        .range(0.0, 3.0)
        .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::FeedbackNotAveraged,
        Fault::OpenLoop,
        Fault::PessimisticFeasibility,
        Fault::MaxRewardFallback,
        Fault::AbsOfNoisyGap,
        Fault::DroppedConstraintBonus,
        Fault::IgnoresConstraints,
        Fault::FilteredBaseline,
    ];
    const TREATMENTS: &'static [&'static str] = &["algorithm"];

    fn prepare(settings: Settings, data: &Data) -> Result<Self, Failure> {
        Ok(Self(ClosedLoop::new(settings, data)?))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Self(closed_loop) = self;
        let ClosedLoop { environment, settings, .. } = closed_loop;
        let sweep = Sweep::of(environment, &closed_loop.feedback, fault);
        let steady_violation = |k: usize| sweep.steady[k].total_violation;
        let least_violation = steady_violation(sweep.least_violating);

        let mut whole = Totals::default();
        let mut last_quarter = Totals::default();
        let (mut rounds, mut violations, mut rewards) = (Vec::new(), Vec::new(), Vec::new());
        let horizon = settings.horizon;
        let quarter = horizon / 4;
        let mut t = 0;
        closed_loop.run(fault, streams, |round| {
            let (k, p) = (round.choice.arm, round.share);
            let now = Totals {
                reward: environment.reward(k, p),
                violation: environment.violation(k, p),
                share: p,
                excess: steady_violation(k) - least_violation,
            };
            whole.add(&now);
            if t >= horizon - quarter {
                last_quarter.add(&now);
            }
            t += 1;
            // The points of a curve are spread evenly; with fewer rounds than points, all are shown.
            if t * POINTS / horizon > (t - 1) * POINTS / horizon {
                rounds.push(t as f64);
                violations.push(whole.violation);
                rewards.push(whole.reward / t as f64);
            }
        });

        let mean = |total: f64| total / horizon as f64;
        let late = |total: f64| total / quarter as f64;
        let (reward, violation) = (mean(whole.reward), mean(whole.violation));
        Ok(Measurement::new()
            .metric("mean-reward", reward)
            .metric("mean-violation", violation)
            .metric("cumulative-violation", whole.violation)
            .metric("priced-reward", reward - settings.price * violation)
            .metric("oracle-gap", sweep.steady[sweep.oracle()].reward - late(last_quarter.reward))
            .metric("share", late(last_quarter.share).clamp(SHARE.0, SHARE.1))
            .metric("excess-violation", late(last_quarter.excess))
            .series("cumulative-violation", rounds.clone(), violations)
            .series("mean-reward", rounds, rewards))
    }
}

/// Sums over rounds.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    reward: f64,
    violation: f64,
    share: f64,
    excess: f64,
}

impl Totals {
    fn add(&mut self, round: &Self) {
        self.reward += round.reward;
        self.violation += round.violation;
        self.share += round.share;
        self.excess += round.excess;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::optimistic_feasible_search::sources::{
        Source,
        tests::{data, reference},
    };
    use approx::assert_abs_diff_eq;

    fn tau(k: usize) -> f64 {
        0.05 + 0.05 * k as f64
    }

    #[test]
    fn the_sweep_of_fixed_thresholds_is_the_known_one() {
        for (source, feasible, best) in [
            (Source::Synthetic, (0.35, 0.2565), (0.50, 0.3034)),
            (Source::German, (0.50, 0.1739), (0.70, 0.2737)),
            (Source::Compas, (0.35, 0.1941), (0.50, 0.2305)),
        ] {
            let sweep = Sweep::of(&reference(source), &Settings::default().feedback(), None);
            let found = |k: usize| (tau(k), sweep.steady[k].reward);
            for ((known_tau, known_reward), (tau, reward)) in
                [(feasible, found(sweep.best_feasible.unwrap())), (best, found(sweep.best))]
            {
                assert_abs_diff_eq!(tau, known_tau, epsilon = 1e-12);
                assert_abs_diff_eq!(reward, known_reward, epsilon = 5.1e-5);
            }
        }
    }

    #[test]
    fn on_the_infeasible_instance_every_threshold_violates_and_the_smallest_violates_least() {
        let settings = Settings {
            environment: Source::Compas,
            epsilon: 0.05,
            s_min: 0.9,
            tau_1: 0.30,
            arms: 14,
            ..Settings::default()
        };
        let sweep = Sweep::of(&settings.environment(&data()).unwrap(), &settings.feedback(), None);
        let known = [
            0.075, 0.138, 0.211, 0.296, 0.439, 0.564, 0.673, 0.747, 0.799, 0.835, 0.850, 0.860, 0.891, 0.900,
        ];
        let found: Vec<f64> = sweep.steady.iter().map(|s| s.total_violation).collect();
        assert_abs_diff_eq!(found[..], known[..], epsilon = 5.1e-4);
        assert_eq!((sweep.best_feasible, sweep.oracle()), (None, 0));
    }

    #[test]
    fn the_oracle_settles_in_its_steady_state() {
        let settings = Settings { algorithm: Algorithm::BestFixed, horizon: 2_000, ..Settings::default() };
        let experiment = Experiment::prepare(settings, &Data::default()).unwrap();
        let measured = experiment.replicate(None, &Streams::from_seed(0)).unwrap();
        assert_abs_diff_eq!(measured.get("oracle-gap").unwrap(), 0.0, epsilon = 1e-12);
        assert_eq!(measured.get("mean-violation"), Some(0.0));
    }

    #[test]
    fn curves_have_as_many_points_as_rounds_at_most() {
        for (horizon, points) in [(4, 4), (49, 49), (50, 50), (130, 50), (8_000, 50)] {
            let settings = Settings { horizon, ..Settings::default() };
            let experiment = Experiment::prepare(settings, &Data::default()).unwrap();
            let measured = experiment.replicate(None, &Streams::from_seed(0)).unwrap();
            assert_eq!(measured.series[0].x.len(), points);
            assert_eq!(measured.series[0].x.last(), Some(&(horizon as f64)));
            assert_eq!(measured.series[0].y.last().copied(), measured.get("cumulative-violation"));
        }
    }

    #[test]
    fn unusable_settings_are_refused() {
        let refused = |settings| ClosedLoop::new(settings, &Data::default()).is_err();
        assert!(refused(Settings { horizon: 3, ..Settings::default() }));
        assert!(refused(Settings { m: 0, ..Settings::default() }));
        assert!(refused(Settings { arms: 0, ..Settings::default() }));
        assert!(refused(Settings { environment: Source::German, ..Settings::default() }));
    }
}
