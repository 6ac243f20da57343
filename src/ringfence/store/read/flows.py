"""Who talked to whom: conversations in lists, and who sent the most in a range of time.

Rule 1: a conversation is shown where one end stands at a site of the scope; an end elsewhere has neither name nor
address.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, and_, func, literal, select, union_all

from ringfence.model.errors import RingfenceError
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.device import operations
from ringfence.store.read.ends import ends
from ringfence.store.read.paging import Sorting, bounded, page
from ringfence.store.read.rows import ConversationRow, Page, TalkerRow
from ringfence.store.read.where import conversation_condition, scoped_conversations, scoped_devices
from ringfence.store.schema.inventory import device, device_part, part
from ringfence.store.schema.traffic import conversation, talker

__all__ = ["SORTS", "conversations", "hours", "talkers"]

HOUR = 3_600_000_000_000  # ns

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
    first, behind = hours(since, until)
    within = and_(talker.c.hour >= first, talker.c.hour < behind)
    if protocol is not None:
        within = and_(within, talker.c.protocol == protocol)
    sums = [func.sum(talker.c[name]).label(name) for name in ("bytes", "packets", "flows")]
    ends_of = (talker.c.source, talker.c.destination)
    pairs = select(*ends_of, *sums).where(within).group_by(*ends_of).cte("pairs")
    counted = (pairs.c.bytes, pairs.c.packets, pairs.c.flows)
    sides = union_all(*(select(pairs.c[end].label("part"), *counted) for end in ("source", "destination"))).subquery()
    by_part = (
        select(sides.c.part, *(func.sum(sides.c[name]).label(name) for name in ("bytes", "packets", "flows")))
        .group_by(sides.c.part)
        .subquery()
    )
    joined = by_part.outerjoin(device_part, device_part.c.part == by_part.c.part).outerjoin(
        device, device.c.id == device_part.c.device
    )
    joined = joined.outerjoin(part, part.c.id == by_part.c.part)
    key = func.coalesce(device.c.id, by_part.c.part)
    label = func.min(func.coalesce(device.c.name, part.c.value, literal("(erased)"))).label("label")
    total = [func.sum(by_part.c[name]).label(name) for name in ("bytes", "packets", "flows")]
    statement = select(func.min(device.c.id).label("device"), label, *total).select_from(joined).group_by(key)
    if scope.sites is not None:
        statement = statement.where(scoped_devices(scope))
    rows = connection.execute(statement.order_by(total[0].desc(), key).limit(bounded(limit)))
    return tuple(TalkerRow(row.device, row.label, int(row.bytes), int(row.packets), int(row.flows)) for row in rows)
