//! The program itself, killed at random moments and resumed; beside another run; on a disk that is
//! full or read-only.
//!
//! `CORROBORATE_KILLS` sets how often it is killed: few times in `cargo test`, hundreds in
//! `just test-kills`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use assert_cmd::cargo::CommandCargoExt as _;

/// What is judged: replicates and cases, controls, pictures; in little time.
const SELECTION: &str = "g2rpo.*";
/// Kills if nothing else is said.
const FEW_KILLS: u32 = 5;
/// Kills of one run, before it is allowed to end.
const KILLS_PER_RUN: u32 = 8;

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

#[test]
fn killed_and_resumed_is_as_never_disturbed() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let told = ended(verify(&folder.path().join("store"), &folder.path().join("pages")).spawn().unwrap());
    let time = begun.elapsed();
    let pieces = measured(&told);
    let undisturbed = pages(&folder.path().join("pages"));
    assert!(pieces > 20 && undisturbed.len() > 2, "{told}");
    let (mut done, mut number) = (0, 0_u32);
    while done < kills() {
        let folder = tempfile::tempdir().unwrap();
        let (store, out) = (folder.path().join("store"), folder.path().join("pages"));
        for _ in 0..KILLS_PER_RUN.min(kills() - done) {
            let mut child = verify(&store, &out).spawn().unwrap();
            // Moments all over the run; what is left of it gets shorter from kill to kill.
            number += 1;
            std::thread::sleep(time.mul_f64(f64::from(number.wrapping_mul(2_654_435_761) >> 16) / 65536.0));
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            done += 1;
        }
        let kept = corroborate::store::inspect(&store).unwrap();
        assert_eq!(kept.notices, []);
        let told = ended(verify(&store, &out).spawn().unwrap());
        assert!(!told.contains("warning"), "{told}");
        assert!(pages(&out) == undisturbed, "pages differ after kill {done}");
        // What was kept is not measured again: a piece has one record, or two with its curves.
        assert!(measured(&told) + kept.records.div_ceil(2) <= pieces, "{} kept; {told}", kept.records);
        let told = ended(verify(&store, &out).spawn().unwrap());
        assert_eq!(measured(&told), 0, "{told}");
    }
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
        assert_eq!(corroborate::store::inspect(&store).unwrap().notices, [], "limit {limit}");
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
    assert_eq!(corroborate::store::inspect(&store).unwrap().notices, []);
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
