#!/usr/bin/env bash
# Opens the built site (`target/site`) in a headless browser, see `site.mjs`. Installs the browser and
# its driver where it can; where it cannot, it says so and ends well.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "SKIPPED: the site was not tested in a browser: $1"
    exit 0
}

browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -z "$browser" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null || true
    browser=$(command -v chromium || true)
fi
[ -n "$browser" ] || skip "there is no Chromium, and it cannot be installed here"
command -v npm >/dev/null || skip "there is no npm"

work=target/site-test
mkdir -p "$work"
cp tests/site.mjs "$work/"
if [ ! -d "$work/node_modules/playwright-core" ]; then
    npm install --silent --no-save --no-audit --no-fund --prefix "$work" playwright-core@1 ||
        skip "playwright-core cannot be installed"
fi
node "$work/site.mjs" target/site "$browser"
