//! `eval`: a function, or a property on an instance. JSON in, JSON out.

use std::{
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
};

use clap::Args;
use serde_json::Value;

use super::{Exit, Refusal, Workplace, settings, terminal, unknown};
use crate::{
    papers::leaf::{Failure, Function, Paper, Property},
    run::panic_message,
};

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
    let output = if arguments.example {
        example(leaf, name)?
    } else {
        let item = Item::of(leaf, name, arguments.fault.as_deref())?;
        item.evaluate(&input()?)?
    };
    terminal::print(&format!("{output:#}\n"))?;
    Ok(Exit::Success)
}

fn example(leaf: &Paper, name: &str) -> Result<Value, Refusal> {
    match Item::of(leaf, name, None)?.what {
        What::Function(function) => Ok(function.example.clone()),
        What::Property(_) => Err(Refusal::usage(format!(
            "`{name}` is a property: `corroborate schema {}/{name}` shows what an instance looks like",
            leaf.slug
        ))),
    }
}

/// What is evaluated, with or without a fault.
pub struct Item<'a> {
    what: What<'a>,
    fault: Option<&'a str>,
}

enum What<'a> {
    Function(&'a Function),
    Property(&'a Property),
}

impl<'a> Item<'a> {
    /// The function or property of this name.
    ///
    /// # Errors
    /// Says that there is none, or that it does not honour the fault.
    pub fn of(leaf: &'a Paper, name: &str, fault: Option<&'a str>) -> Result<Self, Refusal> {
        let (what, faults) = match (leaf.find_function(name), leaf.find_property(name)) {
            (Some(function), _) => (What::Function(function), &function.faults),
            (None, Some(property)) => (What::Property(property), &property.faults),
            (None, None) => return Err(unknown_item(leaf, name)),
        };
        known_fault(fault, faults)?;
        Ok(Self { what, fault })
    }

    /// The output of the function, or what is measured of the property, for an input in JSON.
    ///
    /// # Errors
    /// Says what is wrong with the input, or why nothing came out of it.
    pub fn evaluate(&self, text: &str) -> Result<Value, Refusal> {
        let input = json(text)?;
        match self.what {
            What::Function(function) => {
                let input = settings::hold(&input, function.input.as_value())?;
                caught(|| function.call(input, self.fault)).map_err(refusal)
            }
            What::Property(property) => {
                let instance = settings::hold(&input, property.instance.as_value())?;
                let measured = caught(|| property.observe(instance, self.fault)).map_err(refusal)?;
                Ok(Value::Object(measured.metrics.into_iter().map(|(k, v)| (k, v.into())).collect()))
            }
        }
    }
}

/// A panic is a breakdown like any other, and ends with the same status.
fn caught<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(Failure::numerical(format!("panicked: {}", panic_message(panic.as_ref()))))
    })
}

fn unknown_item(leaf: &Paper, name: &str) -> Refusal {
    let known = leaf.functions.iter().map(|f| f.name).chain(leaf.properties.iter().map(|p| p.name));
    unknown("function or property", name, known)
}

/// Refuses a fault that is not honoured.
pub(super) fn known_fault(fault: Option<&str>, known: &[&'static str]) -> Result<(), Refusal> {
    match fault.filter(|fault| !known.contains(fault)) {
        Some(fault) => Err(unknown("fault", fault, known.iter().copied())),
        None => Ok(()),
    }
}

fn input() -> Result<String, Refusal> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(MOST_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(|e| Refusal::usage(format!("cannot read standard input: {e}")))?;
    if text.len() as u64 > MOST_BYTES {
        return Err(Refusal::usage(format!("standard input has more than {MOST_BYTES} bytes")));
    }
    Ok(text)
}

fn json(text: &str) -> Result<Value, Refusal> {
    serde_json::from_str(text).map_err(|e| {
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
