//! Judges claims: in rounds, asks the checks what they still need, has it measured, and goes on
//! until every check is decided or its budget spent.
//!
//! What a check concludes is a function of its replicates, counted from the first, and of nothing
//! else: neither the selection of claims nor the number of threads reaches a verdict.

use serde_json::{Value, json};

use super::{
    LEVEL,
    evidence::{ClaimResult, ControlResult, Evidence, MapCell, MapData, RunInfo, Verdicts, smallest},
    line::{Line, Step},
    map, picture,
    plan::{Context, plan},
    replay,
    times::Times,
    verdict::{as_expected, verdict},
};
use crate::{
    claim::{Check, CheckSpec, Claim, Controls, PaperClaims, PaperRecord, Tier},
    run::{Executor, Progress, Request, Results, digest},
};

/// Version of `verdicts.json`.
pub const FORMAT: u32 = 1;

/// What is judged, and with how much effort.
pub struct Options<'a> {
    /// How much is spent.
    pub tier: Tier,
    /// Which claims; the others are passed over.
    pub select: &'a dyn Fn(&Claim) -> bool,
    /// Times that criterion measured; without them, claims about times stay inconclusive.
    pub times: Option<&'a Times>,
    /// Told of progress.
    pub progress: &'a Progress<'a>,
}

/// Judges the selected claims.
#[must_use]
pub fn verify(executor: &Executor, papers: &[PaperClaims], options: &Options<'_>) -> Verdicts {
    let mut dockets = open(executor, papers, options);
    let pictures = dockets.iter().flat_map(Docket::picture_requests).collect();
    let lines = dockets.iter_mut().flat_map(|d| &mut d.lines).collect();
    let results = settle(executor, lines, pictures, options.progress);
    let mut run = run_info(executor, &dockets, options.tier);
    let claims: Vec<ClaimResult> =
        dockets.into_iter().map(|d| d.close(executor, &results, options.tier)).collect();
    run.verdicts = digest_of(&run, &claims);
    let judged = |record: &&PaperRecord| claims.iter().any(|c| c.paper == record.slug);
    let records = papers.iter().map(|p| &p.record).filter(judged).cloned().collect();
    Verdicts { format: FORMAT, run, papers: records, claims }.printable()
}

/// A docket for each selected claim.
pub(super) fn open<'a>(
    executor: &Executor,
    papers: &'a [PaperClaims],
    options: &Options<'_>,
) -> Vec<Docket<'a>> {
    papers
        .iter()
        .flat_map(|paper| paper.claims.iter().filter(|c| (options.select)(c)))
        .map(|claim| Docket::open(executor, claim, options))
        .collect()
}

/// Has measured what is requested, and in rounds what the lines ask for, until each is concluded.
pub(super) fn settle(
    executor: &Executor,
    mut lines: Vec<&mut (Line, Option<Evidence>)>,
    mut requests: Vec<Request>,
    progress: &Progress<'_>,
) -> Results {
    let mut results = Results::default();
    loop {
        for (line, evidence) in lines.iter_mut().map(|entry| &mut **entry) {
            if evidence.is_none() {
                match line.step(&results, executor.root_seed()) {
                    Step::Needs(more) => requests.extend(more),
                    Step::Done(concluded) => *evidence = Some(*concluded),
                }
            }
        }
        if requests.is_empty() {
            return results;
        }
        executor.measure(&requests, &mut results, progress);
        requests.clear();
    }
}

/// A claim with its checks, each on the reference and under its faults, and what they concluded.
pub(super) struct Docket<'a> {
    pub(super) claim: &'a Claim,
    pub(super) lines: Vec<(Line, Option<Evidence>)>,
}

impl<'a> Docket<'a> {
    fn open(executor: &Executor, claim: &'a Claim, options: &Options<'_>) -> Self {
        let tier = options.tier;
        let line = |check: usize, spec: &CheckSpec, fault: Option<&String>, cell: Option<usize>| {
            let plan = executor
                .paper(&claim.paper)
                .ok_or_else(|| format!("there is no leaf `{}`", claim.paper))
                .and_then(|paper| {
                    let fault = fault.map(String::as_str);
                    plan(spec, &Context { paper, claim, fault, tier, level: LEVEL, times: options.times })
                });
            (Line { check, fault: fault.cloned(), cell, claim: claim.id.clone(), tier, plan }, None)
        };
        let mut lines = Vec::new();
        for (i, Check { spec, controls, map }) in claim.checks.iter().enumerate() {
            lines.push(line(i, spec, None, None));
            if let Controls::Faults(faults) = controls {
                lines.extend(faults.iter().map(|fault| line(i, spec, Some(fault), None)));
            }
            let cells = map.iter().flat_map(|map| &map.cells).enumerate();
            lines.extend(cells.map(|(cell, spec)| line(i, spec, None, Some(cell))));
        }
        Self { claim, lines }
    }

    fn picture_requests(&self) -> Vec<Request> {
        self.claim.plots.iter().flat_map(|plot| picture::requests(&self.claim.paper, plot)).collect()
    }

    fn close(self, executor: &Executor, results: &Results, tier: Tier) -> ClaimResult {
        let claim = self.claim;
        let (mut evidence, mut controls) = (Vec::new(), Vec::new());
        let mut maps = maps(claim, &self.lines);
        let faults = executor.paper(&claim.paper).map(|paper| paper.faults.as_slice()).unwrap_or_default();
        for (line, concluded) in self.lines {
            let Some(concluded) = concluded else { continue };
            match (line.fault, line.cell) {
                (None, None) => {
                    evidence
                        .push(Evidence { map: maps.get_mut(line.check).and_then(Option::take), ..concluded });
                }
                (None, Some(_)) => {}
                (Some(fault), _) => {
                    let known = faults.iter().find(|known| known.name == fault);
                    let summary = known.map_or("", |known| known.summary);
                    controls.push(ControlResult::of(&fault, summary, line.check, concluded));
                }
            }
        }
        let replay = replay::claim(&claim.id, tier, executor.root_seed());
        let mut plots = Vec::new();
        for plot in &claim.plots {
            match picture::draw(&claim.paper, plot, results) {
                Ok(drawn) => plots.push(drawn),
                Err(message) => evidence.push(Evidence::broken(
                    "plot",
                    &plot.experiment,
                    format!("plot `{}`: {message}", plot.title),
                    replay.clone(),
                )),
            }
        }
        let verdict = verdict(claim, &evidence, &controls);
        let impossible = claim.checks.iter().filter_map(|check| match &check.controls {
            Controls::Impossible(reason) => Some(reason.clone()),
            Controls::Faults(_) => None,
        });
        ClaimResult {
            id: claim.id.clone(),
            paper: claim.paper.clone(),
            statement: claim.statement.clone(),
            source: claim.source.clone(),
            provenance: claim.provenance.clone(),
            kind: claim.kind,
            scope: claim.scope,
            tests: claim.tests,
            verdict,
            expect: claim.expect,
            as_expected: as_expected(claim, verdict, &evidence, &controls),
            margin: smallest(evidence.iter().map(|e| e.margin)),
            published: claim.published.clone(),
            because: claim.because.clone(),
            notes: claim.notes.clone(),
            needs: claim.needs.clone(),
            evidence,
            controls,
            control_impossible: impossible.collect(),
            plots,
            replay,
        }
    }
}

/// The validity map of each check, in the order of checks.
fn maps(claim: &Claim, lines: &[(Line, Option<Evidence>)]) -> Vec<Option<MapData>> {
    let of_check = |(check, specification): (usize, &Check)| {
        let axes = specification.map.as_ref()?.axes.clone();
        let own = || lines.iter().filter(|(line, _)| line.check == check && line.fault.is_none());
        let cells = || own().filter(|(line, _)| line.cell.is_some());
        let headline = own().find(|(line, _)| line.cell.is_none())?.0.measured();
        Some(MapData {
            cells: map::coordinates(&axes)
                .into_iter()
                .zip(cells())
                .filter_map(|(values, (_, concluded))| Some(MapCell::of(values, concluded.as_ref()?)))
                .collect(),
            headline: cells().position(|(line, _)| line.measured() == headline),
            axes,
        })
    };
    claim.checks.iter().enumerate().map(of_check).collect()
}

fn run_info(executor: &Executor, dockets: &[Docket<'_>], tier: Tier) -> RunInfo {
    let lines = || dockets.iter().flat_map(|d| &d.lines).map(|(line, _)| line);
    let tests: u64 = lines().map(Line::tests).sum();
    let identities: Vec<Value> = lines().map(Line::identity).collect();
    RunInfo {
        root_seed: executor.root_seed(),
        tier,
        plan: digest(&json!([FORMAT, executor.root_seed(), identities])),
        verdicts: String::new(),
        revision: env!("CORROBORATE_REVISION").to_owned(),
        toolchain: env!("CORROBORATE_TOOLCHAIN").to_owned(),
        level: LEVEL,
        tests,
        error_bound: (tests as f64 * LEVEL).min(1.0),
    }
}

/// Digest of what was found. Who measured it, with what and in which order does not enter.
fn digest_of(run: &RunInfo, claims: &[ClaimResult]) -> String {
    let mut claims: Vec<&ClaimResult> = claims.iter().collect();
    claims.sort_by(|a, b| a.id.cmp(&b.id));
    digest(&json!([FORMAT, run.root_seed, run.tier, claims]))
}
