//! Judges the answers of a program to the vectors of a function.

use serde::Serialize;
use serde_json::Value;

use super::{
    compare::difference,
    vectors::{FunctionVectors, Vector},
};

/// What a program answered to a vector.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// An output.
    Output(Value),
    /// That it does not do this, which is neither right nor wrong.
    Skipped,
    /// Nothing that can be judged, for this reason.
    Nothing(String),
}

/// What the answers show about one function.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FunctionReport {
    /// `<paper>/<function>`.
    pub function: String,
    /// Vectors answered rightly.
    pub right: usize,
    /// Vectors that the program did not skip.
    pub vectors: usize,
    /// Vectors that it skipped.
    pub skipped: usize,
    /// The first wrong answers, in words.
    pub wrong: Vec<String>,
    /// What is known of each mistake.
    pub classes: Vec<(String, BugClass)>,
}

/// What the answers show about a known mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BugClass {
    /// Every answered vector that tells the mistake apart was answered rightly, at least one.
    RuledOut,
    /// A wrong answer is exactly what the mistake gives.
    Shown,
    /// Some vector that tells the mistake apart was answered wrongly in another way, or all skipped.
    Open,
}

/// Wrong answers that are told in words.
const TOLD: usize = 5;

/// Judges the answers, one a vector, in their order.
#[must_use]
pub fn judge(vectors: &FunctionVectors, answers: &[Answer]) -> FunctionReport {
    let pairs = vectors.vectors.iter().zip(answers).filter(|(_, answer)| **answer != Answer::Skipped);
    let pairs: Vec<(&Vector, &Answer)> = pairs.collect();
    let wrong: Vec<(usize, String)> =
        pairs.iter().filter_map(|(vector, answer)| Some((vector.id, complaint(vector, answer)?))).collect();
    let told = wrong.chunk_by(|(_, one), (_, other)| one == other).map(|alike| match alike {
        [(id, complaint)] => format!("vector {id}: {complaint}"),
        _ => format!("{} vectors from {}: {}", alike.len(), alike[0].0, alike[0].1),
    });
    let mut flags: Vec<&String> = vectors.vectors.iter().flat_map(|vector| &vector.flags).collect();
    flags.sort();
    flags.dedup();
    let classes = flags.into_iter().map(|flag| (flag.clone(), class(flag, &pairs))).collect();
    FunctionReport {
        function: format!("{}/{}", vectors.paper, vectors.function),
        right: pairs.len() - wrong.len(),
        vectors: pairs.len(),
        skipped: vectors.vectors.len() - pairs.len(),
        wrong: told.take(TOLD).collect(),
        classes,
    }
}

/// What is wrong with an answer; `None` if it is right.
fn complaint(vector: &Vector, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Skipped => None,
        Answer::Nothing(reason) => Some(reason.clone()),
        Answer::Output(output) => difference(&vector.output, output).map(|told| {
            match vector.near_misses.iter().find(|miss| difference(&miss.output, output).is_none()) {
                Some(miss) => format!("{told}: the mistake `{}`. {}", miss.flag, miss.mistake),
                None => told,
            }
        }),
    }
}

fn class(flag: &str, pairs: &[(&Vector, &Answer)]) -> BugClass {
    let telling: Vec<_> = pairs.iter().filter(|(vector, _)| vector.flags.iter().any(|f| f == flag)).collect();
    let mut class = if telling.is_empty() { BugClass::Open } else { BugClass::RuledOut };
    for (vector, answer) in telling {
        if complaint(vector, answer).is_none() {
            continue;
        }
        let miss = vector.near_misses.iter().find(|miss| miss.flag == flag);
        let shown = match (miss, answer) {
            (Some(miss), Answer::Output(output)) => difference(&miss.output, output).is_none(),
            _ => false,
        };
        if shown {
            return BugClass::Shown;
        }
        class = BugClass::Open;
    }
    class
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::vectors::NearMiss;
    use serde_json::json;

    fn vectors() -> FunctionVectors {
        let near = |flag: &str, output: Value| NearMiss {
            flag: flag.into(),
            mistake: "It is wrong.".into(),
            output,
        };
        let vector = |id: usize, output: Value, near_misses: Vec<NearMiss>| Vector {
            id,
            flags: near_misses.iter().map(|m| m.flag.clone()).collect(),
            input: json!(id),
            output,
            near_misses,
        };
        FunctionVectors {
            format: 1,
            paper: "p".into(),
            function: "f".into(),
            summary: "s".into(),
            tolerance: 1e-7,
            vectors: vec![
                vector(0, json!(1.0), vec![near("sign", json!(-1.0)), near("half", json!(0.5))]),
                vector(1, json!(2.0), vec![near("sign", json!(-2.0))]),
            ],
        }
    }

    fn classes(answers: &[Value]) -> Vec<BugClass> {
        let answers: Vec<Answer> = answers.iter().cloned().map(Answer::Output).collect();
        judge(&vectors(), &answers).classes.into_iter().map(|(_, class)| class).collect()
    }

    #[test]
    fn mistakes_are_ruled_out_shown_or_open() {
        use BugClass::{Open, RuledOut, Shown};
        // In the order of names: half, sign.
        assert_eq!(classes(&[json!(1.0), json!(2.0)]), [RuledOut, RuledOut]);
        assert_eq!(classes(&[json!(-1.0), json!(-2.0)]), [Open, Shown]);
        assert_eq!(classes(&[json!(0.5), json!(2.0)]), [Shown, Open]);
        assert_eq!(classes(&[json!(7.0), json!(2.0)]), [Open, Open]);
    }

    #[test]
    fn what_is_skipped_shows_nothing() {
        let report = judge(&vectors(), &[Answer::Skipped, Answer::Output(json!(2.0))]);
        assert_eq!((report.right, report.vectors, report.skipped), (1, 1, 1));
        let classes: Vec<BugClass> = report.classes.into_iter().map(|(_, class)| class).collect();
        assert_eq!(classes, [BugClass::Open, BugClass::RuledOut]);
    }

    #[test]
    fn a_wrong_answer_names_the_mistake_that_it_looks_like() {
        let report = judge(&vectors(), &[Answer::Output(json!(-1.0)), Answer::Nothing("it crashed".into())]);
        assert_eq!(report.right, 0);
        assert!(report.wrong[0].contains("the mistake `sign`"), "{:?}", report.wrong);
        assert!(report.wrong[1].contains("it crashed"));
    }
}
