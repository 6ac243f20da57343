"""``ringfence upgrade``: backs the tables up and migrates them; ``--check`` only says what would be done."""

from __future__ import annotations

import argparse
import json
import sys

from ringfence.app.commands.places import existing
from ringfence.app.escape import terminal_text
from ringfence.store.upgrading import UpgradeCheck, check, upgraded

__all__ = ["upgrade"]


def upgrade(arguments: argparse.Namespace) -> int:
    """Check, or do it; a failed upgrade is undone and ends with exit code 5."""
    place = existing(arguments)
    try:
        found = check(place)
        applied = () if arguments.check else upgraded(place)
    finally:
        place.database.close()
    if arguments.json:
        said = {
            "schema_version": 1,
            "current": found.current,
            "newest": found.newest,
            "pending": list(found.pending),
            "interrupted": found.interrupted,
            "applied": list(applied),
        }
        json.dump(said, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(_sentence(found, applied, only_checked=arguments.check) + "\n")
    return 0


def _sentence(found: UpgradeCheck, applied: tuple[str, ...], *, only_checked: bool) -> str:
    if applied:
        return f"Upgraded: {_words(applied)}. The backup made before is in the folder 'backups'."
    if found.interrupted and only_checked:
        return "An upgrade was killed midway: the next start restores the backup made before it, and upgrades again."
    if found.pending and only_checked:
        return f"An upgrade would apply {_words(found.pending)}, after a backup of the tables."
    return f"Up to date: revision {terminal_text(found.newest)}."


def _words(revisions: tuple[str, ...]) -> str:
    return ", ".join(f"revision {terminal_text(revision)}" for revision in revisions)
