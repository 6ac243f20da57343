"""Sealed files: AES-256-GCM in chunks of 1 MiB, so that lake, packet ring and backups are read and written as streams.

Layout: 8 bytes of magic, 32 bytes of salt, then chunks (ciphertext and 16 bytes of tag). The file's own key is HKDF of
the period's key with that salt; a chunk's nonce is its number and whether it is the last one.
Rule 1: a file that was cut, extended, reordered or changed in any bit raises ``sealed-damaged``; nothing of a chunk is
handed out before its tag was checked, and a reader has only read a whole file when it met the last chunk.
Rule 2: the name under which a file is sealed is authenticated too: one sealed file can't take the place of another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ringfence.model.errors import RingfenceError

__all__ = ["OVERHEAD", "SealedWriter", "derive", "unseal"]

_MAGIC = b"RFSEAL1\n"
_SALT = 32  # bytes
_CHUNK = 1 << 20  # bytes of plain text
_TAG = 16  # bytes
OVERHEAD = len(_MAGIC) + _SALT + _TAG  # bytes that sealing adds to a small file


def derive(secret: bytes, purpose: str, salt: bytes | None = None) -> bytes:
    """Return 32 bytes for one purpose: HKDF-SHA-256 of ``secret``."""
    return HKDF(SHA256(), 32, salt, b"ringfence/" + purpose.encode()).derive(secret)


class SealedWriter:
    """Seals what is written to it; ``finish`` ends the file (without it, the file counts as cut).

    Args:
        out: where the sealed bytes go.
        key: 32 bytes.
        name: what the file is: it must be told again when the file is opened.
        entropy: gives that many random bytes.
    """

    def __init__(self, out: BinaryIO, key: bytes, name: str, entropy: Callable[[int], bytes] = os.urandom) -> None:
        salt = entropy(_SALT)
        self._out = out
        self._cipher = AESGCM(derive(key, "sealed", salt))
        self._name = name.encode()
        self._held = bytearray()
        self._number = 0
        out.write(_MAGIC + salt)

    def write(self, data: bytes | memoryview) -> int:
        """Take bytes; answers how many."""
        self._held += data
        while len(self._held) > _CHUNK:
            self._emit(bytes(self._held[:_CHUNK]), last=False)
            del self._held[:_CHUNK]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk."""
        self._emit(bytes(self._held), last=True)
        self._held.clear()

    def _emit(self, plain: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), plain, self._name))
        self._number += 1


def unseal(file: BinaryIO, key: bytes, name: str) -> Iterator[bytes]:
    """Yield the plain bytes of a sealed file, chunk by chunk.

    Raises:
        RingfenceError: ``sealed-damaged``: another key, another name, or not the bytes that were sealed.
    """
    head = file.read(len(_MAGIC) + _SALT)
    if len(head) != len(_MAGIC) + _SALT or not head.startswith(_MAGIC):
        raise RingfenceError("sealed-damaged", name, "it does not begin as a sealed file")
    cipher = AESGCM(derive(key, "sealed", head[len(_MAGIC) :]))
    number = 0
    chunk = _read(file, _CHUNK + _TAG)
    while True:
        following = _read(file, _CHUNK + _TAG)
        try:
            plain = cipher.decrypt(_nonce(number, last=not following), chunk, name.encode())
        except (InvalidTag, ValueError) as error:
            raise RingfenceError("sealed-damaged", name, f"chunk {number} is not what was sealed") from error
        yield plain
        if not following:
            return
        chunk, number = following, number + 1


def _read(file: BinaryIO, wanted: int) -> bytes:
    """Read until ``wanted`` bytes or the end: pipes and raw files answer short."""
    data = file.read(wanted)
    while data and len(data) < wanted:
        more = file.read(wanted - len(data))
        if not more:
            break
        data += more
    return data


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
