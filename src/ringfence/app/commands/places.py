"""Where the commands on a stopped or running installation find it: data folder, database, keys of backups."""

from __future__ import annotations

import argparse
import getpass
import os
import pwd
import sys
import time
from pathlib import Path

from ringfence import __version__
from ringfence.app.config import load
from ringfence.model.errors import RingfenceError
from ringfence.store.archive import ArchiveKey
from ringfence.store.backup import Place
from ringfence.store.database import Database

__all__ = ["archive_key", "existing", "named", "somebody"]

_SHORTEST = 12  # characters of a passphrase
_LARGEST = 64_000  # bytes of a file that holds a key or passphrase


def named(arguments: argparse.Namespace) -> tuple[Path, str]:
    """Return the data folder and the database's URL with its password, by flags, environment and configuration file."""
    flags = {"store.folder": arguments.data, "store.database": arguments.database}
    store = load(Path(arguments.config) if arguments.config else None, flags=flags).store
    return store.place, store.url


def existing(arguments: argparse.Namespace) -> Place:
    """Return an installation that is there.

    Raises:
        RingfenceError: ``usage`` where there is none; ``database-url``.
    """
    folder, url = named(arguments)
    if not folder.is_dir():
        raise RingfenceError("usage", str(folder), "There is no such data folder; name it with --data.")
    database = Database(url)
    file = database.url.database
    if database.is_sqlite and not (file and Path(file).is_file()):
        raise RingfenceError("usage", str(file), "There is no such database; name it with --database.")
    return Place(database, folder, time.time_ns, __version__)


def somebody() -> str:
    """Return who runs this, for the audit log."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def archive_key(arguments: argparse.Namespace, *, new: bool = False) -> ArchiveKey:
    """Return what opens a backup: a key file, a file with a passphrase, or a passphrase typed at the terminal.

    Raises:
        RingfenceError: ``backup-key``, ``input-not-found``, ``usage``.
    """
    if arguments.key_file:
        return ArchiveKey(material=_read(arguments.key_file))
    if arguments.passphrase_file:
        try:
            passphrase = _read(arguments.passphrase_file).decode().partition("\n")[0].rstrip("\r")
        except UnicodeDecodeError as error:
            raise RingfenceError("backup-key", arguments.passphrase_file, "It holds no text.") from error
    elif sys.stdin.isatty():
        passphrase = getpass.getpass("Passphrase of the backup: ")
        if new and getpass.getpass("The same again: ") != passphrase:
            raise RingfenceError("backup-key", "passphrase", "The two are not the same.")
    else:
        raise RingfenceError("usage", "backup", "Give --passphrase-file FILE or --key-file FILE.")
    if new and len(passphrase) < _SHORTEST:
        raise RingfenceError("backup-key", "passphrase", f"It is shorter than {_SHORTEST} characters.")
    return ArchiveKey(passphrase=passphrase)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST)
    except OSError as error:
        raise RingfenceError("input-not-found", path, error.strerror or str(error)) from error
