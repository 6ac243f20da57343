#!/usr/bin/env bash
# Run everything and say how much that was. A skipped test is not a passed one: skips are listed with their reasons.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
command -v tshark >/dev/null || packages+=(tshark)
command -v strace >/dev/null || packages+=(strace)
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || command -v initdb >/dev/null || packages+=(postgresql)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "Installing ${packages[*]} for the oracle, the system call trace, the report in a browser and the store on PostgreSQL."
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null || true
    else
        echo "Missing: ${packages[*]} (apt-get install ${packages[*]}). The tests that need them will say so."
    fi
fi

if [ -n "${RINGFENCE_CORPUS:-}" ]; then
    RINGFENCE_CORPUS=$(realpath -m "$RINGFENCE_CORPUS")
    export RINGFENCE_CORPUS
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --release --workspace --quiet 2>&1 | tee "$log"
rust=$(awk '/^test result:/ {passed += $4; failed += $6; ignored += $8}
    END {printf "%d passed, %d failed, %d ignored", passed, failed, ignored}' "$log")
python=0
python -m pytest -rs --durations=10 "$@" || python=$?
fuzz=0
EXECUTIONS=1500 scripts/fuzz.sh || fuzz=$?
echo "Rust:   $rust"
exit $((python > fuzz ? python : fuzz))
