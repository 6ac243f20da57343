"""Make a flood or a scan: every packet is a flow of its own, and none is answered.

usage: python bench/make_flood.py OUT.pcap [--flows 10000000] [--kind KIND] [--rate 50000] [--seed 1]

flood: SYNs from random public addresses and ports to one server. forged: the same from random addresses of a private
range. datagrams: the same by UDP. scan: SYNs from one station to random addresses and ports.
sweep: SYNs from one station to all ports of one address after another. OUT may be ``-``: ten million flows are 760 MB,
which ``| ringfence analyze -`` takes as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.traffic.wire import START, pcap_head

_ATTACKER = bytes.fromhex("02005e000901")
_ROUTER = bytes.fromhex("00005e005301")
_SERVER = bytes.fromhex("00005e005302")
_CHUNK = 4096  # packets
KINDS = ("flood", "forged", "datagrams", "scan", "sweep")


def ends(kind: str, dice: Random) -> Iterator[tuple[int, int, int, int]]:
    """Yield source address, destination address, source port, destination port for ever."""
    station, server = 0x0A000009, 0x0A000014  # 10.0.0.9 and 10.0.0.20
    draw, at = dice.getrandbits, 0
    while True:
        at += 1
        if kind == "flood":
            # Unicast: not 0, 10, 127 or 224 and more in the first octet.
            yield (11 + draw(16) % 80) << 24 | draw(24), server, 1024 + draw(15), 502
        elif kind in ("forged", "datagrams"):
            yield 0x0A000000 | draw(24), server, 1024 + draw(15), 502
        elif kind == "scan":
            yield station, 0x0A010000 | draw(16), 1024 + draw(15), 1 + draw(16) % 65_535
        else:
            yield station, 0x0A010000 + at // 65_535, 40_000 + (at & 4095), 1 + at % 65_535


def packets(kind: str, flows: int, rate: int, seed: int) -> Iterator[bytes]:
    """Yield the capture in pieces."""
    yield pcap_head()
    link = (_ROUTER + _ATTACKER if kind in ("scan", "sweep") else _SERVER + _ROUTER) + b"\x08\x00"
    made = struct.Struct(">IIII14sHHHHHHIIHHIIHHHH6x").pack
    told = struct.Struct(">IIII14sHHHHHHIIHHHH8s10x").pack
    talks = ends(kind, Random(seed))  # noqa: S311 Reproducible, not secret.
    waiting, step = [], 1_000_000_000 // rate
    for at in range(flows):
        source, target, here, there = next(talks)
        addresses = (source >> 16) + (source & 0xFFFF) + (target >> 16) + (target & 0xFFFF)
        ident, seq = at & 0xFFFF, at * 2_654_435_761 & 0xFFFFFFFF
        seconds, nanoseconds = divmod(START + at * step, 1_000_000_000)
        record = (seconds, nanoseconds, 60, 60, link, 0x4500)
        if kind == "datagrams":
            header = 65_535 - (0x4500 + 36 + ident + 0x4011 + addresses) % 65_535
            waiting.append(told(*record, 36, ident, 0, 0x4011, header, source, target, here, there, 16, 0, b"datagram"))
        else:
            header = 65_535 - (0x4500 + 40 + ident + 0x4006 + addresses) % 65_535
            check = 65_535 - (addresses + 6 + 20 + here + there + seq + 0x5002 + 0x0400) % 65_535
            ends_of = (source, target, here, there, seq, 0)
            waiting.append(made(*record, 40, ident, 0, 0x4006, header, *ends_of, 0x5002, 0x0400, check, 0))
        if len(waiting) == _CHUNK:
            yield b"".join(waiting)
            waiting.clear()
    yield b"".join(waiting)


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--flows", type=int, default=10_000_000)
    parser.add_argument("--kind", choices=KINDS, default="flood")
    parser.add_argument("--rate", type=int, default=50_000, help="packets a second of capture time")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        out: BinaryIO = sys.stdout.buffer
        if arguments.out != "-":
            out = stack.enter_context(Path(arguments.out).open("wb"))
        for piece in packets(arguments.kind, arguments.flows, arguments.rate, arguments.seed):
            out.write(piece)


if __name__ == "__main__":
    main()
