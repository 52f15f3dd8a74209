//! One leaf a paper, and the registry: one line a paper, in sorted order.

pub mod agnostic_rl;
pub mod bayesian_policy_gradient;
pub mod bounded_ratio_rl;
pub mod capo;
pub mod ctrl_diffusion;
pub mod demonstration_regularized_rl;
pub mod dichotomy_of_control;
pub mod dr_po;
pub mod fisher_non_degenerate_pg;
pub mod g2rpo;
pub mod g_opd;
pub mod leaf;
pub mod low_rank_q;
pub mod model_based_generalization;
pub mod offline_mbrl_design;
pub mod optimal_actor_critic;
pub mod optimistic_feasible_search;
pub mod policy_guided_diffusion;
pub mod policyflow;
pub mod prdc;
pub mod realizability;
pub mod remix;
pub mod single_stream_po;
pub mod tool_integrated_reasoning;
pub mod unified_post_training;

use leaf::Paper;

/// Every paper, in the order of slugs.
#[rustfmt::skip] // One line a paper, so that two new ones meet without a conflict.
pub const PAPERS: &[fn() -> Paper] = &[
    agnostic_rl::paper,
    bayesian_policy_gradient::paper,
    bounded_ratio_rl::paper,
    capo::paper,
    ctrl_diffusion::paper,
    demonstration_regularized_rl::paper,
    dichotomy_of_control::paper,
    dr_po::paper,
    fisher_non_degenerate_pg::paper,
    g_opd::paper,
    g2rpo::paper,
    low_rank_q::paper,
    model_based_generalization::paper,
    offline_mbrl_design::paper,
    optimal_actor_critic::paper,
    optimistic_feasible_search::paper,
    policy_guided_diffusion::paper,
    policyflow::paper,
    prdc::paper,
    realizability::paper,
    remix::paper,
    single_stream_po::paper,
    tool_integrated_reasoning::paper,
    unified_post_training::paper,
];

/// All leaves, built.
#[must_use]
pub fn registry() -> Vec<Paper> {
    PAPERS.iter().map(|paper| paper()).collect()
}
