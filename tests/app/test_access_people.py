"""How people come, log in and go: links, passwords, second factor, tokens, roles, the break-glass account."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from tests.app.visitors import PASSWORD, Clock, House, made_platform

from ringfence.app.access import passwords, people, sessions
from ringfence.app.access.access import DAY, HOUR, MINUTE, SECOND
from ringfence.app.access.principal import Principal, meet
from ringfence.app.access.table import ROLES
from ringfence.app.access.tokens import API, LINK, PATTERN, digest, make, recovery_codes, well_formed
from ringfence.model.errors import RingfenceError
from ringfence.store import audit
from ringfence.store import people as rows

ALL = [(role, "*") for role in ROLES]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(made_platform(tmp_path, clock))
    yield made
    made.platform.database.close()


def acts(house: House) -> list[str]:
    with house.platform.database.reading() as connection:
        return [row.act for row in audit.entries(connection)]


def log_in(house: House, password: str = PASSWORD, code: str = "", name: str = "anna") -> str:
    """The outcome of a log-in: ok, or the code of the refusal."""
    answer = house.anonymous().post("/api/v1/session", json={"name": name, "password": password, "code": code})
    return "ok" if answer.status_code == 200 else str(answer.json()["code"])


def test_the_first_administrator_comes_by_a_link_that_works_once(house: House, clock: Clock) -> None:
    link = people.first_link(house.access)
    assert link is not None
    address, _, secret = link.partition("#")
    assert address == "http://localhost:8470/welcome"
    client = house.anonymous()
    assert client.get("/welcome").status_code == 200
    form = {"link": secret, "name": "Anna", "display": "Anna A.", "password": PASSWORD}
    answer = client.post("/welcome", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    told = client.get("/api/v1/session").json()
    assert (told["name"], told["display"]) == ("anna", "Anna A.")
    assert {(grant["role"], grant["site"]) for grant in told["roles"]} == set(ALL)
    again = house.anonymous().post("/welcome", data={**form, "name": "eve"})
    assert again.status_code == 404
    assert "link-invalid" not in again.text  # The page says it in words.
    assert people.first_link(house.access) is None, "there is somebody now"
    assert log_in(house) == "ok"


def test_the_first_link_lasts_an_hour(house: House, clock: Clock) -> None:
    link = people.first_link(house.access)
    assert link is not None
    clock.pass_(HOUR)
    form = {"link": link, "name": "anna", "password": PASSWORD}
    assert house.anonymous().post("/welcome", data=form).status_code == 404


def test_there_is_no_other_way_in(house: House) -> None:
    for name, password in (("admin", "admin"), ("root", ""), ("", ""), ("ringfence", "ringfence")):
        assert log_in(house, password, name=name) == "log-in-refused"
    form = {"link": make(LINK), "name": "eve", "password": PASSWORD}
    assert house.anonymous().post("/welcome", data=form).status_code == 404


@pytest.mark.parametrize(
    "password", ["short", "aaaaaaaaaaaaaaaa", "password1234", "anna123", "annaannaanna1", "x" * 1_025]
)
def test_a_password_that_is_easily_guessed_is_refused(house: House, password: str) -> None:
    link = people.first_link(house.access)
    answer = house.anonymous().post("/welcome", data={"link": link, "name": "anna", "password": password})
    assert answer.status_code == 422
    with pytest.raises(RingfenceError) as raised:
        people.take_link(house.access, str(link).partition("#")[2], "anna", "", password, "test")
    assert raised.value.code.code == "password-weak"
    assert people.look_at_link(house.access, str(link).partition("#")[2]).roles, "the link is not used up"


def test_names_that_look_alike_are_one_name(house: House) -> None:
    house.add("anna", password=PASSWORD)
    for alike in ("ANNA", " anna ", "ａｎｎａ"):
        assert log_in(house, name=alike) == "ok"
        link = people.invite(house.access, [("viewer", "*")], "anna", "test").partition("#")[2]
        form = {"link": link, "name": alike, "password": PASSWORD}
        assert house.anonymous().post("/welcome", data=form).status_code == 422


def test_guessing_waits_longer_each_time_and_says_nothing(house: House, clock: Clock) -> None:
    house.add("anna", password=PASSWORD)
    for _ in range(5):
        assert log_in(house, "wrong") == "log-in-refused"
    assert log_in(house) == "log-in-refused", "the right password is answered like a wrong one while the account waits"
    clock.pass_(SECOND)
    assert log_in(house) == "ok"
    waits = [passwords.delay(failures) for failures in range(30)]
    assert waits[:5] == [0] * 5
    assert waits[5:9] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert max(waits) == 15 * MINUTE


def test_failures_while_waiting_do_not_prolong_the_wait(house: House, clock: Clock) -> None:
    house.add("anna", password=PASSWORD)
    for _ in range(50):
        log_in(house, "wrong")
    clock.pass_(SECOND)
    assert log_in(house) == "ok", "somebody who knows the name can't lock the account for long"


def test_an_unknown_name_is_answered_like_a_wrong_password(house: House) -> None:
    house.add("anna", password=PASSWORD)
    disabled = house.add("berta", password=PASSWORD)
    with house.platform.database.writing() as connection:
        rows.change(connection, disabled.id, disabled=True)
    answers = []
    for name, password in (("anna", "wrong"), ("nobody", "wrong"), ("berta", PASSWORD), ("berta", "wrong")):
        answer = house.anonymous().post("/api/v1/session", json={"name": name, "password": password}).json()
        answer.pop("request_id")
        answers.append(answer)
    assert all(answer == answers[0] for answer in answers)


def test_an_unknown_name_takes_as_long_as_a_wrong_password(house: House) -> None:
    house.add("anna", password=PASSWORD)

    def seconds(name: str) -> float:
        start = time.perf_counter()
        with pytest.raises(RingfenceError):
            people.log_in(house.access, name, "wrong", "", "test")
        return time.perf_counter() - start

    known, unknown = [], []
    for _ in range(9):
        known.append(seconds("anna"))
        unknown.append(seconds("nobody"))
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.6 < ratio < 1.7, f"known {statistics.median(known):.4f} s, unknown {statistics.median(unknown):.4f} s"


def test_an_old_digest_is_renewed_at_log_in(house: House) -> None:
    from argon2 import PasswordHasher

    person = house.add("anna")
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    with house.platform.database.writing() as connection:
        rows.change(connection, person.id, password=weak)
    assert log_in(house) == "ok"
    with house.platform.database.reading() as connection:
        kept = rows.by_id(connection, person.id)
    assert kept is not None
    assert kept.password is not None
    assert kept.password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def second_factor(house: House) -> tuple[str, list[str]]:
    """Turn the second factor on for anna; return key and recovery codes."""
    client = house.browser(house.add("anna", password=PASSWORD))
    offer = client.post("/api/v1/session/totp").json()
    wrong = client.post("/api/v1/session/totp/confirm", json={"ticket": offer["ticket"], "code": "000000"})
    assert wrong.json()["code"] == "log-in-refused"
    code = pyotp.TOTP(offer["key"]).at(house.access.now() // SECOND)
    confirmed = client.post("/api/v1/session/totp/confirm", json={"ticket": offer["ticket"], "code": code})
    assert confirmed.status_code == 200
    return offer["key"], confirmed.json()["recovery"]


def test_a_code_is_asked_for_and_works_once(house: House, clock: Clock) -> None:
    key, _ = second_factor(house)
    totp = pyotp.TOTP(key)
    assert log_in(house, code=totp.at(clock() // SECOND)) == "log-in-refused", "the code of the confirmation is used up"
    clock.pass_(MINUTE)
    assert log_in(house) == "second-factor"
    assert log_in(house, "wrong") == "log-in-refused", "without the password nobody learns that a code is needed"
    code = totp.at(clock() // SECOND)
    assert log_in(house, code=code) == "ok"
    assert log_in(house, code=code) == "log-in-refused", "replayed"
    before = totp.at(clock() // SECOND - 30)
    assert log_in(house, code=before) == "log-in-refused", "an older code after a newer one"
    clock.pass_(30 * SECOND)
    assert log_in(house, code=totp.at(clock() // SECOND + 30)) == "ok", "a clock that runs ahead by one step"
    clock.pass_(5 * MINUTE)
    assert log_in(house, code=totp.at(clock() // SECOND - 90)) == "log-in-refused", "three steps late"


def test_guessing_codes_is_slowed_like_guessing_passwords(house: House, clock: Clock) -> None:
    key, _ = second_factor(house)
    clock.pass_(MINUTE)
    good = pyotp.TOTP(key).at(clock() // SECOND)
    wrong = f"{(int(good) + 1) % 1_000_000:06}"
    for code in (wrong, "", "abcdef", "12345", "1234567"):
        log_in(house, code=code)
    log_in(house, code=wrong)
    assert log_in(house, code=good) == "log-in-refused"
    clock.pass_(SECOND)
    assert log_in(house, code=good) == "ok"


def test_a_recovery_code_works_once(house: House, clock: Clock) -> None:
    _, codes = second_factor(house)
    assert len(codes) == len(set(codes)) == 10
    assert log_in(house, code=codes[0].upper()) == "ok"
    assert log_in(house, code=codes[0]) == "log-in-refused"
    assert log_in(house, code=codes[1].replace("-", " ")) == "ok"


def test_turning_the_second_factor_off_takes_the_password(house: House) -> None:
    second_factor(house)
    with house.platform.database.reading() as connection:
        anna = rows.by_name(connection, "anna")
    assert anna is not None
    client = house.browser(anna)
    assert client.request("DELETE", "/api/v1/session/totp", json={"password": "wrong"}).status_code == 401
    assert client.request("DELETE", "/api/v1/session/totp", json={"password": PASSWORD}).status_code == 204
    assert log_in(house) == "ok"


def test_changing_the_password_ends_other_sessions(house: House) -> None:
    person = house.add("anna", password=PASSWORD)
    mine, other = house.browser(person), house.browser(person)
    new = "another horse battery staple"
    assert mine.post("/api/v1/session/password", json={"old": "wrong", "new": new}).status_code == 401
    assert mine.post("/api/v1/session/password", json={"old": PASSWORD, "new": "short"}).status_code == 422
    assert mine.post("/api/v1/session/password", json={"old": PASSWORD, "new": new}).status_code == 204
    assert mine.get("/api/v1/session").status_code == 200
    assert other.get("/api/v1/session").status_code == 401
    assert (log_in(house), log_in(house, new)) == ("log-in-refused", "ok")


def test_somebody_is_logged_out_everywhere_and_may_come_again(house: House, clock: Clock) -> None:
    admin = house.browser(house.add("admin", ALL))
    person = house.add("anna", [("viewer", "*")], password=PASSWORD)
    first, second, program = house.browser(person), house.browser(person), house.program(person)
    path = f"/api/v1/people/{person.id}/sessions/end"
    assert first.post(path, json={}).json()["code"] == "not-allowed"
    assert admin.post(path, json={"why": "a lost phone"}).json() == {"ended": 2}
    assert [each.get("/api/v1/session").status_code for each in (first, second, program)] == [401, 401, 200]
    assert log_in(house) == "ok"
    assert admin.post("/api/v1/people/nobody/sessions/end", json={}).json()["code"] == "not-found"
    assert "person.end-sessions" in acts(house)


def test_a_pages_own_requests_keep_no_session_alive(house: House, clock: Clock) -> None:
    browser = house.browser(house.add("anna", [("viewer", "*")]))
    for _ in range(5):
        clock.pass_(11 * MINUTE)
        assert browser.get("/live").status_code == 200
        assert browser.get("/devices", headers={"X-Ringfence-News": "1"}).status_code == 200
        house.access.settle()
    clock.pass_(6 * MINUTE)
    assert browser.get("/live").status_code == 401
    browser = house.browser(house.add("berta", [("viewer", "*")]))
    for _ in range(5):
        clock.pass_(50 * MINUTE)
        assert browser.get("/devices").status_code == 200
        house.access.settle()


def test_a_stream_ends_with_an_idle_session(house: House, clock: Clock) -> None:
    browser = house.browser(house.add("anna", [("viewer", "*")]))
    principal = sessions.of_cookie(house.access, browser.cookies[sessions.cookie_name(house.access)], quiet=True)
    assert principal is not None
    clock.pass_(59 * MINUTE)
    assert sessions.alive(house.access, principal)
    clock.pass_(MINUTE)
    assert not sessions.alive(house.access, principal)


def test_disabling_somebody_ends_everything_at_once(house: House) -> None:
    admin = house.browser(house.add("admin", ALL))
    person = house.add("anna", [("viewer", "*")], password=PASSWORD)
    browser, program = house.browser(person), house.program(person)
    kept = sessions.of_cookie(house.access, browser.cookies[sessions.cookie_name(house.access)])
    assert kept is not None
    assert sessions.alive(house.access, kept)
    assert admin.post(f"/api/v1/people/{person.id}/disable", json={"why": "left"}).json()["disabled"] is True
    assert not sessions.alive(house.access, kept), "long answers end too"
    assert browser.get("/api/v1/session").status_code == 401
    assert program.get("/api/v1/tokens").status_code == 401
    assert log_in(house) == "log-in-refused"
    assert admin.post(f"/api/v1/people/{person.id}/enable", json={}).json()["disabled"] is False
    assert browser.get("/api/v1/session").status_code == 401, "what was dead stays dead"
    assert program.get("/api/v1/tokens").status_code == 401
    assert log_in(house) == "ok"


def test_somebody_stays_administrator(house: House) -> None:
    person = house.add("admin", ALL)
    admin = house.browser(person)
    for answer in (
        admin.put(f"/api/v1/people/{person.id}/roles", json={"roles": [{"role": "viewer", "site": "*"}]}),
        admin.post(f"/api/v1/people/{person.id}/disable", json={}),
    ):
        assert answer.status_code == 422
        assert answer.json()["code"] == "person-invalid"
    assert admin.get("/api/v1/people").status_code == 200
    other = house.add("other")
    roles = [{"role": "admin", "site": "*"}]
    assert admin.put(f"/api/v1/people/{other.id}/roles", json={"roles": roles}).status_code == 200
    assert admin.post(f"/api/v1/people/{person.id}/disable", json={}).status_code == 200


def test_a_new_link_resets_password_and_second_factor(house: House) -> None:
    admin = house.browser(house.add("admin", ALL))
    second_factor(house)
    with house.platform.database.reading() as connection:
        anna = rows.by_name(connection, "anna")
    assert anna is not None
    old = house.browser(anna)
    link = admin.post(f"/api/v1/people/{anna.id}/link", json={}).json()["link"]
    new = "another horse battery staple"
    assert house.anonymous().post("/welcome", data={"link": link, "password": new}).status_code == 303
    assert old.get("/api/v1/session").status_code == 401
    assert log_in(house, new) == "ok"


def test_an_invitation_gives_exactly_its_roles(house: House, clock: Clock) -> None:
    admin = house.browser(house.add("admin", ALL))
    body = {"roles": [{"role": "engineer", "site": "north"}]}
    link = admin.post("/api/v1/people/invite", json=body).json()["link"]
    client = house.anonymous()
    client.post("/welcome", data={"link": link, "name": "carl", "password": PASSWORD})
    assert client.get("/api/v1/session").json()["roles"] == body["roles"]
    late = admin.post("/api/v1/people/invite", json=body).json()["link"]
    clock.pass_(2 * DAY)
    answer = house.anonymous().post("/welcome", data={"link": late, "name": "dora", "password": PASSWORD})
    assert answer.status_code == 404


def test_a_token_holds_at_most_what_its_maker_holds_now(house: House, clock: Clock) -> None:
    person = house.add("anna", [("engineer", "north"), ("viewer", "*")])
    client = house.browser(person)

    def make_token(*roles: tuple[str, str], days: int = 1) -> str:
        body = {"name": "t", "days": days, "roles": [{"role": role, "site": site} for role, site in roles]}
        answer = client.post("/api/v1/tokens", json=body)
        return str(answer.json()["secret"] if answer.status_code == 201 else answer.json()["code"])

    for roles in ([("engineer", "*")], [("engineer", "south")], [("admin", "*")], [("viewer", "*"), ("admin", "x")]):
        assert make_token(*roles) == "token-invalid"
    assert make_token(("viewer", "*"), days=367) == "request-invalid"
    secret = make_token(("engineer", "north"), ("viewer", "south"))
    principal = sessions.of_token(house.access, secret)
    assert principal is not None
    assert principal.grants == {("engineer", "north"), ("viewer", "south")}
    people.set_roles(house.access, _admin(house), ALL, "test", "test")
    people.set_roles(house.access, person.id, [("viewer", "*")], "test", "test")
    principal = sessions.of_token(house.access, secret)
    assert principal is not None
    assert principal.grants == {("viewer", "south")}, "the maker is no engineer any more"
    clock.pass_(DAY)
    assert sessions.of_token(house.access, secret) is None, "expired"


def _admin(house: House) -> str:
    return house.add("admin").id


def test_a_token_makes_no_token_and_decides_nothing(house: House) -> None:
    program = house.program(house.add("admin", ALL))
    body = {"name": "t", "days": 1, "roles": [{"role": "viewer", "site": "*"}]}
    assert program.post("/api/v1/tokens", json=body).json()["code"] == "not-allowed"
    assert program.post("/api/v1/people/invite", json={"roles": []}).json()["code"] == "not-allowed"
    assert program.get("/api/v1/session").json()["how"] == "token"


def test_a_token_revokes_no_other(house: House) -> None:
    person = house.add("anna", [("viewer", "*")])
    first, second = house.program(person), house.program(person)
    ids = {row["id"] for row in first.get("/api/v1/tokens").json()}
    (mine,) = [id_ for id_ in ids if first.delete(f"/api/v1/tokens/{id_}").status_code == 204]
    assert second.get("/api/v1/tokens").status_code == 200
    stranger = house.browser(house.add("berta", [("viewer", "*")]))
    for id_ in ids:
        assert stranger.delete(f"/api/v1/tokens/{id_}").json()["code"] == "not-found"
    assert house.browser(house.add("admin", ALL)).delete(f"/api/v1/tokens/{(ids - {mine}).pop()}").status_code == 204
    assert second.get("/api/v1/tokens").status_code == 401


def test_tokens_are_found_by_scanners_and_checked_before_the_store_is_asked() -> None:
    for _ in range(200):
        secret = make(API)
        assert PATTERN.fullmatch(secret)
        assert well_formed(secret, API)
        assert not well_formed(secret, LINK)
    changed = secret[:10] + ("A" if secret[10] != "A" else "B") + secret[11:]
    for wrong in ("", "rf_", changed, secret + "x", secret[:-1], secret.replace("rf_", "rg_"), "rf_" + "ä" * 49):
        assert not well_formed(wrong, API)
    assert len({make(API) for _ in range(100)}) == 100
    assert len(digest(secret)) == 64
    assert len(set(recovery_codes(50))) == 50


def test_meet_never_widens() -> None:
    assert meet([("viewer", "*")], [("viewer", "a"), ("admin", "*")]) == {("viewer", "a")}
    assert meet([("viewer", "a")], [("viewer", "*")]) == {("viewer", "a")}
    assert meet([("viewer", "a")], [("viewer", "b")]) == frozenset()
    assert meet([], [("viewer", "*")]) == frozenset()


def test_scopes_are_the_sites_where_a_role_is_held() -> None:
    principal = Principal("1", "a", "A", frozenset({("viewer", "north"), ("engineer", "south")}), "password")
    assert principal.scope().sites == frozenset({"north", "south"})
    assert principal.scope(("engineer",)).sites == frozenset({"south"})
    assert principal.scope(("admin",)).sites == frozenset()
    everywhere = Principal("1", "a", "A", frozenset({("viewer", "*"), ("engineer", "south")}), "password")
    assert everywhere.scope().sites is None
    assert everywhere.scope(("engineer",)).sites == frozenset({"south"})


def test_break_glass_is_loud(house: House, clock: Clock) -> None:
    house.add("admin", ALL)
    password = people.break_glass(house.access, "glass", "root at the terminal")
    watcher = house.browser(house.add("anna", [("viewer", "*")]))
    assert watcher.get("/api/v1/session").json()["notices"] == []
    assert log_in(house, password, name="glass") == "ok"
    (notice,) = watcher.get("/api/v1/session").json()["notices"]
    assert "break-glass account glass is logged in" in notice
    assert notice in watcher.get("/account").text
    assert acts(house)[-1] == "session.break_glass"
    clock.pass_(HOUR)
    watcher = house.browser(house.add("berta", [("viewer", "*")]))
    assert watcher.get("/api/v1/session").json()["notices"] == [], "it lasts an hour"
    new = people.break_glass(house.access, "glass", "root at the terminal")
    assert (log_in(house, password, name="glass"), log_in(house, new, name="glass")) == ("log-in-refused", "ok")
    house.add("carl")
    with pytest.raises(RingfenceError, match="somebody has this name"):
        people.break_glass(house.access, "carl", "root")


def test_the_account_page_does_what_the_api_does(house: House, clock: Clock) -> None:
    person = house.add("anna", [("viewer", "north")], password=PASSWORD)
    client = house.browser(person)
    csrf = client.headers.pop("X-CSRF-Token")
    shown = client.post("/account/totp", data={"csrf": csrf}).text
    assert "data:image/svg+xml" in shown
    key = shown.partition('<code class="once">')[2].partition("<")[0]
    ticket = shown.partition('name="ticket" value="')[2].partition('"')[0]
    code = pyotp.TOTP(key).at(clock() // SECOND)
    codes = client.post("/account/totp/confirm", data={"csrf": csrf, "ticket": ticket, "code": code}).text
    assert codes.count('<code class="once">') == 10
    made = client.post("/account/tokens", data={"csrf": csrf, "name": "t", "days": "1", "role": "viewer north"}).text
    secret = made.partition('<code class="once">')[2].partition("<")[0]
    assert well_formed(secret, API)
    assert secret not in client.get("/account").text, "shown once"
    (row,) = client.get("/api/v1/tokens").json()
    assert client.post(f"/account/tokens/{row['id']}/revoke", data={"csrf": csrf}).status_code == 303
    assert sessions.of_token(house.access, secret) is None
    refused = client.post("/account/tokens", data={"csrf": csrf, "name": "t", "role": "admin *"})
    assert refused.status_code == 422
    assert client.post("/account/totp/remove", data={"csrf": csrf, "password": PASSWORD}).status_code == 303
    assert client.post("/log-out", data={"csrf": csrf}).headers["location"] == "/log-in"
    assert client.get("/api/v1/session").status_code == 401
