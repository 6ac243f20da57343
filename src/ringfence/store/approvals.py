"""Four eyes: what was asked for, who decided, and that an approval is used once."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from ringfence.store.schema.people import approval

__all__ = ["Approval", "add", "by_id", "decide", "give_back", "pending", "recent", "take", "waiting"]


@dataclass(frozen=True, slots=True)
class Approval:
    """An act that waits for, or has, another person's word. Times are nanoseconds since 1970."""

    id: str
    act: str
    digest: str
    detail: Any
    asked_by: str
    asked: int
    expires: int
    decided_by: str | None = None
    decided: int | None = None
    answer: str | None = None  # approved, refused
    used: int | None = None


def add(connection: Connection, row: Approval) -> None:
    """Keep a request for approval."""
    connection.execute(insert(approval).values(**asdict(row)))


def by_id(connection: Connection, id: str) -> Approval | None:  # noqa: A002 The word of the schema.
    """Return one approval."""
    row = connection.execute(select(approval).where(approval.c.id == id)).mappings().one_or_none()
    return None if row is None else Approval(**row)


def pending(connection: Connection, person: str, digest: str, now: int) -> Approval | None:
    """Return what ``person`` asked for with this digest and nobody has decided yet."""
    chosen = select(approval).where(
        approval.c.asked_by == person,
        approval.c.digest == digest,
        approval.c.answer.is_(None),
        approval.c.expires > now,
    )
    row = connection.execute(chosen.order_by(approval.c.asked).limit(1)).mappings().one_or_none()
    return None if row is None else Approval(**row)


def recent(connection: Connection, limit: int = 200) -> list[Approval]:
    """Return requests and approvals, newest first."""
    chosen = select(approval).order_by(approval.c.asked.desc(), approval.c.id).limit(limit)
    return [Approval(**row) for row in connection.execute(chosen).mappings()]


def waiting(connection: Connection, now: int, limit: int = 200) -> list[Approval]:
    """Return requests that nobody has answered and that have not expired, oldest first."""
    chosen = select(approval).where(approval.c.answer.is_(None), approval.c.expires > now)
    return [
        Approval(**row)
        for row in connection.execute(chosen.order_by(approval.c.asked, approval.c.id).limit(limit)).mappings()
    ]


def decide(connection: Connection, id: str, person: str, answer: str, now: int) -> bool:  # noqa: A002 As above.
    """Answer a request; False where it is unknown, expired, decided, or the person's own."""
    chosen = update(approval).where(
        approval.c.id == id, approval.c.answer.is_(None), approval.c.expires > now, approval.c.asked_by != person
    )
    return connection.execute(chosen.values(answer=answer, decided_by=person, decided=now)).rowcount == 1


def take(connection: Connection, person: str, digest: str, now: int) -> str | None:
    """Use an approval of exactly this for ``person``, once; None where there is none."""
    good = (
        approval.c.asked_by == person,
        approval.c.digest == digest,
        approval.c.answer == "approved",
        approval.c.decided_by != person,
        approval.c.used.is_(None),
        approval.c.expires > now,
    )
    id_ = connection.execute(select(approval.c.id).where(*good).order_by(approval.c.asked).limit(1)).scalar()
    if id_ is None:
        return None
    done = connection.execute(update(approval).where(approval.c.id == id_, *good).values(used=now))
    return str(id_) if done.rowcount == 1 else None


def give_back(connection: Connection, id: str) -> None:  # noqa: A002 As above.
    """Make an approval usable again, because the act failed."""
    connection.execute(update(approval).where(approval.c.id == id).values(used=None))
