//! `conform`: another program's answers to the test vectors of a paper.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use serde_json::{Value, json};

use super::{Exit, Refusal, Workplace, terminal, unknown, vectors, verify::Format};
use crate::conform::{Answer, BugClass, FunctionReport, FunctionVectors, judge};

/// Longest line that is read of a program's output, in bytes.
const LONGEST_LINE: u64 = 16 << 20;

/// Judge another program by the test vectors of a paper, and say which mistakes are ruled out.
///
/// The program is started once. For each vector it finds a line of JSON on its standard input,
/// {"function": …, "id": …, "input": …}, and answers with a line on its standard output,
/// {"id": …, "output": …}, or {"id": …, "skip": "reason"}. The order of the answers is free.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  corroborate conform single-stream-po -- python3 my_advantages.py

Exit status: 0 every answer right; 1 some answer wrong or missing; 2 bad usage.")]
pub struct Arguments {
    /// The paper.
    #[arg(value_name = "PAPER")]
    slug: String,
    /// Only this function; may be repeated.
    #[arg(long, value_name = "NAME")]
    function: Vec<String>,
    /// Limit on the time of the whole program, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// What is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// The program and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let leaf = workplace.leaf(&arguments.slug)?;
    for name in &arguments.function {
        if leaf.find_function(name).is_none() {
            return Err(unknown("function", name, leaf.functions.iter().map(|f| f.name)));
        }
    }
    let wanted =
        |v: &FunctionVectors| arguments.function.is_empty() || arguments.function.contains(&v.function);
    let asked: Vec<FunctionVectors> = vectors::of_paper(leaf)?.into_iter().filter(wanted).collect();
    let heard = converse(&arguments.command, &asked, Duration::from_secs(arguments.timeout))?;
    let reports: Vec<FunctionReport> = asked
        .iter()
        .enumerate()
        .filter_map(|(f, vectors)| {
            let answers: Vec<Answer> = (0..vectors.vectors.len()).map(|v| heard.answer(f, v)).collect();
            let skipped = heard.skipped(f, vectors.vectors.len());
            (!skipped).then(|| judge(vectors, &answers))
        })
        .collect();
    let skipped: Vec<String> = asked
        .iter()
        .enumerate()
        .filter(|(f, v)| heard.skipped(*f, v.vectors.len()))
        .map(|(_, v)| v.function.clone())
        .collect();
    let right = reports.iter().all(|report| report.right == report.vectors) && heard.complaints.is_empty();
    terminal::print(&match arguments.format {
        Format::Json => {
            let told = json!({ "functions": reports, "skipped": skipped, "complaints": heard.complaints });
            format!("{told:#}\n")
        }
        Format::Human => human(&reports, &skipped, &heard.complaints),
    })?;
    Ok(if right && !reports.is_empty() { Exit::Success } else { Exit::Unexpected })
}

fn human(reports: &[FunctionReport], skipped: &[String], complaints: &[String]) -> String {
    let mut out = String::new();
    for report in reports {
        let mark = if report.right == report.vectors { "right" } else { "WRONG" };
        let skipped =
            if report.skipped == 0 { String::new() } else { format!(", {} skipped", report.skipped) };
        out += &format!(
            "{mark}  {}: {} of {} vectors{skipped}\n",
            report.function, report.right, report.vectors
        );
        for line in &report.wrong {
            out += &format!("         {line}\n");
        }
        for (class, words) in
            [(BugClass::Shown, "shows"), (BugClass::RuledOut, "ruled out"), (BugClass::Open, "not ruled out")]
        {
            let names: Vec<&str> =
                report.classes.iter().filter(|(_, c)| *c == class).map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                out += &format!("         {words}: {}\n", names.join(", "));
            }
        }
    }
    if !skipped.is_empty() {
        out += &format!("skipped by the program: {}\n", skipped.join(", "));
    }
    for complaint in complaints {
        out += &format!("the program {complaint}\n");
    }
    if reports.is_empty() {
        out += "nothing was answered, so nothing is shown\n";
    }
    out
}

/// What a program said.
#[derive(Default)]
struct Heard {
    answers: BTreeMap<usize, Answer>,
    skips: Vec<usize>,
    offsets: Vec<usize>,
    complaints: Vec<String>,
    end: String,
}

impl Heard {
    fn answer(&self, function: usize, vector: usize) -> Answer {
        let number = self.offsets[function] + vector;
        if self.skips.contains(&number) {
            return Answer::Skipped;
        }
        self.answers
            .get(&number)
            .cloned()
            .unwrap_or_else(|| Answer::Nothing(format!("no answer: the program {}", self.end)))
    }

    fn skipped(&self, function: usize, vectors: usize) -> bool {
        let first = self.offsets[function];
        (first..first + vectors).all(|number| self.skips.contains(&number))
    }

    fn take(&mut self, line: &str) {
        let told = |what: &str| format!("printed {what}: {}", line.chars().take(120).collect::<String>());
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            self.complaints.push(told("a line that is no JSON"));
            return;
        };
        let number = value.get("id").and_then(Value::as_u64).map(|n| n as usize);
        match (number, value.get("output"), value.get("skip")) {
            (Some(number), Some(output), _) => {
                self.answers.insert(number, Answer::Output(output.clone()));
            }
            (Some(number), None, Some(_)) => self.skips.push(number),
            _ => self.complaints.push(told("a line without `id` and `output`")),
        }
    }
}

/// Starts the program, asks it everything, and listens until it ends or the time is over.
fn converse(command: &[String], asked: &[FunctionVectors], limit: Duration) -> Result<Heard, Refusal> {
    let mut questions = String::new();
    let mut heard = Heard::default();
    let mut number = 0;
    for vectors in asked {
        heard.offsets.push(number);
        for vector in &vectors.vectors {
            questions +=
                &json!({ "function": vectors.function, "id": number, "input": vector.input }).to_string();
            questions.push('\n');
            number += 1;
        }
    }
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| Refusal::usage(format!("cannot start `{}`: {e}", command[0])))?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Refusal::Machinery("the program has no standard input and output".into()));
    };
    // A program that stops reading is noticed by its missing answers.
    thread::spawn(move || input.write_all(questions.as_bytes()));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            match output.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => break,
                Ok(_) if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() => break,
                Ok(_) => {}
            }
        }
    });
    let end = Instant::now() + limit;
    let ended = loop {
        match lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => heard.take(line.trim()),
            Err(mpsc::RecvTimeoutError::Disconnected) => break wait(&mut child, end),
            Err(mpsc::RecvTimeoutError::Timeout) => break None,
        }
    };
    heard.end = match ended {
        Some(status) if status.success() => "ended without it".into(),
        Some(status) => {
            heard.complaints.push(format!("crashed ({status})"));
            format!("crashed ({status})")
        }
        None => {
            // It may have ended in this very moment.
            let _ = child.kill();
            let _ = child.wait();
            heard.complaints.push(format!("was stopped after {} seconds", limit.as_secs()));
            "was stopped before".into()
        }
    };
    Ok(heard)
}

/// Waits for the end of a program that has closed its output.
fn wait(child: &mut Child, end: Instant) -> Option<std::process::ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}
