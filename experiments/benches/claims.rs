//! Times of the claims that cost most to judge, each from nothing and with one thread.

use std::{hint::black_box, path::Path, time::Duration};

use corroborate::{check, claim, papers, run::Executor};
use criterion::{BatchSize, Criterion, SamplingMode, criterion_group, criterion_main};

/// The claims that took longest when `verify` judged each of them alone, the longest first.
const CLAIMS: [&str; 10] = [
    "offline-mbrl-design.12",
    "offline-mbrl-design.13",
    "capo.9",
    "prdc.10",
    "fisher-non-degenerate-pg.9",
    "capo.12",
    "dichotomy-of-control.12",
    "bounded-ratio-rl.7",
    "policy-guided-diffusion.7",
    "offline-mbrl-design.14",
];
/// Beyond this a piece of work would be given up.
const TIMEOUT: Duration = Duration::from_mins(10);

fn claims(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("claims");
    group.sampling_mode(SamplingMode::Flat).sample_size(10);
    group.warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_secs(1));
    let catalogue =
        claim::load(Path::new(env!("CARGO_MANIFEST_DIR")), &papers::registry()).expect("the claims");
    for id in CLAIMS {
        let known = catalogue.papers.iter().flat_map(|paper| &paper.claims).any(|claim| claim.id == id);
        assert!(known, "there is no claim {id}");
        group.bench_function(id, |bencher| {
            bencher.iter_batched(
                || {
                    Executor::new(papers::registry(), catalogue.data.clone(), 0, 1, TIMEOUT)
                        .expect("an executor")
                },
                |executor| {
                    let options = check::Options {
                        tier: claim::Tier::Quick,
                        select: &|claim: &claim::Claim| claim.id == id,
                        times: None,
                        progress: &|_| {},
                    };
                    black_box(check::verify(&executor, &catalogue.papers, &options))
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, claims);
criterion_main!(benches);
