"""What log-in, sessions and the guard share of one running server: options, keys and what is kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.app.access.anchors import Anchors
from ringfence.app.access.limits import Limiter, Limits
from ringfence.app.access.sealing import Once, Sealer
from ringfence.app.platform import Platform

__all__ = ["DAY", "HOUR", "MINUTE", "SECOND", "Access", "AccessOptions"]

SECOND = 1_000_000_000  # ns
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


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

    def __post_init__(self) -> None:
        """Make keys and limiters."""
        self.tickets = Sealer(self.platform.secret, "tickets")
        self.store = Sealer(self.platform.secret, "store")
        self.addresses = Limiter(self.options.limits.address)
        self.people = Limiter(self.options.limits.person)
        self.strict = Limiter(self.options.limits.strict)

    def now(self) -> int:
        """Return nanoseconds since 1970, UTC."""
        return self.platform.clock()
