"""The disk of ``ringfence up`` becomes full under load: honest state, reads go on, nothing acknowledged lost."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.app.disturbed import Client, Writers, children_of, free_port, kill, running
from tests.app.test_database_gone import configured
from tests.app.test_killed_up import REPLAYS, check, devices, sensor_state

pytestmark = pytest.mark.slow

ROOM = "64m"


@dataclass(frozen=True)
class Disk:
    """A small disk."""

    folder: Path

    def free(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.folder / "filler").open("ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(min(max(self.free(), 4096), 1 << 20)))
            except OSError:
                return

    def make_room(self) -> None:
        (self.folder / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM},mode=700", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_told_and_nothing_acknowledged_is_lost(disk: Disk, tmp_path: Path) -> None:
    port, writers = free_port(), Writers()
    data = disk.folder / "data"
    # So slow that it is not at its end before the disk is full.
    words = (*REPLAYS, *configured(tmp_path), "--speed", "30")
    try:
        with running(data, port, *words) as client:
            client.enter()
            writers.client = client
            client.until("devices", lambda: bool(devices(client)))
            assert client.readiness()[1]["checks"]["disk"]["ok"] is True
            writers.device = devices(client)[0]["id"]
            writers.start()
            writers.until_more(client)
            disk.fill()
            told_full(client, writers)
            # It dies while there is no room, and comes back to the same.
            writers.client = None
            before = client
            children = children_of(client.running.process.pid)
            client.running.process.kill()
            for child in children:
                kill(child)
        with running(data, port, *words) as client:
            client.enter(before)
            writers.client = client
            told_full(client, writers)
            disk.make_room()
            client.until("it is ready again", lambda: client.readiness()[0] == 200)
            writers.until_more(client)
            writers.client, before = None, client
        with running(data, port, *REPLAYS) as client:
            client.enter(before)
            writers.client = client
            client.until("the end", lambda: sensor_state(client) == "at the end of its captures", 120)
            writers.stop()
            check(client, writers, data)
    finally:
        writers.stop()


def told_full(client: Client, writers: Writers) -> None:
    """Readiness, figures, API and screens say that there is no room; what is there can be read."""
    client.until("it is told", lambda: client.readiness()[0] == 503)
    checks = client.readiness()[1]["checks"]
    assert checks["disk"]["code"] == "disk-full"
    assert checks["store"]["ok"] is True
    client.until("writes are refused", lambda: refused(client))
    client.until("the sensor waits", lambda: sensor_state(client) == "waiting for the store")
    assert client.readiness()[1]["checks"]["processes"]["sensor"]["code"] == "disk-full"
    assert 'code="disk-full"' in client.ask("GET", "/metrics")[1]
    assert devices(client), "reads go on"
    for path in ("/", "/devices", "/system"):
        status, page = client.ask("GET", path, Accept="text/html")
        assert status == 200
        assert "The disk has" in page
        assert "Make room" in page
    assert client.running.process.poll() is None


def refused(client: Client) -> bool:
    """A write has no room; the database's log may hold a few more."""
    status, problem = client.ask("POST", "/api/v1/sites", {"name": "x" * 100})
    return (status, problem.get("code")) == (503, "disk-full")


def test_it_says_that_there_is_no_room_to_begin(disk: Disk) -> None:
    disk.fill()
    done = subprocess.run(
        [sys.executable, "-m", "ringfence.app.cli", "up", "--data", str(disk.folder / "data")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 5
    assert "(disk-full)" in done.stderr
    assert "Traceback" not in done.stderr
