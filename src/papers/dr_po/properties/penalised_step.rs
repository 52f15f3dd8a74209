//! dr-po.12: the closed form of the mirror step with a penalty.

use proptest::{collection::vec, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::logits;
use crate::{
    kernel::{divergence::kl, math::softmax},
    papers::{
        dr_po::{
            Fault,
            mirror::{regularised_step, regularised_value},
        },
        leaf::{Failure, Measurement, Metric, Observe},
    },
};

/// One state, and competitors.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Q.
    q: Vec<f64>,
    /// Logits of π_t.
    current: Vec<f64>,
    /// Logits of π_ref.
    reference: Vec<f64>,
    /// Logits of other policies.
    competitors: Vec<Vec<f64>>,
    /// λ.
    lambda: f64,
    /// η.
    eta: f64,
}

/// The closed form p* is the maximum of f(π) = ⟨Q, π⟩ − λ KL(π‖π_ref) − (1/η) KL(π‖π_t): no competitor does
/// better, and π falls short of it by f(p*) − f(π) = (λ + 1/η) KL(π‖p*).
pub struct PenalisedStep;

impl Observe for PenalisedStep {
    type Instance = Choice;
    type Fault = Fault;
    const NAME: &'static str = "penalised-step";
    const SUMMARY: &'static str =
        "No competitor does better than the closed form, and each falls short of it by a divergence.";
    const METRICS: &'static [Metric] = &[
        Metric::new("excess", "Largest value of a competitor over that of the closed form."),
        Metric::new(
            "error",
            "Largest difference of what is missing from (λ + 1/η) KL, relative to 1 + that.",
        )
        .range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::DropReference];

    fn instances() -> BoxedStrategy<Choice> {
        (1_usize..=5)
            .prop_flat_map(|count| {
                let lambda = prop_oneof![Just(0.0), Just(0.05), Just(1.0), Just(4.0)];
                let eta = prop_oneof![Just(0.1), Just(1.0), Just(10.0)];
                (logits(count), logits(count), logits(count), vec(logits(count), 20), lambda, eta)
            })
            .prop_map(|(q, current, reference, competitors, lambda, eta)| Choice {
                q,
                current,
                reference,
                competitors,
                lambda,
                eta,
            })
            .boxed()
    }

    fn observe(choice: &Choice, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Choice { q, lambda, eta, .. } = choice;
        let fits = |x: &Vec<f64>| x.len() == q.len();
        let mut lists = [&choice.current, &choice.reference].into_iter().chain(&choice.competitors);
        if q.is_empty() || !lists.all(fits) {
            return Err(Failure::invalid("all lists must be equally long, and not empty"));
        }
        if !(*eta > 0.0 && *lambda >= 0.0) {
            return Err(Failure::invalid("`eta` must be positive, and `lambda` not negative"));
        }
        let (current, reference) = (softmax(&choice.current), softmax(&choice.reference));
        let value = |p: &[f64]| regularised_value(p, q, &current, &reference, *lambda, *eta);
        let best = regularised_step(q, &current, &reference, *lambda, *eta, fault);
        let (mut excess, mut error) = (f64::NEG_INFINITY, 0.0_f64);
        let others =
            choice.competitors.iter().map(|x| softmax(x)).chain([current.clone(), reference.clone()]);
        for other in others {
            let missing = value(&best) - value(&other);
            let known = (lambda + 1.0 / eta) * kl(&other, &best);
            excess = excess.max(-missing);
            error = error.max((missing - known).abs() / (1.0 + known));
        }
        Ok(Measurement::new().metric("excess", excess).metric("error", error))
    }
}
