#!/usr/bin/env bash
# Fuzz each target in turn: dissectors, capture readers, decoder, reassembly, engine. All are run; the first failure decides.
#
#   SECONDS_EACH=60 scripts/fuzz.sh [TARGET...]     by the clock, a seed of its own each day
#   EXECUTIONS=500 scripts/fuzz.sh [TARGET...]      so many inputs of each, the same each time: what CI does
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

cargo build --release --quiet
fuzzer=(cargo run --release --quiet --)
if [ -n "${EXECUTIONS:-}" ]; then
    amount=(--executions "$EXECUTIONS" --seed 1)
else
    amount=(--seconds "${SECONDS_EACH:-60}" --seed "${SEED:-$(date +%Y%m%d)}")
fi

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <("${fuzzer[@]}" --list)
fi
failed=0
for target in "${targets[@]}"; do
    "${fuzzer[@]}" --target "$target" "${amount[@]}" || failed=1
done
exit "$failed"
