//! `submit`: the shards of a run as jobs of a cluster's scheduler.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use clap::{Args, ValueEnum};

use super::{
    Exit, Refusal, Workplace, files,
    shards::{hold_to_units, planned},
    terminal,
    verify::{Scale, TierName},
};
use crate::check::Shard;

/// Where scripts, stores and pages go if nothing else is said, below the root.
const DEFAULT: &str = "target/corroborate/jobs";

/// Measure the shards of a run as jobs of a cluster, and judge them in one more job when all are done.
#[derive(Debug, Args)]
#[command(after_help = "\
The folder must be one that every node sees, under the same path, as must the program and the project. It holds
both scripts, a store and a log for each shard, and in the end the merged store, the pages and `verdicts.json`.
A shard is what its number says, however often its task is started: one that was killed goes on where it stopped,
and submitting again measures only what is missing.

Examples:
  corroborate submit --engine slurm --shards 8 --tier full --dry-run
  corroborate submit --engine slurm --shards 8 --tier full --option=--time=2:00:00 --option=--partition=short")]
pub struct Arguments {
    /// Which claims; all if none is given.
    #[arg(value_name = "SELECTOR")]
    selectors: Vec<String>,
    /// The scheduler.
    #[arg(long, value_enum)]
    engine: Engine,
    /// In how many parts the run is cut.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    shards: u32,
    #[command(flatten)]
    scale: Scale,
    /// Threads of each shard, and processors that are asked for it.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    /// Where scripts, stores, logs and pages go; a folder of the plan in `target/corroborate/jobs` below the root
    /// if not given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// An option for the scheduler, given as it is to both jobs.
    #[arg(long = "option", value_name = "OPTION", allow_hyphen_values = true)]
    options: Vec<String>,
    /// Print both scripts, and how they would be submitted; write and submit nothing.
    #[arg(long)]
    dry_run: bool,
}

/// A scheduler.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Engine {
    /// Slurm: an array job, and a job that depends on it.
    Slurm,
}

pub(super) fn main(arguments: &Arguments, workplace: Workplace) -> Result<Exit, Refusal> {
    let root = absolute(&workplace.root()?)?;
    let plan = planned(workplace, &arguments.selectors, arguments.scale)?;
    hold_to_units(Shard { number: arguments.shards, of: arguments.shards }, &plan)?;
    let folder = arguments.dir.clone().unwrap_or_else(|| root.join(DEFAULT).join(&plan.digest[..16]));
    let program = env::current_exe()
        .map_err(|e| Refusal::Machinery(format!("cannot tell where this program is: {e}")))?;
    let folder = absolute(&folder)?;
    let run = Run {
        program: word(&program)?,
        root: word(&root)?,
        stores: (1..=arguments.shards)
            .map(|k| word(&folder.join(format!("shard-{k}"))))
            .collect::<Result<_, _>>()?,
        store: word(&folder.join("shard-"))?,
        merged: word(&folder.join("merged"))?,
        pages: word(&folder.join("pages"))?,
        arguments,
    };
    match arguments.engine {
        Engine::Slurm => slurm(&run, &folder, arguments),
    }
}

/// What the scripts say, each word as the shell has to read it.
struct Run<'a> {
    program: String,
    root: String,
    stores: Vec<String>,
    store: String,
    merged: String,
    pages: String,
    arguments: &'a Arguments,
}

impl Run<'_> {
    /// The scale of the run, as options.
    fn scale(&self) -> String {
        let tier = match self.arguments.scale.tier {
            TierName::Quick => "quick",
            TierName::Full => "full",
        };
        format!("--tier {tier} --seed {}", self.arguments.scale.seed)
    }

    /// Measures the shard with the number in `$shard`.
    fn measure(&self) -> String {
        let selectors: String = spaced(&self.arguments.selectors);
        let (program, root, store, scale) = (&self.program, &self.root, &self.store, self.scale());
        let Arguments { shards, jobs, .. } = self.arguments;
        format!(
            "exec {program} --root {root} verify {scale} --jobs {jobs} \\\n  \
             --shard \"$shard/{shards}\" --store {store}\"$shard\" --{selectors}\n"
        )
    }

    /// Judges what the shards have measured.
    fn merge(&self) -> String {
        let selectors = self.arguments.selectors.iter().map(|s| format!(" \\\n  --select={}", quoted(s)));
        let stores = self.stores.iter().map(|store| format!(" \\\n  {store}"));
        let (program, root, scale) = (&self.program, &self.root, self.scale());
        format!(
            "exec {program} --root {root} merge {scale} --jobs {}{} \\\n  --store {} --out {} --{}\n",
            self.arguments.jobs,
            selectors.collect::<String>(),
            self.merged,
            self.pages,
            stores.collect::<String>()
        )
    }
}

/// Writes and submits an array job with a task for each shard, and a job that waits for all of them.
fn slurm(run: &Run<'_>, folder: &Path, arguments: &Arguments) -> Result<Exit, Refusal> {
    let Arguments { shards, jobs, options, dry_run, .. } = arguments;
    // No path stands in a directive: there, `%` and quotes would mean something else than in the shell.
    let array = format!(
        "#!/bin/sh\n\
         #SBATCH --job-name=corroborate-shards\n\
         #SBATCH --array=1-{shards}\n\
         #SBATCH --cpus-per-task={jobs}\n\
         #SBATCH --output=shard-%a.log\n\
         #SBATCH --open-mode=append\n\
         #SBATCH --requeue\n\
         # The number of the task says which shard it is. Numbers of jobs and restarts say nothing: a task that is\n\
         # started again finds its store, and goes on.\n\
         shard=${{SLURM_ARRAY_TASK_ID:?this is no task of an array}}\n{}",
        run.measure()
    );
    let merge = format!(
        "#!/bin/sh\n\
         #SBATCH --job-name=corroborate-merge\n\
         #SBATCH --cpus-per-task={jobs}\n\
         #SBATCH --output=merge.log\n\
         #SBATCH --requeue\n{}",
        run.merge()
    );
    let scripts = [(folder.join("shards.sh"), array), (folder.join("merge.sh"), merge)];
    let sbatch = |more: &[&str], script: &Path| -> Result<Vec<String>, Refusal> {
        let mut words = vec!["--parsable".to_owned(), format!("--chdir={}", text(folder)?)];
        words.extend(more.iter().map(ToString::to_string));
        words.extend(options.iter().cloned());
        words.push(text(script)?.to_owned());
        Ok(words)
    };
    // A task that fails lets the merge be cancelled, not wait for ever.
    let after = |id: &str| [format!("--dependency=afterok:{id}"), "--kill-on-invalid-dep=yes".to_owned()];
    let [(array_path, _), (merge_path, _)] = &scripts;
    let first = sbatch(&[], array_path)?;
    let second = |id: &str| sbatch(&after(id).each_ref().map(String::as_str), merge_path);
    if *dry_run {
        let printed: Vec<String> =
            scripts.iter().map(|(path, script)| format!("# {}\n{script}", path.display())).collect();
        terminal::print(&format!(
            "{}\n# How they would be submitted\nsbatch{}\nsbatch{}\n",
            printed.join("\n"),
            spaced(&first),
            spaced(&second("ARRAY")?)
        ))?;
        return Ok(Exit::Success);
    }
    for (path, script) in &scripts {
        files::write_whole(path, script)?;
    }
    let array = submitted(&first)?;
    let merge = submitted(&second(&array)?)?;
    terminal::print(&format!(
        "Submitted: array {array} of {shards} shards, then {merge}, which merges them into {}\n",
        folder.display()
    ))?;
    Ok(Exit::Success)
}

/// Submits a job: its number.
fn submitted(words: &[String]) -> Result<String, Refusal> {
    let done = Command::new("sbatch").args(words).output().map_err(|e| {
        Refusal::Machinery(format!("cannot run sbatch: {e}; `--dry-run` prints what it would be given"))
    })?;
    if !done.status.success() {
        let told = String::from_utf8_lossy(&done.stderr);
        return Err(Refusal::Machinery(format!("sbatch has refused: {}", told.trim())));
    }
    // `<job>`, or `<job>;<cluster>`.
    let told = String::from_utf8_lossy(&done.stdout);
    let id = told.trim().split(';').next().unwrap_or_default();
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::Machinery(format!("sbatch has named no job: `{}`", told.trim())));
    }
    Ok(id.to_owned())
}

/// A path from the root of the file system, whether or not anything is there.
fn absolute(path: &Path) -> Result<PathBuf, Refusal> {
    std::path::absolute(path)
        .map_err(|e| Refusal::usage(format!("cannot tell where {} is: {e}", path.display())))
}

/// A path as a word of a script.
fn word(path: &Path) -> Result<String, Refusal> {
    text(path).map(quoted)
}

fn text(path: &Path) -> Result<&str, Refusal> {
    path.to_str().ok_or_else(|| {
        Refusal::usage(format!("{}: its name is no Unicode, so that no script can hold it", path.display()))
    })
}

/// The words as the shell reads them, each after a space.
fn spaced<W: AsRef<str>>(words: &[W]) -> String {
    let mut line = String::new();
    for word in words {
        line.push(' ');
        line.push_str(&quoted(word.as_ref()));
    }
    line
}

/// A word that the shell reads as it is.
fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-+=.,:/@%".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_reads_a_quoted_word_as_it_is() {
        let words = [
            "",
            "plain",
            "two words",
            "it's",
            "$HOME `id` $(id)",
            "a\nb",
            "\\",
            "\"",
            "*",
            "~",
            "é",
            "-n",
            "#x",
        ];
        let script = spaced(&words);
        let done = Command::new("sh").args(["-c", &format!("printf '%s\\0'{script}")]).output().unwrap();
        let read = String::from_utf8(done.stdout).unwrap();
        assert_eq!(read.split_terminator('\0').collect::<Vec<_>>(), words);
    }
}
