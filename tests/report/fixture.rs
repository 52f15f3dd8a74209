//! Verdicts written by hand: every verdict, scope and outcome, published figures, counterexamples,
//! breakdowns and pictures, for two papers that do not exist.

use corroborate::{
    check::evidence::{
        ClaimResult, ControlResult, Curve, EValues, Evidence, Finding, MapCell, MapData, Outcome, PanelData,
        PlotData, RunInfo, Verdicts, smallest,
    },
    claim::{
        Axis, ClaimKind, MapAxis, PaperRecord, PlotContent, Provenance, Published, Relation, Scope, Tests,
        Tier, Verdict,
    },
};
use serde_json::{Value, json};

/// The whole run.
pub fn verdicts() -> Verdicts {
    Verdicts {
        format: 1,
        run: RunInfo {
            root_seed: 0,
            tier: Tier::Quick,
            plan: "d1".into(),
            verdicts: "d3".into(),
            revision: "d2".into(),
            toolchain: "rustc".into(),
            level: 1e-5,
            tests: 12,
            error_bound: 12.0 * 1e-5,
        },
        papers: vec![
            PaperRecord {
                slug: "coin-tossing".into(),
                title: "Optimal Tossing of *Biased* Coins".into(),
                arxiv: "0001.00001".into(),
                authors: vec!["A. Bernoulli".into(), "B. Pascal".into()],
                date: "2026-01".into(),
                summary: "A tosser that learns which coin is biased loses less than one that does not."
                    .into(),
                reference: "Two coins, and the tosser of section 3 with K_t <= 2 tosses a round.".into(),
                environments: "A table.\n\nA second table was chosen because the first is level.".into(),
            },
            PaperRecord {
                slug: "shortest-queues".into(),
                title: "Join the Shortest Queue | Or Not".into(),
                arxiv: "0002.00002".into(),
                authors: vec!["C. Erlang".into()],
                date: "2025-11".into(),
                summary: "Joining the shortest queue minimises waiting.".into(),
                reference: "Queues in discrete time.".into(),
                environments: "Two servers.".into(),
            },
        ],
        claims: [coins(), queues()]
            .concat()
            .into_iter()
            .map(|claim| ClaimResult {
                as_expected: claim.verdict == claim.expect || claim.evidence.iter().any(|e| e.unmeasured),
                margin: smallest(claim.evidence.iter().map(|evidence| evidence.margin)),
                ..claim
            })
            .collect(),
    }
}

fn coins() -> Vec<ClaimResult> {
    let symmetry = ClaimResult {
        statement:
            "Swapping the coins swaps p_0 and p_1, so that |p_0 - p_1| stays; `swap` is its own inverse."
                .into(),
        kind: ClaimKind::Identity,
        evidence: vec![property("swap-twice", Outcome::Pass, 3.1e-17)],
        controls: vec![control("forgets-to-swap", property("swap-twice", Outcome::Fail, 1.4))],
        ..claim("coin-tossing.1", Scope::Exact, Verdict::Corroborated)
    };
    let regret = ClaimResult {
        statement: "The learning tosser has a smaller regret than the uniform one, on every table.".into(),
        kind: ClaimKind::Comparison,
        published: vec![Published {
            name: "regret gap".into(),
            figure: -4.2,
            unit: "tosses".into(),
            relation: Relation::AtMost,
            source: "table 2".into(),
        }],
        evidence: vec![Evidence { map: Some(maps()[0].clone()), ..paired(Outcome::Pass) }],
        controls: vec![control("never-learns", paired(Outcome::Fail))],
        plots: vec![series(), sweep(), bars()],
        notes: Some("The constants are ours; the paper states O(log T) only.".into()),
        ..claim("coin-tossing.2", Scope::Statistical, Verdict::Corroborated)
    };
    let reward = ClaimResult {
        statement: "The learning tosser shows more heads than one that knows the coins.".into(),
        tests: Tests::Opposite,
        expect: Verdict::Refuted,
        because: Some("nothing beats knowing the coins, so a lead over the informed tosser is noise.".into()),
        evidence: vec![paired(Outcome::Pass)],
        controls: vec![control("peeks", paired(Outcome::Fail))],
        ..claim("coin-tossing.3", Scope::Mechanism, Verdict::Refuted)
    };
    let large = ClaimResult {
        statement: "With a million coins the regret is 12.5.".into(),
        kind: ClaimKind::Number,
        expect: Verdict::OutOfReach,
        needs: Some("the authors' mint, and a week of tossing.".into()),
        ..claim("coin-tossing.4", Scope::OutOfReach, Verdict::OutOfReach)
    };
    vec![symmetry, regret, reward, large]
}

fn queues() -> Vec<ClaimResult> {
    let order = ClaimResult {
        statement: "The shortest queue is never longer than the mean queue.".into(),
        kind: ClaimKind::Inequality,
        evidence: vec![property("shortest-below-mean", Outcome::Fail, 2.5)],
        controls: vec![control("joins-longest", property("shortest-below-mean", Outcome::Fail, 7.0))],
        ..claim("shortest-queues.1", Scope::Exact, Verdict::Refuted)
    };
    let idle = ClaimResult {
        statement: "No server is idle while a customer waits.".into(),
        evidence: vec![
            property("work-conserving", Outcome::Pass, 0.0),
            Evidence { map: Some(maps()[1].clone()), ..number("load", Outcome::Pass) },
        ],
        controls: vec![
            control("blind", property("work-conserving", Outcome::Pass, 0.0)),
            ControlResult { check: 1, ..control("lazy", number("load", Outcome::Fail)) },
        ],
        ..claim("shortest-queues.2", Scope::Exact, Verdict::Vacuous)
    };
    let rate = ClaimResult {
        statement: "Waiting grows like the square root of the load.".into(),
        kind: ClaimKind::Rate,
        evidence: vec![slope(Outcome::Undecided)],
        controls: vec![control("joins-longest", slope(Outcome::Fail))],
        ..claim("shortest-queues.3", Scope::Statistical, Verdict::Inconclusive)
    };
    let broken = ClaimResult {
        statement: "Waiting times are finite.".into(),
        evidence: vec![Evidence::broken(
            "location",
            "waiting",
            "metric `wait` is NaN".into(),
            "corroborate verify shortest-queues.4 --tier quick --seed 0".into(),
        )],
        control_impossible: vec!["a finite simulation cannot show an infinite wait.".into()],
        ..claim("shortest-queues.4", Scope::Benchmark, Verdict::Error)
    };
    let timed = ClaimResult {
        statement: "Joining the shortest of n queues takes time linear in n.".into(),
        kind: ClaimKind::Complexity,
        evidence: vec![Evidence {
            unmeasured: true,
            outcome: Outcome::Undecided,
            ..Evidence::of("benchmark", "join", vec![])
        }],
        control_impossible: vec!["n is what is measured.".into()],
        ..claim("shortest-queues.x1", Scope::Benchmark, Verdict::Inconclusive)
    };
    vec![order, idle, rate, broken, timed]
}

fn claim(id: &str, scope: Scope, verdict: Verdict) -> ClaimResult {
    let paper = id.split_once('.').map_or(id, |(paper, _)| paper);
    ClaimResult {
        id: id.into(),
        paper: paper.into(),
        statement: String::new(),
        source: "section 3".into(),
        provenance: vec![Provenance::Page, Provenance::Derived],
        kind: ClaimKind::Bound,
        scope,
        tests: Tests::Statement,
        verdict,
        expect: Verdict::Corroborated,
        as_expected: true,
        margin: None,
        published: vec![],
        because: None,
        notes: None,
        needs: None,
        evidence: vec![],
        controls: vec![],
        control_impossible: vec![],
        plots: vec![],
        replay: format!("corroborate verify {id} --tier quick --seed 0"),
    }
}

fn control(fault: &str, evidence: Evidence) -> ControlResult {
    ControlResult::of(fault, "Heads are counted as *tails*.", 0, evidence)
}

fn property(name: &str, outcome: Outcome, worst: f64) -> Evidence {
    let failed = outcome == Outcome::Fail;
    let instance =
        json!({ "case": 3, "instance": { "queues": vec![1; 300] }, "measured": { "error": worst } });
    let finding = Finding {
        label: "worst case".into(),
        quantity: "error".into(),
        unit: "1".into(),
        requirement: "value ≤ 1.0".into(),
        outcome,
        estimate: Some(worst),
        interval: None,
        deviation: None,
        log10_e: None,
        samples: 2000,
        margin: Some(1.0 - worst),
    };
    let replay = "echo '{\"queues\":[1,1]}' | corroborate eval shortest-queues/order";
    Evidence {
        budget: 2000,
        rejected: 17,
        violating: Some(if failed { 0.125 } else { 0.0 }),
        counterexample: failed.then_some(instance),
        replay: if failed { replay.into() } else { String::new() },
        ..Evidence::of("property", name, vec![finding])
    }
}

fn number(name: &str, outcome: Outcome) -> Evidence {
    let property = property(name, outcome, if outcome == Outcome::Fail { 3.0 } else { 0.5 });
    Evidence { budget: 1, samples: 1, ..Evidence::of("number", name, property.findings) }
}

fn paired(outcome: Outcome) -> Evidence {
    let passed = outcome == Outcome::Pass;
    let estimate = if passed { -5.018_234 } else { 0.001_234_5 };
    let e_values = |high: bool| if high { 5.3 } else { -2.0 };
    let finding = |label: &str, shift: f64| Finding {
        label: label.into(),
        quantity: "difference of regret".into(),
        unit: "tosses".into(),
        requirement: "median ≤ -1.0".into(),
        outcome,
        estimate: Some(estimate + shift),
        interval: Some([estimate + shift - 0.75, estimate + shift + 0.5]),
        deviation: Some(0.314_159),
        log10_e: Some(EValues { in_favour: e_values(passed), against: e_values(!passed) }),
        samples: 20,
        margin: Some(if passed { 3.52 - shift } else { -0.25 }),
    };
    let findings = vec![finding("level, learner − uniform", 0.0), finding("tilted, learner − uniform", 0.1)];
    Evidence {
        budget: 40,
        replay: "corroborate run coin-tossing/table --set T=2000 --replicates 20 --seed 0".into(),
        ..Evidence::of("difference", "table", findings)
    }
}

fn slope(outcome: Outcome) -> Evidence {
    let finding = Finding {
        label: "two servers".into(),
        quantity: "log-log slope of wait".into(),
        unit: "1".into(),
        requirement: "0.4 ≤ median ≤ 0.6".into(),
        outcome,
        estimate: Some(0.52),
        interval: Some([0.3, 0.7]),
        deviation: Some(0.05),
        log10_e: Some(EValues { in_favour: 1.5, against: -0.5 }),
        samples: 40,
        margin: Some(-0.1),
    };
    let replay = "corroborate run shortest-queues/waiting --replicates 40 --seed 0";
    Evidence { budget: 40, replay: replay.into(), ..Evidence::of("rate", "waiting", vec![finding]) }
}

/// Four by three cells with every outcome, and a row of two cells.
pub fn maps() -> [MapData; 2] {
    let axis = |setting: &str, values: Vec<Value>| MapAxis { setting: setting.into(), values };
    let bias = axis("bias", vec![json!(0.5), json!(0.6), json!(0.75), json!(0.9)]);
    let tosses = axis("tosses", vec![json!(100), json!(1000), json!(10000)]);
    let cell = |values: Vec<Value>, outcome: Outcome, estimate: f64| MapCell {
        values,
        outcome,
        estimate: (outcome != Outcome::Error).then_some(estimate),
        interval: Some([estimate - 0.5, estimate + 0.5]),
        margin: Some(-1.0 - estimate),
        samples: 20,
        error: (outcome == Outcome::Error).then(|| "the coin fell off the table".into()),
    };
    let outcome = |row: usize, column: usize| match (row, column) {
        (0, 0) => Outcome::Error,
        (0, _) => Outcome::Fail,
        (1 | 2, 0) => Outcome::Undecided,
        _ => Outcome::Pass,
    };
    let cells = bias.values.iter().enumerate().flat_map(|(row, b)| {
        tosses.values.iter().enumerate().map(move |(column, t)| {
            let estimate = 1.234 - row as f64 * (1.0 + column as f64);
            cell(vec![b.clone(), t.clone()], outcome(row, column), estimate)
        })
    });
    let two = MapData { cells: cells.collect(), axes: vec![bias, tosses], headline: Some(7) };
    let policies = axis("policy", vec![json!("shortest"), json!("round-robin")]);
    let cells = [(Outcome::Pass, 0.5), (Outcome::Fail, 3.0)].into_iter().zip(&policies.values);
    let cells =
        cells.map(|((outcome, estimate), value)| cell(vec![value.clone()], outcome, estimate)).collect();
    [two, MapData { cells, axes: vec![policies], headline: None }]
}

/// Three panels of four curves on a logarithmic axis, each of 1001 points.
pub fn series() -> PlotData {
    let curve = |label: &str, power: f64, level: f64| {
        let x: Vec<f64> = (0..=1000).map(|i| f64::from(i) * 8.0).collect();
        let mean: Vec<f64> = x.iter().map(|t| level * corroborate::kernel::math::pow(*t, power)).collect();
        let scaled = |factor: f64| mean.iter().map(|m| m * factor).collect();
        Curve { label: label.into(), low: scaled(0.7), high: scaled(1.4), x, mean }
    };
    let panel = |title: &str, level: f64| PanelData {
        title: title.into(),
        curves: vec![
            curve("optimistic tosser", 0.2, 2.0 * level),
            curve("uniform", 1.0, 0.02 * level),
            curve("greedy", 0.7, 0.1 * level),
            curve("without learning, under a fault with a long name", 0.9, 0.05 * level),
        ],
    };
    PlotData {
        title: "Cumulative regret".into(),
        content: PlotContent::Series("cumulative-regret".into()),
        x: Axis { label: "round".into(), log: false },
        y: Axis { label: "cumulative regret (tosses)".into(), log: true },
        replicates: 10,
        panels: vec![panel("level", 1.0), panel("tilted", 2.0), panel("worn", 5.0)],
    }
}

/// One panel, a metric over a setting with both axes logarithmic.
pub fn sweep() -> PlotData {
    let curve = |label: &str, power: f64| {
        let x = vec![100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];
        let mean: Vec<f64> = x.iter().map(|n| 3.0 * corroborate::kernel::math::pow(*n, power)).collect();
        let scaled = |factor: f64| mean.iter().map(|m| m * factor).collect();
        Curve { label: label.into(), low: scaled(0.9), high: scaled(1.1), x, mean }
    };
    PlotData {
        title: "Error against the number of tosses".into(),
        content: PlotContent::Sweep("error".into()),
        x: Axis { label: "tosses".into(), log: true },
        y: Axis { label: "error".into(), log: true },
        replicates: 20,
        panels: vec![PanelData {
            title: String::new(),
            curves: vec![curve("learner", -0.5), curve("uniform", -0.25)],
        }],
    }
}

/// Two panels of bars.
pub fn bars() -> PlotData {
    let bar = |label: &str, mean: f64| Curve {
        label: label.into(),
        x: vec![0.0],
        mean: vec![mean],
        low: vec![mean - 0.05],
        high: vec![mean + 0.03],
    };
    let panel = |title: &str, shift: f64| PanelData {
        title: title.into(),
        curves: vec![
            bar("learner", 0.31 + shift),
            bar("uniform", 0.12),
            bar("primal-dual, slow", -0.08 + shift),
        ],
    };
    PlotData {
        title: "Heads above one half".into(),
        content: PlotContent::Bars("excess".into()),
        x: Axis { label: "tosser".into(), log: false },
        y: Axis { label: "excess share of heads".into(), log: false },
        replicates: 10,
        panels: vec![panel("level", 0.0), panel("tilted", 0.2)],
    }
}
