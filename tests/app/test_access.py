"""The guard: rebinding, forged requests, sessions, limits, headers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.app.visitors import ORIGIN, PASSWORD, PLENTY, Clock, House, made_platform

from ringfence.app.access import sessions
from ringfence.app.access.access import HOUR, MINUTE, SECOND, AccessOptions
from ringfence.app.access.limits import Limiter, Limits, Rate, source
from ringfence.app.access.sealing import Once, Sealer
from ringfence.app.server import HEADERS


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(made_platform(tmp_path, clock))
    yield made
    made.platform.database.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:8471", "127.0.0.1:8470", "localhost:8470.evil.example", ""]
)
def test_a_name_that_was_rebound_is_refused(house: House, host: str) -> None:
    client = house.browser(house.add("anna"))
    for path in ("/api/v1/session", "/log-in", "/nowhere"):
        answer = client.get(path, headers={"Host": host, "Accept": "application/json"})
        assert answer.status_code == 421
        assert answer.json()["code"] == "host-unknown"
    assert client.get("/api/v1/session").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:8471"},
        {"Origin": "http://localhost:8470.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=lambda headers: " ".join(headers.values()),
)
def test_a_request_of_another_site_is_refused(house: House, headers: dict[str, str]) -> None:
    client = house.browser(house.add("anna"))
    answer = client.post("/api/v1/session/end-others", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["code"] == "origin-foreign"
    # Log-in too: nobody is to be logged in to an account of the attacker's.
    answer = house.anonymous().post("/api/v1/session", headers=headers, json={"name": "a", "password": "b"})
    assert answer.json()["code"] == "origin-foreign"


def test_our_own_form_with_an_origin_that_is_withheld_is_taken(house: House) -> None:
    client = house.browser(house.add("anna"))
    answer = client.post("/api/v1/session/end-others", headers={"Origin": "null", "Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 204


def test_a_session_must_say_where_it_comes_from(house: House) -> None:
    client = house.browser(house.add("anna"))
    del client.headers["Origin"]
    assert client.post("/api/v1/session/end-others").json()["code"] == "origin-foreign"


def test_an_unsafe_request_carries_the_sessions_token(house: House) -> None:
    anna, berta = house.browser(house.add("anna")), house.browser(house.add("berta"))
    good = anna.headers["X-CSRF-Token"]
    for wrong in ("", "x", good[:-1], good + "x", berta.headers["X-CSRF-Token"], "ä"):
        answer = anna.post("/api/v1/session/end-others", headers={"X-CSRF-Token": wrong.encode()})
        assert answer.json()["code"] == "csrf-token", wrong
    del anna.headers["X-CSRF-Token"]
    assert anna.post("/api/v1/session/end-others").json()["code"] == "csrf-token"
    # A form carries it as a field, and the handler still gets the whole form.
    answer = anna.post("/account/password", data={"csrf": good, "old": "a", "new": "b"})
    assert answer.status_code == 422
    assert "too easy to guess" in answer.text
    assert anna.post("/account/sessions/end", data={"csrf": "x"}).json()["code"] == "csrf-token"
    assert anna.post("/account/sessions/end", data={"csrf": good}).status_code == 303


def test_an_api_token_needs_no_token_against_forgery(house: House) -> None:
    program = house.program(house.add("anna", [("viewer", "*")]))
    (row,) = program.get("/api/v1/tokens").json()
    assert program.delete(f"/api/v1/tokens/{row['id']}").status_code == 204
    assert program.get("/api/v1/tokens").json()["code"] == "not-logged-in"


def test_a_bad_token_is_never_taken_for_nobody(house: House) -> None:
    client = house.browser(house.add("anna"))
    for header in ("Bearer rf_x", "Bearer", "Basic YTpi", "rf_x"):
        answer = client.get("/log-in", headers={"Authorization": header, "Accept": "application/json"})
        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_log_in_begins_a_new_session_and_ends_the_one_before(house: House) -> None:
    person = house.add("anna", password=PASSWORD)
    client = house.anonymous()
    name = sessions.cookie_name(house.access)
    planted = "A" * 43  # A cookie that an attacker put there.
    client.cookies.set(name, planted)
    body = {"name": "anna", "password": PASSWORD}
    first = client.post("/api/v1/session", json=body).cookies[name]
    assert first != planted
    fixed = house.anonymous()
    fixed.cookies.set(name, planted)
    assert fixed.get("/api/v1/session").status_code == 401
    client.cookies.clear()
    client.cookies.set(name, first)
    second = client.post("/api/v1/session", json=body).cookies[name]
    assert second != first
    stranger = house.anonymous()
    stranger.cookies.set(name, first)
    assert stranger.get("/api/v1/session").status_code == 401, "the session before still lives"
    stranger.cookies.clear()
    stranger.cookies.set(name, second)
    assert stranger.get("/api/v1/session").json()["name"] == person.name


def test_the_cookie_is_as_strict_as_it_can_be(tmp_path: Path) -> None:
    plain = House(made_platform(tmp_path))
    plain.add("anna", password=PASSWORD)
    answer = plain.anonymous().post("/api/v1/session", json={"name": "anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("ringfence-8470=")
    assert all(word in cookie for word in ("httponly", "samesite=lax", "path=/"))
    assert "domain" not in cookie
    secure = House(made_platform(tmp_path, secure=True, origins=("https://ringfence.example",)))
    answer = secure.anonymous().post("/api/v1/session", json={"name": "anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("__host-ringfence=")
    assert "secure" in cookie
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over(house: House, clock: Clock) -> None:
    client = house.browser(house.add("anna"))
    for _ in range(11):
        clock.pass_(HOUR - SECOND)
        assert client.get("/api/v1/session").status_code == 200
        house.access.settle()
    clock.pass_(HOUR - SECOND)
    clock.pass_(20 * SECOND)
    assert client.get("/api/v1/session").status_code == 401, "twelve hours are over"
    idle = house.browser(house.add("berta"))
    clock.pass_(HOUR)
    assert idle.get("/api/v1/session").status_code == 401, "nobody used it for an hour"


def test_log_out_ends_the_session_at_the_server(house: House) -> None:
    client = house.browser(house.add("anna"))
    cookies = dict(client.cookies)
    assert client.delete("/api/v1/session").status_code == 204
    again = house.anonymous()
    again.cookies.update(cookies)
    assert again.get("/api/v1/session").status_code == 401


def test_the_address_and_the_person_are_limited(tmp_path: Path) -> None:
    clock = Clock()
    small = AccessOptions(limits=Limits(Rate(12, 1), Rate(4, 1), Rate(2, 0.1)))
    house = House(made_platform(tmp_path, clock), small)
    client = house.browser(house.add("anna"))
    codes = [client.get("/api/v1/session").status_code for _ in range(6)]
    assert codes == [200] * 4 + [429] * 2
    answer = client.get("/api/v1/session")
    assert answer.json()["code"] == "too-many-requests"
    assert int(answer.headers["retry-after"]) >= 1
    clock.pass_(2 * SECOND)
    assert client.get("/api/v1/session").status_code == 200
    stranger = house.anonymous()
    tries = [stranger.post("/api/v1/session", json={"name": "x", "password": "y"}).status_code for _ in range(4)]
    assert tries == [401, 401, 429, 429], "log-in is stricter"
    clock.pass_(11 * SECOND)
    assert stranger.post("/api/v1/session", json={"name": "x", "password": "y"}).status_code == 401
    clock.pass_(30 * SECOND)
    opened = [stranger.get("/log-in").status_code for _ in range(15)]
    assert opened == [200] * 12 + [429] * 3, "the address as a whole"


def test_a_bucket_is_bounded_and_fills_again() -> None:
    limiter = Limiter(Rate(1, 1), most=3)
    assert limiter.take("a", 0) == 0
    assert limiter.take("a", 0) == 1
    assert limiter.take("a", SECOND) == 0
    for key in "bcde":
        limiter.take(key, SECOND)
    assert len(limiter._buckets) == 3
    assert limiter.take("e", 0) > 0, "a clock that goes back gives nothing"


def test_addresses_of_one_machine_count_together() -> None:
    assert source("2001:db8::1") == source("2001:db8::ffff:1")
    assert source("2001:db8::1") != source("2001:db8:0:1::1")
    assert source("::ffff:10.0.0.1") == source("10.0.0.1")
    assert source("testclient") == "testclient"


def test_a_long_body_is_refused_before_it_is_read(house: House) -> None:
    answer = house.anonymous().post("/api/v1/session", content=b"x" * 20_000)
    assert answer.status_code == 413

    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 1_000

    chunked = house.anonymous().post("/api/v1/session", content=parts(), headers={"Content-Type": "application/json"})
    assert chunked.status_code == 413
    for length in ("-1", "1e3", "9" * 30, "²"):
        answer = house.anonymous().post("/api/v1/session", content=b"{}", headers={"Content-Length": length.encode()})
        assert answer.status_code == 413, length


def test_every_answer_carries_the_security_headers(house: House) -> None:
    client = house.browser(house.add("anna"))
    answers = [
        client.get("/log-in"),
        client.get("/account"),
        client.get("/api/v1/session"),
        client.get("/nowhere"),
        client.get("/access/access.css"),
        client.get("/api/v1/session", headers={"Host": "evil"}),
        client.post("/api/v1/session", json={"name": "x", "password": "y"}),
    ]
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert re.fullmatch("[0-9a-f]{16}", answer.headers["x-request-id"])
        assert answer.headers["cache-control"] in ("no-store", "no-cache")
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_pages_keep_to_the_content_policy(house: House) -> None:
    client = house.browser(house.add("anna"))
    for path in ("/log-in", "/welcome", "/account"):
        text = client.get(path).text
        assert not re.search(r"<style|\son\w+=|\sstyle=|javascript:|https?://", text), path
        for script in re.findall(r"<script[^>]*>[^<]*</script>", text):
            assert re.fullmatch(r'<script type="module" src="/access/\w+\.js"></script>', script)


def test_a_browser_is_sent_to_log_in_and_back_only_to_us(house: House) -> None:
    house.add("anna", password=PASSWORD)
    client = house.anonymous()
    answer = client.get("/account?x=1", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/log-in?next=%2Faccount%3Fx%3D1")
    form = {"name": "anna", "password": PASSWORD}
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "/a\nb", "javascript:alert(1)"):
        answer = client.post("/log-in", data={**form, "next": target})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    answer = client.post("/log-in", data={**form, "next": "/account?x=1"})
    assert answer.headers["location"] == "/account?x=1"


def test_a_page_shows_hostile_text_as_text(house: House) -> None:
    nasty = "<script>alert(1)</script>\u202e\x1b[31m"
    answer = house.anonymous().post("/log-in", data={"name": nasty, "password": "x"})
    assert answer.status_code == 401
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


def test_sealed_tickets_are_bound_and_count_once() -> None:
    sealer = Sealer(b"1" * 32, "tickets")
    ticket = sealer.ticket({"a": 1}, "here", 100)
    assert sealer.redeem(ticket, "here", 99) == {"a": 1}
    assert sealer.redeem(ticket, "here", 100) is None
    assert sealer.redeem(ticket, "there", 99) is None
    assert Sealer(b"1" * 32, "other").redeem(ticket, "here", 99) is None
    assert Sealer(b"2" * 32, "tickets").redeem(ticket, "here", 99) is None
    for broken in ("", "ä", "x" * 7, ticket[:-2], ticket[:20] + ("A" if ticket[20] != "A" else "B") + ticket[21:]):
        assert sealer.redeem(broken, "here", 99) is None
    once = Once(most=2)
    assert once.take("a", 100, 1)
    assert not once.take("a", 100, 2)
    assert once.take("b", 100, 2)
    assert not once.take("c", 100, 3), "a full memory refuses"
    assert once.take("c", 200, 101), "what expired makes room"


def test_minute_of_use_is_noted_without_writing_at_each_request(house: House, clock: Clock) -> None:
    client = house.browser(house.add("anna"))
    clock.pass_(30 * SECOND)
    client.get("/api/v1/session")
    assert "2027-01-15 08:00 UTC</td><td>2027-01-15 08:00 UTC" in client.get("/account").text
    clock.pass_(2 * MINUTE)
    client.get("/api/v1/session")
    house.access.settle()
    assert "2027-01-15 08:00 UTC</td><td>2027-01-15 08:02 UTC" in client.get("/account").text
    assert PLENTY.idle == HOUR
    assert ORIGIN in house.platform.origins


def test_reading_does_not_wait_for_a_writer(house: House, clock: Clock) -> None:
    client = house.browser(house.add("anna"))
    clock.pass_(2 * MINUTE)
    with house.platform.database.writing():  # As the sensor does, for seconds.
        assert client.get("/api/v1/session").status_code == 200
    house.access.settle()
    assert "2027-01-15 08:02 UTC" in client.get("/account").text
