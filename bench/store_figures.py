"""Measures the store over a made fleet: lists with filters, pages, talkers, and observations while readers read.

Usage: ``python bench/store_figures.py [--devices N] [--claims N] [--only sqlite|postgresql]``

Each figure is one JSON line; the gates are those of issue 3 (100,000 devices). SQLite keeps every commit on disk
(synchronous=FULL); PostgreSQL runs with fsync.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.make_fleet import NOW, SECOND, Fleet, fill, made_fact, parts_of
from tests.postgresql import server

from ringfence.model.query import Query, parse
from ringfence.model.scope import EVERYWHERE, Scope
from ringfence.store.database import Database
from ringfence.store.observations import save_observations
from ringfence.store.read.device import device
from ringfence.store.read.devices import devices, facets
from ringfence.store.read.findings import findings
from ringfence.store.read.flows import talkers
from ringfence.store.read.today import today
from ringfence.store.unit import UnitOfWork

QUERIES = (
    "",
    "class:plc",
    "class:plc seen<7d",
    "vendor:siemens",
    "site:site-03 class:hmi",
    "zone:site-03-cell-4",
    "has:finding worst>=high",
    "ip:10.0.3.0/24",
    "ip:10.0.0.77",
    "model:kr*",
    "name:robot-00123*",
    "unit-that-is-not-there",
    "siemens ktp700",
    "-class:plc,hmi purdue<2 confidence>=0.7",
    "serial:deadbeef",
)
GATES = {"list": 100, "page": 150, "talkers": 1_000}  # ms, p95
CHANGED = 20_000  # observations a second


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return sorted(values)[max(0, -(-95 * len(values) // 100) - 1)]


def timed(act: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1_000


def told(backend: str, name: str, values: list[float], gate: float | None = None) -> None:
    """Print one figure."""
    row = {"backend": backend, "figure": name, "n": len(values), "median_ms": round(statistics.median(values), 1)}
    row |= {"p95_ms": round(p95(values), 1), "max_ms": round(max(values), 1)}
    if gate is not None:
        row |= {"gate_ms": gate, "held": p95(values) <= gate}
    print(json.dumps(row), flush=True)


def reads(database: Database, backend: str, fleet: Fleet, rounds: int) -> None:
    """Lists, facets, pages, talkers and the morning page, one after the other."""
    chance = random.Random(7)  # noqa: S311 The same order each time.
    every: list[float] = []
    for text in QUERIES:
        query = parse(text)
        took = []
        for _ in range(rounds):
            with database.reading() as connection:
                took.append(timed(lambda c=connection, q=query: devices(c, q, EVERYWHERE, now=NOW)))  # type: ignore[misc]  # Bound at once.
        told(backend, f"list {text!r}", took)
        every += took
    told(backend, "list, all queries", every, GATES["list"])
    scope = Scope(frozenset({"site-03", "site-07"}))
    with database.reading() as connection:
        scoped = [timed(lambda: devices(connection, Query(), scope, now=NOW)) for _ in range(rounds)]
        told(backend, "list of two sites", scoped)
        told(
            backend, "facets of class:plc", [timed(lambda: facets(connection, parse("class:plc"), EVERYWHERE, now=NOW))]
        )
        told(backend, "facets of everything", [timed(lambda: facets(connection, Query(), EVERYWHERE, now=NOW))])
        told(backend, "findings", [timed(lambda: findings(connection, Query(), EVERYWHERE, now=NOW)) for _ in range(5)])
        told(backend, "today", [timed(lambda: today(connection, EVERYWHERE, since=NOW)) for _ in range(3)])
    ids = ["d-" + parts_of(chance.randrange(fleet.devices))[0].id[2:] for _ in range(rounds * 10)]
    pages = []
    for one in ids:
        with database.reading() as connection:
            pages.append(timed(lambda c=connection, i=one: device(c, i, EVERYWHERE)))  # type: ignore[misc]  # As above.
    told(backend, "device page", pages, GATES["page"])
    with database.reading() as connection:
        day = [timed(lambda: talkers(connection, EVERYWHERE, since=NOW - 86_400 * SECOND, until=NOW)) for _ in range(5)]
    told(backend, "talkers of a day", day, GATES["talkers"])


def writes(database: Database, backend: str, fleet: Fleet, seconds: float) -> None:
    """Changed observations into the register's table, alone and while two readers read."""
    for readers in (0, 2):
        stop = threading.Event()
        took: list[float] = []
        threads = [threading.Thread(target=_read, args=(database, fleet, stop, took)) for _ in range(readers)]
        for thread in threads:
            thread.start()
        starts = range(0, 100_000, 10_000)
        batches = [[made_fact((at + one) % fleet.devices, at, one % 2) for one in range(10_000)] for at in starts]
        start, cpu, number, window = time.perf_counter(), time.thread_time(), 0, 1
        while time.perf_counter() - start < seconds:
            facts = batches[window % 10]
            number, window = number + 10_000, window + 1
            with UnitOfWork(database, NOW) as unit:
                unit.take(f"bench {readers} {window}", "sensor", "epoch", window, 0, NOW)
                save_observations(unit, "sensor", facts)
        rate = number / (time.perf_counter() - start)
        row = {"backend": backend, "figure": f"changed observations, {readers} readers", "per_second": round(rate)}
        row |= {"gate": CHANGED, "held": rate >= CHANGED, "per_cpu_second": round(number / (time.thread_time() - cpu))}
        row |= {"load": os.getloadavg()[0]}
        print(json.dumps(row), flush=True)
        stop.set()
        for thread in threads:
            thread.join()
        if took:
            told(backend, "device page while writing", took)


def _read(database: Database, fleet: Fleet, stop: threading.Event, took: list[float]) -> None:
    chance = random.Random(threading.get_ident())  # noqa: S311 Any order will do.
    while not stop.is_set():
        one = "d-" + parts_of(chance.randrange(fleet.devices))[0].id[2:]
        with database.reading() as connection:
            took.append(timed(lambda c=connection, i=one: device(c, i, EVERYWHERE)))  # type: ignore[misc]  # As above.


@contextmanager
def store(backend: str) -> Iterator[Database]:
    """A new store: a file in a temporary folder, or a PostgreSQL of its own with fsync."""
    if backend == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            database = Database(f"sqlite:///{Path(folder) / 'store.db'}")
            yield database
            database.close()
    else:
        with server(durable=True) as running:
            database = Database(running.make())
            yield database
            database.close()


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--claims", type=int, default=50)
    parser.add_argument("--peers", type=int, default=10)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    asked = parser.parse_args()
    fleet = Fleet(devices=asked.devices, claims=asked.claims, peers=asked.peers, hours=asked.hours)
    for backend in (asked.only,) if asked.only else ("sqlite", "postgresql"):
        with store(backend) as database:
            load = os.getloadavg()[0]
            print(json.dumps({"backend": backend, "fill_seconds": fill(database, fleet), "load": load}), flush=True)
            reads(database, backend, fleet, asked.rounds)
            writes(database, backend, fleet, asked.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
