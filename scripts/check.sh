#!/usr/bin/env bash
# The fast loop, in order of speed: the first thing that is wrong ends it.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    local name=$1 start=$EPOCHSECONDS
    shift
    printf '%-28s' "$name"
    local log
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        printf 'ok   %4d s\n' $((EPOCHSECONDS - start))
        rm -f "$log"
    else
        printf 'FAIL %4d s\n' $((EPOCHSECONDS - start))
        cat "$log"
        rm -f "$log"
        exit 1
    fi
}

step "ruff" ruff check .
step "format" ruff format --check .
step "rust format" cargo fmt --all --check
step "floor plan" env PYTHONPATH=src lint-imports --no-cache
step "generated pages" python scripts/generate_docs.py --check
step "types" mypy src tests scripts bench
step "stub of the core" python -m mypy.stubtest ringfence._core
step "clippy" cargo clippy --release --workspace --all-targets --quiet -- -D warnings
# Without the corpus: the long walks over it are for `make test`.
step "rust tests" env -u RINGFENCE_CORPUS cargo test --release --quiet -p ringfence-wire -p ringfence-dissect -p ringfence-flow
step "python tests (quick)" python -m pytest -m "not slow" -x
