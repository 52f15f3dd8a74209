//! The pieces of work whose speed is measured, with the data that another program needs to do the same.

mod bandit;
mod intervals;
mod processes;
mod properties;
mod values;

use serde_json::Value;

/// A piece of work at one size.
pub struct Work {
    /// Its kind: what another program knows it by.
    pub kind: &'static str,
    /// What it is called on the page, without its size.
    pub name: &'static str,
    /// Its size in words.
    pub sizes: String,
    /// What is counted, and how much of it there is.
    pub size: (&'static str, f64),
    /// The exponent with which time should grow in that.
    pub expected: f64,
    /// Numbers that another program reads, by name.
    pub data: Vec<(&'static str, Vec<f64>)>,
    /// Other settings of it.
    pub settings: Value,
    /// Does the work; answers with numbers to compare.
    pub run: Box<dyn Fn() -> Vec<f64>>,
    /// Pieces that a run consists of: times are compared by piece.
    pub pieces: f64,
    /// Largest difference that answers may have, relative to max(1, |ours|).
    pub tolerance: f64,
    /// What bounds it: floating-point operations, or bytes that have to come from memory.
    pub cost: Option<Cost>,
}

/// What a piece of work needs of the machine at least.
#[derive(Clone, Copy, Debug)]
pub enum Cost {
    /// Floating-point operations.
    Flops(f64),
    /// Bytes from memory.
    Bytes(f64),
}

/// A comparison that is wanted.
pub struct Goal {
    /// The other program, as it is named on the page, and to itself.
    pub against: &'static str,
    /// The ratio that is wanted.
    pub ratio: f64,
    /// Rounds, of which the smallest time counts.
    pub rounds: u32,
    /// Why the goal is missed where it is.
    pub because: &'static str,
}

/// A piece of work with the comparisons that are wanted.
pub struct Contest {
    /// The work.
    pub work: Work,
    /// The other programs.
    pub goals: Vec<Goal>,
    /// Whether the goal is meant of the fastest of them only.
    pub only_fastest: bool,
}

/// A goal of a few rounds.
fn goal(against: &'static str, ratio: f64, rounds: u32, because: &'static str) -> Goal {
    Goal { against, ratio, rounds, because }
}

/// Comparisons that are made when they are asked for.
pub type Contests = fn() -> Vec<Contest>;

/// All comparisons, in the order of the page. Those of a kind are made when they are asked for: some are large.
pub fn contests() -> Vec<(&'static str, Contests)> {
    vec![
        ("interquartile-mean", || vec![intervals::interquartile_mean_contest()]),
        ("improvement", || vec![intervals::improvement_contest()]),
        ("optimal-values-100k-0.95", || vec![processes::contest(100_000, 4, 10, 0.95)]),
        ("optimal-values-100k-0.99", || vec![processes::contest(100_000, 4, 10, 0.99)]),
        ("optimal-values-1m-0.95", || vec![processes::contest(1_000_000, 2, 5, 0.95)]),
        ("posterior-1000", || vec![values::posterior_contest(1_000, 1.0)]),
        ("posterior-4000", || vec![values::posterior_contest(4_000, 0.7)]),
        ("temporal-differences", || vec![values::temporal_contest()]),
        ("online-temporal-differences", || vec![values::online_contest()]),
        ("bandit", || vec![bandit::contest()]),
        ("confidence-sequence", || vec![intervals::confidence_contest()]),
        ("property-cases", || vec![properties::contest()]),
    ]
}

/// The same work over sizes, for its growth.
pub fn ladders() -> Vec<Vec<fn() -> Work>> {
    vec![
        vec![
            || intervals::interquartile_mean(20, 10, 2_500),
            || intervals::interquartile_mean(20, 10, 5_000),
            || intervals::interquartile_mean(20, 10, 10_000),
            || intervals::interquartile_mean(20, 10, 20_000),
            || intervals::interquartile_mean(20, 10, 40_000),
        ],
        vec![
            || intervals::improvement(20, 10, 1_000),
            || intervals::improvement(20, 10, 2_000),
            || intervals::improvement(20, 10, 4_000),
            || intervals::improvement(20, 10, 8_000),
        ],
        vec![
            || processes::optimal_values(12_500, 4, 10, 0.95),
            || processes::optimal_values(25_000, 4, 10, 0.95),
            || processes::optimal_values(50_000, 4, 10, 0.95),
            || processes::optimal_values(100_000, 4, 10, 0.95),
        ],
        vec![|| values::posterior(250), || values::posterior(500), || values::posterior(1_000), || {
            values::posterior(2_000)
        }],
        vec![|| values::temporal(250), || values::temporal(500), || values::temporal(1_000), || {
            values::temporal(2_000)
        }],
        vec![|| values::online(2_500), || values::online(5_000), || values::online(10_000), || {
            values::online(20_000)
        }],
        vec![
            || intervals::confidence(2_500),
            || intervals::confidence(5_000),
            || intervals::confidence(10_000),
            || intervals::confidence(20_000),
        ],
        vec![|| bandit::plays(100, 2_500), || bandit::plays(100, 5_000), || bandit::plays(100, 10_000)],
        vec![|| properties::cases(250), || properties::cases(500), || properties::cases(1_000), || {
            properties::cases(2_000)
        }],
    ]
}
