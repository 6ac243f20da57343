"""Each process of ``ringfence up`` is killed under load, again and again: nothing acknowledged lost, nothing doubled.

A short form runs always, fifty kills of each with RINGFENCE_SOAK (``make soak``).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.app.disturbed import (
    Client,
    Writers,
    check_lake,
    children_of,
    free_port,
    kill,
    only_child,
    running,
    undo_corrections,
)
from tests.app.test_ingest import check_same_as_analysis
from tests.program import DEMO

from ringfence.app.installation import Installation

pytestmark = pytest.mark.slow

KILLS = 50 if os.environ.get("RINGFENCE_SOAK") else 3  # of each
REPLAYS = [word for capture in DEMO for word in ("--replay", str(capture))]


def sensor_of(client: Client) -> int:
    """The process id of the sensor, once it runs."""
    return only_child(client, client.running.process.pid)


def told_failures(client: Client) -> int:
    return int(client.readiness()[1]["checks"]["processes"]["sensor"]["failures"])


def devices(client: Client) -> list[dict[str, Any]]:
    return list(client.ask("GET", "/api/v1/devices?sort=first&limit=100")[1]["devices"])


def sensor_state(client: Client) -> str:
    return str(client.readiness()[1]["checks"]["processes"]["sensor"]["state"])


def check(client: Client, writers: Writers, folder: Path, url: str | None = None) -> None:
    """All that was acknowledged is there once, and beside it what an analysis finds."""
    installation = Installation.open(folder, url)
    try:
        writers.check(client, installation)
        assert writers.reads > 0
        undo_corrections(client, writers.device)
        deadline = time.monotonic() + 20
        while not same(installation) and time.monotonic() < deadline:
            time.sleep(0.2)
        check_same_as_analysis(installation, DEMO)
        check_lake(installation)
    finally:
        installation.database.close()


def same(installation: Installation) -> bool:
    try:
        check_same_as_analysis(installation, DEMO)
    except AssertionError:
        return False
    return True


def test_a_replay_through_kills_is_the_replay(tmp_path: Path) -> None:
    """Sensor, server and both at once die by turns, while people write and read."""
    dice = Random(11)  # noqa: S311 Reproducible, not secret.
    port, writers = free_port(), Writers()
    previous: Client | None = None
    writers.start()
    try:
        for turn in range(KILLS):
            # Slow enough that it goes on through every kill.
            with running(tmp_path, port, *REPLAYS, "--speed", "600") as client:
                client.enter(previous)
                writers.client = previous = client
                client.until("devices", lambda: bool(devices(client)))
                writers.device = writers.device or devices(client)[0]["id"]
                kill(sensor_of(client))
                client.until("the failure is told", lambda: told_failures(client) == 1)
                client.until("it runs again", lambda: sensor_state(client) not in ("starting again", "starting"))
                time.sleep(dice.random())
                # The server dies with or without its sensor; what is left of it ends by itself.
                children = children_of(client.running.process.pid)
                client.running.process.kill()
                for child in children if turn % 2 else ():
                    kill(child)
                writers.client = None
        with running(tmp_path, port, *REPLAYS) as client:
            client.enter(previous)
            client.until("the end", lambda: sensor_state(client) == "at the end of its captures", 120)
            writers.stop()
            check(client, writers, tmp_path)
    finally:
        writers.stop()
