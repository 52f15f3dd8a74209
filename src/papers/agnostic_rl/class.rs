//! Finite classes of deterministic policies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::mdp::{Rows, deterministic},
    papers::leaf::Failure,
};

/// A deterministic policy: π_h(s) as `policy[h][s]`.
pub type Policy = Vec<Vec<usize>>;

/// Policies are enumerated up to this number.
const MOST: usize = 4096;

/// How many layers, states a layer, and actions a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// H.
    pub horizon: usize,
    /// S.
    pub states: usize,
    /// A.
    pub actions: usize,
}

/// Classes with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// At most `ones` pairs (h, s) at which action 1 is taken, and 0 elsewhere; ordered by the number of
    /// ones, then by their cells (h, s), row after row.
    AtMost,
    /// π_h(s) = a_h.
    OpenLoop,
    /// π_h(s) = a.
    Constant,
    /// Every policy.
    All,
}

/// A class Π.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    size: Size,
    policies: Vec<Policy>,
}

impl Class {
    /// A class of the given policies.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if there is none, if they differ in layers or states, or take actions that
    /// there are not.
    pub fn new(actions: usize, policies: Vec<Policy>) -> Result<Self, Failure> {
        let layers = policies.first().filter(|first| !first.is_empty());
        let Some(layers) = layers else {
            return Err(Failure::invalid("`policies` must have at least one policy, and that one layer"));
        };
        let size = Size { horizon: layers.len(), states: layers[0].len(), actions };
        let fits = |policy: &Policy| {
            policy.len() == size.horizon && policy.iter().all(|layer| layer.len() == size.states)
        };
        if size.states == 0 || !policies.iter().all(fits) {
            return Err(Failure::invalid("policies must be tables of equally many layers and states"));
        }
        if policies.iter().flatten().flatten().any(|a| *a >= actions) {
            return Err(Failure::invalid(format!("policies must take actions below {actions}")));
        }
        Ok(Self { size, policies })
    }

    /// A class with a name; `ones` is used by [`Family::AtMost`] alone.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if it is empty or has more than 4096 policies, or if [`Family::AtMost`] is
    /// asked for with another number of actions than two.
    pub fn named(family: Family, ones: usize, size: Size) -> Result<Self, Failure> {
        let Size { horizon, states, actions } = size;
        let cells = horizon.saturating_mul(states);
        let too_large = || Failure::invalid(format!("a class may have at most {MOST} policies and cells"));
        if cells > MOST {
            return Err(too_large());
        }
        let number = match family {
            Family::AtMost if actions != 2 => {
                return Err(Failure::invalid("policies with few ones have two actions"));
            }
            Family::AtMost => (0..=ones.min(cells)).map(|k| choices(cells, k)).fold(0, usize::saturating_add),
            Family::OpenLoop => power(actions, horizon),
            Family::Constant => actions,
            Family::All => power(actions, cells),
        };
        if number > MOST {
            return Err(too_large());
        }
        let table = |action: &dyn Fn(usize, usize) -> usize| -> Policy {
            (0..horizon).map(|h| (0..states).map(|s| action(h, s)).collect()).collect()
        };
        let policies = match family {
            Family::AtMost => (0..=ones.min(cells))
                .flat_map(|k| subsets(cells, k))
                .map(|chosen| table(&|h, s| usize::from(chosen.contains(&(h * states + s)))))
                .collect(),
            Family::OpenLoop => (0..number).map(|i| table(&|h, _| digit(i, h, actions))).collect(),
            Family::Constant => (0..number).map(|a| table(&|_, _| a)).collect(),
            Family::All => (0..number).map(|i| table(&|h, s| digit(i, h * states + s, actions))).collect(),
        };
        Self::new(actions, policies)
    }

    /// H, S and A.
    #[must_use]
    pub fn size(&self) -> Size {
        self.size
    }

    /// The policies, in order; there is at least one.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// Policy number i as H tables (S × A) of probabilities.
    #[must_use]
    pub fn rows(&self, policy: usize) -> Vec<Rows> {
        self.policies[policy].iter().map(|layer| deterministic(layer, self.size.actions)).collect()
    }

    /// min(|Π|, S A, Aʰ⁺¹): no class reaches more pairs of layer h.
    #[must_use]
    pub fn trivial_bound(&self, h: usize) -> usize {
        let Size { states, actions, .. } = self.size;
        self.policies.len().min(states * actions).min(power(actions, h + 1))
    }
}

impl Family {
    /// C_h of the class in closed form, layer after layer; that of [`Family::AtMost`] holds where there
    /// are at least C_{H−2} states, so that no two groups of policies have to meet before the last layer.
    ///
    /// With h + 1 steps made, policies with at most l ones have had Σ_{i ≤ l} binom(h + 1, i) different
    /// sequences of actions; open-loop policies, and all policies, fill min(S, Aʰ) states with all actions.
    #[must_use]
    pub fn capacities(self, ones: usize, size: Size) -> Vec<usize> {
        let Size { horizon, states, actions } = size;
        let layer = |h: usize| match self {
            Self::AtMost => (0..=ones.min(h + 1)).map(|i| choices(h + 1, i)).fold(0, usize::saturating_add),
            Self::OpenLoop | Self::All => power(actions, h + 1).min(states.saturating_mul(actions)),
            Self::Constant => actions,
        };
        (0..horizon).map(layer).collect()
    }
}

/// bᵉ, or the largest number if that is less.
pub(super) fn power(base: usize, exponent: usize) -> usize {
    base.saturating_pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}

/// Digit number i, the lowest first.
fn digit(number: usize, i: usize, base: usize) -> usize {
    number / power(base, i) % base
}

/// The number of subsets of k of n.
fn choices(n: usize, k: usize) -> usize {
    (0..k.min(n - k)).fold(1, |product: usize, i| product.saturating_mul(n - i) / (i + 1))
}

/// Subsets of k of {0 … n − 1} in lexicographic order.
fn subsets(n: usize, k: usize) -> Vec<Vec<usize>> {
    if k == 0 {
        return vec![vec![]];
    }
    let with = |first: usize| {
        subsets(n - first - 1, k - 1)
            .into_iter()
            .map(move |rest| std::iter::once(first).chain(rest.into_iter().map(|i| i + first + 1)).collect())
    };
    (0..=n - k).flat_map(with).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { horizon: 2, states: 3, actions: 2 };

    #[test]
    fn classes_have_the_number_of_policies_that_they_should() {
        for (family, ones, number) in [
            (Family::AtMost, 0, 1),
            (Family::AtMost, 1, 7),
            (Family::AtMost, 2, 22),
            (Family::AtMost, 9, 64),
            (Family::OpenLoop, 0, 4),
            (Family::Constant, 0, 2),
            (Family::All, 0, 64),
        ] {
            let class = Class::named(family, ones, SIZE).unwrap();
            let different: std::collections::BTreeSet<_> = class.policies().iter().collect();
            assert_eq!((class.policies().len(), different.len()), (number, number), "{family:?}");
        }
    }

    #[test]
    fn policies_with_few_ones_are_ordered_by_their_number_and_their_cells() {
        let class = Class::named(Family::AtMost, 2, SIZE).unwrap();
        assert_eq!(class.policies()[0], [[0, 0, 0], [0, 0, 0]]);
        assert_eq!(class.policies()[1], [[1, 0, 0], [0, 0, 0]]);
        assert_eq!(class.policies()[6], [[0, 0, 0], [0, 0, 1]]);
        assert_eq!(class.policies()[7], [[1, 1, 0], [0, 0, 0]]);
        assert_eq!(class.policies()[21], [[0, 0, 0], [0, 1, 1]]);
    }

    #[test]
    fn what_is_no_class_is_refused() {
        assert!(Class::new(2, vec![]).is_err());
        assert!(Class::new(2, vec![vec![]]).is_err());
        assert!(Class::new(2, vec![vec![vec![]]]).is_err());
        assert!(Class::new(2, vec![vec![vec![0, 2]]]).is_err());
        assert!(Class::new(2, vec![vec![vec![0]], vec![vec![0, 0]]]).is_err());
        assert!(Class::named(Family::All, 0, Size { horizon: 8, states: 8, actions: 2 }).is_err());
        assert!(Class::named(Family::AtMost, 1, Size { horizon: 2, states: 2, actions: 3 }).is_err());
        assert!(Class::named(Family::Constant, 0, Size { horizon: 0, states: 2, actions: 2 }).is_err());
        assert!(
            Class::named(Family::OpenLoop, 0, Size { horizon: usize::MAX, states: 1, actions: 2 }).is_err()
        );
    }
}
