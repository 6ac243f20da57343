"""The audit log: rows that are only added, each with the hash of the one before.

Rule 1: the database refuses UPDATE and DELETE on these rows (migration 0002). That stops mistakes and stolen log-ins of
the application; who owns the tables can drop the triggers, which is why the chain and its checkpoints exist.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table, Text

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = ["checkpoint", "entry"]

entry = Table(
    "audit",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # 1, 2, 3 …: a gap is a removal
    Column("time", Nanoseconds, nullable=False),
    Column("who", Wire, nullable=False),  # log-in name, or the process
    Column("how", Text, nullable=False),  # session, token name, terminal, pipeline
    Column("act", Text, nullable=False),  # device.correct, person.create, audit.export …
    Column("object", Wire),
    Column("before", Json),
    Column("after", Json),
    Column("why", Wire),
    Column("previous", Text, nullable=False),  # hash of the row before; 64 zeros in the first
    Column("hash", Text, nullable=False, unique=True),
)
Index(None, entry.c.object, entry.c.number)

checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # of the last entry that it covers
    Column("time", Nanoseconds, nullable=False),
    Column("hash", Text, nullable=False),
    Column("signature", Text, nullable=False),  # Ed25519, base64
    Column("key", Text, nullable=False),  # id of the public key
)
