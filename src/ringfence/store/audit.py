"""The audit log: entries are only ever added, each one bound to the one before by its hash.

Rule 1: an entry is written in the transaction of the act that it tells of; the act without its entry can't happen.
Rule 2: one writer at a time: SQLite's writing transactions wait for each other, on PostgreSQL a lock for the rest of
    the transaction does the same. Numbers have no gaps, so that a missing one is a removal.
Rule 3: what is hashed is what is stored (U+0000 and lone surrogates are replaced first), as canonical JSON.
Rule 4: no secret may stand in ``before`` or ``after``; callers pass what changed, never passwords, codes or tokens.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Connection, func, insert, select, text

from ringfence.model.errors import RingfenceError
from ringfence.store.schema.audit import checkpoint, entry
from ringfence.store.schema.columns import storable

__all__ = [
    "GENESIS",
    "Checkpoint",
    "Entry",
    "about",
    "append",
    "checkpoints",
    "entries",
    "hash_of",
    "head",
    "key_id",
    "sign",
]

GENESIS = "0" * 64  # what the first entry names as the one before

_LOCK = 0x52_46_41_55_44_49_54  # "RFAUDIT": key of PostgreSQL's advisory lock
_PAGE = 1_000  # entries read at once


@dataclass(frozen=True, slots=True)
class Entry:
    """One act. ``time`` is nanoseconds since 1970, UTC, by the server's clock, which may have been wrong."""

    number: int
    time: int
    who: str
    how: str
    act: str
    object: str | None
    before: Any
    after: Any
    why: str | None
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: entry ``number`` had this hash at ``time``. ``key`` is the id of the public key."""

    number: int
    time: int
    hash: str
    signature: str
    key: str

    def signed(self) -> bytes:
        """Return the bytes that the signature covers."""
        words = {"checkpoint": 1, "number": self.number, "time": self.time, "hash": self.hash, "key": self.key}
        return b"ringfence audit checkpoint\n" + _canonical(words)

    def verify(self, key: Ed25519PublicKey) -> None:
        """Check the signature.

        Raises:
            RingfenceError: ``checkpoint-invalid``.
        """
        if self.key != key_id(key):
            raise RingfenceError("checkpoint-invalid", f"checkpoint {self.number}", f"it is signed by key {self.key}")
        try:
            key.verify(base64.b64decode(self.signature, validate=True), self.signed())
        except (InvalidSignature, ValueError) as error:
            raise RingfenceError(
                "checkpoint-invalid", f"checkpoint {self.number}", "its signature doesn't verify"
            ) from error


def append(
    connection: Connection,
    time: int,
    who: str,
    how: str,
    act: str,
    object: str | None = None,  # noqa: A002 The word of the schema.
    before: Any = None,
    after: Any = None,
    why: str | None = None,
) -> int:
    """Add an entry in the caller's writing transaction and return its number.

    Args:
        connection: of ``Database.writing()``.
        time: nanoseconds since 1970, UTC.
        who: log-in name, or the process.
        how: ``session (passkey)``, ``token 3f2a``, ``terminal``, ``pipeline``.
        act: noun and verb, such as ``device.correct``.
        object: id of what was acted on.
        before: what it was, as plain values without secrets; None where there was nothing.
        after: what it became.
        why: the reason that was given.
    """
    last = _locked_head(connection)
    row: dict[str, Any] = {
        "number": (last.number if last else 0) + 1,
        "time": time,
        "who": storable(who),
        "how": storable(how),
        "act": storable(act),
        "object": None if object is None else storable(object),
        "before": _plain(before),
        "after": _plain(after),
        "why": None if why is None else storable(why),
        "previous": last.hash if last else GENESIS,
    }
    connection.execute(insert(entry).values(**row, hash=hash_of(row)))
    return int(row["number"])


def hash_of(row: Mapping[str, Any]) -> str:
    """Return the hash of an entry: SHA-256 over canonical JSON of everything but the hash itself."""
    return sha256(_canonical({name: value for name, value in row.items() if name != "hash"})).hexdigest()


def head(connection: Connection) -> Entry | None:
    """Return the last entry, None where nothing was ever written."""
    row = connection.execute(select(entry).order_by(entry.c.number.desc()).limit(1)).mappings().one_or_none()
    return None if row is None else Entry(**row)


def entries(
    connection: Connection,
    after: int = 0,
    limit: int | None = None,
    *,
    newest_first: bool = False,
    who: str | None = None,
    act: str | None = None,
    object: str | None = None,  # noqa: A002 The word of the schema.
) -> Iterator[Entry]:
    """Yield entries in order of number, beginning behind ``after`` (newest first: before it; 0: from the end).

    ``act`` matches its beginning, so that ``person.`` finds everything about people. Memory stays bounded.
    """
    left = limit
    while left is None or left > 0:
        chosen = select(entry).limit(_PAGE if left is None else min(left, _PAGE))
        chosen = chosen.order_by(entry.c.number.desc() if newest_first else entry.c.number)
        if after or not newest_first:
            chosen = chosen.where(entry.c.number < after if newest_first else entry.c.number > after)
        if who is not None:
            chosen = chosen.where(entry.c.who == who)
        if act is not None:
            chosen = chosen.where(entry.c.act.startswith(act, autoescape=True))
        if object is not None:
            chosen = chosen.where(entry.c.object == object)
        rows = connection.execute(chosen).mappings().all()
        for row in rows:
            yield Entry(**row)
        if not rows or len(rows) < _PAGE:
            return
        after = rows[-1]["number"]
        left = None if left is None else left - len(rows)


def about(connection: Connection, object: str) -> int:  # noqa: A002 The word of the schema.
    """Return how many entries are about an object."""
    found = select(func.count()).select_from(entry).where(entry.c.object == storable(object))
    return int(connection.execute(found).scalar_one())


def checkpoints(connection: Connection) -> list[Checkpoint]:
    """Return every checkpoint kept in the database, oldest first."""
    rows = connection.execute(select(checkpoint).order_by(checkpoint.c.number)).mappings()
    return [Checkpoint(**row) for row in rows]


def sign(connection: Connection, time: int, key: Ed25519PrivateKey) -> Checkpoint | None:
    """Sign the last entry and keep the checkpoint; None where there is nothing new since the last checkpoint."""
    last = _locked_head(connection)
    known = connection.execute(select(func.max(checkpoint.c.number))).scalar()
    if last is None or known == last.number:
        return None
    unsigned = Checkpoint(last.number, time, last.hash, "", key_id(key.public_key()))
    made = Checkpoint(
        last.number, time, last.hash, base64.b64encode(key.sign(unsigned.signed())).decode(), unsigned.key
    )
    connection.execute(insert(checkpoint).values(**asdict(made)))
    return made


def key_id(key: Ed25519PublicKey) -> str:
    """Return the short id of a public key: the first 16 hexadecimal digits of its SHA-256."""
    return sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def _locked_head(connection: Connection) -> Entry | None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    return head(connection)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    """Return ``value`` as it comes back from the database: what JSON can't say becomes text."""
    if isinstance(value, str):
        return storable(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if isinstance(value, Mapping):
        return {storable(str(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [_plain(part) for part in parts]
    return storable(str(value))
