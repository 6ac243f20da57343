"""Who talks to whom, and which files of the lake and of the packet ring hold the rest."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, Table, Text

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = ["conversation", "lake_file", "period_key", "ring_segment", "talker", "talker_day"]

conversation = Table(
    "conversation",
    metadata,
    Column("key", Text, primary_key=True),  # digest of the next six
    Column("source", Text, nullable=False),  # part id of the client
    Column("destination", Text, nullable=False),  # part id
    Column("protocol", Text, nullable=False),
    Column("transport", Text, nullable=False),
    Column("port", Integer, nullable=False),
    Column("answered", Boolean, nullable=False),
    Column("packets", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("flows", BigInteger, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("operations", Json, nullable=False),  # [{operation, object, count}]
)
Index(None, conversation.c.source)
Index(None, conversation.c.destination)
Index(None, conversation.c.last)


def _sums(name: str, span: str) -> Table:
    """Bytes and flows of a pair in a span of time. The rows are in the order of time: a range is one walk."""
    return Table(
        name,
        metadata,
        Column(span, BigInteger, primary_key=True, autoincrement=False),  # so many since 1970, UTC
        Column("source", Text, primary_key=True),  # part id
        Column("destination", Text, primary_key=True),  # part id
        Column("protocol", Text, primary_key=True),
        Column("port", Integer, primary_key=True),
        Column("packets", BigInteger, nullable=False),
        Column("bytes", BigInteger, nullable=False),
        Column("flows", BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )


#: By hour, and the same by day: a month is asked of 30 days, not of 720 hours.
talker = _sums("talker", "hour")
talker_day = _sums("talker_day", "day")

#: The manifest of the lake: a file that is not listed here does not exist (contract §6).
lake_file = Table(
    "lake_file",
    metadata,
    Column("id", Text, primary_key=True),  # the batch id, or a digest of what was compacted
    Column("dataset", Text, nullable=False),  # flows.v1, transactions.v1
    Column("path", Text, nullable=False),  # below the lake's folder
    Column("period", Text, nullable=False),  # the key's period, such as 2026-11-27
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
Index(None, lake_file.c.dataset, lake_file.c.first, lake_file.c.last)

#: One key a period, wrapped by the installation's key: dropping it erases what it encrypted.
period_key = Table(
    "period_key",
    metadata,
    Column("purpose", Text, primary_key=True),  # lake, ring, backup
    Column("period", Text, primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created", Nanoseconds, nullable=False),
)

ring_segment = Table(
    "ring_segment",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sensor", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("packets", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("kept_for", Json),  # finding ids whose slices keep it beyond the ring's bound
    Column("note", Wire),
)
Index(None, ring_segment.c.sensor, ring_segment.c.first)
