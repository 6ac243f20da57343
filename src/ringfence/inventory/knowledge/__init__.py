"""What is known beforehand: registries, fingerprints and our own tables, from a signed bundle."""

from __future__ import annotations

from ringfence.inventory.knowledge.loader import Knowledge, Signature, Weighted, builtin

__all__ = ["Knowledge", "Signature", "Weighted", "builtin"]
