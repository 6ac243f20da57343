"""What log-in, sessions and the guard share of one running server: options, keys and what is kept in memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from ringfence.app.access.anchors import Anchors
from ringfence.app.access.limits import Limiter, Limits
from ringfence.app.access.sealing import Once, Sealer
from ringfence.app.platform import Platform
from ringfence.store.database import Connection

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "Access", "AccessOptions"]

SECOND = 1_000_000_000  # ns
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_NOTES = 1_000  # notes that wait at the same time
_LOG = logging.getLogger("ringfence.access")


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """How long things last and how much is allowed. Durations are nanoseconds."""

    idle: int = HOUR  # a session that nobody used ends
    absolute: int = 12 * HOUR  # a session ends
    break_glass: int = HOUR  # a session of a break-glass account ends
    link: int = 2 * DAY  # an invitation
    first_link: int = HOUR  # the first administrator's
    approval: int = DAY  # a request for approval, and an approval not yet used
    longest_token: int = 366 * DAY
    limits: Limits = field(default_factory=Limits)
    anchors: Anchors = field(default_factory=Anchors)


@dataclass
class Access:
    """One server's access control; ``app.state.access``."""

    platform: Platform
    options: AccessOptions = field(default_factory=AccessOptions)
    tickets: Sealer = field(init=False)
    store: Sealer = field(init=False)
    once: Once = field(default_factory=Once)
    addresses: Limiter = field(init=False)
    people: Limiter = field(init=False)
    strict: Limiter = field(init=False)
    _later: ThreadPoolExecutor = field(init=False, repr=False)
    _noting: set[str] = field(default_factory=set, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        """Make keys and limiters."""
        self.tickets = Sealer(self.platform.secret, "tickets")
        self.store = Sealer(self.platform.secret, "store")
        self.addresses = Limiter(self.options.limits.address)
        self.people = Limiter(self.options.limits.person)
        self.strict = Limiter(self.options.limits.strict)
        self._later = ThreadPoolExecutor(1, "access notes")

    def note(self, key: str, act: Callable[[Connection], None]) -> None:
        """Write something small that nobody waits for, such as when a session was used, once at a time for each key.

        On SQLite a writer waits for the sensor's transaction; a request that only reads must not.
        """
        with self._lock:
            if key in self._noting or len(self._noting) >= _NOTES:
                return
            self._noting.add(key)
        self._later.submit(self._noted, key, act)

    def settle(self) -> None:
        """Wait until everything that was noted is written."""
        self._later.submit(lambda: None).result()

    def _noted(self, key: str, act: Callable[[Connection], None]) -> None:
        try:
            with self.platform.database.writing() as connection:
                act(connection)
        except Exception as error:  # noqa: BLE001 Whoever asked has their answer already; the next use is noted again.
            _LOG.warning("a use could not be noted: %s", type(error).__name__)
        finally:
            with self._lock:
                self._noting.discard(key)

    def now(self) -> int:
        """Return nanoseconds since 1970, UTC."""
        return self.platform.clock()
