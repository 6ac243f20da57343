"""``ringfence explain``: one packet, layer by layer, with every record that the dissectors made of it."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from ringfence import _core
from ringfence.app.escape import terminal_text
from ringfence.inventory.knowledge.loader import builtin
from ringfence.model.clock import rfc3339
from ringfence.model.errors import RingfenceError
from ringfence.sensor.reader import trace

__all__ = ["explain"]


def explain(arguments: argparse.Namespace) -> int:
    """Print the packet and return the exit code."""
    number = arguments.packet
    frame = _core.frame(arguments.file, number)
    if frame is None:
        raise RingfenceError("packet-not-found", arguments.file, f"there is no packet {number:,}")
    # Without the list, a default password would be shown as none.
    defaults = builtin().default_credentials()
    records = [
        {"kind": kind, "subject": subject, "object": other, "value": value}
        for _, _, kind, subject, other, value in trace(arguments.file, first=number, last=number, defaults=defaults)
    ]
    if arguments.json:
        json.dump({"schema_version": 1, "frame": frame, "records": records}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write("".join(line + "\n" for line in _lines(frame, records)))
    return 0


def _lines(frame: dict[str, Any], records: list[dict[str, Any]]) -> list[str]:
    cut = f", {frame['captured']} captured" if frame["captured"] != frame["length"] else ""
    lines = [f"packet {frame['frame']:,}  {rfc3339(frame['time'])}  {frame['length']} bytes{cut}  {frame['link']}"]
    if frame["src_mac"] or frame["dst_mac"]:
        vlans = "".join(f"  vlan {vlan}" for vlan in frame["vlans"])
        lines.append(f"  link       {frame['src_mac']} → {frame['dst_mac']}  type 0x{frame['ethertype']:04x}{vlans}")
    if frame["tunnel"]:
        lines.append(f"  tunnel     {frame['tunnel']}")
    if frame["src"]:
        lines.append(f"  network    {frame['src'][1]} → {frame['dst'][1]}  hop limit {frame['ttl']}")
    ports = f"  {frame['src_port']} → {frame['dst_port']}" if frame["src_port"] or frame["dst_port"] else ""
    lines.append(f"  transport  {frame['transport']}{ports}  payload {frame['payload']} bytes")
    if frame["fault"]:
        lines.append(f"  malformed  {frame['fault']}")
    if not records:
        lines.append("  No record was made of this packet: its protocol is not understood, its message ends in a later")
        lines.append("  packet, or it repeats what was seen.")
    for record in records:
        toward = f" → {record['object'][1]}" if record["object"] else ""
        lines.append(f"  {record['kind']}  ({record['subject'][1]}{toward})")
        lines += [f"    {name:<22} {terminal_text(_shown(value))}" for name, value in record["value"].items()]
    return lines


def _shown(value: object) -> str:
    return ", ".join(str(item) for item in value) if isinstance(value, list) else str(value)
