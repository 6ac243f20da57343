"""Single sign-on: against a provider from the package registry, and against one that lies."""

from __future__ import annotations

import base64
import json
import re
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from fastapi.testclient import TestClient
from tests.app import identity_provider
from tests.app.identity_provider import CLIENT, CLIENT_SECRET, Provider
from tests.app.visitors import Clock, House, made_platform

from ringfence.app.access import sso
from ringfence.app.access.access import MINUTE
from ringfence.app.access.sso import Sso
from ringfence.app.access.table import ROLES
from ringfence.app.egress.fetch import fetch
from ringfence.model.errors import RingfenceError
from ringfence.store import audit
from ringfence.store import people as rows

ALL = [(role, "*") for role in ROLES]
MAPPING = (("plant-engineers", "engineer", "north"), ("security", "analyst", "*"))


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time_ns())  # The provider's clock is the real one.


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(made_platform(tmp_path, clock))
    yield made
    made.platform.database.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with identity_provider.running() as made:
        made.claims = {"groups": ["security"], "preferred_username": "anna", "name": "Anna A."}
        yield made


def use(house: House, issuer: str, **words: Any) -> None:
    setting = {"client_id": CLIENT, "secret": CLIENT_SECRET, "mapping": MAPPING, "loopback": True, **words}
    sso.save(house.access, Sso(True, issuer, **setting), "admin", "test")


def start(client: TestClient, target: str = "/") -> str:
    answer = client.get("/sso/start", params={"next": target})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def log_in(house: House, provider: Provider, **bent: Any) -> tuple[TestClient, Any]:
    client = house.anonymous()
    back = provider.authorize(start(client))
    answer = client.get("/sso/callback", params={**back, **bent})
    return client, answer


def code_of(answer: Any) -> str:
    return "ok" if answer.status_code == 303 else str(answer.json()["code"])


def test_with_a_provider_from_the_registry(house: House) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import User, run_server_in_thread  # type: ignore[import-untyped]  # It has no types.

        user = User(sub="u-17", claims={"groups": ["plant-engineers"], "preferred_username": "carl", "name": "Carl C."})
        with run_server_in_thread(user_claims=[user], require_client_registration=True, require_nonce=True) as server:
            issuer = f"http://localhost:{server.server_port}"
            registration = {"redirect_uris": ["http://localhost:8470/sso/callback"]}
            client = requests.post(f"{issuer}/oauth2/clients", json=registration, timeout=10).json()
            secret = client["client_secret"]
            use(house, issuer, client_id=client["client_id"], secret=secret, scopes="openid profile")
            steps = sso.test(house.access, _loaded(house))
            assert [(row.step, row.ok) for row in steps] == [
                ("setting", True),
                ("discovery", True),
                ("keys", True),
                ("client", True),
            ]
            browser = house.anonymous()
            place = start(browser, "/account")
            form = requests.post(place, data={"sub": "u-17"}, allow_redirects=False, timeout=10)
            back = dict(parse_qsl(urlsplit(form.headers["Location"]).query))
            answer = browser.get("/sso/callback", params=back)
            assert (answer.status_code, answer.headers["location"]) == (303, "/account")
            told = browser.get("/api/v1/session").json()
            assert (told["name"], told["display"], told["how"]) == ("carl", "Carl C.", "oidc")
            assert told["roles"] == [{"role": "engineer", "site": "north"}]
            again = browser.get("/sso/callback", params=back)
            assert code_of(again) == "sso-refused", "a way back counts once"
            denied = house.anonymous()
            form = requests.post(start(denied), data={"action": "deny"}, allow_redirects=False, timeout=10)
            back = dict(parse_qsl(urlsplit(form.headers["Location"]).query))
            assert code_of(denied.get("/sso/callback", params=back)) == "sso-refused"


def _loaded(house: House) -> Sso:
    setting = sso.load(house.access)
    assert setting is not None
    return setting


def test_groups_give_roles_and_take_them(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    client, answer = log_in(house, provider)
    assert code_of(answer) == "ok"
    assert client.get("/api/v1/session").json()["roles"] == [{"role": "analyst", "site": "*"}]
    with house.platform.database.writing() as connection:
        person = rows.by_subject(connection, f"{provider.issuer} s1")
        assert person is not None
        rows.set_grants(connection, person.id, [("viewer", "south")])
    provider.claims["groups"] = ["plant-engineers", "unknown"]
    client, _ = log_in(house, provider)
    roles = client.get("/api/v1/session").json()["roles"]
    assert roles == [{"role": "engineer", "site": "north"}, {"role": "viewer", "site": "south"}]
    provider.claims["groups"] = []
    with house.platform.database.writing() as connection:
        rows.set_grants(connection, person.id, [])
    _, answer = log_in(house, provider)
    assert code_of(answer) == "sso-refused"
    assert client.get("/api/v1/session").json()["roles"] == [], "the session that lasts lost its roles too"


def test_nobody_becomes_somebody_by_choosing_a_name(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    admin = house.add("admin", ALL)
    provider.claims |= {"preferred_username": "admin", "email": "admin@plant.example"}
    client, answer = log_in(house, provider)
    assert code_of(answer) == "ok"
    told = client.get("/api/v1/session").json()
    assert told["name"].startswith("admin-")
    assert told["roles"] == [{"role": "analyst", "site": "*"}]
    with house.platform.database.reading() as connection:
        assert rows.by_id(connection, admin.id) == admin


def test_without_a_group_nobody_comes_in(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    for groups in ([], ["others"], None, {"security": True}, 5):
        provider.claims["groups"] = groups
        assert code_of(log_in(house, provider)[1]) == "sso-refused"
    with house.platform.database.reading() as connection:
        assert rows.count(connection) == 0


def test_a_disabled_person_stays_out(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    log_in(house, provider)
    with house.platform.database.writing() as connection:
        person = rows.by_subject(connection, f"{provider.issuer} s1")
        assert person is not None
        rows.change(connection, person.id, disabled=True, end=True)
    assert code_of(log_in(house, provider)[1]) == "sso-refused"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://127.0.0.1:1"},
        {"aud": "another client"},
        {"aud": ["ringfence", "another client"]},
        {"aud": ["ringfence", "another client"], "azp": "another client"},
        {"aud": None},
        {"azp": "another client"},
        {"nonce": "another nonce"},
        {"nonce": None},
        {"exp": int(time.time()) - 3_600},
        {"exp": None},
        {"exp": "never"},
        {"iat": int(time.time()) + 3_600},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
        {"sub": 17},
    ],
    ids=str,
)
def test_an_id_token_that_is_not_for_us_is_refused(house: House, provider: Provider, claims: dict[str, Any]) -> None:
    use(house, provider.issuer)
    provider.claims |= claims
    assert code_of(log_in(house, provider)[1]) == "sso-refused"
    with house.platform.database.reading() as connection:
        assert rows.count(connection) == 0


def test_signatures_that_prove_nothing_are_refused(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    assert code_of(log_in(house, provider)[1]) == "ok"
    provider.header = {"alg": "none"}
    assert code_of(log_in(house, provider)[1]) == "sso-refused", "no signature"
    provider.header = {"alg": "HS256", "kid": "1"}
    assert code_of(log_in(house, provider)[1]) == "sso-refused", "HMAC with the public key"
    provider.header, provider.sign_with = {"alg": "RS256", "kid": "1"}, Provider().key
    assert code_of(log_in(house, provider)[1]) == "sso-refused", "another key under the same id"


def test_a_way_back_belongs_to_the_browser_that_began(house: House, provider: Provider, clock: Clock) -> None:
    use(house, provider.issuer)
    attacker = house.anonymous()
    back = provider.authorize(start(attacker))
    victim = house.anonymous()
    assert code_of(victim.get("/sso/callback", params=back)) == "sso-refused", "a link to another's log-in"
    start(victim)
    assert code_of(victim.get("/sso/callback", params=back)) == "sso-refused", "another state"
    fresh = house.anonymous()
    back = provider.authorize(start(fresh))
    clock.pass_(11 * MINUTE)
    assert code_of(fresh.get("/sso/callback", params=back)) == "sso-refused", "too late"


def test_state_verifier_and_issuer_are_checked(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    assert code_of(log_in(house, provider, state="x")[1]) == "sso-refused"
    assert code_of(log_in(house, provider, iss="http://evil.example")[1]) == "sso-refused", "RFC 9207: mixed up"
    assert code_of(log_in(house, provider, iss=provider.issuer)[1]) == "ok"
    assert code_of(log_in(house, provider, code="never given")[1]) == "sso-refused"
    provider.metadata["authorization_response_iss_parameter_supported"] = True
    assert code_of(log_in(house, provider)[1]) == "sso-refused", "promised and missing"
    url = start(house.anonymous())
    assert re.search(r"code_challenge_method=S256", url)
    assert len(dict(parse_qsl(urlsplit(url).query))["code_challenge"]) == 43


def test_a_code_is_bound_to_our_verifier(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    client = house.anonymous()
    back = provider.authorize(start(client))
    provider.asked[back["code"]]["code_challenge"] = "A" * 43  # As if another had begun it.
    assert code_of(client.get("/sso/callback", params=back)) == "sso-refused"


def test_the_test_button_names_the_step_that_fails(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    setting = _loaded(house)

    def failing() -> str:
        steps = sso.test(house.access, setting)
        return next((row.step for row in steps if not row.ok), "none")

    assert failing() == "none"
    provider.metadata = {"issuer": "http://127.0.0.1:1"}
    assert failing() == "discovery"
    provider.metadata = {"token_endpoint": "ftp://x"}
    assert failing() == "discovery"
    provider.metadata = {"code_challenge_methods_supported": ["plain"]}
    assert failing() == "discovery"
    provider.metadata = {}
    bad: tuple[Any, ...] = ([], 5, [{"kty": "oct", "k": "AAAA"}], [{"kty": "RSA", "n": "x"}])
    for keys in bad:
        provider.raw["/jwks"] = (200, {}, json.dumps({"keys": keys}).encode())
        assert failing() == "keys"
    provider.raw.clear()
    admin = house.browser(house.add("admin", ALL))
    body = {"enabled": False, "issuer": provider.issuer, "client_id": "stranger", "loopback": True}
    steps = admin.post("/api/v1/sso/test", json={**body, "secret": "wrong"}).json()
    assert [(row["step"], row["ok"]) for row in steps][-1] == ("client", False)
    assert "invalid_client" in steps[-1]["detail"]
    steps = admin.post("/api/v1/sso/test", json={**body, "issuer": "http://127.0.0.1:1"}).json()
    assert steps[-1]["step"] == "discovery"
    steps = admin.post("/api/v1/sso/test", json={**body, "loopback": False}).json()
    assert steps == [{"step": "setting", "ok": False, "detail": steps[0]["detail"]}]


def test_the_setting_never_tells_the_secret(house: House, provider: Provider) -> None:
    admin = house.browser(house.add("admin", ALL))
    body = {
        "enabled": True,
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "secret": CLIENT_SECRET,
        "loopback": True,
        "mapping": [{"group": "security", "role": "analyst", "site": "*"}],
    }
    put = admin.put("/api/v1/sso", json=body)
    assert put.status_code == 200
    assert put.json()["secret_set"] is True
    again = admin.put("/api/v1/sso", json={**body, "secret": None, "claim": "roles"})
    assert again.json()["secret_set"] is True, "null keeps it"
    assert _loaded(house).secret == CLIENT_SECRET
    for answer in (put, again, admin.get("/api/v1/sso"), admin.get("/api/v1/audit")):
        assert CLIENT_SECRET not in answer.text
    data = (house.platform.folder / "store.db").read_bytes() + (house.platform.folder / "store.db-wal").read_bytes()
    assert CLIENT_SECRET.encode() not in data
    assert admin.put("/api/v1/sso", json={**body, "secret": ""}).json()["secret_set"] is False
    for wrong in ({"issuer": "ftp://x"}, {"scopes": "profile"}, {"client_id": ""}):
        assert admin.put("/api/v1/sso", json={**body, **wrong}).json()["code"] == "sso-setting"
    with house.platform.database.reading() as connection:
        acts = [row.act for row in audit.entries(connection)]
    assert acts.count("sso.set") == 3


def test_single_sign_on_that_is_off_lets_nobody_in(house: House, provider: Provider) -> None:
    assert code_of(house.anonymous().get("/sso/start")) == "sso-setting"
    use(house, provider.issuer)
    client = house.anonymous()
    assert "single sign-on" in client.get("/log-in").text
    back = provider.authorize(start(client))
    sso.save(house.access, Sso(False, provider.issuer, CLIENT, None, loopback=True), "admin", "test")
    assert code_of(client.get("/sso/callback", params=back)) == "sso-setting"


# --- what goes out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/",
        "https://[fe80::1]/",
        "https://224.0.0.1/",
        "https://0.0.0.0/",
        "https://[::ffff:169.254.169.254]/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "https://user:secret@id.example/",
        "https:///nohost",
        "https://id.example:99999/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "http://2130706433/",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(RingfenceError) as error:
        fetch(url)
    assert error.value.code.code == "egress-refused"


def test_a_name_that_points_inward_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def lying(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", port))]

    connected: list[Any] = []
    monkeypatch.setattr(socket, "getaddrinfo", lying)
    monkeypatch.setattr(socket, "create_connection", lambda *words, **_: connected.append(words))
    with pytest.raises(RingfenceError, match="link-local"):
        fetch("https://id.example/")
    assert not connected


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> None:
    import socket

    real, asked = socket.getaddrinfo, []

    def once(host: str, *words: Any, **more: Any) -> Any:
        asked.append(host)
        return real("127.0.0.1", *words, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    port = urlsplit(provider.issuer).port
    answer = fetch(f"http://id.example:{port}/.well-known/openid-configuration", loopback=True)
    assert answer.status == 200
    assert asked.count("id.example") == 1, "a name is asked for once: it can't answer differently the second time"


def test_answers_are_bounded_and_redirects_not_followed(provider: Provider) -> None:
    provider.raw["/jwks"] = (302, {"Location": "http://169.254.169.254/"}, b"")
    assert fetch(f"{provider.issuer}/jwks", loopback=True).status == 302
    provider.raw["/jwks"] = (200, {}, b"x" * 2_000_000)
    with pytest.raises(RingfenceError, match="more than"):
        fetch(f"{provider.issuer}/jwks", loopback=True)
    provider.raw["/jwks"] = (200, {f"X-{number}": "x" * 100 for number in range(500)}, b"x")
    with pytest.raises(RingfenceError):
        fetch(f"{provider.issuer}/jwks", loopback=True)


@pytest.mark.parametrize("body", [b"", b"[", b"[]", b"5", b"[" * 100_000, b"\xff\xfe", b'{"issuer": 5}'])
def test_a_broken_provider_is_an_error_with_a_code(house: House, provider: Provider, body: bytes) -> None:
    use(house, provider.issuer)
    for path in ("/.well-known/openid-configuration", "/jwks", "/token"):
        provider.raw = {path: (200, {}, body)}
        client = house.anonymous()
        answer = client.get("/sso/start")
        if answer.status_code == 303:
            answer = client.get("/sso/callback", params=provider.authorize(answer.headers["location"]))
        assert answer.json()["code"] in ("sso-setting", "sso-refused")


def test_a_token_that_is_no_token_is_refused(house: House, provider: Provider) -> None:
    use(house, provider.issuer)
    good = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=")
    for token in ("", "a", "a.b", "a.b.c", f"{good}.e30.AAAA", f"{good}..", "." * 50, "x" * 200_000, 5, None):
        provider.raw["/token"] = (200, {}, json.dumps({"id_token": token}).encode())
        assert code_of(log_in(house, provider)[1]) == "sso-refused", token
