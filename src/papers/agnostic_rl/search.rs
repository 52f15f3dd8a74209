//! Search for the one rewarding leaf of a tree.
//!
//! On the tree with Aᴴ leaves, in which a state is a history of actions, an open-loop policy leads to a leaf of
//! its own, so C(Π) = Aᴴ. One leaf pays. Whatever order they are tried in, policies that are never
//! tried twice find it after (Aᴴ + 1)/2 episodes on average over where it is.

use super::{Fault, class::power};
use crate::papers::leaf::Failure;

/// Leaves at most.
const MOST: usize = 1 << 12;

/// The number of leaves Aᴴ.
///
/// # Errors
/// [`Failure::Invalid`] if there is no layer or no action, or there are more than 4096 leaves.
pub fn leaves(actions: usize, horizon: usize) -> Result<usize, Failure> {
    let number = power(actions, horizon);
    if actions == 0 || horizon == 0 || number > MOST {
        return Err(Failure::invalid(format!("there must be 1 to {MOST} leaves")));
    }
    Ok(number)
}

/// The policies that are searched, as the leaf that each leads to: its actions as digits.
#[must_use]
pub fn policies(actions: usize, leaves: usize, fault: Option<Fault>) -> Vec<usize> {
    match fault {
        // The leaf of the constant policy a has all digits a.
        Some(Fault::StructuredClass) if actions > 1 => {
            let ones = (leaves - 1) / (actions - 1);
            (0..actions).map(|a| a * ones).collect()
        }
        _ => (0..leaves).collect(),
    }
}

/// Episodes until the rewarding leaf is found, as a mean over where it is, if policies are tried in this
/// order, each leading to a leaf of its own.
#[must_use]
pub fn mean_episodes(order: &[usize]) -> f64 {
    // A policy is played until it has paid, wherever the reward is among the leaves of the class.
    let episodes = |rewarding: &usize| order.iter().take_while(|leaf| *leaf != rewarding).count() + 1;
    order.iter().map(|rewarding| episodes(rewarding) as f64).sum::<f64>() / order.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_means() {
        let mean = |actions, horizon, fault| {
            mean_episodes(&policies(actions, leaves(actions, horizon).unwrap(), fault))
        };
        assert_eq!(mean(2, 5, None), 16.5);
        assert_eq!(mean(3, 4, None), 41.0);
        assert_eq!(mean(2, 5, Some(Fault::StructuredClass)), 1.5);
        assert_eq!(policies(3, 81, Some(Fault::StructuredClass)), [0, 40, 80]);
        assert!(leaves(2, 13).is_err());
        assert!(leaves(0, 1).is_err());
    }
}
