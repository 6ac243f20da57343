"""What the disk says: a full disk is told as ``disk-full``, and a file appears whole or not at all.

Rule 1: a file is written to a temporary name, fsynced, renamed, and its folder fsynced: whoever sees the name sees all
of it, also after a power cut.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.exc import DBAPIError

from ringfence.model.errors import RingfenceError

__all__ = ["TEMPORARY", "appearing", "disk_errors", "out_of_room", "private_folder", "write_whole"]

TEMPORARY = ".part"  # how the names of unfinished files end
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def disk_errors(place: str | Path) -> Iterator[None]:
    """Tell a full disk, of a file or of the database, as ``disk-full``; other refusals as ``output-not-writable``.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``.
    """
    try:
        yield
    except OSError as error:
        code = "disk-full" if error.errno in _FULL else "output-not-writable"
        raise RingfenceError(code, str(error.filename or place), error.strerror or str(error)) from error
    except DBAPIError as error:
        if out_of_room(error):
            raise RingfenceError("disk-full", str(place), "the database has no room to write") from error
        raise


def out_of_room(error: Exception) -> bool:
    """Return whether a database's error says that its disk is full."""
    cause = getattr(error, "orig", None)
    # SQLite says SQLITE_FULL; where its log can't grow, an I/O error of writing or of mapping shared memory.
    name = str(getattr(cause, "sqlite_errorname", ""))
    full = name == "SQLITE_FULL" or name in {"SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"}
    return full or getattr(cause, "sqlstate", None) in {"53100", "53000"}


@contextmanager
def appearing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that gets its name ``path`` when the block ends well, and vanishes when it doesn't.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``.
    """
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    with disk_errors(path):
        private_folder(path.parent)
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            unfinished.rename(path)
            _fsync_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this user only; each survives a power cut."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
        _fsync_folder(path.parent)


def write_whole(path: Path, data: bytes) -> None:
    """Write a small file (0600) so that it is there whole or not at all.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``.
    """
    with appearing(path) as file:
        file.write(data)


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
