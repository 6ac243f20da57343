"""Writes down what changed: rows of ``change``, which live screens and timelines read.

Rule 1: numbers are taken under a lock that is held until the transaction ends, so that they become visible in order: a
reader that has seen number 9 has seen 1 to 8. Therefore news are written last, right before the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from ringfence.store import bulk
from ringfence.store.schema.columns import json_text, storable
from ringfence.store.schema.operation import change

__all__ = ["News", "alone", "tell"]

_LOCK = 0x52_47


@dataclass(frozen=True, slots=True)
class News:
    """One thing that changed; ``who`` is None for the pipeline."""

    noun: str  # device, finding, site, zone …
    id: str
    what: str  # new, changed, merged, split, corrected …
    who: str | None = None
    detail: Mapping[str, Any] | None = None


def alone(connection: Connection) -> None:
    """Wait until nobody else writes, until the transaction ends: what SQLite does by itself."""
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


def tell(connection: Connection, time: int, news: Iterable[News]) -> None:
    """Write down what changed at ``time`` (ns since 1970)."""
    rows = [
        (time, storable(one.noun), storable(one.id), storable(one.what), _text(one.who), _detail(one.detail))
        for one in news
    ]
    if not rows:
        return
    alone(connection)
    bulk.insert(connection, change, ("time", "noun", "id", "what", "who", "detail"), rows)


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _detail(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else json_text(value)
