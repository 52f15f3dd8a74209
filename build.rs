//! Tells the program which sources and which compiler it was built from: as a whole, and for each leaf
//! the sources that its measurements depend on.

use std::{
    collections::BTreeSet,
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// What every measurement depends on, besides its leaf and the compiler.
const SHARED: &[&str] = &["Cargo.lock", "Cargo.toml", "src/kernel", "src/papers/leaf", "src/run"];
/// Where the leaves are.
const LEAVES: &str = "src/papers";

fn main() -> io::Result<()> {
    for root in ["src", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={root}");
    }
    println!("cargo::rustc-env=CORROBORATE_REVISION={}", digest(&["src", "Cargo.toml", "Cargo.lock"], "")?);
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output()?;
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
    println!("cargo::rustc-env=CORROBORATE_TOOLCHAIN={version}");
    let table = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join("fingerprints.rs");
    fs::write(table, fingerprints(&digest(SHARED, &version)?)?)
}

/// A table in Rust: the slug of each leaf, and a digest of the sources that its measurements depend on.
fn fingerprints(shared: &str) -> io::Result<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(LEAVES)? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    let mut table = String::from("&[\n");
    for name in names.iter().filter(|name| !["leaf", "mod"].contains(&name.as_str())) {
        let own = [format!("{LEAVES}/{name}"), format!("{LEAVES}/{name}.rs")];
        let own: Vec<&str> = own.iter().map(String::as_str).filter(|path| Path::new(path).exists()).collect();
        table += &format!("    ({:?}, {:?}),\n", name.replace('_', "-"), digest(&own, shared)?);
    }
    Ok(table + "]\n")
}

/// Digest of some files and folders, after a text.
fn digest(roots: &[&str], before: &str) -> io::Result<String> {
    let mut files = Vec::new();
    for root in roots {
        gather(Path::new(root), &mut files)?;
    }
    files.sort();
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes());
    for file in files {
        let contents = fs::read(&file)?;
        hasher.update(file.to_string_lossy().replace('\\', "/").as_bytes());
        hasher.update(&(contents.len() as u64).to_le_bytes());
        hasher.update(&contents);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            gather(&entry?.path(), files)?;
        }
    } else {
        files.push(path.to_owned());
    }
    Ok(())
}
