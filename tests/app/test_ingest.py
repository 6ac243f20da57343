"""Batches through every room and into the store: the devices and findings of ``analyze``, whatever happens between."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from ringfence.app.ingest import Ingest
from ringfence.app.installation import Installation
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.inventory.knowledge import Knowledge, builtin
from ringfence.model.device import Device
from ringfence.sensor.live import Batch, LiveOptions, LiveRun
from ringfence.sensor.segments import Segments
from ringfence.sensor.slice import CapturedPacket, capture_file, packets
from ringfence.store.database import Database
from ringfence.store.inventory import load_devices
from ringfence.store.migrate import upgrade
from ringfence.store.ring import PacketRing
from ringfence.store.schema.findings import finding
from ringfence.store.schema.inventory import observation
from ringfence.store.schema.operation import batch as batch_table
from ringfence.store.schema.traffic import conversation, lake_file

DEMO = sorted((Path(__file__).parents[2] / "vectors" / "demo").glob("*.pcap*"))


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return builtin()


@pytest.fixture
def installation(tmp_path: Path, knowledge: Knowledge) -> Iterator[Installation]:
    url = f"sqlite:///{tmp_path / 'ringfence.db'}"
    database = Database(url)
    upgrade(database)
    yield Installation(database, tmp_path, b"s" * 32, knowledge)
    database.close()


def replay(installation: Installation, paths: Sequence[Path], take: Callable[[Batch], bool], every: int = 300) -> None:
    options = LiveOptions(
        site_key=installation.site_key,
        default_credentials=tuple(installation.knowledge.default_credentials()),
        every=every,
        sensor="test",
    )
    LiveRun(list(paths), options).run(take)


def plain(device: Device) -> dict[str, Any]:
    """A device without the packets behind its claims, which the store does not keep."""
    told = asdict(replace(device, claims=tuple(replace(claim, packets=()) for claim in device.claims)))
    told["parts"] = sorted(part["id"] for part in told["parts"])
    told.pop("vendor_confidence")
    return told


def stored_findings(connection: Connection) -> dict[str, dict[str, Any]]:
    rows = connection.execute(select(finding).where(finding.c.state != "closed")).mappings()
    names = ("rule", "title", "why", "expected", "seen", "count", "first", "last", "confidence")
    return {row["id"]: {name: row[name] for name in names} | {"severity": row["severity"]} for row in rows}


def check_same_as_analysis(installation: Installation, paths: Sequence[Path]) -> None:
    analysis = run(list(paths), installation.knowledge, PipelineOptions()).analysis
    with installation.database.reading() as connection:
        devices = {device.id: plain(device) for device in load_devices(connection)}
        findings = stored_findings(connection)
        conversations = connection.scalar(
            select(func.count()).select_from(conversation).where(conversation.c.flows > 0)
        )
        total = connection.scalar(select(func.sum(conversation.c.packets)))
    expected = {device.id: plain(device) for device in analysis.devices}
    assert devices.keys() == expected.keys()
    for each, told in expected.items():
        assert devices[each] == told
    assert findings.keys() == {each.id for each in analysis.findings}
    for made in analysis.findings:
        told = {name: getattr(made, name) for name in findings[made.id] if name != "severity"}
        assert findings[made.id] == told | {"severity": int(made.severity)}
    assert conversations == len(analysis.conversations)
    assert total == sum(talk.packets for talk in analysis.conversations)


@pytest.mark.parametrize("capture", DEMO, ids=lambda path: path.name)
def test_a_replay_stores_what_an_analysis_finds(capture: Path, installation: Installation) -> None:
    ingest = Ingest(installation, "test")
    ingest.restore()
    replay(installation, [capture], ingest.take)
    check_same_as_analysis(installation, [capture])


def test_the_whole_plant_in_small_batches_is_the_same(installation: Installation) -> None:
    ingest = Ingest(installation, "test")
    replay(installation, DEMO, ingest.take, every=5)
    check_same_as_analysis(installation, DEMO)
    with installation.database.reading() as connection:
        batches = connection.scalar(select(func.count()).select_from(batch_table)) or 0
        assert batches > len(DEMO)
        assert connection.scalar(select(func.sum(lake_file.c.rows)).where(lake_file.c.dataset == "flows.v1"))


def test_a_process_that_dies_between_batches_goes_on_where_it_was(installation: Installation) -> None:
    """Every few batches a new process takes over, which knows what the store holds and nothing else."""
    ingest = [Ingest(installation, "test")]
    taken = 0

    def take(batch: Batch) -> bool:
        nonlocal taken
        taken += 1
        if taken % 3 == 0:
            ingest[0] = Ingest(installation, "test")
            ingest[0].restore()
        return ingest[0].take(batch)

    replay(installation, DEMO, take, every=60)
    assert taken > 6
    check_same_as_analysis(installation, DEMO)


def test_a_replay_that_begins_again_doubles_nothing(installation: Installation) -> None:
    first = Ingest(installation, "test")
    seen = 0

    def half(batch: Batch) -> bool:
        nonlocal seen
        seen += 1
        return first.take(batch) and seen < 4

    replay(installation, DEMO, half, every=30)
    again = Ingest(installation, "test")
    again.restore()
    replay(installation, DEMO, again.take, every=30)
    replay(installation, DEMO, again.take, every=30)
    check_same_as_analysis(installation, DEMO)


def test_a_store_that_is_away_is_waited_for(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    away = {"left": 0}
    writing = installation.database.writing

    @contextmanager
    def broken() -> Iterator[Connection]:
        if away["left"] > 0:
            away["left"] -= 1
            with installation.database.reached():
                raise OperationalError("INSERT", {}, Exception("gone"))
        with writing() as connection:
            yield connection

    monkeypatch.setattr(installation.database, "writing", broken)
    ingest = Ingest(installation, "test", wait=waits.append)

    def take(batch: Batch) -> bool:
        away["left"] = 3
        return ingest.take(batch)

    replay(installation, DEMO[:6], take)
    assert waits[:3] == [0.5, 1.0, 2.0]
    check_same_as_analysis(installation, DEMO[:6])


def test_findings_keep_their_packets_where_there_is_a_ring(installation: Installation) -> None:
    """The segments of the capture reach the ring before the findings that refer to them ask for their packets."""
    capture = next(path for path in DEMO if path.name == "s7_stop.pcap")
    cutter = Segments()
    cutter.feed(capture.read_bytes())

    def segments() -> list[bytes]:
        found = cutter.cut()
        return [] if found is None else [found]

    ring = PacketRing(installation.database, installation.folder, installation.keys, installation.clock)
    ingest = Ingest(installation, "test", ring=ring, segments=segments)
    replay(installation, [capture], ingest.take)
    with installation.database.reading() as connection:
        rows = connection.execute(select(finding.c.id, finding.c.packets)).all()
    assert rows
    for row in rows:
        kept, suffix = ring.download(row.id, payload=True)
        assert suffix == "pcap"
        times = {packet.time for packet in packets(kept)}
        assert {each["time"] for each in row.packets} == times


def counts(installation: Installation) -> dict[str, int]:
    """How often each fact was seen, by its key."""
    with installation.database.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(select(observation.c.key, observation.c["count"]))}


def test_a_commit_whose_answer_was_lost_is_no_second_batch(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The database has kept the unit, but the connection broke before it said so."""
    writing = installation.database.writing
    lost = {"left": 0}

    @contextmanager
    def deaf() -> Iterator[Connection]:
        with installation.database.reached():
            with writing() as connection:
                yield connection
            if lost["left"] > 0:
                lost["left"] -= 1
                raise OperationalError("COMMIT", {}, Exception("gone"))

    monkeypatch.setattr(installation.database, "writing", deaf)
    ingest = Ingest(installation, "test", wait=lambda _: None)

    def take(batch: Batch) -> bool:
        lost["left"] = 1
        return ingest.take(batch)

    replay(installation, DEMO, take, every=60)
    check_same_as_analysis(installation, DEMO)
    undisturbed = replace(installation, database=Database(f"sqlite:///{tmp_path / 'undisturbed.db'}"))
    upgrade(undisturbed.database)
    replay(undisturbed, DEMO, Ingest(undisturbed, "test").take, every=60)
    assert counts(installation) == counts(undisturbed)
    undisturbed.database.close()


def test_a_process_that_dies_between_parts_of_a_window_keeps_its_sums(
    installation: Installation, tmp_path: Path
) -> None:
    """A scan in the first part of a window, which the second process knows from the store only."""
    capture = tmp_path / "scan.pcap"
    capture.write_bytes(scan_then_silence())
    taken: list[str] = []

    def first(batch: Batch) -> bool:
        taken.append(batch.id)
        return len(taken) < 5 and one.take(batch)

    one = Ingest(installation, "test")
    replay(installation, [capture], first, every=5)
    assert len(taken) == 5
    two = Ingest(installation, "test")
    two.restore()
    replay(installation, [capture], two.take, every=5)
    three = Ingest(installation, "test")
    three.restore()
    check_same_as_analysis(installation, [capture])
    assert three._standing.findings(), "after a restart it is known from the store alone"


def scan_then_silence() -> bytes:
    """Somebody tries forty ports of twenty hosts in ten seconds; then only two others talk, for a minute."""
    made = [(at * 10_000_000, frame(f"10.0.0.{1 + at % 20}", 1_000 + at // 20, source="10.0.9.9")) for at in range(800)]
    made += [(10_000_000_000 + at * 500_000_000, frame("10.0.0.1", 502, source="10.0.0.2")) for at in range(120)]
    start = 1_780_000_000 * 1_000_000_000
    return capture_file([CapturedPacket(start + time, len(data), data) for time, data in made])[0]


def frame(target: str, port: int, source: str) -> bytes:
    """A TCP SYN."""
    tcp = struct.pack("!HHIIBBHHH", 40_000, port, 1, 0, 0x50, 2, 1_024, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 0, 0, 64, 6, 0, ip_address(source).packed, ip_address(target).packed)
    ends = (bytes([2, 0, 0, 0, int(end.split(".")[2]), int(end.split(".")[3])]) for end in (target, source))
    return b"".join(ends) + b"\x08\x00" + ip + tcp
