"""Starts an upgrade to a made-up revision; the test kills it in the middle.

usage: python -m tests.store.upgrade_steps URL DATA-FOLDER MIGRATIONS-FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

from ringfence.store import migrate
from ringfence.store.backup import Place
from ringfence.store.database import Database
from ringfence.store.upgrading import upgraded


def main() -> None:
    """Upgrade, and say what was applied."""
    url, folder, migrations = sys.argv[1:]
    migrate._FOLDER = Path(migrations)
    print("applied", *upgraded(Place(Database(url), Path(folder), lambda: 0, "0.1")), flush=True)  # noqa: T201 It tells the test.


if __name__ == "__main__":
    main()
