//! Heuristics for how wrong an ensemble may be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fault, no_ensemble};
use crate::{
    kernel::ensemble::{Ensemble, normal_kl},
    papers::leaf::Failure,
};

/// u(s, a), from what the members of an ensemble predict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Heuristic {
    /// MOPO's maxᵢ ‖σᵢ‖.
    MaxAleatoric,
    /// MOReL's maxᵢⱼ ‖μᵢ − μⱼ‖.
    MaxPairwise,
    /// Standard deviation of the mixture, aleatoric and epistemic.
    EnsembleStd,
    /// Standard deviation of the members' means.
    EpistemicStd,
    /// Mean KL of a member from the moments of the others.
    LeaveOneOutKl,
    /// Largest total variation between two members, where they are discrete laws.
    MaxTv,
}

impl Heuristic {
    /// Holds settings to what a ranking by Gaussian predictions needs: a heuristic of such
    /// predictions, 2 to 50 members, and 1 to 100 datasets.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for anything else.
    pub fn ranks_gaussians(self, members: usize, repeats: usize) -> Result<(), Failure> {
        if !(2..=50).contains(&members) || !(1..=100).contains(&repeats) {
            return Err(Failure::invalid("expected 2 to 50 members and 1 to 100 repeats"));
        }
        if self == Self::MaxTv {
            return Err(Failure::invalid("max-tv compares discrete laws; these predictions are Gaussian"));
        }
        Ok(())
    }

    /// u of Gaussian predictions.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for max-tv, which compares whole laws, and for leave-one-out-kl of a single
    /// member, or where a member is certain and another is not.
    pub fn of(self, ensemble: &Ensemble, fault: Option<Fault>) -> Result<f64, Failure> {
        Ok(match self {
            Self::MaxAleatoric => ensemble.max_aleatoric(),
            Self::MaxPairwise => ensemble.max_pairwise(),
            Self::EnsembleStd => ensemble_std(ensemble, fault),
            Self::EpistemicStd => epistemic_variance(ensemble, fault).sqrt(),
            Self::LeaveOneOutKl => {
                let divergence = match fault {
                    Some(Fault::ReversedKl) => {
                        ensemble.leave_one_out(|member, others| normal_kl(others, member))
                    }
                    _ => ensemble.leave_one_out_kl(),
                };
                divergence.filter(|kl| kl.is_finite()).ok_or_else(|| {
                    Failure::invalid(
                        "leave-one-out-kl needs two members, and none that is certain where another is not",
                    )
                })?
            }
            Self::MaxTv => {
                return Err(Failure::invalid("max-tv compares discrete laws, and these are Gaussian"));
            }
        })
    }
}

/// √((1/N) Σ ‖σᵢ‖² + (1/N) Σ ‖μᵢ − μ̄‖²).
fn ensemble_std(ensemble: &Ensemble, fault: Option<Fault>) -> f64 {
    let aleatoric = match fault {
        Some(Fault::DropAleatoricTerm) => 0.0,
        Some(Fault::AverageStd) => ensemble.mean_deviation() * ensemble.mean_deviation(),
        _ => ensemble.aleatoric_variance(),
    };
    (aleatoric + epistemic_variance(ensemble, fault)).sqrt()
}

/// (1/N) Σ ‖μᵢ − μ̄‖².
fn epistemic_variance(ensemble: &Ensemble, fault: Option<Fault>) -> f64 {
    let n = ensemble.members() as f64;
    match fault {
        Some(Fault::HalfRange) => 0.25 * ensemble.max_pairwise() * ensemble.max_pairwise(),
        Some(Fault::SampleVariance) if n > 1.0 => ensemble.epistemic_variance() * n / (n - 1.0),
        _ => ensemble.epistemic_variance(),
    }
}

/// The ensemble that is used when N members are asked for: the first N of those that were fitted, so
/// that larger ensembles contain smaller ones. `below(n)` draws an index below n, for the fault that
/// needs one.
///
/// # Errors
/// [`Failure::Invalid`] for no members, or more than there are.
pub fn first(
    fitted: &Ensemble,
    members: usize,
    mut below: impl FnMut(usize) -> usize,
    fault: Option<Fault>,
) -> Result<Ensemble, Failure> {
    let chosen: Vec<usize> = if fault == Some(Fault::SubsampledEnsemble) && members > 2 {
        let one = below(members);
        vec![one, (one + 1 + below(members - 1)) % members]
    } else {
        (0..members).collect()
    };
    fitted.chosen(&chosen).map_err(no_ensemble)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn heuristics_and_their_mistakes_by_hand() {
        let ensemble = Ensemble::of_numbers(&[(0.0, 3.0), (2.0, 1.0)]).unwrap();
        let of = |heuristic: Heuristic, fault| heuristic.of(&ensemble, fault).unwrap();
        assert_eq!(of(Heuristic::MaxAleatoric, None), 3.0);
        assert_eq!(of(Heuristic::MaxPairwise, None), 2.0);
        assert_eq!(of(Heuristic::EpistemicStd, None), 1.0);
        assert_relative_eq!(of(Heuristic::EnsembleStd, None), 6_f64.sqrt(), epsilon = 1e-15);
        assert_relative_eq!(
            of(Heuristic::EnsembleStd, Some(Fault::AverageStd)),
            5_f64.sqrt(),
            epsilon = 1e-15
        );
        assert_eq!(of(Heuristic::EnsembleStd, Some(Fault::DropAleatoricTerm)), 1.0);
        assert_relative_eq!(
            of(Heuristic::EpistemicStd, Some(Fault::SampleVariance)),
            2_f64.sqrt(),
            epsilon = 1e-15
        );
        // With two members the leave-one-out KL is symmetric, so reversing it changes nothing.
        let kl = of(Heuristic::LeaveOneOutKl, None);
        assert_relative_eq!(of(Heuristic::LeaveOneOutKl, Some(Fault::ReversedKl)), kl, epsilon = 1e-15);
        assert!(Heuristic::MaxTv.of(&ensemble, None).is_err());
    }

    #[test]
    fn nested_ensembles_take_the_first_members() {
        let fitted = Ensemble::of_numbers(&[(0.0, 1.0), (1.0, 1.0), (5.0, 1.0)]).unwrap();
        assert_eq!(first(&fitted, 2, |_| 0, None).unwrap().max_pairwise(), 1.0);
        let drawn = first(&fitted, 3, |_| 1, Some(Fault::SubsampledEnsemble)).unwrap();
        assert_eq!((drawn.members(), drawn.max_pairwise()), (2, 1.0));
        assert!(first(&fitted, 4, |_| 0, None).is_err());
    }
}
