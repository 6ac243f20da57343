"""``ringfence flows [QUERY]``: who talks to whom, as a server saw it."""

from __future__ import annotations

import argparse

from ringfence.app.commands.listing import opened, show

__all__ = ["flows"]

_COLUMNS = (
    "source_label source_address destination_label destination_address protocol transport port packets bytes last"
).split()


def flows(arguments: argparse.Namespace) -> int:
    """List the conversations that fit the query."""
    rows = opened(arguments).conversations(arguments.query, sort=arguments.sort, limit=arguments.limit)
    show(arguments, "conversations", rows, _COLUMNS)
    return 0
