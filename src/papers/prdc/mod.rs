//! Policy Regularization with Dataset Constraint (Ran et al., ICML 2023, arXiv 2306.06569).
//!
//! Offline learning must keep a policy near its data. Behaviour cloning pulls π(s) towards the
//! actions taken *in s*; where the behaviour was poor, that keeps the policy poor. PRDC pulls the
//! pair (s, π(s)) towards the *dataset* D as a set of pairs, wherever its nearest member lies:
//!
//! ```text
//! d_β(s, a) = min over (sᵢ, aᵢ) ∈ D of ‖(βs)⊕a − (βsᵢ)⊕aᵢ‖₂        (ŝ, â) the minimiser
//! actor loss = −λ mean Q₁(s, π(s)) + mean (π(s) − â)²,   λ = α / mean |Q₁(s, π(s))|
//! ```
//!
//! over a minibatch; the second mean runs over action coordinates too. States s ∈ R^{d_s} are
//! normalised, actions a ∈ \[−1, 1\]^{d_a}; β ≥ 0 weights the state, and decides how far the policy
//! may look for the action that it imitates. Neither λ nor (ŝ, â) is differentiated: â is constant
//! around a wherever the neighbour is unique. A k-d tree over the rows (βsᵢ)⊕aᵢ finds it. Of
//! neighbours at the same distance the one of lowest index counts.
//!
//! | part | what it is |
//! |---|---|
//! | [`Constraint`] | d_β and the nearest pair |
//! | [`tree::Tree`] | the k-d tree of the algorithm, which counts the nodes that it visits |
//! | [`regulariser`] | the penalty with its gradient, and the losses of PRDC and TD3+BC |
//! | [`gap::LinearSystem`] | a system on which the bounds of the theory are checked exactly |
//! | [`mod@line`], [`offline`] | a line on which good actions are rare, and fitted Q iteration on it |
//!
//! The theory, with K a Lipschitz constant of the behaviour policy μ, and L_Q one of Q^μ in the
//! action: if d_β(s, π(s)) ≤ ε everywhere, then ‖π(s) − μ(s)‖ ≤ (1 + K/β)ε, and
//! |J(π) − J(μ)| ≤ L_Q (1 + K/β) ε / (1 − γ). The published constant was not available; this one is
//! derived here, by the performance difference lemma.

mod constraint;
mod functions;
mod gap;
mod line;
mod offline;
mod properties;
mod regulariser;
mod tree;
mod visits;

pub use constraint::{Constraint, Dataset, Pair};

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes of PRDC, and of the arguments about it.
    pub enum Fault {
        /// The farthest pair of the dataset is taken instead of the nearest.
        MaxDistance = "max-distance",
        /// Search and distance leave β out.
        UnscaledState = "unscaled-state",
        /// β weights the action instead of the state.
        BetaOnAction = "beta-on-action",
        /// The action imitated is that of the nearest state, whatever the policy's action.
        CloneNearestState = "clone-nearest-state",
        /// The k-d tree is descended once, without looking at the other side of a split.
        NoBacktracking = "no-backtracking",
        /// The k-d tree looks at both sides of every split.
        NoPruning = "no-pruning",
        /// The penalty is d_β², state part included.
        StateInPenalty = "state-in-penalty",
        /// The penalty is summed over action coordinates, not averaged.
        SummedCoordinates = "summed-coordinates",
        /// λ divides by |mean Q| instead of mean |Q|.
        SignedScale = "signed-scale",
        /// A pair within ε of the data is taken to be within ε of the behaviour policy's action.
        DropStateTerm = "drop-state-term",
        /// The gap is bounded as if a single step could go wrong.
        NoHorizonFactor = "no-horizon-factor",
        /// The gap is bounded by ε alone, without the factor 1 + K/β.
        EpsOnly = "eps-only",
        /// The error of values is taken to be the same at the pair and at its neighbour.
        NoLipschitzTerm = "no-lipschitz-term",
        /// The penalty has no weight.
        PenaltyOff = "penalty-off",
        /// β is 25 times as large.
        LargeBeta = "large-beta",
        /// α is five times as large.
        AlphaTimesFive = "alpha-x5",
    }
}

/// The leaf of this paper.
#[must_use]
pub fn paper() -> Paper {
    functions::add_to(Paper::new::<Fault>("prdc"))
        .experiment::<offline::Offline>()
        .experiment::<visits::Visits>()
        .property::<properties::Covered>()
        .property::<properties::Departure>()
        .property::<properties::Gap>()
        .property::<properties::Gradient>()
        .property::<properties::Interpolation>()
        .property::<properties::Search>()
        .property::<properties::Softness>()
        .property::<properties::ValueError>()
}
