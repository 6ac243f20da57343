"""Changes by the API: versions that race, keys that repeat, decisions that are undone, and what the audit log says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.app.served import DAY, EVERYTHING, NOW, SECRET, Served, serve
from tests.app.test_api_reading import add, put_at
from tests.store import made
from tests.store.conftest import database as database
from tests.store.conftest import migrated_file as migrated_file
from tests.store.conftest import migrated_url as migrated_url
from tests.store.conftest import postgresql as postgresql

from ringfence.inventory.register import Register
from ringfence.model.clock import rfc3339
from ringfence.store import audit
from ringfence.store.database import Database
from ringfence.store.inventory import save_devices
from ringfence.store.keys import Keys
from ringfence.store.lake import Lake
from ringfence.store.observations import save_observations
from ringfence.store.retention import enforce
from ringfence.store.unit import UnitOfWork


@pytest.fixture
def served(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """A server on SQLite and one on PostgreSQL."""
    return serve(database, tmp_path_factory.mktemp("data"))


def acts(served: Served) -> list[audit.Entry]:
    with served.platform.database.reading() as connection:
        return list(audit.entries(connection))


def version(client: TestClient, path: str) -> str:
    return str(client.get(path).headers["etag"])


def seen(served: Served, *numbers: int) -> list[Any]:
    """Keep devices with facts, from which decisions make them again."""
    parts = {number: made.part(f"10.0.0.{number}") for number in numbers}
    identity = {"vendor": 1, "vendor_name": "Rockwell Automation", "device_type": 14, "product_name": "1756-L61/B"}
    with UnitOfWork(served.platform.database, NOW) as unit:
        facts = [made.fact(one, "enip.identity", {**identity, "serial": number}) for number, one in parts.items()]
        save_observations(unit, "tap0", facts)
        register = Register(served.platform.knowledge)
        register.observe(facts)
        devices = register.devices()
        save_devices(unit, devices)
    return devices


# --- versions ------------------------------------------------------------------------------------------------------


def test_a_change_needs_the_version_that_was_read(served: Served) -> None:
    device = made.device(1)
    add(served, device)
    client, path = served.client(), f"/api/v1/devices/{device.id}"
    before = version(client, path)
    for headers, status, code in (
        ({}, 428, "version-needed"),
        ({"If-Match": '"999"'}, 412, "changed-meanwhile"),
        ({"If-Match": "1"}, 412, "changed-meanwhile"),
        ({"If-Match": 'W/"1"'}, 412, "changed-meanwhile"),
    ):
        answer = client.patch(path, json={"owner": "Anna"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert client.get(path).json()["owner"] is None
    answer = client.patch(path, json={"owner": "Anna"}, headers={"If-Match": before})
    assert answer.status_code == 200
    assert answer.json()["owner"] == "Anna"
    assert answer.headers["etag"] == version(client, path) != before
    assert client.patch(path, json={"owner": "Bert"}, headers={"If-Match": "*"}).json()["owner"] == "Bert"


def test_of_changes_that_race_one_wins(served: Served) -> None:
    device = made.device(1)
    add(served, device)
    client, path = served.client(), f"/api/v1/devices/{device.id}"
    before = version(client, path)

    def change(number: int) -> int:
        body = {"owner": f"owner {number}"}
        return int(served.client().patch(path, json=body, headers={"If-Match": before}).status_code)

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(change, range(6)))
    assert answers == [200, 412, 412, 412, 412, 412]
    assert len([entry for entry in acts(served) if entry.act == "device.note"]) == 1


def test_what_is_said_of_a_device(served: Served) -> None:
    device = made.device(1)
    add(served, device)
    client, path = served.client(), f"/api/v1/devices/{device.id}"
    site = client.post("/api/v1/sites", json={"name": "North"}).json()["id"]
    zone = client.post("/api/v1/zones", json={"site": site, "name": "Cell 3", "subnets": ["10.0.0.0/24"]}).json()["id"]
    said = {"zone": zone, "owner": "Anna", "criticality": "high", "note": "=1+1", "labels": ["b", "a"]}
    answer = client.patch(path, json=said, headers={"If-Match": version(client, path)}).json()
    assert answer["site"] == {"id": site, "name": "North"}
    assert answer["zone"] == {"id": zone, "name": "Cell 3"}
    assert (answer["owner"], answer["criticality"], answer["note"]) == ("Anna", "high", "=1+1")
    assert answer["labels"] == ["a", "b"]
    assert answer["safety"] is None
    entry = next(entry for entry in acts(served) if entry.act == "device.note")
    assert (entry.who, entry.how, entry.object) == ("anna", "token t-anna", device.id)
    assert (entry.before["owner"], entry.after["owner"]) == (None, "Anna")
    answer = client.patch(path, json={"owner": None, "labels": []}, headers={"If-Match": "*"}).json()
    assert (answer["owner"], answer["labels"], answer["criticality"]) == (None, [], "high")
    assert client.patch(path, json={"safety": False}, headers={"If-Match": "*"}).status_code == 422


def test_the_safety_tag_is_set_by_engineers_and_says_why(served: Served) -> None:
    device = made.device(1)
    add(served, device)
    path = f"/api/v1/devices/{device.id}/safety"
    body = {"safety": False, "reason": "A printer."}
    analyst = served.client("al", frozenset({("analyst", "*")}))
    assert analyst.put(path, json=body, headers={"If-Match": "*"}).status_code == 403
    client = served.client()
    assert client.put(path, json={"safety": False}, headers={"If-Match": "*"}).status_code == 422
    assert client.put(path, json={**body, "safety": 0}, headers={"If-Match": "*"}).status_code == 422
    assert client.put(path, json=body, headers={"If-Match": "*"}).json()["safety"] is False
    entry = next(entry for entry in acts(served) if entry.act == "device.safety")
    assert (entry.before, entry.after, entry.why) == ({"safety": None}, {"safety": False}, "A printer.")


def test_a_finding_is_handled(served: Served) -> None:
    device = made.device(1)
    finding = made.finding(device)
    add(served, device, findings=(finding,))
    client, path = served.client(), f"/api/v1/findings/{finding.id}"
    before = version(client, path)
    said = {"state": "acknowledged", "assignee": "bert", "note": "Looks at it."}
    answer = client.patch(path, json=said, headers={"If-Match": before})
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in said} == said
    assert client.patch(path, json={"state": "closed"}, headers={"If-Match": before}).status_code == 412
    answer = client.patch(path, json={"assignee": None}, headers={"If-Match": answer.headers["etag"]})
    assert (answer.json()["assignee"], answer.json()["state"]) == (None, "acknowledged")
    assert [row["what"] for row in answer.json()["timeline"]].count("handled") == 2
    assert client.patch(path, json={"state": "gone"}, headers={"If-Match": "*"}).status_code == 422
    first = next(entry for entry in acts(served) if entry.act == "finding.handle")
    assert first.before == {"state": "open", "assignee": None, "note": None}


# --- keys that repeat ----------------------------------------------------------------------------------------------


def test_the_same_request_again_does_nothing_twice(served: Served) -> None:
    client = served.client()
    headers = {"Idempotency-Key": "k-1"}
    first = client.post("/api/v1/sites", json={"name": "North"}, headers=headers)
    again = client.post("/api/v1/sites", json={"name": "North"}, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first.headers["etag"] == again.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert len(client.get("/api/v1/sites").json()["sites"]) == 1
    other = client.post("/api/v1/sites", json={"name": "South"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-conflict")
    theirs = served.client("bert", EVERYTHING).post("/api/v1/sites", json={"name": "South"}, headers=headers)
    assert theirs.status_code == 201, "a key is its person's own"


def test_a_request_that_failed_may_come_again(served: Served) -> None:
    client, headers = served.client(), {"Idempotency-Key": "k-1"}
    body = {"site": "north", "name": "Cell 3"}
    assert client.post("/api/v1/zones", json=body, headers=headers).status_code == 404
    client.post("/api/v1/sites", json={"name": "North"})
    assert client.post("/api/v1/zones", json=body, headers=headers).status_code == 201


def test_a_key_is_forgotten_after_a_day(served: Served) -> None:
    client, headers = served.client(), {"Idempotency-Key": "k-1"}
    client.post("/api/v1/sites", json={"name": "North"}, headers=headers)
    served.clock.now += 86_400_000_000_001
    assert client.post("/api/v1/sites", json={"name": "South"}, headers=headers).status_code == 201


def test_the_same_key_at_the_same_moment_does_it_once(served: Served) -> None:
    served.client()

    def post(_: int) -> Any:
        made_ = served.client().post("/api/v1/views", json=VIEW, headers={"Idempotency-Key": "k"})
        return made_.status_code, made_.json()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(6)))
    assert {status for status, _ in answers} == {201}
    assert len({body["number"] for _, body in answers}) == 1
    assert len(served.client().get("/api/v1/views").json()["views"]) == 1


VIEW = {"name": "PLCs", "screen": "devices", "query": "q=class%3Aplc"}


# --- decisions -----------------------------------------------------------------------------------------------------


def test_a_correction_holds_and_is_undone(served: Served) -> None:
    (device,) = seen(served, 1)
    client, path = served.client(), f"/api/v1/devices/{device.id}"
    body = {"field": "class", "value": "robot", "reason": "I see it."}
    headers = {"Idempotency-Key": "c"}
    made_ = client.post(f"{path}/corrections", json=body, headers=headers)
    assert made_.status_code == 201, made_.text
    assert client.post(f"{path}/corrections", json=body, headers=headers).json() == made_.json()
    assert made_.json()["device"] == device.id
    page = client.get(path).json()
    assert page["class"] == "robot"
    assert [row["id"] for row in page["decisions"]] == [made_.json()["id"]]
    undone = client.post(f"/api/v1/decisions/{made_.json()['id']}/undo")
    assert undone.status_code == 200
    assert undone.json()["undone"] is not None
    assert client.get(path).json()["class"] != "robot"
    again = client.post(f"/api/v1/decisions/{made_.json()['id']}/undo")
    assert (again.status_code, again.json()["code"]) == (412, "changed-meanwhile")
    assert client.post(f"{path}/corrections", json={"field": "class", "value": "toaster"}).status_code == 422
    level = {"field": "purdue_level", "value": "3.5"}
    assert client.post(f"{path}/corrections", json={**level, "value": "9"}).status_code == 422
    assert client.post(f"{path}/corrections", json=level).status_code == 201
    assert client.get(path).json()["purdue_level"] == 3.5
    assert [entry.act for entry in acts(served)] == ["device.correct", "decision.undo", "device.correct"]


def test_devices_are_merged_and_come_apart(served: Served) -> None:
    first, second = seen(served, 1, 2)
    client = served.client()
    made_ = client.post(f"/api/v1/devices/{first.id}/merges", json={"devices": [second.id], "reason": "Two cards."})
    assert made_.status_code == 201, made_.text
    kept = made_.json()["device"]
    ids = [row["id"] for row in client.get("/api/v1/devices").json()["devices"]]
    assert ids == [kept]
    page = client.get(f"/api/v1/devices/{kept}").json()
    assert {*page["ips"]} == {*first.ips, *second.ips}
    split = client.post(f"/api/v1/devices/{kept}/splits", json={"parts": [page["parts"][0]["id"]], "reason": "Not so."})
    assert split.status_code == 201, split.text
    assert len(client.get("/api/v1/devices").json()["devices"]) == 2
    client.post(f"/api/v1/decisions/{split.json()['id']}/undo")
    assert len(client.get("/api/v1/devices").json()["devices"]) == 1
    client.post(f"/api/v1/decisions/{made_.json()['id']}/undo")
    assert {row["id"] for row in client.get("/api/v1/devices").json()["devices"]} == {first.id, second.id}
    assert client.post(f"/api/v1/devices/{first.id}/merges", json={"devices": []}).status_code == 422
    assert client.post(f"/api/v1/devices/{first.id}/merges", json={"devices": ["d-0"]}).status_code == 404


def test_a_device_is_not_split_into_nothing(served: Served) -> None:
    (device,) = seen(served, 1)
    client, path = served.client(), f"/api/v1/devices/{device.id}"
    whole = [row["id"] for row in client.get(path).json()["parts"]]
    for parts in (whole, ["p-0"]):
        answer = client.post(f"{path}/splits", json={"parts": parts})
        assert (answer.status_code, answer.json()["code"]) == (422, "value-refused")


def test_decisions_about_other_sites_devices_are_not_found(served: Served) -> None:
    ours, theirs = seen(served, 1, 2)
    put_at(served, "north", ours.id)
    put_at(served, "south", theirs.id)
    client = served.client("nora", frozenset({("engineer", "north")}))
    made_ = client.post(f"/api/v1/devices/{ours.id}/merges", json={"devices": [theirs.id]})
    assert made_.status_code == 404
    for path, body in (("corrections", {"field": "class", "value": "plc"}), ("splits", {"parts": ["p"]})):
        assert client.post(f"/api/v1/devices/{theirs.id}/{path}", json=body).status_code == 404
    said = client.patch(f"/api/v1/devices/{theirs.id}", json={"owner": "x"}, headers={"If-Match": "*"})
    assert said.status_code == 404
    assert acts(served) == [], "what was refused is no act"


# --- places, lists of what should be there, views, retention -------------------------------------------------------


def test_places(served: Served) -> None:
    device = made.device(1)
    add(served, device)
    client = served.client()
    made_ = client.post("/api/v1/sites", json={"name": "North"})
    site = made_.json()["id"]
    assert client.post("/api/v1/sites", json={"name": "North"}).status_code == 422
    changed = client.patch(f"/api/v1/sites/{site}", json={"note": "Cold."}, headers={"If-Match": made_.headers["etag"]})
    assert (changed.json()["note"], changed.json()["name"]) == ("Cold.", "North")
    stale = client.patch(f"/api/v1/sites/{site}", json={"note": "x"}, headers={"If-Match": made_.headers["etag"]})
    assert stale.status_code == 412
    zone = client.post("/api/v1/zones", json={"site": site, "name": "Cell", "purdue_level": 1})
    path = f"/api/v1/zones/{zone.json()['id']}"
    better = client.patch(path, json={"purdue_level": 2.5}, headers={"If-Match": zone.headers["etag"]})
    assert better.json()["purdue_level"] == 2.5
    assert client.post("/api/v1/zones", json={"site": site, "name": "X", "subnets": ["no"]}).status_code == 422
    assert client.put("/api/v1/domains/plant", json={"site": site}).json() == {"moved": 1}
    assert client.get(f"/api/v1/devices/{device.id}").json()["site"]["id"] == site
    assert client.get("/api/v1/domains").json()["domains"] == [{"name": "plant", "site": site, "devices": 1}]
    assert client.put("/api/v1/domains/nowhere", json={"site": site}).status_code == 404
    assert {entry.act for entry in acts(served)} == {
        "site.create", "site.change", "zone.create", "zone.change", "domain.place"
    }  # fmt: skip
    nora = served.client("nora", frozenset({("engineer", site)}))
    assert nora.post("/api/v1/sites", json={"name": "South"}).status_code == 403
    assert nora.post("/api/v1/zones", json={"site": site, "name": "Hall"}).status_code == 201


def test_what_should_be_there(served: Served) -> None:
    add(served, made.device(1), made.device(2))
    client = served.client()
    text = 'name,mac,class\nplc-1,00-1D-9C-00-00-01,plc\nplc-9,,plc\n"=x",nonsense,plc\n'
    answer = client.post("/api/v1/intended/csv?source=list", content=text, headers={"Content-Type": "text/csv"}).json()
    told = {name: answer[name] for name in ("rows", "seen", "missing", "unintended", "refused")}
    assert told == {"rows": 2, "seen": 1, "missing": 1, "unintended": 1, "refused": 1}
    assert answer["faults"][0]["number"] >= 1
    rows = client.get("/api/v1/intended?missing=true").json()["intended"]
    assert [(row["name"], row["device"], row["class"]) for row in rows] == [("plc-9", None, "plc")]
    devices = {row["name"]: row["expected"] for row in client.get("/api/v1/devices").json()["devices"]}
    assert devices == {"plc-1": "intended", "plc-2": "unintended"}
    netbox = {"results": [{"name": "plc-2", "role": {"slug": "plc"}}]}
    answer = client.post("/api/v1/intended/netbox?source=netbox", json=netbox).json()
    assert (answer["rows"], answer["seen"], answer["unintended"]) == (3, 2, 0)
    for body in (b"\xff\xfe\x00", b"[" * 100_000):
        refused = client.post("/api/v1/intended/netbox?source=x", content=body)
        assert (refused.status_code, refused.json()["code"]) == (422, "import-unreadable")


def test_views_are_ones_own_or_shared(served: Served) -> None:
    anna, bert = served.client(), served.client("bert", frozenset({("viewer", "*")}))
    own = anna.post("/api/v1/views", json=VIEW).json()
    shared = anna.post("/api/v1/views", json={**VIEW, "name": "Ours", "shared": True}).json()
    assert own["own"] is True
    seen_ = bert.get("/api/v1/views?screen=devices").json()["views"]
    assert [(row["number"], row["own"]) for row in seen_] == [(shared["number"], False)]
    assert bert.delete(f"/api/v1/views/{shared['number']}").status_code == 404
    assert anna.delete(f"/api/v1/views/{shared['number']}").status_code == 204
    assert bert.get("/api/v1/views").json()["views"] == []
    assert anna.post("/api/v1/views", json={**VIEW, "colour": "red"}).status_code == 422


def test_retention_is_set_by_administrators_says_why_and_erases(served: Served, tmp_path: Path) -> None:
    young, old = made.device(1), made.device(2, last=NOW - 100 * DAY)
    add(served, young, old)
    client = served.client()
    kept = client.get("/api/v1/retention").json()
    assert (kept["lake"], kept["devices"]) == (30, None)
    body = {"lake": 90, "devices": 90, "reason": "The auditor asks for a quarter."}
    assert served.client("al", frozenset({("engineer", "*")})).put("/api/v1/retention", json=body).status_code == 403
    assert client.put("/api/v1/retention", json=body).json() == {**kept, "lake": 90, "devices": 90}
    assert client.put("/api/v1/retention", json={**body, "lake": 0}).status_code == 422
    entry = next(entry for entry in acts(served) if entry.act == "retention.set")
    assert (entry.before["lake"], entry.after["lake"], entry.why) == (30, 90, body["reason"])
    database = served.platform.database
    lake = Lake(database, tmp_path, Keys(SECRET, served.clock), served.clock)
    assert enforce(database, lake, NOW) == {"lake": 0, "devices": 1}
    assert [row["id"] for row in client.get("/api/v1/devices").json()["devices"]] == [young.id]
    again = client.put("/api/v1/retention", json={"devices": None, "reason": "For ever."}).json()
    assert (again["lake"], again["devices"]) == (90, None)
    erased = {"kind": "devices", "time": rfc3339(NOW), "number": 1, "total": 1}
    assert (again["checked"], again["erased"]) == (None, [erased]), "a new setting holds within the hour"
    assert enforce(database, lake, NOW + 1_000 * DAY) == {"lake": 0}


# --- events --------------------------------------------------------------------------------------------------------


def happened(text: str) -> Iterator[tuple[str | None, str, Any]]:
    """Yield (id, event, data) of a stream."""
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in fields:
            yield fields.get("id"), fields["event"], json.loads(fields["data"])


def test_events_resume_and_end_with_the_session(served: Served) -> None:
    from ringfence.app.api.events import Streams

    add(served, made.device(1), made.device(2, name="a\nevent: forged\r\n\r\ndata: x"))
    streams = served.app.state.streams = Streams(interval=0.01, beat=0.05, longest=0.3)
    client = served.client()
    answer = client.get("/api/v1/events", headers={"Last-Event-ID": "0"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = list(happened(answer.text))
    assert [event for _, event, _ in told] == ["change", "change", "end"]
    assert told[-1][2] == {"reason": "come-again"}
    assert told[1][2]["detail"]["name"] == "a\nevent: forged\r\n\r\ndata: x"
    resumed = list(happened(client.get("/api/v1/events", headers={"Last-Event-ID": str(told[0][0])}).text))
    assert [number for number, event, _ in resumed if event == "change"] == [told[1][0]]
    assert [event for _, event, _ in happened(client.get("/api/v1/events").text)] == ["end"], "news only"
    assert streams.open == {}
    assert client.get("/api/v1/events", headers={"Last-Event-ID": "x"}).status_code == 422


def test_a_stream_ends_when_its_token_does(served: Served) -> None:
    from ringfence.app.api.events import Streams
    from ringfence.store import credentials

    client = served.client()
    served.app.state.streams = Streams(interval=0.01, beat=0.05, longest=20)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.get, "/api/v1/events")
        while not served.app.state.streams.open:
            pass
        add(served, made.device(1))
        with served.platform.database.writing() as connection:
            credentials.revoke_token(connection, "t-anna", NOW)
        told = list(happened(answer.result(15).text))
    assert told[-1][1:] == ("end", {"reason": "logged-out"})
    assert [data["noun"] for _, event, data in told if event == "change"] in ([], ["device"])


def test_streams_are_counted(served: Served) -> None:
    from ringfence.app.api.events import Streams

    served.app.state.streams = Streams(most_of_one=0)
    answer = served.client().get("/api/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (429, "events-too-many")
    assert "retry-after" in answer.headers


def test_events_of_other_sites_are_not_told(served: Served) -> None:
    from ringfence.app.api.events import Streams

    ours, theirs = made.device(1), made.device(2)
    add(served, ours, theirs)
    put_at(served, "north", ours.id)
    put_at(served, "south", theirs.id)
    served.app.state.streams = Streams(interval=0.01, longest=0.1)
    client = served.client("nora", frozenset({("viewer", "north")}))
    text = client.get("/api/v1/events", headers={"Last-Event-ID": "0"}).text
    assert [data["id"] for _, event, data in happened(text) if event == "change"] == [ours.id]
