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

The same plant in the running platform (API and screens; nothing leaves this machine):
END

# A store of its own, made anew each time; port 0 takes a free one, so that nothing else on this machine is in the way.
rm -rf build/demo/data
replay=()
for capture in "${captures[@]}"; do replay+=(--replay "$capture"); done
up=(.venv/bin/ringfence up --data build/demo/data --listen "127.0.0.1:${PORT:-0}" "${replay[@]}")
if [ -t 1 ] || [ -n "${STAY:-}" ]; then
    echo "  (Ctrl-C ends it.)"
    exec "${up[@]}"
fi

# Nobody watches: show that it comes up with the plant in it, and end it.
log=build/demo/up.log
"${up[@]}" >"$log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
.venv/bin/python - "$log" <<'END'
import re, sys, time, urllib.request
deadline = time.monotonic() + 120
while time.monotonic() < deadline:
    found = re.search(r"^Ringfence is at (\S+)", open(sys.argv[1]).read(), re.M)
    if found:
        try:
            ready = urllib.request.urlopen(found[1] + "/readyz", timeout=5).read().decode()
        except OSError:
            ready = ""
        if '"sensors"' in ready and '"local"' in ready:
            print(f"  it answered at {found[1]}: {ready}")
            print("  see it yourself in a terminal with: make demo   (or STAY=1 make demo)")
            sys.exit(0)
    time.sleep(0.5)
sys.exit("make demo: the platform did not come up; see build/demo/up.log")
END
