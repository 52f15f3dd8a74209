//! What a check will measure, and how it is judged, before anything is measured.

use super::{
    benchmark, complexity, coverage, difference, equivalence, evidence::Finding, improvement, location,
    number, property, question::Question, rate, ratio, times::Times,
};
use crate::{
    claim::{Arm, BenchmarkSpec, Budget, CheckSpec, Claim, Tier},
    papers::leaf::{Experiment, Metric, Paper},
    run::{Cases, Sample},
};

/// A check under one fault or none, ready to be judged.
pub struct CheckPlan {
    /// Kind of the check.
    pub kind: &'static str,
    /// The property or experiment.
    pub subject: String,
    /// How it is judged.
    pub method: Method,
}

/// How a check is judged.
pub enum Method {
    /// Requirements on the cases of a property.
    Cases(Cases, Vec<&'static Metric>),
    /// Questions, answered after the replicate counts listed, until decided.
    Questions {
        /// The questions.
        questions: Vec<Question>,
        /// Numbers of replicates at which they are asked, ascending.
        looks: Vec<u64>,
    },
    /// Times that were, or were not, measured beforehand.
    Times {
        /// What is to be timed.
        timed: BenchmarkSpec,
        /// What the times say.
        finding: Finding,
    },
}

/// Everything that a plan is made from.
pub struct Context<'a> {
    /// The leaf.
    pub paper: &'a Paper,
    /// The claim.
    pub claim: &'a Claim,
    /// The fault, if any.
    pub fault: Option<&'a str>,
    /// How much is spent.
    pub tier: Tier,
    /// Level of each statistical test, in each direction.
    pub level: f64,
    /// Times that criterion measured, if it was run.
    pub times: Option<&'a Times>,
}

impl<'a> Context<'a> {
    /// The experiment of this name.
    ///
    /// # Errors
    /// A message if there is none.
    pub fn experiment(&self, name: &str) -> Result<&'a Experiment, String> {
        self.paper
            .find_experiment(name)
            .ok_or_else(|| format!("`{}` has no experiment `{name}`", self.paper.slug))
    }

    /// The sample of an arm under the plan's fault, if that fault reaches the arm.
    pub fn sample(&self, experiment: &str, arm: &Arm) -> Sample {
        let known = self.paper.find_experiment(experiment);
        let reaches = |fault: &&str| known.is_none_or(|known| known.reaches(arm.settings.clone(), fault));
        Sample {
            paper: self.paper.slug.to_owned(),
            experiment: experiment.to_owned(),
            settings: arm.settings.clone(),
            fault: self.fault.filter(reaches).map(str::to_owned),
        }
    }

    /// The replicate counts at which questions are asked: the first block, then a quarter more each
    /// time, up to the tier's budget. The tests hold whenever they are asked, so nothing is paid for
    /// asking often, and a question that needs a few replicates more than a look had does not cost twice as many.
    #[must_use]
    pub fn looks(&self, budget: Budget) -> Vec<u64> {
        let most = budget.of(self.tier).max(1);
        let mut looks = Vec::new();
        let mut next = budget.first.clamp(1, most);
        while next < most {
            looks.push(next);
            next = next.saturating_add((next / 4).max(1));
        }
        looks.push(most);
        looks
    }
}

/// The declared metric of an experiment.
///
/// # Errors
/// A message if there is none of this name.
pub fn metric(experiment: &Experiment, name: &str) -> Result<&'static Metric, String> {
    experiment.metric(name).ok_or_else(|| format!("`{}` has no metric `{name}`", experiment.name))
}

/// Plans a check.
///
/// # Errors
/// A message if the specification names what the leaf lacks.
pub fn plan(spec: &CheckSpec, context: &Context<'_>) -> Result<CheckPlan, String> {
    match spec {
        CheckSpec::Property(spec) => property::plan(spec, context),
        CheckSpec::Number(spec) => number::plan(spec, context),
        CheckSpec::Location(spec) => location::plan(spec, context),
        CheckSpec::Difference(spec) => difference::plan(spec, context),
        CheckSpec::Coverage(spec) => coverage::plan(spec, context),
        CheckSpec::Rate(spec) => rate::plan(spec, context),
        CheckSpec::Ratio(spec) => ratio::plan(spec, context),
        CheckSpec::Improvement(spec) => improvement::plan(spec, context),
        CheckSpec::Equivalence(spec) => equivalence::plan(spec, context),
        CheckSpec::Complexity(spec) => complexity::plan(spec, context),
        CheckSpec::Benchmark(spec) => Ok(benchmark::plan(spec, context)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_grow_by_a_quarter_up_to_the_budget() {
        let paper =
            Paper { slug: "p", faults: vec![], functions: vec![], experiments: vec![], properties: vec![] };
        let claim = crate::check::verdict::tests::claim();
        let context = Context {
            paper: &paper,
            claim: &claim,
            fault: None,
            tier: Tier::Quick,
            level: 1e-5,
            times: None,
        };
        let budget = |first, quick| Budget { first, quick, full: quick };
        assert_eq!(context.looks(budget(20, 60)), [20, 25, 31, 38, 47, 58, 60]);
        assert_eq!(context.looks(budget(1, 4)), [1, 2, 3, 4]);
        assert_eq!(context.looks(budget(5, 5)), [5]);
        assert_eq!(context.looks(budget(50, 20)), [20]);
    }
}
