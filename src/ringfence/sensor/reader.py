"""Captures in, observations and conversations out: the core's rows as the words of ``model``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ringfence import _core
from ringfence.model.flow import Conversation, InputSummary, ProtocolTotal
from ringfence.model.observation import Observation
from ringfence.sensor import rows
from ringfence.sensor.options import ReadOptions
from ringfence.sensor.rows import part_id

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CaptureRun", "part_id", "read", "trace"]


@dataclass(frozen=True)
class CaptureRun:
    """What the core found in the inputs of one run."""

    core: _core.CoreRun
    summary: Mapping[str, Any]

    @cached_property
    def _parts(self) -> rows.Parts:
        return rows.Parts(self.summary["domains"])

    @cached_property
    def observations(self) -> list[Observation]:
        """Observations of the whole run, in a fixed order."""
        return rows.observations(self.core, self._parts)

    @cached_property
    def conversations(self) -> list[Conversation]:
        """Who talked to whom, with what was asked, in a fixed order."""
        return rows.conversations(self.core, self._parts, self.observations)

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
