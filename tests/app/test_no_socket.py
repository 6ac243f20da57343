"""Nothing is sent: ``analyze`` makes no network system call, and works where there is no network at all."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.detect.traffic import VECTORS
from tests.program import missing, ringfence

CAPTURE = VECTORS / "ot_command" / "s7_stop" / "input.pcap"
OUTPUTS = ("json", "html", "observations", "flows", "transactions")


def arguments(folder: Path) -> list[str | Path]:
    """All outputs at once."""
    words: list[str | Path] = ["analyze", CAPTURE, "--workers", "2"]
    for name in OUTPUTS:
        words += [f"--{name}", folder / name]
    return words


@pytest.mark.slow
def test_analyze_makes_no_network_system_call(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        missing("no strace on this machine (Debian package strace)")
    trace = tmp_path / "trace"
    done = ringfence(*arguments(tmp_path), within=("strace", "-f", "-e", "trace=network", "-o", str(trace)))
    assert done.code == 0, done.error
    calls = re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)
    assert calls == []
    assert all((tmp_path / name).stat().st_size for name in OUTPUTS)


def test_the_trace_would_see_a_socket(tmp_path: Path) -> None:
    if not shutil.which("strace"):
        missing("no strace on this machine (Debian package strace)")
    trace = tmp_path / "trace"
    program = "import socket; socket.socket().close()"
    subprocess.run(["strace", "-f", "-e", "trace=network", "-o", str(trace), "python3", "-c", program], check=True)
    assert "socket(" in trace.read_text()


@pytest.mark.slow
def test_analyze_works_in_an_empty_network_namespace(tmp_path: Path) -> None:
    under = ("unshare", "--net")
    if not shutil.which("unshare") or subprocess.run([*under, "true"], capture_output=True, check=False).returncode:
        missing("no network namespace can be made here (needs root)")
    done = ringfence(*arguments(tmp_path), within=under)
    assert done.code == 0, done.error
    assert (tmp_path / "html").stat().st_size


def test_the_summary_says_so() -> None:
    assert "nothing was sent" in ringfence("analyze", CAPTURE).out.lower()
