"""The packet line of a running installation: each batch goes through every room once, and into the store as one unit.

Rule 1: what is in memory is what the store holds and the batch at hand; after a restart it is made again from there.
Rule 2: a batch that can't be stored is tried again until it can: nothing that was taken is lost while this process
lives, and the sources wait meanwhile. Batches that the store knows are passed over.
Rule 3: what a live read did not see, because nobody read then, stands in the verdict on its capture.
Rule 4: devices and findings are those of everything gathered so far, so that a replay finds what ``analyze`` finds; a
batch costs what changes with it, not what was gathered. That a device was merely seen again is written later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from ringfence.app.installation import Installation
from ringfence.detect.options import DetectOptions
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.detect.standing import Standing
from ringfence.inventory.register import Register
from ringfence.model.decision import Decision
from ringfence.model.device import Device
from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Finding
from ringfence.model.flow import QualityNote
from ringfence.model.observation import Observation
from ringfence.sensor.gaps import note_on
from ringfence.sensor.gathered import WINDOWED, Gathered
from ringfence.sensor.live import Batch
from ringfence.store import gaps, settings
from ringfence.store.findings import save_findings
from ringfence.store.inventory import device_ids, save_devices
from ringfence.store.lake import Lake
from ringfence.store.notes import load_decisions
from ringfence.store.observations import load_observations, save_observations
from ringfence.store.read.state import has_batch
from ringfence.store.ring import PacketRing
from ringfence.store.superseded import retire_devices, supersede_findings
from ringfence.store.traffic import load_conversations, save_conversations, save_quality
from ringfence.store.unit import Inputs, UnitOfWork
from ringfence.store.upkeep import Upkeep

__all__ = ["Ingest"]

T = TypeVar("T")

_log = logging.getLogger("ringfence.sensor")
_FIRST_WAIT = 0.5  # seconds before a unit that failed is tried again
_LONGEST_WAIT = 5.0
#: For how long of capture time (ns) it may wait until a device that was merely seen again is written as such: a minute,
#: and in large plants so long that no more than some hundred are a second.
_SEEN_AGAIN = 60_000_000_000
_SEEN_AGAIN_EACH = 3_000_000
#: Rules that read facts about windows, which are forgotten after a day.
_FADING = frozenset(rule.NAME for rule in BUILTIN_RULES if WINDOWED & set(rule.READS))
#: What may pass: the same unit is tried again.
_PASSING = frozenset({"store-unreachable", "disk-full", "output-not-writable"})


class Ingest:
    """Takes the batches of one sensor.

    Args:
        installation: where devices and findings are kept.
        sensor: its name.
        options: what the rules are told.
        ring: where packets are kept, where they are.
        segments: gives the captures that came since the last time, for the ring.
        wait: sleeps so many seconds.
        every: seconds of capture time of a batch, which is kept for each file: batches are named by their number, so
            that another length would tell the same twice; 0: of a live read.
        told: is told what the store refuses while it is waited for, and None once it takes again; answers whether to go
            on waiting.
    """

    def __init__(
        self,
        installation: Installation,
        sensor: str,
        options: DetectOptions | None = None,
        ring: PacketRing | None = None,
        segments: Callable[[], Iterable[bytes]] = tuple,
        wait: Callable[[float], None] = time.sleep,
        told: Callable[[RingfenceError | None], bool] = lambda _: True,
        every: int = 0,
    ) -> None:
        self._installation = installation
        self._sensor = sensor
        self._options = options or DetectOptions()
        self._wait = wait
        self._told = told
        self.every = every
        self._ring = ring
        self._segments = segments
        self._waiting: list[bytes] = []
        self._gathered = Gathered()
        self._register = Register(installation.knowledge)
        self._inputs = Inputs()
        self._lake = Lake(installation.database, installation.folder, installation.keys, installation.clock)
        self._upkeep = Upkeep(self._lake)
        self._standing = Standing(self._options)
        # What the store does not hold yet: devices and findings that changed, those that are none any more.
        self._changed: dict[str, Device] = {}
        self._gone: set[str] = set()
        self._found: dict[str, Finding] = {}
        self._lost: dict[str, Finding] = {}
        self._open: dict[tuple[str, str, object, object], Observation] = {}
        self._decided: tuple[Decision, ...] = ()
        self._named = False
        self._live = False

    def restore(self) -> None:
        """Make register and facts again from the store; to be called once, before the first batch.

        Waits while the store can't be reached.
        """
        self._persistently(self._restore)

    def watch(self, begun: int) -> None:
        """Say that a live read has begun, at ``begun`` (ns since 1970): what was not seen before it becomes a gap."""
        self._live = True
        self._persistently(lambda: self._begin(begun))

    def every_of(self, batch: Batch) -> int:
        """Return how long the batches of this file were when it was read first; 0 where it is new."""

        def asked() -> int:
            with self._installation.database.reading() as connection:
                return int(settings.get(connection, _every_key(batch), 0))

        return self._persistently(asked)

    def knows(self, batch: Batch) -> bool:
        """Return whether the store has a batch."""

        def asked() -> bool:
            with self._installation.database.reading() as connection:
                return has_batch(connection, batch.id)

        return self._persistently(asked)

    def _begin(self, begun: int) -> None:
        with UnitOfWork(self._installation.database, self._installation.clock()) as unit:
            gaps.begin(unit.connection, self._sensor, begun)
            save_quality(unit, self._sensor, self._gaps(unit))

    def _restore(self) -> None:
        self._lake.sweep()
        if self._ring is not None:
            self._ring.sweep()
        self._gathered, self._register = Gathered(), Register(self._installation.knowledge)
        with self._installation.database.reading() as connection:
            observations = self._gathered.observe(load_observations(connection, self._inputs))
            conversations = self._gathered.converse(load_conversations(connection))
            stored = device_ids(connection)
            self._decided = load_decisions(connection)
        self._register.observe(observations)
        self._register.conversations(conversations)
        self._register.decide(self._decided)
        self._judge_again()
        self._gone |= stored - self._changed.keys()
        self._found.clear()  # The store has them.

    def take(self, batch: Batch) -> bool:
        """Take one batch; answers True: go on. Blocks while the store can't be written."""
        self._name_inputs(batch)
        if self.knows(batch):
            self._pass_over(batch)
            return True
        self._register.observe(self._gathered.observe(batch.observations))
        self._register.conversations(self._gathered.converse(batch.conversations))
        self._persistently(lambda: self._store(batch))
        self.upkeep(trim=batch.closed)
        return True

    def upkeep(self, *, trim: bool = False) -> None:
        """Erase what is too old and put files together where it is time; never while a batch is being stored."""
        try:
            self._upkeep.perhaps()
            if self._ring is not None and trim:
                self._ring.trim()
        except RingfenceError as error:
            _log.warning("the upkeep of lake and packet ring is put off: %s", error)

    def refresh(self) -> bool:
        """Apply what people decided since the last batch; answers whether there was anything.

        Raises:
            RingfenceError: ``store-unreachable``, ``disk-full``: to be tried again later.
        """
        with self._installation.database.reading() as connection:
            if load_decisions(connection) == self._decided:
                return False
        with UnitOfWork(self._installation.database, self._installation.clock(), self._inputs) as unit:
            keep = self._judge(unit)
        keep()
        return True

    # --- one batch --------------------------------------------------------------------------------------------------

    def _store(self, batch: Batch) -> None:
        with UnitOfWork(self._installation.database, self._installation.clock(), self._inputs) as unit:
            if unit.take(batch.id, self._sensor, batch.epoch, batch.start, batch.packets, unit.now):
                save_observations(unit, self._sensor, self._settled(batch))
                save_conversations(unit, batch.conversations)
                keep = self._judge(unit, wait=not batch.last)
                save_quality(unit, self._sensor, (*batch.quality, *self._gaps(unit)))
                self._lake.write(unit.connection, batch.id, "flows.v1", batch.flows())
                self._lake.write(unit.connection, batch.id, "transactions.v1", batch.transactions())
                if self.every:
                    settings.put(unit.connection, _every_key(batch), self.every)
                if self._live:
                    gaps.heard(unit.connection, self._sensor, batch.now, ended=batch.last)
            else:
                # The database kept it the time before, but the answer did not reach us.
                keep = self._judge(unit, wait=not batch.last)
        keep()
        if batch.closed or batch.last:
            self._open.clear()

    def _pass_over(self, batch: Batch) -> None:
        """Keep of a batch that the store knows what it does not hold yet: the sums of a window that is open."""
        if batch.closed or batch.last:
            self._open.clear()
            return
        sums = [fact for fact in batch.observations if fact.kind in WINDOWED]
        self._register.observe(self._gathered.observe(sums))
        self._keep_open(sums)

    def _keep_open(self, sums: Iterable[Observation]) -> None:
        for fact in sums:
            self._open[fact.kind, fact.subject.id, fact["window"], fact["transport"]] = fact

    def _gaps(self, unit: UnitOfWork) -> tuple[QualityNote, ...]:
        note = note_on(gaps.gaps_of(unit.connection, self._sensor), unit.now)
        return () if note is None else (note,)

    def _judge(self, unit: UnitOfWork, wait: bool = False) -> Callable[[], None]:
        """Store devices and findings as they are now; call what is returned once the unit is kept.

        ``wait``: devices that were merely seen again need not be among them yet.
        """
        decided = load_decisions(unit.connection)
        if decided != self._decided:
            self._decided = decided
            self._register.decide(decided)
        self._judge_again(max(_SEEN_AGAIN, len(self._register) * _SEEN_AGAIN_EACH) if wait else 0)
        self._keep_packets(unit)
        save_devices(unit, self._changed.values())
        retire_devices(unit, sorted(self._gone))
        save_findings(unit, self._found.values())
        supersede_findings(unit, [each for each, lost in self._lost.items() if self._superseded(lost)])

        def keep() -> None:
            for what in (self._changed, self._gone, self._found, self._lost, self._waiting):
                what.clear()

        return keep

    def _judge_again(self, patience: int = 0) -> None:
        """Bring devices and findings up to date; what changed waits until the store has it."""
        changed, gone = self._register.changes(patience)
        self._changed |= {device.id: device for device in changed}
        self._gone = (self._gone | set(gone)) - self._changed.keys()
        for each in gone:
            self._changed.pop(each, None)
        self._standing.see(*self._gathered.changes())
        self._standing.know(changed, gone)
        found, lost = self._standing.judge()
        self._found = {each: finding for each, finding in self._found.items() if each not in lost} | found
        self._lost = {each: finding for each, finding in self._lost.items() if each not in found} | lost

    def _keep_packets(self, unit: UnitOfWork) -> None:
        if self._ring is None:
            return
        self._waiting += self._segments()
        for segment in self._waiting:
            self._ring.add(unit.connection, self._sensor, segment)
        for each, finding in self._found.items():
            self._ring.keep(unit.connection, each, self._sensor, finding.packets)

    def _settled(self, batch: Batch) -> Iterable[Observation]:
        """What is stored of the batch: sums of a window only once it is over, everything else at once."""
        for fact in batch.observations:
            if fact.kind in WINDOWED:
                self._keep_open((fact,))
            else:
                yield fact
        if batch.closed or batch.last:
            yield from self._open.values()

    def _superseded(self, finding: Finding) -> bool:
        """Whether a finding that is no longer made says something that no longer holds.

        Facts are kept, so a rule that says no more what it said knows better now: a part became a device, a device
        another one. Only facts about windows are forgotten: what they showed did happen.
        """
        if finding.rule not in _FADING:
            return True
        return any(role.id is not None and role.id not in self._register for role in finding.devices)

    # --- the store --------------------------------------------------------------------------------------------------

    def _name_inputs(self, batch: Batch) -> None:
        """Say once what the numbers in packet references mean: a file's digest, or this live read's start."""
        if not self._named:
            rows = batch.summary["inputs"]
            self._inputs.name([row["digest"] or f"{batch.epoch}/{at}" for at, row in enumerate(rows)])
            self._named = True

    def _persistently(self, act: Callable[[], T]) -> T:
        """Do what the store is needed for; where it can't be reached or has no room, wait and do it again."""
        wait = _FIRST_WAIT
        while True:
            try:
                done = act()
            except RingfenceError as error:
                if error.code.code not in _PASSING or not self._told(error):
                    raise
                _log.warning("the store can't be used, trying again in %.1f s: %s", wait, error)
            else:
                if wait > _FIRST_WAIT:
                    self._told(None)
                return done
            self._wait(wait)
            wait = min(2 * wait, _LONGEST_WAIT)


def _every_key(batch: Batch) -> str:
    return f"every:{batch.epoch}"
