//! Which weight of the penalty is best, for each heuristic and number of members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Dataset, chain},
    penalty::Heuristic,
    planning::{Configuration, HEURISTICS, HORIZONS, MEMBERS},
    unsolved,
};
use crate::{
    kernel::{
        math::mean,
        mdp::{Mdp, argmax},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the comparison of weights.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// u: a heuristic of the grid.
    pub heuristic: Heuristic,
    /// h: 1, 2, 5, 10, 20 or 50.
    #[schemars(range(min = 1, max = 50))]
    pub horizon: usize,
    /// N: 2, 5, 10 or 20.
    #[schemars(range(min = 2, max = 20))]
    pub members: usize,
    /// Weights λ to compare, ascending.
    #[schemars(length(min = 1, max = 100))]
    pub lambdas: Vec<f64>,
    /// Datasets over which returns are averaged.
    #[schemars(range(min = 1, max = 1000))]
    pub datasets: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            heuristic: Heuristic::MaxPairwise,
            horizon: 50,
            members: 20,
            lambdas: vec![1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0],
            datasets: 24,
        }
    }
}

/// Returns over the weights of the grid.
pub struct BestLambda {
    settings: Settings,
    chain: Mdp,
}

impl Measure for BestLambda {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "best-lambda";
    const SUMMARY: &'static str =
        "The weight λ with the best mean true return over datasets of the chain, for one u, h and N.";
    const METRICS: &'static [Metric] = &[
        Metric::new("best-lambda", "The best of the weights, the lowest of ties.").range(0.0, f64::INFINITY),
        Metric::new("best-return", "Its mean true return.")
            .unit("return")
            .range(0.0, 20.0)
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NFixed, Fault::OneHeuristic];
    const TREATMENTS: &'static [&'static str] = &["heuristic", "horizon", "members"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let on_grid = HEURISTICS.contains(&settings.heuristic)
            && HORIZONS.contains(&settings.horizon)
            && MEMBERS.contains(&settings.members);
        if !on_grid || !(1..=1000).contains(&settings.datasets) {
            return Err(Failure::invalid(
                "expected a heuristic, a horizon and a number of members of the grid, and up to 1000 datasets",
            ));
        }
        let ascending = settings.lambdas.windows(2).all(|pair| pair[0] < pair[1]);
        let valid = settings.lambdas.iter().all(|lambda| lambda.is_finite() && *lambda >= 0.0);
        if settings.lambdas.is_empty() || !ascending || !valid {
            return Err(Failure::invalid("`lambdas` must ascend, and be at least 0"));
        }
        Ok(Self { settings, chain: chain()? })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { heuristic, horizon, members, datasets, .. } = self.settings;
        let lambdas = &self.settings.lambdas;
        let mut returns = vec![Vec::with_capacity(datasets); lambdas.len()];
        let mut promises = returns.clone();
        for k in 0..datasets {
            // Five members are needed where the fault has five of them whatever was asked for.
            let dataset =
                Dataset::draw(&self.chain, members.max(5), &mut streams.stream(&format!("data {k}")));
            for (i, lambda) in lambdas.iter().copied().enumerate() {
                let configuration = Configuration { heuristic, lambda, horizon, members };
                let (policy, promise) = dataset.plan(&self.chain, configuration, fault)?;
                returns[i].push(self.chain.performance(&policy).map_err(unsolved)?);
                promises[i].push(promise);
            }
        }
        let averages = |of: &[Vec<f64>]| -> Vec<f64> { of.iter().map(|values| mean(values)).collect() };
        let (returns, promises) = (averages(&returns), averages(&promises));
        let best = argmax(&returns);
        let promised = promises.iter().zip(&returns).map(|(promise, truth)| promise - truth).collect();
        Ok(Measurement::new()
            .metric("best-lambda", lambdas[best])
            .metric("best-return", returns[best])
            .series("return-by-lambda", lambdas.clone(), returns)
            .series("over-estimate-by-lambda", lambdas.clone(), promised))
    }
}
