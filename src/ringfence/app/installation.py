"""One installation: its data folder, secret, database and knowledge, opened the same way by every process of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringfence.app.config import default_url
from ringfence.app.knowledge import in_use
from ringfence.inventory.knowledge.loader import Knowledge
from ringfence.store.database import Database
from ringfence.store.disk import disk_errors
from ringfence.store.keys import Keys, installation_secret
from ringfence.store.sealed import derive

__all__ = ["Installation"]


@dataclass(frozen=True)
class Installation:
    """What every process of an installation is handed.

    ``folder`` holds the secret, the lake, the packet ring and, by default, the database. ``clock``: ns since 1970, UTC.
    """

    folder: Path
    url: str
    database: Database
    secret: bytes
    knowledge: Knowledge
    clock: Callable[[], int] = time.time_ns

    @classmethod
    def open(cls, folder: Path, url: str | None = None) -> Installation:
        """Open the installation in ``folder``; what is missing there is made.

        Raises:
            RingfenceError: ``output-not-writable``, ``disk-full``, ``secret-unsafe``, ``database-url``, …
        """
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = installation_secret(folder)
        url = url or default_url(folder)
        return cls(folder, url, Database(url), secret, in_use())

    @property
    def site_key(self) -> bytes:
        """The key under which the core seals credentials that it sees."""
        return derive(self.secret, "site-key")

    @property
    def keys(self) -> Keys:
        """Keys by purpose and period."""
        return Keys(self.secret, self.clock)
