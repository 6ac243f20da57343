"""Starts the ``ringfence`` command as a user does: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DEMO = sorted((ROOT / "vectors" / "demo").glob("*.pcap*"))
COMMAND = (sys.executable, "-m", "ringfence.app.cli")

# What whoever runs the tests has imported must not change what they see.
SETTING = {
    "PYTHONPATH": str(ROOT / "src"),
    "COLUMNS": "120",
    "NO_COLOR": "1",
    "RINGFENCE_KNOWLEDGE": str(ROOT / "no-such-folder"),
}


def ringfence(
    *arguments: str | Path,
    stdin: bytes | None = None,
    within: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run the command; ``within`` is what it is started under (strace, unshare)."""
    done = subprocess.run(
        [*within, *COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env={**os.environ, **SETTING, **(environment or {})},
        check=False,
    )
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


class Finished:
    """How a command ended."""

    def __init__(self, code: int, out: str, error: str) -> None:
        self.code = code
        self.out = out
        self.error = error


def missing(reason: str) -> None:
    """Skip with the reason, or fail where everything must run."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}; in CI this must not be missing")
    pytest.skip(reason)
