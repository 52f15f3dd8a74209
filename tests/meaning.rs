//! What is written in YAML is what is judged: each kind of check, its bounds, its defaults, its
//! configurations and its map; claims and pictures.

use std::fs;

use corroborate::{
    claim::{
        self, Arm, Axis, BenchmarkMeasure, BenchmarkSpec, Bound, Budget, Check, CheckSpec, Claim,
        ComplexitySpec, Controls, CoverageSpec, EquivalenceSpec, LocationSpec, MapAxis, NumberSpec,
        PairedSpec, Plot, PlotContent, PlotCurve, PlotPanel, PropertySpec, Published, RateSpec, Relation,
        Requirement, Scope, Statistic, Tests, Verdict,
    },
    kernel::stream::Streams,
    papers::leaf::{Data, Failure, Measure, Measurement, Metric, Paper},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::toy::{Coin, Commutes, Fault, Work};

/// Settings of the sum.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Terms {
    /// The first term.
    pub a: u32,
    /// The second term.
    pub b: u32,
    /// The third term.
    pub c: u32,
}

/// A sum, which draws nothing.
pub struct Sum(Terms);

impl Measure for Sum {
    type Settings = Terms;
    type Fault = Fault;
    const NAME: &'static str = "sum";
    const SUMMARY: &'static str = "Adds three numbers, and one.";
    const METRICS: &'static [Metric] = &[Metric::new("total", "The sum.").range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::OffByOne];
    const STOCHASTIC: bool = false;

    fn prepare(settings: Terms, _: &Data) -> Result<Self, Failure> {
        Ok(Self(settings))
    }

    fn replicate(&self, _: Option<Fault>, _: &Streams) -> Result<Measurement, Failure> {
        Ok(Measurement::new().metric("total", f64::from(self.0.a + self.0.b + self.0.c) + 1.0))
    }
}

/// The toy with a sum.
pub fn leaf() -> Paper {
    let toy = Paper::new::<Fault>("toy").experiment::<Coin>().experiment::<Work>();
    toy.experiment::<Sum>().property::<Commutes>()
}

const PAPER: &str = "paper: {slug: toy, title: A, arxiv: \"0000.00000\", authors: [N], date: 2026-01, \
                     summary: s, reference: r, environments: e}\nclaims:\n";

const EXPERIMENTS: &str = "paper: toy\nexperiments:\n  \
    coin: {replicates: {first: 5, quick: 40, full: 160}, settings: {heavy: {heads: 0.95}, light: {heads: 0.6}}}\n  \
    work: {replicates: {quick: 20, full: 80}, settings: {long: {size: 99}}}\n";

/// The claims of a file that holds these lines of YAML, or the messages.
pub fn claims(lines: &str) -> Result<Vec<Claim>, String> {
    let folder = tempfile::tempdir().unwrap();
    for (part, text) in [("claims", &format!("{PAPER}{lines}")), ("experiments", &EXPERIMENTS.to_owned())] {
        fs::create_dir_all(folder.path().join(part)).unwrap();
        fs::write(folder.path().join(part).join("toy.yaml"), text).unwrap();
    }
    match claim::load(folder.path(), &[leaf()]) {
        Ok(mut catalogue) => Ok(catalogue.papers.remove(0).claims),
        Err(files) => Err(files.iter().map(ToString::to_string).collect()),
    }
}

/// A claim with these keys besides those that each needs.
pub fn claim_with(keys: &str) -> Result<Claim, String> {
    let all = "statement: s, source: s, provenance: [derived], kind: bound";
    claims(&format!("  - {{id: toy.1, {all}, {keys}}}\n")).map(|mut claims| claims.remove(0))
}

/// The check of these keys.
pub fn check(keys: &str) -> Result<Check, String> {
    const FIGURES: &str = "{name: same, figure: 0.5, unit: '1', relation: equals, source: s}, \
                           {name: least, figure: 0.5, unit: '1', relation: at-least, source: s}, \
                           {name: most, figure: 0.5, unit: '1', relation: at-most, source: s}";
    let keys = format!("scope: statistical, published: [{FIGURES}], checks: [{{{keys}}}]");
    claim_with(&keys).map(|mut claim| claim.checks.remove(0))
}

#[track_caller]
fn means(keys: &str, expected: &CheckSpec) {
    // Every kind honours this fault, a sum another one.
    let control = if keys.contains("experiment: sum") { "off-by-one" } else { "harmless" };
    let check = check(&format!("{keys}, controls: [{control}]")).unwrap();
    assert_eq!(format!("{:?}", check.spec), format!("{expected:?}"));
    assert_eq!(check.controls, Controls::Faults(vec![control.into()]));
    assert!(check.map.is_none());
}

fn arm(label: &str, settings: Value) -> Arm {
    Arm { label: label.into(), settings }
}

fn coin(label: &str, heads: f64, coin: u32) -> Arm {
    arm(label, json!({ "heads": heads, "coin": coin }))
}

fn work(label: &str, size: u32, effort: f64) -> Arm {
    arm(label, json!({ "size": size, "effort": effort }))
}

const OF_COIN: Budget = Budget { first: 5, quick: 40, full: 160 };
const OF_WORK: Budget = Budget { first: 20, quick: 20, full: 80 };

#[test]
fn requirements_of_cases_and_of_numbers() {
    let require = |metric: &str, bound| Requirement { metric: metric.into(), bound };
    means(
        "kind: property, property: commutes, cases: {first: 2, quick: 10, full: 20}, \
         require: [{metric: error, at-most: 0}, {metric: error, within: [0, 1]}]",
        &CheckSpec::Property(PropertySpec {
            property: "commutes".into(),
            require: vec![require("error", Bound::AtMost(0.0)), require("error", Bound::Within(0.0, 1.0))],
            cases: Budget { first: 2, quick: 10, full: 20 },
        }),
    );
    means(
        "kind: number, experiment: sum, require: [{metric: total, at-least: 1}]",
        &CheckSpec::Number(NumberSpec {
            experiment: "sum".into(),
            arms: vec![arm("reference settings", json!({ "a": 0, "b": 0, "c": 0 }))],
            require: vec![require("total", Bound::AtLeast(1.0))],
        }),
    );
}

#[test]
fn locations_in_every_configuration() {
    let spec = |arms, statistic, bound, budget| {
        CheckSpec::Location(LocationSpec {
            experiment: "coin".into(),
            metric: "heads".into(),
            arms,
            statistic,
            bound,
            budget,
        })
    };
    let location = "kind: location, experiment: coin, metric: heads";
    means(
        &format!("{location}, at-least: 0.5"),
        &spec(vec![coin("reference settings", 0.95, 0)], Statistic::Mean, Bound::AtLeast(0.5), OF_COIN),
    );
    means(
        &format!(
            "{location}, settings: [heavy, light], set: {{coin: 2}}, statistic: median, within: [0.5, 0.5], \
             replicates: {{first: 2, quick: 3, full: 4}}"
        ),
        &spec(
            vec![coin("heavy", 0.95, 2), coin("light", 0.6, 2)],
            Statistic::Median,
            Bound::Within(0.5, 0.5),
            Budget { first: 2, quick: 3, full: 4 },
        ),
    );
    // What is set wins over named settings, and a point of the grid over both.
    means(
        &format!("{location}, settings: [light], set: {{heads: 0.8}}, grid: {{coin: [1, 2]}}, at-most: 1"),
        &spec(
            vec![coin("light, coin 1", 0.8, 1), coin("light, coin 2", 0.8, 2)],
            Statistic::Mean,
            Bound::AtMost(1.0),
            OF_COIN,
        ),
    );
}

#[test]
fn arms_that_are_compared() {
    let spec = |pairs, statistic, bound| PairedSpec {
        experiment: "work".into(),
        metric: "sweat".into(),
        pairs,
        statistic,
        bound,
        budget: OF_WORK,
    };
    let keys = |kind: &str| format!("kind: {kind}, experiment: work, metric: sweat");
    means(
        &format!(
            "{}, set: {{size: 20}}, against: [{{effort: 1}}, {{effort: 0.5}}], at-most: 0",
            keys("difference")
        ),
        &CheckSpec::Difference(spec(
            vec![
                (work("effort 0.2", 20, 0.2), work("effort 1", 20, 1.0)),
                (work("effort 0.2", 20, 0.2), work("effort 0.5", 20, 0.5)),
            ],
            Statistic::Mean,
            Bound::AtMost(0.0),
        )),
    );
    means(
        &format!(
            "{}, statistic: median, grid: {{size: [1, 2]}}, against: [{{effort: 1}}], at-most: 1",
            keys("ratio")
        ),
        &CheckSpec::Ratio(spec(
            vec![
                (work("size 1, effort 0.2", 1, 0.2), work("effort 1", 1, 1.0)),
                (work("size 2, effort 0.2", 2, 0.2), work("effort 1", 2, 1.0)),
            ],
            Statistic::Median,
            Bound::AtMost(1.0),
        )),
    );
    means(
        &format!("{}, settings: [long], against: [{{size: 1}}], at-least: 0.5", keys("improvement")),
        &CheckSpec::Improvement(spec(
            vec![(work("long, size 99", 99, 0.2), work("size 1", 1, 0.2))],
            Statistic::Mean,
            Bound::AtLeast(0.5),
        )),
    );
}

#[test]
fn coverages_rates_and_counts() {
    means(
        "kind: coverage, experiment: coin, metric: heads, at-least: 0.9",
        &CheckSpec::Coverage(CoverageSpec {
            experiment: "coin".into(),
            metric: "heads".into(),
            arms: vec![coin("reference settings", 0.95, 0)],
            bound: Bound::AtLeast(0.9),
            budget: OF_COIN,
        }),
    );
    let of_sizes = |label: &str, effort| {
        (label.to_owned(), vec![work("size 10", 10, effort), work("size 20", 20, effort)])
    };
    means(
        "kind: rate, experiment: work, metric: operations, size: size, sizes: [10, 20], grid: {effort: [0.1, 0.3]}, at-most: 1",
        &CheckSpec::Rate(RateSpec {
            experiment: "work".into(),
            metric: "operations".into(),
            sizes: vec![10.0, 20.0],
            arms: vec![of_sizes("effort 0.1", 0.1), of_sizes("effort 0.3", 0.3)],
            statistic: Statistic::Median,
            bound: Bound::AtMost(1.0),
            budget: OF_WORK,
        }),
    );
    let count = |experiment: &str, metric: &str, sizes, arms, budget| {
        CheckSpec::Complexity(ComplexitySpec {
            experiment: experiment.into(),
            metric: metric.into(),
            sizes,
            arms,
            bound: Bound::AtMost(30.0),
            budget,
        })
    };
    means(
        "kind: complexity, experiment: work, metric: operations, size: size, sizes: [10, 20], at-most: 30",
        &count("work", "operations", vec![10.0, 20.0], vec![of_sizes("reference settings", 0.2)], OF_WORK),
    );
    // Sizes need not be whole.
    means(
        "kind: complexity, experiment: work, metric: operations, size: effort, sizes: [0.25, 2], at-most: 30",
        &count(
            "work",
            "operations",
            vec![0.25, 2.0],
            vec![(
                "reference settings".into(),
                vec![work("effort 0.25", 10, 0.25), work("effort 2", 10, 2.0)],
            )],
            OF_WORK,
        ),
    );
    // Where nothing is drawn, one count says all.
    means(
        "kind: complexity, experiment: sum, metric: total, at-most: 30",
        &count(
            "sum",
            "total",
            vec![],
            vec![("reference settings".into(), vec![arm("", json!({ "a": 0, "b": 0, "c": 0 }))])],
            Budget { first: 1, quick: 1, full: 1 },
        ),
    );
}

#[test]
fn equivalences_stay_on_the_side_of_the_figure() {
    for (name, relation, bound) in [
        ("same", Relation::Equals, Bound::Within(0.25, 0.75)),
        ("least", Relation::AtLeast, Bound::AtLeast(0.25)),
        ("most", Relation::AtMost, Bound::AtMost(0.75)),
    ] {
        let location = LocationSpec {
            experiment: "coin".into(),
            metric: "heads".into(),
            arms: vec![coin("reference settings", 0.95, 0)],
            statistic: Statistic::Mean,
            bound,
            budget: Budget { first: 7, quick: 7, full: 9 },
        };
        let (unit, source) = ("1".into(), "s".into());
        let published = Published { name: name.into(), figure: 0.5, unit, relation, source };
        means(
            &format!(
                "kind: equivalence, experiment: coin, metric: heads, published: {name}, margin: 0.25, \
                 replicates: {{quick: 7, full: 9}}"
            ),
            &CheckSpec::Equivalence(EquivalenceSpec { location, published, margin: 0.25 }),
        );
    }
}

#[test]
fn times_are_compared_or_grow() {
    let spec =
        |measure, bound| CheckSpec::Benchmark(BenchmarkSpec { group: "update".into(), measure, bound });
    means(
        "kind: benchmark, group: update, function: one, against: all, at-most: 0.5",
        &spec(BenchmarkMeasure::Ratio { function: "one".into(), against: "all".into() }, Bound::AtMost(0.5)),
    );
    means(
        "kind: benchmark, group: update, function: one, sizes: [1, 2], within: [0, 1.5]",
        &spec(
            BenchmarkMeasure::Slope { function: "one".into(), sizes: vec![1.0, 2.0] },
            Bound::Within(0.0, 1.5),
        ),
    );
    means(
        "kind: benchmark, group: update, function: one, against: all, at-least: 2",
        &spec(BenchmarkMeasure::Ratio { function: "one".into(), against: "all".into() }, Bound::AtLeast(2.0)),
    );
}

#[test]
fn a_map_has_a_cell_for_each_combination() {
    let keys = "kind: location, experiment: coin, metric: heads, at-least: 0.5, set: {heads: 0.1}, controls: [harmless]";
    let map = check(&format!("{keys}, over: {{heads: [0.7, 0.9], coin: [1, 2]}}")).unwrap().map.unwrap();
    let axis = |setting: &str, values: Value| MapAxis {
        setting: setting.into(),
        values: values.as_array().unwrap().clone(),
    };
    assert_eq!(map.axes, [axis("heads", json!([0.7, 0.9])), axis("coin", json!([1, 2]))]);
    let arms: Vec<Arm> = map
        .cells
        .into_iter()
        .flat_map(|cell| match cell {
            CheckSpec::Location(cell) => cell.arms,
            other => panic!("{other:?}"),
        })
        .collect();
    let cell = |heads, n| coin("reference settings", heads, n);
    assert_eq!(arms, [cell(0.7, 1), cell(0.7, 2), cell(0.9, 1), cell(0.9, 2)]);
    assert!(check(&format!("{keys}, over: {{}}")).unwrap().map.is_none());
}

#[test]
fn a_control_may_be_impossible_for_a_reason() {
    let keys =
        "kind: location, experiment: coin, metric: heads, at-least: 0.5, control-impossible: ' a toy '";
    assert_eq!(check(keys).unwrap().controls, Controls::Impossible("a toy".into()));
}

const CHECKS: &str =
    "checks: [{kind: location, experiment: coin, metric: heads, at-least: 0.5, controls: [harmless]}]";

#[test]
fn claims_with_and_without_what_may_be_left_out() {
    let plain = claim_with(&format!("scope: exact, {CHECKS}")).unwrap();
    assert_eq!((plain.id.as_str(), plain.paper.as_str(), plain.statement.as_str()), ("toy.1", "toy", "s"));
    assert_eq!(
        (plain.scope, plain.tests, plain.expect),
        (Scope::Exact, Tests::Statement, Verdict::Corroborated)
    );
    assert_eq!((plain.because, plain.notes, plain.needs), (None, None, None));
    assert!(plain.published.is_empty() && plain.plots.is_empty() && plain.checks.len() == 1);
    let full = claim_with(&format!(
        "scope: mechanism, tests: opposite, expect: refuted, because: ' it is false ', notes: n, {CHECKS}"
    ))
    .unwrap();
    assert_eq!((full.tests, full.expect), (Tests::Opposite, Verdict::Refuted));
    assert_eq!((full.because.as_deref(), full.notes.as_deref()), (Some("it is false"), Some("n")));
    let distant = claim_with("scope: out-of-reach, needs: ' a laboratory '").unwrap();
    assert_eq!((distant.expect, distant.needs.as_deref()), (Verdict::OutOfReach, Some("a laboratory")));
}

#[test]
fn pictures() {
    let plot = |keys: &str| {
        let plot =
            format!("title: t, experiment: coin, x: {{label: toss}}, y: {{label: heads, log: true}}, {keys}");
        claim_with(&format!("scope: exact, {CHECKS}, plots: [{{{plot}}}]"))
            .map(|mut claim| claim.plots.remove(0))
    };
    let expected = |content, panels, replicates| Plot {
        title: "t".into(),
        content,
        x: Axis { label: "toss".into(), log: false },
        y: Axis { label: "heads".into(), log: true },
        experiment: "coin".into(),
        panels,
        replicates,
    };
    let curve = |label: &str, fault: Option<&str>, arms| PlotCurve {
        label: label.into(),
        fault: fault.map(Into::into),
        arms,
    };
    let panel = |title: &str, curves| PlotPanel { title: title.into(), curves };
    let same = |keys: &str, expected: Plot| {
        assert_eq!(format!("{:?}", plot(keys).unwrap()), format!("{expected:?}"));
    };
    same(
        "series: so-far, curves: [{label: one}, {label: other, set: {heads: 0.5}, fault: harmless}]",
        expected(
            PlotContent::Series("so-far".into()),
            vec![panel(
                "",
                vec![
                    curve("one", None, vec![(0.0, coin("one", 0.95, 0))]),
                    curve("other", Some("harmless"), vec![(0.0, coin("other", 0.5, 0))]),
                ],
            )],
            1,
        ),
    );
    same(
        "sweep: {metric: heads, setting: coin, values: [1, 3]}, panels: [heavy, light], set: {coin: 7}, \
         curves: [{label: one}], replicates: 9",
        expected(
            PlotContent::Sweep("heads".into()),
            [("heavy", 0.95), ("light", 0.6)]
                .map(|(name, heads)| {
                    panel(
                        name,
                        vec![curve(
                            "one",
                            None,
                            vec![(1.0, coin("one", heads, 1)), (3.0, coin("one", heads, 3))],
                        )],
                    )
                })
                .to_vec(),
            9,
        ),
    );
    same(
        "bars: heads, set: {coin: 7}, curves: [{label: one}]",
        expected(
            PlotContent::Bars("heads".into()),
            vec![panel("", vec![curve("one", None, vec![(0.0, coin("one", 0.95, 7))])])],
            1,
        ),
    );
    for (keys, message) in [
        ("bars: heads, series: so-far, curves: [{label: one}]", "expected exactly one thing to draw"),
        ("curves: [{label: one}]", "expected exactly one thing to draw"),
        ("bars: head, curves: [{label: one}]", "unknown metric `head`"),
        (
            "sweep: {metric: head, setting: coin, values: [1, 2]}, curves: [{label: one}]",
            "unknown metric `head`",
        ),
        (
            "sweep: {metric: heads, setting: con, values: [1, 2]}, curves: [{label: one}]",
            "unknown setting of `coin` `con`",
        ),
        ("bars: heads, curves: [{label: one, fault: wasteful}]", ""),
        ("bars: heads, curves: [{label: one, fault: wastful}]", "unknown fault `wastful`"),
        ("bars: heads, panels: [hevy], curves: [{label: one}]", "unknown named settings of `coin` `hevy`"),
    ] {
        let told = plot(keys).err().unwrap_or_default();
        assert!(told.contains(message) && told.is_empty() == message.is_empty(), "{keys}: {told}");
    }
}
