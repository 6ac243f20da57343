"""Captures in, observations and conversations out: the core's rows as the words of ``model``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence import _core
from ringfence.model.flow import Conversation, InputSummary, Operation, ProtocolTotal
from ringfence.model.observation import Address, Observation, PacketReference, Part
from ringfence.sensor.options import ReadOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CaptureRun", "part_id", "read", "trace"]

_PART_ID_LENGTH = 16  # bytes


def part_id(address: Address) -> str:
    """Return the id of the part at ``address``: the same digest as in the batches (contract §1)."""
    text = "\0".join((address.domain, address.kind, address.value))
    return "p-" + sha256(text.encode()).digest()[:_PART_ID_LENGTH].hex()


class _Parts:
    """Parts by (domain number, kind, text): each is made once."""

    def __init__(self, domains: Sequence[str]) -> None:
        self._domains = domains
        self._known: dict[tuple[int, tuple[str, str]], Part] = {}

    def get(self, domain: int, address: tuple[str, str]) -> Part:
        key = (domain, address)
        part = self._known.get(key)
        if part is None:
            full = Address(self._domains[domain], *address)
            part = self._known[key] = Part(part_id(full), full)
        return part


@dataclass(frozen=True)
class CaptureRun:
    """What the core found in the inputs of one run."""

    core: _core.CoreRun
    summary: Mapping[str, Any]

    @cached_property
    def _parts(self) -> _Parts:
        return _Parts(self.summary["domains"])

    @cached_property
    def observations(self) -> list[Observation]:
        """Observations of the whole run, in a fixed order."""
        get = self._parts.get
        return [
            Observation(
                kind,
                get(domain, subject),
                None if target is None else get(domain, target),
                value,
                count,
                first,
                last,
                tuple(PacketReference(*packet) for packet in packets),
            )
            for kind, domain, subject, target, value, count, first, last, packets in self.core.observations()
        ]

    @cached_property
    def conversations(self) -> list[Conversation]:
        """Who talked to whom, with what was asked, in a fixed order."""
        operations = self._operations()
        get = self._parts.get
        out = []
        for domain, client, server, transport, protocol, port, answered, *sums in self.core.conversations():
            flows, packets, size, first, last = sums
            source, destination = get(domain, client), get(domain, server)
            asked = operations.get((source.id, destination.id, protocol), {}) if protocol else {}
            out.append(
                Conversation(
                    source,
                    destination,
                    protocol or transport,
                    transport,
                    port,
                    packets,
                    size,
                    flows,
                    first,
                    last,
                    tuple(Operation(name, target, count) for (name, target), count in asked.items()),
                    answered,
                )
            )
        return out

    def _operations(self) -> dict[tuple[str, str, str], dict[tuple[str, str | None], int]]:
        found: dict[tuple[str, str, str], dict[tuple[str, str | None], int]] = defaultdict(dict)
        for fact in self.observations:
            operation = fact.value.get("operation")
            # An answer repeats what was asked; only the asking counts.
            if operation is None or fact.object is None or fact.kind.endswith(".response"):
                continue
            protocol = _CARRIED_BY.get(fact.kind.partition(".")[0], fact.kind.partition(".")[0])
            asked = found[fact.subject.id, fact.object.id, protocol]
            key = (operation, fact.value.get("object"))
            asked[key] = asked.get(key, 0) + fact.count
        return found

    @cached_property
    def protocols(self) -> list[ProtocolTotal]:
        """Totals per protocol, by name; ``unknown`` is what nothing recognised."""
        return [ProtocolTotal(*row) for row in self.core.protocols()]

    @cached_property
    def inputs(self) -> list[InputSummary]:
        """The inputs, in the order given."""
        problems: dict[int, list[str]] = defaultdict(list)
        for number, offset, reason in self.summary["problems"]:
            problems[number].append(f"at byte {offset}: {reason}")
        return [
            InputSummary(
                row["path"], row["format"], row["digest"], row["packets"], row["bytes"], tuple(problems[number])
            )
            for number, row in enumerate(self.summary["inputs"])
        ]


#: Kinds named after a protocol that another one carries.
_CARRIED_BY = {"cip": "enip", "cotp": "s7comm", "upnp": "http"}


def read(paths: Sequence[str | Path], options: ReadOptions | None = None) -> CaptureRun:
    """Read captures and return what they hold.

    Args:
        paths: files, or ``-`` for standard input; several are merged in time order.
        options: see ``ReadOptions``.

    Raises:
        RingfenceError: ``input-not-found``, ``input-not-a-capture``, ``output-not-writable``.
    """
    options = options or ReadOptions()
    files = [Path(path) for path in paths]
    core = _core.run(
        files,
        workers=options.workers,
        per_input=options.domain_per_input,
        site_key=options.site_key,
        defaults=options.default_credentials,
        flows=options.flows,
        transactions=options.transactions,
        observations=options.observations,
        progress=options.progress,
        progress_every=options.progress_every,
    )
    return CaptureRun(core, core.summary())


def trace(
    path: str | Path,
    *,
    first: int = 1,
    last: int = 2**63,
    site_key: bytes = b"trace",
    defaults: Sequence[tuple[bytes, bytes]] = (),
) -> list[tuple[int, int, str, tuple[str, str], tuple[str, str] | None, dict[str, Any]]]:
    """Return every record of the frames ``first`` to ``last``: (frame, time, kind, subject, object, fields)."""
    return _core.trace(Path(path), site_key=site_key, first=first, last=last, defaults=defaults)
