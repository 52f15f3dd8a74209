//! Tabular Markov decision processes, solved exactly.
//!
//! States s = 0 … S − 1, actions a = 0 … A − 1, transition probabilities P(t|s, a), rewards
//! r(s, a) ([`Dynamics`]), a start distribution μ₀ and a discount γ ∈ \[0, 1). A policy π is a table of
//! rows ([`Rows`], S × A) of action probabilities. With P_π(t|s) = Σ_a π(a|s) P(t|s, a) and r_π alike,
//!
//! | quantity | definition | here |
//! |---|---|---|
//! | value V_π(s) | (I − γ P_π) V = r_π | [`Mdp::evaluate`] |
//! | action value Q_π(s, a) | r(s, a) + γ Σ_t P(t\|s, a) V_π(t) | [`Evaluation::actions`], [`Mdp::backup`] |
//! | advantage A_π(s, a) | Q_π(s, a) − V_π(s) | [`Evaluation::advantage`] |
//! | occupancy d_π(s) | (1 − γ) Σₙ γⁿ Pr(sₙ = s), summing to 1 | [`Mdp::occupancy`] |
//! | performance η(π) | Σ_s μ₀(s) V_π(s) | [`Mdp::performance`] |
//! | optimal value V*(s) | max_π V_π(s) | [`Mdp::optimal`] |
//! | policy gradient ∂η/∂z(s, a) | d_π(s) π(a\|s) A_π(s, a)/(1 − γ) for logits z | [`Mdp::logit_gradient`] |
//!
//! Linear systems are solved by LU decomposition with partial pivoting, so every quantity is exact
//! up to rounding. Processes of H undiscounted steps are [`Episodic`]: there everything is one
//! backward induction, [`Episodic::induction`], also with a regulariser
//! ([`Episodic::soft_optimum`]). Policies that are softmax of linear logits are [`LogLinear`], which
//! have a Fisher information. [`instances()`] and [`layered()`] generate processes for property tests,
//! ugly ones included;
//! [`dirichlet_rows`] draws them at random, [`Mdp::trajectory`] draws what happens in them, and
//! [`Counts`] estimate a process from that. Where there are too many states for tables, [`SparseMdp`] holds the
//! successors only, and its optimal values come with a bound on their error.

mod counts;
mod dynamics;
mod episodic;
mod instances;
mod layered;
mod optimal;
mod regularised;
mod softmax;
mod sparse;
mod tabular;
mod trajectory;

pub use super::tokens::Rows;
pub use counts::Counts;
pub use dynamics::Dynamics;
pub use episodic::Episodic;
pub use instances::{Shape, Wild, instances};
pub use layered::{Layered, layered};
pub use optimal::{argmax, deterministic, greedy};
pub use regularised::{SoftOptimum, logarithms, soft_maximum};
pub use softmax::{LogLinear, softmax_policy};
pub use sparse::{Certified, SparseError, SparseMdp};
pub use tabular::{Evaluation, Mdp, MdpError};
pub use trajectory::{Visit, dirichlet_rows};
