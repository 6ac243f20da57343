"""What operators set, by key, as plain values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from ringfence.store import bulk
from ringfence.store.schema.columns import json_text, storable
from ringfence.store.schema.operation import setting

__all__ = ["get", "put"]


def get(connection: Connection, key: str, default: Any = None) -> Any:
    """Return a setting's value."""
    row = connection.execute(select(setting.c.value).where(setting.c.key == key)).one_or_none()
    return default if row is None else row.value


def put(connection: Connection, key: str, value: Any) -> None:
    """Set it."""
    row = (storable(key), json_text(value))
    bulk.insert(connection, setting, ("key", "value"), [row], '("key") DO UPDATE SET "value" = excluded."value"')
