//! The importance ratio of noise and flow together.

use super::Fault;
use crate::kernel::math::ln;

/// A standard deviation σ > 0, with its logarithm at hand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deviation {
    /// σ.
    pub value: f64,
    /// ln σ.
    pub log: f64,
}

impl Deviation {
    /// σ > 0.
    #[must_use]
    pub fn new(value: f64) -> Self {
        Self { value, log: ln(value) }
    }

    /// ln N(x; 0, σ²) + ½ ln 2π.
    fn log_density(self, x: f64, fault: Option<Fault>) -> f64 {
        let standardised = x / self.value;
        let constant = if fault == Some(Fault::NoLogSigma) { 0.0 } else { self.log };
        -0.5 * standardised * standardised - constant
    }
}

/// ln N(n; δ, σ²) − ln N(n; 0, σ̂²) of one coordinate; those of several coordinates add up.
///
/// The noise n = a − φ̂₁(z) was drawn with deviation σ̂ around the end of the reference flow. Under
/// the new policy the same action, from the same z, is the noise n − δ around an end displaced by δ.
#[must_use]
pub fn log_ratio(
    noise: f64,
    displacement: f64,
    new: Deviation,
    reference: Deviation,
    fault: Option<Fault>,
) -> f64 {
    let collected = if fault == Some(Fault::OldSigmaBoth) { new } else { reference };
    new.log_density(noise - displacement, fault) - collected.log_density(noise, fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::math::exp;
    use approx::assert_relative_eq;

    #[test]
    fn the_ratio_is_that_of_the_densities() {
        let density = |x: f64, mean: f64, sigma: f64| {
            let z = (x - mean) / sigma;
            exp(-0.5 * z * z) / (sigma * (2.0 * std::f64::consts::PI).sqrt())
        };
        let ratio = exp(log_ratio(0.3, -0.2, Deviation::new(0.4), Deviation::new(0.5), None));
        assert_relative_eq!(ratio, density(0.3, -0.2, 0.4) / density(0.3, 0.0, 0.5), epsilon = 1e-14);
        let same = Deviation::new(0.7);
        assert_relative_eq!(log_ratio(0.3, 0.0, same, same, None), 0.0);
    }
}
