"""How many requests an address and a person may send: token buckets in memory, bounded.

Rule 1: IPv6 addresses count by their /64, because one machine has all of it.
Rule 2: an eviction from the bounded table gives an address a full bucket, never an empty one; log-in is therefore also
    slowed for each account (``passwords.py``), which no number of addresses gets round.
"""

from __future__ import annotations

import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Limiter", "Limits", "Rate", "source"]

_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most ``burst`` at once, refilled by ``per_second``."""

    burst: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Limits:
    """What is allowed: for an address, for a person or token, and for log-in and its like by an address."""

    address: Rate = Rate(2_000, 200)
    person: Rate = Rate(1_000, 100)
    strict: Rate = Rate(20, 1 / 3)


class Limiter:
    """Token buckets by key."""

    def __init__(self, rate: Rate, most: int = 20_000) -> None:
        self._rate = rate
        self._most = most
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key: str, now: int) -> float:
        """Take one; return 0.0, or the seconds to wait where there is none left. ``now`` in ns."""
        with self._lock:
            left, since = self._buckets.pop(key, (self._rate.burst, now))
            left = min(self._rate.burst, left + max(0, now - since) / _SECOND * self._rate.per_second)
            wait = 0.0 if left >= 1 else (1 - left) / self._rate.per_second
            self._buckets[key] = (left if wait else left - 1, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return wait


def source(address: str) -> str:
    """Return by what an address is counted."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
