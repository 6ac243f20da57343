"""What the one writer does between batches, once an hour: erase what is too old, put the lake's small files together.

Rule 1: never while a batch is open: the sweep takes every file for an orphan that no kept transaction names.
Rule 2: a failure is told and tried again an hour later; it holds no batch up.
"""

from __future__ import annotations

from dataclasses import dataclass

from ringfence.store.lake import Lake
from ringfence.store.lake_compact import compact
from ringfence.store.retention import enforce

__all__ = ["Upkeep"]

_EVERY = 3_600_000_000_000  # ns


@dataclass
class Upkeep:
    """Upkeep of one lake; the first time is an hour after the start."""

    lake: Lake
    _last: int = 0

    def perhaps(self) -> bool:
        """Do it where it is time; answers whether it was.

        Raises:
            RingfenceError: ``disk-full``, ``store-unreachable``, ``sealed-damaged``.
        """
        now = self.lake.clock()
        if not self._last:
            self._last = now
        if abs(now - self._last) < _EVERY:  # Either way: a clock that was put back must not stop this for years.
            return False
        self._last = now
        enforce(self.lake.database, self.lake, now)
        compact(self.lake)
        return True
