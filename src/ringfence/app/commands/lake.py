"""``ringfence lake export``: flows and transactions as plain Parquet, for other programs."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ringfence.app.commands.places import existing
from ringfence.model.errors import RingfenceError
from ringfence.store.keys import Keys, installation_secret
from ringfence.store.lake import Lake
from ringfence.store.lake_export import export as write

__all__ = ["export"]


def export(arguments: argparse.Namespace) -> int:
    """Write plain Parquet."""
    first, last = _day(arguments.since), _day(arguments.until)
    place = existing(arguments)
    try:
        keys = Keys(installation_secret(place.folder), place.clock)
        lake = Lake(place.database, place.folder, keys, place.clock)
        until = None if last is None else last + 86_400 * 1_000_000_000 - 1
        written = write(lake, Path(arguments.folder), first, until)
    finally:
        place.database.close()
    sys.stdout.write(f"{written:,} files written. They are not encrypted: mind who can read the folder.\n")
    return 0


def _day(text: str | None) -> int | None:
    """Midnight of a day in ns since 1970, UTC."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise RingfenceError("usage", text, "It is no day such as 2026-11-27.") from error
    since = datetime(day.year, day.month, day.day, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1) * 1000
