"""Times as text: RFC 3339, UTC, with fraction. No clock is read here."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["rfc3339"]


def rfc3339(nanoseconds: int) -> str:
    """Return ``nanoseconds`` since 1970 as RFC 3339 text with nine digits of fraction.

    Times outside the years 1 to 9999 (devices and captures lie) are clamped to the nearest end.
    """
    seconds, fraction = divmod(nanoseconds, 1_000_000_000)
    seconds = min(max(seconds, -62135596800), 253402300799)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction:09d}Z"
