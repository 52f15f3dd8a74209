//! DoC and its baselines learn from the same episodes of the slippery grid, and act on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    em::{Fit, Mixture, best_fit, best_latent},
    episodes::{Dataset, normalised, same_return},
    grid::{Collected, World},
};
use crate::{
    kernel::{
        mdp::{Rows, dirichlet_rows},
        stream::Streams,
    },
    papers::leaf::Failure,
};

/// What acts after learning from the episodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Dichotomy of control: π_{z*} of DoC-EM, which promises V(z*).
    Doc,
    /// Return conditioning on G = 1, which promises 1.
    ReturnConditioned,
    /// Behaviour cloning: π(a|s) from the counts of all episodes, which promises their mean return.
    Cloning,
    /// The expert that made a part of the data, who knows the grid.
    Expert,
}

/// Settings of the comparison.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What acts.
    pub actor: Actor,
    /// n, cells along an edge.
    #[schemars(range(min = 2, max = 12))]
    pub size: usize,
    /// Probability that a move is perpendicular to the chosen one; ⅔ is that of FrozenLake.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub slip: f64,
    /// Most steps of an episode.
    #[schemars(range(min = 1, max = 1000))]
    pub horizon: usize,
    /// Episodes in the data.
    #[schemars(range(min = 1, max = 100_000))]
    pub episodes: usize,
    /// Share of episodes by the expert; the others act uniformly.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub expert_share: f64,
    /// K, latents of DoC-EM.
    #[schemars(range(min = 1, max = 16))]
    pub latents: usize,
    /// ε of DoC-EM.
    pub smoothing: f64,
    /// Iterations of DoC-EM.
    #[schemars(range(min = 1, max = 10_000))]
    pub iterations: usize,
    /// Starts of DoC-EM, of which the best fit is kept.
    #[schemars(range(min = 1, max = 100))]
    pub restarts: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            actor: Actor::Doc,
            size: 4,
            slip: 2.0 / 3.0,
            horizon: 30,
            episodes: 300,
            expert_share: 0.15,
            latents: 2,
            smoothing: 0.1,
            iterations: 40,
            restarts: 3,
        }
    }
}

impl Settings {
    fn check(&self) -> Result<(), Failure> {
        let probabilities = [self.slip, self.expert_share];
        if !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err(Failure::invalid("`slip` and `expert_share` must lie in [0, 1]"));
        }
        if !(self.smoothing > 0.0 && self.smoothing <= 1e6) {
            return Err(Failure::invalid("`smoothing` must be positive"));
        }
        let within = |n: usize, most: usize| (1..=most).contains(&n);
        let counts =
            within(self.latents, 16) && within(self.iterations, 10_000) && within(self.restarts, 100);
        if !counts
            || !within(self.episodes, 100_000)
            || !within(self.horizon, 1000)
            || self.size < 2
            || self.size > 12
        {
            return Err(Failure::invalid(
                "needs `size` from 2 to 12, and positive `horizon`, `episodes`, `latents`, `iterations` and \
                 `restarts`",
            ));
        }
        Ok(())
    }

    /// DoC-EM from random starts: w_z = 1/K, and each π_z(·|s) uniform on the simplex.
    ///
    /// # Errors
    /// [`Failure::Invalid`] without a start.
    pub fn fit(&self, dataset: &Dataset, fault: Option<Fault>, streams: &Streams) -> Result<Fit, Failure> {
        if fault == Some(Fault::NoMi) {
            let clusters = Rows::from_fn(dataset.episodes.len(), 2, |i, z| {
                f64::from(u8::from(same_return(dataset.episodes[i].total, z as f64)))
            });
            return Ok(Fit::of_clusters(dataset, clusters, self.smoothing));
        }
        let mut stream = streams.stream("starts");
        let weights = vec![1.0 / self.latents as f64; self.latents];
        let mut policy = || dirichlet_rows(dataset.states, dataset.actions, 1.0, &mut stream);
        let starts: Vec<Mixture> = (0..self.restarts)
            .map(|_| Mixture {
                weights: weights.clone(),
                policies: (0..self.latents).map(|_| policy()).collect(),
            })
            .collect();
        best_fit(dataset, starts, self.smoothing, self.iterations, fault)
            .ok_or_else(|| Failure::invalid("needs a start"))
    }
}

/// A grid with its settings, and the same grid without slip.
pub struct Arena {
    /// The settings.
    pub settings: Settings,
    /// The grid.
    pub world: World,
    dry: World,
}

/// What an actor promises and what it obtains.
pub struct Acted {
    /// The promise.
    pub prediction: f64,
    /// V_M(π).
    pub success: f64,
}

impl Arena {
    /// Builds the grids.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for settings that contradict each other.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        settings.check()?;
        let world = World::new(settings.size, settings.slip, settings.horizon)?;
        let dry = World::new(settings.size, 0.0, settings.horizon)?;
        Ok(Self { settings, world, dry })
    }

    /// The episodes of a replicate.
    pub fn collect(&self, streams: &Streams) -> Collected {
        let Settings { episodes, expert_share, .. } = self.settings;
        self.world.collect(episodes, expert_share, &mut streams.stream("data"))
    }

    /// Lets an actor learn from episodes, and evaluates it.
    ///
    /// # Errors
    /// See [`Settings::fit`].
    pub fn act(
        &self,
        actor: Actor,
        dataset: &Dataset,
        fault: Option<Fault>,
        streams: &Streams,
    ) -> Result<Acted, Failure> {
        let (policy, prediction) = match actor {
            Actor::Doc => {
                let fit = self.settings.fit(dataset, fault, streams)?;
                let values = fit.values(dataset, fault);
                let best = best_latent(&values, fault);
                (fit.mixture.policies[best].clone(), Some(values[best]))
            }
            Actor::ReturnConditioned => (dataset.return_conditioned(1.0, fault), Some(1.0)),
            Actor::Cloning => {
                let counts = dataset.counts(|i| dataset.episodes[i].weight);
                (normalised(&counts), Some(dataset.mean_return()))
            }
            Actor::Expert => (self.world.expert.clone(), None),
        };
        let world = if fault == Some(Fault::SlipIgnored) { &self.dry } else { &self.world };
        let success = world.success(&policy);
        Ok(Acted { prediction: prediction.unwrap_or(success), success })
    }

    /// Success of DoC minus success of return conditioning, on the episodes of a replicate.
    ///
    /// # Errors
    /// See [`Settings::fit`].
    pub fn advantage(&self, fault: Option<Fault>, streams: &Streams) -> Result<f64, Failure> {
        let dataset = self.collect(streams).dataset;
        let doc = self.act(Actor::Doc, &dataset, fault, streams)?;
        let conditioned = self.act(Actor::ReturnConditioned, &dataset, fault, streams)?;
        Ok(doc.success - conditioned.success)
    }
}
