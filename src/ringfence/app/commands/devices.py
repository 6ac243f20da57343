"""``ringfence devices [QUERY]``: the devices that a server knows."""

from __future__ import annotations

import argparse

from ringfence.app.commands.listing import opened, show

__all__ = ["devices"]

_COLUMNS = "id name class vendor product ips macs zone worst last".split()


def devices(arguments: argparse.Namespace) -> int:
    """List the devices that fit the query."""
    rows = opened(arguments).devices(arguments.query, sort=arguments.sort, limit=arguments.limit)
    show(arguments, "devices", rows, _COLUMNS)
    return 0
