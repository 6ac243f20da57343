"""``ringfence up`` under load while its processes are killed: who is killed, who writes meanwhile, what must be there.

Rule 1: only processes that the test started are killed, each by its own id.
Rule 2: what was answered with 2xx is there once; what was not answered is there once or not at all.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

from sqlalchemy import func, select
from tests.app.running import Running, up

from ringfence.app.installation import Installation
from ringfence.store.lake import Lake
from ringfence.store.lake_read import FlowFilter, count, flows
from ringfence.store.schema.audit import entry
from ringfence.store.schema.operation import batch
from ringfence.store.schema.traffic import conversation, lake_file

Inside = Callable[[], AbstractContextManager[None]]
ALWAYS = FlowFilter(-(2**62), 2**62)


def free_port() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def children_of(process: int) -> list[int]:
    """Process ids of the children of a process; none where it is gone."""
    try:
        found = [(each / "children").read_text().split() for each in Path(f"/proc/{process}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return sorted({int(pid) for pids in found for pid in pids})


def kill(process: int) -> None:
    """Kill a process that the test started; it may have gone by itself."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


@dataclass
class Client:
    """Ada, who asks over HTTP, from a network namespace where the server is in one."""

    running: Running
    inside: Inside = nullcontext
    csrf: str = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Answer status and body; raises OSError where nobody answered."""
        data = None if body is None else json.dumps(body).encode()
        told = {"Origin": self.running.url, "X-CSRF-Token": self.csrf, **headers}
        if data is not None:
            told["Content-Type"] = "application/json"
        request = urllib.request.Request(f"{self.running.url}{path}", data, told, method=method)
        with self.inside():
            try:
                with self.running.opener.open(request, timeout=30) as answer:
                    return answer.status, _json(answer.read())
            except urllib.error.HTTPError as error:
                with error:
                    return error.code, _json(error.read())

    def enter(self, before: Client | None = None) -> None:
        """Log in with the link, or go on with the session of before: the server may have died, the session has not."""
        if before is None:
            with self.inside():
                self.running.enter()
        else:
            assert self.running.link is None
            self.running.jar = before.running.jar
        status, session = self.ask("GET", "/api/v1/session")
        assert (status, session["name"]) == (200, "ada")
        self.csrf = session["csrf"]

    def readiness(self) -> tuple[int, dict[str, Any]]:
        return self.ask("GET", "/readyz")

    def until(self, what: str, check: Callable[[], bool], seconds: float = 60) -> None:
        def checked() -> bool:
            try:
                return check()
            except OSError:
                return False

        self.running.until(what, checked, seconds)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def only_child(client: Client, process: int) -> int:
    """The one child of a process, once it is seen: the kernel's list may leave one out while threads end."""
    client.until("a child", lambda: len(children_of(process)) == 1)
    return children_of(process)[0]


@dataclass
class Writers:
    """People who write and read all the time, with what they were answered."""

    sites: dict[str, bool] = field(default_factory=dict)  # name, whether it was acknowledged
    labels: dict[str, bool] = field(default_factory=dict)
    tokens: dict[str, bool] = field(default_factory=dict)
    corrections: dict[str, bool] = field(default_factory=dict)  # reason
    refused: Counter[str] = field(default_factory=Counter)  # codes of problems
    reads: int = 0
    unread: int = 0
    client: Client | None = None  # None: nobody writes just now
    device: str = ""
    _ends: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        acts = (self._site, self._label, self._token, self._correct)
        self._threads = [threading.Thread(target=self._run, args=(act,), daemon=True) for act in (*acts, self._read)]
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        self._ends.set()
        for each in self._threads:
            each.join(60)
            assert not each.is_alive()

    @property
    def acknowledged(self) -> int:
        return sum(sum(kind.values()) for kind in (self.sites, self.labels, self.tokens, self.corrections))

    def _run(self, act: Callable[[Client, str], None]) -> None:
        while not self._ends.wait(0.1):
            client = self.client
            if client is None:
                continue
            try:
                act(client, token_hex(8))
            except OSError:
                self.refused["nobody"] += 1

    def _took(self, answered: tuple[int, Any], wanted: int) -> bool:
        status, body = answered
        if status != wanted:
            self.refused[str(body.get("code")) if isinstance(body, dict) else str(status)] += 1
        return status == wanted

    def _site(self, client: Client, word: str) -> None:
        """The same key again until it is answered: still only one site."""
        name = f"site {word}"
        self.sites[name] = False
        for _ in range(20):
            try:
                body = {"name": name}
                self.sites[name] = self._took(
                    client.ask("POST", "/api/v1/sites", body, **{"Idempotency-Key": word}), 201
                )
            except OSError:
                self.refused["nobody"] += 1
            if self.sites[name] or self._ends.wait(0.5):
                return

    def _label(self, client: Client, word: str) -> None:
        if not self.device:
            return
        self.labels[word] = False
        path = f"/api/v1/devices/{self.device}"
        self.labels[word] = self._took(client.ask("PATCH", path, {"labels": [word]}, **{"If-Match": "*"}), 200)

    def _token(self, client: Client, word: str) -> None:
        if sum(self.tokens.values()) > 50:
            return  # A person has a hundred at most.
        self.tokens[word] = False
        body = {"name": word, "roles": [{"role": "viewer", "site": "*"}], "days": 1}
        self.tokens[word] = self._took(client.ask("POST", "/api/v1/tokens", body), 201)

    def _correct(self, client: Client, word: str) -> None:
        if not self.device:
            return
        self.corrections[word] = False
        body = {"field": "name", "value": f"press {word}", "reason": word}
        path = f"/api/v1/devices/{self.device}/corrections"
        self.corrections[word] = self._took(client.ask("POST", path, body), 201)

    def _read(self, client: Client, word: str) -> None:
        status, _ = client.ask("GET", "/api/v1/devices?limit=100")
        self.reads += status == 200
        self.unread += status != 200

    def until_more(self, client: Client) -> None:
        """Wait until some more was acknowledged."""
        wanted = self.acknowledged + 3
        client.until("writes", lambda: self.acknowledged > wanted)

    def check(self, client: Client, installation: Installation) -> None:
        """All that was acknowledged is there once, all else at most once."""
        sites = Counter(row["name"] for row in client.ask("GET", "/api/v1/sites")[1]["sites"])
        tokens = Counter(row["name"] for row in client.ask("GET", "/api/v1/tokens")[1])
        with installation.database.reading() as connection:
            rows = list(connection.execute(select(entry.c.act, entry.c.after, entry.c.why)).mappings())
        labels = Counter(
            label for row in rows if row["act"] == "device.note" for label in (row["after"] or {}).get("labels", [])
        )
        corrections = Counter(row["why"] for row in rows if row["act"] == "device.correct")
        assert self.acknowledged > 0
        assert "internal" not in self.refused, self.refused
        for said, found in (
            (self.sites, sites),
            (self.labels, labels),
            (self.tokens, tokens),
            (self.corrections, corrections),
        ):
            for word, acknowledged in said.items():
                assert found[word] == 1 if acknowledged else found[word] <= 1, (word, acknowledged, found[word])
        verified = client.ask("GET", "/api/v1/audit/verification")
        assert verified[0] == 200, verified
        assert verified[1]["faults"] == [], verified


def undo_corrections(client: Client, device: str) -> None:
    """Take back what was corrected, so that what is there is what was seen."""
    for one in client.ask("GET", f"/api/v1/devices/{device}")[1]["decisions"]:
        if one["undone"] is None:
            assert client.ask("POST", f"/api/v1/decisions/{one['id']}/undo")[0] == 200


def check_lake(installation: Installation, *, whole: bool = True) -> None:
    """The lake holds what the conversations add up to, once; what the manifest says is what the files hold.

    Where a live read was killed it is not ``whole``: flows that were open then did not come to their row.
    """
    lake = Lake(installation.database, installation.folder, installation.keys, installation.clock)
    with installation.database.reading() as connection:
        packets = connection.scalar(select(func.sum(conversation.c.packets)))
        listed = connection.scalar(select(func.sum(lake_file.c.rows)).where(lake_file.c.dataset == "flows.v1"))
        batches = connection.scalar(select(func.sum(batch.c.packets)))
    rows = flows(lake, ALWAYS, limit=10_000_000)
    assert count(lake, ALWAYS) == len(rows) == listed
    keys = Counter((row.epoch, row.flow_id, row.source, row.start, row.end) for row in rows)
    assert max(keys.values()) == 1
    held = sum(row.source_packets + row.destination_packets for row in rows)
    assert packets is not None
    assert batches is not None
    assert held == packets if whole else 0 < held <= packets
    assert packets <= batches


@contextmanager
def running(
    folder: Path, port: int, *words: str | Path, inside: Inside = nullcontext, within: tuple[str, ...] = ()
) -> Iterator[Client]:
    """``ringfence up`` at a port, and Ada before it."""
    with up(folder, "--listen", f"127.0.0.1:{port}", *words, within=within) as server:
        yield Client(server, inside)
