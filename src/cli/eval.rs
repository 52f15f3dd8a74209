//! `eval`: a function, or a property on an instance. JSON in, JSON out.

use std::io::Read;

use clap::Args;
use serde_json::{Map, Value};

use super::{Exit, Refusal, Workplace, settings, terminal, unknown};
use crate::papers::leaf::{Failure, Paper};

/// Longest input that is read, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// Evaluate a function of a reference: JSON on standard input, JSON on standard output.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  corroborate eval bounded-ratio-rl/optimum --example
  corroborate eval bounded-ratio-rl/optimum --example | corroborate eval bounded-ratio-rl/optimum
A property is evaluated on an instance, as reports show one for a counterexample.")]
pub struct Arguments {
    /// `<paper>/<function>` or `<paper>/<property>`.
    #[arg(value_name = "PAPER/FUNCTION")]
    of: String,
    /// Build this mistake in.
    #[arg(long, value_name = "NAME")]
    fault: Option<String>,
    /// Print an input to try, and evaluate nothing.
    #[arg(long)]
    example: bool,
}

pub(super) fn main(arguments: &Arguments, workplace: &Workplace) -> Result<Exit, Refusal> {
    let (leaf, name) = workplace.item(&arguments.of)?;
    let fault = arguments.fault.as_deref();
    let output = if let Some(function) = leaf.find_function(name) {
        known_fault(fault, &function.faults)?;
        if arguments.example {
            function.example.clone()
        } else {
            let input = settings::hold(&input()?, function.input.as_value())?;
            function.call(input, fault).map_err(refusal)?
        }
    } else if let Some(property) = leaf.find_property(name) {
        known_fault(fault, &property.faults)?;
        if arguments.example {
            return Err(Refusal::usage(format!(
                "`{name}` is a property: `corroborate schema {}` shows what an instance looks like",
                arguments.of
            )));
        }
        let instance = settings::hold(&input()?, property.instance.as_value())?;
        let measured = property.observe(instance, fault).map_err(refusal)?;
        Value::Object(measured.metrics.into_iter().map(|(k, v)| (k, v.into())).collect::<Map<_, _>>())
    } else {
        return Err(unknown_item(leaf, name));
    };
    terminal::print(&format!("{output:#}\n"))?;
    Ok(Exit::Success)
}

fn unknown_item(leaf: &Paper, name: &str) -> Refusal {
    let known = leaf.functions.iter().map(|f| f.name).chain(leaf.properties.iter().map(|p| p.name));
    unknown("function or property", name, known)
}

/// Refuses a fault that is not honoured.
pub fn known_fault(fault: Option<&str>, known: &[&'static str]) -> Result<(), Refusal> {
    match fault.filter(|fault| !known.contains(fault)) {
        Some(fault) => Err(unknown("fault", fault, known.iter().copied())),
        None => Ok(()),
    }
}

fn input() -> Result<Value, Refusal> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|e| Refusal::usage(format!("cannot read standard input: {e}")))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Refusal::usage(format!("standard input has more than {MOST_BYTES} bytes")));
    }
    serde_json::from_str(&text).map_err(|e| {
        Refusal::usage(format!(
            "standard input, line {}, column {}: no JSON: {e}; --example prints an input to try",
            e.line(),
            e.column()
        ))
    })
}

fn refusal(failure: Failure) -> Refusal {
    match failure {
        Failure::Numerical(_) => Refusal::Machinery(failure.to_string()),
        other => Refusal::usage(other.to_string()),
    }
}
