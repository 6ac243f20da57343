"""Compaction: the many small files of a day become few large ones, with a roll-up of who sent how much in which hour.

Rule 1: new file first, then one transaction that swaps the rows of the manifest, then the old files go (when nobody
reads them). Killed anywhere, each row is in the lake exactly once.
Rule 2: only the one writer compacts; the id of the new file is a digest of the ids of the old ones.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import duckdb
from sqlalchemy import Connection, delete, func, select

from ringfence.store.duck import Memory, calculator, parquet_files, write_parquet
from ringfence.store.lake import PURPOSE, Lake, LakeFile
from ringfence.store.lake_read import rolled_up, unsealed
from ringfence.store.schema.traffic import lake_file

__all__ = ["compact"]

_log = logging.getLogger("ringfence.lake")
_SMALL = 32 << 20  # bytes: files below this are put together
_LARGE = 192 << 20  # bytes of old files that become one
_FILES = 256  # old files that become one
_ROWS = 1_000_000  # of one: more pairs than that are not added up in the memory that the calculator has

_TALKERS = (
    'SELECT epoch_ns("start") // 3_600_000_000_000 AS hour, src_part, dst_part, protocol, dst_port, '
    "sum(src_packets)::UBIGINT AS src_packets, sum(dst_packets)::UBIGINT AS dst_packets, "
    "sum(src_bytes)::UBIGINT AS src_bytes, sum(dst_bytes)::UBIGINT AS dst_bytes, count(*)::UBIGINT AS flows "
    "FROM read_parquet([{files}], union_by_name = true) GROUP BY ALL"
)


def compact(lake: Lake, *, at_least: int = 12) -> int:
    """Put together days with ``at_least`` small files; answers how many files went into others.

    Files of flows that are large by themselves stay, and get a roll-up.

    Raises:
        RingfenceError: ``disk-full``, ``sealed-damaged``.
    """
    gone = 0
    for dataset in ("flows.v1", "transactions.v1"):
        for period in _periods(lake, dataset, at_least):
            for group in _groups(lake, dataset, period, at_least):
                with _within_memory(period):
                    gone += _merge(lake, group)
    for file in _without_roll_up(lake):
        with _within_memory(file.period):
            _roll_up(lake, file)
    lake.sweep()
    return gone


@contextmanager
def _within_memory(period: str) -> Iterator[None]:
    """Leave files as they are where they are more than the calculator has room for: they are read all the same."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        _log.warning("files of %s in the lake stay apart: %s", period, str(error).partition("\n")[0])


def _without_roll_up(lake: Lake) -> list[LakeFile]:
    with lake.database.reading() as connection:
        rolled = {file.id for file in lake.manifest(connection, "talkers.v1")}
        every = lake.manifest(connection, "flows.v1")
    return [file for file in every if file.bytes >= _SMALL and rolled_up(file.id) not in rolled]


def _roll_up(lake: Lake, file: LakeFile) -> None:
    with lake.database.reading() as connection:
        key = lake.keys.find(connection, PURPOSE, file.period)
    if key is None:
        return
    talkers = Memory()
    try:
        with calculator() as duck, parquet_files([unsealed(lake, file, key)]) as paths:
            write_parquet(duck, _TALKERS.format(files=f"'{paths[0]}'"), talkers)
        with lake.database.writing() as connection:
            if connection.execute(select(lake_file.c.id).where(lake_file.c.id == file.id)).first() is not None:
                lake.put(connection, _talkers_row(file), talkers)
    finally:
        talkers.close()


def _talkers_row(file: LakeFile) -> dict[str, Any]:
    name = rolled_up(file.id)
    path = f"talkers.v1/day={file.period}/{name}.parquet.sealed"
    return asdict(file) | {"id": name, "dataset": "talkers.v1", "path": path}


def _periods(lake: Lake, dataset: str, at_least: int) -> list[str]:
    small = (lake_file.c.dataset == dataset) & (lake_file.c.bytes < _SMALL)
    query = select(lake_file.c.period).where(small).group_by(lake_file.c.period).having(func.count() >= at_least)
    with lake.database.reading() as connection:
        return sorted(connection.execute(query).scalars())


def _groups(lake: Lake, dataset: str, period: str, at_least: int) -> list[list[LakeFile]]:
    """The small files of a day in runs that fit into one, in the order of time."""
    with lake.database.reading() as connection:
        files = [file for file in lake.manifest(connection, dataset) if file.period == period and file.bytes < _SMALL]
    runs: list[list[LakeFile]] = [[]]
    for file in files:
        whole = [*runs[-1], file]
        if len(whole) > _FILES or sum(x.bytes for x in whole) > _LARGE or sum(x.rows for x in whole) > _ROWS:
            runs.append([])
        runs[-1].append(file)
    return [run for run in runs if len(run) >= min(at_least, 2)]


def _merge(lake: Lake, files: list[LakeFile]) -> int:
    with lake.database.reading() as connection:
        key = lake.keys.find(connection, PURPOSE, files[0].period)
    if key is None:
        return 0
    merged, talkers = Memory(), Memory()
    try:
        with calculator() as duck, parquet_files(unsealed(lake, file, key) for file in files) as paths:
            listed = ", ".join(f"'{path}'" for path in paths)
            write_parquet(duck, f"SELECT * FROM read_parquet([{listed}], union_by_name = true)", merged)  # noqa: S608 Paths of our own descriptors.
            if files[0].dataset == "flows.v1":
                write_parquet(duck, _TALKERS.format(files=listed), talkers)
        with lake.database.writing() as connection:
            if not _swap(lake, connection, files, merged, talkers):
                return 0
    finally:
        merged.close()
        talkers.close()
    lake.remove(files)
    return len(files)


def _swap(lake: Lake, connection: Connection, files: list[LakeFile], merged: Memory, talkers: Memory) -> bool:
    """List the new files in place of the old ones; not where one of the old ones was erased meanwhile."""
    ids = [file.id for file in files]
    if lake.keys.find(connection, PURPOSE, files[0].period) is None:
        return False
    listed = connection.execute(select(lake_file.c.id).where(lake_file.c.id.in_(ids))).scalars().all()
    if len(listed) != len(ids):
        return False
    connection.execute(delete(lake_file).where(lake_file.c.id.in_([*ids, *(rolled_up(name) for name in ids)])))
    row = _row(files)
    lake.put(connection, row, merged)
    if talkers.size:
        lake.put(connection, _talkers_row(LakeFile(**row, bytes=0)), talkers)
    return True


def _row(files: list[LakeFile]) -> dict[str, Any]:
    dataset, period = files[0].dataset, files[0].period
    digest = sha256("\n".join(sorted(file.id for file in files)).encode()).hexdigest()[:32]
    name = f"compacted-{digest}.{dataset}.{period}"
    return {
        "id": name,
        "dataset": dataset,
        "path": f"{dataset}/day={period}/{name}.parquet.sealed",
        "period": period,
        "first": min(file.first for file in files),
        "last": max(file.last for file in files),
        "rows": sum(file.rows for file in files),
    }
