"""The installation that a command at the terminal works on: who can read its secret needs no log-in, and is named.

Rule 1: nothing is made here: a folder without an installation is an error, not a new installation.
"""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence.app.access.access import Access
from ringfence.app.config import Configuration, load
from ringfence.app.installation import Installation
from ringfence.app.platform import Platform
from ringfence.model.errors import RingfenceError
from ringfence.store.migrate import pending

__all__ = ["at_terminal", "who"]


@contextmanager
def at_terminal(arguments: argparse.Namespace) -> Iterator[tuple[Access, Configuration]]:
    """Yield the access control of the installation that ``--data``, ``--database`` and ``--config`` name.

    Raises:
        RingfenceError: ``input-not-found`` where there is none, ``database-older`` where it is of another version.
    """
    flags = {"store.folder": arguments.data, "store.database": arguments.database}
    configuration = load(Path(arguments.config) if arguments.config else None, flags=flags)
    folder = configuration.store.place
    if not folder.is_dir():
        raise RingfenceError("input-not-found", str(folder), "there is no installation; 'ringfence up' makes one")
    installation = Installation.open(folder, configuration.store.url)
    try:
        if pending(installation.database):
            raise RingfenceError("database-older", str(folder))
        origins = (getattr(arguments, "origin", None) or _origin(configuration),)
        yield Access(Platform.served(installation, origins)), configuration
    finally:
        installation.database.close()


def who() -> str:
    """Return the user of the terminal, as the audit log names them."""
    try:
        return f"{getpass.getuser()} at the terminal"
    except (OSError, KeyError):
        return "somebody at the terminal"


def _origin(configuration: Configuration) -> str:
    if configuration.server.origins:
        return configuration.server.origins[0]
    host = configuration.server.listen.rpartition(":")[0].strip("[]")
    loopback = host in ("localhost", "::1") or host.startswith("127.")
    secure = configuration.server.tls_certificate is not None or not loopback
    return f"{'https' if secure else 'http'}://{configuration.server.listen}"
