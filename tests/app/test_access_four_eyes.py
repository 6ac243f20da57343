"""Four eyes: a dangerous act waits for another person's word on exactly that act."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.app.visitors import Clock, House, made_platform

from ringfence.app.access import approvals
from ringfence.app.access.access import DAY
from ringfence.app.access.approvals import Act
from ringfence.app.access.principal import Principal
from ringfence.app.access.table import ENDPOINTS, ROLES
from ringfence.store import approvals as approval_rows
from ringfence.store import audit

ALL = [(role, "*") for role in ROLES]
INVITE = "/api/v1/people/invite"
BODY: dict[str, Any] = {"roles": [{"role": "viewer", "site": "north"}]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def house(tmp_path: Path, clock: Clock) -> Iterator[House]:
    made = House(made_platform(tmp_path, clock))
    yield made
    made.platform.database.close()


def demand(house: House, acts: list[str]) -> tuple[TestClient, TestClient]:
    """Demand four eyes; return the asker and another person who may approve."""
    asker = house.browser(house.add("asker", ALL))
    other = house.browser(house.add("other", ALL))
    assert asker.put("/api/v1/approvals/setting", json={"acts": acts}).json() == {"acts": acts}
    return asker, other


def waiting(answer: Any) -> str:
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "approval-needed"
    (error,) = answer.json()["errors"]
    assert error["where"] == "approval"
    return str(error["what"])


def decide(client: TestClient, id_: str, answer: str = "approved") -> Any:
    rows = {row["id"]: row for row in client.get("/api/v1/approvals").json()}
    digest = rows[id_]["digest"] if id_ in rows else "0" * 64
    return client.post(f"/api/v1/approvals/{id_}", json={"digest": digest, "answer": answer})


def test_an_act_waits_for_another_person_and_is_done_once(house: House) -> None:
    asker, other = demand(house, ["*"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    assert waiting(asker.post(INVITE, json=BODY)) == id_, "asking again makes no second request"
    (row,) = other.get("/api/v1/approvals").json()
    assert (row["act"], row["asked_by"], row["mine"]) == (f"POST {INVITE}", "asker", False)
    assert row["detail"]["content"] == BODY, "the approver sees what exactly is to be done"
    assert decide(other, id_).json()["answer"] == "approved"
    assert asker.post(INVITE, json=BODY).status_code == 201
    assert waiting(asker.post(INVITE, json=BODY)) != id_, "an approval is used once"


def test_nobody_approves_their_own_by_whatever_way(house: House) -> None:
    asker, _ = demand(house, [f"POST {INVITE}"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    answer = decide(asker, id_)
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    me = house.access.platform.database
    with me.reading() as connection:
        from ringfence.store import people as rows

        person = rows.by_name(connection, "asker")
    assert person is not None
    again = house.browser(person)
    assert decide(again, id_).json()["code"] == "not-allowed", "another session of the same person"
    assert decide(house.program(person), id_).json()["code"] == "not-allowed", "a token of the same person"


def test_no_token_approves(house: House) -> None:
    asker, _ = demand(house, ["*"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    third = house.program(house.add("third", ALL))
    assert decide(third, id_).json()["code"] == "not-allowed"


@pytest.mark.parametrize(
    "change",
    [
        {"roles": [{"role": "admin", "site": "*"}]},
        {"roles": [{"role": "viewer", "site": "north"}], "why": "x"},
        {"roles": []},
    ],
)
def test_an_approval_approves_nothing_else(house: House, change: dict[str, Any]) -> None:
    asker, other = demand(house, ["*"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    decide(other, id_)
    assert waiting(asker.post(INVITE, json=change)) != id_
    assert waiting(asker.post(f"{INVITE}?x=1", json=BODY)) != id_
    assert waiting(other.post(INVITE, json=BODY)) != id_, "somebody else with the same act"
    assert asker.post(INVITE, json=BODY).status_code == 201


def test_the_digest_that_was_seen_is_the_one_that_is_approved(house: House) -> None:
    asker, other = demand(house, ["*"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    answer = other.post(f"/api/v1/approvals/{id_}", json={"digest": "0" * 64, "answer": "approved"})
    assert answer.json()["code"] == "not-found"
    waiting(asker.post(INVITE, json=BODY))


def test_refused_is_refused_and_late_is_late(house: House, clock: Clock) -> None:
    asker, other = demand(house, ["*"])
    id_ = waiting(asker.post(INVITE, json=BODY))
    assert decide(other, id_, "refused").json()["answer"] == "refused"
    assert decide(other, id_).json()["code"] == "not-found", "decided is decided"
    second = waiting(asker.post(INVITE, json=BODY))
    assert second != id_
    decide(other, second)
    clock.pass_(DAY)
    asker = house.browser(_person(house, "asker"))
    assert waiting(asker.post(INVITE, json=BODY)) not in (id_, second), "an approval does not last"


def _person(house: House, name: str) -> Any:
    from ringfence.store import people as rows

    with house.platform.database.reading() as connection:
        return rows.by_name(connection, name)


def test_an_act_that_fails_gives_the_approval_back(house: House) -> None:
    asker, other = demand(house, ["*"])
    path = "/api/v1/people/nobody/link"
    id_ = waiting(asker.post(path, json={}))
    decide(other, id_)
    assert asker.post(path, json={}).status_code == 404
    (row,) = [row for row in asker.get("/api/v1/approvals").json() if row["id"] == id_]
    assert row["used"] is None
    assert asker.post(path, json={}).status_code == 404, "it was not used up"


def test_what_is_demanded_of_the_api_is_demanded_of_the_screen(house: House) -> None:
    asker, other = demand(house, [f"POST {INVITE}"])
    form = {"grant": ["viewer north", "analyst *"], "why": "a=b & c"}
    id_ = waiting(asker.post("/system/people/invite", data=form))
    assert id_ != waiting(asker.post(INVITE, json=BODY)), "each way needs its own approval"
    (row,) = [row for row in other.get("/api/v1/approvals").json() if row["id"] == id_]
    assert row["act"] == "POST /system/people/invite"
    decide(other, id_)
    with house.platform.database.reading() as connection:
        kept = approval_rows.by_id(connection, id_)
    assert kept is not None
    fields = approvals.again(kept)
    assert fields == [("grant", "analyst *"), ("grant", "viewer north"), ("why", "a=b & c")]
    assert "/welcome#rfl_" in asker.post("/system/people/invite", data=form).text


def test_a_form_that_held_a_secret_is_not_made_again(house: House) -> None:
    asker, other = demand(house, ["*"])
    form = {"issuer": "https://id.example", "client_id": "c", "secret": "", "group": [], "role": [], "site": []}
    for secret, again in (("", True), ("hush", False)):
        id_ = waiting(asker.post("/system/sso", data={**form, "secret": secret}))
        decide(other, id_)
        with house.platform.database.reading() as connection:
            kept = approval_rows.by_id(connection, id_)
        assert kept is not None
        assert "hush" not in str(kept.detail)
        assert (approvals.again(kept) is not None) is again


def test_nobody_is_told_of_what_they_can_not_decide(house: House) -> None:
    asker, _ = demand(house, ["*"])
    waiting(asker.post(INVITE, json=BODY))

    def told(*grants: tuple[str, str], person: str = "p", token: str | None = None) -> int:
        asks = Principal(person, person, "P", frozenset(grants), "password", csrf="", token=token)
        return len(approvals.to_decide(house.access, asks))

    assert told(("approver", "*")) == 1
    assert told(("approver", "north")) == 0
    assert told(("admin", "*"), ("auditor", "*")) == 0
    assert told(("approver", "*"), token="t") == 0, "no token approves"  # noqa: S106 An id.
    assert told(("approver", "*"), person=_person(house, "asker").id) == 0, "nobody approves their own"


def test_turning_it_off_needs_the_other_person_too(house: House) -> None:
    asker, other = demand(house, ["*"])
    id_ = waiting(asker.put("/api/v1/approvals/setting", json={"acts": []}))
    decide(other, id_)
    assert asker.put("/api/v1/approvals/setting", json={"acts": []}).json() == {"acts": []}
    assert asker.post(INVITE, json=BODY).status_code == 201


def test_it_can_be_demanded_for_what_is_dangerous_only_and_where_somebody_can_approve(house: House) -> None:
    alone = house.browser(house.add("alone", ALL))
    assert alone.put("/api/v1/approvals/setting", json={"acts": ["*"]}).json()["code"] == "value-refused"
    house.add("other", ALL)
    for name in ("GET /api/v1/people", "POST /nowhere", ""):
        assert alone.put("/api/v1/approvals/setting", json={"acts": [name]}).json()["code"] == "value-refused"
    assert any(row.dangerous for row in ENDPOINTS)


def test_an_approver_of_one_site_approves_nothing_of_others(house: House) -> None:
    demand(house, ["*"])
    here = Principal("p", "p", "P", frozenset({("approver", "north")}), "password", csrf="")
    asker = Principal("a", "a", "A", frozenset({("engineer", "north"), ("engineer", "south")}), "password", csrf="")

    def asked(sites: frozenset[str] | None) -> str:
        return approvals.use(house.access, asker, Act("PUT /x", "/x", [], str(sites), sites)).id

    from ringfence.model.errors import RingfenceError

    for sites in (None, frozenset({"south"}), frozenset({"north", "south"}), frozenset[str]()):
        with pytest.raises(RingfenceError, match="no approver"):
            approvals.decide(house.access, here, asked(sites), "approved", None)
    assert approvals.decide(house.access, here, asked(frozenset({"north"})), "approved", None).answer == "approved"
    assert [row.detail["sites"] for row, _ in approvals.listed(house.access, here)] == [["north"]]


def test_an_act_from_a_file_or_by_a_token_waits_too(house: House) -> None:
    demand(house, ["*"])
    token = Principal("a", "a", "A", frozenset({("engineer", "*")}), "token", token="t1")  # noqa: S106 An id.
    plan = Act("PUT /plan", "/plan", [], {"sha256": approvals.digest_of_bytes(b"plan of git")}, None)
    given = approvals.use(house.access, token, plan)
    assert not given.granted
    other = Principal("b", "b", "B", frozenset({("approver", "*")}), "password", csrf="")
    approvals.decide(house.access, other, given.id, "approved", "looked at the diff")
    changed = Act("PUT /plan", "/plan", [], {"sha256": approvals.digest_of_bytes(b"plan of git, changed")}, None)
    assert not approvals.use(house.access, token, changed).granted
    assert approvals.use(house.access, token, plan).granted
    assert not approvals.use(house.access, token, plan).granted


def test_secrets_are_not_shown_to_the_approver(house: House) -> None:
    asker, other = demand(house, ["*"])
    body = {"enabled": True, "issuer": "https://id.example", "client_id": "c", "secret": "hush-hush-hush"}
    waiting(asker.put("/api/v1/sso", json=body))
    assert "hush" not in other.get("/api/v1/approvals").text
    with house.platform.database.reading() as connection:
        assert "hush" not in str(list(audit.entries(connection)))
