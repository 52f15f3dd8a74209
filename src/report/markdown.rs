//! Plain text as CommonMark.
//!
//! The texts of claims files are plain, except that words between backticks are code. What would
//! mean something to a CommonMark reader (or to GitHub's) is escaped, and no more than that, so
//! that the pages read well as plain text too.

/// Plain text as inline CommonMark; runs of white space become one space.
#[must_use]
pub fn text(plain: &str) -> String {
    inline(plain, false)
}

/// Plain text as all of a heading.
#[must_use]
pub fn heading(plain: &str) -> String {
    let inline = text(plain);
    // At the end of a heading, mdBook would take what is in braces for an anchor and classes.
    match inline.strip_suffix('}') {
        Some(start) => format!("{start}\\}}"),
        None => inline,
    }
}

/// A link that is shown as plain text.
#[must_use]
pub fn link(plain: &str, target: &str) -> String {
    format!("[{}]({})", inline(plain, true), address(target))
}

/// A picture, and plain text for those who do not see it.
#[must_use]
pub fn picture(plain: &str, file: &str) -> String {
    format!("!{}", link(plain, file))
}

/// An address with everything percent-encoded that could end it.
fn address(target: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/:#".contains(&b);
    let encode = |b: u8| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    target.bytes().map(encode).collect()
}

/// Plain text as inline CommonMark, within the brackets of a link or not.
fn inline(plain: &str, in_link: bool) -> String {
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    let mut rest = plain.as_str();
    while let Some((before, after)) = rest.split_once('`') {
        escape(before, out.is_empty(), in_link, &mut out);
        if let Some((inside, beyond)) = after.split_once('`').filter(|(inside, _)| !inside.is_empty()) {
            out += &code(inside);
            rest = beyond;
        } else {
            out += "\\`";
            rest = after;
        }
    }
    escape(rest, out.is_empty(), in_link, &mut out);
    out
}

/// Plain text as a sentence: with a capital letter, unless it starts with a symbol, and a full stop.
#[must_use]
pub fn sentence(plain: &str) -> String {
    let plain = plain.trim();
    let first = plain.split_whitespace().next().unwrap_or_default();
    let is_word = first == "a" || (first.len() > 1 && first.chars().all(|c| c.is_ascii_lowercase()));
    let (initial, rest) = plain.split_at(usize::from(is_word));
    let end = if plain.ends_with(['.', '!', '?', ':']) { "" } else { "." };
    paragraphs(&format!("{}{rest}{end}", initial.to_uppercase()))
}

/// Plain text of several paragraphs, which blank lines divide.
#[must_use]
pub fn paragraphs(plain: &str) -> String {
    let paragraphs = plain.trim().split("\n\n").map(text).filter(|p| !p.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// A table of inline CommonMark; columns without content are left out, a table without rows is empty.
#[must_use]
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let used = |column: &usize| rows.iter().any(|row| row.get(*column).is_some_and(|c| !c.is_empty()));
    let columns: Vec<usize> = (0..header.len()).filter(used).collect();
    let line = |cells: &dyn Fn(usize) -> String| -> String {
        let cells: Vec<String> = columns.iter().map(|column| cells(*column)).collect();
        format!("| {} |", cells.join(" | "))
    };
    // In a cell a bar would end the cell, even within code.
    let cell = |text: &str| text.replace('|', "\\|");
    let mut lines = vec![line(&|c| cell(header[c])), line(&|_| "---".into())];
    lines.extend(rows.iter().map(|row| line(&|c| row.get(c).map_or(String::new(), |text| cell(text)))));
    lines.join("\n")
}

/// Text as a code span.
#[must_use]
pub fn code(verbatim: &str) -> String {
    let verbatim = verbatim.split_whitespace().collect::<Vec<_>>().join(" ");
    let fence = "`".repeat(longest_run(&verbatim) + 1);
    if verbatim.starts_with('`') || verbatim.ends_with('`') {
        format!("{fence} {verbatim} {fence}")
    } else {
        format!("{fence}{verbatim}{fence}")
    }
}

/// Text as a fenced block.
#[must_use]
pub fn block(language: &str, verbatim: &str) -> String {
    let fence = "`".repeat(longest_run(verbatim).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}", verbatim.trim_end())
}

/// The anchor that GitHub and mdBook give a heading.
#[must_use]
pub fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// A page without trailing white space, and with single blank lines only.
#[must_use]
pub fn tidy(page: &str) -> String {
    let lines: Vec<&str> = page.trim().lines().map(str::trim_end).collect();
    let kept = lines.iter().enumerate().filter(|(i, line)| !line.is_empty() || !lines[i - 1].is_empty());
    kept.flat_map(|(_, line)| [*line, "\n"]).collect()
}

/// The beginning of a long text.
#[must_use]
pub fn abridged(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let beginning: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", beginning.trim_end())
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn escape(plain: &str, at_start: bool, in_link: bool, out: &mut String) {
    let characters: Vec<char> = plain.chars().collect();
    let at = |i: Option<usize>| i.and_then(|i| characters.get(i)).copied();
    let is_alphanumeric = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let links = ["](", "]:", "]["].iter().any(|l| plain.contains(l));
    let numbered = characters.iter().position(|c| !c.is_ascii_digit()).filter(|_| at_start);
    for (i, &c) in characters.iter().enumerate() {
        let (before, after) = (at(i.checked_sub(1)), at(Some(i + 1)));
        let special = match c {
            '\\' | '*' | '~' | '$' => true,
            '_' => !(is_alphanumeric(before) && is_alphanumeric(after)),
            '<' => after.is_some_and(|a| a.is_alphabetic() || "/!?".contains(a)),
            '&' => is_alphanumeric(after) || after == Some('#'),
            '[' | ']' if in_link => true,
            '[' => links || after == Some('^') || (at_start && i == 0),
            '>' => at_start && i == 0,
            '#' | '+' | '-' | ':' => at_start && i == 0 && after.is_none_or(|a| a == ' ' || a == c),
            '.' | ')' => numbered == Some(i) && i > 0 && after.is_none_or(|a| a == ' '),
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag};

    /// What a reader sees of a page that is one paragraph.
    fn read(page: &str) -> String {
        let github = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM;
        Parser::new_ext(page, github)
            .filter_map(|event| match event {
                Event::Start(Tag::Paragraph) | Event::End(_) => None,
                Event::Text(text) => Some(text.into_string()),
                other => Some(format!("{other:?}")),
            })
            .collect()
    }

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        for sentence in [
            "|p_t - q| is no more than 1e-9, i.e. (1-kappa)^t |p_0 - q|.",
            "Play arm k if lo_j(k) <= 0 for all j; rad = s_r > 0 & [0.05, 0.95].",
            "-0.5 is the #1 lower end, 1.5 the upper.",
            "seen {\"subsets\":1}",
        ] {
            assert_eq!(text(sentence), sentence);
        }
    }

    #[test]
    fn words_between_backticks_are_code() {
        assert_eq!(text("the `wrong*sign` of *x*"), "the `wrong*sign` of \\*x\\*");
        assert_eq!(text("a ` alone"), "a \\` alone");
    }

    #[test]
    fn no_heading_ends_with_attributes() {
        assert_eq!(heading("Sets {a, b}"), "Sets {a, b\\}");
        assert_eq!(heading("{a} and `{b}`"), "{a} and `{b}`");
        let page = format!("# {}", heading("x {#own .class}"));
        let mut read = Parser::new_ext(&page, Options::ENABLE_HEADING_ATTRIBUTES);
        assert!(!read.any(|event| matches!(event, Event::Start(Tag::Heading { id: Some(_), .. }))));
    }

    #[test]
    fn nothing_ends_a_link_before_its_end() {
        assert_eq!(link("a](b) [c", "d.md#e"), "[a\\](b) \\[c](d.md#e)");
        assert_eq!(picture("`]` x", "a b)(<.svg"), "![`]` x](a%20b%29%28%3C.svg)");
    }

    #[test]
    fn code_may_hold_backticks() {
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(block("sh", "echo '```'"), "````sh\necho '```'\n````");
    }

    #[test]
    fn sentences_begin_with_a_capital_and_end_with_a_stop() {
        assert_eq!(sentence("a coin is fair"), "A coin is fair.");
        assert_eq!(sentence("p_t stays.\n\nReally."), "p_t stays.\n\nReally.");
    }

    #[test]
    fn anchors_are_those_of_github() {
        assert_eq!(anchor("optimistic-feasible-search.7"), "optimistic-feasible-search7");
        assert_eq!(anchor("What the words mean"), "what-the-words-mean");
    }

    #[test]
    fn tables_leave_out_empty_columns() {
        let rows = [vec!["a|b".to_owned(), String::new(), "1".to_owned()]];
        assert_eq!(table(&["x", "y", "z"], &rows), "| x | z |\n| --- | --- |\n| a\\|b | 1 |");
        assert_eq!(table(&["x"], &[]), "");
    }

    #[test]
    fn pages_are_tidied() {
        assert_eq!(tidy("\n# a  \n\n\n\nb\n"), "# a\n\nb\n");
    }

    proptest! {
        #[test]
        fn readers_see_the_plain_text(plain in "[ -_a-~éλ≤\n]{1,60}") {
            let expected = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(read(&text(&plain)), expected);
        }

        #[test]
        fn readers_see_the_pieces_of_claims(plain in prop::collection::vec(
            prop::sample::select(vec!["a", "1", " ", ".", ")", "*", "_", "[x]", "(b)", ":", "<", ">", "&amp;", "#", "-", "~", "$", "\\", "|", "=", "!", "^", "http://a.b"]), 1..12)
        ) {
            let plain = plain.concat();
            let expected = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(read(&text(&plain)), expected);
        }
    }
}
