//! Pages are CommonMark that every reader shows alike, and each of their links leads somewhere.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use corroborate::report;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::fixture;

/// Pages and pictures by name.
type Pages = BTreeMap<String, String>;

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|e| e == extension)
}

/// What is wrong with some pages.
fn problems(pages: &Pages) -> Vec<String> {
    let read: BTreeMap<&str, Page> = pages
        .iter()
        .filter(|(name, _)| has_extension(name, "md"))
        .map(|(name, text)| (name.as_str(), Page::of(text)))
        .collect();
    let mut problems = Vec::new();
    for (name, page) in &read {
        problems.extend(page.problems.iter().map(|problem| format!("{name}: {problem}")));
        for link in page.links.iter().filter(|link| !link.starts_with("https://")) {
            let (file, anchor) = link.split_once('#').map_or((link.as_str(), None), |(f, a)| (f, Some(a)));
            let file = if file.is_empty() { name } else { file };
            if !pages.contains_key(file) {
                problems.push(format!("{name}: no file {file}"));
            } else if let Some(anchor) = anchor
                && !read.get(file).is_some_and(|page| page.anchors.contains(anchor))
            {
                problems.push(format!("{name}: no heading #{anchor} in {file}"));
            }
        }
    }
    problems
}

/// What a page consists of.
#[derive(Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: Vec<String>,
    problems: Vec<String>,
}

impl Page {
    fn of(text: &str) -> Self {
        let mut page = Self::default();
        // The text of the innermost heading or paragraph.
        let mut within = String::new();
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Heading { .. } | Tag::Paragraph) => within.clear(),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.to_string());
                }
                Event::Text(text) | Event::Code(text) => within += &text,
                Event::SoftBreak | Event::HardBreak => within.push('\n'),
                Event::End(TagEnd::Heading(_)) => page.heading(&within),
                Event::End(TagEnd::Paragraph) if within.lines().any(|line| line.starts_with('|')) => {
                    page.problems.push(format!("a table that is none: {within}"));
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    page.problems.push(format!("HTML: {}", html.trim()));
                }
                _ => {}
            }
        }
        page
    }

    /// GitHub's anchor of a heading; the second of the same name would get another.
    fn heading(&mut self, text: &str) {
        let kept = text.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
        let anchor: String = kept.collect::<String>().to_lowercase().replace(' ', "-");
        if !self.anchors.insert(anchor) {
            self.problems.push(format!("two headings `{text}`"));
        }
    }
}

#[test]
fn pages_are_commonmark_and_every_link_resolves() {
    let pages: Pages = report::pages(&fixture::verdicts()).unwrap().into_iter().collect();
    assert!(pages.len() > 10);
    assert_eq!(problems(&pages), Vec::<String>::new());
}

#[test]
fn the_page_of_performance_is_commonmark_too() {
    let measured = super::performance::measured();
    let mut pages: Pages = report::performance(&measured).unwrap().into_iter().collect();
    assert_eq!(pages.len(), 3);
    // The front page, which another command writes.
    pages.insert("README.md".to_owned(), "# Front".to_owned());
    assert_eq!(problems(&pages), Vec::<String>::new());
}

#[test]
fn the_committed_pages_are_commonmark_and_every_link_resolves() {
    fn read(folder: &Path, prefix: &str, pages: &mut Pages) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                read(&entry.path(), &format!("{name}/"), pages);
            } else {
                pages.insert(name, fs::read_to_string(entry.path()).unwrap());
            }
        }
    }
    let mut pages = Pages::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("reports"), "", &mut pages);
    assert!(pages.contains_key("README.md"));
    assert_eq!(problems(&pages), Vec::<String>::new());
    // A picture that no page shows is left over from a plot that is no more.
    let texts: String =
        pages.iter().filter(|(name, _)| has_extension(name, "md")).map(|(_, text)| &**text).collect();
    let orphans =
        pages.keys().filter(|name| has_extension(name, "svg") && !texts.contains(&format!("]({name})")));
    assert_eq!(orphans.collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn every_kind_of_mistake_is_noticed() {
    let page = |text: &str| Pages::from([("a.md".to_owned(), text.to_owned())]);
    for (text, problem) in [
        ("[here](b.md)", "no file b.md"),
        ("![curve](a/1-1.svg)", "no file a/1-1.svg"),
        ("[below](#later)\n\n# Sooner", "no heading #later"),
        ("# Twice\n\n# Twice", "two headings"),
        ("a <b>bold</b> word", "HTML"),
        ("<div>\n\nx\n\n</div>", "HTML"),
        ("| a | b |\n| --- |\n| 1 | 2 |", "a table that is none"),
    ] {
        let found = problems(&page(text));
        assert!(found.iter().any(|found| found.contains(problem)), "{text}: {found:?}");
    }
    assert_eq!(
        problems(&page("# Sooner or Later\n\n[above](#sooner-or-later), [there](https://arxiv.org)")),
        Vec::<String>::new()
    );
}
