"""Is the audit log as it was written? Finds removal, change, reordering and truncation, and says what it can't find.

Rule 1: what a chain alone can't prove is part of every answer: a tail that was cut off together with its checkpoints,
    and a history written anew by who holds the key. Both show only against a checkpoint kept elsewhere.
Rule 2: rows are hostile here: JSON that can't be read is a fault, not an error. Memory is bounded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Text, select, type_coerce

from ringfence.model.errors import RingfenceError
from ringfence.store.audit import GENESIS, Checkpoint, checkpoints, hash_of
from ringfence.store.schema.audit import entry

__all__ = ["Fault", "Verdict", "as_line", "check", "export", "read_checkpoints"]

_PAGE = 1_000  # rows read at once
_MOST = 1_000  # faults told
_NEAR, _COMPARED = 8, 200  # numbers near by, and other suspects, that are tried for a moved entry
_JSON = ("before", "after")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``kind`` is removed, changed, reordered, unchained, truncated or checkpoint."""

    number: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. ``head`` is the hash of the last entry; ``unproven`` are sentences."""

    entries: int
    checkpoints: int
    head: str | None
    faults: tuple[Fault, ...]
    unproven: tuple[str, ...]


def check(connection: Connection, key: Ed25519PublicKey | None, outside: Iterable[Checkpoint] = ()) -> Verdict:
    """Check every entry and every checkpoint.

    1. Numbers are 1, 2, 3 … without a gap.
    2. Each entry's hash is that of its content; one whose content has another's number was moved.
    3. Each entry names the hash of the one before.
    4. Each checkpoint's signature holds, and the entry that it names exists with that hash.

    Args:
        connection: of ``Database.reading()``.
        key: the installation's public key; None: signatures are not checked, and that is said.
        outside: checkpoints that were kept elsewhere.
    """
    elsewhere = tuple(outside)
    inside = checkpoints(connection)
    walk = _Walk([*inside, *elsewhere])
    for row, readable in _rows(connection):
        walk.step(row, readable)
    walk.finish(key)
    return Verdict(
        walk.count,
        len(inside) + len(elsewhere),
        walk.previous if walk.count else None,
        tuple(walk.faults),
        tuple(_unproven(key, inside, elsewhere, walk.last)),
    )


def export(connection: Connection) -> Iterator[str]:
    """Yield every entry and checkpoint as lines of JSON, as an auditor takes them away."""
    for row, _ in _rows(connection):
        yield json.dumps({"entry": row}, ensure_ascii=False, sort_keys=True)
    for each in checkpoints(connection):
        words = {field.name: getattr(each, field.name) for field in fields(each)}
        yield json.dumps({"checkpoint": words}, ensure_ascii=False, sort_keys=True)


def read_checkpoints(text: str, name: str) -> list[Checkpoint]:
    """Read checkpoints from the lines of a file or of a syslog: each begins where its ``{`` is.

    Raises:
        RingfenceError: ``checkpoint-invalid``.
    """
    found = []
    for line in text.splitlines():
        if "{" not in line:
            continue
        try:
            words = json.loads(line[line.index("{") :])
            made = Checkpoint(**{field.name: words[field.name] for field in fields(Checkpoint)})
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise RingfenceError("checkpoint-invalid", name, "a line is no checkpoint") from error
        texts = (made.hash, made.signature, made.key)
        if not isinstance(made.number, int) or not all(isinstance(each, str) for each in texts):
            raise RingfenceError("checkpoint-invalid", name, "a line is no checkpoint")
        found.append(made)
    if not found:
        raise RingfenceError("checkpoint-invalid", name, "it holds no checkpoint")
    return found


class _Walk:
    """One pass over the entries."""

    def __init__(self, stated: list[Checkpoint]) -> None:
        self.faults: list[Fault] = []
        self.count = 0
        self.last = 0
        self.previous = GENESIS
        self._stated = stated
        self._wanted = {each.number for each in stated}
        self._hashes: dict[int, str] = {}
        self._suspects: list[tuple[dict[str, Any], bool]] = []

    def step(self, row: dict[str, Any], readable: bool) -> None:
        number = row["number"]
        gap = number != self.last + 1
        if gap:
            self._fault(self.last + 1, "removed", f"entries {self.last + 1} to {number - 1} are missing")
        if not readable or hash_of(row) != row["hash"]:
            if len(self._suspects) < _MOST:
                self._suspects.append((row, readable))
        elif not gap and row["previous"] != self.previous:
            self._fault(number, "unchained", "it does not name the hash of the entry before")
        if number in self._wanted:
            self._hashes[number] = row["hash"]
        self.count += 1
        self.last, self.previous = number, row["hash"]

    def finish(self, key: Ed25519PublicKey | None) -> None:
        for row, readable in self._suspects:
            was = self._written_as(row) if readable else None
            if was is not None:
                self._fault(row["number"], "reordered", f"it was written as entry {was}")
            else:
                self._fault(row["number"], "changed", "its content is not what its hash says")
        for each in self._stated:
            self._compare(each, key)
        self.faults.sort(key=lambda fault: (fault.number, fault.kind))

    def _written_as(self, row: dict[str, Any]) -> int | None:
        """Return the number under which this content has its hash, looked for near by and among other suspects."""
        number = row["number"]
        near = [number + step for step in range(-_NEAR, _NEAR + 1) if step]
        tried = dict.fromkeys([*near, *(other["number"] for other, _ in self._suspects[:_COMPARED])])
        return next((each for each in tried if hash_of({**row, "number": each}) == row["hash"]), None)

    def _compare(self, each: Checkpoint, key: Ed25519PublicKey | None) -> None:
        if key is not None:
            try:
                each.verify(key)
            except RingfenceError as error:
                self._fault(each.number, "checkpoint", error.detail)
                return
        if each.number > self.last:
            self._fault(each.number, "truncated", f"a checkpoint names it, but the log ends at {self.last}")
        elif self._hashes.get(each.number) != each.hash:
            self._fault(each.number, "changed", "a checkpoint names another hash for this entry")

    def _fault(self, number: int, kind: str, detail: str) -> None:
        if len(self.faults) < _MOST:
            self.faults.append(Fault(number, kind, detail))


def _rows(connection: Connection) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield entries in order, and whether their JSON is what we write."""
    columns = [type_coerce(c, Text).label(c.name) if c.name in _JSON else c for c in entry.columns]
    after: int | None = None
    while True:
        chosen = select(*columns).order_by(entry.c.number).limit(_PAGE)
        rows = connection.execute(chosen if after is None else chosen.where(entry.c.number > after)).mappings().all()
        for row in rows:
            made = dict(row)
            unreadable = [name for name in _JSON if not _read(made, name)]
            yield made, not unreadable
        if len(rows) < _PAGE:
            return
        after = rows[-1]["number"]


def _read(row: dict[str, Any], name: str) -> bool:
    text = row[name]
    if text is None:
        return True
    try:
        row[name] = json.loads(text, parse_constant=_no_number)
        again = json.dumps(row[name], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return bool(again == text)
    except (ValueError, RecursionError):
        return False


def _no_number(word: str) -> None:
    raise ValueError(word)  # NaN and Infinity are no JSON, and nothing that we write.


def _unproven(
    key: Ed25519PublicKey | None, inside: list[Checkpoint], outside: tuple[Checkpoint, ...], last: int
) -> Iterator[str]:
    reach = max((each.number for each in outside), default=0)
    if not outside:
        yield (
            "No checkpoint kept elsewhere was given: entries cut off at the end, together with the checkpoints inside, "
            "and a log written anew as a whole would not be found."
        )
    elif reach < last:
        yield f"Entries {reach + 1} to {last} are younger than the last checkpoint given; later ones may be cut off."
    if key is None:
        yield "Signatures of checkpoints were not checked, because the installation's key was not given."
    yield (
        "Whoever holds the installation's secret and writes the database can sign a new history; only checkpoints kept "
        "where they can't write contradict it."
    )
    yield "Times are those of the server's clock, and what was never written leaves no trace here."


def as_line(each: Checkpoint) -> str:
    """Return a checkpoint as one line of JSON: what is kept elsewhere, and what ``read_checkpoints`` takes."""
    words: Mapping[str, Any] = {field.name: getattr(each, field.name) for field in fields(each)}
    return json.dumps(words, separators=(",", ":"))
