//! The rules of the project about its own sources, and that each of them can fire.

use std::{collections::BTreeSet, fs, path::Path};

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

/// Functions of the standard library that differ between platforms; the kernel's do not. Those without
/// arguments first.
const TRANSCENDENTAL: [&[&str]; 2] = [
    &[
        "exp", "exp2", "exp_m1", "ln", "ln_1p", "log2", "log10", "sin", "cos", "tan", "asin", "acos", "atan",
        "sinh", "cosh", "tanh", "cbrt",
    ],
    &["powf", "powi", "log", "atan2", "hypot", "sin_cos"],
];

/// What has another value, or another order, in every run.
const VARYING: &[&str] = &[
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "std::env",
    "thread_rng",
    "from_entropy",
    "from_os_rng",
    "OsRng",
    // What wide registers round, or add up, as the processor likes.
    "mul_add",
    "mul_sub",
    "reduce_sum",
    "reduce_product",
    "approximate_recip",
    "relaxed_",
];

/// Where a generator gets its seed.
const SEEDED: &[&str] = &["from_seed(", "seed_from_u64("];

/// How a program dies of what a user wrote.
const DEADLY: &[&str] = &[".unwrap()", ".expect(", "panic!(", "unreachable!("];

/// What has no place in finished code, or prints behind the back of the command line.
const UNFINISHED: &[&str] = &["print!(", "println!(", "dbg!(", "todo!(", "unimplemented!("];

/// The lines of a source file without comments; blank where an item is for tests alone. A module of tests is
/// the last item of its file.
fn code(text: &str) -> Vec<&str> {
    let (mut for_tests, mut to_the_end) = (false, false);
    let mut lines = Vec::new();
    for line in text.lines() {
        for_tests |= line == "#[cfg(test)]";
        to_the_end |= for_tests && line.contains("mod ") && line.contains('{');
        lines.push(if for_tests { "" } else { line.split("//").next().unwrap_or_default() });
        for_tests &= to_the_end || line != "}" && (line.starts_with(' ') || !line.ends_with(';'));
    }
    lines
}

/// Whether a seed is written into the code: a literal, or a constant.
fn literal_seed(line: &str, name: &str) -> bool {
    let Some((_, rest)) = line.split_once(name) else { return false };
    let seed = rest.split([',', ')']).next().unwrap_or_default();
    seed.starts_with('[')
        || !seed.is_empty() && seed.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || c == '_')
}

/// What is wrong with a source file, given its path below `src`.
fn breaches(path: &str, text: &str) -> Vec<String> {
    let room = path.split('/').next().unwrap_or_default();
    let mut found = Vec::new();
    let mut in_group = false;
    for (number, line) in code(text).into_iter().enumerate() {
        let mut breach = |what: String| found.push(format!("src/{path}:{}: {what}", number + 1));
        in_group |= line.starts_with("use crate::{");
        walls(path, room, line, in_group, &mut breach);
        in_group &= !line.contains("};");
        if NUMERIC.contains(&room) {
            for (names, call) in TRANSCENDENTAL.iter().zip(["()", "("]) {
                for name in *names {
                    if line.contains(&format!(".{name}{call}")) || line.contains(&format!("f64::{name}(")) {
                        breach(format!("`{name}` of the standard library; use kernel::math"));
                    }
                }
            }
            for name in VARYING {
                if line.contains(name) {
                    breach(format!("`{name}` may not reach a verdict"));
                }
            }
            for name in SEEDED {
                if literal_seed(line, name) {
                    breach("a seed of its own; random numbers come from the streams of a replicate".into());
                }
            }
        }
        if matches!(room, "cli" | "claim") {
            for name in DEADLY {
                if line.contains(name) {
                    breach(format!("`{name}` where user input is handled"));
                }
            }
        }
        for name in UNFINISHED {
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

/// The sources break one rule, once.
fn fires(path: &str, text: &str) {
    assert_eq!(breaches(path, text).len(), 1, "{path}: {text}: {:?}", breaches(path, text));
}

#[test]
fn every_rule_about_code_fires_in_every_room_that_it_is_for() {
    for room in NUMERIC {
        let path = format!("{room}/a.rs");
        for (names, arguments) in TRANSCENDENTAL.iter().zip(["", "y"]) {
            for name in *names {
                fires(&path, &format!("let z = x.{name}({arguments});"));
                fires(&path, &format!("let z = xs.iter().map(|x| f64::{name}(x));"));
            }
        }
        for name in VARYING {
            fires(&path, &format!("let x = {name}::new();"));
        }
        for name in SEEDED {
            for seed in ["7", "SEED", "[0; 32]", "1_000"] {
                fires(&path, &format!("let streams = Streams::{name}{seed});"));
            }
        }
    }
    for room in ["cli", "claim"] {
        for name in DEADLY {
            fires(&format!("{room}/a.rs"), &format!("let x = text.parse(){name});"));
        }
    }
    for (room, _) in WALLS {
        for name in UNFINISHED {
            fires(&format!("{room}/a.rs"), &format!("{name}x);"));
        }
    }
}

#[test]
fn every_wall_stands_in_every_way_to_name_a_room() {
    for (room, allowed) in WALLS {
        let path = format!("{room}/a.rs");
        for (other, _) in WALLS.iter().filter(|(other, _)| other != room) {
            for text in [
                format!("use crate::{other}::Thing;"),
                format!("use crate::{{{other}::Thing}};"),
                format!("use crate::{{\n    {other}::{{Thing, other}},\n}};"),
                format!("fn f(x: crate::{other}::Thing) {{}}"),
            ] {
                if allowed.contains(other) {
                    assert_eq!(breaches(&path, &text), Vec::<String>::new(), "{path}: {text}");
                } else {
                    fires(&path, &text);
                }
            }
        }
    }
}

#[test]
fn every_rule_fires_where_it_is_for_and_nowhere_else() {
    for (path, line) in [
        ("papers/some_paper.rs", "use crate::claim::Bound;"),
        ("papers/some_paper/a.rs", "use crate::papers::other_paper::thing;"),
        ("kernel/a.rs", "#[cfg(test)]\nfn f() {\n    x.exp();\n}\nfn g() { x.ln(); }"),
        ("kernel/a.rs", "#[cfg(test)]\nmod tests;\nfn g() { x.ln(); }"),
    ] {
        fires(path, line);
    }
    for (path, line) in [
        ("kernel/a.rs", "let y = exp(x);"),
        ("papers/some_paper/a.rs", "use crate::papers::leaf::Failure;"),
        ("papers/some_paper/a.rs", "use crate::papers::some_paper::policy;"),
        ("check/a.rs", "use crate::claim::Bound; // x.exp()"),
        ("kernel/a.rs", "#[cfg(test)]\nmod tests { fn f() { 2_f64.exp(); } }"),
        ("kernel/a.rs", "let mut stream = Streams::from_seed(instance.seed).stream(\"noise\");"),
        ("run/a.rs", "let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);"),
        ("cli/a.rs", "let map = HashMap::new(); // no number comes from here"),
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

/// The crates in the tables of a manifest, under the names by which the code knows them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut is_table = false;
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            is_table = header.ends_with("dependencies");
            found.extend(header.split_once("dependencies.").map(|(_, name)| name.to_owned()));
        } else if let Some((name, _)) = line.split_once(['=', '.']).filter(|_| is_table) {
            found.insert(name.trim().to_owned());
        }
    }
    found
}

/// How a manifest and the table of dependencies in a document disagree.
fn disagreements(manifest: &str, document: &str) -> Vec<String> {
    let section = document.split("\n## Dependencies\n").nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")).skip(1);
    let (mut listed, mut found) = (BTreeSet::new(), Vec::new());
    for (crates, purpose) in rows.filter_map(|row| row.split_once(" | ")) {
        for name in crates.split(", ").map(|name| name.split(' ').next().unwrap_or_default()) {
            if purpose.trim().is_empty() {
                found.push(format!("`{name}` is for nothing"));
            }
            if !listed.insert(name.to_owned()) {
                found.push(format!("`{name}` is listed twice"));
            }
        }
    }
    let declared = dependencies(manifest);
    found.extend(declared.difference(&listed).map(|name| format!("`{name}` is not listed")));
    found.extend(listed.difference(&declared).map(|name| format!("`{name}` is no dependency")));
    found
}

#[test]
fn every_dependency_is_listed_with_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
    let (manifest, document) = (read("Cargo.toml"), read("ARCHITECTURE.md"));
    assert!(dependencies(&manifest).len() > 20);
    assert_eq!(disagreements(&manifest, &document), Vec::<String>::new());
}

#[test]
fn a_dependency_that_is_not_listed_and_a_row_without_one_are_noticed() {
    let manifest = "[package]\nname = \"a\"\n\n[dependencies]\nrayon = \"1\"\nyaml = { package = \"y\" }\n\n\
                    [dev-dependencies.insta]\nversion = \"1\"\n\n[target.'cfg(unix)'.build-dependencies]\ncc.path = \"c\"\n";
    let table = |rows: &str| {
        format!("# A\n\n## Dependencies\n\n| crate | for |\n|---|---|\n{rows}\n## B\n\n| z | z |\n")
    };
    let of = |rows: &str| disagreements(manifest, &table(rows));
    assert_eq!(of("| rayon, yaml (y) | work |\n| insta | tests |\n| cc | C |\n"), Vec::<String>::new());
    assert_eq!(of("| rayon | threads |\n| insta, cc | tests |\n"), ["`yaml` is not listed"]);
    assert_eq!(of("| rayon, yaml, insta | work |\n"), ["`cc` is not listed"]);
    assert_eq!(of("| rayon, yaml, insta, cc, csv | work |\n"), ["`csv` is no dependency"]);
    assert_eq!(of("| rayon, yaml, insta, cc | work |\n| rayon | work |\n"), ["`rayon` is listed twice"]);
    assert_eq!(of("| rayon, yaml, insta | work |\n| cc |  |\n"), ["`cc` is for nothing"]);
}
