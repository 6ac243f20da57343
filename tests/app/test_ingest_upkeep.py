"""What grows too old goes, whoever is there: a sensor that takes batches, one that waits, a server without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from tests.app.test_ingest import DEMO, replay
from tests.app.test_ingest import installation as installation
from tests.app.test_ingest import knowledge as knowledge
from tests.store.made import DAY, NOW, device

from ringfence.app.daemons.upkeep import Caretaker
from ringfence.app.ingest import Ingest
from ringfence.app.installation import Installation
from ringfence.store.erased import erasures
from ringfence.store.inventory import save_devices
from ringfence.store.lake import Lake
from ringfence.store.retention import Retention, set_retention
from ringfence.store.schema.inventory import device as table
from ringfence.store.unit import UnitOfWork


@pytest.fixture
def aged(installation: Installation) -> Iterator[Installation]:
    """An installation with one device that nobody has seen for a hundred days, and a bound of thirty."""
    old = device(9, first=NOW - 100 * DAY, last=NOW - 100 * DAY)
    with UnitOfWork(installation.database, NOW) as unit:
        save_devices(unit, [old])
        set_retention(unit.connection, Retention(devices=30))
    yield replace(installation, clock=lambda: NOW)


def is_there(installation: Installation) -> bool:
    with installation.database.reading() as connection:
        found = "plc-9" in connection.execute(select(table.c.name)).scalars().all()
        assert ("devices" in erasures(connection).kinds) is not found
    return found


def test_a_sensor_erases_with_a_batch(aged: Installation) -> None:
    ingest = Ingest(aged, "test")
    ingest.restore()
    assert is_there(aged)
    replay(aged, [next(path for path in DEMO if path.stem == "office")], ingest.take)
    assert not is_there(aged)


def test_a_sensor_that_waits_erases(aged: Installation) -> None:
    ingest = Ingest(aged, "test")
    ingest.restore()
    ingest.upkeep()
    assert not is_there(aged)


def test_a_server_without_a_sensor_erases(aged: Installation) -> None:
    told: list[str] = []
    caretaker = Caretaker(aged, told.append)
    caretaker.start()
    caretaker.stop()
    assert not is_there(aged)
    assert told == []


def test_where_a_sensor_holds_the_lake_the_server_leaves_it(aged: Installation) -> None:
    told: list[str] = []
    with Lake(aged.database, aged.folder, aged.keys, aged.clock).alone():
        caretaker = Caretaker(aged, told.append)
        caretaker.start()
        caretaker.stop()
    assert is_there(aged)
    assert told == []


def test_a_server_whose_store_is_away_tells_it(aged: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    from ringfence.model.errors import RingfenceError
    from ringfence.store.upkeep import Upkeep

    def away(_: Upkeep) -> bool:
        raise RingfenceError("store-unreachable", "sqlite")

    monkeypatch.setattr(Upkeep, "perhaps", away)
    told: list[str] = []
    caretaker = Caretaker(aged, told.append)
    caretaker.start()
    caretaker.stop()
    (sentence,) = told
    assert "the upkeep of the store is put off" in sentence


def test_the_lake_is_given_back(aged: Installation, tmp_path: Path) -> None:
    caretaker = Caretaker(aged, lambda _: None)
    caretaker.start()
    caretaker.stop()
    with Lake(aged.database, aged.folder, aged.keys, aged.clock).alone():
        assert (tmp_path / "lake").is_dir()
