"""The sensor process is killed again and again while it works: nothing acknowledged is lost, nothing comes twice.

A short form runs always, fifty kills with RINGFENCE_SOAK (``make soak``).
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from tests.app.test_ingest import DEMO, check_same_as_analysis
from tests.program import ROOT, SETTING

from ringfence.app.installation import Installation
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.store.migrate import upgrade
from ringfence.store.schema.operation import batch

KILLS = 50 if os.environ.get("RINGFENCE_SOAK") else 5


def start(folder: Path) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "ringfence.app.daemons.sensor", "--data", str(folder)]
    words += ["--database", f"sqlite:///{folder / 'ringfence.db'}"]
    for capture in DEMO:
        words += ["--replay", str(capture)]
    environment = {**os.environ, **SETTING, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)


def batches(installation: Installation) -> set[str]:
    with installation.database.reading() as connection:
        return set(connection.execute(select(batch.c.id)).scalars())


def all_batches(installation: Installation) -> set[str]:
    """What a replay hands over, whoever takes it."""
    found: set[str] = set()

    def take(one: Batch) -> bool:
        found.add(one.id)
        return True

    LiveRun(DEMO, LiveOptions(site_key=installation.site_key, sensor="local")).run(take)
    return found


def end(process: subprocess.Popen[bytes]) -> None:
    """End it as its parent's end does."""
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_a_sensor_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    installation = Installation.open(tmp_path)
    upgrade(installation.database)
    dice = Random(7)  # noqa: S311 Reproducible, not secret.
    acknowledged: set[str] = set()
    for _ in range(KILLS):
        process = start(tmp_path)
        time.sleep(0.8 + dice.random())
        process.kill()
        process.wait()
        now = batches(installation)
        assert acknowledged <= now
        acknowledged = now
    wanted = all_batches(installation)
    last = start(tmp_path)
    deadline = time.monotonic() + 120
    while batches(installation) != wanted:
        assert last.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    end(last)
    check_same_as_analysis(installation, DEMO)
    with installation.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(batch)) == len(batches(installation))
    installation.database.close()


@pytest.mark.slow
def test_a_sensor_ends_with_its_parent(tmp_path: Path) -> None:
    installation = Installation.open(tmp_path)
    upgrade(installation.database)
    process = start(tmp_path)
    time.sleep(1.0)
    end(process)
    installation.database.close()
