//! Test vectors: inputs, outputs of the reference, and outputs with a known mistake.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::compare::{TOLERANCE, difference};
use crate::papers::leaf::{Failure, Function, Paper};

/// Version of the format.
pub const FORMAT: u32 = 1;

/// The vectors of one function: a file that `corroborate vectors` writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FunctionVectors {
    /// Version of this format.
    pub format: u32,
    /// Slug of the paper.
    pub paper: String,
    /// Name of the function.
    pub function: String,
    /// What it computes.
    pub summary: String,
    /// Numbers a and b agree if |a − b| ≤ tolerance · max(1, |a|, |b|).
    pub tolerance: f64,
    /// The vectors.
    pub vectors: Vec<Vector>,
}

/// An input with its output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Vector {
    /// Number of the vector within its function, from 0.
    pub id: usize,
    /// Names of the mistakes that this vector tells apart.
    pub flags: Vec<String>,
    /// The input.
    pub input: Value,
    /// The output of the reference.
    pub output: Value,
    /// Outputs that a test must reject.
    pub near_misses: Vec<NearMiss>,
}

/// What the reference gives with a known mistake built in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearMiss {
    /// Name of the mistake.
    pub flag: String,
    /// What is wrong, in one sentence.
    pub mistake: String,
    /// The output, which is not that of the reference; `null` if the mistake makes the function
    /// fail.
    pub output: Value,
}

/// The vectors of a function.
///
/// # Errors
/// Whatever the reference reports on an input of its own.
pub fn of_function(paper: &Paper, function: &Function) -> Result<FunctionVectors, Failure> {
    let vectors = function
        .inputs
        .iter()
        .enumerate()
        .map(|(id, input)| {
            let output = function.call(input.clone(), None)?;
            let near_misses: Vec<NearMiss> = function
                .faults
                .iter()
                .filter_map(|flag| {
                    let wrong = function.call(input.clone(), Some(flag)).unwrap_or(Value::Null);
                    difference(&output, &wrong)?;
                    let fault = paper.faults.iter().find(|fault| fault.name == *flag);
                    let mistake = fault.map(|fault| fault.summary.to_owned()).unwrap_or_default();
                    Some(NearMiss { flag: (*flag).to_owned(), mistake, output: wrong })
                })
                .collect();
            let flags = near_misses.iter().map(|miss| miss.flag.clone()).collect();
            Ok(Vector { id, flags, input: input.clone(), output, near_misses })
        })
        .collect::<Result<_, Failure>>()?;
    Ok(FunctionVectors {
        format: FORMAT,
        paper: paper.slug.to_owned(),
        function: function.name.to_owned(),
        summary: function.summary.to_owned(),
        tolerance: TOLERANCE,
        vectors,
    })
}
