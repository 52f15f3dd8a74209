//! `completions` and `man`: what shells and manual readers want, from the same definitions.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, Exit, Refusal, terminal};

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  corroborate completions bash > /etc/bash_completion.d/corroborate")]
pub struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn main(arguments: &Arguments) -> Result<Exit, Refusal> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "corroborate", &mut text);
    terminal::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Success)
}

/// Print the manual page, in roff.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  corroborate man > corroborate.1 && man ./corroborate.1")]
pub struct ManArguments {}

pub(super) fn man() -> Result<Exit, Refusal> {
    let mut text = Vec::new();
    let mut command = Cli::command();
    command.build();
    let pages = std::iter::once(&command).chain(command.get_subcommands()).cloned();
    for page in pages {
        clap_mangen::Man::new(page)
            .render(&mut text)
            .map_err(|e| Refusal::Machinery(format!("the manual cannot be written: {e}")))?;
    }
    terminal::print(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Success)
}
