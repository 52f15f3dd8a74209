//! Cases of a property: drawn by proptest, measured, and made minimal where a bound is violated.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::seed::{digest, property_seed};
use crate::{
    claim::{Bound, Requirement},
    papers::leaf::{Case, Failure, Measurement, Property},
};

/// Drawn instances outside a property's assumptions are redrawn this many times a case.
const REJECTIONS_PER_CASE: u64 = 20;
/// Bound on the steps towards a minimal counterexample.
const SHRINK_STEPS: u32 = 4_096;

/// The cases of a property, for one claim, under one fault or none.
#[derive(Clone, Debug, PartialEq)]
pub struct Cases {
    /// Slug of the paper.
    pub paper: String,
    /// Name of the property.
    pub property: String,
    /// The claim; it seeds the generator.
    pub claim: String,
    /// The fault, if any.
    pub fault: Option<String>,
    /// Number of cases inside the assumptions.
    pub cases: u64,
    /// The bounds that tell a violation.
    pub require: Vec<Requirement>,
}

impl Cases {
    /// Digest that identifies the cases.
    #[must_use]
    pub fn key(&self) -> String {
        digest(&json!([self.paper, self.property, self.claim, self.fault, self.cases, self.require]))
    }
}

/// What the cases of a property showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CasesRecord {
    /// Cases measured.
    pub cases: u64,
    /// Instances drawn but outside the assumptions.
    pub rejected: u64,
    /// Cases that violate some bound.
    pub violating: u64,
    /// For each requirement its worst value: the one with the smallest slack.
    pub worst: Vec<f64>,
    /// The first violation, made minimal.
    pub violation: Option<Violation>,
}

impl CasesRecord {
    /// What in a record from outside cannot have come from these cases, if anything.
    pub(super) fn flaw(&self, cases: &Cases) -> Option<&'static str> {
        let beyond = |values: &dyn Fn(usize, &Requirement) -> Option<f64>| {
            let mut require = cases.require.iter().enumerate();
            require.any(|(i, r)| values(i, r).is_some_and(|value| slack(r.bound, value) < 0.0))
        };
        if self.cases != cases.cases || self.worst.len() != cases.require.len() {
            return Some("it has another number of cases or of requirements");
        }
        if self.violating > self.cases || self.rejected > REJECTIONS_PER_CASE.saturating_mul(self.cases) {
            return Some("more cases are violating or rejected than there can be");
        }
        if beyond(&|i, _| self.worst.get(i).copied()) != (self.violating > 0) {
            return Some("its worst values and its number of violating cases contradict each other");
        }
        match &self.violation {
            None if self.violating > 0 => Some("violating cases are counted, and none is shown"),
            Some(_) if self.violating == 0 => Some("a violation is shown, and none is counted"),
            Some(shown) if shown.case >= self.cases => {
                Some("the violation shown is of a case beyond the last")
            }
            Some(shown) => {
                let measured = |name: &str| shown.measured.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
                let violates = beyond(&|_, r| measured(&r.metric));
                (!violates).then_some("the violation shown violates no bound")
            }
            None => None,
        }
    }
}

/// An instance that violates a bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// Number of the case, from 0.
    pub case: u64,
    /// The minimal instance.
    pub instance: Value,
    /// What is measured on it.
    pub measured: Vec<(String, f64)>,
}

/// Draws and measures the cases.
///
/// # Errors
/// A message if the property breaks down on an instance (which it quotes), or if too many
/// instances are rejected.
pub(super) fn measure(property: &Property, cases: &Cases, root_seed: u64) -> Result<CasesRecord, String> {
    let seed = property_seed(root_seed, &cases.claim, &cases.property);
    let mut runner = TestRunner::new_with_rng(config(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let mut record = CasesRecord { cases: 0, rejected: 0, violating: 0, worst: Vec::new(), violation: None };
    let fault = cases.fault.as_deref();
    while record.cases < cases.cases {
        let mut case = property.draw(&mut runner).map_err(|e| e.to_string())?;
        let measured = match case.observe(fault) {
            Err(Failure::Rejected(reason)) => {
                record.rejected += 1;
                if record.rejected > REJECTIONS_PER_CASE * cases.cases {
                    return Err(format!("too many instances outside the assumptions, the last: {reason}"));
                }
                continue;
            }
            Err(failure) => return Err(format!("{failure}, on the instance {}", case.json())),
            Ok(measured) => measured,
        };
        if update_worst(&mut record.worst, &cases.require, &measured)? {
            record.violating += 1;
            if record.violation.is_none() {
                record.violation = Some(minimal(case.as_mut(), record.cases, cases));
            }
        }
        record.cases += 1;
    }
    Ok(record)
}

/// Of what proptest takes from the environment, drawing and simplifying depend on two things: how many draws a filter
/// may refuse, and how often a part is drawn anew that depends on another one. Nothing is written to files; a place to
/// write to would be copied for every part of an instance.
fn config() -> Config {
    Config { cases: 0, max_local_rejects: 65_536, failure_persistence: None, ..Config::default() }
}

/// Slack of a value: distance to the nearer end of its bound, negative outside.
#[must_use]
pub fn slack(bound: Bound, value: f64) -> f64 {
    match bound {
        Bound::AtMost(top) => top - value,
        Bound::AtLeast(bottom) => value - bottom,
        Bound::Within(low, high) => (value - low).min(high - value),
    }
}

/// Keeps the worst value of each requirement; tells whether this measurement violates one.
fn update_worst(
    worst: &mut Vec<f64>,
    require: &[Requirement],
    measured: &Measurement,
) -> Result<bool, String> {
    let mut violates = false;
    for (i, requirement) in require.iter().enumerate() {
        let value = measured
            .get(&requirement.metric)
            .ok_or_else(|| format!("metric `{}` was not measured", requirement.metric))?;
        let value_slack = slack(requirement.bound, value);
        violates |= value_slack < 0.0;
        match worst.get_mut(i) {
            None => worst.push(value),
            Some(so_far) if value_slack < slack(requirement.bound, *so_far) => *so_far = value,
            Some(_) => {}
        }
    }
    Ok(violates)
}

/// Walks down proptest's tree to an instance none of whose simplifications violates a bound.
fn minimal(case: &mut dyn Case, number: u64, cases: &Cases) -> Violation {
    let fault = cases.fault.as_deref();
    let violates = |case: &dyn Case| -> Option<Measurement> {
        let measured = case.observe(fault).ok()?;
        update_worst(&mut Vec::new(), &cases.require, &measured).ok()?.then_some(measured)
    };
    let mut best = (case.json(), violates(case).unwrap_or_default());
    let mut steps = 0;
    let mut more = case.simplify();
    while more && steps < SHRINK_STEPS {
        steps += 1;
        more = if let Some(measured) = violates(case) {
            best = (case.json(), measured);
            case.simplify()
        } else {
            case.complicate()
        };
    }
    Violation { case: number, instance: best.0, measured: best.1.metrics }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a record of three cases that were to be at most 1, one of them violating, after a
    /// change.
    fn flaw(change: &dyn Fn(&mut CasesRecord)) -> Option<&'static str> {
        let (paper, property) = ("toy".to_owned(), "coin".to_owned());
        let require = vec![Requirement { metric: "error".into(), bound: Bound::AtMost(1.0) }];
        let cases = Cases { paper, property, claim: "toy.1".into(), fault: None, cases: 3, require };
        let violation =
            Violation { case: 2, instance: json!({}), measured: vec![("error".to_owned(), 1.25)] };
        let mut record = CasesRecord {
            cases: 3,
            rejected: 60,
            violating: 1,
            worst: vec![1.5],
            violation: Some(violation),
        };
        change(&mut record);
        record.flaw(&cases)
    }

    /// An instance that always violates `error` ≤ 1, and can be made simpler for ever.
    struct Bottomless(u64);

    impl Case for Bottomless {
        fn observe(&self, _: Option<&str>) -> Result<Measurement, Failure> {
            Ok(Measurement::new().metric("error", 2.0))
        }
        fn json(&self) -> Value {
            json!(self.0)
        }
        fn simplify(&mut self) -> bool {
            self.0 += 1;
            assert!(self.0 < 10_000, "it is made simpler for ever");
            true
        }
        fn complicate(&mut self) -> bool {
            false
        }
    }

    #[test]
    fn simplifying_comes_to_an_end() {
        let require = vec![Requirement { metric: "error".into(), bound: Bound::AtMost(1.0) }];
        let cases = Cases {
            paper: "toy".into(),
            property: "bottomless".into(),
            claim: "toy.1".into(),
            fault: None,
            cases: 1,
            require,
        };
        assert_eq!(minimal(&mut Bottomless(0), 0, &cases).instance, json!(SHRINK_STEPS));
    }

    #[test]
    fn of_equally_bad_values_the_first_is_kept() {
        let require = [Requirement { metric: "x".into(), bound: Bound::Within(0.0, 2.0) }];
        let mut worst = Vec::new();
        for (x, kept) in [(0.5, 0.5), (1.5, 0.5), (1.0, 0.5), (1.75, 1.75), (0.25, 1.75)] {
            assert_eq!(update_worst(&mut worst, &require, &Measurement::new().metric("x", x)), Ok(false));
            assert_eq!(worst, [kept]);
        }
    }

    fn shown(record: &mut CasesRecord) -> &mut Violation {
        record.violation.as_mut().unwrap()
    }

    type Change = fn(&mut CasesRecord);

    #[test]
    fn records_that_contradict_themselves_are_told_from_others() {
        assert_eq!(flaw(&|_| ()), None);
        let without = |r: &mut CasesRecord| (r.violating, r.worst[0], r.violation) = (0, 0.5, None);
        assert_eq!(flaw(&without), None);
        assert_eq!(flaw(&|r| r.violating = 3), None);
        let changes: [(Change, &str); 10] = [
            (|r| r.cases = 2, "another number"),
            (|r| r.worst.push(0.0), "another number"),
            (|r| r.violating = 4, "more cases"),
            (|r| r.rejected = 61, "more cases"),
            (|r| r.worst[0] = 1.0, "contradict"),
            (|r| (r.violating, r.violation) = (0, None), "contradict"),
            (|r| r.violation = None, "none is shown"),
            (|r| (r.violating, r.worst[0]) = (0, 0.5), "none is counted"),
            (|r| shown(r).case = 3, "beyond the last"),
            (|r| shown(r).measured[0].1 = 1.0, "violates no bound"),
        ];
        for (change, words) in changes {
            let told = flaw(&change);
            assert!(told.is_some_and(|told| told.contains(words)), "{told:?}, expected `{words}`");
        }
    }
}
