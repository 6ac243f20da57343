"""The database of ``ringfence up`` goes away under load and comes back: honest state, nothing acknowledged lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests import postgresql
from tests.app.disturbed import Client, Writers, free_port, running
from tests.app.test_killed_up import REPLAYS, check, devices, sensor_state
from tests.program import missing, ringfence

pytestmark = pytest.mark.slow

TIMES = 10 if os.environ.get("RINGFENCE_SOAK") else 2


def test_a_database_that_goes_and_comes_loses_nothing(tmp_path: Path) -> None:
    if postgresql.binaries() is None:
        missing("PostgreSQL is not installed")
    port, writers = free_port(), Writers()
    with postgresql.server(durable=True) as server:
        url = server.make()
        try:
            with running(tmp_path, port, "--database", url, *REPLAYS, *configured(tmp_path)) as client:
                client.enter()
                writers.client = client
                client.until("devices", lambda: bool(devices(client)))
                writers.device = devices(client)[0]["id"]
                writers.start()
                for _ in range(TIMES):
                    writers.until_more(client)
                    server.stop()
                    told_gone(client)
                    acknowledged = writers.acknowledged
                    time.sleep(1)
                    assert writers.acknowledged == acknowledged, "nothing is acknowledged that nobody keeps"
                    server.start()
                    client.until("it is ready again", lambda: client.readiness()[0] == 200)
                assert client.running.process.poll() is None
                client.until("the end", lambda: sensor_state(client) == "at the end of its captures", 180)
                starts = client.readiness()[1]["checks"]["processes"]["sensor"]["starts"]
                assert starts == 1, f"it waited, and lived: {client.running.told()}"
                writers.stop()
                assert writers.refused["store-unreachable"] > 0
                check(client, writers, tmp_path, url)
        finally:
            writers.stop()


def configured(folder: Path) -> tuple[str | Path, ...]:
    """Batches of a minute, five minutes of capture in a second."""
    path = folder / "ringfence.toml"
    path.write_text('[sensor]\nevery = 60\n[log]\nlevel = "warning"\n', encoding="utf-8")
    return "--config", path, "--speed", "300"


def told_gone(client: Client) -> None:
    """Readiness, figures, API and screens say that the store does not answer; the server lives."""
    client.until("it is told", lambda: client.readiness()[0] == 503)
    checks = client.readiness()[1]["checks"]
    assert checks["store"] == {"ok": False, "code": "store-unreachable"}
    assert client.ask("GET", "/healthz") == (200, {"status": "ok"})
    status, problem = client.ask("GET", "/api/v1/devices")
    assert (status, problem["code"]) == (503, "store-unreachable")
    status, page = client.ask("GET", "/", Accept="text/html")
    assert status == 503
    assert "store-unreachable" in page
    assert "ringfence_store_up 0.0" in client.ask("GET", "/metrics")[1]
    client.until("the sensor waits", lambda: sensor_state(client) == "waiting for the store")


def test_it_does_not_start_without_its_database(tmp_path: Path) -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"
    done = ringfence("up", "--data", tmp_path, "--database", url, "--listen", "127.0.0.1:0")
    assert done.code != 0
    assert "store-unreachable" in done.error
    assert "Traceback" not in done.error
