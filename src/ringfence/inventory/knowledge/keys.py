"""Public keys whose bundles are trusted without asking: the maintainer's (docs/decisions: how releases are signed)."""

from __future__ import annotations

__all__ = ["RELEASE_KEYS"]

RELEASE_KEYS: tuple[bytes, ...] = (bytes.fromhex("47a130f4b3211665e07b732d46786e91b987112e43e31f410bf4f6319060ac40"),)
