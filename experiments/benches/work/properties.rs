//! Cases of a property of small processes: values of a policy satisfy Bellman's equation.

use corroborate::kernel::mdp::{Shape, instances};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use super::{Contest, Work, goal};

const SHAPE: Shape = Shape { states: (1, 6), actions: (1, 4), discount: (0.0, 0.99) };
/// Cases of Hypothesis, which is slower.
const THEIRS: usize = 200;

/// Draws cases as `verify` does, and measures them; answers with the cases in which the equation is violated.
pub fn cases(count: usize) -> Work {
    Work {
        kind: "property-cases",
        name: "Property cases on small processes",
        sizes: format!("{count} cases"),
        size: ("cases", count as f64),
        expected: 1.0,
        data: vec![],
        settings: json!({
            "cases": THEIRS, "states": SHAPE.states.1, "actions": SHAPE.actions.1, "discount": SHAPE.discount.1,
        }),
        run: Box::new(move || {
            let config = Config { failure_persistence: None, ..Config::default() };
            let mut runner =
                TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]));
            let strategy = instances(SHAPE);
            let violating = (0..count).filter(|_| {
                let wild = strategy.new_tree(&mut runner).expect("a case").current();
                let (process, policy) = wild.build().expect("a process");
                let evaluation = process.evaluate(&policy).expect("values");
                (0..process.states()).any(|s| {
                    let mean: f64 = policy[s].iter().zip(&evaluation.actions[s]).map(|(p, q)| p * q).sum();
                    (mean - evaluation.values[s]).abs() > 1e-9
                })
            });
            vec![violating.count() as f64]
        }),
        pieces: count as f64,
        tolerance: 0.5,
        cost: None,
    }
}

pub fn contest() -> Contest {
    Contest {
        work: cases(2_000),
        goals: vec![goal("hypothesis", 100.0, 3, "Hypothesis draws whole lists at once where it can")],
        only_fastest: false,
    }
}
