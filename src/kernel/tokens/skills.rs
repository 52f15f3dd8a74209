//! Shared skills: graded difficulty, and transfer between prompts.

use super::{Next, Policy, Rows, Step, Task};

/// K skills, each one logit row with its right tokens; a prompt is a list of skills, and its
/// response is right if every token is.
///
/// At step t of prompt x = (k₁ … k_d) the policy draws a token from row kₜ, whatever it emitted
/// before. With q_k = Σ_{v ∈ R_k} π(v|k), the chance of a right token, the success rate is
/// **p(x) = Πₜ q_{kₜ}**, and ∂p/∂θ_kv = p · m_k(x) · (1\[v ∈ R_k\] π(v|k)/q_k − π(v|k)), where m_k(x)
/// counts how often the skill occurs in the prompt. Skills are shared, so learning one prompt
/// helps others; a prompt of depth d is out of reach (p = V⁻ᵈ) until its parts are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Skills {
    vocabulary: usize,
    /// For each skill, which tokens are right.
    right: Vec<Vec<bool>>,
    prompts: Vec<Vec<usize>>,
}

impl Skills {
    /// Skills k = 0 … K − 1 with the one right token k mod V, and these prompts.
    #[must_use]
    pub fn new(vocabulary: usize, skills: usize, prompts: Vec<Vec<usize>>) -> Self {
        let right = (0..skills).map(|k| (0..vocabulary).map(|v| v == k % vocabulary).collect()).collect();
        Self { vocabulary, right, prompts }
    }

    /// Prompts of depth 1 … K, where prompt d is (0, 1, …, d − 1): a strict curriculum, because
    /// prompt d pays only once skills 0 … d − 2 are learnt.
    #[must_use]
    pub fn stairs(vocabulary: usize, skills: usize) -> Self {
        Self::new(vocabulary, skills, (1..=skills).map(|d| (0..d).collect()).collect())
    }

    /// K·D prompts: for each depth d = 1 … D and start j = 0 … K − 1, the skills j, j + 1, …,
    /// j + d − 1 modulo K.
    #[must_use]
    pub fn ladder(vocabulary: usize, skills: usize, depth: usize) -> Self {
        let prompts = (1..=depth)
            .flat_map(|d| (0..skills).map(move |j| (j..j + d).map(|k| k % skills).collect()))
            .collect();
        Self::new(vocabulary, skills, prompts)
    }

    /// The single prompt (0 … K − 1): reward is as rare as V⁻ᴷ, and nothing easier helps.
    #[must_use]
    pub fn hard(vocabulary: usize, skills: usize) -> Self {
        Self::new(vocabulary, skills, vec![(0..skills).collect()])
    }

    /// With other right tokens: `right(skill, token)`. Several right tokens make several styles of
    /// right response.
    #[must_use]
    pub fn with_right_tokens(mut self, right: impl Fn(usize, usize) -> bool) -> Self {
        for (k, row) in self.right.iter_mut().enumerate() {
            for (v, is_right) in row.iter_mut().enumerate() {
                *is_right = right(k, v);
            }
        }
        self
    }

    /// The skills of a prompt, in order.
    #[must_use]
    pub fn prompt(&self, prompt: usize) -> &[usize] {
        &self.prompts[prompt]
    }

    /// Whether a token is right for a skill.
    #[must_use]
    pub fn is_right(&self, step: Step) -> bool {
        self.right[step.row][step.token]
    }

    /// q_k = Σ_{v ∈ R_k} π(v|k).
    #[must_use]
    pub fn mastery(&self, skill: usize, policy: &Policy) -> f64 {
        policy.row(skill).iter().zip(&self.right[skill]).filter(|(_, right)| **right).map(|(p, _)| p).sum()
    }
}

impl Task for Skills {
    fn prompts(&self) -> usize {
        self.prompts.len()
    }

    fn rows(&self) -> usize {
        self.right.len()
    }

    fn width(&self) -> usize {
        self.vocabulary
    }

    fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
        match self.prompts[prompt].get(prefix.len()) {
            Some(skill) => Next::Token(*skill),
            None => Next::Reward(f64::from(u8::from(prefix.iter().all(|step| self.is_right(*step))))),
        }
    }

    fn success(&self, prompt: usize, policy: &Policy) -> f64 {
        self.prompts[prompt].iter().map(|k| self.mastery(*k, policy)).product()
    }

    fn add_gradient(&self, prompt: usize, policy: &Policy, weight: f64, gradient: &mut Rows) {
        let skills = &self.prompts[prompt];
        for (t, k) in skills.iter().enumerate() {
            // p/q_k as the product over the other positions, which stands even where q_k = 0.
            let others: f64 = skills
                .iter()
                .enumerate()
                .filter(|(s, _)| *s != t)
                .map(|(_, other)| self.mastery(*other, policy))
                .product();
            let mastery = self.mastery(*k, policy);
            for ((g, p), right) in gradient[*k].iter_mut().zip(policy.row(*k)).zip(&self.right[*k]) {
                *g += weight * others * p * (f64::from(u8::from(*right)) - mastery);
            }
        }
    }

    fn entropy(&self, prompt: usize, policy: &Policy) -> f64 {
        self.prompts[prompt].iter().map(|k| policy.row_entropy(*k)).sum()
    }

    fn divergence(&self, prompt: usize, policy: &Policy, other: &Policy) -> f64 {
        self.prompts[prompt].iter().map(|k| policy.row_divergence(*k, other)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wave;
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn known_answers() {
        let task = Skills::stairs(4, 4);
        let p = |policy: &Policy| (0..4).map(|x| task.success(x, policy)).collect::<Vec<_>>();
        assert_eq!(p(&Policy::uniform(&task)), [0.25, 0.0625, 0.015_625, 0.003_906_25]);
        let policy = Policy::from_fn(&task, |k, v| wave(k, v, 0));
        for (p, known) in p(&policy).iter().zip([0.310_476_54, 0.020_071_49, 0.004_585_66, 0.002_087_27]) {
            assert_relative_eq!(*p, known, epsilon = 5e-9);
        }
        let mut gradient = Rows::zeros(4, 4);
        task.add_gradient(3, &policy, 1.0, &mut gradient);
        assert_relative_eq!(gradient.norm_squared(), 1.390_853_5e-5, epsilon = 5e-13);
    }

    #[test]
    fn shapes_of_the_named_families() {
        let ladder = Skills::ladder(4, 6, 4);
        assert_eq!(ladder.prompts(), 24);
        assert_eq!(ladder.prompt(23), [5, 0, 1, 2]);
        let hard = Skills::hard(5, 8);
        assert_relative_eq!(hard.success(0, &Policy::uniform(&hard)), 1.0 / 390_625.0, epsilon = 1e-20);
    }

    /// The same prompts without the closed forms.
    struct Listed(Skills);

    impl Task for Listed {
        fn prompts(&self) -> usize {
            self.0.prompts()
        }
        fn rows(&self) -> usize {
            self.0.rows()
        }
        fn width(&self) -> usize {
            self.0.width()
        }
        fn next(&self, prompt: usize, prefix: &[Step]) -> Next {
            self.0.next(prompt, prefix)
        }
    }

    #[test]
    fn closed_forms_agree_with_enumeration() {
        // A repeated skill, and two right tokens a skill.
        let task = Skills::new(3, 3, vec![vec![0, 1, 0], vec![2], vec![]]).with_right_tokens(|k, v| v != k);
        let policy = Policy::from_fn(&task, |k, v| 2.0 * wave(k, v, 0));
        let other = Policy::from_fn(&task, |k, v| wave(k, v, 1));
        let listed = Listed(task.clone());
        for x in 0..3 {
            assert_relative_eq!(task.success(x, &policy), listed.success(x, &policy), epsilon = 1e-14);
            assert_relative_eq!(task.entropy(x, &policy), listed.entropy(x, &policy), epsilon = 1e-14);
            assert_relative_eq!(
                task.divergence(x, &policy, &other),
                listed.divergence(x, &policy, &other),
                epsilon = 1e-14
            );
            let (mut closed, mut summed) = (Rows::zeros(3, 3), Rows::zeros(3, 3));
            task.add_gradient(x, &policy, 0.7, &mut closed);
            listed.add_gradient(x, &policy, 0.7, &mut summed);
            for (a, b) in closed.values().iter().zip(summed.values()) {
                assert_relative_eq!(a, b, epsilon = 1e-14);
            }
        }
    }
}
