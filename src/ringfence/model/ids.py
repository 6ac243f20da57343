"""Stable ids: digests of what a thing is, so that the same input gives the same ids."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["device_id", "finding_id"]


def _digest(prefix: str, *words: str) -> str:
    return prefix + sha256("\x1f".join(words).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def device_id(part_id: str) -> str:
    """Return the id of the device first known by this part. A merge keeps the oldest id."""
    return _digest("d-", part_id)


def finding_id(rule: str, *subjects: str) -> str:
    """Return the id of a finding: one rule about the same subjects is the same finding."""
    return _digest("f-", rule, *subjects)
