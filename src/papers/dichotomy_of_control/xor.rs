//! Why reward and next state must be looked at together.
//!
//! Two steps. In the first, the reward r₀ ∈ {0, 1} and the next state s₁ ∈ {1, 2} are independent fair
//! coins. In the second, the good action pays 1, the bad one 0. The behaviour plays good if and only if
//! z = r₀ ⊕ \[s₁ = 2\] is 0. Neither coin knows z; together they determine it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    consistency::Consistency,
    joint::Joint,
    problem::{Outcome, Process},
    tree::Tree,
};
use crate::{
    kernel::{mdp::Rows, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Settings of the test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A latent passes a test if it has at most this information, in nats.
    pub threshold: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threshold: 1e-9 }
    }
}

/// Tests of a latent that hides in two coins.
pub struct Xor {
    settings: Settings,
    tree: Tree,
}

impl Measure for Xor {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "xor";
    const SUMMARY: &'static str =
        "A latent that reward and next state determine together, but not each by itself.";
    const METRICS: &'static [Metric] = &[
        Metric::new("separate-information", "Σ I(r; z | h, a) + Σ I(s'; z | h, a).").unit("nats"),
        Metric::new("joint-information", "Σ I((r, s'); z | h, a).").unit("nats"),
        Metric::new("predicted", "V(0)."),
        Metric::new("achieved", "V_M(π₀)."),
        Metric::new("accepted", "1 if the latent passes the test, else 0.").range(0.0, 1.0),
        Metric::new("accepted-gap", "Largest |V(z) − V_M(π_z)| if the latent passes the test, else 0.")
            .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::JointMiTestOff];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !(settings.threshold >= 0.0 && settings.threshold.is_finite()) {
            return Err(Failure::invalid("`threshold` must not be negative"));
        }
        let coins = || vec![vec![0.0, 0.5, 0.5]; 2];
        let stay = |s: usize| vec![(0..3).map(|t| f64::from(u8::from(t == s))).collect(); 2];
        // Action 0 is good, action 1 bad.
        let good_and_bad = || vec![Outcome::always(1.0), Outcome::always(0.0)];
        let process = Process {
            transition: vec![coins(), stay(1), stay(2)],
            rewards: vec![vec![Outcome::bernoulli(0.5); 2], good_and_bad(), good_and_bad()],
            horizon: 2,
        };
        process.check()?;
        Ok(Self { settings, tree: Tree::of(&process) })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let joint = Joint {
            tree: &self.tree,
            masses: Rows::from_fn(self.tree.trajectories.len(), 2, |i, z| {
                let trajectory = &self.tree.trajectories[i];
                let [first, second] = [trajectory.steps[0], trajectory.steps[1]];
                // Rewards are numbered 0 and 1, as their values.
                let hidden = first.reward ^ usize::from(second.state == 2);
                let behaves = first.action == 0 && second.action == hidden;
                if behaves && hidden == z { trajectory.chance } else { 0.0 }
            }),
        };
        let separate = joint.reward_information() + joint.state_information();
        let judged = Consistency::of(&joint, None);
        let tested = if fault == Some(Fault::JointMiTestOff) { separate } else { judged.information };
        let accepted = tested <= self.settings.threshold;
        Ok(Measurement::new()
            .metric("separate-information", separate)
            .metric("joint-information", judged.information)
            .metric("predicted", judged.latents[0].predicted)
            .metric("achieved", judged.latents[0].achieved)
            .metric("accepted", f64::from(u8::from(accepted)))
            .metric("accepted-gap", if accepted { judged.largest_gap() } else { 0.0 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn two_coins_by_hand() {
        let xor = Xor::prepare(Settings::default(), &Data::default()).unwrap();
        let sound = xor.replicate(None, &Streams::from_seed(0)).unwrap();
        let broken = xor.replicate(Some(Fault::JointMiTestOff), &Streams::from_seed(0)).unwrap();
        for (metric, known) in [
            ("separate-information", 0.0),
            ("joint-information", 2_f64.ln()),
            ("predicted", 1.5),
            ("achieved", 1.25),
            ("accepted", 0.0),
            ("accepted-gap", 0.0),
        ] {
            assert_relative_eq!(sound.get(metric).unwrap(), known, epsilon = 1e-15);
        }
        assert_eq!(broken.get("accepted"), Some(1.0));
        assert_relative_eq!(broken.get("accepted-gap").unwrap(), 0.25, epsilon = 1e-15);
    }
}
