"""The packet line as code: captures → observations → devices → findings. Read this file first.

Each stage is one call, in this order; what a stage needs to know is in its options.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ringfence import __version__
from ringfence.app.analysis import Analysis, KnowledgeAge
from ringfence.detect.judge import judge as judge_rules
from ringfence.detect.options import DetectOptions
from ringfence.detect.rule import Sight
from ringfence.inventory.knowledge.loader import Knowledge
from ringfence.inventory.options import InventoryOptions
from ringfence.inventory.register import Register
from ringfence.model.flow import CaptureSummary
from ringfence.sensor.options import ReadOptions
from ringfence.sensor.quality import judge as judge_capture
from ringfence.sensor.reader import CaptureRun, read

__all__ = ["PipelineOptions", "Run", "run"]


@dataclass(frozen=True, slots=True)
class PipelineOptions:
    """Each room's options, side by side."""

    read: ReadOptions = field(default_factory=ReadOptions)
    inventory: InventoryOptions = field(default_factory=InventoryOptions)
    detect: DetectOptions = field(default_factory=DetectOptions)


@dataclass(frozen=True, slots=True)
class Run:
    """The analysis, and the run of the core that it stands on (for the batches)."""

    analysis: Analysis
    capture: CaptureRun


def run(paths: Sequence[str | Path], knowledge: Knowledge, options: PipelineOptions) -> Run:
    """Take captures through every room once."""
    defaults = options.read.default_credentials or tuple(knowledge.default_credentials())
    capture = read(paths, replace(options.read, default_credentials=defaults))

    register = Register(knowledge, options.inventory)
    register.observe(capture.observations)
    register.conversations(capture.conversations)
    devices = register.devices()

    device_of = register.owners()
    by_id = {device.id: device for device in devices}
    sight = Sight(capture.observations, capture.conversations, by_id, device_of, options.detect)
    findings = judge_rules(sight)

    analysis = Analysis(
        capture=_summary(capture),
        devices=tuple(devices),
        findings=findings,
        protocols=tuple(capture.protocols),
        conversations=tuple(capture.conversations),
        knowledge=KnowledgeAge(knowledge.id, knowledge.date),
        version=__version__,
        device_of=device_of,
        certificates=_certificates(capture, device_of),
    )
    return Run(analysis, capture)


def _summary(capture: CaptureRun) -> CaptureSummary:
    summary = capture.summary
    return CaptureSummary(
        inputs=tuple(capture.inputs),
        packets=summary["packets"],
        bytes=summary["bytes"],
        first=summary["first"],
        last=summary["last"],
        quality=judge_capture(summary),
    )


def _certificates(capture: CaptureRun, device_of: Mapping[str, str]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    seen: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for fact in capture.observations:
        if fact.kind == "tls.certificate" and (device := device_of.get(fact.subject.id)):
            seen[device].append(fact.value)
    return {device: tuple(certificates) for device, certificates in seen.items()}
