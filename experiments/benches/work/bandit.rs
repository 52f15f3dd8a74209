//! Upper confidence bounds on a Bernoulli bandit. No leaf plays one so far, so the algorithm stands here and not in
//! the kernel.

use corroborate::kernel::{math::ln, splitmix::SplitMix64};
use serde_json::json;

use super::{Contest, Work, goal};

const ARMS: usize = 10;

/// UCB1 (Auer, Cesa-Bianchi and Fischer 2002): after one pull of each arm, the arm with the largest
/// mean + √(2 ln t / n). Returns the pulls of each arm; round t of a run pays if its number is below the arm's mean.
fn ucb(means: &[f64; ARMS], logarithms: &[f64], numbers: &[f64]) -> [f64; ARMS] {
    let (mut pulls, mut wins) = ([0.0; ARMS], [0.0; ARMS]);
    // Means, and 1/√n: only those of the pulled arm change.
    let (mut centres, mut widths) = ([0.0; ARMS], [0.0; ARMS]);
    for (t, number) in numbers.iter().enumerate() {
        let arm = if t < ARMS {
            t
        } else {
            let scale = logarithms[t];
            let bounds: [f64; ARMS] = std::array::from_fn(|k| centres[k] + scale * widths[k]);
            let mut best = 0;
            for k in 1..ARMS {
                best = if bounds[k] > bounds[best] { k } else { best };
            }
            best
        };
        pulls[arm] += 1.0;
        wins[arm] += f64::from(u8::from(*number < means[arm]));
        centres[arm] = wins[arm] / pulls[arm];
        widths[arm] = 1.0 / f64::sqrt(pulls[arm]);
    }
    pulls
}

/// Independent runs of so many rounds.
pub fn plays(runs: usize, rounds: usize) -> Work {
    let mut generator = SplitMix64::new(41);
    let means: [f64; ARMS] = std::array::from_fn(|k| 0.05 + 0.09 * k as f64);
    let numbers: Vec<f64> = (0..runs * rounds).map(|_| generator.uniform()).collect();
    let data = vec![("means", means.to_vec()), ("numbers", numbers.clone())];
    Work {
        kind: "bandit",
        name: "UCB on a bandit of ten arms",
        sizes: format!("{runs} runs × {rounds} rounds"),
        size: ("rounds", rounds as f64),
        expected: 1.0,
        data,
        settings: json!({ "runs": runs, "rounds": rounds }),
        run: Box::new(move || {
            let logarithms: Vec<f64> = (0..rounds).map(|t| (2.0 * ln(t.max(1) as f64)).sqrt()).collect();
            let mut total = vec![0.0; ARMS];
            for numbers in numbers.chunks_exact(rounds) {
                for (total, pulls) in total.iter_mut().zip(ucb(&means, &logarithms, numbers)) {
                    *total += pulls / (runs * rounds) as f64;
                }
            }
            total
        }),
        pieces: 1.0,
        // Shares of pulls: rounding may decide a tie differently, after which a run goes another way.
        tolerance: 2e-3,
        cost: None,
    }
}

pub fn contest() -> Contest {
    Contest {
        work: plays(100, 10_000),
        goals: vec![goal("numpy", 5.0, 5, "numpy plays the hundred runs side by side")],
        only_fastest: false,
    }
}
