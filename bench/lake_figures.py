"""Figures of the lake: made-up flows in, questions out (contract §10). Prints JSON.

python bench/lake_figures.py [--flows 10000000] [--days 30] [--batch 100000] [--database URL] [--folder FOLDER]

Durability: every batch is one transaction with fsync of its file, its folder and the database (SQLite:
synchronous=FULL).
The generator is deterministic: a fleet of 5,000 devices, of which a few talk much (Zipf-like), on 20 protocols.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb

from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.lake_compact import compact
from ringfence.store.lake_read import FlowFilter, count, flows, top_talkers
from ringfence.store.migrate import upgrade
from ringfence.store.schema.operation import batch

DAY = 86_400 * 1_000_000_000
START = 1_795_737_600 * 1_000_000_000  # 2026-11-27T00:00:00Z
ROUNDS = 5

GENERATOR = """
SELECT hash(i) AS flow_id, 'made' AS sensor, 'made' AS epoch,
  make_timestamp_ns(t - t % 300000000000)::TIMESTAMPTZ_NS AS "window",
  unhex(md5(s::VARCHAR)) AS src_part, unhex(md5(d::VARCHAR)) AS dst_part,
  '10.' || (s // 65536) || '.' || (s // 256 % 256) || '.' || (s % 256) AS src_address,
  '10.9.' || (d // 256) || '.' || (d % 256) AS dst_address,
  (1024 + hash(i) % 60000)::USMALLINT AS src_port, (d % 20 + 1)::USMALLINT AS dst_port,
  CASE d % 3 WHEN 0 THEN 'udp' ELSE 'tcp' END AS transport, 'protocol' || (d % 20) AS protocol,
  (hash(i + 9) % 100)::UTINYINT AS confidence,
  make_timestamp_ns(t)::TIMESTAMPTZ_NS AS "start",
  make_timestamp_ns(t + (hash(i + 8) % 9000000000)::BIGINT)::TIMESTAMPTZ_NS AS "end",
  hash(i + 1) % 1000 AS src_packets, hash(i + 2) % 1000 AS dst_packets,
  hash(i + 3) % 100000 AS src_bytes, hash(i + 4) % 100000 AS dst_bytes,
  CASE hash(i + 5) % 4 WHEN 0 THEN 'attempt' ELSE 'closed' END AS state,
  0::UINTEGER AS src_retransmissions, 0::UINTEGER AS dst_retransmissions, (hash(i + 6) % 10000)::UINTEGER AS rtt_us,
  [1]::USMALLINT[] AS vlans, NULL::VARCHAR AS tunnel, '1:' || md5(i::VARCHAR) AS community_id, 0::UINTEGER AS flags
FROM (SELECT i, {start} + i * {step} AS t, (5000 * power((hash(i) % 100000) / 100000.0, 3))::BIGINT AS s,
  5000 + (hash(i + 7) % 500)::BIGINT AS d FROM range({first}, {last}) r(i))
"""


def made(total: int, size: int, days: int) -> Iterator[Any]:
    """Yield Arrow tables of ``size`` flows."""
    step = days * DAY // total
    with duckdb.connect() as source:
        for first in range(0, total, size):
            text = GENERATOR.format(start=START, step=step, first=first, last=min(first + size, total))
            yield source.execute(text).to_arrow_table()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of a call, and its answer."""
    began = time.perf_counter()
    answer = work()
    return time.perf_counter() - began, answer


def fill(lake: Lake, options: argparse.Namespace) -> float:
    """Store every batch; answers the seconds that storing took (without making the flows)."""
    taken = 0.0
    for number, table in enumerate(made(options.flows, options.batch, options.days)):
        name = f"b{number:06}"

        def store(name: str = name, number: int = number, table: Any = table) -> None:
            with lake.database.writing() as connection:
                row = {"id": name, "sensor": "made", "epoch": "made", "window": number, "received": 0, "packets": 0}
                connection.execute(batch.insert().values(row))
                lake.write(connection, name, "flows.v1", table)

        taken += timed(store)[0]
        print(f"\r{(number + 1) * options.batch:,} flows", end="", file=sys.stderr)
    print(f"\n{options.flows / taken:,.0f} flows a second", file=sys.stderr)
    return taken


def questions(lake: Lake, days: int) -> dict[str, list[float]]:
    """Seconds of each question, sorted."""
    day = (START + DAY * (days // 2), START + DAY * (days // 2 + 1) - 1)
    month = (START, START + days * DAY)
    busiest = top_talkers(lake, *day, limit=1)[0].part
    asked: dict[str, Callable[[], Any]] = {
        "top talkers of a day": lambda: top_talkers(lake, *day),
        "top talkers of all days": lambda: top_talkers(lake, *month),
        "newest 100 flows": lambda: flows(lake, FlowFilter(*month), limit=100),
        "newest 100 flows of a device": lambda: flows(lake, FlowFilter(*month, part=busiest), limit=100),
        "flows of a device counted in a day": lambda: count(lake, FlowFilter(*day, part=busiest)),
    }
    taken = {}
    for name, question in asked.items():
        taken[name] = sorted(round(timed(question)[0], 3) for _ in range(ROUNDS))
        print(f"{name}: {taken[name]} s", file=sys.stderr)
    return taken


def main() -> None:
    """Fill a lake, ask it, compact it, ask again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--batch", type=int, default=100_000)
    parser.add_argument("--database", help="URL of an empty database (default: SQLite beside the lake)")
    parser.add_argument("--folder", type=Path, help="where the lake is made (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        database = Database(options.database or f"sqlite:///{folder / 'store.db'}")
        upgrade(database)
        lake = Lake(database, folder, Keys(bytes(32), time.time_ns), time.time_ns)
        seconds = fill(lake, options)
        size = sum(path.stat().st_size for path in lake.folder.rglob("*.sealed"))
        before = questions(lake, options.days)
        compacting, compacted = timed(lambda: compact(lake, at_least=2))
        print(
            json.dumps(
                {
                    "flows": options.flows,
                    "days": options.days,
                    "batch": options.batch,
                    "database": database.url.get_backend_name(),
                    "flows_per_second_in": round(options.flows / seconds),
                    "bytes_per_flow": round(size / options.flows, 1),
                    "questions_before_compaction": before,
                    "compaction": {"files": compacted, "seconds": round(compacting, 1)},
                    "questions_after_compaction": questions(lake, options.days),
                    "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                    "durability": "fsync of each batch's file, folder and transaction",
                },
                indent=1,
            )
        )
        database.close()


if __name__ == "__main__":
    main()
