"""One transaction for all that a batch, or a person's act, changes: kept whole or not at all (contract §6).

Rule 1: a batch is taken once. Where ``take`` answers False, it is known and nothing else may be written.
Rule 2: units follow one another on both databases, so that two of them never wait for each other's rows.
Rule 3: news are written last (``store/news.py`` says why); until then the unit holds them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from sqlalchemy import Connection

from ringfence.model.observation import PacketReference
from ringfence.store import bulk
from ringfence.store.database import Database
from ringfence.store.news import News, alone, tell
from ringfence.store.schema.columns import storable
from ringfence.store.schema.operation import batch

__all__ = ["Inputs", "UnitOfWork"]


class Inputs:
    """Which input stands behind the number in a packet reference: the store keeps its digest or the sensor's start.

    Args:
        epochs: the inputs of this run by number. What the store knows from earlier runs gets numbers below zero.
    """

    def __init__(self, epochs: Sequence[str] = ()) -> None:
        self._epochs = dict(enumerate(epochs))
        self._numbers = {epoch: number for number, epoch in self._epochs.items()}
        self._earlier = 0
        self._texts: dict[int, str] = {}  # epochs as JSON

    def name(self, epochs: Sequence[str]) -> None:
        """Say what the numbers from 0 on mean; what was read from the store before keeps its number below zero."""
        self._epochs |= dict(enumerate(epochs))
        self._texts.clear()

    def epoch(self, number: int) -> str:
        """Return the input of a number; an unknown number is its own text."""
        return self._epochs.get(number, str(number))

    def number(self, epoch: str) -> int:
        """Return the number of an input."""
        found = self._numbers.get(epoch)
        if found is None:
            self._earlier -= 1
            found = self._numbers[epoch] = self._earlier
            self._epochs[found] = epoch
        return found

    def written(self, packets: Sequence[PacketReference]) -> list[list[Any]]:
        """Return references as they stand in ``observation``: [time, epoch, index, interface, length]."""
        return [[one.time, self.epoch(one.input), one.index, one.interface, one.length] for one in packets]

    def text(self, packets: Sequence[PacketReference]) -> str:
        """Return what ``written`` returns as JSON text: written out, because it is done for each observation."""
        rows = (f"[{x.time},{self._quoted(x.input)},{x.index},{x.interface},{x.length}]" for x in packets)
        return f"[{','.join(rows)}]"

    def _quoted(self, number: int) -> str:
        found = self._texts.get(number)
        if found is None:
            found = self._texts[number] = json.dumps(self.epoch(number), ensure_ascii=False)
        return found

    def read(self, packets: Sequence[Sequence[Any]]) -> tuple[PacketReference, ...]:
        """Return what ``written`` wrote."""
        return tuple(PacketReference(one[0], self.number(one[1]), *one[2:5]) for one in packets)


class UnitOfWork(AbstractContextManager["UnitOfWork"]):
    """A writing transaction: ``with UnitOfWork(database, now) as unit: …``; an exception keeps nothing.

    Args:
        database: where.
        now: ns since 1970, UTC: the time of everything that it writes.
        inputs: what the numbers in packet references mean.
    """

    connection: Connection

    def __init__(self, database: Database, now: int, inputs: Inputs | None = None) -> None:
        self.now = now
        self.inputs = inputs or Inputs()
        self._news: list[News] = []
        self._transaction = database.writing()

    def __enter__(self) -> UnitOfWork:
        self.connection = self._transaction.__enter__()
        try:
            alone(self.connection)
        except BaseException as error:
            # A database that goes while others are waited for: who enters in vain is not asked to leave.
            self._transaction.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            try:
                tell(self.connection, self.now, self._news)
            except BaseException as late:
                self._transaction.__exit__(type(late), late, late.__traceback__)
                raise
        self._transaction.__exit__(kind, error, trace)

    def take(self, batch_id: str, sensor: str, epoch: str, window: int, packets: int, received: int) -> bool:
        """Take a batch; False where it is known: then nothing else is to be written.

        Args:
            batch_id: digest of sensor, epoch and window.
            window: when it begins, ns since 1970 of capture time.
            received: ns since 1970, the server's clock.
        """
        known = bulk.select_by(self.connection, batch, ("id",), "id", [storable(batch_id)])
        if known:
            return False
        row = (storable(batch_id), storable(sensor), storable(epoch), window, received, packets)
        bulk.insert(self.connection, batch, ("id", "sensor", "epoch", "window", "received", "packets"), [row])
        return True

    def change(
        self, noun: str, identity: str, what: str, who: str | None = None, detail: Mapping[str, Any] | None = None
    ) -> None:
        """Write down that something changed, when the unit ends; ``who`` is None for the pipeline."""
        self._news.append(News(noun, identity, what, who, detail))
