//! Single decisions with closed forms: the Bernoulli bandit and the lottery.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    consistency::Consistency,
    episodes::{Dataset, Episode, Pair},
    joint::{Joint, Latent},
    problem::{Component, Outcome, Problem, Process},
    tree::Tree,
};
use crate::{
    kernel::{math::sum, splitmix::SplitMix64, stream::Streams},
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// A choice between actions 0 and 1, once.
struct Decision {
    problem: Problem,
    tree: Tree,
}

impl Decision {
    /// Rewards of the two actions, and the probability that the behaviour takes action 1.
    fn new(rewards: Vec<Vec<Outcome>>, second: f64) -> Self {
        let always = |action: usize, weight: f64| {
            let row = (0..2).map(|a| f64::from(u8::from(a == action))).collect();
            Component { weight, policy: vec![row] }
        };
        let process = Process::decision(rewards);
        let tree = Tree::of(&process);
        Self {
            problem: Problem { process, behaviour: vec![always(0, 1.0 - second), always(1, second)] },
            tree,
        }
    }

    fn joint(&self, latent: Latent) -> Joint<'_> {
        self.problem.joint(&self.tree, latent, &mut SplitMix64::new(0))
    }

    /// What return conditioning obtains when it conditions on the largest return.
    fn conditioned_value(&self) -> f64 {
        // Returns ascend, and all of them occur.
        Consistency::of(&self.joint(Latent::Return), None)
            .latents
            .last()
            .map_or(0.0, |latent| latent.achieved)
    }

    /// The same from the counts of the whole population of episodes.
    fn counted_value(&self, fault: Option<Fault>) -> f64 {
        let joint = self.joint(Latent::Mixture);
        let episodes =
            self.tree.trajectories.iter().zip(joint.masses.iter()).map(|(trajectory, row)| Episode {
                steps: trajectory.steps.iter().map(|s| Pair { state: s.state, action: s.action }).collect(),
                total: trajectory.total,
                weight: sum(row.iter().copied()),
            });
        let dataset = Dataset { states: 1, actions: 2, episodes: episodes.collect() };
        let policy = dataset.return_conditioned(self.tree.range().1, fault);
        let mean = |law: &[Outcome]| sum(law.iter().map(|o| o.probability * o.reward));
        sum(self.problem.process.rewards[0].iter().zip(&policy[0]).map(|(law, p)| p * mean(law)))
    }

    /// What DoC obtains: here the latent is the action.
    fn doc_value(&self, fault: Option<Fault>) -> f64 {
        Consistency::of(&self.joint(Latent::Mixture), fault).best(fault).achieved
    }

    fn behaviour_value(&self) -> f64 {
        self.joint(Latent::Mixture).behaviour_value()
    }
}

/// What acts in the bandit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Chooser {
    /// Return conditioning on r = 1.
    ReturnConditioned,
    /// Dichotomy of control.
    Doc,
    /// The behaviour itself.
    Behaviour,
}

/// Settings of the bandit.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BanditSettings {
    /// 0 < p < ½: arm 1 pays 1 with probability 1 − p and is pulled with probability p; arm 0 the other way round.
    pub p: f64,
    /// What acts.
    pub chooser: Chooser,
}

impl Default for BanditSettings {
    fn default() -> Self {
        Self { p: 0.05, chooser: Chooser::Doc }
    }
}

/// The Bernoulli bandit whose better arm is rarely pulled.
pub struct Bandit(BanditSettings);

impl Bandit {
    /// Values in the bandit of this p, held against their closed forms.
    pub fn values(p: f64, fault: Option<Fault>) -> Result<BanditValues, Failure> {
        if !(p > 0.0 && p < 0.5) {
            return Err(Failure::invalid("`p` must lie between 0 and ½"));
        }
        let decision = Decision::new(vec![Outcome::bernoulli(p), Outcome::bernoulli(1.0 - p)], p);
        let behaviour = decision.behaviour_value();
        let conditioned = decision.counted_value(fault);
        let doc = decision.doc_value(fault);
        Ok(BanditValues {
            behaviour,
            conditioned,
            doc,
            conditioned_error: (conditioned - 0.5).abs(),
            count_error: (conditioned - decision.conditioned_value()).abs(),
            doc_error: (doc - (1.0 - p)).abs(),
            behaviour_error: (behaviour - 2.0 * p * (1.0 - p)).abs(),
        })
    }
}

/// Values in a bandit.
#[derive(Clone, Copy, Debug)]
pub struct BanditValues {
    /// Of the behaviour.
    pub behaviour: f64,
    /// Of return conditioning from counts.
    pub conditioned: f64,
    /// Of DoC.
    pub doc: f64,
    /// Distance of return conditioning from ½.
    pub conditioned_error: f64,
    /// Distance of return conditioning from counts and by enumeration.
    pub count_error: f64,
    /// Distance of DoC from 1 − p.
    pub doc_error: f64,
    /// Distance of the behaviour from 2p(1 − p).
    pub behaviour_error: f64,
}

impl Measure for Bandit {
    type Settings = BanditSettings;
    type Fault = Fault;
    const NAME: &'static str = "bandit";
    const SUMMARY: &'static str = "Values in a two-armed Bernoulli bandit whose better arm is rarely pulled.";
    const METRICS: &'static [Metric] = &[
        Metric::new("value", "Mean reward of what acts.").range(0.0, 1.0).higher_is_better(),
        Metric::new("return-conditioned-error", "Distance of the value of return conditioning from ½.")
            .range(0.0, 1.0),
        Metric::new("count-error", "Distance of return conditioning from counts and by enumeration.")
            .range(0.0, 1.0),
        Metric::new("doc-error", "Distance of the value of DoC from 1 − p.").range(0.0, 1.0),
        Metric::new("behaviour-error", "Distance of the value of the behaviour from 2p(1 − p).")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ReweightByBehaviour, Fault::ArgminLatent];
    const STOCHASTIC: bool = false;

    fn prepare(settings: BanditSettings, _: &Data) -> Result<Self, Failure> {
        Self::values(settings.p, None)?;
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let values = Self::values(self.0.p, fault)?;
        let value = match self.0.chooser {
            Chooser::ReturnConditioned => values.conditioned,
            Chooser::Doc => values.doc,
            Chooser::Behaviour => values.behaviour,
        };
        Ok(Measurement::new()
            .metric("value", value)
            .metric("return-conditioned-error", values.conditioned_error)
            .metric("count-error", values.count_error)
            .metric("doc-error", values.doc_error)
            .metric("behaviour-error", values.behaviour_error))
    }
}

/// A lottery, or a sure reward. Gambling is action 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LotterySettings {
    /// g, probability of the prize, between 0 and 1.
    pub chance: f64,
    /// B, the prize; without it the gamble pays 0.
    pub prize: f64,
    /// c, what the safe action pays, between 0 and B.
    pub safe: f64,
    /// b, probability that the behaviour gambles, between 0 and 1.
    pub gamble_share: f64,
}

impl Default for LotterySettings {
    fn default() -> Self {
        Self { chance: 0.01, prize: 100.0, safe: 10.0, gamble_share: 0.5 }
    }
}

/// The lottery: the largest return that was ever seen is luck.
pub struct Lottery(Decision);

/// Values in a lottery.
#[derive(Clone, Copy, Debug)]
pub struct LotteryValues {
    /// Of return conditioning on the prize.
    pub conditioned: f64,
    /// Of DoC.
    pub doc: f64,
}

impl LotterySettings {
    fn decision(&self) -> Result<Decision, Failure> {
        let Self { chance, prize, safe, gamble_share } = *self;
        let inside = |p: f64| p > 0.0 && p < 1.0;
        if !(inside(chance) && inside(gamble_share) && 0.0 < safe && safe < prize && prize <= 1e6) {
            return Err(Failure::invalid(
                "needs `chance` and `gamble_share` between 0 and 1, and 0 < `safe` < `prize` ≤ 1e6",
            ));
        }
        let gamble = vec![
            Outcome { reward: 0.0, probability: 1.0 - chance },
            Outcome { reward: prize, probability: chance },
        ];
        Ok(Decision::new(vec![gamble, Outcome::always(safe)], 1.0 - gamble_share))
    }

    /// What return conditioning and DoC obtain.
    pub fn values(&self, fault: Option<Fault>) -> Result<LotteryValues, Failure> {
        Ok(Lottery(self.decision()?).values(fault))
    }
}

impl Lottery {
    fn values(&self, fault: Option<Fault>) -> LotteryValues {
        LotteryValues { conditioned: self.0.conditioned_value(), doc: self.0.doc_value(fault) }
    }
}

impl Measure for Lottery {
    type Settings = LotterySettings;
    type Fault = Fault;
    const NAME: &'static str = "lottery";
    const SUMMARY: &'static str = "What is obtained where the largest return is that of a bad gamble.";
    const METRICS: &'static [Metric] = &[
        Metric::new("return-conditioned-value", "Mean reward of return conditioning on the prize.")
            .range(0.0, f64::INFINITY)
            .higher_is_better(),
        Metric::new("doc-value", "Mean reward of DoC.").range(0.0, f64::INFINITY).higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MaxReturnValue, Fault::ArgminLatent];
    const STOCHASTIC: bool = false;

    fn prepare(settings: LotterySettings, _: &Data) -> Result<Self, Failure> {
        settings.decision().map(Self)
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let LotteryValues { conditioned, doc } = self.values(fault);
        Ok(Measurement::new().metric("return-conditioned-value", conditioned).metric("doc-value", doc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_bandit_by_hand() {
        let values = Bandit::values(0.05, None).unwrap();
        assert_relative_eq!(values.conditioned, 0.5, epsilon = 1e-15);
        assert_relative_eq!(values.doc, 0.95, epsilon = 1e-15);
        assert_relative_eq!(values.behaviour, 0.095, epsilon = 1e-15);
        assert!(values.count_error < 1e-15);
        let twice = Bandit::values(0.05, Some(Fault::ReweightByBehaviour)).unwrap();
        assert_relative_eq!(twice.conditioned, 0.095, epsilon = 1e-15);
        assert!(matches!(Bandit::values(0.5, None), Err(Failure::Invalid(_))));
    }

    #[test]
    fn the_lottery_by_hand() {
        let lottery = LotterySettings::default();
        let values = lottery.values(None).unwrap();
        assert_relative_eq!(values.conditioned, 1.0, epsilon = 1e-12);
        assert_relative_eq!(values.doc, 10.0, epsilon = 1e-12);
        assert_relative_eq!(lottery.values(Some(Fault::MaxReturnValue)).unwrap().doc, 1.0, epsilon = 1e-12);
        let broken = LotterySettings { safe: 200.0, ..lottery };
        assert!(matches!(broken.values(None), Err(Failure::Invalid(_))));
    }
}
