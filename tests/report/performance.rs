//! The page of performance, of a run that never was.

use corroborate::report::{self, Comparison, Fraction, Growth, Performance, Profile};
use insta::assert_snapshot;

pub fn measured() -> Performance {
    let comparison = |against: &str, ratio: Option<f64>, goal: f64, is_best: bool| Comparison {
        work: "Sorting of cards: 52 cards".into(),
        against: against.into(),
        ratio,
        rounds: [ratio.unwrap_or(f64::NAN) - 0.25, ratio.unwrap_or(f64::NAN) + 0.5],
        goal,
        is_best,
        difference: 0.125,
        because: "the other program *sorts* <with> four hands".into(),
        command: "cargo bench --bench performance -- --only sorting".into(),
    };
    let growth = |work: &str, seconds: Vec<f64>, bytes: Vec<f64>| Growth {
        work: work.into(),
        size: "cards".into(),
        expected: 2.0,
        sizes: vec![10.0, 20.0, 40.0],
        seconds,
        bytes,
    };
    Performance {
        comparisons: vec![
            comparison("a | bar", Some(12.34), 10.0, true),
            comparison("slow", Some(0.987), 1.0, true),
            comparison("slower", Some(4.5), 10.0, false),
            comparison("nobody", None, 2.0, true),
        ],
        fractions: vec![Fraction {
            work: "Sorting of cards: 52 cards".into(),
            of: "speed of light".into(),
            share: 0.0123,
        }],
        growth: vec![
            growth("Sorting of cards", vec![1e-3, 4e-3, 16e-3], vec![800.0, 1600.0, 3200.0]),
            growth("Shuffling", vec![1e-3, 2e-3, 4e-3], vec![]),
        ],
        whole: vec![
            Comparison {
                work: "A whole game".into(),
                against: "60 s for 54 cards".into(),
                command: "cargo bench --bench performance -- --only game".into(),
                ..comparison("", Some(1.25), 1.0, true)
            },
            comparison("the same alone", Some(1.7), 1.8, true),
        ],
        profile: Some(Profile {
            selectors: vec!["*.1".into()],
            shares: vec![("shuffling".into(), 0.75), ("*luck*".into(), 0.25)],
            allocations: 12.3,
        }),
        run: vec![["Processor".into(), "abacus".into()]],
        absent: vec![["nobody".into(), "it *ended* without an answer".into()]],
    }
}

#[test]
fn page_of_performance() {
    let pages = report::performance(&measured()).unwrap();
    assert_eq!(pages[0].0, report::PERFORMANCE);
    assert_snapshot!(pages[0].1);
}

#[test]
fn no_absolute_time_or_size_is_on_the_page_or_in_a_picture() {
    let slower = |factor: f64| {
        let mut measured = measured();
        for growth in &mut measured.growth {
            growth.seconds.iter_mut().for_each(|s| *s *= factor);
            growth.bytes.iter_mut().for_each(|b| *b *= factor);
        }
        report::performance(&measured).unwrap()
    };
    assert_eq!(slower(1.0), slower(4.0));
}

#[test]
fn an_empty_run_has_a_page() {
    let pages = report::performance(&Performance::default()).unwrap();
    assert_eq!(pages.len(), 1);
    assert!(pages[0].1.contains("Nothing was compared."));
}
