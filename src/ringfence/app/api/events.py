"""Server-sent events: what changes, as it changes (the WHATWG HTML standard, §9.2).

Rule 1: news are read from the table ``change``; the number of a change is its event's id, so ``Last-Event-ID`` resumes.
Rule 2: a stream ends when its session or token does, when the client leaves, and after an hour (clients come again).
Rule 3: streams are counted, for each person and in all; each holds one page of changes at most.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool

from ringfence.app.api.answers import change_answer
from ringfence.model.errors import RingfenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence.store.read.rows import ChangeRow

__all__ = ["Streams", "stream"]

_PAGE = 500  # changes read at once


@dataclass
class Streams:
    """The open streams of one server, and their bounds; times are seconds."""

    most: int = 200
    most_of_one: int = 10
    interval: float = 1.0
    beat: float = 15.0  # a comment keeps proxies from closing a quiet stream; the session is checked with it
    longest: float = 3_600.0
    open: Counter[str] = field(default_factory=Counter)
    ending: bool = False

    def end(self) -> None:
        """Let all of them end by themselves, within ``interval``: the server stops, and waits for none."""
        self.ending = True

    @contextmanager
    def taken(self, person: str) -> Iterator[None]:
        """Hold a place.

        Raises:
            RingfenceError: ``events-too-many``.
        """
        self.check(person)
        self.open[person] += 1
        try:
            yield
        finally:
            self.open[person] -= 1
            if not self.open[person]:
                del self.open[person]

    def check(self, person: str) -> None:
        """Say no where there is no place.

        Raises:
            RingfenceError: ``events-too-many``.
        """
        if self.open[person] >= self.most_of_one or self.open.total() >= self.most:
            raise RingfenceError("events-too-many", person, f"{self.open[person]} of them are yours.")


async def stream(
    streams: Streams,
    person: str,
    after: int,
    read: Callable[[int, int], Sequence[ChangeRow]],
    valid: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Yield the changes behind number ``after`` for as long as the session is valid.

    Args:
        streams: where the stream is counted.
        person: whose it is.
        after: number of the last change that is known.
        read: returns at most so many changes behind a number, in order, of what may be seen.
        valid: whether session or token still are.
    """
    try:
        async for each in _told(streams, person, after, read, valid):
            yield each
    except asyncio.CancelledError:
        return  # The server ends, or the client has gone: nothing more is told, and nothing went wrong.


async def _told(
    streams: Streams,
    person: str,
    after: int,
    read: Callable[[int, int], Sequence[ChangeRow]],
    valid: Callable[[], bool],
) -> AsyncIterator[bytes]:
    with streams.taken(person):
        loop = asyncio.get_running_loop()
        begun = checked = loop.time()
        yield b": changes of Ringfence\nretry: 3000\n\n"
        while not streams.ending and (now := loop.time()) - begun < streams.longest:
            if now - checked >= streams.beat:
                checked = now
                if not await run_in_threadpool(valid):
                    yield _event("end", {"reason": "logged-out"})
                    return
                yield b": still here\n\n"
            rows = await run_in_threadpool(read, after, _PAGE)
            for row in rows:
                after = row.number
                yield _event("change", change_answer(row), after)
            if len(rows) < _PAGE:
                await asyncio.sleep(streams.interval)
        yield _event("end", {"reason": "come-again"})


def _event(name: str, data: Any, number: int | None = None) -> bytes:
    # JSON in ASCII has no line break in it, so nothing that a device said can begin another field.
    identity = f"id: {number}\n" if number is not None else ""
    return f"{identity}event: {name}\ndata: {json.dumps(data)}\n\n".encode()
