"""What a support bundle needs of the store: counts, verdicts and claims, never packets, secrets or people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from ringfence.store.dump import tables
from ringfence.store.schema.findings import finding
from ringfence.store.schema.inventory import address, claim, conflict, device
from ringfence.store.schema.operation import batch, quality
from ringfence.store.schema.traffic import conversation, lake_file, ring_segment

__all__ = ["facts"]

_DEVICES = 10_000  # the newest
_BATCHES = 200
_LEFT_OUT = {"owner", "search", "digest"}  # a person, and what says everything again


def facts(connection: Connection) -> dict[str, Any]:
    """Return plain values by topic. Texts are as they are in the store: whoever passes them on makes them anonymous."""
    shown = select(device.c.id).order_by(device.c.last.desc()).limit(_DEVICES).scalar_subquery()
    return {
        "rows": {table.name: _count(connection, table) for table in tables(connection)},
        "devices": _rows(connection, select(*_columns()).where(device.c.id.in_(shown)).order_by(device.c.id)),
        "addresses": _rows(connection, select(address.c.device, address.c.kind, address.c.value)),
        "claims": _rows(connection, select(claim).where(claim.c.device.in_(shown))),
        "conflicts": _rows(connection, select(conflict).where(conflict.c.device.in_(shown))),
        "findings": _rows(
            connection,
            select(finding.c.rule, finding.c.severity, finding.c.state, func.count().label("findings")).group_by(
                finding.c.rule, finding.c.severity, finding.c.state
            ),
        ),
        "quality": _rows(connection, select(quality)),
        "batches": _rows(connection, select(batch).order_by(batch.c.received.desc()).limit(_BATCHES)),
        "protocols": _sums(connection, conversation, ("protocol", "transport"), ("flows", "packets", "bytes")),
        "lake": _sums(connection, lake_file, ("dataset", "period"), ("rows", "bytes")),
        "ring": _sums(connection, ring_segment, ("period",), ("packets", "bytes")),
    }


def _columns() -> list[Any]:
    return [column for column in device.columns if column.name not in _LEFT_OUT]


def _count(connection: Connection, table: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _rows(connection: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in connection.execute(query)]


def _sums(connection: Connection, table: Any, by: tuple[str, ...], sums: tuple[str, ...]) -> list[dict[str, Any]]:
    columns = [table.c[name] for name in by]
    counted = [func.sum(table.c[name]).label(name) for name in sums]
    query = select(*columns, *counted, func.count().label("entries")).group_by(*columns).order_by(*columns)
    rows = _rows(connection, query)
    return [row | {name: int(row[name]) for name in sums} for row in rows]
