//! The distance itself.

use super::{BoxedStrategy, Cloud, Failure, Fault, Measurement, Metric, Observe, Pair, cloud};
use crate::{
    kernel::neighbours::{Neighbours, squared_distance},
    papers::prdc::{Constraint, constraint::distance, tree::Tree},
};

/// d_β(s, a)² with one pair of the data.
fn squared_to(beta: f64, pair: &Pair, other: &Pair) -> f64 {
    beta * beta * squared_distance(&pair.state, &other.state) + squared_distance(&pair.action, &other.action)
}

/// The smallest of some numbers.
fn least(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(f64::INFINITY, f64::min)
}

/// d_β(sᵢ, a) ≤ ‖a − aᵢ‖.
pub struct Softness;

impl Observe for Softness {
    type Instance = Cloud;
    type Fault = Fault;
    const NAME: &'static str = "softness";
    const SUMMARY: &'static str = "At a state of the data the distance of an action from the dataset is at most that from the action taken there.";
    const METRICS: &'static [Metric] = &[
        Metric::new("slack", "Smallest ‖a − aᵢ‖ − d_β(sᵢ, a) over the data."),
        Metric::new("at-data", "Largest d_β(sᵢ, aᵢ) over the data.").range(0.0, f64::INFINITY),
    ];
    const FAULTS: &'static [Fault] = &[Fault::MaxDistance];

    fn instances() -> BoxedStrategy<Cloud> {
        cloud()
    }

    fn observe(instance: &Cloud, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Cloud { data, beta, pair } = instance;
        let constraint = Constraint::new(data, *beta, fault)?;
        let (mut slack, mut at_data) = (f64::INFINITY, 0.0_f64);
        for member in data {
            let moved = Pair { state: member.state.clone(), action: pair.action.clone() };
            slack = slack.min(distance(&pair.action, &member.action) - constraint.nearest(&moved)?.distance);
            at_data = at_data.max(constraint.nearest(member)?.distance);
        }
        Ok(Measurement::new().metric("slack", slack).metric("at-data", at_data))
    }
}

/// ‖a − â‖ ≤ d_β and ‖s − ŝ‖ ≤ d_β/β.
pub struct Departure;

impl Observe for Departure {
    type Instance = Cloud;
    type Fault = Fault;
    const NAME: &'static str = "departure";
    const SUMMARY: &'static str =
        "The distance bounds how far action and state are from those of the nearest pair.";
    const METRICS: &'static [Metric] =
        &[Metric::new("action-slack", "d_β − ‖a − â‖."), Metric::new("state-slack", "d_β/β − ‖s − ŝ‖.")];
    const FAULTS: &'static [Fault] = &[Fault::UnscaledState];

    fn instances() -> BoxedStrategy<Cloud> {
        cloud()
    }

    fn observe(instance: &Cloud, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Cloud { data, beta, pair } = instance;
        let nearest = Constraint::new(data, *beta, fault)?.nearest(pair)?;
        Ok(Measurement::new()
            .metric("action-slack", nearest.distance - distance(&pair.action, &nearest.pair.action))
            .metric("state-slack", nearest.distance / beta - distance(&pair.state, &nearest.pair.state)))
    }
}

/// β = 0 imitates the nearest action anywhere, β → ∞ the action of the nearest state.
pub struct Interpolation;

impl Observe for Interpolation {
    type Instance = Cloud;
    type Fault = Fault;
    const NAME: &'static str = "interpolation";
    const SUMMARY: &'static str =
        "The limits of small and large β, and that the distance does not fall with β.";
    const METRICS: &'static [Metric] = &[
        Metric::new("action-excess", "At β = 0, ‖a − â‖ minus the least ‖a − aᵢ‖.").range(0.0, f64::INFINITY),
        Metric::new("state-excess", "At β = 1e6, ‖s − ŝ‖ minus the least ‖s − sᵢ‖.")
            .range(0.0, f64::INFINITY),
        Metric::new("fall", "d_β − d_{1.5β}."),
    ];
    const FAULTS: &'static [Fault] = &[Fault::BetaOnAction];

    fn instances() -> BoxedStrategy<Cloud> {
        cloud()
    }

    fn observe(instance: &Cloud, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Cloud { data, beta, pair } = instance;
        let nearest = |beta: f64| Constraint::new(data, beta, fault)?.nearest(pair);
        let action = |other: &Pair| distance(&pair.action, &other.action);
        let state = |other: &Pair| distance(&pair.state, &other.state);
        Ok(Measurement::new()
            .metric("action-excess", action(nearest(0.0)?.pair) - least(data.iter().map(action)))
            .metric("state-excess", state(nearest(1e6)?.pair) - least(data.iter().map(state)))
            .metric("fall", nearest(*beta)?.distance - nearest(1.5 * beta)?.distance))
    }
}

/// ∇ₐ d_β² = 2(a − â) where the neighbour is unique.
pub struct Gradient;

impl Gradient {
    /// Step of the central differences.
    const STEP: f64 = 1e-6;
}

impl Observe for Gradient {
    type Instance = Cloud;
    type Fault = Fault;
    const NAME: &'static str = "gradient";
    const SUMMARY: &'static str =
        "The gradient with the neighbour held fixed is that of the squared distance, by central differences.";
    const METRICS: &'static [Metric] = &[Metric::new(
        "error",
        "Largest difference of a coordinate, relative to one plus the squared distance.",
    )
    .range(0.0, f64::INFINITY)];
    const FAULTS: &'static [Fault] = &[Fault::CloneNearestState];

    fn instances() -> BoxedStrategy<Cloud> {
        cloud()
    }

    fn observe(instance: &Cloud, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Cloud { data, beta, pair } = instance;
        let constraint = Constraint::new(data, *beta, None)?;
        let nearest = constraint.nearest(pair)?;
        let squared = nearest.distance * nearest.distance;
        // A step moves a squared distance by at most 2h‖a − aᵢ‖ + h² < 1e-5: no other action becomes
        // the one imitated.
        let others = data.iter().filter(|other| other.action != nearest.pair.action);
        if least(others.map(|other| squared_to(*beta, pair, other))) < squared + 1e-4 {
            return Err(Failure::Rejected("the neighbour is not unique"));
        }
        let imitated = Constraint::new(data, *beta, fault)?.nearest(pair)?.pair;
        let mut error = 0.0_f64;
        for i in 0..pair.action.len() {
            let at = |step: f64| {
                let mut moved = pair.clone();
                moved.action[i] += step;
                let distance = constraint.nearest(&moved)?.distance;
                Ok::<_, Failure>(distance * distance)
            };
            let difference = (at(Self::STEP)? - at(-Self::STEP)?) / (2.0 * Self::STEP);
            error = error.max((2.0 * (pair.action[i] - imitated.action[i]) - difference).abs());
        }
        Ok(Measurement::new().metric("error", error / (1.0 + squared)))
    }
}

/// The k-d tree finds what a scan finds.
pub struct Search;

impl Observe for Search {
    type Instance = Cloud;
    type Fault = Fault;
    const NAME: &'static str = "search";
    const SUMMARY: &'static str =
        "The k-d tree and the library's find the index that a scan over the dataset finds, ties included.";
    const METRICS: &'static [Metric] = &[
        Metric::new("wrong", "1 if the tree's index is another.").range(0.0, 1.0),
        Metric::new("library-wrong", "1 if the library's index is another.").range(0.0, 1.0),
        Metric::new("visited", "Nodes visited, as a share of the dataset.").range(0.0, 1.0),
    ];
    const FAULTS: &'static [Fault] = &[Fault::NoBacktracking];

    fn instances() -> BoxedStrategy<Cloud> {
        cloud()
    }

    fn admit(instance: &Cloud) -> Result<(), Failure> {
        let Cloud { data, beta, pair } = instance;
        Constraint::new(data, *beta, None)?.nearest(pair).map(|_| ())
    }

    fn observe(instance: &Cloud, fault: Option<Fault>) -> Result<Measurement, Failure> {
        let Cloud { data, beta, pair } = instance;
        let row = |pair: &Pair| -> Vec<f64> {
            pair.state.iter().map(|s| beta * s).chain(pair.action.iter().copied()).collect()
        };
        let (rows, query): (Vec<_>, _) = (data.iter().map(row).collect(), row(pair));
        let nearer = |best: usize, i: usize| {
            squared_distance(&rows[i], &query) < squared_distance(&rows[best], &query)
        };
        let scanned = (1..rows.len()).fold(0, |best, i| if nearer(best, i) { i } else { best });
        let search = Tree::new(&rows).nearest(&query, fault);
        let library = Neighbours::new(rows.iter().cloned()).and_then(|tree| tree.nearest(&query));
        let library = library.map_err(|e| Failure::invalid(e.to_string()))?;
        let wrong = |index: Option<usize>| f64::from(u8::from(index != Some(scanned)));
        Ok(Measurement::new()
            .metric("wrong", wrong(search.found.map(|found| found.index)))
            .metric("library-wrong", wrong(Some(library.index)))
            .metric("visited", search.visits as f64 / rows.len().max(1) as f64))
    }
}
