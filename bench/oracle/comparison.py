"""One capture at a time: tshark's values and ours, matched as multisets."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from bench.oracle.tshark import Query, Wanted, wanted
from bench.oracle.values import SITE_KEY, Transform, transform

from ringfence.model.errors import RingfenceError
from ringfence.sensor.reader import trace

_NO_CAPTURES = {".txt", ".log", ".json", ".tsv", ".md"}
_MASK = "***"

Value = tuple[int, str]  # frame, canonical text


@dataclass(frozen=True)
class Mapped:
    """One row of a map: a field of ours that stands for a field of tshark's."""

    kind: str
    names: tuple[str, ...]
    transform: Transform

    def values(self, fields: dict[str, Any]) -> Iterator[str]:
        """Yield what a record of the kind gives, in the common form; joined fields need each other."""
        if not self.transform.counts(fields) or any(name not in fields for name in self.names):
            return
        first, *more = (fields[name] for name in self.names)
        for item in first if isinstance(first, list) else [first]:
            joined = ":".join(map(str, [item, *more])) if more else item
            text = self.transform.ours(joined)
            if text is not None:
                yield text


@dataclass(frozen=True)
class Explanation:
    """Why values differ that no dissector of ours should change. All but the reason are globs."""

    protocol: str
    field: str
    side: str  # missed or extra
    captures: str  # the path below captures/
    layers: str  # what tshark saw in the frame: eth:ethertype:ip:udp:quic:tls
    reason: str

    def covers(self, row: Wanted, side: str, capture: str, layers: str) -> bool:
        """Tell whether one difference is explained."""
        return (
            fnmatchcase(side, self.side)
            and fnmatchcase(row.protocol, self.protocol)
            and fnmatchcase(row.field, self.field)
            and fnmatchcase(capture, self.captures)
            and fnmatchcase(layers, self.layers)
        )


@dataclass
class Tally:
    """What a field's comparison came to, over one capture or many."""

    theirs: int = 0
    matched: int = 0
    same_frame: int = 0
    ours: int = 0
    explained_missed: int = 0
    explained_extra: int = 0

    def add(self, other: Tally) -> None:
        """Add."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)

    @property
    def missed(self) -> int:
        """Values of tshark that we lack."""
        return self.theirs - self.matched

    @property
    def extra(self) -> int:
        """Values of ours that tshark lacks."""
        return self.ours - self.matched

    @property
    def recall(self) -> float:
        """Part of tshark's values that we have."""
        return self.matched / self.theirs if self.theirs else 1.0

    @property
    def precision(self) -> float:
        """Part of our values that tshark has."""
        return self.matched / self.ours if self.ours else 1.0

    @property
    def recall_explained(self) -> float:
        """Recall without the values whose absence is explained."""
        theirs = self.theirs - self.explained_missed
        return self.matched / theirs if theirs else 1.0

    @property
    def precision_explained(self) -> float:
        """Precision without the values whose presence is explained."""
        ours = self.ours - self.explained_extra
        return self.matched / ours if ours else 1.0


@dataclass(frozen=True)
class Difference:
    """A value that only one side has."""

    row: Wanted
    side: str
    capture: str
    frame: int
    text: str
    layers: str
    explanation: Explanation | None


@dataclass
class Compared:
    """What one capture came to."""

    capture: str
    read: tuple[bool, bool]  # by tshark, by us
    tallies: dict[Wanted, Tally] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True)
class Oracle:
    """The list, the maps and the explanations."""

    captures: Path
    query: Query
    maps: dict[Wanted, tuple[Mapped, ...]]
    theirs: dict[Wanted, Transform]
    explanations: tuple[Explanation, ...]

    @classmethod
    def load(cls, corpus: Path, maps: Path) -> Oracle:
        """Read the files; a map that names a field the list lacks is an error."""
        rows = wanted(corpus / "oracle" / "fields.tsv")
        known = {(row.protocol, row.field): row for row in rows}
        ours: dict[Wanted, list[Mapped]] = defaultdict(list)
        transforms: dict[Wanted, set[str]] = defaultdict(set)
        explanations: list[Explanation] = []
        ports: list[tuple[str, str]] = []
        for path in sorted(maps.glob("*.tsv")):
            with path.open(encoding="utf-8", newline="") as file:
                for line in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    if path.stem == "explained":
                        explanations.append(Explanation(**line))
                        continue
                    if path.stem == "ports":
                        ports.append((line["captures"], line["decode_as"]))
                        continue
                    row = known[line["tshark_protocol"], line["tshark_field"]]
                    names = tuple(line["our_field"].split("+"))
                    ours[row].append(Mapped(line["our_kind"], names, transform(line["transform"])))
                    transforms[row].add(line["transform"].partition(";")[0])
        torn = [f"{row.protocol}.{row.field}" for row, names in transforms.items() if len(names) > 1]
        if torn:
            raise ValueError(f"rows of one field have different transforms: {torn}")
        theirs = {row: transform(next(iter(names))) for row, names in transforms.items()}
        mapped = {row: tuple(found) for row, found in ours.items()}
        return cls(corpus / "captures", Query(tuple(rows), tuple(ports)), mapped, theirs, tuple(explanations))

    @property
    def unmapped(self) -> list[Wanted]:
        """Rows of the list that no map names."""
        return [row for row in self.query.rows if row not in self.maps]

    @cached_property
    def by_kind(self) -> dict[str, list[tuple[Wanted, Mapped]]]:
        """The rows that a kind of record takes part in."""
        out: dict[str, list[tuple[Wanted, Mapped]]] = defaultdict(list)
        for row, mapped in self.maps.items():
            for one in mapped:
                out[one.kind].append((row, one))
        return out

    def files(self, pattern: str = "*") -> list[str]:
        """Return the captures by path, the large ones first, so that two processes end together."""
        found = [path for path in self.captures.rglob("*") if path.is_file() and path.suffix not in _NO_CAPTURES]
        found.sort(key=lambda path: (-path.stat().st_size, path))
        names = [path.relative_to(self.captures).as_posix() for path in found]
        return [name for name in names if fnmatchcase(name, pattern)]

    def compare(self, capture: str) -> Compared:
        """Compare one capture."""
        path = self.captures / capture
        said = self.query.ask(path)
        ours = self._ours(path)
        out = Compared(capture, (said is not None, ours is not None))
        for row in self.maps:
            theirs = [
                (frame, value)
                for frame, text in (said.values[row] if said else ())
                if (value := self.theirs[row].theirs(text)) is not None
            ]
            if theirs or (ours or {}).get(row):
                layers = said.layers if said else {}
                out.tallies[row] = self._match(row, theirs, (ours or {}).get(row, []), layers, out)
        return out

    def _ours(self, path: Path) -> dict[Wanted, list[Value]] | None:
        try:
            records = trace(path, site_key=SITE_KEY)
        except RingfenceError:
            return None
        found: dict[Wanted, list[Value]] = defaultdict(list)
        for frame, _, kind, _, _, fields in records:
            for row, mapped in self.by_kind.get(kind, ()):
                found[row].extend((frame, text) for text in mapped.values(fields))
        return found

    def _match(
        self, row: Wanted, theirs: Sequence[Value], ours: Sequence[Value], layers: dict[int, str], out: Compared
    ) -> Tally:
        missed, extra, same_frame = _rest(theirs, ours)
        missed, extra = _unmask(missed, extra)
        tally = Tally(len(theirs), len(theirs) - len(missed), same_frame, len(ours))
        for side, rest in (("missed", missed), ("extra", extra)):
            for frame, text in rest:
                seen = layers.get(frame, "")
                because = next((one for one in self.explanations if one.covers(row, side, out.capture, seen)), None)
                if because:
                    tally.explained_missed += side == "missed"
                    tally.explained_extra += side == "extra"
                out.differences.append(Difference(row, side, out.capture, frame, text, seen, because))
        return tally


def _rest(theirs: Sequence[Value], ours: Sequence[Value]) -> tuple[list[Value], list[Value], int]:
    """Return what stays unmatched on both sides, and how many matched within their frame."""
    together = Counter(theirs) & Counter(ours)
    missed, extra = Counter(theirs) - together, Counter(ours) - together
    elsewhere = Counter(text for _, text in missed.elements()) & Counter(text for _, text in extra.elements())
    return _without(missed, elsewhere), _without(extra, elsewhere), together.total()


def _without(values: Counter[Value], texts: Counter[str]) -> list[Value]:
    left = texts.copy()
    out = []
    for frame, text in sorted(values.elements()):
        if left[text]:
            left[text] -= 1
        else:
            out.append((frame, text))
    return out


def _unmask(missed: list[Value], extra: list[Value]) -> tuple[list[Value], list[Value]]:
    """Match our texts in which secrets are masked with texts of the same frame that have something in their place."""
    missed, kept = list(missed), []
    for frame, text in extra:
        pattern = re.compile("[^&;#@]*".join(map(re.escape, text.split(_MASK))), re.DOTALL)
        twin = next((v for v in missed if _MASK in text and v[0] == frame and pattern.fullmatch(v[1])), None)
        if twin is None:
            kept.append((frame, text))
        else:
            missed.remove(twin)
    return missed, kept


_oracle: Oracle


def _begin(oracle: Oracle) -> None:
    global _oracle  # one per worker process
    _oracle = oracle


def _one(capture: str) -> Compared:
    return _oracle.compare(capture)


def compare_all(oracle: Oracle, captures: Iterable[str], processes: int = 2) -> Iterator[Compared]:
    """Compare captures in several processes; the order is that of their ends."""
    with get_context("fork").Pool(processes, _begin, (oracle,)) as pool:
        yield from pool.imap_unordered(_one, captures, chunksize=4)
