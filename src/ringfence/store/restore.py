"""Restores: a backup becomes an installation again, in an empty place, with nobody logged in.

Steps of a restore: 1 read all of the backup, 2 make sure that the place is empty, 3 leave a marker, 4 write the files,
5 write the raised revocation epoch beside them and beside the backups, 6 make the tables of the backup's revision,
7 load the rows and end every session in one transaction, 8 migrate to this version, 9 take the marker away.
Rule 1: with the marker in a folder, nothing starts there; the same restore may be run again and begins anew.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from sqlalchemy import inspect

from ringfence.model.errors import RingfenceError
from ringfence.store import backup, migrate
from ringfence.store.archive import ArchiveKey
from ringfence.store.audit import append
from ringfence.store.backup import MARKER, Backup
from ringfence.store.database import Database
from ringfence.store.disk import appearing, disk_errors, private_folder, write_whole
from ringfence.store.dump import drop_everything, empty, load
from ringfence.store.revocation import known_epoch, revoke_everything, write_epoch

__all__ = ["finished", "load_back", "restore"]


def finished(folder: Path) -> None:
    """Make sure that no restore is under way in a data folder; every start asks this first.

    Raises:
        RingfenceError: ``restore-unfinished``.
    """
    if (folder / MARKER).exists():
        raise RingfenceError("restore-unfinished", str(folder))


def restore(path: Path, key: ArchiveKey, folder: Path, url: str, clock: Callable[[], int], *, who: str) -> Backup:
    """Restore a backup into an empty folder and an empty database.

    Args:
        path: the backup.
        key: what opens it.
        folder: the new data folder.
        url: the new database.
        clock: ns since 1970, UTC.
        who: for the audit log.

    Raises:
        RingfenceError: ``backup-unreadable``, ``backup-key``, ``sealed-damaged``, ``restore-not-empty``,
            ``disk-full``, ``output-not-writable``, ``database-older``.
    """
    found = backup.verify(path, key)
    if not found.files:
        raise RingfenceError("backup-unreadable", str(path), "It holds tables only: an upgrade made it for itself.")
    database = _emptied(folder, url)
    try:
        with disk_errors(folder):
            for target, stream in backup.in_bounds(path, key, folder):
                with appearing(target) as out:
                    shutil.copyfileobj(stream, out, 1 << 20)
            places = [folder, path.parent]
            epoch = max(found.revocation_epoch, known_epoch(places) or 0) + 1
            for place in places:
                write_epoch(place, epoch)
            _load(database, path, key, found, lambda now: (epoch, who, now), clock)
            migrate.upgrade(database)
        (folder / MARKER).unlink()
    finally:
        database.close()
    return found


def load_back(database: Database, path: Path, key: ArchiveKey) -> None:
    """Bring the tables back to a backup, in place and with everybody's sessions: the way back of an upgrade.

    Raises:
        RingfenceError: ``backup-unreadable``, ``backup-key``, ``sealed-damaged``, ``disk-full``.
    """
    found = backup.verify(path, key)
    with disk_errors(path.parent):
        _drop_all(database)
        migrate.upgrade(database, found.revision)
        with database.writing() as connection:
            empty(connection)
            load(connection, backup.chunks(path, key))


def _load(
    database: Database,
    path: Path,
    key: ArchiveKey,
    found: Backup,
    told: Callable[[int], tuple[int, str, int]],
    clock: Callable[[], int],
) -> None:
    migrate.upgrade(database, found.revision)
    with database.writing() as connection:
        empty(connection)
        loaded = load(connection, backup.chunks(path, key))
        if loaded != found.tables:
            raise RingfenceError("backup-unreadable", str(path), "It changed while it was read.")
        epoch, who, now = told(clock())
        revoke_everything(connection, now, epoch)
        after = {"created": found.created, "version": found.version, "revocation_epoch": epoch}
        append(connection, now, who, "terminal", "backup.restore", path.name, after=after)


def _emptied(folder: Path, url: str) -> Database:
    """Leave the marker in an empty place; a place where the same restore was begun is emptied first."""
    said = json.dumps({"database": sha256(url.encode()).hexdigest()}).encode()
    with disk_errors(folder):
        private_folder(folder)
        begun = (folder / MARKER).exists() and (folder / MARKER).read_bytes() == said
        found = [entry for entry in folder.iterdir() if entry.name != MARKER]
        if found and not begun:
            raise RingfenceError("restore-not-empty", str(folder), f"It holds {found[0].name}, for one.")
        for entry in found:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        write_whole(folder / MARKER, said)
        try:
            database = Database(url)
            if begun:
                _drop_all(database)
            elif _has_tables(database):
                database.close()
                raise RingfenceError("restore-not-empty", _shown(database), "The database has tables.")
        except RingfenceError:
            with suppress(OSError):
                (folder / MARKER).unlink()
            raise
    return database


def _has_tables(database: Database) -> bool:
    with database.reading() as connection:
        return bool(inspect(connection).get_table_names())


def _shown(database: Database) -> str:
    return database.url.render_as_string(hide_password=True)


def _drop_all(database: Database) -> None:
    with database.writing() as connection:
        drop_everything(connection)
