"""A capture process for some seconds, whose pipe is read to its end by the caller."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from ringfence.model.errors import RingfenceError

__all__ = ["captured"]

_T = TypeVar("_T")
_COMPLAINTS = ("capture-not-permitted", "capture-not-sealed", "interface-not-found")


def captured(interface: str, seconds: float, read: Callable[[int], _T]) -> _T:
    """Capture on ``interface`` for so long, what the host itself sends too, and return what ``read`` makes of the pipe.

    Raises:
        RingfenceError: what the capture process complained of, or what ``read`` raises.
    """
    command = [sys.executable, "-m", "ringfence.app.daemons.capture", interface, "--own", "--seconds", str(seconds)]
    with subprocess.Popen(  # noqa: S603 Our own module.
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as capture:
        if capture.stdout is None or capture.stderr is None:
            raise RingfenceError("capture-not-permitted", interface, "the capture process has no output")
        try:
            return read(capture.stdout.fileno())
        except RingfenceError as error:
            text = capture.stderr.read().decode(errors="replace")
            raise _complaint(interface, text) or error from error


def _complaint(interface: str, text: str) -> RingfenceError | None:
    for code in _COMPLAINTS:
        if f"({code})" in text:
            detail = text.splitlines()[0].removeprefix("ringfence capture: ").removeprefix(f"{interface}: ")
            return RingfenceError(code, interface, detail)
    return None
