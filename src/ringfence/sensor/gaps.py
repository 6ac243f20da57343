"""Times in which a sensor did not watch, and the note on them: what was not seen must be said.

Rule 1: a gap is known from the store alone, when the next live read begins: whoever died could not tell.
Rule 2: it ends when every capture of the next read has begun, and begins with the newest moment that was handed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ringfence.model.clock import rfc3339
from ringfence.model.flow import QualityNote

__all__ = ["GAP", "MOST", "Gap", "note_on"]

_SECOND = 1_000_000_000  # ns
_TOLD = 86_400 * _SECOND  # a gap weakens the verdict for a day
_WEAKENS = (
    "What happened then was not seen. Where the sensor died, flows that went on then are not in the lake, "
    "and attempts of that window are not counted."
)
_REMEDY = "See the log for why the sensor ended; packets that were not handed over are not kept anywhere."
#: What stands in the table of notes.
GAP = QualityNote("gap", "medium", "", _WEAKENS, _REMEDY)


MOST = 500  # gaps of a sensor that are kept, the newest


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody watched from ``first`` to ``last`` (ns since 1970). ``clean``: what had come before was handed over."""

    first: int
    last: int
    clean: bool


def note_on(gaps: Sequence[Gap], now: int) -> QualityNote | None:
    """Return the note on the gaps of the last day, None where there are none."""
    late = [gap for gap in gaps if gap.last > now - _TOLD]
    if not late:
        return None
    newest = max(late, key=lambda gap: gap.last)
    seconds = sum(gap.last - gap.first for gap in late) / _SECOND
    least = "at least " if len(late) >= MOST else ""
    times = "once" if len(late) == 1 else f"{least}{len(late):,} times"
    why = "the sensor was stopped or a capture ended" if newest.clean else "the sensor died with what it had"
    text = (
        f"Nobody watched for {seconds:,.1f} s in all, {times} within a day; "
        f"the last time from {rfc3339(newest.first)} to {rfc3339(newest.last)}: {why}."
    )
    return QualityNote(GAP.code, GAP.severity, text, GAP.weakens, GAP.remedy)
