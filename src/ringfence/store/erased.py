"""What retention erased, and when: the last time of each kind and how much in all, without what it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from ringfence.store import settings

__all__ = ["Erased", "Erasures", "erasures", "keep", "told"]

_DONE = "retention_done"  # key: {"checked": ns, "kinds": {kind: {"time": ns, "number": n, "total": n}}}


@dataclass(frozen=True, slots=True)
class Erased:
    """The last time that something of a kind was erased: when (ns since 1970), how much, and how much ever.

    Of the lake these are days, else rows of the kind.
    """

    time: int
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Erasures:
    """When retention last ran (None: never, or it is to run anew), and what it erased last by kind."""

    checked: int | None
    kinds: Mapping[str, Erased]


def erasures(connection: Connection) -> Erasures:
    """Return when retention ran, and what it erased."""
    found = settings.get(connection, _DONE) or {}
    kinds = {kind: Erased(**said) for kind, said in found.get("kinds", {}).items()}
    return Erasures(found.get("checked"), kinds)


def keep(connection: Connection, checked: int | None) -> None:
    """Write down when retention ran (ns since 1970), or None: it is to run the next time that somebody looks."""
    _put(connection, Erasures(checked, erasures(connection).kinds))


def told(connection: Connection, kind: str, time: int, number: int) -> None:
    """Write down that something of a kind was erased."""
    before = erasures(connection)
    total = number + (before.kinds[kind].total if kind in before.kinds else 0)
    _put(connection, Erasures(before.checked, {**before.kinds, kind: Erased(time, number, total)}))


def _put(connection: Connection, done: Erasures) -> None:
    kinds = {kind: asdict(said) for kind, said in done.kinds.items()}
    settings.put(connection, _DONE, {"checked": done.checked, "kinds": kinds})
