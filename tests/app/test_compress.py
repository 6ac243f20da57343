"""Compression: what is compressed for whom, and that no answer with a secret is (BREACH)."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from starlette.types import Message
from tests.app.web_server import Served, made, serving

from ringfence.app.access import api_tokens
from ringfence.app.access.access import DAY
from ringfence.app.access.forgery import masked, matches
from ringfence.app.access.principal import Principal
from ringfence.app.access.table import ENDPOINTS, find
from ringfence.app.compress import Compressed

OURS = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("compress"), made) as running:
        yield running


@pytest.fixture(scope="module")
def ada(served: Served) -> Iterator[httpx.Client]:
    cookies = {served.cookie_name: served.cookies["ada"]}
    with httpx.Client(base_url=served.origin, cookies=cookies, timeout=60) as client:
        yield client


def encoding(answer: httpx.Response) -> str | None:
    assert answer.status_code in (200, 201), answer.text
    return str(answer.headers["content-encoding"]) if "content-encoding" in answer.headers else None


def test_our_own_pages_and_their_parts_are_compressed(ada: httpx.Client) -> None:
    for path in ("/", "/devices", "/map", "/system?tab=people", "/devices/facets?open=class"):
        answer = ada.get(path, headers=OURS)
        assert encoding(answer) == "gzip", path
        assert "Accept-Encoding" in answer.headers["vary"]
        assert "csrf" in answer.text or "facets" in path
    assert encoding(ada.get("/devices", headers={**OURS, "Sec-Fetch-Site": "none"})) == "gzip"
    plain = ada.get("/devices", headers={**OURS, "Accept-Encoding": "identity"})
    assert encoding(plain) is None
    assert encoding(ada.get("/devices", headers={**OURS, "Accept-Encoding": "br, gzip;q=0"})) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_no_other_site_gets_lengths_to_compare(ada: httpx.Client, site: str | None) -> None:
    # A page elsewhere can lead a browser here with texts of its choice and look at lengths on the wire.
    headers = {"Accept": "text/html"} | ({"Sec-Fetch-Site": site} if site else {})
    assert encoding(ada.get("/devices?q=guess", headers=headers)) is None


def test_files_are_compressed_for_everybody(served: Served, ada: httpx.Client) -> None:
    page = ada.get("/").text
    with httpx.Client(base_url=served.origin) as nobody:
        for path in [*re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page), "/access/report.css"]:
            answer = nobody.get(path)
            if len(answer.content) >= 1_024:
                assert encoding(answer) == "gzip", path


def test_programs_get_json_compressed(served: Served, ada: httpx.Client) -> None:
    principal = Principal("p-ada", "ada", "Ada", frozenset({("admin", "*")}), "password", csrf="")
    _, secret = api_tokens.create(served.app.state.access, principal, "program", [("admin", "*")], DAY)
    headers = {"Authorization": f"Bearer {secret}"}
    with httpx.Client(base_url=served.origin, headers=headers) as program:
        answer = program.get("/api/v1/devices?limit=50")
        assert encoding(answer) == "gzip"
        assert len(answer.json()["devices"]) > 10
        assert encoding(program.get("/api/v1/devices/export?format=csv")) is None, "exports are streams"


def test_answers_with_a_secret_never_are(served: Served, ada: httpx.Client) -> None:
    token = re.findall(r'name="csrf" (?:content|value)="([^"]+)"', ada.get("/account", headers=OURS).text)[0]
    own = {**OURS, "Origin": served.origin}
    answer = ada.post("/system/people/invite", headers=own, data={"csrf": token, "grant": "viewer *"})
    assert "/welcome#rfl_" in answer.text
    assert len(answer.content) > 1_024
    assert encoding(answer) is None
    answer = ada.post("/account/tokens", headers=own, data={"csrf": token, "name": "x", "role": "admin *"})
    assert "rf_" in answer.text
    assert encoding(answer) is None


def test_every_way_that_answers_a_secret_says_so() -> None:
    ways = {row.name for row in ENDPOINTS if row.secret}
    for word in ("/link", "/invite", "/totp", "/totp/confirm"):
        found = {row.name for row in ENDPOINTS if row.path.endswith(word) and row.method == "POST"}
        assert found, word
        assert found <= ways, word
    assert {"POST /api/v1/tokens", "POST /account/tokens", "GET /api/v1/session", "POST /welcome"} <= ways


def test_the_pages_token_is_another_text_in_each_answer(ada: httpx.Client) -> None:
    pattern = re.compile(r'(?:content|value)="([A-Za-z0-9_-]{100,})"')
    pages = [set(pattern.findall(ada.get(path, headers=OURS).text)) for path in ("/", "/", "/account", "/system")]
    assert all(len(each) == 1 for each in pages), "one token in a page"
    assert len(set.union(*pages)) == len(pages)


def test_a_masked_token_is_that_token_and_no_other() -> None:
    token = "t0ken-of-a-session-" + "x" * 24
    texts = {masked(token) for _ in range(50)}
    assert len(texts) == 50
    assert all(matches(each, token) for each in texts)
    assert matches(token, token), "the API answers it plain"
    for each in list(texts)[:5]:
        assert not matches(each, token + "y")
        for place in range(len(each)):
            other = "A" if each[place] != "A" else "B"
            changed = each[:place] + other + each[place + 1 :]
            # The last letter holds bits that say nothing.
            assert not matches(changed, token) or place == len(each) - 1
    for wrong in ("", None, "x", "=", "é", "AAAA", token[:-1], masked(""), masked("another"), "A" * 116):
        assert not matches(wrong, token)
        assert not matches(wrong, ""), "no token opens nothing"
        assert not matches(wrong, None)


async def passed(body: list[bytes], kind: str, path: str = "/static/1/x.css", **headers: str) -> list[Message]:
    """Return what comes out for an answer of these parts."""
    found = find("GET", path)
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": path, "state": {"endpoint": found and found[0]}}
    given = {"accept-encoding": "gzip", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope["headers"] = [(name.encode(), value.encode()) for name, value in given.items()]
    sent: list[Message] = []

    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]})
        for number, part in enumerate(body):
            await send({"type": "http.response.body", "body": part, "more_body": number < len(body) - 1})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    await Compressed(app)(scope, receive, send)
    return sent


@pytest.mark.parametrize(
    ("body", "kind", "squeezed"),
    [
        ([b"a" * 2_000], "text/css", True),
        ([b"a" * 2_000_000], "text/css; charset=utf-8", True),
        ([b"a" * 1_000], "text/css", False),
        ([b"a" * 2_000], "text/event-stream", False),
        ([b"a" * 2_000], "application/vnd.tcpdump.pcap", False),
        ([b"a" * 2_000, b"b" * 2_000, b""], "text/css", False),
        ([b""], "text/css", False),
    ],
)
def test_only_whole_answers_of_some_kinds(body: list[bytes], kind: str, squeezed: bool) -> None:
    with ThreadPoolExecutor(1) as pool:  # Its own thread: a browser's loop may run in this one.
        start, *parts = pool.submit(lambda: asyncio.run(passed(body, kind))).result()
    headers = dict(start["headers"])
    assert (headers.get(b"content-encoding") == b"gzip") is squeezed
    data = b"".join(part["body"] for part in parts)
    assert (gzip.decompress(data) if squeezed else data) == b"".join(body)
    if squeezed:
        assert int(headers[b"content-length"]) == len(data)


def test_it_is_worth_it(ada: httpx.Client) -> None:
    answer = ada.get("/devices", headers=OURS)
    assert int(answer.headers["content-length"]) < len(answer.content) / 4


def test_what_is_compressed_is_what_was_said(ada: httpx.Client) -> None:
    squeezed = ada.get("/api/v1/devices", headers={"Sec-Fetch-Site": "same-origin"})
    plain = ada.get("/api/v1/devices", headers={"Accept-Encoding": "identity"})
    assert encoding(squeezed) == "gzip"
    assert encoding(plain) is None
    assert json.loads(squeezed.content) == json.loads(plain.content)
