"""What people say: with the version they saw, within their scope, and undone without a trace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, event, select
from tests.store.made import NOW, device, fact, part, talk

from ringfence.inventory.intended import read_csv
from ringfence.inventory.knowledge import builtin
from ringfence.inventory.register import Register
from ringfence.model.errors import RingfenceError
from ringfence.model.observation import Observation
from ringfence.model.query import parse
from ringfence.model.scope import EVERYWHERE, Scope
from ringfence.store import decide, expected, places
from ringfence.store.database import Database
from ringfence.store.decide import Person
from ringfence.store.inventory import load_devices, save_devices
from ringfence.store.notes import annotate, load_decisions
from ringfence.store.observations import load_observations, save_observations
from ringfence.store.read.device import device as device_page
from ringfence.store.read.devices import devices
from ringfence.store.schema.inventory import device as table
from ringfence.store.traffic import load_conversations, save_conversations
from ringfence.store.unit import Inputs, UnitOfWork

NORTH, SOUTH = Scope(frozenset({"north"})), Scope(frozenset({"south"}))
NASTY = "a\0b\ud800c\x1b[31m'\";--<script>"
ADA = Person("ada", EVERYWHERE)


@pytest.fixture
def plant(database: Database) -> Database:
    """Two sites with a zone each, three devices without a place."""
    with UnitOfWork(database, NOW) as unit:
        save_devices(unit, [device(1), device(2), device(3, domain="other")])
        for name in ("North", "South"):
            at = places.make_site(unit, "ada", name)
            places.make_zone(unit, "ada", EVERYWHERE, at, "Cell 1", purdue_level=1.5, subnets=["10.0.0.7/24"])
    return database


def row(database: Database, identity: str) -> Mapping[str, Any]:
    with database.reading() as connection:
        return dict(connection.execute(select(table).where(table.c.id == identity)).mappings().one())


def say(database: Database, identity: str, version: int, scope: Scope = EVERYWHERE, **said: Any) -> Any:
    with UnitOfWork(database, NOW) as unit:
        return annotate(unit, identity, scope, "ada", version, said)


def refused(code: str, database: Database, *arguments: Any, **said: Any) -> None:
    with pytest.raises(RingfenceError) as raised:
        say(database, *arguments, **said)
    assert raised.value.code.code == code


# --- words on a device --------------------------------------------------------------------------------------------


def test_what_people_say_is_shown_and_taken_back(plant: Database) -> None:
    one = device(1).id
    before, after = say(
        plant,
        one,
        1,
        zone="north-cell-1",
        owner="Ada",
        criticality="high",
        safety=False,
        note="Old",
        labels=["b", " a "],
    )
    assert before["labels"] == []
    assert after == {
        "site": "north",
        "zone": "north-cell-1",
        "owner": "Ada",
        "criticality": "high",
        "safety": False,
        "note": "Old",
        "labels": ["a", "b"],
    }
    with plant.reading() as connection:
        page = device_page(connection, one, NORTH)
    shown = page.row
    assert (shown.site_name, shown.zone_name, shown.owner, shown.criticality) == ("North", "Cell 1", "Ada", "high")
    assert (shown.safety, shown.labels, shown.version, page.note) == (False, ("a", "b"), 2, "Old")
    assert page.timeline[0].what == "noted"
    assert page.timeline[0].who == "ada"
    assert "note" not in (page.timeline[0].detail or {})
    say(plant, one, 2, site="south")
    assert (row(plant, one)["site"], row(plant, one)["zone"]) == ("south", None)
    say(plant, one, 3, owner=None, labels=None, note="", safety=None, site=None)
    with plant.reading() as connection:
        page = device_page(connection, one, EVERYWHERE)
    assert (page.row.owner, page.row.labels, page.note, page.row.safety, page.row.site) == (None, (), None, None, None)
    assert say(plant, one, 4, owner=None)[0] == say(plant, one, 4, owner=None)[1]
    assert row(plant, one)["version"] == 4


def test_a_stale_version_changes_nothing(plant: Database) -> None:
    say(plant, device(1).id, 1, owner="Ada")
    refused("changed-meanwhile", plant, device(1).id, 1, owner="Bob")
    assert row(plant, device(1).id)["owner"] == "Ada"


@pytest.mark.parametrize(
    "said",
    [
        {"criticality": "grave"},
        {"safety": "yes"},
        {"owner": "x" * 201},
        {"note": "x" * 10_001},
        {"labels": ["x"] * 51},
        {"labels": [" "]},
        {"labels": ["x" * 65]},
        {"colour": "red"},
        {"zone": "north-cell-1", "site": "south"},
    ],
)
def test_bad_words_are_refused(plant: Database, said: dict[str, Any]) -> None:
    refused("value-refused", plant, device(1).id, 1, **said)


@pytest.mark.parametrize(("name", "value"), [("site", "nowhere"), ("zone", "nowhere"), ("zone", "\0\ud800")])
def test_places_that_are_none(plant: Database, name: str, value: str) -> None:
    refused("not-found", plant, device(1).id, 1, **{name: value})


def test_scopes_of_words(plant: Database) -> None:
    one = device(1).id
    refused("not-found", plant, one, 1, NORTH, owner="Ada")
    say(plant, one, 1, site="north")
    say(plant, one, 2, NORTH, owner="Ada")
    refused("not-found", plant, one, 3, SOUTH, owner="Bob")
    refused("not-found", plant, one, 3, NORTH, site="south")
    refused("not-found", plant, one, 3, NORTH, zone="south-cell-1")
    refused("value-refused", plant, one, 3, NORTH, site=None)


def test_hostile_words(plant: Database) -> None:
    say(plant, device(1).id, 1, owner=NASTY, note=NASTY, labels=[NASTY])
    with plant.reading() as connection:
        page = device_page(connection, device(1).id, EVERYWHERE)
    assert page.row.owner == page.note == page.row.labels[0] == "a␀b?c\x1b[31m'\";--<script>"


# --- sites, zones, domains ----------------------------------------------------------------------------------------


def test_sites_and_zones(plant: Database) -> None:
    with UnitOfWork(plant, NOW) as unit:
        hall = places.make_site(unit, "ada", "Hall 3 / Ö", parent="north", note="n")
        assert places.make_site(unit, "ada", "Hall 3 - O") == "hall-3-o"
        assert hall == "hall-3"
        before, after = places.change_site(unit, "ada", hall, 1, {"name": "Hall 4", "note": None})
        assert (before["name"], after["name"], after["note"], after["version"]) == ("Hall 3 / Ö", "Hall 4", None, 2)
        places.change_zone(unit, "ada", NORTH, "north-cell-1", 1, {"purdue_level": 2, "subnets": ["10.1.0.0/16"]})
    with plant.reading() as connection:
        assert [one.name for one in places.sites(connection, EVERYWHERE)] == ["Hall 3 - O", "Hall 4", "North", "South"]
        assert [one.id for one in places.sites(connection, NORTH)] == ["north"]
        (zone,) = places.zones(connection, NORTH)
        assert (zone.purdue_level, zone.subnets, zone.version) == (2.0, ("10.1.0.0/16",), 2)
        assert len(places.zones(connection, EVERYWHERE)) == 2


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("value-refused", lambda unit: places.make_site(unit, "ada", "North")),
        ("value-refused", lambda unit: places.make_site(unit, "ada", " ")),
        ("not-found", lambda unit: places.make_site(unit, "ada", "New", parent="nowhere")),
        ("value-refused", lambda unit: places.change_site(unit, "ada", "north", 1, {"parent": "north"})),
        ("changed-meanwhile", lambda unit: places.change_site(unit, "ada", "north", 2, {"name": "N"})),
        ("value-refused", lambda unit: places.make_zone(unit, "ada", EVERYWHERE, "north", "Cell 1")),
        ("not-found", lambda unit: places.make_zone(unit, "ada", SOUTH, "north", "Cell 2")),
        ("not-found", lambda unit: places.change_zone(unit, "ada", SOUTH, "north-cell-1", 1, {"name": "x"})),
        (
            "value-refused",
            lambda unit: places.make_zone(unit, "ada", EVERYWHERE, "north", "C", subnets=["10.0.0.0/99"]),
        ),
        ("value-refused", lambda unit: places.make_zone(unit, "ada", EVERYWHERE, "north", "C", purdue_level=9)),
        ("not-found", lambda unit: places.place_domain(unit, "ada", "no such", "north")),
        ("not-found", lambda unit: places.place_domain(unit, "ada", "plant", "nowhere")),
    ],
)
def test_places_are_checked(plant: Database, code: str, act: Any) -> None:
    with pytest.raises(RingfenceError) as raised, UnitOfWork(plant, NOW) as unit:
        act(unit)
    assert raised.value.code.code == code


def test_a_domain_takes_its_devices_along(plant: Database) -> None:
    say(plant, device(2).id, 1, site="south")
    with UnitOfWork(plant, NOW) as unit:
        assert places.place_domain(unit, "ada", "plant", "north") == 1
    assert row(plant, device(1).id)["site"] == "north"
    assert row(plant, device(2).id)["site"] == "south"
    assert row(plant, device(3, domain="other").id)["site"] is None
    with plant.reading() as connection:
        assert [(one.name, one.site) for one in places.domains(connection, EVERYWHERE)] == [
            ("other", None),
            ("plant", "north"),
        ]
        assert [one.name for one in places.domains(connection, SOUTH)] == ["plant"]
        assert [one.site for one in places.domains(connection, SOUTH)] == [None]
        assert places.proposed(connection, EVERYWHERE, "north-cell-1") == tuple(
            sorted((device(1).id, device(3, domain="other").id))
        )
    say(plant, device(2).id, 2, site=None)
    assert row(plant, device(2).id)["site"] == "north"


# --- what should be there -----------------------------------------------------------------------------------------


def test_intended_against_seen(plant: Database) -> None:
    rows, faults = read_csv(b"name,mac,site\nplc-1,001d.9c00.0001,North\nlost,00:00:00:00:00:09,South\n", "cmdb")
    assert not faults
    with UnitOfWork(plant, NOW) as unit:
        matched = expected.save_intended(unit, "ada", "cmdb", rows)
    assert (matched.rows, matched.seen, matched.missing, matched.unintended) == (2, 1, 1, 2)
    with UnitOfWork(plant, NOW) as unit:
        save_devices(unit, [device(4), device(5, macs=("00:00:00:00:00:09",))])
    with plant.reading() as connection:
        found = devices(connection, parse("expected:unintended"), EVERYWHERE, now=NOW)
        assert {one.name for one in found.rows} == {"plc-2", "plc-3", "plc-4"}
        assert expected.intended_devices(connection, EVERYWHERE, missing=True).rows == ()
        page = expected.intended_devices(connection, EVERYWHERE, limit=1)
        assert [(one.name, one.device, page.total) for one in page.rows] == [("lost", device(5).id, 2)]
        assert expected.intended_devices(connection, NORTH).rows == ()
    with UnitOfWork(plant, NOW) as unit:
        expected.forget_source(unit, "ada", "cmdb")
    assert row(plant, device(4).id)["expected"] == "not_evaluated"


# --- correct, merge, split, undo ----------------------------------------------------------------------------------

A, B = part("10.0.0.21"), part("10.0.0.22")
CLIENT = part("10.0.0.23")


def facts() -> list[Observation]:
    """Two devices, known by what they say."""
    identity = {"vendor": 1, "vendor_name": "Rockwell Automation", "device_type": 14, "product_name": "1756-L61/B"}
    return [
        fact(A, "enip.identity", {**identity, "serial": 10}),
        fact(B, "enip.identity", {**identity, "serial": 11}),
        fact(CLIENT, "flow.attempts", {"number": 1}),
    ]


@pytest.fixture
def seen(database: Database) -> Database:
    """What a sensor has stored."""
    register = Register(builtin())
    spoken = [talk(CLIENT, A), talk(CLIENT, B)]
    register.observe(facts())
    register.conversations(spoken)
    with UnitOfWork(database, NOW, Inputs(["e"])) as unit:
        save_observations(unit, "s", facts())
        save_conversations(unit, spoken)
        save_devices(unit, register.devices())
    return database


def owner(database: Database, address: str) -> Any:
    with database.reading() as connection:
        return next(one for one in load_devices(connection) if address in one.ips)


def again(database: Database) -> None:
    """What the sensor's process does with its next batch: the whole register, with the decisions in force."""
    register = Register(builtin())
    with UnitOfWork(database, NOW, Inputs(["e"])) as unit:
        register.observe(load_observations(unit.connection, unit.inputs))
        register.conversations(load_conversations(unit.connection))
        register.decide(load_decisions(unit.connection))
        assert save_devices(unit, register.devices()) == 0, "the register comes to what the person saw at once"


def test_correct_and_undo(seen: Database) -> None:
    before = owner(seen, "10.0.0.21")
    with UnitOfWork(seen, NOW) as unit:
        made = decide.correct(unit, builtin(), ADA, before.id, "class", "hmi", "I stood before it")
        decide.correct(unit, builtin(), ADA, before.id, "name", NASTY)
    now = owner(seen, "10.0.0.21")
    assert (now.device_class, now.confidence) == ("hmi", 1.0)
    assert now.claims[0].clue == "person"
    with seen.reading() as connection:
        page = device_page(connection, before.id, EVERYWHERE)
    assert {one.field for one in page.decisions} == {"class", "name"}
    assert page.row.name == "a␀b?c\x1b[31m'\";--<script>"
    assert {"corrected", "changed"} <= {one.what for one in page.timeline}
    for decision in (made.id, next(one.id for one in page.decisions if one.field == "name")):
        with UnitOfWork(seen, NOW) as unit:
            decide.undo(unit, builtin(), ADA, decision)
    assert owner(seen, "10.0.0.21") == before
    again(seen)
    with pytest.raises(RingfenceError) as raised, UnitOfWork(seen, NOW) as unit:
        decide.undo(unit, builtin(), ADA, made.id)
    assert raised.value.code.code == "changed-meanwhile"


def test_a_purdue_level_is_corrected(seen: Database) -> None:
    before = owner(seen, "10.0.0.21")
    assert before.purdue_level != 3.5
    with UnitOfWork(seen, NOW) as unit:
        made = decide.correct(unit, builtin(), ADA, before.id, "purdue_level", " 3.50 ")
    assert (made.value, owner(seen, "10.0.0.21").purdue_level) == ("3.5", 3.5)
    again(seen)
    with seen.reading() as connection:
        (row,) = devices(connection, parse("purdue:3.5"), EVERYWHERE, now=NOW).rows
    assert row.id == before.id
    with UnitOfWork(seen, NOW) as unit:
        decide.undo(unit, builtin(), ADA, made.id)
    assert owner(seen, "10.0.0.21") == before
    again(seen)


def test_merge_and_undo(seen: Database) -> None:
    one, two = owner(seen, "10.0.0.21"), owner(seen, "10.0.0.22")
    assert one.id != two.id
    with UnitOfWork(seen, NOW) as unit:
        made = decide.merge(unit, builtin(), ADA, [one.id, two.id], "Two cards of one rack")
    both = owner(seen, "10.0.0.21")
    assert set(both.ips) == {"10.0.0.21", "10.0.0.22"}
    again(seen)
    with UnitOfWork(seen, NOW) as unit:
        decide.undo(unit, builtin(), ADA, made.id)
    assert (owner(seen, "10.0.0.21"), owner(seen, "10.0.0.22")) == (one, two)
    again(seen)


def test_split_and_undo(seen: Database) -> None:
    one, two = owner(seen, "10.0.0.21"), owner(seen, "10.0.0.22")
    with UnitOfWork(seen, NOW) as unit:
        decide.merge(unit, builtin(), ADA, [one.id, two.id])
    both = owner(seen, "10.0.0.21")
    with UnitOfWork(seen, NOW) as unit:
        made = decide.split(unit, builtin(), ADA, both.id, [B.id], "No")
    assert owner(seen, "10.0.0.21").ips == ("10.0.0.21",)
    assert owner(seen, "10.0.0.22").ips == ("10.0.0.22",)
    assert owner(seen, "10.0.0.22").id != both.id
    again(seen)
    with UnitOfWork(seen, NOW) as unit:
        decide.undo(unit, builtin(), ADA, made.id)
    assert set(owner(seen, "10.0.0.22").ips) == {"10.0.0.21", "10.0.0.22"}
    again(seen)


@pytest.mark.parametrize(
    ("code", "act"),
    [
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "colour", "red")),
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "class", "plcc")),
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "name", " ")),
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "purdue_level", "6")),
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "purdue_level", "high")),
        ("value-refused", lambda unit, one: decide.correct(unit, builtin(), ADA, one, "name", "x", "r" * 1_001)),
        ("not-found", lambda unit, one: decide.correct(unit, builtin(), Person("b", NORTH), one, "name", "x")),
        ("not-found", lambda unit, one: decide.correct(unit, builtin(), ADA, "d-\0", "name", "x")),
        ("value-refused", lambda unit, one: decide.merge(unit, builtin(), ADA, [one, one])),
        ("not-found", lambda unit, one: decide.merge(unit, builtin(), ADA, [one, "d-1"])),
        ("value-refused", lambda unit, one: decide.split(unit, builtin(), ADA, one, [])),
        ("value-refused", lambda unit, one: decide.split(unit, builtin(), ADA, one, [A.id])),
        ("value-refused", lambda unit, one: decide.split(unit, builtin(), ADA, one, [B.id])),
        ("not-found", lambda unit, one: decide.undo(unit, builtin(), ADA, "x-\0")),
    ],
)
def test_decisions_are_checked(seen: Database, code: str, act: Any) -> None:
    before = owner(seen, "10.0.0.21")
    with pytest.raises(RingfenceError) as raised, UnitOfWork(seen, NOW) as unit:
        act(unit, before.id)
    assert raised.value.code.code == code
    assert owner(seen, "10.0.0.21") == before


def test_no_merge_across_domains(plant: Database) -> None:
    with pytest.raises(RingfenceError) as raised, UnitOfWork(plant, NOW) as unit:
        decide.merge(unit, builtin(), ADA, [device(1).id, device(3, domain="other").id])
    assert raised.value.code.code == "value-refused"


def test_decisions_of_another_site_are_not_undone(seen: Database) -> None:
    one = owner(seen, "10.0.0.21")
    with UnitOfWork(seen, NOW) as unit:
        places.make_site(unit, "ada", "North")
        made = decide.correct(unit, builtin(), ADA, one.id, "name", "press 3")
    with pytest.raises(RingfenceError) as raised, UnitOfWork(seen, NOW) as unit:
        decide.undo(unit, builtin(), Person("bob", NORTH), made.id)
    assert raised.value.code.code == "not-found"
    assert owner(seen, "10.0.0.21").name == "press 3"


@contextmanager
def plans(database: Database) -> Iterator[list[str]]:
    """Collect how the database goes about each question that is asked of decisions, news and their parts."""
    found: list[str] = []
    asking = False

    def explain(connection: Connection, _: Any, statement: str, given: Any, __: Any, many: bool) -> None:
        nonlocal asking
        if asking or many or not statement.lstrip().startswith("SELECT") or "decision" not in statement + str(given):
            return
        asking = True
        word = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        if not database.is_sqlite:  # Few rows are read whole by choice: here it may not choose.
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found.extend(str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", given))
        asking = False

    event.listen(database.engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(database.engine, "before_cursor_execute", explain)


def test_decisions_are_found_by_an_index(seen: Database) -> None:
    one, two = owner(seen, "10.0.0.21"), owner(seen, "10.0.0.22")
    with plans(seen) as found:
        with UnitOfWork(seen, NOW) as unit:
            made = decide.merge(unit, builtin(), ADA, [one.id, two.id])
            decide.correct(unit, builtin(), ADA, one.id, "name", "press 3")
        with seen.reading() as connection:
            assert len(device_page(connection, owner(seen, "10.0.0.21").id, EVERYWHERE).decisions) == 2
        with UnitOfWork(seen, NOW) as unit:
            decide.undo(unit, builtin(), ADA, made.id)
    text = "\n".join(found)
    assert "decision_part" in text, "or nothing was looked at"
    for table_ in ("decision", "decision_part", "change"):
        whole = f"SCAN {table_}" if seen.is_sqlite else f"Seq Scan on {table_}"
        # The latest decision is the first row of an index, which SQLite calls a scan that uses it.
        assert not [line for line in found if whole in line.replace(f"{whole}_", "") and "USING" not in line], text
