"""Batches add up: in any order and any cut, to what one run over everything tells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Address, Observation, PacketReference, Part
from ringfence.sensor.gathered import Gathered

PARTS = tuple(Part(f"p-{at}", Address("default", "ipv4", f"10.0.0.{at}")) for at in range(3))
DAY = 86_400_000_000_000  # ns

facts = st.builds(
    lambda kind, subject, target, value, count, first, length: Observation(
        kind, subject, target, value, count, first, first + length, (PacketReference(first, 0, first + 1, 0, 60),)
    ),
    st.sampled_from(("modbus.write", "arp.packet")),
    st.sampled_from(PARTS),
    st.sampled_from((None, *PARTS)),
    st.sampled_from(({"unit": 1}, {"unit": 2}, {"names": ["a", "b"]}, {})),
    st.integers(1, 9),
    st.integers(0, 100),
    st.integers(0, 10),
)
talks = st.builds(
    lambda source, target, answered, packets, first, operations: Conversation(
        source, target, "modbus", "tcp", 502, packets, 60 * packets, 1, first, first + 5, tuple(operations), answered
    ),
    st.sampled_from(PARTS),
    st.sampled_from(PARTS),
    st.booleans(),
    st.integers(1, 9),
    st.integers(0, 100),
    st.lists(
        st.builds(Operation, st.sampled_from(("read", "write")), st.sampled_from((None, "coil 1")), st.just(2)),
        max_size=2,
    ),
)


def added(batches: list[list[Observation]]) -> list[tuple[object, ...]]:
    gathered = Gathered()
    for batch in batches:
        gathered.observe(batch)
    return [(f.kind, f.subject, f.object, f.value, f.count, f.first, f.last, f.packets) for f in gathered.facts()]


@given(st.lists(facts, max_size=20), st.integers(0, 20), st.randoms())
def test_any_cut_and_order_gives_the_same_facts(seen: list[Observation], cut: int, dice: object) -> None:
    shuffled = list(seen)
    dice.shuffle(shuffled)  # type: ignore[attr-defined] # A Random.
    assert added([seen]) == added([shuffled[:cut], shuffled[cut:]])
    assert sum(row[4] for row in added([seen])) == sum(fact.count for fact in seen)  # type: ignore[misc] # Counts.


@given(st.lists(talks, max_size=20), st.integers(0, 20))
def test_conversations_add_up(seen: list[Conversation], cut: int) -> None:
    whole, pieces = Gathered(), Gathered()
    whole.converse(seen)
    pieces.converse(seen[cut:])
    pieces.converse(seen[:cut])

    def told(gathered: Gathered) -> list[tuple[object, ...]]:
        return [
            (c.source, c.destination, c.answered, c.packets, c.bytes, c.flows, c.first, c.last, frozenset(c.operations))
            for c in gathered.conversations()
        ]

    assert told(whole) == told(pieces)
    assert sum(c.packets for c in whole.conversations()) == sum(c.packets for c in seen)


def test_what_is_taken_back_is_gone() -> None:
    gathered = Gathered()
    told = Conversation(PARTS[0], PARTS[1], "tcp", "tcp", 502, 3, 180, 1, 0, 5)
    gathered.converse([told])
    back = Conversation(PARTS[0], PARTS[1], "tcp", "tcp", 502, -3, -180, -1, 0, 5)
    modbus = Conversation(PARTS[0], PARTS[1], "modbus", "tcp", 502, 5, 300, 1, 0, 9)
    assert gathered.converse([back, modbus]) == [modbus]
    assert gathered.conversations() == [modbus]


def test_attempts_of_a_window_take_each_others_place() -> None:
    gathered = Gathered()
    for flows in (10, 25):
        value = {"window": 0, "transport": "tcp", "flows": flows}
        gathered.observe([Observation("flow.attempts", PARTS[0], None, value, flows, 0, flows)])
    assert [(fact["flows"], fact.count) for fact in gathered.facts()] == [(25, 25)]


def test_attempts_are_forgotten_after_a_day_and_nothing_else() -> None:
    gathered = Gathered()
    old = [
        Observation("flow.attempts", PARTS[0], None, {"window": 0}, 1, 0, 0),
        Observation("modbus.write", PARTS[0], None, {"unit": 1}, 1, 0, 0),
    ]
    gathered.observe(old)
    gathered.observe([Observation("flow.attempts", PARTS[0], None, {"window": DAY}, 1, DAY, DAY)])
    assert len(list(gathered.facts())) == 3
    gathered.observe([Observation("flow.attempts", PARTS[1], None, {"window": DAY + 1}, 1, DAY + 1, DAY + 1)])
    assert [fact.value for fact in gathered.facts() if fact.kind == "flow.attempts"] == [
        {"window": DAY},
        {"window": DAY + 1},
    ]
    assert any(fact.kind == "modbus.write" for fact in gathered.facts())
