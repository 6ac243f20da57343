"""Measures the path of live traffic in a large plant: batches through gather, register, rules, store and lake.

Usage: ``python bench/ingest_figures.py [--devices N] [--changed N] [--talkers N] [--batches N] [--database URL]``

A plant is written into the store as a sensor would have; ``Ingest`` starts from there as the sensor does and takes
batches: of each of ``--talkers`` devices some facts and conversations are seen again, and every twentieth fact is new.
When the rate is taken, devices that were merely seen again are written as fast as they come (decision 020).
Each figure is one JSON line, in seconds of the clock and of this process's CPU (the machine may be shared). The same
numbers give the same plant. ``--readers`` reads device pages and lists in other threads meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
from bench.lake_figures import made
from tests.postgresql import server

from ringfence.app import ingest as line
from ringfence.app.daemons.sensor import start
from ringfence.app.ingest import Ingest
from ringfence.app.installation import Installation
from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part
from ringfence.model.query import parse
from ringfence.model.scope import EVERYWHERE
from ringfence.sensor.live import WINDOW
from ringfence.sensor.rows import part_id
from ringfence.store.migrate import upgrade
from ringfence.store.observations import save_observations
from ringfence.store.read.device import device
from ringfence.store.read.devices import devices
from ringfence.store.traffic import save_conversations
from ringfence.store.unit import UnitOfWork

SECOND = 1_000_000_000  # ns
START = 1_795_000_200 * SECOND  # begins a window
MASTERED = 50  # devices of one master
_CHUNK = 2_000  # devices of one unit of work
_AGENTS = ("Studio 5000/33", "curl/8.5", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", "PLC-Viewer/2.1")


def part(kind: str, value: str) -> Part:
    """A part as the core names it."""
    address = Address("plant", kind, value)
    return Part(part_id(address), address)


@dataclass(frozen=True)
class Plant:
    """Devices by number: every fiftieth is a master that reads and writes the 49 after it."""

    devices: int

    def ends(self, number: int) -> tuple[Part, Part]:
        """The MAC and the IP address of a device."""
        low = f"{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
        return part("mac", f"00:1d:9c:{low}"), part("ipv4", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")

    def facts(self, number: int, at: int) -> Iterator[Observation]:
        """What is seen of a device again and again: about eleven facts."""
        (mac, ip), master = self.ends(number), number - number % MASTERED
        own, boss = ip.address.value, self.ends(master)[1]

        def fact(kind: str, subject: Part, other: Part | None = None, **value: Any) -> Observation:
            packets = (PacketReference(at, 0, number + 1, 0, 120),)
            return Observation(kind, subject, other, value, 2, at, at + SECOND // 2, packets)

        yield fact("link.address", mac, ip=own)
        yield fact("link.ttl", ip, initial=64, hops=0)
        arp: dict[str, Any] = {"operation": "request", "opcode": 1, "sender_mac": mac.address.value, "sender_ip": own}
        yield fact("arp.packet", mac, **arp, target_ip=boss.address.value, purpose="resolve")
        yield fact("dhcp.message", mac, operation="request", client_mac=mac.address.value, hostname=f"unit-{number}")
        name: dict[str, Any] = {
            "vendor_id": 1,
            "device_type": 14,
            "product_name": "1756-L61/B LOGIX5561",
            "revision": "20.11",
        }
        yield fact("enip.identity", ip, **name, serial=number + 7_000_000, product_code=54, state=3, ip=own)
        yield fact("dns.query", ip, operation="query", object=f"time-{number % 7}.plant.example", record_type=1)
        yield fact("http.response", ip, boss, status=200, server="A-B WWW/0.1")
        if number != master:
            read: dict[str, Any] = {"function": 3, "unit": 1, "table": "holding"}
            yield fact("modbus.request", boss, ip, operation="read_holding_registers", object="holding 0 x10", **read)
            yield fact("modbus.response", ip, boss, function=3, unit=1, status="ok")
            if number % 5 == 0:
                write: dict[str, Any] = {
                    "function": 6,
                    "unit": 1,
                    "table": "holding",
                    "object": f"holding {number % 40}",
                }
                yield fact("modbus.request", boss, ip, operation="write_single_register", **write)
        if number % 10 == 1:
            broker = self.ends(number - number % 1_000)[1]
            yield fact("mqtt.connect", ip, broker, client_id=f"unit-{number}", anonymous=True, version=4)
        if number % 10 == 2:
            yield fact("tls.certificate", ip, None, position=0, self_signed=True, common_name=f"unit-{number}")

    def news(self, number: int, at: int, dice: random.Random) -> Observation:
        """Something that was not seen of a device before."""
        ip = self.ends(number)[1]
        value = {"operation": "GET", "user_agent": dice.choice(_AGENTS), "host": f"h{dice.randrange(1 << 30)}.example"}
        return Observation("http.request", ip, None, value, 1, at, at, (PacketReference(at, 0, number + 1, 0, 99),))

    def talks(self, number: int, at: int) -> Iterator[Conversation]:
        """A device's conversations: with its master, with a server of the plant, some with the internet."""
        ip, master = self.ends(number)[1], number - number % MASTERED
        boss = self.ends(master)[1]
        asked = (Operation("read_holding_registers", "holding 0 x10", 2),)
        yield Conversation(boss, ip, "modbus", "tcp", 502, 20, 2_000, 1, at, at + SECOND, asked)
        yield Conversation(boss, ip, "http", "tcp", 80, 10, 9_000, 1, at, at + SECOND)
        yield Conversation(ip, self.ends(0)[1], "dns", "udp", 53, 2, 200, 1, at, at + SECOND)
        if number % 100 == 3:
            cloud = part("ipv4", f"9.9.{number >> 8 & 255}.{number & 255}")
            yield Conversation(ip, cloud, "tls", "tcp", 443, 30, 20_000, 1, at, at + SECOND)


@dataclass
class MadeBatch:
    """A batch as ``sensor.live`` hands it over."""

    number: int
    observations: list[Observation]
    conversations: list[Conversation]
    tables: tuple[Any, Any]
    sensor: str = "bench"
    epoch: str = "bench"
    last: bool = False
    quality: tuple[()] = ()

    @property
    def id(self) -> str:
        """Its own for each number."""
        return f"b-bench-{self.number}"

    @property
    def start(self) -> int:
        """Start of its window, ns."""
        return START + (self.number // 100 + 1) * WINDOW

    @property
    def closed(self) -> bool:
        """Every hundredth closes its window."""
        return self.number % 100 == 99

    @property
    def packets(self) -> int:
        """Packets it was made from."""
        return sum(talk.packets for talk in self.conversations)

    @property
    def summary(self) -> dict[str, Any]:
        """Names the one input."""
        return {"inputs": [{"digest": "", "path": "bench"}]}

    def flows(self) -> Any:
        """Flows of the batch."""
        return self.tables[0]

    def transactions(self) -> Any:
        """None were understood."""
        return self.tables[1]


def batches(plant: Plant, asked: argparse.Namespace) -> Iterator[MadeBatch]:
    """Yield batches of about ``asked.changed`` observations of ``asked.talkers`` devices each."""
    dice = random.Random(11)  # noqa: S311 The same batches each time.
    talkers = min(asked.talkers, plant.devices)
    flows = next(made(2_000, 2_000, 1))
    empty = duckdb.execute("SELECT now()::TIMESTAMPTZ_NS AS time WHERE false").to_arrow_table()
    for number in range(asked.batches):
        at = START + WINDOW + number * asked.step * SECOND
        facts: list[Observation] = []
        talks: list[Conversation] = []
        for one in dice.sample(range(plant.devices), talkers):
            seen = list(plant.facts(one, at))
            some = dice.sample(seen, min(len(seen), max(1, asked.changed // talkers)))
            facts += (plant.news(one, at, dice) if dice.random() < 0.05 else fact for fact in some)
            talks += dice.sample(list(plant.talks(one, at)), 2)
        yield MadeBatch(number, facts, talks, (flows, empty))


def fill(installation: Installation, plant: Plant) -> None:
    """Write what an earlier run of the sensor would have left."""
    upgrade(installation.database)
    for at in range(0, plant.devices, _CHUNK):
        numbers = range(at, min(at + _CHUNK, plant.devices))
        with UnitOfWork(installation.database, START) as unit:
            save_observations(unit, "bench", (fact for one in numbers for fact in plant.facts(one, START)))
            save_conversations(unit, (talk for one in numbers for talk in plant.talks(one, START)))


# --- measuring ------------------------------------------------------------------------------------------------------


class Stages:
    """Seconds by stage, of the clock and of this thread's CPU."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}

    def wrap(self, owner: Any, name: str, stage: str) -> None:
        """Count what ``owner.name`` takes to ``stage``; what is not there is passed over."""
        inner = getattr(owner, name, None)
        if inner is None:
            return

        def counted(*given: Any, **named: Any) -> Any:
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return inner(*given, **named)
            finally:
                self.wall[stage] = self.wall.get(stage, 0.0) + time.perf_counter() - wall
                self.cpu[stage] = self.cpu.get(stage, 0.0) + time.thread_time() - cpu

        setattr(owner, name, counted)

    def take(self) -> dict[str, list[float]]:
        """Return [clock, CPU] of each stage since the last time."""
        told = {stage: [round(self.wall[stage], 4), round(self.cpu[stage], 4)] for stage in self.wall}
        self.wall.clear()
        self.cpu.clear()
        return told


def watched(ingest: Ingest) -> Stages:
    """Hook into every stage of a batch. ``store`` is the rest of ``total``: transaction, quality, batch."""
    stages = Stages()
    for name in ("observe", "converse", "settle"):
        stages.wrap(ingest._gathered, name, "gather")
    for name in ("observe", "conversations", "devices", "owners", "changes"):
        stages.wrap(ingest._register, name, "register")
    for name in ("see", "know", "judge"):
        stages.wrap(ingest._standing, name, "rules")
    stages.wrap(ingest, "_keep_packets", "ring")
    stages.wrap(line, "save_observations", "store observations")
    stages.wrap(line, "save_conversations", "store conversations")
    for name in ("save_devices", "save_seen", "retire_devices"):
        stages.wrap(line, name, "store devices")
    for name in ("save_findings", "supersede_findings"):
        stages.wrap(line, name, "store findings")
    stages.wrap(ingest._lake, "write", "lake")
    return stages


def memory() -> dict[str, int]:
    """Resident megabytes of this process: now, and at most."""
    words = dict(row.split(":", 1) for row in Path("/proc/self/status").read_text().splitlines() if ":" in row)
    return {name: int(words[key].split()[0]) // 1_024 for name, key in (("now_mb", "VmRSS"), ("peak_mb", "VmHWM"))}


def timed(act: Callable[[], object]) -> dict[str, float]:
    """Seconds of the clock and of this thread's CPU."""
    wall, cpu = time.perf_counter(), time.thread_time()
    act()
    return {"seconds": round(time.perf_counter() - wall, 3), "cpu_seconds": round(time.thread_time() - cpu, 3)}


def read(installation: Installation, stop: threading.Event, took: list[float], plant: Plant) -> None:
    """Ask for device pages and lists until told to stop, as the API does."""
    dice = random.Random(threading.get_ident())  # noqa: S311 Any order will do.
    while not stop.is_set():
        start = time.perf_counter()
        with installation.database.reading() as connection:
            if dice.random() < 0.2:
                devices(connection, parse("class:plc"), EVERYWHERE, now=START)
            else:
                mac = plant.ends(dice.randrange(plant.devices))[0]
                device(connection, "d-" + mac.id[2:], EVERYWHERE)
        took.append((time.perf_counter() - start) * 1_000)
        stop.wait(0.02)


def measure(installation: Installation, asked: argparse.Namespace) -> None:
    """Fill, start, take batches; print a line for each figure."""
    plant = Plant(asked.devices)
    backend = "sqlite" if installation.database.is_sqlite else "postgresql"

    def told(figure: str, **values: Any) -> None:
        row = {"backend": backend, "devices": asked.devices, "figure": figure, **values, "load": os.getloadavg()[0]}
        print(json.dumps(row), flush=True)

    told("fill", **timed(lambda: fill(installation, plant)), **memory())
    ingest = Ingest(installation, "bench")
    told("start", **timed(lambda: start(ingest)), **memory())
    stages = watched(ingest)
    stop, took = threading.Event(), list[float]()
    readers = [
        threading.Thread(target=read, args=(installation, stop, took, plant), daemon=True) for _ in range(asked.readers)
    ]
    number, wall, cpu, process = 0, 0.0, 0.0, 0.0
    for batch in batches(plant, asked):
        begun = time.process_time()
        figures = timed(lambda batch=batch: ingest.take(batch))  # type: ignore[misc]  # Made as live ones are.
        facts, talks = len(batch.observations), len(batch.conversations)
        told(f"batch {batch.number}", **figures, observations=facts, conversations=talks, stages=stages.take())
        if batch.number == 0:  # It also writes what the store had no devices for.
            for thread in readers:
                thread.start()
        if batch.number < asked.settled:
            continue
        number, wall, cpu = number + facts, wall + figures["seconds"], cpu + figures["cpu_seconds"]
        process += time.process_time() - begun
    stop.set()
    for thread in readers:
        thread.join()
    rates = {
        "per_second": round(number / wall),
        "per_cpu_second": round(number / cpu),
        "process_cpu": round(process, 1),
    }
    pages = {"pages": len(took), "page_p95_ms": round(sorted(took)[len(took) * 95 // 100], 1)} if took else {}
    told("changed observations", **rates, readers=asked.readers, **pages, **memory())


def main() -> int:
    """Measure on one database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--changed", type=int, default=5_000, help="observations of a batch")
    parser.add_argument("--talkers", type=int, default=1_000, help="devices of a batch")
    parser.add_argument("--batches", type=int, default=16)
    parser.add_argument("--step", type=int, default=30, help="seconds of plant time from batch to batch")
    parser.add_argument("--settled", type=int, default=11, help="batches that count for no rate")
    parser.add_argument("--readers", type=int, default=0)
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own, with fsync")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.postgresql:
            with server(durable=True) as running:
                _run(Path(folder), running.make(), asked)
        else:
            _run(Path(folder), None, asked)
    return 0


def _run(folder: Path, url: str | None, asked: argparse.Namespace) -> None:
    opened = Installation.open(folder / "data", url)
    try:
        measure(replace(opened, clock=time.time_ns), asked)
    finally:
        opened.database.close()


if __name__ == "__main__":
    sys.exit(main())
