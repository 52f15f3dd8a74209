//! Language-model policy optimisation on policies small enough to enumerate.
//!
//! A language model answers a prompt by emitting tokens; a verifier pays a reward; policy
//! optimisation (REINFORCE, RLOO, PPO, GRPO and their many relatives) moves the model towards
//! answers that were paid. Here the models are tables of softmax rows, and their answers can be
//! listed one by one. So expected rewards, gradients, entropies and divergences are known
//! exactly, and an estimator can be held against its own expectation. This page is the tour.
//!
//! # Policies
//!
//! A [`Policy`] is a table of logit rows ([`Rows`], R × V). Row n is the model's state of mind in
//! context n: it emits token v with probability π(v|n) = softmax(θₙ)ᵥ. A response is the list of
//! its [`Step`]s (row, token), and log π(y) = Σₜ log π(vₜ|nₜ). The only derivative one needs is
//! the *score*: ∂ log π(v|n) / ∂θₙᵤ = 1\[u = v\] − π(u|n), and 0 in every other row.
//!
//! # Tasks
//!
//! A [`Task`] says, for a prompt and the tokens so far, in which row the next token is drawn or
//! what the finished response is worth ([`Next`]). Sampling, enumeration, success rates p(x),
//! gradients ∇p(x), entropies and divergences follow from that one function. There are four:
//!
//! | task | contexts | what it is good for |
//! |---|---|---|
//! | [`PrefixTree`] | every prefix has its own row | the general autoregressive model |
//! | [`Skills`] | a prompt is a list of skills, each a row shared by all prompts | graded difficulty, transfer, curricula ([`Skills::stairs`], [`Skills::ladder`], [`Skills::hard`]) |
//! | [`Thinking`] | the number of thinking tokens so far | responses of variable length |
//! | [`Arms`] | one row a prompt, one token | stochastic verifiers, premature commitment |
//!
//! # From rewards to a gradient
//!
//! Draw a group of G responses y₁ … y_G to one prompt, with rewards rᵢ. Every method here ascends
//! ĝ = (1/G) Σᵢ Aᵢ ∇log π(yᵢ), and they differ in the advantages Aᵢ: see [`Estimator`]. For 0/1
//! rewards the expectation of ĝ is a multiple of the true gradient ∇p, and the multiple is known
//! ([`GradientScale`]): 1 for RLOO, 1 − 1/G for a mean baseline, and a function c_G(p) of the
//! success rate for GRPO, which pulls hardest where success or failure is rare. A group whose
//! rewards are all equal teaches GRPO nothing; [`degenerate_probability`] says how often that is.
//!
//! # More than one step a batch
//!
//! When a batch is used for several updates, the responses come from an older policy, and each
//! token's term is weighted by the ratio π(token)/π_old(token), clipped as in PPO:
//! [`Surrogate`]. How tokens of responses of unequal length are averaged is the [`Aggregation`];
//! a penalty towards a reference policy is [`k3`].
//!
//! # Training
//!
//! A [`Batch`] holds sampled responses; a [`Method`] collects batches and updates the policy with
//! them, [`train()`] repeats that and keeps a [`Curve`] in units of rollouts. [`Grouped`] is plain
//! GRPO, RLOO and so on. [`expected_step`] is the same without sampling: the mean-field update.
//!
//! ```
//! use corroborate::kernel::{stream::Streams, tokens::*};
//!
//! // Four prompts, each one skill deeper than the last, on a vocabulary of four tokens.
//! let task = Skills::stairs(4, 4);
//! let mut policy = Policy::uniform(&task);
//! assert_eq!(task.success(3, &policy), 1.0 / 256.0);
//!
//! // GRPO: every prompt, eight responses each, learning rate 2.
//! let mut grpo = Grouped::new(&task, Estimator::GRPO, 4, 8, 2.0);
//! let mut stream = Streams::from_seed(1).stream("rollouts");
//! let curve = train(&task, &mut policy, &mut grpo, 200, &mut stream);
//! assert!(curve.last() > 0.9);
//! ```

mod advantage;
mod arms;
mod group;
mod policy;
mod skills;
mod surrogate;
mod task;
mod thinking;
mod train;
mod tree;

pub use advantage::{Deviation, Estimator, normalise};
pub use arms::Arms;
pub use group::{
    GradientScale, bernoulli_moments, binary_advantages, binomial_expectation, degenerate_probability,
    informative_probability,
};
pub use policy::{Policy, Rows, Step, wave};
pub use skills::Skills;
pub use surrogate::{Aggregation, Clip, Surrogate, SurrogateValue, Term, Token, k3};
pub use task::{Next, Outcome, Task, total_variation};
pub use thinking::{Thinking, Verifier};
pub use train::{Batch, Curve, Grouped, Method, expected_step, performance, train};
pub use tree::PrefixTree;
