"""One installation: its data folder, secret, database and knowledge, opened the same way by every process of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
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

    Args:
        database: where everything is kept that is no file.
        folder: its data folder (secret, lake, ring, backups and, by default, the database), readable by its user only.
        secret: 32 bytes from which keys for cookies, sealing and wrapping are derived (HKDF with a purpose each).
        knowledge: the signed knowledge in use.
        clock: nanoseconds since 1970, UTC.
    """

    database: Database
    folder: Path
    secret: bytes
    knowledge: Knowledge
    clock: Callable[[], int] = field(default=time.time_ns, kw_only=True)

    @staticmethod
    def open(folder: Path, url: str | None = None) -> Installation:
        """Open the installation in ``folder``; what is missing there is made.

        Raises:
            RingfenceError: ``output-not-writable``, ``disk-full``, ``secret-unsafe``, ``database-url``, …
        """
        with disk_errors(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        secret = installation_secret(folder)
        return Installation(Database(url or default_url(folder)), folder, secret, in_use())

    @property
    def url(self) -> str:
        """The database's URL, with its password where it has one: for processes of this installation only."""
        return self.database.url.render_as_string(hide_password=False)

    @property
    def site_key(self) -> bytes:
        """The key under which the core seals credentials that it sees."""
        return derive(self.secret, "site-key")

    @property
    def keys(self) -> Keys:
        """Keys by purpose and period."""
        return Keys(self.secret, self.clock)
