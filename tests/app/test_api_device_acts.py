"""Many devices changed at once, and one erased: by whom, whole or not at all, and what is told of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient
from tests.app.served import NOW, ORIGIN, Served, serve
from tests.app.test_api_changing import acts
from tests.app.test_api_reading import add, put_at
from tests.store import made
from tests.store.conftest import database as database
from tests.store.conftest import migrated_file as migrated_file
from tests.store.conftest import migrated_url as migrated_url
from tests.store.conftest import postgresql as postgresql
from tests.store.test_ring import FRAME, reference

from ringfence.app.access import sessions
from ringfence.app.access.approvals import SETTING
from ringfence.app.erasing import erased_digest
from ringfence.model.scope import EVERYWHERE
from ringfence.sensor.slice import CapturedPacket, capture_file
from ringfence.store import people, settings
from ringfence.store.database import Database
from ringfence.store.keys import Keys
from ringfence.store.observations import save_observations
from ringfence.store.places import make_site, make_zone
from ringfence.store.ring import PacketRing
from ringfence.store.schema import metadata
from ringfence.store.unit import UnitOfWork

CHANGES = "/api/v1/devices/changes"
WHY = {"reason": "Its owner asked for it."}
APPROVER = frozenset({("approver", "*"), ("admin", "*")})


@pytest.fixture
def served(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A server on SQLite and one on PostgreSQL."""
    return serve(database, tmp_path_factory.mktemp("data"))


def rows(client: TestClient, query: str = "") -> dict[str, Any]:
    return {row["id"]: row for row in client.get("/api/v1/devices", params={"q": query}).json()["devices"]}


# --- many ----------------------------------------------------------------------------------------------------------


def test_a_selection_is_changed_whole_and_once(served: Served) -> None:
    devices = [made.device(number) for number in range(1, 4)]
    add(served, *devices)
    with UnitOfWork(served.platform.database, NOW) as unit:
        site = make_site(unit, "ada", "North")
        zone = make_zone(unit, "ada", EVERYWHERE, site, "Cell 1")
    client = served.client()
    seen = rows(client)
    chosen = [{"id": one.id, "version": seen[one.id]["version"]} for one in devices[:2]]
    body = {"devices": chosen, "said": {"zone": zone, "owner": "Line 3"}, "add_labels": ["press"], "reason": "Move."}
    headers = {"Idempotency-Key": "m"}
    answer = client.post(CHANGES, json=body, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"devices": 2, "changed": 2}), answer.text
    again = client.post(CHANGES, json=body, headers=headers)
    assert (again.json(), again.headers["Idempotency-Replayed"]) == (answer.json(), "true")
    now = rows(client)
    for one in devices[:2]:
        assert now[one.id]["site"] == {"id": site, "name": "North"}
        assert (now[one.id]["owner"], now[one.id]["labels"]) == ("Line 3", ["press"])
    assert (now[devices[2].id]["owner"], now[devices[2].id]["labels"]) == (None, [])
    told = [entry for entry in acts(served) if entry.act == "device.note"]
    assert {entry.object for entry in told} == {one.id for one in devices[:2]}
    assert {entry.why for entry in told} == {"Move."}
    assert told[0].before == {"site": None, "zone": None, "owner": None, "labels": []}
    assert told[0].after == {"site": site, "zone": zone, "owner": "Line 3", "labels": ["press"]}


def test_where_one_was_changed_meanwhile_none_is(served: Served) -> None:
    one, two = made.device(1), made.device(2)
    add(served, one, two)
    client = served.client()
    seen = rows(client)
    client.patch(f"/api/v1/devices/{two.id}", json={"owner": "Bert"}, headers={"If-Match": "*"})
    chosen = [{"id": each.id, "version": seen[each.id]["version"]} for each in (one, two)]
    answer = client.post(CHANGES, json={"devices": chosen, "said": {"owner": "Anna"}})
    assert (answer.status_code, answer.json()["code"]) == (412, "changed-meanwhile")
    now = rows(client)
    assert (now[one.id]["owner"], now[two.id]["owner"]) == (None, "Bert")
    chosen[1] = {"id": "d-nowhere", "version": 1}
    assert client.post(CHANGES, json={"devices": chosen, "said": {"owner": "Anna"}}).status_code == 404
    assert rows(client)[one.id]["owner"] is None


def test_a_query_is_changed_where_it_fits_as_many_as_were_seen(served: Served) -> None:
    devices = [made.device(number) for number in range(1, 6)]
    other = made.device(9, device_class="printer")
    add(served, *devices, other)
    client = served.client()
    body = {"q": "class:plc", "count": 4, "said": {"criticality": "high"}}
    answer = client.post(CHANGES, json=body)
    assert (answer.status_code, answer.json()["code"]) == (412, "changed-meanwhile")
    assert "more than 4" in answer.json()["detail"]
    assert client.post(CHANGES, json={**body, "count": 6}).status_code == 412
    assert rows(client, "criticality:high") == {}
    assert client.post(CHANGES, json={**body, "count": 5}).json() == {"devices": 5, "changed": 5}
    assert rows(client, "criticality:high").keys() == {one.id for one in devices}
    assert client.post(CHANGES, json={**body, "count": 5}).json() == {"devices": 5, "changed": 0}
    assert client.post(CHANGES, json={"q": "name:nothing", "count": 0}).json() == {"devices": 0, "changed": 0}


def test_labels_come_and_go(served: Served) -> None:
    one, two = made.device(1), made.device(2)
    add(served, one, two)
    client = served.client()
    for identity, labels in ((one.id, ["a", "b"]), (two.id, ["b"])):
        client.patch(f"/api/v1/devices/{identity}", json={"labels": labels}, headers={"If-Match": "*"})
    body = {"q": "", "count": 2, "add_labels": ["c"], "remove_labels": ["a"]}
    assert client.post(CHANGES, json=body).json() == {"devices": 2, "changed": 2}
    now = rows(client)
    assert (now[one.id]["labels"], now[two.id]["labels"]) == (["b", "c"], ["b", "c"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"said": {"owner": "x"}}, 422),
        ({"q": "class:plc", "said": {"owner": "x"}}, 422),
        ({"count": 1, "said": {"owner": "x"}}, 422),
        ({"q": "", "count": 1, "devices": [{"id": "d", "version": 1}]}, 422),
        ({"devices": [{"id": "d", "version": 1}, {"id": "d", "version": 2}]}, 422),
        ({"devices": []}, 422),
        ({"devices": [{"id": "d"}]}, 422),
        ({"q": "clas:plc", "count": 1}, 400),
        ({"q": "", "count": 1_001}, 422),
        ({"q": "", "count": 1, "said": {"safety": False}}, 422),
        ({"q": "", "count": 1, "said": {"criticality": "gravest"}}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(served: Served, body: dict[str, Any], status: int) -> None:
    add(served, made.device(1))
    answer = served.client().post(CHANGES, json=body)
    assert answer.status_code == status, answer.text
    assert acts(served) == []


def test_only_what_somebody_sees_is_changed(served: Served) -> None:
    ours, theirs = made.device(1), made.device(2)
    add(served, ours, theirs)
    put_at(served, "north", ours.id)
    put_at(served, "south", theirs.id)
    client = served.client("nora", frozenset({("analyst", "north")}))
    assert client.post(CHANGES, json={"q": "", "count": 1, "said": {"owner": "Nora"}}).json()["changed"] == 1
    body = {"devices": [{"id": theirs.id, "version": 1}], "said": {"owner": "Nora"}}
    assert client.post(CHANGES, json=body).status_code == 404
    assert rows(served.client())[theirs.id]["owner"] is None


# --- erased --------------------------------------------------------------------------------------------------------


@pytest.fixture
def plant(served: Served) -> tuple[Served, Any, Any]:
    """Two devices that talk, with a finding whose packets are kept."""
    one, two = made.device(1), made.device(2)
    finding = made.finding(one)
    add(served, one, two, findings=(finding,), talks=(made.talk(one.parts[1], two.parts[1]),))
    platform = served.platform
    with UnitOfWork(platform.database, NOW) as unit:
        about = made.fact(two.parts[0], "modbus.write", {"register": 7}, object=one.parts[1])
        save_observations(unit, "tap0", [made.fact(one.parts[0]), made.fact(two.parts[0]), about])
        ring = PacketRing(platform.database, platform.folder, Keys(platform.secret, platform.clock), platform.clock)
        assert ring.add(unit.connection, "tap0", capture_file([CapturedPacket(NOW, 60, FRAME)])[0]) == 1
        assert ring.keep(unit.connection, finding.id, "tap0", [reference(NOW)]) == 1
    return served, one, two


def test_a_device_is_erased_with_all_that_is_kept_of_it(plant: tuple[Served, Any, Any]) -> None:
    served, one, two = plant
    client, path = served.client(), f"/api/v1/devices/{one.id}"
    client.patch(path, json={"owner": "Anna", "labels": ["mine"]}, headers={"If-Match": "*"})
    answer = client.post(f"{path}/erasure", json=WHY, headers={"Idempotency-Key": "e"})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    kinds = ("devices", "observations", "conversations", "talkers", "decisions", "findings")  # talkers: hour and day
    assert told["erased"] == dict(zip(kinds, (1, 2, 1, 2, 0, 1), strict=True))
    stays = {each["what"]: each["text"] for each in told["stays"]}
    assert "1 earlier entries" in stays["audit_log"]
    assert "30 days" in stays["lake"]
    assert client.get(path).status_code == 404
    assert rows(client).keys() == {two.id}
    assert client.get("/api/v1/findings").json()["findings"] == []
    assert not list((served.platform.folder / "ring" / "slice").rglob("*.sealed"))
    traces = {one.id, *(part.id for part in one.parts), one.macs[0], one.ips[0]}
    with served.platform.database.reading() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(select(table)):
                found = traces & {str(value) for value in row}
                if table.name == "part" or (table.name == "change" and row.what == "erased"):
                    continue  # As the answer says: addresses without anything about them, and one piece of news.
                if table.name == "audit" and row.act == "device.note":
                    continue  # As the answer says: earlier entries.
                assert not found, f"{table.name} still knows {found}"
    again = client.post(f"{path}/erasure", json=WHY, headers={"Idempotency-Key": "e"})
    assert again.json() == told, "the same request again answers the same"
    assert client.post(f"{path}/erasure", json=WHY).status_code == 404


def test_the_audit_log_has_a_keyed_digest_only(plant: tuple[Served, Any, Any]) -> None:
    served, one, _ = plant
    told = served.client().post(f"/api/v1/devices/{one.id}/erasure", json=WHY).json()
    (entry,) = acts(served)
    assert (entry.act, entry.object, entry.who, entry.why) == ("device.erase", told["digest"], "anna", WHY["reason"])
    assert entry.after == {"erased": told["erased"]}
    assert told["digest"] == erased_digest(served.platform, one.id)
    assert one.id not in json.dumps([entry.object, entry.before, entry.after])


def test_who_may_erase(plant: tuple[Served, Any, Any]) -> None:
    served, one, two = plant
    path = f"/api/v1/devices/{one.id}/erasure"
    assert served.client("eva", frozenset({("engineer", "*")})).post(path, json=WHY).status_code == 403
    put_at(served, "north", two.id)
    north = served.client("nora", frozenset({("admin", "north")}))
    assert north.post(path, json=WHY).status_code == 404, "it stands nowhere that she administers"
    assert served.client().post(path, json={}).status_code == 422, "it needs a reason"
    assert served.client().get(f"/api/v1/devices/{one.id}").status_code == 200


def test_four_eyes(plant: tuple[Served, Any, Any]) -> None:
    served, one, two = plant
    with served.platform.database.writing() as connection:
        settings.put(connection, SETTING, {"acts": ["POST /api/v1/devices/{id}/erasure"]})
    client, path = served.client(), f"/api/v1/devices/{one.id}/erasure"
    refused = client.post(path, json=WHY)
    assert (refused.status_code, refused.json()["code"]) == (409, "approval-needed")
    assert client.get(f"/api/v1/devices/{one.id}").status_code == 200
    approve(served, refused.json()["errors"][0]["what"])
    assert client.post(f"/api/v1/devices/{two.id}/erasure", json=WHY).status_code == 409, "it approves this one only"
    assert client.post(path, json=WHY).status_code == 200
    assert client.get(f"/api/v1/devices/{one.id}").status_code == 404


def approve(served: Served, identity: str) -> None:
    """Approve as another person, who is logged in."""
    database, access = served.platform.database, served.app.state.access
    with database.writing() as connection:
        people.add(connection, "bert", "bert", "Bert", NOW)
        people.set_grants(connection, "bert", APPROVER)
        person = people.by_id(connection, "bert")
        assert person is not None
        cookie = sessions.begin(access, connection, person, "password", "a test")
    client = served.stranger()
    client.cookies.set(sessions.cookie_name(access), cookie)
    csrf = client.get("/api/v1/session").json()["csrf"]
    (row,) = client.get("/api/v1/approvals").json()
    assert row["id"] == identity
    body = {"digest": row["digest"], "answer": "approved"}
    answer = client.post(f"/api/v1/approvals/{identity}", json=body, headers={"X-CSRF-Token": csrf, "Origin": ORIGIN})
    assert answer.status_code == 200, answer.text
