"""Single sign-on at a whole provider that others wrote, in a process of its own: npm's ``oidc-provider``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.app import node_provider
from tests.app.node_provider import Running
from tests.app.visitors import Clock, House, made_platform

from ringfence.app.access import sso
from ringfence.app.access.sso import Sso

CLIENT, SECRET = "ringfence", "hush: of the client %/+"
BACK = "http://localhost:8470/sso/callback"
PEOPLE: dict[str, dict[str, Any]] = {
    "carl": {"groups": ["plant-engineers"], "preferred_username": "carl", "name": "Carl C."},
    "dora": {"groups": ["canteen"], "preferred_username": "dora", "name": "Dora D."},
}
MAPPING = (("plant-engineers", "engineer", "north"), ("security", "analyst", "*"))


@pytest.fixture(scope="module")
def provider() -> Iterator[Running]:
    with node_provider.running(CLIENT, SECRET, BACK, PEOPLE) as made:
        yield made


@pytest.fixture
def house(tmp_path: Path, provider: Running) -> Iterator[House]:
    made = House(made_platform(tmp_path, Clock(time.time_ns())))  # The provider's clock is the real one.
    use(made, provider)
    yield made
    made.platform.database.close()


def use(house: House, provider: Running, secret: str = SECRET) -> None:
    words: dict[str, Any] = {"client_id": CLIENT, "secret": secret, "mapping": MAPPING, "loopback": True}
    sso.save(house.access, Sso(True, provider.issuer, scopes="openid profile groups", **words), "admin", "test")


def begun(client: Any, target: str = "/") -> str:
    answer = client.get("/sso/start", params={"next": target})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def code_of(answer: Any) -> str:
    return "ok" if answer.status_code == 303 else str(answer.json()["code"])


def test_the_test_button_is_green(house: House) -> None:
    setting = sso.load(house.access)
    assert setting is not None
    steps = [(row.step, row.ok) for row in sso.test(house.access, setting)]
    assert steps == [(name, True) for name in ("setting", "discovery", "keys", "client")]


def test_the_test_button_finds_a_wrong_secret(house: House, provider: Running) -> None:
    use(house, provider, "not the client's")
    setting = sso.load(house.access)
    assert setting is not None
    assert [row.step for row in sso.test(house.access, setting) if not row.ok] == ["client"]


def test_somebody_logs_in_and_has_the_groups_roles(house: House, provider: Running) -> None:
    browser = house.anonymous()
    back = provider.log_in(begun(browser, "/account"), "carl")
    answer = browser.get("/sso/callback", params=back)
    assert (answer.status_code, answer.headers.get("location")) == (303, "/account"), answer.text
    told = browser.get("/api/v1/session").json()
    assert (told["name"], told["display"], told["how"]) == ("carl", "Carl C.", "oidc")
    assert told["roles"] == [{"role": "engineer", "site": "north"}]
    assert code_of(browser.get("/sso/callback", params=back)) == "sso-refused", "a way back counts once"


def test_somebody_whose_groups_give_nothing_stays_outside(house: House, provider: Running) -> None:
    browser = house.anonymous()
    answer = browser.get("/sso/callback", params=provider.log_in(begun(browser), "dora"))
    assert code_of(answer) == "sso-refused"
    assert browser.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("bent", [{"state": "another"}, {"code": "another"}, {"iss": "http://localhost:1"}])
def test_a_way_back_that_was_bent_is_refused(house: House, provider: Running, bent: dict[str, str]) -> None:
    browser = house.anonymous()
    back = provider.log_in(begun(browser), "carl")
    assert "iss" in back, "it says who it is (RFC 9207)"
    assert code_of(browser.get("/sso/callback", params={**back, **bent})) == "sso-refused"
    assert browser.get("/api/v1/session").status_code == 401


def test_another_browser_can_not_take_the_way_back(house: House, provider: Running) -> None:
    back = provider.log_in(begun(house.anonymous()), "carl")
    assert code_of(house.anonymous().get("/sso/callback", params=back)) == "sso-refused"


def test_who_cancels_is_told_so(house: House, provider: Running) -> None:
    browser = house.anonymous()
    back = provider.cancel(begun(browser))
    assert back["error"] == "access_denied"
    assert code_of(browser.get("/sso/callback", params=back)) == "sso-refused"
