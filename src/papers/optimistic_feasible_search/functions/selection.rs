//! The selection rules: what is played, given what has been seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{
    Fault, RESIDUALS,
    bandit::{Choice, PrimalDual, Radii, Reason, Statistics, level, optimistic_feasible, scales},
};
use super::require;
use crate::papers::leaf::{Failure, Function};

pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new(
            "primal-dual",
            "One round of the primal-dual baseline: the arm that it plays, and its multipliers after an observation.",
            &PrimalDualRound {
                moment: moment(),
                multipliers: [0.5, 0.0, 0.1],
                observed: [0.05, -0.35, -0.1],
                step: 0.05,
                cap: 10.0,
            },
            primal_dual,
        ),
        Function::with_faults(
            "select",
            "The selection rule of Optimistic Feasible Search on what has been seen of each arm.",
            &moment(),
            &[
                Fault::PessimisticFeasibility,
                Fault::MaxRewardFallback,
                Fault::DroppedConstraintBonus,
                Fault::IgnoresConstraints,
            ],
            select,
        ),
    ]
}

/// What has been seen of an arm.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Seen {
    /// Plays n.
    plays: u32,
    /// Mean observed reward; of no meaning if never played.
    mean_reward: f64,
    /// Mean observed residuals; of no meaning if never played.
    mean_residuals: [f64; RESIDUALS],
}

/// A moment at which an arm has to be selected.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Moment {
    /// Arms in the order of the grid.
    #[schemars(length(min = 1))]
    arms: Vec<Seen>,
    /// Round, from 0.
    t: u32,
    /// Width α of the bounds.
    #[schemars(range(min = 0.0))]
    alpha: f64,
    /// Cost of a wrong acceptance.
    #[schemars(range(min = 0.0))]
    c: f64,
    /// Individuals of each group in a batch.
    #[schemars(range(min = 1))]
    m: u32,
}

impl Moment {
    fn statistics(&self) -> Result<Vec<Statistics>, Failure> {
        require(!self.arms.is_empty(), "there must be at least one arm")?;
        require(
            self.m > 0 && self.alpha >= 0.0 && self.c >= 0.0,
            "m must be positive, alpha and c not negative",
        )?;
        let of = |seen: &Seen| Statistics::of_means(seen.plays, seen.mean_reward, seen.mean_residuals);
        Ok(self.arms.iter().map(of).collect())
    }

    fn radii(&self) -> Radii {
        scales(self.c, self.m).times(level(self.alpha, self.t as usize))
    }
}

fn moment() -> Moment {
    let seen = |plays, mean_reward, gap: f64, service| Seen {
        plays,
        mean_reward,
        mean_residuals: [gap - 0.15, -gap - 0.15, service],
    };
    let arms = vec![seen(40, 0.12, 0.01, -0.5), seen(60, 0.25, 0.14, -0.2), seen(400, 0.31, 0.30, -0.1)];
    Moment { arms, t: 500, alpha: 0.5, c: 1.0, m: 20 }
}

/// Why an arm is played.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Why {
    /// It has not been played yet.
    Unplayed,
    /// It has the largest index.
    LargestIndex,
    /// No arm appears feasible, and it violates least.
    SmallestViolation,
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unplayed => Self::Unplayed,
            Reason::Index => Self::LargestIndex,
            Reason::Fallback => Self::SmallestViolation,
        }
    }
}

/// The arm selected.
#[derive(Serialize, JsonSchema)]
struct Selected {
    /// Index of the arm, from 0.
    arm: usize,
    /// Why it is selected.
    because: Why,
    /// For each arm played, its confidence bounds; null for the others.
    bounds: Vec<Option<Bounds>>,
}

/// Confidence bounds of an arm.
#[derive(Serialize, JsonSchema)]
struct Bounds {
    /// Upper bound of the reward.
    reward: f64,
    /// Lower bounds of the residuals.
    residuals: [f64; RESIDUALS],
    /// Whether it appears feasible.
    appears_feasible: bool,
}

fn select(moment: &Moment, fault: Option<Fault>) -> Result<Selected, Failure> {
    let (arms, radii) = (moment.statistics()?, moment.radii());
    let Choice { arm, reason } = optimistic_feasible(&arms, &radii, fault);
    let bounds = |arm: &Statistics| {
        (arm.plays > 0).then(|| Bounds {
            reward: arm.optimistic_reward(&radii),
            residuals: arm.optimistic_residuals(&radii, fault),
            appears_feasible: arm.appears_feasible(&radii, fault),
        })
    };
    Ok(Selected { arm, because: reason.into(), bounds: arms.iter().map(bounds).collect() })
}

/// A round of the primal-dual baseline.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PrimalDualRound {
    /// What has been seen.
    moment: Moment,
    /// Multipliers λ before the round.
    multipliers: [f64; RESIDUALS],
    /// Residuals observed in the round.
    observed: [f64; RESIDUALS],
    /// Step of the dual ascent.
    #[schemars(range(min = 0.0))]
    step: f64,
    /// Largest multiplier.
    #[schemars(range(min = 0.0))]
    cap: f64,
}

/// What the round does.
#[derive(Serialize, JsonSchema)]
struct PrimalDualOutcome {
    /// The arm played, from 0.
    arm: usize,
    /// Why it is played.
    because: Why,
    /// Multipliers after the round.
    multipliers: [f64; RESIDUALS],
}

fn primal_dual(round: &PrimalDualRound) -> Result<PrimalDualOutcome, Failure> {
    require(round.cap >= 0.0 && round.step >= 0.0, "step and cap must not be negative")?;
    let (multipliers, step, cap) = (round.multipliers, round.step, round.cap);
    let mut rule = PrimalDual { multipliers, step, cap };
    let Choice { arm, reason } = rule.choose(&round.moment.statistics()?, &round.moment.radii());
    rule.update(round.observed);
    Ok(PrimalDualOutcome { arm, because: reason.into(), multipliers: rule.multipliers })
}
