#!/usr/bin/env bash
# Run everything and say how much that was. A skipped test is not a passed one: skips are listed with their reasons.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=()
command -v tshark >/dev/null || packages+=(tshark)
command -v strace >/dev/null || packages+=(strace)
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || command -v initdb >/dev/null || packages+=(postgresql)
command -v chromium >/dev/null || command -v google-chrome >/dev/null || packages+=(chromium)
command -v npm >/dev/null || packages+=(nodejs npm)
if [ ${#packages[@]} -gt 0 ]; then
    if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        echo "Installing ${packages[*]} for the oracle, the system call trace, the report in a browser, the store on PostgreSQL and single sign-on."
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
# Two halves side by side: most tests use one processor, and the smallest machine has two. A test waits for no other.
python=0
if [ $# -gt 0 ]; then
    python -m pytest -rs --durations=10 "$@" || python=$?
    counts=""
else
    doors=$(mktemp)
    rooms=$(mktemp)
    trap 'rm -f "$log" "$doors" "$rooms"' EXIT
    python -m pytest -rs --durations=10 tests/app >"$doors" 2>&1 &
    half=$!
    others=()
    for path in tests/*; do
        case $path in
            tests/app | tests/__pycache__) ;;
            tests/test_*.py) others+=("$path") ;;
            *) [ -d "$path" ] && others+=("$path") ;;
        esac
    done
    python -m pytest -rs --durations=10 "${others[@]}" >"$rooms" 2>&1 || python=$?
    wait "$half" || python=$?
    cat "$rooms" "$doors"
    counts=$(cat "$rooms" "$doors" | awk '/(passed|failed|skipped|error).* in [0-9.]+s/ {
            for (i = 2; i <= NF; i++) { word = $i; sub(/,$/, "", word); if ($(i-1) ~ /^[0-9]+$/) sum[word] += $(i-1) } }
        END {printf "%d passed, %d failed, %d skipped, %d errors", sum["passed"], sum["failed"], sum["skipped"], sum["errors"] + sum["error"]}')
fi
fuzz=0
EXECUTIONS=1500 scripts/fuzz.sh || fuzz=$?
echo "Rust:   $rust"
[ -z "$counts" ] || echo "Python: $counts"
exit $((python > fuzz ? python : fuzz))
