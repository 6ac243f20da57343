"""The sensor process: packets of interfaces or files in, devices and findings in the store.

Rule 1: it opens no packet socket itself: a capture process, which can read packets and write its pipe and nothing else
(contract §5), does so for each interface (``captures.py`` says who starts it); this reads that pipe.
Rule 2: it shares nothing with the server but the store. It ends when its parent does; what it has not handed over yet
is handed over first. After a replay it stays, to apply what people decide.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ringfence.app.daemons.captures import FOLDER, Captures
from ringfence.app.daemons.children import until_parent_goes
from ringfence.app.daemons.tee import Tee
from ringfence.app.ingest import Ingest
from ringfence.app.installation import Installation
from ringfence.model.errors import RingfenceError
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.store.lake import Lake
from ringfence.store.ring import PacketRing, RingOptions

__all__ = ["main", "start"]

_WINDOW = 300  # seconds of capture time between hand-overs where nobody waits: whole windows are much less work
_SECOND = 1_000_000_000  # nanoseconds
_ATTEND_EVERY = 1.0  # seconds between looks at what people decided, when no batches come

_log = logging.getLogger("ringfence.sensor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the sources end or the parent goes."""
    chosen = _parser().parse_args(arguments)
    installation = Installation.open(Path(chosen.data), chosen.database)
    # Two sensors on one data folder would take each other's unfinished files for orphans.
    with Lake(installation.database, installation.folder, installation.keys, installation.clock).alone():
        return _run(installation, chosen)


def start(ingest: Ingest) -> None:
    """Make register and facts again from the store.

    All of it stays, in millions of objects: the interpreter's search for circular garbage would go through them for
    seconds at a time, so it leaves them out from here on.
    """
    gc.disable()
    try:
        ingest.restore()
    finally:
        gc.enable()
    gc.freeze()


def _run(installation: Installation, chosen: argparse.Namespace) -> int:
    elsewhere = os.environ.get(FOLDER)
    captures = Captures(chosen.interface, Path(elsewhere) if elsewhere else None)
    pipes = captures.pipes
    ring = _ring(installation, chosen) if captures else None
    tees = [Tee(pipe) for pipe in pipes] if ring is not None else []
    ingest = Ingest(
        installation,
        chosen.sensor,
        ring=ring,
        segments=lambda: [segment for segment in (tee.drain() for tee in tees) if segment is not None],
    )
    start(ingest)
    pipes = [tee.pipe for tee in tees] or pipes
    options = LiveOptions(
        site_key=installation.site_key,
        default_credentials=tuple(installation.knowledge.default_credentials()),
        domain_per_input=len(pipes) > 1,
        every=chosen.every if captures or chosen.speed else _WINDOW,
        sensor=chosen.sensor,
        epoch=f"live-{time.time_ns()}" if captures else "",
    )
    run = LiveRun([*pipes, *chosen.replay], options)
    gone = threading.Event()

    def stop() -> None:
        gone.set()
        run.stop()

    until_parent_goes(stop)
    try:
        run.run(_paced(ingest.take, chosen.speed) if chosen.speed else ingest.take)
    finally:
        captures.close()
    if captures and not gone.is_set():
        return 1  # A capture process ended by itself: the plant is unwatched, and the parent starts all of this again.
    _attend(ingest, gone)
    return 0


def _attend(ingest: Ingest, gone: threading.Event) -> None:
    """After a replay: apply what people decide, until the parent goes."""
    while not gone.wait(_ATTEND_EVERY):
        try:
            ingest.refresh()
        except RingfenceError as error:
            _log.warning("the store can't be used, trying again: %s", error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ringfence-sensor", description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--database", default=os.environ.get("RINGFENCE_STORE_DATABASE"))
    parser.add_argument("--sensor", default="local")
    parser.add_argument("--interface", action="append", default=[])
    parser.add_argument("--replay", action="append", default=[])
    parser.add_argument("--speed", type=float, default=0.0, help="times capture time; 0: as fast as it goes")
    parser.add_argument(
        "--every", type=int, default=10, help="seconds of capture time between hand-overs of a live read"
    )
    parser.add_argument("--ring-megabytes", type=int, default=0, help="packets kept at most; 0: none")
    parser.add_argument("--ring-hours", type=int, default=24)
    return parser


def _ring(installation: Installation, chosen: argparse.Namespace) -> PacketRing | None:
    if not chosen.ring_megabytes:
        return None
    options = RingOptions(max_bytes=chosen.ring_megabytes * 1_000_000, max_age_hours=chosen.ring_hours)
    return PacketRing(installation.database, installation.folder, installation.keys, installation.clock, options)


def _paced(take: Callable[[Batch], bool], speed: float) -> Callable[[Batch], bool]:
    """Hand batches on no faster than ``speed`` times capture time."""
    begun: list[tuple[int, float]] = []

    def paced(batch: Batch) -> bool:
        if not begun:
            begun.append((batch.now, time.monotonic()))
        started, at = begun[0]
        due = at + (batch.now - started) / _SECOND / speed
        while (wait := due - time.monotonic()) > 0:
            time.sleep(min(wait, 0.5))
        return take(batch)

    return paced


if __name__ == "__main__":
    sys.exit(main())
