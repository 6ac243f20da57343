"""How long things are kept: a setting, and what erases by it (contract §6).

Rule 1: what a person set holds from the next time that ``enforce`` runs; the pipeline runs it once a day.
Rule 2: None is *for ever*. The lake always has a bound, because it grows with traffic.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection

from ringfence.store import settings
from ringfence.store.database import Database
from ringfence.store.erasure import KINDS, erase_older
from ringfence.store.lake import Lake
from ringfence.store.unit import UnitOfWork

__all__ = ["Retention", "enforce", "retention", "set_retention"]

_KEY = "retention"
_DAY = 86_400_000_000_000  # ns


@dataclass(frozen=True, slots=True)
class Retention:
    """Days, UTC, after which something that was last seen then is erased; the names are the kinds of ``erasure``."""

    lake: int = 30  # flows and transactions
    conversations: int | None = None
    talkers: int | None = None
    changes: int | None = None
    observations: int | None = None
    findings: int | None = None  # closed ones
    devices: int | None = None  # of which nobody said anything


def retention(connection: Connection) -> Retention:
    """Return what is set, or the default."""
    found = settings.get(connection, _KEY) or {}
    known = {each.name for each in fields(Retention)}
    return Retention(**{name: value for name, value in found.items() if name in known})


def set_retention(connection: Connection, wanted: Retention) -> None:
    """Set it."""
    settings.put(connection, _KEY, asdict(wanted))


def enforce(database: Database, lake: Lake, now: int) -> dict[str, int]:
    """Erase what is older than it may be and return how much, by kind; for the one process that writes the lake."""
    with database.reading() as connection:
        wanted = retention(connection)
    erased = {"lake": len(lake.retain(wanted.lake))}
    for kind in KINDS:
        days = getattr(wanted, kind)
        if days is not None:
            with UnitOfWork(database, now) as unit:
                erased[kind] = erase_older(unit, kind, now - days * _DAY)
    return erased
