//! The mathematics that the leaves share. It knows neither papers nor claims.
//!
//! Everything here is deterministic to the bit: sums run in a fixed order, transcendental
//! functions come from the `libm` crate through [`math`], and random numbers from labelled
//! ChaCha streams ([`stream`]) by sampling functions of our own.

pub mod adam;
pub mod cholesky;
pub mod diffusion;
pub mod digits;
pub mod divergence;
pub mod eigen;
pub mod ensemble;
mod exponential;
pub mod flow;
pub mod gaussian;
pub mod gp;
pub mod laws;
pub mod linear;
pub mod math;
pub mod mdp;
pub mod neighbours;
pub mod preference;
pub mod quadrature;
pub mod rank;
pub mod splitmix;
pub mod stream;
pub mod table;
mod tiles;
pub mod tokens;
pub(crate) mod wide;
