"""Devices in lists: filter, sort, page, facets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from ringfence.model.finding import Severity
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.paging import Sorting, page
from ringfence.store.read.rows import DeviceRow, Page
from ringfence.store.read.where import device_condition, scoped_devices, walks
from ringfence.store.schema.inventory import device, label, site, zone

__all__ = ["FACETS", "SORTS", "device_rows", "devices", "facets", "rows_of"]

_joined = device.outerjoin(site, site.c.id == device.c.site).outerjoin(zone, zone.c.id == device.c.zone)
_hidden = {"search", "digest", "merged_into", "merge_reasons"}
_columns = [column for column in device.c if column.name not in _hidden]
_statement = select(*_columns, site.c.name.label("site_name"), zone.c.name.label("zone_name")).select_from(_joined)

#: Columns by which the list may be sorted; ``-name`` is downwards.
SORTS: Mapping[str, Any] = {
    **{name: device.c[name] for name in "name class vendor model site zone owner first worst confidence".split()},
    "seen": device.c.last,
    "criticality": device.c.criticality,
    "purdue": device.c.purdue_level,
}

#: Fields that ``facets`` counts.
FACETS = ("class", "vendor", "site", "zone", "criticality", "expected", "worst")
_PLAIN = (
    "id domain name vendor product model firmware serial os purdue_level confidence first last site zone site_name "
    "zone_name owner criticality safety expected open_findings version"
).split()
_LISTS = "roles macs ips names marks".split()
_VALUES = 50  # most frequent values of a facet


def devices(
    connection: Connection,
    query: Query,
    scope: Scope,
    *,
    now: int,
    sort: str = "name",
    limit: int = 50,
    cursor: str | None = None,
) -> Page[DeviceRow]:
    """Return a page of devices.

    Args:
        now: ns since 1970: ages in the query count from here.
        sort: a key of ``SORTS``, with ``-`` before it downwards.

    Raises:
        RingfenceError: ``query``; ``value-refused`` for sort, limit and cursor.
    """
    sorting = Sorting.of(sort, SORTS, device.c.id)
    # First which ones: that is a walk along an index of two columns. Then the rows of these few.
    narrow = _filtered(select(device.c.id, sorting.column), query, scope, now)
    found, following, total = page(connection, narrow, sorting, limit, cursor, narrow=walks(query))
    rows = rows_of(connection, (row.id for row in found), scope)
    return Page(tuple(rows[row.id] for row in found), following, total)


def facets(
    connection: Connection, query: Query, scope: Scope, *, now: int, names: Iterable[str] = FACETS
) -> dict[str, tuple[tuple[str | None, str, int], ...]]:
    """Count the devices of a query by each field: (value for the query, label, count), the most frequent first.

    The value None is *unknown*, ``field:-`` in a query.

    Raises:
        RingfenceError: ``query``.
    """
    condition = _filtered(select(device.c.id), query, scope, now)
    places = {
        row.id: row.name for table in (site, zone) for row in connection.execute(select(table.c.id, table.c.name))
    }
    answer = {}
    for name in names:
        column = device.c[name]
        count = func.count().label("count")
        counted = condition.with_only_columns(column, count).group_by(column).order_by(count.desc(), column)
        rows = connection.execute(counted.limit(_VALUES)).all()
        answer[name] = tuple(_facet(name, value, number, places) for value, number in rows)
    return answer


def _facet(name: str, value: Any, count: int, places: Mapping[str, str]) -> tuple[str | None, str, int]:
    if name == "worst":
        word = None if value < 0 else Severity(value).word
        return word, word or "none", count
    if value is None or value == "":
        return None, "unknown", count
    return value, places.get(value, value) if name in ("site", "zone") else value, count


def _filtered(statement: Select[Any], query: Query, scope: Scope, now: int) -> Select[Any]:
    return statement.where(device.c.merged_into.is_(None), scoped_devices(scope), device_condition(query, now))


def rows_of(connection: Connection, ids: Iterable[str], scope: Scope) -> dict[str, DeviceRow]:
    """Return the rows of these devices, as far as somebody may see them."""
    wanted = sorted(set(ids))
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), 500):
        some = device.c.id.in_(wanted[start : start + 500])
        found += connection.execute(_statement.where(some, scoped_devices(scope)))
    return {row.id: row for row in device_rows(connection, found)}


def device_rows(connection: Connection, found: Iterable[Row[Any]]) -> tuple[DeviceRow, ...]:
    """Make rows of what the statement found, with their labels."""
    maps = [row._mapping for row in found]
    labels: dict[str, list[str]] = {}
    ids = [row["id"] for row in maps]
    for start in range(0, len(ids), 500):
        some = select(label).where(label.c.device.in_(ids[start : start + 500])).order_by(label.c.name)
        for row in connection.execute(some):
            labels.setdefault(row.device, []).append(row.name)
    return tuple(_row(dict(row), tuple(labels.get(row["id"], ()))) for row in maps)


def _row(row: Mapping[str, Any], labels: tuple[str, ...]) -> DeviceRow:
    given: dict[str, Any] = {name: row[name] for name in _PLAIN}
    given |= {name: tuple(row[name]) for name in _LISTS}
    worst = None if row["worst"] < 0 else Severity(row["worst"]).word
    return DeviceRow(device_class=row["class"], worst=worst, labels=labels, **given)
