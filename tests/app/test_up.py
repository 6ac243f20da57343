"""``ringfence up`` over real HTTP: what a replay shows is what ``analyze`` says of the same packets."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.app.running import Running, up
from tests.program import DEMO, ringfence

pytestmark = pytest.mark.slow


def open_findings(server: Running) -> dict[str, dict[str, Any]]:
    """Without those that later facts took back: the first batches know less than the whole."""
    return {row["id"]: row for row in server.every("/api/v1/findings") if row["state"] != "closed"}


def test_a_replay_shows_what_analyze_says(tmp_path: Path) -> None:
    out = tmp_path / "analysis.json"
    assert ringfence("analyze", *DEMO, "-q", "--json", out).code in (0, 3)
    expected = json.loads(out.read_text())
    replays = [word for capture in DEMO for word in ("--replay", str(capture))]
    with up(tmp_path / "data", *replays) as server:
        server.enter()
        wanted = len(expected["devices"])
        server.until("all devices", lambda: len(server.every("/api/v1/devices")) == wanted)
        server.until("all findings", lambda: len(open_findings(server)) == len(expected["findings"]))
        devices = {row["id"]: row for row in server.every("/api/v1/devices")}
        for device in expected["devices"]:
            row = devices[device["id"]]
            for name in ("name", "class", "vendor", "product", "model", "firmware", "serial", "os", "macs", "ips"):
                assert row[name] == device[name], (device["id"], name)
        findings = open_findings(server)
        for finding in expected["findings"]:
            row = findings[finding["id"]]
            for name in ("rule", "severity", "title", "why", "count"):
                assert row[name] == finding[name], (finding["id"], name)


def test_nobody_gets_in_without_the_link_and_the_link_works_once(tmp_path: Path) -> None:
    with up(tmp_path / "data") as server:
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.get("/api/v1/devices")
        assert refused.value.code == 401
        server.enter()
        assert server.get("/api/v1/session")["name"] == "ada"
        link = server.link
    with up(tmp_path / "data") as again:
        assert again.link is None, "there is an administrator: no further link is printed"
        again.link = link
        with pytest.raises(urllib.error.HTTPError) as refused:
            again.enter()
        assert refused.value.code in (400, 401, 403, 404, 410)


def test_another_host_name_is_refused(tmp_path: Path) -> None:
    with up(tmp_path / "data") as server:
        request = urllib.request.Request(f"{server.url}/healthz", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code in (400, 403, 421)


def test_a_killed_sensor_is_started_again_and_ends_with_the_server(tmp_path: Path) -> None:
    replays = [word for capture in DEMO for word in ("--replay", str(capture))]
    with up(tmp_path / "data", *replays) as server:
        server.enter()
        server.until("a sensor", lambda: len(server.children()) == 1)
        (first,) = server.children()
        os.kill(first, signal.SIGKILL)
        server.until("another sensor", lambda: server.children() not in ([], [first]))
        (second,) = server.children()
        server.until("devices", lambda: len(server.every("/api/v1/devices")) > 5)
        server.process.kill()
        server.process.wait()
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.kill(second, 0)
            time.sleep(0.2)


def test_open_streams_end_with_the_server(tmp_path: Path) -> None:
    """A screen that stays open must not be waited for, nor cut off without a word."""
    with up(tmp_path / "data") as server:
        server.enter()
        with server.opener.open(f"{server.url}/api/v1/events", timeout=20) as told:
            assert told.readline().startswith(b": changes")
            server.process.send_signal(signal.SIGTERM)
            rest = told.read()
        assert b'event: end\ndata: {"reason": "come-again"}' in rest
        assert server.process.wait(timeout=20) in (0, -signal.SIGTERM)
    assert not any("graceful" in line for line in server.lines)


def test_anything_but_loopback_speaks_tls(tmp_path: Path) -> None:
    with up(tmp_path / "data", "--listen", "0.0.0.0:0") as server:
        assert server.url.startswith("https://")
        assert any("SHA-256 fingerprint" in line for line in server.lines)
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert not plain.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--replay", "no-such-file.pcap"), 2, "no-such-file.pcap"),
        (("--database", "oracle://somewhere"), 2, "database-url"),
        (("--listen", "nowhere"), 2, "server.listen"),
        (("--listen", "192.0.2.1:8470"), 2, "listen-refused"),
        (("--interface", "a", "--replay", "b"), 2, "not allowed with"),
    ],
)
def test_bad_words_are_named(words: tuple[str, ...], code: int, said: str, tmp_path: Path) -> None:
    done = ringfence("up", "--data", str(tmp_path), *words)
    assert done.code == code
    assert said in done.error
