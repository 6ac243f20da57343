"""Made-up flows and transactions as Arrow tables, in the columns of the batches' reference."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import md5
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # It ships no types.

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
MORNING = 1_795_737_600 * SECOND  # 2026-11-27T00:00:00Z

_WORD = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("ns", tz="UTC")
FLOWS = pa.schema(
    [
        pa.field("flow_id", pa.uint64(), nullable=False),
        pa.field("sensor", _WORD, nullable=False),
        pa.field("epoch", _WORD, nullable=False),
        pa.field("window", _TIME, nullable=False),
        pa.field("src_part", pa.binary(16), nullable=False),
        pa.field("dst_part", pa.binary(16), nullable=False),
        pa.field("src_address", pa.string(), nullable=False),
        pa.field("dst_address", pa.string(), nullable=False),
        pa.field("src_port", pa.uint16(), nullable=False),
        pa.field("dst_port", pa.uint16(), nullable=False),
        pa.field("transport", _WORD, nullable=False),
        pa.field("protocol", _WORD),
        pa.field("confidence", pa.uint8(), nullable=False),
        pa.field("start", _TIME, nullable=False),
        pa.field("end", _TIME, nullable=False),
        pa.field("src_packets", pa.uint64(), nullable=False),
        pa.field("dst_packets", pa.uint64(), nullable=False),
        pa.field("src_bytes", pa.uint64(), nullable=False),
        pa.field("dst_bytes", pa.uint64(), nullable=False),
        pa.field("state", _WORD, nullable=False),
        pa.field("src_retransmissions", pa.uint32(), nullable=False),
        pa.field("dst_retransmissions", pa.uint32(), nullable=False),
        pa.field("rtt_us", pa.uint32()),
        pa.field("vlans", pa.list_(pa.uint16()), nullable=False),
        pa.field("tunnel", pa.string()),
        pa.field("community_id", pa.string()),
        pa.field("flags", pa.uint32(), nullable=False),
    ]
)


def part(number: int) -> str:
    """The id of a made-up part."""
    return "p-" + _part(number).hex()


def _part(number: int) -> bytes:
    return md5(str(number).encode(), usedforsecurity=False).digest()


def flow(number: int, start: int, source: int = 1, destination: int = 2, **other: Any) -> dict[str, Any]:
    """One flow of a second; ``other`` replaces columns."""
    return {
        "flow_id": number,
        "sensor": "s1",
        "epoch": "e1",
        "window": start - start % (300 * SECOND),
        "src_part": _part(source),
        "dst_part": _part(destination),
        "src_address": f"10.0.0.{source}",
        "dst_address": f"10.0.0.{destination}",
        "src_port": 40_000,
        "dst_port": 502,
        "transport": "tcp",
        "protocol": "modbus",
        "confidence": 100,
        "start": start,
        "end": start + SECOND,
        "src_packets": 3,
        "dst_packets": 2,
        "src_bytes": 300,
        "dst_bytes": 200,
        "state": "closed",
        "src_retransmissions": 0,
        "dst_retransmissions": 0,
        "rtt_us": 100,
        "vlans": [7],
        "tunnel": None,
        "community_id": "1:x",
        "flags": 0,
    } | other


def flow_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as the core hands them over."""
    return pa.Table.from_pylist(list(rows), schema=FLOWS)
