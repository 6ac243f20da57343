"""Which knowledge is in use: what was imported, or what this version came with (contract §5).

Rule 1: what is imported is verified at import and again whenever it is used; what does not verify is an error, never a
silent way back to something else.
Rule 2: after an upgrade the newer one is used, unless the older was asked for with ``--allow-older``.
Rule 3: each import is a line in ``audit.jsonl`` beside the bundle.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from ringfence.inventory.knowledge.keys import RELEASE_KEYS
from ringfence.inventory.knowledge.loader import Knowledge, builtin
from ringfence.model.bundle import VerifiedBundle, verify
from ringfence.model.errors import RingfenceError

__all__ = ["Import", "in_use", "install", "place"]

_BUNDLE, _STATE, _AUDIT = "knowledge.bundle", "import.json", "audit.jsonl"


@dataclass(frozen=True, slots=True)
class Import:
    """What was imported, when, and by whose key."""

    time: str
    id: str
    date: str
    sha256: str
    key: str  # hexadecimal; trusted from then on
    allow_older: bool


def place() -> Path:
    """Return the folder of imported knowledge: ``RINGFENCE_KNOWLEDGE``, or one in the user's data folder."""
    chosen = os.environ.get("RINGFENCE_KNOWLEDGE")
    if chosen:
        return Path(chosen)
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "ringfence"


def in_use(folder: Path | None = None) -> Knowledge:
    """Return the imported knowledge, or the built-in where none was imported or the built-in is newer.

    Raises:
        RingfenceError: ``bundle-unreadable``, ``bundle-signature`` or ``bundle-schema`` for what was imported.
    """
    folder = folder or place()
    if not (folder / _STATE).is_file():
        return builtin()
    state = _state(folder)
    shipped = builtin()
    if state.date < shipped.date and not state.allow_older:
        return shipped
    data = _bytes(folder / _BUNDLE)
    if sha256(data).hexdigest() != state.sha256:
        raise RingfenceError("bundle-unreadable", str(folder / _BUNDLE), "It is not the bundle that was imported.")
    return Knowledge(verify(data, [*RELEASE_KEYS, bytes.fromhex(state.key)]))


def install(
    path: Path, trusted: Iterable[bytes], *, allow_older: bool, now: datetime, folder: Path | None = None
) -> VerifiedBundle:
    """Verify a bundle and put it in use.

    1. The bundle verifies with a trusted key and is not older than what is in use, unless ``allow_older``. 2. It has
    every table that clues ask, each with its digest. 3. The audit line is written. 4. The bundle and then its state are
    renamed into place.

    Raises:
        RingfenceError: bundle-unreadable, bundle-signature, bundle-schema, bundle-older, output-not-writable.
    """
    folder = folder or place()
    data = _bytes(path)
    before = None if allow_older else in_use(folder).date
    bundle = verify(data, [*RELEASE_KEYS, *trusted], not_older_than=before)
    lacking = sorted(builtin().bundle.entries.keys() - bundle.entries.keys())
    if lacking:
        raise RingfenceError("bundle-schema", str(path), f"It lacks {lacking[0]}.")
    for name in bundle.entries:
        bundle.read(name)
    state = Import(
        now.isoformat(timespec="seconds"), bundle.id, bundle.date, sha256(data).hexdigest(), bundle.key, allow_older
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _AUDIT).open("a", encoding="utf-8") as audit:
            audit.write(json.dumps({"action": "bundle import", **asdict(state)}) + "\n")
        _replace(folder / _BUNDLE, data)
        _replace(folder / _STATE, json.dumps(asdict(state)).encode())
    except OSError as error:
        raise RingfenceError("output-not-writable", str(folder), error.strerror or str(error)) from error
    return bundle


def _state(folder: Path) -> Import:
    data = _bytes(folder / _STATE)
    try:
        return Import(**json.loads(data))
    except (ValueError, TypeError) as error:
        raise RingfenceError(
            "bundle-unreadable", str(folder / _STATE), f"It is not what import wrote: {error}."
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RingfenceError("bundle-unreadable", str(path), error.strerror or str(error)) from error


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.part-{os.getpid()}")
    beside.write_bytes(data)
    beside.replace(path)
