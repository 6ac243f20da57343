"""Retention from the setting to what is told, with a clock that the test turns."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.store.lake_rows import flow, flow_table
from tests.store.made import DAY, NOW, device, finding
from tests.store.test_erasure import OLD
from tests.store.test_erasure import plant as plant

from ringfence.store import answers, audit, credentials, people
from ringfence.store.database import Database
from ringfence.store.erased import Erased, erasures
from ringfence.store.erasure import KINDS
from ringfence.store.findings import handle, save_findings
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.retention import Retention, set_retention
from ringfence.store.ring import PacketRing
from ringfence.store.schema import findings, inventory, metadata, operation, traffic
from ringfence.store.schema import people as tables
from ringfence.store.unit import UnitOfWork
from ringfence.store.upkeep import Upkeep

from tests.store.test_ring import FRAME, reference  # isort: skip

HOUR = DAY // 24
EVERYTHING = Retention(lake=30, **dict.fromkeys(KINDS, 30))


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lake(plant: Database, tmp_path: Path, clock: Clock) -> Lake:
    """A plant with a lake of two days, one of them old."""
    made = Lake(plant, tmp_path, Keys(bytes(32), clock), clock)
    for batch, moment in (("new", NOW), ("old", OLD)):
        clock.now = moment
        with plant.writing() as connection:
            made.write(connection, batch, "flows.v1", flow_table([flow(1, moment)]))
    clock.now = NOW
    return made


def want(database: Database, wanted: Retention) -> None:
    with database.writing() as connection:
        set_retention(connection, wanted)


def told(database: Database) -> list[tuple[str | None, object]]:
    with database.reading() as connection:
        return [(row.object, row.after) for row in audit.entries(connection) if row.act == "retention.erase"]


def counted(database: Database) -> dict[str, int]:
    tables = {
        "lake": traffic.lake_file,
        "conversations": traffic.conversation,
        "talkers": traffic.talker,
        "observations": inventory.observation,
        "findings": findings.finding,
        "devices": inventory.device,
    }
    with database.reading() as connection:
        return {
            kind: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for kind, table in tables.items()
        }


def test_every_kind_can_be_set() -> None:
    assert {each.name for each in fields(Retention)} == {"lake", *KINDS}


def test_a_day_passes_and_what_is_old_goes(plant: Database, lake: Lake, clock: Clock) -> None:
    before = counted(plant)
    assert before == {"lake": 2, "conversations": 2, "talkers": 2, "observations": 2, "findings": 2, "devices": 4}
    upkeep = Upkeep(lake)
    assert upkeep.perhaps(), "it never ran: it does at once"
    assert counted(plant) == before | {"lake": 1}, "only the lake has a bound by itself"
    assert told(plant) == [("lake", {"number": 1, "days": 30})]
    want(plant, EVERYTHING)
    assert not upkeep.perhaps()
    clock.now += HOUR
    assert upkeep.perhaps()
    assert counted(plant) == {
        "lake": 1,
        "conversations": 1,
        "talkers": 1,
        "observations": 1,
        "findings": 1,
        "devices": 3,  # Of one somebody said something; of another nobody did, and it is old.
    }
    assert [kind for kind, _ in told(plant)] == ["lake", *KINDS]
    with plant.reading() as connection:
        done = erasures(connection)
        assert connection.execute(
            select(operation.change.c.id).where(operation.change.c.what == "erased")
        ).scalars().all() == ["lake", *KINDS]
    assert done.checked == clock.now
    assert done.kinds["lake"] == Erased(NOW, 1, 1)
    assert done.kinds["devices"] == Erased(clock.now, 1, 1)


def test_once_a_day_whoever_asks(plant: Database, lake: Lake, clock: Clock) -> None:
    want(plant, Retention(observations=30))
    assert Upkeep(lake).perhaps()
    first = clock.now
    for _ in range(23):  # A process that never lives for an hour.
        clock.now += HOUR
        assert not Upkeep(lake).perhaps()
    with plant.reading() as connection:
        assert erasures(connection).checked == first
    clock.now = first + 31 * DAY
    assert Upkeep(lake).perhaps()
    with plant.reading() as connection:
        assert erasures(connection).kinds["observations"] == Erased(clock.now, 1, 2)
    clock.now = first - DAY
    assert Upkeep(lake).perhaps(), "a clock that was put back stops nothing"


def test_nothing_is_told_where_nothing_was_erased(plant: Database, lake: Lake, clock: Clock) -> None:
    want(plant, Retention(lake=400, devices=400))
    assert Upkeep(lake).perhaps()
    assert told(plant) == []
    with plant.reading() as connection:
        assert erasures(connection).kinds == {}


def test_what_ends_by_itself_goes(plant: Database, lake: Lake, clock: Clock) -> None:
    with plant.writing() as connection:
        people.add(connection, "p", "ada", "Ada", NOW)
        for name, end in (("old", NOW - 1), ("new", NOW + DAY)):
            session = credentials.Session(name, "p", "password", "c", NOW - DAY, NOW - HOUR, end, 0, None)
            credentials.add_session(connection, session)
            people.invite(connection, name, [("viewer", "*")], NOW - DAY, end, "ada")
            answers.remember(connection, "p", name, "d", end - DAY - 1, headers={}, body=b"")
    Upkeep(lake).perhaps()
    with plant.reading() as connection:
        for table, column in (
            (tables.session, "digest"),
            (tables.invitation, "digest"),
            (operation.answer, "key"),
        ):
            assert connection.execute(select(table.c[column])).scalars().all() == ["new"], table.name


def test_packets_of_an_erased_finding_go(plant: Database, lake: Lake, tmp_path: Path, clock: Clock) -> None:
    from ringfence.sensor.slice import CapturedPacket, capture_file

    one = device(1)
    kept, closed = finding(one, rule="kept"), finding(one, rule="gone", last=OLD)
    ring = PacketRing(plant, tmp_path, lake.keys, clock)
    with UnitOfWork(plant, NOW) as unit:
        save_findings(unit, [kept, closed])
        handle(unit, closed.id, "ada", 1, state="closed")
        for number, each in enumerate((kept, closed)):
            capture = capture_file([CapturedPacket(NOW + number, 60, FRAME)])[0]
            assert ring.add(unit.connection, "s", capture) == 1
            assert ring.keep(unit.connection, each.id, "s", [reference(NOW + number)]) == 1
    want(plant, Retention(findings=30))
    Upkeep(lake).perhaps()
    with plant.reading() as connection:
        assert ring.keeps(connection, kept.id)
        assert not ring.keeps(connection, closed.id)
    assert len(list((tmp_path / "ring" / "slice").rglob("*.sealed"))) == 1


def test_the_audit_log_stays(plant: Database, lake: Lake) -> None:
    with plant.writing() as connection:
        audit.append(connection, OLD - 4_000 * DAY, "ada", "terminal", "device.note", "d-1")
    want(plant, Retention(**{each.name: 1 for each in fields(Retention)}))
    Upkeep(lake).perhaps()
    with plant.reading() as connection:
        assert next(audit.entries(connection)).act == "device.note"
    assert "audit" in metadata.tables
