#!/usr/bin/env bash
# Judges functions of published Python libraries by the test vectors: `peers.sh PROGRAM`. Installs the
# libraries into an environment of its own; where it cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED: no published library was judged: $1"
    exit 0
}

command -v python3 >/dev/null || skip "there is no python3"
python=target/peers/bin/python
if [ ! -x "$python" ]; then
    python3 -m venv target/peers || skip "python3 has no venv"
fi
"$python" -m pip install --quiet --disable-pip-version-check --requirement tests/peers.txt ||
    skip "the libraries of tests/peers.txt cannot be installed"

while read -r paper functions; do
    echo "== $paper: $functions"
    # shellcheck disable=SC2046 # one option a function
    "$1" conform "$paper" $(printf -- '--function %s ' $functions) --timeout 300 -- "$python" tests/peers.py
done < <("$python" tests/peers.py --list)
