//! What the page of performance reads from callgrind.

#[path = "../experiments/benches/performance/callgrind.rs"]
mod callgrind;

use callgrind::{Counts, counts, group};

/// Two functions and what they call, as callgrind writes it: with positions relative to the last ones, names that
/// stand in full once, functions of other files, and a call that costs what is not its caller's.
const WRITTEN: &str = "\
# callgrind format
version: 1
creator: callgrind-3.19.0
positions: line
events: Ir
summary: 1136

ob=(1) /usr/bin/program
fl=(1) main.rs
fn=(1) corroborate::kernel::math::sum
12 30
fi=(2) slice.rs
+3 4
fe=(1)
-1 2
cfn=(2) mi_malloc
calls=3 80
* 600

fn=(3) <corroborate::papers::prdc::Offline as corroborate::papers::leaf::Measure>::replicate
20 5
cfn=(1)
calls=1 12
+1 636
cob=(2) libc.so
cfi=(3)
cfn=(2)
calls=2 80
+1 400
+2 95

fn=(2)
80 1000

totals: 1136
";

#[test]
fn instructions_are_counted_where_they_are_and_allocations_where_they_are_asked_for() {
    let replicate = "<corroborate::papers::prdc::Offline as corroborate::papers::leaf::Measure>::replicate";
    let numbers = |of: [(&str, u64); 2]| of.map(|(name, n)| (name.to_owned(), n)).into_iter().collect();
    let mut known = Counts {
        functions: numbers([("corroborate::kernel::math::sum", 36), (replicate, 100)]),
        allocations: numbers([("corroborate::kernel::math::sum", 3), (replicate, 2)]),
    };
    known.functions.insert("mi_malloc".into(), 1000);
    assert_eq!(counts(WRITTEN), known);
    assert_eq!(counts(""), Counts::default());
}

#[test]
fn functions_are_grouped_by_what_they_belong_to() {
    for (function, name) in [
        ("corroborate::kernel::stream::Stream::refill", "random numbers"),
        ("corroborate::kernel::math::softmax_into", "elementary functions"),
        ("corroborate::kernel::mdp::counts::Counts::record", "kernel: everything else"),
        (
            "<corroborate::papers::prdc::Offline as Measure>::replicate",
            "experiments and properties of the papers",
        ),
        ("<&mut corroborate::stats::betting::Capital as Iterator>::next", "statistics"),
        ("corroborate::check::verify", "spine: claims, executor, store, checks, reports"),
        ("__memmove_avx512_unaligned_erms", "memory: copying and clearing"),
        ("_mi_page_malloc", "memory: allocating and releasing"),
        ("<core::iter::Map<I,F> as Iterator>::fold", "libraries, the standard one among them"),
    ] {
        assert_eq!(group(function), name, "{function}");
    }
}
