"""What the one writer does between batches: once a day erase what is too old, once an hour put small files together.

Rule 1: never while a batch is open: the sweep takes every file for an orphan that no kept transaction names.
Rule 3: when something was last erased stands in the store, so that a process that never lives for an hour erases too.
Rule 2: a failure is told and tried again an hour later; it holds no batch up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.store.lake import Lake
from ringfence.store.lake_compact import compact
from ringfence.store.retention import enforce, is_due

__all__ = ["Upkeep"]

_EVERY = 3_600_000_000_000  # ns


@dataclass
class Upkeep:
    """Upkeep of one lake; files are put together for the first time an hour after the start."""

    lake: Lake
    _last: int = 0

    def perhaps(self) -> bool:
        """Do it where it is time; answers whether it was.

        Raises:
            RingfenceError: ``disk-full``, ``store-unreachable``, ``sealed-damaged``.
        """
        now = self.lake.clock()
        started = not self._last
        if not started and abs(now - self._last) < _EVERY:  # Either way: a clock put back must not stop it for years.
            return False
        self._last = now
        due = is_due(self.lake.database, now)
        if due:
            enforce(self.lake.database, self.lake, now)
        if not started:
            compact(self.lake)
        return due or not started
