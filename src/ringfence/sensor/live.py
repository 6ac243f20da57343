"""Live and replayed captures as batches: one for each closed window, and earlier parts of it where asked for.

Rule 1: adding up all batches of a replay gives what ``sensor.reader.read`` gives of the same files. Each batch holds
what came since the one before, so counts, packets and bytes are added, first and last are widened.
Rule 2: ``flow.attempts`` and ``flow.targeted`` state sums inside their value: each is the whole of its window so far
and takes the place of the one before with the same subject, window and transport.
Rule 3: where a conversation turns out to be another one (a protocol recognised late), a batch takes back what was told
before: its flows, packets and bytes are then below zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from ringfence import _core
from ringfence.model.flow import Conversation, ProtocolTotal, QualityNote
from ringfence.model.observation import Observation
from ringfence.sensor import quality, rows

__all__ = ["WINDOW", "Batch", "LiveOptions", "LiveRun"]

#: Length of a window: nanoseconds of capture time.
WINDOW = 300_000_000_000


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Options of a live read.

    ``every``: seconds of capture time after which what has come is handed over, though its window is still open; 300
    hands over whole windows only. ``grace``: seconds of capture time for which a window that has ended waits for late
    packets. ``sensor`` and ``epoch`` go into the tables; ``epoch`` names the start of a live read (a file has its
    digest).
    """

    site_key: bytes = field(repr=False)
    default_credentials: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    domain_per_input: bool = False
    every: int = 300
    grace: int = 10
    sensor: str = "file"
    epoch: str = ""


@dataclass(frozen=True)
class Batch:
    """What came since the batch before.

    ``window`` counts windows since 1970; ``part`` counts the batches of the read from 0, so that (window, part) comes
    once, and again the same when the same files are replayed. ``closed``: nothing more of this window follows.
    ``last``: nothing more follows at all.
    """

    core: _core.CoreBatch
    sensor: str
    epoch: str
    parts: rows.Parts = field(repr=False)

    @property
    def window(self) -> int:
        """Number of the window since 1970."""
        return self.core.window

    @property
    def part(self) -> int:
        """Number of the batch in its read, from 0."""
        return self.core.part

    @property
    def closed(self) -> bool:
        """True where nothing more of this window follows."""
        return self.core.closed

    @property
    def last(self) -> bool:
        """True for the last batch of the read."""
        return self.core.last

    @property
    def packets(self) -> int:
        """Packets that came since the batch before."""
        return self.core.packets

    @property
    def start(self) -> int:
        """Start of the window: nanoseconds since 1970, UTC."""
        return self.window * WINDOW

    @property
    def now(self) -> int:
        """Capture time at which it was handed over: nanoseconds since 1970, UTC."""
        return self.core.now

    @cached_property
    def id(self) -> str:
        """Digest of sensor, epoch, window and part: storing a batch twice changes nothing."""
        text = "\0".join((self.sensor, self.epoch, str(self.window), str(self.part)))
        return "b-" + sha256(text.encode()).hexdigest()[:32]

    @cached_property
    def observations(self) -> list[Observation]:
        """Observations, in a fixed order."""
        return rows.observations(self.core, self.parts)

    @cached_property
    def conversations(self) -> list[Conversation]:
        """Who talked to whom, with what was asked, in a fixed order."""
        return rows.conversations(self.core, self.parts, self.observations)

    @cached_property
    def protocols(self) -> list[ProtocolTotal]:
        """Totals per protocol, by name; ``unknown`` is what nothing recognised."""
        return [ProtocolTotal(*row) for row in self.core.protocols()]

    @cached_property
    def summary(self) -> Mapping[str, Any]:
        """Everything counted since the read began: inputs, interfaces, problems, counters, bounds."""
        return self.core.summary()

    @cached_property
    def quality(self) -> tuple[QualityNote, ...]:
        """The verdict on the capture since the read began."""
        return quality.judge(self.summary)

    def flows(self) -> Any:
        """Return ``flows.v1`` of this batch (Arrow PyCapsule interface).

        A flow that goes on has a row in each window in which it had packets, each with what came in that window.
        """
        return self.core.flows()

    def transactions(self) -> Any:
        """Return ``transactions.v1`` of this batch (Arrow PyCapsule interface)."""
        return self.core.transactions()


class LiveRun:
    """A read of live sources or files that hands over batches.

    Args:
        sources: paths of captures (a FIFO or ``/dev/stdin`` is read as it comes) and open file descriptors, which stay
            the caller's to close.
        options: see ``LiveOptions``.
    """

    def __init__(self, sources: Sequence[str | Path | int], options: LiveOptions) -> None:
        self._sources = list(sources)
        self._options = options
        self._stop = _core.LiveStop()

    def run(self, take: Callable[[Batch], bool]) -> None:
        """Read until every source ends, ``stop`` is called or ``take`` answers False; ``take`` gets every batch.

        Blocks; the interpreter lock is free while packets are read. What ``take`` raises ends the read and is raised.

        Raises:
            RingfenceError: ``input-not-found``, ``input-not-a-capture``.
        """
        options = self._options
        known: list[rows.Parts] = []
        epoch = [options.epoch]

        def batch(core: _core.CoreBatch) -> bool:
            if not known:
                known.append(rows.Parts(core.summary()["domains"]))
                epoch[0] = epoch[0] or _epoch(core.summary())
            return take(Batch(core, options.sensor, epoch[0], known[0]))

        _core.live(
            self._sources,
            site_key=options.site_key,
            defaults=options.default_credentials,
            batch=batch,
            stop=self._stop,
            per_input=options.domain_per_input,
            every=options.every,
            grace=options.grace,
            sensor=options.sensor,
            epoch=options.epoch,
        )

    def stop(self) -> None:
        """End the read within a second, from any thread; the last batch is handed over."""
        self._stop.stop()


def _epoch(summary: Mapping[str, Any]) -> str:
    """Return what names a replay: the digest of its files' digests, or the file's own where there is one."""
    digests = [row["digest"] for row in summary["inputs"]]
    return digests[0] if len(digests) == 1 else sha256("\0".join(digests).encode()).hexdigest()
