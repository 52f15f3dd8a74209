//! What is wrong with a file, and how it is told.

use std::{borrow::Cow, fmt, ops::Range, sync::Arc};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, SourceSpan,
};

use super::printable::{in_one_line, is_printable, printable};

/// Longest line that is shown, in bytes. Nobody reads a longer one, and beyond column 65 535 miette
/// underlines nothing: it panics.
const LONGEST_LINE: usize = 2_000;

/// One thing wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The bytes that are underlined.
    pub span: (usize, usize),
    /// What is wrong.
    pub message: String,
    /// Written under the underlined text.
    pub label: String,
    /// What was expected, or how to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at a place.
    pub fn new(span: &Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self { span: (span.start, span.end), message: message.into(), label: label.into(), help: None }
    }

    /// With a word of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// A name that does not exist, with the nearest that does.
    pub fn unknown<'a>(
        span: &Range<usize>,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        let problem = Self::new(span, format!("unknown {what} `{name}`"), nearest(name, &known));
        if known.is_empty() {
            problem.help(format!("there is no {what}"))
        } else {
            problem.help(format!("known: {}", known.join(", ")))
        }
    }

    fn make_printable(&mut self) {
        for text in [&mut self.message, &mut self.label].into_iter().chain(&mut self.help) {
            if let Cow::Owned(shown) = printable(text, &[]) {
                *text = shown;
            }
        }
    }

    /// `; did you mean …?` if there is a name near the unknown one, for messages of one line.
    pub(crate) fn suggestion(&self) -> String {
        if self.label.ends_with('?') { format!("; {}", self.label) } else { String::new() }
    }
}

fn nearest(name: &str, known: &[&str]) -> String {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 3)
        .min()
        .map_or_else(|| "not known".into(), |(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// The text with what is not printable replaced by as many question marks as it has bytes, so that
/// everything stays in its place.
fn in_its_place(text: &str) -> String {
    let stays = |c: char| is_printable(c) || matches!(c, '\n' | '\t');
    let mut shown = String::with_capacity(text.len());
    for c in text.replace("\r\n", " \n").chars() {
        if stays(c) { shown.push(c) } else { shown.extend(std::iter::repeat_n('?', c.len_utf8())) }
    }
    shown
}

/// Everything wrong with one file.
#[derive(Clone, Debug)]
pub struct FileProblems {
    /// The file, as it was named.
    pub file: String,
    text: Arc<NamedSource<String>>,
    problems: Vec<Problem>,
}

impl FileProblems {
    /// The problems of a file, in the order in which they stand.
    #[must_use]
    pub fn new(file: &str, text: &str, mut problems: Vec<Problem>) -> Self {
        problems.iter_mut().for_each(Problem::make_printable);
        problems.sort();
        problems.dedup();
        let file = in_one_line(file).into_owned();
        let text = Arc::new(NamedSource::new(&file, in_its_place(text)));
        Self { file, text, problems }
    }

    /// A file with a single problem that has no place in it.
    pub fn whole(file: &str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::new(file, "", vec![Problem::new(&(0..0), message, "").help(help)])
    }

    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The messages with the text underlined, in colour or plain.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
        let mut out = String::new();
        for problem in &self.problems {
            let told = Told { problem, text: &self.text, placed: self.is_shown(problem) };
            if !told.placed {
                out += &format!("  in {}{}:\n", self.file, self.place(problem));
            }
            // Writing to a String cannot fail.
            let _ = handler.render_report(&mut out, &told);
        }
        out
    }

    /// Whether the lines of a problem are shown, with the one before and the one after.
    fn is_shown(&self, problem: &Problem) -> bool {
        let text = self.text.inner().as_bytes();
        let (before, rest) = text.split_at(problem.span.0.min(text.len()));
        let (inside, after) = rest.split_at(problem.span.1.saturating_sub(problem.span.0).min(rest.len()));
        let last_two = before.rsplitn(3, |b| *b == b'\n').take(2).map(<[u8]>::len);
        let next_two = after.splitn(3, |b| *b == b'\n').take(2).map(<[u8]>::len);
        let own = inside.split(|b| *b == b'\n').map(<[u8]>::len);
        !text.is_empty() && last_two.chain(own).chain(next_two).all(|length| length <= LONGEST_LINE)
    }

    /// Line and column of a problem, in words; nothing for one of the whole file.
    fn place(&self, problem: &Problem) -> String {
        let text = self.text.inner().as_bytes();
        let before = String::from_utf8_lossy(&text[..problem.span.0.min(text.len())]);
        let (line, column) =
            (before.split('\n').count(), before.chars().rev().take_while(|c| *c != '\n').count());
        if text.is_empty() { String::new() } else { format!(", line {line}, column {}", column + 1) }
    }
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

/// A problem with its source, as miette wants it.
#[derive(Debug)]
struct Told<'a> {
    problem: &'a Problem,
    text: &'a NamedSource<String>,
    placed: bool,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem.message)
    }
}

impl std::error::Error for Told<'_> {}

impl Diagnostic for Told<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.placed.then_some(self.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (start, end) = self.problem.span;
        let span = SourceSpan::new(start.into(), end.saturating_sub(start));
        let label = LabeledSpan::new_with_span(Some(self.problem.label.clone()), span);
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_problem_does_more_than_say_something() {
        let problem = Problem::new(&(0..1), "\u{1b}[31m", "\u{9b}").help("\u{202e}");
        let problems = FileProblems::new("f.json", "{}", vec![problem]);
        let [told] = problems.problems() else { panic!("one problem") };
        assert_eq!(
            (told.message.as_str(), told.label.as_str(), told.help.as_deref()),
            ("\\u001b[31m", "\\u009b", Some("\\u202e"))
        );
    }

    #[test]
    fn problems_in_long_lines_are_told_with_their_place_alone() {
        let told = |text: &str, at: usize| {
            let problem = Problem::new(&(at..at + 1), "wrong", "here");
            FileProblems::new("f.yaml", text, vec![problem]).render(false)
        };
        let long = format!("a: é\n{}b\nc: 1\n", " ".repeat(70_000));
        let shown = told(&long, 70_006);
        assert!(shown.contains("in f.yaml, line 2, column 70001:") && shown.contains("wrong"), "{shown}");
        assert!(shown.len() < 200, "{shown}");
        let above = told(&format!("{}\nb: 2\n", "a".repeat(3_000)), 3_001);
        let below = told(&format!("a: 1\n{}\n", "b".repeat(3_000)), 0);
        assert!(above.len() < 200 && below.len() < 200, "{above}{below}");
        let line = "x".repeat(3_000);
        let whole = Problem::new(&(0..line.len()), "wrong", "here");
        assert!(FileProblems::new("f.yaml", &line, vec![whole]).render(false).len() < 200);
        let short = told("a: 1\nb: 2\n", 5);
        assert!(short.contains("f.yaml:2:1") && short.contains("here"), "{short}");
    }
}
