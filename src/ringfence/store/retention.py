"""How long things are kept: a setting, what erases by it, and what was erased when (contract §6).

Rule 1: what a person set holds from the next time that ``enforce`` runs: once a day, within an hour of a new setting.
Rule 2: None is *for ever*. The lake always has a bound, because it grows with traffic.
Rule 3: what was erased is told as news, in the audit log, and as the last time of each kind (``erased``). None of
these says what it was.
Rule 4: sessions, invitations and answers to repeated requests end by themselves; they go here without being told. The
packet ring has bounds of its own (``ring.trim``). The audit log is never erased: its chain would break.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from sqlalchemy import Connection

from ringfence.store import answers, audit, credentials, erased, people, settings
from ringfence.store.database import Database
from ringfence.store.erasure import KINDS, erase_older
from ringfence.store.lake import Lake
from ringfence.store.ring import PacketRing
from ringfence.store.unit import UnitOfWork

__all__ = ["MOST_DAYS", "Retention", "enforce", "is_due", "retention", "set_retention"]

MOST_DAYS = 36_500  # that something may be kept; None is for ever
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
    """Set it; it is enforced the next time that somebody looks whether it is due."""
    settings.put(connection, _KEY, asdict(wanted))
    erased.keep(connection, None)


def is_due(database: Database, now: int) -> bool:
    """Return whether a day has passed since it ran, or the clock was put back by as much."""
    with database.reading() as connection:
        checked = erased.erasures(connection).checked
    return checked is None or abs(now - checked) >= _DAY


def enforce(database: Database, lake: Lake, now: int) -> dict[str, int]:
    """Erase what is older than it may be and return how much, by kind; for the one process that writes the lake."""
    with database.reading() as connection:
        wanted = retention(connection)
    gone = {"lake": len(lake.retain(wanted.lake))}
    if gone["lake"]:
        with UnitOfWork(database, now) as unit:
            detail = {"number": gone["lake"], "before": now - wanted.lake * _DAY}
            unit.change("retention", "lake", "erased", detail=detail)
            _tell(unit, "lake", gone["lake"], wanted.lake)
    for kind in KINDS:
        days = getattr(wanted, kind)
        if days is not None:
            with UnitOfWork(database, now) as unit:
                gone[kind] = erase_older(unit, kind, now - days * _DAY)
                _tell(unit, kind, gone[kind], days)
    PacketRing(database, lake.folder.parent, lake.keys, lake.clock).let_go()
    with UnitOfWork(database, now) as unit:
        credentials.sweep(unit.connection, now, 0)
        people.sweep_invitations(unit.connection, now)
        answers.sweep(unit.connection, now)
        erased.keep(unit.connection, now)
    return gone


def _tell(unit: UnitOfWork, kind: str, number: int, days: int) -> None:
    if not number:
        return
    after = {"number": number, "days": days}
    audit.append(unit.connection, unit.now, "ringfence", "retention", "retention.erase", kind, after=after)
    erased.told(unit.connection, kind, unit.now, number)
