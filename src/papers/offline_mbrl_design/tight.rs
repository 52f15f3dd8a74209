//! The tight pair and its relatives: where the theory's constant is needed, and where an ensemble is no
//! substitute for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    pair::{ModelPair, transitions},
    penalty::Heuristic,
    tabular::TabularEnsemble,
    unsolved,
};
use crate::{
    kernel::{
        mdp::{Mdp, Rows},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Holds e to (0, 1]: with e = 0 there is nothing to be wrong about.
fn hold_death(e: f64) -> Result<(), Failure> {
    if e > 0.0 && e <= 1.0 {
        return Ok(());
    }
    Err(Failure::invalid("`e` must be a probability above 0"))
}

/// Settings of the tight pair.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TightSettings {
    /// Probability with which good truly dies.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub e: f64,
    /// γ, above 0 and below 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// λ/λ*: the share of the theory's weight that is used.
    #[schemars(range(min = 0.0))]
    pub share: f64,
}

impl Default for TightSettings {
    fn default() -> Self {
        Self { e: 0.1, discount: 0.9, share: 1.0 }
    }
}

/// Returns on the tight pair.
pub struct Tight {
    settings: TightSettings,
    pair: ModelPair,
}

impl Measure for Tight {
    type Settings = TightSettings;
    type Fault = Fault;
    const NAME: &'static str = "tight";
    const SUMMARY: &'static str =
        "True, model and penalised return of a process that dies, and of a model that does not know.";
    const METRICS: &'static [Metric] = &[
        Metric::new("true-return", "J.").unit("return"),
        Metric::new("model-return", "Ĵ.").unit("return"),
        Metric::new("penalised-return", "J̃ with λ = share · λ*.").unit("return"),
        Metric::new("slack", "J − J̃.").unit("return"),
        Metric::new("tightness", "(Ĵ − J̃)/(Ĵ − J)."),
        Metric::new("tightness-error", "|tightness − share (1 + γe/(1 − γ))|.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] =
        &[Fault::NoPenalty, Fault::HalfPenalty, Fault::NoHorizonFactor, Fault::L1InsteadOfTv];
    const STOCHASTIC: bool = false;

    fn prepare(settings: TightSettings, _: &Data) -> Result<Self, Failure> {
        hold_death(settings.e)?;
        if settings.discount <= 0.0 || !(settings.share >= 0.0 && settings.share.is_finite()) {
            return Err(Failure::invalid("`discount` must be above 0, and `share` at least 0"));
        }
        let pair = ModelPair::tight(settings.e, settings.discount)?;
        Ok(Self { settings, pair })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let (pair, TightSettings { e, discount, share }) = (&self.pair, &self.settings);
        let only = Rows::from_fn(2, 1, |_, _| 1.0);
        let of = |process: &Mdp| process.performance(&only).map_err(unsolved);
        let penalised = of(&pair.penalised(*share * pair.weight(fault), &pair.errors(fault))?)?;
        let (truth, model) = (of(pair.truth())?, of(pair.model())?);
        let tightness = (model - penalised) / (model - truth);
        let expected = share * (1.0 + discount * e / (1.0 - discount));
        Ok(Measurement::new()
            .metric("true-return", truth)
            .metric("model-return", model)
            .metric("penalised-return", penalised)
            .metric("slack", truth - penalised)
            .metric("tightness", tightness)
            .metric("tightness-error", (tightness - expected).abs()))
    }
}

/// Settings of the choice between two arms.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RiskyOrSafeSettings {
    /// Probability with which the risky arm truly kills.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub e: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
}

impl Default for RiskyOrSafeSettings {
    fn default() -> Self {
        Self { e: 0.5, discount: 0.9 }
    }
}

/// The tight pair with a safe arm beside the risky one.
pub struct RiskyOrSafe(ModelPair);

impl Measure for RiskyOrSafe {
    type Settings = RiskyOrSafeSettings;
    type Fault = Fault;
    const NAME: &'static str = "risky-or-safe";
    const SUMMARY: &'static str =
        "True return of the maximiser of the pessimistic return, where a model knows one of two arms.";
    const METRICS: &'static [Metric] = &[
        Metric::new("true-return", "J_M(π̂).").unit("return"),
        Metric::new("guarantee-slack", "J_M(π̂) − (J_M(π*) − 2 λ* ε_u(π*)).").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::WrongSignPenalty, Fault::NoPenalty];
    const STOCHASTIC: bool = false;

    fn prepare(settings: RiskyOrSafeSettings, _: &Data) -> Result<Self, Failure> {
        hold_death(settings.e)?;
        Ok(Self(ModelPair::risky_or_safe(settings.e, settings.discount)?))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let pessimist = ModelPair::optimal(&self.0.pessimistic(fault)?)?;
        let best = ModelPair::optimal(self.0.truth())?;
        Ok(Measurement::new()
            .metric("true-return", self.0.true_return(&pessimist)?)
            .metric("guarantee-slack", self.0.guarantee_slack(&best, fault)?))
    }
}

/// Settings of the unanimous ensemble.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnanimousSettings {
    /// Probability with which good truly dies.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub e: f64,
    /// γ.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub discount: f64,
    /// The heuristic.
    pub heuristic: Heuristic,
    /// N.
    #[schemars(range(min = 2, max = 100))]
    pub members: usize,
}

impl Default for UnanimousSettings {
    fn default() -> Self {
        Self { e: 0.01, discount: 0.9, heuristic: Heuristic::MaxPairwise, members: 7 }
    }
}

/// An ensemble of copies of one wrong model.
pub struct Unanimous {
    settings: UnanimousSettings,
    pair: ModelPair,
}

impl Measure for Unanimous {
    type Settings = UnanimousSettings;
    type Fault = Fault;
    const NAME: &'static str = "unanimous";
    const SUMMARY: &'static str =
        "Penalty and over-estimate of an ensemble whose members all make the mistake of the tight pair.";
    const METRICS: &'static [Metric] = &[
        Metric::new("penalty", "Largest u(s, a).").range(0.0, f64::INFINITY),
        Metric::new("over-estimate", "J̃ − J with weight λ*.").unit("return"),
    ];
    const FAULTS: &'static [Fault] = &[Fault::TvOracle];
    const STOCHASTIC: bool = false;

    fn prepare(settings: UnanimousSettings, _: &Data) -> Result<Self, Failure> {
        hold_death(settings.e)?;
        if !(2..=100).contains(&settings.members) {
            return Err(Failure::invalid("`members` must be between 2 and 100"));
        }
        let pair = ModelPair::tight(settings.e, settings.discount)?;
        Ok(Self { settings, pair })
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let pair = &self.pair;
        let copies = vec![transitions(pair.model()); self.settings.members];
        let ensemble = TabularEnsemble::new(pair.model().actions(), copies);
        let penalty = if fault == Some(Fault::TvOracle) {
            pair.errors(None)
        } else {
            ensemble.penalty(self.settings.heuristic, self.settings.members)?
        };
        let only = Rows::from_fn(2, 1, |_, _| 1.0);
        let penalised = pair.penalised(pair.weight(None), &penalty)?;
        let estimate = penalised.performance(&only).map_err(unsolved)?;
        Ok(Measurement::new()
            .metric("penalty", penalty.values().iter().copied().fold(0.0, f64::max))
            .metric("over-estimate", estimate - pair.true_return(&only)?))
    }
}
