//! Properties: predicates over generated instances.
//!
//! A property reports measured quantities (an error, a slack, a count of violations) as metrics;
//! the tolerance that turns them into a yes or no stands in the claims file.

use proptest::{
    strategy::{BoxedStrategy, Strategy, ValueTree},
    test_runner::TestRunner,
};
use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Failure, Fault, Measurement, Metric, limits};

/// A property, as a leaf writes it.
pub trait Observe: 'static {
    /// One instance; serialised, it is the counterexample that a report shows.
    type Instance: Serialize + DeserializeOwned + JsonSchema + Clone + std::fmt::Debug + 'static;
    /// The leaf's faults.
    type Fault: Fault;
    /// Name, `kebab-case`.
    const NAME: &'static str;
    /// What is held against what, in one sentence.
    const SUMMARY: &'static str;
    /// What is measured on an instance.
    const METRICS: &'static [Metric];
    /// The faults that the property honours.
    const FAULTS: &'static [Self::Fault];

    /// Generator of instances, ugly ones included, that shrinks.
    fn instances() -> BoxedStrategy<Self::Instance>;

    /// Refuses an instance from outside that no generator makes: lists whose lengths contradict each other
    /// (see [`shape`](super::shape)), numbers that cannot be what they stand for. It is asked before
    /// [`observe`](Self::observe), which may index by what it admits, and never of what was generated.
    ///
    /// # Errors
    /// [`Failure::Invalid`], which tells what was expected.
    fn admit(_instance: &Self::Instance) -> Result<(), Failure> {
        Ok(())
    }

    /// Measures one instance.
    ///
    /// # Errors
    /// [`Failure::Rejected`] for an instance outside the assumptions.
    fn observe(instance: &Self::Instance, fault: Option<Self::Fault>) -> Result<Measurement, Failure>;
}

type ObserveJson = dyn Fn(Value, Option<&str>) -> Result<Measurement, Failure> + Send + Sync;
type Draw = dyn Fn(&mut TestRunner) -> Result<Box<dyn Case>, Failure> + Send + Sync;

/// A property as the spine sees it.
pub struct Property {
    /// Name, `kebab-case`.
    pub name: &'static str,
    /// What is held against what, in one sentence.
    pub summary: &'static str,
    /// JSON Schema of an instance.
    pub instance: Schema,
    /// What is measured on an instance.
    pub metrics: &'static [Metric],
    /// Names of the faults that it honours.
    pub faults: Vec<&'static str>,
    observe: Box<ObserveJson>,
    draw: Box<Draw>,
}

/// A generated instance that can be measured and made simpler.
pub trait Case {
    /// Measures the current instance.
    ///
    /// # Errors
    /// See [`Observe::observe`].
    fn observe(&self, fault: Option<&str>) -> Result<Measurement, Failure>;
    /// The current instance as JSON.
    fn json(&self) -> Value;
    /// Steps to a simpler instance; false if there is none.
    fn simplify(&mut self) -> bool;
    /// Steps back from an instance that turned out too simple; false if there is none.
    fn complicate(&mut self) -> bool;
}

struct Tree<O: Observe>(Box<dyn ValueTree<Value = O::Instance>>);

impl<O: Observe> Case for Tree<O> {
    fn observe(&self, fault: Option<&str>) -> Result<Measurement, Failure> {
        conforming::<O>(&self.0.current(), fault)
    }

    fn json(&self) -> Value {
        serde_json::to_value(self.0.current()).unwrap_or(Value::Null)
    }

    fn simplify(&mut self) -> bool {
        self.0.simplify()
    }

    fn complicate(&mut self) -> bool {
        self.0.complicate()
    }
}

fn conforming<O: Observe>(instance: &O::Instance, fault: Option<&str>) -> Result<Measurement, Failure> {
    let measured = O::observe(instance, fault.and_then(O::Fault::named))?;
    measured.conform(O::METRICS).map_err(Failure::Numerical)?;
    Ok(measured)
}

impl Property {
    pub(super) fn of<O: Observe>() -> Self {
        Self {
            name: O::NAME,
            summary: O::SUMMARY,
            instance: limits::schema_of::<O::Instance>(),
            metrics: O::METRICS,
            faults: O::FAULTS.iter().map(|f| f.name()).collect(),
            observe: Box::new(|instance, fault| {
                let instance = serde_json::from_value(instance)
                    .map_err(|e| Failure::invalid(format!("instance does not fit: {e}")))?;
                O::admit(&instance)?;
                conforming::<O>(&instance, fault)
            }),
            draw: Box::new(|runner| {
                let tree = O::instances()
                    .new_tree(runner)
                    .map_err(|reason| Failure::invalid(format!("generator gave up: {reason}")))?;
                Ok(Box::new(Tree::<O>(tree)))
            }),
        }
    }

    /// The declared metric of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&'static Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// Measures an instance given as JSON, under the named fault if one is given.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for an instance that does not fit or an unknown fault, and whatever
    /// the property reports.
    pub fn observe(&self, instance: Value, fault: Option<&str>) -> Result<Measurement, Failure> {
        if let Some(fault) = fault.filter(|f| !self.faults.contains(f)) {
            return Err(Failure::invalid(format!("`{}` has no fault `{fault}`", self.name)));
        }
        (self.observe)(instance, fault)
    }

    /// Draws the next instance.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if the generator gives up.
    pub fn draw(&self, runner: &mut TestRunner) -> Result<Box<dyn Case>, Failure> {
        (self.draw)(runner)
    }
}

#[cfg(test)]
impl Property {
    /// The worst value of a metric over many cases, the same in every run, and how many of them were
    /// rejected: what the tests of leaves ask.
    pub(crate) fn worst(&self, metric: &str, fault: Option<&str>, cases: u32) -> (f64, u32) {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let (mut worst, mut rejected) = (f64::NEG_INFINITY, 0);
        for _ in 0..cases {
            match self.draw(&mut runner).unwrap().observe(fault) {
                Ok(measured) => worst = worst.max(measured.get(metric).unwrap()),
                Err(Failure::Rejected(_)) => rejected += 1,
                Err(other) => panic!("{other}"),
            }
        }
        (worst, rejected)
    }
}
