#!/usr/bin/env bash
# Has the verdicts measured again and again, each time in another way, and compares their digests:
# `determinism.sh [SELECTOR…]`, all claims if none is given. Nothing is remembered from one run to the next.
#
# What cannot be built or emulated here is skipped, with the Debian package that it lacks. ROWS chooses among the
# ways (`ROWS="debug musl" just test-determinism`), and EMULATED the claims that are measured on emulated
# processors, where everything takes twenty times as long.
set -euo pipefail
cd "$(dirname "$0")/.."

every="threads debug native musl old-x86-64 aarch64"
rows=" ${ROWS:-$every} "
for row in $rows; do
    [[ " $every " == *" $row "* ]] || { echo "there is no row \`$row\`; ROWS takes some of: $every" >&2; exit 2; }
done
selection=("$@")
read -ra emulated <<<"${EMULATED:-*.1 *.2}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0 compared=0

asked() { [[ "$rows" == *" $1 "* ]]; }

skip() { echo "skipped: $1"; }

# needs COMMAND PACKAGE WHAT: whether a command is here; if not, WHAT is skipped.
needs() {
    command -v "$1" >/dev/null || { skip "$3: there is no $1 (Debian: $2)"; return 1; }
}

# needs_target TARGET WHAT: whether the standard library for a target is here, or can be had.
needs_target() {
    rustc --print target-libdir --target "$1" 2>/dev/null | xargs -r test -d && return
    command -v rustup >/dev/null && rustup target add "$1" >/dev/null 2>&1 && return
    skip "$2: there is no standard library for $1 (\`rustup target add $1\`)"
    return 1
}

# Digest in a file of verdicts.
digest() { sed -n 's/^ *"verdicts": "\([0-9a-f]\{64\}\)",$/\1/p' "$1"; }

# measured FILE NAME COMMAND…: runs a command that prints verdicts into the file, and says their digest.
measured() {
    local file=$1 name=$2 begun=$SECONDS status=0
    shift 2
    "$@" >"$file" || status=$?
    # 1: not every verdict is as expected. That is no matter of determinism.
    [ "$status" -le 1 ] || { echo "FAILED: $name ended with status $status" >&2; exit 1; }
    [ -n "$(digest "$file")" ] || { echo "FAILED: $name has printed no digest" >&2; exit 1; }
    echo "$(digest "$file")  $((SECONDS - begun)) s  $name"
}

# compare EXPECTED NAME COMMAND…: the same, held to the verdicts in the file EXPECTED.
compare() {
    local expected=$1 name=$2 found=$work/found.json
    shift 2
    measured "$found" "$name" "$@"
    compared=$((compared + 1))
    if [ "$(digest "$found")" != "$(digest "$expected")" ]; then
        failed=1
        echo "FAILED: $name finds something else" >&2
        target/release/corroborate diff "$expected" "$found" >&2 || true
    fi
}

# build FOLDER OPTION…: builds into a folder of its own, and without optimisation across crates: quicker, and one
# more way to come to the same bits.
build() {
    local folder=target/determinism/$1
    shift
    CARGO_PROFILE_RELEASE_LTO=off cargo build --quiet --release --bin corroborate --target-dir "$folder" "$@"
}

# Measures everything anew, whatever an earlier run has left in the store.
verify=(verify --format json --fresh --store "$work/store")

# Claims in the reverse order of their files.
reversed() {
    mkdir -p "$work/reversed/claims"
    ln -sfn "$PWD/experiments" "$work/reversed/experiments"
    for file in claims/*.yaml; do
        awk 'BEGIN {n = 0} /^  - id: /{n++} {text[n] = text[n] $0 "\n"} END {printf "%s", text[0]; while (n) printf "%s", text[n--]}' \
            "$file" >"$work/reversed/$file"
    done
}

cargo build --release --quiet
program=target/release/corroborate

all=$work/all.json
if asked threads || asked debug || asked native || asked musl; then
    echo "== ${selection[*]:-all claims}"
    measured "$all" "release, 2 threads" "$program" "${verify[@]}" --jobs 2 "${selection[@]}"
fi

if asked threads; then
    for jobs in 1 8; do
        compare "$all" "release, $jobs thread(s)" "$program" "${verify[@]}" --jobs "$jobs" "${selection[@]}"
    done
    compare "$all" "release, 1 thread, shuffled" "$program" "${verify[@]}" --jobs 1 --shuffle 1 "${selection[@]}"
    reversed
    compare "$all" "release, 2 threads, shuffled otherwise, claims in reverse order" \
        "$program" --root "$work/reversed" "${verify[@]}" --jobs 2 --shuffle 2 "${selection[@]}"
fi

if asked debug; then
    cargo build --quiet
    compare "$all" "debug" target/debug/corroborate "${verify[@]}" "${selection[@]}"
fi

if asked native; then
    RUSTFLAGS="-C target-cpu=native" build native
    compare "$all" "release for this very processor" \
        target/determinism/native/release/corroborate "${verify[@]}" "${selection[@]}"
fi

if asked musl; then
    what="musl in the place of glibc" target=x86_64-unknown-linux-musl
    if needs musl-gcc musl-tools "$what" && needs_target $target "$what"; then
        build musl --target $target
        compare "$all" "release with $what" \
            target/determinism/musl/$target/release/corroborate "${verify[@]}" "${selection[@]}"
    fi
fi

few=$work/few.json
if asked old-x86-64 || asked aarch64; then
    echo "== on emulated processors: ${emulated[*]}"
    measured "$few" "release on this processor" "$program" "${verify[@]}" "${emulated[@]}"
fi

if asked old-x86-64; then
    what="an x86-64 without AVX and FMA"
    if needs qemu-x86_64 qemu-user "$what"; then
        # SSE2 and nothing newer: whatever asks the processor what it can do gets another answer.
        compare "$few" "release on $what" \
            qemu-x86_64 -cpu qemu64 "$program" "${verify[@]}" --timeout 7200 "${emulated[@]}"
    fi
fi

if asked aarch64; then
    what="an aarch64" target=aarch64-unknown-linux-gnu
    if needs qemu-aarch64 qemu-user "$what" && needs aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu "$what" &&
        needs_target $target "$what"; then
        CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc build arm --target $target
        compare "$few" "release on $what" qemu-aarch64 -L /usr/aarch64-linux-gnu \
            target/determinism/arm/$target/release/corroborate "${verify[@]}" --timeout 7200 "${emulated[@]}"
    fi
fi

if [ "$compared" = 0 ]; then
    echo "nothing could be compared here"
elif [ "$failed" = 0 ]; then
    echo "compared: $compared, all the same"
fi
exit $failed
