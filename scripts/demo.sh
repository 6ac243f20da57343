#!/usr/bin/env bash
# Analyse the demo captures, or the ones in CAPTURE, and say where the report is.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build/demo
read -r -a captures <<<"${CAPTURE:-}"
if [ ${#captures[@]} -eq 0 ]; then
    echo "make demo: no capture in vectors/demo/ and none given (make demo CAPTURE=FILE)" >&2
    exit 2
fi
code=0
.venv/bin/ringfence analyze "${captures[@]}" --html build/demo/report.html --json build/demo/analysis.json || code=$?
# Exit code 3 says that a part of the input was unreadable; the report says which, and stands.
if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then
    exit "$code"
fi
echo
echo "Report:  file://$PWD/build/demo/report.html"
echo "As JSON: $PWD/build/demo/analysis.json"
