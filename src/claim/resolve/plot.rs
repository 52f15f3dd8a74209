//! Resolves one picture.

use super::{
    Resolver,
    check::number,
    settings::{self, Layer},
};
use crate::claim::{
    Axis, Plot, PlotContent, PlotCurve, PlotPanel,
    problem::Problem,
    raw::{RawAxis, RawPlot},
    tree::Node,
};

impl Resolver<'_> {
    pub(super) fn plot(&mut self, raw: &RawPlot, node: &Node) -> Option<Plot> {
        let experiment = self.experiment(&raw.experiment, node)?;
        let before = self.problems.len();
        let content = match (&raw.series, &raw.sweep, &raw.bars) {
            (Some(series), None, None) => PlotContent::Series(series.clone()),
            (None, Some(sweep), None) => PlotContent::Sweep(sweep.metric.clone()),
            (None, None, Some(metric)) => PlotContent::Bars(metric.clone()),
            _ => {
                let problem = Problem::new(&node.span, "expected exactly one thing to draw", "this plot");
                self.problems.push(problem.help("give one of `series`, `sweep`, `bars`"));
                return None;
            }
        };
        let (place, key) = match &raw.sweep {
            Some(_) => (node.get("sweep").unwrap_or(node), "metric"),
            None => (node, "bars"),
        };
        if let PlotContent::Sweep(metric) | PlotContent::Bars(metric) = &content
            && experiment.metric(metric).is_none()
        {
            self.unknown(place, key, "metric", metric, experiment.metrics.iter().map(|m| m.name));
        }
        let mut sweep = vec![(0.0, Layer::new())];
        if let Some(raw) = &raw.sweep {
            let span = &place.get("setting").unwrap_or(place).span;
            settings::setting(&raw.setting, span, experiment, &mut self.problems)?;
            let at = |value: &f64| (*value, Layer::from_iter([(raw.setting.clone(), number(*value))]));
            sweep = raw.values.iter().map(at).collect();
        }
        let set = node.get("set").map(|set| settings::layer(set, experiment, &mut self.problems));
        let set = set.unwrap_or_default();
        let mut panels = Vec::new();
        for (title, base) in self.panels(raw, node) {
            let mut curves = Vec::new();
            let nodes = node.get("curves").map(Node::items).unwrap_or_default();
            for (curve, node) in raw.curves.iter().zip(nodes) {
                let own = node.get("set").map(|set| settings::layer(set, experiment, &mut self.problems));
                let own = own.unwrap_or_default();
                if let Some(fault) = curve.fault.as_ref().filter(|f| !experiment.faults.contains(&f.as_str()))
                {
                    self.unknown(node, "fault", "fault", fault, experiment.faults.iter().copied());
                }
                let mut arms = Vec::new();
                for (x, size) in &sweep {
                    match settings::arm(experiment, curve.label.clone(), &[&base, &set, &own, size]) {
                        Ok(arm) => arms.push((*x, arm)),
                        Err(message) => self.problems.push(Problem::new(&node.span, message, "here")),
                    }
                }
                curves.push(PlotCurve { label: curve.label.clone(), fault: curve.fault.clone(), arms });
            }
            panels.push(PlotPanel { title, curves });
        }
        (self.problems.len() == before).then(|| Plot {
            title: raw.title.clone(),
            content,
            x: axis(&raw.x),
            y: axis(&raw.y),
            experiment: raw.experiment.clone(),
            panels,
            replicates: raw.replicates.unwrap_or(1),
        })
    }

    /// Title and named settings of each panel.
    fn panels(&mut self, raw: &RawPlot, node: &Node) -> Vec<(String, Layer)> {
        let Some(names) = &raw.panels else { return vec![(String::new(), Layer::new())] };
        self.named(&raw.experiment, names, node.get("panels").unwrap_or(node))
    }
}

fn axis(raw: &RawAxis) -> Axis {
    Axis { label: raw.label.clone(), log: raw.log }
}
