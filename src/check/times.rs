//! Times that criterion measured, read from the files that it leaves behind.
//!
//! Below its folder (`target/criterion`) each benchmark has a folder `new` with `benchmark.json`
//! (which group, which function, which parameter) and `estimates.json` (mean time with a bootstrap
//! interval). A time enters a verdict only as a ratio or a slope, never alone.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::DeserializeOwned};

/// Deepest folder that is looked into.
const DEPTH: u32 = 6;

/// Mean time of a benchmark, in nanoseconds, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Point estimate.
    pub mean: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Confidence level of the interval, 0.95 unless criterion was told otherwise.
    pub confidence: f64,
}

/// Mean times by group and benchmark. A benchmark is named `function`, or `function/parameter`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Times(BTreeMap<(String, String), Estimate>);

/// What makes measured times unreadable.
#[derive(Debug, thiserror::Error)]
pub enum TimesError {
    /// A file or folder cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what criterion writes.
    #[error("{}: {message}", path.display())]
    Strange {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    mean: Mean,
}

#[derive(Deserialize)]
struct Mean {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    confidence_level: f64,
    lower_bound: f64,
    upper_bound: f64,
}

impl Times {
    /// Reads everything that criterion measured.
    ///
    /// # Errors
    /// [`TimesError`] if the folder cannot be read, or holds files that criterion does not write,
    /// or times that are not positive.
    pub fn read(folder: &Path) -> Result<Self, TimesError> {
        let mut times = Self::default();
        times.gather(folder, DEPTH)?;
        Ok(times)
    }

    /// Adds the time of a benchmark.
    #[must_use]
    pub fn with(mut self, group: &str, benchmark: &str, estimate: Estimate) -> Self {
        self.0.insert((group.to_owned(), benchmark.to_owned()), estimate);
        self
    }

    /// The time of a benchmark of a group.
    #[must_use]
    pub fn of(&self, group: &str, benchmark: &str) -> Option<Estimate> {
        self.0.get(&(group.to_owned(), benchmark.to_owned())).copied()
    }

    fn gather(&mut self, folder: &Path, depth: u32) -> Result<(), TimesError> {
        let unreadable = |source| TimesError::Unreadable { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.file_name().is_some_and(|name| name == "new") && path.join("benchmark.json").is_file() {
                let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
                let Estimates { mean } = read(&path.join("estimates.json"))?;
                let parts = [benchmark.function_id, benchmark.value_str];
                let name = parts.into_iter().flatten().collect::<Vec<_>>().join("/");
                let Interval { confidence_level, lower_bound, upper_bound } = mean.confidence_interval;
                let estimate = Estimate {
                    mean: mean.point_estimate,
                    low: lower_bound,
                    high: upper_bound,
                    confidence: confidence_level,
                };
                if !(0.0 < lower_bound && lower_bound <= upper_bound && upper_bound.is_finite()) {
                    let message = format!("a time between {lower_bound} and {upper_bound}");
                    return Err(TimesError::Strange { path: path.join("estimates.json"), message });
                }
                self.0.insert((benchmark.group_id, name), estimate);
            } else if path.is_dir() && depth > 0 {
                self.gather(&path, depth - 1)?;
            }
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, TimesError> {
    let bytes = fs::read(path).map_err(|source| TimesError::Unreadable { path: path.to_owned(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|e| TimesError::Strange { path: path.to_owned(), message: e.to_string() })
}
