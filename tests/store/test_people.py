"""People, sessions, tokens, passkeys and approvals in the store, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy.exc import IntegrityError

from ringfence.store import approvals, credentials, people
from ringfence.store import settings as kept
from ringfence.store.approvals import Approval
from ringfence.store.credentials import Passkey, Session, Token
from ringfence.store.database import Connection, Database


@pytest.fixture
def anna(database: Database) -> str:
    with database.writing() as connection:
        people.add(connection, "p1", "Anna", "Anna A.", 1)
        people.set_grants(connection, "p1", [("viewer", "*"), ("engineer", "north")])
    return "p1"


def test_a_person_is_found_by_name_id_and_subject(database: Database, anna: str) -> None:
    with database.writing() as connection:
        people.change(connection, anna, subject="https://id.example s1")
    with database.reading() as connection:
        person = people.by_name(connection, " ANNA ")
        assert person is not None
        assert person == people.by_id(connection, anna) == people.by_subject(connection, "https://id.example s1")
        assert person.grants == {("viewer", "*"), ("engineer", "north")}
        assert people.by_name(connection, "ann") is None
        assert people.everybody(connection) == [person]
        assert people.count(connection) == 1


def test_names_are_unique_as_they_are_compared(database: Database, anna: str) -> None:
    with pytest.raises(IntegrityError), database.writing() as connection:
        people.add(connection, "p2", "ＡＮＮＡ", "Other", 1)


def test_roles_of_two_sources_do_not_disturb_each_other(database: Database, anna: str) -> None:
    with database.writing() as connection:
        people.set_grants(connection, anna, [("viewer", "*"), ("auditor", "*")], source="oidc")
        people.set_grants(connection, anna, [("viewer", "*")])
        person = people.by_id(connection, anna)
        assert person is not None
        assert person.grants == {("viewer", "*"), ("auditor", "*")}
        people.set_grants(connection, anna, [], source="oidc")
        person = people.by_id(connection, anna)
        assert person is not None
        assert person.grants == {("viewer", "*")}


def test_administrators_are_those_who_can_act(database: Database, anna: str) -> None:
    with database.writing() as connection:
        assert people.administrators(connection) == set()
        people.set_grants(connection, anna, [("admin", "*")])
        people.add(connection, "p2", "glass", "Glass", 1, break_glass=True)
        people.set_grants(connection, "p2", [("admin", "*")])
        people.add(connection, "p3", "site", "Site", 1)
        people.set_grants(connection, "p3", [("admin", "north")])
        assert people.administrators(connection) == {anna}
        people.change(connection, anna, disabled=True)
        assert people.administrators(connection) == set()


def at_once(database: Database, act: Callable[[Connection], bool], count: int = 6) -> int:
    """How many of several who act at the same moment are told yes."""
    answers: list[bool] = []
    gate = threading.Barrier(count)

    def work() -> None:
        gate.wait()
        with database.writing() as connection:
            answers.append(act(connection))

    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count
    return sum(answers)


def test_what_counts_once_counts_once_for_many_at_the_same_moment(database: Database, anna: str) -> None:
    with database.writing() as connection:
        people.change(connection, anna, recovery=["r1", "r2"])
        people.invite(connection, "d1", [("viewer", "*")], 1, 100, "admin")
        approvals.add(connection, Approval("a1", "act", "digest", {}, anna, 1, 100))
        approvals.decide(connection, "a1", "p2", "approved", 2)
        approvals.add(connection, Approval("a2", "act", "other", {}, "p9", 1, 100))
        credentials.add_passkey(connection, Passkey("c1", anna, "key", b"k", 0, 1, None))
    key = Passkey("c1", anna, "key", b"k", 0, 1, None)
    assert at_once(database, lambda connection: people.take_step(connection, anna, 7)) == 1
    assert at_once(database, lambda connection: people.take_recovery(connection, anna, "r1")) == 1
    assert at_once(database, lambda connection: people.take_invitation(connection, "d1", 50) is not None) == 1
    assert at_once(database, lambda connection: approvals.take(connection, anna, "digest", 50) is not None) == 1
    assert at_once(database, lambda connection: approvals.decide(connection, "a2", anna, "approved", 50)) == 1
    assert at_once(database, lambda connection: credentials.use_passkey(connection, key, 1, 50)) == 1


def test_invitations_expire_and_tell_what_they_are_for(database: Database, anna: str) -> None:
    with database.writing() as connection:
        people.invite(connection, "d1", [("viewer", "*"), ("admin", "north")], 1, 100, "admin")
        people.invite(connection, "d2", (), 1, 100, "admin", person=anna)
        assert people.look_at_invitation(connection, "d1", 100) is None
        assert people.take_invitation(connection, "d1", 100) is None
        found = people.look_at_invitation(connection, "d1", 99)
        assert found is not None
        assert (found.roles, found.who, found.person) == ((("admin", "north"), ("viewer", "*")), "admin", None)
        reset = people.take_invitation(connection, "d2", 99)
        assert reset is not None
        assert (reset.roles, reset.person) == ((), anna)


def test_sessions_die_with_their_epoch(database: Database, anna: str) -> None:
    row = Session("s1", anna, "password", "csrf", 1, 1, 100, 0, "here\0there")
    with database.writing() as connection:
        credentials.add_session(connection, row)
        found = credentials.session_by_digest(connection, "s1")
        assert found is not None
        assert found[0].where == "here␀there"
        credentials.touch_session(connection, "s1", 9)
        credentials.touch_session(connection, "s1", 5)
        (listed,) = credentials.sessions_of(connection, anna, 50)
        assert listed.used == 9, "a use is never noted backwards"
        assert credentials.sessions_of(connection, anna, 100) == []
        people.change(connection, anna, end=True)
        assert credentials.session_by_digest(connection, "s1") is None
        assert credentials.sessions_of(connection, anna, 50) == []
        credentials.sweep(connection, 50, 10)
        assert credentials.end_sessions(connection, anna) == 0, "it was swept, being idle"


def test_tokens_die_by_time_revocation_epoch_and_their_person(database: Database, anna: str) -> None:
    with database.writing() as connection:
        for number in range(4):
            token = Token(f"t{number}", anna, "t", (("viewer", "*"),), 1, 100, None, None, 0)
            credentials.add_token(connection, f"d{number}", token)
        found = credentials.token_by_digest(connection, "d0", 99)
        assert found is not None
        assert found[0].roles == (("viewer", "*"),)
        assert credentials.token_by_digest(connection, "d0", 100) is None
        assert credentials.revoke_token(connection, "t1", 5)
        assert not credentials.revoke_token(connection, "t1", 5)
        assert credentials.token_by_digest(connection, "d1", 50) is None
        people.change(connection, anna, disabled=True)
        assert credentials.token_by_digest(connection, "d2", 50) is None
        people.change(connection, anna, disabled=False, end=True)
        assert credentials.token_by_digest(connection, "d2", 50) is None


def test_an_approval_is_decided_by_another_in_time(database: Database, anna: str) -> None:
    with database.writing() as connection:
        approvals.add(connection, Approval("a1", "act", "digest", {"x": 1}, anna, 1, 100))
        assert not approvals.decide(connection, "a1", anna, "approved", 2)
        assert not approvals.decide(connection, "a1", "p2", "approved", 100)
        assert approvals.pending(connection, anna, "digest", 50) is not None
        assert approvals.pending(connection, anna, "digest", 100) is None
        assert approvals.decide(connection, "a1", "p2", "approved", 2)
        assert approvals.take(connection, "p2", "digest", 50) is None, "only the one who asked uses it"
        assert approvals.take(connection, anna, "digest", 100) is None
        assert approvals.take(connection, anna, "digest", 50) == "a1"
        approvals.give_back(connection, "a1")
        assert approvals.take(connection, anna, "digest", 50) == "a1"
        assert [row.id for row in approvals.recent(connection)] == ["a1"]


def test_settings_are_kept(database: Database) -> None:
    with database.writing() as connection:
        assert kept.get(connection, "x", 5) == 5
        kept.put(connection, "x", {"a": [1, None]})
        kept.put(connection, "x", {"a": [2]})
        assert kept.get(connection, "x") == {"a": [2]}


def test_what_waits_is_told_oldest_first_and_nothing_else(database: Database, anna: str) -> None:
    with database.writing() as connection:
        for name, asked, expires in (("late", 3, 100), ("early", 1, 100), ("gone", 2, 50), ("answered", 1, 100)):
            approvals.add(connection, Approval(name, "act", name, {}, anna, asked, expires))
        approvals.decide(connection, "answered", "p2", "refused", 10)
    with database.reading() as connection:
        assert [row.id for row in approvals.waiting(connection, 50)] == ["early", "late"]
        assert [row.id for row in approvals.waiting(connection, 50, limit=1)] == ["early"]
        assert approvals.waiting(connection, 100) == []


def test_roles_are_told_by_where_they_come_from(database: Database, anna: str) -> None:
    with database.writing() as connection:
        people.set_grants(connection, anna, [("viewer", "*")])
        people.set_grants(connection, anna, [("engineer", "north"), ("viewer", "*")], source="oidc")
        assert people.granted(connection, anna, "local") == {("viewer", "*")}
        assert people.granted(connection, anna, "oidc") == {("engineer", "north")}
        assert people.granted(connection, "nobody", "local") == set()
