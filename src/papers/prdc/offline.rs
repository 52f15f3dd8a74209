//! Fitted Q iteration on the line, with the policy held near the data or not.

use nalgebra::{Cholesky, Const, SMatrix, SVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    line::{ACTIONS, GAMMA, LIMIT, START, Transition, action, episode, transitions},
    regulariser::scale,
    tree::Tree,
};
use crate::{
    kernel::{
        math::{dot, softmax, sum},
        mdp::argmax,
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Number of states of the grid on which a policy is tabulated.
const GRID: usize = 401;
/// Ridge of the critic's fit.
const RIDGE: f64 = 1e-3;
/// Largest action of a pair that counts as going down: the others are rare in the data.
const RARE: f64 = 0.2;

/// What holds the policy near the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Regularisation {
    /// Nothing.
    None,
    /// (a − â)², with the nearest pair of the dataset.
    Prdc,
    /// The average of (a − aᵢ)² over the data, weighted by a Gaussian kernel in the state.
    Cloning,
}

/// Settings of offline learning on the line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What holds the policy near the data.
    pub regularisation: Regularisation,
    /// α, the size of λQ.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub alpha: f64,
    /// β.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub beta: f64,
    /// Standard deviation of the cloning kernel.
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub width: f64,
    /// Transitions n.
    #[schemars(range(min = 1, max = 100_000))]
    pub data: usize,
    /// Iterations of the critic.
    #[schemars(range(min = 0, max = 100_000))]
    pub iterations: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            regularisation: Regularisation::Prdc,
            alpha: 0.5,
            beta: 2.0,
            width: 0.03,
            data: 300,
            iterations: 100,
        }
    }
}

/// Q(x, a) = w·(1, x, a, x², xa, a²): it extrapolates, and so overestimates actions without data.
type Critic = SVector<f64, 6>;

fn features(x: f64, a: f64) -> Critic {
    Critic::from([1.0, x, a, x * x, x * a, a * a])
}

/// Q at all actions of a state, where it is a polynomial in the action.
fn values(critic: &Critic, x: f64) -> [f64; ACTIONS] {
    let [one, of_x, of_a, of_xx, of_xa, of_aa] = critic.data.0[0];
    let (constant, linear) = (one + x * (of_x + x * of_xx), of_a + of_xa * x);
    std::array::from_fn(|j| constant + action(j) * (linear + of_aa * action(j)))
}

/// Least squares with a ridge on fixed inputs.
struct Fit {
    inputs: Vec<Critic>,
    gram: Cholesky<f64, Const<6>>,
}

impl Fit {
    fn new(data: &[Transition]) -> Result<Self, Failure> {
        let inputs: Vec<Critic> = data.iter().map(|t| features(t.state, t.action)).collect();
        let gram =
            inputs.iter().fold(SMatrix::<f64, 6, 6>::identity() * RIDGE, |gram, x| gram + x * x.transpose());
        let gram = Cholesky::new(gram).ok_or_else(|| Failure::numerical("the critic's fit is singular"))?;
        Ok(Self { inputs, gram })
    }

    fn to(&self, targets: &[f64]) -> Critic {
        let moments = self.inputs.iter().zip(targets).fold(Critic::zeros(), |total, (x, y)| total + x * *y);
        self.gram.solve(&moments)
    }
}

/// States with the penalty of each action.
struct Table {
    states: Vec<f64>,
    penalties: Vec<[f64; ACTIONS]>,
}

impl Table {
    /// π(x) = argmax over actions of λQ(x, a) − penalty(x, a), with λ = α over the mean of |Q| over
    /// all states and actions of the table; of several the lowest action. By index.
    fn greedy(&self, critic: &Critic, alpha: f64) -> Vec<usize> {
        let values: Vec<[f64; ACTIONS]> = self.states.iter().map(|x| values(critic, *x)).collect();
        // A critic that is zero everywhere has no say.
        let lambda = scale(alpha, values.as_flattened(), None).unwrap_or(0.0);
        values
            .iter()
            .zip(&self.penalties)
            .map(|(values, penalties)| {
                let scores: [f64; ACTIONS] = std::array::from_fn(|j| lambda * values[j] - penalties[j]);
                argmax(&scores)
            })
            .collect()
    }
}

/// Fitted Q iteration on transitions of the line, and the policy that comes of it.
pub struct Offline(Settings);

impl Offline {
    /// The penalties of all actions at some states.
    fn table(&self, data: &[Transition], states: Vec<f64>, fault: Option<Fault>) -> Table {
        let Settings { regularisation, beta, width, .. } = self.0;
        let regularisation =
            if fault == Some(Fault::PenaltyOff) { Regularisation::None } else { regularisation };
        let penalties = match regularisation {
            Regularisation::None => vec![[0.0; ACTIONS]; states.len()],
            Regularisation::Prdc => {
                let beta = if fault == Some(Fault::LargeBeta) { 25.0 * beta } else { beta };
                nearest_penalties(data, &states, beta)
            }
            Regularisation::Cloning => states.iter().map(|x| cloning_penalties(data, *x, width)).collect(),
        };
        Table { states, penalties }
    }
}

/// (a − â)², with the tree of the algorithm.
fn nearest_penalties(data: &[Transition], states: &[f64], beta: f64) -> Vec<[f64; ACTIONS]> {
    let rows: Vec<Vec<f64>> = data.iter().map(|t| vec![beta * t.state, t.action]).collect();
    let tree = Tree::new(&rows);
    let penalty = |x: f64, a: f64| {
        let imitated = tree.nearest(&[beta * x, a], None).found.map_or(a, |found| rows[found.index][1]);
        (a - imitated) * (a - imitated)
    };
    states.iter().map(|x| std::array::from_fn(|j| penalty(*x, action(j)))).collect()
}

/// Σ wᵢ(a − aᵢ)² = (a − m)² + v, with mean m and variance v of the weighted actions.
fn cloning_penalties(data: &[Transition], x: f64, width: f64) -> [f64; ACTIONS] {
    let exponent = |t: &Transition| -(x - t.state) * (x - t.state) / (2.0 * width * width);
    let weights = softmax(&data.iter().map(exponent).collect::<Vec<_>>());
    let actions: Vec<f64> = data.iter().map(|t| t.action).collect();
    let centre = dot(&weights, &actions);
    let spread = sum(weights.iter().zip(&actions).map(|(w, a)| w * (a - centre) * (a - centre)));
    std::array::from_fn(|j| (action(j) - centre) * (action(j) - centre) + spread)
}

impl Measure for Offline {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "offline";
    const SUMMARY: &'static str = "Fitted Q iteration on the line, with the policy held near the data by PRDC, by cloning, or not at all.";
    const METRICS: &'static [Metric] = &[
        Metric::new("return", "Return of the policy from the start.")
            .unit("reward")
            .range(0.0, 10.0)
            .higher_is_better(),
        Metric::new("value", "The critic's value of the policy's action at the start.").unit("reward"),
        Metric::new("overestimate", "Value minus return.").unit("reward").lower_is_better(),
        Metric::new(
            "rare",
            "Share of states where the policy acts above 0.2, as a quarter of the data does.",
        )
        .range(0.0, 1.0),
        Metric::new("overshooting", "Share of states where the policy acts beyond ±0.85, as no data does.")
            .range(0.0, 1.0)
            .lower_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::PenaltyOff, Fault::LargeBeta, Fault::AlphaTimesFive];
    const TREATMENTS: &'static [&'static str] = &["regularisation", "alpha", "beta", "width"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        let numbers = [settings.alpha, settings.beta, settings.width];
        if settings.data == 0 || settings.width < 1e-6 || !numbers.iter().all(|v| (0.0..=1e6).contains(v)) {
            return Err(Failure::invalid(
                "needs a transition, `alpha` and `beta` in [0, 1e6] and `width` in [1e-6, 1e6]",
            ));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let alpha = if fault == Some(Fault::AlphaTimesFive) { 5.0 * self.0.alpha } else { self.0.alpha };
        let data = transitions(&mut streams.stream("data"), self.0.data);
        let fit = Fit::new(&data)?;
        let successors = self.table(&data, data.iter().map(|t| t.next).collect(), fault);
        let mut critic = Critic::zeros();
        for _ in 0..self.0.iterations {
            let policy = successors.greedy(&critic, alpha);
            let target =
                |(t, j): (&Transition, &usize)| t.next + GAMMA * critic.dot(&features(t.next, action(*j)));
            critic = fit.to(&data.iter().zip(&policy).map(target).collect::<Vec<_>>());
        }

        let grid = self.table(&data, (0..GRID).map(|i| i as f64 / 400.0).collect(), fault);
        let policy: Vec<f64> = grid.greedy(&critic, alpha).into_iter().map(action).collect();
        let at = |x: f64| policy[(x * 400.0).round() as usize];
        let value = |x: f64| critic.dot(&features(x, at(x)));
        let share =
            |holds: &dyn Fn(f64) -> bool| policy.iter().filter(|a| holds(**a)).count() as f64 / GRID as f64;
        let earned = episode(START, at);
        let starts: Vec<f64> = (0..=20).map(|i| f64::from(i) / 20.0).collect();
        Ok(Measurement::new()
            .metric("return", earned)
            .metric("value", value(START))
            .metric("overestimate", value(START) - earned)
            .metric("rare", share(&|a| a > RARE))
            .metric("overshooting", share(&|a| a.abs() > LIMIT))
            .series("value-by-start", starts.clone(), starts.iter().map(|x| value(*x)).collect())
            .series("return-by-start", starts.clone(), starts.iter().map(|x| episode(*x, at)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::{exp, mean};
    use approx::assert_relative_eq;

    /// Mean of a metric over 20 replicates.
    fn over_twenty(settings: &Settings, fault: Option<Fault>, metric: &str) -> f64 {
        let offline = Offline(settings.clone());
        let measure =
            |seed| offline.replicate(fault, &Streams::from_seed(seed)).unwrap().get(metric).unwrap();
        mean(&(0..20).map(measure).collect::<Vec<f64>>())
    }

    #[test]
    fn the_fit_recovers_a_critic_of_its_class() {
        let truth = Critic::from([0.3, -1.0, 0.5, 2.0, -0.7, 0.1]);
        let data = transitions(&mut Streams::from_seed(3).stream("data"), 20_000);
        let targets: Vec<f64> = data.iter().map(|t| truth.dot(&features(t.state, t.action))).collect();
        assert_relative_eq!(Fit::new(&data).unwrap().to(&targets), truth, epsilon = 1e-3);
    }

    #[test]
    fn values_are_those_of_the_features() {
        let critic = Critic::from([0.3, -1.0, 0.5, 2.0, -0.7, 0.1]);
        for (j, value) in values(&critic, 0.37).into_iter().enumerate() {
            assert_relative_eq!(value, critic.dot(&features(0.37, action(j))), epsilon = 1e-14);
        }
    }

    #[test]
    fn the_kernel_average_is_written_with_its_moments() {
        let data = transitions(&mut Streams::from_seed(4).stream("data"), 30);
        let weight = |t: &Transition| exp(-(0.3 - t.state) * (0.3 - t.state) / 0.0018);
        let total = sum(data.iter().map(weight));
        let known = sum(data.iter().map(|t| weight(t) / total * (0.5 - t.action) * (0.5 - t.action)));
        assert_relative_eq!(cloning_penalties(&data, 0.3, 0.03)[30], known, epsilon = 1e-13);
    }

    #[test]
    fn penalties_decide_where_the_policy_goes() {
        let of = |regularisation| Settings { regularisation, ..Settings::default() };
        let (none, cloning) = (of(Regularisation::None), of(Regularisation::Cloning));
        // Means of an independent implementation, within the spread over replicates.
        for (settings, fault, metric, known, spread) in [
            (&none, None, "return", 0.0, 0.0),
            (&none, None, "overshooting", 1.0, 0.0),
            (&none, None, "overestimate", 10.54, 0.3),
            (&cloning, None, "return", 0.53, 0.1),
            (&cloning, None, "overestimate", -1.09, 0.4),
            (&cloning, None, "rare", 0.09, 0.04),
            (&of(Regularisation::Prdc), None, "return", 5.93, 0.06),
            (&of(Regularisation::Prdc), None, "overestimate", 2.35, 1.2),
            (&of(Regularisation::Prdc), Some(Fault::LargeBeta), "return", 0.83, 0.1),
            (&of(Regularisation::Prdc), Some(Fault::AlphaTimesFive), "overshooting", 0.51, 0.2),
            (&of(Regularisation::Prdc), Some(Fault::PenaltyOff), "overestimate", 10.54, 0.3),
        ] {
            assert_relative_eq!(over_twenty(settings, fault, metric), known, epsilon = spread);
        }
    }
}
