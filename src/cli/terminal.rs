//! What goes to the terminal: results to standard output, everything else to standard error.

use std::{
    io::{self, IsTerminal, Write},
    panic,
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Refusal;
use crate::run::{Step, WORK_THREAD};

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

/// Prints a result; a reader that has gone away ends the program quietly.
pub fn print(text: &str) -> Result<(), Refusal> {
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
            let problems: usize = files.iter().map(crate::claim::problem::FileProblems::count).sum();
            let told: String = files.iter().map(|file| file.render(colour)).collect();
            let (files, s) = (files.len(), if problems == 1 { "" } else { "s" });
            format!("{told}\n{problems} problem{s} in {files} file{}\n", if files == 1 { "" } else { "s" })
        }
        other => format!("error: {other}\n"),
    };
    tell(&text);
}

/// Says on standard error what the user should know, though the command goes on.
pub fn warn(text: &str) {
    tell(&format!("warning: {text}\n"));
}

/// Says something on standard error.
pub fn tell(text: &str) {
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
