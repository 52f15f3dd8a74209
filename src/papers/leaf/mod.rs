//! The contract between a leaf and the spine.
//!
//! A leaf declares its paper as a [`Paper`]: faults, functions, experiments and properties, each a
//! typed item. The spine sees them through type-erased, JSON-speaking faces ([`Function`],
//! [`Experiment`], [`Property`]), so that it can judge any paper without knowing it. A leaf never
//! contains tolerances, seeds, threads, files or printing.

mod experiment;
mod fault;
mod function;
mod holes;
pub mod limits;
mod measurement;
mod property;
pub mod shape;

use crate::kernel::table::TableError;

pub use experiment::{Data, Experiment, Measure, Prepared};
pub use fault::{Fault, FaultInfo, faults};
pub use function::Function;
pub use measurement::{Direction, Measurement, Metric, Series};
pub use property::{Case, Observe, Property};

/// One publication's leaf.
pub struct Paper {
    /// Identifier, as in `claims/<slug>.yaml`.
    pub slug: &'static str,
    /// Every named mistake of the leaf.
    pub faults: Vec<FaultInfo>,
    /// Pure functions, for `eval`.
    pub functions: Vec<Function>,
    /// Seeded measurements, for `run` and statistical checks.
    pub experiments: Vec<Experiment>,
    /// Predicates over generated instances, for property checks.
    pub properties: Vec<Property>,
}

impl Paper {
    /// A leaf whose deliberate mistakes are the enum `F`.
    #[must_use]
    pub fn new<F: Fault>(slug: &'static str) -> Self {
        Self {
            slug,
            faults: F::ALL.iter().map(|f| FaultInfo::of(*f)).collect(),
            functions: Vec::new(),
            experiments: Vec::new(),
            properties: Vec::new(),
        }
    }

    /// Adds a function.
    #[must_use]
    pub fn function(mut self, function: Function) -> Self {
        self.functions.push(function);
        self
    }

    /// Adds an experiment.
    #[must_use]
    pub fn experiment<M: Measure>(mut self) -> Self {
        self.experiments.push(Experiment::of::<M>());
        self
    }

    /// The function of this name.
    #[must_use]
    pub fn find_function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|f| f.name == name)
    }

    /// The experiment of this name.
    #[must_use]
    pub fn find_experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|e| e.name == name)
    }

    /// The property of this name.
    #[must_use]
    pub fn find_property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }

    /// Adds a property.
    #[must_use]
    pub fn property<O: Observe>(mut self) -> Self {
        self.properties.push(Property::of::<O>());
        self
    }
}

/// Why a reference gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// The instance lies outside the assumptions of the property: another one is drawn.
    #[error("instance outside the assumptions: {0}")]
    Rejected(&'static str),
    /// Settings or an input that no computation can be made of.
    #[error("{0}")]
    Invalid(String),
    /// The computation broke down (a singular system, no convergence).
    #[error("numerical failure: {0}")]
    Numerical(String),
}

impl From<TableError> for Failure {
    fn from(error: TableError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl Failure {
    /// An [`Failure::Invalid`] with this message.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(message.into())
    }

    /// A [`Failure::Numerical`] with this message.
    pub fn numerical(message: impl Into<String>) -> Self {
        Self::Numerical(message.into())
    }
}
