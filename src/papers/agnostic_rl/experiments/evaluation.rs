//! Evaluation of a class by either method from equally many transitions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::{Fault, importance, process::Problem, tree::Forest};
use crate::kernel::{mdp::argmax, stream::Stream, stream::Streams};

/// How policies are evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All policies on trajectory trees, from a generative model.
    TrajectoryTree,
    /// All policies from episodes with uniform actions.
    ImportanceSampling,
}

impl Method {
    /// Whether a fault is a mistake that this method can make.
    #[must_use]
    pub fn honours(self, fault: Fault) -> bool {
        match fault {
            Fault::ImportanceSampling => self == Self::TrajectoryTree,
            Fault::UnweightedEpisodes => self == Self::ImportanceSampling,
            _ => true,
        }
    }
}

/// The random numbers of both methods.
pub struct Sources {
    trees: Stream,
    episodes: Stream,
}

impl Sources {
    /// Those of a replicate.
    pub fn of(streams: &Streams) -> Self {
        Self { trees: streams.stream("trees"), episodes: streams.stream("episodes") }
    }
}

/// How good an evaluation was.
pub struct Quality {
    /// max over π of |V̂(π) − V(π)|.
    pub error: f64,
    /// max over π of V(π), less the value of the policy with the largest estimate.
    pub suboptimality: f64,
    /// Transitions used by the trees.
    pub transitions: usize,
}

/// Evaluates the class by m trees, or by as many whole episodes as the transitions of those trees make up (one at
/// least).
pub fn evaluate(
    problem: &Problem,
    method: Method,
    trees: usize,
    fault: Option<Fault>,
    sources: &mut Sources,
) -> Quality {
    let Problem { process, class, .. } = problem;
    let forest = Forest::draw(process, class, trees, None, &mut sources.trees);
    let transitions: usize = forest.queries.iter().sum();
    let method = if fault == Some(Fault::ImportanceSampling) { Method::ImportanceSampling } else { method };
    let estimates = match method {
        Method::TrajectoryTree => forest.estimates(),
        Method::ImportanceSampling => {
            let episodes = (transitions / process.horizon()).max(1);
            importance::estimates(class, &importance::play(process, episodes, &mut sources.episodes), fault)
        }
    };
    Quality {
        error: problem.sup_error(&estimates),
        suboptimality: problem.suboptimality(argmax(&estimates)),
        transitions,
    }
}
