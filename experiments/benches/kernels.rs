//! Times of the kernels, at sizes that take milliseconds.

#[path = "work/mod.rs"]
#[expect(dead_code, reason = "criterion measures ours only; the page of performance uses the rest")]
mod work;

use std::{hint::black_box, time::Duration};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn kernels(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("kernels");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(10);
    for ladder in work::ladders() {
        for make in &ladder[..2] {
            let work = make();
            group.bench_function(BenchmarkId::new(work.kind, work.size.1), |bencher| {
                bencher.iter(|| black_box((work.run)()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
