"""``ringfence analyze``: captures in, summary, JSON, HTML, observations and flows out."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from time import monotonic
from typing import TextIO

from ringfence.app.analysis import Analysis
from ringfence.app.knowledge import in_use
from ringfence.app.pipeline import PipelineOptions, run
from ringfence.model.errors import RingfenceError
from ringfence.model.finding import Severity
from ringfence.sensor.options import ReadOptions

__all__ = ["analyze"]


def analyze(arguments: argparse.Namespace) -> int:
    """Run and return the exit code. Knowledge over its age raises at the end: what was found is written before."""
    _refuse_overwriting(arguments)
    knowledge = in_use()
    progress = _Progress(sys.stderr) if sys.stderr.isatty() and not arguments.quiet else None
    options = ReadOptions(
        workers=arguments.workers or min(os.cpu_count() or 1, 8),
        domain_per_input=arguments.domains == "per-input",
        flows=f"write:{arguments.flows}" if arguments.flows else "drop",
        transactions=f"write:{arguments.transactions}" if arguments.transactions else "drop",
        observations=Path(arguments.observations) if arguments.observations else None,
        progress=progress.tell if progress else None,
        progress_every=250_000,
    )
    result = run(arguments.paths, knowledge, PipelineOptions(read=options))
    if progress:
        progress.done(result.analysis)
    _write(result.analysis, arguments)
    return _exit_code(result.analysis, int(result.capture.summary["problem_count"]), arguments)


def _write(analysis: Analysis, arguments: argparse.Namespace) -> None:
    if arguments.json == "-":
        from ringfence.app.document import write_document

        write_document(analysis, sys.stdout)
        sys.stdout.write("\n")
    elif arguments.json:
        from ringfence.app.document import write_document

        with _replacing(arguments.json) as stream:
            write_document(analysis, stream)
            stream.write("\n")
    if arguments.html:
        from ringfence.app.export.html import write_html

        with _replacing(arguments.html) as stream:
            write_html(analysis, stream)
    if not arguments.quiet:
        from ringfence.app.terminal import print_summary

        stream = sys.stderr if arguments.json == "-" else sys.stdout
        print_summary(analysis, stream, report=arguments.html)


def _exit_code(analysis: Analysis, problems: int, arguments: argparse.Namespace) -> int:
    if problems:
        return 3
    age = _age_days(analysis.knowledge.date)
    if arguments.max_age is not None and age > arguments.max_age:
        detail = f"It is {age} days old, {arguments.max_age} are allowed."
        raise RingfenceError("knowledge-stale", analysis.knowledge.id, detail)
    if arguments.fail_on:
        bar = Severity[arguments.fail_on.upper()]
        if any(finding.severity >= bar for finding in analysis.findings):
            return 1
    return 0


def _age_days(day: str) -> int:
    return (datetime.now(UTC).date() - date.fromisoformat(day[:10])).days


def _refuse_overwriting(arguments: argparse.Namespace) -> None:
    """Outputs must not stand on inputs or on one another."""
    taken = {Path(path).resolve(): "an input" for path in arguments.paths if path != "-"}
    for name in ("json", "html", "observations", "flows", "transactions"):
        path = getattr(arguments, name)
        if not path or path == "-":
            continue
        place = Path(path).resolve()
        if place in taken:
            raise RingfenceError("usage", path, f"--{name} would overwrite {taken[place]}")
        taken[place] = f"--{name}"
        if not place.parent.is_dir():
            raise RingfenceError("output-not-writable", path, "the folder does not exist")


@contextmanager
def _replacing(path: str) -> Iterator[TextIO]:
    """Write beside the file, then rename: a reader never sees half of it.

    Links stay links, and what is no file (a pipe, a device) is written to: renaming would put a file in its place.
    """
    place = Path(path).resolve()
    beside = place.with_name(f"{place.name}.part-{os.getpid()}")
    try:
        if place.exists() and not place.is_file():
            with place.open("w", encoding="utf-8") as stream:
                yield stream
        else:
            with beside.open("w", encoding="utf-8") as stream:
                yield stream
            beside.replace(place)
    except OSError as error:
        raise RingfenceError("output-not-writable", path, error.strerror or str(error)) from error
    finally:
        beside.unlink(missing_ok=True)


class _Progress:
    """Packets, rate and time left: one line that is rewritten, so for terminals only."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._start = monotonic()
        self._told = self._start

    def tell(self, packets: int, position: int, total: int) -> bool:
        now = monotonic()
        if now - self._told < 0.2:
            return True
        self._told = now
        spent = now - self._start
        text = f"{packets:,} packets · {packets / spent:,.0f}/s"
        if total and position:
            text += f" · {100 * position / total:.0f} % · {_left(spent * (total / position - 1))} left"
        self._stream.write(f"\r\x1b[K{text}")
        self._stream.flush()
        return True

    def done(self, analysis: Analysis) -> None:
        warnings = len(analysis.capture.quality)
        text = (
            f"{analysis.capture.packets:,} packets · {len(analysis.devices):,} devices · "
            f"{warnings} {'warning' if warnings == 1 else 'warnings'} about the capture · "
            f"{monotonic() - self._start:.1f} s"
        )
        self._stream.write(f"\r\x1b[K{text}\n")
        self._stream.flush()


def _left(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60} s"
