//! How heuristics depend on the number of members.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault, no_ensemble,
    penalty::{Heuristic, first},
};
use crate::{
    kernel::{
        ensemble::Ensemble,
        math::{mean, normal_cdf, powi, sum},
        stream::Streams,
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// E\[max − min\] of n independent N(0, 1) draws: d₂(n) = ∫ (1 − Φ(x)ⁿ − (1 − Φ(x))ⁿ) dx. The trapezoidal
/// rule converges faster than any power of the step for such an integrand. Source: Tippett, Biometrika 17
/// (1925).
pub fn expected_range(n: usize) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let at = |x: f64| 1.0 - powi(normal_cdf(x), n) - powi(normal_cdf(-x), n);
    STEP * sum((-640..=640).map(|i| at(STEP * f64::from(i))))
}

/// Settings of the size of the ensemble.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// N.
    #[schemars(range(min = 2, max = 100))]
    pub members: usize,
    /// Ensembles of a replicate.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub repeats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { members: 7, repeats: 1000 }
    }
}

/// Members that predict independent N(0, 1) means.
pub struct EnsembleSize(Settings);

impl Measure for EnsembleSize {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "ensemble-size";
    const SUMMARY: &'static str =
        "Max pairwise difference and epistemic std of N independent N(0, 1) means, and of N + 1 of them.";
    const METRICS: &'static [Metric] = &[
        Metric::new("pairwise", "Mean max pairwise difference.").range(0.0, f64::INFINITY),
        Metric::new("pairwise-error", "The same less its expectation d₂(N)."),
        Metric::new("epistemic", "Mean epistemic std.").range(0.0, f64::INFINITY),
        Metric::new("falls", "Share of ensembles whose epistemic std falls when one more joins.")
            .range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::SubsampledEnsemble, Fault::HalfRange];
    const TREATMENTS: &'static [&'static str] = &["members"];

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        if !(2..=100).contains(&settings.members) || !(1..=1_000_000).contains(&settings.repeats) {
            return Err(Failure::invalid("expected 2 to 100 members and 1 to 1000000 repeats"));
        }
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { members, repeats } = self.0;
        let (mut pairwise, mut epistemic, mut falls) = (Vec::new(), Vec::new(), 0_u32);
        // One stream a member, so that ensembles of different sizes are nested in a replicate.
        let mut means: Vec<_> = (0..=members).map(|i| streams.stream(&format!("member {i}"))).collect();
        let mut draws = streams.stream("draws");
        for _ in 0..repeats {
            let drawn: Vec<(f64, f64)> = means.iter_mut().map(|stream| (stream.normal(), 0.0)).collect();
            let fitted = Ensemble::of_numbers(&drawn).map_err(no_ensemble)?;
            let ensemble = first(&fitted, members, |n| draws.below(n), fault)?;
            let larger = first(&fitted, members + 1, |n| draws.below(n), fault)?;
            pairwise.push(Heuristic::MaxPairwise.of(&ensemble, fault)?);
            let spread = Heuristic::EpistemicStd.of(&ensemble, fault)?;
            epistemic.push(spread);
            falls += u32::from(Heuristic::EpistemicStd.of(&larger, fault)? < spread);
        }
        let pairwise = mean(&pairwise);
        Ok(Measurement::new()
            .metric("pairwise", pairwise)
            .metric("pairwise-error", pairwise - expected_range(members))
            .metric("epistemic", mean(&epistemic))
            .metric("falls", f64::from(falls) / repeats as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn expected_ranges_are_those_of_the_tables() {
        // d₂(2) = 2/√π and d₂(3) = 3/√π; the others from tables of control charts.
        let root = std::f64::consts::PI.sqrt();
        for (n, expected, epsilon) in [
            (2, 2.0 / root, 1e-14),
            (3, 3.0 / root, 1e-14),
            (5, 2.326, 5e-4),
            (10, 3.078, 5e-4),
            (20, 3.735, 5e-4),
        ] {
            assert_relative_eq!(expected_range(n), expected, epsilon = epsilon);
        }
    }

    #[test]
    fn ranges_grow_and_spreads_saturate() {
        for (members, range, spread) in
            [(2, 1.128, 0.568), (5, 2.326, 0.842), (10, 3.078, 0.924), (20, 3.735, 0.962)]
        {
            let size = EnsembleSize(Settings { members, repeats: 4000 });
            let measured = size.replicate(None, &Streams::from_seed(1)).unwrap();
            // Three standard errors of the mean of four thousand.
            assert_relative_eq!(measured.get("pairwise").unwrap(), range, epsilon = 0.04);
            assert_relative_eq!(measured.get("epistemic").unwrap(), spread, epsilon = 0.025);
        }
    }
}
