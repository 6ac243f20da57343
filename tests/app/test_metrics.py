"""Health, figures and logs: what is told, to whom, and that no secret is among it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient
from tests.app.served import DAY, NOW, ORIGIN, Served, migrated, serve
from tests.store import made

from ringfence.app.config import LogOptions, MetricsOptions
from ringfence.app.observe import JsonLines, TextLines, log_to
from ringfence.store import settings
from ringfence.store.database import Database
from ringfence.store.findings import save_findings
from ringfence.store.inventory import save_devices
from ringfence.store.unit import UnitOfWork

TOKEN = "scrape-me"  # noqa: S105 It is made for this test.


@pytest.fixture
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from opened(tmp_path_factory, None)


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    yield from opened(tmp_path_factory, MetricsOptions(token=TOKEN))


def opened(factory: pytest.TempPathFactory, metrics: MetricsOptions | None) -> Iterator[Served]:
    folder = factory.mktemp("served") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    yield serve(database, folder, metrics)
    database.close()


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What the log says, with the logging of before put back."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    handlers, level, disabled = root.handlers[:], root.level, access.disabled
    stream = io.StringIO()
    log_to(stream, LogOptions(level="debug"))
    yield stream
    root.handlers[:], access.disabled = handlers, disabled
    root.setLevel(level)


def figures(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_the_figures_are_those_of_the_store(served: Served) -> None:
    with UnitOfWork(served.platform.database, NOW) as unit:
        devices = [made.device(number) for number in range(1, 4)]
        save_devices(unit, devices)
        save_findings(unit, [made.finding(devices[0]), made.finding(devices[1])])
        unit.take("b-1", "tap0", "e", NOW - 600_000_000_000, 42, NOW - 300_000_000_000)
    client = served.client()
    client.get("/api/v1/devices")
    client.get("/api/v1/devices/d-1")
    client.get("/api/v1/devices/d-2")
    told = figures(client.get("/metrics").text)
    assert told["ringfence_devices"] == {(): 3}
    assert told["ringfence_findings_open"][(("severity", "high"),)] == 2
    assert told["ringfence_findings_open"][(("severity", "low"),)] == 0
    assert told["ringfence_sensor_age_seconds"] == {(("sensor", "tap0"),): 300}
    assert told["ringfence_sensor_packets"] == {(("sensor", "tap0"),): 42}
    assert "ringfence_retention_age_seconds" not in told, "it never ran"
    with served.platform.database.writing() as connection:
        kinds = {"devices": {"time": NOW, "number": 2, "total": 5}}
        settings.put(connection, "retention_done", {"checked": NOW - 60_000_000_000, "kinds": kinds})
    later = figures(client.get("/metrics").text)
    assert later["ringfence_retention_age_seconds"] == {(): 60}
    assert later["ringfence_retention_erased"] == {(("kind", "devices"),): 5}
    assert told["ringfence_store_up"] == {(): 1}
    requests = told["ringfence_requests_total"]
    assert requests[("method", "GET"), ("route", "/api/v1/devices"), ("status", "200")] == 1
    assert requests[("method", "GET"), ("route", "/api/v1/devices/{id}"), ("status", "404")] == 2
    assert told["ringfence_request_seconds_count"][(("route", "/api/v1/devices/{id}"),)] == 2


def test_strangers_paths_and_methods_make_no_new_series(served: Served) -> None:
    client = served.stranger()
    for number in range(30):
        client.get(f"/nothing/{number}")
        client.request(f"X{number}", "/api/v1/devices")
    routes = {dict(labels)["route"] for labels in figures(client.get("/metrics").text)["ringfence_requests_total"]}
    methods = {dict(labels)["method"] for labels in figures(client.get("/metrics").text)["ringfence_requests_total"]}
    assert routes == {"none"}
    assert methods <= {"GET", "other"}


def from_elsewhere(served: Served, address: str = "192.0.2.7") -> TestClient:
    return TestClient(served.app, base_url=ORIGIN, raise_server_exceptions=False, client=(address, 5_000))


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 404),
        ("testclient", {}, 404),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.7"}, 404),
        ("127.0.0.1", {"Forwarded": "for=192.0.2.7"}, 404),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 404),
        ("192.0.2.7", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("127.0.0.1", {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "192.0.2.7"}, 200),
        ("192.0.2.7", {"Authorization": "Bearer scrape-me-not"}, 404),
        ("127.0.0.1", {"Authorization": "Bearer wrong"}, 404),
    ],
)
def test_figures_are_for_this_machine_or_a_token(
    guarded: Served, address: str, headers: dict[str, str], status: int
) -> None:
    client = from_elsewhere(guarded, address)
    assert client.get("/metrics", headers=headers).status_code == status
    assert ("checks" in client.get("/readyz", headers=headers).json()) is (status == 200)
    assert client.get("/healthz", headers=headers).json() == {"status": "ok"}


def test_without_a_token_none_is_taken(served: Served) -> None:
    for said in (b"Bearer ", b"Bearer None", b"Bearer \xff"):
        answer = from_elsewhere(served).get("/metrics", headers={b"Authorization": said})
        assert answer.status_code == 404


def test_figures_can_be_switched_off(tmp_path_factory: pytest.TempPathFactory) -> None:
    for served in opened(tmp_path_factory, MetricsOptions(enabled=False)):
        assert served.client().get("/metrics").status_code == 404


def test_ready_tells_a_silent_sensor_and_stays_ready(served: Served) -> None:
    with UnitOfWork(served.platform.database, NOW) as unit:
        unit.take("b-1", "tap0", "e", NOW, 1, NOW - 60_000_000_000)
        unit.take("b-2", "tap1", "e", NOW, 1, NOW - DAY)
    answer = served.stranger().get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    sensors = answer.json()["checks"]["sensors"]
    assert sensors == {
        "tap0": {"age_seconds": 60, "silent": False},
        "tap1": {"age_seconds": 86_400, "silent": True},
    }


def test_a_store_without_its_tables_is_not_ready(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("empty")
    database = Database(f"sqlite:///{folder / 'store.db'}")
    answer = serve(database, folder).stranger().get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["checks"]["tables"]["pending"]
    database.close()


# --- logs ----------------------------------------------------------------------------------------------------------


def told(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def test_each_request_is_one_line_with_its_id(served: Served, lines: io.StringIO) -> None:
    answer = served.client().get("/api/v1/devices/d-1?x=1")
    (row,) = [row for row in told(lines) if row["source"] == "ringfence.request"]
    assert row["request_id"] == answer.headers["x-request-id"]
    assert (row["method"], row["route"], row["status"], row["who"]) == ("GET", "/api/v1/devices/{id}", 404, "anna")
    assert row["milliseconds"] >= 0
    assert row["time"].endswith("Z")
    assert served.client().get("/api/v1/about").headers["x-request-id"] != answer.headers["x-request-id"]


def test_the_callers_request_id_is_not_taken(served: Served) -> None:
    answer = served.client().get("/api/v1/about", headers={"X-Request-ID": "mine"})
    assert answer.headers["x-request-id"] != "mine"
    assert len(answer.headers.get_list("x-request-id")) == 1


def test_no_secret_stands_in_the_log(served: Served, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "hunter2secret"  # noqa: S105 It is made for this test.

    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"password={secret} postgresql://r:{secret}@db/r Authorization: Bearer {secret}")

    client = served.client()
    client.get(f"/welcome?token={secret}")
    client.get(f"/invite/{secret}")
    client.post("/log-in", data={"name": "anna", "password": secret}, headers={"Origin": ORIGIN})
    client.get("/api/v1/devices", headers={"Authorization": f"Bearer {secret}"})
    client.get("/api/v1/devices", headers={"Cookie": f"ringfence-8470={secret}"})
    client.get(f"/api/v1/devices?q={secret}")
    client.patch("/api/v1/findings/f-1", json={"note": secret}, headers={"If-Match": "*"})
    monkeypatch.setattr("ringfence.app.api.v1.system.sensors", broken)
    assert client.get("/api/v1/sensors").status_code == 500
    logging.getLogger("x").warning("Set-Cookie: a=%s; token: '%s'", secret, secret)
    text = lines.getvalue()
    assert secret not in text
    assert served.token() not in text
    assert "ValueError" in text, "what happened is told all the same"
    assert "test_metrics.py" in text


@given(st.text(), st.text())
def test_a_line_is_one_line_whatever_is_in_it(message: str, value: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s", (message,), None)
    record.facts = {"who": value}
    made_ = JsonLines().format(record)
    assert made_.isascii()
    assert made_.isprintable()
    assert json.loads(made_)["source"] == "x"
    assert len(TextLines().format(record).splitlines()) == 1


def test_text_lines_are_for_people(lines: io.StringIO) -> None:
    log_to(lines, LogOptions(level="warning", format="text"))
    logging.getLogger("x").info("not this")
    logging.getLogger("x").warning("that\x1b[31m", extra={"facts": {"status": 5}})
    assert "not this" not in lines.getvalue()
    assert lines.getvalue().endswith("warning that\\x1b[31m status=5\n")
