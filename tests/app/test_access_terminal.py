"""``ringfence people`` and ``ringfence audit`` at the terminal, and that no secret stands where it must not."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pyotp
import pytest
from sqlalchemy import text
from tests.app import identity_provider
from tests.app.authenticator import Authenticator
from tests.app.visitors import ORIGIN, PASSWORD, Clock, House, made_platform

from ringfence.app.access import anchors, people, sessions, sso
from ringfence.app.access.access import SECOND
from ringfence.app.access.anchors import Anchors, Keeper
from ringfence.app.access.tokens import LINK, well_formed
from ringfence.app.cli import main
from ringfence.app.installation import Installation
from ringfence.app.platform import Platform
from ringfence.model.errors import RingfenceError
from ringfence.store import audit
from ringfence.store.audit_check import read_checkpoints
from ringfence.store.migrate import upgrade


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("RINGFENCE_CONFIG", "RINGFENCE_STORE_FOLDER", "RINGFENCE_STORE_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    made = Installation.open(tmp_path / "data")
    upgrade(made.database)
    made.database.close()
    return tmp_path / "data"


def opened(folder: Path) -> House:
    made = Installation.open(folder)
    return House(Platform.served(made, (ORIGIN,)))


def test_people_are_invited_listed_and_disabled(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--data", str(folder)]
    assert main(["people", "invite", *at]) == 0
    first = capsys.readouterr().out.strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:8470/welcome#rfl_\w{49}", first)
    house = opened(folder)
    cookie = people.take_link(house.access, first.partition("#")[2], "anna", "Anna", PASSWORD, "test")
    assert main(["people", "invite", *at]) == 2, "there is somebody: roles are needed"
    assert "(usage)" in capsys.readouterr().err
    assert main(["people", "invite", "--role", "king", *at]) == 2
    assert "(person-invalid)" in capsys.readouterr().err
    words = ["people", "invite", "--role", "viewer", "--role", "engineer@north", "--origin", "https://rf.example"]
    assert main([*words, *at]) == 0
    link = capsys.readouterr().out.strip()
    assert link.startswith("https://rf.example/welcome#")
    people.take_link(house.access, link.partition("#")[2], "berta", "", PASSWORD, "test")
    assert main(["people", "list", "--json", *at]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["people"]}
    assert rows["berta"]["roles"] == [{"role": "engineer", "site": "north"}, {"role": "viewer", "site": "*"}]
    assert main(["people", "disable", "anna", *at]) == 2, "anna is the only administrator"
    assert main(["people", "disable", "nobody", *at]) == 2
    assert main(["people", "disable", "berta", "--why", "left", *at]) == 0
    capsys.readouterr()
    assert main(["people", "list", *at]) == 0
    assert re.search(r"^berta +engineer@north, viewer – disabled$", capsys.readouterr().out, re.MULTILINE)
    assert main(["people", "enable", "berta", *at]) == 0
    assert main(["people", "invite", "--person", "anna", *at]) == 0
    reset = capsys.readouterr().out.strip().splitlines()[-1].partition("#")[2]
    assert sessions.of_cookie(house.access, cookie) is not None
    people.take_link(house.access, reset, "", "", "another horse battery staple", "test")
    assert sessions.of_cookie(house.access, cookie) is None
    assert main(["people", "break-glass", *at]) == 0
    password = capsys.readouterr().out.strip()
    assert people.log_in(house.access, "break-glass", password, "", "test")
    with house.platform.database.reading() as connection:
        found = list(audit.entries(connection))
    assert {row.how for row in found if row.act == "person.disable"} == {"terminal"}
    assert any(row.act == "person.disable" and row.why == "left" for row in found)


def test_nothing_is_made_where_there_is_no_installation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["people", "list"], ["audit", "verify"], ["people", "invite"]):
        assert main([*words, "--data", str(tmp_path / "none")]) == 2
        assert "(input-not-found)" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_log_is_verified_signed_and_exported(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--data", str(folder)]
    assert main(["audit", "checkpoint", *at]) == 0
    assert capsys.readouterr().out == "", "an empty log has no end to sign"
    for _ in range(3):
        main(["people", "invite", *at])
    kept, exported = tmp_path / "kept", tmp_path / "exported"
    capsys.readouterr()
    assert main(["audit", "checkpoint", "--file", str(kept), *at]) == 0
    printed = capsys.readouterr().out
    assert kept.read_text() == printed
    assert main(["audit", "checkpoint", *at]) == 0
    assert capsys.readouterr().out == printed, "nothing new: the last one again"
    verify = ["audit", "verify", "--checkpoint", str(kept), "--export", str(exported), *at]
    assert main(verify) == 0
    assert "3 entries, 2 checkpoints: whole" in capsys.readouterr().out
    assert [next(iter(json.loads(line))) for line in exported.read_text().splitlines()] == ["entry"] * 3 + [
        "checkpoint"
    ]
    assert exported.stat().st_mode & 0o077 == 0
    house = opened(folder)
    with house.platform.database.writing() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
        connection.execute(text("DROP TRIGGER audit_checkpoint_no_delete"))
        connection.execute(text("DELETE FROM audit WHERE number = 3"))
        connection.execute(text("DELETE FROM audit_checkpoint"))
    assert main(["audit", "verify", *at]) == 0, "a tail cut off with its checkpoints is not found from inside"
    assert "would not be found" in capsys.readouterr().out
    assert main([*verify, "--json"]) == 3
    told = capsys.readouterr()
    assert [(row["number"], row["kind"]) for row in json.loads(told.out)["faults"]] == [(3, "truncated")]
    assert "(audit-broken)" in told.err
    (tmp_path / "no").write_text("nothing")
    assert main(["audit", "verify", "--checkpoint", str(tmp_path / "no"), *at]) == 2
    assert "(checkpoint-invalid)" in capsys.readouterr().err
    assert main(["audit", "verify", "--checkpoint", str(tmp_path / "none"), *at]) == 2


def test_checkpoints_are_anchored_in_files_and_at_syslogs(tmp_path: Path) -> None:
    house = House(made_platform(tmp_path))
    people.first_link(house.access)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(5)
        received: list[bytes] = []

        def accept() -> None:
            connection, _ = tcp.accept()
            with connection:
                received.append(connection.makefile("rb").read())

        thread = threading.Thread(target=accept)
        thread.start()
        places = Anchors(
            (str(tmp_path / "a"), str(tmp_path / "no" / "b")),
            (f"udp://127.0.0.1:{udp.getsockname()[1]}", f"tcp://127.0.0.1:{tcp.getsockname()[1]}", "tcp://127.0.0.1:1"),
        )
        done = anchors.anchor(house.platform, places)
        thread.join(5)
        datagram = udp.recv(65_536)
    assert done.checkpoint is not None
    assert len(done.places) == 3
    assert [place.partition(": ")[0] for place in done.failed] == [str(tmp_path / "no" / "b"), "tcp://127.0.0.1:1"]
    assert read_checkpoints((tmp_path / "a").read_text(), "a") == [done.checkpoint]
    assert datagram.startswith(b"<109>1 2027-01-15T08:00:00Z ")
    assert read_checkpoints(datagram.decode(), "udp") == [done.checkpoint]
    length, _, line = received[0].partition(b" ")
    assert int(length) == len(line)
    assert read_checkpoints(line.decode(), "tcp") == [done.checkpoint]
    again = anchors.anchor(house.platform, places)
    assert again.checkpoint is None
    (tmp_path / "link").symlink_to(tmp_path / "a")
    people.first_link(house.access)
    assert anchors.anchor(house.platform, Anchors((str(tmp_path / "link"),))).failed, "no link is followed"


@pytest.mark.parametrize("place", ["syslog.example", "http://x", "tls://", "tls://x:99999", "tls://x/path", ""])
def test_a_syslog_that_can_not_be_understood_is_refused(place: str) -> None:
    with pytest.raises(RingfenceError) as error:
        anchors.checked(Anchors((), (place,)))
    assert error.value.code.code == "value-refused"


def test_the_keeper_anchors_a_last_time_when_it_stops(tmp_path: Path) -> None:
    house = House(made_platform(tmp_path))
    people.first_link(house.access)
    told: list[str] = []
    keeper = Keeper(house.platform, Anchors((str(tmp_path / "a"), str(tmp_path / "no" / "b"))), 60, told.append)
    keeper.start()
    keeper.stop()
    assert not keeper.is_alive()
    assert len(read_checkpoints((tmp_path / "a").read_text(), "a")) == 1
    assert len(told) == 1


def test_no_secret_stands_in_logs_answers_the_audit_log_or_the_database(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    house = House(made_platform(tmp_path, clock))
    secrets: dict[str, str] = {"password": PASSWORD}
    answers: list[Any] = []

    def said(answer: Any) -> Any:
        answers.append(answer)
        return answer

    link = people.first_link(house.access)
    assert link is not None
    secrets["link"] = link.partition("#")[2]
    assert well_formed(secrets["link"], LINK)
    client = house.anonymous()
    said(client.post("/welcome", data={"link": link, "name": "anna", "password": PASSWORD}))
    secrets["cookie"] = client.cookies[sessions.cookie_name(house.access)]
    csrf = client.get("/api/v1/session").json()["csrf"]
    client.headers["X-CSRF-Token"] = csrf
    offer = client.post("/api/v1/session/totp").json()
    secrets["totp"] = offer["key"]
    code = pyotp.TOTP(offer["key"]).at(clock() // SECOND)
    body = {"ticket": offer["ticket"], "code": code}
    secrets["recovery"] = client.post("/api/v1/session/totp/confirm", json=body).json()["recovery"][0]
    wanted = {"name": "t", "days": 1, "roles": [{"role": "admin", "site": "*"}]}
    secrets["token"] = client.post("/api/v1/tokens", json=wanted).json()["secret"]
    secrets["wrong password"] = "what somebody typed by mistake"
    secrets["password as name"] = "typed into the wrong field!"
    for name, password in (("anna", secrets["wrong password"]), (secrets["password as name"], "x")):
        said(house.anonymous().post("/api/v1/session", json={"name": name, "password": password}))
        said(house.anonymous().post("/api/v1/session", json={"name": name, "pasword": password}))
        said(house.anonymous().post("/api/v1/session", json=[password]))
    key = Authenticator(ORIGIN)
    passkey = client.post("/api/v1/passkeys/options").json()
    credential = key.create(passkey["options"])
    said(client.post("/api/v1/passkeys", json={"ticket": passkey["ticket"], "credential": credential}))
    with identity_provider.running() as provider:
        secrets["client secret"] = identity_provider.CLIENT_SECRET
        setting = {"enabled": True, "issuer": provider.issuer, "client_id": "ringfence", "loopback": True}
        said(client.put("/api/v1/sso", json={**setting, "secret": secrets["client secret"]}))
        said(client.post("/api/v1/sso/test", json=setting))
        kept = sso.load(house.access)
        assert kept is not None
        assert kept.secret == secrets["client secret"]
    secrets["break-glass"] = people.break_glass(house.access, "glass", "test")
    for path in (
        "/account",
        "/api/v1/session",
        "/api/v1/tokens",
        "/api/v1/people",
        "/api/v1/passkeys",
        "/api/v1/audit",
    ):
        said(client.get(path, params={"limit": 500} if path.endswith("audit") else None))
    with house.platform.database.reading() as connection:
        entries = str(list(audit.entries(connection)))
    house.platform.database.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    out = capsys.readouterr()
    logged = caplog.text + out.out + out.err
    assert len(secrets) == 10
    for what, secret in secrets.items():
        assert secret not in entries, f"{what} stands in the audit log"
        assert secret.encode() not in stored, f"{what} stands in the database"
        assert secret not in logged, f"{what} stands in a log"
        for answer in answers:
            assert secret not in answer.text, f"{what} stands in the answer of {answer.request.url}"
