"""What all tables share: one metadata with named constraints, and column types that suit SQLite and PostgreSQL.

Rule 1: times are nanoseconds since 1970 (UTC) in BIGINT; what is never searched is JSON text.
Rule 2: text from the wire may hold U+0000, which PostgreSQL can't store: ``Wire`` writes it as U+2400.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import BigInteger, MetaData, Text, TypeDecorator
from sqlalchemy.engine import Dialect

__all__ = ["Json", "Nanoseconds", "Wire", "json_text", "metadata", "storable"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Nanoseconds = BigInteger


def storable(text: str) -> str:
    """Return text that both databases take: no U+0000, no lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text  # Nearly all of it.
    return text.replace("\0", "␀").encode("utf-8", "replace").decode()


#: Made once: making one for each value takes longer than using it.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def json_text(value: Any) -> str:
    """Return any plain value as JSON that both databases take."""
    return storable(_JSON.encode(value))


class Wire(TypeDecorator[str]):
    """Text that a device or a person chose."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make the text storable."""
        return None if value is None else storable(value)


class Json(TypeDecorator[Any]):
    """Any plain value, as JSON text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write JSON."""
        return None if value is None else json_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read JSON."""
        return None if value is None else json.loads(value)
