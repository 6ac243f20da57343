"""What a request with an Idempotency-Key was answered, kept in the transaction that did it.

Rule 1: a key is its person's own, and stands for one request: another with the same key is refused.
Rule 2: only what was done is remembered; a request that failed changed nothing and may come again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text

from ringfence.model.errors import RingfenceError
from ringfence.store.schema.operation import answer

__all__ = ["KEPT_NANOSECONDS", "Remembered", "remember", "remembered", "sweep"]

KEPT_NANOSECONDS = 24 * 3_600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was answered."""

    headers: dict[str, str]
    body: bytes


def remembered(connection: Connection, person: str, key: str, digest: str, now: int) -> Remembered | None:
    """Return what the same request was answered; None where it was not seen yet: then nobody else does it meanwhile.

    Raises:
        RingfenceError: ``idempotency-conflict`` where the key was used for another request.
    """
    if connection.dialect.name == "postgresql":
        words = {"person": person, "key": key}
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:person || ' ' || :key, 0))"), words)
    found = connection.execute(
        select(answer).where(answer.c.person == person, answer.c.key == key, answer.c.time > now - KEPT_NANOSECONDS)
    ).one_or_none()
    if found is None:
        return None
    if found.digest != digest:
        raise RingfenceError("idempotency-conflict", key, "Another request was sent with it.")
    return Remembered(found.headers, found.body)


def remember(
    connection: Connection, person: str, key: str, digest: str, now: int, *, headers: Any, body: bytes
) -> None:
    """Keep an answer for a day."""
    sweep(connection, now)
    row = {"person": person, "key": key, "digest": digest, "time": now}
    connection.execute(insert(answer), [{**row, "headers": headers, "body": body}])


def sweep(connection: Connection, now: int) -> None:
    """Forget answers that were kept for a day."""
    connection.execute(delete(answer).where(answer.c.time <= now - KEPT_NANOSECONDS))
