"""``ringfence support-bundle``: one ZIP for whoever helps; nothing is sent anywhere."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from ringfence.app.commands.places import existing
from ringfence.app.escape import terminal_text
from ringfence.app.support_bundle import Anonymity, bundle
from ringfence.model.clock import rfc3339
from ringfence.store import migrate
from ringfence.store.backup import Place
from ringfence.store.disk import write_whole
from ringfence.store.keys import derive, installation_secret
from ringfence.store.support import facts

__all__ = ["support_bundle"]


def support_bundle(arguments: argparse.Namespace) -> int:
    """Write the bundle."""
    anonymity = Anonymity(arguments.anonymize or "none")
    place = existing(arguments)
    try:
        with place.database.reading() as connection:
            found = facts(connection)
        about = _about(place)
        key = derive(installation_secret(place.folder), "support-pseudonyms")
        path = Path(arguments.file)
        write_whole(path, bundle(found, about, anonymity, key))
    finally:
        place.database.close()
    sys.stdout.write(f"{terminal_text(str(path), 400)} is written; read it before you give it away.\n")
    if anonymity is Anonymity.NONE:
        sys.stdout.write("It names your devices and addresses; --anonymize replaces them.\n")
    return 0


def _about(place: Place) -> dict[str, Any]:
    disk = shutil.disk_usage(place.folder)
    return {
        "schema_version": 1,
        "ringfence": place.version,
        "made": rfc3339(place.clock()),
        "python": platform.python_version(),
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "database": place.database.url.get_backend_name(),
        "revision": migrate.current(place.database),
        "revision_of_this_version": migrate.newest(),
        "disk_bytes": {"total": disk.total, "free": disk.free},
    }
