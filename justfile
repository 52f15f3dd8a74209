# List the recipes.
default:
    @just --list --unsorted

# Judge every claim (quick tier) and regenerate the report pages; with arguments, judge what they select and leave the pages alone.
verify *ARGS:
    cargo run --release --quiet -- verify {{ if ARGS == "" { "--out reports" } else { ARGS } }}

# Judge every claim with the full budget; the pages are left alone.
verify-full *ARGS:
    cargo run --release --quiet -- verify --tier full {{ ARGS }}

# Run all tests.
test *ARGS:
    cargo test {{ ARGS }}

# Kill `verify` at moments all over a run, hundreds of times, and hold what is resumed to the undisturbed run.
test-kills KILLS="200":
    CORROBORATE_KILLS={{ KILLS }} cargo test --release --test tests -- --nocapture kills::

# Measure in many ways (threads, orders, builds, processors), and compare the digests of the verdicts; ROWS="debug musl" chooses among them.
test-determinism *SELECTORS:
    bash tests/determinism.sh {{ SELECTORS }}

# Change the sources of a room in one place at a time, and list the changes that no test notices (a build each; see tests/mutants.md).
mutants ROOM *ARGS:
    command -v cargo-mutants >/dev/null || cargo install --locked cargo-mutants
    cargo mutants --file 'src/{{ ROOM }}/**' --output target {{ ARGS }}

# Fuzz everything that reads text of others, each target for so many seconds; what is found stands in tests/fuzz/artifacts.
fuzz SECONDS="600" TARGETS="claims experiments eval set records verdicts":
    bash tests/fuzz/run.sh {{ SECONDS }} {{ TARGETS }}

# Everything that continuous integration runs.
ci: fmt-check lint test verify drift test-site test-peers test-slurm audit

# Hold formatting, clippy, rustdoc and the YAML files to the rules.
lint:
    cargo clippy --all-targets -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --quiet
    cargo run --release --quiet -- lint

# Measure times: kernels and claims with criterion, then beside other programs if they are installed; judge the claims about times.
bench:
    rm -rf target/criterion
    CRITERION_HOME=target/criterion cargo bench --bench single-stream-po --bench kernels --bench claims
    cargo bench --bench performance -- --brief
    cargo run --release --quiet -- verify scope:benchmark --benchmarks target/criterion

# Install the programs that `bench` and `performance` measure beside ours, into target/bench-peers.
bench-peers:
    bash experiments/benches/performance/peers.sh

# Measure ratios to other programs, shares of what the machine can do, growth with size, and whole runs of `verify`; rewrite reports/performance.md.
performance *ARGS:
    cargo bench --bench performance -- --write reports {{ ARGS }}

# Count where the instructions of `verify` go, function by function, with valgrind's callgrind (about fifty times as slow as `verify`).
profile *SELECTORS:
    cargo bench --bench performance -- --profile {{ SELECTORS }}

# Rewrite the report pages from the stored verdicts, without measuring anything.
report:
    cargo run --release --quiet -- report

# Format all code.
fmt:
    cargo fmt

# Fail if some code is not formatted.
fmt-check:
    cargo fmt --check

# Fail if the committed report pages are not those that `verify` writes.
drift:
    git diff --exit-code --stat -- reports
    test -z "$(git status --porcelain -- reports)"

# Build a browsable site from the report pages, into target/site.
site:
    command -v mdbook >/dev/null || cargo install --locked mdbook --no-default-features --features search
    mdbook build reports

# Judge functions of published Python libraries by the test vectors.
test-peers:
    cargo build --release --quiet
    bash tests/peers.sh target/release/corroborate

# Hold the site to its promises in a headless browser: pages, search, links, pictures, no errors.
test-site: site
    bash tests/site.sh

# Submit a run to a real Slurm of one node, kill a shard and the controller, and hold the result to a local run.
test-slurm:
    cargo build --release --quiet
    bash tests/slurm.sh target/release/corroborate

# Hold the dependencies to `.cargo/deny.toml`: advisories, licences, sources, repeated versions.
audit:
    bash tests/audit.sh
