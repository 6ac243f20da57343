"""``ringfence findings [QUERY]``: what a server found risky; ``--fail-on`` makes it a gate."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from ringfence.app.commands.listing import Row, opened, show
from ringfence.model.finding import Severity

__all__ = ["findings"]

_COLUMNS = "id severity state title devices count last".split()


def findings(arguments: argparse.Namespace) -> int:
    """List the findings that fit the query; 1 where one that is not closed is as grave as ``--fail-on`` says."""
    rows = opened(arguments).findings(arguments.query, sort=arguments.sort, limit=arguments.limit)
    gate = Severity[arguments.fail_on.upper()] if arguments.fail_on else None
    grave = False

    def watched() -> Iterator[Row]:
        nonlocal grave
        for row in rows:
            open_ = row["state"] != "closed"
            grave |= open_ and gate is not None and Severity[row["severity"].upper()] >= gate
            yield row

    show(arguments, "findings", watched(), _COLUMNS)
    return 1 if grave else 0
