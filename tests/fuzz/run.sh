#!/usr/bin/env bash
# Runs fuzz targets one after the other: run.sh SECONDS TARGET…
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=$1
shift

command -v c++ >/dev/null || {
    echo "libFuzzer is written in C++: install a compiler for it (Debian's package g++)" >&2
    exit 2
}
command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
# The program's own versions of what it depends on.
cp Cargo.lock tests/fuzz/Cargo.lock
SEEDS="$PWD/tests/fuzz/corpus" cargo test --quiet --test tests -- --exact seeds::seeds

# Stores are synced to the disk at every line, which would be nearly all that `records` does.
[ -d /dev/shm ] && export TMPDIR=/dev/shm

found=""
for target in "$@"; do
    # cargo-fuzz asks for options of a nightly compiler; the stable one has them too. Without `unsafe` there
    # is nothing for a sanitizer to find. The dearest default settings take half a minute under every fault.
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none --strip-dead-code true \
        "$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=16384 -timeout=120 -rss_limit_mb=2048 -print_final_stats=1 || found="$found $target"
done
if [ -n "$found" ]; then
    echo "findings:$found (tests/fuzz/artifacts)" >&2
    exit 1
fi
