//! Spanning capacity, by search through all deterministic processes.
//!
//! A deterministic process enters only through where it puts the policies: a *configuration* of layer h
//! is the set of policies that stand in each of its states. The policies of a state that take the same
//! action are a *group*, which the process may send to any state of the next layer; the number of groups
//! is the number of pairs (s, a) that are reached. Groups that meet can split again into more groups than
//! two that stay apart, where states are few: so the search may not stop at trees.

use std::collections::BTreeSet;

use super::{
    Fault,
    class::{Class, Size},
};
use crate::papers::leaf::Failure;

/// Policies that stand in a state, one bit each.
type Set = u128;

/// Sets that the configurations of a layer may have in all: their memory is a quarter of a gigabyte, and what is
/// copied and compared takes seconds.
const MOST: usize = 1 << 24;

/// C_h(Π) of every layer.
///
/// # Errors
/// [`Failure::Invalid`] for more than 128 policies, or for configurations of more than 2²⁴ sets.
pub fn spanning_capacities(class: &Class, fault: Option<Fault>) -> Result<Vec<usize>, Failure> {
    let Size { horizon, states, .. } = class.size();
    let number = class.policies().len();
    if number > Set::BITS as usize {
        return Err(Failure::invalid("the capacity is searched for at most 128 policies"));
    }
    let everyone = Set::MAX >> (Set::BITS as usize - number);
    let takers = Takers::of(class);
    let start = |s: usize| (0..states).map(|state| if state == s { everyone } else { 0 }).collect();
    let mut layer: BTreeSet<Vec<Set>> = (0..states).map(start).collect();
    let mut capacities = vec![layer.iter().map(|sets| takers.groups(0, sets).count()).max().unwrap_or(0)];
    for h in 1..horizon {
        let (mut next, mut most) = (BTreeSet::new(), 0);
        let mut searched = 0_usize;
        for sets in &layer {
            let groups: Vec<Set> = takers.groups(h - 1, sets).collect();
            let configurations = super::class::power(states, groups.len());
            searched = searched.saturating_add(states.saturating_mul(configurations));
            if searched > MOST {
                return Err(Failure::invalid("there are too many processes to search: use fewer states"));
            }
            place(&groups, &mut vec![0; states], fault, &mut |sets| {
                most = most.max(takers.groups(h, sets).count());
                if h + 1 < horizon {
                    next.insert(sets.to_vec());
                }
            });
        }
        capacities.push(most);
        layer = next;
    }
    Ok(capacities)
}

/// Sends each group to each state, in all combinations.
fn place(groups: &[Set], sets: &mut Vec<Set>, fault: Option<Fault>, visit: &mut impl FnMut(&[Set])) {
    let Some((group, rest)) = groups.split_first() else {
        visit(sets);
        return;
    };
    for state in 0..sets.len() {
        let before = sets[state];
        if fault == Some(Fault::TreeOnly) && before != 0 {
            continue;
        }
        sets[state] |= group;
        place(rest, sets, fault, visit);
        sets[state] = before;
    }
}

/// Which policies take action a in state s of layer h.
struct Takers {
    size: Size,
    /// In the order (h S + s) A + a.
    sets: Vec<Set>,
}

impl Takers {
    fn of(class: &Class) -> Self {
        let size @ Size { horizon, states, actions } = class.size();
        let mut sets = vec![0; horizon * states * actions];
        for (i, policy) in class.policies().iter().enumerate() {
            for (cell, a) in policy.iter().flatten().enumerate() {
                sets[cell * actions + a] |= 1 << i;
            }
        }
        Self { size, sets }
    }

    /// The groups of a configuration of layer h.
    fn groups(&self, h: usize, sets: &[Set]) -> impl Iterator<Item = Set> {
        let pairs = self.size.states * self.size.actions;
        let takers = self.sets[h * pairs..(h + 1) * pairs].chunks_exact(self.size.actions);
        sets.iter()
            .zip(takers)
            .flat_map(|(set, takers)| takers.iter().map(move |taker| set & taker))
            .filter(|g| *g != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::papers::agnostic_rl::class::Family;

    fn capacities(
        family: Family,
        ones: usize,
        horizon: usize,
        states: usize,
        fault: Option<Fault>,
    ) -> Vec<usize> {
        let class = Class::named(family, ones, Size { horizon, states, actions: 2 }).unwrap();
        spanning_capacities(&class, fault).unwrap()
    }

    #[test]
    fn known_capacities() {
        assert_eq!(capacities(Family::AtMost, 1, 4, 4, None), [2, 3, 4, 5]);
        assert_eq!(capacities(Family::AtMost, 2, 3, 4, None), [2, 4, 7]);
        assert_eq!(capacities(Family::AtMost, 2, 3, 3, None), [2, 4, 6]);
        assert_eq!(capacities(Family::OpenLoop, 0, 3, 4, None), [2, 4, 8]);
        assert_eq!(capacities(Family::Constant, 0, 3, 4, None), [2, 2, 2]);
        assert_eq!(capacities(Family::All, 0, 3, 2, None), [2, 4, 4]);
    }

    #[test]
    fn trees_miss_where_states_are_few() {
        let trees = Some(Fault::TreeOnly);
        assert_eq!(capacities(Family::AtMost, 2, 3, 3, trees), [2, 4, 0]);
        assert_eq!(capacities(Family::All, 0, 3, 2, trees), [2, 4, 0]);
        assert_eq!(capacities(Family::AtMost, 2, 3, 4, trees), [2, 4, 7]);
    }

    #[test]
    fn what_cannot_be_searched_is_refused() {
        let size = Size { horizon: 2, states: 4, actions: 2 };
        assert!(spanning_capacities(&Class::named(Family::All, 0, size).unwrap(), None).is_err());
        for (horizon, states) in [(5, 16), (4, 40)] {
            let size = Size { horizon, states, actions: 2 };
            assert!(spanning_capacities(&Class::named(Family::OpenLoop, 0, size).unwrap(), None).is_err());
        }
    }
}
