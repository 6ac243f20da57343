"""What stands in the way of work now, for ``/readyz``, the figures and the screens: room, the store, the processes.

Rule 1: what is told is found now and never kept: what passes goes away by itself.
Rule 2: a full disk is told before it is met: reading still works then, so that nobody would notice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ringfence.app.daemons.children import ChildState
from ringfence.app.platform import Platform
from ringfence.model.errors import CODES

__all__ = ["LEAST_ROOM", "Trouble", "room", "troubles"]

LEAST_ROOM = 8 << 20  # bytes: a batch of a busy plant, its lake files and the database's log


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing. ``stops``: nothing new can be kept until it has passed. ``code`` is one of ``model/errors.py``."""

    code: str | None
    text: str
    remedy: str
    stops: bool


def room(platform: Platform) -> int | None:
    """Return the bytes that are left where the data is, the least of its places; None where nothing can be said."""
    places = {platform.folder, platform.database.folder or platform.folder}
    found = [left for left in map(_left, places) if left is not None]
    return min(found, default=None)


def troubles(platform: Platform) -> tuple[Trouble, ...]:
    """Return what stands in the way, the gravest first. Whether the store answers is for who asks it."""
    found = [*_full(platform), *(one for each in platform.processes() for one in _process(each))]
    return tuple(sorted(found, key=lambda each: not each.stops))


def _full(platform: Platform) -> Iterator[Trouble]:
    left = room(platform)
    if left is not None and left < LEAST_ROOM:
        yield _trouble("disk-full", f"The disk has {left / 1e6:,.1f} MB left where the data is.")
    elif platform.database.refused:
        yield _trouble("disk-full", "The database had no room to write just now.")


def _process(each: ChildState) -> Iterator[Trouble]:
    if each.well:
        return
    if each.running and each.code in CODES:
        yield _trouble(each.code, f"The {each.name} is {each.state}: {each.text}")
        return
    remedy = CODES[each.code].remedy if each.code in CODES else "It is started again by itself; the log says more."
    yield Trouble(each.code, f"The {each.name} does not run: {each.text or 'it is being started'}.", remedy, False)


def _trouble(code: str, text: str) -> Trouble:
    return Trouble(code, text, CODES[code].remedy, True)


def _left(folder: Path) -> int | None:
    try:
        found = os.statvfs(folder)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize
