"""Child processes that live and die with their parent.

Rule 1: a child's standard input is a pipe whose other end the parent holds: when the parent goes, however it goes, the
child reads the end of it and stops.
Rule 2: a child that fails is started again, after a wait that doubles up to a bound; one that ends well has done its
work.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

__all__ = ["Child", "until_parent_goes"]

_FIRST_WAIT = 0.5  # seconds
_LONGEST_WAIT = 30.0
_STEADY = 60.0  # seconds after which a failure counts as the first again
_PATIENCE = 20.0  # seconds that a child has for its last batch


class Child:
    """One watched process.

    Args:
        name: how it is called in messages.
        module: the module to run with ``python -m``.
        arguments: its arguments.
        tell: takes one sentence for the log.
        environment: what it is told besides; other users of the machine can read arguments, but not this.
    """

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        tell: Callable[[str], None],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.starts = 0
        self._command = [sys.executable, "-m", module, *arguments]
        self._tell = tell
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"watch-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id, or None where it does not run now."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def done(self) -> bool:
        """True once it has ended for good."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start it and watch it."""
        self._thread.start()

    def stop(self) -> None:
        """Let it finish what it has; end it where it takes too long."""
        self._stopping.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
        self._thread.join(_PATIENCE)
        if process is not None and process.poll() is None:
            self._tell(f"{self.name} did not stop in {_PATIENCE:.0f} s and was ended")
            process.kill()
            self._thread.join(_PATIENCE)

    def _watch(self) -> None:
        wait = _FIRST_WAIT
        while not self._stopping.is_set():
            begun = time.monotonic()
            self.starts += 1
            self._process = subprocess.Popen(  # noqa: S603 Our own module.
                self._command, stdin=subprocess.PIPE, env=self._environment
            )
            code = self._process.wait()
            if code == 0 or self._stopping.is_set():
                return
            wait = _FIRST_WAIT if time.monotonic() - begun > _STEADY else wait
            self._tell(f"{self.name} left with {code}; it is started again in {wait:.1f} s")
            self._stopping.wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


def until_parent_goes(stop: Callable[[], None]) -> None:
    """Call ``stop`` once standard input ends, from a thread of its own."""

    def watch() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()
