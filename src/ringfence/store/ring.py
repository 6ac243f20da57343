"""The packet ring: the last packets, sealed, bounded by size and time; findings keep the packets that they refer to.

Rule 1: only where an operator wants it. Segments and slices are sealed under a key for each day, like the lake.
Rule 2: a segment is a whole pcap or pcapng as the sensor hands it over; storing it twice changes nothing.
Rule 3: a slice outlives the ring: it is a small capture of its own, bounded in packets, dropped with its finding's day.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select

from ringfence.model.errors import RingfenceError
from ringfence.model.observation import PacketReference
from ringfence.sensor.anonymize import Pseudonyms, headers_only
from ringfence.sensor.slice import CapturedPacket, capture_file, chosen, packets
from ringfence.store import bulk
from ringfence.store.database import Database
from ringfence.store.disk import TEMPORARY, appearing
from ringfence.store.keys import Keys, derive
from ringfence.store.schema.findings import finding as finding_table
from ringfence.store.schema.traffic import ring_segment
from ringfence.store.sealed import SealedWriter, unseal

__all__ = ["PacketRing", "RingOptions"]

_RING, _SLICE = "ring", "slice"  # purposes of keys
_HOUR = 3600 * 1_000_000_000  # ns
_SUFFIX = ".sealed"
_TRIES = 3  # a slice that isn't found this often is lost


@dataclass(frozen=True, slots=True)
class RingOptions:
    """Bounds of the ring and of what findings keep."""

    max_bytes: int = 10 << 30
    max_age_hours: int = 7 * 24
    slice_packets: int = 1000  # of one finding
    slices_max_bytes: int = 1 << 30  # of all findings: beyond, the oldest go
    headers_only: bool = False  # True: payload is not even stored


class PacketRing:
    """The ring of one installation.

    Args:
        database: where segments and slices are listed.
        folder: the installation's data folder; the ring is below it.
        keys: the installation's keys.
        clock: nanoseconds since 1970, UTC.
        options: its bounds.
    """

    def __init__(
        self, database: Database, folder: Path, keys: Keys, clock: Callable[[], int], options: RingOptions | None = None
    ) -> None:
        self.database = database
        self.folder = folder / "ring"
        self.keys = keys
        self.clock = clock
        self.options = options or RingOptions()

    def add(self, connection: Connection, sensor: str, capture: bytes) -> int:
        """Store a segment within the transaction of ``connection``; answers how many packets it holds.

        Raises:
            RingfenceError: ``disk-full``, ``output-not-writable``.
        """
        every = list(packets(capture))
        if not every:
            return 0
        if self.options.headers_only:
            every = [headers_only(packet) for packet in every]
            capture, _ = capture_file(every)
        name = sha256(b"\0".join((sensor.encode("utf-8", "replace"), sha256(capture).digest()))).hexdigest()[:32]
        if self._row(connection, name) is None:
            self._write(connection, _RING, name, sensor, every, capture, None)
        return len(every)

    def keep(self, connection: Connection, finding: str, sensor: str, references: Iterable[PacketReference]) -> int:
        """Keep the packets that a finding refers to beyond the ring; answers how many it keeps now.

        References that the ring doesn't hold (any more) are passed over.
        """
        wanted = {(reference.time, reference.length): reference for reference in references}
        kept = {(packet.time, packet.length, packet.data): packet for packet in self._slice(connection, finding)}
        before = len(kept)
        if wanted:
            times = [time for time, _ in wanted]
            held = (
                ring_segment.c.kept_for.is_(None)
                & (ring_segment.c.sensor == sensor)
                & (ring_segment.c.first <= max(times))
                & (ring_segment.c.last >= min(times))
            )
            for row in connection.execute(select(ring_segment).where(held).order_by(ring_segment.c.first)).all():
                if any(row.first <= time <= row.last for time in times):
                    found = chosen(packets(self._read(connection, _RING, row) or b""), wanted.values())
                    kept |= {(packet.time, packet.length, packet.data): packet for packet in found}
        if len(kept) > before:
            every = sorted(kept.values(), key=lambda packet: packet.time)[: self.options.slice_packets]
            name = _slice_name(finding)
            connection.execute(delete(ring_segment).where(ring_segment.c.id == name))
            self._write(connection, _SLICE, name, sensor, every, capture_file(every)[0], [finding])
            return len(every)
        return before

    def download(self, finding: str, *, payload: bool = False, anonymous: bool = False) -> tuple[bytes, str]:
        """Return what a finding keeps as a capture, and its suffix (pcap or pcapng).

        Args:
            finding: its id.
            payload: with what was said, for those whose role may see that; otherwise headers only.
            anonymous: with pseudonyms, without payload; the same addresses get the same pseudonyms in every download.

        Raises:
            RingfenceError: ``packet-not-found`` where nothing is kept for it; ``sealed-damaged``.
        """
        every = self._kept(finding)
        if not every:
            raise RingfenceError("packet-not-found", finding, "The packet ring keeps no packet for it.")
        if anonymous:
            pseudonyms = Pseudonyms(derive(self.keys.secret, "pseudonyms"))
            every = [pseudonyms.packet(packet) for packet in every]
        elif not payload:
            every = [headers_only(packet) for packet in every]
        return capture_file(every)

    @staticmethod
    def keeps(connection: Connection, finding: str) -> bool:
        """Return whether ``download`` has packets for a finding."""
        return PacketRing._row(connection, _slice_name(finding)) is not None

    def _kept(self, finding: str) -> list[CapturedPacket]:
        """The packets of a slice; where it was replaced or dropped while it was read, those of now."""
        for _ in range(_TRIES):
            try:
                with self.database.reading() as connection:
                    return self._slice(connection, finding)
            except RingfenceError as error:
                if not isinstance(error.__cause__, FileNotFoundError):
                    raise
                lost = error
        raise lost

    def trim(self) -> int:
        """Drop what is beyond the bounds, the oldest first, with keys that nothing needs; answers how many went."""
        oldest = self.clock() - self.options.max_age_hours * _HOUR
        with self.database.writing() as connection:
            gone = self._beyond(connection, ring_segment.c.kept_for.is_(None), self.options.max_bytes, oldest)
            gone += self._beyond(connection, ring_segment.c.kept_for.is_not(None), self.options.slices_max_bytes, None)
            self._forget(connection, gone)
        for row in gone:
            (self.folder / row.path).unlink(missing_ok=True)
        return len(gone)

    def erase(self, finding: str) -> bool:
        """Take away what a finding keeps."""
        with self.database.writing() as connection:
            row = self._row(connection, _slice_name(finding))
            if row is None:
                return False
            self._forget(connection, [row])
        (self.folder / row.path).unlink(missing_ok=True)
        return True

    def let_go(self) -> int:
        """Take away what findings kept that are no more; answers how many. For the one who erases findings."""
        with self.database.writing() as connection:
            rows = connection.execute(select(ring_segment).where(ring_segment.c.kept_for.is_not(None))).all()
            named = sorted({each for row in rows for each in row.kept_for})
            left = {row[0] for row in bulk.select_by(connection, finding_table, ("id",), "id", named)}
            gone = [row for row in rows if left.isdisjoint(row.kept_for)]
            self._forget(connection, gone)
        for row in gone:
            (self.folder / row.path).unlink(missing_ok=True)
        return len(gone)

    def sweep(self) -> int:
        """Take away files that are not listed; answers how many. Only for the writer, between batches."""
        with self.database.reading() as connection:
            named = set(connection.execute(select(ring_segment.c.path)).scalars())
        found = [path for path in self.folder.rglob("*") if path.is_file() and path.name.endswith((_SUFFIX, TEMPORARY))]
        lost = [path for path in found if path.relative_to(self.folder).as_posix() not in named]
        for path in lost:
            path.unlink(missing_ok=True)
        return len(lost)

    def _write(
        self,
        connection: Connection,
        purpose: str,
        name: str,
        sensor: str,
        every: list[CapturedPacket],
        capture: bytes,
        kept_for: list[str] | None,
    ) -> None:
        period = _day(every[0].time)
        # A slice that grows gets another file: the old one is good until this transaction ends.
        path = f"{purpose}/day={period}/{name}-{sha256(capture).hexdigest()[:16]}{_SUFFIX}"
        with appearing(self.folder / path) as out:
            sealed = SealedWriter(out, self.keys.make(connection, purpose, period), name, self.keys.entropy)
            sealed.write(capture)
            sealed.finish()
        times = [packet.time for packet in every]
        row = {
            "id": name,
            "sensor": sensor,
            "path": path,
            "period": period,
            "first": min(times),
            "last": max(times),
            "packets": len(every),
            "bytes": (self.folder / path).stat().st_size,
            "kept_for": kept_for,
        }
        connection.execute(ring_segment.insert().values(row))

    def _slice(self, connection: Connection, finding: str) -> list[CapturedPacket]:
        row = self._row(connection, _slice_name(finding))
        capture = None if row is None else self._read(connection, _SLICE, row)
        return [] if capture is None else list(packets(capture))

    def _read(self, connection: Connection, purpose: str, row: Row[Any]) -> bytes | None:
        """The capture of a row; None where its key was dropped."""
        key = self.keys.find(connection, purpose, row.period)
        if key is None:
            return None
        try:
            sealed = (self.folder / row.path).read_bytes()
        except FileNotFoundError as error:
            raise RingfenceError("sealed-damaged", row.path, "the ring lists it, but it is gone") from error
        return b"".join(unseal(io.BytesIO(sealed), key, row.id))

    @staticmethod
    def _row(connection: Connection, name: str) -> Row[Any] | None:
        return connection.execute(select(ring_segment).where(ring_segment.c.id == name)).first()

    @staticmethod
    def _beyond(
        connection: Connection, which: ColumnElement[bool], max_bytes: int, oldest: int | None
    ) -> list[Row[Any]]:
        """Rows beyond a bound: walked from the newest, so that what is kept fits."""
        held = 0
        gone: list[Row[Any]] = []
        for row in connection.execute(select(ring_segment).where(which).order_by(ring_segment.c.last.desc())):
            held += row.bytes
            if held > max_bytes or (oldest is not None and row.last < oldest):
                gone.append(row)
        return gone

    def _forget(self, connection: Connection, gone: list[Row[Any]]) -> None:
        """Take rows from the list, and drop the keys of days of which nothing is left."""
        for row in gone:
            connection.execute(delete(ring_segment).where(ring_segment.c.id == row.id))
        for purpose, period in {(_purpose(row), row.period) for row in gone}:
            kind = ring_segment.c.kept_for.is_(None) if purpose == _RING else ring_segment.c.kept_for.is_not(None)
            left = select(func.count()).select_from(ring_segment).where(kind & (ring_segment.c.period == period))
            if not connection.execute(left).scalar():
                self.keys.drop(connection, purpose, period)


def _purpose(row: Row[Any]) -> str:
    return _RING if row.kept_for is None else _SLICE


def _slice_name(finding: str) -> str:
    return "slice-" + sha256(finding.encode("utf-8", "replace")).hexdigest()[:32]


def _day(nanoseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // 1_000_000_000)).date().isoformat()
