//! dr-po.4: without resets the loop is the ordinary one.

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::stream::Streams,
    papers::{
        dr_po::{
            Fault,
            lock::Lock,
            rollouts::{Draws, Learner, Starts},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// A lock, what is stored about it, and a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// H.
    horizon: usize,
    /// A.
    actions: usize,
    /// Reward of the tempting first action.
    side: f64,
    /// Stored trajectories.
    stored: usize,
    /// Probability that they take the right action on purpose.
    quality: f64,
    /// Iterations.
    iterations: usize,
    /// Roll-outs an iteration.
    rollouts: usize,
    /// Seed of the random numbers.
    seed: u64,
}

/// With β = 0 the data play no part.
pub struct WithoutResets;

impl Observe for WithoutResets {
    type Instance = Session;
    type Fault = Fault;
    const NAME: &'static str = "without-resets";
    const SUMMARY: &'static str =
        "With β = 0 the loop makes, from the same random numbers, the policy of the loop that knows no data.";
    const METRICS: &'static [Metric] =
        &[Metric::new("error", "Largest difference of a logit.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::IgnoredMixture];

    fn instances() -> BoxedStrategy<Session> {
        let side = prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
        let quality = prop_oneof![Just(0.0), Just(0.6), Just(1.0)];
        (1_usize..=6, 2_usize..=4, side, 1_usize..=10, quality, 1_usize..=10, 1_usize..=32, any::<u64>())
            .prop_map(|(horizon, actions, side, stored, quality, iterations, rollouts, seed)| Session {
                horizon,
                actions,
                side,
                stored,
                quality,
                iterations,
                rollouts,
                seed,
            })
            .boxed()
    }

    fn observe(session: &Session, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Session { horizon, actions, side, rollouts, .. } = *session;
        if horizon == 0 || actions < 2 || session.stored == 0 {
            return Err(Failure::invalid("needs a step, two actions and a stored trajectory"));
        }
        if horizon.max(actions).max(session.stored).max(session.iterations).max(rollouts) > 1000 {
            return Err(Failure::invalid("no count may exceed 1000"));
        }
        let lock = Lock { horizon, actions, side };
        let rewards = lock.rewards();
        let streams = Streams::from_seed(session.seed);
        let mut stream = streams.stream("stored");
        let stored: Vec<_> =
            (0..session.stored).map(|_| lock.store(session.quality, None, &mut stream)).collect();
        let train = |starts: Starts<'_>| {
            let learner = Learner { lock, rewards: &rewards, starts, rollouts, rate: 1.0, fault };
            learner.train(session.iterations, Draws::of(&streams))
        };
        let mixed = train(Starts::Dataset { stored: &stored, reset: 0.0 });
        let plain = train(Starts::Beginning);
        let error = mixed.logits().largest_difference(plain.logits());
        Ok(Measurement::new().metric("error", error))
    }
}
