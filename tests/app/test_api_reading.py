"""Lists, pages, exports and problems of the API, over the whole application in process."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.app.served import EVERYTHING, NOW, Served, migrated, serve
from tests.store import made

from ringfence.app.api.export import chosen_columns
from ringfence.app.api.v1.devices import COLUMNS
from ringfence.model.errors import CODES, RingfenceError
from ringfence.store import bulk
from ringfence.store.database import Database
from ringfence.store.findings import save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.schema.inventory import device, site
from ringfence.store.traffic import save_conversations
from ringfence.store.unit import UnitOfWork

NASTY = (Path(__file__).parent / "golden" / "nasty.txt").read_text(encoding="utf-8").split("\n")


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    yield serve(database, folder)
    database.close()


def add(served: Served, *devices: Any, findings: tuple[Any, ...] = (), talks: tuple[Any, ...] = ()) -> None:
    with UnitOfWork(served.platform.database, NOW) as unit:
        save_devices(unit, devices)
        save_findings(unit, findings)
        save_conversations(unit, talks)


def put_at(served: Served, name: str, *ids: str) -> None:
    """Let these devices stand at a site."""
    with served.platform.database.writing() as connection:
        bulk.insert(connection, site, ("id", "name", "version"), [(name, name, 1)], "DO NOTHING")
        connection.execute(device.update().where(device.c.id.in_(ids)).values(site=name))


def walked(client: TestClient, path: str, noun: str, **asked: Any) -> Iterator[list[dict[str, Any]]]:
    """Yield the pages of a list."""
    cursor: dict[str, Any] = {}
    while True:
        answer = client.get(path, params={**asked, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield page[noun]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


@settings(max_examples=15, deadline=None)
@given(
    start=st.integers(0, 12),
    size=st.integers(1, 5),
    added=st.lists(st.integers(100, 400), unique=True, max_size=6),
    sort=st.sampled_from(["name", "-name", "class", "-seen", "worst", "-confidence", "owner", "-purdue"]),
)
def test_pages_lose_and_double_nothing_while_rows_are_added(
    tmp_path_factory: pytest.TempPathFactory, start: int, size: int, added: list[int], sort: str
) -> None:
    folder = tmp_path_factory.mktemp("paging") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    served = serve(database, folder)
    there = [made.device(number, name=f"n{number % 7}") for number in range(1, start + 1)]
    add(served, *there)
    coming, seen = list(added), []
    for page in walked(served.client(), "/api/v1/devices", "devices", limit=size, sort=sort):
        seen += [row["id"] for row in page]
        if coming:
            number = coming.pop()
            add(served, made.device(number, name=f"n{number % 7}"))
    database.close()
    assert len(seen) == len(set(seen)), "no row twice"
    assert {one.id for one in there} <= set(seen), "no row that was there from the beginning is missing"


def test_a_cursor_is_of_its_list_query_and_order(served: Served) -> None:
    add(served, *(made.device(number) for number in range(1, 5)))
    client = served.client()
    cursor = client.get("/api/v1/devices?limit=2&sort=-name&q=class:plc").json()["next"]
    good = client.get("/api/v1/devices", params={"limit": 2, "sort": "-name", "q": "class:plc", "cursor": cursor})
    assert len(good.json()["devices"]) == 2
    for wrong in ({"sort": "name", "q": "class:plc"}, {"sort": "-name", "q": ""}):
        answer = client.get("/api/v1/devices", params={**wrong, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (400, "cursor-invalid")
    assert client.get("/api/v1/conversations", params={"cursor": cursor}).json()["code"] == "cursor-invalid"
    assert client.get("/api/v1/flows", params={"cursor": cursor}).json()["code"] == "cursor-invalid"


def test_limits_are_bounded(served: Served) -> None:
    client = served.client()
    for path in ("devices", "findings", "conversations", "flows", "talkers", "map", "changes"):
        for limit in (0, 501, -1, "x", 10**30):
            answer = client.get(f"/api/v1/{path}", params={"limit": limit})
            assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), path


# --- exports -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["", "class:plc", "vendor:rockwell*", "name:plc-3", "plc-1", "-class:plc", "has:finding"]
)
def test_case_26_the_export_is_the_view(served: Served, query: str) -> None:
    devices = [made.device(number) for number in range(1, 30)]
    add(served, *devices, made.device(40, device_class="hmi"), findings=(made.finding(devices[0]),))
    client = served.client()
    columns = ["name", "id", "class", "ips", "worst", "last"]
    view = [
        row for page in walked(client, "/api/v1/devices", "devices", q=query, sort="-name", limit=7) for row in page
    ]
    asked = {"q": query, "sort": "-name", "columns": ",".join(columns)}
    text = client.get("/api/v1/devices/export", params=asked)
    assert text.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.headers["content-disposition"] == 'attachment; filename="devices.csv"'
    rows = list(csv.reader(io.StringIO(text.text)))
    assert rows[0] == columns
    assert [row[1] for row in rows[1:]] == [row["id"] for row in view]
    for row, seen in zip(rows[1:], view, strict=True):
        assert row == [
            seen["name"],
            seen["id"],
            seen["class"],
            " ".join(seen["ips"]),
            seen["worst"] or "",
            seen["last"],
        ]
    lines = client.get("/api/v1/devices/export", params={**asked, "format": "jsonl"}).text.splitlines()
    assert [json.loads(line) for line in lines] == [{name: row[name] for name in columns} for row in view]


def test_an_export_of_many_rows_is_whole_though_others_write(served: Served) -> None:
    add(served, *(made.device(number) for number in range(1, 1_202)))
    with served.client().stream("GET", "/api/v1/devices/export?columns=id") as answer:
        parts = answer.iter_bytes()
        first = next(parts)
        add(served, *(made.device(number) for number in range(2_000, 2_010)))
        lines = (first + b"".join(parts)).splitlines()
    assert len(lines) == len(set(lines)) == 1_202


def test_no_cell_of_an_export_is_a_formula(served: Served) -> None:
    texts = [text for text in NASTY if text.strip()] + ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "-2+3"]
    add(served, *(made.device(number, name=text) for number, text in enumerate(texts, 1)))
    answer = served.client().get("/api/v1/devices/export?columns=name")
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert len(rows) == len(texts) + 1
    for (cell,) in rows[1:]:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "|", "%")), cell
        assert "\x1b" not in cell


def test_an_export_names_the_column_that_was_meant(served: Served) -> None:
    answer = served.client().get("/api/v1/devices/export?columns=name,vendr")
    assert (answer.status_code, answer.json()["code"]) == (422, "value-refused")
    assert "Did you mean vendor?" in answer.json()["detail"]
    assert chosen_columns(" name,,id,name ", COLUMNS) == ["name", "id"]
    with pytest.raises(RingfenceError):
        chosen_columns("x", COLUMNS)


def test_what_is_wrong_with_an_export_is_told_before_it_begins(served: Served) -> None:
    answer = served.client().get("/api/v1/devices/export?q=clas:plc")
    assert (answer.status_code, answer.json()["code"]) == (400, "query")


def test_findings_and_conversations_are_exported_too(served: Served) -> None:
    first, second = made.device(1), made.device(2)
    add(served, first, second, findings=(made.finding(first),), talks=(made.talk(first.parts[1], second.parts[1]),))
    client = served.client()
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/findings/export").text)))
    assert [(row["severity"], row["devices"], row["state"]) for row in rows] == [("high", "plc-1", "open")]
    rows = list(csv.DictReader(io.StringIO(client.get("/api/v1/conversations/export").text)))
    assert [(row["source_label"], row["port"], row["answered"]) for row in rows] == [("plc-1", "502", "yes")]


# --- what somebody sees --------------------------------------------------------------------------------------------


def test_nothing_of_other_sites_is_shown(served: Served) -> None:
    ours, theirs = made.device(1), made.device(2)
    add(
        served,
        ours,
        theirs,
        findings=(made.finding(ours), made.finding(theirs)),
        talks=(made.talk(theirs.parts[1], made.device(3).parts[1]),),
    )
    put_at(served, "north", ours.id)
    put_at(served, "south", theirs.id)
    client = served.client("nora", frozenset({("analyst", "north")}))
    paths = (
        "devices devices/facets devices/export findings findings/export conversations flows talkers map today changes"
    )
    for path in (*paths.split(), f"devices/{ours.id}"):
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == 200, path
        for text in (theirs.id, theirs.name, theirs.ips[0], theirs.macs[0]):
            assert f'"{text}"' not in answer.text, path
    assert client.get(f"/api/v1/devices/{theirs.id}").status_code == 404
    assert client.get(f"/api/v1/flows?device={theirs.id}").status_code == 404
    finding = made.finding(theirs).id
    assert client.get(f"/api/v1/findings/{finding}").status_code == 404
    changed = client.patch(f"/api/v1/findings/{finding}", json={"state": "closed"}, headers={"If-Match": "*"})
    assert changed.status_code == 404


def test_who_only_looks_changes_nothing(served: Served) -> None:
    add(served, made.device(1), findings=(made.finding(made.device(1)),))
    client = served.client("vera", frozenset({("viewer", "*")}))
    finding = made.finding(made.device(1)).id
    answer = client.patch(f"/api/v1/findings/{finding}", json={"state": "closed"}, headers={"If-Match": "*"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    assert client.get(f"/api/v1/findings/{finding}").json()["state"] == "open"


def test_nobody_is_let_in(served: Served) -> None:
    answer = served.stranger().get("/api/v1/devices")
    assert (answer.status_code, answer.json()["code"]) == (401, "not-logged-in")
    assert answer.headers["www-authenticate"].startswith("Bearer")


# --- problems ------------------------------------------------------------------------------------------------------


def test_every_problem_has_code_remedy_and_the_requests_id(served: Served) -> None:
    client = served.client()
    for method, path, status, code in (
        ("GET", "/api/v1/nothing", 404, "not-found"),
        ("GET", "/api/v1/devices/d-0", 404, "not-found"),
        ("POST", "/api/v1/devices", 405, "request-method"),
        ("GET", "/api/v1/devices?limit=x", 422, "request-invalid"),
        ("GET", "/api/v1/devices?sort=colour", 422, "value-refused"),
        ("GET", "/api/v1/devices?q=%22", 400, "query"),
        ("GET", "/api/v1/talkers?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 422, "value-refused"),
    ):
        answer = client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), path
        problem = answer.json()
        assert set(problem) == set("type title status detail code culprit remedy request_id errors".split())
        assert (problem["status"], problem["code"]) == (status, code)
        assert problem["type"] == f"urn:ringfence:error:{code}"
        assert problem["remedy"] == CODES[code].remedy
        assert problem["request_id"] == answer.headers["x-request-id"]
    assert client.post("/api/v1/devices").headers["allow"] == "GET, HEAD"


def test_a_wrong_name_says_what_was_meant(served: Served) -> None:
    problem = served.client().get("/api/v1/devices?limt=2").json()
    assert problem["errors"] == [{"where": "query.limt", "what": "There is no such name. Did you mean limit?"}]


def test_a_name_that_stands_twice_is_refused(served: Served) -> None:
    for query in ("limit=1&limit=2", "q=class:plc&q=-class:plc", "a=1&" * 5_000):
        answer = served.client().get(f"/api/v1/devices?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


@pytest.mark.parametrize(
    "name", ["a%3Fb", "a%23b", "a%0Ab", "a%09b", "%5C1", "a%00", "%F0%9F%98%80", "a%3F/../x", "%3F"]
)
def test_guard_and_router_read_the_same_path(served: Served, name: str) -> None:
    answer = served.client().get(f"/api/v1/devices/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), answer.text


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("2026-11-27T08:00:00Z", 200),
        ("2026-11-27t08:00:00.123456789123+01:00", 200),
        ("0001-01-01T00:00:00Z", 200),
        ("9999-12-31T23:59:59-23:59", 200),
        ("2026-11-27", 422),
        ("1795000000", 422),
        ("0.5", 422),
        ("2026-13-27T08:00:00Z", 422),
        ("2026-11-27T08:00:00+99:00", 422),
        ("2026-11-27T08:00:00", 422),
        ("٢026-11-27T08:00:00Z", 422),
    ],
)
def test_times_are_rfc_3339(served: Served, since: str, status: int) -> None:
    for path in ("conversations", "map", "today"):
        assert served.client().get(f"/api/v1/{path}", params={"since": since}).status_code == status, path


def test_a_request_that_is_too_large_is_not_read(served: Served) -> None:
    client = served.client()
    for body in (b"x" * 2_000_000, iter([b"x" * 1_000_000] * 3)):
        answer = client.post("/api/v1/views", content=body)
        assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[" * 100_000, b'"x"', b"null", b'{"name": "\\ud800"}', b"1e999"])
def test_a_body_that_is_none_is_refused(served: Served, body: bytes) -> None:
    answer = served.client().post("/api/v1/views", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "request-invalid"


def test_nothing_of_our_inside_is_told(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("hunter2 in /etc/secret")

    monkeypatch.setattr("ringfence.app.api.v1.system.sensors", broken)
    answer = served.client().get("/api/v1/sensors")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    assert "ValueError" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_the_database_gone_and_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    add(served, made.device(1))
    client = served.client()
    assert client.get("/api/v1/devices").status_code == 200
    place = Path(str(served.platform.database.url.database))
    served.platform.database.close()
    away = place.rename(place.with_suffix(".away"))
    place.mkdir()  # A folder in its place: it can't be opened, nor made anew.
    answer = client.get("/api/v1/devices")
    assert (answer.status_code, answer.json()["code"]) == (503, "store-unreachable")
    assert answer.headers["retry-after"] == "5"
    assert str(place) not in answer.text
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "ringfence_store_up 0.0" in client.get("/metrics").text
    served.platform.database.close()
    place.rmdir()
    away.rename(place)
    assert len(client.get("/api/v1/devices").json()["devices"]) == 1
    assert client.get("/readyz").status_code == 200


def test_texts_of_devices_come_back_as_they_were(served: Served) -> None:
    names = [text for text in NASTY if text.strip()][:40]
    add(served, *(made.device(number, name=name, names=(name,)) for number, name in enumerate(names, 1)))
    rows = served.client().get("/api/v1/devices?limit=100").json()["devices"]
    assert sorted(row["name"] for row in rows) == sorted(name.replace("\0", "␀") for name in names)


def test_the_document_is_for_people_who_are_logged_in(served: Served) -> None:
    assert served.stranger().get("/api/v1/openapi.json").status_code == 401
    made_ = served.client("nina", EVERYTHING).get("/api/v1/openapi.json").json()
    assert made_["openapi"] == "3.1.0"
    assert served.client().get("/docs").status_code == 404
