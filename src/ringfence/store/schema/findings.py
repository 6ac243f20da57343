"""Findings, and what people do with them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, Text

from ringfence.store.schema.columns import Json, Nanoseconds, Wire, metadata

__all__ = ["finding", "finding_device"]

finding = Table(
    "finding",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("severity", Integer, nullable=False),  # 0 informational to 4 critical
    Column("confidence", Float, nullable=False),
    Column("title", Wire, nullable=False),
    Column("why", Wire, nullable=False),
    Column("expected", Wire, nullable=False),
    Column("seen", Wire, nullable=False),
    Column("attack", Json, nullable=False),
    Column("remedy", Wire, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("first", Nanoseconds, nullable=False),
    Column("last", Nanoseconds, nullable=False),
    Column("packets", Json, nullable=False),  # [{input: epoch, index, time, interface, length}]
    Column("state", Text, nullable=False, default="open"),  # open, acknowledged, closed
    Column("assignee", Wire),
    Column("note", Wire),
    Column("version", Integer, nullable=False, default=1),
)
Index(None, finding.c.state, finding.c.severity, finding.c.last, finding.c.id)
Index(None, finding.c.rule, finding.c.last)

finding_device = Table(
    "finding_device",
    metadata,
    Column("finding", Text, ForeignKey("finding.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("device", Text),  # None: a peer that is no device
    Column("role", Text, nullable=False),
    Column("label", Wire, nullable=False),
)
Index(None, finding_device.c.device)
