"""The client against a scripted server: tries, problems, tokens, TLS, bounds."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ringfence.app.cli import main
from ringfence.app.client import Client, from_environment
from ringfence.model.errors import RingfenceError

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Script:
    """What a server answers, one after the other, and what it was asked."""

    answers: list[Answer | None]
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


def said(body: Any, status: int = 200, **headers: str) -> Answer:
    return status, headers, json.dumps(body).encode()


@contextmanager
def server(*answers: Answer | None, context: ssl.SSLContext | None = None) -> Iterator[Script]:
    """Run a server; None closes the connection without a word."""
    script = Script(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            reply = script.answers.pop(0)
            if reply is None:
                self.close_connection = True
                self.connection.close()
                return
            status, headers, data = reply
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer  # noqa: N815 The standard library calls them so.

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if context is not None:
        running.socket = context.wrap_socket(running.socket, server_side=True)
    script.url = f"http{'s' if context else ''}://127.0.0.1:{running.server_address[1]}"
    thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield script
    running.shutdown()
    running.server_close()
    thread.join()


def client(script: Script, waited: list[float] | None = None, **options: Any) -> Client:
    return Client(script.url, "rfa_secret", sleep=(waited if waited is not None else []).append, **options)


def refused(act: Callable[[], object]) -> RingfenceError:
    with pytest.raises(RingfenceError) as caught:
        act()
    return caught.value


def page(*names: str, following: str | None = None) -> Answer:
    return said({"devices": [{"id": name} for name in names], "next": following, "total": None})


def test_pages_follow_one_another_and_the_limit_holds() -> None:
    with server(page("a", "b", following="x+/="), page("c")) as script:
        assert [row["id"] for row in client(script).devices("class:plc", sort="-seen")] == ["a", "b", "c"]
    queries = [parse_qs(urlsplit(path).query) for _, path, _, _ in script.asked]
    assert queries == [
        {"q": ["class:plc"], "sort": ["-seen"], "limit": ["500"]},
        {"q": ["class:plc"], "sort": ["-seen"], "limit": ["500"], "cursor": ["x+/="]},
    ]
    assert script.asked[0][2]["authorization"] == "Bearer rfa_secret"
    with server(page("a", "b", following="x")) as script:
        assert len(list(client(script).devices(limit=2))) == 2
    assert "limit=2" in script.asked[0][1]


def test_what_changes_nothing_is_tried_again() -> None:
    waited: list[float] = []
    with server(None, said({}, 503, Retry_After="7"), page("a")) as script:
        assert len(list(client(script, waited).devices())) == 1
    assert len(script.asked) == 3
    assert waited == [0.25, 7.0]


def test_a_wait_is_bounded_whatever_the_server_says() -> None:
    for said_wait in ("99999", "-1", "soon", "9" * 500):
        waited: list[float] = []
        with server(said({}, 429, Retry_After=said_wait), page()) as script:
            list(client(script, waited).devices())
        assert 0 < waited[0] <= 30


def test_a_change_is_sent_once_and_a_post_carries_its_key() -> None:
    with server(said({"code": "store-unreachable"}, 503)) as script:
        error = refused(lambda: client(script).change_device("d-1", 4, {"owner": "Anna"}))
    assert error.code.code == "store-unreachable"
    assert len(script.asked) == 1
    assert script.asked[0][2]["if-match"] == '"4"'
    assert json.loads(script.asked[0][3]) == {"owner": "Anna"}
    with server(None, said({"id": 1}, 201)) as script:
        assert client(script).post("/devices/d-1/merges", {"devices": ["d-2"]}) == {"id": 1}
    keys = {headers["idempotency-key"] for _, _, headers, _ in script.asked}
    assert len(script.asked) == 2
    assert len(keys) == 1


def test_a_problem_is_the_same_error_here() -> None:
    problem = {"code": "not-found", "culprit": "d-1", "detail": "There is no such device."}
    with server(said(problem, 404)) as script:
        error = refused(lambda: client(script).device("d-1/../x"))
    assert (error.code.code, error.culprit, error.detail) == ("not-found", "d-1", "There is no such device.")
    assert script.asked[0][1] == "/api/v1/devices/d-1%2F..%2Fx"


@pytest.mark.parametrize(
    "answer",
    [
        said({"code": "of-tomorrow", "detail": "New."}, 418),
        said(["no", "problem"], 400),
        (200, {}, b"<html>"),
        (200, {}, b"[" * 100_000),
        (302, {"Location": "http://127.0.0.1:9/"}, b"{}"),
    ],
)
def test_what_is_no_answer_of_ours_is_refused(answer: Answer) -> None:
    with server(answer) as script:
        assert refused(lambda: client(script).get("/about")).code.code == "server-refused"
    assert len(script.asked) == 1


def test_an_answer_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringfence.app.client._LARGEST_ANSWER", 1_000)
    with server((200, {}, b" " * 2_000)) as script:
        assert refused(lambda: client(script).get("/about")).code.code == "server-refused"


def test_nobody_there() -> None:
    with server() as script:
        pass
    waited: list[float] = []
    error = refused(lambda: client(script, waited).get("/about"))
    assert error.code.code == "server-unreachable"
    assert len(waited) == 2


def test_a_token_goes_in_the_clear_to_this_machine_only() -> None:
    assert refused(lambda: Client("http://ringfence.example.com", "t")).code.code == "usage"
    Client("http://ringfence.example.com")
    for here in ("http://127.0.0.1:1", "http://[::1]:1", "http://localhost"):
        Client(here, "t")


@pytest.mark.parametrize(
    "url", ["ftp://x", "http://", "https://user:secret@x", "x", "http://x:99999", "http://[", "https://x?y"]
)
def test_an_address_that_is_none(url: str) -> None:
    assert refused(lambda: Client(url)).code.code == "usage"


def authority(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    key = ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(certificate.public_bytes(Encoding.PEM))
    both = folder / f"{name}-both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(private + path.read_bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return path, context


def test_a_certificate_is_verified_and_tried_once(tmp_path: Path) -> None:
    ca, context = authority(tmp_path, "ours")
    other, _ = authority(tmp_path, "other")
    with server(page("a"), context=context) as script:
        assert len(list(client(script, ca=ca).devices())) == 1
        for wrong in (None, other):
            waited: list[float] = []
            made = Client(script.url, "t", ca=wrong, sleep=waited.append)
            error = refused(lambda made=made: made.get("/about"))  # type: ignore[misc]  # Bound in the loop.
            assert error.code.code == "server-unreachable"
            assert "certificate" in error.detail
            assert not waited
    assert len(script.asked) == 1, "nothing was sent to a server that could not be verified"
    assert refused(lambda: Client("https://x", ca=tmp_path / "nowhere")).code.code == "input-not-found"


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path) -> None:
    place = tmp_path / "token"
    place.write_text("rfa_of_file\n")
    with server(said({}), said({})) as script:
        from_environment(script.url, environment={"RINGFENCE_TOKEN": "rfa_x"}).get("/about")
        from_environment(environment={"RINGFENCE_SERVER": script.url, "RINGFENCE_TOKEN_FILE": str(place)}).get("/about")
    assert [headers["authorization"] for _, _, headers, _ in script.asked] == ["Bearer rfa_x", "Bearer rfa_of_file"]
    wrong = {"RINGFENCE_TOKEN_FILE": str(tmp_path / "nowhere")}
    assert refused(lambda: from_environment(environment=wrong)).code.code == "input-not-found"
    assert refused(lambda: from_environment(environment={"RINGFENCE_TOKEN": "a\r\nX: y"})).code.code == "usage"


DEVICE = {
    "id": "d-1",
    "name": "=cmd|'/c calc'!A0\x1b[31m\u202e",
    "class": "plc",
    "vendor": None,
    "product": "X",
    "ips": ["10.0.0.1", "10.0.0.2"],
    "macs": [],
    "zone": {"id": "z", "name": "Cell 3"},
    "worst": "high",
    "last": "2026-11-27T00:00:00.000000000Z",
}


def run(script: Script, *words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main([*words, "--server", script.url])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_devices_as_table_csv_and_json_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    answer = said({"devices": [DEVICE], "next": None, "total": 1})
    with server(answer, answer, answer, answer) as script:
        code, table, _ = run(script, "devices", "class:plc", capsys=capsys)
        assert code == 0
        assert "Cell 3" in table
        assert "\x1b" not in table
        assert "\u202e" not in table
        _, csv, _ = run(script, "devices", "--format", "csv", capsys=capsys)
        assert csv.splitlines()[1].startswith('"d-1","\'=cmd')
        _, made, _ = run(script, "devices", "--json", capsys=capsys)
        assert json.loads(made) == {"schema_version": 1, "devices": [DEVICE]}
        _, lines, _ = run(script, "devices", "--format", "jsonl", capsys=capsys)
        assert [json.loads(line) for line in lines.splitlines()] == [DEVICE]


def test_findings_are_a_gate(capsys: pytest.CaptureFixture[str]) -> None:
    finding = {"id": "f-1", "severity": "high", "state": "open", "title": "T", "devices": [], "count": 1, "last": "x"}
    answer = said({"findings": [finding], "next": None, "total": 1})
    closed = said({"findings": [{**finding, "state": "closed"}], "next": None, "total": 1})
    with server(answer, answer, answer, closed) as script:
        assert run(script, "findings", capsys=capsys)[0] == 0
        assert run(script, "findings", "--fail-on", "high", capsys=capsys)[0] == 1
        assert run(script, "findings", "--fail-on", "critical", capsys=capsys)[0] == 0
        assert run(script, "findings", "--fail-on", "low", capsys=capsys)[0] == 0


def test_a_problem_on_the_command_line_has_its_code_and_exit(capsys: pytest.CaptureFixture[str]) -> None:
    with server(said({"code": "query", "culprit": "clas", "detail": "There is no field clas."}, 400)) as script:
        code, out, err = run(script, "flows", "clas:plc", capsys=capsys)
    assert (code, out) == (2, "")
    assert "There is no field clas." in err or "clas" in err
    assert "(query)" in err


def test_sensors_and_an_empty_list(capsys: pytest.CaptureFixture[str]) -> None:
    sensor = {"sensor": "tap0", "packets": 5, "batches": 1, "last": "x", "received": "y", "quality": [{"text": "Q"}]}
    with server(said({"sensors": [sensor]}), said({"conversations": [], "next": None, "total": 0})) as script:
        assert "tap0" in run(script, "sensors", capsys=capsys)[1]
        assert run(script, "flows", capsys=capsys)[1] == "No conversations fit.\n"
