"""What batches add up to: facts and conversations of many windows as one run over all of them would tell them.

Rule 1: adding the batches of a file gives what reading the file at once gives.
Rule 2: attempts state sums of their window so far: the larger one takes the place of the smaller. They are kept for a
day of capture time only; the rest is kept.
Rule 3: a batch may take back what was told of a conversation (below zero); one of which nothing is left is none.
Rule 4: adding and forgetting cost what is added and forgotten, however much was gathered.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace

from ringfence.model.flow import Conversation, Operation
from ringfence.model.observation import Observation

__all__ = ["WINDOWED", "Gathered"]

_REFERENCES = 4  # packets kept of a fact (contract §2)
#: Kinds whose facts are about one window and state its sums.
WINDOWED = frozenset({"flow.attempts", "flow.targeted"})
_KEPT = 86_400_000_000_000  # nanoseconds of capture time

FactKey = tuple[str, str, str, str]  # kind, subject, object, value as text: facts are told in this order
TalkKey = tuple[str, str, str, str, int, bool]
FactChanges = dict[FactKey, tuple[Observation | None, Observation | None]]  # before, after
TalkChanges = dict[TalkKey, tuple[Conversation | None, Conversation | None]]
_STEP = 300_000_000_000  # nanoseconds: facts about windows are forgotten by as many at once


class Gathered:
    """All that was seen, one entry for each different fact and conversation."""

    def __init__(self) -> None:
        self._facts: dict[FactKey, Observation] = {}
        self._talks: dict[TalkKey, Conversation] = {}
        self._windowed: dict[int, set[FactKey]] = {}  # by when they were seen last, in steps
        self._latest = -(1 << 63)
        self._new_facts: FactChanges = {}
        self._new_talks: TalkChanges = {}

    def observe(self, observations: Iterable[Observation]) -> list[Observation]:
        """Add facts; returns them with what was known of them before."""
        out = []
        for fact in observations:
            windowed = fact.kind in WINDOWED
            value = repr((fact["window"], fact["transport"])) if windowed else _text(fact.value)
            key = (fact.kind, fact.subject.id, fact.object.id if fact.object else "", value)
            known = before = self._facts.get(key)
            if windowed and known is not None:
                fact = max(known, fact, key=lambda each: each.count)
            elif known is not None:
                fact = _added_fact(known, fact)
            self._facts[key] = fact
            self._new_facts[key] = (self._new_facts[key][0] if key in self._new_facts else before, fact)
            self._latest = max(self._latest, fact.last)
            if windowed:
                if before is not None:
                    self._windowed[before.last // _STEP].discard(key)
                self._windowed.setdefault(fact.last // _STEP, set()).add(key)
            out.append(fact)
        self._forget()
        return out

    def converse(self, conversations: Iterable[Conversation]) -> list[Conversation]:
        """Add conversations; returns those of which something is left, with what was known of them before."""
        out = []
        for talk in conversations:
            key = (talk.source.id, talk.destination.id, talk.protocol, talk.transport, talk.port, talk.answered)
            known = before = self._talks.get(key)
            if known is not None:
                talk = replace(
                    known,
                    packets=known.packets + talk.packets,
                    bytes=known.bytes + talk.bytes,
                    flows=known.flows + talk.flows,
                    first=min(known.first, talk.first),
                    last=max(known.last, talk.last),
                    operations=_added(known.operations, talk.operations),
                )
            left = talk.flows > 0 or talk.packets > 0
            self._new_talks[key] = (
                self._new_talks[key][0] if key in self._new_talks else before,
                talk if left else None,
            )
            if left:
                self._talks[key] = talk
                out.append(talk)
            else:
                self._talks.pop(key, None)
        return out

    def changes(self) -> tuple[FactChanges, TalkChanges]:
        """Return what changed since this was last asked, as (before, after) by key; None where there is none.

        Keys have the order in which ``facts`` and ``conversations`` tell.
        """
        told = self._new_facts, self._new_talks
        self._new_facts, self._new_talks = {}, {}
        return told

    def facts(self) -> Iterator[Observation]:
        """Yield every fact, in an order that does not depend on the order of adding."""
        for key in sorted(self._facts):
            yield self._facts[key]

    def conversations(self) -> list[Conversation]:
        """Return every conversation, in an order that does not depend on the order of adding."""
        return [self._talks[key] for key in sorted(self._talks)]

    def _forget(self) -> None:
        oldest = self._latest - _KEPT
        for step in [step for step in self._windowed if step <= oldest // _STEP]:
            keys = self._windowed[step]
            for key in [key for key in keys if self._facts[key].last < oldest]:
                keys.remove(key)
                before = self._facts.pop(key)
                self._new_facts[key] = (self._new_facts[key][0] if key in self._new_facts else before, None)
            if not keys:
                del self._windowed[step]


def _added_fact(known: Observation, fact: Observation) -> Observation:
    """Add one fact to the same of before; its value stays the same object."""
    packets = known.packets
    if fact.packets and (len(packets) < _REFERENCES or min(fact.packets) < packets[-1]):
        packets = tuple(sorted({*packets, *fact.packets})[:_REFERENCES])
    first, last = min(known.first, fact.first), max(known.last, fact.last)
    ends = (known.kind, known.subject, known.object, known.value)
    # Written out: dataclasses.replace takes longer than all the rest.
    return Observation(*ends, known.count + fact.count, first, last, packets)


_PLAIN = frozenset({str, int, float, bool, type(None)})


def _text(value: Mapping[str, object]) -> str:
    """Return a value as text, the same for equal ones."""
    if _PLAIN.issuperset(map(type, value.values())):
        return repr(tuple(sorted(value.items())))
    return repr(_frozen(dict(value)))


def _frozen(value: object) -> Hashable:
    if isinstance(value, dict):
        return tuple((name, _frozen(each)) for name, each in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(each) for each in value)
    return value


def _added(one: tuple[Operation, ...], other: tuple[Operation, ...]) -> tuple[Operation, ...]:
    counts: dict[tuple[str, str | None], int] = {}
    for each in (*one, *other):
        counts[each.operation, each.object] = counts.get((each.operation, each.object), 0) + each.count
    return tuple(Operation(operation, target, count) for (operation, target), count in counts.items() if count)
