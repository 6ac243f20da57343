"""Batches are taken once; observations and conversations add up over windows; a crash keeps nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from tests.store.made import DAY, NOW, SECOND, fact, packets, part, talk

from ringfence.model.flow import Operation, QualityNote
from ringfence.store.database import Database
from ringfence.store.observations import load_observations, save_observations
from ringfence.store.schema import metadata
from ringfence.store.schema.operation import batch, change, quality
from ringfence.store.schema.traffic import conversation, talker
from ringfence.store.traffic import OPERATIONS, load_conversations, save_conversations, save_quality
from ringfence.store.unit import Inputs, UnitOfWork

A, B = part("10.0.0.1"), part("10.0.0.2")
MAC = part("00:1d:9c:00:00:01", "mac")
NASTY = "a\0b\ud800c\x1b[31m'\";--" + "x" * 1_000_000
HOUR = 3_600 * SECOND


def store_once(database: Database, batch_id: str) -> bool:
    with UnitOfWork(database, NOW, Inputs(["file"])) as unit:
        taken = unit.take(batch_id, "sensor", "file", NOW, 10, NOW)
        if taken:
            save_observations(unit, "sensor", [fact(A), fact(A), fact(B, object=A)])
            save_conversations(unit, [talk(A, B)])
            unit.change("device", "d-1", "new")
    return taken


def test_a_batch_is_taken_once(database: Database) -> None:
    assert store_once(database, "b1")
    with database.reading() as connection:
        before = list(load_observations(connection, Inputs(["file"]))), list(load_conversations(connection))
    assert not store_once(database, "b1")
    with database.reading() as connection:
        after = list(load_observations(connection, Inputs(["file"]))), list(load_conversations(connection))
        assert before == after
        assert connection.execute(select(func.count()).select_from(batch)).scalar_one() == 1
        assert connection.execute(select(func.count()).select_from(change)).scalar_one() == 1
    assert sorted(one.count for one in after[0]) == [1, 2]


def test_windows_add_up(database: Database) -> None:
    for number in range(6):
        with UnitOfWork(database, NOW, Inputs([f"epoch-{number}"])) as unit:
            seen = fact(MAC, first=NOW - number, last=NOW + number, count=2, packets=packets(number, 100 + number))
            save_observations(unit, "sensor", [seen])
    inputs = Inputs(["now"])
    with database.reading() as connection:
        (found,) = load_observations(connection, inputs)
    assert (found.count, found.first, found.last) == (12, NOW - 5, NOW + 5)
    assert [one.index for one in found.packets] == [0, 100, 1, 101]
    assert [inputs.epoch(one.input) for one in found.packets] == ["epoch-0", "epoch-0", "epoch-1", "epoch-1"]
    assert all(one.input < 0 for one in found.packets)
    assert found.subject == MAC
    assert found.value == {"vendor": 1}


def test_packets_that_come_later_are_kept_where_there_were_none(database: Database) -> None:
    for references in ((), packets(1, 2, 3), (), packets(4, 5), packets(6)):
        with UnitOfWork(database, NOW, Inputs(["e"])) as unit:
            save_observations(unit, "sensor", [fact(A, packets=references)])
    with database.reading() as connection:
        (found,) = load_observations(connection, Inputs(["e"]))
    assert [(one.input, one.index) for one in found.packets] == [(0, 1), (0, 2), (0, 3), (0, 4)]


def test_facts_of_sensors_objects_kinds_and_values_are_kept_apart(database: Database) -> None:
    with UnitOfWork(database, NOW) as unit:
        facts = [fact(A), fact(A, object=B), fact(A, kind="other.kind"), fact(A, value={"vendor": 2}), fact(B)]
        assert save_observations(unit, "one", facts) == 5
        assert save_observations(unit, "two", facts[:1]) == 1
    with database.reading() as connection:
        assert len(list(load_observations(connection, Inputs()))) == 6
        only = list(load_observations(connection, Inputs(), [B.id]))
    assert [one.subject for one in only] == [B]


def test_conversations_and_hours_add_up(database: Database) -> None:
    operations = (Operation("write", None, 1), Operation("read", "coil 1", 2))
    later = talk(A, B, first=NOW + HOUR, last=NOW + HOUR, operations=operations)
    for window in ([talk(A, B), talk(A, B, answered=False)], [talk(A, B, operations=())], [later]):
        with UnitOfWork(database, NOW) as unit:
            save_conversations(unit, window)
    with database.reading() as connection:
        found = {one.answered: one for one in load_conversations(connection)}
        sums = connection.execute(select(talker.c.hour, talker.c.bytes).order_by(talker.c.hour)).all()
        assert list(load_conversations(connection, [part("10.9.9.9").id])) == []
        assert len(list(load_conversations(connection, [B.id]))) == 2
    assert (found[True].packets, found[True].bytes, found[True].flows) == (30, 3_000, 3)
    assert (found[True].first, found[True].last) == (NOW, NOW + HOUR)
    assert found[True].operations == (Operation("read", "coil 1", 7), Operation("write", None, 1))
    assert found[False].packets == 10
    assert [tuple(row) for row in sums] == [(NOW // HOUR, 3_000), (NOW // HOUR + 1, 1_000)]


def test_operations_are_bounded(database: Database) -> None:
    for start in (0, 200):
        many = tuple(Operation("read", f"coil {number}", 1 + number) for number in range(start, start + 200))
        with UnitOfWork(database, NOW) as unit:
            save_conversations(unit, [talk(A, B, operations=many)])
    with database.reading() as connection:
        (found,) = load_conversations(connection)
    assert len(found.operations) == OPERATIONS
    assert found.operations[0] == Operation("read", "coil 399", 400)


def test_hostile_text_is_stored(database: Database) -> None:
    odd = part("10.0.0.3", domain="d\0\ud800")
    with UnitOfWork(database, NOW, Inputs(["e\0"])) as unit:
        assert unit.take("b\0", "s\ud800", "e\0", 0, 0, NOW)
        save_observations(unit, "s\0", [fact(odd, value={NASTY[:10]: NASTY, "list": [NASTY]})])
        save_conversations(unit, [talk(odd, A, protocol="p\0", operations=(Operation(NASTY, NASTY, 1),))])
        save_quality(unit, "s\0", [QualityNote("code", "low", NASTY, NASTY, NASTY)])
        unit.change("device", "d", "new", who="w\0", detail={"a": NASTY})
    with UnitOfWork(database, NOW, Inputs(["e\0"])) as unit:
        assert not unit.take("b\0", "s", "e", 0, 0, NOW)
        save_observations(unit, "s\0", [fact(odd, value={NASTY[:10]: NASTY, "list": [NASTY]})])
    with database.reading() as connection:
        (found,) = load_observations(connection, Inputs())
        (spoken,) = load_conversations(connection)
    assert found.count == 2
    assert len(found.value["list"][0]) == len(NASTY)
    kept = spoken.operations[0].operation
    assert (len(kept), kept[:5]) == (len(NASTY), "a\0b?c")


def test_quality_is_replaced_and_told(database: Database) -> None:
    notes = [QualityNote(code, "low", "t", "w", "r") for code in ("a", "b", "c")]
    for some in (notes[:2], notes[1:], notes[1:]):
        with UnitOfWork(database, NOW) as unit:
            save_quality(unit, "sensor", some)
    with database.reading() as connection:
        assert set(connection.execute(select(quality.c.code)).scalars()) == {"b", "c"}
        told = [(row.what, row.detail["code"]) for row in connection.execute(select(change).order_by(change.c.number))]
    assert told == [("quality", "a"), ("quality", "b"), ("quality", "c"), ("quality-gone", "a")]


def test_a_crash_in_the_middle_keeps_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), UnitOfWork(database, NOW) as unit:
        unit.take("b1", "sensor", "file", NOW, 10, NOW)
        save_observations(unit, "sensor", [fact(A)])
        save_conversations(unit, [talk(A, B)])
        unit.change("device", "d-1", "new")
        raise ZeroDivisionError
    with pytest.raises(TypeError), UnitOfWork(database, NOW) as unit:
        unit.take("b1", "sensor", "file", NOW, 10, NOW)
        unit.change("device", "d-1", "new", detail={"not": object()})  # fails as the unit ends
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0, table.name
    assert store_once(database, "b1")


def test_loading_yields_all_of_many(database: Database) -> None:
    many = [part(f"10.1.{number // 256}.{number % 256}") for number in range(5_000)]
    with UnitOfWork(database, NOW) as unit:
        assert save_observations(unit, "s", (fact(one) for one in many)) == 5_000
        save_conversations(unit, (talk(one, A) for one in many))
    with database.reading() as connection:
        assert {one.subject.id for one in load_observations(connection, Inputs())} == {one.id for one in many}
        assert sum(1 for _ in load_conversations(connection)) == 5_000
        keys = connection.execute(select(conversation.c.key)).scalars().all()
    assert len(set(keys)) == 5_000
    assert DAY
