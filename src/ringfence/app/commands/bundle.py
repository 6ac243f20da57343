"""``ringfence bundle verify`` and ``import``: is this knowledge whole, from someone we trust, how old, and use it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from ringfence.app.escape import terminal_text
from ringfence.inventory.knowledge.keys import RELEASE_KEYS
from ringfence.model.bundle import verify as verify_bundle
from ringfence.model.errors import RingfenceError

__all__ = ["take", "verify"]


def verify(arguments: argparse.Namespace) -> int:
    """Verify a bundle file and print what it holds."""
    try:
        data = Path(arguments.file).read_bytes()
    except OSError as error:
        raise RingfenceError("bundle-unreadable", arguments.file, error.strerror or str(error)) from error
    bundle = verify_bundle(data, [*RELEASE_KEYS, *(_key(path) for path in arguments.trust)])
    entries = [
        {
            "name": entry.name,
            "bytes": len(bundle.read(entry.name)),
            "source": entry.source,
            "date": entry.date,
            "licence": entry.licence,
        }
        for entry in bundle.entries.values()
    ]
    if arguments.json:
        json.dump({"schema_version": 1, "id": bundle.id, "date": bundle.date, "entries": entries}, sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(f"{bundle.id}, {bundle.date}: signature and {len(entries)} digests are right\n")
        for row in entries:
            sys.stdout.write(terminal_text(f"  {row['name']:<28} {row['bytes']:>9,} bytes  {row['licence']}") + "\n")
    return 0


def take(arguments: argparse.Namespace) -> int:
    """Verify a bundle file and use it from now on."""
    from ringfence.app.knowledge import install, place

    trusted = [_key(path) for path in arguments.trust]
    bundle = install(Path(arguments.file), trusted, allow_older=arguments.allow_older, now=datetime.now(UTC))
    if arguments.json:
        json.dump({"schema_version": 1, "id": bundle.id, "date": bundle.date, "folder": str(place())}, sys.stdout)
        sys.stdout.write("\n")
    else:
        sys.stdout.write(terminal_text(f"{bundle.id}, {bundle.date}: in use from now on, from {place()}") + "\n")
    return 0


def _key(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise RingfenceError("usage", path, error.strerror or str(error)) from error
    if len(data) == 32:
        return data
    try:
        return bytes.fromhex(data.decode("ascii").strip())
    except ValueError as error:
        raise RingfenceError("usage", path, "an Ed25519 public key is 32 bytes or 64 hexadecimal digits") from error
