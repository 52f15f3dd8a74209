//! Experiments: seeded measurements.

use std::{any::Any, collections::BTreeMap, sync::Arc};

use schemars::{JsonSchema, Schema};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Failure, Fault, Measurement, Metric, limits};
use crate::kernel::{stream::Streams, table::Table};

/// The data files of a paper, by the names that its experiments file gives them.
#[derive(Clone, Debug, Default)]
pub struct Data {
    tables: BTreeMap<String, Arc<Table>>,
}

impl Data {
    /// Adds a table under a name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, table: Table) -> Self {
        self.tables.insert(name.into(), Arc::new(table));
        self
    }

    /// Digest of all tables and their names.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        for (name, table) in &self.tables {
            add(name);
            add(&table.rows().to_string());
            table.fields().for_each(&mut add);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The table of this name.
    ///
    /// # Errors
    /// [`Failure::Invalid`] if the experiments file declares no such data.
    pub fn table(&self, name: &str) -> Result<&Table, Failure> {
        self.tables
            .get(name)
            .map(AsRef::as_ref)
            .ok_or_else(|| Failure::invalid(format!("no data file named `{name}` is declared")))
    }
}

/// An experiment, as a leaf writes it. `Self` is the prepared state that all replicates of equal
/// settings share (a fitted model, a solved MDP).
pub trait Measure: Send + Sync + Sized + 'static {
    /// Every number that can be set; `Default` is the reference configuration.
    type Settings: Serialize + DeserializeOwned + JsonSchema + Default + 'static;
    /// The leaf's faults.
    type Fault: Fault;
    /// Name, `kebab-case`.
    const NAME: &'static str;
    /// What is measured, in one sentence.
    const SUMMARY: &'static str;
    /// What a replicate reports.
    const METRICS: &'static [Metric];
    /// The faults that the experiment honours.
    const FAULTS: &'static [Self::Fault];
    /// Settings (JSON names) that tell compared arms apart: they do not enter the seed, so that
    /// arms of one replicate share their random numbers.
    const TREATMENTS: &'static [&'static str] = &[];
    /// Whether a replicate draws random numbers; if not, one replicate says all.
    const STOCHASTIC: bool = true;

    /// Whether a fault can change what is measured with these settings. Where it cannot, as in the arm of
    /// a baseline that has no such step, a control takes the replicates that were measured without it.
    /// What is said here is tried out by a test, on every sample of every control.
    #[must_use]
    fn reaches(_settings: &Self::Settings, _fault: Self::Fault) -> bool {
        true
    }

    /// What all replicates share.
    ///
    /// # Errors
    /// [`Failure::Invalid`] for settings that contradict each other.
    fn prepare(settings: Self::Settings, data: &Data) -> Result<Self, Failure>;

    /// One replicate.
    ///
    /// # Errors
    /// See [`Failure`].
    fn replicate(&self, fault: Option<Self::Fault>, streams: &Streams) -> Result<Measurement, Failure>;
}

type Normalise = dyn Fn(Value) -> Result<Value, Failure> + Send + Sync;
type Reaches = dyn Fn(Value, &str) -> bool + Send + Sync;
type Prepare = dyn Fn(Value, &Data) -> Result<Box<dyn Any + Send + Sync>, Failure> + Send + Sync;
type Replicate =
    dyn Fn(&(dyn Any + Send + Sync), Option<&str>, &Streams) -> Result<Measurement, Failure> + Send + Sync;

/// An experiment as the spine sees it.
pub struct Experiment {
    /// Name, `kebab-case`.
    pub name: &'static str,
    /// What is measured, in one sentence.
    pub summary: &'static str,
    /// JSON Schema of the settings.
    pub settings: Schema,
    /// The reference configuration.
    pub defaults: Value,
    /// What a replicate reports.
    pub metrics: &'static [Metric],
    /// Names of the faults that it honours.
    pub faults: Vec<&'static str>,
    /// Settings that do not enter the seed.
    pub treatments: &'static [&'static str],
    /// Whether a replicate draws random numbers.
    pub stochastic: bool,
    normalise: Box<Normalise>,
    reaches: Box<Reaches>,
    prepare: Box<Prepare>,
    replicate: Box<Replicate>,
}

/// What all replicates of equal settings share.
pub struct Prepared(Box<dyn Any + Send + Sync>);

impl Experiment {
    pub(super) fn of<M: Measure>() -> Self {
        Self {
            name: M::NAME,
            summary: M::SUMMARY,
            settings: limits::schema_of::<M::Settings>(),
            defaults: serde_json::to_value(M::Settings::default()).unwrap_or(Value::Null),
            metrics: M::METRICS,
            faults: M::FAULTS.iter().map(|f| f.name()).collect(),
            treatments: M::TREATMENTS,
            stochastic: M::STOCHASTIC,
            normalise: Box::new(|settings| {
                let settings: M::Settings = read(settings)?;
                serde_json::to_value(settings)
                    .map_err(|e| Failure::invalid(format!("settings cannot be written: {e}")))
            }),
            reaches: Box::new(|settings, fault| match (read(settings), M::Fault::named(fault)) {
                (Ok(settings), Some(fault)) => M::reaches(&settings, fault),
                _ => true,
            }),
            prepare: Box::new(|settings, data| Ok(Box::new(M::prepare(read(settings)?, data)?))),
            replicate: Box::new(|state, fault, streams| {
                let state: &M =
                    state.downcast_ref().ok_or_else(|| Failure::invalid("prepared by another experiment"))?;
                state.replicate(fault.and_then(M::Fault::named), streams)
            }),
        }
    }

    /// The declared metric of this name.
    #[must_use]
    pub fn metric(&self, name: &str) -> Option<&'static Metric> {
        self.metrics.iter().find(|m| m.name == name)
    }

    /// Complete settings in the form that their type gives them, so that equal settings are
    /// equal as JSON (`1` and `1.0`, for instance).
    ///
    /// # Errors
    /// [`Failure::Invalid`] for settings that do not fit.
    pub fn normalise(&self, settings: Value) -> Result<Value, Failure> {
        (self.normalise)(settings)
    }

    /// Whether a fault can change what is measured with complete settings; see [`Measure::reaches`].
    #[must_use]
    pub fn reaches(&self, settings: Value, fault: &str) -> bool {
        (self.reaches)(settings, fault)
    }

    /// Fixes complete settings (defaults already filled in).
    ///
    /// # Errors
    /// [`Failure::Invalid`] for settings that do not fit.
    pub fn prepare(&self, settings: Value, data: &Data) -> Result<Prepared, Failure> {
        Ok(Prepared((self.prepare)(settings, data)?))
    }

    /// Measures one replicate, under the named fault if one is given.
    ///
    /// # Errors
    /// Whatever the experiment reports, and [`Failure::Numerical`] for a measurement that does
    /// not conform to the declared metrics (NaN, out of range, missing).
    pub fn replicate(
        &self,
        prepared: &Prepared,
        fault: Option<&str>,
        streams: &Streams,
    ) -> Result<Measurement, Failure> {
        if let Some(fault) = fault.filter(|f| !self.faults.contains(f)) {
            return Err(Failure::invalid(format!("`{}` has no fault `{fault}`", self.name)));
        }
        let measured = (self.replicate)(prepared.0.as_ref(), fault, streams)?;
        measured.conform(self.metrics).map_err(Failure::Numerical)?;
        Ok(measured)
    }
}

fn read<T: DeserializeOwned>(settings: Value) -> Result<T, Failure> {
    serde_json::from_value(settings).map_err(|e| Failure::invalid(format!("settings do not fit: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_that_differ_in_a_field_or_a_name_have_different_digests() {
        let table = |text: &str| Table::read(text.as_bytes()).unwrap();
        let digest = |name: &str, text| Data::default().with(name, table(text)).digest();
        let all = [
            digest("a", "x,y\n1,2\n"),
            digest("b", "x,y\n1,2\n"),
            digest("a", "x,y\n1,3\n"),
            digest("a", "x,y\n12,\n"),
            digest("a", "x,y\n1,2\n1,2\n"),
            Data::default().digest(),
        ];
        for (i, one) in all.iter().enumerate() {
            assert!(!all[..i].contains(one), "{i}");
        }
        assert_eq!(all[0], digest("a", "x,y\n1,2\n"));
    }
}
