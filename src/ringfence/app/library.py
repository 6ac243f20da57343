"""The typed API: ``ringfence.analyze(paths) -> AnalysisResult`` for programs and notebooks (capability X2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ringfence.app.analysis import Analysis
from ringfence.model.device import Device
from ringfence.model.finding import Finding

__all__ = ["AnalysisResult", "analyze"]


@dataclass(frozen=True)
class AnalysisResult:
    """What one run found. ``flows`` and ``transactions`` speak the Arrow PyCapsule interface.

    So ``polars.DataFrame(result.flows)`` and ``duckdb.arrow(result.flows)`` work without copying, and no Arrow library
    is needed to run.
    """

    analysis: Analysis
    flows: Any
    transactions: Any

    @property
    def devices(self) -> tuple[Device, ...]:
        """Every device, with class, vendor, claims and evidence."""
        return self.analysis.devices

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is risky, the gravest first."""
        return self.analysis.findings

    @cached_property
    def document(self) -> dict[str, Any]:
        """The JSON of ``ringfence analyze --json`` as Python values."""
        from ringfence.app.document import document

        return document(self.analysis)

    def device(self, text: str) -> Device:
        """Return the one device with this id, name, MAC or IP address.

        Raises:
            KeyError: where none or several fit; the message lists them.
        """
        fits = [d for d in self.devices if text in (d.id, d.name, *d.macs, *d.ips, *d.names)]
        if len(fits) != 1:
            raise KeyError(f"{text!r} fits {len(fits)} devices: {', '.join(d.id for d in fits[:5])}")
        return fits[0]


def analyze(
    paths: str | Path | Sequence[str | Path],
    *,
    workers: int = 1,
    domain_per_input: bool = False,
    site_key: bytes | None = None,
    keep_flows: bool = True,
) -> AnalysisResult:
    """Read captures and return devices, findings, flows.

    Nothing is sent and no socket is opened.

    Args:
        paths: one path or several; ``-`` is standard input.
        workers: threads of the core.
        domain_per_input: take each input as a network of its own, so that equal addresses stay two devices.
        site_key: seals passwords seen, so that runs can be compared; without one they can't.
        keep_flows: keep flows and transactions in memory.

    Raises:
        RingfenceError: ``input-not-found``, ``input-not-a-capture``.
    """
    from ringfence.app.knowledge import in_use
    from ringfence.app.pipeline import PipelineOptions, run
    from ringfence.sensor.options import ReadOptions

    many = [paths] if isinstance(paths, str | Path) else list(paths)
    keep = "keep" if keep_flows else "drop"
    options = ReadOptions(workers=workers, domain_per_input=domain_per_input, flows=keep, transactions=keep)
    if site_key is not None:
        options = replace(options, site_key=site_key)
    result = run(many, in_use(), PipelineOptions(read=options))
    return AnalysisResult(result.analysis, result.capture.core.flows(), result.capture.core.transactions())
