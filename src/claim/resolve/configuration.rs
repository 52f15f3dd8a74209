//! The configurations of a check: named settings, what is set on top, and every point of a grid.

use super::{
    Resolver,
    check::number,
    settings::{self, Layer},
};
use crate::{
    claim::{Arm, problem::Problem, raw, tree::Node},
    papers::leaf::Experiment,
};

impl<'a> Resolver<'a> {
    /// Looks an experiment up.
    pub(super) fn experiment(&mut self, name: &str, node: &Node) -> Option<&'a Experiment> {
        let leaf = self.leaf;
        let found = leaf.find_experiment(name);
        if found.is_none() {
            let known = leaf.experiments.iter().map(|e| e.name);
            self.unknown(node, "experiment", "experiment", name, known);
        }
        found
    }

    /// Looks named settings up; `node` is the list of their names.
    pub(super) fn named(&mut self, experiment: &str, names: &[String], node: &Node) -> Vec<(String, Layer)> {
        let named = self.experiments.get(experiment).map(|configured| &configured.named);
        let mut found = Vec::new();
        for (name, place) in names.iter().zip(node.items()) {
            if let Some(layer) = named.and_then(|named| named.get(name)) {
                found.push((name.clone(), layer.clone()));
            } else {
                let what = format!("named settings of `{experiment}`");
                let known = named.into_iter().flatten().map(|(name, _)| name.as_str());
                self.problems.push(Problem::unknown(&place.span, &what, name, known));
            }
        }
        found
    }

    /// One arm a configuration.
    pub(super) fn arms(
        &mut self,
        raw: &impl raw::Configured,
        node: &Node,
        extra: &Layer,
    ) -> Option<Vec<Arm>> {
        let experiment = self.experiment(raw.experiment(), node)?;
        let configurations = self.configurations(raw, node, extra)?;
        configurations
            .into_iter()
            .map(|(label, layer)| self.arm(experiment, label, &[&layer], node))
            .collect()
    }

    /// For each configuration its label, and one arm a size.
    pub(super) fn sized(
        &mut self,
        experiment: &str,
        raw: &impl raw::Configured,
        size: Option<(&String, &Vec<f64>)>,
        node: &Node,
        extra: &Layer,
    ) -> Option<Vec<(String, Vec<Arm>)>> {
        let experiment = self.experiment(experiment, node)?;
        let mut layers = vec![Layer::new()];
        if let Some((size, sizes)) = size {
            let span = &node.get("size").unwrap_or(node).span;
            settings::setting(size, span, experiment, &mut self.problems)?;
            if sizes.windows(2).any(|pair| pair[0] >= pair[1]) || sizes[0] <= 0.0 {
                let span = &node.get("sizes").unwrap_or(node).span;
                self.problems.push(Problem::new(span, "sizes must be positive and ascending", "these sizes"));
                return None;
            }
            layers = sizes.iter().map(|value| Layer::from_iter([(size.clone(), number(*value))])).collect();
        }
        let mut arms = Vec::new();
        for (label, layer) in self.configurations(raw, node, extra)? {
            let of_sizes = layers
                .iter()
                .map(|size| self.arm(experiment, settings::label(size), &[&layer, size], node))
                .collect::<Option<Vec<_>>>()?;
            let label = if label.is_empty() { "reference settings".into() } else { label };
            arms.push((label, of_sizes));
        }
        Some(arms)
    }

    /// The configurations of a check: label, and settings that are not defaults.
    pub(super) fn configurations(
        &mut self,
        raw: &impl raw::Configured,
        node: &Node,
        extra: &Layer,
    ) -> Option<Vec<(String, Layer)>> {
        let experiment = self.experiment(raw.experiment(), node)?;
        let before = self.problems.len();
        let bases = match raw.settings() {
            None => vec![(String::new(), Layer::new())],
            Some(names) => self.named(experiment.name, names, node.get("settings").unwrap_or(node)),
        };
        let set = node.get("set").map(|set| settings::layer(set, experiment, &mut self.problems));
        let grid = node.get("grid").map(|grid| settings::axes(grid, experiment, &mut self.problems));
        if self.problems.len() > before {
            return None;
        }
        let (set, grid) = (set.unwrap_or_default(), grid.unwrap_or_default());
        let mut all = Vec::new();
        for (name, base) in &bases {
            for point in settings::combinations(&grid) {
                let parts = [name.clone(), settings::label(&point)];
                let parts: Vec<String> = parts.into_iter().filter(|p| !p.is_empty()).collect();
                all.push((parts.join(", "), settings::merged(&[base, &set, &point, extra])));
            }
        }
        Some(all)
    }

    pub(super) fn arm(
        &mut self,
        experiment: &Experiment,
        label: String,
        layers: &[&Layer],
        node: &Node,
    ) -> Option<Arm> {
        settings::arm(experiment, label, layers)
            .map_err(|message| self.problems.push(Problem::new(&node.span, message, "here")))
            .ok()
    }
}
