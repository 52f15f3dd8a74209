//! What was measured is kept, and nothing that is kept, or damaged, or cannot be written, changes a
//! verdict.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use corroborate::{
    check::evidence::Verdicts,
    claim::{Axis, Claim, Plot, PlotContent, PlotCurve, PlotPanel, Verdict},
    run::Memory,
    store::{Disk, Notice, RealDisk, Record, Store, inspect},
};

use crate::toy::{arm, claim, coin, commutes, executor, judge, judge_by, work};

fn claims() -> Vec<Claim> {
    pictured(12)
}

/// A picture of a fair coin, of this many replicates.
pub fn plot(replicates: u64) -> Plot {
    let curve = PlotCurve { label: "fair".into(), fault: None, arms: vec![(0.0, arm(0.95))] };
    let axis = || Axis { label: "toss".into(), log: false };
    Plot {
        title: "Heads so far".into(),
        content: PlotContent::Series("so-far".into()),
        x: axis(),
        y: axis(),
        experiment: "coin".into(),
        panels: vec![PlotPanel { title: String::new(), curves: vec![curve] }],
        replicates,
    }
}

/// Claims, with a picture of this many replicates.
fn pictured(replicates: u64) -> Vec<Claim> {
    vec![
        claim(1, vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"])]),
        Claim {
            plots: vec![plot(replicates)],
            ..claim(2, vec![coin(vec![arm(0.95), arm(0.8)], 0.5, &["tails-heavy"])])
        },
        claim(3, vec![commutes(0.0, &["off-by-one"])]),
    ]
}

/// A judged run: verdicts, pieces measured, and what there was to say of the store.
struct Run {
    verdicts: Verdicts,
    measured: u64,
    notices: Vec<Notice>,
}

fn run_on(store: Store, claims: Vec<Claim>, fingerprint: &str, finish: bool) -> Run {
    let memory = Memory::new(store, [("toy".to_owned(), fingerprint.to_owned())].into());
    let executor = executor(2).remembering(memory);
    let verdicts = judge_by(&executor, claims, &|_| true, None);
    let store = executor.memory().unwrap().store();
    if finish {
        store.finish();
    }
    Run { verdicts, measured: executor.measured(), notices: store.notices() }
}

fn run(folder: &Path) -> Run {
    run_on(Store::open(folder, false), claims(), "f", true)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shelf in fs::read_dir(folder.join("records")).unwrap() {
        found.extend(fs::read_dir(shelf.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    found.sort();
    found
}

/// The only file of a store.
fn file(folder: &Path) -> PathBuf {
    let [file] = &files(folder)[..] else { panic!("one file") };
    file.clone()
}

/// Changes what a file's records say, checksums included: not damage, but wrong.
fn forge(file: &Path, change: impl Fn(&str) -> String) {
    let text = fs::read_to_string(file).unwrap();
    let forged = text.lines().map(|line| {
        let record = Record::decode(line.as_bytes()).unwrap();
        Record { payload: change(&record.payload), ..record }.encode()
    });
    // As a journal, whose name says nothing of what is in it.
    let forged: String = forged.collect();
    fs::write(file.with_file_name("1.journal"), forged).unwrap();
    fs::remove_file(file).unwrap();
}

#[test]
fn a_second_run_measures_nothing_and_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    assert_eq!(cold.verdicts, judge(claims(), 1, &|_| true));
    assert!(cold.verdicts.claims.iter().all(|c| c.as_expected), "{:?}", cold.verdicts);
    let warm = run(folder.path());
    assert_eq!((warm.verdicts, warm.measured, warm.notices), (cold.verdicts, 0, vec![]));
    assert!(cold.measured > 10, "{}", cold.measured);
}

#[test]
fn what_has_no_curves_is_remembered_where_curves_are_asked_for() {
    // There are none, so the picture breaks down, and everything else is known.
    let (content, experiment) = (PlotContent::Series("nothing".into()), "work".to_owned());
    let mut nothing = Plot { content, experiment, ..plot(12) };
    nothing.panels[0].curves[0].arms = vec![(0.0, work(10, 0.2))];
    let pictured = || vec![Claim { plots: vec![nothing.clone()], ..claim(1, vec![commutes(0.0, &[])]) }];
    let folder = tempfile::tempdir().unwrap();
    let judged = || run_on(Store::open(folder.path(), false), pictured(), "f", true);
    let (cold, warm) = (judged(), judged());
    assert!(cold.measured > 0 && cold.verdicts.claims[0].verdict == Verdict::Error, "{:?}", cold.verdicts);
    assert_eq!((warm.verdicts, warm.measured, warm.notices), (cold.verdicts, 0, vec![]));
}

#[test]
fn claims_share_what_was_measured_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let first = claims().into_iter().take(1).collect();
    let alone = run_on(Store::open(folder.path(), false), first, "f", true).measured;
    let rest = run(folder.path()).measured;
    let together = tempfile::tempdir().unwrap();
    let all = run(together.path()).measured;
    assert!(alone > 0 && rest < all, "{alone} + {rest}, together {all}");
}

#[test]
fn other_sources_and_other_seeds_remember_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path()).measured;
    assert_eq!(run_on(Store::open(folder.path(), false), claims(), "g", true).measured, cold);
    assert_eq!(run(folder.path()).measured, 0);
}

#[test]
fn a_fresh_run_measures_everything() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    let fresh = run_on(Store::open(folder.path(), true), claims(), "f", true);
    assert_eq!((fresh.verdicts, fresh.measured, fresh.notices), (cold.verdicts, cold.measured, vec![]));
}

#[test]
fn a_fresh_run_is_held_to_what_was_kept_where_both_have_measured() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    let fewer = run_on(Store::open(folder.path(), true), pictured(7), "f", true);
    assert_eq!(fewer.notices, []);
    // Replicates that stand in two records, of different lengths, and agree.
    let again = run(folder.path());
    assert_eq!((again.measured, again.notices), (0, vec![]));

    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    forge(&file(folder.path()), |payload| payload.replace("[\"heads\",1.0]", "[\"heads\",0.0]"));
    let fresh = run_on(Store::open(folder.path(), true), pictured(7), "f", true);
    assert_eq!(fresh.verdicts, judge(pictured(7), 1, &|_| true));
    let told = fresh.notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains("determinism failure: two records of toy/coin"), "{told}");
}

#[test]
fn breakdowns_are_not_kept() {
    let broken = || vec![claim(1, vec![coin(vec![arm(0.95)], 0.5, &["panics"])])];
    let folder = tempfile::tempdir().unwrap();
    let first = run_on(Store::open(folder.path(), false), broken(), "f", true);
    let again = run_on(Store::open(folder.path(), false), broken(), "f", true);
    assert_eq!(first.verdicts, again.verdicts);
    assert_eq!(again.verdicts.claims[0].verdict, corroborate::claim::Verdict::Error);
    assert!(again.measured > 0);
}

#[test]
fn no_damage_changes_a_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    let sound_file = file(folder.path());
    let sound = fs::read(&sound_file).unwrap();
    let second_line = sound.iter().position(|b| *b == b'\n').unwrap() + 1;
    // Version, checksum, unit, place, payload, line feed; and the very last byte.
    let line = &sound[second_line..];
    let space = |n: usize| line.iter().enumerate().filter(|(_, b)| **b == b' ').nth(n).unwrap().0;
    let feed = line.iter().position(|b| *b == b'\n').unwrap();
    let classes = [0, space(0), space(0) + 5, space(1) + 5, space(2) + 1, space(3) + 9, feed];
    let places = classes.map(|at| second_line + at).into_iter().chain([sound.len() - 1]);
    for at in places {
        for bit in 0..8 {
            let mut damaged = sound.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&sound_file, &damaged).unwrap();
            let run = run_on(Store::open(folder.path(), false), claims(), "f", false);
            assert_eq!(run.verdicts, cold.verdicts, "bit {bit} of byte {at}");
            assert!(matches!(&run.notices[..], [Notice::Damaged { .. }]), "{:?}", run.notices);
            for journal in files(folder.path()).iter().filter(|path| **path != sound_file) {
                fs::remove_file(journal).unwrap();
            }
        }
    }
    for length in [0, 1, second_line - 1, second_line, second_line + 40, sound.len() - 1] {
        fs::write(&sound_file, &sound[..length]).unwrap();
        let run = run_on(Store::open(folder.path(), false), claims(), "f", false);
        assert_eq!(run.verdicts, cold.verdicts, "cut at {length}");
        assert!(run.measured > 0 && run.notices.len() == 1, "{:?}", run.notices);
        for journal in files(folder.path()).iter().filter(|path| **path != sound_file) {
            fs::remove_file(journal).unwrap();
        }
    }
}

#[test]
fn what_is_put_behind_the_records_changes_nothing_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    let sound_file = file(folder.path());
    let sound = fs::read_to_string(&sound_file).unwrap();
    let first = &sound[..=sound.find('\n').unwrap()];
    for (behind, damaged) in [("rubbish", 1), ("rubbish\n", 1), ("\n", 1), ("\0\0\0\0", 1), (first, 0)] {
        fs::write(&sound_file, format!("{sound}{behind}")).unwrap();
        let again = run_on(Store::open(folder.path(), false), claims(), "f", true);
        assert_eq!((again.verdicts, again.measured), (cold.verdicts.clone(), 0), "{behind:?}");
        assert_eq!(again.notices, [Notice::Damaged { path: sound_file.clone(), lines: damaged }]);
    }
}

#[test]
fn records_of_other_sources_are_not_taken_for_those_of_these() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    let file = file(folder.path());
    // To the shelf of other sources, and nothing about the file itself has changed.
    let shelf = folder.path().join("records").join(corroborate::run::shelf("toy", "g"));
    fs::create_dir(&shelf).unwrap();
    fs::rename(&file, shelf.join(file.file_name().unwrap())).unwrap();
    let other = run_on(Store::open(folder.path(), false), claims(), "g", true);
    assert_eq!((other.measured, other.notices), (cold.measured, vec![]));
}

#[test]
fn whole_records_with_unfit_contents_are_measured_again() {
    type Change<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let unfit: &[Change] = &[
        ("no JSON", &|_| "{".into()),
        ("another shape", &|_| r#"{"a": 1}"#.into()),
        ("no number", &|payload| payload.replace("0.", "null,0.")),
        ("another metric", &|payload| {
            payload.replace("\"heads\"", "\"tails\"").replace("\"worst\"", "\"best\"")
        }),
        ("outside its range", &|payload| payload.replace("[\"heads\",", "[\"heads\",7")),
    ];
    for (name, change) in unfit {
        let folder = tempfile::tempdir().unwrap();
        let cold = run(folder.path());
        forge(&file(folder.path()), change);
        let again = run(folder.path());
        assert_eq!(again.verdicts, cold.verdicts, "{name}");
        assert!(
            again.notices.iter().any(|n| matches!(n, Notice::Unfit { .. })),
            "{name}: {:?}",
            again.notices
        );
    }
}

#[test]
fn two_records_that_differ_are_a_determinism_failure_and_neither_is_used() {
    for (from, to, of) in [
        ("[\"heads\",1.0]", "[\"heads\",0.0]", "toy/coin"),
        ("\"rejected\":0", "\"rejected\":1", "the cases of toy/commutes"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let cold = run(folder.path());
        let file = file(folder.path());
        let sound = fs::read(&file).unwrap();
        forge(&file, |payload| payload.replace(from, to));
        fs::write(&file, sound).unwrap();
        let again = run(folder.path());
        assert_eq!(again.verdicts, cold.verdicts);
        let told = again.notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains(&format!("determinism failure: two records of {of}")), "{told}");
    }
}

#[test]
fn two_records_that_say_the_same_in_other_words_are_as_good_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let cold = run(folder.path());
    let file = file(folder.path());
    let sound = fs::read(&file).unwrap();
    forge(&file, |payload| format!(" {payload}"));
    fs::write(&file, sound).unwrap();
    let again = run(folder.path());
    assert_eq!((again.verdicts, again.measured, again.notices), (cold.verdicts, 0, vec![]));
}

/// A disk on which a number of steps succeed, and none after them.
struct Dying(AtomicU64);

impl Dying {
    fn after(steps: u64) -> Self {
        Self(AtomicU64::new(steps))
    }

    fn step(&self) -> io::Result<()> {
        match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl Disk for Dying {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.create_folder(path))
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step().and_then(|()| RealDisk.create(path))
    }
    fn append(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.step().inspect_err(|_| drop(RealDisk.append(file, &bytes[..bytes.len() / 2])))?;
        RealDisk.append(file, bytes)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.sync(file))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.rename(from, to))
    }
}

#[test]
fn a_death_at_any_write_is_resumed_to_the_same_verdicts_without_repeating_anything() {
    let whole = tempfile::tempdir().unwrap();
    let undisturbed = run(whole.path());
    let records = inspect(whole.path()).unwrap().records;
    let mut tried = 0;
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let dying =
            run_on(Store::open_on(folder.path(), false, Box::new(Dying::after(steps))), claims(), "f", true);
        // To a run whose disk is full, it is a warning.
        assert_eq!(dying.verdicts, undisturbed.verdicts, "step {steps}");
        let before = inspect(folder.path()).unwrap();
        let resumed = run(folder.path());
        assert_eq!(resumed.verdicts, undisturbed.verdicts, "step {steps}");
        assert_eq!(resumed.notices, [], "step {steps}");
        // Curves and numbers of a piece are two records: one of them may stand alone.
        let kept = inspect(folder.path()).unwrap().records;
        assert_eq!(kept, records, "step {steps}: {} before", before.records);
        assert!(resumed.measured <= undisturbed.measured.saturating_sub(before.records / 2), "step {steps}");
        tried += 1;
        if dying.notices.is_empty() {
            break;
        }
        assert!(matches!(&dying.notices[..], [Notice::Unwritable { .. }]), "{:?}", dying.notices);
    }
    assert!(tried > records, "{tried} steps, {records} records");
}

#[test]
fn a_store_that_cannot_be_written_is_said_once_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, "no folder").unwrap();
    let run = run_on(Store::open(&in_the_way, false), claims(), "f", true);
    assert_eq!(run.verdicts, judge(claims(), 1, &|_| true));
    let told: Vec<String> = run.notices.iter().map(ToString::to_string).collect();
    assert!(
        told.iter().any(|t| t.contains("cannot be written") && t.contains("the run goes on")),
        "{told:?}"
    );
}
