//! Times of the value tracker of single-stream policy optimisation: carried along, and computed anew
//! from all earlier responses.

use std::{hint::black_box, time::Duration};

use corroborate::papers::single_stream_po::{Fault, cost::Prompt};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn value(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("single-stream-po/value");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    for responses in [10, 100, 1000, 10_000] {
        let prompt = Prompt::answered(responses);
        for (name, fault) in [("update", None), ("update+replayed-history", Some(Fault::ReplayedHistory))] {
            group.bench_with_input(BenchmarkId::new(name, responses), &prompt, |bencher, prompt| {
                bencher.iter(|| black_box(prompt).after(black_box(0.96), black_box(1.0), fault));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, value);
criterion_main!(benches);
