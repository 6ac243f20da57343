"""Checkpoints of the audit log, signed and anchored outside: in files (also on another host's share) and at syslogs.

Rule 1: an anchor that fails is told and does not hold up the others; the checkpoint stays in the database.
Rule 2: files are only appended to; one line a checkpoint, as ``ringfence audit verify --checkpoint`` reads it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ringfence.app.access.sealing import audit_key
from ringfence.app.egress import syslog
from ringfence.app.platform import Platform
from ringfence.model.errors import RingfenceError
from ringfence.store import audit
from ringfence.store.audit import Checkpoint
from ringfence.store.audit_check import as_line

__all__ = ["Anchored", "Anchors", "Keeper", "anchor", "checked"]

_PORTS = {"udp": 514, "tcp": 601, "tls": 6514}


@dataclass(frozen=True, slots=True)
class Anchors:
    """Where checkpoints go: paths of files, and syslogs as ``tls://host:port``, ``tcp://…`` or ``udp://…``."""

    files: tuple[str, ...] = ()
    syslogs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchored:
    """What was signed, where it went, and what failed, as sentences."""

    checkpoint: Checkpoint | None
    places: tuple[str, ...]
    failed: tuple[str, ...]


def checked(anchors: Anchors) -> Anchors:
    """Return the anchors.

    Raises:
        RingfenceError: ``value-refused`` for a syslog that can't be understood.
    """
    for each in anchors.syslogs:
        _target(each)
    return anchors


def anchor(platform: Platform, anchors: Anchors) -> Anchored:
    """Sign the end of the audit log and anchor it; nothing happens where nothing was written since the last time."""
    with platform.database.writing() as connection:
        made = audit.sign(connection, platform.clock(), audit_key(platform.secret))
    if made is None:
        return Anchored(None, (), ())
    places, failed = [], []
    for place in (*anchors.files, *anchors.syslogs):
        try:
            if place in anchors.files:
                _append(Path(place), as_line(made))
            else:
                transport, host, port = _target(place)
                syslog.send(host, port, transport, as_line(made), made.time)
            places.append(place)
        except (OSError, RingfenceError) as error:
            failed.append(f"{place}: {error}")
    return Anchored(made, tuple(places), tuple(failed))


class Keeper(threading.Thread):
    """Anchors every so often, until it is stopped; the last time when it stops.

    Args:
        platform: whose log.
        anchors: where to.
        minutes: how often.
        tell: is told what failed, one sentence.
    """

    def __init__(self, platform: Platform, anchors: Anchors, minutes: int, tell: Callable[[str], None]) -> None:
        super().__init__(name="audit checkpoints", daemon=True)
        self._work = (platform, checked(anchors))
        self._seconds = minutes * 60
        self._tell = tell
        self._stopped = threading.Event()

    def run(self) -> None:
        """Anchor until stopped."""
        while True:
            stopped = self._stopped.wait(self._seconds)
            try:
                for sentence in anchor(*self._work).failed:
                    self._tell(f"a checkpoint of the audit log was not anchored: {sentence}")
            except Exception as error:  # noqa: BLE001 The store may be away for a while; the next time tries again.
                self._tell(f"the audit log's end was not signed: {error}")
            if stopped:
                return

    def stop(self) -> None:
        """Anchor a last time and end."""
        self._stopped.set()
        self.join(10)


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o640)
    with os.fdopen(descriptor, "a", encoding="ascii") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())


def _target(place: str) -> tuple[str, str, int]:
    parts = urlsplit(place)
    try:
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError as error:
        raise RingfenceError("value-refused", place, str(error)) from error
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise RingfenceError("value-refused", place, "write tls://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT")
    return parts.scheme, parts.hostname, port
