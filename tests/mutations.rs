//! The laws of the fuzz targets, on their seeds and on what is near to them. An engine goes further: `just fuzz`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use corroborate::kernel::splitmix::SplitMix64;

use crate::seeds;

#[path = "fuzz/laws/mod.rs"]
pub mod laws;

/// Pieces that mean something to some reader of text.
const PIECES: &[&str] = &[
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "-",
    "\n",
    "\n  ",
    " ",
    "\t",
    "#",
    "&a ",
    "*a",
    "!!str ",
    "<<: ",
    "~",
    "null",
    "true",
    "0",
    "-1",
    "-0.0",
    "1e999",
    "1e-320",
    "0.1",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999",
    "0x1F",
    "1_000",
    ".inf",
    ".nan",
    "\\u0000",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{feff}",
    "\u{2028}",
    "\u{85}",
    "é",
    "|",
    ">",
    "`",
    "](",
    "<script>",
    "{{#include a}}",
    "$$",
    "=",
    "%",
    "@",
    "? ",
    "---\n",
    "...\n",
    "\r\n",
];

/// A text near to another of its kind.
fn near(text: &[u8], other: &[u8], random: &mut SplitMix64) -> Vec<u8> {
    let mut near = text.to_vec();
    let mut below = |n: usize| (random.bits() % n.max(1) as u64) as usize;
    for _ in 0..=below(3) {
        let at = below(near.len() + 1);
        let end = (at + 1 + below(12)).min(near.len());
        match below(7) {
            0 => drop(near.splice(at..at, PIECES[below(PIECES.len())].bytes())),
            1 => drop(near.splice(at..end.max(at), PIECES[below(PIECES.len())].bytes())),
            2 => drop(near.splice(at..end.max(at), [])),
            3 => {
                let again = near[at..end.max(at)].to_vec();
                near.splice(at..at, again);
            }
            4 => near.truncate(at),
            5 if at < near.len() => near[at] ^= 1 << below(8),
            _ => {
                let from = below(other.len() + 1);
                let to = (from + 1 + below(60)).min(other.len());
                near.splice(at..at, other[from..to.max(from)].iter().copied());
            }
        }
    }
    near
}

/// Mutations of each seed: `MUTATIONS=1000 cargo test mutations` tries more.
#[test]
fn the_laws_hold_on_seeds_and_on_what_is_near() {
    let mutations: u64 = std::env::var("MUTATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let only = std::env::var("TARGET").ok();
    let all = seeds::all();
    let mut broken = Vec::new();
    for (number, (target, seed)) in
        all.iter().enumerate().filter(|(_, (t, _))| only.as_ref().is_none_or(|o| o == t))
    {
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
