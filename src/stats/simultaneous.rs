//! How often several events happen together: the coverage of simultaneous statements.
//!
//! A region (or a set of intervals, one a parameter) covers if every one of its events E₁ … E_k
//! happens. The rate of all at once is a probability of its own, with an exact interval from
//! independent trials; the rates of the single events bound it from below without any assumption on
//! their dependence, P(all) ≥ 1 − Σⱼ P(not Eⱼ) (Bonferroni).

use super::{binomial::clopper_pearson, sample::StatsError};

/// Successes in independent trials, with an exact interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proportion {
    /// Number of successes.
    pub hits: u64,
    /// Number of trials.
    pub trials: u64,
    /// Lower end of the Clopper–Pearson interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Proportion {
    /// The proportion with its interval at `level`.
    ///
    /// # Errors
    /// [`StatsError`] for no trials, more hits than trials, or a level outside of (0, 1).
    pub fn of(hits: u64, trials: u64, level: f64) -> Result<Self, StatsError> {
        let (low, high) = clopper_pearson(hits, trials, level)?;
        Ok(Self { hits, trials, low, high })
    }

    /// Share of successes.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.hits as f64 / self.trials as f64
    }
}

/// Rates of single events, and of all of them at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Simultaneous {
    /// One an event.
    pub each: Vec<Proportion>,
    /// All events at once.
    pub all: Proportion,
    /// Bonferroni's lower bound on the share of all at once, from the shares of single events; at
    /// least 0. Equal to the share of all if no two events fail in the same trial.
    pub bonferroni: f64,
}

/// Rates of events over trials: `trials[i][j]` says whether event j happened in trial i. Every
/// interval has confidence 1 − `level` by itself.
///
/// # Errors
/// [`StatsError`] for no trials, trials of different lengths, or a level outside of (0, 1).
pub fn simultaneous(trials: &[Vec<bool>], level: f64) -> Result<Simultaneous, StatsError> {
    let events = trials.first().ok_or(StatsError::TooFew { needed: 1, found: 0 })?.len();
    if let Some(other) = trials.iter().find(|trial| trial.len() != events) {
        return Err(StatsError::Lengths(events, other.len()));
    }
    let proportion = |happened: &dyn Fn(&[bool]) -> bool| {
        let hits = trials.iter().filter(|trial| happened(trial.as_slice())).count();
        Proportion::of(hits as u64, trials.len() as u64, level)
    };
    let each = (0..events).map(|j| proportion(&|trial| trial[j])).collect::<Result<Vec<_>, _>>()?;
    let misses: u64 = each.iter().map(|p| p.trials - p.hits).sum();
    Ok(Simultaneous {
        all: proportion(&|trial| trial.iter().all(|happened| *happened))?,
        bonferroni: (1.0 - misses as f64 / trials.len() as f64).max(0.0),
        each,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_of_a_small_table() {
        let trials = [[true, true], [true, false], [false, true], [true, true]].map(Vec::from);
        let rates = simultaneous(&trials, 0.05).unwrap();
        assert_eq!((rates.each[0].hits, rates.each[1].hits, rates.all.hits), (3, 3, 2));
        assert_eq!((rates.all.share(), rates.bonferroni), (0.5, 0.5));
        assert!(rates.all.low < 0.5 && 0.5 < rates.all.high);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(simultaneous(&[], 0.1), Err(StatsError::TooFew { .. })));
        assert_eq!(simultaneous(&[vec![true], vec![]], 0.1), Err(StatsError::Lengths(1, 0)));
        assert!(matches!(simultaneous(&[vec![true]], 0.0), Err(StatsError::Level(_))));
    }

    proptest! {
        #[test]
        fn all_at_once_lies_between_its_bounds(trials in prop::collection::vec(prop::collection::vec(any::<bool>(), 3), 1..30)) {
            let rates = simultaneous(&trials, 0.1).unwrap();
            prop_assert!(rates.bonferroni <= rates.all.share() + 1e-12);
            prop_assert!(rates.each.iter().all(|event| rates.all.hits <= event.hits));
        }
    }
}
