//! What must hold on every instance.

pub mod answers;
pub mod counts;
pub mod groups;
