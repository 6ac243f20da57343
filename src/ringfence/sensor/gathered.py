"""What batches add up to: facts and conversations of many windows as one run over all of them would tell them.

Rule 1: adding the batches of a file gives what reading the file at once gives.
Rule 2: attempts state sums of their window so far: the larger one takes the place of the smaller. They are kept for a
day of capture time only; the rest is kept.
Rule 3: a batch may take back what was told of a conversation (below zero); one of which nothing is left is none.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
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


class Gathered:
    """All that was seen, one entry for each different fact and conversation."""

    def __init__(self) -> None:
        self._facts: dict[FactKey, Observation] = {}
        self._talks: dict[TalkKey, Conversation] = {}
        self._windowed: dict[FactKey, int] = {}
        self._latest = -(1 << 63)

    def observe(self, observations: Iterable[Observation]) -> list[Observation]:
        """Add facts; returns them with what was known of them before."""
        out = []
        for fact in observations:
            windowed = fact.kind in WINDOWED
            value = (fact["window"], fact["transport"]) if windowed else _frozen(fact.value)
            key = (fact.kind, fact.subject.id, fact.object.id if fact.object else "", repr(value))
            known = self._facts.get(key)
            if windowed and known is not None:
                fact = max(known, fact, key=lambda each: each.count)
            elif known is not None:
                packets = sorted({*known.packets, *fact.packets})[:_REFERENCES]
                first, last = min(known.first, fact.first), max(known.last, fact.last)
                fact = replace(known, count=known.count + fact.count, first=first, last=last, packets=tuple(packets))
            self._facts[key] = fact
            self._latest = max(self._latest, fact.last)
            if windowed:
                self._windowed[key] = fact.last
            out.append(fact)
        self._forget()
        return out

    def converse(self, conversations: Iterable[Conversation]) -> list[Conversation]:
        """Add conversations; returns those of which something is left, with what was known of them before."""
        out = []
        for talk in conversations:
            key = (talk.source.id, talk.destination.id, talk.protocol, talk.transport, talk.port, talk.answered)
            known = self._talks.get(key)
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
            if talk.flows > 0 or talk.packets > 0:
                self._talks[key] = talk
                out.append(talk)
            else:
                self._talks.pop(key, None)
        return out

    def facts(self) -> Iterator[Observation]:
        """Yield every fact, in an order that does not depend on the order of adding."""
        for key in sorted(self._facts):
            yield self._facts[key]

    def conversations(self) -> list[Conversation]:
        """Return every conversation, in an order that does not depend on the order of adding."""
        return [self._talks[key] for key in sorted(self._talks)]

    def _forget(self) -> None:
        for key in [key for key, last in self._windowed.items() if last < self._latest - _KEPT]:
            del self._windowed[key]
            del self._facts[key]


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
