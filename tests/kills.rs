//! The program itself, killed at moments all over a run and resumed; beside another run; on a disk that
//! is full or read-only.
//!
//! `CORROBORATE_KILLS` sets how often it is killed: few times in `cargo test`, hundreds in
//! `just test-kills`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::process::ExitStatusExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use assert_cmd::cargo::CommandCargoExt as _;
use corroborate::store::{Record, inspect};

/// What is judged: replicates and cases, controls, pictures; in little time.
const SELECTION: &str = "g2rpo.*";
/// Kills if nothing else is said.
const FEW_KILLS: u32 = 5;
/// From so many kills on, every part of a run must have been struck.
const MANY_KILLS: u32 = 100;
/// Kills of one run, before it is allowed to end.
const KILLS_PER_RUN: u32 = 8;
/// Signal that cannot be handled.
const SIGKILL: i32 = 9;

fn verify(store: &Path, out: &Path) -> Command {
    let mut command = Command::cargo_bin("corroborate").unwrap();
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("NO_COLOR", "1")
        .args(["verify", SELECTION, "--jobs", "2", "--store"])
        .arg(store)
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Waits for a run that is to succeed: what it said on standard error.
fn ended(child: Child) -> String {
    let done = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{told}");
    told
}

/// Pieces that a run measured.
fn measured(told: &str) -> u64 {
    let line = told.lines().find_map(|line| line.strip_prefix("Measured "));
    line.map_or(0, |line| line.split(' ').next().unwrap().parse().unwrap())
}

/// Every page, picture and verdict below a folder.
pub fn pages(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_none_or(|e| e != "tmp") {
                found.insert(path.clone(), fs::read(path).unwrap());
            }
        }
    }
    found.into_iter().map(|(path, bytes)| (path.strip_prefix(folder).unwrap().to_owned(), bytes)).collect()
}

fn kills() -> u32 {
    std::env::var("CORROBORATE_KILLS").ok().map_or(FEW_KILLS, |n| n.parse().unwrap())
}

/// Bytes of all files below a folder in which others write.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |path: &Path| -> io::Result<u64> {
        let found = fs::metadata(path)?;
        Ok(if found.is_dir() { bytes_below(path) } else { found.len() })
    };
    // What has gone since it was listed has been given another name, and is counted the next time.
    entries.map(|entry| of(&entry.path()).unwrap_or(0)).sum()
}

/// What is kept in a store.
#[derive(Debug)]
struct Kept {
    /// Records, each once: unit and place.
    records: BTreeSet<(String, u64)>,
    /// Pieces of work that are kept whole. A piece has one record, or one more for its curves, which is
    /// written first.
    pieces: u64,
}

impl Kept {
    fn of(store: &Path) -> Self {
        assert_eq!(inspect(store).unwrap().notices, []);
        let (mut records, mut pieces) = (BTreeSet::new(), 0);
        for bytes in if store.exists() { pages(store) } else { BTreeMap::new() }.values() {
            let whole = bytes.split_inclusive(|b| *b == b'\n').filter(|line| line.ends_with(b"\n"));
            for line in whole {
                let record = Record::decode(line.strip_suffix(b"\n").unwrap()).unwrap();
                pieces += u64::from(!record.payload.starts_with("[["));
                assert!(records.insert((record.unit, record.from)), "kept twice");
            }
        }
        Self { records, pieces }
    }
}

/// Kills a run as soon as so many bytes stand below a folder, and a pause later. Whether it was killed: it
/// may have ended before.
fn killed(mut run: Child, folder: &Path, bytes: u64, pause: Duration) -> bool {
    while bytes_below(folder) < bytes && run.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    thread::sleep(pause);
    run.kill().unwrap();
    let status = run.wait().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
    !status.success()
}

/// The k-th of numbers that fill the interval from 0 to 1 more and more evenly.
fn spread(k: u32) -> f64 {
    f64::from(k.wrapping_mul(2_654_435_769)) / f64::from(u32::MAX)
}

#[test]
fn killed_and_resumed_is_as_never_disturbed() {
    let undisturbed = tempfile::tempdir().unwrap();
    let (store, out) = (undisturbed.path().join("store"), undisturbed.path().join("pages"));
    let begun = Instant::now();
    let told = ended(verify(&store, &out).spawn().unwrap());
    let time = begun.elapsed();
    let (all, expected, bytes) = (Kept::of(&store), pages(&out), bytes_below(undisturbed.path()));
    assert_eq!(all.pieces, measured(&told), "{told}");
    assert!(all.pieces > 20 && expected.len() > 2, "{told}");
    let (wanted, mut done, mut runs) = (kills(), 0, 0);
    // Kills by quarters of the pieces that were kept, and with all of them while pages were lacking.
    let (mut quarters, mut pages_lacking) = ([0_u32; 5], 0);
    while done < wanted {
        let folder = tempfile::tempdir().unwrap();
        let (store, out) = (folder.path().join("store"), folder.path().join("pages"));
        let (planned, before) = (KILLS_PER_RUN.min(wanted - done), done);
        let mut kept = Kept::of(&store);
        for kill in 0..planned {
            let moment = (f64::from(kill) + spread(runs)) / f64::from(planned);
            // The next record would otherwise always be far away.
            let pause = time.mul_f64(spread(done) / all.pieces as f64);
            let run = verify(&store, &out).spawn().unwrap();
            let was_killed = killed(run, folder.path(), (moment * bytes as f64) as u64, pause);
            let now = Kept::of(&store);
            assert!(now.records.is_superset(&kept.records), "after kill {done}, records have gone");
            kept = now;
            if !was_killed {
                break;
            }
            done += 1;
            let quarter = 4 * kept.pieces / all.pieces;
            quarters[quarter as usize] += 1;
            pages_lacking += u32::from(quarter == 4 && !(out.exists() && pages(&out) == expected));
        }
        runs += 1;
        assert!(done > before, "a run was never killed");
        let told = ended(verify(&store, &out).spawn().unwrap());
        assert!(!told.contains("warning"), "{told}");
        assert!(pages(&out) == expected, "pages differ after kill {done}");
        // What was kept is not measured again, and all the rest is.
        assert_eq!(measured(&told), all.pieces - kept.pieces, "{told}");
        assert_eq!(Kept::of(&store).records, all.records);
        let told = ended(verify(&store, &out).spawn().unwrap());
        assert_eq!(measured(&told), 0, "{told}");
        println!("killed {done} of {wanted} times, in {runs} runs");
    }
    println!("kills by quarters of {} pieces that were kept: {quarters:?}", all.pieces);
    println!("kills with all of them, and pages lacking: {pages_lacking}");
    let halfway: u32 = quarters[1..4].iter().sum();
    assert!(halfway > 0, "what is measured is kept at once: {quarters:?}");
    let everywhere = quarters.iter().all(|n| *n > 0) && pages_lacking > 0;
    assert!(everywhere || wanted < MANY_KILLS, "{quarters:?}, {pages_lacking}");
}

/// Lengths in bytes at which a write is cut, and the program killed.
const LIMITS: [u32; 6] = [512, 1024, 4096, 8192, 16384, 65536];

/// Runs the program where no file can grow longer than this: the system writes what still fits, and kills it.
fn limited(limit: u32, run: &Command) -> bool {
    // Blocks are of 512 bytes; a core would be cut as well.
    let script = format!("ulimit -c 0; ulimit -f {}; exec \"$@\"", limit / 512);
    let mut limited = Command::new("sh");
    limited.args(["-c", &script, "sh"]).arg(run.get_program()).args(run.get_args());
    limited.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).stderr(Stdio::null());
    limited.status().unwrap().code().is_none()
}

#[test]
fn killed_in_the_middle_of_a_write_and_resumed_is_as_never_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let full = folder.path().join("full");
    ended(verify(&full, &folder.path().join("undisturbed")).spawn().unwrap());
    let undisturbed = pages(&folder.path().join("undisturbed"));
    let (store, out) = (folder.path().join("store"), folder.path().join("pages"));
    let (mut journals, mut others) = (0, 0);
    for limit in LIMITS {
        journals += u32::from(limited(limit, &verify(&store, &out)));
        assert_eq!(inspect(&store).unwrap().notices, [], "limit {limit}");
        // With nothing left to measure, it is a page, a picture or `verdicts.json` that is cut.
        others += u32::from(limited(limit, &verify(&full, &out)));
        for (name, bytes) in if out.exists() { pages(&out) } else { BTreeMap::new() } {
            assert!(undisturbed.get(&name) == Some(&bytes), "{} at limit {limit}", name.display());
        }
    }
    assert!(journals > 2 && others > 2, "killed {journals} times in a journal, {others} times elsewhere");
    let told = ended(verify(&store, &out).spawn().unwrap());
    assert!(!told.contains("warning"), "{told}");
    assert!(pages(&out) == undisturbed);
}

#[test]
fn two_runs_at_once_on_one_store_do_each_other_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let outs = ["a", "b"].map(|name| folder.path().join(name));
    let both = outs.each_ref().map(|out| verify(&store, out).spawn().unwrap());
    for child in both {
        ended(child);
    }
    assert!(pages(&outs[0]) == pages(&outs[1]));
    assert_eq!(inspect(&store).unwrap().notices, []);
    assert_eq!(measured(&ended(verify(&store, &outs[0]).spawn().unwrap())), 0);
}

/// A small disk in memory; taken away when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where this user may not mount anything.
    fn mounted(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        done.is_ok_and(|done| done.status.success()).then(|| Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn a_full_and_a_read_only_disk_are_said_and_verdicts_are_right() {
    let folder = tempfile::tempdir().unwrap();
    ended(verify(&folder.path().join("store"), &folder.path().join("pages")).spawn().unwrap());
    let undisturbed = pages(&folder.path().join("pages"));
    for options in ["size=64k", "ro"] {
        let Some(disk) = SmallDisk::mounted(options) else {
            println!("skipped: a disk that is {options} cannot be mounted by this user");
            return;
        };
        let out = folder.path().join(options);
        let told = ended(verify(&disk.0.path().join("store"), &out).spawn().unwrap());
        assert!(told.contains("cannot be written") && told.contains("the run goes on"), "{told}");
        assert!(pages(&out) == undisturbed, "{options}");
    }
}
