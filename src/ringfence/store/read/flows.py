"""Who talked to whom: conversations in lists, and who sent the most in a range of time.

Rule 1: a conversation is shown where one end stands at a site of the scope; an end elsewhere has neither name nor
address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, Connection, Row, Table, and_, func, select, union_all

from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.device import operations
from ringfence.store.read.ends import ends
from ringfence.store.read.paging import Sorting, bounded, page
from ringfence.store.read.rows import ConversationRow, Page, TalkerRow
from ringfence.store.read.where import conversation_condition, scoped_conversations, scoped_devices
from ringfence.store.schema.inventory import device, device_part, part
from ringfence.store.schema.traffic import conversation, talker, talker_day

__all__ = ["SORTS", "conversations", "hours", "talkers"]

HOUR = 3_600_000_000_000  # ns
_ENDS = ("source", "destination")
_COUNTED = ("bytes", "packets", "flows")

#: Columns by which the list may be sorted; ``-bytes`` is downwards.
SORTS: Mapping[str, Any] = {
    "seen": conversation.c.last,
    "first": conversation.c.first,
    "bytes": conversation.c.bytes,
    "packets": conversation.c.packets,
    "flows": conversation.c.flows,
    "protocol": conversation.c.protocol,
    "port": conversation.c.port,
}


def conversations(
    connection: Connection,
    query: Query,
    scope: Scope,
    *,
    now: int,
    since: int | None = None,
    until: int | None = None,
    sort: str = "-seen",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[ConversationRow]:
    """Return a page of conversations.

    Args:
        now: ns since 1970: ages in the query count from here.
        since, until: ns since 1970: only those that had a packet between, as far as first and last tell.
        sort: a key of ``SORTS``, with ``-`` before it downwards.

    Raises:
        RingfenceError: ``query``; ``value-refused`` for sort, limit and cursor.
    """
    sorting = Sorting.of(sort, SORTS, conversation.c.key)
    statement = select(conversation).where(scoped_conversations(scope), conversation_condition(query, now))
    if since is not None:
        statement = statement.where(conversation.c.last >= since)
    if until is not None:
        statement = statement.where(conversation.c.first < until)
    found, following, total = page(connection, statement, sorting, limit, cursor)
    return Page(_rows(connection, found, scope), following, total)


def _rows(connection: Connection, found: list[Row[Any]], scope: Scope) -> tuple[ConversationRow, ...]:
    """Make rows of what a statement found, with the names of both ends."""
    named = ends(connection, {end for row in found for end in (row.source, row.destination)}, scope)
    plain = "key protocol transport port answered packets bytes flows first last".split()
    rows = []
    for row in found:
        source, destination = named[row.source], named[row.destination]
        given: dict[str, Any] = {name: row._mapping[name] for name in plain}
        rows.append(
            ConversationRow(
                source=source.device,
                source_label=source.label,
                source_address=source.address,
                destination=destination.device,
                destination_label=destination.label,
                destination_address=destination.address,
                operations=operations(row.operations),
                **given,
            )
        )
    return tuple(rows)


def hours(since: int, until: int) -> tuple[int, int]:
    """Return the first hour and the hour behind the last that touch a range of time (ns since 1970).

    Raises:
        RingfenceError: ``value-refused`` where it ends before it begins.
    """
    if until <= since:
        raise RingfenceError("value-refused", "until", "A range of time ends after it begins.")
    return since // HOUR, -(-until // HOUR)


def talkers(
    connection: Connection,
    scope: Scope,
    *,
    since: int,
    until: int,
    protocol: str | None = None,
    limit: int = 20,
) -> tuple[TalkerRow, ...]:
    """Return who sent and received the most in whole hours that touch the range, the most bytes first.

    Both ends of a conversation get all of its bytes. Peers that are no device are named by their address, and only to
    those who see everything.

    Raises:
        RingfenceError: ``value-refused`` for the range and the limit.
    """
    pairs = _pairs(*hours(since, until), protocol)
    counted = [pairs.c[name] for name in _COUNTED]
    sides = union_all(*(select(pairs.c[end].label("part"), *counted) for end in _ENDS)).subquery()
    joined = sides.outerjoin(device_part, device_part.c.part == sides.c.part)
    key = func.coalesce(device_part.c.device, sides.c.part).label("key")
    total = [func.sum(sides.c[name]).label(name) for name in _COUNTED]
    owner = func.min(device_part.c.device).label("device")
    statement = select(key, owner, *total)
    if scope.sites is not None:
        joined = joined.join(device, device.c.id == device_part.c.device)
        statement = statement.where(scoped_devices(scope))
    most = statement.select_from(joined).group_by(key).order_by(total[0].desc(), key).limit(bounded(limit))
    rows = connection.execute(most).all()
    names = _names(connection, device, "name", [row.device for row in rows if row.device is not None])
    names |= _names(connection, part, "value", [row.key for row in rows if row.device is None])
    return tuple(
        TalkerRow(row.device, names.get(row.key, "(erased)"), int(row.bytes), int(row.packets), int(row.flows))
        for row in rows
    )


def _pairs(first: int, behind: int, protocol: str | None) -> CTE:
    """Add up what pairs sent from hour ``first`` on, before hour ``behind``: whole days by day, the rest by hour."""
    day, day_behind = -(-first // 24), behind // 24
    if day < day_behind:
        spans = [(talker, "hour", first, day * 24), (talker, "hour", day_behind * 24, behind)]
        spans.append((talker_day, "day", day, day_behind))
    else:
        spans = [(talker, "hour", first, behind)]
    rows = []
    for table, span, start, end in spans:
        within = and_(table.c[span] >= start, table.c[span] < end)
        if protocol is not None:
            within = and_(within, table.c.protocol == protocol)
        rows.append(select(*(table.c[name] for name in (*_ENDS, *_COUNTED))).where(within))
    every = union_all(*rows).subquery()
    sums = [func.sum(every.c[name]).label(name) for name in _COUNTED]
    ends_of = [every.c[name] for name in _ENDS]
    return select(*ends_of, *sums).group_by(*ends_of).cte("pairs")


def _names(connection: Connection, table: Table, column: str, ids: list[str]) -> dict[str, str]:
    return {
        row[0]: row[1] for row in connection.execute(select(table.c.id, table.c[column]).where(table.c.id.in_(ids)))
    }
