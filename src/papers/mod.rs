//! One leaf a paper, and the registry: one line a paper, in sorted order.

pub mod leaf;
mod single_stream_po;

use leaf::Paper;

/// Every paper, in the order of slugs.
pub const PAPERS: &[fn() -> Paper] = &[single_stream_po::paper];

/// All leaves, built.
#[must_use]
pub fn registry() -> Vec<Paper> {
    PAPERS.iter().map(|paper| paper()).collect()
}
