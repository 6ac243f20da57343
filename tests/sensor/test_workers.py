"""Any number of workers gives the same output (contract §4), and ten times the packets cost ten times the work."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars
import pytest

from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import read

ROOT = Path(__file__).resolve().parents[2]
DEMO = sorted((ROOT / "vectors" / "demo").glob("*.pcap*"))
#: Plain pcap and pcapng, compressed, tunnels, fragments, VLANs, other links: what takes its own way through the core.
FOLDERS = ("ndpi", "ot", "zeek", "wireless", "suricata-verify")
MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a")
MOST_BYTES = 300_000
EACH = 12


def corpus() -> list[Path]:
    """Some captures of each folder of the corpus, evenly spread, where there is a corpus."""
    name = os.environ.get("RINGFENCE_CORPUS")
    chosen: list[Path] = []
    for folder in FOLDERS if name else ():
        root = Path(str(name)) / "captures" / folder
        small = [path for path in sorted(root.rglob("*.pcap*")) if 100 < path.stat().st_size < MOST_BYTES]
        files = [path for path in small if path.read_bytes()[:4] in MAGICS]
        chosen += files[:: max(1, len(files) // EACH)]
    return chosen


def everything(paths: list[Path], workers: int, folder: Path) -> dict[str, Any]:
    """All that the core gives of the captures, in an order that does not depend on threads."""
    out = folder / f"{workers}.jsonl"
    options = ReadOptions(workers=workers, site_key=b"test", flows="keep", transactions="keep", observations=out)
    run = read(paths, options)
    rows = {
        name: polars.DataFrame(table).rows()
        for name, table in (("f", run.core.flows()), ("t", run.core.transactions()))
    }
    return {
        "summary": dict(run.summary),
        "observations": run.core.observations(),
        "conversations": run.core.conversations(),
        "protocols": run.core.protocols(),
        "counts": run.core.counts(),
        "windows": sorted(out.read_text().splitlines()),
        "flows": sorted(map(repr, rows["f"])),
        "transactions": sorted(map(repr, rows["t"])),
    }


def test_the_demo_is_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    alone = everything(DEMO, 1, tmp_path)
    assert len(alone["observations"]) > 100
    assert len(alone["flows"]) > 20
    for workers in (2, 3, 7, 64):
        assert everything(DEMO, workers, tmp_path) == alone, f"{workers} workers"


@pytest.mark.slow
def test_captures_of_the_corpus_are_the_same_for_any_number_of_workers(tmp_path: Path) -> None:
    captures = corpus()
    if not captures:
        pytest.skip("RINGFENCE_CORPUS names no corpus")
    alone = everything(captures, 1, tmp_path)
    for workers in (2, 5):
        assert everything(captures, workers, tmp_path) == alone, f"{workers} workers"


def test_several_workers_read_standard_input() -> None:
    program = "import sys; from ringfence.sensor.options import ReadOptions; from ringfence.sensor.reader import read; "
    program += "print(read(['-'], ReadOptions(workers=int(sys.argv[1]), site_key=bytes(8))).core.counts())"
    told = [
        subprocess.run(
            [sys.executable, "-c", program, workers], input=DEMO[0].read_bytes(), capture_output=True, check=True
        ).stdout
        for workers in ("1", "3")
    ]
    assert told[0] == told[1]
    assert len(told[0]) > 100


def test_counts_are_the_sums_of_what_is_listed() -> None:
    run = read(DEMO)
    listed: dict[str, list[int]] = {}
    for kind, _, _, _, value, count, *_ in run.core.observations():
        row = listed.setdefault(kind, [0, 0, 0])
        row[0] += 1
        row[1] += count
        row[2] += count if "operation" in value else 0
    assert {kind: list(row) for kind, *row in run.core.counts()} == listed


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind counts the instructions")
def test_ten_times_the_packets_cost_ten_times_the_instructions() -> None:
    command = [sys.executable, str(ROOT / "bench" / "compare.py"), "growth", "--packets", "20000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
