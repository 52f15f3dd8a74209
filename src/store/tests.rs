use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt as _,
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;

const SHELF: &str = "paper-0123456789abcdef";

fn record(unit: &str, from: u64) -> Record {
    Record { unit: digest(unit.as_bytes()), from, payload: format!(r#"{{"of":"{unit}","from":{from}}}"#) }
}

fn put(store: &Store, record: &Record) {
    store.put(SHELF, record);
}

fn put_some(store: &Store) {
    for record in some() {
        put(store, &record);
    }
}

fn holds(store: &Store, record: &Record) -> bool {
    store.get(SHELF, &record.unit).contains(&(record.from, record.payload.clone()))
}

fn some() -> Vec<Record> {
    ["a", "b", "c"].iter().flat_map(|unit| [0, 5].map(|from| record(unit, from))).collect()
}

/// A store with some records, finished.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), false);
    put_some(&store);
    store.finish();
    folder
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join(SHELVES).join(SHELF)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn line_feeds(bytes: &[u8]) -> usize {
    bytes.split(|b| *b == b'\n').count() - 1
}

#[test]
fn records_come_back_after_an_end_and_after_a_kill() {
    for finished in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false);
        put_some(&store);
        if finished {
            store.finish();
        }
        drop(store);
        let again = Store::open(folder.path(), false);
        for record in some() {
            assert!(holds(&again, &record), "{record:?}");
        }
        assert_eq!(again.get("another", &record("a", 0).unit), []);
        assert_eq!(again.notices(), []);
    }
}

#[test]
fn nothing_is_written_twice() {
    let folder = filled();
    let before = files(folder.path());
    let store = Store::open(folder.path(), false);
    // In another order, or the same file would be written once more.
    some().iter().rev().for_each(|record| put(&store, record));
    store.finish();
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_fresh_store_uses_nothing_and_forgets_nothing() {
    let folder = filled();
    let store = Store::open(folder.path(), true);
    let kept = record("a", 0);
    assert!(!holds(&store, &kept));
    assert!(store.earlier(SHELF, &kept.unit).contains(&(kept.from, kept.payload)));
}

#[test]
fn a_damaged_line_costs_itself_alone() {
    let folder = filled();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let sound = fs::read(file).unwrap();
    let line_of = |at: usize| line_feeds(&sound[..at]);
    for at in 0..sound.len() {
        let mut flipped = sound.clone();
        flipped[at] ^= 0x04;
        fs::write(file, &flipped).unwrap();
        let store = Store::open(folder.path(), false);
        let lost: Vec<usize> =
            some().iter().enumerate().filter(|(_, r)| !holds(&store, r)).map(|(i, _)| i).collect();
        // A damaged line feed makes one line of two.
        let expected =
            if sound[at] == b'\n' { vec![line_of(at), line_of(at) + 1] } else { vec![line_of(at)] };
        let expected: Vec<usize> = expected.into_iter().filter(|line| *line < some().len()).collect();
        assert_eq!(lost, expected, "byte {at}");
        assert!(matches!(&store.notices()[..], [Notice::Damaged { .. }]), "byte {at}: {:?}", store.notices());
    }
}

#[test]
fn a_cut_file_loses_what_is_cut_and_says_so() {
    let folder = filled();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let sound = fs::read(file).unwrap();
    for length in 0..sound.len() {
        fs::write(file, &sound[..length]).unwrap();
        let store = Store::open(folder.path(), false);
        let whole = line_feeds(&sound[..length]);
        let kept = some().iter().filter(|record| holds(&store, record)).count();
        assert_eq!(kept, whole, "length {length}");
        assert!(matches!(&store.notices()[..], [Notice::Damaged { .. }]), "length {length}");
    }
}

#[test]
fn payloads_swapped_between_units_are_no_records() {
    let folder = filled();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let text = fs::read_to_string(file).unwrap();
    let (a, b) = (digest(b"a"), digest(b"b"));
    fs::write(file, text.replace(&a, "?").replace(&b, &a).replace('?', &b)).unwrap();
    let store = Store::open(folder.path(), false);
    assert_eq!(store.get(SHELF, &a), []);
    assert_eq!(store.get(SHELF, &b), []);
    assert!(holds(&store, &record("c", 0)));
    assert!(store.notices()[0].to_string().contains("damaged lines: 4"), "{}", store.notices()[0]);
}

#[test]
fn records_of_another_version_are_left_alone_and_kept_by_a_collection() {
    let folder = filled();
    let body = "a future thing";
    let line = format!("2 {} {body}\n", digest(format!("2 {body}").as_bytes()));
    let journal = folder.path().join(SHELVES).join(SHELF).join("1.journal");
    fs::write(&journal, &line).unwrap();
    let store = Store::open(folder.path(), false);
    assert!(some().iter().all(|record| holds(&store, record)));
    assert_eq!(store.notices(), [Notice::Foreign { path: journal, lines: 1 }]);
    collect(folder.path(), &[SHELF.to_owned()].into(), false, &RealDisk).unwrap();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    assert!(fs::read_to_string(file).unwrap().contains(&line));
}

#[test]
fn two_processes_at_once_do_each_other_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let stores = [(); 2].map(|()| Store::open(folder.path(), false));
    for record in some() {
        for store in &stores {
            put(store, &record);
        }
    }
    put(&stores[1], &record("d", 0));
    assert_eq!(files(folder.path()).len(), 2);
    let own = collect(folder.path(), &BTreeSet::new(), false, &RealDisk).unwrap();
    assert_eq!((own.in_use, own.files), (2, 0), "journals in use are left alone");
    for store in &stores {
        store.finish();
    }
    let again = Store::open(folder.path(), false);
    assert!(some().iter().chain([&record("d", 0)]).all(|record| holds(&again, record)));
    assert_eq!(again.notices(), []);
}

#[test]
fn a_collection_keeps_what_is_live_and_sound() {
    let folder = filled();
    // A second, overlapping file, a damaged one, and the shelf of other sources.
    let store = Store::open(folder.path(), true);
    put(&store, &record("a", 0));
    put(&store, &record("d", 0));
    store.put("gone-0", &record("a", 0));
    store.finish();
    fs::write(folder.path().join(SHELVES).join(SHELF).join("9.journal"), "rubbish\nand a torn en").unwrap();
    let live: BTreeSet<String> = [SHELF.to_owned()].into();
    let pretended = collect(folder.path(), &live, true, &RealDisk).unwrap();
    assert_eq!(files(folder.path()).len(), 3);
    assert_eq!(collect(folder.path(), &live, false, &RealDisk).unwrap(), pretended);
    assert_eq!(pretended.shelves, 1);
    let store = Store::open(folder.path(), false);
    assert!(some().iter().chain([&record("d", 0)]).all(|record| holds(&store, record)));
    assert_eq!(store.notices(), []);
    assert_eq!(files(folder.path()).len(), 1);
    assert!(!folder.path().join(SHELVES).join("gone-0").exists());
    let found = inspect(folder.path()).unwrap();
    assert_eq!((found.shelves, found.files, found.records, found.notices.len()), (1, 1, 7, 0));
    assert_eq!(collect(folder.path(), &live, false, &RealDisk).unwrap(), Collected::default());
}

#[test]
fn a_collection_rids_a_single_file_of_damaged_and_repeated_lines() {
    let folder = filled();
    let [file] = &files(folder.path())[..] else { panic!("one file") };
    let sound = fs::read_to_string(file).unwrap();
    for spoiled in [format!("{sound}rubbish\n"), format!("{sound}{sound}"), sound.replacen('{', "?", 1)] {
        let folder = tempfile::tempdir().unwrap();
        let shelf = folder.path().join(SHELVES).join(SHELF);
        fs::create_dir_all(&shelf).unwrap();
        fs::write(shelf.join("1.journal"), &spoiled).unwrap();
        let whole = Store::open(folder.path(), false);
        let whole = some().iter().filter(|record| holds(&whole, record)).count();
        assert!(whole + 1 >= some().len());
        collect(folder.path(), &[SHELF.to_owned()].into(), false, &RealDisk).unwrap();
        let found = inspect(folder.path()).unwrap();
        assert_eq!((found.files, found.records, found.notices), (1, whole as u64, vec![]));
        let [file] = &files(folder.path())[..] else { panic!("one file") };
        assert!(file.extension().is_some_and(|e| e == "records"), "{}", file.display());
    }
}

/// A disk that dies at its `n`-th step, in the middle of it if it is a write.
pub struct Dying {
    taken: AtomicU32,
    after: u32,
    /// Whether that step alone fails: the disk was full for a moment.
    comes_back: bool,
}

impl Dying {
    fn after(steps: u32) -> Self {
        Self { taken: AtomicU32::new(0), after: steps, comes_back: false }
    }

    fn for_a_moment_after(steps: u32) -> Self {
        Self { comes_back: true, ..Self::after(steps) }
    }

    fn step(&self) -> io::Result<()> {
        let before = self.taken.fetch_add(1, Ordering::SeqCst);
        if before < self.after || (self.comes_back && before > self.after) {
            return Ok(());
        }
        Err(io::Error::from(ErrorKind::StorageFull))
    }
}

impl Disk for Dying {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.create_folder(path))
    }

    fn create(&self, path: &Path) -> io::Result<fs::File> {
        self.step().and_then(|()| RealDisk.create(path))
    }

    fn append(&self, file: &mut fs::File, bytes: &[u8]) -> io::Result<()> {
        self.step().inspect_err(|_| {
            let _ = RealDisk.append(file, &bytes[..bytes.len() / 2]);
        })?;
        RealDisk.append(file, bytes)
    }

    fn sync(&self, file: &fs::File) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.sync(file))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step().and_then(|()| RealDisk.rename(from, to))
    }
}

#[test]
fn a_death_at_any_step_loses_at_most_the_record_in_flight() {
    let mut survived = 0;
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_on(folder.path(), false, Box::new(Dying::after(steps)));
        let mut acknowledged = Vec::new();
        for record in some() {
            put(&store, &record);
            if store.notices().is_empty() {
                acknowledged.push(record);
            }
        }
        store.finish();
        let died = !store.notices().is_empty();
        assert!(!died || matches!(&store.notices()[..], [Notice::Unwritable { .. }]));
        drop(store);
        let again = Store::open(folder.path(), false);
        assert!(acknowledged.iter().all(|record| holds(&again, record)), "step {steps}");
        let kept: Vec<_> = some().iter().flat_map(|r| again.get(SHELF, &r.unit)).collect();
        assert!(kept.iter().all(|part| some().iter().any(|r| (r.from, &r.payload) == (part.0, &part.1))));
        assert_eq!(again.notices(), [], "step {steps}");
        put_some(&again);
        again.finish();
        let live: BTreeSet<String> = [SHELF.to_owned()].into();
        collect(folder.path(), &live, false, &RealDisk).unwrap();
        assert_eq!(inspect(folder.path()).unwrap().records, some().len() as u64, "step {steps}");
        survived += 1;
        if !died {
            break;
        }
    }
    assert!(survived > 9, "folder, file, six records, sync and name: {survived} steps were tried");
}

#[test]
fn after_an_error_nothing_more_is_written_even_if_the_disk_could_again() {
    // Folder, file and six records, each in its turn.
    for step in 0..8 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_on(folder.path(), false, Box::new(Dying::for_a_moment_after(step)));
        let written = || {
            let found = inspect(folder.path()).unwrap();
            // Half a line and another behind it would be a damaged one.
            assert_eq!(found.notices, [], "step {step}");
            found.records
        };
        for (i, record) in some().iter().enumerate() {
            put(&store, record);
            let expected = (i as u64 + 1).min(u64::from(step).saturating_sub(2));
            assert_eq!(written(), expected, "step {step}, record {i}");
            // What cannot be written is known all the same.
            assert!(holds(&store, record));
        }
        assert!(matches!(&store.notices()[..], [Notice::Unwritable { .. }]), "{:?}", store.notices());
        store.finish();
        assert!(matches!(&store.notices()[..], [Notice::Unwritable { .. }]), "{:?}", store.notices());
        let again = Store::open(folder.path(), false);
        put_some(&again);
        again.finish();
        assert_eq!(inspect(folder.path()).unwrap().records, some().len() as u64, "step {step}");
    }
}

#[test]
fn a_collection_that_dies_at_any_step_loses_nothing_and_leaves_nothing_behind_for_long() {
    let live: BTreeSet<String> = [SHELF.to_owned()].into();
    for steps in 0.. {
        let folder = filled();
        let store = Store::open(folder.path(), false);
        put(&store, &record("d", 0));
        store.finish();
        let ended = collect(folder.path(), &live, false, &Dying::after(steps));
        let again = Store::open(folder.path(), false);
        assert!(some().iter().chain([&record("d", 0)]).all(|record| holds(&again, record)), "step {steps}");
        assert_eq!(again.notices(), []);
        // One that was killed has not even cleaned up.
        fs::write(folder.path().join(SHELVES).join(SHELF).join(".gc.0.tmp"), "half").unwrap();
        collect(folder.path(), &live, false, &RealDisk).unwrap();
        assert_eq!(files(folder.path()).len(), 1, "step {steps}: {:?}", files(folder.path()));
        if ended.is_ok() {
            assert!(steps >= 4, "{steps}");
            break;
        }
    }
}

#[test]
fn an_import_that_dies_at_any_step_leaves_whole_records_and_can_be_repeated() {
    let live: BTreeSet<String> = [SHELF.to_owned()].into();
    let from = filled();
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), false);
        put(&store, &record("a", 0));
        store.finish();
        let ended = import(from.path(), folder.path(), &live, &Dying::after(steps));
        assert_eq!(inspect(folder.path()).unwrap().notices, [], "step {steps}");
        import(from.path(), folder.path(), &live, &RealDisk).unwrap();
        let found = inspect(folder.path()).unwrap();
        assert_eq!((found.records, found.notices.len()), (some().len() as u64, 0), "step {steps}");
        if ended.is_ok() {
            assert!(steps >= 4, "{steps}");
            break;
        }
    }
    // Shelves that are not live stay where they are.
    let folder = tempfile::tempdir().unwrap();
    import(from.path(), folder.path(), &BTreeSet::new(), &RealDisk).unwrap();
    assert_eq!(inspect(folder.path()).unwrap().records, 0);
}

#[test]
fn what_is_withheld_is_known_and_not_written_before_it_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), false);
    store.withhold();
    put_some(&store);
    assert!(some().iter().all(|record| holds(&store, record)));
    assert!(!folder.path().join(SHELVES).exists());
    store.release();
    put(&store, &record("d", 0));
    store.finish();
    assert_eq!(inspect(folder.path()).unwrap().records, some().len() as u64 + 1);
}

/// A disk that forgets, when the power fails, what was not synced. Files are known by their numbers, which
/// they keep under another name.
#[derive(Clone, Default)]
struct Forgetful(Arc<Mutex<BTreeMap<u64, u64>>>);

impl Forgetful {
    fn power_fails(&self, folder: &Path) {
        for path in files(folder) {
            let file = fs::OpenOptions::new().write(true).open(path).unwrap();
            let number = file.metadata().unwrap().ino();
            file.set_len(lock(&self.0).get(&number).copied().unwrap_or(0)).unwrap();
        }
    }
}

impl Disk for Forgetful {
    fn sync(&self, file: &fs::File) -> io::Result<()> {
        let metadata = file.metadata()?;
        lock(&self.0).insert(metadata.ino(), metadata.len());
        Ok(())
    }
}

#[test]
fn a_power_failure_costs_what_was_not_synced_and_nothing_that_was_finished() {
    let many: Vec<Record> = (0..200).map(|from| record("long", from)).collect();
    let kept = |folder: &Path| {
        let store = Store::open(folder, false);
        let kept = many.iter().take_while(|record| holds(&store, record)).count();
        assert_eq!(store.get(SHELF, &many[0].unit).len(), kept, "the first ones, and no others");
        assert_eq!(store.notices(), []);
        kept
    };
    for finished in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let disk = Forgetful::default();
        let store = Store::open_on(folder.path(), false, Box::new(disk.clone()));
        for record in &many {
            put(&store, record);
        }
        if finished {
            store.finish();
        }
        disk.power_fails(folder.path());
        drop(store);
        let left = kept(folder.path());
        assert!(
            if finished { left == many.len() } else { many.len() - left < 64 && left < many.len() },
            "{left}"
        );
        // Put together with another file: the old ones go when the new one lasts.
        let store = Store::open_on(folder.path(), false, Box::new(disk.clone()));
        many.iter().chain([&record("d", 0)]).for_each(|record| put(&store, record));
        store.finish();
        collect(folder.path(), &[SHELF.to_owned()].into(), false, &disk).unwrap();
        disk.power_fails(folder.path());
        assert_eq!(kept(folder.path()), many.len());
    }
}
