//! Tokens and attempts.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    kernel::math::sum,
    papers::{
        leaf::{Failure, Measurement, Metric, Observe},
        tool_integrated_reasoning::{
            Fault,
            cost::{Problem, crossover, tool_cost},
            pass::{binomial, estimate, mean_pass, pass_at_k, rate_with_tool},
        },
    },
};

/// A problem and a budget.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limited {
    /// The problem.
    problem: Problem,
    /// Budget B of tokens, from 7 (the cheapest call) to a million.
    budget: u32,
}

/// Every budget has sizes that only the tool can solve.
pub struct Budgets;

impl Observe for Budgets {
    type Instance = Limited;
    type Fault = Fault;
    const NAME: &'static str = "budgets";
    const SUMMARY: &'static str =
        "From the size at which text exceeds a budget to 10^(B − 6) − 1, a tool call fits.";
    const METRICS: &'static [Metric] =
        &[Metric::new("broken", "How many of the five conditions do not hold.").range(0.0, 5.0)];
    const FAULTS: &'static [Fault] = &[Fault::ToolCostLinear];

    fn instances() -> BoxedStrategy<Limited> {
        let budget = prop_oneof![4 => 7_u32..4096, 1 => Just(7), 1 => 4096_u32..1_000_000];
        (prop::sample::select(Problem::ALL.to_vec()), budget)
            .prop_map(|(problem, budget)| Limited { problem, budget })
            .boxed()
    }

    fn observe(instance: &Limited, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Limited { problem, budget } = *instance;
        if !(7..=1_000_000).contains(&budget) {
            return Err(Failure::invalid("expected a budget from 7 to 1000000"));
        }
        let budget = u64::from(budget);
        let first = crossover(problem, budget);
        // Sizes with at most B − 6 digits, as far as they can be represented.
        let last = 10_u64.checked_pow((budget - 6).min(19) as u32).map_or(u64::MAX, |n| n - 1);
        let conditions = [
            problem.text_cost(first, None) > budget,
            first == 1 || problem.text_cost(first - 1, None) <= budget,
            first <= last,
            tool_cost(first, fault) <= budget,
            tool_cost(last, fault) <= budget,
        ];
        let broken = conditions.iter().filter(|holds| !**holds).count();
        Ok(Measurement::new().metric("broken", broken as f64))
    }
}

/// Answers, attempts and a success rate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// n.
    answers: usize,
    /// k ≤ n.
    attempts: usize,
    /// p.
    rate: f64,
}

/// The estimate of pass@k is unbiased.
pub struct UnbiasedPassAtK;

impl Observe for UnbiasedPassAtK {
    type Instance = Sampling;
    type Fault = Fault;
    const NAME: &'static str = "unbiased-pass-at-k";
    const SUMMARY: &'static str =
        "The expectation of the estimate over the number of right answers, against 1 − (1 − p)^k.";
    const METRICS: &'static [Metric] = &[Metric::new("error", "Absolute bias.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::PlugInPassAtK];

    fn instances() -> BoxedStrategy<Sampling> {
        let rate = prop_oneof![
            4 => 0.0..=1.0_f64,
            1 => prop::sample::select(vec![0.0, 1.0, 0.01, 0.2, 0.7, 1e-9, 1.0 - 1e-9]),
        ];
        (1_usize..=64)
            .prop_flat_map(move |answers| (Just(answers), 1..=answers, rate.clone()))
            .prop_map(|(answers, attempts, rate)| Sampling { answers, attempts, rate })
            .boxed()
    }

    fn observe(instance: &Sampling, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Sampling { answers, attempts, rate } = *instance;
        if !(1..=answers).contains(&attempts) || answers > 1000 || !(0.0..=1.0).contains(&rate) {
            return Err(Failure::invalid("expected 1 ≤ attempts ≤ answers ≤ 1000 and a probability"));
        }
        let expectation = sum((0..=answers)
            .map(|right| binomial(answers, right, rate) * estimate(answers, right, attempts, fault)));
        Ok(Measurement::new().metric("error", (expectation - pass_at_k(rate, attempts as f64)).abs()))
    }
}

/// Success rates of both routes on some prompts.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    /// Of text and of the tool, for each prompt.
    rates: Vec<(f64, f64)>,
}

/// A policy that is at least as good on every prompt has the larger pass@k for every k.
pub struct Dominance;

impl Observe for Dominance {
    type Instance = Routes;
    type Fault = Fault;
    const NAME: &'static str = "dominance";
    const SUMMARY: &'static str =
        "Mean pass@k with the tool against that of text for all k, and both limits.";
    const METRICS: &'static [Metric] = &[
        Metric::new(
            "shortfall",
            "Largest lead of text over the tool over k = 1, 2, 4 … 1024; negative if none.",
        )
        .range(-1.0, 1.0),
        Metric::new(
            "limit-error",
            "Largest distance of a limit for k → ∞ from the share of prompts with a success rate above 0.",
        )
        .range(0.0, 1.0),
        Metric::new("limit-lead", "Limit with the tool less limit of text.").range(-1.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::ToolDropsTextRoute];

    fn instances() -> BoxedStrategy<Routes> {
        let rate = || prop_oneof![3 => 0.0..=1.0_f64, 2 => Just(0.0), 1 => Just(1.0), 1 => Just(1e-6)];
        vec((rate(), rate()), 1..8).prop_map(|rates| Routes { rates }).boxed()
    }

    fn observe(instance: &Routes, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let probability = |p: &f64| (0.0..=1.0).contains(p);
        if instance.rates.is_empty() || !instance.rates.iter().all(|(a, b)| probability(a) && probability(b))
        {
            return Err(Failure::invalid("expected success rates of at least one prompt"));
        }
        let text: Vec<f64> = instance.rates.iter().map(|(text, _)| *text).collect();
        let tool: Vec<f64> =
            instance.rates.iter().map(|(text, tool)| rate_with_tool(*text, *tool, fault)).collect();
        let lead = |k: f64| mean_pass(&text, k) - mean_pass(&tool, k);
        let shortfall = (0..=10).map(|i| lead(f64::from(1 << i))).fold(f64::NEG_INFINITY, f64::max);
        let limit_error = |rates: &[f64]| {
            let solved = rates.iter().filter(|p| **p > 0.0).count() as f64 / rates.len() as f64;
            (mean_pass(rates, f64::INFINITY) - solved).abs()
        };
        Ok(Measurement::new()
            .metric("shortfall", shortfall)
            .metric("limit-error", limit_error(&text).max(limit_error(&tool)))
            .metric("limit-lead", -lead(f64::INFINITY)))
    }
}
