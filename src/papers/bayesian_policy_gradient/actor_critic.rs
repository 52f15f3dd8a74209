//! Bayesian actor-critic: the gradient from a posterior of action values.

use nalgebra::{DMatrix, DVector};

use super::{Fault, estimators::Belief, no_posterior, solved};
use crate::{
    kernel::gp::{TemporalModel, TemporalNoise, TemporalPosterior},
    papers::leaf::Failure,
};

/// N steps of episodes that ended, in their order.
#[derive(Clone, Debug)]
pub struct Experience {
    /// U (n × N): the scores u(x_t, a_t).
    pub scores: DMatrix<f64>,
    /// k_x(x_s, x_t) (N × N), positive semidefinite.
    pub states: DMatrix<f64>,
    /// r (N).
    pub rewards: DVector<f64>,
    /// Lengths of the episodes, adding up to N.
    pub lengths: Vec<usize>,
}

/// The kernel of action values, k_x(x, x′) + u(x, a)ᵀ G⁻¹ u(x′, a′), between N pairs of state and action with
/// state kernel k_x (N × N) and scores U (n × N).
///
/// # Errors
/// [`Failure::Numerical`] if G is not positive definite.
pub fn kernel(
    states: &DMatrix<f64>,
    scores: &DMatrix<f64>,
    fisher: &DMatrix<f64>,
    fault: Option<Fault>,
) -> Result<DMatrix<f64>, Failure> {
    let by_score = scores.tr_mul(&solved(fisher, scores)?);
    Ok(if fault == Some(Fault::NoStateKernel) { by_score } else { by_score + states })
}

/// The posterior of action values at the steps of episodes that ended, by temporal differences whose noise is
/// that of discounted returns: Cov(N) = s H Hᵀ.
///
/// # Errors
/// [`Failure`] if the covariance of the rewards is not positive definite.
pub fn action_values(
    gram: &DMatrix<f64>,
    lengths: &[usize],
    rewards: &DVector<f64>,
    discount: f64,
    noise: f64,
    fault: Option<Fault>,
) -> Result<TemporalPosterior, Failure> {
    let discount = if fault == Some(Fault::GptdGammaOne) { 1.0 } else { discount };
    let kind = match fault {
        Some(Fault::IidNoise) => TemporalNoise::Rewards,
        _ => TemporalNoise::Returns,
    };
    let model = TemporalModel::episodes(lengths, discount).map_err(no_posterior)?;
    model.posterior(gram, kind, noise, rewards).map_err(no_posterior)
}

/// The posterior of the gradient Σ ν(x) μ(a|x) u(x, a) Q(x, a): E = U α and Cov = G − U C Uᵀ, with α and C of
/// the action values.
///
/// # Errors
/// [`Failure`] if G or the covariance of the rewards is not positive definite.
pub fn posterior(
    experience: &Experience,
    fisher: &DMatrix<f64>,
    discount: f64,
    noise: f64,
    fault: Option<Fault>,
) -> Result<Belief, Failure> {
    let Experience { scores, states, rewards, lengths } = experience;
    let gram = kernel(states, scores, fisher, fault)?;
    let values = action_values(&gram, lengths, rewards, discount, noise, fault)?;
    Ok(Belief {
        mean: scores * values.weights(),
        covariance: fisher - values.explained(scores).map_err(no_posterior)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::{eigen, stream::Streams},
        papers::bayesian_policy_gradient::terminating::{Terminating, state_kernel},
    };
    use approx::assert_relative_eq;

    #[test]
    fn it_is_regression_on_the_returns_to_go() {
        let process = Terminating::example(false).unwrap();
        let mut stream = Streams::from_seed(1).stream("episodes");
        let episodes: Vec<_> = (0..5).map(|_| process.episode(&mut stream)).collect();
        let experience = process.experience(&episodes, &state_kernel(4, 1.0));
        let fisher = process.step_fisher(None).unwrap();
        let belief = posterior(&experience, &fisher, 0.9, 1.0, None).unwrap();
        // E = U (K + s I)⁻¹ R, with returns-to-go R.
        let returns = episodes.iter().flat_map(|episode| process.to_go(episode));
        let returns = DVector::from_iterator(experience.rewards.len(), returns);
        let gram = kernel(&experience.states, &experience.scores, &fisher, None).unwrap();
        let inverse = (gram + DMatrix::identity(returns.len(), returns.len())).try_inverse().unwrap();
        let known = &experience.scores * &inverse * returns;
        assert_relative_eq!(belief.mean, known, epsilon = 1e-12);
        let covariance = fisher - &experience.scores * inverse * experience.scores.transpose();
        assert_relative_eq!(belief.covariance, covariance, epsilon = 1e-12);
        assert!(eigen::symmetric(&belief.covariance).values[0] > 0.0);
    }
}
