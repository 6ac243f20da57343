"""The client and the command line against the real server over a socket; streams end when a reader leaves."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
import uvicorn
from tests.app.served import NOW, Served, migrated, serve
from tests.app.test_api_reading import add
from tests.store import made

from ringfence.app.api.events import Streams
from ringfence.app.cli import main
from ringfence.app.client import Client
from ringfence.model.errors import RingfenceError
from ringfence.store.database import Database
from ringfence.store.unit import UnitOfWork

pytestmark = pytest.mark.slow


@pytest.fixture
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    folder = tmp_path_factory.mktemp("served") / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{migrated(folder)}")
    with socket.create_server(("127.0.0.1", 0)) as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}"
        served = serve(database, folder, origin=url)
        server = uvicorn.Server(uvicorn.Config(served.app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]}, daemon=True)
        thread.start()
        until(lambda: server.started)
        yield served, url
        server.should_exit = True
        thread.join(20)
    database.close()


def until(true: object, seconds: float = 15.0) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]  # It is a function.
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.01)


def test_lists_pages_and_changes(running: tuple[Served, str]) -> None:
    served, url = running
    devices = [made.device(number) for number in range(1, 712)]
    talk = made.talk(devices[0].parts[1], devices[1].parts[1])
    add(served, *devices, findings=(made.finding(devices[0]),), talks=(talk,))
    client = Client(url, served.token())
    assert sorted(row["id"] for row in client.devices("class:plc")) == sorted(one.id for one in devices)
    assert len(list(client.devices(limit=501))) == 501
    assert [row["title"] for row in client.findings()] == ["A controller was stopped"]
    assert [row["port"] for row in client.conversations()] == [502]
    page = client.device(devices[0].id)
    assert client.change_device(devices[0].id, page["version"], {"owner": "Anna"})["owner"] == "Anna"
    with pytest.raises(RingfenceError) as caught:
        client.change_device(devices[0].id, page["version"], {"owner": "Bert"})
    assert caught.value.code.code == "changed-meanwhile"
    with pytest.raises(RingfenceError) as caught:
        list(client.devices("clas:plc"))
    assert (caught.value.code.code, caught.value.code.exit_code) == ("query", 2)


def test_many_are_changed_and_one_is_erased(
    running: tuple[Served, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = running
    devices = [made.device(number) for number in range(1, 4)]
    add(served, *devices)
    client = Client(url, served.token())
    versions = {row["id"]: row["version"] for row in client.devices(limit=2)}
    assert client.change_devices({"owner": "Anna"}, versions=versions, add_labels=["x"])["changed"] == 2
    with pytest.raises(RingfenceError) as caught:
        client.change_devices({"owner": "Bert"}, versions=versions)
    assert caught.value.code.code == "changed-meanwhile"
    assert client.change_devices({}, query="owner:Anna", count=2, remove_labels=["x"], reason="No") == {
        "devices": 2,
        "changed": 2,
    }
    assert client.erase_device(devices[0].id, "It was sold.")["erased"]["devices"] == 1
    monkeypatch.setenv("RINGFENCE_SERVER", url)
    monkeypatch.setenv("RINGFENCE_TOKEN", served.token())
    assert main(["erase", devices[1].id, "--why", "It was sold, too."]) == 0
    told = capsys.readouterr().out
    assert "Erased: 1 devices" in told
    assert "What stays:" in told
    assert main(["erase", devices[2].id, "--why", "And this.", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["erased"]["devices"] == 1
    assert main(["erase", devices[2].id, "--why", "Once more."]) == 2
    assert "(not-found)" in capsys.readouterr().err
    assert list(client.devices()) == []


def test_the_command_line(
    running: tuple[Served, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = running
    device = made.device(1, name="=1+1\x1b[2J")
    add(served, device, findings=(made.finding(device),))
    with UnitOfWork(served.platform.database, NOW) as unit:
        unit.take("b-1", "tap0", "e", NOW, 5, NOW)
    monkeypatch.setenv("RINGFENCE_SERVER", url)
    assert main(["devices"]) == 2
    assert "(not-logged-in)" in capsys.readouterr().err
    monkeypatch.setenv("RINGFENCE_TOKEN", served.token())
    assert main(["devices", "class:plc", "--format", "csv"]) == 0
    assert '"\'=1+1\\x1b[2J"' in capsys.readouterr().out
    assert main(["findings", "--fail-on", "high"]) == 1
    assert main(["findings", "--fail-on", "critical", "--json"]) == 0
    assert main(["sensors"]) == 0
    assert "tap0" in capsys.readouterr().out
    assert main(["flows", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"schema_version": 1, "conversations": []}
    assert main(["devices", "clas:plc"]) == 2


def test_news_arrive_within_seconds_and_a_reader_who_leaves_is_forgotten(running: tuple[Served, str]) -> None:
    served, url = running
    streams = served.app.state.streams = Streams(interval=0.05, beat=0.2)
    host, port = url.removeprefix("http://").split(":")
    connection = HTTPConnection(host, int(port), timeout=10)
    headers = {"Authorization": f"Bearer {served.token()}"}
    connection.request("GET", "/api/v1/events", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 200
    until(lambda: streams.open == {"anna": 1})
    begun = time.monotonic()
    add(served, made.device(1))
    lines = iter(answer.readline, b"")
    data = next(line for line in lines if line.startswith(b"data: "))
    assert json.loads(data[6:])["id"] == made.device(1).id
    assert time.monotonic() - begun < 5
    answer.close()
    connection.close()
    until(lambda: not streams.open)
