//! The laws of the fuzz targets, on their seeds and on what is near to them. An engine goes further: `just fuzz`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use corroborate::kernel::splitmix::SplitMix64;

use crate::seeds;
use near::near;

#[path = "fuzz/laws/mod.rs"]
pub mod laws;

#[path = "fuzz/near.rs"]
mod near;

/// Mutations of each seed: `MUTATIONS=1000 cargo test mutations` tries more, `TARGET=eval ABOUT=g2rpo/`
/// those of one target, and of the seeds in which this stands.
#[test]
fn the_laws_hold_on_seeds_and_on_what_is_near() {
    let mutations: u64 = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let only = std::env::var("TARGET").ok();
    let about = std::env::var("ABOUT").unwrap_or_default();
    let all = seeds::all();
    let mut broken = Vec::new();
    let wanted = |target: &str, seed: &[u8]| {
        only.as_ref().is_none_or(|only| only == target) && String::from_utf8_lossy(seed).contains(&about)
    };
    for (number, (target, seed)) in all.iter().enumerate().filter(|(_, (t, seed))| wanted(t, seed)) {
        let hold = match *target {
            "claims" => laws::claims::hold,
            "experiments" => laws::experiments::hold,
            "eval" => laws::eval::hold,
            "set" => laws::set::hold,
            "records" => laws::records::hold,
            _ => laws::verdicts::hold,
        };
        let of_kind: Vec<&Vec<u8>> = all.iter().filter(|(t, _)| t == target).map(|(_, seed)| seed).collect();
        for mutation in 0..=mutations {
            let mut random = SplitMix64::new(((number as u64) << 32) | mutation);
            let other = of_kind[(random.bits() % of_kind.len() as u64) as usize];
            let text = if mutation == 0 { seed.clone() } else { near(seed, other, &mut random) };
            if catch_unwind(AssertUnwindSafe(|| hold(&text))).is_err() {
                broken.push(format!(
                    "{target}, seed {number}, mutation {mutation}: {}",
                    String::from_utf8_lossy(&text)
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{} laws broken\n{}", broken.len(), broken.join("\n=====\n"));
}
