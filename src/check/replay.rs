//! The commands that replay evidence.

use serde_json::Value;

use super::question::Question;
use crate::{claim::Tier, run::Cases};

/// Longest instance that is put on a command line.
const LONGEST_INSTANCE: usize = 2_000;

/// Measures times, and judges the claims about them.
pub const BENCHMARKS: &str = "just bench";

/// Judges a claim again.
pub fn claim(id: &str, tier: Tier, root_seed: u64) -> String {
    format!("corroborate verify {id} --tier {tier} --seed {root_seed}")
}

/// Measures a counterexample again; `None` if it is too long for a command line.
pub fn instance(cases: &Cases, instance: &Value) -> Option<String> {
    let instance = instance.to_string();
    let fault = cases.fault.as_ref().map(|f| format!(" --fault {f}")).unwrap_or_default();
    (instance.len() <= LONGEST_INSTANCE).then(|| {
        let Cases { paper, property, .. } = cases;
        format!("echo {} | corroborate eval {paper}/{property}{fault}", quoted(&instance))
    })
}

/// Measures the first sample of the questions again.
pub fn samples(questions: &[Question], replicates: u64, root_seed: u64) -> String {
    let Some(sample) = questions.iter().find_map(|q| q.samples.first()) else { return String::new() };
    let mut command = format!("corroborate run {}/{}", sample.paper, sample.experiment);
    for (key, value) in sample.settings.as_object().into_iter().flatten() {
        command += " --set ";
        command += &quoted(&format!("{key}={value}"));
    }
    if let Some(fault) = &sample.fault {
        command += " --fault ";
        command += fault;
    }
    command + &format!(" --replicates {replicates} --seed {root_seed}")
}

/// A word for a POSIX shell.
fn quoted(word: &str) -> String {
    if word.chars().all(|c| c.is_ascii_alphanumeric() || "=._-/".contains(c)) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_shell() {
        assert_eq!(quoted("T=2000"), "T=2000");
        assert_eq!(quoted(r#"grid=[0.1,"it's"]"#), r#"'grid=[0.1,"it'\''s"]'"#);
    }
}
