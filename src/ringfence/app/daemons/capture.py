"""The capture process: ``python -m ringfence.app.daemons.capture IFACE`` writes pcapng to standard output.

Rule 1: it sends nothing and cannot: before the first frame is read, every capability and every system call by which one
could send is given up, and that is tried (``--prove`` shows the tries). If anything is still possible, it never begins.
Rule 2: a packet socket may be handed over instead of a name's being opened: as descriptor 3 with ``LISTEN_FDS=1`` and
``LISTEN_PID``, the way of systemd's socket activation, or by ``--descriptor``. Then no privilege is needed at all.
Rule 3: it ends with its output: a parent that goes away takes it with it within a second.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence

from ringfence import _core
from ringfence.model.errors import RingfenceError

__all__ = ["handed_over", "main"]

_FIRST_HANDED_OVER = 3  # SD_LISTEN_FDS_START
_EXIT_CODES = {"limit": 0, "output": 0, "full": 5, "interface": 6}
_PIPE_BYTES = 1 << 20
_SET_PIPE_SIZE = 1031  # F_SETPIPE_SZ


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ringfence.app.daemons.capture",
        description="Capture on one interface, write pcapng to standard output, and be unable to send.",
    )
    parser.add_argument("interface", metavar="IFACE", help="the interface (a label where a socket is handed over)")
    parser.add_argument("--descriptor", type=int, metavar="N", help="a packet socket that is open as this descriptor")
    parser.add_argument("--ring", type=int, default=64, metavar="MIB", help="room for frames (default: 64 MiB)")
    parser.add_argument("--snap-length", type=int, default=262_144, metavar="BYTES", help="most bytes of a frame")
    parser.add_argument("--own", action="store_true", help="also what this host sends on the interface")
    parser.add_argument("--group", type=int, metavar="N", help="share the frames with other captures of this group")
    parser.add_argument("--seconds", type=float, metavar="N", help="end after so long")
    parser.add_argument("--prove", action="store_true", help="give up sending, try every way, and show the answers")
    return parser


def handed_over(environment: dict[str, str], process: int) -> int | None:
    """Return the descriptor that a launcher handed over, or None; ``process`` is our own id."""
    if environment.get("LISTEN_PID") != str(process) or not environment.get("LISTEN_FDS", "").isdecimal():
        return None
    return _FIRST_HANDED_OVER if int(environment["LISTEN_FDS"]) >= 1 else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Capture until the reader goes away; the process can do nothing else afterwards."""
    chosen = _parser().parse_args(arguments)
    # The loop never comes back to the interpreter: signals end it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    descriptor = chosen.descriptor if chosen.descriptor is not None else handed_over(dict(os.environ), os.getpid())
    output = sys.stdout.fileno()
    try:
        if chosen.prove:
            return _prove(chosen.interface, output, descriptor)
        _enlarge(output)
        ended, _, _ = _core.capture(
            chosen.interface,
            output=output,
            descriptor=descriptor,
            ring=chosen.ring,
            snap_length=chosen.snap_length,
            own=chosen.own,
            group=chosen.group,
            seconds=chosen.seconds,
        )
    except RingfenceError as error:
        sys.stderr.write(f"ringfence capture: {error}\n  what to do: {error.code.remedy}\n  ({error.code.code})\n")
        return error.code.exit_code
    return _EXIT_CODES[ended]


def _prove(interface: str, output: int, descriptor: int | None) -> int:
    ways = _core.prove(interface, output=output, descriptor=descriptor)
    lines = [f"{name}: {errno.errorcode.get(number, 'done')}" for name, number in ways]
    os.write(output, ("\n".join(lines) + "\n").encode())
    return 0 if ways and all(number == errno.EPERM for _, number in ways) else 1


def _enlarge(output: int) -> None:
    """Make room in the pipe, so that a reader that pauses does not cost frames."""
    import fcntl

    try:
        fcntl.fcntl(output, _SET_PIPE_SIZE, _PIPE_BYTES)
    except OSError:
        return  # A file, or a limit of the system: the ring waits as well.


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    # The interpreter's own end would ask for much that is not allowed any more.
    os._exit(code)
