//! The three benchmarks: where the rates of the arms come from.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    environment::{Environment, Limits, Rates},
    score::ScoreModel,
};
use crate::{
    kernel::{
        math::{ln, normal_cdf},
        table::Table,
    },
    papers::leaf::{Data, Failure},
};

/// Ridge penalty of the score models.
const PENALTY: f64 = 1.0;

/// Where individuals come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Normal scores, given group and outcome.
    #[default]
    Synthetic,
    /// Credit applicants; the outcome is a good risk, group 1 is at most 25 years old.
    German,
    /// Defendants; the outcome is no new offence within two years, group 1 is African-American.
    Compas,
}

/// A group of the synthetic benchmark: y = 1 with probability q, and s ~ N(mean, sd²).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NormalScores {
    /// q = P(y = 1).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub q: f64,
    /// Mean score given y = 1.
    pub mp: f64,
    /// Mean score given y = 0.
    pub mn: f64,
    /// Standard deviation of the score.
    #[schemars(range(min = 1e-6))]
    pub sd: f64,
}

impl NormalScores {
    /// good = q (1 − Φ((τ − mp)/sd)), bad = (1 − q)(1 − Φ((τ − mn)/sd)).
    #[must_use]
    pub fn rates(&self, tau: f64) -> Rates {
        let above = |mean: f64| normal_cdf((mean - tau) / self.sd);
        Rates { good: self.q * above(self.mp), bad: (1.0 - self.q) * above(self.mn) }
    }
}

/// The two groups of the synthetic benchmark.
pub const SYNTHETIC: [NormalScores; 2] = [
    NormalScores { q: 0.60, mp: 0.65, mn: 0.40, sd: 0.18 },
    NormalScores { q: 0.45, mp: 0.58, mn: 0.35, sd: 0.18 },
];

/// A grid of K thresholds τ_1, τ_1 + spacing, …
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// Smallest threshold τ_1.
    pub tau_1: f64,
    /// Distance of neighbours.
    pub spacing: f64,
    /// Number of thresholds K.
    pub arms: usize,
}

impl Grid {
    /// The thresholds, ascending.
    pub fn thresholds(self) -> impl Iterator<Item = f64> {
        (0..self.arms).map(move |k| self.tau_1 + self.spacing * k as f64)
    }
}

/// Builds the environment of a source.
///
/// # Errors
/// [`Failure::Invalid`] if the data are not declared, lack a column, or leave a group empty.
pub fn environment(
    source: Source,
    synthetic: [NormalScores; 2],
    grid: Grid,
    c: f64,
    limits: Limits,
    data: &Data,
) -> Result<Environment, Failure> {
    let arms = match source {
        Source::Synthetic => grid.thresholds().map(|tau| synthetic.map(|group| group.rates(tau))).collect(),
        Source::German => german(data.table("german")?)?.pool()?.rates(grid),
        Source::Compas => compas(data.table("compas")?)?.pool()?.rates(grid),
    };
    Environment::new(arms, c, limits)
}

/// Individuals with features, outcome and group.
#[derive(Clone, Debug)]
pub struct Individuals {
    /// Features, one row an individual.
    pub features: Vec<Vec<f64>>,
    /// Outcome y, 0 or 1.
    pub outcomes: Vec<f64>,
    /// Group, 0 or 1.
    pub groups: Vec<usize>,
}

impl Individuals {
    /// Fits the score model to the rows with an even index (the first is 0).
    ///
    /// # Errors
    /// As [`ScoreModel::fit`].
    pub fn fit(&self) -> Result<ScoreModel, Failure> {
        let rows: Vec<Vec<f64>> = self.features.iter().step_by(2).cloned().collect();
        let labels: Vec<f64> = self.outcomes.iter().copied().step_by(2).collect();
        ScoreModel::fit(&rows, &labels, PENALTY)
    }

    /// Scores the rows with an odd index by the model fitted to the others.
    ///
    /// # Errors
    /// As [`Individuals::fit`]; [`Failure::Invalid`] if a group has nobody among these rows.
    pub fn pool(&self) -> Result<Pool, Failure> {
        let model = self.fit()?;
        let pool = Pool {
            scores: self.features.iter().skip(1).step_by(2).map(|row| model.score(row)).collect(),
            outcomes: self.outcomes.iter().copied().skip(1).step_by(2).collect(),
            groups: self.groups.iter().copied().skip(1).step_by(2).collect(),
        };
        if (0..2).any(|g| !pool.groups.contains(&g)) {
            return Err(Failure::invalid("a group has nobody in the evaluation pool"));
        }
        Ok(pool)
    }
}

/// The individuals that a score model was not fitted to: their distribution is the environment.
#[derive(Clone, Debug)]
pub struct Pool {
    /// Score of each individual.
    pub scores: Vec<f64>,
    /// Outcome of each, 0 or 1.
    pub outcomes: Vec<f64>,
    /// Group of each, 0 or 1; no group is empty.
    pub groups: Vec<usize>,
}

impl Pool {
    /// Shares of each group that every threshold accepts rightly and wrongly.
    #[must_use]
    pub fn rates(&self, grid: Grid) -> Vec<[Rates; 2]> {
        grid.thresholds().map(|tau| [0, 1].map(|g| self.group_rates(g, tau))).collect()
    }

    fn group_rates(&self, group: usize, tau: f64) -> Rates {
        let (mut size, mut good, mut bad) = (0.0, 0.0, 0.0);
        for ((s, y), g) in self.scores.iter().zip(&self.outcomes).zip(&self.groups) {
            if *g == group {
                size += 1.0;
                let accepted = f64::from(u8::from(*s >= tau));
                good += accepted * y;
                bad += accepted * (1.0 - y);
            }
        }
        Rates { good: good / size, bad: bad / size }
    }
}

/// German Credit: five numbers, then an indicator for each level of five categories but the first.
///
/// # Errors
/// [`Failure::Invalid`] if a column is missing or not numeric.
pub fn german(table: &Table) -> Result<Individuals, Failure> {
    const CATEGORIES: [(&str, std::ops::RangeInclusive<u8>); 5] = [
        ("checking", 2..=4),
        ("history", 1..=4),
        ("savings", 2..=5),
        ("employment", 2..=5),
        ("housing", 2..=3),
    ];
    let column = |name| table.numbers(name);
    let ages = column("age")?;
    let amounts: Vec<f64> = column("amount")?.into_iter().map(ln).collect();
    let mut columns = vec![
        column("duration")?,
        amounts,
        column("installment_rate")?,
        ages.clone(),
        column("existing_credits")?,
    ];
    for (name, levels) in CATEGORIES {
        let codes = column(name)?;
        columns.extend(levels.map(|level| {
            codes.iter().map(|code| f64::from(u8::from(*code == f64::from(level)))).collect::<Vec<f64>>()
        }));
    }
    Ok(Individuals {
        features: transposed(&columns),
        outcomes: column("good")?,
        groups: ages.iter().map(|age| usize::from(*age <= 25.0)).collect(),
    })
}

/// COMPAS: seven numbers; the outcome is that there was no new offence, so that release is right.
///
/// # Errors
/// [`Failure::Invalid`] if a column is missing or not numeric.
pub fn compas(table: &Table) -> Result<Individuals, Failure> {
    let column = |name| table.numbers(name);
    let names = ["age", "priors", "juv_fel", "juv_misd", "juv_other", "felony", "male"];
    let columns = names.into_iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Ok(Individuals {
        features: transposed(&columns),
        outcomes: column("two_year_recid")?.into_iter().map(|again| 1.0 - again).collect(),
        groups: table.text("race")?.into_iter().map(|r| usize::from(r == "A")).collect(),
    })
}

fn transposed(columns: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).map(|i| columns.iter().map(|column| column[i]).collect()).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::papers::optimistic_feasible_search::{score::area_under_curve, settings::Settings};
    use approx::assert_abs_diff_eq;

    /// The data files, read at compile time.
    pub fn data() -> Data {
        let table = |bytes: &[u8]| Table::read(bytes).unwrap();
        Data::default()
            .with("german", table(include_bytes!("../../../experiments/data/german-credit.csv")))
            .with("compas", table(include_bytes!("../../../experiments/data/compas.csv")))
    }

    /// The reference environment of a source.
    pub fn reference(source: Source) -> Environment {
        let c = if source == Source::German { 2.0 } else { 1.0 };
        Settings { environment: source, c, ..Settings::default() }.environment(&data()).unwrap()
    }

    fn individuals(source: Source) -> Individuals {
        let data = data();
        let individuals = match source {
            Source::German => german(data.table("german").unwrap()),
            _ => compas(data.table("compas").unwrap()),
        };
        individuals.unwrap()
    }

    #[test]
    fn the_german_score_model_has_its_known_weights() {
        let individuals = individuals(Source::German);
        let (model, pool) = (individuals.fit().unwrap(), individuals.pool().unwrap());
        let known = [1.195_615, -0.472_034, -0.108_855, -0.241_515, 0.106_781, -0.050_507];
        assert_eq!(model.weights.len(), 23);
        assert_abs_diff_eq!(model.weights[..6], known[..], epsilon = 1e-6);
        assert_abs_diff_eq!(area_under_curve(&pool.scores, &pool.outcomes), 0.776_200, epsilon = 1e-6);
        assert!((6..=7).contains(&model.steps));
        let young = pool.groups.iter().sum::<usize>();
        assert_eq!((pool.groups.len() - young, young), (401, 99));
    }

    #[test]
    fn the_compas_score_model_has_its_known_weights() {
        let individuals = individuals(Source::Compas);
        let (model, pool) = (individuals.fit().unwrap(), individuals.pool().unwrap());
        let known = [0.1145, 0.4799, -0.7719, -0.0437, 0.0331, -0.1622, -0.1172, -0.1468];
        assert_abs_diff_eq!(model.weights[..], known[..], epsilon = 5e-5);
        assert_abs_diff_eq!(area_under_curve(&pool.scores, &pool.outcomes), 0.729_666, epsilon = 1e-6);
        let disadvantaged = pool.groups.iter().sum::<usize>();
        assert_eq!((pool.groups.len() - disadvantaged, disadvantaged), (1057, 1582));
    }

    #[test]
    fn no_score_lies_so_close_to_a_threshold_that_rounding_could_decide() {
        for source in [Source::German, Source::Compas] {
            for s in individuals(source).pool().unwrap().scores {
                assert!((1..20).all(|k| (s - 0.05 * f64::from(k)).abs() > 1e-9));
            }
        }
    }

    #[test]
    fn disparities_are_the_known_ones() {
        let german = [
            0.000, -0.002, -0.002, 0.008, 0.010, 0.049, 0.079, 0.095, 0.146, 0.146, 0.179, 0.253, 0.302,
            0.285, 0.261, 0.267, 0.258, 0.221, 0.079,
        ];
        let compas = [
            0.014, 0.029, 0.049, 0.070, 0.095, 0.120, 0.145, 0.173, 0.209, 0.257, 0.271, 0.255, 0.230, 0.187,
            0.143, 0.092, 0.051, 0.010, 0.000,
        ];
        for (source, known) in [(Source::German, german), (Source::Compas, compas)] {
            let environment = reference(source);
            let gaps: Vec<f64> = (0..environment.count()).map(|k| environment.gap(k)).collect();
            assert_abs_diff_eq!(gaps[..], known[..], epsilon = 5.1e-4);
        }
    }

    #[test]
    fn a_missing_column_is_named() {
        let table = Table::read(b"age,good\n30,1\n").unwrap();
        let Err(Failure::Invalid(message)) = german(&table) else { panic!("must be refused") };
        assert!(message.contains("amount"), "{message}");
    }
}
