"""Make ``vectors/demo`` from collected captures: ``make_demo.py CAPTURES``, the folder with ``index.tsv``.

Frames are copied as they are; only times move, so that all captures fall into one hour of a day at work. The same input
gives the same bytes. Captures were chosen for licences that allow redistribution and for addresses that don't collide;
where they would, or where an address would be somebody's on the internet, IPv4 addresses (in IP and ARP headers, with
their checksums, not in payloads) get another prefix of the same length. ``made_cell.pcap`` is not written here: it is
made traffic, and ``tests/app/demo_cell.py`` is its provenance.
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

MADE = "made_cell.pcap"
ALLOWED = ("MIT", "BSD-3-Clause", "CC-BY-4.0", "Apache-2.0", "CC0")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A capture, its name in the demo, and what it shows."""

    path: str
    name: str
    shows: str
    moved: tuple[str, str] | None = None  # first three bytes of IPv4 addresses: as captured, and in the demo


CHOSEN = (
    Chosen("ot/iti/pcaps/openics/EIP-SoftwareUpload.pcap", "enip_upload", "a program is read out of a controller"),
    Chosen("ot/iti/pcaps/openics/EIP-ChangeTimeAttempt.pcap", "enip_set_clock", "somebody tries to set its clock"),
    Chosen("ot/iti/pcaps/s7/s7comm_program_blocklist_onlineview.pcap", "s7_blocks", "an engineer lists blocks"),
    Chosen("ot/iti/pcaps/s7/s7comm_downloading_block_db1.pcap", "s7_download", "a block is written to a controller"),
    Chosen("ot/quickdraw/s7_test.pcap", "s7_reads", "an S7 controller is read"),
    Chosen(
        "ot/iti/pcaps/ModbusTCP/Modbus/modbus_test_2.pcap",
        "modbus_polling",
        "a station polls by Modbus",
        moved=("192.168.0", "10.20.0"),
    ),
    Chosen("suricata-verify/modbus/modbus.pcap", "modbus_stations", "several Modbus stations"),
    Chosen(
        "ot/iti/pcaps/s7/tia_s300_downloadHwConfig.pcapng",
        "s7_stop",
        "a controller is stopped, given another configuration and started",
        moved=("134.217.61", "10.30.61"),
    ),
    Chosen(
        "ot/icsnpp/icsnpp-bacnet/bacnet_services.pcap",
        "bacnet_commands",
        "a building controller is commanded",
        moved=("192.168.0", "10.25.0"),
    ),
    Chosen("ot/iti/pcaps/BACnet/bacnet_test.pcap", "bacnet_supervisor", "a building's supervisor is asked who it is"),
    Chosen("zeek/nmap-vsn.pcap", "scan", "a laptop looks for devices", moved=("192.168.1", "10.40.1")),
    Chosen("suricata-verify/smb2-ntlmssp-negotiateflags/input.pcap", "office", "two office computers"),
    Chosen("zeek/ssl-and-ssh-using-sslh.pcap", "self_signed", "a server with a certificate of its own making"),
    Chosen("suricata-verify/tls/tls-pre-1970/input.pcap", "television", "a television speaks obsolete TLS"),
    Chosen("ja4/pcap/http1.pcapng", "media", "media players and their router"),
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
        if old.name != MADE:
            old.unlink()
    rows = []
    for number, chosen in enumerate(CHOSEN):
        row = index[chosen.path]
        if not row["licence"].startswith(ALLOWED) or "GPL" in row["licence"]:
            sys.exit(f"{chosen.path}: its licence ({row['licence']}) does not allow redistribution")
        data, count = shifted((captures / chosen.path).read_bytes(), START + number * STEP, chosen.moved)
        (DEMO / f"{chosen.name}.pcap").write_bytes(data)
        moved = f"; addresses `{chosen.moved[0]}.x` became `{chosen.moved[1]}.x`" if chosen.moved else ""
        rows.append(f"| `{chosen.name}.pcap` | {chosen.shows}{moved} | {count} | {row['source']} | {row['licence']} |")
    made = len(list(_pcap((DEMO / MADE).read_bytes())[1]))
    rows.append(f"| `{MADE}` | a made cell with risks of all sorts | {made} | made by `tests/app/demo_cell.py` | CC0 |")
    (DEMO / "README.md").write_text("\n".join([HEAD, *rows, TAIL]), encoding="utf-8")
    return 0


def shifted(data: bytes, start: int, moved: tuple[str, str] | None = None) -> tuple[bytes, int]:
    """Return a pcap whose first frame is at ``start`` (µs), cut after an hour, and its number of frames."""
    link, frames = _pcapng(data) if data[:4] == b"\x0a\x0d\x0d\x0a" else _pcap(data)
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)]
    first = None
    for time, length, frame in frames:
        first = time if first is None else first
        if not 0 <= time - first < HOUR:
            continue
        seconds, fraction = divmod(start + time - first, 1_000_000)
        shown = _with_other_prefix(frame, *moved) if moved else frame
        out.append(struct.pack("<IIII", seconds, fraction, len(shown), length) + shown)
    return b"".join(out), len(out) - 1


def _with_other_prefix(frame: bytes, old: str, new: str) -> bytes:
    """Return an untagged Ethernet frame with the IPv4 addresses under ``old`` moved; the checksums follow.

    RFC 1624 §3: the new sum is made from the old one and what changed.
    """
    before, after = (bytes(map(int, prefix.split("."))) for prefix in (old, new))
    kind, data = frame[12:14], bytearray(frame)
    if kind == b"\x08\x06":
        places, sums = [28, 38], []
    elif kind == b"\x08\x00":
        header = (data[14] & 15) * 4
        transport = {6: 14 + header + 16, 17: 14 + header + 6}.get(data[23])
        places, sums = [26, 30], [24] + ([transport] if transport else [])
    else:
        return frame
    for place in places:
        if data[place : place + 3] != before:
            continue
        change = sum(struct.unpack("!HH", after + b"\0")) + sum(
            ~word & 0xFFFF for word in struct.unpack("!HH", before + b"\0")
        )
        data[place : place + 3] = after
        for at in sums:
            total = (~struct.unpack_from("!H", data, at)[0] & 0xFFFF) + change
            while total >> 16:
                total = (total & 0xFFFF) + (total >> 16)
            struct.pack_into("!H", data, at, ~total & 0xFFFF)
    return bytes(data)


def _pcap(data: bytes) -> tuple[int, Iterator[tuple[int, int, bytes]]]:
    order, unit = _order(data)
    return struct.unpack_from(order + "I", data, 20)[0], _frames(data, order, unit)


def _pcapng(data: bytes) -> tuple[int, Iterator[tuple[int, int, bytes]]]:
    """Return link type and frames of a file with one little-endian section and one interface that counts in µs."""

    def blocks() -> Iterator[tuple[int, bytes]]:
        at = 0
        while at + 12 <= len(data):
            kind, size = struct.unpack_from("<II", data, at)
            yield kind, data[at + 8 : at + size - 4]
            at += size

    def frames() -> Iterator[tuple[int, int, bytes]]:
        for kind, body in blocks():
            if kind == 6:
                high, low, captured, length = struct.unpack_from("<IIII", body, 4)
                yield (high << 32) + low, length, body[20 : 20 + captured]

    (link,) = (struct.unpack_from("<H", body)[0] for kind, body in blocks() if kind == 1)
    return link, frames()


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


HEAD = """# The demo: a mixed plant

What `make demo` analyses: real traffic of real devices, each file from a public collection whose licence allows
redistribution. Frames are as they were captured; times were moved, so that the files fall into one hour, and IPv4
addresses where the table says so (by `scripts/make_demo.py`, which anyone with the sources can run again). No such
plant exists: the stations never met.

One file is not real: `made_cell.pcap` is made traffic (CC0, by `python -m tests.app.demo_cell`), for risks of which no
real capture may be passed on: a default password on Telnet, a readable HTTP password, a default SNMP community, MQTT
for anyone, an expired certificate, a controller that talks to the internet. Its devices don't exist.

| file | what happens | frames | source | licence |
|---|---|---|---|---|"""

TAIL = """
The files of `andypitcher/IoT_Sentinel` belong to: M. Miettinen, S. Marchal, I. Hafeez, N. Asokan, A.-R. Sadeghi,
S. Tarkoma, "IoT Sentinel: Automated Device-Type Identification for Security Enforcement in IoT", ICDCS 2017.
CC-BY-4.0: ITI ICS Security Tools, Information Trust Institute, University of Illinois; times were
changed, and addresses where the table says so. Copyright of the others: The Zeek Project (zeek/zeek), Battelle Energy
Alliance, LLC (cisagov/icsnpp-bacnet), FoxIO, LLC (FoxIO-LLC/ja4), all BSD-3-Clause; Open Information Security
Foundation (OISF/suricata-verify), Digital Bond (digitalbond/Quickdraw-Snort), both MIT. The licences' texts stand in
those repositories; the captures come as they are, without any warranty.
"""

if __name__ == "__main__":
    sys.exit(main())
