//! `new`: a leaf, its two YAML files and its line in the registry, to be filled in.

use std::{fs, path::Path};

use clap::Args;

use super::{Exit, Refusal, Workplace, files, terminal};
use crate::claim::{CLAIMS, EXPERIMENTS};

/// Start a paper: a leaf, two YAML files and a line in the registry, with a claim that is `vacuous`
/// until its control is filled in.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  corroborate new my-paper --title 'My Paper' --arxiv 2601.00001
  cargo run --release -- verify 'my-paper.*'")]
pub struct Arguments {
    /// Identifier of the paper: words of lower-case letters and digits, joined by `-`.
    slug: String,
    /// Title.
    #[arg(long, default_value = "A Title to Fill In")]
    title: String,
    /// arXiv identifier.
    #[arg(long, default_value = "0000.00000")]
    arxiv: String,
}

/// The registry, below the root.
const REGISTRY: &str = "src/papers/mod.rs";

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let root = workplace.root()?;
    let slug = arguments.slug.as_str();
    if !is_slug(slug) {
        return Err(Refusal::usage(format!(
            "`{slug}` is no slug: expected words of lower-case letters and digits, joined by `-`, the first letter no digit"
        )));
    }
    let module = slug.replace('-', "_");
    let registry_path = root.join(REGISTRY);
    let registry = fs::read_to_string(&registry_path).map_err(|e| {
        Refusal::usage(format!(
            "cannot read {}: {e}; `new` works in the project's sources",
            registry_path.display()
        ))
    })?;
    let registry = registered(&registry, &module)?;
    let filled = |text: &str| {
        text.replace("SLUG", slug).replace("TITLE", &arguments.title).replace("ARXIV", &arguments.arxiv)
    };
    let new_files = [
        (format!("src/papers/{module}.rs"), filled(include_str!("leaf.rs.txt"))),
        (format!("{CLAIMS}/{slug}.yaml"), filled(include_str!("claims.yaml.txt"))),
        (format!("{EXPERIMENTS}/{slug}.yaml"), format!("paper: {slug}\nexperiments: {{}}\n")),
    ];
    if let Some((there, _)) = new_files.iter().find(|(name, _)| root.join(name).exists()) {
        return Err(Refusal::usage(format!("{there} exists already; nothing was changed")));
    }
    let mut told = String::from("Written:\n");
    for (name, contents) in &new_files {
        files::write_whole(&root.join(name), contents)?;
        told += &format!("  {name}\n");
    }
    files::write_whole(Path::new(&registry_path), &registry)?;
    told += &format!(
        "  {REGISTRY} (one line)\n\n\
         Next: cargo run --release -- verify '{slug}.*'\n\
         The claim is vacuous until its control, the fault `fill-me-in`, breaks what the check holds.\n"
    );
    terminal::print(&told)?;
    Ok(Exit::Success)
}

fn is_slug(slug: &str) -> bool {
    slug.starts_with(|c: char| c.is_ascii_lowercase())
        && !slug.ends_with('-')
        && !slug.contains("--")
        && slug.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The registry with a module and a line more, both in sorted order.
fn registered(registry: &str, module: &str) -> Result<String, Refusal> {
    let declaration = format!("pub mod {module};");
    let entry = format!("    {module}::paper,");
    if registry.lines().any(|line| line == declaration) {
        return Err(Refusal::usage(format!("`{module}` is registered already; nothing was changed")));
    }
    let mut lines: Vec<&str> = registry.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("pub const PAPERS"));
    let start = start.ok_or_else(|| Refusal::usage(format!("{REGISTRY} has no table `PAPERS`")))?;
    let end = lines[start..].iter().position(|line| line.trim_end() == "];").map(|n| start + n);
    let Some(end) = end else {
        return Err(Refusal::usage(format!("the table `PAPERS` of {REGISTRY} does not end on a line `];`")));
    };
    let before = |line: &&str| line.trim_start() > entry.trim_start();
    let place = (start + 1..end).find(|&i| before(&lines[i])).unwrap_or(end);
    lines.insert(place, &entry);
    let modules = lines.iter().rposition(|line| line.starts_with("pub mod ") && *line < declaration.as_str());
    lines.insert(modules.map_or(0, |n| n + 1), &declaration);
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "\
//! Papers.

pub mod a_paper;
pub mod leaf;
pub mod z_paper;

pub const PAPERS: &[fn() -> Paper] = &[
    a_paper::paper,
    z_paper::paper,
];
";

    #[test]
    fn lines_go_where_they_sort() {
        let with = registered(REGISTRY, "m_paper").unwrap();
        let at = |text: &str| with.find(text).unwrap();
        assert!(
            at("pub mod leaf;") < at("pub mod m_paper;") && at("pub mod m_paper;") < at("pub mod z_paper;")
        );
        assert!(at("a_paper::paper") < at("m_paper::paper") && at("m_paper::paper") < at("z_paper::paper"));
        assert!(registered(&with, "m_paper").is_err());
        assert!(registered("pub mod leaf;", "m_paper").is_err());
    }

    #[test]
    fn slugs_are_words_joined_by_hyphens() {
        assert!(is_slug("bounded-ratio-rl") && is_slug("g2rpo"));
        for bad in ["", "2d", "A", "a--b", "a-", "a_b", "../a"] {
            assert!(!is_slug(bad), "{bad}");
        }
    }
}
