#!/usr/bin/env bash
# Installs the programs that `just bench` measures beside ours into an environment of its own, one by one: what cannot
# be installed is named, and the rest is measured.
set -euo pipefail
cd "$(dirname "$0")/../../.."

command -v python3 >/dev/null || { echo "SKIPPED: there is no python3"; exit 0; }
python=target/bench-peers/bin/python
if [ ! -x "$python" ]; then
    python3 -m venv target/bench-peers || { echo "SKIPPED: python3 has no venv"; exit 0; }
fi
install() { "$python" -m pip install --quiet --disable-pip-version-check "$@"; }

missing=()
while read -r requirement; do
    install "$requirement" || missing+=("$requirement")
done < <(grep -v '^#' experiments/benches/performance/peers.txt)

# confseq has a C++ part that needs Boost's headers, and pins a pybind11 that is too old for today's Python: it is built
# with newer tools, and without checking versions.
if ! { install 'scikit-build==0.19.1' 'cmake<4' ninja 'pybind11==3.1.0' 'setuptools<80' wheel multiprocess &&
    install --no-build-isolation --no-deps 'confseq==0.0.11'; }; then
    missing+=("confseq (it needs Boost's headers, on Debian the package libboost-dev)")
fi
for requirement in "${missing[@]}"; do
    echo "NOT INSTALLED: $requirement"
done
