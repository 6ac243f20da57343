"""The sensor process: packets of interfaces or files in, devices and findings in the store.

Rule 1: it opens no packet socket itself: a capture process, which can read packets and write its pipe and nothing else
(contract §5), does so for each interface (``captures.py`` says who starts it); this reads that pipe.
Rule 2: it shares nothing with the server but the store. It ends when its parent does; what it has not handed over yet
is handed over first, where the store takes it within ten seconds. After a replay it stays, to apply what people decide
and to erase what grows too old.
Rule 3: it says how it is (``children.say``): reading, waiting for the store and why, or failed.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from ringfence.app.daemons.captures import FOLDER, Captures
from ringfence.app.daemons.children import say, until_parent_goes
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

_LAST_WAIT = 10.0  # seconds for the store to take the last batch once the parent is gone
_TERMINATED = 128 + signal.SIGTERM  # exit code
_LOOK = 0.2  # seconds between looks whether the sensor before has gone
_LAST_PAUSE = 1.0  # seconds between these tries

_log = logging.getLogger("ringfence.sensor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the sources end or the parent goes."""
    chosen = _parser().parse_args(arguments)
    parent = _Parent()
    try:
        installation = Installation.open(Path(chosen.data), chosen.database)
        with _alone(Lake(installation.database, installation.folder, installation.keys, installation.clock)):
            return _run(installation, chosen, parent)
    except RingfenceError as error:
        say("failed", error.code.code, str(error))
        sys.stderr.write(f"ringfence sensor: {error}\n  what to do: {error.code.remedy}\n  ({error.code.code})\n")
        return error.code.exit_code or 1


@contextmanager
def _alone(lake: Lake) -> Iterator[None]:
    """Be the only sensor of this data folder: two would take each other's unfinished files for orphans.

    One whose parent was killed may be handing over its last batch: that is waited for.

    Raises:
        RingfenceError: ``lake-busy``.
    """
    until = time.monotonic() + 2 * _LAST_WAIT
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(lake.alone())
                break
            except RingfenceError as error:
                if error.code.code != "lake-busy" or time.monotonic() > until:
                    raise
                say("waiting for the sensor before it")
            time.sleep(_LOOK)
        yield


class _Parent:
    """The parent, as this process sees it: whether it is still there, and what it is told."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.terminated = False
        self._reading: LiveRun | None = None
        self._last = 0.0
        # Signals come in the thread that may hold it.
        self._lock = threading.RLock()
        until_parent_goes(self._leave)
        # A service manager that stops everything at once, or an operator: what was read is handed over first.
        signal.signal(signal.SIGTERM, lambda *_: self._ended())

    @property
    def code(self) -> int:
        """How to exit: who was ended by a signal has not done its work, and a parent that stays starts it again."""
        return _TERMINATED if self.terminated else 0

    def reads(self, run: LiveRun) -> None:
        """From now on there is something to hand over when the parent goes."""
        with self._lock:
            self._reading = run
        say("reading")

    def waits(self, error: RingfenceError | None) -> bool:
        """Tell what is waited for, None: nothing more; answers whether to go on waiting."""
        if error is None:
            say("reading")
        else:
            say("waiting for the store", error.code.code, str(error))
        return not self.gone.is_set() or time.monotonic() < self._last

    def pause(self, seconds: float) -> None:
        """Sleep, shortly where the parent is gone: then there is not much time left."""
        if self.gone.wait(seconds):
            time.sleep(min(seconds, _LAST_PAUSE))

    def _ended(self) -> None:
        self.terminated = True
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._last = time.monotonic() + _LAST_WAIT
            self.gone.set()
            if self._reading is None:
                os._exit(self.code)  # Nothing was read yet: whatever it waits for, there is nothing to hand over.
            self._reading.stop()


def start(ingest: Ingest) -> None:
    """Make register and facts again from the store.

    All of it stays, in millions of objects: the interpreter's search for circular garbage would go through them for
    seconds at a time, so it leaves them out from here on, and searches seldom: a batch makes many objects, no circles.
    """
    gc.disable()
    try:
        ingest.restore()
    finally:
        gc.enable()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _run(installation: Installation, chosen: argparse.Namespace, parent: _Parent) -> int:
    elsewhere = os.environ.get(FOLDER)
    captures = Captures(chosen.interface, Path(elsewhere) if elsewhere else None)
    begun = installation.clock()
    if captures:
        # Before the store is read: what comes meanwhile waits in the captures, and what has no room there is counted.
        if (dead := captures.begun()) is not None:
            return _unwatched(captures, dead)
        begun = installation.clock()
    ring = _ring(installation, chosen) if captures else None
    tees: list[Tee] = []
    ingest = Ingest(
        installation,
        chosen.sensor,
        ring=ring,
        segments=lambda: [segment for segment in (tee.drain() for tee in tees) if segment is not None],
        wait=parent.pause,
        told=parent.waits,
    )
    say("restoring")
    start(ingest)
    if captures:
        ingest.watch(begun)
    tees += [Tee(pipe) for pipe in captures.pipes] if ring is not None else []
    pipes = [tee.pipe for tee in tees] or captures.pipes
    options = LiveOptions(
        site_key=installation.site_key,
        default_credentials=tuple(installation.knowledge.default_credentials()),
        domain_per_input=len(pipes) > 1,
        every=chosen.every if captures or chosen.speed else _WINDOW,
        sensor=chosen.sensor,
        epoch=f"live-{time.time_ns()}" if captures else "",
    )
    if chosen.replay:
        _replay(ingest, chosen, options, parent)
    else:
        run = LiveRun(pipes, options)
        parent.reads(run)
        if captures:
            captures.watch(run.stop)
        try:
            run.run(ingest.take)
        finally:
            captures.close()
    if captures and not parent.gone.is_set():
        return _unwatched(captures, captures.dead)
    _attend(ingest, parent)
    return parent.code


def _replay(ingest: Ingest, chosen: argparse.Namespace, options: LiveOptions, parent: _Parent) -> None:
    """Read files; one that was read before is cut into the same batches as then."""
    other: list[int] = []
    ingest.every = options.every
    pace = _Pace(chosen.speed, parent.gone)

    def take(batch: Batch) -> bool:
        # A stop cuts the last batch short: it would be taken for the whole one when the file is read again.
        if parent.gone.is_set():
            return False
        if batch.part == 0 and (before := ingest.every_of(batch)) not in (0, ingest.every):
            other.append(before)
            return False
        if chosen.speed and not ingest.knows(batch):
            pace.wait(batch)
        return not parent.gone.is_set() and ingest.take(batch)

    while True:
        run = LiveRun(chosen.replay, options)
        parent.reads(run)
        run.run(take)
        if not other:
            return
        ingest.every = other.pop()
        options = replace(options, every=ingest.every)


def _unwatched(captures: Captures, interface: str | None) -> int:
    """Fail: a part of the plant is unwatched, and the parent starts all of this again."""
    captures.close()
    text = f"the capture on {interface or 'an interface'} ended"
    say("failed", None, text)
    _log.error("%s", text)
    return 1


def _attend(ingest: Ingest, parent: _Parent) -> None:
    """After a replay: apply what people decide, and erase what grows too old, until the parent goes."""
    say("at the end of its captures")
    failing = False
    while not parent.gone.wait(_ATTEND_EVERY):
        ingest.upkeep()
        try:
            ingest.refresh()
        except RingfenceError as error:
            failing = True
            parent.waits(error)
            _log.warning("the store can't be used, trying again: %s", error)
        else:
            if failing:
                say("at the end of its captures")
            failing = False


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


class _Pace:
    """Makes batches come no faster than ``speed`` times capture time, until ``gone``."""

    def __init__(self, speed: float, gone: threading.Event) -> None:
        self._speed = speed
        self._gone = gone
        self._begun: tuple[int, float] | None = None

    def wait(self, batch: Batch) -> None:
        """Wait until it is time for the batch."""
        if self._begun is None:
            self._begun = (batch.now, time.monotonic())
        started, at = self._begun
        due = at + (batch.now - started) / _SECOND / self._speed
        self._gone.wait(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    sys.exit(main())
