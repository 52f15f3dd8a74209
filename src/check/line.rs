//! A check under one fault or none: what it still needs, and what it concludes.

use serde_json::{Value, json};

use super::{
    evidence::{Evidence, Finding, Outcome},
    plan::{CheckPlan, Method},
    question::{Question, Replicates, exact},
    replay,
};
use crate::{
    claim::Tier,
    papers::leaf::Metric,
    run::{Cases, CasesRecord, Request, Results, Sample},
};

/// A check under one fault or none.
pub struct Line {
    /// Index of the check among the claim's checks.
    pub check: usize,
    /// The fault, if any.
    pub fault: Option<String>,
    /// The cell of the check's validity map, if the line judges one.
    pub cell: Option<usize>,
    /// The claim.
    pub claim: String,
    /// How much is spent.
    pub tier: Tier,
    /// What is measured, or why nothing can be.
    pub plan: Result<CheckPlan, String>,
}

/// How far a line has come.
pub enum Step {
    /// It needs these first.
    Needs(Vec<Request>),
    /// It is concluded.
    Done(Box<Evidence>),
}

impl Line {
    /// What the line still needs, or what it concludes from the results.
    pub fn step(&self, results: &Results, root_seed: u64) -> Step {
        self.conclude(results, root_seed).unwrap_or_else(|message| {
            let replay = replay::claim(&self.claim, self.tier, root_seed);
            let (kind, subject) = self.kind_and_subject();
            Step::Done(Box::new(Evidence::broken(kind, subject, message, replay)))
        })
    }

    /// Number of statistical tests behind the line.
    pub fn tests(&self) -> u64 {
        match self.plan.as_ref().map(|plan| &plan.method) {
            Ok(Method::Questions { questions, .. }) => questions.iter().map(|q| q.tests).sum(),
            _ => 0,
        }
    }

    /// What the line would measure at most, for the digest of the plan.
    pub fn identity(&self) -> Value {
        json!([self.claim, self.check, self.fault, self.cell, self.measured()])
    }

    /// What the line would measure at most.
    pub fn measured(&self) -> Value {
        match self.plan.as_ref().map(|plan| &plan.method) {
            Err(message) => json!(message),
            Ok(Method::Cases(cases, _)) => json!(cases.key()),
            Ok(Method::Questions { questions, looks }) => {
                let keys = |q: &Question| q.samples.iter().map(Sample::key).collect::<Vec<_>>();
                json!([questions.iter().map(keys).collect::<Vec<_>>(), looks])
            }
            Ok(Method::Times { timed, .. }) => json!(timed),
        }
    }

    /// Everything that the line may need; a decided test stops earlier.
    pub fn at_most(&self) -> Vec<Request> {
        match self.plan.as_ref().map(|plan| &plan.method) {
            Ok(Method::Cases(cases, _)) => vec![Request::Cases(cases.clone())],
            Ok(Method::Questions { questions, looks }) => {
                let replicates = looks.last().copied().unwrap_or(0);
                let of = |sample: &Sample| {
                    let sample = sample.clone();
                    Request::Replicates { sample, replicates, series: false }
                };
                questions.iter().flat_map(|question| &question.samples).map(of).collect()
            }
            Ok(Method::Times { .. }) | Err(_) => Vec::new(),
        }
    }

    fn conclude(&self, results: &Results, root_seed: u64) -> Result<Step, String> {
        match &self.plan.as_ref().map_err(Clone::clone)?.method {
            Method::Cases(cases, metrics) => {
                let Some(record) = results.cases(cases) else {
                    return Ok(Step::Needs(vec![Request::Cases(cases.clone())]));
                };
                Ok(Step::Done(Box::new(self.of_cases(cases, metrics, record?, root_seed))))
            }
            Method::Questions { questions, looks } => self.of_questions(questions, looks, results, root_seed),
            Method::Times { finding, .. } => {
                let unmeasured = finding.estimate.is_none();
                let gathered = self.gathered(vec![finding.clone()], finding.samples);
                Ok(Step::Done(Box::new(Evidence {
                    unmeasured,
                    replay: replay::BENCHMARKS.into(),
                    ..gathered
                })))
            }
        }
    }

    fn of_cases(
        &self,
        cases: &Cases,
        metrics: &[&'static Metric],
        record: &CasesRecord,
        root_seed: u64,
    ) -> Evidence {
        let findings = cases
            .require
            .iter()
            .zip(metrics)
            .zip(&record.worst)
            .map(|((requirement, metric), worst)| {
                let label = "worst case".to_owned();
                exact(label, metric.name, metric.unit, requirement.bound, *worst, record.cases)
            })
            .collect();
        let violation = record.violation.as_ref();
        let instance = violation.and_then(|v| replay::instance(cases, &v.instance));
        Evidence {
            rejected: record.rejected,
            violating: Some(record.violating as f64 / record.cases.max(1) as f64),
            counterexample: violation.map(|v| {
                let measured: serde_json::Map<_, _> =
                    v.measured.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                json!({ "case": v.case, "instance": v.instance, "measured": measured })
            }),
            replay: instance.unwrap_or_else(|| replay::claim(&self.claim, self.tier, root_seed)),
            ..self.gathered(findings, cases.cases)
        }
    }

    /// Asks the open questions at each look in turn. On the reference, a question stays open
    /// until it is decided; under a fault, the first failure settles the control.
    fn of_questions(
        &self,
        questions: &[Question],
        looks: &[u64],
        results: &Results,
        root_seed: u64,
    ) -> Result<Step, String> {
        let mut findings: Vec<Option<Finding>> = questions.iter().map(|_| None).collect();
        for &look in looks {
            let is_open = |f: &Option<Finding>| f.as_ref().is_none_or(|f| f.outcome == Outcome::Undecided);
            let open: Vec<usize> = (0..questions.len()).filter(|&i| is_open(&findings[i])).collect();
            let lacking = |sample: &&Sample| results.replicates(sample, look).is_none();
            let needs: Vec<Request> = open
                .iter()
                .flat_map(|&i| &questions[i].samples)
                .filter(lacking)
                .map(|sample| Request::Replicates { sample: sample.clone(), replicates: look, series: false })
                .collect();
            if !needs.is_empty() {
                return Ok(Step::Needs(needs));
            }
            for i in open {
                findings[i] = Some(answer(&questions[i], look, results)?);
            }
            let failed = findings.iter().flatten().any(|f| f.outcome == Outcome::Fail);
            if findings.iter().all(|f| !is_open(f)) || (self.fault.is_some() && failed) {
                break;
            }
        }
        let findings: Vec<Finding> = findings.into_iter().flatten().collect();
        let gathered = self.gathered(findings, looks.last().copied().unwrap_or(0));
        let replay = replay::samples(questions, gathered.samples, root_seed);
        Ok(Step::Done(Box::new(Evidence { replay, ..gathered })))
    }

    fn kind_and_subject(&self) -> (&'static str, &str) {
        self.plan.as_ref().map_or(("unplanned", ""), |plan| (plan.kind, &plan.subject))
    }

    fn gathered(&self, findings: Vec<Finding>, budget: u64) -> Evidence {
        let (kind, subject) = self.kind_and_subject();
        Evidence { budget, ..Evidence::of(kind, subject, findings) }
    }
}

fn answer(question: &Question, look: u64, results: &Results) -> Result<Finding, String> {
    let samples: Vec<Vec<_>> = question
        .samples
        .iter()
        .map(|s| results.replicates(s, look).unwrap_or(Err("not measured")).map_err(str::to_owned))
        .collect::<Result<_, String>>()?;
    let views: Vec<Replicates<'_>> = samples.iter().map(Vec::as_slice).collect();
    (question.answer)(&views)
}
