//! The full prefix tree: every prefix has a row of its own.

use super::{Next, Policy, Rows, Step, Task};
use crate::kernel::math::log_sum_exp;

/// Responses of exactly T tokens over a vocabulary of V, each prefix with its own logits.
///
/// Prefixes are numbered in breadth-first order: n(ε) = 0 and n(h·v) = V n(h) + 1 + v, so there are
/// N = (Vᵀ − 1)/(V − 1) of them. A response has the number s(y) = Σₜ yₜ Vᵀ⁻ᵗ ∈ {0 … Vᵀ − 1}: its
/// tokens read as digits. With several prompts, prompt x has rows x N … (x + 1) N − 1.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixTree {
    vocabulary: usize,
    horizon: usize,
    /// For each prompt, the reward of each response by its number.
    rewards: Vec<Vec<f64>>,
}

impl PrefixTree {
    /// One prompt with vocabulary V ≥ 1 and horizon T ≥ 1, and the reward of each response given
    /// its tokens.
    #[must_use]
    pub fn new(vocabulary: usize, horizon: usize, reward: impl Fn(&[usize]) -> f64) -> Self {
        Self { vocabulary, horizon, rewards: Vec::new() }.with_prompt(reward)
    }

    /// The usual example: reward 1 if the sum of the tokens is divisible by three, else 0.
    #[must_use]
    pub fn divisible_by_three(vocabulary: usize, horizon: usize) -> Self {
        Self::new(vocabulary, horizon, |tokens| {
            f64::from(u8::from(tokens.iter().sum::<usize>().is_multiple_of(3)))
        })
    }

    /// With one more prompt.
    #[must_use]
    pub fn with_prompt(mut self, reward: impl Fn(&[usize]) -> f64) -> Self {
        let mut tokens = vec![0; self.horizon];
        let rewards = (0..self.responses())
            .map(|number| {
                let mut rest = number;
                for token in tokens.iter_mut().rev() {
                    *token = rest % self.vocabulary;
                    rest /= self.vocabulary;
                }
                reward(&tokens)
            })
            .collect();
        self.rewards.push(rewards);
        self
    }

    /// Number of responses Vᵀ to a prompt.
    #[must_use]
    pub fn responses(&self) -> usize {
        (0..self.horizon).fold(1, |n, _| n * self.vocabulary)
    }

    /// Number of prefixes N, which is the number of rows a prompt.
    #[must_use]
    pub fn nodes(&self) -> usize {
        (0..self.horizon).fold(0, |n, _| n * self.vocabulary + 1)
    }

    /// π(y|x) of every response, by its number.
    #[must_use]
    pub fn distribution(&self, prompt: usize, policy: &Policy) -> Vec<f64> {
        let mut probabilities = Vec::with_capacity(self.responses());
        self.enumerate(prompt, policy, &mut |y| probabilities.push(y.probability));
        probabilities
    }

    /// ln π(y|x) of every response, by its number; finite even where the probability underflows.
    #[must_use]
    pub fn log_distribution(&self, prompt: usize, policy: &Policy) -> Vec<f64> {
        let mut logarithms = Vec::with_capacity(self.responses());
        self.enumerate(prompt, policy, &mut |y| logarithms.push(policy.log_likelihood(y.steps)));
        logarithms
    }

    /// d_π(n): the probability of reaching each of the N prefixes of a prompt.
    #[must_use]
    pub fn reach(&self, prompt: usize, policy: &Policy) -> Vec<f64> {
        let nodes = self.nodes();
        let mut reach = vec![0.0; nodes];
        reach[0] = 1.0;
        for n in 0..nodes {
            for (v, p) in policy.row(prompt * nodes + n).iter().enumerate() {
                let child = self.vocabulary * n + 1 + v;
                if child < nodes {
                    reach[child] = reach[n] * p;
                }
            }
        }
        reach
    }

    /// The policy of a tree with one prompt under which responses have a given law, by the
    /// logarithms ln p(y) of its probabilities, which must be finite. They need not be normalised.
    #[must_use]
    pub fn factorise(&self, logarithms: &[f64]) -> Policy {
        // ln of the mass below each prefix, and below each complete response.
        let nodes = self.nodes();
        let mut mass = vec![0.0; nodes];
        mass.extend_from_slice(logarithms);
        for n in (0..nodes).rev() {
            let children = self.vocabulary * n + 1;
            mass[n] = log_sum_exp(&mass[children..children + self.vocabulary]);
        }
        Policy::new(Rows::from_fn(nodes, self.vocabulary, |n, v| mass[self.vocabulary * n + 1 + v] - mass[n]))
    }
}

impl Task for PrefixTree {
    fn prompts(&self) -> usize {
        self.rewards.len()
    }

    fn rows(&self) -> usize {
        self.rewards.len() * self.nodes()
    }

    fn width(&self) -> usize {
        self.vocabulary
    }

    fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
        let nodes = self.nodes();
        // Complete responses continue the numbering of prefixes, so their number starts at N.
        let node = prefix.last().map_or(0, |s| self.vocabulary * (s.row - prompt * nodes) + 1 + s.token);
        if node < nodes {
            Next::Token(prompt * nodes + node)
        } else {
            Next::Reward(self.rewards[prompt][node - nodes])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{total_variation, wave};
    use super::*;
    use approx::assert_relative_eq;

    fn example() -> (PrefixTree, Policy) {
        let task = PrefixTree::divisible_by_three(3, 3);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 0));
        (task, policy)
    }

    #[test]
    fn known_answers() {
        let (task, policy) = example();
        assert_eq!((task.nodes(), task.responses()), (13, 27));
        let pi = task.distribution(0, &policy);
        let best = (0..27).max_by(|a, b| pi[*a].total_cmp(&pi[*b])).unwrap();
        assert_eq!(best, 7);
        assert_relative_eq!(pi[best], 0.154_517_330_4, epsilon = 1e-10);
        assert_relative_eq!(task.entropy(0, &policy), 2.905_155_440_5, epsilon = 1e-10);
        assert_relative_eq!(task.success(0, &policy), 0.447_601_123_7, epsilon = 1e-10);

        let mut gradient = Rows::zeros(13, 3);
        task.add_gradient(0, &policy, 1.0, &mut gradient);
        assert_relative_eq!(gradient.norm_squared(), 0.024_401_223_8, epsilon = 1e-10);
        for (g, known) in gradient[0].iter().zip([0.071_413_791_0, -0.078_395_734_2, 0.006_981_943_2]) {
            assert_relative_eq!(*g, known, epsilon = 1e-9);
        }

        let other = Policy::from_fn(&task, |n, v| wave(n, v, 1));
        assert_relative_eq!(task.divergence(0, &policy, &other), 0.217_027_579_1, epsilon = 1e-10);
        assert_relative_eq!(total_variation(&task, 0, &policy, &other), 0.228_104_880_4, epsilon = 1e-10);
    }

    #[test]
    fn divergence_obeys_the_chain_rule() {
        let (task, policy) = example();
        let other = Policy::from_fn(&task, |n, v| wave(n, v, 5));
        let reach = task.reach(0, &policy);
        let chained: f64 = (0..task.nodes()).map(|n| reach[n] * policy.row_divergence(n, &other)).sum();
        assert_relative_eq!(task.divergence(0, &policy, &other), chained, epsilon = 1e-13);
    }

    #[test]
    fn gradient_is_the_derivative_of_the_success_rate() {
        let (task, policy) = example();
        let mut gradient = Rows::zeros(13, 3);
        task.add_gradient(0, &policy, 1.0, &mut gradient);
        let known = policy.central_differences(1e-5, |p| task.success(0, p));
        assert!(gradient.largest_difference(&known) < 1e-9);
    }

    #[test]
    fn laws_of_responses_have_policies() {
        let (task, policy) = example();
        let logarithms = task.log_distribution(0, &policy);
        for (ln_p, p) in logarithms.iter().zip(task.distribution(0, &policy)) {
            assert_relative_eq!(ln_p.exp(), p, epsilon = 1e-15);
        }
        // A constant is lost in normalisation.
        let shifted: Vec<f64> = logarithms.iter().map(|x| x - 3.0).collect();
        let again = task.factorise(&shifted);
        for (a, b) in task.log_distribution(0, &again).iter().zip(&logarithms) {
            assert_relative_eq!(a, b, epsilon = 1e-14);
        }
    }

    #[test]
    fn prompts_have_rows_of_their_own() {
        let task = PrefixTree::new(2, 2, |y| y[0] as f64).with_prompt(|y| y[1] as f64 - 1.0);
        let policy = Policy::from_fn(&task, |n, v| wave(n, v, 3));
        assert_eq!(task.rows(), 6);
        let mut gradient = Rows::zeros(6, 2);
        task.add_gradient(1, &policy, 1.0, &mut gradient);
        assert!(gradient.iter().take(3).flatten().all(|g| *g == 0.0));
        assert_relative_eq!(task.success(0, &policy), policy.row(0)[1], epsilon = 1e-15);
    }
}
