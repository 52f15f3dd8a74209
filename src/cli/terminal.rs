//! What goes to the terminal: results to standard output, everything else to standard error.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
    panic,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Refusal;
use crate::{
    claim::printable::printable,
    run::{Step, WORK_THREAD},
};

/// Panics of measuring threads become `error` verdicts; their messages are not printed twice.
pub fn quiet_work_threads() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some(WORK_THREAD) {
            usual(info);
        }
    }));
}

/// Whether to write colours to standard output.
pub fn colour() -> bool {
    io::stdout().is_terminal() && no_colour_unset()
}

fn no_colour_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Prints a result, with nothing in it that a terminal obeys but our colours; a reader that has gone away
/// ends the program quietly.
pub fn print(text: &str) -> Result<(), Refusal> {
    let text = harmless(text, colour());
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Refusal::Machinery(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says on standard error why a command stops.
pub fn refuse(refusal: &Refusal) {
    let text = match refusal {
        Refusal::Files(files) => {
            let colour = io::stderr().is_terminal() && no_colour_unset();
            let problems: usize = files.iter().map(|file| file.problems().len()).sum();
            let told: String = files.iter().map(|file| file.render(colour)).collect();
            let (files, s) = (files.len(), if problems == 1 { "" } else { "s" });
            format!("{told}\n{problems} problem{s} in {files} file{}\n", if files == 1 { "" } else { "s" })
        }
        other => format!("error: {other}\n"),
    };
    write_error(&harmless(&text, matches!(refusal, Refusal::Files(_))));
}

/// Says on standard error what the user should know, though the command goes on.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}\n"));
}

/// Says something on standard error.
pub fn tell(text: &str) {
    write_error(&harmless(text, false));
}

/// The text with everything that a terminal obeys shown by its number, but for tabs, and for colours
/// where there may be some.
fn harmless(text: &str, coloured: bool) -> Cow<'_, str> {
    if !coloured {
        return printable(text, &['\t']);
    }
    let mut pieces = text.split("\u{1b}[");
    let mut shown = printable(pieces.next().unwrap_or_default(), &['\t']).into_owned();
    for piece in pieces {
        let codes = piece.find(|c: char| !c.is_ascii_digit() && c != ';');
        let is_colour = codes.is_some_and(|end| piece[end..].starts_with('m'));
        shown += if is_colour { "\u{1b}[" } else { "\\u001b[" };
        shown += &printable(piece, &['\t']);
    }
    Cow::Owned(shown)
}

fn write_error(text: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A progress bar on standard error; hidden where that is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar without anything done.
    pub fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg:40!}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// How far it has come, and what is measured.
    pub fn set(&self, step: Step<'_>) {
        self.0.set_length(step.of);
        self.0.set_position(step.done);
        self.0.set_message(step.subject.to_owned());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_colours_is_obeyed() {
        let text = "\u{1b}[1;31mred\u{1b}[0m\ta\n\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}2J\u{202e}";
        let rest = "\ta\n\\u001b[2J\\u001b]0;title\\u0007\\u009b2J\\u202e";
        assert_eq!(harmless(text, true), format!("\u{1b}[1;31mred\u{1b}[0m{rest}"));
        assert_eq!(harmless(text, false), format!("\\u001b[1;31mred\\u001b[0m{rest}"));
    }
}
