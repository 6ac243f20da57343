"""Decisions of people in force, as the register takes them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from ringfence.model.decision import Decision
from ringfence.store.schema.inventory import decision

__all__ = ["load_decisions"]


def load_decisions(connection: Connection) -> tuple[Decision, ...]:
    """Return the decisions that nobody has undone, the oldest first."""
    statement = select(decision).where(decision.c.undone.is_(None)).order_by(decision.c.time, decision.c.id)
    return tuple(
        Decision(row.id, row.kind, tuple(row.parts), row.field, row.value, row.reason, row.who, row.time)
        for row in connection.execute(statement)
    )
