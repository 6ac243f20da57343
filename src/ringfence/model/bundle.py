"""Signed bundles of knowledge: bytes in, a verified bundle out (contract §5). No file is opened here.

A bundle is one zip file: ``manifest.json``, ``manifest.sig`` (Ed25519 over the manifest's bytes) and the entries that
the manifest lists with size and SHA-256.

Rule 1: only ``verify`` makes a ``VerifiedBundle``; it raises, it never answers with a bool.
Rule 2: an entry is checked against its digest when it is first read, so that starting up costs one signature.
Rule 3: sizes are bounded before anything is unpacked; a zip bomb is refused by what its manifest may state.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ringfence.model.errors import RingfenceError

__all__ = ["SCHEMA_VERSION", "BundleEntry", "VerifiedBundle", "sign", "verify"]

SCHEMA_VERSION = 1
MAX_BUNDLE = 64 << 20  # bytes
MAX_MANIFEST = 1 << 20  # bytes
MAX_ENTRY = 64 << 20  # bytes
MAX_TOTAL = 256 << 20  # bytes
MAX_ENTRIES = 512
_EPOCH = (1980, 1, 1, 0, 0, 0)  # The same content gives the same bytes.


@dataclass(frozen=True, slots=True)
class BundleEntry:
    """One file of a bundle, as its manifest describes it."""

    name: str
    sha256: str
    size: int  # bytes, unpacked
    source: str
    date: str
    licence: str
    count: int | None = None
    refused: int | None = None


class VerifiedBundle:
    """A bundle whose signature, schema and age were checked. Made by ``verify`` alone."""

    __slots__ = ("_archive", "_read", "date", "entries", "expiry", "id", "key")

    def __init__(self, token: object, manifest: _Manifest, key: str, archive: zipfile.ZipFile) -> None:
        if token is not _TOKEN:
            raise TypeError("a VerifiedBundle is made by verify() alone")
        self.id = manifest.id
        self.date = manifest.date
        self.expiry = manifest.expiry
        self.entries: Mapping[str, BundleEntry] = {entry.name: entry for entry in manifest.entries}
        self.key = key
        self._archive = archive
        self._read: dict[str, bytes] = {}

    def __contains__(self, name: str) -> bool:
        """Return whether the bundle has an entry of this name."""
        return name in self.entries

    def read(self, name: str) -> bytes:
        """Return the bytes of an entry, checked against the manifest on first use.

        Raises:
            KeyError: the manifest has no such entry.
            RingfenceError: ``bundle-unreadable`` where the content isn't what the manifest states.
        """
        if name not in self._read:
            self._read[name] = self._checked(self.entries[name])
        return self._read[name]

    def _checked(self, entry: BundleEntry) -> bytes:
        data = _member(self._archive, entry.name, entry.size)
        if len(data) != entry.size or sha256(data).hexdigest() != entry.sha256:
            raise RingfenceError("bundle-unreadable", entry.name, "The content differs from what the manifest states.")
        return data


@dataclass(frozen=True, slots=True)
class _Manifest:
    id: str
    date: str
    expiry: str
    entries: tuple[BundleEntry, ...]


_TOKEN = object()


def verify(data: bytes, trusted_keys: Iterable[bytes], *, not_older_than: str | None = None) -> VerifiedBundle:
    """Check a bundle and return it.

    1. The size is bounded and the zip's directory is read. 2. The signature over the manifest's bytes verifies with a
    trusted key. 3. The schema is ours. 4. Every entry's stated size is within bounds. 5. The date isn't older than
    ``not_older_than``. The caller says which keys it trusts, what is in use now, and writes the audit entry.

    Args:
        data: the bundle.
        trusted_keys: raw Ed25519 public keys, 32 bytes each.
        not_older_than: date (``YYYY-MM-DD``) of the knowledge in use, or None where a way back is allowed.

    Raises:
        RingfenceError: bundle-unreadable, bundle-signature, bundle-schema or bundle-older.
    """
    if len(data) > MAX_BUNDLE:
        raise RingfenceError("bundle-unreadable", "bundle", f"It is larger than {MAX_BUNDLE} bytes.")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError) as error:
        raise RingfenceError("bundle-unreadable", "bundle", f"It is no zip file: {error}.") from error
    if len(archive.infolist()) > MAX_ENTRIES + 2:
        raise RingfenceError("bundle-unreadable", "bundle", f"It has more than {MAX_ENTRIES} entries.")
    manifest = _member(archive, "manifest.json", MAX_MANIFEST)
    key = _signed_by(manifest, _member(archive, "manifest.sig", 64), trusted_keys)
    parsed = _manifest(manifest)
    if not_older_than is not None and parsed.date < not_older_than:
        raise RingfenceError("bundle-older", parsed.id, f"It is of {parsed.date}, the one in use of {not_older_than}.")
    return VerifiedBundle(_TOKEN, parsed, key, archive)


def sign(
    identity: str,
    date: str,
    expiry: str,
    entries: Mapping[str, bytes],
    notes: Mapping[str, Mapping[str, Any]],
    key: bytes,
) -> bytes:
    """Return a bundle made of ``entries`` and signed with the raw Ed25519 private ``key`` (32 bytes).

    Args:
        identity: name of the bundle.
        date: ``YYYY-MM-DD``; ``expiry`` likewise.
        entries: bytes by name.
        notes: for each name ``source``, ``date``, ``licence``, and where it applies ``count`` and ``refused``.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    rows = [
        {"name": name, "sha256": sha256(data).hexdigest(), "size": len(data), **notes[name]}
        for name, data in sorted(entries.items())
    ]
    document = {"schema_version": SCHEMA_VERSION, "id": identity, "date": date, "expiry": expiry, "entries": rows}
    manifest = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode()
    signature = Ed25519PrivateKey.from_private_bytes(key).sign(manifest)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in (("manifest.json", manifest), ("manifest.sig", signature), *sorted(entries.items())):
            member = zipfile.ZipInfo(name, _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, compresslevel=9)
    return made.getvalue()


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        info = archive.getinfo(name)
        if info.file_size > limit:
            raise RingfenceError("bundle-unreadable", name, f"It states {info.file_size} bytes, {limit} are allowed.")
        with archive.open(info) as member:
            data = member.read(limit + 1)
    except (KeyError, zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise RingfenceError("bundle-unreadable", name, f"The entry can't be unpacked: {error}.") from error
    except NotImplementedError as error:
        raise RingfenceError("bundle-unreadable", name, f"The entry's compression is unknown: {error}.") from error
    if len(data) > limit:
        raise RingfenceError("bundle-unreadable", name, f"It unpacks to more than {limit} bytes.")
    return data


def _signed_by(manifest: bytes, signature: bytes, trusted_keys: Iterable[bytes]) -> str:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    for key in trusted_keys:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature, manifest)
        except (InvalidSignature, ValueError):
            continue
        return key.hex()
    raise RingfenceError("bundle-signature", "manifest.sig", "No trusted key made this signature.")


def _manifest(data: bytes) -> _Manifest:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RingfenceError("bundle-schema", "manifest.json", f"It is no JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("schema_version") != SCHEMA_VERSION:
        raise RingfenceError("bundle-schema", "manifest.json", f"Its schema_version is not {SCHEMA_VERSION}.")
    try:
        rows = [_entry(row) for row in document["entries"]]
        words = [_word(document[name]) for name in ("id", "date", "expiry")]
    except (KeyError, TypeError, ValueError) as error:
        raise RingfenceError(
            "bundle-schema", "manifest.json", f"A field is missing or of another type: {error}."
        ) from error
    if len(rows) > MAX_ENTRIES or sum(row.size for row in rows) > MAX_TOTAL:
        raise RingfenceError("bundle-unreadable", "manifest.json", "It lists more than a bundle may hold.")
    return _Manifest(words[0], words[1], words[2], tuple(rows))


def _entry(row: Mapping[str, Any]) -> BundleEntry:
    size = row["size"]
    if not isinstance(size, int) or not 0 <= size <= MAX_ENTRY:
        raise ValueError("size")
    words = {name: _word(row[name]) for name in ("name", "sha256", "source", "date", "licence")}
    return BundleEntry(size=size, count=row.get("count"), refused=row.get("refused"), **words)


def _word(value: object) -> str:
    if not isinstance(value, str) or len(value) > 2000:
        raise ValueError(f"not a text: {value!r:.40}")
    return value
