"""Passkeys, with an authenticator in software: registration, log-in, and every lie that must be refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi.testclient import TestClient
from tests.app.authenticator import PRESENT, Authenticator
from tests.app.visitors import ORIGIN, Clock, House, made_platform

from ringfence.app.access.access import MINUTE
from ringfence.store import people as rows


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(made_platform(tmp_path, clock))
    yield made
    made.platform.database.close()


def register(client: TestClient, key: Authenticator, name: str = "key") -> Any:
    offer = client.post("/api/v1/passkeys/options").json()
    body = {"ticket": offer["ticket"], "name": name, "credential": key.create(offer["options"])}
    return client.post("/api/v1/passkeys", json=body)


def offered(client: TestClient) -> Any:
    return client.post("/api/v1/passkeys/log-in/options").json()


def test_a_passkey_is_registered_and_logs_in(house: House) -> None:
    person = house.add("anna", [("viewer", "*")])
    browser, key = house.browser(person), Authenticator(ORIGIN)
    assert register(browser, key).status_code == 201
    client = house.anonymous()
    offer = offered(client)
    assert offer["host"] == "localhost"
    assert "allowCredentials" not in offer["options"] or offer["options"]["allowCredentials"] == []
    answer = client.post(
        "/api/v1/passkeys/log-in", json={"ticket": offer["ticket"], "credential": key.get(offer["options"])}
    )
    assert answer.status_code == 200
    assert answer.json()["how"] == "passkey"
    assert client.get("/api/v1/session").json()["name"] == "anna"
    (row,) = browser.get("/api/v1/passkeys").json()
    assert row["used"] is not None
    assert register(browser, key).json()["code"] == "passkey-refused", "registered twice"
    assert browser.delete(f"/api/v1/passkeys/{row['id']}").status_code == 204
    offer = offered(client)
    answer = client.post(
        "/api/v1/passkeys/log-in", json={"ticket": offer["ticket"], "credential": key.get(offer["options"])}
    )
    assert answer.json()["code"] == "passkey-refused"


def attempt(house: House, key: Authenticator, *, change: Any = None, ticket: str | None = None) -> str:
    client = house.anonymous()
    offer = offered(client)
    credential = key.get(offer["options"])
    if change is not None:
        change(credential, offer)
    answer = client.post(
        "/api/v1/passkeys/log-in", json={"ticket": ticket or offer["ticket"], "credential": credential}
    )
    return "ok" if answer.status_code == 200 else str(answer.json()["code"])


def test_lies_are_refused(house: House, clock: Clock) -> None:
    person = house.add("anna")
    key = Authenticator(ORIGIN)
    register(house.browser(person), key)

    def lying(**words: Any) -> Authenticator:
        made = copy.copy(key)
        for name, value in words.items():
            setattr(made, name, value)
        return made

    liars = {
        "another site's origin": lying(origin="http://evil.example:8470"),
        "another port": lying(origin="http://localhost:9999"),
        "another host": lying(host="evil.example"),
        "another key": lying(key=ec.generate_private_key(ec.SECP256R1())),
        "nobody verified": lying(flags=PRESENT),
        "unknown credential": lying(id=b"x" * 32),
    }
    for what, liar in liars.items():
        assert attempt(house, liar) == "passkey-refused", what

    def swap(credential: Any, _: Any) -> None:
        credential["response"]["signature"] = credential["response"]["signature"][:-4] + "AAAA"

    assert attempt(house, key, change=swap) == "passkey-refused", "signature"
    first = offered(house.anonymous())
    assert attempt(house, key, ticket=first["ticket"]) == "passkey-refused", "a ticket with another challenge"
    assert attempt(house, key) == "ok"


def test_an_answer_counts_once_and_not_for_long(house: House, clock: Clock) -> None:
    key = Authenticator(ORIGIN)
    register(house.browser(house.add("anna")), key)
    client = house.anonymous()
    offer = offered(client)
    body = {"ticket": offer["ticket"], "credential": key.get(offer["options"])}
    assert client.post("/api/v1/passkeys/log-in", json=body).status_code == 200
    assert client.post("/api/v1/passkeys/log-in", json=body).json()["code"] == "passkey-refused", "replayed"
    offer = offered(client)
    body = {"ticket": offer["ticket"], "credential": key.get(offer["options"])}
    clock.pass_(5 * MINUTE)
    assert client.post("/api/v1/passkeys/log-in", json=body).json()["code"] == "passkey-refused", "too old"


def test_a_copied_authenticator_is_found_by_its_counter(house: House) -> None:
    key = Authenticator(ORIGIN, count=5)
    register(house.browser(house.add("anna")), key)
    assert attempt(house, key) == "ok"
    copied = copy.copy(key)
    copied.count = 4
    assert attempt(house, copied) == "passkey-refused"
    assert attempt(house, key) == "ok"


def test_a_disabled_person_does_not_come_in(house: House) -> None:
    key = Authenticator(ORIGIN)
    person = house.add("anna")
    register(house.browser(person), key)
    with house.platform.database.writing() as connection:
        rows.change(connection, person.id, disabled=True, end=True)
    assert attempt(house, key) == "passkey-refused"


@pytest.mark.parametrize("broken", [{}, {"id": "x"}, {"id": 5, "response": []}, {"id": "x", "response": {"a": "b"}}])
def test_hostile_answers_are_refused_without_falling_over(house: House, broken: dict[str, Any]) -> None:
    key = Authenticator(ORIGIN)
    browser = house.browser(house.add("anna"))
    register(browser, key)
    client = house.anonymous()
    known = {**key.get(offered(client)["options"]), **broken}
    for credential in (broken, known):
        answer = client.post(
            "/api/v1/passkeys/log-in", json={"ticket": offered(client)["ticket"], "credential": credential}
        )
        assert answer.json()["code"] == "passkey-refused"
    for cut in range(0, 200, 7):
        offer = browser.post("/api/v1/passkeys/options").json()
        credential = Authenticator(ORIGIN).create(offer["options"])
        credential["response"]["attestationObject"] = credential["response"]["attestationObject"][:cut]
        answer = browser.post("/api/v1/passkeys", json={"ticket": offer["ticket"], "credential": credential})
        assert answer.json()["code"] == "passkey-refused", cut


def test_nobody_registers_a_passkey_for_somebody_else(house: House) -> None:
    anna, berta = house.browser(house.add("anna")), house.browser(house.add("berta"))
    offer = anna.post("/api/v1/passkeys/options").json()
    body = {"ticket": offer["ticket"], "credential": Authenticator(ORIGIN).create(offer["options"])}
    assert berta.post("/api/v1/passkeys", json=body).json()["code"] == "passkey-refused"


def test_on_an_address_passkeys_are_not_offered_and_that_is_said(tmp_path: Path) -> None:
    house = House(made_platform(tmp_path, origins=("http://127.0.0.1:8470",)))
    client = house.browser(house.add("anna"))
    answer = client.post("/api/v1/passkeys/options")
    assert (answer.status_code, answer.json()["code"]) == (409, "passkey-unavailable")
    assert client.get("/api/v1/session").json()["passkeys"] is None
    assert "Passkeys need a host name" in house.anonymous().get("/log-in").text
    assert "passkey.js" not in house.anonymous().get("/log-in").text
