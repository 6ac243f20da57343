"""Measures the store over a made fleet: lists with filters, pages, talkers, and observations while readers read.

Usage: ``python bench/store_figures.py [--devices N] [--claims N] [--only sqlite|postgresql] [--filled URL]``

Each figure is one JSON line; the gates are those of issue 3 (100,000 devices). SQLite keeps every commit on disk
(synchronous=FULL); PostgreSQL runs with fsync. ``--filled`` measures a store that ``bench/make_fleet.py`` filled with
the same numbers; the writes stay in it. Those who read meanwhile are processes of their own, as the server is one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event
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
    for name, days in (("a day", 1), ("30 days", 30)):
        start = NOW - days * 86_400 * SECOND
        with database.reading() as connection:
            took = [timed(lambda s=start: talkers(connection, EVERYWHERE, since=s, until=NOW)) for _ in range(5)]  # type: ignore[misc]  # As above.
        told(backend, f"talkers of {name}", took, GATES["talkers"] if days == 1 else None)


def writes(database: Database, backend: str, fleet: Fleet, seconds: float) -> None:
    """Changed observations into the register's table, alone and while one or two others read without a pause."""
    run = f"{time.time_ns()}"
    url = database.url.render_as_string(hide_password=False)
    starts = range(0, 100_000, 10_000)
    batches = [[made_fact((at + one) % fleet.devices, at, one % 2) for one in range(10_000)] for at in starts]
    for readers in (0, 1, 2):
        stop = multiprocessing.Event()
        answers: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
        reading = [
            multiprocessing.Process(target=_read, args=(url, fleet, stop, answers, one)) for one in range(readers)
        ]
        for process in reading:
            process.start()
        start, cpu, number, window = time.perf_counter(), time.thread_time(), 0, 1
        while time.perf_counter() - start < seconds:
            facts = batches[window % 10]
            number, window = number + 10_000, window + 1
            with UnitOfWork(database, NOW) as unit:
                unit.take(f"bench {run} {readers} {window}", "sensor", "epoch", window, 0, NOW)
                save_observations(unit, "sensor", facts)
        rate = number / (time.perf_counter() - start)
        row = {"backend": backend, "figure": f"changed observations, {readers} readers", "per_second": round(rate)}
        row |= {"gate": CHANGED, "held": rate >= CHANGED, "per_cpu_second": round(number / (time.thread_time() - cpu))}
        row |= {"load": os.getloadavg()[0]}
        print(json.dumps(row), flush=True)
        stop.set()
        took = [answers.get() for _ in reading]
        for process in reading:
            process.join()
        for name, at in (("list", 0), ("device page", 1)) if took else ():
            told(
                backend, f"{name} while writing, {readers} readers", [value for pairs in took for value in pairs[at::2]]
            )


def _read(url: str, fleet: Fleet, stop: Event, answers: multiprocessing.Queue[list[float]], seed: int) -> None:
    """Ask for a list and a page in turn, without a pause."""
    database = Database(url)
    chance = random.Random(seed)  # noqa: S311 Any order will do.
    took: list[float] = []
    while not stop.is_set() or len(took) < 2:
        query = parse(chance.choice(QUERIES))
        one = "d-" + parts_of(chance.randrange(fleet.devices))[0].id[2:]
        with database.reading() as connection:
            took.append(timed(lambda c=connection, q=query: devices(c, q, EVERYWHERE, now=NOW)))  # type: ignore[misc]  # Bound at once.
            took.append(timed(lambda c=connection, i=one: device(c, i, EVERYWHERE)))  # type: ignore[misc]  # As above.
    answers.put(took)
    database.close()


@contextmanager
def store(backend: str, filled: str | None) -> Iterator[Database]:
    """The store that is filled, or a new one: a file in a temporary folder, or a PostgreSQL of its own with fsync."""
    if filled:
        database = Database(filled)
        yield database
        database.close()
    elif backend == "sqlite":
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
    for name in Fleet.__slots__:
        parser.add_argument(f"--{name}", type=int, default=getattr(Fleet(), name))
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", choices=("sqlite", "postgresql"))
    parser.add_argument("--filled", metavar="URL")
    asked = parser.parse_args()
    fleet = Fleet(**{name: getattr(asked, name) for name in Fleet.__slots__})
    backends = [asked.only] if asked.only else ["sqlite", "postgresql"]
    if asked.filled:
        backends = ["sqlite" if asked.filled.startswith("sqlite") else "postgresql"]
    for backend in backends:
        with store(backend, asked.filled) as database:
            if not asked.filled:
                load = os.getloadavg()[0]
                print(json.dumps({"backend": backend, "fill_seconds": fill(database, fleet), "load": load}), flush=True)
            reads(database, backend, fleet, asked.rounds)
            writes(database, backend, fleet, asked.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
