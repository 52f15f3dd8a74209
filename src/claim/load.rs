//! Reads the two files of every paper and reports everything that is wrong with them at once.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    ops::Range,
    path::{Path, PathBuf},
};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{
    PaperClaims, PaperRecord,
    printable::is_printable,
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

impl Source {
    fn new(name: &str, text: String) -> Result<Self, FileProblems> {
        let tree = match Node::read(&text) {
            Ok(tree) => tree,
            Err(syntax) => {
                let problem = Problem::new(&syntax.span, syntax.message, "here");
                return Err(FileProblems::new(name, &text, vec![problem]));
            }
        };
        let mut problems = Vec::new();
        hold_to_text(&tree, &mut problems);
        let source = Self { name: name.to_owned(), text, tree };
        if problems.is_empty() { Ok(source) } else { Err(source.wrong(problems)) }
    }

    /// The file with these problems.
    fn wrong(&self, problems: Vec<Problem>) -> FileProblems {
        FileProblems::new(&self.name, &self.text, problems)
    }
}

/// Refuses characters that are obeyed instead of read.
fn hold_to_text(node: &Node, problems: &mut Vec<Problem>) {
    let mut hold = |text: &str, span: &Range<usize>| {
        if let Some(c) = text.chars().find(|c| !is_printable(*c) && !matches!(c, '\n' | '\t')) {
            let message = format!("the character U+{:04X} cannot be printed", c as u32);
            let problem = Problem::new(span, message, "in this text");
            problems
                .push(problem.help("texts have no control characters, and none that turn their direction"));
        }
    };
    if let Some(text) = node.text() {
        hold(text, &node.span);
    }
    node.entries().iter().for_each(|(key, _)| hold(&key.name, &key.span));
    let inner = node.items().iter().chain(node.entries().iter().map(|(_, value)| value));
    inner.for_each(|node| hold_to_text(node, problems));
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
        match paper(root, leaf) {
            Ok((paper, data)) => {
                catalogue.papers.push(paper);
                catalogue.data.insert(leaf.slug.to_owned(), data);
            }
            Err(problems) => wrong.push(problems),
        }
    }
    wrong.extend(strangers(root, leaves));
    if wrong.is_empty() { Ok(catalogue) } else { Err(wrong) }
}

/// Named settings, budgets and data of one paper, from its experiments file alone.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn configured(root: &Path, leaf: &Paper) -> Result<Experiments, Vec<FileProblems>> {
    experiments_file(root, leaf).map_err(|wrong| vec![wrong])
}

/// Reads a YAML file: its text, and its tree.
///
/// # Errors
/// Why it is none.
pub fn read_yaml(path: &Path, name: &str) -> Result<(String, Node), FileProblems> {
    let source = Source::new(name, text_of(name, bytes(path, name)?)?)?;
    Ok((source.text, source.tree))
}

/// The claims of a paper from the text of its claims file, against what its experiments file says.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn read_claims(
    leaf: &Paper,
    experiments: &BTreeMap<String, Configured>,
    name: &str,
    text: String,
) -> Result<PaperClaims, FileProblems> {
    claims(leaf, experiments, &Source::new(name, text)?)
}

/// Named settings, budgets and data of a paper from the text of its experiments file; the data files
/// stand below `root`.
///
/// # Errors
/// Everything that is wrong with the text.
pub fn read_experiments(
    root: &Path,
    leaf: &Paper,
    name: &str,
    text: String,
) -> Result<Experiments, FileProblems> {
    experiments(root, leaf, &Source::new(name, text)?)
}

/// Holds single files to the formats, against the leaves and the experiments files below `root`.
/// Whether a file holds claims or experiments shows from its keys.
#[must_use]
pub fn lint(root: &Path, files: &[PathBuf], leaves: &[Paper]) -> Vec<FileProblems> {
    let mut wrong = Vec::new();
    for path in files {
        let name = path.display().to_string();
        let source = match read(path, &name) {
            Ok(source) => source,
            Err(problems) => {
                wrong.push(problems);
                continue;
            }
        };
        let is_experiments = source.tree.get("claims").is_none()
            && source.tree.get("paper").is_some_and(|p| p.text().is_some());
        let slug = if is_experiments {
            source.tree.get("paper")
        } else {
            source.tree.get("paper").and_then(|p| p.get("slug"))
        };
        let leaf = slug.and_then(Node::text).and_then(|slug| leaves.iter().find(|leaf| leaf.slug == slug));
        wrong.extend(match leaf {
            None => Some(no_leaf(&source, slug, leaves)),
            Some(leaf) if is_experiments => experiments(root, leaf, &source).err(),
            Some(leaf) => {
                let configured = experiments_file(root, leaf).unwrap_or_default().0;
                claims(leaf, &configured, &source).err()
            }
        });
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
    source.wrong(vec![problem])
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

/// Names of settings that cannot be looked up for want of an experiments file are not reported.
fn paper(root: &Path, leaf: &Paper) -> Result<(PaperClaims, Data), FileProblems> {
    let (configured, data) = experiments_file(root, leaf)?;
    let name = format!("{CLAIMS}/{}.yaml", leaf.slug);
    Ok((claims(leaf, &configured, &read(&root.join(&name), &name)?)?, data))
}

/// Named settings and budgets by experiment, and data files.
pub type Experiments = (BTreeMap<String, Configured>, Data);

fn experiments_file(root: &Path, leaf: &Paper) -> Result<Experiments, FileProblems> {
    let name = format!("{EXPERIMENTS}/{}.yaml", leaf.slug);
    experiments(root, leaf, &read(&root.join(&name), &name)?)
}

fn experiments(root: &Path, leaf: &Paper, source: &Source) -> Result<Experiments, FileProblems> {
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
    resolved.filter(|_| problems.is_empty()).ok_or_else(|| source.wrong(problems))
}

fn claims(
    leaf: &Paper,
    experiments: &BTreeMap<String, Configured>,
    source: &Source,
) -> Result<PaperClaims, FileProblems> {
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
    match record {
        Some(record) if resolver.problems.is_empty() => Ok(PaperClaims { record, claims }),
        _ => Err(source.wrong(resolver.problems)),
    }
}

fn own_slug(slug: &str, node: Option<&Node>, leaf: &Paper, problems: &mut Vec<Problem>) {
    if slug != leaf.slug {
        let span = node.map_or(0..0, |node| node.span.clone());
        let problem =
            Problem::new(&span, format!("this is the file of `{}`, not of `{slug}`", leaf.slug), "this slug");
        problems.push(problem.help("the slug is the name of the file"));
    }
}

fn read(path: &Path, name: &str) -> Result<Source, FileProblems> {
    Source::new(name, text_of(name, bytes(path, name)?)?)
}

fn bytes(path: &Path, name: &str) -> Result<Vec<u8>, FileProblems> {
    let unreadable = |e: std::io::Error| {
        FileProblems::whole(name, format!("cannot read the file: {e}"), "create it, or correct its name")
    };
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MOST_BYTES as u64 {
        let message = format!("the file has {size} bytes");
        return Err(FileProblems::whole(name, message, format!("expected at most {MOST_BYTES}")));
    }
    // A pipe says nothing of its length, so it is not trusted.
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if bytes.len() > MOST_BYTES {
        let message = format!("the file has more than {MOST_BYTES} bytes");
        return Err(FileProblems::whole(name, message, "expected no more"));
    }
    Ok(bytes)
}

/// The text of a file, from its bytes.
///
/// # Errors
/// What is wrong with its encoding, or that it is empty.
pub fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, FileProblems> {
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
    if file.file.contains(['/', '\\', ':']) || file.file.starts_with('.') {
        return Err(wrong("a data file is named without a path".into()).help(format!("it stands in {DATA}")));
    }
    let unreadable = |e: std::io::Error| wrong(format!("cannot read {DATA}/{}: {e}", file.file));
    let folder = root.join(DATA).canonicalize().map_err(unreadable)?;
    let path = folder.join(&file.file).canonicalize().map_err(unreadable)?;
    if !path.starts_with(&folder) {
        let problem = wrong(format!("{DATA}/{} is a link to somewhere else", file.file));
        return Err(problem.help(format!("put the file itself into {DATA}")));
    }
    let about = fs::metadata(&path).map_err(unreadable)?;
    if !about.is_file() {
        return Err(wrong(format!("{DATA}/{} is no file", file.file)));
    }
    if about.len() > MOST_DATA_BYTES {
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
