//! DoC-EM: dichotomy of control as expectation maximisation for a mixture of Markov policies.
//!
//! With w_z the weight and π_z the policy of latent z, and nᵢ(s, a) the counts of episode i, it climbs
//!
//! L = Σᵢ ln Σ_z w_z Π π_z(a|s)^nᵢ(s, a) + ε Σ ln π_z(a|s),
//!
//! the second sum over all z, s, a. One iteration:
//!
//! ```text
//! E: qᵢ(z) ∝ w_z Π π_z(a|s)^nᵢ(s, a)
//! M: w_z = mean of qᵢ(z);   π_z(a|s) ∝ ε + Σᵢ qᵢ(z) nᵢ(s, a)
//! ```
//!
//! Then V(z) = Σᵢ qᵢ(z) Gᵢ / Σᵢ qᵢ(z), and z* = argmax V(z).

use super::{
    Fault,
    episodes::{Dataset, normalised},
};
use crate::{
    kernel::{
        divergence::is_law,
        math::{ln, softmax_into, sum},
        mdp::{Rows, argmax},
    },
    papers::leaf::Failure,
};

/// Smallest weight of a latent, so that its logarithm is finite.
const FLOOR: f64 = 1e-12;

/// A mixture of K Markov policies.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// w_z (K).
    pub weights: Vec<f64>,
    /// π_z (S × A each).
    pub policies: Vec<Rows>,
}

impl Mixture {
    /// A mixture to start from: weights (equal ones if none are given) and policies, indexed
    /// \[z\]\[s\]\[a\].
    ///
    /// # Errors
    /// [`Failure::Invalid`] unless the dataset is sound, the policies are positive distributions over its
    /// actions in each of its states, as many as there are positive weights, and ε is positive.
    pub fn start(
        dataset: &Dataset,
        weights: Option<&[f64]>,
        policies: &[Vec<Vec<f64>>],
        smoothing: f64,
    ) -> Result<Self, Failure> {
        dataset.check()?;
        if !(smoothing > 0.0 && smoothing <= 1e6) {
            return Err(Failure::invalid("`smoothing` must be positive, and at most 1e6"));
        }
        let equal = vec![1.0; policies.len()];
        let weights = weights.unwrap_or(&equal);
        let total = sum(weights.iter().copied());
        let weighted = weights.iter().all(|w| *w > FLOOR && *w <= 1e9) && weights.len() == policies.len();
        let positive =
            |row: &Vec<f64>| row.len() == dataset.actions && row.iter().all(|p| *p > 0.0) && is_law(row);
        let fits = |policy: &Vec<Vec<f64>>| policy.len() == dataset.states && policy.iter().all(positive);
        if policies.is_empty() || !weighted || !policies.iter().all(fits) {
            return Err(Failure::invalid(
                "a start needs policies with a positive distribution over the actions for each state, and a \
                 positive weight for each policy",
            ));
        }
        let table =
            |policy: &Vec<Vec<f64>>| Rows::from_fn(dataset.states, dataset.actions, |s, a| policy[s][a]);
        Ok(Self {
            weights: weights.iter().map(|w| w / total).collect(),
            policies: policies.iter().map(table).collect(),
        })
    }
}

/// What DoC-EM made of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// w and π.
    pub mixture: Mixture,
    /// qᵢ(z) under that mixture (episodes × K).
    pub responsibilities: Rows,
    /// L of the mixture before each iteration, and after the last; constant once it has converged.
    pub likelihoods: Vec<f64>,
}

/// Runs DoC-EM from a mixture with positive policies, until an iteration no longer raises L, which then
/// stays what it is. ε is `smoothing` > 0.
#[must_use]
pub fn fit(
    dataset: &Dataset,
    start: Mixture,
    smoothing: f64,
    iterations: usize,
    fault: Option<Fault>,
) -> Fit {
    let counts = Counts::of(dataset);
    let mut mixture = start;
    let mut responsibilities = Rows::zeros(dataset.episodes.len(), mixture.weights.len());
    let mut likelihoods = Vec::with_capacity(iterations + 1);
    likelihoods.push(counts.expectation(&mixture, smoothing, &mut responsibilities));
    for iteration in 0..iterations {
        mixture = counts.maximisation(&responsibilities, smoothing, fault);
        likelihoods.push(counts.expectation(&mixture, smoothing, &mut responsibilities));
        if likelihoods[iteration + 1] <= likelihoods[iteration] {
            break;
        }
    }
    let last = likelihoods[likelihoods.len() - 1];
    likelihoods.resize(iterations + 1, last);
    Fit { mixture, responsibilities, likelihoods }
}

/// The fit of largest final L among several starts, the first of ties; nothing without a start.
#[must_use]
pub fn best_fit(
    dataset: &Dataset,
    starts: impl IntoIterator<Item = Mixture>,
    smoothing: f64,
    iterations: usize,
    fault: Option<Fault>,
) -> Option<Fit> {
    let fits = starts.into_iter().map(|start| fit(dataset, start, smoothing, iterations, fault));
    fits.reduce(|best, fit| if fit.likelihood() > best.likelihood() { fit } else { best })
}

impl Fit {
    /// The clusters of another method, one column of `responsibilities` each: a single M step.
    #[must_use]
    pub fn of_clusters(dataset: &Dataset, responsibilities: Rows, smoothing: f64) -> Self {
        let mixture = Counts::of(dataset).maximisation(&responsibilities, smoothing, None);
        Self { mixture, responsibilities, likelihoods: Vec::new() }
    }

    /// The final L.
    #[must_use]
    pub fn likelihood(&self) -> f64 {
        self.likelihoods.last().copied().unwrap_or(f64::NEG_INFINITY)
    }

    /// Smallest rise of L in an iteration: not negative, up to rounding.
    #[must_use]
    pub fn smallest_rise(&self) -> f64 {
        self.likelihoods.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min)
    }

    /// V(z) (K); −∞ for a latent of which no episode has any part.
    #[must_use]
    pub fn values(&self, dataset: &Dataset, fault: Option<Fault>) -> Vec<f64> {
        let shares = |z: usize| {
            dataset.episodes.iter().zip(self.responsibilities.iter()).map(move |(e, q)| (e, e.weight * q[z]))
        };
        (0..self.mixture.weights.len())
            .map(|z| {
                if fault == Some(Fault::MaxReturnValue) {
                    let members = self.responsibilities.iter().map(argmax).zip(&dataset.episodes);
                    let returns = members.filter(|(cluster, _)| *cluster == z).map(|(_, e)| e.total);
                    return returns.fold(f64::NEG_INFINITY, f64::max);
                }
                let mass = sum(shares(z).map(|(_, share)| share));
                if mass > 0.0 {
                    sum(shares(z).map(|(e, share)| share * e.total)) / mass
                } else {
                    f64::NEG_INFINITY
                }
            })
            .collect()
    }
}

/// z* = argmax V(z), the lowest of ties.
#[must_use]
pub fn best_latent(values: &[f64], fault: Option<Fault>) -> usize {
    if fault == Some(Fault::ArgminLatent) {
        let negated: Vec<f64> = values.iter().map(|v| -v).collect();
        return argmax(&negated);
    }
    argmax(values)
}

/// Sufficient statistics of a dataset: for each episode its weight and the pairs (s A + a, n(s, a)).
struct Counts {
    states: usize,
    actions: usize,
    weights: Vec<f64>,
    /// Pairs of all episodes, one episode after the other.
    cells: Vec<(usize, f64)>,
    /// Where the pairs of each episode end.
    ends: Vec<usize>,
}

impl Counts {
    fn of(dataset: &Dataset) -> Self {
        let (mut cells, mut ends) = (Vec::new(), Vec::new());
        for episode in &dataset.episodes {
            let mut visited: Vec<usize> =
                episode.steps.iter().map(|pair| pair.state * dataset.actions + pair.action).collect();
            visited.sort_unstable();
            cells.extend(visited.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)));
            ends.push(cells.len());
        }
        let weights = dataset.episodes.iter().map(|episode| episode.weight).collect();
        Self { states: dataset.states, actions: dataset.actions, weights, cells, ends }
    }

    /// The pairs of each episode.
    fn episodes(&self) -> impl Iterator<Item = &[(usize, f64)]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.cells[start..*end])
    }

    /// E step: writes qᵢ(z), and returns L of the mixture.
    fn expectation(&self, mixture: &Mixture, smoothing: f64, responsibilities: &mut Rows) -> f64 {
        let logs: Vec<Vec<f64>> =
            mixture.policies.iter().map(|policy| policy.values().iter().map(|p| ln(*p)).collect()).collect();
        let weights: Vec<f64> = mixture.weights.iter().map(|w| ln(*w)).collect();
        let mut joint = vec![0.0; weights.len()];
        let likelihoods: Vec<f64> = self
            .episodes()
            .zip(&self.weights)
            .enumerate()
            .map(|(i, (cells, weight))| {
                for ((joint, weight), logs) in joint.iter_mut().zip(&weights).zip(&logs) {
                    *joint = cells.iter().fold(*weight, |total, (cell, n)| total + n * logs[*cell]);
                }
                weight * softmax_into(&joint, &mut responsibilities[i])
            })
            .collect();
        sum(likelihoods) + smoothing * sum(logs.into_iter().flatten())
    }

    /// M step.
    fn maximisation(&self, responsibilities: &Rows, smoothing: f64, fault: Option<Fault>) -> Mixture {
        let latents = responsibilities.width();
        let mut counts = vec![Rows::from_fn(self.states, self.actions, |_, _| smoothing); latents];
        let mut weights = vec![0.0; latents];
        for ((visited, weight), q) in self.episodes().zip(&self.weights).zip(responsibilities.iter()) {
            for ((total, counts), q) in weights.iter_mut().zip(&mut counts).zip(q) {
                *total += weight * q;
                let counts = counts.values_mut();
                for (cell, n) in visited {
                    counts[*cell] += weight * n * q;
                }
            }
        }
        if fault == Some(Fault::NormaliseOverLatents) {
            counts = normalised_over_latents(&counts);
        }
        let policies = counts.iter().map(normalised).collect();
        let episodes = sum(self.weights.iter().copied());
        let floored: Vec<f64> = weights.iter().map(|w| (w / episodes).max(FLOOR)).collect();
        let total = sum(floored.iter().copied());
        Mixture { weights: floored.iter().map(|w| w / total).collect(), policies }
    }
}

/// Counts over s and a, one table a latent, divided by their sums over the latents.
fn normalised_over_latents(counts: &[Rows]) -> Vec<Rows> {
    let shares = normalised(&Rows::from_fn(counts[0].values().len(), counts.len(), |cell, z| {
        counts[z].values()[cell]
    }));
    let table = |z: usize| {
        let (states, actions) = (counts[z].count(), counts[z].width());
        Rows::from_fn(states, actions, |s, a| shares[s * actions + a][z])
    };
    (0..counts.len()).map(table).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::{splitmix::SplitMix64, stream::Streams},
        papers::dichotomy_of_control::{Episode, Latent, Pair, Problem, Tree, episodes::tests::episode},
    };
    use approx::assert_relative_eq;

    fn one_state(policies: &[[f64; 2]]) -> Vec<Rows> {
        policies.iter().map(|policy| Rows::from_fn(1, 2, |_, a| policy[a])).collect()
    }

    #[test]
    fn one_iteration_by_hand() {
        // Latents ½ (¾, ¼) and ½ (¼, ¾); episodes of actions 0 and 1, twice the second.
        let episodes = vec![episode(&[(0, 0)], 1.0), Episode { weight: 2.0, ..episode(&[(0, 1)], 0.0) }];
        let data = Dataset { states: 1, actions: 2, episodes };
        let start = Mixture { weights: vec![0.5, 0.5], policies: one_state(&[[0.75, 0.25], [0.25, 0.75]]) };
        let fit = fit(&data, start, 0.5, 1, None);
        // q = (¾, ¼) and (¼, ¾); counts of latent 0: (½ + ¾, ½ + ½), of latent 1: (½ + ¼, ½ + 3/2).
        assert_relative_eq!(fit.mixture.weights[0], 1.25 / 3.0, epsilon = 1e-15);
        assert_relative_eq!(fit.mixture.policies[0][0][0], 1.25 / 2.25, epsilon = 1e-15);
        assert_relative_eq!(fit.mixture.policies[1][0][0], 0.75 / 2.75, epsilon = 1e-15);
        // Three episodes of probability ½, and the prior's logarithms of ¾ and ¼, twice each.
        let known = 3.0 * 0.5_f64.ln() + 0.5 * (2.0 * 0.75_f64.ln() + 2.0 * 0.25_f64.ln());
        assert_relative_eq!(fit.likelihoods[0], known, epsilon = 1e-14);
        assert!(fit.smallest_rise() > 0.0);
    }

    #[test]
    fn a_latent_that_no_episode_is_in_has_no_value() {
        let data = Dataset { states: 1, actions: 2, episodes: vec![episode(&[(0, 0)], 1.0)] };
        let q = Rows::from_fn(1, 2, |_, z| z as f64);
        let fit = Fit::of_clusters(&data, q, 0.1);
        assert_eq!(fit.values(&data, None), [f64::NEG_INFINITY, 1.0]);
        assert_eq!(best_latent(&fit.values(&data, None), None), 1);
        assert!(fit.mixture.weights[0] > 0.0);
    }

    /// With every trajectory weighted by its probability, the mixture that behaves is a fixed point.
    #[test]
    fn the_behaviour_is_a_fixed_point_on_the_whole_population() {
        let mut generator = SplitMix64::new(4);
        let problem = Problem::random(&mut generator, [2, 2, 3, 2]);
        let tree = Tree::of(&problem.process);
        let joint = problem.joint(&tree, Latent::Mixture, &mut generator);
        let episodes = tree.trajectories.iter().zip(joint.masses.iter()).map(|(trajectory, row)| Episode {
            steps: trajectory.steps.iter().map(|s| Pair { state: s.state, action: s.action }).collect(),
            total: trajectory.total,
            weight: sum(row.iter().copied()),
        });
        let data = Dataset { states: 2, actions: 2, episodes: episodes.collect() };
        let weights: Vec<f64> = problem.behaviour.iter().map(|c| c.weight).collect();
        let policies: Vec<Rows> =
            problem.behaviour.iter().map(|c| Rows::from_fn(2, 2, |s, a| c.policy[s][a])).collect();
        let fit =
            fit(&data, Mixture { weights: weights.clone(), policies: policies.clone() }, 1e-15, 5, None);
        for (z, policy) in policies.iter().enumerate() {
            assert_relative_eq!(fit.mixture.weights[z], weights[z], epsilon = 1e-9);
            for (a, b) in fit.mixture.policies[z].values().iter().zip(policy.values()) {
                assert_relative_eq!(a, b, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn restarts_keep_the_best() {
        let mut stream = Streams::from_seed(1).stream("starts");
        let episodes = (0..20).map(|i| episode(&[(0, i % 2); 6], (i % 2) as f64)).collect();
        let data = Dataset { states: 1, actions: 2, episodes };
        let starts: Vec<Mixture> = (0..3)
            .map(|_| Mixture {
                weights: vec![0.5, 0.5],
                policies: (0..2)
                    .map(|_| crate::kernel::mdp::dirichlet_rows(1, 2, 1.0, &mut stream))
                    .collect(),
            })
            .collect();
        let best = best_fit(&data, starts.clone(), 0.1, 40, None).unwrap();
        assert!(starts.into_iter().all(|s| fit(&data, s, 0.1, 40, None).likelihood() <= best.likelihood()));
        let mut values = best.values(&data, None);
        values.sort_by(f64::total_cmp);
        assert_relative_eq!(values[0], 0.0, epsilon = 1e-6);
        assert_relative_eq!(values[1], 1.0, epsilon = 1e-6);
        assert_eq!(best_fit(&data, [], 0.1, 1, None), None);
    }
}
