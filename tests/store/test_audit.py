"""The audit log on both databases: chain, one writer at a time, and every way of tampering, each tried."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ringfence.model.errors import RingfenceError
from ringfence.store import audit
from ringfence.store.audit import GENESIS, Checkpoint, hash_of
from ringfence.store.audit_check import Verdict, as_line, check, export, read_checkpoints
from ringfence.store.database import Database

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"1")


def write(database: Database, count: int = 10) -> None:
    for number in range(1, count + 1):
        with database.writing() as connection:
            made = audit.append(
                connection, number, "anna", "session", "device.note", f"d{number}", {"n": 1}, {"n": number}, "because"
            )
            assert made == number


def verdict(database: Database, outside: tuple[Checkpoint, ...] = ()) -> Verdict:
    with database.reading() as connection:
        return check(connection, KEY.public_key(), outside)


def kinds(found: Verdict) -> set[tuple[int, str]]:
    return {(fault.number, fault.kind) for fault in found.faults}


def sign(database: Database) -> Checkpoint:
    with database.writing() as connection:
        made = audit.sign(connection, 99, KEY)
    assert made is not None
    return made


def tamper(database: Database, act: Callable[[Connection], None]) -> None:
    """Do what only who owns the tables or the server can do: take the triggers away, or go round them."""
    with database.writing() as connection:
        if database.is_sqlite:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            assert len(names) == 4
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        act(connection)


def run(*statements: str) -> Callable[[Connection], None]:
    def act(connection: Connection) -> None:
        for statement in statements:
            connection.execute(text(statement))

    return act


def test_an_untouched_log_is_whole(database: Database) -> None:
    assert verdict(database).entries == 0
    write(database)
    made = sign(database)
    found = verdict(database, (made,))
    assert (found.entries, found.checkpoints, found.faults) == (10, 2, ())
    assert found.head == made.hash
    with database.reading() as connection:
        first, *_, last = list(audit.entries(connection))
    assert (first.previous, last.number, last.after, last.why) == (GENESIS, 10, {"n": 10}, "because")
    with database.writing() as connection:
        assert audit.sign(connection, 100, KEY) is None, "nothing new, no new checkpoint"


def test_an_act_that_fails_leaves_no_entry_and_no_gap(database: Database) -> None:
    write(database, 2)
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        audit.append(connection, 3, "anna", "session", "device.note")
        raise ZeroDivisionError
    with database.writing() as connection:
        assert audit.append(connection, 4, "anna", "session", "device.note") == 3
    assert verdict(database).faults == ()


def test_many_writers_make_one_chain(database: Database) -> None:
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(12):
                with database.writing() as connection:
                    audit.append(connection, number, name, "session", "device.note")
        except BaseException as error:  # noqa: BLE001 The thread's error is the test's.
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    found = verdict(database)
    assert (found.entries, found.faults) == (48, ())


@pytest.mark.parametrize("table", ["audit", "audit_checkpoint"])
@pytest.mark.parametrize("act", ["UPDATE {} SET time = 5", "DELETE FROM {}"])
def test_the_database_refuses_what_is_no_addition(database: Database, table: str, act: str) -> None:
    write(database, 2)
    sign(database)
    with pytest.raises(DBAPIError, match="only added to"), database.writing() as connection:
        connection.execute(text(act.format(table)))
    assert verdict(database).faults == ()


@pytest.mark.parametrize(
    "column",
    ["time = 7777", "who = 'eve'", "how = 'x'", "act = 'x'", "object = 'x'", "why = NULL", "before = '[2]'"],
)
def test_a_change_is_found(database: Database, column: str) -> None:
    write(database)
    tamper(database, run(f"UPDATE audit SET {column} WHERE number = 4"))  # noqa: S608 The test's own words.
    assert kinds(verdict(database)) == {(4, "changed")}


def test_a_change_with_a_new_hash_is_found_at_the_next_entry(database: Database) -> None:
    write(database)

    def act(connection: Connection) -> None:
        rows = {row.number: row for row in audit.entries(connection)}
        forged = hash_of({**dataclasses.asdict(rows[4]), "who": "eve"})
        connection.execute(text("UPDATE audit SET who = 'eve', hash = :hash WHERE number = 4"), {"hash": forged})

    tamper(database, act)
    assert kinds(verdict(database)) == {(5, "unchained")}


@pytest.mark.parametrize("hidden", ['{"n": 1}', '{"n":0,"n":1}', "{", "[" * 5_000, "NaN", '"\\u0041"'])
def test_json_that_only_looks_the_same_is_found(database: Database, hidden: str) -> None:
    write(database)

    def act(connection: Connection) -> None:
        connection.execute(text("UPDATE audit SET before = :hidden WHERE number = 4"), {"hidden": hidden})

    tamper(database, act)
    assert kinds(verdict(database)) == {(4, "changed")}


def test_a_removal_is_found(database: Database) -> None:
    write(database)
    tamper(database, run("DELETE FROM audit WHERE number IN (1, 5, 6)"))
    found = verdict(database)
    assert kinds(found) == {(1, "removed"), (5, "removed")}
    assert "entries 5 to 6" in next(fault.detail for fault in found.faults if fault.number == 5)


def test_a_removal_that_closes_the_gap_is_found(database: Database) -> None:
    write(database)
    tamper(
        database,
        run(
            "DELETE FROM audit WHERE number = 5",
            *(f"UPDATE audit SET number = {n - 1} WHERE number = {n}" for n in range(6, 11)),  # noqa: S608 As above.
        ),
    )
    assert {kind for _, kind in kinds(verdict(database))} == {"reordered"}


def test_a_reordering_is_found(database: Database) -> None:
    write(database)
    tamper(
        database,
        run(
            "UPDATE audit SET number = -1 WHERE number = 3",
            "UPDATE audit SET number = 3 WHERE number = 7",
            "UPDATE audit SET number = 7 WHERE number = -1",
        ),
    )
    found = verdict(database)
    assert {(3, "reordered"), (7, "reordered")} <= kinds(found)
    assert "written as entry 7" in next(fault.detail for fault in found.faults if fault.number == 3)


def test_truncation_is_found_by_a_checkpoint(database: Database) -> None:
    write(database)
    sign(database)
    tamper(database, run("DELETE FROM audit WHERE number > 7"))
    assert kinds(verdict(database)) == {(10, "truncated")}


def test_truncation_with_its_checkpoints_is_found_only_from_outside(database: Database) -> None:
    write(database)
    kept = sign(database)
    tamper(database, run("DELETE FROM audit WHERE number > 7", "DELETE FROM audit_checkpoint"))
    blind = verdict(database)
    assert blind.faults == ()
    assert "cut off at the end" in blind.unproven[0], "what a chain can't prove is said"
    assert kinds(verdict(database, (kept,))) == {(10, "truncated")}


def test_a_history_written_anew_by_who_holds_the_key_is_found_only_from_outside(database: Database) -> None:
    write(database)
    kept = sign(database)
    tamper(database, run("DELETE FROM audit", "DELETE FROM audit_checkpoint"))
    for number in range(1, 11):
        with database.writing() as connection:
            audit.append(connection, number, "nobody", "session", "nothing")
    sign(database)
    blind = verdict(database)
    assert blind.faults == ()
    assert any("holds the installation's secret" in sentence for sentence in blind.unproven)
    assert (10, "changed") in kinds(verdict(database, (kept,)))


def test_a_checkpoint_that_somebody_else_signed_is_found(database: Database) -> None:
    write(database)
    with database.writing() as connection:
        audit.sign(connection, 99, OTHER)
    assert kinds(verdict(database)) == {(10, "checkpoint")}
    made = Checkpoint(10, 99, "0" * 64, "AAAA", audit.key_id(KEY.public_key()))
    assert (10, "checkpoint") in kinds(verdict(database, (made,)))
    with database.reading() as connection:
        without = check(connection, None)
    assert without.faults == ()
    assert any("not checked" in sentence for sentence in without.unproven)


def test_every_field_of_a_checkpoint_is_signed(database: Database) -> None:
    write(database, 3)
    made = sign(database)
    made.verify(KEY.public_key())
    for change in (
        {"number": 2},
        {"time": 1},
        {"hash": "1" * 64},
        {"signature": "AAAA"},
        {"signature": "ä"},
        {"key": "x"},
    ):
        with pytest.raises(RingfenceError) as error:
            dataclasses.replace(made, **change).verify(KEY.public_key())
        assert error.value.code.code == "checkpoint-invalid"


def test_checkpoints_are_read_from_files_and_syslogs(database: Database) -> None:
    write(database, 3)
    made = sign(database)
    line = as_line(made)
    logged = f"<109>1 2027-01-15T08:00:00Z host ringfence - audit - {line}"
    assert read_checkpoints(f"{line}\n\n{logged}\n", "file") == [made, made]
    for broken in ("", "nothing", "{", "{}", line.replace("3", '"3"', 1), line[:-2], "{" * 9_000):
        with pytest.raises(RingfenceError) as error:
            read_checkpoints(broken, "file")
        assert error.value.code.code == "checkpoint-invalid"


def test_what_a_person_sent_is_stored_and_hashed_alike(database: Database) -> None:
    hostile = "nul\0 lone \ud800 bidi \u202e '; DROP TABLE audit; --"
    with database.writing() as connection:
        values = {hostile: [1.5, float("nan"), None, True, {"x": b"bytes"}], "set": {3, 1}, "big": 2**80}
        audit.append(connection, 1, hostile, hostile, "x", hostile, values, hostile, hostile)
    assert verdict(database).faults == ()


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
    who=st.text(max_size=20),
)
def test_whatever_is_written_verifies(database: Database, before: object, who: str) -> None:
    with database.writing() as connection:
        audit.append(connection, 1, who, "x", "x", before=before)
    assert verdict(database).faults == ()


def test_entries_are_listed_by_pages_and_filters(database: Database) -> None:
    with database.writing() as connection:
        for number in range(1, 1_101):
            audit.append(
                connection, number, "anna" if number % 2 else "berta", "x", f"a{number % 3}.x", str(number % 5)
            )
    with database.reading() as connection:
        assert [row.number for row in audit.entries(connection)] == list(range(1, 1_101))
        assert [row.number for row in audit.entries(connection, 1_098)] == [1_099, 1_100]
        newest = list(audit.entries(connection, limit=3, newest_first=True))
        assert [row.number for row in newest] == [1_100, 1_099, 1_098]
        assert [row.number for row in audit.entries(connection, 3, 5, newest_first=True)] == [2, 1]
        assert sum(1 for _ in audit.entries(connection, who="anna")) == 550
        assert sum(1 for _ in audit.entries(connection, act="a1.")) == 367
        assert sum(1 for _ in audit.entries(connection, act="a_")) == 0, "a pattern is taken as it is"
        assert sum(1 for _ in audit.entries(connection, object="4")) == 220
        lines = [json.loads(line) for line in export(connection)]
    assert len(lines) == 1_100
    assert lines[0]["entry"]["hash"] == hash_of(lines[0]["entry"])
