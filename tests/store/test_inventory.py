"""Devices and findings are kept: what changed is written and told, people's words stay, merged devices come back."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from tests.store.made import DAY, NOW, device, finding, part

from ringfence.model.device import Claim, Device
from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Severity
from ringfence.model.scope import EVERYWHERE
from ringfence.store.database import Database
from ringfence.store.findings import handle, save_findings
from ringfence.store.inventory import load_devices, save_devices
from ringfence.store.read.changes import changes
from ringfence.store.read.device import device as device_page
from ringfence.store.read.findings import finding as finding_page
from ringfence.store.schema.findings import finding as finding_table
from ringfence.store.schema.findings import finding_device
from ringfence.store.schema.inventory import device as table
from ringfence.store.schema.inventory import device_note, domain, label, site
from ringfence.store.unit import Inputs, UnitOfWork

NASTY = "a\0b\ud800c\x1b[31m'\";--<script>" + "x" * 1_000_000


def save(database: Database, *devices: Device) -> int:
    with UnitOfWork(database, NOW) as unit:
        return save_devices(unit, devices)


def told(database: Database, noun: str = "device") -> list[tuple[str, str]]:
    with database.reading() as connection:
        return [(one.id, one.what) for one in changes(connection, 0, EVERYWHERE) if one.noun == noun]


def row(database: Database, identity: str) -> dict[str, Any]:
    with database.reading() as connection:
        return dict(connection.execute(select(table).where(table.c.id == identity)).mappings().one())


def test_devices_come_back_as_they_were_saved(database: Database) -> None:
    saved = [device(number) for number in range(1, 6)]
    assert save(database, *saved) == 5
    with database.reading() as connection:
        loaded = load_devices(connection)
    assert loaded == sorted((replace(one, vendor_confidence=0.0) for one in saved), key=lambda one: one.id)


def test_only_what_changed_is_written_and_told(database: Database) -> None:
    one, two = device(1), device(2)
    assert save(database, one, two) == 2
    assert save(database, one, two) == 0
    assert save(database, one, replace(two, last=NOW)) == 1
    assert row(database, two.id)["last"] == NOW
    assert save(database, replace(one, firmware="21.1"), replace(two, last=NOW)) == 1
    assert told(database) == [(one.id, "new"), (two.id, "new"), (one.id, "changed")]
    with database.reading() as connection:
        page = device_page(connection, one.id, EVERYWHERE)
    assert page.row.firmware == "21.1"
    assert page.timeline[0].detail == {"firmware": ["20.11", "21.1"]}


def test_claims_that_are_gone_are_gone(database: Database) -> None:
    save(database, device(1))
    save(database, device(1, claims=(Claim("os", "VxWorks", 0.5, "banner", "It says so.", 1, 2),), conflicts=()))
    with database.reading() as connection:
        page = device_page(connection, device(1).id, EVERYWHERE)
    assert [one.field for one in page.claims] == ["os"]
    assert page.conflicts == ()


def test_what_people_wrote_stays(database: Database) -> None:
    one = device(1)
    save(database, one)
    with database.writing() as connection:
        connection.execute(insert(site).values(id="north", name="North"))
        connection.execute(insert(device_note).values(device=one.id, site="north", owner="Ada", safety=False))
        connection.execute(update(table).where(table.c.id == one.id).values(site="north", owner="Ada", safety=False))
    save(database, replace(one, firmware="22"))
    found = row(database, one.id)
    assert (found["site"], found["owner"], found["safety"], found["firmware"]) == ("north", "Ada", False, "22")


def test_new_devices_stand_at_the_site_of_their_domain(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(insert(site).values(id="north", name="North"))
        connection.execute(insert(domain).values(name="plant", site="north"))
    save(database, device(1), device(2, domain="other"))
    assert row(database, device(1).id)["site"] == "north"
    assert row(database, device(2, domain="other").id)["site"] is None


def test_a_device_that_lost_all_parts_is_merged_and_comes_back(database: Database) -> None:
    mac, ip = part("00:1d:9c:00:00:01", "mac"), part("10.0.0.1")
    by_mac, by_ip = device(1, parts=(mac,), ips=()), device(1, parts=(ip,), macs=())
    save(database, by_mac, by_ip)
    with UnitOfWork(database, NOW) as unit:
        save_findings(unit, [finding(by_ip)])
        unit.connection.execute(insert(device_note).values(device=by_ip.id, owner="Ada", note="Do not touch"))
        unit.connection.execute(insert(label), [{"device": by_ip.id, "name": "spare"}])
    whole = device(1, parts=(mac, ip))
    assert whole.id == by_mac.id
    save(database, whole)
    assert row(database, by_ip.id)["merged_into"] == whole.id
    assert (by_ip.id, "merged") in told(database)
    with database.reading() as connection:
        page = device_page(connection, by_ip.id, EVERYWHERE)
        assert [one.id for one in load_devices(connection)] == [whole.id]
    assert page.row.id == whole.id
    assert (page.row.owner, page.note, page.row.labels) == ("Ada", "Do not touch", ("spare",))
    assert (page.row.worst, page.row.open_findings) == ("high", 1)
    assert [one.rule for one in page.findings] == ["ot_command"]
    assert {one.what for one in page.timeline} >= {"merged", "new"}

    save(database, by_mac, by_ip)
    assert row(database, by_ip.id)["merged_into"] is None
    assert (by_ip.id, "split") in told(database)
    with database.reading() as connection:
        assert {one.id for one in load_devices(connection)} == {by_mac.id, by_ip.id}
        assert device_page(connection, by_ip.id, EVERYWHERE).note == "Do not touch"


def test_saving_some_leaves_the_others(database: Database) -> None:
    save(database, device(1), device(2))
    assert save(database, device(3)) == 1
    with database.reading() as connection:
        assert len(load_devices(connection)) == 3


def test_hostile_text_is_stored(database: Database) -> None:
    claims = (Claim("name", NASTY, 0.5, "banner", NASTY, 1, 2),)
    one = device(1, name=NASTY, vendor=NASTY, names=(NASTY,), serial="\0", claims=claims, marks=(NASTY[:50],))
    assert save(database, one) == 1
    assert save(database, one) == 0
    with UnitOfWork(database, NOW) as unit:
        save_findings(unit, [finding(one, title=NASTY, why=NASTY, remedy=NASTY, attack=(NASTY[:20],))])
        assert save_findings(unit, [finding(one, title=NASTY, why=NASTY, remedy=NASTY, attack=(NASTY[:20],))]) == 0
    with database.reading() as connection:
        page = device_page(connection, one.id, EVERYWHERE)
    assert "\0" not in page.row.name
    assert len(page.claims[0].value) == len(NASTY)
    assert len(page.findings[0].why) == len(NASTY)


def test_texts_that_do_not_compress_fit_the_indexes(database: Database) -> None:
    chance = random.Random(1)  # noqa: S311 The same text each time is what is wanted.
    odd = "".join(chr(chance.randrange(0x10000, 0x10FFFF)) for _ in range(5_000))
    one = device(1, name=odd, vendor=odd, model=odd, names=(odd,), parts=(part(odd, "name"),), macs=(), os=odd)
    assert save(database, one) == 1
    with database.reading() as connection:
        assert len(device_page(connection, one.id, EVERYWHERE).row.name) == 500


# --- findings -----------------------------------------------------------------------------------------------------


def store(database: Database, *findings: Any) -> int:
    with UnitOfWork(database, NOW, Inputs(["epoch"])) as unit:
        return save_findings(unit, findings)


def test_findings_are_kept_and_counted_on_their_devices(database: Database) -> None:
    one, two = device(1), device(2)
    save(database, one, two)
    grave = finding(one, two, severity=Severity.CRITICAL)
    assert store(database, grave, finding(one, rule="weak_certificate", severity=Severity.LOW)) == 2
    assert store(database, grave) == 0
    assert (row(database, one.id)["worst"], row(database, one.id)["open_findings"]) == (4, 2)
    assert (row(database, two.id)["worst"], row(database, two.id)["open_findings"]) == (4, 1)
    with database.reading() as connection:
        page = finding_page(connection, grave.id, EVERYWHERE)
        assert connection.execute(select(func.count()).select_from(finding_device)).scalar_one() == 3
    assert [role.id for role in page.row.devices] == [one.id, two.id]
    assert page.packets[0] == {"time": NOW + 3, "input": "epoch", "index": 3, "interface": 0, "length": 60}
    assert page.attack == ("T0858",)
    assert store(database, replace(grave, devices=grave.devices[:1], count=2)) == 1
    assert (row(database, two.id)["worst"], row(database, two.id)["open_findings"]) == (-1, 0)


def test_what_people_did_stays_and_a_closed_one_reopens(database: Database) -> None:
    one = device(1)
    save(database, one)
    said = finding(one)
    store(database, said)
    with UnitOfWork(database, NOW) as unit:
        handle(unit, said.id, "ada", 1, state="closed", assignee="ada", note="A test")
    assert row(database, one.id)["open_findings"] == 0
    store(database, replace(said, count=2))
    with database.reading() as connection:
        page = finding_page(connection, said.id, EVERYWHERE)
    assert (page.row.state, page.row.assignee, page.note, page.row.count) == ("closed", "ada", "A test", 2)
    store(database, replace(said, count=3, last=said.last + DAY))
    with database.reading() as connection:
        page = finding_page(connection, said.id, EVERYWHERE)
    assert (page.row.state, page.row.assignee) == ("open", "ada")
    assert row(database, one.id)["open_findings"] == 1
    assert [one.what for one in page.timeline] == ["reopened", "handled", "new"]
    assert page.timeline[1].who == "ada"


@pytest.mark.parametrize(
    ("version", "arguments", "code"),
    [
        (2, {"state": "closed"}, "changed-meanwhile"),
        (1, {"state": "solved"}, "value-refused"),
        (1, {"note": "x" * 10_001}, "value-refused"),
    ],
)
def test_what_people_may_not_do(database: Database, version: int, arguments: dict[str, str], code: str) -> None:
    save(database, device(1))
    store(database, finding(device(1)))
    with pytest.raises(RingfenceError) as raised, UnitOfWork(database, NOW) as unit:
        handle(unit, finding(device(1)).id, "ada", version, **arguments)
    assert raised.value.code.code == code
    with database.reading() as connection:
        assert connection.execute(select(finding_table.c.state, finding_table.c.version)).one() == ("open", 1)


def test_an_unknown_finding(database: Database) -> None:
    with pytest.raises(RingfenceError) as raised, UnitOfWork(database, NOW) as unit:
        handle(unit, "f-\0\ud800", "ada", 1, state="closed")
    assert raised.value.code.code == "not-found"
    with pytest.raises(RingfenceError), database.reading() as connection:
        finding_page(connection, "\0", EVERYWHERE)
