"""All rules over one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ringfence.detect.rule import Rule, Sight
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.model.finding import Finding

__all__ = ["judge"]


def judge(sight: Sight, rules: Iterable[type[Rule]] = BUILTIN_RULES) -> tuple[Finding, ...]:
    """Return the findings, the gravest first, then by rule and id; the same finding twice is one."""
    found: dict[str, Finding] = {}
    for rule in rules:
        for finding in rule().findings(sight):
            found.setdefault(finding.id, finding)
    return _sorted(list(found.values()))


def _sorted(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(
        sorted(findings, key=lambda finding: (-finding.severity, -finding.confidence, finding.rule, finding.id))
    )
