//! A run cut into units that share no measurement, so that several machines can measure it.
//!
//! A unit holds checks (each on the reference, under one fault, or in one cell of a map) and pictures
//! that read the same samples or cases, directly or through others. What a check needs depends on what
//! it has seen, so a unit is measured by one machine to its end, and nothing is measured by two. A shard
//! takes every `of`-th unit. It keeps records and concludes nothing: the verdicts are reached where all
//! records come together, by the same steps as in a run on one machine.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use super::{
    FORMAT,
    evidence::Outcome,
    judge::{Docket, Options, open, settle},
    picture,
};
use crate::{
    claim::PaperClaims,
    run::{Executor, Request, Results, digest},
};

/// Which part of the units: `number` of `of`, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// Whether it takes the unit with this index.
    #[must_use]
    pub const fn takes(self, unit: usize) -> bool {
        unit % self.of as usize == self.number as usize - 1
    }
}

/// Everything that a run may measure, in units that share nothing.
#[derive(Debug, Serialize)]
pub struct RunPlan {
    /// Digest of what would be measured at most, in order, and of the sources and data behind it: everything
    /// that a record depends on. What records are judged by does not enter (bounds of statistical checks,
    /// when they are looked at, statements): they are the same records, and `merge` judges them by the claims
    /// at hand, or says that these need more.
    pub digest: String,
    /// In the order of claims.
    pub units: Vec<Unit>,
}

/// What has to be measured together.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// The claims whose checks or pictures read it.
    pub claims: Vec<String>,
    /// Checks, each on the reference, under one fault or in one cell of a map, and pictures.
    pub readers: u64,
    /// Replicates of all samples, at most.
    pub replicates: u64,
    /// Cases of properties.
    pub cases: u64,
    /// [Keys](Request::key) of its samples and cases.
    #[serde(skip)]
    pub keys: BTreeSet<String>,
}

/// What a shard did.
#[derive(Debug)]
pub struct Measured {
    /// The plan.
    pub plan: RunPlan,
    /// The units of the shard; none if there are fewer units than shards.
    pub units: Vec<usize>,
    /// Those of them in which something broke down, which is not kept.
    pub broken: Vec<usize>,
}

/// Plans a run without measuring anything.
#[must_use]
pub fn plan_run(executor: &Executor, papers: &[PaperClaims], options: &Options<'_>) -> RunPlan {
    Division::of(executor, papers, options).plan(executor)
}

/// Measures the units of a shard.
#[must_use]
pub fn measure_shard(
    executor: &Executor,
    papers: &[PaperClaims],
    options: &Options<'_>,
    shard: Shard,
) -> Measured {
    let mut division = Division::of(executor, papers, options);
    let plan = division.plan(executor);
    let units: Vec<usize> = (0..plan.units.len()).filter(|unit| shard.takes(*unit)).collect();
    let results = division.measure(&units, executor, options);
    let broken = units.iter().copied().filter(|unit| division.broke_down(*unit, &results)).collect();
    Measured { plan, units, broken }
}

/// A run, divided.
struct Division<'a> {
    dockets: Vec<Docket<'a>>,
    /// In the order of claims.
    readers: Vec<Reader>,
    /// The readers of each unit.
    units: Vec<Vec<usize>>,
}

/// A check or a picture: where it stands, and what it may need.
struct Reader {
    docket: usize,
    place: Place,
    requests: Vec<Request>,
}

/// A place in a docket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Line(usize),
    Plot(usize),
}

impl<'a> Division<'a> {
    fn of(executor: &Executor, papers: &'a [PaperClaims], options: &Options<'_>) -> Self {
        let dockets = open(executor, papers, options);
        let readers = readers(&dockets);
        let units = units(&readers);
        Self { dockets, readers, units }
    }

    fn of_unit(&self, unit: usize) -> impl Iterator<Item = &Reader> {
        self.units[unit].iter().map(|reader| &self.readers[*reader])
    }

    fn plan(&self, executor: &Executor) -> RunPlan {
        let identities: Vec<_> = self
            .readers
            .iter()
            .map(|reader| {
                let needs: Vec<_> = reader.requests.iter().map(|r| json!([r.key(), r.amount()])).collect();
                json!([self.dockets[reader.docket].claim.id, needs])
            })
            .collect();
        let papers = self.dockets.iter().map(|docket| docket.claim.paper.as_str());
        let fingerprint = |paper| executor.memory().and_then(|memory| memory.fingerprint(paper));
        let sources: BTreeMap<&str, Option<&str>> = papers.map(|paper| (paper, fingerprint(paper))).collect();
        RunPlan {
            digest: digest(&json!([FORMAT, executor.root_seed(), identities, sources])),
            units: (0..self.units.len()).map(|unit| self.described(unit)).collect(),
        }
    }

    fn described(&self, unit: usize) -> Unit {
        let mut described = Unit::default();
        let mut most: BTreeMap<String, &Request> = BTreeMap::new();
        for reader in self.of_unit(unit) {
            let id = &self.dockets[reader.docket].claim.id;
            if described.claims.last() != Some(id) {
                described.claims.push(id.clone());
            }
            described.readers += 1;
            for request in &reader.requests {
                let largest = most.entry(request.key()).or_insert(request);
                if request.amount() > largest.amount() {
                    *largest = request;
                }
            }
        }
        for request in most.values() {
            match request {
                Request::Replicates { replicates, .. } => described.replicates += replicates,
                Request::Cases(cases) => described.cases += cases.cases,
            }
        }
        described.keys = most.into_keys().collect();
        described
    }

    /// Measures what the readers of some units need, as it turns out.
    fn measure(&mut self, units: &[usize], executor: &Executor, options: &Options<'_>) -> Results {
        let chosen = || units.iter().flat_map(|unit| self.of_unit(*unit));
        let places: BTreeSet<(usize, Place)> = chosen().map(|reader| (reader.docket, reader.place)).collect();
        let pictures = chosen().filter(|reader| matches!(reader.place, Place::Plot(_)));
        let pictures = pictures.flat_map(|reader| reader.requests.clone()).collect();
        let lines = self.dockets.iter_mut().enumerate().flat_map(|(docket, d)| {
            let lines = d.lines.iter_mut().enumerate();
            let places = &places;
            lines
                .filter(move |(line, _)| places.contains(&(docket, Place::Line(*line))))
                .map(|(_, line)| line)
        });
        settle(executor, lines.collect(), pictures, options.progress)
    }

    /// Whether some reader of a measured unit has met a breakdown.
    fn broke_down(&self, unit: usize, results: &Results) -> bool {
        self.of_unit(unit).any(|reader| {
            let docket = &self.dockets[reader.docket];
            match reader.place {
                Place::Line(line) => {
                    docket.lines[line].1.as_ref().is_none_or(|evidence| evidence.outcome == Outcome::Error)
                }
                Place::Plot(plot) => {
                    picture::draw(&docket.claim.paper, &docket.claim.plots[plot], results).is_err()
                }
            }
        })
    }
}

/// Everything that may need measurements, in the order of claims.
fn readers(dockets: &[Docket<'_>]) -> Vec<Reader> {
    let mut readers = Vec::new();
    for (docket, d) in dockets.iter().enumerate() {
        let lines = d.lines.iter().enumerate().map(|(i, (line, _))| (Place::Line(i), line.at_most()));
        let plots = d.claim.plots.iter().enumerate();
        let plots = plots.map(|(i, plot)| (Place::Plot(i), picture::requests(&d.claim.paper, plot)));
        readers.extend(lines.chain(plots).map(|(place, requests)| Reader { docket, place, requests }));
    }
    readers.retain(|reader| !reader.requests.is_empty());
    readers
}

/// The readers of each unit: those that share a measurement, directly or through others.
fn units(readers: &[Reader]) -> Vec<Vec<usize>> {
    // Every reader points to an earlier one of its unit, or to itself.
    let mut earlier: Vec<usize> = (0..readers.len()).collect();
    let first = |earlier: &[usize], mut reader: usize| {
        while earlier[reader] != reader {
            reader = earlier[reader];
        }
        reader
    };
    let mut owner = BTreeMap::new();
    for (reader, Reader { requests, .. }) in readers.iter().enumerate() {
        for request in requests {
            let other = *owner.entry(request.key()).or_insert(reader);
            let (a, b) = (first(&earlier, reader), first(&earlier, other));
            earlier[a.max(b)] = a.min(b);
        }
    }
    let mut units: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for reader in 0..readers.len() {
        units.entry(first(&earlier, reader)).or_default().push(reader);
    }
    units.into_values().collect()
}
