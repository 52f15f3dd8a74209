//! Trajectory trees: all policies are evaluated on one lazily drawn deterministic process.
//!
//! The first time that a triple (h, s, a) is needed, the generative model is asked for s′ once, and the
//! answer is kept for all policies of this tree. So a tree *is* a deterministic process: it reaches
//! at most C_h(Π) pairs of layer h, and asks for at most Σ_h C_h(Π) transitions. The return of a policy
//! on it has mean V(π), because a path never meets a triple twice. With m trees all
//! estimates are within √(ln(2|Π|/δ)/(2m)) of their values with probability 1 − δ (Hoeffding), if returns lie
//! in \[0, 1\]. Source: Kearns, Mansour and Ng (1999); Jia et al. (2023), upper bound for the generative model.

use super::{
    Fault,
    class::{Class, Policy},
};
use crate::kernel::{
    math::{mean, variance},
    mdp::{Episodic, argmax},
    stream::Stream,
};

/// A deterministic process, drawn while policies walk through it.
pub struct Tree<'a, D> {
    process: &'a Episodic,
    start: usize,
    /// s′ of the triples that have been asked for, in the order (h S + s) A + a.
    known: Vec<Option<usize>>,
    /// The last path, which the next policy shares up to where it acts otherwise.
    path: Vec<Passed>,
    /// The return of that path.
    returned: f64,
    queries: usize,
    /// s′ ~ P_h(s, a).
    draw: D,
    fault: Option<Fault>,
}

/// A layer of a path.
#[derive(Clone, Copy)]
struct Passed {
    state: usize,
    action: usize,
    /// Σ of the rewards before it.
    before: f64,
}

impl<'a, D: FnMut(usize, usize, usize) -> usize> Tree<'a, D> {
    /// A tree with this start state, whose transitions are drawn by `draw(h, s, a)`.
    pub fn new(process: &'a Episodic, start: usize, draw: D, fault: Option<Fault>) -> Self {
        let triples = process.steps().iter().map(|step| step.states() * step.actions()).sum();
        let (path, known) = (Vec::with_capacity(process.horizon()), vec![None; triples]);
        let mut tree = Self { process, start, known, path, returned: 0.0, queries: 0, draw, fault };
        if fault == Some(Fault::FullTree) {
            tree.expand(0, start);
        }
        tree
    }

    /// The return Σ_h r_h(s_h, π_h(s_h)) of a policy on this tree.
    pub fn walk(&mut self, policy: &Policy) -> f64 {
        let shared = match self.fault {
            Some(Fault::ResamplePerStep) => 0,
            _ => self.path.iter().zip(policy).take_while(|(at, layer)| layer[at.state] == at.action).count(),
        };
        if shared == self.process.horizon() {
            return self.returned;
        }
        let (mut state, mut total) =
            self.path.get(shared).map_or((self.start, 0.0), |at| (at.state, at.before));
        self.path.truncate(shared);
        for (h, step) in self.process.steps().iter().enumerate().skip(shared) {
            let action = policy[h][state];
            self.path.push(Passed { state, action, before: total });
            total += step.rewards()[state][action];
            state = self.next(h, state, action);
        }
        self.returned = total;
        total
    }

    /// Transitions that the generative model was asked for.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.queries
    }

    fn next(&mut self, h: usize, state: usize, action: usize) -> usize {
        let triple = self.triple(h, state, action);
        match self.known[triple] {
            Some(next) if self.fault != Some(Fault::ResamplePerStep) => next,
            _ => self.ask(h, state, action),
        }
    }

    fn ask(&mut self, h: usize, state: usize, action: usize) -> usize {
        self.queries += 1;
        let next = (self.draw)(h, state, action);
        let triple = self.triple(h, state, action);
        self.known[triple] = Some(next);
        next
    }

    /// Asks for every action after every history.
    fn expand(&mut self, h: usize, state: usize) {
        if h == self.process.horizon() {
            return;
        }
        for action in 0..self.process.steps()[h].actions() {
            let next = self.ask(h, state, action);
            self.expand(h + 1, next);
        }
    }

    fn triple(&self, h: usize, state: usize, action: usize) -> usize {
        let step = &self.process.steps()[h];
        let h = if self.fault == Some(Fault::ReuseAcrossLayers) { 0 } else { h };
        (h * step.states() + state) * step.actions() + action
    }
}

/// The evaluation of a class by m trees.
#[derive(Clone, Debug, PartialEq)]
pub struct Forest {
    /// Returns of each policy, tree after tree.
    returns: Vec<Vec<f64>>,
    /// Queries, tree after tree.
    pub queries: Vec<usize>,
}

impl Forest {
    /// Draws m ≥ 1 trees.
    pub fn draw(
        process: &Episodic,
        class: &Class,
        trees: usize,
        fault: Option<Fault>,
        stream: &mut Stream,
    ) -> Self {
        let mut forest =
            Self { returns: vec![Vec::with_capacity(trees); class.policies().len()], queries: vec![] };
        for _ in 0..trees {
            let start = stream.categorical(process.start());
            let draw = |h: usize, s, a| process.steps()[h].draw(s, a, stream);
            forest.add(class, &mut Tree::new(process, start, draw, fault));
        }
        forest
    }

    /// No trees yet, for a class.
    #[must_use]
    pub fn of(class: &Class) -> Self {
        Self { returns: vec![vec![]; class.policies().len()], queries: vec![] }
    }

    /// Evaluates the class on one more tree.
    pub fn add<D: FnMut(usize, usize, usize) -> usize>(&mut self, class: &Class, tree: &mut Tree<'_, D>) {
        for (returns, policy) in self.returns.iter_mut().zip(class.policies()) {
            returns.push(tree.walk(policy));
        }
        self.queries.push(tree.queries());
    }

    /// V̂(π) of every policy: the mean return over trees.
    #[must_use]
    pub fn estimates(&self) -> Vec<f64> {
        self.returns.iter().map(|returns| mean(returns)).collect()
    }

    /// The standard error of every estimate; there must be two trees or more.
    #[must_use]
    pub fn standard_errors(&self) -> Vec<f64> {
        self.returns.iter().map(|returns| (variance(returns, 1) / returns.len() as f64).sqrt()).collect()
    }

    /// π̂: the policy with the largest estimate, the first one among ties.
    #[must_use]
    pub fn chosen(&self) -> usize {
        argmax(&self.estimates())
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::kernel::stream::Streams;
    use crate::papers::agnostic_rl::process::Problem;

    fn queries(fault: Option<Fault>) -> Vec<usize> {
        let problem = Problem::reference(8, 8, 0, 1).unwrap();
        let mut stream = Streams::from_seed(0).stream("trees");
        Forest::draw(&problem.process, &problem.class, 400, fault, &mut stream).queries
    }

    #[test]
    fn known_numbers_of_queries() {
        let tree = queries(None);
        let mean = tree.iter().sum::<usize>() as f64 / 400.0;
        assert_relative_eq!(mean, 30.3, epsilon = 0.4);
        assert!(tree.iter().all(|q| *q <= 44));
        assert!(queries(Some(Fault::FullTree)).iter().all(|q| *q == 510));
        assert!(queries(Some(Fault::ResamplePerStep)).iter().all(|q| *q == 65 * 8));
    }

    #[test]
    fn a_tree_answers_all_policies_alike() {
        let problem = Problem::reference(3, 2, 1, 2).unwrap();
        let mut stream = Streams::from_seed(1).stream("trees");
        let draw = |_: usize, _: usize, _: usize| stream.below(2);
        let mut tree = Tree::new(&problem.process, 0, draw, None);
        let first: Vec<f64> = problem.class.policies().iter().map(|p| tree.walk(p)).collect();
        let asked = tree.queries();
        let again: Vec<f64> = problem.class.policies().iter().map(|p| tree.walk(p)).collect();
        assert_eq!((first, asked), (again, tree.queries()));
    }
}
