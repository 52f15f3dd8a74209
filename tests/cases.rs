//! Cases of a property: how many are drawn, what is counted, and which instance is shown; and the pieces in
//! which the executor measures.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use corroborate::{
    claim::{Bound, Requirement},
    papers::leaf::{Failure, Fault as _, Measurement, Metric, Observe, Paper},
    run::{Cases, CasesRecord, Executor, Memory, Request, Results, Sample, Step},
    store::{Store, inspect},
};
use proptest::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::toy::{self, Coin, Commutes, Fault, Work};

/// A whole number.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Number {
    n: u32,
}

/// The number itself, whose bounds the tests choose.
struct Itself;

impl Observe for Itself {
    type Instance = Number;
    type Fault = Fault;
    const NAME: &'static str = "itself";
    const SUMMARY: &'static str = "n = n.";
    const METRICS: &'static [Metric] = &[Metric::new("n", "n."), Metric::new("steps", "Steps of hundreds.")];
    const FAULTS: &'static [Fault] = Fault::ALL;

    fn instances() -> BoxedStrategy<Number> {
        (0_u32..1000).prop_map(|n| Number { n }).boxed()
    }

    fn observe(number: &Number, fault: Option<Fault>) -> Result<Measurement, Failure> {
        if fault == Some(Fault::Wasteful) && number.n > 500 {
            return Err(Failure::numerical("n is large"));
        }
        let n = f64::from(number.n);
        Ok(Measurement::new().metric("n", n).metric("steps", (n / 500.0).floor()))
    }
}

/// Instances that [`Reluctant`] has seen.
static SEEN: AtomicU64 = AtomicU64::new(0);
/// Cases that are asked of [`Reluctant`]. Twenty rejections a case are put up with.
const ASKED: u64 = 3;

/// Assumptions that the first instances do not meet: sixty of them, or one more under a fault.
struct Reluctant;

impl Observe for Reluctant {
    type Instance = Number;
    type Fault = Fault;
    const NAME: &'static str = "reluctant";
    const SUMMARY: &'static str = "n = n, later.";
    const METRICS: &'static [Metric] = &[Metric::new("n", "n.")];
    const FAULTS: &'static [Fault] = Fault::ALL;

    fn instances() -> BoxedStrategy<Number> {
        Itself::instances()
    }

    fn observe(number: &Number, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let unfit = 20 * ASKED + u64::from(fault == Some(Fault::OffByOne));
        if SEEN.fetch_add(1, Ordering::SeqCst) < unfit {
            return Err(Failure::Rejected("it comes too early"));
        }
        Ok(Measurement::new().metric("n", f64::from(number.n)))
    }
}

fn executor() -> Executor {
    let paper = Paper::new::<Fault>("toy").experiment::<Coin>().experiment::<Work>();
    let paper = paper.property::<Commutes>().property::<Itself>().property::<Reluctant>();
    Executor::new(vec![paper], BTreeMap::new(), 0, 1, Duration::from_mins(10)).unwrap()
}

fn cases(property: &str, cases: u64, fault: Option<Fault>, require: &[(&str, Bound)]) -> Cases {
    Cases {
        paper: "toy".into(),
        property: property.into(),
        claim: "toy.1".into(),
        fault: fault.map(|fault| fault.name().into()),
        cases,
        require: require
            .iter()
            .map(|(metric, bound)| Requirement { metric: (*metric).into(), bound: *bound })
            .collect(),
    }
}

fn measured(cases: &Cases) -> Result<CasesRecord, String> {
    let mut results = Results::default();
    executor().measure(&[Request::Cases(cases.clone())], &mut results, &|_| ());
    results.cases(cases).unwrap().cloned().map_err(str::to_owned)
}

/// The numbers among this many cases that were smaller or larger than all before them, in order.
fn extremes(count: u64) -> Vec<f64> {
    let mut found: Vec<f64> = Vec::new();
    for n in 1..=count {
        let ends = [("n", Bound::AtLeast(0.0)), ("n", Bound::AtMost(1000.0))];
        for number in measured(&cases("itself", n, None, &ends)).unwrap().worst {
            if !found.contains(&number) {
                found.push(number);
            }
        }
    }
    found
}

#[test]
fn twenty_rejections_a_case_are_put_up_with_and_not_one_more() {
    SEEN.store(0, Ordering::SeqCst);
    let enough = measured(&cases("reluctant", ASKED, None, &[("n", Bound::AtLeast(0.0))])).unwrap();
    assert_eq!((enough.cases, enough.rejected, enough.violating), (ASKED, 20 * ASKED, 0));
    SEEN.store(0, Ordering::SeqCst);
    let told = measured(&cases("reluctant", ASKED, Some(Fault::OffByOne), &[("n", Bound::AtLeast(0.0))]));
    assert_eq!(told.unwrap_err(), "too many instances outside the assumptions, the last: it comes too early");
}

#[test]
fn the_worst_values_are_those_nearest_to_violating_or_furthest_beyond() {
    let extremes = extremes(40);
    let least = extremes.iter().copied().fold(f64::INFINITY, f64::min);
    let most = extremes.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(least < 200.0 && most > 800.0, "{extremes:?}");
    let record = |require: &[(&str, Bound)]| measured(&cases("itself", 40, None, require)).unwrap();
    let inside = [Bound::AtMost(1000.0), Bound::AtLeast(0.0), Bound::Within(least, 2000.0)];
    let found = record(&inside.map(|bound| ("n", bound)));
    assert_eq!((found.worst, found.violating, found.violation), (vec![most, least, least], 0, None));
    // At the bound is within it; and of two values that are equally bad, the first is kept.
    let first = *extremes.iter().find(|n| [least, most].contains(n)).unwrap();
    let at = [Bound::AtMost(most), Bound::AtLeast(least), Bound::Within(least, most)];
    let found = record(&at.map(|bound| ("n", bound)));
    assert_eq!((found.worst, found.violating, found.violation), (vec![most, least, first], 0, None));
    // Beyond it is a violation, however little.
    let beyond = [Bound::AtMost(most - 0.5), Bound::AtLeast(least + 0.5)];
    assert!(beyond.iter().all(|bound| record(&[("n", *bound)]).violating > 0));
}

#[test]
fn violating_cases_are_counted_and_the_first_one_is_made_minimal() {
    let bound = Bound::AtMost(700.0);
    let found = measured(&cases("itself", 60, None, &[("n", bound)])).unwrap();
    let violation = found.violation.clone().unwrap();
    assert!(1 < found.violating && found.violating < 40, "{found:?}");
    // The smallest number that violates the bound, not the one that was drawn.
    assert_eq!(violation.instance, json!({ "n": 701 }));
    assert_eq!(violation.measured, [("n".to_owned(), 701.0), ("steps".to_owned(), 1.0)]);
    // The first one: with no more cases than come before it, there is none; with one more, there is.
    let first = violation.case;
    let before = measured(&cases("itself", first.max(1), None, &[("n", bound)])).unwrap();
    assert_eq!(before.violating, u64::from(first == 0));
    let with = measured(&cases("itself", first + 1, None, &[("n", bound)])).unwrap();
    assert_eq!((with.violating, with.violation), (1, Some(violation)));
    // Two requirements: a case that violates either counts, and one that violates both counts once.
    let either = [("n", Bound::AtMost(700.0)), ("n", Bound::AtLeast(100.0)), ("steps", Bound::AtMost(0.5))];
    let of = |require: &[(&str, Bound)]| measured(&cases("itself", 60, None, require)).unwrap().violating;
    assert_eq!(of(&either), of(&either[1..2]) + of(&either[2..]));
    assert!(of(&either[1..2]) > 0);
}

#[test]
fn a_property_that_breaks_down_quotes_the_instance() {
    let told =
        measured(&cases("itself", 60, Some(Fault::Wasteful), &[("n", Bound::AtLeast(0.0))])).unwrap_err();
    let n = told.strip_prefix("numerical failure: n is large, on the instance {\"n\":").unwrap();
    assert!(n.strip_suffix('}').unwrap().parse::<u32>().unwrap() > 500, "{told}");
    let told = measured(&cases("itself", 1, None, &[("m", Bound::AtLeast(0.0))])).unwrap_err();
    assert_eq!(told, "metric `m` was not measured");
}

fn replicates(experiment: &str, replicates: u64) -> Request {
    let settings = match experiment {
        "coin" => json!({ "heads": 0.5, "coin": 0 }),
        _ => json!({ "size": 10, "effort": 0.2 }),
    };
    let sample = Sample { paper: "toy".into(), experiment: experiment.into(), settings, fault: None };
    Request::Replicates { sample, replicates, series: false }
}

/// What is told while requests are measured by one thread: pieces done, of how many, and what.
fn steps(executor: &Executor, requests: &[Request], results: &mut Results) -> Vec<(u64, u64, String)> {
    let told = Mutex::new(Vec::new());
    executor.measure(requests, results, &|Step { done, of, subject }| {
        told.lock().unwrap().push((done, of, subject.to_owned()));
    });
    told.into_inner().unwrap()
}

#[test]
fn pieces_are_of_five_replicates_and_told_as_they_begin_and_end() {
    let (executor, mut results) = (executor(), Results::default());
    let coin = |done| (done, 3, "toy/coin".to_owned());
    let told = steps(&executor, &[replicates("coin", 12)], &mut results);
    assert_eq!(told, [0, 1, 1, 2, 2, 3].map(coin));
    assert_eq!(executor.measured(), 3);
    // From the thirteenth on: the rest of the third five, three whole ones, and one replicate.
    let coin = |done| (done, 5, "toy/coin".to_owned());
    let told = steps(&executor, &[replicates("coin", 20), replicates("coin", 31)], &mut results);
    assert_eq!(told, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5].map(coin));
    assert_eq!(executor.measured(), 8);
    // Nothing is left to do.
    assert_eq!(steps(&executor, &[replicates("coin", 31)], &mut results), []);
    // A property is one piece.
    let commutes = cases("commutes", 50, None, &[("error", Bound::AtMost(0.0))]);
    let told = steps(&executor, &[Request::Cases(commutes)], &mut results);
    assert_eq!(told, [0, 1].map(|done| (done, 1, "toy/commutes".to_owned())));
}

#[test]
fn each_piece_is_kept_before_it_is_said_to_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), false);
    let executor = executor().remembering(Memory::new(store, [("toy".to_owned(), "f".to_owned())].into()));
    let kept = Mutex::new(Vec::new());
    executor.measure(&[replicates("coin", 20)], &mut Results::default(), &|step| {
        kept.lock().unwrap().push((step.done, inspect(folder.path()).unwrap().records));
    });
    // Numbers and curves of a piece are a record each.
    assert_eq!(kept.into_inner().unwrap(), [0, 1, 1, 2, 2, 3, 3, 4].map(|done| (done, 2 * done)));
}

#[test]
fn a_number_shuffles_the_order_and_no_result() {
    let requests = [replicates("coin", 20), replicates("work", 20)];
    let run = |by: Option<u64>| {
        let mut results = Results::default();
        let told = steps(&executor().shuffled(by), &requests, &mut results);
        let of = |request: &Request| {
            let Request::Replicates { sample, replicates, .. } = request else { panic!("replicates") };
            format!("{:?}", results.replicates(sample, *replicates).unwrap().unwrap())
        };
        let begun: Vec<String> = told.into_iter().step_by(2).map(|(_, _, subject)| subject).collect();
        (begun, requests.each_ref().map(of))
    };
    let (in_order, results) = run(None);
    assert_eq!(in_order, [["toy/coin"; 4], ["toy/work"; 4]].concat());
    let mut orders = vec![in_order];
    for by in 0..5 {
        let (order, again) = run(Some(by));
        assert_eq!(again, results);
        assert_eq!(run(Some(by)).0, order);
        orders.push(order);
    }
    orders.sort();
    orders.dedup();
    assert!(orders.len() > 3, "{orders:?}");
}

#[test]
fn what_is_not_there_is_said() {
    let mut results = Results::default();
    let nothing = Sample { paper: "toy".into(), experiment: "none".into(), settings: json!({}), fault: None };
    let request = Request::Replicates { sample: nothing.clone(), replicates: 2, series: false };
    let missing = cases("none", 1, None, &[]);
    executor().measure(&[request, Request::Cases(missing.clone())], &mut results, &|_| ());
    assert_eq!(results.replicates(&nothing, 2).unwrap().unwrap_err(), "there is no experiment toy/none");
    assert_eq!(results.cases(&missing).unwrap().unwrap_err(), "there is no property toy/none");
    assert!(results.replicates(&nothing, 3).is_none());
    assert_eq!(toy::executor(1).paper("none").map(|paper| paper.slug), None);
}
