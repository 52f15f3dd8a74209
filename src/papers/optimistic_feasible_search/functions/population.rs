//! The population: its scores, what is observed of it, and where thresholds lead it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault, RESIDUALS,
    applicants::observe,
    environment::{Environment, Limits, Rates},
    feedback::{Feedback, SHARE, Sweep},
    score::{ScoreModel, area_under_curve},
    sources::{Grid, NormalScores, SYNTHETIC},
};
use super::require;
use crate::papers::leaf::{Failure, Function};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::with_faults(
            "fixed-point",
            "Follows the share of group 0 under a disparity that is kept, and where it settles.",
            &Kept { gap: 0.15, kappa: 0.1, eta: 0.3, pbar: 0.6, p_0: 0.6, rounds: 5 },
            &[Fault::FeedbackNotAveraged, Fault::OpenLoop],
            fixed_point,
        ),
        Function::with_faults(
            "observe",
            "Forms the noisy reward and residuals of a round from the counts of its batches.",
            &BatchCounts {
                m: 20,
                groups: [Counts { good: 9, bad: 3 }, Counts { good: 5, bad: 4 }],
                p: 0.6,
                c: 1.0,
                epsilon: 0.15,
                s_min: 0.4,
            },
            &[Fault::AbsOfNoisyGap],
            observation,
        ),
        Function::new(
            "score-model",
            "Fits the ridge logistic score model and scores its own rows.",
            &Training {
                rows: vec![vec![0.5, 1.0], vec![1.5, 0.0], vec![2.0, 1.0], vec![3.5, 0.0]],
                labels: vec![0.0, 0.0, 1.0, 1.0],
                lambda: 1.0,
            },
            score_model,
        ),
        Function::with_faults(
            "sweep",
            "Steady state of every fixed threshold, and the best feasible one.",
            &Thresholds {
                arms: rates(&SYNTHETIC, Grid { tau_1: 0.3, spacing: 0.1, arms: 3 }),
                c: 1.0,
                epsilon: 0.15,
                s_min: 0.4,
                eta: 0.3,
                pbar: 0.6,
            },
            &[Fault::OpenLoop],
            sweep,
        ),
        Function::new(
            "synthetic-rates",
            "Acceptance rates of the synthetic benchmark on a grid of thresholds.",
            &SyntheticGrid { groups: SYNTHETIC, tau_1: 0.05, spacing: 0.05, arms: 19 },
            synthetic_rates,
        ),
    ]
}

/// A disparity that is kept.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// Disparity acc_0 − acc_1.
    #[schemars(range(min = -1.0, max = 1.0))]
    gap: f64,
    /// Share of the population that is renewed in a round.
    #[schemars(range(min = 0.0, max = 1.0))]
    kappa: f64,
    /// Strength of the feedback.
    #[schemars(range(min = 0.0))]
    eta: f64,
    /// Share of group 0 among newcomers without disparity.
    #[schemars(range(min = 0.0, max = 1.0))]
    pbar: f64,
    /// Share of group 0 at the start.
    #[schemars(range(min = 0.05, max = 0.95))]
    p_0: f64,
    /// Rounds to follow.
    #[schemars(range(max = 100_000))]
    rounds: usize,
}

/// Where a population goes.
#[derive(Serialize, JsonSchema)]
struct Trajectory {
    /// Where it settles, p*.
    fixed_point: f64,
    /// p_0, p_1, …
    shares: Vec<f64>,
}

fn fixed_point(kept: &Kept, fault: Option<Fault>) -> Result<Trajectory, Failure> {
    require(kept.rounds <= 100_000, "rounds must be at most 100000")?;
    require(kept.gap.abs() <= 1.0 && (0.0..=1.0).contains(&kept.kappa), "gap and kappa out of range")?;
    require((SHARE.0..=SHARE.1).contains(&kept.p_0), "p_0 must lie in [0.05, 0.95]")?;
    require(kept.eta.is_finite() && kept.pbar.is_finite(), "eta and pbar must be finite")?;
    let feedback = Feedback { kappa: kept.kappa, eta: kept.eta, pbar: kept.pbar };
    let step = |p: &f64| Some(feedback.step(*p, kept.gap, fault));
    Ok(Trajectory {
        fixed_point: feedback.fixed_point(kept.gap, fault),
        shares: std::iter::successors(Some(kept.p_0), step).take(kept.rounds + 1).collect(),
    })
}

/// Counts of a batch in one group.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Counts {
    /// Accepted rightly.
    good: u32,
    /// Accepted wrongly.
    bad: u32,
}

/// Batches of both groups.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BatchCounts {
    /// Individuals of each group.
    #[schemars(range(min = 1))]
    m: u32,
    /// Group 0 and group 1.
    groups: [Counts; 2],
    /// Share of group 0 in the population.
    #[schemars(range(min = 0.0, max = 1.0))]
    p: f64,
    /// Cost of a wrong acceptance.
    #[schemars(range(min = 0.0))]
    c: f64,
    /// Largest admissible disparity.
    #[schemars(range(min = 0.0, max = 1.0))]
    epsilon: f64,
    /// Smallest admissible service rate.
    #[schemars(range(min = 0.0, max = 1.0))]
    s_min: f64,
}

/// What the learner is told.
#[derive(Serialize, JsonSchema)]
struct Told {
    /// Noisy reward.
    reward: f64,
    /// Noisy residuals: gap − ε, −gap − ε, s_min − service.
    residuals: [f64; RESIDUALS],
}

fn observation(batch: &BatchCounts, fault: Option<Fault>) -> Result<Told, Failure> {
    let whole = |counts: &Counts| u64::from(counts.good) + u64::from(counts.bad) <= u64::from(batch.m);
    require(batch.m > 0 && batch.groups.iter().all(whole), "good + bad must be at most m, and m positive")?;
    let m = f64::from(batch.m);
    let [advantaged, disadvantaged] = &batch.groups;
    let of = |counts: &Counts| Rates { good: f64::from(counts.good) / m, bad: f64::from(counts.bad) / m };
    let limits = Limits { epsilon: batch.epsilon, s_min: batch.s_min };
    let told = observe([of(advantaged), of(disadvantaged)], batch.c, limits, batch.p, fault);
    Ok(Told { reward: told.reward, residuals: told.residuals })
}

/// Rows to fit a score model to.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Training {
    /// n rows of d features.
    rows: Vec<Vec<f64>>,
    /// n labels, 0 or 1.
    labels: Vec<f64>,
    /// Ridge penalty; the intercept is not penalised.
    #[schemars(range(min = 0.0))]
    lambda: f64,
}

/// A fitted score model.
#[derive(Serialize, JsonSchema)]
struct Fitted {
    /// Means by which features are standardised.
    mean: Vec<f64>,
    /// Population standard deviations by which they are, 1 for a constant feature.
    deviation: Vec<f64>,
    /// Intercept, then one weight a standardised feature.
    weights: Vec<f64>,
    /// Newton steps.
    steps: usize,
    /// Score of each row.
    scores: Vec<f64>,
    /// Area under the curve on these rows, ties counting half.
    area_under_curve: f64,
}

fn score_model(training: &Training) -> Result<Fitted, Failure> {
    require(training.lambda >= 0.0, "lambda must not be negative")?;
    let model = ScoreModel::fit(&training.rows, &training.labels, training.lambda)?;
    let scores: Vec<f64> = training.rows.iter().map(|row| model.score(row)).collect();
    Ok(Fitted {
        area_under_curve: area_under_curve(&scores, &training.labels),
        mean: model.mean,
        deviation: model.deviation,
        weights: model.weights,
        steps: model.steps,
        scores,
    })
}

/// Thresholds with their effects.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Thresholds {
    /// For each threshold, rates in group 0 and in group 1.
    #[schemars(length(min = 1))]
    arms: Vec<[Rates; 2]>,
    /// Cost of a wrong acceptance.
    #[schemars(range(min = 0.0))]
    c: f64,
    /// Largest admissible disparity.
    #[schemars(range(min = 0.0, max = 1.0))]
    epsilon: f64,
    /// Smallest admissible service rate.
    #[schemars(range(min = 0.0, max = 1.0))]
    s_min: f64,
    /// Strength of the feedback.
    #[schemars(range(min = 0.0))]
    eta: f64,
    /// Share of group 0 among newcomers without disparity.
    #[schemars(range(min = 0.0, max = 1.0))]
    pbar: f64,
}

/// What fixed thresholds lead to.
#[derive(Serialize, JsonSchema)]
struct Swept {
    /// One entry a threshold.
    steady: Vec<SteadyState>,
    /// Index of the best feasible threshold; null if none is feasible.
    best_feasible: Option<usize>,
    /// Index of the best threshold, constraints ignored.
    best: usize,
    /// Index of the threshold with the smallest total violation.
    least_violating: usize,
}

/// What a fixed threshold leads to.
#[derive(Serialize, JsonSchema)]
struct SteadyState {
    /// Disparity.
    gap: f64,
    /// Share p* of group 0.
    share: f64,
    /// Reward R(k, p*).
    reward: f64,
    /// Residuals G(k, p*).
    residuals: [f64; RESIDUALS],
    /// Σ_j max(0, G_j).
    total_violation: f64,
}

fn sweep(thresholds: &Thresholds, fault: Option<Fault>) -> Result<Swept, Failure> {
    let limits = Limits { epsilon: thresholds.epsilon, s_min: thresholds.s_min };
    let environment = Environment::new(thresholds.arms.clone(), thresholds.c, limits)?;
    let feedback = Feedback { kappa: 1.0, eta: thresholds.eta, pbar: thresholds.pbar };
    let swept = Sweep::of(&environment, &feedback, fault);
    let steady = swept.steady.iter().enumerate().map(|(k, steady)| SteadyState {
        gap: environment.gap(k),
        share: steady.share,
        reward: steady.reward,
        residuals: environment.residuals(k, steady.share),
        total_violation: steady.total_violation,
    });
    Ok(Swept {
        steady: steady.collect(),
        best_feasible: swept.best_feasible,
        best: swept.best,
        least_violating: swept.least_violating,
    })
}

/// The synthetic benchmark on a grid.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SyntheticGrid {
    /// Group 0 and group 1.
    groups: [NormalScores; 2],
    /// Smallest threshold.
    tau_1: f64,
    /// Distance of neighbours.
    #[schemars(range(min = 0.0))]
    spacing: f64,
    /// Number of thresholds.
    #[schemars(range(min = 1, max = 100_000))]
    arms: usize,
}

/// Rates of the arms.
#[derive(Serialize, JsonSchema)]
struct ArmRates {
    /// For each threshold, rates in group 0 and in group 1.
    arms: Vec<[Rates; 2]>,
}

fn synthetic_rates(grid: &SyntheticGrid) -> Result<ArmRates, Failure> {
    let usable = |g: &NormalScores| g.sd > 0.0 && (0.0..=1.0).contains(&g.q);
    require(grid.groups.iter().all(usable), "q must be a probability and sd positive")?;
    require((1..=100_000).contains(&grid.arms), "arms must lie between 1 and 100000")?;
    let SyntheticGrid { tau_1, spacing, arms, .. } = *grid;
    Ok(ArmRates { arms: rates(&grid.groups, Grid { tau_1, spacing, arms }) })
}

fn rates(groups: &[NormalScores; 2], grid: Grid) -> Vec<[Rates; 2]> {
    grid.thresholds().map(|tau| groups.map(|group| group.rates(tau))).collect()
}
