"""The packet ring: bounded, sealed, and what findings keep of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from ringfence.model.errors import RingfenceError
from ringfence.model.observation import PacketReference
from ringfence.sensor.reader import read
from ringfence.sensor.slice import CapturedPacket, capture_file, packets
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.ring import PacketRing, RingOptions
from ringfence.store.schema.traffic import ring_segment

DEMO = Path(__file__).resolve().parents[2] / "vectors" / "demo" / "modbus_polling.pcap"
HOUR = 3600 * 1_000_000_000
NOW = 1_795_780_800 * 1_000_000_000
FRAME = bytes.fromhex("00005e005302 00005e005301 0800") + bytes.fromhex(
    "4500002d00010000401126be0a0000010a000002 9c40 01f6 0019 0000"
)


def ring(database: Database, folder: Path, now: int = NOW, **options: object) -> PacketRing:
    return PacketRing(database, folder, Keys(bytes(32), lambda: now), lambda: now, RingOptions(**options))  # type: ignore[arg-type]  # The test's own words.


def segment(first: int, count: int = 3, payload: bytes = b"the patient's name") -> bytes:
    return capture_file([CapturedPacket(first + number, 60, FRAME + payload) for number in range(count)])[0]


def reference(time: int, length: int = 60) -> PacketReference:
    return PacketReference(time, 0, 1, 0, length)


def add(target: PacketRing, capture: bytes, sensor: str = "s1") -> int:
    with target.database.writing() as connection:
        return target.add(connection, sensor, capture)


def keep(target: PacketRing, finding: str, *times: int, sensor: str = "s1") -> int:
    with target.database.writing() as connection:
        return target.keep(connection, finding, sensor, [reference(time) for time in times])


def files(target: PacketRing) -> list[Path]:
    return sorted(target.folder.rglob("*.sealed"))


def test_a_segment_is_sealed_and_stored_once(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path)
    assert add(target, segment(NOW)) == 3
    assert add(target, segment(NOW)) == 3
    (path,) = files(target)
    assert b"patient" not in path.read_bytes()
    assert FRAME[:14] not in path.read_bytes()
    assert add(target, b"no capture at all") == 0
    assert len(files(target)) == 1


def test_a_finding_keeps_its_packets_beyond_the_ring(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path)
    add(target, segment(NOW - 2 * HOUR))
    add(target, segment(NOW))
    assert keep(target, "f-1", NOW + 1, NOW - 2 * HOUR, 77) == 2
    assert keep(target, "f-1", NOW + 1) == 2, "what it has, it has once"
    assert keep(target, "f-1", NOW + 2) == 3
    assert keep(target, "f-2", 77) == 0
    assert keep(target, "f-3", NOW, sensor="another") == 0
    small = ring(database, tmp_path, max_bytes=0)
    assert small.trim() == 2
    small.sweep()
    assert len(files(target)) == 1
    whole, suffix = target.download("f-1", payload=True)
    assert suffix == "pcap"
    assert [packet.time for packet in packets(whole)] == [NOW - 2 * HOUR, NOW + 1, NOW + 2]
    assert b"patient" in whole


def test_payload_is_given_only_where_it_is_asked_for(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path)
    add(target, segment(NOW))
    keep(target, "f-1", NOW)
    (headers,) = packets(target.download("f-1")[0])
    assert headers.data == FRAME
    assert headers.length == 60
    (hidden,) = packets(target.download("f-1", payload=True, anonymous=True)[0])
    assert len(hidden.data) == len(FRAME)
    assert bytes.fromhex("00005e0053") not in hidden.data
    assert bytes.fromhex("0a0000") not in hidden.data[26:34]
    assert target.download("f-1", anonymous=True) == target.download("f-1", anonymous=True)
    stranger = PacketRing(database, tmp_path, Keys(bytes(32), lambda: NOW), lambda: NOW)
    assert stranger.download("f-1") == target.download("f-1")
    with pytest.raises(RingfenceError) as error:
        target.download("f-unknown")
    assert error.value.code.code == "packet-not-found"


def test_where_only_headers_are_wanted_payload_is_never_stored(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path, headers_only=True)
    add(target, segment(NOW))
    keep(target, "f-1", NOW)
    assert b"patient" not in target.download("f-1", payload=True)[0]


def test_the_ring_is_bounded_by_size_and_by_time(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path)
    for hours in range(50):
        add(target, segment(NOW - hours * HOUR))
    size = files(target)[0].stat().st_size
    assert ring(database, tmp_path, max_age_hours=30).trim() == 19
    assert ring(database, tmp_path, max_bytes=5 * size).trim() == 26
    assert len(files(target)) == 5
    with database.reading() as connection:
        rows = connection.execute(select(ring_segment).order_by(ring_segment.c.first)).all()
        periods = set(target.keys.find_all(connection, "ring"))
    assert rows[0].first == NOW - 4 * HOUR, "the oldest went"
    assert periods == {row.period for row in rows}, "keys of days of which nothing is left are dropped"


def test_slices_are_bounded_and_erased(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path, slice_packets=2)
    add(target, segment(NOW, count=5))
    assert keep(target, "f-1", *(NOW + number for number in range(5))) == 2
    assert keep(target, "f-2", NOW) == 1
    assert target.erase("f-1")
    assert not target.erase("f-1")
    with pytest.raises(RingfenceError):
        target.download("f-1")
    assert ring(database, tmp_path, slices_max_bytes=0).trim() == 1
    with pytest.raises(RingfenceError):
        target.download("f-2")
    with database.reading() as connection:
        assert target.keys.find_all(connection, "slice") == {}


def test_a_transaction_that_fails_leaves_the_slice_as_it_was(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path)
    add(target, segment(NOW))
    keep(target, "f-1", NOW)
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        target.keep(connection, "f-1", "s1", [reference(NOW + 1)])
        raise ZeroDivisionError
    assert [packet.time for packet in packets(target.download("f-1")[0])] == [NOW]
    assert target.sweep() == 1
    assert [packet.time for packet in packets(target.download("f-1")[0])] == [NOW]
    keep(target, "f-1", NOW + 1)
    assert [packet.time for packet in packets(target.download("f-1")[0])] == [NOW, NOW + 1]


def test_the_packets_of_real_observations_are_kept(database: Database, tmp_path: Path) -> None:
    target = ring(database, tmp_path, max_age_hours=10**6)
    add(target, DEMO.read_bytes())
    fact = next(fact for fact in read([DEMO]).observations if fact.kind.startswith("modbus") and fact.packets)
    with database.writing() as connection:
        assert target.keep(connection, "f-1", "s1", fact.packets) == len(set(fact.packets))
    times = sorted(packet.time for packet in fact.packets)
    assert [packet.time for packet in packets(target.download("f-1")[0])] == times
