"""Upkeep where no sensor runs: a server that only shows what was seen erases what grows too old all the same.

Rule 1: one process writes the lake. The server takes that place only for the moment, and only where nobody holds it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ringfence.app.installation import Installation
from ringfence.model.errors import RingfenceError
from ringfence.store.lake import Lake
from ringfence.store.upkeep import Upkeep

__all__ = ["Caretaker"]

_EVERY = 60.0  # seconds between looks whether it is time


class Caretaker(threading.Thread):
    """Looks every minute whether upkeep is due, until it is stopped.

    Args:
        installation: whose store.
        tell: is told what failed, one sentence.
        every: seconds between looks.
    """

    def __init__(self, installation: Installation, tell: Callable[[str], None], every: float = _EVERY) -> None:
        super().__init__(name="upkeep", daemon=True)
        lake = Lake(installation.database, installation.folder, installation.keys, installation.clock)
        self._upkeep = Upkeep(lake)
        self._tell = tell
        self._every = every
        self._stopped = threading.Event()

    def run(self) -> None:
        """Look until stopped, at once for the first time."""
        while True:
            try:
                with self._upkeep.lake.alone():
                    self._upkeep.perhaps()
            except RingfenceError as error:
                if error.code.code != "lake-busy":  # Else a sensor that was started by itself does it.
                    self._tell(f"the upkeep of the store is put off: {error}")
            if self._stopped.wait(self._every):
                return

    def stop(self) -> None:
        """End, after what is under way."""
        self._stopped.set()
        self.join(10)
