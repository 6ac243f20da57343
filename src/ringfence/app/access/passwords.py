"""Passwords: argon2id with OWASP's parameters, and a growing delay for who guesses.

Rule 1: an unknown name costs the same work and answers the same as a wrong password, so that names can't be found out.
Rule 2: after five failures an account waits, twice as long each time, at most fifteen minutes. While it waits even the
    right password is answered like a wrong one; passkeys and single sign-on are not touched by that.
Rule 3: at most four passwords are hashed at once: memory stays bounded (19 MiB each).
"""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ringfence.app.access.access import MINUTE, SECOND
from ringfence.model.errors import RingfenceError

__all__ = ["LONGEST", "SHORTEST", "accept", "delay", "digest", "matches", "stale"]

SHORTEST, LONGEST = 12, 1_024  # characters
_FREE = 5  # failures without delay
_LONGEST_DELAY = 15 * MINUTE

_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)  # OWASP, Password Storage: argon2id
_AT_ONCE = threading.BoundedSemaphore(4)
_NOBODY = _HASHER.hash("the password of nobody")

# What people take when twelve characters are asked for; more would be a list to keep, and length is what protects.
_KNOWN = frozenset(
    "123456789012 1234567890123 012345678901 qwertyuiop12 qwertyuiop123 qwertyuiopas passwordpassword password1234 "
    "password12345 password123456 password2026 administrator administrator1 iloveyou1234 letmeinletmein "
    "changemechangeme changeme1234 welcome12345 welcome123456 ringfence1234 ringfenceringfence qwertyqwerty "
    "abcdefghijkl abc123abc123 adminadminadmin administrator123 p@ssw0rd1234 passw0rd1234 1q2w3e4r5t6y".split()
)


def accept(password: str, name: str) -> None:
    """Refuse a password that is easily guessed.

    Raises:
        RingfenceError: ``password-weak``.
    """
    plain = password.casefold()
    if not SHORTEST <= len(password) <= LONGEST:
        raise RingfenceError("password-weak", "password", f"it takes {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < 5:
        raise RingfenceError("password-weak", "password", "it repeats a few characters")
    if plain in _KNOWN or (len(name) > 2 and plain.replace(name.casefold(), "") in ("", "1", "123", "!")):
        raise RingfenceError("password-weak", "password", "it is well known, or your name")


def digest(password: str) -> str:
    """Return what the store keeps, a PHC string."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def matches(kept: str | None, password: str) -> bool:
    """Return whether a password is the one that was kept; None costs the same time and is False."""
    if len(password) > LONGEST:
        password, kept = password[:LONGEST], None
    with _AT_ONCE:
        try:
            return _HASHER.verify(kept or _NOBODY, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def stale(kept: str) -> bool:
    """Return whether a digest was made with other parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def delay(failures: int) -> int:
    """Return how long an account waits after so many failures in a row, in nanoseconds."""
    if failures < _FREE:
        return 0
    return min(_LONGEST_DELAY, SECOND << min(failures - _FREE, 20))
