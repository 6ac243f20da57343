"""Print how our fields agree with tshark's, per protocol and field.

usage: python -m bench.oracle CORPUS [--protocol NAME] [--captures GLOB] [--show PROTOCOL.FIELD] [--limit N]

recall and precision are raw; the columns after them leave out what ``vectors/oracle/explained.tsv`` explains.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from bench.oracle.comparison import Compared, Difference, Oracle, compare_all
from bench.oracle.table import Figures

MAPS = Path(__file__).parents[2] / "vectors" / "oracle"


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--protocol", help="only this one of the list")
    parser.add_argument("--captures", default="*", help="only paths like this: a partial run")
    parser.add_argument("--show", help="list differences of PROTOCOL.FIELD, or of PROTOCOL")
    parser.add_argument("--explained", action="store_true", help="list explained differences too")
    parser.add_argument("--limit", type=int, default=40, help="differences listed per field")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    oracle = Oracle.load(arguments.corpus, MAPS)
    figures, differences = Figures(), []
    for compared in compare_all(oracle, oracle.files(arguments.captures), arguments.processes):
        figures.add(compared)
        differences += _asked_for(compared, arguments.show, arguments.explained)
    for line in figures.lines(arguments.protocol or (arguments.show or "").partition(".")[0] or None):
        print(line)
    for row in oracle.unmapped:
        print(f"not mapped: {row.protocol} {row.field}")
    _show(differences, arguments.limit)


def _asked_for(compared: Compared, show: str | None, explained: bool) -> list[Difference]:
    if show is None:
        return []
    protocol, _, field = show.partition(".")
    return [
        one
        for one in compared.differences
        if one.row.protocol == protocol and field in ("", one.row.field) and (explained or one.explanation is None)
    ]


def _show(differences: list[Difference], limit: int) -> None:
    differences.sort(key=lambda one: (one.row.field, one.capture, one.frame, one.side))
    by_capture = Counter((one.row.field, one.side, one.capture) for one in differences)
    for (field, side, capture), count in by_capture.most_common(limit):
        print(f"{count:7} {side:6} {field} in {capture}")
    listed: Counter[tuple[str, str, str]] = Counter()
    for one in differences:
        key = (one.row.field, one.side, one.capture)
        listed[key] += 1
        if listed[key] <= max(3, limit // max(1, len(by_capture))) and listed.total() <= 50 * limit:
            because = f"  [{one.explanation.reason}]" if one.explanation else ""
            print(f"{one.side:6} {one.row.field} {one.capture} #{one.frame} {one.text!r} {one.layers}{because}")


if __name__ == "__main__":
    main()
