"""The file of a backup: everything in it sealed under a key that comes from a passphrase or a key file.

Layout: magic, length of the head (4 bytes), head (JSON: how the key is made; authenticated), then a sealed stream that
is a tar: ``about.json``, entries, and as the last one ``manifest.json`` with size and SHA-256 of every entry.
Rule 1: an archive is read from begin to end; it is whole only when the manifest came and everything agreed with it.
Rule 2: the head is hostile: costs of the passphrase's derivation are bounded.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from argon2.exceptions import HashingError
from argon2.low_level import Type, hash_secret_raw

from ringfence.model.errors import RingfenceError
from ringfence.store.disk import appearing
from ringfence.store.sealed import SealedWriter, derive, unseal

__all__ = ["ArchiveKey", "ArchiveWriter", "entries", "writing"]

_MAGIC = b"RFBACKUP"
_MAX_HEAD = 4096  # bytes
_MAX_ENTRY = 64 << 20  # bytes of an entry that is held in memory
_MANIFEST = "manifest.json"
_COST = {"time": 3, "memory": 65_536, "lanes": 4}  # Argon2id: passes, KiB, threads
_MOST = {"time": 16, "memory": 1 << 20, "lanes": 16}
_KEY_FILE = 32  # bytes, at least


@dataclass(frozen=True, slots=True)
class ArchiveKey:
    """A passphrase, or the bytes of a key file: exactly one of them."""

    passphrase: str | None = field(default=None, repr=False)
    material: bytes | None = field(default=None, repr=False)

    @property
    def way(self) -> str:
        """How the key is made: the head says so."""
        return "argon2id" if self.material is None else "key"

    def make(self, head: dict[str, Any]) -> bytes:
        """Return the archive's key.

        Raises:
            RingfenceError: ``backup-key`` where the archive was made the other way, or the material is too short;
                ``backup-unreadable`` for costs out of bounds.
        """
        if head.get("way") != self.way:
            wanted = "a passphrase" if head.get("way") == "argon2id" else "a key file"
            raise RingfenceError("backup-key", "backup", f"It was made with {wanted}.")
        salt = bytes.fromhex(head["salt"])
        if self.material is not None:
            if len(self.material) < _KEY_FILE:
                raise RingfenceError("backup-key", "key file", f"It holds less than {_KEY_FILE} bytes.")
            return derive(self.material, "backup", salt)
        cost = {name: int(head[name]) for name in _COST}
        if any(not 1 <= cost[name] <= _MOST[name] for name in cost) or not 8 <= len(salt) <= 64:
            raise RingfenceError("backup-unreadable", "backup", "Its head asks for an unreasonable derivation.")
        secret = (self.passphrase or "").encode()
        try:
            return hash_secret_raw(secret, salt, cost["time"], cost["memory"], cost["lanes"], 32, Type.ID)
        except HashingError as error:
            raise RingfenceError("backup-unreadable", "backup", f"Its head is not sound: {error}.") from error


class ArchiveWriter:
    """Takes entries; made by ``writing``."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._entries: list[dict[str, Any]] = []

    def add(self, name: str, data: bytes) -> None:
        """Write an entry."""
        self.add_stream(name, io.BytesIO(data), len(data))

    def add_stream(self, name: str, data: BinaryIO, size: int) -> None:
        """Write an entry of ``size`` bytes."""
        counted = _Digesting(data)
        header = tarfile.TarInfo(name)
        header.size = size
        self._tar.addfile(header, counted)
        self._entries.append({"name": name, "size": size, "sha256": counted.digest})

    def finish(self) -> None:
        """Write the manifest."""
        data = json.dumps({"entries": self._entries}).encode()
        header = tarfile.TarInfo(_MANIFEST)
        header.size = len(data)
        self._tar.addfile(header, io.BytesIO(data))


class _Digesting:
    """Reads through, and knows the digest of what was read."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self._sum = sha256()
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(size)
        self._sum.update(data)
        self.size += len(data)
        return data

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


@contextmanager
def writing(path: Path, key: ArchiveKey, entropy: Callable[[int], bytes] = os.urandom) -> Iterator[ArchiveWriter]:
    """Yield a writer; the file appears at ``path`` when the block ended well.

    Raises:
        RingfenceError: ``disk-full``, ``output-not-writable``, ``backup-key``.
    """
    head = {"format": 1, "way": key.way, "salt": entropy(16).hex()} | ({} if key.material else _COST)
    said = json.dumps(head, sort_keys=True).encode()
    with appearing(path) as out:
        out.write(_MAGIC + struct.pack(">I", len(said)) + said)
        sealed = SealedWriter(out, key.make(head), _name(said), entropy)
        with tarfile.open(fileobj=sealed, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]  # All that it needs is write().
            writer = ArchiveWriter(tar)
            yield writer
            writer.finish()
        sealed.finish()


def entries(path: Path, key: ArchiveKey) -> Iterator[tuple[str, BinaryIO]]:
    """Yield (name, stream) of every entry; each stream is to be read before the next is asked for.

    Raises:
        RingfenceError: ``backup-unreadable``, ``backup-key``, ``sealed-damaged``: also at the end, where the manifest
            says that something is missing or different.
    """
    seen: list[dict[str, Any]] = []
    manifest: list[dict[str, Any]] | None = None
    with _opened(path) as (file, head, said):
        plain = _Stream(_first_checked(unseal(file, key.make(head), _name(said))))
        try:
            with tarfile.open(fileobj=plain, mode="r|") as tar:  # type: ignore[call-overload]  # All that it needs is read().
                for member in tar:
                    stream = tar.extractfile(member)
                    if stream is None or manifest is not None:
                        raise RingfenceError("backup-unreadable", member.name, "It is no entry that a backup has.")
                    if member.name == _MANIFEST:
                        manifest = json.loads(stream.read(_MAX_ENTRY))["entries"]
                        continue
                    counted = _Digesting(stream)
                    yield member.name, counted  # type: ignore[misc]  # As above.
                    while counted.read(1 << 20):
                        pass
                    seen.append({"name": member.name, "size": counted.size, "sha256": counted.digest})
        except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError) as error:
            raise RingfenceError("backup-unreadable", str(path), f"What it holds can't be read: {error}.") from error
        plain.drain()
    if manifest != seen:
        raise RingfenceError("backup-unreadable", str(path), "It does not hold what its manifest says.")


def _name(said: bytes) -> str:
    return "backup " + sha256(said).hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, dict[str, Any], bytes]]:
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC) + 4)
            size = int.from_bytes(start[len(_MAGIC) :], "big")
            if not start.startswith(_MAGIC) or len(start) != len(_MAGIC) + 4 or size > _MAX_HEAD:
                raise RingfenceError("backup-unreadable", str(path), "It does not begin as a backup.")
            said = file.read(size)
            yield file, _head(path, said), said
    except OSError as error:
        raise RingfenceError("backup-unreadable", str(path), error.strerror or str(error)) from error


def _head(path: Path, said: bytes) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads(said)
        if head["format"] != 1:
            raise RingfenceError("backup-unreadable", str(path), "A later version of Ringfence made it.")
        bytes.fromhex(head["salt"])
        needed = _COST if head["way"] == "argon2id" else {}
        return head | {name: int(head[name]) for name in needed}
    except (ValueError, KeyError, TypeError) as error:
        raise RingfenceError("backup-unreadable", str(path), "Its head can't be read.") from error


def _first_checked(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """What does not open at its first chunk was made with another key; what does so later is damaged."""
    try:
        yield next(chunks)
    except RingfenceError as error:
        raise RingfenceError("backup-key", "backup", "It is damaged at its begin, or made with another one.") from error
    yield from chunks


class _Stream:
    """Chunks as a stream."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = b""

    def read(self, size: int) -> bytes:
        parts, missing = [], size
        while missing:
            if not self._held:
                self._held = next(self._chunks, b"")
                if not self._held:
                    break
            parts.append(self._held[:missing])
            self._held = self._held[missing:]
            missing -= len(parts[-1])
        return b"".join(parts)

    def drain(self) -> None:
        """Read to the end: a file is only whole when its last chunk was met."""
        for _ in self._chunks:
            pass
