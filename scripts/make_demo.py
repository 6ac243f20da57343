"""Make ``vectors/demo`` from collected captures: ``make_demo.py CAPTURES``, the folder with ``index.tsv``.

Frames are copied as they are; only times move, so that all captures fall into one hour of a day at work. The same input
gives the same bytes. Captures were chosen for licences that allow redistribution and for addresses that don't collide.
"""

from __future__ import annotations

import argparse
import csv
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "vectors" / "demo"
START = 1_760_004_000_000_000  # µs since 1970: 2025-10-09 10:00 UTC
HOUR = 3_600_000_000  # µs
STEP = 95_000_000  # µs between the starts of two captures

ALLOWED = ("MIT", "BSD-3-Clause", "CC-BY-4.0", "Apache-2.0", "CC0")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A capture, its name in the demo, and what it shows."""

    path: str
    name: str
    shows: str


CHOSEN = (
    Chosen("ot/iti/pcaps/openics/EIP-SoftwareUpload.pcap", "enip_upload", "a program is read out of a controller"),
    Chosen("ot/iti/pcaps/openics/EIP-ChangeTimeAttempt.pcap", "enip_set_clock", "somebody tries to set its clock"),
    Chosen("ot/iti/pcaps/s7/s7comm_program_blocklist_onlineview.pcap", "s7_blocks", "an engineer lists blocks"),
    Chosen("ot/iti/pcaps/s7/s7comm_downloading_block_db1.pcap", "s7_download", "a block is written to a controller"),
    Chosen("ot/quickdraw/s7_test.pcap", "s7_reads", "an S7 controller is read"),
    Chosen(
        "ot/iti/pcaps/ModbusTCP/Modbus/modbus_test_2.pcap", "modbus_polling", "a station polls and writes by Modbus"
    ),
    Chosen("suricata-verify/modbus/modbus.pcap", "modbus_stations", "several Modbus stations"),
    Chosen("ot/icsnpp/icsnpp-bacnet/bacnet_example.pcap", "bacnet_building", "a building's controllers"),
    Chosen("devices/sentinel/Aria/Setup-A-1-STA.pcap", "scale_aria", "a scale is set up"),
    Chosen("devices/sentinel/D-LinkDayCam/Setup-A-1-STA.pcap", "camera_dlink", "a camera is set up"),
    Chosen("devices/sentinel/D-LinkSiren/Setup-A-1-STA.pcap", "siren_dlink", "a siren is set up"),
    Chosen("devices/sentinel/EdimaxCam1/Setup-A-1-STA.pcap", "camera_edimax", "a camera is set up"),
    Chosen("devices/sentinel/EdnetGateway/Setup-A-1-STA.pcap", "gateway_ednet", "a home gateway is set up"),
    Chosen("devices/sentinel/HueBridge/Setup-A-1-STA.pcap", "bridge_hue", "a light bridge is set up"),
    Chosen("devices/sentinel/MAXGateway/Setup-A-1-STA.pcap", "gateway_max", "a heating gateway is set up"),
    Chosen("devices/sentinel/TP-LinkPlugHS110/Setup-A-1-STA.pcap", "plug_tplink", "a plug is set up"),
    Chosen("devices/sentinel/WeMoSwitch/Setup-A-1-STA.pcap", "switch_wemo", "a switched plug is set up"),
    Chosen("devices/sentinel/Withings/Setup-A-1-STA.pcap", "scale_withings", "a scale is set up"),
    Chosen("devices/sentinel/iKettle2/Setup-A-1-STA.pcap", "kettle", "a kettle is set up"),
    Chosen(
        "devices/lifecycle/result_demo/traffic_demo/xiaodu_plug_lifecycle/xiaodu_plug_setup.pcap",
        "plug_xiaodu",
        "a plug is set up",
    ),
)


def main() -> int:
    """Write the captures and their README."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("captures", type=Path)
    captures = options.parse_args().captures
    with (captures / "index.tsv").open(encoding="utf-8", newline="") as stream:
        index = {row["path"]: row for row in csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)}
    DEMO.mkdir(parents=True, exist_ok=True)
    for old in DEMO.glob("*.pcap"):
        old.unlink()
    rows = []
    for number, chosen in enumerate(CHOSEN):
        row = index[chosen.path]
        if not row["licence"].startswith(ALLOWED) or "GPL" in row["licence"]:
            sys.exit(f"{chosen.path}: its licence ({row['licence']}) does not allow redistribution")
        data, count = shifted((captures / chosen.path).read_bytes(), START + number * STEP)
        (DEMO / f"{chosen.name}.pcap").write_bytes(data)
        rows.append(f"| `{chosen.name}.pcap` | {chosen.shows} | {count} | {row['source']} | {row['licence']} |")
    (DEMO / "README.md").write_text("\n".join([HEAD, *rows, TAIL]), encoding="utf-8")
    return 0


def shifted(data: bytes, start: int) -> tuple[bytes, int]:
    """Return a pcap whose first frame is at ``start`` (µs), cut after an hour, and its number of frames."""
    order, unit = _order(data)
    (link,) = struct.unpack_from(order + "I", data, 20)
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)]
    first = None
    for time, length, frame in _frames(data, order, unit):
        first = time if first is None else first
        if not 0 <= time - first < HOUR:
            continue
        seconds, fraction = divmod(start + time - first, 1_000_000)
        out.append(struct.pack("<IIII", seconds, fraction, len(frame), length) + frame)
    return b"".join(out), len(out) - 1


def _order(data: bytes) -> tuple[str, int]:
    for order in "<>":
        (magic,) = struct.unpack_from(order + "I", data)
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            return order, 1 if magic == 0xA1B2C3D4 else 1_000
    sys.exit("a chosen capture is not a pcap file")


def _frames(data: bytes, order: str, unit: int) -> Iterator[tuple[int, int, bytes]]:
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, captured, length = struct.unpack_from(order + "IIII", data, at)
        at += 16
        yield seconds * 1_000_000 + fraction // unit, length, data[at : at + captured]
        at += captured


HEAD = """# The demo: a mixed plant of real captures

What `make demo` analyses: real traffic of real devices, each file from a public collection whose licence allows
redistribution. Frames are as they were captured; only times were moved, so that the files fall into one hour (made by
`scripts/make_demo.py`, which anyone with the sources can run again). No such plant exists: the stations never met.

| file | what happens | frames | source | licence |
|---|---|---|---|---|"""

TAIL = """
The files of `andypitcher/IoT_Sentinel` belong to: M. Miettinen, S. Marchal, I. Hafeez, N. Asokan, A.-R. Sadeghi,
S. Tarkoma, "IoT Sentinel: Automated Device-Type Identification for Security Enforcement in IoT", ICDCS 2017.
CC-BY-4.0: ITI ICS Security Tools, Information Trust Institute, University of Illinois; times were changed.
"""

if __name__ == "__main__":
    sys.exit(main())
