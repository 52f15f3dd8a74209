//! The rules of the project about its own sources, and that each of them can fire.

use std::{fs, path::Path};

/// Rooms, and the rooms that each may use.
const WALLS: &[(&str, &[&str])] = &[
    ("kernel", &[]),
    ("stats", &["kernel"]),
    ("papers", &["kernel"]),
    ("claim", &["kernel", "papers"]),
    ("store", &[]),
    ("run", &["kernel", "papers", "claim", "store"]),
    ("check", &["kernel", "papers", "claim", "run", "stats"]),
    ("report", &["kernel", "claim", "check", "stats"]),
    ("conform", &["papers"]),
    ("cli", &["conform", "kernel", "papers", "claim", "run", "check", "report", "stats", "store"]),
];

/// Rooms whose numbers reach a verdict or a page.
const NUMERIC: &[&str] = &["kernel", "stats", "papers", "run", "check", "report", "store"];

/// Functions of the standard library that differ between platforms; the kernel's do not.
const TRANSCENDENTAL: &[&str] = &[
    "exp", "exp2", "exp_m1", "ln", "ln_1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
    "sinh", "cosh", "tanh", "cbrt",
];

/// What is wrong with a source file, given its path below `src`.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let room = path.split('/').next().unwrap_or_default();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut in_group = false;
    for (number, line) in code.lines().enumerate() {
        let line = line.split("//").next().unwrap_or_default();
        let mut breach = |what: String| found.push(format!("src/{path}:{}: {what}", number + 1));
        in_group |= line.starts_with("use crate::{");
        walls(path, room, line, in_group, &mut breach);
        in_group &= !line.contains("};");
        if NUMERIC.contains(&room) {
            for name in TRANSCENDENTAL {
                if line.contains(&format!(".{name}()")) || line.contains(&format!("f64::{name}(")) {
                    breach(format!("`{name}` of the standard library; use kernel::math"));
                }
            }
            for name in ["powf", "powi", "log", "atan2", "hypot", "sin_cos"] {
                if line.contains(&format!(".{name}(")) || line.contains(&format!("f64::{name}(")) {
                    breach(format!("`{name}` of the standard library; use kernel::math"));
                }
            }
            for name in ["HashMap", "HashSet", "Instant", "SystemTime", "std::env"] {
                let timeout = path == "run/executor.rs" && name == "Instant";
                if line.contains(name) && !timeout {
                    breach(format!("`{name}` may not reach a verdict"));
                }
            }
        }
        if matches!(room, "cli" | "claim") {
            for name in [".unwrap()", ".expect(", "panic!(", "unreachable!("] {
                if line.contains(name) {
                    breach(format!("`{name}` where user input is handled"));
                }
            }
        }
        for name in ["println!(", "eprintln!(", "dbg!(", "todo!(", "unimplemented!("] {
            if line.contains(name) {
                breach(format!("`{name}`"));
            }
        }
    }
    found
}

fn walls(path: &str, room: &str, line: &str, in_group: bool, breach: &mut dyn FnMut(String)) {
    let Some((_, allowed)) = WALLS.iter().find(|(name, _)| *name == room) else { return };
    for (other, _) in WALLS {
        let named = line.contains(&format!("crate::{other}::")) || in_group && names(line, other);
        if named && *other != room && !allowed.contains(other) {
            breach(format!("`{room}` may not use `{other}`"));
        }
    }
    // A leaf knows the contract, the kernel and itself.
    let leaf = path.strip_prefix("papers/").filter(|rest| !rest.starts_with("leaf/") && *rest != "mod.rs");
    if let (Some(leaf), Some(position)) = (leaf, line.find("crate::papers::")) {
        let own = leaf.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        let used = &line[position + "crate::papers::".len()..];
        let name: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !name.is_empty() && name != "leaf" && name != own {
            breach(format!("a leaf may not use the leaf `{name}`"));
        }
    }
}

/// Whether a line of a grouped `use crate::{…}` names a room.
fn names(line: &str, room: &str) -> bool {
    line.split(['{', ',', ' ']).any(|part| part.starts_with(&format!("{room}::")))
}

fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_sources_keep_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files.sort();
    assert!(files.len() > 20);
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let name = file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            breaches(&name, &fs::read_to_string(file).unwrap())
        })
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_rule_fires() {
    for (path, line) in [
        ("kernel/a.rs", "let y = x.exp();"),
        ("stats/a.rs", "let y = f64::ln(x);"),
        ("papers/some_paper/a.rs", "let y = x.powi(2);"),
        ("papers/some_paper/a.rs", "use std::collections::HashMap;"),
        ("check/a.rs", "let now = std::time::Instant::now();"),
        ("kernel/a.rs", "use crate::papers::leaf::Paper;"),
        ("stats/a.rs", "use crate::check::evidence::Outcome;"),
        ("papers/some_paper.rs", "use crate::claim::Bound;"),
        ("papers/some_paper/a.rs", "use crate::papers::other_paper::thing;"),
        ("run/a.rs", "use crate::check::verify;"),
        ("check/a.rs", "use crate::{report::pages};"),
        ("report/a.rs", "use crate::{\n    run::Executor,\n};"),
        ("store/a.rs", "use crate::run::Sample;"),
        ("check/a.rs", "use crate::store::Store;"),
        ("cli/a.rs", "let x = text.parse().unwrap();"),
        ("claim/a.rs", "panic!(\"no\");"),
        ("kernel/a.rs", "println!(\"{x}\");"),
        ("kernel/a.rs", "todo!()"),
    ] {
        assert_eq!(breaches(path, line).len(), 1, "{path}: {line}: {:?}", breaches(path, line));
    }
    for (path, line) in [
        ("kernel/a.rs", "let y = exp(x);"),
        ("papers/some_paper/a.rs", "use crate::papers::leaf::Failure;"),
        ("papers/some_paper/a.rs", "use crate::papers::some_paper::policy;"),
        ("check/a.rs", "use crate::claim::Bound; // x.exp()"),
        ("kernel/a.rs", "#[cfg(test)]\nmod tests { fn f() { 2_f64.exp(); } }"),
    ] {
        assert_eq!(breaches(path, line), Vec::<String>::new(), "{path}: {line}");
    }
}

#[test]
fn the_registry_is_sorted_and_every_paper_has_its_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let slugs: Vec<&str> = corroborate::papers::registry().iter().map(|paper| paper.slug).collect();
    assert!(slugs.is_sorted(), "{slugs:?}");
    for slug in slugs {
        for folder in ["claims", "experiments"] {
            assert!(root.join(folder).join(format!("{slug}.yaml")).is_file(), "{folder}/{slug}.yaml");
        }
    }
}

#[test]
fn names_are_unique_within_a_paper() {
    let mut repeated = Vec::new();
    for paper in corroborate::papers::registry() {
        let functions = paper.functions.iter().map(|f| f.name);
        let experiments = paper.experiments.iter().map(|e| e.name);
        let properties = paper.properties.iter().map(|p| p.name);
        let mut names: Vec<&str> = functions.chain(experiments).chain(properties).collect();
        names.sort_unstable();
        let twice = names.windows(2).filter(|pair| pair[0] == pair[1]);
        repeated.extend(twice.map(|pair| format!("{}/{}", paper.slug, pair[0])));
    }
    assert_eq!(repeated, Vec::<String>::new());
}
