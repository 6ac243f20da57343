"""Passes a capture on to the core and cuts a copy of it into segments for the packet ring.

Rule 1: the core comes first: where the ring can't keep up, packets are dropped from it and counted, never held back.
"""

from __future__ import annotations

import contextlib
import os
import threading

from ringfence.sensor.segments import Segments

__all__ = ["Tee"]

_BLOCK = 1 << 20  # bytes


class Tee:
    """Reads ``source`` until it ends; what came can be read from ``pipe`` and, cut, from ``drain``.

    Args:
        source: an open descriptor, which stays the caller's to close.
    """

    def __init__(self, source: int) -> None:
        self._source = source
        self.pipe, self._out = os.pipe()
        self._segments = Segments()
        self._lock = threading.Lock()
        threading.Thread(target=self._run, name="tee", daemon=True).start()

    @property
    def dropped(self) -> int:
        """Bytes that the ring did not get."""
        return self._segments.dropped

    def drain(self) -> bytes | None:
        """Return what came since the last time as a capture of its own; None where no packet did."""
        with self._lock:
            return self._segments.cut()

    def _run(self) -> None:
        # The core closes its end when it stops; then there is nobody to pass anything to.
        with contextlib.suppress(BrokenPipeError):
            while data := os.read(self._source, _BLOCK):
                with self._lock:
                    self._segments.feed(data)
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self._out, rest) :]
        os.close(self._out)
