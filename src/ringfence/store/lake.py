"""The lake: flows and transactions as sealed Parquet files, one for a batch and day, listed in ``lake_file``.

Rule 1: a file that is not in the manifest does not exist. It is written, fsynced and renamed first; its row comes with
the batch's transaction, so a crash leaves at most a file that nobody sees, and ``sweep`` takes that away.
Rule 2: one process writes (it holds ``writer.lock``); any number read. Whoever reads holds ``readers.lock``, shared:
what the manifest named when the look began stays until it ends, though compaction may have replaced it meanwhile.
Rule 3: a batch that is stored twice changes nothing: the id of a file is batch, dataset and day.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, delete, select

from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.disk import TEMPORARY, appearing, disk_errors, private_folder
from ringfence.store.duck import ArrowTable, Memory, opened, write_parquet
from ringfence.store.keys import Keys
from ringfence.store.schema.traffic import lake_file, period_key
from ringfence.store.sealed import SealedWriter

__all__ = ["DATASETS", "PURPOSE", "Lake", "LakeFile"]

PURPOSE = "lake"
_SUFFIX = ".parquet.sealed"
_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DAY = 86_400 * 1_000_000_000  # ns

#: What batches bring, and the columns that hold a row's first and last moment. (Compaction makes ``talkers.v1``.)
DATASETS = {"flows.v1": ("start", "end"), "transactions.v1": ("time", "time")}

_FOLDERS = (*DATASETS, "talkers.v1")


@dataclass(frozen=True, slots=True)
class LakeFile:
    """A row of the manifest."""

    id: str
    dataset: str
    path: str
    period: str
    first: int
    last: int
    rows: int
    bytes: int


class Lake:
    """The lake of one installation.

    Args:
        database: where the manifest is.
        folder: the installation's data folder; the lake is below it.
        keys: the installation's keys.
        clock: nanoseconds since 1970, UTC.
    """

    def __init__(self, database: Database, folder: Path, keys: Keys, clock: Callable[[], int]) -> None:
        self.database = database
        self.folder = folder / "lake"
        self.keys = keys
        self.clock = clock
        self._duck: duckdb.DuckDBPyConnection | None = None  # to open one takes longer than to write a small batch

    def write(self, connection: Connection, batch_id: str, dataset: str, table: ArrowTable) -> int:
        """Store a batch's rows within the transaction of ``connection``; answers how many rows are new in the lake.

        Rows are put into a file for each day (UTC) in which they began. Storing a batch again stores nothing.

        Raises:
            RingfenceError: ``disk-full``, ``output-not-writable``; ``internal`` for a dataset or id of another form.
        """
        if not _BATCH.fullmatch(batch_id) or dataset not in DATASETS:
            raise RingfenceError("internal", f"{dataset} {batch_id}", "The lake takes no such batch.")
        began, ended = DATASETS[dataset]
        stored = 0
        with self._writing() as duck:
            duck.register("batch", table)
            for day, rows, first, last in _days(duck, began, ended):
                where = _day_filter(began, day)
                row = self._row(f"{batch_id}.{dataset}.{day}", dataset, day, first, last, rows)
                if self._listed(connection, row["id"]):
                    continue
                with _memory() as plain:
                    write_parquet(duck, f"SELECT * FROM batch WHERE {where}", plain)  # noqa: S608 A column and a number.
                    self.put(connection, row, plain)
                stored += rows
        return stored

    @contextmanager
    def _writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield the calculator that is kept for writing; one that failed is not used again. For one thread."""
        duck, self._duck = self._duck or opened(), None
        try:
            yield duck
            duck.unregister("batch")
        except BaseException:
            duck.close()
            raise
        self._duck = duck

    def put(self, connection: Connection, row: dict[str, Any], plain: Memory) -> None:
        """Seal a Parquet file under its row's name and list it within the transaction of ``connection``."""
        key = self.keys.make(connection, PURPOSE, row["period"])
        path = self.folder / row["path"]
        with appearing(path) as out:
            sealed = SealedWriter(out, key, row["id"], self.keys.entropy)
            for chunk in plain.chunks():
                sealed.write(chunk)
            sealed.finish()
        connection.execute(lake_file.insert().values(row | {"bytes": path.stat().st_size}))

    def _row(self, name: str, dataset: str, day: str, first: int, last: int, rows: int) -> dict[str, Any]:
        path = f"{dataset}/day={day}/{name}{_SUFFIX}"
        keys = ("id", "dataset", "path", "period", "first", "last", "rows")
        return dict(zip(keys, (name, dataset, path, day, first, last, rows), strict=True))

    @staticmethod
    def _listed(connection: Connection, name: str) -> bool:
        return connection.execute(select(lake_file.c.id).where(lake_file.c.id == name)).first() is not None

    def manifest(
        self, connection: Connection, dataset: str, first: int | None = None, last: int | None = None
    ) -> list[LakeFile]:
        """Return the files that hold rows of a range (ns, both ends included), the oldest first."""
        query = select(lake_file).where(lake_file.c.dataset == dataset)
        if last is not None:
            query = query.where(lake_file.c.first <= last)
        if first is not None:
            query = query.where(lake_file.c.last >= first)
        rows = connection.execute(query.order_by(lake_file.c.first, lake_file.c.id))
        return [LakeFile(**row._mapping) for row in rows]

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the place of the one writer: for the process that stores batches, sweeps and compacts.

        Raises:
            RingfenceError: ``lake-busy`` where another process holds it.
        """
        with _lock(self.folder / "writer.lock", fcntl.LOCK_EX) as held:
            if not held:
                raise RingfenceError("lake-busy", str(self.folder))
            yield

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep every file that the manifest names now until the block ends."""
        with _lock(self.folder / "readers.lock", fcntl.LOCK_SH, wait=True):
            yield

    def sweep(self) -> int:
        """Take away files that the manifest doesn't name; answers how many. For the one writer, between batches."""
        with _lock(self.folder / "readers.lock", fcntl.LOCK_EX) as free:
            if not free:
                return 0
            with self.database.reading() as connection:
                named = set(connection.execute(select(lake_file.c.path)).scalars())
            gone = 0
            for path in (path for name in _FOLDERS for path in (self.folder / name).rglob("*")):
                if not path.name.endswith((_SUFFIX, TEMPORARY)) or not path.is_file():
                    continue
                if path.relative_to(self.folder).as_posix() not in named:
                    path.unlink(missing_ok=True)
                    gone += 1
            return gone

    def remove(self, files: list[LakeFile]) -> int:
        """Take away files that are no longer listed, unless somebody keeps them (then the next sweep does)."""
        with _lock(self.folder / "readers.lock", fcntl.LOCK_EX) as free:
            if not free:
                return 0
            for file in files:
                (self.folder / file.path).unlink(missing_ok=True)
            return len(files)

    def erase(self, period: str) -> int:
        """Erase a day: its key, its rows of the manifest, its files. Answers how many files that were."""
        with self.database.writing() as connection:
            self.keys.drop(connection, PURPOSE, period)
            where = lake_file.c.period == period
            files = [LakeFile(**row._mapping) for row in connection.execute(select(lake_file).where(where))]
            connection.execute(delete(lake_file).where(where))
        self.remove(files)
        return len(files)

    def retain(self, days: int) -> list[str]:
        """Erase every day that lies more than ``days`` before today; answers which.

        An old capture that was read lately is kept as long as one of today: its days count from when they came. Days in
        the future are kept: a device's clock, or ours, was wrong, and a person should see that.
        """
        now = self.clock()
        today = date(1970, 1, 1) + timedelta(days=now // _DAY)
        oldest = (today - timedelta(days=days)).isoformat()
        late = (period_key.c.purpose == PURPOSE) & (period_key.c.created >= now - days * _DAY)
        with self.database.reading() as connection:
            periods = set(self.keys.find_all(connection, PURPOSE))
            periods |= set(connection.execute(select(lake_file.c.period).distinct()).scalars())
            periods -= set(connection.execute(select(period_key.c.period).where(late)).scalars())
        gone = sorted(period for period in periods if period < oldest)
        for period in gone:
            self.erase(period)
        return gone


def _days(duck: duckdb.DuckDBPyConnection, began: str, ended: str) -> list[tuple[str, int, int, int]]:
    """The days in which the rows of ``batch`` began: day, rows, first and last moment (ns)."""
    moment = f'epoch_ns("{began}")'
    query = f'SELECT {_day(began)} AS day, count(*), min({moment}), max(epoch_ns("{ended}")) FROM batch GROUP BY day ORDER BY day'  # noqa: S608, E501 The names are those of DATASETS.
    start = date(1970, 1, 1)
    return [
        ((start + timedelta(days=int(day))).isoformat(), rows, first, last)
        for day, rows, first, last in duck.execute(query).fetchall()
    ]


def _day_filter(began: str, day: str) -> str:
    return f"{_day(began)} = {(date.fromisoformat(day) - date(1970, 1, 1)).days}"


def _day(began: str) -> str:
    """The number of the day in SQL; ``//`` rounds towards zero, so that what is left over is taken away before."""
    moment = f'epoch_ns("{began}")'
    return f"({moment} - (({moment} % {_DAY}) + {_DAY}) % {_DAY}) // {_DAY}"


@contextmanager
def _memory() -> Iterator[Memory]:
    memory = Memory()
    try:
        yield memory
    finally:
        memory.close()


@contextmanager
def _lock(path: Path, kind: int, *, wait: bool = False) -> Iterator[bool]:
    """Hold a lock between processes; yields whether it was to be had."""
    with disk_errors(path):
        private_folder(path.parent)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
