"""A flood from forged addresses and a scan of everything: one finding, bounded memory, few devices (contract §4).

The short form runs always; ten million flows run with RINGFENCE_SOAK (``make soak``).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.program import COMMAND, ROOT, SETTING

SOAK = bool(os.environ.get("RINGFENCE_SOAK"))


@dataclass(frozen=True)
class Ended:
    """How an analysis ended: its document and the most memory it held, in MB."""

    document: dict[str, Any]
    memory: float


def analysed(kind: str, flows: int, folder: Path, *more: str) -> Ended:
    """Make the traffic and analyse it as it comes; nothing but the document is stored."""
    out = folder / "a.json"
    maker = [sys.executable, str(ROOT / "bench" / "make_flood.py"), "-", "--flows", str(flows), "--kind", kind, *more]
    with subprocess.Popen(maker, stdout=subprocess.PIPE) as made:
        words = ["analyze", "-", "-q", "--json", str(out)]
        reader = subprocess.Popen([*COMMAND, *words], stdin=made.stdout, env={**os.environ, **SETTING})
        assert made.stdout is not None
        made.stdout.close()
        peak = peak_until_end(reader)
    assert reader.returncode == 0
    return Ended(json.loads(out.read_text()), peak)


def peak_until_end(process: subprocess.Popen[bytes]) -> float:
    """MB: the kernel's own high-water mark of the process's memory, looked at until it ends.

    Not ``ru_maxrss``: Linux counts in it what the process that started this one held (here pytest, after 3,000 tests).
    """
    status = Path(f"/proc/{process.pid}/status")
    peak = 0.0
    while process.poll() is None:
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                peak = max(peak, int(line.split()[1]) / 1024)
        time.sleep(0.02)
    assert peak > 10, "never seen while it ran"
    return peak


TITLES = {
    "flood": "Connection flood from many addresses",
    "forged": "Connection flood from many addresses",
    "datagrams": "Connection flood from many addresses",
    "scan": "Scan of addresses and ports",
    "sweep": "Scan of addresses and ports",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", TITLES)
def test_ten_million_flows_are_one_finding_within_bounds(kind: str, tmp_path: Path) -> None:
    flows, bound = (10_000_000, 1500) if SOAK else (300_000, 400)
    ended = analysed(kind, flows, tmp_path)
    assert ended.document["capture"]["packets"] == flows
    (finding,) = ended.document["findings"]
    if SOAK or kind not in ("scan", "sweep"):  # Fewer flows are but one of both sorts of scan.
        assert finding["title"] == TITLES[kind]
    assert finding["count"] >= flows / 2
    assert len(ended.document["devices"]) <= 5, "who never was answered is no device because it was named"
    assert len(ended.document["conversations"]) <= 4200
    assert ended.memory < bound


@pytest.mark.slow
def test_a_flood_over_an_hour_is_one_finding_within_bounds(tmp_path: Path) -> None:
    flows, rate, bound = (10_000_000, 2800, 1500) if SOAK else (300_000, 84, 600)
    ended = analysed("flood", flows, tmp_path, "--rate", str(rate))
    assert [finding["title"] for finding in ended.document["findings"]] == [TITLES["flood"]]
    assert ended.memory < bound
