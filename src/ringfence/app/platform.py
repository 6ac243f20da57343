"""What the running platform consists of: handed to the API, the screens and the pipeline; there is no global one."""

from __future__ import annotations

from dataclasses import dataclass, field

from ringfence.app.installation import Installation

__all__ = ["Platform"]


@dataclass(frozen=True)
class Platform(Installation):
    """An installation that is served.

    Args:
        origins: what browsers may use, such as ``http://127.0.0.1:8470``: Host and Origin are checked against them.
        secure: whether TLS is spoken: cookies are Secure then, and HSTS is sent.
    """

    origins: tuple[str, ...]
    secure: bool = field(default=False, kw_only=True)

    @classmethod
    def served(cls, opened: Installation, origins: tuple[str, ...], *, secure: bool = False) -> Platform:
        """Return an installation as it is served."""
        own = (opened.database, opened.folder, opened.secret, opened.knowledge)
        return cls(*own, origins, clock=opened.clock, secure=secure)
