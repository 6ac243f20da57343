"""Compare the whole of ``ringfence analyze`` with the core alone, on one capture and one worker.

usage: python bench/whole.py CAPTURE [--rounds 5]

Rounds alternate; what counts is the CPU seconds of the whole process, medians. ``share`` is how much of the core's
speed the whole line keeps. JSON and HTML are written by the whole.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


def cost(words: Sequence[str]) -> tuple[float, float]:
    """CPU seconds and peak memory in MB of one process and its threads."""
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise SystemExit(f"{words[:4]} ended with {running.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    """Run and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        analyze = ["-m", "ringfence.app.cli", "analyze", arguments.capture, "--workers", "1", "-q"]
        outputs = ["--json", f"{folder}/a.json", "--html", f"{folder}/a.html"]
        ways = {
            "core": [sys.executable, str(HERE / "core.py"), arguments.capture],
            "whole": [sys.executable, *analyze, *outputs],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(arguments.rounds):
            for name, words in ways.items():
                taken[name].append(cost(words))
    seconds = {name: statistics.median(row[0] for row in rows) for name, rows in taken.items()}
    print(
        json.dumps(
            {
                "rounds": arguments.rounds,
                "cpu_seconds": {name: round(value, 3) for name, value in seconds.items()},
                "share": round(seconds["core"] / seconds["whole"], 3),
                "peak_rss_mb": {name: round(max(row[1] for row in rows), 1) for name, rows in taken.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
