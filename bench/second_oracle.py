"""The second oracle: Zeek's logs of the OT captures, field by field, and nDPI's names of whole flows.

usage: python -m bench.second_oracle [CORPUS] [--all]

CORPUS holds ``captures/`` (default: the variable RINGFENCE_CORPUS). ``--all`` prints every column, not only those that
differ. Ends with 1 where a difference is not explained in ``vectors/oracle/second/*_differences.tsv``.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench import ndpi_names, zeek_logs
from bench.zeek_logs import Score, table

#: Which protocol a log speaks of.
PROTOCOL = {
    "cotp": "s7comm",
    "s7comm": "s7comm",
    "s7comm_known_devices": "s7comm",
    "s7comm_plus": "s7comm",
    "enip": "enip",
    "cip": "cip",
    "conn": "(service)",
}


def main() -> int:
    """Print both tables and what is not explained."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", nargs="?", type=Path, default=os.environ.get("RINGFENCE_CORPUS"))
    parser.add_argument("--all", action="store_true", help="print every column")
    options = parser.parse_args()
    if options.corpus is None:
        parser.error("no corpus: give its folder or set RINGFENCE_CORPUS")
    captures = Path(options.corpus) / "captures"
    scores = zeek_logs.compare(captures)
    named = ndpi_names.compare(captures)
    print("\n".join([*zeek_table(scores, options.all), "", *ndpi_table(named)]))
    problems = [*unexplained_columns(scores), *unexplained_names(named)]
    print("\n".join(["", f"{len(problems)} differences are not explained", *problems]))
    return 1 if problems else 0


# --- Zeek -----------------------------------------------------------------------------------------------------------


def protocol_of(log: str) -> str:
    """Return the protocol that a log speaks of."""
    return PROTOCOL.get(log, log.partition("_")[0])


def totals(scores: list[Score]) -> dict[str, Score]:
    """Sum the columns of each protocol."""
    sums: dict[str, Score] = {}
    for score in scores:
        name = protocol_of(score.log)
        total = sums.setdefault(name, Score(name, ""))
        total.zeek += score.zeek
        total.ours += score.ours
        total.both += score.both
    return sums


def zeek_table(scores: list[Score], everything: bool) -> Iterator[str]:
    """Lines of the table of Zeek's logs."""
    yield f"{'Zeek: log':37}{'column':27}{'zeek':>7}{'ours':>7}{'both':>7}{'recall':>8}{'prec.':>7}"
    for score in scores:
        if score.zeek and (everything or score.missed or score.extra):
            yield _line(score.log, score.column, score)
    for name, total in sorted(totals(scores).items()):
        yield _line(name, "all columns", total)


def _line(name: str, column: str, score: Score) -> str:
    counts = f"{score.zeek:7}{score.ours:7}{score.both:7}"
    return f"{name:37}{column:27}{counts}{100 * score.recall:8.2f}{100 * score.precision:7.2f}"


def unexplained_columns(scores: list[Score]) -> list[str]:
    """Say where more differs than the committed explanations account for."""
    explained = {(row["log"], row["column"]): row for row in table("zeek_differences.tsv")}
    problems = []
    for score in scores:
        row = explained.get((score.log, score.column), {"missed": "0", "extra": "0"})
        for what, found in (("missed", score.missed), ("extra", score.extra)):
            if found.total() > int(row[what]):
                problems.append(f"{score.log}.{score.column}: {found.total()} {what}, {row[what]} explained: {found}")
    return problems


# --- nDPI -----------------------------------------------------------------------------------------------------------


def ndpi_table(named: ndpi_names.Comparison) -> Iterator[str]:
    """Lines of the table of names."""
    ours = {row["ndpi"]: row["ours"] for row in table("ndpi.tsv")}
    missed: Counter[str] = Counter()
    extra: Counter[str] = Counter()
    for difference, flows in named.differences.items():
        name = ours.get(difference.ndpi.partition(".")[0])
        if name is not None:
            missed[name] += flows
        for other in difference.ours.split("+"):
            if other not in (ndpi_names.NOTHING, name):
                extra[other] += flows
    yield f"nDPI: {named.flows} flows, {named.absent} of them not seen as flows by us"
    yield f"{'protocol':12}{'same':>6}{'nDPI only':>11}{'we only':>9}"
    for protocol in sorted(set(named.agreed) | set(missed) | set(extra)):
        yield f"{protocol:12}{named.agreed[protocol]:6}{missed[protocol]:11}{extra[protocol]:9}"
    yield f"named by nDPI from a port alone, not by us (judges nobody): {named.guessed.total()} flows"
    for difference, flows in sorted(named.differences.items(), key=lambda item: (item[0].capture, item[0].ndpi)):
        yield f"  {flows:3} in {difference.capture}: nDPI {difference.ndpi}, we {difference.ours}"


def unexplained_names(named: ndpi_names.Comparison) -> list[str]:
    """Say which flows are called differently without a committed explanation."""
    explained = {(row["capture"], row["ndpi"], row["ours"]): int(row["flows"]) for row in table("ndpi_differences.tsv")}
    return [
        f"{d.capture}: nDPI {d.ndpi}, we {d.ours}: {flows} flows"
        for d, flows in named.differences.items()
        if flows > explained.get((d.capture, d.ndpi, d.ours), 0)
    ]


if __name__ == "__main__":
    sys.exit(main())
