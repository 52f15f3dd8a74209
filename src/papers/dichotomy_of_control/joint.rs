//! Joint laws of trajectory and latent, and what the latent knows of chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    episodes::same_return,
    problem::Problem,
    tree::{Step, Trajectory, Tree},
};
use crate::kernel::{divergence::mutual_information, math::sum, mdp::Rows, splitmix::SplitMix64};

/// How far [`Latent::Weak`] is from independence.
const TILT: f64 = 0.02;

/// Number of values of [`Latent::Random`].
const RANDOM_LATENTS: usize = 4;

/// What z says of a trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Latent {
    /// Which policy of the mixture acted: q is its posterior. What DoC finds.
    Mixture,
    /// The return, ascending. What DT conditions on.
    Return,
    /// Two values with q(1|τ) = ½ + 0.02 (2 (G − G_min)/(G_max − G_min) − 1): hardly anything.
    Weak,
    /// Four values, q(·|τ) drawn from the simplex for each trajectory.
    Random,
}

impl Latent {
    /// The latent that is studied, under a fault that replaces it.
    #[must_use]
    pub fn under(self, fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::ReturnAsLatent) => Self::Return,
            Some(Fault::DropMiConstraint) => Self::Random,
            _ => self,
        }
    }
}

/// Pr(τ, z) for the trajectories of a tree.
#[derive(Clone, Debug)]
pub struct Joint<'a> {
    /// The trajectories.
    pub tree: &'a Tree,
    /// Pr(τ, z) in row τ (trajectories × latents).
    pub masses: Rows,
}

impl Problem {
    /// The joint law of trajectory and latent. `generator` is drawn from for [`Latent::Random`] only.
    #[must_use]
    pub fn joint<'a>(&self, tree: &'a Tree, latent: Latent, generator: &mut SplitMix64) -> Joint<'a> {
        match latent {
            Latent::Mixture => Joint { tree, masses: self.laws(tree) },
            Latent::Return => {
                let mut returns: Vec<f64> = tree.trajectories.iter().map(|t| t.total).collect();
                returns.sort_by(f64::total_cmp);
                returns.dedup_by(|a, b| same_return(*a, *b));
                self.grouped(tree, returns.len(), |_, trajectory| {
                    returns.iter().map(|g| f64::from(u8::from(same_return(*g, trajectory.total)))).collect()
                })
            }
            Latent::Weak => {
                let (low, spread) = (tree.range().0, tree.spread());
                self.grouped(tree, 2, |_, trajectory| {
                    let height = if spread > 0.0 { (trajectory.total - low) / spread } else { 0.5 };
                    let tilt = TILT * (2.0 * height - 1.0);
                    vec![0.5 - tilt, 0.5 + tilt]
                })
            }
            Latent::Random => self.grouped(tree, RANDOM_LATENTS, |_, _| generator.simplex(RANDOM_LATENTS)),
        }
    }

    /// The joint law with q(z|τ) = `conditional(number of τ, τ)[z]`.
    #[must_use]
    pub fn grouped<'a>(
        &self,
        tree: &'a Tree,
        latents: usize,
        mut conditional: impl FnMut(usize, &Trajectory) -> Vec<f64>,
    ) -> Joint<'a> {
        let laws = self.laws(tree);
        let mut masses = Rows::zeros(tree.trajectories.len(), latents);
        for (i, trajectory) in tree.trajectories.iter().enumerate() {
            let law = sum(laws[i].iter().copied());
            for (mass, q) in masses[i].iter_mut().zip(conditional(i, trajectory)) {
                *mass = law * q;
            }
        }
        Joint { tree, masses }
    }

    /// w_k Π π_k(aₜ|sₜ) R T in row τ and column k: trajectory and policy of the mixture, jointly.
    fn laws(&self, tree: &Tree) -> Rows {
        Rows::from_fn(tree.trajectories.len(), self.behaviour.len(), |i, k| {
            let (trajectory, component) = (&tree.trajectories[i], &self.behaviour[k]);
            let taken = trajectory.steps.iter().map(|step| component.policy[step.state][step.action]);
            taken.fold(trajectory.chance * component.weight, |mass, p| mass * p)
        })
    }
}

impl Joint<'_> {
    /// Number of latents.
    #[must_use]
    pub fn latents(&self) -> usize {
        self.masses.width()
    }

    /// Pr(z).
    #[must_use]
    pub fn weights(&self) -> Vec<f64> {
        (0..self.latents()).map(|z| sum(self.masses.iter().map(|row| row[z]))).collect()
    }

    /// V(π_D) = E\[G\].
    #[must_use]
    pub fn behaviour_value(&self) -> f64 {
        let totals = self.tree.trajectories.iter().map(|trajectory| trajectory.total);
        sum(totals.zip(self.masses.iter()).map(|(total, row)| total * sum(row.iter().copied())))
    }

    /// Σₜ I((rₜ, sₜ₊₁); z | hₜ, aₜ), in nats: what z knows of chance.
    #[must_use]
    pub fn information(&self, fault: Option<Fault>) -> f64 {
        let both = |step: &Step| step.reward * (self.tree.states + 1) + self.next(step);
        if fault == Some(Fault::MarginalMi) {
            return self.information_about(both, |time, _| time);
        }
        self.information_about(both, |_, step| self.place(step))
    }

    /// Σₜ I(rₜ; z | hₜ, aₜ), in nats.
    #[must_use]
    pub fn reward_information(&self) -> f64 {
        self.information_about(|step| step.reward, |_, step| self.place(step))
    }

    /// Σₜ I(sₜ₊₁; z | hₜ, aₜ), in nats.
    #[must_use]
    pub fn state_information(&self) -> f64 {
        self.information_about(|step| self.next(step), |_, step| self.place(step))
    }

    /// Number of (hₜ, aₜ).
    fn place(&self, step: &Step) -> usize {
        step.history * self.tree.actions + step.action
    }

    /// sₜ₊₁, and S for none.
    fn next(&self, step: &Step) -> usize {
        step.next.unwrap_or(self.tree.states)
    }

    /// Σₜ I(outcome; z | context).
    fn information_about(
        &self,
        outcome: impl Fn(&Step) -> usize,
        context: impl Fn(usize, &Step) -> usize,
    ) -> f64 {
        let steps = self.tree.trajectories.iter().enumerate().flat_map(|(i, trajectory)| {
            trajectory.steps.iter().enumerate().map(move |(time, step)| (i, time, step))
        });
        let mut cells: Vec<(usize, usize, usize)> =
            steps.map(|(i, time, step)| (context(time, step), outcome(step), i)).collect();
        cells.sort_unstable();
        sum(cells.chunk_by(|a, b| a.0 == b.0).map(|in_context| {
            let outcomes: Vec<_> = in_context.chunk_by(|a, b| a.1 == b.1).collect();
            mutual_information(&Rows::from_fn(outcomes.len(), self.latents(), |o, z| {
                sum(outcomes[o].iter().map(|(_, _, i)| self.masses[*i][z]))
            }))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn every_latent_keeps_the_law_of_trajectories() {
        let mut generator = SplitMix64::new(1);
        let problem = Problem::random(&mut generator, [2, 2, 3, 3]);
        let tree = Tree::of(&problem.process);
        let value = problem.joint(&tree, Latent::Mixture, &mut generator).behaviour_value();
        for (latent, count) in [(Latent::Return, 4), (Latent::Weak, 2), (Latent::Random, 4)] {
            let joint = problem.joint(&tree, latent, &mut generator);
            assert_eq!(joint.latents(), count);
            assert_relative_eq!(sum(joint.weights()), 1.0, epsilon = 1e-12);
            assert_relative_eq!(joint.behaviour_value(), value, epsilon = 1e-12);
        }
    }

    #[test]
    fn a_mixture_knows_nothing_of_chance_and_the_return_knows_much() {
        let mut generator = SplitMix64::new(1);
        let problem = Problem::random(&mut generator, [2, 2, 3, 3]);
        let tree = Tree::of(&problem.process);
        let mut information = |latent| problem.joint(&tree, latent, &mut generator).information(None);
        assert_relative_eq!(information(Latent::Mixture), 0.0, epsilon = 1e-15);
        assert!(information(Latent::Return) > 0.5);
        assert!(information(Latent::Weak) < 1e-3);
    }
}
