"""Live over a cable: the sensor process finds what ``analyze`` finds in the same packets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from tests.app.test_capture import Cable, cable
from tests.program import DEMO, ROOT, SETTING

from ringfence.app.installation import Installation
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.model.device import Device
from ringfence.sensor.slice import CapturedPacket, capture_file, packets
from ringfence.store.inventory import load_devices
from ringfence.store.migrate import upgrade
from ringfence.store.schema.findings import finding
from ringfence.store.schema.operation import batch

__all__ = ["cable"]

CHOSEN = ("s7_stop.pcap", "modbus_stations.pcap", "bacnet_commands.pcap", "enip_upload.pcap", "camera_dlink.pcap")
WIDEST = 1514  # bytes that the cable takes
APART = 2_000_000  # ns between packets


def frames() -> list[bytes]:
    found = [packet for path in DEMO if path.name in CHOSEN for packet in packets(path.read_bytes())]
    return [packet.data for packet in found if packet.link == 1 and 14 <= len(packet.data) <= WIDEST]


def shown(device: Device) -> dict[str, Any]:
    """What does not depend on when it was."""
    names = (
        "device_class",
        "vendor",
        "product",
        "model",
        "firmware",
        "serial",
        "os",
        "name",
        "macs",
        "ips",
        "confidence",
    )
    return {name: getattr(device, name) for name in names}


@pytest.mark.slow
def test_live_finds_what_analyze_finds(cable: Cable, tmp_path: Path) -> None:
    sent = frames()
    assert len(sent) > 500
    capture = tmp_path / "sent.pcap"
    start = 1_780_000_000 * 1_000_000_000
    made = [CapturedPacket(start + at * APART, len(data), data) for at, data in enumerate(sent)]
    capture.write_bytes(capture_file(made)[0])

    installation = Installation.open(tmp_path / "data")
    upgrade(installation.database)
    words = [sys.executable, "-m", "ringfence.app.daemons.sensor", "--data", str(tmp_path / "data")]
    words += ["--database", installation.url, "--interface", cable.sensor]
    environment = {**os.environ, **SETTING, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(
        cable.command(*words), stdin=subprocess.PIPE, stderr=(tmp_path / "log").open("wb"), env=environment
    )
    try:
        time.sleep(4)  # Until it listens.
        with cable.socket(cable.sender) as out:
            for at, data in enumerate(sent):
                out.send(data)
                if at % 20 == 0:
                    time.sleep(0.04)
        time.sleep(1)
        assert process.poll() is None, (tmp_path / "log").read_text()
    finally:
        assert process.stdin is not None
        process.stdin.close()
        code = process.wait(timeout=60)
    assert code == 0, (tmp_path / "log").read_text()

    analysis = run([capture], installation.knowledge, PipelineOptions()).analysis
    with installation.database.reading() as connection:
        counted = sum(connection.execute(select(batch.c.packets)).scalars())
        devices = {device.id: shown(device) for device in load_devices(connection)}
        rows = connection.execute(select(finding).where(finding.c.state != "closed")).mappings()
        findings = {row["id"]: (row["rule"], row["severity"], row["title"], row["count"]) for row in rows}
    installation.database.close()
    assert counted == len(sent)
    assert devices == {device.id: shown(device) for device in analysis.devices}
    assert findings == {each.id: (each.rule, int(each.severity), each.title, each.count) for each in analysis.findings}
