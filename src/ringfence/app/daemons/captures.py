"""Where the packets of interfaces come from: capture processes of our own, or pipes that others write.

Rule 1: ``RINGFENCE_CAPTURES`` names a folder with a named pipe for each interface (``eth1.pcapng``): then capture
processes run as units of their own, which alone may open packet sockets, and this process has no such right to give.
Rule 2: without it, each interface gets a child process, which gives up its rights before it reads.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ringfence.model.errors import RingfenceError

__all__ = ["FOLDER", "Captures"]

FOLDER = "RINGFENCE_CAPTURES"
_NAME = re.compile(r"[A-Za-z0-9_.:@-]{1,32}")


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

    def close(self) -> None:
        """End the children."""
        for child in self._children:
            child.terminate()
            child.wait()


def _opened(folder: Path, interface: str) -> int:
    """Open a named pipe; waits until its writer is there."""
    path = folder / f"{interface}.pcapng"
    if not _NAME.fullmatch(interface) or not path.exists() or not stat.S_ISFIFO(path.stat().st_mode):
        raise RingfenceError("input-not-found", str(path), "There is no such named pipe.")
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _started(interface: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ringfence.app.daemons.capture", interface]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # noqa: S603 Our own module.
