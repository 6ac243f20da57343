"""What the running platform consists of: handed to the API, the screens and the pipeline; there is no global one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence.app.daemons.children import ChildState
from ringfence.app.installation import Installation

__all__ = ["Platform"]


@dataclass(frozen=True)
class Platform(Installation):
    """An installation that is served.

    Args:
        origins: what browsers may use, such as ``http://127.0.0.1:8470``: Host and Origin are checked against them.
        secure: whether TLS is spoken: cookies are Secure then, and HSTS is sent.
        processes: how the processes are that this one started.
    """

    origins: tuple[str, ...]
    secure: bool = field(default=False, kw_only=True)
    processes: Callable[[], tuple[ChildState, ...]] = field(default=lambda: (), kw_only=True)

    @classmethod
    def served(
        cls,
        opened: Installation,
        origins: tuple[str, ...],
        *,
        secure: bool = False,
        processes: Callable[[], tuple[ChildState, ...]] = lambda: (),
    ) -> Platform:
        """Return an installation as it is served."""
        own = (opened.database, opened.folder, opened.secret, opened.knowledge)
        return cls(*own, origins, clock=opened.clock, secure=secure, processes=processes)
