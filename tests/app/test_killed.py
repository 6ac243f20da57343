"""The sensor process is killed again and again while it works: nothing acknowledged is lost, nothing comes twice.

A short form runs always, fifty kills with RINGFENCE_SOAK (``make soak``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select
from tests.app.test_ingest import DEMO, check_same_as_analysis
from tests.program import ROOT, SETTING

from ringfence.app.daemons.captures import FOLDER
from ringfence.app.installation import Installation
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.store.lake import Lake
from ringfence.store.migrate import upgrade
from ringfence.store.schema.operation import batch

KILLS = 50 if os.environ.get("RINGFENCE_SOAK") else 5


def start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "ringfence.app.daemons.sensor", "--data", str(folder)]
    words += ["--database", f"sqlite:///{folder / 'ringfence.db'}"]
    for capture in DEMO:
        words += ["--replay", str(capture)]
    words += more
    environment = {**os.environ, **SETTING, "PYTHONPATH": str(ROOT / "src")}
    silent = subprocess.DEVNULL
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=silent, stderr=silent, env=environment)


def batches(installation: Installation) -> set[str]:
    with installation.database.reading() as connection:
        return set(connection.execute(select(batch.c.id)).scalars())


def all_batches(installation: Installation, every: int = 300) -> set[str]:
    """What a replay hands over, whoever takes it."""
    found: set[str] = set()

    def take(one: Batch) -> bool:
        found.add(one.id)
        return True

    LiveRun(DEMO, LiveOptions(site_key=installation.site_key, sensor="local", every=every)).run(take)
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


@pytest.mark.slow
@pytest.mark.parametrize("how", ["its parent goes", "it is terminated"])
def test_a_replay_that_is_stopped_halfway_goes_on_later(tmp_path: Path, how: str) -> None:
    """What a stop cuts short is not taken for the whole batch when the files are read again."""
    installation = Installation.open(tmp_path)
    upgrade(installation.database)
    wanted = all_batches(installation, every=60)
    process = start(tmp_path, "--speed", "120", "--every", "60")
    wait_for(process, lambda: len(batches(installation)) > 3)
    if how == "its parent goes":
        end(process)
    else:
        process.terminate()
        assert process.wait(timeout=60) == 128 + signal.SIGTERM, "who stays starts it again"
    assert batches(installation) < wanted
    last = start(tmp_path)
    wait_for(last, lambda: batches(installation) == wanted)
    end(last)
    check_same_as_analysis(installation, DEMO)
    installation.database.close()


def wait_for(process: subprocess.Popen[bytes], holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.slow
def test_a_sensor_waits_for_the_one_before_it(tmp_path: Path) -> None:
    """One whose parent was killed may be handing over its last batch."""
    installation = Installation.open(tmp_path)
    upgrade(installation.database)
    lake = Lake(installation.database, installation.folder, installation.keys, installation.clock)
    with lake.alone():
        process = start(tmp_path)
        time.sleep(2)
        assert process.poll() is None
        assert batches(installation) == set()
    wait_for(process, lambda: len(batches(installation)) > 0)
    end(process)
    installation.database.close()


@pytest.mark.slow
def test_a_sensor_that_waits_for_its_capture_ends_with_its_parent(tmp_path: Path) -> None:
    """The capture unit has not opened its pipe yet: opening it waits, and nothing else may."""
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes" / "eth1.pcapng")
    words = [sys.executable, "-m", "ringfence.app.daemons.sensor", "--data", str(tmp_path / "data")]
    words += ["--interface", "eth1"]
    environment = {**os.environ, **SETTING, "PYTHONPATH": str(ROOT / "src")}
    environment[FOLDER] = str(tmp_path / "pipes")
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
    time.sleep(2)
    end(process)
