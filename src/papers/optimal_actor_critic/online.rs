//! Regret on the lock, with and without offline data.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Fault,
    critic::{Bonus, optimistic},
    lock::Lock,
    nora::{Nora, Run, offline_data},
};
use crate::{
    kernel::{
        math::{exp, ln, mean},
        mdp::{Counts, Episodic, Rows, greedy},
        stream::{Stream, Streams},
    },
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// Episodes over which a run must have a small gap to count as solved, and how small.
const LATE: usize = 200;
const SMALL: f64 = 0.1;

/// Settings of the lock and of the algorithm.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// c_b; 0 for a critic without optimism.
    #[schemars(range(min = 0.0, max = 100.0))]
    pub bonus: f64,
    /// Whether a switch resets the policy.
    pub resets: bool,
    /// Whether the critic is recomputed only after visits have doubled.
    pub rare_switching: bool,
    /// η.
    #[schemars(range(min = 1e-6, max = 1000.0))]
    pub eta: f64,
    /// N_off, number of offline trajectories.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub offline: usize,
    /// q, the probability with which the behaviour policy takes the best action on purpose.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub quality: f64,
    /// T, number of episodes.
    #[schemars(range(min = 4, max = 1_000_000))]
    pub episodes: usize,
    /// Runs, over which a replicate averages.
    #[schemars(range(min = 1, max = 1000))]
    pub runs: usize,
    /// H.
    #[schemars(range(min = 1, max = 100))]
    pub horizon: usize,
    /// A.
    #[schemars(range(min = 2, max = 100))]
    pub actions: usize,
    /// p, the probability that a correct action succeeds.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub success: f64,
    /// What the tempting action pays.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub temptation: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bonus: 0.5,
            resets: true,
            rare_switching: true,
            eta: 1.0,
            offline: 0,
            quality: 0.3,
            episodes: 4000,
            runs: 1,
            horizon: 6,
            actions: 3,
            success: 0.95,
            temptation: 0.2,
        }
    }
}

impl Settings {
    fn hold(&self) -> Result<(), Failure> {
        let fits = (0.0..=100.0).contains(&self.bonus)
            && (1e-6..=1000.0).contains(&self.eta)
            && self.offline <= 1_000_000
            && (4..=1_000_000).contains(&self.episodes)
            && (1..=1000).contains(&self.runs)
            && (1..=100).contains(&self.horizon)
            && (2..=100).contains(&self.actions);
        let shares = [self.quality, self.success, self.temptation];
        if fits && shares.iter().all(|share| (0.0..=1.0).contains(share)) {
            Ok(())
        } else {
            Err(Failure::invalid("a setting lies outside of its range: see the schema of `lock`"))
        }
    }
}

/// The lock, and the policies that collect offline data of it.
pub struct Online {
    settings: Settings,
    process: Episodic,
    optimum: f64,
    behaviour: Vec<Rows>,
    /// The behaviour policy, always tempted at first.
    tempted: Vec<Rows>,
}

impl Measure for Online {
    type Settings = Settings;
    type Fault = Fault;
    const NAME: &'static str = "lock";
    const SUMMARY: &'static str = "Regret of optimistic actor-critics on a combination lock.";
    const METRICS: &'static [Metric] = &[
        Metric::new("regret", "Reg(T), the mean over runs.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("late-slope", "Log-log slope of the mean regret from T/4 to T episodes.")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("solved", "Share of runs whose gap in the last 200 episodes is below 0.1 in the mean.")
            .range(0.0, 1.0)
            .higher_is_better(),
        Metric::new("critics", "Number of critics computed, the mean over runs.")
            .range(1.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("excess-critics", "Largest excess of that number over what doublings of visits allow."),
        Metric::new("offline-regret", "T times the gap of the greedy policy of the offline data.")
            .unit("reward")
            .range(0.0, f64::INFINITY)
            .lower_is_better(),
        Metric::new("saved", "The offline regret less Reg(T), the mean over runs.")
            .unit("reward")
            .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[
        Fault::NoOptimism,
        Fault::SwitchEveryEpisode,
        Fault::NoDoubling,
        Fault::NeverReset,
        Fault::IgnoreOffline,
        Fault::UncoveredOffline,
    ];
    const TREATMENTS: &'static [&'static str] =
        &["bonus", "resets", "rare_switching", "eta", "offline", "quality", "episodes"];

    fn reaches(settings: &Settings, fault: Fault) -> bool {
        match fault {
            Fault::NoOptimism => settings.bonus > 0.0,
            Fault::SwitchEveryEpisode | Fault::NoDoubling => settings.rare_switching,
            Fault::NeverReset => settings.resets,
            Fault::IgnoreOffline | Fault::UncoveredOffline => settings.offline > 0,
            _ => true,
        }
    }

    fn prepare(settings: Settings, _: &Data) -> Result<Self, Failure> {
        settings.hold()?;
        let Settings { horizon, actions, success, temptation, quality, .. } = settings;
        let lock = Lock { horizon, actions, success, temptation };
        let process = lock.process()?;
        Ok(Self {
            optimum: process.performance(&process.optimal()),
            behaviour: lock.behaviour(&process, quality, false),
            tempted: lock.behaviour(&process, quality, true),
            process,
            settings,
        })
    }

    fn replicate(&self, fault: Option<Fault>, streams: &Streams) -> Result<Measurement, Failure> {
        let Settings { episodes, runs, .. } = self.settings;
        let mut regrets = vec![0.0; episodes];
        let (mut solved, mut critics, mut excess, mut offline_regret) = (0, 0, f64::NEG_INFINITY, 0.0);
        for run in 0..runs {
            let data = self.collected(fault, &mut streams.stream(&format!("offline {run}")));
            offline_regret += episodes as f64 * self.gap_of_greedy(&data) / runs as f64;
            let mut play = streams.stream(&format!("play {run}"));
            let run = self.algorithm().run(&self.process, data, fault, &mut play);
            solved += usize::from(is_solved(&run));
            critics += run.critics;
            excess = f64::max(excess, run.critics as f64 - run.most_critics);
            let mut regret = 0.0;
            for (total, gap) in regrets.iter_mut().zip(&run.gaps) {
                // No policy is better than the best, but for rounding.
                regret += gap.max(0.0);
                *total += regret / runs as f64;
            }
        }
        let (early, late) = (regrets[episodes / 4 - 1], regrets[episodes - 1]);
        let stretch = ln(episodes as f64 / (episodes / 4) as f64);
        let slope = if early > 0.0 { ln(late / early) / stretch } else { 0.0 };
        let marks = marks(episodes);
        let curve = marks.iter().map(|t| regrets[t - 1]).collect();
        Ok(Measurement::new()
            .metric("regret", late)
            .metric("late-slope", slope)
            .metric("solved", solved as f64 / runs as f64)
            .metric("critics", critics as f64 / runs as f64)
            .metric("excess-critics", excess)
            .metric("offline-regret", offline_regret)
            .metric("saved", offline_regret - late)
            .series("regret", marks.iter().map(|t| *t as f64).collect(), curve))
    }
}

impl Online {
    fn algorithm(&self) -> Nora {
        let Settings { bonus, resets, rare_switching, eta, episodes, .. } = self.settings;
        // Returns of the lock are at most 1 in the sum, for every policy.
        let bonus = Bonus { coefficient: bonus, episodes, cap: 1.0 };
        Nora { episodes, bonus, eta, resets, rare: rare_switching }
    }

    fn collected(&self, fault: Option<Fault>, stream: &mut Stream) -> Vec<Counts> {
        let tempted = fault == Some(Fault::UncoveredOffline);
        let behaviour = if tempted { &self.tempted } else { &self.behaviour };
        offline_data(&self.process, behaviour, self.settings.offline, stream)
    }

    /// V* − V^π of the greedy policy π of the critic without optimism.
    fn gap_of_greedy(&self, data: &[Counts]) -> f64 {
        let plain = Bonus { coefficient: 0.0, episodes: 1, cap: 1.0 };
        let policy: Vec<Rows> = optimistic(data, &plain, None).iter().map(greedy).collect();
        (self.optimum - self.process.value(&policy)).max(0.0)
    }
}

fn is_solved(run: &Run) -> bool {
    mean(&run.gaps[run.gaps.len().saturating_sub(LATE)..]) < SMALL
}

/// Up to 49 episodes from 1 to T, equally far apart on a logarithmic axis but for rounding.
fn marks(episodes: usize) -> Vec<usize> {
    let step = ln(episodes as f64) / 48.0;
    let mut marks: Vec<usize> = (0..=48).map(|k| (exp(f64::from(k) * step) + 0.5) as usize).collect();
    marks.dedup();
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(settings: Settings, seeds: u64) -> (f64, f64, f64) {
        let lock = Online::prepare(settings, &Data::default()).unwrap();
        let measured: Vec<Measurement> =
            (0..seeds).map(|seed| lock.replicate(None, &Streams::from_seed(seed)).unwrap()).collect();
        let of = |name: &str| mean(&measured.iter().map(|m| m.get(name).unwrap()).collect::<Vec<f64>>());
        (of("regret"), of("late-slope"), of("critics"))
    }

    #[test]
    fn known_regrets() {
        // Means of another implementation over five seeds.
        let (regret, slope, critics) = means(Settings::default(), 5);
        assert!((regret - 426.0).abs() < 20.0 && slope < 0.06, "{regret}, {slope}");
        assert!((47.0..=54.0).contains(&critics), "{critics}");
        let (regret, ..) = means(Settings { resets: false, ..Settings::default() }, 5);
        assert!((regret - 348.0).abs() < 20.0, "{regret}");
        let hybrid = |offline| Settings { episodes: 2000, offline, ..Settings::default() };
        for (offline, known) in [(0, 388.8), (100, 295.6), (500, 98.9)] {
            let (regret, ..) = means(hybrid(offline), 5);
            assert!((regret - known).abs() < 20.0, "{offline}: {regret}");
        }
        let plain = |offline| Settings { bonus: 0.0, quality: 0.8, ..hybrid(offline) };
        for (offline, known, tolerance) in [(10, 43.8, 15.0), (50, 31.7, 4.0), (200, 16.7, 3.0)] {
            let (regret, ..) = means(plain(offline), 5);
            assert!((regret - known).abs() < tolerance, "{offline}: {regret}");
        }
    }

    #[test]
    fn marks_run_from_the_first_episode_to_the_last() {
        for episodes in [4, 100, 4000] {
            let marks = marks(episodes);
            assert_eq!((marks[0], marks[marks.len() - 1]), (1, episodes));
            assert!(marks.windows(2).all(|pair| pair[0] < pair[1]));
        }
    }
}
