#!/usr/bin/env bash
# Has the verdicts measured again and again, each time in another way, and compares their digests:
# `determinism.sh [SELECTOR…]`, all claims if none is given. Nothing is remembered from one run to the next.
# Builds and emulators that cannot be had here are skipped, and said to be. EMULATED selects what is run on
# emulated processors, where everything takes many times as long.
set -euo pipefail
cd "$(dirname "$0")/.."

selection=("$@")
read -ra emulated <<<"${EMULATED:-*.1 *.2}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# Digest in a file of verdicts.
digest() { sed -n 's/^ *"verdicts": "\([0-9a-f]\{64\}\)",$/\1/p' "$1"; }

# compare EXPECTED NAME COMMAND…: runs a command that prints verdicts, and compares its digest with that of
# the verdicts in the file EXPECTED, which it makes if there are none.
compare() {
    local expected=$1 name=$2 found=$work/found.json begun=$SECONDS status=0
    shift 2
    "$@" >"$found" || status=$?
    # 1: not every verdict is as expected. That is no matter of determinism.
    [ "$status" -le 1 ] || { echo "FAILED: $name ended with status $status" >&2; exit 1; }
    [ -n "$(digest "$found")" ] || { echo "FAILED: $name has printed no digest" >&2; exit 1; }
    [ -e "$expected" ] || cp "$found" "$expected"
    echo "$(digest "$found")  $((SECONDS - begun)) s  $name"
    if [ "$(digest "$found")" != "$(digest "$expected")" ]; then
        failed=1
        echo "FAILED: $name finds something else" >&2
        target/release/corroborate diff "$expected" "$found" >&2 || true
    fi
}

# Measures everything anew, whatever an earlier run has left in the store.
verify=(verify --format json --fresh --store "$work/store")

skip() { echo "skipped: $1"; }

# Claims in the reverse order of their files.
reversed() {
    mkdir -p "$work/reversed/claims"
    ln -sfn "$PWD/experiments" "$work/reversed/experiments"
    for file in claims/*.yaml; do
        awk 'BEGIN {n = 0} /^  - id: /{n++} {text[n] = text[n] $0 "\n"} END {printf "%s", text[0]; while (n) printf "%s", text[n--]}' \
            "$file" >"$work/reversed/$file"
    done
}

# build TARGET OPTION…: builds into a folder of its own.
build() {
    local folder=target/determinism/$1
    shift
    cargo build --quiet --bin corroborate --target-dir "$folder" "$@"
}

# Whether the standard library for a target is here, or can be had.
has_target() {
    rustc --print target-libdir --target "$1" 2>/dev/null | xargs -r test -d && return
    command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1
}

cargo build --release --quiet
program=target/release/corroborate
all=$work/all.json
echo "== threads, and the order of measurement: ${selection[*]:-all claims}"
for jobs in 1 2 8; do
    compare "$all" "release, $jobs thread(s)" "$program" "${verify[@]}" --jobs "$jobs" "${selection[@]}"
done
compare "$all" "release, 1 thread, shuffled" "$program" "${verify[@]}" --jobs 1 --shuffle 1 "${selection[@]}"
reversed
compare "$all" "release, 2 threads, shuffled otherwise, claims in reverse order" \
    "$program" --root "$work/reversed" "${verify[@]}" --jobs 2 --shuffle 2 "${selection[@]}"

echo "== builds"
cargo build --quiet
compare "$all" "debug" target/debug/corroborate "${verify[@]}" "${selection[@]}"
RUSTFLAGS="-C target-cpu=native" build native --release
compare "$all" "release for this very processor" \
    target/determinism/native/release/corroborate "${verify[@]}" "${selection[@]}"
musl=x86_64-unknown-linux-musl
if ! has_target $musl; then
    skip "musl in the place of glibc: there is no standard library for $musl"
elif ! build musl --release --target $musl; then
    skip "musl in the place of glibc: it cannot be built here, see above"
else
    compare "$all" "release with musl in the place of glibc" \
        target/determinism/musl/$musl/release/corroborate "${verify[@]}" "${selection[@]}"
fi

echo "== emulated processors: ${emulated[*]}"
few=$work/few.json
compare "$few" "release on this processor" "$program" "${verify[@]}" "${emulated[@]}"
if command -v qemu-x86_64 >/dev/null; then
    # SSE2 and nothing newer: whatever asks the processor what it can do gets another answer.
    compare "$few" "release on an x86-64 without AVX and FMA" \
        qemu-x86_64 -cpu qemu64 "$program" "${verify[@]}" --timeout 7200 "${emulated[@]}"
else
    skip "an x86-64 without AVX and FMA: there is no qemu-x86_64 (Debian: qemu-user)"
fi
arm=aarch64-unknown-linux-gnu
if ! command -v qemu-aarch64 >/dev/null || ! command -v aarch64-linux-gnu-gcc >/dev/null; then
    skip "aarch64: there is no qemu-aarch64 or no C compiler for it (Debian: qemu-user, gcc-aarch64-linux-gnu)"
elif ! has_target $arm; then
    skip "aarch64: there is no standard library for $arm"
elif ! CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc build arm --release --target $arm; then
    skip "aarch64: it cannot be built here, see above"
else
    compare "$few" "release on an aarch64" qemu-aarch64 -L /usr/aarch64-linux-gnu \
        target/determinism/arm/$arm/release/corroborate "${verify[@]}" --timeout 7200 "${emulated[@]}"
fi
exit $failed
