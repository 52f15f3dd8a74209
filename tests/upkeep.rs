//! `store verify` and `store gc`, as people run them.

use std::{fs, path::Path};

use corroborate::store::digest;

use crate::{
    kills::pages,
    shards::{Done, command, files, measured, text, verify},
};

fn care(what: &[&str], store: &Path) -> Done {
    command(&[&["store"], what, &["--store", text(store)]].concat())
}

/// A store of one shelf with one file.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let done = verify(folder.path(), &[]);
    assert_eq!(done.status, 0, "{}", done.told);
    assert_eq!(files(folder.path()).len(), 1);
    folder
}

#[test]
fn a_sound_store_is_said_to_be_sound_and_any_other_fails() {
    let folder = filled();
    let file = &files(folder.path())[0];
    let sound = fs::read(file).unwrap();
    let records = String::from_utf8_lossy(&sound).lines().count();
    let done = care(&["verify"], folder.path());
    assert_eq!((done.status, done.told.as_str()), (0, ""));
    assert!(done.out.contains(&format!(": {records} records in 1 shelf and 1 file, ")), "{}", done.out);

    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    let last_line = sound[..sound.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    let body = "of a later version";
    let foreign = format!("2 {} {body}\n", digest(format!("2 {body}").as_bytes()));
    for (bytes, records, words) in [
        (flipped, records - 1, "damaged lines: 1"),
        (sound[..last_line].to_vec(), records - 1, "records are missing"),
        (sound[..sound.len() - 1].to_vec(), records - 1, "damaged lines: 1"),
        ([&sound, foreign.as_bytes()].concat(), records, "records of another version: 1"),
    ] {
        fs::write(file, bytes).unwrap();
        let done = care(&["verify"], folder.path());
        assert_eq!(done.status, 3, "{}", done.told);
        assert!(done.told.contains(words), "{}", done.told);
        assert!(done.out.contains(&format!(": {records} records ")), "{}", done.out);
    }
    let nowhere = care(&["verify"], &folder.path().join("nowhere"));
    assert_eq!((nowhere.status, nowhere.told.as_str()), (0, ""));
    assert!(nowhere.out.contains(": 0 records in 0 shelves and 0 files, 0 B"), "{}", nowhere.out);
}

#[test]
fn a_collection_removes_what_is_of_no_use_and_nothing_else() {
    let folder = filled();
    let file = &files(folder.path())[0];
    // Earlier sources, and a run that was killed in the middle of a line.
    let earlier = folder.path().join("records/g2rpo-0123456789abcdef");
    fs::create_dir(&earlier).unwrap();
    fs::copy(file, earlier.join(file.file_name().unwrap())).unwrap();
    let line = fs::read_to_string(file).unwrap().lines().next().unwrap().to_owned();
    fs::write(file.with_file_name("1.journal"), format!("{line}\n{}", &line[..30])).unwrap();
    let before = pages(folder.path());

    let pretended = care(&["gc", "--dry-run"], folder.path());
    assert_eq!((pretended.status, pretended.told.as_str()), (0, ""));
    assert!(pages(folder.path()) == before);
    let done = care(&["gc"], folder.path());
    assert_eq!((done.status, done.told.as_str()), (0, ""));
    assert!(done.out.contains(": removed 1 shelf of earlier sources; "), "{}", done.out);
    assert_eq!(pretended.out.replace("would remove", "removed"), done.out);
    assert!(!earlier.exists());
    assert_eq!(files(folder.path()).len(), 1);
    assert_eq!(care(&["verify"], folder.path()).status, 0);

    let kept = pages(folder.path());
    assert!(care(&["gc"], folder.path()).out.contains(": removed 0 shelves of earlier sources; 0 B less"));
    assert_eq!(measured(&verify(folder.path(), &[])), 0);
    assert!(pages(folder.path()) == kept);
}
