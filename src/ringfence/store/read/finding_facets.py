"""Counts beside the list of findings: how many of a query have which state, severity and rule."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from ringfence.model.finding import Severity
from ringfence.model.query import Query
from ringfence.model.scope import Scope
from ringfence.store.read.where import finding_condition, scoped_findings
from ringfence.store.schema.findings import finding

__all__ = ["FACETS", "finding_facets"]

FACETS = ("state", "severity", "rule")
_VALUES = 50  # most frequent values of a facet


def finding_facets(
    connection: Connection, query: Query, scope: Scope, *, now: int, names: Iterable[str] = FACETS
) -> dict[str, tuple[tuple[str | None, str, int], ...]]:
    """Count the findings of a query by each field: (value for the query, label, count), the most frequent first.

    Severities come from the gravest downwards.

    Raises:
        RingfenceError: ``query``.
    """
    condition = (scoped_findings(scope), finding_condition(query, now))
    answer: dict[str, tuple[tuple[str | None, str, int], ...]] = {}
    for name in names:
        column = finding.c[name]
        count = func.count().label("count")
        order = (column.desc(),) if name == "severity" else (count.desc(), column)
        rows = connection.execute(
            select(column, count).where(*condition).group_by(column).order_by(*order).limit(_VALUES)
        ).all()
        words = [(Severity(value).word if name == "severity" else str(value), number) for value, number in rows]
        answer[name] = tuple((word, word, number) for word, number in words)
    return answer
