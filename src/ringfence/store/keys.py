"""The installation's secret, and a key for every period: what is dropped here can't be read again by anybody.

Rule 1: the secret is made once, is readable by its user only, and is refused with any other mode.
Rule 2: a period's key stands in ``period_key``, wrapped by AES-256-GCM under a key derived from the secret; the
wrapping names purpose and period, so that rows can't be swapped.
Rule 3: nothing is cached: a key whose row was rolled back or dropped must not be used again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, delete, select

from ringfence.model.errors import RingfenceError
from ringfence.store import bulk
from ringfence.store.disk import write_whole
from ringfence.store.schema.traffic import period_key
from ringfence.store.sealed import derive

__all__ = ["SECRET_NAME", "Keys", "derive", "installation_secret"]

SECRET_NAME = "secret"  # noqa: S105 This is the file's name.
_LENGTH = 32  # bytes
_NONCE = 12  # bytes


def installation_secret(folder: Path, entropy: Callable[[int], bytes] = os.urandom) -> bytes:
    """Return the 32 bytes from which every key of this installation is derived; made at the first call.

    Raises:
        RingfenceError: ``secret-unsafe`` where others could read it or it isn't 32 bytes; ``disk-full``.
    """
    path = folder / SECRET_NAME
    if not path.exists():
        write_whole(path, entropy(_LENGTH))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise RingfenceError("secret-unsafe", str(path), error.strerror or str(error)) from error
    with os.fdopen(descriptor, "rb") as file:
        state = os.fstat(file.fileno())
        secret = file.read(_LENGTH + 1)
    mode = stat.S_IMODE(state.st_mode)
    if not stat.S_ISREG(state.st_mode) or mode not in (0o600, 0o400):
        raise RingfenceError("secret-unsafe", str(path), f"its mode is {mode:04o}, not 0600")
    if state.st_uid != os.geteuid():
        raise RingfenceError("secret-unsafe", str(path), "it belongs to another user")
    if len(secret) != _LENGTH:
        raise RingfenceError("secret-unsafe", str(path), f"it does not hold {_LENGTH} bytes")
    return secret


@dataclass(frozen=True)
class Keys:
    """Keys by purpose and period.

    Args:
        secret: the installation's secret.
        clock: nanoseconds since 1970, UTC.
        entropy: gives that many random bytes.
    """

    secret: bytes
    clock: Callable[[], int]
    entropy: Callable[[int], bytes] = os.urandom

    def make(self, connection: Connection, purpose: str, period: str) -> bytes:
        """Return the key of a period, made in this transaction where there is none."""
        known = self.find(connection, purpose, period)
        if known is not None:
            return known
        wrapped = self._wrap(purpose, period, self.entropy(_LENGTH))
        columns = ("purpose", "period", "wrapped", "created")
        bulk.insert(connection, period_key, columns, [(purpose, period, wrapped, self.clock())], "DO NOTHING")
        # Another process may have been first: what stands in the table counts.
        found = self.find(connection, purpose, period)
        if found is None:  # Dropped between two statements: there is nothing to write under.
            raise RingfenceError("key-dropped", f"{purpose} {period}")
        return found

    def find(self, connection: Connection, purpose: str, period: str) -> bytes | None:
        """Return the key of a period, None where there is none (any more).

        Raises:
            RingfenceError: ``sealed-damaged`` where the row is not one that this installation wrote.
        """
        where = (period_key.c.purpose == purpose) & (period_key.c.period == period)
        wrapped = connection.execute(select(period_key.c.wrapped).where(where)).scalar()
        return None if wrapped is None else self.unwrap(purpose, period, wrapped)

    def find_all(self, connection: Connection, purpose: str) -> dict[str, bytes]:
        """Return every key of a purpose by its period."""
        rows = connection.execute(
            select(period_key.c.period, period_key.c.wrapped).where(period_key.c.purpose == purpose)
        )
        return {period: self.unwrap(purpose, period, wrapped) for period, wrapped in rows}

    def drop(self, connection: Connection, purpose: str, period: str) -> bool:
        """Erase what the period's key encrypted, by erasing the key. Answers whether there was one.

        SQLite overwrites the row's bytes in the file; its log still holds them until the next checkpoint.
        """
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA secure_delete=ON")
        where = (period_key.c.purpose == purpose) & (period_key.c.period == period)
        return connection.execute(delete(period_key).where(where)).rowcount > 0

    def _wrap(self, purpose: str, period: str, key: bytes) -> bytes:
        nonce = self.entropy(_NONCE)
        return nonce + self._wrapper.encrypt(nonce, key, _label(purpose, period))

    def unwrap(self, purpose: str, period: str, wrapped: bytes) -> bytes:
        """Return the key that a row of ``period_key`` holds.

        Raises:
            RingfenceError: ``sealed-damaged`` where another installation wrapped it, or for another period.
        """
        try:
            return self._wrapper.decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _label(purpose, period))
        except (InvalidTag, ValueError) as error:
            detail = "its key was not wrapped by this installation's secret"
            raise RingfenceError("sealed-damaged", f"{purpose} {period}", detail) from error

    @property
    def _wrapper(self) -> AESGCM:
        return AESGCM(derive(self.secret, "wrap"))


def _label(purpose: str, period: str) -> bytes:
    return f"{purpose}\0{period}".encode()
