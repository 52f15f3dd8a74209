//! Resolves one check: its configurations, its metric, its bound, its controls, its map.

use serde_json::Value;

use super::{
    Resolver,
    settings::{self, Layer},
};
use crate::{
    claim::{
        Arm, BenchmarkMeasure, BenchmarkSpec, Bound, Budget, Check, CheckSpec, ComplexitySpec, Controls,
        CoverageSpec, EquivalenceSpec, LocationSpec, MapAxis, NumberSpec, PairedSpec, PropertySpec,
        Published, RateSpec, Relation, Requirement, Statistic, ValidityMap,
        problem::Problem,
        raw::{
            self, Bounded, Controlled, Measured, RawBenchmark, RawBudget, RawCheck, RawComplexity,
            RawEquivalence, RawNumber, RawProperty, RawRate, RawRequirement,
        },
        tree::Node,
    },
    papers::leaf::{Direction, Metric},
};

/// What is required of a metric beyond its existence.
#[derive(Clone, Copy, PartialEq)]
enum Needs {
    Nothing,
    Bounded,
    Indicator,
    Direction,
    NotNegative,
}

impl Resolver<'_> {
    pub(super) fn check(&mut self, published: &[Published], raw: &RawCheck, node: &Node) -> Option<Check> {
        let spec = self.spec(published, raw, node, &Layer::new());
        let controls = self.controls(raw, node);
        let map = self.map(published, raw, node);
        Some(Check { spec: spec?, controls: controls?, map: map? })
    }

    /// The specification of a check, with extra settings on top of all but those that a pair or a
    /// size sets.
    fn spec(
        &mut self,
        published: &[Published],
        raw: &RawCheck,
        node: &Node,
        extra: &Layer,
    ) -> Option<CheckSpec> {
        let statistic = |s: Option<Statistic>| s.unwrap_or(Statistic::Mean);
        Some(match raw {
            RawCheck::Property(raw) => CheckSpec::Property(self.property(raw, node)?),
            RawCheck::Number(raw) => CheckSpec::Number(self.number(raw, node, extra)?),
            RawCheck::Location(raw) => {
                CheckSpec::Location(self.location(raw, statistic(raw.statistic), node, extra)?)
            }
            RawCheck::Difference(raw) => {
                let needs = needs_of(raw.statistic);
                CheckSpec::Difference(self.paired(raw, raw.statistic, needs, node, extra)?)
            }
            RawCheck::Ratio(raw) => {
                if raw.statistic == Some(Statistic::NormalMean) {
                    let span = &node.get("statistic").unwrap_or(node).span;
                    let problem = Problem::new(span, "a ratio is not normally distributed", "here");
                    self.problems.push(problem.help("use `statistic: mean` or `statistic: median`"));
                }
                let needs = needs_of(raw.statistic);
                self.metric(&raw.experiment, &raw.metric, Needs::NotNegative, node);
                CheckSpec::Ratio(self.paired(raw, raw.statistic, needs, node, extra)?)
            }
            RawCheck::Improvement(raw) => {
                CheckSpec::Improvement(self.paired(raw, None, Needs::Direction, node, extra)?)
            }
            RawCheck::Coverage(raw) => {
                let metric = self.metric(&raw.experiment, &raw.metric, Needs::Indicator, node);
                let (arms, bound, budget) = self.measured(raw, node, extra)?;
                metric?;
                CheckSpec::Coverage(CoverageSpec {
                    experiment: raw.experiment.clone(),
                    metric: raw.metric.clone(),
                    arms,
                    bound,
                    budget,
                })
            }
            RawCheck::Rate(raw) => {
                let statistic = raw.statistic.unwrap_or(Statistic::Median);
                CheckSpec::Rate(self.rate(raw, statistic, node, extra)?)
            }
            RawCheck::Equivalence(raw) => {
                CheckSpec::Equivalence(self.equivalence(published, raw, node, extra)?)
            }
            RawCheck::Complexity(raw) => CheckSpec::Complexity(self.complexity(raw, node, extra)?),
            RawCheck::Benchmark(raw) => CheckSpec::Benchmark(self.benchmark(raw, node)?),
        })
    }

    fn property(&mut self, raw: &RawProperty, node: &Node) -> Option<PropertySpec> {
        let leaf = self.leaf;
        let Some(property) = leaf.find_property(&raw.property) else {
            self.unknown(node, "property", "property", &raw.property, leaf.properties.iter().map(|p| p.name));
            return None;
        };
        let require = self.requirements(&raw.require, property.metrics, node);
        let cases = settings::budget(raw.cases, node.get("cases").unwrap_or(node), &mut self.problems);
        Some(PropertySpec { property: raw.property.clone(), require: require?, cases: cases? })
    }

    fn number(&mut self, raw: &RawNumber, node: &Node, extra: &Layer) -> Option<NumberSpec> {
        let experiment = self.experiment(&raw.experiment, node)?;
        if experiment.stochastic {
            let message = format!("experiment `{}` draws random numbers", raw.experiment);
            let span = &node.get("experiment").unwrap_or(node).span;
            let problem = Problem::new(span, message, "not a matter of one number");
            self.problems.push(problem.help("use a statistical kind of check, such as `location`"));
        }
        let arms = self.arms(raw, node, extra);
        let require = self.requirements(&raw.require, experiment.metrics, node);
        Some(NumberSpec { experiment: raw.experiment.clone(), arms: labelled(arms?), require: require? })
    }

    fn location(
        &mut self,
        raw: &impl Measured,
        statistic: Statistic,
        node: &Node,
        extra: &Layer,
    ) -> Option<LocationSpec> {
        let metric = self.metric(raw.experiment(), raw.metric(), needs_of(Some(statistic)), node);
        let (arms, bound, budget) = self.measured(raw, node, extra)?;
        metric?;
        let (experiment, metric) = (raw.experiment().to_owned(), raw.metric().to_owned());
        Some(LocationSpec { experiment, metric, arms, statistic, bound, budget })
    }

    fn paired(
        &mut self,
        raw: &(impl Measured + Against),
        statistic: Option<Statistic>,
        needs: Needs,
        node: &Node,
        extra: &Layer,
    ) -> Option<PairedSpec> {
        let experiment = self.experiment(raw.experiment(), node)?;
        let metric = self.metric(raw.experiment(), raw.metric(), needs, node);
        let configurations = self.configurations(raw, node, extra);
        let (bound, budget) = (self.bound(raw, node), self.budget(raw, node));
        let mut pairs = Vec::new();
        let nodes = node.get("against").map(Node::items).unwrap_or_default();
        for against in nodes {
            let other = settings::layer(against, experiment, &mut self.problems);
            for (label, layer) in configurations.iter().flatten() {
                let own: Layer = other
                    .keys()
                    .filter_map(|key| {
                        let value = layer.get(key).or_else(|| experiment.defaults.get(key))?;
                        Some((key.clone(), value.clone()))
                    })
                    .collect();
                let parts = [label.as_str(), &settings::label(&own)];
                let parts: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
                let arm = self.arm(experiment, parts.join(", "), &[layer], against);
                let opposite = self.arm(experiment, settings::label(&other), &[layer, &other], against);
                pairs.extend(arm.zip(opposite));
            }
        }
        metric?;
        Some(PairedSpec {
            experiment: raw.experiment().to_owned(),
            metric: raw.metric().to_owned(),
            pairs,
            statistic: statistic.unwrap_or(Statistic::Mean),
            bound: bound?,
            budget: budget?,
        })
    }

    fn rate(&mut self, raw: &RawRate, statistic: Statistic, node: &Node, extra: &Layer) -> Option<RateSpec> {
        let needs = if statistic == Statistic::Mean {
            let span = &node.get("statistic").or_else(|| node.get("kind")).unwrap_or(node).span;
            let problem =
                Problem::new(span, "a slope has no finite range, so its mean cannot be bounded", "here");
            self.problems.push(problem.help("use `statistic: median`"));
            Needs::Nothing
        } else {
            Needs::NotNegative
        };
        let metric = self.metric(&raw.experiment, &raw.metric, needs, node);
        let arms = self.sized(&raw.experiment, raw, Some((&raw.size, &raw.sizes)), node, extra);
        let (bound, budget) = (self.bound(raw, node), self.budget(raw, node));
        metric?;
        Some(RateSpec {
            experiment: raw.experiment.clone(),
            metric: raw.metric.clone(),
            sizes: raw.sizes.clone(),
            arms: arms?,
            statistic,
            bound: bound?,
            budget: budget?,
        })
    }

    fn complexity(&mut self, raw: &RawComplexity, node: &Node, extra: &Layer) -> Option<ComplexitySpec> {
        let metric = self.metric(&raw.experiment, &raw.metric, Needs::NotNegative, node);
        let size = match (&raw.size, &raw.sizes) {
            (Some(size), Some(sizes)) => Some((size, sizes)),
            (None, None) => None,
            _ => {
                let problem = Problem::new(&node.span, "`size` and `sizes` go together", "this check");
                self.problems.push(problem.help("give both for a slope, or neither for the count itself"));
                None
            }
        };
        let arms = self.sized(&raw.experiment, raw, size, node, extra);
        let bound = self.bound(raw, node);
        let counted_once = self.leaf.find_experiment(&raw.experiment).is_some_and(|e| !e.stochastic);
        let budget =
            if counted_once { Some(Budget { first: 1, quick: 1, full: 1 }) } else { self.budget(raw, node) };
        metric?;
        Some(ComplexitySpec {
            experiment: raw.experiment.clone(),
            metric: raw.metric.clone(),
            sizes: raw.sizes.clone().unwrap_or_default(),
            arms: arms?,
            bound: bound?,
            budget: budget?,
        })
    }

    fn equivalence(
        &mut self,
        published: &[Published],
        raw: &RawEquivalence,
        node: &Node,
        extra: &Layer,
    ) -> Option<EquivalenceSpec> {
        let Some(published) = published.iter().find(|p| p.name == raw.published) else {
            let known = published.iter().map(|p| p.name.as_str());
            self.unknown(node, "published", "published figure", &raw.published, known);
            return None;
        };
        let bound = match published.relation {
            Relation::Equals => Bound::Within(published.figure - raw.margin, published.figure + raw.margin),
            Relation::AtLeast => Bound::AtLeast(published.figure - raw.margin),
            Relation::AtMost => Bound::AtMost(published.figure + raw.margin),
        };
        let statistic = raw.statistic.unwrap_or(Statistic::Mean);
        let metric = self.metric(&raw.experiment, &raw.metric, needs_of(Some(statistic)), node);
        let arms = self.arms(raw, node, extra);
        let budget = self.budget_of(&raw.experiment, raw.replicates, node);
        metric?;
        let location = LocationSpec {
            experiment: raw.experiment.clone(),
            metric: raw.metric.clone(),
            arms: labelled(arms?),
            statistic,
            bound,
            budget: budget?,
        };
        Some(EquivalenceSpec { location, published: published.clone(), margin: raw.margin })
    }

    fn benchmark(&mut self, raw: &RawBenchmark, node: &Node) -> Option<BenchmarkSpec> {
        let function = raw.function.clone();
        let measure = match (&raw.against, &raw.sizes) {
            (Some(against), None) => BenchmarkMeasure::Ratio { function, against: against.clone() },
            (None, Some(sizes)) => BenchmarkMeasure::Slope { function, sizes: sizes.clone() },
            _ => {
                let problem = Problem::new(
                    &node.span,
                    "a benchmark compares with `against`, or over `sizes`",
                    "this check",
                );
                self.problems.push(problem.help("give exactly one of the two"));
                return None;
            }
        };
        Some(BenchmarkSpec { group: raw.group.clone(), measure, bound: self.bound(raw, node)? })
    }

    /// Arms, bound and budget of a check on one metric.
    fn measured(
        &mut self,
        raw: &impl Measured,
        node: &Node,
        extra: &Layer,
    ) -> Option<(Vec<Arm>, Bound, Budget)> {
        let arms = self.arms(raw, node, extra);
        let (bound, budget) = (self.bound(raw, node), self.budget(raw, node));
        Some((labelled(arms?), bound?, budget?))
    }

    fn metric(&mut self, experiment: &str, name: &str, needs: Needs, node: &Node) -> Option<&'static Metric> {
        let experiment = self.leaf.find_experiment(experiment)?;
        let Some(metric) = experiment.metric(name) else {
            self.unknown(node, "metric", "metric", name, experiment.metrics.iter().map(|m| m.name));
            return None;
        };
        let bounded = metric.low.is_finite() && metric.high.is_finite();
        let (good, help) = match needs {
            Needs::Nothing => (true, ""),
            Needs::Bounded => (
                bounded,
                "a mean needs a metric with a finite range; use `statistic: median` or `normal-mean`",
            ),
            Needs::Indicator => {
                (metric.low == 0.0 && metric.high == 1.0, "coverage needs an indicator, with range 0 to 1")
            }
            Needs::Direction => {
                (metric.better != Direction::Neutral, "an improvement needs a metric with a direction")
            }
            Needs::NotNegative => (metric.low >= 0.0, "expected a metric whose range does not reach below 0"),
        };
        if !good {
            let span = &node.get("metric").unwrap_or(node).span;
            let message = format!("metric `{name}` has range [{}, {}]", metric.low, metric.high);
            self.problems.push(Problem::new(span, message, "does not fit this check").help(help));
        }
        good.then_some(metric)
    }

    fn requirements(
        &mut self,
        raw: &[RawRequirement],
        metrics: &[Metric],
        node: &Node,
    ) -> Option<Vec<Requirement>> {
        let nodes = node.get("require").map(Node::items).unwrap_or_default();
        let mut all = Vec::new();
        for (raw, node) in raw.iter().zip(nodes) {
            if !metrics.iter().any(|m| m.name == raw.metric) {
                self.unknown(node, "metric", "metric", &raw.metric, metrics.iter().map(|m| m.name));
                continue;
            }
            let bound = self.bound(raw, node);
            all.extend(bound.map(|bound| Requirement { metric: raw.metric.clone(), bound }));
        }
        (all.len() == raw.len()).then_some(all)
    }

    fn bound(&mut self, raw: &impl Bounded, node: &Node) -> Option<Bound> {
        match raw.bounds() {
            (Some(top), None, None) => return Some(Bound::AtMost(top)),
            (None, Some(bottom), None) => return Some(Bound::AtLeast(bottom)),
            (None, None, Some([low, high])) if low <= high => return Some(Bound::Within(low, high)),
            (None, None, Some(_)) => {
                let span = &node.get("within").unwrap_or(node).span;
                self.problems.push(Problem::new(span, "the interval is empty", "expected low ≤ high"));
            }
            _ => {
                let span = node.entries().first().map_or(&node.span, |(key, _)| &key.span);
                let problem = Problem::new(span, "expected exactly one bound", "of this map");
                self.problems.push(problem.help("give one of `at-most`, `at-least`, `within`"));
            }
        }
        None
    }

    fn budget(&mut self, raw: &impl Measured, node: &Node) -> Option<Budget> {
        self.budget_of(raw.experiment(), raw.replicates(), node)
    }

    fn budget_of(&mut self, experiment: &str, own: Option<RawBudget>, node: &Node) -> Option<Budget> {
        if let Some(own) = own {
            return settings::budget(own, node.get("replicates").unwrap_or(node), &mut self.problems);
        }
        let configured = self.experiments.get(experiment).and_then(|e| e.budget);
        if configured.is_none() && self.leaf.find_experiment(experiment).is_some() {
            let span = &node.get("experiment").unwrap_or(node).span;
            let problem = Problem::new(span, "missing key `replicates`", "how many replicates?");
            self.problems
                .push(problem.help("give `replicates` here, or for the experiment in the experiments file"));
        }
        configured
    }

    fn controls(&mut self, raw: &RawCheck, node: &Node) -> Option<Controls> {
        let (faults, impossible) = controlled(raw).controls();
        let span = node.entries().first().map_or(&node.span, |(key, _)| &key.span);
        let faults = match (faults, impossible) {
            (Some(faults), None) if !faults.is_empty() => faults,
            (None, Some(reason)) if !reason.trim().is_empty() => {
                return Some(Controls::Impossible(reason.trim().into()));
            }
            (Some(_), Some(_)) => {
                self.problems.push(Problem::new(
                    span,
                    "both `controls` and `control-impossible`",
                    "this check",
                ));
                return None;
            }
            _ => {
                let problem = Problem::new(span, "missing control", "this check");
                self.problems.push(problem.help(
                    "name under `controls` a fault with which the check must fail, or say in `control-impossible` why there is none",
                ));
                return None;
            }
        };
        let honoured = self.honoured(raw);
        let mut good = true;
        let places = node.get("controls").map(Node::items).unwrap_or_default();
        for (i, (fault, place)) in faults.iter().zip(places).enumerate() {
            if faults[..i].contains(fault) {
                good = false;
                self.problems.push(Problem::new(
                    &place.span,
                    format!("repeated fault `{fault}`"),
                    "stands again",
                ));
                continue;
            }
            if honoured.as_ref().is_none_or(|honoured| honoured.contains(&fault.as_str())) {
                continue;
            }
            good = false;
            let known = honoured.iter().flatten().copied();
            let mut problem = Problem::unknown(&place.span, "fault", fault, known);
            if self.leaf.faults.iter().any(|f| f.name == fault) {
                problem.message = format!("fault `{fault}` makes no difference to what is checked here");
            }
            self.problems.push(problem);
        }
        good.then(|| Controls::Faults(faults.to_vec()))
    }

    /// The faults that the checked property or experiment honours; `None` if it does not exist.
    fn honoured(&self, raw: &RawCheck) -> Option<Vec<&'static str>> {
        match (raw, configured(raw)) {
            (RawCheck::Property(raw), _) => self.leaf.find_property(&raw.property).map(|p| p.faults.clone()),
            (_, Some(raw)) => self.leaf.find_experiment(raw.experiment()).map(|e| e.faults.clone()),
            // A benchmark under a fault is a benchmark function of its own.
            (_, None) => Some(self.leaf.faults.iter().map(|f| f.name).collect()),
        }
    }

    /// The validity map of a check; outer `None` if something is wrong with it.
    #[allow(clippy::option_option, reason = "a map that is absent, and a map that is wrong, are two things")]
    fn map(&mut self, published: &[Published], raw: &RawCheck, node: &Node) -> Option<Option<ValidityMap>> {
        let Some(over) = node.get("over").filter(|over| !over.entries().is_empty()) else {
            return Some(None);
        };
        let experiment = self.leaf.find_experiment(configured(raw)?.experiment())?;
        let before = self.problems.len();
        let axes = settings::axes(over, experiment, &mut self.problems);
        if self.problems.len() > before {
            return None;
        }
        if axes.len() > 2 {
            let message = format!("a validity map has one or two axes, found {}", axes.len());
            self.problems.push(Problem::new(&over.span, message, "these axes"));
            return None;
        }
        let cells = settings::combinations(&axes)
            .iter()
            .map(|cell| self.spec(published, raw, node, cell))
            .collect::<Option<Vec<_>>>()?;
        let axes = axes.into_iter().map(|(setting, values)| MapAxis { setting, values }).collect();
        Some(Some(ValidityMap { axes, cells }))
    }
}

/// The settings of the arms that a paired check compares with.
trait Against {}
impl Against for raw::RawDifference {}
impl Against for raw::RawRatio {}
impl Against for raw::RawImprovement {}

fn needs_of(statistic: Option<Statistic>) -> Needs {
    if statistic.unwrap_or(Statistic::Mean) == Statistic::Mean { Needs::Bounded } else { Needs::Nothing }
}

/// Arms without a name of their own are the reference.
fn labelled(mut arms: Vec<Arm>) -> Vec<Arm> {
    for arm in arms.iter_mut().filter(|arm| arm.label.is_empty()) {
        arm.label = "reference settings".into();
    }
    arms
}

/// A size as JSON: whole numbers without a point, so that they fit whole-number settings.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { Value::from(value as i64) } else { Value::from(value) }
}

fn controlled(raw: &RawCheck) -> &dyn Controlled {
    match raw {
        RawCheck::Property(raw) => raw,
        RawCheck::Number(raw) => raw,
        RawCheck::Location(raw) => raw,
        RawCheck::Difference(raw) => raw,
        RawCheck::Ratio(raw) => raw,
        RawCheck::Improvement(raw) => raw,
        RawCheck::Coverage(raw) => raw,
        RawCheck::Rate(raw) => raw,
        RawCheck::Equivalence(raw) => raw,
        RawCheck::Complexity(raw) => raw,
        RawCheck::Benchmark(raw) => raw,
    }
}

/// The configurations of a check; `None` for kinds that have none.
fn configured(raw: &RawCheck) -> Option<&dyn raw::Configured> {
    Some(match raw {
        RawCheck::Property(_) | RawCheck::Benchmark(_) => return None,
        RawCheck::Number(raw) => raw,
        RawCheck::Location(raw) => raw,
        RawCheck::Difference(raw) => raw,
        RawCheck::Ratio(raw) => raw,
        RawCheck::Improvement(raw) => raw,
        RawCheck::Coverage(raw) => raw,
        RawCheck::Rate(raw) => raw,
        RawCheck::Equivalence(raw) => raw,
        RawCheck::Complexity(raw) => raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_have_no_point_if_they_are_whole_and_not_huge() {
        assert_eq!(number(3.0), json!(3));
        assert_eq!(number(-999_999_999_999_999.0), json!(-999_999_999_999_999_i64));
        assert_eq!(number(0.5), json!(0.5));
        assert_eq!(number(1e15), json!(1e15));
    }
}
