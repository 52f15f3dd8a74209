//! Pools of prompts, and the variance of gradient estimates on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::{
        stream::Streams,
        tokens::{Policy, Rows, Skills, Task, performance},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A pool of prompts with a policy to start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Four tokens, six skills: 24 prompts of depth 1 to 4, nothing learnt yet.
    Ladder,
    /// Four tokens, eight skills, four of them mastered: 36 prompts of two mastered skills, and 4 of
    /// two new ones.
    Mastered,
}

impl Pool {
    /// The prompts, and the policy to start from.
    #[must_use]
    pub fn build(self) -> (Skills, Policy) {
        match self {
            Self::Ladder => {
                let task = Skills::ladder(4, 6, 4);
                let policy = Policy::uniform(&task);
                (task, policy)
            }
            Self::Mastered => {
                let old = (0..48).map(|i| vec![i % 4, (i / 4) % 4]).filter(|pair| pair[0] != pair[1]);
                let new = (4..8).map(|k| vec![k, 4 + (k + 1) % 4]);
                let task = Skills::new(4, 8, old.chain(new).collect());
                let policy = Policy::from_fn(&task, |k, v| if k < 4 && v == k { 6.0 } else { 0.0 });
                (task, policy)
            }
        }
    }
}

/// Settings of the exact variances.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The pool, at its start.
    pub pool: Pool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pool: Pool::Mastered }
    }
}

/// Total variance of (r − b)∇ln π(y) for a prompt drawn uniformly and one response to it:
/// mean over x of E\[(r − bₓ)²‖∇ln π(y)‖²\] − ‖∇J‖², by enumeration.
pub struct PoolVariance(Settings);

impl Measure for PoolVariance {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "pool-variance";
    const SUMMARY: &'static str =
        "Exact total variance of one-sample gradient estimates on a pool of prompts, by baseline.";
    const METRICS: &'static [Metric] = &[
        Metric::new("per-prompt", "Total variance with each prompt's own success rate as baseline.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("batch-mean", "Total variance with the mean success rate as baseline of all prompts.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("none", "Total variance without a baseline.").range(0.0, f64::INFINITY).lower_is_better(),
        Metric::new(
            "ratio",
            "Total variance with the batch-mean baseline over that with per-prompt baselines.",
        )
        .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::BatchMeanBaseline];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (task, policy) = self.0.pool.build();
        let mean = performance(&task, &policy);
        let per_prompt = total_variance(&task, &policy, |x| match fault {
            Some(Fault::BatchMeanBaseline) => mean,
            _ => task.success(x, &policy),
        });
        let batch_mean = total_variance(&task, &policy, |_| mean);
        Ok(Measurement::new()
            .metric("per-prompt", per_prompt)
            .metric("batch-mean", batch_mean)
            .metric("none", total_variance(&task, &policy, |_| 0.0))
            .metric("ratio", batch_mean / per_prompt))
    }
}

fn total_variance(task: &Skills, policy: &Policy, baseline: impl Fn(usize) -> f64) -> f64 {
    let prompts = task.prompts();
    let mut second_moment = 0.0;
    let mut gradient = Rows::zeros(task.rows(), task.width());
    let mut score = gradient.clone();
    for x in 0..prompts {
        task.add_gradient(x, policy, 1.0 / prompts as f64, &mut gradient);
        let b = baseline(x);
        task.enumerate(x, policy, &mut |y| {
            score.clear();
            y.steps.iter().for_each(|step| policy.add_score(*step, 1.0, &mut score));
            second_moment += y.probability * (y.reward - b) * (y.reward - b) * score.norm_squared();
        });
    }
    second_moment / prompts as f64 - gradient.norm_squared()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_variances_on_the_mastered_pool() {
        let (task, policy) = Pool::Mastered.build();
        assert_eq!(task.prompts(), 40);
        assert_relative_eq!(task.success(0, &policy), 0.985_29, epsilon = 5e-6);
        assert_relative_eq!(task.success(39, &policy), 0.0625, epsilon = 1e-15);
        let measured = PoolVariance(Settings::default()).replicate(None, &Streams::from_seed(0)).unwrap();
        for (name, known) in [("per-prompt", 0.034_248), ("batch-mean", 0.133_151), ("none", 0.009_417)] {
            assert_relative_eq!(measured.get(name).unwrap(), known, epsilon = 5e-7);
        }
    }
}
