"""What was taken from people stays taken, whatever copy of the database is put in place.

The number of the last restore, the revocation epoch, stands in the database and in files outside of it: in the data
folder, and beside the backups. A database whose number is lower is an old copy: then every session, token, invitation
and approval in it is ended before anybody can use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import Connection, delete, update

from ringfence.store import settings
from ringfence.store.audit import append
from ringfence.store.database import Database
from ringfence.store.disk import write_whole
from ringfence.store.schema.people import approval, invitation, person, session, token

__all__ = ["FILE", "enforce", "known_epoch", "revoke_everything", "write_epoch"]

FILE = "revocation-epoch"
_KEY = "revocation_epoch"
_DIGITS = 18  # more are no number that we wrote


def known_epoch(folders: Iterable[Path]) -> int | None:
    """Return the highest number that stands in ``folders``; None where a file can't be understood."""
    highest = 0
    for folder in folders:
        try:
            text = (folder / FILE).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError):
            return None
        if not text.isdigit() or len(text) > _DIGITS:
            return None
        highest = max(highest, int(text))
    return highest


def write_epoch(folder: Path, epoch: int) -> None:
    """Write the number into a folder.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``.
    """
    write_whole(folder / FILE, f"{epoch}\n".encode())


def revoke_everything(connection: Connection, now: int, epoch: int) -> None:
    """End every session, token, invitation and open approval; ``epoch`` is the database's number from now on."""
    connection.execute(update(person).values(epoch=person.c.epoch + 1, version=person.c.version + 1))
    connection.execute(delete(session))
    connection.execute(update(token).where(token.c.revoked.is_(None)).values(revoked=now))
    connection.execute(update(invitation).where(invitation.c.used.is_(None)).values(used=now))
    connection.execute(update(approval).where(approval.c.used.is_(None)).values(used=now))
    settings.put(connection, _KEY, epoch)


def enforce(database: Database, folder: Path, now: int) -> bool:
    """Compare database and data folder, at every start before anybody is let in; answers whether all was revoked.

    A file that is no number counts as a later one than the database's.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``.
    """
    outside = known_epoch([folder])
    with database.reading() as connection:
        inside = int(settings.get(connection, _KEY, 0))
    if outside == inside:
        return False
    if outside is not None and outside < inside:
        write_epoch(folder, inside)
        return False
    epoch = inside + 1 if outside is None else outside
    with database.writing() as connection:
        revoke_everything(connection, now, epoch)
        told = {"revocation_epoch": {"database": inside, "folder": outside}}
        append(
            connection, now, "ringfence", "start", "sessions.revoke", after=told, why="an older database is in place"
        )
    write_epoch(folder, epoch)
    return True
