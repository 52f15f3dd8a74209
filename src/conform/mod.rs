//! Comparing other people's code with the references: test vectors, and the judgement of a
//! program's answers.
//!
//! A vector is an input of a function, the output of the reference, and *near misses*: the outputs
//! of the reference with a known mistake built in. A test that accepts a near miss cannot tell that
//! mistake, so a program is only said to be free of a mistake if some vector tells it apart and all
//! of these were answered rightly.

mod compare;
mod judge;
mod vectors;

pub use compare::{TOLERANCE, difference};
pub use judge::{Answer, BugClass, FunctionReport, judge};
pub use vectors::{FORMAT, FunctionVectors, NearMiss, Vector, of_function};
