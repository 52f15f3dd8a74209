//! One run on several machines: parts that share nothing, brought together to the same bytes; and
//! whatever is wrong with the parts is refused.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use assert_cmd::cargo::CommandCargoExt as _;
use corroborate::{
    check::{self, Measured, Options, Shard, evidence::Verdicts},
    claim::{Claim, PaperClaims, Plot, PlotCurve, PlotPanel, Tier, Verdict},
    run::{Executor, Memory},
    store::{Record, Store, inspect},
};
use serde_json::{Value, json};

use crate::{
    cli::edited_of,
    kills::pages,
    store::plot,
    toy::{arm, claim, coin, commutes, executor, judge_by, record},
};

/// What is judged: replicates and cases, controls, pictures.
const SELECTION: [&str; 2] = ["g2rpo.8", "g2rpo.9"];
/// In how many parts.
const PARTS: u32 = 3;

/// How a command ended, and what it said.
pub struct Done {
    pub status: i32,
    pub out: String,
    pub told: String,
}

pub fn command(arguments: &[&str]) -> Done {
    let mut command = Command::cargo_bin("corroborate").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").env_remove("GITHUB_STEP_SUMMARY");
    let done = command.args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { status: done.status.code().unwrap(), out: text(done.stdout), told: text(done.stderr) }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Pieces that a command measured.
pub fn measured(done: &Done) -> u64 {
    let line = done.told.lines().find_map(|line| line.strip_prefix("Measured "));
    line.map_or(0, |line| line.split(' ').next().unwrap().parse().unwrap())
}

pub fn verify(store: &Path, more: &[&str]) -> Done {
    command(&[&["verify"], &SELECTION[..], &["--store", text(store)], more].concat())
}

/// The stores of all parts, measured once, and what was said.
fn parts() -> &'static [(PathBuf, u64)] {
    static PARTS_MEASURED: OnceLock<Vec<(PathBuf, u64)>> = OnceLock::new();
    PARTS_MEASURED.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shards");
        let _ = fs::remove_dir_all(&folder);
        (1..=PARTS)
            .map(|k| {
                let store = folder.join(format!("{k}"));
                let done = verify(&store, &["--shard", &format!("{k}/{PARTS}")]);
                assert_eq!(done.status, 0, "{}", done.told);
                (store, measured(&done))
            })
            .collect()
    })
}

/// Copies of the parts, to be spoiled, and a place to merge them in.
struct Copies {
    folder: tempfile::TempDir,
    stores: Vec<PathBuf>,
}

impl Copies {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let copied = |(from, _): &(PathBuf, u64)| {
            let to = folder.path().join(from.file_name().unwrap());
            for (name, bytes) in pages(from) {
                fs::create_dir_all(to.join(&name).parent().unwrap()).unwrap();
                fs::write(to.join(name), bytes).unwrap();
            }
            to
        };
        let stores = parts().iter().map(copied).collect();
        Self { folder, stores }
    }

    fn merged(&self) -> PathBuf {
        self.folder.path().join("merged")
    }

    fn merge(&self, more: &[&str]) -> Done {
        let stores: Vec<&str> = self.stores.iter().map(|store| text(store)).collect();
        let merged = self.merged();
        let chosen = SELECTION.map(|selector| ["--select", selector]).concat();
        command(&[&["merge"], &stores[..], &chosen, &["--store", text(&merged)], more].concat())
    }

    /// The merge is refused with these words, and leaves nothing behind.
    fn refused(&self, more: &[&str], words: &[&str]) {
        let out = self.folder.path().join("pages");
        let Done { status, out: printed, told } = self.merge(&[&["--out", text(&out)], more].concat());
        assert_eq!((status, printed.as_str()), (2, ""), "{told}");
        assert!(words.iter().all(|word| told.contains(word)), "{told}");
        assert!(!out.exists() && !self.merged().exists(), "{told}");
    }

    /// The only manifest of a part.
    fn manifest(&self, part: usize) -> PathBuf {
        let mut found: Vec<PathBuf> = pages(&self.stores[part].join("shards")).into_keys().collect();
        assert_eq!(found.len(), 1);
        self.stores[part].join("shards").join(found.remove(0))
    }

    fn rewrite_manifest(&self, part: usize, change: impl Fn(&mut Value)) {
        let path = self.manifest(part);
        let mut manifest = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }
}

fn plan(selectors: &[&str]) -> Value {
    let done = command(&[&["plan"], selectors, &["--format", "json"]].concat());
    serde_json::from_str(&done.out).unwrap()
}

#[test]
fn a_plan_names_every_unit_and_is_the_same_in_any_order_of_selectors() {
    let whole = plan(&SELECTION);
    let [a, b] = SELECTION;
    assert_eq!(whole, plan(&[b, a]));
    assert_ne!(whole["digest"], plan(&[a])["digest"]);
    let units = whole["units"].as_array().unwrap();
    assert!(units.len() > PARTS as usize, "{whole}");
    // Both claims read one sample: what they share is one unit, and is measured by one shard.
    assert!(units.iter().any(|unit| unit["claims"] == json!(SELECTION)), "{whole}");
    let told = command(&[&["plan"], &SELECTION[..]].concat()).out;
    assert!(told.starts_with(&format!("Plan {}: ", whole["digest"].as_str().unwrap())), "{told}");
    assert_eq!(told.lines().count(), 1 + units.len(), "{told}");
}

#[test]
fn a_unit_is_as_long_as_the_longest_of_its_readers() {
    // A check of 160 replicates and pictures of 200 and of 12 read one sample; the control has its own.
    let checks = vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"]), commutes(0.0, &[])];
    let claims = vec![
        Claim { plots: vec![plot(200)], ..claim(1, checks) },
        Claim { plots: vec![plot(12)], ..claim(2, vec![]) },
    ];
    let options = Options { tier: Tier::Quick, select: &|_| true, times: None, progress: &|_| () };
    let papers = [PaperClaims { record: record(), claims }];
    let plan = check::plan_run(&executor(1), &papers, &options);
    assert_eq!(plan.units[0].claims, ["toy.1", "toy.2"]);
    let sizes: Vec<_> = plan.units.iter().map(|unit| (unit.readers, unit.replicates, unit.cases)).collect();
    assert_eq!(sizes, [(3, 200, 0), (1, 160, 0), (1, 0, 200)]);
}

#[test]
fn shards_merge_to_the_bytes_of_an_undivided_run() {
    let folder = tempfile::tempdir().unwrap();
    let out = |name: &str| folder.path().join(name);
    let whole = verify(&out("store"), &["--out", text(&out("whole"))]);
    assert_eq!(whole.status, 0, "{}", whole.told);
    let copies = Copies::new();
    let merged = copies.merge(&["--out", text(&out("merged"))]);
    assert_eq!((merged.status, measured(&merged)), (0, 0), "{}", merged.told);
    assert_eq!(merged.out, whole.out);
    assert!(pages(&out("whole")).contains_key(Path::new("verdicts.json")));
    assert!(pages(&out("merged")) == pages(&out("whole")));
    // Nothing is measured by two, and nothing more than on one machine.
    let of_parts: Vec<u64> = parts().iter().map(|(_, measured)| *measured).collect();
    assert!(of_parts.iter().all(|n| *n > 0), "{of_parts:?}");
    assert_eq!(of_parts.iter().sum::<u64>(), measured(&whole));
    // The merged store has everything; merging again into it changes nothing.
    let again = verify(&copies.merged(), &["--out", text(&out("again"))]);
    assert_eq!((again.status, measured(&again)), (0, 0), "{}", again.told);
    assert!(pages(&out("again")) == pages(&out("whole")));
    let records = pages(&copies.merged());
    assert_eq!(copies.merge(&[]).status, 0);
    assert!(pages(&copies.merged()) == records);
}

#[test]
fn a_shard_keeps_records_and_judges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let done = verify(&store, &["--shard", "1/3"]);
    assert_eq!(done.status, 0, "{}", done.told);
    assert!(done.out.starts_with("Shard 1/3 of plan ") && done.out.lines().count() == 1, "{}", done.out);
    let kept: BTreeSet<String> = fs::read_dir(&store)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(kept, ["records", "shards"].map(String::from).into());
    // Started again, it measures nothing.
    let again = verify(&store, &["--shard", "1/3", "--format", "json"]);
    assert_eq!((again.status, measured(&again)), (0, 0), "{}", again.told);
    assert_eq!(serde_json::from_str::<Value>(&again.out).unwrap()["shard"], 1);
    let refused = verify(&store, &["--shard", "1/3", "--out", "nowhere"]);
    assert_eq!(refused.status, 2, "{}", refused.told);
}

#[test]
fn a_store_without_shards_is_refused() {
    let mut copies = Copies::new();
    copies.stores[1] = copies.folder.path().join("none");
    copies.refused(&[], &["none: no shard was measured there to its end"]);
    // A shard that was killed has records, but no manifest.
    let copies = Copies::new();
    fs::remove_file(copies.manifest(1)).unwrap();
    copies.refused(&[], &["2: no shard was measured there to its end"]);
}

#[test]
fn shards_of_another_plan_are_refused() {
    let copies = Copies::new();
    copies.refused(&["--seed", "1"], &["1: its shards are of another plan than "]);
    copies.refused(&["--tier", "full"], &["its shards are of another plan"]);
    copies.refused(&["--select", "g2rpo.1"], &["its shards are of another plan"]);
    // One foreign store among others.
    let one = parts()[0].0.parent().unwrap().join("foreign");
    assert_eq!(command(&["verify", SELECTION[0], "--shard", "2/3", "--store", text(&one)]).status, 0);
    let mut copies = Copies::new();
    copies.stores[1] = one;
    copies.refused(&[], &["foreign: its shards are of another plan"]);
    // A manifest that has been put among those of this plan.
    let copies = Copies::new();
    copies.rewrite_manifest(2, |manifest| manifest["plan"] = "0123".into());
    copies.refused(&[], &["3-of-3.json: of another plan or format"]);
}

#[test]
fn missing_units_are_refused() {
    let mut copies = Copies::new();
    copies.stores.remove(1);
    copies.refused(&[], &["are missing, the first of them unit 2 (g2rpo.8", "there are the shards 1/3, 3/3"]);
}

#[test]
fn empty_shards_are_refused() {
    let units = plan(&SELECTION)["units"].as_array().unwrap().len();
    let folder = tempfile::tempdir().unwrap();
    let empty = verify(folder.path(), &["--shard", &format!("{0}/{0}", units + 1)]);
    assert_eq!((empty.status, empty.out.as_str()), (2, ""), "{}", empty.told);
    assert!(empty.told.contains(&format!("would be empty: the plan has {units} units")), "{}", empty.told);
    assert!(!folder.path().join("shards").exists());
    for shard in ["0/3", "4/3", "1", "a/b", "1/0"] {
        let refused = verify(folder.path(), &["--shard", shard]);
        assert!(refused.status == 2 && refused.told.contains("expected `k/n`"), "{}", refused.told);
    }
    let copies = Copies::new();
    copies.rewrite_manifest(1, |manifest| manifest["units"] = json!([]));
    copies.refused(&[], &["2-of-3.json: the shard is empty"]);
}

#[test]
fn manifests_that_are_none_are_refused() {
    let copies = Copies::new();
    copies.rewrite_manifest(0, |manifest| manifest["units"] = json!([0, 1]));
    copies.refused(&[], &["1-of-3.json: not the units of shard 1/3"]);
    copies.rewrite_manifest(0, |manifest| manifest["format"] = 2.into());
    copies.refused(&[], &["1-of-3.json: of another plan or format"]);
    fs::write(copies.manifest(0), "{").unwrap();
    copies.refused(&[], &["1-of-3.json: no manifest of a shard"]);
}

/// The files of records in a store.
pub fn files(store: &Path) -> Vec<PathBuf> {
    pages(&store.join("records")).into_keys().map(|name| store.join("records").join(name)).collect()
}

#[test]
fn two_records_of_one_thing_that_differ_are_a_determinism_failure() {
    // The same shelf in another shard's store, with one number changed.
    let copies = Copies::new();
    let [file] = &files(&copies.stores[0])[..] else { panic!("one file") };
    let text = fs::read_to_string(file).unwrap();
    let (record, other) = text
        .lines()
        .find_map(|line| {
            let record = Record::decode(line.as_bytes()).unwrap();
            let payload = record.payload.replacen("\"rejected\":", "\"rejected\":1", 1);
            (payload != record.payload).then(|| (record.clone(), Record { payload, ..record }))
        })
        .unwrap();
    let shelf = file.parent().unwrap().file_name().unwrap();
    let forged = copies.stores[1].join("records").join(shelf).join("9.journal");
    fs::write(&forged, other.encode()).unwrap();
    copies.refused(&[], &["nothing is merged: determinism failure: two records of the cases of g2rpo/"]);
    // Two that agree are none.
    fs::write(&forged, record.encode()).unwrap();
    assert_eq!(copies.merge(&[]).status, 0);
}

#[test]
fn missing_and_damaged_records_are_refused_and_not_measured_on_the_quiet() {
    let copies = Copies::new();
    let [file] = &files(&copies.stores[1])[..] else { panic!("one file") };
    let sound = fs::read(file).unwrap();
    fs::remove_file(file).unwrap();
    copies.refused(&[], &["nothing is merged: measurements are missing", "g2rpo/"]);
    let mut damaged = sound.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(file, damaged).unwrap();
    copies.refused(&[], &["damaged lines: 1", "nothing is merged: measurements are missing"]);
    fs::write(file, sound).unwrap();
    assert_eq!(copies.merge(&[]).status, 0);
}

#[test]
fn a_refused_merge_leaves_nothing_behind_of_what_it_has_measured() {
    // What broke down in the first shard can be measured now, but the second one has lost its records.
    let copies = Copies::new();
    copies.rewrite_manifest(0, |manifest| manifest["broken"] = manifest["units"].clone());
    fs::remove_dir_all(copies.stores[0].join("records")).unwrap();
    let [file] = &files(&copies.stores[1])[..] else { panic!("one file") };
    let aside = copies.folder.path().join("aside");
    fs::rename(file, &aside).unwrap();
    copies.refused(&[], &["nothing is merged: measurements are missing"]);
    // With them, it is kept like the rest.
    fs::rename(&aside, file).unwrap();
    let merged = copies.merge(&[]);
    assert_eq!(merged.status, 0, "{}", merged.told);
    assert_eq!(measured(&merged), parts()[0].1);
    assert_eq!(measured(&verify(&copies.merged(), &[])), 0);
}

#[test]
fn a_shard_that_cannot_keep_its_records_fails_and_does_not_say_that_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("records"), "a file where the records should be").unwrap();
    let done = verify(folder.path(), &["--shard", "1/3"]);
    assert_eq!((done.status, done.out.as_str()), (3, ""), "{}", done.told);
    assert!(done.told.contains("a shard is worth nothing without its records"), "{}", done.told);
    assert!(!folder.path().join("shards").exists());
}

/// Toy claims, the last of which breaks down.
fn toys() -> Vec<Claim> {
    vec![
        claim(1, vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"])]),
        claim(2, vec![coin(vec![arm(0.9)], 0.5, &["tails-heavy"]), commutes(0.0, &["off-by-one"])]),
        claim(3, vec![coin(vec![arm(0.8)], 0.5, &["panics", "tails-heavy"])]),
    ]
}

fn remembering(folder: &Path, others: Vec<PathBuf>) -> Executor {
    built_from("f", folder, others)
}

/// An executor whose leaf has sources with this fingerprint.
fn built_from(sources: &str, folder: &Path, others: Vec<PathBuf>) -> Executor {
    let store = Store::open(folder, false).reading(others);
    executor(2).remembering(Memory::new(store, [("toy".to_owned(), sources.to_owned())].into()))
}

fn toy_shard(folder: &Path, claims: Vec<Claim>, shard: Shard) -> Measured {
    let executor = remembering(folder, vec![]);
    let options = Options { tier: Tier::Quick, select: &|_| true, times: None, progress: &|_| () };
    let papers = [PaperClaims { record: record(), claims }];
    let done = check::measure_shard(&executor, &papers, &options, shard);
    executor.memory().unwrap().store().finish();
    done
}

fn verdicts(verdicts: &Verdicts) -> Vec<Verdict> {
    verdicts.claims.iter().map(|claim| claim.verdict).collect()
}

#[test]
fn what_breaks_down_in_a_shard_is_measured_again_where_it_is_judged_and_nothing_else_is() {
    let folder = tempfile::tempdir().unwrap();
    let undivided = judge_by(&executor(2), toys(), &|_| true, None);
    assert_eq!(verdicts(&undivided), [Verdict::Corroborated, Verdict::Corroborated, Verdict::Error]);
    let stores: Vec<PathBuf> = (1..=PARTS).map(|k| folder.path().join(k.to_string())).collect();
    let mut again = BTreeSet::new();
    for (number, store) in (1..).zip(&stores) {
        let done = toy_shard(store, toys(), Shard { number, of: PARTS });
        assert!(!done.units.is_empty());
        let broken = done.broken.iter().map(|unit| &done.plan.units[*unit]);
        for unit in broken {
            assert_eq!(unit.claims, ["toy.3"]);
            again.extend(unit.keys.clone());
        }
    }
    assert_eq!(again.len(), 1, "{again:?}");
    let merged = folder.path().join("merged");
    let executor = remembering(&merged, stores.clone()).measuring_only(again.clone());
    assert_eq!(judge_by(&executor, toys(), &|_| true, None), undivided);
    assert_eq!(executor.lacking(), [""; 0]);
    assert!(executor.measured() > 0);
    // Other stores are read, not written, and nothing of them is copied by reading.
    assert_eq!(inspect(&merged).unwrap().records, 0);
    // Without one of them, what it had is lacking, and is not measured.
    let executor = remembering(&merged, stores[1..].to_vec()).measuring_only(again);
    judge_by(&executor, toys(), &|_| true, None);
    let lacking = executor.lacking();
    assert!(!lacking.is_empty() && lacking.iter().all(|what| what.contains("toy/")), "{lacking:?}");
}

#[test]
fn a_picture_that_breaks_down_in_a_shard_is_measured_again_too() {
    let pictured = || {
        let plot = Plot {
            panels: vec![PlotPanel {
                title: String::new(),
                curves: vec![PlotCurve {
                    label: "none".into(),
                    fault: Some("panics".into()),
                    arms: vec![(0.0, arm(0.95))],
                }],
            }],
            ..plot(3)
        };
        vec![Claim { plots: vec![plot], ..claim(1, vec![coin(vec![arm(0.95)], 0.5, &["tails-heavy"])]) }]
    };
    let folder = tempfile::tempdir().unwrap();
    let done = toy_shard(folder.path(), pictured(), Shard { number: 1, of: 1 });
    // The check has a unit, its control another, the picture a third.
    assert_eq!((done.units.as_slice(), done.broken.as_slice()), (&[0, 1, 2][..], &[2][..]));
    let again = done.plan.units[2].keys.clone();
    let merged = remembering(&folder.path().join("merged"), vec![folder.path().into()]).measuring_only(again);
    let judged = judge_by(&merged, pictured(), &|_| true, None);
    assert_eq!(judged, judge_by(&executor(1), pictured(), &|_| true, None));
    assert_eq!(verdicts(&judged), [Verdict::Error]);
    assert_eq!(merged.lacking(), [""; 0]);
}

#[test]
fn a_breakdown_is_said_and_left_to_the_merge_whose_verdict_is_an_error() {
    // A group in which everything succeeds is none of those that the experiment is about.
    let root = edited_of("g2rpo", "set: {N: 8, K: 1}", "set: {N: 8, K: 8}");
    let run = |arguments: &[&str]| command(&[&["--root", text(root.path())], arguments].concat());
    let plan = run(&["plan", SELECTION[0], "--format", "json"]).out;
    let plan: Value = serde_json::from_str(&plan).unwrap();
    let units = plan["units"].as_array().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, out) = (folder.path().join("store"), folder.path().join("out"));
    let shard = run(&["verify", SELECTION[0], "--shard", "1/1", "--store", text(&store)]);
    assert_eq!(shard.status, 0, "{}", shard.told);
    let told: Vec<&str> = shard.told.lines().filter(|line| line.starts_with("warning: ")).collect();
    let manifest = pages(&store.join("shards")).into_values().next().unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let broken: Vec<u64> =
        manifest["broken"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
    // The check and its control, on settings that nothing else has.
    assert_eq!(broken.len(), 2, "{manifest}");
    assert!(broken.iter().all(|unit| units[*unit as usize]["readers"] == 1), "{plan}");
    let expected: Vec<String> = broken
        .iter()
        .map(|unit| format!("warning: unit {} (g2rpo.8) broke down; `merge` measures it again", unit + 1))
        .collect();
    assert_eq!(told, expected);
    let undivided =
        run(&["verify", SELECTION[0], "--format", "json", "--store", text(&folder.path().join("own"))]);
    assert_eq!(undivided.status, 3, "{}", undivided.told);
    let verdicts: Value = serde_json::from_str(&undivided.out).unwrap();
    assert_eq!(verdicts["claims"][0]["verdict"], "error");
    let why = verdicts["claims"][0]["evidence"][2]["error"].as_str().unwrap();
    assert!(why.contains("K must lie strictly between 0 and N"), "{why}");
    let merged =
        run(&["merge", text(&store), "--select", SELECTION[0], "--format", "json", "--store", text(&out)]);
    assert_eq!((merged.status, &merged.out), (3, &undivided.out), "{}", merged.told);
}

#[test]
fn what_is_merged_is_judged_by_the_claims_at_hand_whatever_bounds_the_shards_knew() {
    let bounded = |bound: f64| vec![claim(1, vec![coin(vec![arm(0.95)], bound, &["tails-heavy"])])];
    let folder = tempfile::tempdir().unwrap();
    let shard = Shard { number: 1, of: 1 };
    let plan = toy_shard(folder.path(), bounded(0.5), shard).plan;
    let merged = |bound: f64| {
        let executor = remembering(&folder.path().join("merged"), vec![folder.path().into()]);
        let executor = executor.measuring_only(BTreeSet::new());
        let judged = judge_by(&executor, bounded(bound), &|_| true, None);
        (judged, executor.lacking())
    };
    let undivided = |bound: f64| judge_by(&executor(1), bounded(bound), &|_| true, None);
    for (bound, is_enough) in [(0.5, true), (0.48, true), (0.9, false)] {
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(toy_shard(elsewhere.path(), bounded(bound), shard).plan.digest, plan.digest);
        let (judged, lacking) = merged(bound);
        // Never another verdict: the same, or measurements that are lacking.
        assert_eq!((judged == undivided(bound), lacking.is_empty()), (is_enough, is_enough), "{bound}");
    }
    // How much may be measured is part of the plan, and so are the sources that measure it.
    let planned = |tier, sources| {
        let executor = built_from(sources, &folder.path().join("planned"), vec![]);
        let papers = [PaperClaims { record: record(), claims: bounded(0.5) }];
        let options = Options { tier, select: &|_| true, times: None, progress: &|_| () };
        check::plan_run(&executor, &papers, &options).digest
    };
    assert_eq!(planned(Tier::Quick, "f"), plan.digest);
    assert_ne!(planned(Tier::Full, "f"), plan.digest);
    assert_ne!(planned(Tier::Quick, "g"), plan.digest);
    // The bounds of a property are another matter: they tell which case is kept as the first violation.
    let property = |tolerance| vec![claim(1, vec![commutes(tolerance, &["off-by-one"])])];
    let digests = [0.0, 0.5].map(|tolerance| {
        let elsewhere = tempfile::tempdir().unwrap();
        toy_shard(elsewhere.path(), property(tolerance), shard).plan.digest
    });
    assert_ne!(digests[0], digests[1]);
}

/// A folder whose name a script may well misread.
fn awkward() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let awkward = folder.path().join("it's $HOME & 100%a \"files\"");
    fs::create_dir(&awkward).unwrap();
    (folder, awkward)
}

#[test]
fn both_scripts_of_slurm_are_shown_without_submitting() {
    let (_folder, awkward) = awkward();
    let dir = awkward.join("jobs");
    let submit = |more: &[&str]| {
        let fixed = ["submit", "--engine", "slurm", "--dir", text(&dir), "--dry-run"];
        command(&[&fixed[..], &SELECTION, more].concat())
    };
    let shown = submit(&["--shards", "3", "--tier", "full", "--seed", "7", "--option=--time=2:00:00"]);
    assert_eq!((shown.status, shown.told.as_str()), (0, ""));
    assert!(!dir.exists());
    // Where things are differs from machine to machine; how it is quoted does not.
    let program = assert_cmd::cargo::cargo_bin("corroborate");
    let folder = awkward.parent().unwrap();
    let shown = shown.out.replace(text(&program), "PROGRAM").replace(text(folder), "FOLDER");
    insta::assert_snapshot!(shown.replace(env!("CARGO_MANIFEST_DIR"), "ROOT"));
    let many = submit(&["--shards", "1000"]);
    assert!(many.status == 2 && many.told.contains("shard 1000/1000 would be empty"), "{}", many.told);
}

/// Runs `submit` where `sbatch` is this script.
fn submit_to(sbatch: &str, folder: &Path) -> Done {
    let bin = folder.join("bin");
    fs::create_dir_all(&bin).unwrap();
    let program = bin.join("sbatch");
    fs::write(&program, format!("#!/bin/sh\n{sbatch}\n")).unwrap();
    let mode = Command::new("chmod").arg("+x").arg(&program).status().unwrap();
    assert!(mode.success());
    let path = format!("{}:{}", text(&bin), std::env::var("PATH").unwrap());
    let mut command = Command::cargo_bin("corroborate").unwrap();
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("PATH", path).args(["submit", "--engine", "slurm"]);
    command.args(["--shards", "3", "--dir"]).arg(folder.join("jobs")).args(SELECTION);
    let done = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Done { status: done.status.code().unwrap(), out: text(done.stdout), told: text(done.stderr) }
}

/// A scheduler that accepts everything: the second job is named like the first, and its cluster too.
const ACCEPTING: &str = r#"printf '%s\n' "$@" - >> "$(dirname "$0")/asked"; echo "17;here""#;

#[test]
fn the_scripts_of_slurm_do_what_a_local_run_does() {
    let (_folder, awkward) = awkward();
    let done = submit_to(ACCEPTING, &awkward);
    assert_eq!(done.status, 0, "{}", done.told);
    assert!(done.out.starts_with("Submitted: array 17 of 3 shards, then 17"), "{}", done.out);
    let asked = fs::read_to_string(awkward.join("bin/asked")).unwrap();
    let jobs = awkward.join("jobs");
    let chdir = format!("--chdir={}", jobs.display());
    let script = |name: &str| jobs.join(name);
    let (array, merge) = (script("shards.sh"), script("merge.sh"));
    let after =
        ["--parsable", &chdir, "--dependency=afterok:17", "--kill-on-invalid-dep=yes", text(&merge), "-"];
    let expected = [&["--parsable", &chdir, text(&array), "-"][..], &after].concat();
    assert_eq!(asked.lines().collect::<Vec<_>>(), expected);
    let run = |script: &Path, task: &str| {
        let mut command = Command::new("sh");
        // What the scheduler counts for itself must not matter.
        command.env("SLURM_ARRAY_TASK_ID", task).env("SLURM_RESTART_COUNT", "3").env("SLURM_JOB_ID", "99");
        command.arg(script).current_dir(&jobs).env_remove("GITHUB_STEP_SUMMARY").output().unwrap()
    };
    for task in ["1", "2", "3", "2"] {
        let done = run(&array, task);
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success(), "{told}");
    }
    let merged = run(&merge, "");
    assert!(merged.status.success(), "{}", String::from_utf8_lossy(&merged.stderr));
    let local = awkward.join("local");
    assert_eq!(verify(&awkward.join("store"), &["--out", text(&local)]).status, 0);
    let found: BTreeMap<_, _> = pages(&jobs.join("pages"));
    assert!(found == pages(&local));
}

#[test]
fn a_scheduler_that_refuses_or_answers_nonsense_is_said() {
    let (_folder, awkward) = awkward();
    for (sbatch, words) in [
        ("echo 'no such partition' >&2; exit 1", "sbatch has refused: no such partition"),
        ("echo Submitted batch job", "sbatch has named no job: `Submitted batch job`"),
    ] {
        let done = submit_to(sbatch, &awkward);
        assert_eq!((done.status, done.out.as_str()), (3, ""), "{}", done.told);
        assert!(done.told.contains(words), "{}", done.told);
    }
}
