"""All rules over one run."""

from __future__ import annotations

from collections.abc import Iterable

from ringfence.detect.rule import Rule, Sight
from ringfence.detect.rules import BUILTIN_RULES
from ringfence.model.finding import Finding, finding_order

__all__ = ["judge"]


def judge(sight: Sight, rules: Iterable[type[Rule]] = BUILTIN_RULES) -> tuple[Finding, ...]:
    """Return the findings in their order; the same finding twice is one."""
    found: dict[str, Finding] = {}
    for rule in rules:
        for finding in rule().findings(sight):
            found.setdefault(finding.id, finding)
    return tuple(sorted(found.values(), key=finding_order))
