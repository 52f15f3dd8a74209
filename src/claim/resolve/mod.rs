//! From what is written to what it means: names looked up, settings completed, rules checked.

mod check;
mod configuration;
mod plot;
pub mod settings;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Claim, Scope, Tests, Verdict,
    problem::Problem,
    raw::{ClaimsFile, ExperimentsFile, RawClaim},
    schema,
    tree::Node,
};
use crate::papers::leaf::Paper;
use settings::Configured;

/// What the claims of one paper are resolved against, and what was found wrong.
pub struct Resolver<'a> {
    /// The leaf.
    pub leaf: &'a Paper,
    /// What the experiments file says.
    pub experiments: &'a BTreeMap<String, Configured>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

/// The schema of a type as plain JSON.
#[must_use]
pub fn schema_of<T: schemars::JsonSchema>() -> serde_json::Value {
    schemars::schema_for!(T).to_value()
}

/// Resolves a claims file whose `paper` block has been read.
pub fn claims(tree: &Node, resolver: &mut Resolver<'_>) -> Vec<Claim> {
    let file = schema_of::<ClaimsFile>();
    let wanted = file.pointer("/properties/claims/items").unwrap_or(&serde_json::Value::Null);
    let mut ids = BTreeSet::new();
    let mut claims = Vec::new();
    for node in tree.get("claims").map(Node::items).unwrap_or_default() {
        if let Some(id) = node.get("id")
            && let Some(text) = id.text()
            && !ids.insert(text.to_owned())
        {
            let problem = Problem::new(&id.span, format!("repeated id `{text}`"), "stands again");
            resolver.problems.push(problem.help("every claim has an id of its own"));
        }
        let held = schema::hold_part(node, &file, wanted, &mut resolver.problems);
        match held.and_then(|value| serde_json::from_value::<RawClaim>(value).ok()) {
            Some(raw) => claims.extend(resolver.claim(&raw, node)),
            None => resolver.fragments(node, &file),
        }
    }
    claims
}

/// Resolves an experiments file.
pub fn experiments(
    raw: &ExperimentsFile,
    tree: &Node,
    leaf: &Paper,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Configured> {
    let mut all = BTreeMap::new();
    let node = tree.get("experiments");
    for (key, node) in node.map(Node::entries).unwrap_or_default() {
        let Some(experiment) = leaf.find_experiment(&key.name) else {
            let known = leaf.experiments.iter().map(|e| e.name);
            problems.push(Problem::unknown(&key.span, "experiment", &key.name, known));
            continue;
        };
        let Some(raw) = raw.experiments.get(&key.name) else { continue };
        let budget = raw
            .replicates
            .and_then(|budget| settings::budget(budget, node.get("replicates").unwrap_or(node), problems));
        let mut named = BTreeMap::new();
        for (name, node) in node.get("settings").map(Node::entries).unwrap_or_default() {
            let layer = settings::layer(node, experiment, problems);
            if let Err(message) = settings::arm(experiment, String::new(), &[&layer]) {
                problems.push(Problem::new(&name.span, message, "these settings"));
            }
            named.insert(name.name.clone(), layer);
        }
        all.insert(key.name.clone(), Configured { budget, named });
    }
    all
}

impl Resolver<'_> {
    fn claim(&mut self, raw: &RawClaim, node: &Node) -> Option<Claim> {
        self.identifier(&raw.id, node);
        let expect = raw.expect.unwrap_or(match raw.scope {
            Scope::OutOfReach => Verdict::OutOfReach,
            _ => Verdict::Corroborated,
        });
        self.rules(raw, node, expect);
        let nodes = node.get("checks").map(Node::items).unwrap_or_default();
        let checks =
            raw.checks.iter().zip(nodes).map(|(check, node)| self.check(&raw.published, check, node));
        let checks: Vec<_> = checks.collect();
        let nodes = node.get("plots").map(Node::items).unwrap_or_default();
        let plots: Vec<_> = raw.plots.iter().zip(nodes).map(|(plot, node)| self.plot(plot, node)).collect();
        Some(Claim {
            id: raw.id.clone(),
            paper: self.leaf.slug.to_owned(),
            statement: tidy(&raw.statement),
            source: tidy(&raw.source),
            provenance: raw.provenance.clone(),
            kind: raw.kind,
            scope: raw.scope,
            tests: raw.tests,
            checks: checks.into_iter().collect::<Option<_>>()?,
            published: raw.published.clone(),
            expect,
            because: raw.because.as_deref().map(tidy),
            notes: raw.notes.as_deref().map(tidy),
            needs: raw.needs.as_deref().map(tidy),
            plots: plots.into_iter().collect::<Option<_>>()?,
        })
    }

    /// What can be said of the id and the checks of a claim that is no claim yet, so that nothing
    /// wrong with them waits for the rest to be mended.
    fn fragments(&mut self, node: &Node, file: &serde_json::Value) {
        if let Some(id) = node.get("id").and_then(Node::text) {
            self.identifier(id, node);
        }
        let Some(wanted) = file.pointer("/$defs/RawCheck") else { return };
        for node in node.get("checks").map(Node::items).unwrap_or_default() {
            let held = schema::hold_part(node, file, wanted, &mut Vec::new());
            if let Some(raw) = held.and_then(|value| serde_json::from_value(value).ok()) {
                self.check(&[], &raw, node);
            }
        }
    }

    fn identifier(&mut self, id: &str, node: &Node) {
        let number = id.strip_prefix(self.leaf.slug).and_then(|rest| rest.strip_prefix('.'));
        let digits = number.map(|number| number.strip_prefix('x').unwrap_or(number));
        let good = digits.is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_ascii_digit()));
        if !good {
            let span = &node.get("id").unwrap_or(node).span;
            let slug = self.leaf.slug;
            let problem = Problem::new(span, format!("id `{id}` does not belong to `{slug}`"), "this id");
            self.problems.push(problem.help(format!(
                "expected `{slug}.` and a number, or `{slug}.x` and a number for a claim added here"
            )));
        }
    }

    /// What must hold between the keys of a claim.
    fn rules(&mut self, raw: &RawClaim, node: &Node, expect: Verdict) {
        let mut broken = |key: &str, message: &str, help: &str| {
            let place =
                node.entry(key).or_else(|| node.entry("id")).map_or(0..0, |(key, _)| key.span.clone());
            self.problems.push(Problem::new(&place, message, "this claim").help(help));
        };
        let unreachable = raw.scope == Scope::OutOfReach;
        if unreachable && !raw.checks.is_empty() {
            broken(
                "checks",
                "a claim out of reach has no checks",
                "remove `checks`, or choose another scope",
            );
        }
        if unreachable && raw.needs.is_none() {
            broken("scope", "missing key `needs`", "say what a check of this claim would need");
        }
        if !unreachable && raw.checks.is_empty() {
            broken(
                "scope",
                "a claim needs a check",
                "add `checks`, or set `scope: out-of-reach` and `needs`",
            );
        }
        if (expect == Verdict::OutOfReach) != unreachable {
            broken(
                "expect",
                "scope and expected verdict contradict each other",
                "`out-of-reach` goes with that scope only",
            );
        }
        let default = matches!(expect, Verdict::Corroborated | Verdict::OutOfReach);
        if !default && raw.because.is_none() {
            broken(
                "expect",
                "missing key `because`",
                "say why another verdict than `corroborated` is expected",
            );
        }
        if raw.tests == Tests::Opposite && expect == Verdict::Corroborated {
            broken(
                "tests",
                "checks of the opposite cannot corroborate the statement",
                "set `expect: refuted` and say `because`",
            );
        }
    }

    /// Reports an unknown name that stands under `key`.
    fn unknown<'n>(
        &mut self,
        node: &Node,
        key: &str,
        what: &str,
        name: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let span = &node.get(key).unwrap_or(node).span;
        self.problems.push(Problem::unknown(span, what, name, known));
    }
}

/// Folded YAML text without its line ends.
fn tidy(text: &str) -> String {
    text.trim().to_owned()
}
