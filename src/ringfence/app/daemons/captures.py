"""Where the packets of interfaces come from: capture processes of our own, or pipes that others write.

Rule 1: ``RINGFENCE_CAPTURES`` names a folder with a named pipe for each interface (``eth1.pcapng``): then capture
processes run as units of their own, which alone may open packet sockets, and this process has no such right to give.
Rule 2: without it, each interface gets a child process, which gives up its rights before it reads.
Rule 3: where one capture ends, all end: whoever reads several must not go on as if it saw everything.
"""

from __future__ import annotations

import array
import fcntl
import os
import re
import select
import stat
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ringfence.model.errors import RingfenceError

__all__ = ["FOLDER", "Captures"]

FOLDER = "RINGFENCE_CAPTURES"
_NAME = re.compile(r"[A-Za-z0-9_.:@-]{1,32}")
_DRAIN = 5.0  # seconds that what an ended capture left in its pipe has to be read


class Captures:
    """The captures of one sensor.

    Args:
        interfaces: their names.
        folder: where named pipes are; None: children are started.

    Raises:
        RingfenceError: ``input-not-found`` where there is no such pipe.
    """

    def __init__(self, interfaces: Sequence[str], folder: Path | None) -> None:
        self.pipes: list[int] = []
        self.dead: str | None = None  # the interface whose capture ended first
        self._interfaces = list(interfaces)
        self._children: list[subprocess.Popen[bytes]] = []
        for interface in interfaces:
            if folder is not None:
                self.pipes.append(_opened(folder, interface))
                continue
            child = _started(interface)
            self._children.append(child)
            if child.stdout is not None:
                self.pipes.append(child.stdout.fileno())

    def __bool__(self) -> bool:
        return bool(self.pipes)

    def begun(self) -> str | None:
        """Wait until each has begun to write: nothing is missed from then on. Returns an interface where one ended."""
        for interface, pipe in zip(self._interfaces, self.pipes, strict=True):
            select.select([pipe], [], [])
            if not _waiting(pipe):
                return interface
        return None

    def watch(self, ended: Callable[[], None]) -> None:
        """Call ``ended`` once the first capture has ended and what it wrote was read; ``dead`` says whose it was."""
        threading.Thread(target=self._watch, args=(ended,), name="captures", daemon=True).start()

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.terminate()
            child.wait()

    def _watch(self, ended: Callable[[], None]) -> None:
        hung = select.poll()
        for pipe in self.pipes:
            hung.register(pipe, 0)  # That the writer went is told always.
        gone = {pipe for pipe, _ in hung.poll()}
        self.dead = next(name for name, pipe in zip(self._interfaces, self.pipes, strict=True) if pipe in gone)
        until = time.monotonic() + _DRAIN
        while any(_waiting(pipe) for pipe in gone) and time.monotonic() < until:
            time.sleep(0.05)
        ended()


def _waiting(pipe: int) -> int:
    """How many bytes of a pipe were not read yet."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


def _opened(folder: Path, interface: str) -> int:
    """Open a named pipe; waits until its writer is there."""
    path = folder / f"{interface}.pcapng"
    if not _NAME.fullmatch(interface) or not path.exists() or not stat.S_ISFIFO(path.stat().st_mode):
        raise RingfenceError("input-not-found", str(path), "There is no such named pipe.")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _started(interface: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ringfence.app.daemons.capture", interface]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603 Our own module.
