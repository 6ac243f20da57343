"""``ringfence sensors``: what sees, how much, and how well."""

from __future__ import annotations

import argparse

from ringfence.app.commands.listing import opened, show

__all__ = ["sensors"]

_COLUMNS = "sensor packets batches last received quality".split()


def sensors(arguments: argparse.Namespace) -> int:
    """List the sensors with their quality verdicts."""
    show(arguments, "sensors", opened(arguments).sensors(), _COLUMNS)
    return 0
