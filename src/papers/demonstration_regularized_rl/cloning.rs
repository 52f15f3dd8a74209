//! Behaviour cloning, and how far the clone is from the expert.

use super::Fault;
use crate::kernel::{
    math::{ln, powi, sum},
    mdp::{Episodic, MdpError, Rows},
};

/// A weight of a binomial law that is smaller than this, relative to the largest, is not summed.
const NEGLIGIBLE: f64 = 1e-18;

/// The count that every action has before it is shown.
#[must_use]
pub fn pseudo_count(demonstrations: usize, fault: Option<Fault>) -> f64 {
    match fault {
        Some(Fault::UnsmoothedMle) => 0.0,
        Some(Fault::UndividedRegulariser) => demonstrations as f64,
        _ => 1.0,
    }
}

/// π^BC_h(a|s) = (N_h(s, a) + c)/(N_h(s) + A c) of the counts N_h (S × A); uniform where that is 0/0.
///
/// With c = 1 it is the maximiser of Σ ln π_h(a|s) over the demonstrations, regularised by Σ ln π_h(a|s) over all
/// (h, s, a).
#[must_use]
pub fn cloned(counts: &[Rows], pseudo_count: f64) -> Vec<Rows> {
    let table = |counts: &Rows| {
        let actions = counts.width();
        let masses: Vec<f64> =
            (counts.iter()).map(|row| sum(row.iter().copied()) + actions as f64 * pseudo_count).collect();
        Rows::from_fn(counts.count(), actions, |s, a| {
            if masses[s] > 0.0 { (counts[s][a] + pseudo_count) / masses[s] } else { 1.0 / actions as f64 }
        })
    };
    counts.iter().map(table).collect()
}

/// E f(k) for k ~ Bin(n, p), summed from the most likely k outwards.
fn binomial_mean(n: usize, p: f64, f: impl Fn(f64) -> f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return f(if p > 0.5 { n as f64 } else { 0.0 });
    }
    let mode = (((n + 1) as f64 * p) as usize).min(n);
    // Pr(k + 1)/Pr(k).
    let ratio = |k: usize| (n - k) as f64 / (k + 1) as f64 * (p / (1.0 - p));
    let mut weights = vec![(mode, 1.0)];
    let mut weight = 1.0;
    for k in mode..n {
        weight *= ratio(k);
        if weight < NEGLIGIBLE {
            break;
        }
        weights.push((k + 1, weight));
    }
    weight = 1.0;
    for k in (0..mode).rev() {
        weight /= ratio(k);
        if weight < NEGLIGIBLE {
            break;
        }
        weights.push((k, weight));
    }
    sum(weights.iter().map(|(k, w)| w * f(*k as f64))) / sum(weights.iter().map(|(_, w)| *w))
}

/// E KL_traj(π^E‖π^BC) over N^E demonstrations and a pseudo-count c > 0: with d = d_h(s) of the expert and
/// p = π^E_h(a|s),
///
/// ```text
/// Σ_{h, s} d { E ln(k + A c)  +  Σ_a p (ln p − E ln(j + c)) }      k ~ Bin(N^E, d),   j ~ Bin(N^E, d p)
/// ```
///
/// # Errors
/// [`MdpError::Shape`] if the expert is no policy of the process.
pub fn expected_divergence(
    process: &Episodic,
    expert: &[Rows],
    demonstrations: usize,
    pseudo_count: f64,
) -> Result<f64, MdpError> {
    let mut terms = Vec::new();
    for (visited, rows) in process.occupancies(expert)?.iter().zip(expert) {
        for (s, d) in visited.iter().enumerate().filter(|(_, d)| **d > 0.0) {
            let prior = rows.width() as f64 * pseudo_count;
            terms.push(d * binomial_mean(demonstrations, *d, |k| ln(k + prior)));
            for p in rows[s].iter().filter(|p| **p > 0.0) {
                let shown = binomial_mean(demonstrations, d * p, |j| ln(j + pseudo_count));
                terms.push(d * p * (ln(*p) - shown));
            }
        }
    }
    Ok(sum(terms))
}

/// Σ_{h, s} d (A − 1) E 1/(n + 1) with n ~ Bin(N^E, d): what the divergence of the clone is at most in expectation.
/// E 1/(n + 1) = (1 − (1 − d)^(N^E + 1))/((N^E + 1) d).
///
/// # Errors
/// [`MdpError::Shape`] if the expert is no policy of the process.
pub fn bound_by_visits(process: &Episodic, expert: &[Rows], demonstrations: usize) -> Result<f64, MdpError> {
    let trials = demonstrations as f64 + 1.0;
    let actions = process.steps()[0].actions() as f64;
    let occupancies = process.occupancies(expert)?;
    let seen = |d: &f64| 1.0 - powi(1.0 - d.min(1.0), demonstrations as u32 + 1);
    Ok((actions - 1.0) / trials * sum(occupancies.iter().flatten().map(seen)))
}

/// ε_KL² = S H (A − 1)/(N^E + 1), the same for every expert, by H, S and A.
#[must_use]
pub fn worst_divergence(shape: (usize, usize, usize), demonstrations: usize, fault: Option<Fault>) -> f64 {
    let (horizon, states, actions) = shape;
    let cells = horizon as f64 * states as f64 * (actions as f64 - 1.0);
    let trials = demonstrations as f64 + 1.0;
    if fault == Some(Fault::HalfCountBound) { cells / (4.0 * trials) } else { cells / trials }
}

/// [`worst_divergence`] of a process.
#[must_use]
pub fn bound(process: &Episodic, demonstrations: usize, fault: Option<Fault>) -> f64 {
    let step = &process.steps()[0];
    worst_divergence((process.horizon(), step.states(), step.actions()), demonstrations, fault)
}

/// What KL_traj(π^E‖π^BC) exceeds with probability at most δ, with the constants of the paper as recalled:
/// (6 S A H ln(2e⁴N) ln(12 H N²/δ) + 18 A H)/N for N = N^E ≥ 1.
#[must_use]
pub fn guarantee(process: &Episodic, demonstrations: usize, delta: f64) -> f64 {
    let step = &process.steps()[0];
    let (h, s, a) = (process.horizon() as f64, step.states() as f64, step.actions() as f64);
    let n = demonstrations as f64;
    let logarithms = (4.0 + ln(2.0 * n)) * ln(12.0 * h * n * n / delta);
    (6.0 * s * a * h * logarithms + 18.0 * a * h) / n
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;

    use super::*;
    use crate::{
        kernel::{math::mean, mdp::logarithms, stream::Streams},
        papers::demonstration_regularized_rl::cases::patient,
    };

    #[test]
    fn a_clone_by_hand() {
        let counts = [Rows::from_fn(2, 3, |s, a| if s == 0 { [3.0, 0.0, 1.0][a] } else { 0.0 })];
        assert_eq!(cloned(&counts, 1.0)[0][0], [4.0 / 7.0, 1.0 / 7.0, 2.0 / 7.0]);
        assert_eq!(cloned(&counts, 1.0)[0][1], [1.0 / 3.0; 3]);
        assert_eq!(cloned(&counts, 0.0)[0][0], [0.75, 0.0, 0.25]);
        assert_eq!(cloned(&counts, 0.0)[0][1], [1.0 / 3.0; 3]);
    }

    #[test]
    fn binomial_means() {
        assert_relative_eq!(binomial_mean(7, 0.3, |k| k), 2.1, epsilon = 1e-14);
        assert_relative_eq!(
            binomial_mean(2000, 0.99, |k| k * k),
            1980.0 * 1980.0 + 19.8,
            max_relative = 1e-13
        );
        assert_eq!(binomial_mean(5, 0.0, |k| k), 0.0);
        assert_eq!(binomial_mean(5, 1.0, |k| k), 5.0);
        let reciprocal = (1.0 - powi(0.6, 11)) / (11.0 * 0.4);
        assert_relative_eq!(binomial_mean(10, 0.4, |k| 1.0 / (k + 1.0)), reciprocal, epsilon = 1e-15);
    }

    #[test]
    fn known_expectations_and_bounds() {
        let task = patient();
        for (n, expected, bounded) in [
            (5, 0.924, 5.33),
            (20, 0.452, 1.52),
            (100, 0.1163, 0.3168),
            (500, 0.024_78, 0.063_87),
            (2000, 0.006_37, 0.016_00),
        ] {
            let divergence = expected_divergence(&task.process, &task.expert, n, 1.0).unwrap();
            assert_relative_eq!(divergence, expected, max_relative = 1e-3);
            assert_relative_eq!(bound(&task.process, n, None), bounded, max_relative = 3e-3);
            let by_visits = bound_by_visits(&task.process, &task.expert, n).unwrap();
            assert!(divergence < by_visits && by_visits < bounded);
        }
        // Thirteen pairs (h, s) are reached, so that N E KL approaches 13 (A − 1)/2.
        for (n, expected) in [(100, 11.63), (500, 12.39), (2000, 12.75)] {
            let divergence = expected_divergence(&task.process, &task.expert, n, 1.0).unwrap();
            assert_relative_eq!(divergence * n as f64, expected, max_relative = 5e-4);
        }
    }

    #[test]
    fn the_expectation_is_the_mean_over_clones() {
        let task = patient();
        let mut stream = Streams::from_seed(8).stream("demonstrations");
        for (n, repeats, tolerance) in [(5, 2000, 0.02), (20, 1000, 0.03)] {
            let drawn: Vec<f64> = (0..repeats)
                .map(|_| {
                    let clone = cloned(&task.demonstrated(n, &mut stream), 1.0);
                    task.process.trajectory_divergence(&task.expert, &logarithms(&clone)).unwrap()
                })
                .collect();
            let expected = expected_divergence(&task.process, &task.expert, n, 1.0).unwrap();
            assert_relative_eq!(mean(&drawn), expected, max_relative = tolerance);
        }
    }
}
