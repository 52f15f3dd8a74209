//! What holds for every process, policy and data set.

mod cloning;
mod instance;
mod optimality;
mod reduction;
mod rewards;

pub use cloning::{ExpectedLoss, Guarantee};
pub use optimality::{OneHot, PlugInError, SoftOptimality};
pub use reduction::Reduction;
pub use rewards::RewardError;
