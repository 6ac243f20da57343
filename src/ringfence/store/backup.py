"""Backups: everything that an installation is, as one encrypted file; verified by reading all of it.

Rule 1: the tables are one moment of the store; the lake's and the slices' files are those that this moment names.
Rule 2: a backup of either database is restored into either (``store/dump.py``), into an empty place only.
Rule 3: a restore revives nobody's session, token or invitation: the revocation epoch is raised in the transaction that
loads the rows, and in files outside of the database (``store/revocation.py``).
Rule 4: the raw ring is left out; what findings keep is in.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from sqlalchemy import select

from ringfence.model.errors import RingfenceError
from ringfence.store import archive, migrate
from ringfence.store.audit import append
from ringfence.store.database import Database
from ringfence.store.disk import TEMPORARY, disk_errors
from ringfence.store.dump import Chunk, dump
from ringfence.store.keys import SECRET_NAME, Keys, installation_secret
from ringfence.store.lake import Lake
from ringfence.store.revocation import FILE as EPOCH_FILE
from ringfence.store.revocation import known_epoch, write_epoch
from ringfence.store.schema.traffic import lake_file, ring_segment
from ringfence.store.sealed import unseal

__all__ = ["MARKER", "Backup", "Place", "chunks", "create", "in_bounds", "verify"]

MARKER = "restoring"  # this file is in a folder whose restore has not come to its end
_ABOUT = "about.json"
_TABLES = "tables/"
_FILES = "files/"
_MAX_FILE = 16 << 20  # bytes of another file of the data folder
_MAX_CHUNK = 256 << 20  # bytes of rows, unpacked
_NOT_TAKEN = (".db", ".db-wal", ".db-shm", ".db-journal", ".lock", ".backup", TEMPORARY)


@dataclass(frozen=True, slots=True)
class Place:
    """An installation, as far as a backup needs it. ``clock``: ns since 1970, UTC; ``version``: Ringfence's."""

    database: Database
    folder: Path
    clock: Callable[[], int]
    version: str


@dataclass(slots=True)
class Backup:
    """What a backup holds. ``created``: ns since 1970, UTC; ``bytes``: of the file."""

    path: Path
    version: str = ""
    created: int = 0
    database: str = ""  # sqlite or postgresql
    revision: str = ""
    revocation_epoch: int = 0
    tables: dict[str, int] = field(default_factory=dict)  # rows
    lake_files: int = 0
    slices: int = 0
    files: int = 0
    bytes: int = 0


def create(place: Place, path: Path, key: archive.ArchiveKey, *, who: str, only_tables: bool = False) -> Backup:
    """Write a backup; ``path`` appears when it is whole. An existing file is not replaced.

    Args:
        place: the installation; it may be running.
        path: the new file.
        key: what will open it.
        who: for the audit log.
        only_tables: without lake, slices and other files.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``, ``backup-key``, ``sealed-damaged``, ``secret-unsafe``.
    """
    if path.exists():
        raise RingfenceError("output-not-writable", str(path), "There is such a file already.")
    lake = Lake(place.database, place.folder, Keys(installation_secret(place.folder), place.clock), place.clock)
    made = Backup(path, place.version, place.clock(), place.database.url.get_backend_name())
    made.revision = migrate.current(place.database) or ""
    made.revocation_epoch = known_epoch([place.folder]) or 0
    with archive.writing(path, key) as out, lake.kept():
        out.add(_ABOUT, json.dumps(_about(made)).encode())
        if not only_tables:  # The secret comes before what it opens.
            made.files = _add_files(out, _FILES, place.folder, _others(place.folder))
        with place.database.reading() as connection:
            for number, chunk in enumerate(dump(connection, _left_out)):
                out.add(f"{_TABLES}{chunk.table}/{number:06}.{chunk.rows}", zlib.compress(chunk.lines, 1))
                made.tables[chunk.table] = made.tables.get(chunk.table, 0) + chunk.rows
            listed = [] if only_tables else connection.execute(select(lake_file.c.path)).scalars().all()
            kept = select(ring_segment.c.path).where(ring_segment.c.kept_for.is_not(None))
            slices = [] if only_tables else connection.execute(kept).scalars().all()
        made.lake_files = _add_files(out, "lake/", lake.folder, listed)
        made.slices = _add_files(out, "ring/", place.folder / "ring", slices)
    made.bytes = path.stat().st_size
    if not only_tables:
        write_epoch(path.parent, max(known_epoch([path.parent]) or 0, made.revocation_epoch))
        with disk_errors(place.folder), place.database.writing() as connection:
            told = {"rows": sum(made.tables.values()), "bytes": made.bytes}
            append(connection, place.clock(), who, "terminal", "backup.create", path.name, after=told)
    return made


def verify(path: Path, key: archive.ArchiveKey) -> Backup:
    """Read all of a backup: every row, every file of the lake with its key, every digest.

    Raises:
        RingfenceError: ``backup-unreadable``, ``backup-key``, ``sealed-damaged``.
    """
    found = Backup(path)
    reading = _Reading()
    for name, stream in archive.entries(path, key):
        if name == _ABOUT:
            _understand(found, stream)
        elif name.startswith(_TABLES):
            chunk = _chunk(name, stream)
            reading.rows(chunk)
            found.tables[chunk.table] = found.tables.get(chunk.table, 0) + chunk.rows
        elif name.startswith("lake/"):
            reading.file(name.removeprefix("lake/"), stream)
            found.lake_files += 1
        elif name.startswith("ring/"):
            found.slices += 1
        elif name == _FILES + SECRET_NAME:
            reading.secret = stream.read(64)
            found.files += 1
        else:
            found.files += 1
    if not found.revision:
        raise RingfenceError("backup-unreadable", str(path), "It does not say what it is.")
    if found.files:
        reading.finish()
    found.bytes = path.stat().st_size
    return found


def chunks(path: Path, key: archive.ArchiveKey) -> Iterator[Chunk]:
    """Yield the rows of a backup."""
    for name, stream in archive.entries(path, key):
        if name.startswith(_TABLES):
            yield _chunk(name, stream)


def in_bounds(path: Path, key: archive.ArchiveKey, folder: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield where below ``folder`` each file of a backup belongs, with its bytes.

    Raises:
        RingfenceError: ``backup-unreadable`` where one would lie elsewhere.
    """
    for name, stream in archive.entries(path, key):
        if name == _ABOUT or name.startswith(_TABLES):
            continue
        pure = PurePosixPath(name.removeprefix(_FILES))
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise RingfenceError("backup-unreadable", name, "It would lie outside of the data folder.")
        yield folder.joinpath(*pure.parts), stream


class _Reading:
    """Checks that tables and files of a backup belong together."""

    def __init__(self) -> None:
        self.secret = b""
        self._wrapped: dict[str, bytes] = {}  # period → key of the lake
        self._listed: dict[str, tuple[str, str]] = {}  # path → id, period
        self._seen: set[str] = set()

    def rows(self, chunk: Chunk) -> None:
        names, *lines = (json.loads(line) for line in chunk.lines.split(b"\n"))
        if len(lines) != chunk.rows:
            raise RingfenceError("backup-unreadable", chunk.table, "Rows are missing.")
        if chunk.table not in (lake_file.name, "period_key"):
            return
        for row in (dict(zip(names, line, strict=True)) for line in lines):
            if chunk.table == lake_file.name:
                self._listed[row["path"]] = (row["id"], row["period"])
            elif row["purpose"] == "lake":
                self._wrapped[row["period"]] = base64.b64decode(row["wrapped"]["bytes"])

    def file(self, name: str, stream: BinaryIO) -> None:
        if name not in self._listed:
            raise RingfenceError("backup-unreadable", name, "No table names this file of the lake.")
        self._seen.add(name)
        identity, period = self._listed[name]
        if period in self._wrapped:  # Otherwise it is erased: nobody can read it, and nobody should.
            key = Keys(self.secret, lambda: 0).unwrap("lake", period, self._wrapped[period])
            for _ in unseal(stream, key, identity):
                pass

    def finish(self) -> None:
        missing = set(self._listed) - self._seen
        if missing:
            raise RingfenceError("backup-unreadable", sorted(missing)[0], "This file of the lake is missing.")


def _about(made: Backup) -> dict[str, Any]:
    names = ("version", "created", "database", "revision", "revocation_epoch")
    return {"format": 1} | {name: getattr(made, name) for name in names}


def _understand(found: Backup, stream: BinaryIO) -> None:
    about = json.loads(stream.read(_MAX_FILE))
    if about.pop("format") != 1:
        raise RingfenceError("backup-unreadable", str(found.path), "A later version of Ringfence made it.")
    for name, value in about.items():
        setattr(found, name, value)


def _chunk(name: str, stream: BinaryIO) -> Chunk:
    _, table, number = name.split("/")
    unpack = zlib.decompressobj()
    try:
        lines = unpack.decompress(stream.read(_MAX_CHUNK), _MAX_CHUNK)
    except zlib.error as error:
        raise RingfenceError("backup-unreadable", name, f"Its rows can't be unpacked: {error}.") from error
    if not unpack.eof:
        raise RingfenceError("backup-unreadable", name, "Its rows are too long or cut.")
    return Chunk(table, lines, int(number.partition(".")[2]))


def _left_out(table: str, row: dict[str, Any]) -> bool:
    return table == ring_segment.name and row["kept_for"] is None


def _others(folder: Path) -> list[str]:
    """The other files of the data folder."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    taken = [path for path in found if path.parts[0] not in ("lake", "ring", "backups") and _taken(folder / path)]
    return sorted(path.as_posix() for path in taken)


def _taken(path: Path) -> bool:
    return (
        not path.name.endswith(_NOT_TAKEN)
        and path.name not in (EPOCH_FILE, MARKER, "upgrading")
        and path.stat().st_size <= _MAX_FILE
    )


def _add_files(out: archive.ArchiveWriter, prefix: str, folder: Path, names: Iterable[str]) -> int:
    added = 0
    for name in names:
        path = folder / name
        try:
            with path.open("rb") as file:
                out.add_stream(prefix + name, file, path.stat().st_size)
        except FileNotFoundError as error:
            raise RingfenceError("sealed-damaged", str(path), "The store names it, but it is gone.") from error
        added += 1
    return added
