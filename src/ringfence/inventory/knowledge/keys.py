"""Public keys whose bundles are trusted without asking: the maintainer's (docs/decisions: how releases are signed)."""

from __future__ import annotations

__all__ = ["RELEASE_KEYS"]

RELEASE_KEYS: tuple[bytes, ...] = (bytes.fromhex("4125799e79df1db52ce731d3b78e37a780a14acfb1e0bee0447f276f2184864c"),)
