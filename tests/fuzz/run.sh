#!/usr/bin/env bash
# Runs fuzz targets one after the other: run.sh SECONDS TARGET…
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift

# cargo-fuzz asks for options of a nightly compiler; the stable one has them too.
export RUSTC_BOOTSTRAP=1
command -v cargo-fuzz >/dev/null || RUSTC_BOOTSTRAP=0 cargo install --locked cargo-fuzz
# The program's own versions of what it depends on.
cp Cargo.lock tests/fuzz/Cargo.lock
SEEDS="$PWD/tests/fuzz/corpus" RUSTC_BOOTSTRAP=0 cargo test --quiet --test tests -- --exact seeds::seeds

found=""
for target in "$@"; do
    mkdir -p "tests/fuzz/corpus/$target"
    cargo fuzz run --fuzz-dir tests/fuzz "$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=16384 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 || found="$found $target"
done
if [ -n "$found" ]; then
    echo "findings:$found (tests/fuzz/artifacts)" >&2
    exit 1
fi
