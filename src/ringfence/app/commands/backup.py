"""``ringfence backup create``, ``verify`` and ``restore``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from ringfence.app.commands.places import archive_key, existing, named, somebody
from ringfence.app.escape import terminal_text
from ringfence.model.clock import rfc3339
from ringfence.store import backup, restore
from ringfence.store.restore import finished

__all__ = ["create", "put_back", "verify"]


def create(arguments: argparse.Namespace) -> int:
    """Write a backup of an installation, running or not."""
    key = archive_key(arguments, new=True)
    place = existing(arguments)
    try:
        finished(place.folder)
        moment = datetime.fromtimestamp(place.clock() // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
        path = Path(arguments.file) if arguments.file else place.folder / "backups" / f"ringfence-{moment}.backup"
        _tell(arguments, "written", backup.create(place, path, key, who=somebody()))
    finally:
        place.database.close()
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Read all of a backup."""
    _tell(arguments, "whole", backup.verify(Path(arguments.file), archive_key(arguments)))
    return 0


def put_back(arguments: argparse.Namespace) -> int:
    """Restore a backup into an empty place."""
    folder, url = named(arguments)
    key = archive_key(arguments)
    _tell(arguments, "restored", restore.restore(Path(arguments.file), key, folder, url, time.time_ns, who=somebody()))
    if not arguments.json:
        sys.stdout.write("Every session, API token, invitation and approval of the backup has ended; log in anew.\n")
    return 0


def _tell(arguments: argparse.Namespace, what: str, found: backup.Backup) -> None:
    rows = sum(found.tables.values())
    if arguments.json:
        said = {
            "schema_version": 1,
            "backup": str(found.path),
            "result": what,
            "created": rfc3339(found.created),
            "ringfence": found.version,
            "database": found.database,
            "revision": found.revision,
            "tables": found.tables,
            "rows": rows,
            "lake_files": found.lake_files,
            "slices": found.slices,
            "files": found.files,
            "bytes": found.bytes,
        }
        json.dump(said, sys.stdout, indent=2)
        sys.stdout.write("\n")
        return
    sys.stdout.write(
        f"{what}: {terminal_text(str(found.path), 400)}\n"
        f"  of {rfc3339(found.created)[:19]}Z by Ringfence {terminal_text(found.version)}: {rows:,} rows, "
        f"{found.lake_files:,} files of the lake, {found.slices:,} slices of packets, {found.files:,} other files, "
        f"{found.bytes:,} bytes\n"
    )
