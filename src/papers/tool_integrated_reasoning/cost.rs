//! What a strategy costs in tokens, as text and as a program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::{
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric},
};

/// An algorithm whose run on an instance of size n ≥ 1 can be written out or programmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Problem {
    /// One loop: 3 + 2n tokens of text.
    Loop,
    /// Two nested loops: 3 + n² tokens of text.
    Grid,
    /// A search over pairs: 3 + n + n(n − 1)/2 tokens of text.
    Search,
}

impl Problem {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Loop, Self::Grid, Self::Search];

    /// Tokens of text on an instance of size 1 ≤ n < 2³², every iteration written out.
    #[must_use]
    pub fn text_cost(self, n: u64, fault: Option<Fault>) -> u64 {
        let once = fault == Some(Fault::InnermostLoopOnce);
        match self {
            Self::Loop => 3 + 2 * if once { 1 } else { n },
            Self::Grid => 3 + n * if once { 1 } else { n },
            Self::Search => 3 + n + if once { 0 } else { n * (n - 1) / 2 },
        }
    }
}

/// Tokens of a call that solves an instance of size n, whatever the problem: a program of six tokens
/// and the decimal digits of n.
#[must_use]
pub fn tool_cost(n: u64, fault: Option<Fault>) -> u64 {
    if fault == Some(Fault::ToolCostLinear) {
        return 6_u64.saturating_add(n.saturating_mul(2));
    }
    7 + u64::from(n.checked_ilog10().unwrap_or(0))
}

/// n_B, the smallest size whose text exceeds a budget of B < 2³² tokens.
#[must_use]
pub fn crossover(problem: Problem, budget: u64) -> u64 {
    // Costs increase with the size, and at size B all of them exceed B.
    let (mut feasible, mut infeasible) = (0, budget.max(1));
    while infeasible - feasible > 1 {
        let middle = feasible + (infeasible - feasible) / 2;
        if problem.text_cost(middle, None) > budget {
            infeasible = middle;
        } else {
            feasible = middle;
        }
    }
    infeasible
}

/// Settings of a budget.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetSettings {
    /// The problem.
    pub problem: Problem,
    /// Budget B of tokens.
    #[schemars(range(min = 7, max = 1_000_000))]
    pub budget: u32,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        Self { problem: Problem::Loop, budget: 64 }
    }
}

/// Where text stops fitting a budget, and whether a tool still fits there.
pub struct Budget(BudgetSettings);

impl Measure for Budget {
    type Settings = BudgetSettings;
    type Fault = Fault;
    const NAME: &'static str = "budget";
    const SUMMARY: &'static str =
        "The smallest instance whose text exceeds a budget, and what a tool call leaves there.";
    const METRICS: &'static [Metric] = &[
        Metric::new("crossover", "n_B, the smallest size whose text exceeds the budget.").range(1.0, 1e6),
        Metric::new(
            "room",
            "Tokens of the budget that a tool call leaves at that size; negative if it does not fit.",
        )
        .unit("token")
        .higher_is_better(),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ToolCostLinear];
    const STOCHASTIC: bool = false;

    fn prepare(settings: BudgetSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let BudgetSettings { problem, budget } = self.0;
        let size = crossover(problem, u64::from(budget));
        Ok(Measurement::new()
            .metric("crossover", size as f64)
            .metric("room", f64::from(budget) - tool_cost(size, fault) as f64))
    }
}

/// How a problem is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// Written out.
    Text,
    /// By a program.
    Tool,
}

/// Settings of a cost.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CostSettings {
    /// The problem.
    pub problem: Problem,
    /// How it is solved.
    pub route: Route,
    /// Size n of the instance.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub size: u32,
}

impl Default for CostSettings {
    fn default() -> Self {
        Self { problem: Problem::Loop, route: Route::Text, size: 64 }
    }
}

/// Tokens that a strategy costs.
pub struct Cost(CostSettings);

impl Measure for Cost {
    type Settings = CostSettings;
    type Fault = Fault;
    const NAME: &'static str = "cost";
    const SUMMARY: &'static str = "Tokens that a strategy costs on an instance of a size.";
    const METRICS: &'static [Metric] =
        &[Metric::new("tokens", "Tokens.").unit("token").range(1.0, f64::INFINITY).lower_is_better()];
    const FAULTS: &'static [Fault] = &[Fault::ToolCostLinear, Fault::InnermostLoopOnce];
    const STOCHASTIC: bool = false;

    fn prepare(settings: CostSettings, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, fault: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        let CostSettings { problem, route, size } = self.0;
        let tokens = match route {
            Route::Text => problem.text_cost(u64::from(size), fault),
            Route::Tool => tool_cost(u64::from(size), fault),
        };
        Ok(Measurement::new().metric("tokens", tokens as f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_crossovers() {
        for (budget, sizes) in
            [(32, [15, 6, 8]), (64, [31, 8, 11]), (128, [63, 12, 16]), (256, [127, 16, 23])]
        {
            for (problem, size) in Problem::ALL.into_iter().zip(sizes) {
                assert_eq!(crossover(problem, budget), size, "{problem:?} at {budget}");
            }
        }
    }

    #[test]
    fn a_call_costs_six_tokens_and_the_digits() {
        for (n, cost) in [(1, 7), (9, 7), (10, 8), (999, 9), (1000, 10)] {
            assert_eq!(tool_cost(n, None), cost);
        }
    }

    #[test]
    fn written_out_by_the_tool_no_size_is_won() {
        let linear = Some(Fault::ToolCostLinear);
        let won = (1..10_000).any(|n| Problem::Loop.text_cost(n, None) > 64 && tool_cost(n, linear) <= 64);
        assert!(!won && tool_cost(29, linear) == 64);
    }
}
