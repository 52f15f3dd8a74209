//! Rewards from preferences, and the methods that learn from them.
//!
//! Behaviour takes the right action with probability 0.6, else a uniform one. Of two of its trajectories
//! the first is preferred with probability σ(4 (R₁ − R₂)). The reward r̂ is linear in the indicators of the
//! visited (h, s, a). A constant that both trajectories earn cannot be told from preferences, so rewards are
//! never compared, only the policies made of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    lock::{Lock, Trajectory},
    rollouts::{Draws, Learner, Starts},
};
use crate::{
    kernel::{
        math::{ln, sigmoid, sum},
        preference::{Comparison, PreferenceError, bradley_terry},
        stream::{Stream, Streams},
        tokens::{Policy, Rows, Step},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A pair of trajectories.
struct Pair {
    /// The preferred one.
    better: Trajectory,
    /// The other one.
    worse: Trajectory,
}

/// What one trajectory of each pair visits and the other does not, row by row and action by action.
fn comparisons(lock: &Lock, pairs: &[Pair]) -> Vec<Comparison> {
    let visited = |t: &Trajectory| -> Vec<usize> {
        t.steps().map(|step| step.row * lock.actions + step.token).collect()
    };
    pairs.iter().map(|pair| Comparison::of_counts(visited(&pair.better), visited(&pair.worse))).collect()
}

/// Draws pairs of stored trajectories; each is turned around with probability one half if `random`.
fn prefer(lock: &Lock, count: usize, random: bool, stream: &mut Stream) -> Vec<Pair> {
    let rewards = lock.rewards();
    let returned = |t: &Trajectory| -> f64 { t.steps().map(|s| rewards[s.row][s.token]).sum() };
    (0..count)
        .map(|_| {
            let (first, second) = (lock.store(0.6, None, stream), lock.store(0.6, None, stream));
            let first_wins = stream.bernoulli(sigmoid(4.0 * (returned(&first) - returned(&second))));
            let turned = stream.bernoulli(0.5) && random;
            let (better, worse) = if first_wins == turned { (second, first) } else { (first, second) };
            Pair { better, worse }
        })
        .collect()
}

/// r̂: the ridge estimate (weight 0.1) of a reward for each row and action.
fn fit_reward(lock: &Lock, pairs: &[Pair]) -> Result<Rows, PreferenceError> {
    let (rows, actions) = (lock.rows(), lock.actions);
    let rewards = bradley_terry(rows * actions, &comparisons(lock, pairs), 0.1, 25)?;
    Ok(Rows::from_fn(rows, actions, |row, a| rewards[row * actions + a]))
}

/// Behaviour cloning: frequencies of actions in trajectories, each counted once more.
fn imitate<'a>(lock: &Lock, stored: impl Iterator<Item = &'a Trajectory>) -> Policy {
    let mut counts = Rows::from_fn(lock.rows(), lock.actions, |_, _| 1.0);
    for step in stored.flat_map(Trajectory::steps) {
        counts[step.row][step.token] += 1.0;
    }
    Policy::new(Rows::from_fn(lock.rows(), lock.actions, |row, a| ln(counts[row][a])))
}

/// DPO: gradient ascent on the mean over pairs of ln σ(β (ln π/π_ref(better) − ln π/π_ref(worse))), from π_ref.
///
/// Rows of a policy are normalised one by one, and what ∇ ln π takes from a whole row cancels between the
/// two trajectories unless only one of them visits it: with D = mean of β σ(−margin) (φ(better) − φ(worse))
/// the gradient is D(n, a) − π(a|n) Σ_b D(n, b).
fn dpo(lock: &Lock, reference: &Policy, pairs: &[Pair]) -> Policy {
    const BETA: f64 = 0.1;
    const UPDATES: usize = 800;
    const RATE: f64 = 20.0;
    let comparisons = comparisons(lock, pairs);
    let logarithms = |policy: &Policy| -> Vec<f64> {
        let steps = (0..lock.rows()).flat_map(|row| (0..lock.actions).map(move |token| Step { row, token }));
        steps.map(|step| policy.log_probability(step)).collect()
    };
    let at_reference = logarithms(reference);
    let mut policy = reference.clone();
    for _ in 0..UPDATES {
        let ratios: Vec<f64> =
            logarithms(&policy).iter().zip(&at_reference).map(|(now, then)| now - then).collect();
        let mut pull = vec![0.0; ratios.len()];
        for x in comparisons.iter().map(Comparison::entries) {
            let margin: f64 = x.iter().map(|(i, x)| x * ratios[*i]).sum();
            let weight = BETA * sigmoid(-BETA * margin) / pairs.len() as f64;
            for (i, x) in x {
                pull[*i] += weight * x;
            }
        }
        let gradient = Rows::from_fn(lock.rows(), lock.actions, |row, a| {
            let of_row = &pull[row * lock.actions..(row + 1) * lock.actions];
            of_row[a] - policy.row(row)[a] * sum(of_row.iter().copied())
        });
        policy.ascend(RATE, &gradient);
    }
    policy
}

/// How the pairs are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Learned reward, roll-outs reset to the preferred trajectories.
    DrPo,
    /// Learned reward, roll-outs from the start.
    Npg,
    /// Direct preference optimisation.
    Dpo,
    /// Imitation of the preferred trajectories.
    ImitateChosen,
    /// Imitation of all trajectories.
    ImitateAll,
}

/// Settings of learning from preferences.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How the pairs are used.
    pub method: Method,
    /// M, the number of pairs.
    #[schemars(range(min = 1, max = 100_000))]
    pub pairs: usize,
    /// H.
    #[schemars(range(min = 1, max = 100))]
    pub horizon: usize,
    /// Iterations of the policy loop.
    #[schemars(range(min = 1, max = 100_000))]
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::DrPo, pairs: 400, horizon: 6, iterations: 150 }
    }
}

/// Learning from preferences on the lock.
pub struct Preferences(Settings);

impl Measure for Preferences {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "preferences";
    const SUMMARY: &'static str = "Value on the combination lock after learning from pairs of trajectories.";
    const METRICS: &'static [Metric] =
        &[Metric::new("value", "Value of the last policy.").range(0.0, 1.0).higher_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::NoReset, Fault::RandomLabels, Fault::NoReward];
    const TREATMENTS: &'static [&'static str] = &["method"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        match fault {
            Fault::NoReset => settings.method == Method::DrPo,
            Fault::NoReward => matches!(settings.method, Method::DrPo | Method::Npg),
            _ => true,
        }
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if settings.pairs == 0 || settings.horizon == 0 {
            return Err(Failure::invalid("needs a pair and a step"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { method, pairs, horizon, iterations } = self.0;
        let lock = Lock { horizon, actions: 3, side: 0.0 };
        let random = fault == Some(Fault::RandomLabels);
        let pairs = prefer(&lock, pairs, random, &mut streams.stream("pairs"));
        let all = pairs.iter().flat_map(|pair| [&pair.better, &pair.worse]);
        let optimise = |starts: Starts<'_>| {
            let rewards = if fault == Some(Fault::NoReward) {
                Rows::zeros(lock.rows(), lock.actions)
            } else {
                fit_reward(&lock, &pairs).map_err(|e| Failure::numerical(e.to_string()))?
            };
            let learner = Learner { lock, rewards: &rewards, starts, rollouts: 64, rate: 1.0, fault };
            Ok::<_, Failure>(learner.train(iterations, Draws::of(streams)))
        };
        let policy = match method {
            Method::DrPo => {
                let stored: Vec<Trajectory> = pairs.iter().map(|pair| pair.better.clone()).collect();
                optimise(Starts::Dataset { stored: &stored, reset: 1.0 })?
            }
            Method::Npg => optimise(Starts::Beginning)?,
            Method::Dpo => dpo(&lock, &imitate(&lock, all), &pairs),
            Method::ImitateChosen => imitate(&lock, pairs.iter().map(|pair| &pair.better)),
            Method::ImitateAll => imitate(&lock, all),
        };
        Ok(Measurement::new().metric("value", lock.value(&policy)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The objective that DPO ascends, as it is written.
    fn objective(policy: &Policy, reference: &Policy, pairs: &[Pair]) -> f64 {
        let ratio = |t: &Trajectory| -> f64 {
            t.steps().map(|s| policy.log_probability(s) - reference.log_probability(s)).sum()
        };
        let terms = pairs.iter().map(|pair| ln(sigmoid(0.1 * (ratio(&pair.better) - ratio(&pair.worse)))));
        sum(terms) / pairs.len() as f64
    }

    #[test]
    fn dpo_ends_where_the_slopes_of_its_objective_are_small() {
        let lock = Lock { horizon: 3, actions: 3, side: 0.0 };
        let pairs = prefer(&lock, 60, false, &mut Streams::from_seed(2).stream("pairs"));
        let all = || pairs.iter().flat_map(|pair| [&pair.better, &pair.worse]);
        let reference = imitate(&lock, all());
        let policy = dpo(&lock, &reference, &pairs);
        let slopes = |policy: &Policy| {
            policy.central_differences(1e-4, |p| objective(p, &reference, &pairs)).norm_squared()
        };
        assert!(objective(&policy, &reference, &pairs) > objective(&reference, &reference, &pairs));
        assert!(slopes(&policy) < slopes(&reference) / 100.0);
    }
}
