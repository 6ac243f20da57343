"""What is too old goes, kind by kind; what people said something of stays; a device goes with everything."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, select, update
from tests.store.made import DAY, NOW, device, fact, finding, talk

from ringfence.inventory.intended import IntendedRow
from ringfence.model.errors import RingfenceError
from ringfence.model.scope import EVERYWHERE, Scope
from ringfence.store.database import Database
from ringfence.store.erasure import KINDS, erase_device, erase_older
from ringfence.store.expected import save_intended
from ringfence.store.findings import handle, save_findings
from ringfence.store.inventory import load_devices, save_devices
from ringfence.store.notes import annotate, load_decisions
from ringfence.store.observations import load_observations, save_observations
from ringfence.store.schema import metadata
from ringfence.store.schema.inventory import decision, decision_part
from ringfence.store.schema.inventory import device as devices
from ringfence.store.traffic import load_conversations, save_conversations
from ringfence.store.unit import Inputs, UnitOfWork

OLD = NOW - 100 * DAY


@pytest.fixture
def plant(database: Database) -> Database:
    one, two = device(1), device(2)
    old, noted = device(3, last=OLD, first=OLD), device(4, last=OLD, first=OLD)
    with UnitOfWork(database, OLD) as unit:
        save_devices(unit, [one, two, old, noted])
        annotate(unit, noted.id, EVERYWHERE, "ada", 1, {"owner": "Ada"})
    with UnitOfWork(database, NOW) as unit:
        save_observations(unit, "s", [fact(one.parts[0]), fact(old.parts[0], first=OLD, last=OLD)])
        save_conversations(
            unit, [talk(one.parts[1], two.parts[1]), talk(old.parts[1], noted.parts[1], first=OLD, last=OLD)]
        )
        closed, still = finding(one, rule="closed", last=OLD), finding(one, rule="still", last=OLD)
        save_findings(unit, [closed, still])
        handle(unit, closed.id, "ada", 1, state="closed")
        save_intended(unit, "ada", "list", [IntendedRow("i-1", "plc-1", mac=one.macs[0])])
    return database


@pytest.mark.parametrize(
    ("kind", "number"),
    [("conversations", 1), ("talkers", 2), ("observations", 1), ("findings", 1), ("devices", 1), ("changes", 5)],
)
def test_what_is_old_goes(plant: Database, kind: str, number: int) -> None:
    with UnitOfWork(plant, NOW) as unit:
        assert erase_older(unit, kind, NOW - 30 * DAY) == number
        assert erase_older(unit, kind, NOW - 30 * DAY) == 0
    with plant.reading() as connection:
        names = {one.name for one in load_devices(connection)}
        assert names == {"plc-1", "plc-2", "plc-4"} | ({"plc-3"} if kind != "devices" else set())
        gone = kind in ("devices", "conversations")
        assert len(list(load_conversations(connection))) == (1 if gone else 2)
        gone = kind in ("devices", "observations")
        assert len(list(load_observations(connection, Inputs()))) == (1 if gone else 2)


def test_every_kind_is_tried() -> None:
    assert set(KINDS) == {"conversations", "talkers", "observations", "findings", "devices", "changes"}


def test_another_kind(plant: Database) -> None:
    with pytest.raises(RingfenceError) as raised, UnitOfWork(plant, NOW) as unit:
        erase_older(unit, "people", NOW)
    assert raised.value.code.code == "value-refused"


def test_a_device_goes_with_everything(plant: Database) -> None:
    one = device(1)
    with pytest.raises(RingfenceError) as raised, UnitOfWork(plant, NOW) as unit:
        erase_device(unit, one.id, Scope(frozenset({"north"})), "ada")
    assert raised.value.code.code == "not-found"
    with UnitOfWork(plant, NOW) as unit:
        erase_device(unit, one.id, EVERYWHERE, "ada")
    traces = {one.id, *(part.id for part in one.parts), one.macs[0], one.ips[0]}
    with plant.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name in ("part", "intended"):
                continue  # Addresses by themselves are no device; what should be there stays wanted.
            for row in connection.execute(select(table)):
                told = {str(value) for value in row}
                if table.name == "change" and row.what == "erased":
                    continue
                assert not traces & told, f"{table.name} still knows {traces & told}"
        wanted = connection.execute(select(metadata.tables["intended"].c.device)).scalars().all()
    assert wanted == [None]


def test_what_was_merged_into_it_goes_too_however_often(plant: Database) -> None:
    one, two, three = device(1), device(2), device(3)
    with UnitOfWork(plant, NOW) as unit:
        for gone, into in ((three, two), (two, one)):
            unit.connection.execute(update(devices).where(devices.c.id == gone.id).values(merged_into=into.id))
        assert erase_device(unit, one.id, EVERYWHERE, "ada")["devices"] == 3
    with plant.reading() as connection:
        assert connection.execute(select(devices.c.id)).scalars().all() == [device(4).id]


def test_decisions_about_it_go_and_those_about_others_stay(plant: Database) -> None:
    parts = {number: [part.id for part in device(number).parts] for number in (1, 2)}
    tied = {"x-one": parts[1], "x-two": parts[2], "x-both": parts[1] + parts[2], "x-left": parts[1]}
    row = {"kind": "correct", "field": "name", "value": "x", "who": "ada", "time": NOW}
    with UnitOfWork(plant, NOW) as unit:
        for identity, about in tied.items():
            unit.connection.execute(insert(decision).values(id=identity, **row))
            rows = [{"decision": identity, "part": part, "device": "d", "left": False} for part in about]
            if identity == "x-left":  # A split that freed its parts, and left the other's.
                rows += [{"decision": identity, "part": part, "device": "d", "left": True} for part in parts[2]]
            unit.connection.execute(insert(decision_part), rows)
        assert erase_device(unit, device(1).id, EVERYWHERE, "ada")["decisions"] == 2
    with plant.reading() as connection:
        left = {each.id: sorted(each.parts) for each in load_decisions(connection)}
    assert left == {"x-two": sorted(parts[2]), "x-both": sorted(parts[2])}
