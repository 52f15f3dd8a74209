//! Gaussian laws and their mixtures, for which diffusion models have exact scores.
//!
//! A diffusion model learns ∇ log p_σ, the score of its data blurred by noise of standard deviation
//! σ. If the data follow a [`Gaussian`] or a [`Mixture`], that score has a closed form at every σ,
//! and a sampler can be studied without a network in the way.
//!
//! # Products of factors
//!
//! A law over trajectories is a product of conditional densities, and guidance multiplies it by
//! more. Where all of them are Gaussian in a [`LinearForm`] of the trajectory, the product is again
//! Gaussian, and precisions and information vectors simply add up: [`Information`].
//!
//! ```
//! use corroborate::kernel::gaussian::{Information, LinearForm};
//!
//! // A prior N(0, 1) and an observation 3 of it with noise variance 1/2.
//! let mut law = Information::new(1);
//! law.multiply(1.0, &LinearForm::new([(0, 1.0)], 0.0), 1.0);
//! law.multiply(1.0, &LinearForm::new([(0, 1.0)], 3.0), 0.5);
//! let posterior = law.normalised()?;
//! assert!((posterior.mean()[0] - 2.0).abs() < 1e-15);
//! assert!((posterior.covariance()[(0, 0)] - 1.0 / 3.0).abs() < 1e-15);
//! # Ok::<(), corroborate::kernel::gaussian::GaussianError>(())
//! ```

mod information;
mod law;
mod mixture;

pub use information::{Information, LinearForm};
pub use law::Gaussian;
pub use mixture::Mixture;

/// Why there is no such law.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GaussianError {
    /// A covariance or precision is not positive definite, or holds a NaN.
    #[error("the {0} is not positive definite")]
    NotPositiveDefinite(&'static str),
    /// Vectors and matrices do not fit each other.
    #[error("expected {expected} coordinates, found {found}")]
    Shape {
        /// As many as needed.
        expected: usize,
        /// As many as given.
        found: usize,
    },
    /// The weights of a mixture are no weights.
    #[error("mixture weights must be finite, not negative and not all zero, one for each component")]
    Weights,
}
