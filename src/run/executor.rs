//! Measures what is asked for, in parallel, with results in order.
//!
//! A piece of work runs on a thread of its own, so that a time-out can abandon it; a panic or a
//! time-out becomes a message in the place of the measurement, and the rest goes on. What a memory
//! knows is not measured, and what is measured is remembered, piece by piece as it is done.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};

use rayon::prelude::*;
use serde_json::json;

use super::{
    memory::Memory,
    property::{self, Cases, CasesRecord},
    results::{Request, Results, Sample},
    seed::{canonical_json, digest, replicate_streams},
    work::{Done, Running, Work},
};
use crate::papers::leaf::{Data, Experiment, Measurement, Paper, Prepared};

/// Replicates of a piece of work.
const CHUNK: u64 = 5;
/// Name of the threads that measure.
pub const WORK_THREAD: &str = "measure";
/// Stack of a piece of work.
const STACK_BYTES: usize = 16 << 20;

/// How far measuring has come, told as a piece of work begins and as it ends.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Pieces done.
    pub done: u64,
    /// Pieces known so far.
    pub of: u64,
    /// What is measured, `<paper>/<experiment or property>`.
    pub subject: &'a str,
}

/// Told of each step.
pub type Progress<'a> = dyn Fn(Step<'_>) + Sync + 'a;

/// Leaves, their data, the root seed, and the threads to measure with.
pub struct Executor {
    shared: Arc<Shared>,
    pool: rayon::ThreadPool,
    timeout: Duration,
    memory: Option<Memory>,
    measured: AtomicU64,
    allowed: Option<BTreeSet<String>>,
    shuffle: Option<u64>,
    lacking: Mutex<BTreeSet<String>>,
    running: Running,
}

struct Shared {
    papers: Vec<Paper>,
    data: BTreeMap<String, Data>,
    root_seed: u64,
    prepared: Mutex<BTreeMap<String, Slot>>,
}

type Slot = Arc<OnceLock<Result<Prepared, String>>>;

impl Executor {
    /// An executor with this many threads, and a limit on the time of each piece of work.
    ///
    /// # Errors
    /// A message if the threads cannot be started.
    pub fn new(
        papers: Vec<Paper>,
        data: BTreeMap<String, Data>,
        root_seed: u64,
        jobs: usize,
        timeout: Duration,
    ) -> Result<Self, String> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(jobs)
            .build()
            .map_err(|e| format!("cannot start {jobs} threads: {e}"))?;
        let shared = Shared { papers, data, root_seed, prepared: Mutex::default() };
        Ok(Self {
            shared: Arc::new(shared),
            pool,
            timeout,
            memory: None,
            measured: AtomicU64::new(0),
            allowed: None,
            shuffle: None,
            lacking: Mutex::default(),
            running: Running::default(),
        })
    }

    /// With a memory of what was measured before.
    #[must_use]
    pub fn remembering(mut self, memory: Memory) -> Self {
        self.memory = Some(memory);
        self
    }

    /// Telling what is being measured at any moment.
    #[must_use]
    pub fn telling(mut self, running: Running) -> Self {
        self.running = running;
        self
    }

    /// Allowed to measure samples and cases with these [keys](Request::key) alone. What is not remembered
    /// of others is lacking.
    #[must_use]
    pub fn measuring_only(mut self, keys: BTreeSet<String>) -> Self {
        self.allowed = Some(keys);
        self
    }

    /// Measures the pieces of each round in an order shuffled by this number. No result may depend on it;
    /// this is how that is put to the test.
    #[must_use]
    pub fn shuffled(mut self, by: Option<u64>) -> Self {
        self.shuffle = by;
        self
    }

    /// What was neither remembered nor allowed to be measured.
    #[must_use]
    pub fn lacking(&self) -> Vec<String> {
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// What was measured before, and where it is kept.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The leaf of this slug.
    #[must_use]
    pub fn paper(&self, slug: &str) -> Option<&Paper> {
        self.shared.paper(slug)
    }

    /// Root of all seeds.
    #[must_use]
    pub fn root_seed(&self) -> u64 {
        self.shared.root_seed
    }

    /// How many pieces of work have been measured, not remembered.
    #[must_use]
    pub fn measured(&self) -> u64 {
        self.measured.load(Ordering::Relaxed)
    }

    /// Measures whatever of the requests is neither among the results nor remembered.
    pub fn measure(&self, requests: &[Request], results: &mut Results, progress: &Progress<'_>) {
        let wanted = Wanted::of(requests);
        self.recall(&wanted, results);
        let mut work = wanted.missing(results);
        if let Some(by) = self.shuffle {
            work.sort_by_cached_key(|piece| digest(&json!([by, piece.described()])));
        }
        let total = work.len() as u64;
        let finished = AtomicU64::new(0);
        let done: Vec<Done> = self.pool.install(|| {
            work.par_iter()
                .map(|piece| {
                    let subject = piece.subject();
                    let tell = |done| progress(Step { done, of: total, subject: &subject });
                    tell(finished.load(Ordering::Relaxed));
                    let done = self.permitted(piece).unwrap_or_else(|| {
                        self.measured.fetch_add(1, Ordering::Relaxed);
                        self.guarded(piece)
                    });
                    self.keep(piece, &done);
                    tell(finished.fetch_add(1, Ordering::Relaxed) + 1);
                    done
                })
                .collect()
        });
        for (piece, done) in work.into_iter().zip(done) {
            match (piece, done) {
                (Work::Replicates { key, from, .. }, Done::Replicates(measured)) => {
                    results.enter(key, (from..).zip(measured));
                }
                (Work::Cases(cases), Done::Cases(record)) => results.insert(cases.key(), record),
                _ => {}
            }
        }
    }

    /// Enters what is remembered of the requests among the results.
    fn recall(&self, wanted: &Wanted<'_>, results: &mut Results) {
        let Some(memory) = &self.memory else { return };
        let seed = self.root_seed();
        let samples: Vec<_> = wanted.samples.iter().filter(|s| !results.knows(&s.key, s.series)).collect();
        let cases: Vec<_> = wanted.cases.iter().filter(|(key, _)| !results.has_cases(key)).collect();
        let (replicates, records): (Vec<_>, Vec<_>) = self.pool.install(|| {
            rayon::join(
                || {
                    let recalled = samples.par_iter().map(|wanted| {
                        let experiment = self.shared.experiment(wanted.sample)?;
                        Some(memory.replicates(seed, wanted.sample, experiment, wanted.series))
                    });
                    recalled.collect()
                },
                || cases.par_iter().map(|(_, cases)| memory.cases(seed, cases)).collect(),
            )
        });
        for (wanted, known) in samples.into_iter().zip(replicates) {
            results.recall(wanted.key.clone(), wanted.series, known.into_iter().flatten());
        }
        for ((key, _), known) in cases.into_iter().zip(records) {
            if let Some(record) = known {
                results.insert(key.clone(), Ok(record));
            }
        }
    }

    /// Remembers a piece of work, if nothing of it broke down.
    fn keep(&self, work: &Work, done: &Done) {
        let Some(memory) = &self.memory else { return };
        match (work, done) {
            (Work::Replicates { sample, from, .. }, Done::Replicates(measured)) => {
                let measured: Result<Vec<&Measurement>, &String> =
                    measured.iter().map(Result::as_ref).collect();
                if let Ok(measured) = measured {
                    memory.keep_replicates(self.root_seed(), sample, *from, &measured);
                }
            }
            (Work::Cases(cases), Done::Cases(Ok(record))) => {
                memory.keep_cases(self.root_seed(), cases, record);
            }
            _ => {}
        }
    }

    /// What stands in the place of a piece that may not be measured.
    fn permitted(&self, work: &Work) -> Option<Done> {
        let allowed = self.allowed.as_ref()?;
        let is_allowed = match work {
            Work::Replicates { key, .. } => allowed.contains(key),
            Work::Cases(cases) => allowed.contains(&cases.key()),
        };
        if is_allowed {
            return None;
        }
        self.lacking.lock().unwrap_or_else(PoisonError::into_inner).insert(work.described());
        Some(work.broken("is not among the records"))
    }

    fn guarded(&self, work: &Work) -> Done {
        let (sender, receiver) = mpsc::channel();
        let shared = Arc::clone(&self.shared);
        let (piece, running) = (work.clone(), self.running.clone());
        let thread =
            std::thread::Builder::new().name(WORK_THREAD.into()).stack_size(STACK_BYTES).spawn(move || {
                let number = running.begin(&piece);
                let done = catch_unwind(AssertUnwindSafe(|| shared.perform(&piece)));
                running.end(number);
                // The receiver is gone if the piece was abandoned; then nobody waits for it.
                let _ = sender.send(done);
            });
        let message = match thread {
            Err(e) => format!("cannot start a thread: {e}"),
            Ok(_) => match receiver.recv_timeout(self.timeout) {
                Ok(Ok(done)) => return done,
                Ok(Err(panic)) => format!("panicked: {}", panic_message(panic.as_ref())),
                Err(_) => format!(
                    "{} took longer than {} s; `--timeout SECONDS` allows more",
                    work.described(),
                    self.timeout.as_secs()
                ),
            },
        };
        work.broken(&message)
    }
}

impl Shared {
    fn paper(&self, slug: &str) -> Option<&Paper> {
        self.papers.iter().find(|p| p.slug == slug)
    }

    fn experiment(&self, sample: &Sample) -> Option<&Experiment> {
        self.paper(&sample.paper)?.find_experiment(&sample.experiment)
    }

    fn perform(&self, work: &Work) -> Done {
        match work {
            Work::Replicates { sample, from, to, .. } => {
                Done::Replicates(self.replicates(sample, *from, *to))
            }
            Work::Cases(cases) => Done::Cases(self.cases(cases)),
        }
    }

    fn replicates(&self, sample: &Sample, from: u64, to: u64) -> Vec<Result<Measurement, String>> {
        let Some(experiment) = self.experiment(sample) else {
            let message = format!("there is no experiment {}/{}", sample.paper, sample.experiment);
            return (from..to).map(|_| Err(message.clone())).collect();
        };
        let slot = self.slot(sample);
        let prepared = slot.get_or_init(|| {
            let none = Data::default();
            let data = self.data.get(&sample.paper).unwrap_or(&none);
            experiment.prepare(sample.settings.clone(), data).map_err(|e| e.to_string())
        });
        (from..to)
            .map(|replicate| {
                let prepared = prepared.as_ref().map_err(Clone::clone)?;
                let streams =
                    replicate_streams(self.root_seed, &sample.paper, experiment, &sample.settings, replicate);
                // Caught for each replicate, so that its neighbours do not depend on how work is cut.
                catch_unwind(AssertUnwindSafe(|| {
                    experiment.replicate(prepared, sample.fault.as_deref(), &streams)
                }))
                .map_err(|panic| format!("panicked: {}", panic_message(panic.as_ref())))?
                .map_err(|e| format!("replicate {replicate}: {e}"))
            })
            .collect()
    }

    fn slot(&self, sample: &Sample) -> Slot {
        let key = format!("{}/{} {}", sample.paper, sample.experiment, canonical_json(&sample.settings));
        let mut slots = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(key).or_default())
    }

    fn cases(&self, cases: &Cases) -> Result<CasesRecord, String> {
        let property = self
            .paper(&cases.paper)
            .and_then(|p| p.find_property(&cases.property))
            .ok_or_else(|| format!("there is no property {}/{}", cases.paper, cases.property))?;
        property::measure(property, cases, self.root_seed)
    }
}

/// What some requests ask for together, each sample and each set of cases once.
struct Wanted<'a> {
    /// In the order of requests.
    samples: Vec<WantedSample<'a>>,
    /// Cases by key.
    cases: BTreeMap<String, &'a Cases>,
}

struct WantedSample<'a> {
    key: String,
    sample: &'a Sample,
    replicates: u64,
    series: bool,
}

impl<'a> Wanted<'a> {
    fn of(requests: &'a [Request]) -> Self {
        let mut wanted = Self { samples: Vec::new(), cases: BTreeMap::new() };
        let mut index = BTreeMap::new();
        for request in requests {
            match request {
                Request::Replicates { sample, replicates, series } => {
                    let key = sample.key();
                    let at = *index.entry(key.clone()).or_insert_with(|| {
                        wanted.samples.push(WantedSample { key, sample, replicates: 0, series: false });
                        wanted.samples.len() - 1
                    });
                    wanted.samples[at].replicates = wanted.samples[at].replicates.max(*replicates);
                    wanted.samples[at].series |= series;
                }
                Request::Cases(cases) => {
                    wanted.cases.entry(cases.key()).or_insert(cases);
                }
            }
        }
        wanted
    }

    /// The pieces of work that are still lacking. Pieces never cross a multiple of [`CHUNK`], so that
    /// requests of different lengths share them.
    fn missing(self, results: &Results) -> Vec<Work> {
        let cases = self.cases.iter().filter(|(key, _)| !results.has_cases(key));
        let mut work: Vec<Work> = cases.map(|(_, cases)| Work::Cases((*cases).clone())).collect();
        for WantedSample { key, sample, replicates, .. } in self.samples {
            let lacking: Vec<u64> = (0..replicates).filter(|r| !results.has_replicate(&key, *r)).collect();
            for piece in lacking.chunk_by(|a, b| a + 1 == *b && b % CHUNK != 0) {
                let (from, to) = (piece[0], piece[0] + piece.len() as u64);
                work.push(Work::Replicates { key: key.clone(), sample: sample.clone(), from, to });
            }
        }
        work
    }
}

/// What a panic says.
#[must_use]
pub fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}
