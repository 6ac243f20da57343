"""Take the figures of the core against its gates: the peers, two workers, ten times the packets.

usage: python bench/compare.py peers CAPTURE [--rounds 5]    needs ndpiReader and Suricata, and the corpus
       python bench/compare.py workers CAPTURE [--rounds 5]
       python bench/compare.py growth [--packets 200000]     needs valgrind
       python bench/compare.py same CAPTURE...               any number of workers gives the same output

RINGFENCE_CORPUS names the folder whose ``bench/`` holds ``make_mix.py``, which makes CAPTURE, and ``peers.py``, which
runs the peers in alternating rounds. Every command prints what it measured and leaves with 1 where a gate is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

BENCH = Path(__file__).resolve().parent
CORE = BENCH / "core.py"
TWICE_NDPI = 2.0
FOUR_TIMES_SURICATA = 4.0
OF_TWO_PROCESSES = 0.85
TEN_TIMES = 10.5
#: What differs from run to run without meaning anything.
TAKEN = {"workers", "wall_seconds", "cpu_seconds", "packets_per_cpu_second", "peak_rss_mb"}


def main() -> int:
    """Run one comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("peers", "workers", "same"):
        command = commands.add_parser(name)
        command.add_argument("captures", nargs="+" if name == "same" else 1)
        command.add_argument("--rounds", type=int, default=5)
    commands.add_parser("growth").add_argument("--packets", type=int, default=200_000)
    options = parser.parse_args()
    match options.command:
        case "peers":
            return peers(options.captures[0], options.rounds)
        case "workers":
            return workers(options.captures[0], options.rounds)
        case "growth":
            return growth(options.packets)
        case _:
            return same(options.captures)


def judge(what: str, figure: float, gate: float, at_most: bool = False) -> bool:
    """Print a figure and whether it keeps its gate."""
    good = figure <= gate if at_most else figure >= gate
    word = "at most" if at_most else "at least"
    print(f"{what}: {figure:.3f} ({word} {gate}) {'ok' if good else 'MISSED'}")
    return good


def core(capture: str, workers: int = 1) -> subprocess.Popen[str]:
    """Start the core alone."""
    command = [sys.executable, str(CORE), capture, "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> dict[str, object]:
    """Wait for the core and return what it printed."""
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"bench/core.py left with {process.returncode}")
    found: dict[str, object] = json.loads(out)
    if found["bounds"]:
        raise SystemExit(f"a bound was met, so that work was skipped: {found['bounds']}")
    return found


# --- peers ----------------------------------------------------------------------------------------------------------


def peers(capture: str, rounds: int) -> int:
    """Run the peers and the core in alternating rounds; CPU seconds are those of all processes, start-up included."""
    script = Path(os.environ.get("RINGFENCE_CORPUS", "")) / "bench" / "peers.py"
    if not script.is_file():
        raise SystemExit("RINGFENCE_CORPUS names no folder with bench/peers.py")
    result(core(capture))  # Refuses a run in which work was skipped, and warms the page cache.
    own = shlex.join([sys.executable, str(CORE)])
    command = [sys.executable, str(script), capture, "--rounds", str(rounds), "--also", f"ringfence={own} {{}}"]
    table = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    print(table, end="")
    rate = {
        row[1]: float(row[2])
        for row in re.finditer(r"^(ndpiReader|suricata|ringfence)\b.*?(?:[\d.]+ +){3}([\d.]+) +[\d.]+ +0$", table, re.M)
    }
    if set(rate) != {"ndpiReader", "suricata", "ringfence"}:
        raise SystemExit("not every command gave a figure")
    kept = [
        judge("packets per CPU second, of ndpiReader's", rate["ringfence"] / rate["ndpiReader"], TWICE_NDPI),
        judge("packets per CPU second, of Suricata's", rate["ringfence"] / rate["suricata"], FOUR_TIMES_SURICATA),
    ]
    return 0 if all(kept) else 1


# --- workers --------------------------------------------------------------------------------------------------------


def workers(capture: str, rounds: int) -> int:
    """Two workers on one file against two processes of one worker, each on the file, at the same time."""
    pairs, twos = [], []
    for _ in range(rounds):
        pairs.append(timed([core(capture), core(capture)]))
        twos.append(timed([core(capture, workers=2)]))
    pair_wall, pair_cpu = (statistics.median(row[at] for row in pairs) for at in (0, 1))
    two_wall, two_cpu = (statistics.median(row[at] for row in twos) for at in (0, 1))
    print(f"two processes: {pair_wall:.2f} s, {pair_cpu:.2f} CPU s, for the file twice")
    print(f"two workers:   {two_wall:.2f} s, {two_cpu:.2f} CPU s, for the file once")
    kept = [
        judge("throughput of two workers, of two processes'", pair_wall / 2 / two_wall, OF_TWO_PROCESSES),
        judge("packets per CPU second of two workers, of one's", pair_cpu / 2 / two_cpu, OF_TWO_PROCESSES),
    ]
    return 0 if all(kept) else 1


def timed(processes: list[subprocess.Popen[str]]) -> tuple[float, float]:
    """Wall seconds of the longest core, and CPU seconds of all processes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = [result(process) for process in processes]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return max(float(str(row["wall_seconds"])) for row in found), cpu


# --- growth ---------------------------------------------------------------------------------------------------------


def growth(packets: int) -> int:
    """Count instructions for a plant's traffic and for ten times as long of the same plant's."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        counts = []
        for count in (0, packets, 10 * packets):
            capture = folder / f"{count}.pcap"
            make = [sys.executable, str(BENCH / "make_plant.py"), str(capture), "--packets", str(max(count, 10))]
            subprocess.run(make, check=True, stdout=subprocess.DEVNULL)
            counts.append(instructions(capture, folder))
            capture.unlink()
    start_up, once, tenfold = counts
    print(f"start-up {start_up:,}, {packets:,} packets {once:,}, {10 * packets:,} packets {tenfold:,} instructions")
    figure = (tenfold - start_up) / (once - start_up)
    return 0 if judge("instructions for ten times the packets", figure, TEN_TIMES, at_most=True) else 1


def instructions(capture: Path, folder: Path) -> int:
    """Instructions of the core over a capture, counted by cachegrind."""
    tool = ["valgrind", "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={folder}/out"]
    done = subprocess.run([*tool, sys.executable, str(CORE), str(capture)], capture_output=True, text=True, check=True)
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if found is None:
        raise SystemExit(f"cachegrind gave no figure: {done.stderr[-300:]}")
    return int(found[1].replace(",", ""))


# --- same -----------------------------------------------------------------------------------------------------------


def same(captures: list[str]) -> int:
    """Run with one to seven workers and compare everything but the time."""
    wrong = 0
    for capture in captures:
        begun = perf_counter()
        runs = [result(core(capture, workers=count)) for count in (1, 2, 3, 7)]
        kept = [{name: value for name, value in run.items() if name not in TAKEN} for run in runs]
        good = all(run == kept[0] for run in kept)
        wrong += not good
        word = "the same" if good else "DIFFERENT"
        print(f"{capture}: {word} for 1, 2, 3 and 7 workers, {perf_counter() - begun:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
