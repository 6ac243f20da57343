"""Upgrades: a backup of the tables first, then the migrations; what fails or was killed midway is undone.

Rule 1: a marker in the data folder names the backup before the first table is touched, and goes when all is done. A
start that finds one restores that backup, unless the upgrade had come to its end, and only then begins again.
Rule 2: the backup before an upgrade opens with the installation's secret: no passphrase is asked for at a start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from ringfence.model.errors import RingfenceError
from ringfence.store import migrate
from ringfence.store.archive import ArchiveKey
from ringfence.store.backup import Place, create
from ringfence.store.disk import write_whole
from ringfence.store.keys import derive, installation_secret
from ringfence.store.restore import finished, load_back

__all__ = ["UpgradeCheck", "check", "upgraded"]

_MARKER = "upgrading"
_KEPT = 3  # backups before upgrades


@dataclass(frozen=True, slots=True)
class UpgradeCheck:
    """What an upgrade would do. ``interrupted``: one was killed midway, and will be undone first."""

    current: str | None
    newest: str
    pending: tuple[str, ...]
    interrupted: bool


def check(place: Place) -> UpgradeCheck:
    """Say what ``upgraded`` would do; changes nothing.

    Raises:
        RingfenceError: ``restore-unfinished``, ``database-older``.
    """
    finished(place.folder)
    current = migrate.current(place.database)
    return UpgradeCheck(current, migrate.newest(), migrate.pending(place.database), _marker(place.folder).exists())


def upgraded(place: Place) -> tuple[str, ...]:
    """Bring the database to this version, and return the revisions that were applied.

    Raises:
        RingfenceError: ``restore-unfinished``, ``database-older``, ``disk-full``; ``upgrade-failed`` where it was
            undone.
    """
    finished(place.folder)
    _undo_interrupted(place)
    pending = migrate.pending(place.database)
    if not pending:
        return ()
    if migrate.current(place.database) is None:
        return migrate.upgrade(place.database)
    path = _back_up(place)
    try:
        applied = migrate.upgrade(place.database)
    except (SQLAlchemyError, RingfenceError, ArithmeticError, LookupError, ValueError, TypeError) as error:
        _undo(place, path)
        raise RingfenceError("upgrade-failed", f"revision {pending[-1]}", f"{error}") from error
    _marker(place.folder).unlink()
    return applied


def _marker(folder: Path) -> Path:
    return folder / _MARKER


def _key(place: Place) -> ArchiveKey:
    return ArchiveKey(material=derive(installation_secret(place.folder), "upgrade-backup"))


def _back_up(place: Place) -> Path:
    folder = place.folder / "backups"
    moment = datetime.fromtimestamp(place.clock() // 1_000_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    path = folder / f"before-upgrade-{moment}.backup"
    for old in sorted(folder.glob("before-upgrade-*.backup"))[: 1 - _KEPT or None]:
        old.unlink(missing_ok=True)
    path.unlink(missing_ok=True)  # The clock stood still; no marker names that one.
    create(place, path, _key(place), who="ringfence", only_tables=True)
    write_whole(_marker(place.folder), json.dumps({"backup": path.name, "to": migrate.newest()}).encode())
    return path


def _undo_interrupted(place: Place) -> None:
    marker = _marker(place.folder)
    if not marker.exists():
        return
    try:
        said = json.loads(marker.read_bytes())
        name, target = Path(said["backup"]).name, str(said["to"])
    except (ValueError, KeyError, TypeError) as error:
        raise RingfenceError(
            "upgrade-failed", str(marker), "It does not name the backup before the upgrade."
        ) from error
    if migrate.current(place.database) == target:
        marker.unlink()
        return
    _undo(place, place.folder / "backups" / name)


def _undo(place: Place, path: Path) -> None:
    load_back(place.database, path, _key(place))
    _marker(place.folder).unlink()
