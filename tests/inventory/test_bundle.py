"""Signed bundles: what must not be ignored raises."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.model.bundle import VerifiedBundle, sign, verify
from ringfence.model.errors import RingfenceError

KEY = bytes(range(32))
PUBLIC = Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw()
NOTE = {"source": "test", "date": "2026-01-01", "licence": "CC0"}
GOOD = sign(
    "t", "2026-01-02", "2027-01-02", {"a.json": b"[1]", "b.bin": b"\0" * 500}, {"a.json": NOTE, "b.bin": NOTE}, KEY
)


def code(data: bytes, *, not_older_than: str | None = None, read: str | None = None) -> str:
    with pytest.raises(RingfenceError) as raised:
        bundle = verify(data, [PUBLIC], not_older_than=not_older_than)
        bundle.read(read or "a.json")
    return raised.value.code.code


def repacked(**changed: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changed.get(name.replace(".", "_"), old.read(name)))
    return made.getvalue()


def signed(document: object) -> bytes:
    manifest = json.dumps(document).encode()
    signature = Ed25519PrivateKey.from_private_bytes(KEY).sign(manifest)
    return repacked(manifest_json=manifest, manifest_sig=signature)


def test_a_good_bundle_reads() -> None:
    bundle = verify(GOOD, [b"x" * 32, PUBLIC], not_older_than="2026-01-02")
    assert bundle.read("a.json") == b"[1]"
    assert (bundle.id, bundle.date, bundle.entries["b.bin"].size) == ("t", "2026-01-02", 500)


def test_the_same_content_gives_the_same_bytes() -> None:
    entries, notes = {"a.json": b"[1]", "b.bin": b"\0" * 500}, {"a.json": NOTE, "b.bin": NOTE}
    assert sign("t", "2026-01-02", "2027-01-02", entries, notes, KEY) == GOOD


def test_only_verify_makes_one() -> None:
    with pytest.raises(TypeError):
        VerifiedBundle(object(), cast("Any", None), "", cast("Any", None))


def test_faults() -> None:
    assert code(b"no zip") == "bundle-unreadable"
    assert code(repacked(a_json=b"[2]")) == "bundle-unreadable"
    assert code(repacked(a_json=b"[" + b"1," * 1000)) == "bundle-unreadable"
    assert code(repacked(manifest_json=b"{}")) == "bundle-signature"
    assert code(repacked(manifest_sig=b"\0" * 64)) == "bundle-signature"
    assert code(signed({"schema_version": 2})) == "bundle-schema"
    assert code(signed([])) == "bundle-schema"
    assert code(signed({"schema_version": 1, "id": "x"})) == "bundle-schema"
    assert code(GOOD, not_older_than="2026-02-01") == "bundle-older"


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"\0" * (2 << 20))
        archive.writestr("manifest.sig", b"\0" * 64)
    assert code(made.getvalue()) == "bundle-unreadable"
    row = {"name": "a.json", "sha256": "", "size": 1 << 40, "source": "", "date": "", "licence": ""}
    assert code(signed({"schema_version": 1, "id": "x", "date": "", "expiry": "", "entries": [row]})) == "bundle-schema"


def test_cut_at_every_byte() -> None:
    for end in range(len(GOOD)):
        assert code(GOOD[:end]).startswith("bundle-")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_never_changes_content(at: int, flip: int) -> None:
    data = bytearray(GOOD)
    data[at] ^= flip
    try:
        bundle = verify(bytes(data), [PUBLIC])
        assert bundle.read("a.json") == b"[1]"
    except RingfenceError as error:
        assert error.code.code.startswith("bundle-")
