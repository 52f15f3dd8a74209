//! Kind `improvement`: the probability that one arm does better than another on a replicate,
//! P(X better than Y) + ½ P(X = Y), in the declared direction of the metric.
//!
//! It is the mean of a variable with the values 0, ½ and 1, formed replicate by replicate.

use super::{
    decision::{Variable, decide},
    paired,
    plan::{CheckPlan, Context},
};
use crate::{
    claim::{PairedSpec, Statistic},
    papers::leaf::Direction,
};

pub(super) fn plan(spec: &PairedSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let (bound, level) = (spec.bound, context.level);
    paired::plan("improvement", spec, context, |metric, arm, against| {
        let sign = match metric.better {
            Direction::Higher => 1.0,
            Direction::Lower => -1.0,
            Direction::Neutral => {
                return Err(format!("metric `{}` does not say which values are better", metric.name));
            }
        };
        let variable = Variable {
            label: format!("{} against {}", arm.label, against.label),
            quantity: format!("probability of a better {}", metric.name),
            unit: "1",
            low: 0.0,
            high: 1.0,
        };
        Ok(Box::new(move |arm, against| {
            let better: Vec<f64> = arm.iter().zip(against).map(|(x, y)| score(sign * (x - y))).collect();
            decide(&variable, &better, Statistic::Mean, bound, level)
        }))
    })
}

/// 1 for an advantage, ½ for a tie, 0 for a disadvantage.
fn score(advantage: f64) -> f64 {
    if advantage == 0.0 { 0.5 } else { f64::from(u8::from(advantage > 0.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_count_half() {
        assert_eq!([-2.0, 0.0, 1e-300].map(score), [0.0, 0.5, 1.0]);
    }
}
