//! Colours and line breaks.

use crate::{check::evidence::Outcome, claim::Verdict};

/// Columns that output is laid out for.
pub const WIDTH: usize = 100;

/// Writes with colours, or without.
#[derive(Clone, Copy)]
pub struct Pen {
    /// Whether there are colours.
    pub colour: bool,
}

impl Pen {
    /// Headings and names.
    pub fn strong(self, text: &str) -> String {
        self.paint("1", text)
    }

    /// What can be passed over.
    pub fn faint(self, text: &str) -> String {
        self.paint("2", text)
    }

    /// What is as it should be.
    pub fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A text in the colour of a verdict.
    pub fn verdict(self, verdict: Verdict, text: &str) -> String {
        let code = match verdict {
            Verdict::Corroborated => "32",
            Verdict::Refuted => "35",
            Verdict::Vacuous | Verdict::Inconclusive => "33",
            Verdict::OutOfReach => "2",
            Verdict::Error => "1;31",
        };
        self.paint(code, text)
    }

    /// A text in the colour of an outcome.
    pub fn outcome(self, outcome: Outcome, text: &str) -> String {
        let code = match outcome {
            Outcome::Pass => "32",
            Outcome::Fail => "35",
            Outcome::Undecided => "33",
            Outcome::Error => "1;31",
        };
        self.paint(code, text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// Lines of at most [`WIDTH`] columns. The first starts with `first`, the others with as many
/// spaces; words longer than a line stay whole.
pub fn wrapped(first: &str, text: &str) -> String {
    let indent = first.chars().count();
    let (mut out, mut column) = (first.to_owned(), indent);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > indent {
            if column + 1 + length > WIDTH {
                out.push('\n');
                out += &" ".repeat(indent);
                column = indent;
            } else {
                out.push(' ');
                column += 1;
            }
        }
        out += word;
        column += length;
    }
    out + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let text = "word ".repeat(30) + &"long".repeat(30);
        let lines = wrapped("  - ", &text);
        assert!(lines.lines().take(2).all(|l| l.chars().count() <= WIDTH));
        assert!(lines.starts_with("  - word") && lines.lines().skip(1).all(|l| l.starts_with("    ")));
        assert_eq!(lines.split_whitespace().count(), 32);
    }

    #[test]
    fn there_are_no_escape_codes_without_colour() {
        assert_eq!(Pen { colour: false }.bad("x"), "x");
        assert_eq!(Pen { colour: true }.bad("x"), "\u{1b}[1;31mx\u{1b}[0m");
    }
}
