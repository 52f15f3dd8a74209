//! Policy emulators of a Block process.
//!
//! In a Block process a latent state z emits one of many observations, and no observation is emitted by
//! two latent states; policies act on observations. An emulator is a *tabular* process whose states
//! are m sampled observations of each latent state: the latent dynamics, re-emitted uniformly over the
//! samples. A policy of observations is a policy of the emulator, so one sample evaluates all of Π. Its
//! value there is its latent value with the actions that it takes on the samples as probabilities, whose errors
//! are of order 1/√m: the largest over Π is of order √(log|Π|/m).
//!
//! The emulator of the thesis is built from resets without knowing latent states; here the samples are
//! given with their latent states, and what is shown is how well such an emulator evaluates.

use super::{Fault, invalid};
use crate::{
    kernel::{
        mdp::{Dynamics, Episodic, Rows},
        stream::Stream,
    },
    papers::leaf::Failure,
};

/// Latent states of the reference process.
const LATENTS: usize = 2;
/// P_h(z′ | z, a), in the order h, z, a.
const MOVES: [[[[f64; 2]; 2]; 2]; 2] = [
    [[[0.8, 0.2], [0.3, 0.7]], [[0.5, 0.5], [0.1, 0.9]]],
    [[[0.6, 0.4], [0.2, 0.8]], [[0.9, 0.1], [0.4, 0.6]]],
];
/// r_h(z, a).
const PAID: [[[f64; 2]; 2]; 3] =
    [[[0.1, 0.0], [0.0, 0.2]], [[0.0, 0.3], [0.2, 0.0]], [[0.5, 0.0], [0.0, 1.0]]];

/// The latent dynamics of the reference: three layers, two latent states, start in the first.
///
/// # Errors
/// [`Failure::Invalid`] never happens.
pub fn latent() -> Result<Episodic, Failure> {
    let steps = PAID.iter().enumerate().map(|(h, paid)| {
        // After the last layer nothing depends on where it leads.
        let moves = MOVES[h.min(MOVES.len() - 1)];
        Dynamics::new(
            Rows::from_fn(LATENTS * 2, LATENTS, |pair, t| moves[pair / 2][pair % 2][t]),
            Rows::from_fn(LATENTS, 2, |z, a| paid[z][a]),
        )
    });
    let steps = steps.collect::<Result<_, _>>().map_err(|e| invalid(&e))?;
    Episodic::new(steps, vec![1.0, 0.0]).map_err(|e| invalid(&e))
}

/// The actions of a policy on observations: action `acts[h][z][o]` on observation o of latent state z.
pub type Acts = Vec<Vec<Vec<usize>>>;

/// Sampled observations `samples[h][z]` of each latent state of each layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Emulator {
    samples: Vec<Vec<Vec<usize>>>,
}

impl Emulator {
    /// Samples m observations, with replacement, of `observations` that each latent state emits.
    pub fn sample(
        latent: &Episodic,
        observations: usize,
        m: usize,
        fault: Option<Fault>,
        stream: &mut Stream,
    ) -> Self {
        let mut of_latent = || (0..m).map(|_| stream.below(observations)).collect();
        let mut of_layer = || (0..latent.start().len()).map(|_| of_latent()).collect();
        Self::new((0..latent.horizon()).map(|_| of_layer()).collect(), fault)
    }

    /// An emulator of given samples: at least one for each latent state of each layer.
    #[must_use]
    pub fn new(mut samples: Vec<Vec<Vec<usize>>>, fault: Option<Fault>) -> Self {
        if fault == Some(Fault::SharedSample) {
            samples.iter_mut().flatten().for_each(|of_latent| of_latent.truncate(1));
        }
        Self { samples }
    }

    /// V(π) on the emulator: the actions on the samples are the policy of the latent process.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if samples or actions do not fit the latent process.
    pub fn value(&self, latent: &Episodic, acts: &Acts) -> Result<f64, Failure> {
        let unknown = || Failure::invalid("every sample must be an observation on which the policy acts");
        let mut taken = Vec::with_capacity(self.samples.len());
        for (samples, acts) in self.samples.iter().zip(acts) {
            let mut layer = Vec::with_capacity(samples.len());
            for (samples, acts) in samples.iter().zip(acts) {
                let actions = samples.iter().map(|o| acts.get(*o).copied());
                layer.push(actions.collect::<Option<Vec<usize>>>().ok_or_else(unknown)?);
            }
            taken.push(layer);
        }
        action_value(latent, &taken)
    }
}

/// The latent value of a policy whose actions on equally likely observations are listed: `taken[h][z]`.
///
/// # Errors
/// [`Failure::Invalid`] if the lists do not fit the latent process, or one is empty.
pub fn action_value(latent: &Episodic, taken: &Acts) -> Result<f64, Failure> {
    let actions = latent.steps()[0].actions();
    let policy: Vec<Rows> = taken
        .iter()
        .map(|layer| {
            Rows::from_fn(layer.len(), actions, |z, a| {
                let share = layer[z].iter().filter(|b| **b == a).count();
                share as f64 / layer[z].len().max(1) as f64
            })
        })
        .collect();
    let fits =
        taken.len() == latent.horizon() && taken.iter().all(|layer| layer.len() == latent.start().len());
    if !fits || taken.iter().flatten().any(|list| list.is_empty() || list.iter().any(|a| *a >= actions)) {
        return Err(Failure::invalid(format!(
            "every latent state of every layer needs actions below {actions}"
        )));
    }
    Ok(latent.value(&policy))
}

/// Draws a policy: for each latent state of each layer a uniform q, and then action 1 with probability q
/// on each observation.
pub fn draw_policy(latent: &Episodic, observations: usize, stream: &mut Stream) -> Acts {
    let mut of_latent = || {
        let q = stream.uniform();
        (0..observations).map(|_| usize::from(stream.bernoulli(q))).collect()
    };
    let mut of_layer = || (0..latent.start().len()).map(|_| of_latent()).collect();
    (0..latent.horizon()).map(|_| of_layer()).collect()
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::stream::Streams;

    #[test]
    fn values_by_hand() {
        let latent = latent().unwrap();
        // Action 1 everywhere: .7 in the second latent state, then .3 * .3 + .7 * 0, then the last layer
        // pays 1 in the second latent state, which has .3 * .8 + .7 * .6 = .66.
        let ones = vec![vec![vec![1]; 2]; 3];
        assert_relative_eq!(action_value(&latent, &ones).unwrap(), 0.3 * 0.3 + 0.66, epsilon = 1e-15);
        let zeros = vec![vec![vec![0]; 2]; 3];
        // .1, then .2 in the second latent state (.2), then .5 in the first: .8 * .6 + .2 * .9.
        assert_relative_eq!(action_value(&latent, &zeros).unwrap(), 0.1 + 0.04 + 0.33, epsilon = 1e-15);
    }

    #[test]
    fn samples_of_all_observations_give_the_value() {
        let latent = latent().unwrap();
        let acts = draw_policy(&latent, 7, &mut Streams::from_seed(0).stream("policy"));
        let emulator = |layer: Vec<Vec<usize>>, layers| Emulator::new(vec![layer; layers], None);
        let all = emulator(vec![(0..7).collect(); 2], 3);
        assert_eq!(all.value(&latent, &acts), action_value(&latent, &acts));
        assert!(emulator(vec![vec![7]; 2], 3).value(&latent, &acts).is_err());
        assert!(emulator(vec![vec![]; 2], 3).value(&latent, &acts).is_err());
        assert!(emulator(vec![vec![0]; 2], 2).value(&latent, &acts).is_err());
    }
}
