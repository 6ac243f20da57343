"""Hold the protocols of our flows against the names that nDPI gives them in its own regression results.

Rule 1: only names of our protocols are compared (map ``ndpi.tsv``); for all other names the question is whether we call
such a flow one of ours.
Rule 2: a name that nDPI guessed from a port alone is counted apart and judges nobody.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.zeek_logs import table

from ringfence.model.errors import RingfenceError
from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import read

NOTHING = "nothing"
_FLOW = re.compile(r"^\s+\d+\s+(TCP|UDP) (\S+):(\d+) (?:<->|->) (\S+):(\d+) (.*)$")
_NAME = re.compile(r"\[proto: (?:\w+:)?[\d.]+/([^\]]+)\]")


@dataclass(frozen=True)
class Difference:
    """Flows of one capture that are called differently."""

    capture: str
    ndpi: str
    ours: str


@dataclass
class Comparison:
    """What was compared."""

    agreed: Counter[str]
    differences: Counter[Difference]
    guessed: Counter[Difference]
    flows: int = 0
    absent: int = 0


def compare(captures: Path) -> Comparison:
    """Compare every capture that has nDPI's result beside it."""
    names = {row["ndpi"]: row["ours"] for row in table("ndpi.tsv")}
    result = Comparison(Counter(), Counter(), Counter())
    for expected in sorted((captures / "ndpi").glob("*.expected.txt")):
        capture = expected.with_name(expected.name.removesuffix(".expected.txt"))
        ours = _flows(capture)
        for key, name, guessed in _named(expected):
            result.flows += 1
            if key not in ours:
                result.absent += 1
                continue
            wanted = names.get(name.partition(".")[0])
            found = ours[key]
            if wanted in found or (wanted is None and found == {NOTHING}):
                if wanted is not None:
                    result.agreed[wanted] += 1
                continue
            difference = Difference(capture.name, name, "+".join(sorted(found)))
            (result.guessed if guessed else result.differences)[difference] += 1
    return result


def _named(expected: Path) -> Iterator[tuple[tuple[str, frozenset[tuple[str, int]]], str, bool]]:
    for line in expected.read_text(encoding="utf-8", errors="replace").splitlines():
        found = _FLOW.match(line)
        if found is None:
            continue
        transport, source, source_port, target, target_port, rest = found.groups()
        ends = frozenset(((source.strip("[]"), int(source_port)), (target.strip("[]"), int(target_port))))
        name = _NAME.search(rest)
        yield (transport.lower(), ends), name[1] if name else "Unknown", "Confidence: Match by" in rest


def _flows(capture: Path) -> dict[tuple[str, frozenset[tuple[str, int]]], set[str]]:
    import polars

    try:
        flows = polars.DataFrame(read([capture], ReadOptions(flows="keep")).core.flows())
    except RingfenceError:
        return {}
    ours: dict[tuple[str, frozenset[tuple[str, int]]], set[str]] = defaultdict(set)
    for source, source_port, target, target_port, transport, protocol in flows.select(
        "src_address", "src_port", "dst_address", "dst_port", "transport", "protocol"
    ).iter_rows():
        ours[transport, frozenset(((source, source_port), (target, target_port)))].add(protocol or NOTHING)
    return {key: names - {NOTHING} or names for key, names in ours.items()}
