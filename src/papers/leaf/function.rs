//! Functions: pure, JSON in, JSON out.

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Failure, Fault, holes::hole, limits};

type Call = dyn Fn(Value, Option<&str>) -> Result<Value, Failure> + Send + Sync;

/// A function as the spine sees it.
pub struct Function {
    /// Name, `kebab-case`.
    pub name: &'static str,
    /// What it computes, in one sentence with the source.
    pub summary: &'static str,
    /// JSON Schema of the input.
    pub input: Schema,
    /// JSON Schema of the output.
    pub output: Schema,
    /// Names of the faults that it honours.
    pub faults: Vec<&'static str>,
    /// An input that shows how to call it.
    pub example: Value,
    /// Inputs of test vectors, the example first.
    pub inputs: Vec<Value>,
    call: Box<Call>,
}

impl Function {
    /// A function without faults, with an example input.
    pub fn new<I, O>(
        name: &'static str,
        summary: &'static str,
        example: &I,
        function: fn(&I) -> Result<O, Failure>,
    ) -> Self
    where
        I: Serialize + DeserializeOwned + JsonSchema + 'static,
        O: Serialize + JsonSchema + 'static,
    {
        Self::build(name, summary, example, Vec::new(), move |input: I, _| function(&input))
    }

    /// A function that honours the given faults, with an example input.
    pub fn with_faults<F, I, O>(
        name: &'static str,
        summary: &'static str,
        example: &I,
        faults: &'static [F],
        function: fn(&I, Option<F>) -> Result<O, Failure>,
    ) -> Self
    where
        F: Fault,
        I: Serialize + DeserializeOwned + JsonSchema + 'static,
        O: Serialize + JsonSchema + 'static,
    {
        let names = faults.iter().map(|f| f.name()).collect();
        Self::build(name, summary, example, names, move |input: I, fault| {
            function(&input, fault.and_then(F::named))
        })
    }

    /// With another input for its test vectors: an edge case, or one that tells a fault apart.
    #[must_use]
    pub fn also<I: Serialize>(mut self, input: &I) -> Self {
        self.inputs.extend(serde_json::to_value(input));
        self
    }

    fn build<I, O>(
        name: &'static str,
        summary: &'static str,
        example: &I,
        faults: Vec<&'static str>,
        function: impl Fn(I, Option<&str>) -> Result<O, Failure> + Send + Sync + 'static,
    ) -> Self
    where
        I: Serialize + DeserializeOwned + JsonSchema + 'static,
        O: Serialize + JsonSchema + 'static,
    {
        let example = serde_json::to_value(example).unwrap_or(Value::Null);
        let schema = schema_for!(O);
        let of_output = schema.clone();
        Self {
            name,
            summary,
            input: limits::schema_of::<I>(),
            output: schema,
            faults,
            inputs: vec![example.clone()],
            example,
            call: Box::new(move |input, fault| {
                let input = serde_json::from_value(input)
                    .map_err(|e| Failure::invalid(format!("input does not fit: {e}")))?;
                let output = function(input, fault)?;
                let output = serde_json::to_value(output)
                    .map_err(|e| Failure::numerical(format!("output cannot be written: {e}")))?;
                match hole(&output, of_output.as_value()) {
                    Some(path) if path.is_empty() => Err(Failure::numerical("the output is not finite")),
                    Some(path) => Err(Failure::numerical(format!("`{path}` of the output is not finite"))),
                    None => Ok(output),
                }
            }),
        }
    }

    /// Evaluates the function, under the named fault if one is given.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for an input that does not fit or a fault that it does not honour,
    /// and whatever the function itself reports.
    pub fn call(&self, input: Value, fault: Option<&str>) -> Result<Value, Failure> {
        if let Some(fault) = fault.filter(|f| !self.faults.contains(f)) {
            return Err(Failure::invalid(format!("`{}` has no fault `{fault}`", self.name)));
        }
        (self.call)(input, fault)
    }
}

#[cfg(test)]
impl Function {
    /// The answer to the example after a change: what the tests of leaves ask.
    pub(crate) fn call_changed(&self, change: &dyn Fn(&mut Value)) -> Result<Value, Failure> {
        let mut input = self.example.clone();
        change(&mut input);
        self.call(input, None)
    }
}
