//! Whether conditioning on a latent keeps what it promises.

use super::{Fault, joint::Joint};
use crate::kernel::{
    divergence::kl,
    math::sum,
    mdp::{Rows, argmax},
};

/// A latent z with Pr(z) > 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conditioned {
    /// Its number.
    pub latent: usize,
    /// Pr(z).
    pub probability: f64,
    /// V(z) = E\[G|z\]: what is promised.
    pub predicted: f64,
    /// V_M(π_z): what is obtained.
    pub achieved: f64,
    /// KL(Pr(·|z) ‖ Pr(·|π_z)), in nats.
    pub divergence: f64,
}

impl Conditioned {
    /// |V(z) − V_M(π_z)|.
    #[must_use]
    pub fn gap(&self) -> f64 {
        (self.predicted - self.achieved).abs()
    }
}

/// All latents of a joint law.
#[derive(Clone, Debug, PartialEq)]
pub struct Consistency {
    /// Those that occur.
    pub latents: Vec<Conditioned>,
    /// Σₜ I((rₜ, sₜ₊₁); z | hₜ, aₜ), in nats.
    pub information: f64,
    /// (G_max − G_min) √(½ Σₜ Iₜ), which the mean gap does not exceed.
    pub bound: f64,
}

impl Consistency {
    /// Judges all latents of a joint law.
    #[must_use]
    pub fn of(joint: &Joint, fault: Option<Fault>) -> Self {
        let latents = joint
            .weights()
            .iter()
            .enumerate()
            .filter(|(_, probability)| **probability > 0.0)
            .map(|(z, probability)| conditioned(joint, z, *probability, fault))
            .collect();
        // Rounding may leave an information of −1e-17.
        let information = joint.information(fault);
        let half = 0.5 * information.max(0.0);
        let distance = if fault == Some(Fault::MissingSquareRoot) { half } else { half.sqrt() };
        Self { latents, information, bound: joint.tree.spread() * distance }
    }

    /// Largest |V(z) − V_M(π_z)|.
    #[must_use]
    pub fn largest_gap(&self) -> f64 {
        self.latents.iter().map(Conditioned::gap).fold(0.0, f64::max)
    }

    /// E|V(z) − V_M(π_z)| over z.
    #[must_use]
    pub fn mean_gap(&self) -> f64 {
        sum(self.latents.iter().map(|latent| latent.probability * latent.gap()))
    }

    /// E KL(Pr(·|z) ‖ Pr(·|π_z)) over z, in nats.
    #[must_use]
    pub fn mean_divergence(&self) -> f64 {
        sum(self.latents.iter().map(|latent| latent.probability * latent.divergence))
    }

    /// z* = argmax V(z), the first of ties.
    #[must_use]
    pub fn best(&self, fault: Option<Fault>) -> &Conditioned {
        let sign = if fault == Some(Fault::ArgminLatent) { -1.0 } else { 1.0 };
        let values: Vec<f64> = self.latents.iter().map(|latent| sign * latent.predicted).collect();
        &self.latents[argmax(&values)]
    }
}

fn conditioned(joint: &Joint, z: usize, probability: f64, fault: Option<Fault>) -> Conditioned {
    let trajectories = &joint.tree.trajectories;
    let posterior: Vec<f64> = joint.masses.iter().map(|row| row[z] / probability).collect();
    let law = obtained(joint, &posterior, fault);
    let mean_return = |law: &[f64]| sum(trajectories.iter().zip(law).map(|(t, p)| p * t.total));
    let predicted = if fault == Some(Fault::MaxReturnValue) {
        let seen = trajectories.iter().zip(&posterior).filter(|(_, p)| **p > 0.0);
        seen.map(|(t, _)| t.total).fold(f64::NEG_INFINITY, f64::max)
    } else {
        mean_return(&posterior)
    };
    Conditioned {
        latent: z,
        probability,
        predicted,
        achieved: mean_return(&law),
        divergence: kl(&posterior, &law),
    }
}

/// Pr(τ|π_z) = Π π_z(aₜ|hₜ) R T for every trajectory, from Pr(τ|z).
fn obtained(joint: &Joint, posterior: &[f64], fault: Option<Fault>) -> Vec<f64> {
    let tree = joint.tree;
    let markov = fault == Some(Fault::MarkovReturnPolicy);
    let places = if markov { tree.states } else { tree.histories };
    let mut taken = Rows::zeros(places, tree.actions);
    for (trajectory, p) in tree.trajectories.iter().zip(posterior) {
        for step in &trajectory.steps {
            taken[if markov { step.state } else { step.history }][step.action] += p;
        }
    }
    let visits: Vec<f64> = taken.iter().map(|row| sum(row.iter().copied())).collect();
    let policy = |place: usize, action: usize| {
        if visits[place] > 0.0 { taken[place][action] / visits[place] } else { 1.0 / tree.actions as f64 }
    };
    tree.trajectories
        .iter()
        .map(|trajectory| {
            trajectory.steps.iter().fold(trajectory.chance, |law, step| {
                law * policy(if markov { step.state } else { step.history }, step.action)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kernel::splitmix::SplitMix64,
        papers::dichotomy_of_control::{Latent, Problem, Tree},
    };
    use approx::assert_relative_eq;

    #[test]
    fn what_is_obtained_is_a_law_that_any_policy_could_have() {
        let mut generator = SplitMix64::new(5);
        let problem = Problem::random(&mut generator, [2, 3, 2, 2]);
        let tree = Tree::of(&problem.process);
        for latent in [Latent::Mixture, Latent::Return, Latent::Random] {
            let joint = problem.joint(&tree, latent, &mut generator);
            for z in 0..joint.latents() {
                let weight = joint.weights()[z];
                let posterior: Vec<f64> = joint.masses.iter().map(|row| row[z] / weight).collect();
                assert_relative_eq!(sum(obtained(&joint, &posterior, None)), 1.0, epsilon = 1e-12);
            }
        }
    }

    #[test]
    fn a_single_latent_promises_the_behaviour_value() {
        let problem = Problem::random(&mut SplitMix64::new(5), [2, 2, 3, 3]);
        let tree = Tree::of(&problem.process);
        let joint = problem.grouped(&tree, 1, |_, _| vec![1.0]);
        let judged = Consistency::of(&joint, None);
        let only = judged.best(None);
        assert_relative_eq!(only.predicted, joint.behaviour_value(), epsilon = 1e-12);
        assert_relative_eq!(only.achieved, joint.behaviour_value(), epsilon = 1e-12);
        assert_relative_eq!(judged.information, 0.0, epsilon = 1e-15);
    }
}
