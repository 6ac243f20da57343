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
report="$PWD/build/demo/report.html"
opener=$(command -v xdg-open || command -v open || true)
cat <<END

Next
  1. Look at the report:       ${opener:+${opener##*/} }file://${report// /%20}
     A device's page says what it is and why; a finding names its packets.
  2. Look at such a packet:    .venv/bin/ringfence explain FILE --packet NUMBER
  3. Analyse a capture of yours: make demo CAPTURE=FILE
     or                        .venv/bin/ringfence analyze FILE --html report.html
  4. Work with the numbers:    $PWD/build/demo/analysis.json (schema: docs/reference/json.md),
     or in Python:             ringfence.analyze(["FILE"])
  5. Remove all of this:       rm -r build/demo
END
