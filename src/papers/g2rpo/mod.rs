//! Gaussian GRPO (G²RPO), from `OpenVLThinkerV2` (arXiv 2604.08539).
//!
//! GRPO whitens the rewards r_1 … r_N of a group linearly, A = (r − m)/s, and so hands the shape of
//! their distribution on: an outlier takes nearly all of the variance, and tasks whose rewards have
//! another shape weigh differently in a batch. G²RPO replaces the linear map by the one-dimensional
//! optimal transport from the empirical distribution of the rewards to N(0, 1):
//!
//! ```text
//! q_(i) = Φ⁻¹((i − ½)/N), i = 1 … N        the Gaussian quantiles at mid-ranks
//! A of the response with rank i = q_(i)    equal rewards share the mean of their quantiles
//! ```
//!
//! ([`transport`]); then GRPO as usual. Two further parts shape the objective: a bonus or malus on the
//! number of thinking tokens, by the kind of task ([`length`]), and a penalty that holds the
//! entropy of the policy in a band ([`entropy`]).
//!
//! The plotting positions (i − ½)/N, the sharing of quantiles among ties, and the exact form of both
//! shapings are this reference's own choice; the public summary states the principle. What the map
//! does for 0/1 rewards is in [`binary`], how fast the quantiles approach N(0, 1) in [`convergence`],
//! how tasks compare in [`equity`] and training under heavy tails in [`training`].

pub mod binary;
pub mod convergence;
pub mod entropy;
pub mod equity;
mod functions;
pub mod length;
mod properties;
pub mod training;
pub mod transport;

use super::leaf::{Paper, faults};

faults! {
    /// Mistakes in advantages and shapings.
    pub enum Fault {
        /// Rewards are whitened linearly, as in GRPO.
        LinearZscore = "linear-zscore",
        /// Ranks are mapped to uniform instead of Gaussian quantiles, of variance one.
        UniformQuantiles = "uniform-quantiles",
        /// Quantiles are taken at i/N − 1/(4N) instead of the mid-ranks.
        UpperPlottingPosition = "upper-plotting-position",
        /// Quantiles are handed out in the order of the responses, not of their rewards.
        UnsortedAssignment = "unsorted-assignment",
        /// Equal rewards get different quantiles, by their place in the group.
        BreakTiesByIndex = "break-ties-by-index",
        /// The mean of the group is subtracted, and nothing controls the scale.
        MeanCentred = "mean-centred",
        /// The length term has the wrong sign.
        FlippedLengthSign = "flipped-length-sign",
        /// Only the upper end of the entropy band is penalised.
        UpperBoundOnly = "upper-bound-only",
        /// The gradient of the entropy penalty has the wrong sign.
        FlippedEntropySign = "flipped-entropy-sign",
    }
}

/// The leaf.
#[must_use]
pub fn paper() -> Paper {
    let leaf = Paper::new::<Fault>("g2rpo")
        .experiment::<binary::Binary>()
        .experiment::<convergence::Convergence>()
        .experiment::<entropy::EntropyBand>()
        .experiment::<equity::Families>()
        .experiment::<length::LengthShaping>()
        .experiment::<transport::Outlier>()
        .experiment::<training::HeavyTails>()
        .property::<properties::Equity>()
        .property::<properties::ExpectedGradient>()
        .property::<properties::Invariance>()
        .property::<properties::OneMultiset>()
        .property::<properties::OptimalTransport>()
        .property::<properties::Outliers>()
        .property::<properties::SharedTies>()
        .property::<properties::Symmetry>();
    functions::all().into_iter().fold(leaf, Paper::function)
}
