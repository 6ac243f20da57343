"""Knowledge bundles with the content of the built-in one, of any day, signed by a key that only tests have."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.program import ringfence

from ringfence.inventory.knowledge.loader import builtin
from ringfence.model import bundle

_PRIVATE = b"\x09" * 32


def of_day(folder: Path, day: str) -> tuple[Path, Path]:
    """Write a bundle of this day and its public key; return both paths."""
    path, public = folder / f"{day}.bundle", folder / "public.key"
    path.write_bytes(_made(day))
    public.write_bytes(Ed25519PrivateKey.from_private_bytes(_PRIVATE).public_key().public_bytes_raw())
    return path, public


@cache
def _made(day: str) -> bytes:
    whole = builtin().bundle
    note = {"source": "test", "date": day, "licence": "CC0"}
    entries = {name: whole.read(name) for name in whole.entries}
    return bundle.sign(f"site-{day}", day, "2099-01-01", entries, dict.fromkeys(entries, note), _PRIVATE)


def old(folder: Path) -> dict[str, str]:
    """Put knowledge of 2020 in use in ``folder``; return the environment in which it is."""
    path, key = of_day(folder, "2020-01-01")
    environment = {"RINGFENCE_KNOWLEDGE": str(folder / "knowledge")}
    done = ringfence("bundle", "import", path, "--trust", key, "--allow-older", environment=environment)
    assert done.code == 0, done.error
    return environment
