"""Live over a cable, each process is killed under load: what was not seen is told as a gap, all else is there once.

A short form runs always, fifty kills of each with RINGFENCE_SOAK (``make soak``).
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
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
from tests.app.test_capture import Cable, cable
from tests.app.test_up_live import frames, shown

from ringfence.app.installation import Installation
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.sensor.gaps import Gap
from ringfence.sensor.slice import CapturedPacket, capture_file
from ringfence.store import gaps
from ringfence.store.inventory import load_devices
from ringfence.store.schema.findings import finding
from ringfence.store.schema.operation import batch

__all__ = ["cable"]

pytestmark = pytest.mark.slow

ROUNDS = 50 if os.environ.get("RINGFENCE_SOAK") else 2
APART = 2_000_000  # ns between packets in the capture of what was sent
MARGIN = 50_000_000  # ns between our clock before a send and the kernel's at its end
#: Devices and findings do not depend on when and how often something was seen.
TELLING = ("device_class", "vendor", "product", "model", "firmware", "serial", "os", "macs", "ips")


@dataclass
class Sender:
    """Sends the same frames again and again, and remembers when."""

    cable: Cable
    frames: list[bytes]
    sent: list[int] = field(default_factory=list)  # ns since 1970, before the frame was handed to the kernel
    rounds: int = 0
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join(60)

    def _run(self) -> None:
        with self.cable.socket(self.cable.sender) as out:
            while not self._ends.is_set():
                for at, data in enumerate(self.frames):
                    self.sent.append(time.time_ns())
                    out.send(data)
                    if at % 20 == 0:
                        time.sleep(0.02)
                self.rounds += 1


def sensor(client: Client) -> dict[str, Any]:
    return dict(client.readiness()[1]["checks"]["processes"]["sensor"])


def reading(client: Client) -> tuple[int, int]:
    """Process ids of the sensor and its capture, once packets are read."""
    client.until("it reads", lambda: sensor(client)["state"] == "reading")
    process = only_child(client, client.running.process.pid)
    return process, only_child(client, process)


def killed(client: Client, process: int) -> None:
    """Kill the sensor or its capture, and see that it is told and that packets are read again."""
    failures = sensor(client)["failures"]
    kill(process)
    client.until("the failure is told", lambda: sensor(client)["failures"] == failures + 1)
    reading(client)


def packets_stored(client: Client) -> int:
    return sum(row["packets"] for row in client.ask("GET", "/api/v1/sensors")[1]["sensors"])


def test_what_nobody_saw_is_told_and_all_else_is_there_once(cable: Cable, tmp_path: Path) -> None:
    port, writers, previous = free_port(), Writers(), None
    sender = Sender(cable, frames())
    (tmp_path / "ringfence.toml").write_text('[sensor]\nevery = 1\n[log]\nlevel = "warning"\n', encoding="utf-8")
    words = ("--config", tmp_path / "ringfence.toml", "--interface", cable.sensor)
    within = ("ip", "netns", "exec", cable.namespace)
    # The server is in the namespace too, and answers there.
    subprocess.run(cable.command("ip", "link", "set", "lo", "up"), check=True)
    data = tmp_path / "data"
    writers.start()
    try:
        for turn in range(ROUNDS):
            with running(data, port, *words, inside=cable.entered, within=within) as client:
                client.enter(previous)
                process, capture = reading(client)
                if turn == 0:
                    sender.start()
                writers.client = previous = client
                client.until("packets", lambda: packets_stored(client) > 0)
                writers.device = writers.device or client.ask("GET", "/api/v1/devices")[1]["devices"][0]["id"]
                killed(client, process)
                _, capture = reading(client)
                killed(client, capture)
                assert "ringfence_process_failures_total" in client.ask("GET", "/metrics")[1]
                children = children_of(client.running.process.pid)
                client.running.process.kill()
                for child in children if turn % 2 else ():
                    kill(child)
                writers.client = None
        with running(data, port, *words, inside=cable.entered, within=within) as client:
            client.enter(previous)
            reading(client)
            # All frames once more, undisturbed.
            rounds = sender.rounds
            client.until("another round", lambda: sender.rounds >= rounds + 2)
            sender.stop()
            note = [
                note["text"]
                for row in client.ask("GET", "/api/v1/sensors")[1]["sensors"]
                for note in row["quality"]
                if note["code"] == "gap"
            ]
            assert len(note) == 1
            assert f"{3 * ROUNDS} times" in note[0]
            writers.stop()
            installation = Installation.open(data)
            writers.check(client, installation)
            undo_corrections(client, writers.device)
    finally:
        writers.stop()
        sender.stop()
    # It was told to end, and has handed over all that it read.
    try:
        check(installation, sender, tmp_path)
        check_lake(installation, whole=False)
    finally:
        installation.database.close()


def check(installation: Installation, sender: Sender, folder: Path) -> None:
    """What was sent outside the gaps was counted; devices and rules are those of an analysis of the frames."""
    with installation.database.reading() as connection:
        counted = connection.scalar(select(func.sum(batch.c.packets))) or 0
        told = gaps.gaps_of(connection, "local")
        devices = {device.id: told_of(device) for device in load_devices(connection)}
        rows = connection.execute(select(finding).where(finding.c.state != "closed")).mappings()
        findings = {(row["id"], row["rule"], row["severity"]) for row in rows}
    assert len(told) == 3 * ROUNDS
    outside = [moment for moment in sender.sent if not any(within(gap, moment) for gap in told)]
    assert len(outside) > len(sender.frames), "the gaps are short"
    assert len(outside) <= counted <= len(sender.sent)
    capture = folder / "sent.pcap"
    start = 1_780_000_000 * 1_000_000_000
    made = [CapturedPacket(start + at * APART, len(data), data) for at, data in enumerate(sender.frames)]
    capture.write_bytes(capture_file(made)[0])
    analysis = run([capture], installation.knowledge, PipelineOptions()).analysis
    expected = {device.id: told_of(device) for device in analysis.devices}
    assert devices.keys() == expected.keys()
    for each, known in expected.items():
        # A read that begins in the middle of a conversation may understand an answer that the whole one explains away.
        differs = {name: (devices[each][name], value) for name, value in known.items() if devices[each][name] != value}
        assert all(value is None for _, value in differs.values()), (each, differs)
    assert {(each.id, each.rule, int(each.severity)) for each in analysis.findings} <= findings


def within(gap: Gap, moment: int) -> bool:
    return gap.first - MARGIN <= moment <= gap.last + MARGIN


def told_of(device: Any) -> dict[str, Any]:
    found = shown(device)
    return {name: found[name] for name in TELLING}
