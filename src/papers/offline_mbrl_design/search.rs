//! Choosing a configuration: by Bayesian optimisation, at random, or by habit.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    chain::{Dataset, FITTED, chain},
    no_posterior,
    planning::{Configuration, DEFAULT},
    unsolved,
};
use crate::{
    kernel::{
        gp::{Pool, SquaredExponential, expected_improvement},
        math::{mean, variance},
        mdp::{Mdp, argmax},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Length scale ℓ of the covariance, in the units of [`Configuration::features`].
const LENGTH_SCALE: f64 = 0.4;
/// Variance of the noise of a score, in units of the variance of the scores.
const NOISE: f64 = 1e-2;
/// What an improvement must add to count, in standard deviations of the scores.
const XI: f64 = 0.01;

/// How a configuration is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Bayesian optimisation, after a few random configurations.
    Bayesian,
    /// Random configurations of the grid, all different.
    Random,
}

/// Settings of the search.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How a configuration is chosen.
    pub method: Method,
    /// Configurations that are tried.
    #[schemars(range(min = 1, max = 200))]
    pub evaluations: usize,
    /// Of these, at random before the first choice by Bayesian optimisation.
    #[schemars(range(min = 1, max = 200))]
    pub starts: usize,
    /// Datasets over which a configuration is scored, and as many fresh ones for the one that is chosen.
    #[schemars(range(min = 1, max = 1000))]
    pub datasets: usize,
    /// Searches of a replicate, each with datasets of its own, over which everything is averaged.
    #[schemars(range(min = 1, max = 1000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { method: Method::Bayesian, evaluations: 25, starts: 6, datasets: 8, repeats: 5 }
    }
}

/// A search over configurations of the chain's planner.
pub struct Search {
    settings: Settings,
    chain: Mdp,
    grid: Vec<Configuration>,
    /// Features of the grid.
    points: Vec<Vec<f64>>,
}

/// What a search ends with.
struct Outcome {
    chosen: Configuration,
    /// Mean true return of the chosen configuration, and of the usual one, on fresh datasets.
    fresh_return: f64,
    usual_return: f64,
    /// The best score after each trial.
    incumbents: Vec<f64>,
}

/// What was tried, in order: indices of candidates, and their scores.
#[derive(Clone, Debug, Default)]
pub struct Trials {
    tried: Vec<usize>,
    scores: Vec<f64>,
}

impl Trials {
    /// Tries a candidate.
    fn attempt(
        &mut self,
        candidate: usize,
        score: &mut impl FnMut(usize) -> Result<f64, Failure>,
    ) -> Result<(), Failure> {
        self.scores.push(score(candidate)?);
        self.tried.push(candidate);
        Ok(())
    }

    /// The candidate with the best score, the first of ties; 0 if nothing was tried.
    fn best(&self) -> usize {
        self.tried.get(argmax(&self.scores)).copied().unwrap_or(0)
    }

    /// The best score after each trial.
    fn incumbents(&self) -> Vec<f64> {
        let mut best = f64::NEG_INFINITY;
        self.scores
            .iter()
            .map(|score| {
                best = best.max(*score);
                best
            })
            .collect()
    }
}

/// Scores less their mean, over their standard deviation (1 if they are all equal).
pub fn standardised(scores: &[f64]) -> Vec<f64> {
    let (centre, deviation) = (mean(scores), variance(scores, 0).sqrt());
    let unit = if deviation > 0.0 { deviation } else { 1.0 };
    scores.iter().map(|score| (score - centre) / unit).collect()
}

/// Bayesian optimisation over candidates with these features: `starts` random ones, then always the one
/// of largest expected improvement over the best score by more than ξ, the lowest index of ties, among
/// those not yet tried.
fn bayesian(
    points: &[Vec<f64>],
    settings: &Settings,
    stream: &mut Stream,
    fault: Option<Fault>,
    score: &mut impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<Trials, Failure> {
    let kernel = SquaredExponential::new(1.0, LENGTH_SCALE).map_err(no_posterior)?;
    let mut process = Pool::new(kernel, NOISE, points).map_err(no_posterior)?;
    let mut trials = Trials::default();
    let mut open: BTreeSet<usize> = (0..points.len()).collect();
    let mut starts: Vec<usize> = open.iter().copied().collect();
    stream.choose(&mut starts, settings.starts);
    starts.truncate(settings.starts);
    while trials.tried.len() < settings.evaluations.min(points.len()) {
        let candidate = if let Some(start) = starts.get(trials.tried.len()) {
            *start
        } else {
            let scores = standardised(&trials.scores);
            let bar = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max) + XI;
            let beliefs = process.predict(&scores).map_err(no_posterior)?;
            let untried: Vec<usize> = open.iter().copied().collect();
            let acquisition = |i: &usize| match fault {
                Some(Fault::BoIgnoresScores) => 0.0,
                _ => expected_improvement(beliefs[*i], bar),
            };
            untried[argmax(&untried.iter().map(acquisition).collect::<Vec<f64>>())]
        };
        open.remove(&candidate);
        process.observe(candidate).map_err(no_posterior)?;
        trials.attempt(candidate, score)?;
    }
    Ok(trials)
}

/// Random candidates, all different.
fn random(
    count: usize,
    settings: &Settings,
    stream: &mut Stream,
    score: &mut impl FnMut(usize) -> Result<f64, Failure>,
) -> Result<Trials, Failure> {
    let mut shuffled: Vec<usize> = (0..count).collect();
    stream.choose(&mut shuffled, settings.evaluations);
    let mut trials = Trials::default();
    for candidate in shuffled.into_iter().take(settings.evaluations) {
        trials.attempt(candidate, score)?;
    }
    Ok(trials)
}

impl Search {
    /// Mean true return of a configuration over datasets.
    fn score(
        &self,
        datasets: &[Dataset],
        configuration: Configuration,
        fault: Option<Fault>,
    ) -> Result<f64, Failure> {
        let returns = datasets.iter().map(|dataset| {
            let (policy, _) = dataset.plan(&self.chain, configuration, fault)?;
            self.chain.performance(&policy).map_err(unsolved)
        });
        Ok(mean(&returns.collect::<Result<Vec<f64>, Failure>>()?))
    }

    fn draw(&self, members: usize, stream: &mut Stream) -> Vec<Dataset> {
        (0..self.settings.datasets).map(|_| Dataset::draw(&self.chain, members, stream)).collect()
    }

    /// One search.
    fn outcome(&self, fault: Option<Fault>, repeat: usize, streams: &Streams) -> Result<Outcome, Failure> {
        let usual = |c: &Configuration| c.lambda <= 1.0 && c.horizon <= 5;
        let (candidates, points): (Vec<Configuration>, Vec<Vec<f64>>) = self
            .grid
            .iter()
            .zip(&self.points)
            .filter(|(configuration, _)| fault != Some(Fault::ClampedSearchSpace) || usual(configuration))
            .map(|(configuration, point)| (*configuration, point.clone()))
            .unzip();
        let stream = |name: &str| streams.stream(&format!("{name} {repeat}"));
        let datasets = self.draw(FITTED, &mut stream("data"));
        let mut score = |index: usize| self.score(&datasets, candidates[index], fault);
        let trials = match self.settings.method {
            Method::Bayesian => bayesian(&points, &self.settings, &mut stream("starts"), fault, &mut score)?,
            Method::Random => random(candidates.len(), &self.settings, &mut stream("random"), &mut score)?,
        };
        let chosen = candidates[trials.best()];
        let fresh = self.draw(FITTED, &mut stream("fresh"));
        Ok(Outcome {
            chosen,
            fresh_return: self.score(&fresh, chosen, fault)?,
            usual_return: self.score(&fresh, DEFAULT, fault)?,
            incumbents: trials.incumbents(),
        })
    }
}

impl Measure for Search {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "search";
    const SUMMARY: &'static str =
        "True return, on fresh datasets, of the configuration that a search on other datasets chooses.";
    const METRICS: &'static [Metric] = &[
        Metric::new("score", "Mean true return of the chosen configuration on the datasets of the search.")
            .unit("return")
            .range(0.0, 20.0)
            .higher_is_better(),
        Metric::new("fresh-return", "Its mean true return on fresh datasets.")
            .unit("return")
            .range(0.0, 20.0)
            .higher_is_better(),
        Metric::new("gain", "The same less that of the usual configuration on the same datasets.")
            .unit("return")
            .range(-20.0, 20.0)
            .higher_is_better(),
        Metric::new("differing", "In how many of four choices it differs from the usual configuration.")
            .range(0.0, 4.0),
        Metric::new("lambda", "Its λ.").range(0.0, 10.0),
        Metric::new("horizon", "Its h.").range(1.0, 50.0),
        Metric::new("members", "Its N.").range(2.0, 20.0),
        Metric::new("far", "Share of searches whose choice differs in at least three of four and has λ ≥ 5.")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::BoIgnoresScores, Fault::ClampedSearchSpace];
    const TREATMENTS: &'static [&'static str] = &["method", "evaluations", "starts"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let sizes = [settings.evaluations, settings.starts];
        let counts = [settings.datasets, settings.repeats];
        if sizes.iter().any(|n| !(1..=200).contains(n)) || counts.iter().any(|n| !(1..=1000).contains(n)) {
            return Err(Failure::invalid(
                "expected up to 200 evaluations and starts, and up to 1000 datasets and repeats, at least one each",
            ));
        }
        let grid = Configuration::grid();
        let points = grid.iter().map(Configuration::features).collect();
        Ok(Self { settings, chain: chain()?, grid, points })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let outcomes = (0..self.settings.repeats)
            .map(|repeat| self.outcome(fault, repeat, streams))
            .collect::<Result<Vec<Outcome>, Failure>>()?;
        let average = |f: &dyn Fn(&Outcome) -> f64| mean(&outcomes.iter().map(f).collect::<Vec<f64>>());
        let trials = self.settings.evaluations.min(outcomes[0].incumbents.len());
        let incumbents: Vec<f64> = (0..trials).map(|n| average(&|o| o.incumbents[n])).collect();
        let differing = |o: &Outcome| o.chosen.differing(&DEFAULT);
        let far = |o: &Outcome| differing(o) >= 3 && o.chosen.lambda >= 5.0;
        Ok(Measurement::new()
            .metric("score", incumbents[trials - 1])
            .metric("fresh-return", average(&|o| o.fresh_return))
            .metric("gain", average(&|o| o.fresh_return - o.usual_return))
            .metric("differing", average(&|o| f64::from(differing(o))))
            .metric("lambda", average(&|o| o.chosen.lambda))
            .metric("horizon", average(&|o| o.chosen.horizon as f64))
            .metric("members", average(&|o| o.chosen.members as f64))
            .metric("far", average(&|o| f64::from(u8::from(far(o)))))
            .series("incumbent", (1..=trials).map(|n| n as f64).collect(), incumbents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn bayesian_optimisation_finds_the_top_of_a_smooth_hill() {
        let points: Vec<Vec<f64>> =
            (0_i32..400).map(|i| vec![f64::from(i % 20) / 19.0, f64::from(i / 20) / 19.0]).collect();
        let hill = |i: usize| {
            let (x, y) = (points[i][0] - 0.7, points[i][1] - 0.3);
            Ok(5.0 - 8.0 * x * x - 8.0 * y * y)
        };
        let settings = Settings::default();
        let run = |fault, seed| {
            let mut stream = Streams::from_seed(seed).stream("starts");
            bayesian(&points, &settings, &mut stream, fault, &mut |i| hill(i)).unwrap()
        };
        for seed in 0..5 {
            let trials = run(None, seed);
            assert!(*trials.incumbents().last().unwrap() > 4.95, "{:?}", trials.incumbents());
            let different: BTreeSet<usize> = trials.tried.iter().copied().collect();
            assert_eq!(different.len(), 25);
            let blind = run(Some(Fault::BoIgnoresScores), seed);
            assert_eq!(blind.tried[..6], trials.tried[..6]);
            assert!(blind.tried[6..].windows(2).all(|pair| pair[0] < pair[1]));
        }
    }

    #[test]
    fn scores_are_standardised() {
        let scores = standardised(&[1.0, 3.0]);
        assert_relative_eq!(scores[0], -1.0);
        assert_relative_eq!(scores[1], 1.0);
        assert_eq!(standardised(&[2.0, 2.0]), [0.0, 0.0]);
    }
}
