"""The figures over all captures, and their table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import fmean

from bench.oracle.comparison import Compared, Explanation, Tally
from bench.oracle.tshark import Wanted

_HEAD = f"{'':58}{'tshark':>8}{'match':>8}{'framed':>8}{'missed':>8}{'extra':>8}{'recall':>9}{'prec.':>9}"


@dataclass
class Figures:
    """Tallies per field, summed."""

    fields: dict[Wanted, Tally] = field(default_factory=lambda: defaultdict(Tally))
    used: set[Explanation] = field(default_factory=set)
    captures: int = 0
    unread: dict[tuple[bool, bool], list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, compared: Compared) -> None:
        """Add a capture."""
        self.captures += 1
        if not all(compared.read):
            self.unread[compared.read].append(compared.capture)
        for row, tally in compared.tallies.items():
            self.fields[row].add(tally)
        self.used.update(one.explanation for one in compared.differences if one.explanation)

    @property
    def protocols(self) -> dict[str, Tally]:
        """Tallies per protocol: each value counts the same."""
        out: dict[str, Tally] = defaultdict(Tally)
        for row, tally in self.fields.items():
            out[row.protocol].add(tally)
        return dict(sorted(out.items()))

    @property
    def macro_recall(self) -> float:
        """The mean of the protocols' recalls."""
        return fmean(tally.recall for tally in self.protocols.values())

    @property
    def macro_precision(self) -> float:
        """The mean of the protocols' precisions."""
        return fmean(tally.precision for tally in self.protocols.values())

    def lines(self, only: str | None = None) -> Iterator[str]:
        """Yield the table."""
        yield f"{_HEAD}{'explained':>11}{'recall':>9}{'prec.':>9}"
        for protocol, total in self.protocols.items():
            if only not in (None, protocol):
                continue
            yield _line(protocol, total)
            for row, tally in sorted(self.fields.items(), key=lambda item: item[0].field):
                if row.protocol == protocol:
                    yield _line("    " + row.field, tally)
        yield ""
        for protocol, total in self.protocols.items():
            yield _line(protocol, total)
        if self.fields:
            rest = f"recall {self.macro_recall:.4f}, precision {self.macro_precision:.4f}"
            yield f"mean over {len(self.protocols)} protocols: {rest}; {self.captures} captures"
        for (by_tshark, by_us), names in self.unread.items():
            who = "nobody" if not by_tshark and not by_us else "us only" if by_us else "tshark only"
            yield f"read by {who}: {len(names)} files, {', '.join(sorted(names)[:6])}"


def _line(name: str, tally: Tally) -> str:
    explained = f"{tally.explained_missed}/{tally.explained_extra}"
    return (
        f"{name:58}{tally.theirs:8}{tally.matched:8}{tally.same_frame:8}{tally.missed:8}{tally.extra:8}"
        f"{tally.recall:9.4f}{tally.precision:9.4f}{explained:>11}"
        f"{tally.recall_explained:9.4f}{tally.precision_explained:9.4f}"
    )
