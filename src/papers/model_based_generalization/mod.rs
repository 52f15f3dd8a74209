//! The Benefits of Model-Based Generalization in Reinforcement Learning (Young, Ramesh, Kirsch and
//! Schmidhuber, arXiv 2211.02222).
//!
//! Dynamics are unknown, but lie in a class M of models. Each model m has optimal action values Q*ₘ;
//! together they are the value class Q = {Q*ₘ : m ∈ M}. Transitions D rule values out in two ways:
//!
//! ```text
//! Q_MB(D) = {Q*ₘ : m ∈ M agrees with every transition of D}
//! Q_MF(D) = {q ∈ Q : q(s, a) = r(s, a) + γ max_b q(s', b) for every (s, a, s') of D}
//! ```
//!
//! Q*ₘ obeys its own Bellman equation at every transition that m agrees with, so Q_MB(D) ⊆ Q_MF(D): what a
//! learner of models rules out is never less than what a learner of values does. Where rows of the model
//! are chosen independently (*rectangular* classes, such as all tables) both are equal: overwrite the rows
//! of m at D by what was seen; the new model agrees with D, and Q*ₘ ∈ Q_MF(D) solves its Bellman equation.
//! Where rows share structure the inclusion is strict, and that is the benefit of generalising models.
//!
//! Experience replay is value iteration on the empirical model of the pairs that were visited (the values of
//! other pairs stay 0): a perfect model of the data that does not generalise. The other agent here
//! learns each bit of the next state from one parent, and plans in the product of what it learned.
//!
//! | file | holds |
//! |---|---|
//! | `classes` | deterministic models of two classes, their optimal values, and what data leave of them |
//! | `pruning` | how much data leave, enumerated |
//! | `pan_flute` | the environment PanFlute(n), exactly |
//! | `agents` | replay, the factored model, and the table, from a batch of transitions |
//! | `batch` | the agents on the same data |
//! | `online` | the agents while data come in, with equally many updates |
//! | `properties` | what holds for every data set |
//! | `functions` | what can be called |

mod agents;
mod batch;
mod classes;
mod functions;
mod online;
mod pan_flute;
mod properties;
mod pruning;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of pruning, and of learning from models.
    pub enum Fault {
        /// The values come from twenty sweeps only, and are held to the Bellman equation as if they had converged.
        OneSidedTolerance = "one-sided-tolerance",
        /// The class is all tables: no rows of the model share anything.
        TabularClass = "tabular-class",
        /// The class of two bits loses its structure: every row of the model is free.
        Unfactored = "unfactored",
        /// The class is the factored one, whose rows are not independent.
        FactoredClass = "factored-class",
        /// Pairs that were never visited are worth 1/(1 − γ), not 0.
        OptimisticUnvisited = "optimistic-unvisited",
        /// The model is a table of the pairs that were visited: it does not generalise.
        TabularModel = "tabular-model",
        /// The learned model is the environment itself, so that nothing had to be learned.
    LeakyModel = "leaky-model",
    /// The parent of each bit is its own old value, so that the model knows nothing of actions.
        WrongParents = "wrong-parents",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("model-based-generalization"))
        .experiment::<batch::Batch>()
        .experiment::<batch::Growth>()
        .experiment::<online::Online>()
        .experiment::<pruning::Pruning>()
        .property::<properties::Inclusion>()
        .property::<properties::NothingGained>()
        .property::<properties::ReplayIsAModel>()
}
