"""What the running platform consists of: handed to the API, the screens and the pipeline; there is no global one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ringfence.app.daemons.children import ChildState
from ringfence.inventory.knowledge.loader import Knowledge
from ringfence.store.database import Database

__all__ = ["Platform"]


@dataclass(frozen=True)
class Platform:
    """One installation.

    Args:
        database: where everything is kept.
        folder: its data folder (lake, ring, keys, backups), readable by its user only.
        secret: 32 bytes from which keys for cookies, sealing and wrapping are derived (HKDF with a purpose each).
        knowledge: the signed knowledge in use.
        origins: what browsers may use, such as ``http://127.0.0.1:8470``: Host and Origin are checked against them.
        clock: nanoseconds since 1970, UTC.
        processes: how the processes are that this one started.
    """

    database: Database
    folder: Path
    secret: bytes
    knowledge: Knowledge
    origins: tuple[str, ...]
    secure: bool = False  # True where TLS is spoken: cookies are Secure, HSTS is sent
    clock: Callable[[], int] = time.time_ns
    processes: Callable[[], tuple[ChildState, ...]] = lambda: ()
