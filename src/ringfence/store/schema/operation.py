"""What the store knows of itself: batches taken, changes told to readers, settings."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = ["answer", "batch", "change", "quality", "setting"]

#: A batch is taken once: its id is written in the transaction that stores what it holds.
batch = Table(
    "batch",
    metadata,
    Column("id", Text, primary_key=True),
    Column("sensor", Text, nullable=False),
    Column("epoch", Text, nullable=False),
    Column("window", BigInteger, nullable=False),
    Column("received", Nanoseconds, nullable=False),
    Column("packets", BigInteger, nullable=False, default=0),
)

#: One row for everything that changed, in order: live screens and the timeline read it.
change = Table(
    "change",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("time", Nanoseconds, nullable=False),
    Column("noun", Text, nullable=False),  # device, finding, site …
    Column("id", Text, nullable=False),
    Column("what", Text, nullable=False),  # new, changed, merged, split, corrected …
    Column("who", Wire),  # None: the pipeline
    Column("detail", Json),
)
Index(None, change.c.noun, change.c.id, change.c.number)
Index(None, change.c.noun, change.c.what, change.c.number)

#: The present verdict on each input of each sensor, one row for each sentence.
quality = Table(
    "quality",
    metadata,
    Column("sensor", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("severity", Text, nullable=False),
    Column("text", Wire, nullable=False),
    Column("weakens", Wire, nullable=False),
    Column("remedy", Wire, nullable=False),
    Column("time", Nanoseconds, nullable=False),
)

#: Everything that an operator sets and that is not worth a table: retention, saved notes, the site key's reference.
setting = Table("setting", metadata, Column("key", Text, primary_key=True), Column("value", Json))

#: What a request with an Idempotency-Key was answered, so that the same one again does nothing twice.
answer = Table(
    "answer",
    metadata,
    Column("person", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # as the caller chose it
    Column("digest", Text, nullable=False),  # of method, path and body: another request with this key is refused
    Column("headers", Json, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("time", Nanoseconds, nullable=False),
)
Index(None, answer.c.time)
