#!/usr/bin/env bash
# Make .venv with the locked tools, or say exactly what this machine lacks.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

missing=()
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    missing+=("Python 3.11 or newer as '$python' (Debian: python3; or name another with PYTHON=...)")
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    missing+=("Python's venv module (Debian: python3-venv)")
fi
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    missing+=("Rust $wanted or newer: cargo and rustc (rustup's stable tool chain)")
else
    have=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n' "$wanted" "${have%%-*}" | sort -V | head -n 1)" != "$wanted" ]; then
        missing+=("Rust $wanted or newer; rustc here is $have (rustup update stable)")
    fi
fi
command -v cc >/dev/null || missing+=("a C compiler and linker as 'cc' (Debian: gcc)")
if [ ${#missing[@]} -gt 0 ]; then
    echo "This machine lacks:" >&2
    printf '  - %s\n' "${missing[@]}" >&2
    exit 2
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --require-hashes -r requirements/dev.txt
touch .venv/locked
