"""Hold our records against the Zeek logs that the OT parsers' own tests expect.

Rule 1: a log's cell counts once for each value in it; values are matched as multisets between the same two addresses,
or as sets between the same two addresses and the same invoke id where Zeek repeats what we state once (map column
``per``).
Rule 2: every column of a log that is compared stands in the map, if only with the reason why it is not compared.
Rule 3: logs without a ``#fields`` line are read in the order of ``zeek_orders.tsv``.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ringfence.sensor.options import ReadOptions
from ringfence.sensor.reader import read, trace

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "oracle" / "second"

#: Folders of cases.tsv whose protocols are ours.
OURS = ("icsnpp-bacnet", "icsnpp-enip", "icsnpp-modbus", "icsnpp-s7comm")
#: Columns that name the conversation; they are how rows find our records.
KEYS = {
    "ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p",
    "is_orig", "source_h", "source_p", "destination_h", "destination_p",
}  # fmt: skip
UNSET = {"-", "(empty)", ""}

#: The two addresses, and what else the rows are joined by. Addresses are in the order of the packet where the log
#: tells it, else sorted.
Key = tuple[tuple[str, ...], str]


@dataclass(frozen=True)
class MapRow:
    """One line of the map: a column of a log, and where we say the same."""

    log: str
    column: str
    only_zeek: str
    kind: str
    field: str
    only_ours: str
    transform: str
    per: str
    note: str


@dataclass
class Score:
    """What was compared of one column of one log."""

    log: str
    column: str
    zeek: int = 0
    ours: int = 0
    both: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    extra: Counter[str] = field(default_factory=Counter)

    @property
    def recall(self) -> float:
        """Part of Zeek's values that we state too."""
        return self.both / self.zeek if self.zeek else 1.0

    @property
    def precision(self) -> float:
        """Part of our values that Zeek states too."""
        return self.both / self.ours if self.ours else 1.0


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table in ``vectors/oracle/second``."""
    with (VECTORS / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@cache
def mapping() -> tuple[MapRow, ...]:
    """Return the committed map."""
    return tuple(MapRow(**row) for row in table("zeek.tsv"))


def cases(captures: Path) -> Iterator[tuple[Path, Path]]:
    """Return (folder of logs, capture) for each case of our protocols."""
    with (captures / "ot/icsnpp/cases.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if any(f"/{name}/" in row["capture"] for name in OURS):
                yield captures / row["expected"], captures / row["capture"]


def rows_of(log: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Return the columns and the rows of a log."""
    columns = next((row["columns"].split() for row in table("zeek_orders.tsv") if row["log"] == log.stem), [])
    rows = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("#fields"):
            columns = line.split("\t")[1:]
        elif not line.startswith("#"):
            rows.append(dict(zip(columns, line.split("\t"), strict=False)))
    return columns, rows


def compare(captures: Path) -> list[Score]:
    """Compare every case; one score per column of a log, over all cases."""
    scores: dict[tuple[str, str], Score] = {}
    for folder, capture in cases(captures):
        kb = captures.parent / "kb" / "identification"
        records = trace(capture)
        for log in sorted(folder.glob("*.log")):
            _, rows = rows_of(log)
            if log.stem == "conn":
                _conversations(capture, rows, scores)
            else:
                _log(log.stem, rows, records, kb, scores)
    return [scores[name] for name in sorted(scores)]


def unmapped(captures: Path) -> list[str]:
    """Return ``log.column`` of each column that the map says nothing about."""
    known = {(row.log, row.column) for row in mapping()}
    return sorted(
        {
            f"{log.stem}.{column}"
            for folder, _ in cases(captures)
            for log in folder.glob("*.log")
            for column in rows_of(log)[0]
            if column not in KEYS and (log.stem, column) not in known and (log.stem, "*") not in known
        }
    )


# --- one log --------------------------------------------------------------------------------------------------------


def _log(
    name: str, rows: list[dict[str, str]], records: list[Any], kb: Path, scores: dict[tuple[str, str], Score]
) -> None:
    ordered = any(row.get("source_h", "-") not in UNSET for row in rows)
    for column in dict.fromkeys(row.column for row in mapping() if row.log == name and row.kind):
        zeek: dict[Key, Counter[str]] = defaultdict(Counter)
        ours: dict[Key, Counter[str]] = defaultdict(Counter)
        lines = [row for row in mapping() if row.log == name and row.column == column]
        taken: set[tuple[str, str, str]] = set()
        for line in lines:
            theirs, mine = _transform(line.transform, kb)
            # Several places of ours may hold one column: its cells are counted once.
            if (line.only_zeek, line.transform, line.per) not in taken:
                taken.add((line.only_zeek, line.transform, line.per))
                for row in rows:
                    if row.get(column, "-") not in UNSET and _agrees(row, line.only_zeek):
                        zeek[_pair(row, ordered), _per(row, line.per, 0)].update(theirs(row[column]))
            for _, _, kind, subject, target, value in records:
                # What Zeek knows of is IP.
                if kind == line.kind and line.field in value and subject[0] != "mac" and _agrees(value, line.only_ours):
                    ends = (subject[1],) if target is None else (subject[1], target[1])
                    pair = ends if ordered else tuple(sorted(ends))
                    ours[pair, _per(value, line.per, 1)].update(mine(value[line.field]))
        if lines[0].per:
            zeek = defaultdict(Counter, {key: Counter(set(values)) for key, values in zeek.items()})
            ours = defaultdict(Counter, {key: Counter(set(values)) for key, values in ours.items()})
        count(scores.setdefault((name, column), Score(name, column)), zeek, ours, ordered)


def count(score: Score, zeek: dict[Key, Counter[str]], ours: dict[Key, Counter[str]], ordered: bool) -> None:
    """Count what agrees. What one address says without an addressee is found at any pair that it is of."""
    alone: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for key in [key for key in ours if len(key[0]) == 1]:
        alone[key[0][0], key[1]] += ours.pop(key)
    for key in zeek.keys() | ours.keys():
        theirs, mine = zeek.get(key, Counter()), ours.get(key, Counter()).copy()
        for address in key[0][:1] if ordered else key[0]:
            source = alone.get((address, key[1]), Counter())
            moved = source & (theirs - mine)
            mine += moved
            source -= moved
        _add(score, theirs, mine)
    for left in alone.values():
        _add(score, Counter(), left)


def _add(score: Score, theirs: Counter[str], mine: Counter[str]) -> None:
    score.zeek += theirs.total()
    score.ours += mine.total()
    score.both += (theirs & mine).total()
    score.missed += theirs - mine
    score.extra += mine - theirs


def _pair(row: dict[str, str], ordered: bool) -> tuple[str, ...]:
    if ordered:
        return row["source_h"], row["destination_h"]
    return tuple(sorted((row["id.orig_h"], row["id.resp_h"])))


def _per(row: dict[str, Any], per: str, side: int) -> str:
    return str(row.get(per.split("=")[side], "")) if per else ""


def _agrees(row: dict[str, Any], only: str) -> bool:
    """Return whether the row has one of the values that each ``name=a|b`` of the condition allows."""
    for part in filter(None, only.split(";")):
        name, _, allowed = part.partition("=")
        value = row.get(name)
        values = map(str, value) if isinstance(value, list) else (str(value),)
        if not set(values) & set(allowed.split("|")):
            return False
    return True


# --- transforms -----------------------------------------------------------------------------------------------------

Side = Callable[[Any], Iterable[str]]


def _transform(name: str, kb: Path) -> tuple[Side, Side]:
    """Return what makes Zeek's cell and our value comparable."""
    kind, _, topic = name.partition(":")
    if kind == "word":
        aliases = {row["zeek"]: row["ours"] for row in table("zeek_words.tsv") if row["topic"] == topic}
        return lambda cell: [aliases.get(_word(cell), _word(cell))], lambda value: map(_word, _each(value))
    if kind == "number_of":
        numbers = {row["zeek"]: row["ours"] for row in table("zeek_words.tsv") if row["topic"] == topic}
        return lambda cell: [numbers.get(_word(cell), _word(cell))], lambda value: map(str, _each(value))
    if kind == "table":
        words = _values(kb, topic)
        return lambda cell: [_named(cell)], lambda value: [_named(words.get(str(v), f"({v})")) for v in _each(value)]
    if kind == "int":
        return lambda cell: [str(int(cell, 0))], lambda value: map(str, _each(value))
    if kind == "ints":
        return lambda cell: [str(int(part)) for part in cell.split(",")], lambda value: map(str, _each(value))
    if kind == "range":
        return lambda cell: [part for part in cell.split("-") if part != "All"], lambda value: map(str, _each(value))
    if kind == "low":
        return lambda cell: [str(int(cell, 0) & 0x0F)], lambda value: map(str, _each(value))
    if kind == "last":
        # We give class and code of an error.
        return lambda cell: [_word(cell)], lambda value: [_word(str(value).split()[-1])]
    if kind == "item":
        return lambda cell: [str(int(cell))], lambda value: [str(value[int(topic)])]
    if kind == "opcode":
        # COTP's code stands in the high half of its byte.
        return lambda cell: [_COTP.get(cell, str(cell))], lambda value: map(str, _each(value))
    if kind == "text":
        return lambda cell: [_text(cell)], lambda value: filter(None, map(_text, map(str, _each(value))))
    raise ValueError(f"no transform {name!r}")


_COTP = {"0x0e": "connect_request", "0x0d": "connect_confirm"}


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _word(text: Any) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")


def _named(name: str) -> str:
    """Return a name, or the number of a nameless one: ``Vendor Specific (512)`` and ``(512)`` are the same."""
    number = re.search(r"\((\d+)\)$", name) or re.search(r"-0x([0-9a-fA-F]+)$", name)
    if number is None:
        return _word(name)
    return f"({int(number[1], 10 if number[0].startswith('(') else 16)})"


def _text(text: str) -> str:
    """Return text as the parsers' tests leave it: without what they mask, escape or trim."""
    text = re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
    return text.replace("\\\\", "\\").strip()


@cache
def _values(kb: Path, name: str) -> dict[str, str]:
    """Return number → name of a public registry, as the corpus keeps it."""
    if name == "bacnet_vendor":
        ids = json.loads((kb / "vendor_ids.json").read_text(encoding="utf-8"))[name]["ids"]
    elif name == "bacnet_property":
        return {row["ours"]: row["zeek"] for row in table("zeek_words.tsv") if row["topic"] == name}
    else:
        ids = json.loads((kb / "wireshark_value_tables.json").read_text(encoding="utf-8"))["tables"][name]
    return {str(number): text for number, text in ids.items()}


# --- conversations --------------------------------------------------------------------------------------------------


def _conversations(capture: Path, rows: list[dict[str, str]], scores: dict[tuple[str, str], Score]) -> None:
    """Compare what each conversation was taken for."""
    import polars

    run = read([capture], ReadOptions(flows="keep"))
    flows = polars.DataFrame(run.core.flows())
    names = {row["zeek"]: row["ours"] for row in table("zeek_words.tsv") if row["topic"] == "service"}
    ours: dict[Any, set[str]] = defaultdict(set)
    for source, source_port, target, target_port, transport, protocol in flows.select(
        "src_address", "src_port", "dst_address", "dst_port", "transport", "protocol"
    ).iter_rows():
        if transport in ("tcp", "udp"):
            ours[transport, frozenset(((source, str(source_port)), (target, str(target_port))))].add(protocol or "-")
    score = scores.setdefault(("conn", "service"), Score("conn", "service"))
    for row in rows:
        ends = frozenset(((row["id.orig_h"], row["id.orig_p"]), (row["id.resp_h"], row["id.resp_p"])))
        wanted = names.get(row["service"], row["service"])
        found = ours.get((row["proto"], ends), {"no flow"})
        theirs, mine = Counter([wanted]), Counter(found)
        _add(score, theirs, mine)
