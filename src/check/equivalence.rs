//! Kind `equivalence`: a metric agrees with a published figure.
//!
//! For a figure that equals the truth, the location lies within the margin of the figure: both
//! one-sided tests must pass (two one-sided tests). For a figure that bounds the truth, the
//! location lies on the stated side of it, less or more the margin.

use super::{
    evidence::Finding,
    location,
    plan::{CheckPlan, Context, Method},
    question::Question,
};
use crate::claim::{EquivalenceSpec, Published};

pub(super) fn plan(spec: &EquivalenceSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    let named = |question: Question| {
        let (figure, answer) = (wording(&spec.published, spec.margin), question.answer);
        Question {
            answer: Box::new(move |samples| {
                let finding = answer(samples)?;
                Ok(Finding { requirement: format!("{} ({figure})", finding.requirement), ..finding })
            }),
            ..question
        }
    };
    Ok(CheckPlan {
        kind: "equivalence",
        subject: spec.location.experiment.clone(),
        method: Method::Questions {
            questions: location::questions(&spec.location, context)?.into_iter().map(named).collect(),
            looks: context.looks(spec.location.budget),
        },
    })
}

/// The published figure, as part of a requirement.
fn wording(published: &Published, margin: f64) -> String {
    let Published { name, figure, unit, relation, source } = published;
    let unit = if unit == "1" { String::new() } else { format!(" {unit}") };
    let relation = relation.word().replace('-', " ");
    format!("published: {name} {relation} {figure:?}{unit}, {source}; margin {margin:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::Relation;

    #[test]
    fn the_published_figure_is_named() {
        let published = Published {
            name: "accuracy".into(),
            figure: 0.9,
            unit: "1".into(),
            relation: Relation::AtLeast,
            source: "table 2".into(),
        };
        assert_eq!(wording(&published, 0.01), "published: accuracy at least 0.9, table 2; margin 0.01");
    }
}
