//! Verdicts, controls, breakdowns, and what they may not depend on.

use std::sync::Mutex;

use corroborate::{
    check::{
        self, Options,
        evidence::{Outcome, Verdicts},
    },
    claim::{Claim, PaperClaims, Tests, Tier, Verdict},
    run::Step,
};

use crate::toy::{arm, claim, coin, commutes, executor, judge, record};

fn verdict(claim: Claim) -> Verdict {
    judge(vec![claim], 2, &|_| true).claims[0].verdict
}

fn fair() -> Vec<corroborate::claim::Arm> {
    vec![arm(0.95)]
}

#[test]
fn a_true_statement_with_a_working_control_is_corroborated() {
    assert_eq!(verdict(claim(1, vec![coin(fair(), 0.5, &["tails-heavy"])])), Verdict::Corroborated);
    assert_eq!(verdict(claim(1, vec![commutes(0.0, &["off-by-one"])])), Verdict::Corroborated);
}

#[test]
fn a_control_that_does_not_fail_makes_the_claim_vacuous() {
    assert_eq!(verdict(claim(1, vec![coin(fair(), 0.5, &["tails-heavy", "harmless"])])), Verdict::Vacuous);
    assert_eq!(verdict(claim(1, vec![commutes(0.0, &["harmless"])])), Verdict::Vacuous);
}

#[test]
fn a_tolerance_wider_than_the_effect_makes_the_claim_vacuous() {
    assert_eq!(verdict(claim(1, vec![commutes(1.0, &["off-by-one"])])), Verdict::Vacuous);
    assert_eq!(verdict(claim(1, vec![coin(fair(), 0.01, &["tails-heavy"])])), Verdict::Vacuous);
}

#[test]
fn a_false_statement_is_refuted() {
    assert_eq!(verdict(claim(1, vec![coin(vec![arm(0.1)], 0.5, &["tails-heavy"])])), Verdict::Refuted);
}

#[test]
fn one_false_configuration_refutes_the_claim() {
    let arms = vec![arm(0.95), arm(0.1)];
    assert_eq!(verdict(claim(1, vec![coin(arms, 0.5, &["tails-heavy"])])), Verdict::Refuted);
}

#[test]
fn showing_the_opposite_refutes_the_statement() {
    let opposite = Claim { tests: Tests::Opposite, ..claim(1, vec![coin(fair(), 0.5, &["tails-heavy"])]) };
    assert_eq!(verdict(opposite), Verdict::Refuted);
}

#[test]
fn a_statement_false_by_a_hair_stays_inconclusive() {
    let check = coin(vec![arm(0.5)], 0.5, &["tails-heavy"]);
    assert_eq!(verdict(claim(1, vec![check])), Verdict::Inconclusive);
}

#[test]
fn breakdowns_are_errors_and_the_other_claims_go_on() {
    let claims = vec![
        claim(1, vec![coin(fair(), 0.5, &["panics"])]),
        claim(2, vec![coin(fair(), 0.5, &["not-a-number"])]),
        claim(3, vec![coin(fair(), 0.5, &["out-of-range"])]),
        claim(4, vec![coin(fair(), 0.5, &["endless"])]),
        claim(5, vec![commutes(0.0, &["panics"])]),
        claim(6, vec![coin(fair(), 0.5, &["tails-heavy"])]),
    ];
    let verdicts = judge(claims, 2, &|_| true);
    let words = ["fell off the table", "NaN", "outside its range", "took longer", "fell off the table"];
    for (claim, word) in verdicts.claims.iter().zip(words) {
        assert_eq!(claim.verdict, Verdict::Error, "{}", claim.id);
        assert_eq!(claim.evidence[0].outcome, Outcome::Pass, "{}", claim.id);
        let broken = &claim.controls[0].evidence;
        let message = broken.error.as_deref().unwrap();
        assert!(message.contains(word), "{message}");
        assert_eq!(broken.replay, format!("corroborate verify {} --tier quick --seed 0", claim.id));
    }
    assert_eq!(verdicts.claims[5].verdict, Verdict::Corroborated);
}

#[test]
fn counterexamples_are_minimal() {
    let verdicts = judge(vec![claim(1, vec![commutes(0.0, &["off-by-one"])])], 1, &|_| true);
    let counterexample = verdicts.claims[0].controls[0].evidence.counterexample.as_ref().unwrap();
    assert_eq!(counterexample["instance"], serde_json::json!({ "a": 101, "b": 101 }));
    assert_eq!(counterexample["measured"]["error"], 1.0);
}

fn several() -> Vec<Claim> {
    vec![
        claim(1, vec![coin(fair(), 0.5, &["tails-heavy"])]),
        claim(
            2,
            vec![
                coin(vec![arm(0.7), arm(0.9)], 0.5, &["tails-heavy", "harmless"]),
                commutes(0.0, &["off-by-one"]),
            ],
        ),
        claim(3, vec![commutes(0.0, &["off-by-one", "harmless"])]),
    ]
}

#[test]
fn verdicts_do_not_depend_on_threads() {
    let one = judge(several(), 1, &|_| true);
    for jobs in [2, 8] {
        assert_eq!(judge(several(), jobs, &|_| true), one);
    }
}

#[test]
fn verdicts_do_not_depend_on_the_selection() {
    let all = judge(several(), 2, &|_| true);
    for (i, claim) in all.claims.iter().enumerate() {
        let alone = judge(several(), 2, &|c| c.id == claim.id);
        assert_eq!(alone.claims, [all.claims[i].clone()]);
    }
}

/// Verdicts measured by one thread in this order, and what was measured one after the other.
fn in_order(shuffle: Option<u64>) -> (Verdicts, Vec<String>) {
    let executor = executor(1).shuffled(shuffle);
    let begun = Mutex::new(Vec::new());
    let progress = |step: Step<'_>| begun.lock().unwrap().push(format!("{} {}", step.done, step.subject));
    let options = Options { tier: Tier::Quick, select: &|_| true, times: None, progress: &progress };
    let verdicts = check::verify(&executor, &[PaperClaims { record: record(), claims: several() }], &options);
    let begun = begun.into_inner().unwrap();
    (verdicts, begun)
}

#[test]
fn verdicts_do_not_depend_on_the_order_of_measurement() {
    let (as_planned, order) = in_order(None);
    let mut orders = vec![order.clone()];
    for by in 0..4 {
        let (shuffled, order) = in_order(Some(by));
        assert_eq!(shuffled, as_planned);
        assert!(!orders.contains(&order), "shuffled by {by}, the order is an earlier one");
        orders.push(order);
    }
    assert_eq!(in_order(Some(0)).1, orders[1]);
}

#[test]
fn the_digest_of_verdicts_is_that_of_what_was_found_and_of_nothing_else() {
    let digest = |claims: Vec<Claim>| judge(claims, 2, &|_| true).run.verdicts;
    let found = digest(several());
    assert_eq!(found.len(), 64);
    let mut reversed = several();
    reversed.reverse();
    assert_eq!(digest(reversed), found);
    assert_eq!(judge(several(), 1, &|_| true).run.verdicts, found);
    // A margin is enough to tell two runs apart, a word too.
    let closer = claim(1, vec![coin(fair(), 0.501, &["tails-heavy"])]);
    let reworded = Claim { statement: "Another.".into(), ..several()[0].clone() };
    for other in [closer, reworded] {
        let claims = [vec![other], several()[1..].to_vec()].concat();
        assert_ne!(digest(claims), found);
    }
    assert_ne!(judge(several(), 2, &|c| c.id != "toy.3").run.verdicts, found);
}

#[test]
fn faults_and_treatments_do_not_change_the_random_numbers() {
    use corroborate::{
        claim::Arm,
        claim::{Bound, Budget, Check, CheckSpec, Controls, PairedSpec, Statistic},
    };
    let other = Arm { label: "other".into(), settings: serde_json::json!({ "heads": 0.95, "coin": 1 }) };
    let same = CheckSpec::Difference(PairedSpec {
        experiment: "coin".into(),
        metric: "toss".into(),
        pairs: vec![(arm(0.95), other)],
        statistic: Statistic::Median,
        bound: Bound::Within(-1e-300, 1e-300),
        budget: Budget { first: 5, quick: 40, full: 40 },
    });
    let controls = Controls::Impossible("it is an identity of the seeds".into());
    let check = Check { spec: same, controls, map: None };
    assert_eq!(verdict(claim(1, vec![check])), Verdict::Corroborated);
}
