#!/usr/bin/env bash
# Holds the dependencies to `.cargo/deny.toml`: licences, sources, repeated versions, and the advisories of
# RustSec. Installs cargo-deny where it is lacking. Where the advisories cannot be fetched, it judges by those
# that were fetched last, or says that it has none; the rest is judged all the same.
set -euo pipefail
cd "$(dirname "$0")/.."

# Unoptimised, it is built in a fraction of the time, and judges this lock file in seconds all the same.
command -v cargo-deny >/dev/null ||
    CARGO_PROFILE_DEV_DEBUG=false cargo install --quiet --debug --locked cargo-deny@^0.20 --no-default-features

# An exception that is not needed any more is an error too.
cargo deny check --deny unmatched-skip bans licenses sources

# The date of the newest advisory that is known here.
newest() {
    local databases=("${CARGO_HOME:-$HOME/.cargo}"/advisory-dbs/advisory-db-*/)
    git -C "${databases[0]}" log -1 --format=%cs 2>/dev/null
}

if cargo deny --log-level off fetch db 2>/dev/null; then
    echo "advisories: those of $(newest)"
    cargo deny check advisories
elif date=$(newest); then
    echo "advisories: the database cannot be reached; judged by that of $date, which was fetched last"
    cargo deny --offline check advisories
else
    echo "SKIPPED: no advisory was judged: the database cannot be reached, and none was fetched before"
fi
