"""Says the same of many devices, all or none: those that were chosen, or those that a query fits.

Rule 1: who chooses by a query says how many fitted it when he looked; where that is another number, nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.notes import Before, annotate
from ringfence.store.read.devices import devices, rows_of
from ringfence.store.unit import UnitOfWork

__all__ = ["MOST", "Changed", "annotate_many", "fitting"]

MOST = 1_000  # devices of one act: they are changed in one transaction, while nobody else writes

Changed = tuple[str, Before, Before]  # id, what was said before, what is said now

_PAGE = 500


def annotate_many(
    unit: UnitOfWork,
    chosen: Mapping[str, int | None],
    scope: Scope,
    who: str,
    said: Mapping[str, Any],
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> list[Changed]:
    """Write down the same of every chosen device and return those of which something changed.

    Args:
        chosen: ids, each with the version that the person saw; None takes any.
        said: as in ``annotate``, but for the labels.
        add: labels to put on.
        remove: labels to take away.

    Raises:
        RingfenceError: ``value-refused`` for none or more than ``MOST`` of them; ``not-found``, ``changed-meanwhile``.
    """
    if not 1 <= len(chosen) <= MOST:
        raise RingfenceError("value-refused", "devices", f"Choose 1 to {MOST:,} devices.")
    rows = rows_of(unit.connection, chosen, scope)
    changed: list[Changed] = []
    for identity, version in chosen.items():
        row = rows.get(identity)
        if row is None:
            raise RingfenceError("not-found", identity[:80], "There is no such device.")
        labels = sorted((set(row.labels) | {each.strip() for each in add}) - {each.strip() for each in remove})
        wanted = said if labels == sorted(row.labels) else {**said, "labels": labels}
        seen = row.version if version is None else version
        before, after = annotate(unit, row.id, scope, who, seen, wanted)
        if before != after:
            changed.append((row.id, before, after))
    return changed


def fitting(connection: Connection, query: Query, scope: Scope, count: int, now: int) -> list[str]:
    """Return the ids of the devices that fit a query.

    Args:
        count: how many the person saw.
        now: ns since 1970: ages in the query count from here.

    Raises:
        RingfenceError: ``changed-meanwhile`` where these are another number; ``value-refused`` beyond ``MOST``.
    """
    if count > MOST:
        raise RingfenceError("value-refused", "count", f"One act changes at most {MOST:,} devices: narrow the query.")
    found: list[str] = []
    cursor = None
    while len(found) <= count:
        page = devices(connection, query, scope, now=now, limit=_PAGE, cursor=cursor)
        found += (row.id for row in page.rows)
        cursor = page.next
        if cursor is None:
            break
    if len(found) != count:
        fits = f"more than {count:,}" if len(found) > count else f"{len(found):,}"
        raise RingfenceError("changed-meanwhile", "count", f"You saw {count:,} devices; the query fits {fits} now.")
    return found
