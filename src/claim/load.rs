//! Reads the two files of every paper and reports everything that is wrong with them at once.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    PaperClaims, PaperRecord,
    problem::{FileProblems, Problem},
    raw::{ClaimsFile, ExperimentsFile, RawData},
    resolve::{self, Resolver, settings::Configured},
    schema,
    tree::{MOST_BYTES, Node},
};
use crate::{
    kernel::table::Table,
    papers::leaf::{Data, Paper},
};

/// Folder of the claims files.
pub const CLAIMS: &str = "claims";
/// Folder of the experiments files.
pub const EXPERIMENTS: &str = "experiments";
/// Folder of the data files.
const DATA: &str = "experiments/data";
/// Largest data file that is read, in bytes.
const MOST_DATA_BYTES: u64 = 64 << 20;

/// All papers, resolved, with their data.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// In the order of the registry.
    pub papers: Vec<PaperClaims>,
    /// Data files by paper.
    pub data: BTreeMap<String, Data>,
}

/// A file that was read.
struct Source {
    name: String,
    text: String,
    tree: Node,
}

/// Reads the catalogue below `root`: `claims/<slug>.yaml` and `experiments/<slug>.yaml` of every
/// leaf.
///
/// # Errors
/// Everything that is wrong, file by file.
pub fn load(root: &Path, leaves: &[Paper]) -> Result<Catalogue, Vec<FileProblems>> {
    let mut wrong = Vec::new();
    let mut catalogue = Catalogue::default();
    for leaf in leaves {
        let (paper, data) = paper(root, leaf, &mut wrong);
        catalogue.papers.extend(paper);
        catalogue.data.insert(leaf.slug.to_owned(), data);
    }
    wrong.extend(strangers(root, leaves));
    if wrong.is_empty() { Ok(catalogue) } else { Err(wrong) }
}

/// Named settings, budgets and data of one paper, from its experiments file alone.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn configured(
    root: &Path,
    leaf: &Paper,
) -> Result<(BTreeMap<String, Configured>, Data), Vec<FileProblems>> {
    let mut wrong = Vec::new();
    experiments_file(root, leaf, &mut wrong).ok_or(wrong)
}

/// Reads a YAML file: its text, and its tree.
///
/// # Errors
/// Why it is none.
pub fn read_yaml(path: &Path, name: &str) -> Result<(String, Node), FileProblems> {
    let text = text(path, name)?;
    match Node::read(&text) {
        Ok(tree) => Ok((text, tree)),
        Err(syntax) => {
            let problem = Problem::new(&syntax.span, syntax.message, "here");
            Err(FileProblems::new(name, &text, vec![problem]))
        }
    }
}

/// Holds single files to the formats, against the leaves and the experiments files below `root`.
/// Whether a file holds claims or experiments shows from its keys.
#[must_use]
pub fn lint(root: &Path, files: &[PathBuf], leaves: &[Paper]) -> Vec<FileProblems> {
    let mut wrong = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let Some(source) = read(path, &name, &mut wrong) else { continue };
        let is_experiments = source.tree.get("claims").is_none()
            && source.tree.get("paper").is_some_and(|p| p.text().is_some());
        let slug = if is_experiments {
            source.tree.get("paper")
        } else {
            source.tree.get("paper").and_then(|p| p.get("slug"))
        };
        let leaf = slug.and_then(Node::text).and_then(|slug| leaves.iter().find(|leaf| leaf.slug == slug));
        match leaf {
            None => wrong.push(no_leaf(&source, slug, leaves)),
            Some(leaf) if is_experiments => {
                experiments(root, leaf, &source, &mut wrong);
            }
            Some(leaf) => {
                let configured = experiments_file(root, leaf, &mut Vec::new()).unwrap_or_default().0;
                claims(leaf, &configured, &source, &mut wrong);
            }
        }
    }
    wrong
}

fn no_leaf(source: &Source, slug: Option<&Node>, leaves: &[Paper]) -> FileProblems {
    let known = leaves.iter().map(|leaf| leaf.slug);
    let problem = match slug.and_then(|node| Some((node, node.text()?))) {
        Some((node, slug)) => Problem::unknown(&node.span, "paper", slug, known),
        None => Problem::new(&(0..source.text.len().min(1)), "no paper is named", "this file")
            .help("a claims file has `paper: {slug: …}` and `claims`, an experiments file `paper: <slug>`"),
    };
    FileProblems::new(&source.name, &source.text, vec![problem])
}

/// Files of papers that no leaf implements.
fn strangers(root: &Path, leaves: &[Paper]) -> Vec<FileProblems> {
    let mut wrong = Vec::new();
    for folder in [CLAIMS, EXPERIMENTS] {
        let entries = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|e| e == "yaml" || e == "yml")) {
            let slug = path.file_stem().unwrap_or_default().to_string_lossy();
            if !leaves.iter().any(|leaf| leaf.slug == slug) || path.extension().is_some_and(|e| e == "yml") {
                let name = format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy());
                let known: Vec<&str> = leaves.iter().map(|leaf| leaf.slug).collect();
                wrong.push(FileProblems::whole(
                    &name,
                    format!("there is no leaf for `{slug}`"),
                    format!("name the file `<slug>.yaml` after a leaf: {}", known.join(", ")),
                ));
            }
        }
    }
    wrong
}

fn paper(root: &Path, leaf: &Paper, wrong: &mut Vec<FileProblems>) -> (Option<PaperClaims>, Data) {
    let before = wrong.len();
    let (configured, data) = experiments_file(root, leaf, wrong).unwrap_or_default();
    if wrong.len() > before {
        // Names of settings cannot be looked up; what the claims file says of them is not reported.
        return (None, data);
    }
    let name = format!("{CLAIMS}/{}.yaml", leaf.slug);
    let source = read(&root.join(&name), &name, wrong);
    (source.and_then(|source| claims(leaf, &configured, &source, wrong)), data)
}

type Experiments = (BTreeMap<String, Configured>, Data);

fn experiments_file(root: &Path, leaf: &Paper, wrong: &mut Vec<FileProblems>) -> Option<Experiments> {
    let name = format!("{EXPERIMENTS}/{}.yaml", leaf.slug);
    let source = read(&root.join(&name), &name, wrong)?;
    experiments(root, leaf, &source, wrong)
}

fn experiments(
    root: &Path,
    leaf: &Paper,
    source: &Source,
    wrong: &mut Vec<FileProblems>,
) -> Option<Experiments> {
    let mut problems = Vec::new();
    let schema = resolve::schema_of::<ExperimentsFile>();
    let held = schema::hold(&source.tree, &schema, &mut problems);
    let raw = held.and_then(|value| serde_json::from_value::<ExperimentsFile>(value).ok());
    let resolved = raw.map(|raw| {
        own_slug(&raw.paper, source.tree.get("paper"), leaf, &mut problems);
        let configured = resolve::experiments(&raw, &source.tree, leaf, &mut problems);
        let mut data = Data::default();
        for (name, file) in &raw.data {
            let node = source.tree.get("data").and_then(|data| data.get(name)).unwrap_or(&source.tree);
            match table(root, file, node) {
                Ok(table) => data = data.with(name, table),
                Err(problem) => problems.push(problem),
            }
        }
        (configured, data)
    });
    if problems.is_empty() {
        return resolved;
    }
    wrong.push(FileProblems::new(&source.name, &source.text, problems));
    None
}

fn claims(
    leaf: &Paper,
    experiments: &BTreeMap<String, Configured>,
    source: &Source,
    wrong: &mut Vec<FileProblems>,
) -> Option<PaperClaims> {
    let mut resolver = Resolver { leaf, experiments, problems: Vec::new() };
    let mut frame = resolve::schema_of::<ClaimsFile>();
    let record = frame.pointer("/properties/paper").cloned().unwrap_or(Value::Null);
    let node = source.tree.get("paper");
    let record = node.and_then(|node| schema::hold_part(node, &frame, &record, &mut resolver.problems));
    let record = record.and_then(|value| serde_json::from_value::<PaperRecord>(value).ok());
    if let Some(record) = &record {
        own_slug(&record.slug, node.and_then(|n| n.get("slug")), leaf, &mut resolver.problems);
    }
    let claims = resolve::claims(&source.tree, &mut resolver);
    // The frame around the claims; each claim has been held to its own schema.
    for part in ["/properties/claims/items", "/properties/paper"] {
        if let Some(part) = frame.pointer_mut(part) {
            *part = Value::Bool(true);
        }
    }
    let _ = schema::hold(&source.tree, &frame, &mut resolver.problems);
    if resolver.problems.is_empty() {
        return record.map(|record| PaperClaims { record, claims });
    }
    wrong.push(FileProblems::new(&source.name, &source.text, resolver.problems));
    None
}

fn own_slug(slug: &str, node: Option<&Node>, leaf: &Paper, problems: &mut Vec<Problem>) {
    if slug != leaf.slug {
        let span = node.map_or(0..0, |node| node.span.clone());
        let problem =
            Problem::new(&span, format!("this is the file of `{}`, not of `{slug}`", leaf.slug), "this slug");
        problems.push(problem.help("the slug is the name of the file"));
    }
}

fn read(path: &Path, name: &str, wrong: &mut Vec<FileProblems>) -> Option<Source> {
    read_yaml(path, name)
        .map(|(text, tree)| Source { name: name.to_owned(), text, tree })
        .map_err(|problems| wrong.push(problems))
        .ok()
}

fn text(path: &Path, name: &str) -> Result<String, FileProblems> {
    let unreadable = |e: std::io::Error| {
        FileProblems::whole(name, format!("cannot read the file: {e}"), "create it, or correct its name")
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES as u64 {
        let message = format!("the file has {size} bytes");
        return Err(FileProblems::whole(name, message, format!("expected at most {MOST_BYTES}")));
    }
    let bytes = fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
        let line = before.lines().count().max(1);
        let column = before.lines().last().map_or(0, |l| l.chars().count()) + 1;
        let message = format!("line {line}, column {column}: a byte that is not UTF-8");
        FileProblems::whole(name, message, "save the file as UTF-8")
    })?;
    if text.trim().is_empty() {
        let help = "a claims file has `paper` and `claims`, an experiments file `paper` and `experiments`";
        return Err(FileProblems::whole(name, "the file is empty", help));
    }
    Ok(text)
}

/// Reads a data file and holds it to its checksum.
fn table(root: &Path, file: &RawData, node: &Node) -> Result<Table, Problem> {
    let span = &node.get("file").unwrap_or(node).span;
    let wrong = |message: String| Problem::new(span, message, "this file");
    if file.file.contains(['/', '\\']) || file.file.starts_with('.') {
        return Err(wrong("a data file is named without a path".into()).help(format!("it stands in {DATA}")));
    }
    let path = root.join(DATA).join(&file.file);
    let unreadable = |e: std::io::Error| wrong(format!("cannot read {DATA}/{}: {e}", file.file));
    if fs::metadata(&path).map_err(unreadable)?.len() > MOST_DATA_BYTES {
        return Err(wrong(format!("{DATA}/{} is larger than {MOST_DATA_BYTES} bytes", file.file)));
    }
    let bytes = fs::read(&path).map_err(unreadable)?;
    let found = hexadecimal(&Sha256::digest(&bytes));
    if !found.eq_ignore_ascii_case(&file.sha256) {
        let span = &node.get("sha256").unwrap_or(node).span;
        let message = format!("{DATA}/{} has another checksum", file.file);
        return Err(Problem::new(span, message, "not that of the file").help(format!(
            "the file has {found}; restore the file, or correct the checksum if the change is meant"
        )));
    }
    Table::read(&bytes).map_err(|e| wrong(format!("{DATA}/{}: {e}", file.file)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
